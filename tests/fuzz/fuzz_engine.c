/*
 * fuzz_engine: the procedures, fed with events as a broker would accept them: read and checked, and else anything. Steps:
 * u8 what, u16 length, bytes. Whatever comes, the fold is the same twice, the second time with restarts from its own
 * bytes, and nobody shares a case.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/procedure/saved.h"
#include "tests/fuzz/support.h"
#include "tests/support/procedures_fixture.h"

#include "common/base/banned.h"

enum { STEPS_MAX = 64, ASKED_MAX = 16, HOUR_MS = 3600000 };
enum step { STEP_EVENT, STEP_PERSISTED, STEP_OPENED, STEP_ERASED, STEP_PASS, STEP_COUNT };

#define LEAP_MS_MAX (INT64_C(400) * 86400000) /* as far as one event may turn the clock */

/* A child that events were about. */
struct asked {
    uint8_t transfer[UUID_BYTES];
    uint8_t subject[UUID_BYTES];
};

struct fold {
    engine_t *engine;
    int64_t now_ms;
    struct event_view last; /* accepted last; its slices are not used */
    size_t asked_count;
    struct asked asked[ASKED_MAX];
    uint64_t records;
};

static const procedures_t *tables(void)
{
    static procedures_t *procedures;
    struct complaint why = {0};

    if (procedures == NULL) {
        int rc = fixture_procedures(NULL, NULL, NULL, &procedures, &why);
        assert(rc == 0);
    }
    return procedures;
}

static void take_record(void *context, const struct engine_record *record)
{
    struct fold *self = context;

    assert(record->kind != NULL && record->detail != NULL);
    self->records++;
}

static void accept(struct fold *self, struct slice bytes)
{
    static struct fact_set facts;
    struct event_view view;
    uint8_t verdicts[SUBJECTS_MAX];

    if (event_read(bytes, &view, NULL) != 0) {
        return;
    }
    if (view.sent_ms > self->now_ms && view.sent_ms - self->now_ms < LEAP_MS_MAX) {
        self->now_ms = view.sent_ms;
    }
    if (event_check(&view, self->now_ms, false, NULL) != 0 || facts_read(&view, &facts) != 0) {
        return;
    }
    engine_advance(self->engine, self->now_ms);
    const struct engine_event event = {.view = &view, .facts = &facts, .accepted_ms = self->now_ms};
    int rc = engine_event(self->engine, &event, verdicts);
    assert(rc == 0 || rc == E_DUPLICATE || rc == E_MODE);
    self->last = view;
    for (size_t i = 0; i < view.subject_count && self->asked_count < ASKED_MAX; i++) {
        struct asked *asked = &self->asked[self->asked_count++];
        memcpy(asked->transfer, view.transfer, UUID_BYTES);
        memcpy(asked->subject, view.subjects[i].ref, UUID_BYTES);
    }
}

static void level(struct fold *self, enum step step, uint8_t which)
{
    const struct fact_info *roles = catalogue_enum_named("person_role");
    const char *code;

    if (self->last.recipient_count == 0) {
        return;
    }
    code = self->last.to[which % self->last.recipient_count].code;
    engine_advance(self->engine, self->now_ms);
    if (step == STEP_PERSISTED) {
        engine_persisted(self->engine, self->last.id, code, self->now_ms);
    } else if (step == STEP_OPENED) {
        engine_opened(self->engine, self->last.id, code, roles->values[which % roles->value_count],
            "", self->now_ms);
    } else {
        engine_erased(
            self->engine, self->last.id, (which & 1) != 0 ? "broker" : code, self->now_ms);
    }
}

static void see_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    (void)context;
    assert(subject != NULL && clock->info != NULL && clock->bound_count <= 2);
}

static void see_outstanding(void *context, const char *id, int64_t since_ms)
{
    (void)context;
    (void)since_ms;
    assert(id != NULL);
}

static void see_expected(void *context, const struct engine_expectation *expected)
{
    (void)context;
    assert(expected->code[0] != '\0' && expected->what != NULL && expected->id != NULL);
    for (size_t i = 0; i < expected->kind_count; i++) {
        assert(catalogue_kind_named(expected->kinds[i]) != NULL);
    }
}

static void ask(const struct fold *self)
{
    const char *owners[8];

    for (size_t i = 0; i < self->asked_count; i++) {
        const struct asked *one = &self->asked[i];
        for (enum dimension d = 0; d < DIM_COUNT; d++) {
            size_t count = engine_owner(self->engine, one->transfer, one->subject, d, owners);
            assert(count <= (d == DIM_CASE ? 1 : 8));
        }
        (void)engine_owner_at(
            self->engine, one->transfer, one->subject, DIM_CASE, FUZZ_NOW_MS, owners);
        engine_clocks(self->engine, one->transfer, one->subject, see_clock, NULL);
        engine_outstanding(self->engine, one->transfer, one->subject, see_outstanding, NULL);
        engine_expected(self->engine, one->transfer, one->subject, see_expected, NULL);
    }
}

/* As bytes and back, it is the same. */
static void save_and_load(engine_t **engine_p, struct fold *fold)
{
    struct buf bytes = {0};
    struct buf again = {0};
    struct complaint why = {0};

    engine_encode(*engine_p, &bytes);
    engine_destroy(engine_p);
    int rc = engine_decode(tables(), take_record, fold, buf_slice(&bytes), engine_p, &why);
    assert(rc == 0);
    engine_keep_open(*engine_p, 0);
    engine_encode(*engine_p, &again);
    assert(slice_equal(buf_slice(&bytes), buf_slice(&again)));
    buf_free(&bytes);
    buf_free(&again);
}

static struct hash fold_all(struct slice bytes, bool restart)
{
    struct fuzz_input in = {bytes};
    struct fold fold = {.now_ms = FUZZ_NOW_MS - LEAP_MS_MAX / 4};

    fold.engine = engine_new(tables(), take_record, &fold);
    for (int i = 0; i < STEPS_MAX && in.rest.len > 0; i++) {
        enum step step = (enum step)(fuzz_u8(&in) % STEP_COUNT);
        struct slice with = fuzz_bytes(&in, fuzz_u16(&in));
        if (step == STEP_EVENT) {
            accept(&fold, with);
        } else if (step == STEP_PASS) {
            fold.now_ms += (with.len == 0 ? 1 : with.data[0]) * (int64_t)HOUR_MS;
            engine_advance(fold.engine, fold.now_ms);
            assert(engine_next_ms(fold.engine) > fold.now_ms);
        } else {
            level(&fold, step, with.len == 0 ? 0 : with.data[0]);
        }
        if (restart && i % 4 == 3) {
            save_and_load(&fold.engine, &fold);
        }
    }
    ask(&fold);
    struct hash hash = engine_hash(fold.engine);
    engine_destroy(&fold.engine);
    return hash;
}

int fuzz_engine(const uint8_t *data, size_t size)
{
    fuzz_start();
    struct hash one = fold_all(slice_of(data, size), false);
    struct hash two = fold_all(slice_of(data, size), true);
    assert(memcmp(one.b, two.b, HASH_BYTES) == 0);
    return 0;
}
