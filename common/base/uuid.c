/* uuid: see uuid.h. Malformed text is E_ID. */
#include "common/base/uuid.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

#include "common/base/banned.h"

enum { UUID_VERSION_AT = 6, UUID_VARIANT_AT = 8, UUID_TIME_BYTES = 6 };

enum {
    STEP_BYTES = 4
}; /* of the distance to the next id of one moment: 2^32 of them fit into 2^42 steps */

/*
 * Higher by one and a random distance, the version and variant bits left alone; the time moves when the 74 random bits
 * overflow. By one alone, two lives of one database would draw the same ids for different events.
 */
static void uuid_raise(uint8_t *id, const uint8_t *by)
{
    unsigned carry = 1;

    for (int at = UUID_BYTES - 1; at >= 0; at--) {
        uint8_t fixed = at == UUID_VERSION_AT ? 0xf0 : at == UUID_VARIANT_AT ? 0xc0 : 0;
        unsigned room = (uint8_t)~fixed + 1U;
        unsigned sum = carry + (id[at] & (uint8_t)~fixed);
        sum += at >= UUID_BYTES - STEP_BYTES ? by[UUID_BYTES - 1 - at] : 0;
        id[at] = (uint8_t)((id[at] & fixed) | (sum % room));
        carry = sum / room;
    }
}

void uuid7_next(const struct world *world, uint8_t *last)
{
    uint8_t fresh[UUID_BYTES];
    uint64_t ms = (uint64_t)world->wall_ms(world->context);

    world->random(world->context, fresh, sizeof fresh);
    for (int i = 0; i < UUID_TIME_BYTES; i++) {
        fresh[i] = (uint8_t)(ms >> (8 * (UUID_TIME_BYTES - 1 - i)));
    }
    fresh[UUID_VERSION_AT] = (uint8_t)((fresh[UUID_VERSION_AT] & 0x0f) | 0x70);
    fresh[UUID_VARIANT_AT] = (uint8_t)((fresh[UUID_VARIANT_AT] & 0x3f) | 0x80);
    if (memcmp(fresh, last, UUID_BYTES) <= 0) {
        uuid_raise(
            last, fresh + UUID_BYTES - STEP_BYTES); /* same millisecond, or the clock went back */
        return;
    }
    memcpy(last, fresh, UUID_BYTES);
}

int64_t uuid7_ms(const uint8_t *id)
{
    int64_t ms = 0;

    for (int i = 0; i < UUID_TIME_BYTES; i++) {
        ms = ms << 8 | id[i];
    }
    return ms;
}

void uuid_format(const uint8_t *id, char *text)
{
    char hex[2 * UUID_BYTES + 1];

    hex_encode(id, UUID_BYTES, hex);
    (void)snprintf(text, UUID_TEXT_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
        hex + 16, hex + 20);
}

int uuid_parse(const char *text, uint8_t *id)
{
    char hex[2 * UUID_BYTES + 1];
    size_t used = 0;

    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] == '-' && (i == 8 || i == 13 || i == 18 || i == 23)) {
            continue;
        }
        if (used == 2 * UUID_BYTES) {
            return E_ID;
        }
        hex[used++] = text[i];
    }
    hex[used] = '\0';
    return hex_decode(hex, id, UUID_BYTES) == 0 ? 0 : E_ID;
}
