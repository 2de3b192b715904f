/*
 * dossier: cases that are packed while nobody needs them. That nothing else depends on it is shown by every test of the
 * engine, whose fixture packs whatever it may, and by test_engine_properties; here is what only the inside shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/civil.h"
#include "common/procedure/engine_internal.h"
#include "common/procedure/folder.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/procedures_fixture.h"

#include "common/base/banned.h"

#define LEE "E08000035"
#define HER "E06000019"

enum { MANY = 40 };

static struct engine_fixture world;

static int open_world(void **state)
{
    (void)state;
    fixture_open(&world);
    fixture_transfer(&world, "T", LEE, HER);
    fixture_transfer(&world, "U", LEE, HER);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(&world);
    return 0;
}

static struct fixture_event *move(const char *transfer, const char *child)
{
    return fixture_told(&world, LEE, "move_notified", transfer, child,
        "permanence=permanent retain_intention=transfer");
}

/* As many cases of one child each, by changing one event's ids. */
static void move_many(engine_t *engine, uint32_t count)
{
    struct fixture_event *event = fixture_build(
        &world, LEE, "move_notified", "T", "ash", "permanence=permanent retain_intention=transfer");
    const struct engine_event folded = {
        .view = &event->view, .facts = &event->facts, .accepted_ms = world.now_ms};
    uint8_t verdicts[SUBJECTS_MAX];

    for (uint32_t i = 0; i < count; i++) {
        put_u32(event->view.id, i);
        put_u32(event->view.transfer, i * 7919 % count);
        put_u32(event->view.subjects[0].ref, i);
        assert_int_equal(engine_event(engine, &folded, verdicts), 0);
        engine_persisted(engine, event->view.id, HER, world.now_ms);
    }
}

static uint32_t open_dossiers(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world.engine->dossiers.all.count; i++) {
        const struct dossier *dossier = dossier_numbered(world.engine, i);
        count += dossier->contents != NULL ? 1 : 0;
    }
    return count;
}

static void cases__that_nobody_looks_into__are_packed(void **state)
{
    (void)state;
    engine_keep_open(world.engine, 64);
    move_many(world.engine, MANY);
    engine_advance(world.engine, world.now_ms);
    assert_int_equal(world.engine->dossiers.all.count, MANY);
    assert_in_range(world.engine->dossiers.open_count, 1, 64);
    assert_in_range(open_dossiers(), 1, MANY / 2);
    engine_keep_open(world.engine, 0);
    engine_advance(world.engine, world.now_ms);
    assert_int_equal(open_dossiers(), 0);
    assert_int_equal(world.engine->dossiers.open_count, 0);
    assert_int_equal(world.engine->timers.entries.count, 0);
    assert_int_equal(world.engine->dossiers.waiting.entries.count, MANY);
    engine_clear(world.engine);
    move_many(world.engine, 2);
    engine_advance(world.engine, world.now_ms);
    assert_int_equal(open_dossiers(), 0); /* what was asked for outlives the clearing */
    assert_true(world.memory.pieces > 0); /* and so does where they lie */
}

/* By itself, as whoever runs an engine gets it: memory is bounded without anybody asking for it. */
static void cases__more_than_an_engine_keeps_open__are_packed(void **state)
{
    enum { CASES = 6000, KEPT_OPEN = 32768 };
    engine_t *engine = engine_new(world.procedures, NULL, NULL);
    uint32_t packed = 0;

    (void)state;
    move_many(engine, CASES);
    engine_advance(engine, world.now_ms);
    for (uint32_t i = 0; i < CASES; i++) {
        packed += dossier_at(engine, i)->away != NULL ? 1 : 0;
    }
    assert_in_range(packed, 1, CASES - 1);
    assert_in_range(engine->dossiers.open_count, KEPT_OPEN / 2, KEPT_OPEN);
    engine_destroy(&engine);
}

static void case__that_was_looked_into_last__is_packed_last(void **state)
{
    uint8_t first[UUID_BYTES];

    (void)state;
    engine_keep_open(world.engine, SIZE_MAX);
    move_many(world.engine, MANY);
    const struct dossier *oldest = dossier_numbered(world.engine, 0);
    memcpy(first, ((struct row *)list_pointer(&oldest->contents->shelves[SHELF_ROWS].items, 0))->id,
        UUID_BYTES);
    assert_int_equal(engine_level(world.engine, first, HER), 1);
    engine_keep_open(world.engine, 32);
    engine_advance(world.engine, world.now_ms);
    assert_non_null(oldest->contents);
    assert_int_equal(engine_level(world.engine, first, HER), 1);
}

static void note(void *context, const struct engine_record *record)
{
    if (record->clock != NULL) {
        buf_put_text(context, "%s %s ", record->kind, record->clock);
        buf_put(context, record->transfer, UUID_BYTES);
    }
}

/* What happens to many cases until the summer, in its order. tables: that come into force soon, NULL for none. */
static struct hash spring(size_t keep, const procedures_t *tables, struct buf *told)
{
    engine_t *engine = engine_new(world.procedures, note, told);
    int64_t summer_ms;

    assert_int_equal(civil_time_parse("2026-06-01T09:00", &summer_ms), 0);
    engine_keep_open(engine, keep);
    move_many(engine, MANY);
    engine_advance(engine, world.now_ms);
    if (tables != NULL) {
        assert_int_equal(engine_procedures(engine, tables, world.now_ms), 0);
    }
    int64_t next_ms = engine_next_ms(engine);
    assert_true(next_ms > world.now_ms && next_ms < summer_ms);
    engine_advance(engine, summer_ms);
    struct hash hash = engine_hash(engine);
    engine_destroy(&engine);
    return hash;
}

static void assert_packing_shows_nowhere(const procedures_t *tables)
{
    struct buf open = {0};
    struct buf packed = {0};

    struct hash one = spring(SIZE_MAX, tables, &open);
    struct hash two = spring(0, tables, &packed);
    assert_true(open.len > MANY * UUID_BYTES);
    assert_true(slice_equal(buf_slice(&open), buf_slice(&packed)));
    assert_memory_equal(&one, &two, sizeof one);
    buf_free(&open);
    buf_free(&packed);
}

/* Working days of many cases end at one midnight: they fire by clock, transfer and child, packed or not. */
static void deadlines__of_packed_cases__fire_in_their_order(void **state)
{
    (void)state;
    assert_packing_shows_nowhere(NULL);
}

/* The shipped tables with another limit of a clock that is started later. */
static procedures_t *other_limit(void)
{
    procedures_t *tables = NULL;
    struct complaint why = {0};

    assert_int_equal(
        fixture_procedures("london.zpl", "limit = 15wd", "limit = 14wd", &tables, &why), 0);
    return tables;
}

/* The shipped tables with the first clock behind all others: each has another number. */
static procedures_t *other_numbers(void)
{
    procedures_folder_t *folder = NULL;
    procedures_t *tables = NULL;
    struct complaint why = {0};
    struct buf clocks = {0};

    assert_int_equal(procedures_folder_read("data", &folder, &why), 0);
    struct procedures_source source = *procedures_folder_source(folder);
    const uint8_t *first = (const uint8_t *)memchr(source.clocks.data, '\n', source.clocks.len) + 1;
    size_t header = (size_t)(first - source.clocks.data);
    size_t len =
        (size_t)((const uint8_t *)memchr(first, '\n', source.clocks.len - header) - first) + 1;
    buf_put(&clocks, source.clocks.data, header);
    buf_put(&clocks, first + len, source.clocks.len - header - len);
    buf_put(&clocks, first, len);
    source.clocks = buf_slice(&clocks);
    assert_int_equal(procedures_load(&source, &tables, &why), 0);
    assert_int_equal(procedures_clock_named(tables, "C02")->number, 1);
    procedures_folder_destroy(&folder);
    buf_free(&clocks);
    return tables;
}

/* Whatever comes of new tables, it is the same where every case is open and where none is. */
static void tables__that_come_over_packed_cases__act_as_over_open_ones(void **state)
{
    procedures_t *limit = other_limit();
    procedures_t *numbers = other_numbers();

    (void)state;
    assert_packing_shows_nowhere(limit);
    assert_packing_shows_nowhere(numbers);
    procedures_destroy(&limit);
    procedures_destroy(&numbers);
}

/* A broker with a million cases at rest takes new tables without looking into any of them. */
static void tables__that_keep_their_numbers__leave_packed_cases_where_they_are(void **state)
{
    engine_t *engine = engine_new(world.procedures, NULL, NULL);
    procedures_t *limit = other_limit();
    procedures_t *numbers = other_numbers();
    const struct away *before[MANY];

    (void)state;
    engine_keep_open(engine, 0);
    move_many(engine, MANY);
    engine_advance(engine, world.now_ms);
    for (uint32_t i = 0; i < MANY; i++) {
        before[i] = dossier_numbered(engine, i)->away;
        assert_non_null(before[i]);
    }
    assert_int_equal(engine_procedures(engine, limit, world.now_ms), 0);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_ptr_equal(dossier_numbered(engine, i)->away, before[i]);
    }
    assert_int_equal(engine_procedures(engine, numbers, world.now_ms), 0);
    assert_ptr_not_equal(dossier_numbered(engine, 0)->away, before[0]);
    engine_destroy(&engine);
    procedures_destroy(&limit);
    procedures_destroy(&numbers);
}

static void fold(engine_t *engine, const char *kind, const char *transfer, const char *facts)
{
    struct fixture_event *event = fixture_build(&world, LEE, kind, transfer, transfer, facts);

    assert_int_equal(fixture_fold(&world, engine, event), 0);
    engine_persisted(engine, event->view.id, HER, world.now_ms);
}

/* Holidays that come move the due dates of all cases, in the order in which their clocks were started. */
static void clocks__of_several_cases__are_renewed_in_the_order_of_their_start(void **state)
{
    struct buf told = {0};
    struct complaint why = {0};
    procedures_t *renewed = NULL;
    uint8_t first[UUID_BYTES];

    (void)state;
    fixture_at(&world, "2031-03-03T09:00"); /* no holidays are known for it */
    engine_t *engine = engine_new(world.procedures, note, &told);
    engine_keep_open(engine, 0);
    fold(engine, "move_notified", "T", "permanence=permanent retain_intention=transfer");
    fold(engine, "move_notified", "U", "permanence=permanent retain_intention=transfer");
    fold(engine, "s47_opened", "T", "");
    int rc = fixture_procedures("bank-holidays.json", "\"date\": \"2019-01-01\"",
        "\"date\": \"2031-03-10\"}, {\"date\": \"2031-12-25\"", &renewed, &why);
    assert_int_equal(rc, 0);
    buf_clear(&told);
    assert_int_equal(engine_procedures(engine, renewed, world.now_ms), 0);
    fixture_id("T", first);
    assert_true(told.len > 3 * UUID_BYTES);
    assert_memory_equal(told.data + strlen("deadline_set C01 "), first, UUID_BYTES);
    assert_memory_equal(told.data + told.len - UUID_BYTES, first, UUID_BYTES);
    engine_destroy(&engine);
    procedures_destroy(&renewed);
    buf_free(&told);
}

static void dossiers__that_one_event_names__become_one(void **state)
{
    uint8_t ash[UUID_BYTES];
    uint8_t elm[UUID_BYTES];

    (void)state;
    fixture_id("ash", ash);
    fixture_id("elm", elm);
    (void)move("T", "ash");
    (void)move("U", "elm");
    assert_true(contents_with(world.engine, SHELF_CHILDREN, ash) !=
        contents_with(world.engine, SHELF_CHILDREN, elm));
    (void)fixture_told(&world, LEE, "s47_opened", "T", "elm", "");
    struct contents *one = contents_with(world.engine, SHELF_CHILDREN, ash);
    assert_ptr_equal(one, contents_with(world.engine, SHELF_CHILDREN, elm));
    assert_int_equal(one->dossier->number, 0);
    assert_int_equal(contents_list(one, SHELF_ROWS)->count, 3);
    for (uint32_t s = 0; s < SHELVES; s++) {
        for (uint32_t i = 1; i < contents_list(one, s)->count; i++) {
            assert_true(item_number(s, list_pointer(contents_list(one, s), i - 1)) <
                item_number(s, list_pointer(contents_list(one, s), i)));
        }
    }
    struct hash before = engine_hash(world.engine);
    fixture_reload(&world); /* where it is one from the beginning */
    assert_int_equal(world.engine->dossiers.all.count, 1);
    struct hash after = engine_hash(world.engine);
    assert_memory_equal(&before, &after, sizeof before);
}

static void case__of_many_events__stays_open(void **state)
{
    enum { EVENTS = 4200 };
    struct fixture_event *event = fixture_build(&world, LEE, "s47_opened", "T", "ash", "");
    const struct engine_event folded = {
        .view = &event->view, .facts = &event->facts, .accepted_ms = world.now_ms};
    uint8_t verdicts[SUBJECTS_MAX];
    engine_t *engine = world.engine;

    (void)state;
    for (uint32_t i = 0; i < EVENTS; i++) {
        put_u32(event->view.id, i);
        assert_int_equal(engine_event(engine, &folded, verdicts), 0);
    }
    engine_advance(engine, world.now_ms);
    assert_int_equal(open_dossiers(), 1);
    assert_ptr_equal(engine->dossiers.heavy.newest, engine->dossiers.heavy.oldest);
    assert_int_equal(engine->dossiers.open_count, 0);
    assert_int_equal(engine_event(engine, &folded, verdicts), E_DUPLICATE); /* by its table */
    struct hash before = engine_hash(engine);
    fixture_reload(&world);
    assert_int_equal(open_dossiers(), 1);
    struct hash after = engine_hash(world.engine);
    assert_memory_equal(&before, &after, sizeof before);
}

static void ask_meanwhile(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    const struct dossier *visited = dossier_numbered(world.engine, 0);
    uint8_t other[UUID_BYTES];
    uint8_t elm[UUID_BYTES];

    (void)subject;
    (void)clock;
    fixture_id("U", other);
    fixture_id("elm", elm);
    assert_non_null(engine_flag(world.engine, other, elm, "stage"));
    assert_non_null(visited->contents);
    ++*(int *)context;
}

static void case__being_visited__is_not_packed_by_a_question_about_another(void **state)
{
    uint8_t transfer[UUID_BYTES];
    int visits = 0;

    (void)state;
    (void)move("T", "ash");
    (void)move("U", "elm");
    fixture_id("T", transfer);
    engine_clocks(world.engine, transfer, NULL, ask_meanwhile, &visits);
    assert_true(visits > 1);
    engine_advance(world.engine, world.now_ms);
    assert_int_equal(open_dossiers(), 0);
}

static void measures__of_packed_cases__count(void **state)
{
    int64_t breaches = 0;
    int64_t packed = 0;

    (void)state;
    engine_keep_open(world.engine, SIZE_MAX);
    move_many(world.engine, MANY);
    fixture_at(&world, "2026-06-01T09:00");
    assert_int_equal(engine_measure(world.engine, "breaches", &breaches), 0);
    assert_true(breaches >= MANY);
    engine_keep_open(world.engine, 0);
    engine_advance(world.engine, world.now_ms);
    assert_int_equal(open_dossiers(), 0);
    assert_int_equal(engine_measure(world.engine, "breaches", &packed), 0);
    assert_int_equal(packed, breaches);
    for (uint32_t i = 0; i < MANY; i++) {
        (void)dossier_open(world.engine, dossier_at(world.engine, i));
    }
    assert_int_equal(engine_measure(world.engine, "breaches", &packed), 0);
    assert_int_equal(packed, breaches);
    fixture_reload(&world);
    assert_int_equal(engine_measure(world.engine, "breaches", &packed), 0);
    assert_int_equal(packed, breaches);
}

/* Ids whose hashes are the same lead to one another's dossiers; whoever asks looks into them. */
static void places__of_one_hash__are_all_found(void **state)
{
    struct places places = {.seed = 1};
    uint64_t seen = 0;

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        places_put(&places, 7, i);
        places_put(&places, UINT32_MAX, i);
        places_put(&places, 8 + i, i);
    }
    struct places_search search = places_look(&places, 7);
    for (uint32_t place; (place = places_next(&places, &search)) != 0;) {
        assert_in_range(place, 1, MANY);
        assert_int_equal(seen >> place & 1, 0);
        seen |= UINT64_C(1) << place;
    }
    assert_int_equal(seen, ((UINT64_C(1) << MANY) - 1) << 1);
    search = places_look(&places, 6);
    assert_int_equal(places_next(&places, &search), 0);
    places_free(&places);
}

/* Two ids of different sorts may be the same 16 bytes. */
static void child__with_the_id_of_its_transfer__is_found_as_either(void **state)
{
    uint8_t id[UUID_BYTES];

    (void)state;
    fixture_id("T", id);
    (void)move("T", "T");
    assert_non_null(item_find(world.engine, SHELF_CHILDREN, id));
    assert_non_null(item_find(world.engine, SHELF_TRANSFERS, id));
    assert_null(item_find(world.engine, SHELF_ROWS, id));
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(cases__that_nobody_looks_into__are_packed),
        WORLD_TEST(cases__more_than_an_engine_keeps_open__are_packed),
        WORLD_TEST(case__that_was_looked_into_last__is_packed_last),
        WORLD_TEST(deadlines__of_packed_cases__fire_in_their_order),
        WORLD_TEST(tables__that_come_over_packed_cases__act_as_over_open_ones),
        WORLD_TEST(tables__that_keep_their_numbers__leave_packed_cases_where_they_are),
        WORLD_TEST(clocks__of_several_cases__are_renewed_in_the_order_of_their_start),
        WORLD_TEST(dossiers__that_one_event_names__become_one),
        WORLD_TEST(case__of_many_events__stays_open),
        WORLD_TEST(case__being_visited__is_not_packed_by_a_question_about_another),
        WORLD_TEST(measures__of_packed_cases__count),
        cmocka_unit_test(places__of_one_hash__are_all_found),
        WORLD_TEST(child__with_the_id_of_its_transfer__is_found_as_either),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
