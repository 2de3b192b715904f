/*
 * uuid: identifiers of events (UUIDv7, RFC 9562: strictly rising for one maker) and their text form. Pure.
 */
#ifndef WAYPOST_BASE_UUID_H
#define WAYPOST_BASE_UUID_H

#include <stdint.h>

#include "common/base/world.h"

enum { UUID_BYTES = 16, UUID_TEXT_BYTES = 37 }; /* text with its terminator */

/*
 * Make the next id: the time of the world, at least one higher than *last.
 *   last   16 bytes, in and out: all zero at first, then what this made before (kept by the caller, durably
 *          where ids must rise across a restart)
 */
void uuid7_next(const struct world *world, uint8_t *last);

int64_t uuid7_ms(const uint8_t *id);             /* its time, milliseconds since the epoch */
void uuid_format(const uint8_t *id, char *text); /* 8-4-4-4-12 lower case */
int uuid_parse(const char *text, uint8_t *id);   /* 0 or E_ID; with or without hyphens */

#endif
