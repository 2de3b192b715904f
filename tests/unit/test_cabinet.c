/*
 * cabinet: where packed cases lie, and the arrays beside it that grow without moving. Held against a plain copy of what was
 * put in, over thousands of changes; how much room it takes for that is part of the promise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/procedure/dossier.h"
#include "tests/support/counted.h"

#include "common/base/banned.h"

enum { OWNERS = 4000, LONGEST = 600, CHANGES = 40000 };

static struct counted counted;
static struct dossier owners[OWNERS];

/* What owner n has after so many changes: bytes that nobody else has. */
static struct slice text_of(uint32_t number, uint32_t change, uint8_t *out)
{
    uint32_t len = 8 + (number * 31 + change * 7919) % (LONGEST - 8);

    for (uint32_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(number + change + i * 13);
    }
    put_u32(out, number);
    put_u32(out + 4, change);
    return slice_of(out, len);
}

static bool waits(uint32_t number)
{
    return number % 3 == 0;
}

static void put(struct cabinet *self, uint32_t number, uint32_t change)
{
    uint8_t text[LONGEST];
    const struct deadline first = {.fire_ms = number * 1000 + change, .number = number};

    cabinet_put(
        self, &owners[number], waits(number) ? &first : NULL, text_of(number, change, text));
}

static void assert_holds(uint32_t number, uint32_t change)
{
    uint8_t text[LONGEST];
    struct slice wanted = text_of(number, change, text);
    struct slice found = away_bytes(owners[number].away);
    const struct deadline *first = away_first(owners[number].away);

    assert_int_equal(found.len, wanted.len);
    assert_memory_equal(found.data, wanted.data, wanted.len);
    assert_true((first != NULL) == waits(number));
    assert_true(first == NULL || first->fire_ms == (int64_t)number * 1000 + change);
    assert_true(first == NULL || first->number == number);
}

static int begin(void **state)
{
    (void)state;
    memset(owners, 0, sizeof owners);
    counted = (struct counted){0};
    return 0;
}

static void cabinet__over_many_changes__holds_what_was_put_and_little_else(void **state)
{
    struct cabinet cabinet = {.backing = counted_backing(&counted)};
    uint32_t changes[OWNERS] = {0};
    uint64_t random = 4711;

    (void)state;
    for (uint32_t i = 0; i < OWNERS; i++) {
        put(&cabinet, i, 0);
    }
    for (uint32_t i = 0; i < CHANGES; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        /* some cases move much more often than others */
        uint32_t number = (uint32_t)(random >> 33) % (i % 4 == 0 ? OWNERS : OWNERS / 50);
        cabinet_drop(&cabinet, &owners[number]);
        assert_null(owners[number].away);
        put(&cabinet, number, ++changes[number]);
        assert_holds(number, changes[number]);
        assert_true(cabinet.used <= 2 * cabinet.live);
    }
    for (uint32_t i = 0; i < OWNERS; i++) {
        assert_holds(i, changes[i]);
    }
    assert_true(counted.bytes >= cabinet.used && counted.bytes < cabinet.used + 2 * 1048576);
    cabinet_free(&cabinet);
    assert_int_equal(counted.bytes, 0);
}

static void cabinet__that_is_emptied__gives_its_room_back(void **state)
{
    struct cabinet cabinet = {.backing = counted_backing(&counted)};

    (void)state;
    for (uint32_t i = 0; i < OWNERS; i++) {
        put(&cabinet, i, 0);
    }
    assert_true(counted.pieces > 3);
    for (uint32_t i = 0; i < OWNERS; i++) {
        cabinet_drop(&cabinet, &owners[i]);
    }
    assert_int_equal(cabinet.live, 0);
    assert_int_equal(counted.pieces, 1); /* the drawer in use */
    for (uint32_t i = 1; i < OWNERS;
         i++) { /* drawers that nothing of is left when the next one is begun */
        put(&cabinet, 7, i);
        assert_holds(7, i);
        assert_int_equal(counted.pieces, 1);
        cabinet_drop(&cabinet, &owners[7]);
    }
    cabinet_free(&cabinet);
    assert_int_equal(counted.pieces, 0);
}

/* A case may be larger than any drawer is by itself. */
static void dossier__larger_than_a_drawer__lies_in_one_of_its_own(void **state)
{
    enum { LARGE = 3000000 };
    struct cabinet cabinet = {.backing = counted_backing(&counted)};
    uint8_t *large = mem_new(LARGE, 1);

    (void)state;
    put(&cabinet, 1, 0);
    memset(large, 42, LARGE);
    cabinet_put(&cabinet, &owners[0], NULL, slice_of(large, LARGE));
    put(&cabinet, 2, 0);
    struct slice found = away_bytes(owners[0].away);
    assert_int_equal(found.len, LARGE);
    assert_memory_equal(found.data, large, LARGE);
    assert_holds(1, 0);
    assert_holds(2, 0);
    cabinet_drop(&cabinet, &owners[0]);
    assert_true(counted.bytes < LARGE);
    cabinet_free(&cabinet);
    free(large);
}

/* ---- chunks ---- */

static void chunks__that_grow__do_not_move(void **state)
{
    enum { MANY = 100000 };
    struct chunks chunks = {.backing = counted_backing(&counted), .item_bytes = sizeof(uint32_t)};
    uint32_t *first = chunks_add(&chunks);

    (void)state;
    *first = 0;
    for (uint32_t i = 1; i < MANY; i++) {
        uint32_t *item = chunks_add(&chunks);
        assert_int_equal(*item, 0);
        *item = i;
    }
    assert_ptr_equal(chunks_at(&chunks, 0), first);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(*(uint32_t *)chunks_at(&chunks, i), i);
    }
    chunks.count = 10;
    assert_int_equal(*(uint32_t *)chunks_add(&chunks), 0); /* where one was taken off */
    chunks_free(&chunks);
    assert_int_equal(counted.bytes, 0);
}

/* ---- places ---- */

static bool leads_to(const struct places *places, uint32_t hash, uint32_t dossier)
{
    struct places_search search = places_look(places, hash);
    uint32_t place;

    while ((place = places_next(places, &search)) != 0 && place != dossier + 1) {
    }
    return place != 0;
}

static uint32_t hash_of_id(uint32_t number)
{
    return number * 2654435761U;
}

/* Into a volume behind its filter's back: whoever finds it has looked where the filter said that nothing is. */
static void plant(struct volume *volume, uint32_t hash, uint32_t dossier)
{
    size_t at = hash & (volume->capacity - 1);

    while (volume->slots[at] != 0) {
        at = (at + 1) & (volume->capacity - 1);
    }
    volume->slots[at] = (uint64_t)hash << 32 | (dossier + 1);
}

static void places__in_several_volumes__are_found_and_what_is_old_is_let_be(void **state)
{
    enum { IDS = 2 * VOLUME_IDS + 1000, PLANTED = 20000 };
    struct places places = {.backing = counted_backing(&counted), .seed = 3};
    uint32_t seen = 0;

    (void)state;
    for (uint32_t i = 0; i < IDS; i++) {
        places_put(&places, hash_of_id(i), i);
    }
    assert_int_equal(places.count, 3);
    assert_true(counted.bytes / IDS < 14);
    for (uint32_t i = 0; i < IDS; i++) {
        assert_true(leads_to(&places, hash_of_id(i), i));
    }
    for (uint32_t i = IDS; i < IDS + PLANTED; i++) {
        plant(&places.volumes[i % 2], hash_of_id(i), i);
        seen += leads_to(&places, hash_of_id(i), i) ? 1 : 0;
    }
    assert_in_range(seen, 1, PLANTED / 25); /* a filter of ten bits an id errs now and then */
    places_free(&places);
    assert_int_equal(counted.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            cabinet__over_many_changes__holds_what_was_put_and_little_else, begin),
        cmocka_unit_test_setup(cabinet__that_is_emptied__gives_its_room_back, begin),
        cmocka_unit_test_setup(dossier__larger_than_a_drawer__lies_in_one_of_its_own, begin),
        cmocka_unit_test_setup(chunks__that_grow__do_not_move, begin),
        cmocka_unit_test_setup(
            places__in_several_volumes__are_found_and_what_is_old_is_let_be, begin),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
