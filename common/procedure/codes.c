/*
 * codes: authority codes as small numbers, and where each leads to on the day (D35). Cannot fail:
 * codes that no register knows are numbered too, up to a limit, and are nobody (0) beyond it, so
 * that no sender can fill the table.
 */
#include <stdlib.h>
#include <string.h>

#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

enum { FIRST_CAPACITY = 64 };

static size_t place_of(const engine_t *self, const char *code)
{
    uint64_t digits; /* the letter rarely differs; of one region's codes the last two alone do */

    memcpy(&digits, code + CODE_BYTES - sizeof digits, sizeof digits);
    return (size_t)key_mix(digits) & (self->code_capacity - 1);
}

/* Where the code stands or would stand. */
static uint16_t *slot_of(const engine_t *self, const char *code)
{
    const struct code *codes = self->codes.items;
    size_t at = place_of(self, code);

    while (self->code_places[at] != 0 &&
        memcmp(codes[self->code_places[at] - 1].text, code, CODE_BYTES) != 0) {
        at = (at + 1) & (self->code_capacity - 1);
    }
    return &self->code_places[at];
}

static void grow(engine_t *self)
{
    const struct code *codes = self->codes.items;

    free(self->code_places);
    self->code_capacity = self->code_capacity == 0 ? FIRST_CAPACITY : self->code_capacity * 2;
    self->code_places = mem_new(self->code_capacity, sizeof *self->code_places);
    for (uint32_t i = 0; i < self->codes.count; i++) {
        *slot_of(self, codes[i].text) = (uint16_t)(i + 1);
    }
}

uint16_t code_number(engine_t *self, const char *code)
{
    if (code[0] == '\0') {
        return 0;
    }
    if (2 * (self->codes.count + 1) > self->code_capacity) {
        grow(self);
    }
    uint16_t *slot = slot_of(self, code);
    bool full = self->codes.count >= CODES_MAX ||
        (self->codes.count >= UNKNOWN_CODES_MAX && !procedures_known_code(self->procedures, code));
    if (*slot == 0 && !full) {
        struct code *made = list_add(&self->codes, sizeof *made);
        memcpy(made->text, code, CODE_BYTES);
        *slot = (uint16_t)self->codes.count;
    }
    return *slot;
}

const char *code_text(const engine_t *self, uint16_t code)
{
    const struct code *codes = self->codes.items;

    return code == 0 ? "" : codes[code - 1].text;
}

uint16_t code_route(engine_t *self, uint16_t code)
{
    if (code == 0) {
        return 0;
    }
    struct code *entry = (struct code *)self->codes.items + code - 1;
    if (entry->epoch != self->epoch) {
        const char *text = procedures_route(self->procedures, entry->text, self->today);
        uint16_t routed = text != NULL ? code_number(self, text) : 0;
        entry = (struct code *)self->codes.items + code - 1; /* the list may have moved */
        entry->routed = routed;
        entry->epoch = self->epoch;
    }
    return entry->routed;
}

uint16_t code_now(engine_t *self, uint16_t code)
{
    uint16_t routed = code_route(self, code);

    return routed != 0 ? routed : code;
}

uint16_t code_today(engine_t *self, const char *code)
{
    return code_now(self, code_number(self, code));
}

uint16_t code_of_fact(engine_t *self, const struct fact_value *value)
{
    char code[CODE_BYTES + 1] = "";

    if (value == NULL || value->bytes.len != CODE_BYTES) {
        return 0;
    }
    memcpy(code, value->bytes.data, CODE_BYTES);
    return procedures_known_code(self->procedures, code) ? code_today(self, code) : 0;
}
