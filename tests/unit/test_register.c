/*
 * register: who is who. A whole register is built field by field (tests/support/register_model.h);
 * each test spoils one thing,
 * signs it properly, and asks for the refusal, so that only the rule under test can be what refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/civil.h"
#include "common/register/envelope.h"
#include "common/register/register.h"
#include "common/register/rules.h"
#include "tests/support/register_model.h"

#include "common/base/banned.h"

/* ---- lookups ---- */

static void load__whole_register__answers_every_lookup(void **state)
{
    (void)state;
    register_t *book = model_loaded();
    struct buf body = model_pack();

    assert_string_equal(register_network(book), "demo");
    assert_int_equal(register_version(book), 1);
    assert_int_equal(register_threshold(book), 2);
    assert_int_equal(register_root_count(book), ROOTS);
    assert_memory_equal(register_root_at(book, 2), model_roots[2].sign_public, 32);
    assert_true(register_stale_ms(book) == INT64_MAX);
    assert_true(slice_equal(register_body(book), buf_slice(&body)));
    struct hash wanted = hash_of("waypost/register/1", buf_slice(&body), slice_of(NULL, 0));
    struct hash found = register_hash(book);
    assert_memory_equal(found.b, wanted.b, HASH_BYTES);
    assert_int_equal(register_authority_count(book), AUTHORITIES);
    assert_string_equal(register_authority_of(book, "E09000007")->name, "Camden");
    assert_string_equal(register_authority_of(book, "E09000007")->profile, "london");
    assert_string_equal(register_authority_of(book, "E09000019")->profile, "national");
    assert_string_equal(register_authority_of(book, "E09000019")->dfe, "");
    assert_null(register_authority_of(book, "E09000008"));
    assert_int_equal(register_broker_count(book), 1);
    assert_string_equal(register_broker_at(book, 0)->endpoint, "tcp://broker.example:5670");
    assert_int_equal(register_retention_days(book, 4), 366);
    assert_int_equal(register_retention_days(book, 5), -1);
    buf_free(&body);
    register_destroy(&book);
    assert_null(book);
}

static void agents__by_id_code_and_key__are_found(void **state)
{
    (void)state;
    model.agent[0].n_keys = KEYS; /* a rotation: two CURVE keys at once */
    register_t *book = model_loaded();
    const uint8_t stranger[32] = {99};

    for (size_t i = 0; i < AGENTS; i++) {
        const struct register_agent *agent = register_agent_of(book, model.agent[i].id);
        assert_non_null(agent);
        assert_int_equal(agent->number, i);
        assert_ptr_equal(agent, register_agent_at(book, i));
        assert_ptr_equal(register_agent_by_curve(book, model.bytes[i][0]), agent);
        assert_null(
            register_agent_by_curve(book, model.bytes[i][1])); /* a sign key opens no door */
    }
    const struct register_agent *camden = register_agent_of(book, "E09000007");
    assert_ptr_equal(register_agent_by_curve(book, model.bytes[0][3]), camden);
    assert_ptr_equal(register_key_by_curve(book, model.bytes[0][3], NULL), &camden->keys[3]);
    assert_null(register_agent_by_curve(book, stranger));
    assert_ptr_equal(register_agent_serving(book, "E09000007"), camden);
    assert_ptr_equal(
        register_agent_serving(book, "E10000030"), register_agent_of(book, "E09000019"));
    assert_null(register_agent_serving(book, "E06000063"));
    assert_null(register_agent_of(book, "E0900000"));
    assert_true(register_agent_speaks_for(camden, "E09000007"));
    assert_false(register_agent_speaks_for(camden, "E10000030"));
    assert_true(register_agent_speaks_for(register_agent_of(book, "E09000019"), "E10000030"));
    assert_false(register_agent_speaks_for(register_agent_of(book, "hub-london"), ""));
    assert_true(register_agent_has_role(register_agent_of(book, "hub-london"), REGISTER_ROLE_HUB));
    assert_false(register_agent_has_role(camden, REGISTER_ROLE_HUB));
    register_destroy(&book);
}

static void authority_nearest__typo_in_code_or_name__gives_the_code(void **state)
{
    (void)state;
    register_t *book = model_loaded();

    assert_string_equal(register_authority_nearest(book, "Camdn"), "E09000007");
    assert_string_equal(register_authority_nearest(book, "Islington"), "E09000019");
    assert_string_equal(register_authority_nearest(book, "E0900019"), "E09000019");
    assert_null(register_authority_nearest(book, "nowhere at all"));
    register_destroy(&book);
}

static void register__without_agents_or_authorities__loads(void **state)
{
    (void)state;
    model.message.n_agents = 0;
    model.message.n_authorities = 0;
    model.message.n_brokers = 0;
    model.message.n_retention = 0;
    register_t *book = model_loaded();
    const struct register_authority *to;

    assert_null(register_agent_of(book, "x"));
    assert_null(register_agent_by_curve(book, model.bytes[0][0]));
    assert_null(register_agent_serving(book, "E09000007"));
    assert_int_equal(register_route(book, "E09000007", 20000, &to), ROUTE_UNKNOWN);
    assert_null(to);
    register_destroy(&book);
}

/* ---- keys and their times ---- */

static void key_valid__each_bound__is_a_half_open_interval(void **state)
{
    (void)state;
    Waypost__Key *key = &model.key[0][1];
    key->has_to_ms = 1;
    key->to_ms = NOW + HOUR;
    register_t *book = model_loaded();
    const struct register_agent *agent = register_agent_of(book, "E09000007");
    const struct register_key *found = &agent->keys[1];

    assert_int_equal(register_key_valid(agent, found, NOW - 1), E_KEY);
    assert_int_equal(register_key_valid(agent, found, NOW), 0);
    assert_int_equal(register_key_valid(agent, found, NOW + HOUR - 1), 0);
    assert_int_equal(register_key_valid(agent, found, NOW + HOUR), E_KEY);
    register_destroy(&book);
}

static void key_valid__revoked_or_compromised__counts_until_then_only(void **state)
{
    (void)state;
    model.key[0][1].has_revoked_ms = 1;
    model.key[0][1].revoked_ms = NOW + HOUR;
    model.key[0][1].has_compromised_since_ms = 1;
    model.key[0][1].compromised_since_ms = NOW + HOUR / 2;
    model.agent[1].has_revoked_ms = 1;
    model.agent[1].revoked_ms = NOW + HOUR;
    register_t *book = model_loaded();
    const struct register_agent *camden = register_agent_of(book, "E09000007");
    const struct register_agent *islington = register_agent_of(book, "E09000019");

    assert_int_equal(register_key_valid(camden, &camden->keys[1], NOW + HOUR / 2 - 1), 0);
    assert_int_equal(register_key_valid(camden, &camden->keys[1], NOW + HOUR / 2), E_REVOKED);
    assert_int_equal(register_key_valid(camden, &camden->keys[0], NOW + HOUR), 0);
    for (size_t k = 0; k < islington->key_count; k++) {
        assert_int_equal(register_key_valid(islington, &islington->keys[k], NOW + HOUR - 1), 0);
        assert_int_equal(register_key_valid(islington, &islington->keys[k], NOW + HOUR), E_REVOKED);
    }
    register_destroy(&book);
}

static void keys_valid__during_a_rotation__are_both_newest_first(void **state)
{
    (void)state;
    const struct register_key *found[4];
    model.agent[0].n_keys = KEYS;
    model.key[0][3].from_ms = NOW + HOUR;
    model.key[0][0].has_to_ms = 1;
    model.key[0][0].to_ms = NOW + 2 * HOUR;
    register_t *book = model_loaded();
    const struct register_agent *agent = register_agent_of(book, "E09000007");

    assert_int_equal(register_keys_valid(agent, REGISTER_KEY_CURVE, NOW, found, 4), 1);
    assert_ptr_equal(found[0], &agent->keys[0]);
    assert_int_equal(register_keys_valid(agent, REGISTER_KEY_CURVE, NOW + HOUR, found, 4), 2);
    assert_ptr_equal(found[0], &agent->keys[3]);
    assert_ptr_equal(found[1], &agent->keys[0]);
    assert_int_equal(register_keys_valid(agent, REGISTER_KEY_CURVE, NOW + HOUR, found, 1), 1);
    assert_ptr_equal(found[0], &agent->keys[3]);
    assert_int_equal(register_keys_valid(agent, REGISTER_KEY_CURVE, NOW + 2 * HOUR, found, 4), 1);
    assert_int_equal(register_keys_valid(agent, REGISTER_KEY_CURVE, NOW + HOUR, found, 0), 0);
    register_destroy(&book);
}

static void key_of__id_of_another_use_or_agent__is_not_found(void **state)
{
    (void)state;
    register_t *book = model_loaded();
    const struct register_agent *agent = register_agent_of(book, "E09000007");
    uint8_t id[KEY_ID_BYTES];

    hash_key_id(model.bytes[0][1], id);
    assert_ptr_equal(register_key_of(agent, REGISTER_KEY_SIGN, id), &agent->keys[1]);
    assert_null(register_key_of(agent, REGISTER_KEY_SEAL, id));
    assert_null(register_key_of(register_agent_of(book, "E09000019"), REGISTER_KEY_SIGN, id));
    register_destroy(&book);
}

/* ---- routes ---- */

static void route__by_day__follows_the_successions(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        struct civil_date day;
        enum register_route route;
        const char *to;
    } cases[] = {
        {"E09000007", {2026, 3, 16}, ROUTE_DIRECT, "E09000007"},
        {"E08000016", {2025, 3, 31}, ROUTE_DIRECT, "E08000016"},
        {"E08000016", {2025, 4, 1}, ROUTE_SUCCESSOR, "E08000038"},
        {"E08000038", {2026, 3, 16}, ROUTE_DIRECT, "E08000038"},
        {"E10000006", {2023, 3, 31}, ROUTE_DIRECT, "E10000006"},
        {"E10000006", {2023, 4, 1}, ROUTE_SPLIT, "E10000006"},
        {"E10000030", {2027, 3, 31}, ROUTE_DIRECT, "E10000030"},
        {"E10000030", {2027, 4, 1}, ROUTE_ABOLISHED, "E10000030"},
        {"E09000099", {2026, 3, 16}, ROUTE_UNKNOWN, NULL},
        {"", {2026, 3, 16}, ROUTE_UNKNOWN, NULL},
    };
    register_t *book = model_loaded();

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct register_authority *to;
        assert_int_equal(
            register_route(book, cases[i].code, civil_days(cases[i].day), &to), cases[i].route);
        if (cases[i].to == NULL) {
            assert_null(to);
        } else {
            assert_string_equal(to->code, cases[i].to);
        }
    }
    register_destroy(&book);
}

static void route__chain_of_successors__ends_at_the_last_in_force_or_at_the_split(void **state)
{
    (void)state;
    char *to_cumbria[] = {model_text("E10000006")};
    char *to_old_barnsley[] = {model_text("E08000016")};
    const struct register_authority *to;
    int32_t day = civil_days((struct civil_date){2026, 3, 16});
    model_end_authority(4, 2024, to_cumbria, 1);      /* Camden, then Cumbria, which is split */
    model_end_authority(5, 2024, to_old_barnsley, 1); /* Islington, then old, then new Barnsley */
    register_t *book = model_loaded();

    assert_int_equal(register_route(book, "E09000007", day, &to), ROUTE_SPLIT);
    assert_string_equal(to->code, "E10000006");
    assert_int_equal(to->successor_count, 2);
    assert_int_equal(register_route(book, "E09000019", day, &to), ROUTE_SUCCESSOR);
    assert_string_equal(to->code, "E08000038");
    register_destroy(&book);
}

static void route__circle_of_successors__ends_and_is_returned(void **state)
{
    (void)state;
    char *to_islington[] = {model_text("E09000019")};
    char *to_camden[] = {model_text("E09000007")};
    const struct register_authority *to = NULL;
    model_end_authority(4, 2024, to_islington, 1);
    model_end_authority(5, 2024, to_camden, 1);
    register_t *book = model_loaded();

    assert_int_equal(register_route(book, "E09000007", 20500, &to), ROUTE_ABOLISHED);
    assert_non_null(to);
    register_destroy(&book);
}

/* ---- signatures ---- */

static void signatures__by_every_set_of_roots__count_up_to_the_threshold(void **state)
{
    (void)state;
    struct register_pin pin = model_pin(2, ROOTS);

    for (unsigned which = 1; which < 8; which++) {
        register_t *book = NULL;
        struct complaint why = {0};
        int wanted = __builtin_popcount(which) >= 2 ? 0 : E_SIGNATURE;
        assert_int_equal(model_load_against(which, &pin, NULL, &book, &why), wanted);
        assert_true(wanted == 0 || (book == NULL && why.text[0] != '\0'));
        register_destroy(&book);
    }
}

static void signatures__same_root_twice__is_one_vote(void **state)
{
    (void)state;
    struct register_pin pin = model_pin(2, ROOTS);
    struct buf once = model_signed_by(1);
    register_t *book = NULL;
    struct envelope envelope;

    /* The second half of the bytes is the signature; repeat it. */
    assert_int_equal(envelope_read(buf_slice(&once), &envelope, NULL), 0);
    size_t body_end =
        (size_t)(envelope.register_bytes.data - once.data) + envelope.register_bytes.len;
    struct buf twice = {0};
    buf_put(&twice, once.data, once.len);
    buf_put(&twice, once.data + body_end, once.len - body_end);
    assert_int_equal(envelope_read(buf_slice(&twice), &envelope, NULL), 0);
    assert_int_equal(envelope.count, 2);
    assert_int_equal(register_load(buf_slice(&twice), &pin, NULL, &book, NULL), E_SIGNATURE);
    memcpy(pin.roots[1], pin.roots[0], 32); /* nor does a pin that lists it twice */
    assert_int_equal(envelope_votes(&envelope, (const uint8_t(*)[32])pin.roots, ROOTS), 1);
    assert_int_equal(register_load(buf_slice(&once), &pin, NULL, &book, NULL), E_SIGNATURE);
    buf_free(&once);
    buf_free(&twice);
}

static void signatures__of_roots_not_pinned__count_nothing(void **state)
{
    (void)state;
    struct register_pin pin = model_pin(1, 1);
    register_t *book = NULL;

    assert_int_equal(model_load_against(6, &pin, NULL, &book, NULL), E_SIGNATURE);
    assert_int_equal(model_load_against(7, &pin, NULL, &book, NULL), 0);
    register_destroy(&book);
}

static void signatures__of_own_roots_too_few__are_refused_although_pinned(void **state)
{
    (void)state;
    struct register_pin pin = model_pin(1, ROOTS);
    register_t *book = NULL;

    assert_int_equal(model_load_against(1, &pin, NULL, &book, NULL), E_SIGNATURE);
}

static void load__any_bit_flipped__is_refused(void **state)
{
    (void)state;
    struct register_pin pin = model_pin(2, ROOTS);
    struct buf bytes = model_signed_by(3);

    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        register_t *book = NULL;
        bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_not_equal(register_load(buf_slice(&bytes), &pin, NULL, &book, NULL), 0);
        assert_null(book);
        bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    buf_free(&bytes);
}

static void load__cut_at_every_byte__is_refused(void **state)
{
    (void)state;
    struct register_pin pin = model_pin(2, ROOTS);
    struct buf bytes = model_signed_by(3);

    for (size_t len = 0; len < bytes.len; len++) {
        register_t *book = NULL;
        assert_int_not_equal(register_load(slice_of(bytes.data, len), &pin, NULL, &book, NULL), 0);
    }
    buf_free(&bytes);
}

static void load__too_large__is_refused_unread(void **state)
{
    (void)state;
    struct register_pin pin = model_pin(1, 1);
    uint8_t *huge = mem_new(REGISTER_BYTES_MAX + 1, 1);
    register_t *book = NULL;

    assert_int_equal(register_load(slice_of(huge, REGISTER_BYTES_MAX + 1), &pin, NULL, &book, NULL),
        E_TOO_LARGE);
    free(huge);
}

static void load__signed_rubbish__is_malformed(void **state)
{
    (void)state;
    struct register_pin pin = model_pin(1, 1);
    struct buf bytes = {0};
    register_t *book = NULL;

    assert_int_equal(
        envelope_sign(&bytes, slice_of_text("\xff\xff rubbish"), &model_roots[0], NULL), 0);
    assert_int_equal(register_load(buf_slice(&bytes), &pin, NULL, &book, NULL), E_MALFORMED);
    buf_free(&bytes);
}

static void envelope__signed_again_or_over_another_register__is_refused(void **state)
{
    (void)state;
    struct buf bytes = model_signed_by(1);
    struct buf body = model_pack();
    size_t len = bytes.len;

    assert_int_equal(envelope_sign(&bytes, buf_slice(&body), &model_roots[0], NULL), E_DUPLICATE);
    assert_int_equal(
        envelope_sign(&bytes, slice_of_text("other"), &model_roots[1], NULL), E_CONFLICT);
    assert_int_equal(bytes.len, len);
    assert_int_equal(envelope_sign(&bytes, buf_slice(&body), &model_roots[1], NULL), 0);
    assert_true(bytes.len > len);
    buf_free(&bytes);
    buf_free(&body);
}

/* ---- versions ---- */

static void network__other_than_pinned__is_refused(void **state)
{
    (void)state;
    struct register_pin pin = model_pin(2, ROOTS);
    register_t *book = NULL;
    struct complaint why = {0};

    pin.network = "live";
    assert_int_equal(model_load_against(3, &pin, NULL, &book, &why), E_NETWORK);
    assert_non_null(strstr(why.text, "\"demo\""));
}

/* Make the model follow `before` as its next version. */
static void continue_from(const register_t *before, uint64_t version)
{
    static struct hash previous;

    previous = register_hash(before);
    model.message.version = version;
    model.message.has_previous = 1;
    model.message.previous = (ProtobufCBinaryData){HASH_BYTES, previous.b};
}

static void version__next_with_its_previous__is_taken(void **state)
{
    (void)state;
    register_t *before = model_loaded();
    register_t *after = NULL;

    continue_from(before, 2);
    assert_int_equal(model_load_against(3, NULL, before, &after, NULL), 0);
    assert_int_equal(register_version(after), 2);
    register_destroy(&after);
    continue_from(before, 9); /* versions between were missed: their hash cannot be known */
    model.message.has_previous = 0;
    assert_int_equal(model_load_against(3, NULL, before, &after, NULL), 0);
    register_destroy(&after);
    register_destroy(&before);
}

static void version__lower_same_or_not_continuing__is_refused(void **state)
{
    (void)state;
    register_t *first = model_loaded();
    register_t *book = NULL;
    struct complaint why = {0};
    struct register_pin pin = model_pin(2, ROOTS);

    assert_int_equal(model_load_against(3, &pin, first, &book, NULL), E_DUPLICATE);
    model.message.issued_ms++;
    assert_int_equal(model_load_against(3, &pin, first, &book, NULL), E_CONFLICT);
    model.message.version = 2;
    assert_int_equal(
        model_load_against(3, &pin, first, &book, NULL), E_CONFLICT); /* no previous hash */
    continue_from(first, 2);
    model.message.previous.data[0] ^= 1;
    assert_int_equal(model_load_against(3, &pin, first, &book, NULL), E_CONFLICT);
    continue_from(first, 5);
    register_t *fifth = model_loaded();
    continue_from(first, 4);
    assert_int_equal(model_load_against(3, &pin, fifth, &book, &why), E_ROLLBACK);
    assert_non_null(strstr(why.text, "version 5 is in force"));
    register_destroy(&fifth);
    register_destroy(&first);
}

static void roots__changed__need_the_old_roots_and_the_new_ones(void **state)
{
    (void)state;
    register_t *after = NULL;
    struct register_pin pin = model_pin(1, 1);
    model.message.n_roots = 1;
    model.message.threshold = 1;
    register_t *before = NULL;
    assert_int_equal(model_load_against(1, &pin, NULL, &before, NULL), 0);

    continue_from(before, 2);
    model.roots[0].data = model_roots[1].sign_public; /* root 2 takes over from root 1 */
    assert_int_equal(
        model_load_against(2, NULL, before, &after, NULL), E_SIGNATURE); /* the new alone */
    assert_int_equal(
        model_load_against(1, NULL, before, &after, NULL), E_SIGNATURE); /* the old alone */
    assert_int_equal(model_load_against(3, NULL, before, &after, NULL), 0);
    register_destroy(&before);

    continue_from(after, 3);
    assert_int_equal(
        model_load_against(1, NULL, after, &before, NULL), E_SIGNATURE); /* root 1 is out */
    assert_int_equal(model_load_against(2, NULL, after, &before, NULL), 0);
    register_destroy(&before);
    register_destroy(&after);
}

static void load_unpinned__signed_by_its_own_roots__is_shown_only_if_signed(void **state)
{
    (void)state;
    register_t *book = NULL;
    struct buf bytes = model_signed_by(3);
    struct buf half = model_signed_by(1);

    assert_int_equal(register_load_unpinned(buf_slice(&bytes), &book, NULL), 0);
    assert_int_equal(register_version(book), 1);
    register_destroy(&book);
    assert_int_equal(register_load_unpinned(buf_slice(&half), &book, NULL), E_SIGNATURE);
    buf_free(&bytes);
    buf_free(&half);
}

#define TEST(name) cmocka_unit_test_setup(name, model_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(load__whole_register__answers_every_lookup),
        TEST(agents__by_id_code_and_key__are_found),
        TEST(authority_nearest__typo_in_code_or_name__gives_the_code),
        TEST(register__without_agents_or_authorities__loads),
        TEST(key_valid__each_bound__is_a_half_open_interval),
        TEST(key_valid__revoked_or_compromised__counts_until_then_only),
        TEST(keys_valid__during_a_rotation__are_both_newest_first),
        TEST(key_of__id_of_another_use_or_agent__is_not_found),
        TEST(route__by_day__follows_the_successions),
        TEST(route__chain_of_successors__ends_at_the_last_in_force_or_at_the_split),
        TEST(route__circle_of_successors__ends_and_is_returned),
        TEST(signatures__by_every_set_of_roots__count_up_to_the_threshold),
        TEST(signatures__same_root_twice__is_one_vote),
        TEST(signatures__of_roots_not_pinned__count_nothing),
        TEST(signatures__of_own_roots_too_few__are_refused_although_pinned),
        TEST(load__any_bit_flipped__is_refused),
        TEST(load__cut_at_every_byte__is_refused),
        TEST(load__too_large__is_refused_unread),
        TEST(load__signed_rubbish__is_malformed),
        TEST(envelope__signed_again_or_over_another_register__is_refused),
        TEST(network__other_than_pinned__is_refused),
        TEST(version__next_with_its_previous__is_taken),
        TEST(version__lower_same_or_not_continuing__is_refused),
        TEST(roots__changed__need_the_old_roots_and_the_new_ones),
        TEST(load_unpinned__signed_by_its_own_roots__is_shown_only_if_signed),
    };

    crypto_start();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, model_make_roots, NULL);
}
