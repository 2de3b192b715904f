/*
 * world: time and randomness as they are handed to every core, so that tests and simulations bring their own.
 *
 * wall_ms: milliseconds since 1970-01-01T00:00Z, for records, never for timeouts.
 * mono_ms: milliseconds that only ever rise, for intervals, never stored.
 * random:  fills len bytes from a cryptographic generator.
 */
#ifndef WAYPOST_BASE_WORLD_H
#define WAYPOST_BASE_WORLD_H

#include <stddef.h>
#include <stdint.h>

struct world {
    int64_t (*wall_ms)(void *context);
    int64_t (*mono_ms)(void *context);
    void (*random)(void *context, void *out, size_t len);
    void *context; /* lent to each of the three */
};

/* The machine's own: CLOCK_REALTIME, CLOCK_BOOTTIME, libsodium. Static. */
const struct world *world_real(void);

#endif
