/*
 * event_facts: walk over the facts of a kind. Only for events that event_read() took, so that bytes which do not fit
 * cannot come up; should they, the walk ends.
 */
#include "common/codec/event.h"

#include "common/codec/wire.h"

#include "common/base/banned.h"

static int64_t number_of(const struct fact_info *fact, uint64_t value)
{
    return fact->type == FACT_DATE ? wire_zigzag_back((uint32_t)value) : (int64_t)value;
}

struct fact_walk event_facts(const struct event_view *event)
{
    struct slice bytes =
        catalogue_kind(event->kind) != NULL ? event->kind_facts : (struct slice){0};
    struct wire_scan scan = wire_scan_of(bytes);

    return (struct fact_walk){.at = scan.at, .end = scan.end};
}

/* The next element of a packed list under way. */
static bool packed_next(struct fact_walk *self, struct fact_value *out)
{
    struct wire_scan scan = wire_scan_of(self->packed);
    uint64_t value = 0;

    if (!wire_next_varint(&scan, &value)) {
        self->packed.len = 0;
        return false;
    }
    self->packed = slice_of(scan.at, (size_t)(scan.end - scan.at));
    *out = (struct fact_value){.fact = self->list, .number = number_of(self->list, value)};
    return true;
}

static bool type_is_bytes(enum fact_type type)
{
    return type >= FACT_CODE;
}

bool fact_next(struct fact_walk *self, struct fact_value *out)
{
    struct wire_scan scan = {self->at, self->end, false};
    struct wire_field field;

    if (self->packed.len > 0 && packed_next(self, out)) {
        return true;
    }
    while (wire_next(&scan, &field)) {
        const struct fact_info *fact = catalogue_fact(field.number);
        self->at = scan.at;
        if (fact == NULL) {
            continue;
        }
        if (field.type == WIRE_LEN && !type_is_bytes(fact->type)) {
            self->packed = field.bytes;
            self->list = fact;
            if (packed_next(self, out)) {
                return true;
            }
            continue;
        }
        *out = (struct fact_value){fact, number_of(fact, field.value), field.bytes};
        return true;
    }
    return false;
}
