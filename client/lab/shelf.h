/*
 * shelf: memory that lives and dies together, for what a scenario is parsed into. Out of memory
 * aborts.
 */
#ifndef WAYPOST_LAB_SHELF_H
#define WAYPOST_LAB_SHELF_H

#include <stddef.h>

#include "common/base/bytes.h"

typedef struct shelf shelf_t;

shelf_t *shelf_new(void);
void shelf_destroy(shelf_t **self_p);
void shelf_clear(shelf_t *self); /* everything on it is gone; the memory is used again */

void *shelf_take(shelf_t *self, size_t count, size_t bytes);   /* zeroed; aligned for any type */
char *shelf_text(shelf_t *self, const char *text, size_t len); /* a copy with a terminator */
struct slice shelf_bytes(shelf_t *self, struct slice bytes);   /* a copy that lives as long */

#endif
