/* engine_state: encode.c, decode.c and form.c: what a state is as bytes, and that an engine read back goes on as the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/procedure/form.h"
#include "common/procedure/saved.h"
#include "tests/support/engine_fixture.h"

#include "common/base/banned.h"

static struct engine_fixture world;

#define LEE "E08000035"
#define HER "E06000019"
#define CAM "E09000007"

static int open_world(void **state)
{
    (void)state;
    fixture_open(&world);
    fixture_transfer(&world, "T", LEE, HER);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(&world);
    return 0;
}

/* A story that leaves something in most places. */
static void tell_story(void)
{
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash,elm:cin,fir",
        "permanence=permanent retain_intention=transfer");
    (void)fixture_send(&world, LEE, "move_notified", "T", "oak",
        "permanence=permanent retain_intention=transfer"); /* waits for A1 */
    (void)fixture_send(&world, LEE, "legal_order_recorded", "T", "elm", "order_type=ico");
    (void)fixture_send(&world, LEE, "eh_consent_recorded", "T", "elm",
        "consent_ref=c consent_scope=eh_plan consent_recipients=" HER
        ":early_help consent_expires=2026-12-31");
    (void)fixture_send(&world, LEE, "eh_handover_sent", "T", "elm",
        "consent_ref=c documents=eh_plan demographics_checked=yes");
    (void)fixture_send(&world, LEE, "transfer_requested", "T", "elm",
        "rationale_present=yes legal_status=none family_informed=yes"); /* held */
    (void)fixture_told(&world, LEE, "s47_opened", "T", "ash", "");
    (void)fixture_told(&world, HER, "written_acceptance", "T", "ash",
        "signatory_role=conference_chair form=chair_letter letter_ref=L letter_hash=letter");
    (void)fixture_told(&world, HER, "escalation_raised", "T", "ash", "stage=1");
    fixture_at(&world, "2026-03-12T09:00");
}

static bool state_is(const engine_t *engine, const struct buf *bytes)
{
    struct buf again = {0};

    engine_encode(engine, &again);
    bool same = slice_equal(buf_slice(&again), buf_slice(bytes));
    buf_free(&again);
    return same;
}

static void form__of_every_struct__covers_it_whole(void **state)
{
    const struct form *const forms[] = {&form_child, &form_transfer, &form_episode, &form_row,
        &form_row_recipient, &form_row_verdict, &form_running};

    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        assert_int_equal(form_gaps(forms[i]), 0);
        assert_true(forms[i]->count <= FORM_FIELDS_MAX);
        for (size_t k = 0; k < forms[i]->count; k++) {
            const struct form *items = forms[i]->fields[k].items;
            assert_true(items == NULL || form_gaps(items) == 0);
        }
    }
}

/* But for the few that hide where padding would be. */
static void form__with_a_field_left_out__shows_the_gap(void **state)
{
    struct form_field fields[FORM_FIELDS_MAX];
    struct form less = {fields, (uint16_t)(form_episode.count - 1), form_episode.bytes};
    size_t hidden = 0;

    (void)state;
    for (size_t left_out = 0; left_out < form_episode.count; left_out++) {
        size_t count = 0;
        for (size_t i = 0; i < form_episode.count; i++) {
            if (i != left_out) {
                fields[count++] = form_episode.fields[i];
            }
        }
        hidden += form_gaps(&less) == 0;
    }
    assert_true(hidden < form_episode.count / 8);
}

static void held__in_a_state_that_was_read__is_released(void **state)
{
    (void)state;
    fixture_transfer(&world, "C", LEE, CAM);
    (void)fixture_told(&world, LEE, "s47_opened", "C", "ash:cin", "");
    const struct fixture_event *held = fixture_told(&world, LEE, "transfer_requested", "C",
        "ash:cin", "rationale_present=yes legal_status=none family_informed=yes");
    assert_int_equal(held->verdicts[0], VERDICT_HELD);
    fixture_reload(&world);
    (void)fixture_told(&world, LEE, "s47_closed", "C", "ash:cin", "s47_outcome=not_substantiated");
    assert_int_equal(fixture_logged(&world, "hold_released"), 1);
}

static void state__decoded__encodes_to_the_same_bytes(void **state)
{
    struct buf bytes = {0};
    struct complaint why = {0};
    engine_t *again = NULL;

    (void)state;
    tell_story();
    engine_encode(world.engine, &bytes);
    int rc = engine_decode(world.procedures, NULL, NULL, buf_slice(&bytes), &again, &why);
    assert_string_equal(why.text, "");
    assert_int_equal(rc, 0);
    assert_true(state_is(again, &bytes));
    struct hash one = engine_hash(world.engine);
    struct hash two = engine_hash(again);
    assert_memory_equal(one.b, two.b, HASH_BYTES);
    assert_int_equal(engine_next_ms(again), engine_next_ms(world.engine));
    engine_destroy(&again);
    buf_free(&bytes);
}

static void state__of_an_engine_that_saw_nothing__is_one_too(void **state)
{
    struct buf bytes = {0};
    engine_t *again = NULL;

    (void)state;
    engine_encode(world.engine, &bytes);
    assert_int_equal(
        engine_decode(world.procedures, NULL, NULL, buf_slice(&bytes), &again, NULL), 0);
    assert_true(state_is(again, &bytes));
    engine_destroy(&again);
    buf_free(&bytes);
}

static void state__in_slices__is_the_same(void **state)
{
    struct buf whole = {0};
    struct buf slices = {0};
    engine_t *again = NULL;

    (void)state;
    tell_story();
    engine_encode(world.engine, &whole);
    engine_saving_t *saving = engine_saving_new(world.engine);
    while (!engine_saving_step(saving, 1, &slices)) {
    }
    engine_saving_destroy(&saving);
    assert_true(slice_equal(buf_slice(&whole), buf_slice(&slices)));
    engine_loading_t *loading =
        engine_loading_new(world.procedures, 4711, NULL, NULL, NULL, buf_slice(&whole));
    int rc;
    size_t steps = 0;
    while ((rc = engine_loading_step(loading, 3, &again, NULL)) == E_BUSY) {
        steps++;
    }
    assert_int_equal(rc, 0);
    assert_true(steps > 3);
    assert_true(state_is(again, &whole));
    engine_loading_destroy(&loading);
    engine_destroy(&again);
    buf_free(&whole);
    buf_free(&slices);
}

static void state__cut_short_anywhere__is_refused(void **state)
{
    struct buf bytes = {0};
    engine_t *again = NULL;

    (void)state;
    tell_story();
    engine_encode(world.engine, &bytes);
    for (size_t len = 0; len < bytes.len; len += len < 4 ? 1 : 3) {
        struct complaint why = {0};
        int rc =
            engine_decode(world.procedures, NULL, NULL, slice_of(bytes.data, len), &again, &why);
        assert_int_equal(rc, len < 4 ? E_VERSION : E_CORRUPT);
        assert_true(strlen(why.text) > 0);
    }
    buf_put_u8(&bytes, 0);
    assert_int_equal(
        engine_decode(world.procedures, NULL, NULL, buf_slice(&bytes), &again, NULL), E_CORRUPT);
    assert_null(again);
    buf_free(&bytes);
}

/* Whatever is taken is a state of its own: it encodes to the bytes that were given, and it can be asked and go on. */
static void state__with_a_bit_flipped_anywhere__is_refused_or_another_state(void **state)
{
    struct buf bytes = {0};
    size_t refused = 0;

    (void)state;
    tell_story();
    engine_encode(world.engine, &bytes);
    for (size_t bit = 0; bit < bytes.len * 8; bit += 9) {
        engine_t *again = NULL;
        bytes.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        if (engine_decode(world.procedures, NULL, NULL, buf_slice(&bytes), &again, NULL) != 0) {
            refused++;
        } else {
            assert_true(state_is(again, &bytes));
            engine_advance(again, world.now_ms + INT64_C(40) * 86400000);
        }
        engine_destroy(&again);
        bytes.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_true(refused > bytes.len / 8);
    buf_free(&bytes);
}

/* ---- dossiers in a state ---- */

/* The bytes of one that is packed, lent until it is opened. */
static struct slice dossier_bytes(engine_t *engine, uint32_t number)
{
    engine_advance(engine, world.now_ms);
    const struct away *away = dossier_at(engine, number)->away;

    assert_non_null(away);
    return away_bytes(away);
}

/* The world's state with other dossiers behind its totals. */
static int decode_with(struct slice first, struct slice second)
{
    struct buf bytes = {0};
    engine_t *again = NULL;
    struct slice ours[] = {dossier_bytes(world.engine, 0), dossier_bytes(world.engine, 1)};

    engine_encode(world.engine, &bytes);
    bytes.len -= ours[0].len + ours[1].len;
    buf_put_slice(&bytes, first);
    buf_put_slice(&bytes, second);
    int rc = engine_decode(world.procedures, NULL, NULL, buf_slice(&bytes), &again, NULL);
    engine_destroy(&again);
    buf_free(&bytes);
    return rc;
}

static void open_two(void)
{
    fixture_transfer(&world, "U", LEE, HER);
    (void)fixture_told(&world, LEE, "s47_opened", "T", "ash", "");
    (void)fixture_told(&world, LEE, "s47_opened", "U", "elm", "");
    assert_int_equal(world.engine->dossiers.all.count, 2);
}

static void dossiers__in_another_order__are_refused(void **state)
{
    (void)state;
    open_two();
    struct slice one = dossier_bytes(world.engine, 0);
    struct slice two = dossier_bytes(world.engine, 1);
    assert_int_equal(decode_with(one, two), 0);
    assert_int_equal(decode_with(two, one), E_CORRUPT);
}

static void dossiers__with_the_same_child__are_refused(void **state)
{
    struct engine_fixture other;

    (void)state;
    open_two();
    fixture_open(&other);
    fixture_transfer(&other, "T", LEE, HER);
    fixture_transfer(&other, "U", LEE, HER);
    (void)fixture_told(&other, LEE, "s47_opened", "U", "elm", "");
    (void)fixture_told(&other, LEE, "s47_opened", "T", "ash", ""); /* numbered as our second */
    assert_int_equal(
        decode_with(dossier_bytes(world.engine, 0), dossier_bytes(other.engine, 1)), E_CORRUPT);
    fixture_close(&other);
}

static void dossiers__whose_children_have_one_number__are_refused(void **state)
{
    enum { NUMBER_AT = 1 }; /* behind how many children there are */
    struct buf second = {0};

    (void)state;
    open_two();
    buf_put_slice(&second, dossier_bytes(world.engine, 1));
    assert_int_equal(second.data[NUMBER_AT], 1);
    second.data[NUMBER_AT] = 0;
    assert_int_equal(decode_with(dossier_bytes(world.engine, 0), buf_slice(&second)), E_CORRUPT);
    buf_free(&second);
}

static void dossier__that_lacks_an_event__is_refused(void **state)
{
    struct buf before = {0};

    (void)state;
    open_two();
    buf_put_slice(&before, dossier_bytes(world.engine, 1));
    (void)fixture_told(&world, LEE, "family_informed", "U", "elm", "informed_on=2026-03-01");
    assert_int_equal(decode_with(dossier_bytes(world.engine, 0), buf_slice(&before)), E_CORRUPT);
    buf_free(&before);
}

static void dossier__with_one_child_twice__is_refused(void **state)
{
    struct buf bytes = {0};
    engine_t *again = NULL;
    uint8_t ash[UUID_BYTES];
    uint8_t elm[UUID_BYTES];
    size_t changed = 0;

    (void)state;
    fixture_id("ash", ash);
    fixture_id("elm", elm);
    (void)fixture_told(&world, LEE, "s47_opened", "T", "ash,elm", "");
    engine_encode(world.engine, &bytes);
    for (size_t at = 0; at + UUID_BYTES <= bytes.len; at++) {
        if (memcmp(bytes.data + at, elm, UUID_BYTES) == 0) {
            memcpy(bytes.data + at, ash, UUID_BYTES);
            changed++;
        }
    }
    assert_int_equal(changed, 1);
    assert_int_equal(
        engine_decode(world.procedures, NULL, NULL, buf_slice(&bytes), &again, NULL), E_CORRUPT);
    buf_free(&bytes);
}

static void state__of_another_layout__is_told(void **state)
{
    struct buf bytes = {0};
    struct complaint why = {0};
    engine_t *again = NULL;

    (void)state;
    engine_encode(world.engine, &bytes);
    bytes.data[0]++;
    assert_int_equal(
        engine_decode(world.procedures, NULL, NULL, buf_slice(&bytes), &again, &why), E_VERSION);
    assert_non_null(strstr(why.text, "layout"));
    assert_int_equal(strlen(engine_version()), 32);
    buf_free(&bytes);
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(form__of_every_struct__covers_it_whole),
        cmocka_unit_test(form__with_a_field_left_out__shows_the_gap),
        WORLD_TEST(held__in_a_state_that_was_read__is_released),
        WORLD_TEST(state__decoded__encodes_to_the_same_bytes),
        WORLD_TEST(state__of_an_engine_that_saw_nothing__is_one_too),
        WORLD_TEST(state__in_slices__is_the_same),
        WORLD_TEST(state__cut_short_anywhere__is_refused),
        WORLD_TEST(state__with_a_bit_flipped_anywhere__is_refused_or_another_state),
        WORLD_TEST(state__of_another_layout__is_told),
        WORLD_TEST(dossiers__in_another_order__are_refused),
        WORLD_TEST(dossiers__with_the_same_child__are_refused),
        WORLD_TEST(dossiers__whose_children_have_one_number__are_refused),
        WORLD_TEST(dossier__that_lacks_an_event__is_refused),
        WORLD_TEST(dossier__with_one_child_twice__is_refused),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
