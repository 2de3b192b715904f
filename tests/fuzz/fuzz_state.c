/*
 * fuzz_state: the procedure engine's state as it is stored, whoever wrote it: it is refused, or it is a state that has
 * these bytes and no others, can be asked, and goes on.
 */
#include <string.h>

#include "common/base/check.h"
#include "common/procedure/form.h"
#include "common/procedure/saved.h"
#include "tests/fuzz/support.h"
#include "tests/support/procedures_fixture.h"

#include "common/base/banned.h"

#define LEAP_MS (INT64_C(400) * 86400000)

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

static void see_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    (void)context;
    assert(subject != NULL && clock->info != NULL && clock->bound_count <= 2);
}

static void see_expected(void *context, const struct engine_expectation *expected)
{
    (void)context;
    assert(expected->code[0] != '\0' && expected->what != NULL && expected->id != NULL);
    for (size_t i = 0; i < expected->kind_count; i++) {
        assert(catalogue_kind_named(expected->kinds[i]) != NULL);
    }
}

static void ask_about(engine_t *engine, struct contents *contents, void *context)
{
    const struct list *episodes = contents_list(contents, SHELF_EPISODES);
    const char *owners[8];

    (void)context;
    for (uint32_t i = 0; i < episodes->count; i++) {
        const uint8_t *key = ((const struct episode *)list_pointer(episodes, i))->key;
        for (enum dimension d = 0; d < DIM_COUNT; d++) {
            (void)engine_owner(engine, key, key + UUID_BYTES, d, owners);
            (void)engine_owner_at(engine, key, key + UUID_BYTES, d, FUZZ_NOW_MS, owners);
        }
        engine_clocks(engine, key, key + UUID_BYTES, see_clock, NULL);
        engine_expected(engine, key, key + UUID_BYTES, see_expected, NULL);
    }
}

static void ask(engine_t *engine)
{
    dossiers_visit(engine, slice_of(NULL, 0), ask_about, NULL);
}

/* Everybody has every event. */
static void deliver(engine_t *engine, struct contents *contents, void *context)
{
    const struct list *rows = contents_list(contents, SHELF_ROWS);

    (void)context;
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct row *row = list_pointer(rows, i);
        for (uint32_t k = 0; k < row->recipient_count; k++) {
            const char *code = code_text(engine, row_recipients(row)[k].code);
            engine_persisted(engine, row->id, code, FUZZ_NOW_MS);
            engine_opened(engine, row->id, code, "senior", "", FUZZ_NOW_MS);
            engine_erased(engine, row->id, code, FUZZ_NOW_MS);
        }
    }
}

/* And time passes. */
static void go_on(engine_t *engine)
{
    dossiers_visit(engine, slice_of(NULL, 0), deliver, NULL);
    engine_advance(engine, FUZZ_NOW_MS + LEAP_MS);
}

int fuzz_state(const uint8_t *data, size_t size)
{
    struct complaint why = {0};
    struct buf again = {0};
    engine_t *engine = NULL;

    fuzz_start();
    int rc = engine_decode(tables(), NULL, NULL, slice_of(data, size), &engine, &why);
    fuzz_answer(rc, &why);
    if (rc == 0) {
        engine_encode(engine, &again);
        assert(slice_equal(buf_slice(&again), slice_of(data, size)));
        ask(engine);
        go_on(engine);
        ask(engine);
    }
    engine_destroy(&engine);
    buf_free(&again);
    return 0;
}
