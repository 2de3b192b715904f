/*
 * ledger_encode: the ledger as canonical bytes: everything sorted by its ids, integers little-endian, texts with their
 * length. Memory addresses, the order of arrival and the layout of structs leave no trace. Cannot fail.
 *
 *   u32 transfers, each: id, origin, receiving, u64 first and last, u32 children, each: reference
 *   u32 children, each: reference, joined into (zeros for none), u32 owners, each: u64 as of, code, event
 *   u32 events, each: id, transfer, u32 kind, from, u64 accepted, occurred, sent, u8 flags, u8 verdict,
 *       u32 levels, each: code, u64 persisted, u64 opened, u8 role, team, u8 fault
 *       u32 notes, each: u32 kind, u8 has child, child, rules
 *   u32 clocks, each: transfer, child, event, id, u8 state, u8 flags, due, binds, u64 set, breached, stopped, late, reason
 */
#include "client/replay/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/banned.h"

typedef int compare_function(const void *a, const void *b);

static int compare_transfers(const void *a, const void *b)
{
    const struct ledger_transfer *const *left = a;
    const struct ledger_transfer *const *right = b;

    return memcmp((*left)->id, (*right)->id, UUID_BYTES);
}

static int compare_children(const void *a, const void *b)
{
    const struct ledger_child *const *left = a;
    const struct ledger_child *const *right = b;

    return memcmp((*left)->ref, (*right)->ref, UUID_BYTES);
}

static int compare_events(const void *a, const void *b)
{
    const struct ledger_event *const *left = a;
    const struct ledger_event *const *right = b;

    return memcmp((*left)->id, (*right)->id, UUID_BYTES);
}

int ledger_clock_compare(const struct ledger_clock *a, const struct ledger_clock *b)
{
    int order = memcmp(a->transfer, b->transfer, UUID_BYTES);

    order = order != 0 ? order : memcmp(a->subject, b->subject, UUID_BYTES);
    order = order != 0 ? order : strcmp(a->id, b->id);
    order = order != 0 ? order : memcmp(a->event, b->event, UUID_BYTES);
    return order != 0 ? order : (a->set_ms > b->set_ms) - (a->set_ms < b->set_ms);
}

static int compare_clocks(const void *a, const void *b)
{
    return ledger_clock_compare(
        *(const struct ledger_clock *const *)a, *(const struct ledger_clock *const *)b);
}

typedef const void *at_function(const ledger_t *self, size_t index);

static const void *transfer_at(const ledger_t *self, size_t index)
{
    return ledger_transfer_at(self, index);
}

static const void *child_at(const ledger_t *self, size_t index)
{
    return ledger_child_at(self, index);
}

static const void *event_at(const ledger_t *self, size_t index)
{
    return ledger_event_at(self, index);
}

static const void *clock_at(const ledger_t *self, size_t index)
{
    return ledger_clock_at(self, index);
}

/* Owned array of lent pointers. */
static const void **sorted(
    const ledger_t *self, size_t count, at_function *at, compare_function *compare)
{
    const void **list = mem_new(count + 1, sizeof *list);

    for (size_t i = 0; i < count; i++) {
        list[i] = at(self, i);
    }
    if (count > 1) {
        qsort(list, count, sizeof *list, compare);
    }
    return list;
}

static void put_text_field(struct buf *out, const char *text)
{
    size_t len = strlen(text);

    buf_put_u16(out, (uint16_t)len);
    buf_put(out, text, len);
}

static void put_transfer(struct buf *out, const struct ledger_transfer *transfer)
{
    buf_put(out, transfer->id, UUID_BYTES);
    put_text_field(out, transfer->origin);
    put_text_field(out, transfer->receiving);
    buf_put_u64(out, (uint64_t)transfer->first_ms);
    buf_put_u64(out, (uint64_t)transfer->last_ms);
    buf_put_u32(out, (uint32_t)transfer->subject_count);
    for (size_t i = 0; i < transfer->subject_count; i++) {
        buf_put(out, transfer->subjects[i], UUID_BYTES);
    }
}

static void put_child(struct buf *out, const struct ledger_child *child)
{
    buf_put(out, child->ref, UUID_BYTES);
    buf_put(out, child->merged_into, UUID_BYTES);
    buf_put_u32(out, (uint32_t)child->owner_count);
    for (size_t i = 0; i < child->owner_count; i++) {
        buf_put_u64(out, (uint64_t)child->owners[i].at_ms);
        put_text_field(out, child->owners[i].code);
        buf_put(out, child->owners[i].event, UUID_BYTES);
    }
}

static void put_levels(struct buf *out, const struct ledger_event *event)
{
    buf_put_u32(out, (uint32_t)event->level_count);
    for (size_t i = 0; i < event->level_count; i++) {
        const struct ledger_level *level = &event->levels[i];
        put_text_field(out, level->code);
        buf_put_u64(out, (uint64_t)level->persisted_ms);
        buf_put_u64(out, (uint64_t)level->opened_ms);
        buf_put_u8(out, level->role);
        put_text_field(out, level->team);
        buf_put_u8(out, level->fault);
    }
}

static void put_event(struct buf *out, const struct ledger_event *event)
{
    buf_put(out, event->id, UUID_BYTES);
    buf_put(out, event->transfer, UUID_BYTES);
    buf_put_u32(out, event->kind);
    put_text_field(out, event->from);
    buf_put_u64(out, (uint64_t)event->accepted_ms);
    buf_put_u64(out, (uint64_t)event->occurred_ms);
    buf_put_u64(out, (uint64_t)event->sent_ms);
    buf_put_u8(out,
        (uint8_t)(event->has_payload | event->withheld << 1 | event->payload_erased << 2 |
            event->set_aside << 3));
    buf_put_u8(out, event->verdict);
    put_levels(out, event);
    buf_put_u32(out, (uint32_t)event->note_count);
    for (size_t i = 0; i < event->note_count; i++) {
        buf_put_u32(out, (uint32_t)event->notes[i].kind);
        buf_put_u8(out, event->notes[i].has_subject);
        buf_put(out, event->notes[i].subject, UUID_BYTES);
        put_text_field(out, event->notes[i].rules);
    }
}

static void put_clock(struct buf *out, const struct ledger_clock *clock)
{
    buf_put(out, clock->transfer, UUID_BYTES);
    buf_put(out, clock->subject, UUID_BYTES);
    buf_put(out, clock->event, UUID_BYTES);
    put_text_field(out, clock->id);
    buf_put_u8(out, (uint8_t)clock->state);
    buf_put_u8(out,
        (uint8_t)(clock->stopped | clock->warned << 1 | clock->advisory << 2 |
            clock->provisional << 3));
    put_text_field(out, clock->due);
    put_text_field(out, clock->binds);
    buf_put_u64(out, (uint64_t)clock->set_ms);
    buf_put_u64(out, (uint64_t)clock->breached_ms);
    buf_put_u64(out, (uint64_t)clock->stopped_ms);
    put_text_field(out, clock->late);
    put_text_field(out, clock->reason);
}

void ledger_encode(const ledger_t *self, struct buf *out)
{
    const struct {
        size_t count;
        at_function *at;
        compare_function *compare;
    } parts[] = {
        {ledger_transfer_count(self), transfer_at, compare_transfers},
        {ledger_child_count(self), child_at, compare_children},
        {ledger_event_count(self), event_at, compare_events},
        {ledger_clock_count(self), clock_at, compare_clocks},
    };

    for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
        const void **list = sorted(self, parts[part].count, parts[part].at, parts[part].compare);
        buf_put_u32(out, (uint32_t)parts[part].count);
        for (size_t i = 0; i < parts[part].count; i++) {
            switch (part) {
            case 0:
                put_transfer(out, list[i]);
                break;
            case 1:
                put_child(out, list[i]);
                break;
            case 2:
                put_event(out, list[i]);
                break;
            default:
                put_clock(out, list[i]);
                break;
            }
        }
        free(list);
    }
}

struct hash ledger_hash(const ledger_t *self)
{
    struct buf bytes = {0};

    ledger_encode(self, &bytes);
    struct hash hash = hash_of("waypost/ledger/1", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
    return hash;
}
