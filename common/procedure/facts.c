/* facts: the facts of an event as the engine asks for them. E_RANGE where an event holds more than FACT_SET_MAX. */
#include <string.h>

#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

int facts_read(const struct event_view *event, struct fact_set *out)
{
    struct fact_walk walk = event_facts(event);

    out->count = 0;
    for (struct fact_value value; fact_next(&walk, &value);) {
        if (out->count == FACT_SET_MAX) {
            return E_RANGE;
        }
        out->values[out->count++] = value;
    }
    return 0;
}

const struct fact_value *fact_numbered(const struct fact_set *facts, uint32_t number)
{
    for (size_t i = 0; facts != NULL && i < facts->count; i++) {
        if (facts->values[i].fact->number == number) {
            return &facts->values[i];
        }
    }
    return NULL;
}

const struct fact_value *fact_at(const struct judge *self, enum fact_name name)
{
    return fact_numbered(self->facts, self->engine->names->fact[name]);
}

int64_t fact_number(const struct judge *self, enum fact_name name, int64_t otherwise)
{
    const struct fact_value *value = fact_at(self, name);

    return value != NULL ? value->number : otherwise;
}

bool fact_is(const struct judge *self, enum fact_name name, enum value_name value)
{
    const struct fact_value *found = fact_at(self, name);

    return found != NULL && found->number == (int64_t)self->engine->names->value[value];
}

bool fact_yes(const struct judge *self, enum fact_name name)
{
    const struct fact_value *found = fact_at(self, name);

    return found != NULL && found->number != 0;
}

uint64_t fact_bits(const struct judge *self, enum fact_name name)
{
    uint32_t number = self->engine->names->fact[name];
    uint64_t bits = 0;

    for (size_t i = 0; i < self->facts->count; i++) {
        const struct fact_value *value = &self->facts->values[i];
        if (value->fact->number == number && value->number >= 0 && value->number < 64) {
            bits |= UINT64_C(1) << value->number;
        }
    }
    return bits;
}

struct hash fact_hash(const struct fact_value *value)
{
    return hash_of("waypost/engine/fact/1", value->bytes, slice_of(NULL, 0));
}

bool kind_is(const struct judge *self, enum kind_name name)
{
    return self->view->kind == self->engine->names->kind[name];
}

bool is_value(const struct judge *self, uint32_t number, enum value_name value)
{
    return number == self->engine->names->value[value];
}
