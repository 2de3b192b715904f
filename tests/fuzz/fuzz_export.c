/*
 * fuzz_export: a file that waypost export might have written, and what the tools that look back make of its records:
 * ledger, engine, scrub. The first byte chooses the form: 'C' lines of CloudEvents, anything else messages with their
 * lengths. Whatever comes back as a record must go out again as the same bytes.
 */
#include "tests/fuzz/support.h"

#include <stdlib.h>
#include <string.h>

#include "client/replay/cloudevents.h"
#include "client/replay/ledger.h"
#include "client/replay/portable.h"
#include "client/replay/recompute.h"
#include "client/replay/scrub.h"
#include "common/base/check.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 33554432, RECORDS_MAX = 64 };

struct reader {
    ledger_t *ledger;
    recompute_t *engine;
    scrub_t *scrub;
    arena_t *arena;
    struct portable portable;
    unsigned records;
};

/* Out again with its sealed parts, and back: the same record. */
static void round_trip(struct reader *self, const struct record *record)
{
    struct portable again = {.segment = false};
    struct complaint why = {0};

    arena_reset(self->arena);
    const Waypost__ExportRecord *message = portable_message(self->arena, record, 8, true);
    int rc = portable_record(message, &again, &why);
    assert(rc == 0);
    assert(slice_equal(again.record.body, record->body));
    assert(slice_equal(again.record.payload, record->payload));
    assert(again.record.type == record->type && again.record.flags == record->flags);
    portable_free(&again);
}

static void take(struct reader *self, const Waypost__ExportRecord *message)
{
    struct complaint why = {0};
    struct record clean;

    int rc = portable_record(message, &self->portable, &why);
    fuzz_answer(rc, &why);
    if (rc != 0 || self->portable.segment || self->records++ == RECORDS_MAX) {
        return;
    }
    const struct record *record = &self->portable.record;
    (void)ledger_record(self->ledger, record);
    (void)recompute_record(self->engine, record, &why);
    (void)scrub_record(self->scrub, record, &clean);
    round_trip(self, record);
}

static void take_messages(struct reader *self, struct slice bytes)
{
    struct cursor in = cursor_of(bytes);
    arena_t *arena = arena_new(ARENA_BYTES);

    while (in.rest.len > 0 && !in.failed) {
        struct slice one = take_bytes(&in, (size_t)take_varint(&in));
        arena_reset(arena);
        const Waypost__ExportRecord *message =
            in.failed ? NULL : message_decode(arena, &waypost__export_record__descriptor, one);
        if (message != NULL) {
            take(self, message);
        }
    }
    arena_destroy(&arena);
}

static void take_lines(struct reader *self, struct slice bytes)
{
    cloudevents_t *lines = cloudevents_new();
    int rc = 0;

    while (rc == 0 && bytes.len > 0) {
        const Waypost__ExportRecord *message = NULL;
        struct complaint why = {0};
        const uint8_t *end = memchr(bytes.data, '\n', bytes.len);
        size_t len = end == NULL ? bytes.len : (size_t)(end - bytes.data);
        json_t *json = json_loadb((const char *)bytes.data, len, JSON_REJECT_DUPLICATES, NULL);
        rc = json == NULL ? E_MALFORMED : cloudevents_take(lines, json, &message, &why);
        if (message != NULL) {
            take(self, message);
        }
        json_decref(json);
        bytes = slice_of(bytes.data + len, bytes.len - len);
        if (bytes.len > 0) {
            bytes = slice_of(bytes.data + 1, bytes.len - 1);
        }
    }
    cloudevents_destroy(&lines);
}

int fuzz_export(const uint8_t *data, size_t size)
{
    struct reader self = {.ledger = ledger_new(),
        .engine = recompute_new(NULL, NULL, NULL),
        .scrub = NULL,
        .arena = arena_new(ARENA_BYTES)};

    fuzz_start();
    self.scrub = scrub_new(true);
    if (size > 0 && data[0] == 'C') {
        take_lines(&self, slice_of(data + 1, size - 1));
    } else if (size > 0) {
        take_messages(&self, slice_of(data + 1, size - 1));
    }
    recompute_end(self.engine, false);
    (void)ledger_hash(self.ledger);
    portable_free(&self.portable);
    ledger_destroy(&self.ledger);
    recompute_destroy(&self.engine);
    scrub_destroy(&self.scrub);
    arena_destroy(&self.arena);
    return 0;
}
