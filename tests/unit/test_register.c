/*
 * register: who is who. A whole register is built here field by field; each test spoils one thing, signs it properly,
 * and asks for the refusal, so that only the rule under test can be what refuses.
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

#include "common/base/banned.h"

enum { ROOTS = 3, AUTHORITIES = 8, AGENTS = 4, KEYS = 5 };

#define NOW INT64_C(1773655500000) /* 2026-03-16 */
#define HOUR INT64_C(3600000)

static struct keys roots[ROOTS];

/* A register with everything in it, laid out so that a test can reach each part. */
struct model {
    Waypost__Register message;
    ProtobufCBinaryData roots[9];
    Waypost__Authority authority[AUTHORITIES];
    Waypost__Authority *authority_at[AUTHORITIES];
    Waypost__Agent agent[AGENTS];
    Waypost__Agent *agent_at[AGENTS];
    Waypost__Key key[AGENTS][KEYS];
    Waypost__Key *key_at[AGENTS][KEYS];
    uint8_t bytes[AGENTS][KEYS][32];
    Waypost__Role role[AGENTS][2];
    Waypost__Broker broker;
    Waypost__Broker *broker_at[1];
    uint8_t broker_bytes[2][32];
    Waypost__Retention retention[2];
    Waypost__Retention *retention_at[2];
};

static struct model model;

static char *text(const char *literal)
{
    return (char *)(uintptr_t)literal; /* protobuf-c has no const */
}

static void add_authority(size_t i, const char *code, const char *name)
{
    waypost__authority__init(&model.authority[i]);
    model.authority[i].code = text(code);
    model.authority[i].name = text(name);
    model.authority_at[i] = &model.authority[i];
}

static void end_authority(size_t i, int year, char **successors, size_t count)
{
    model.authority[i].has_until_day = 1;
    model.authority[i].until_day = civil_days((struct civil_date){year, 4, 1});
    model.authority[i].successors = successors;
    model.authority[i].n_successors = count;
}

static void add_agent(size_t i, const char *id, Waypost__Role role)
{
    static const Waypost__KeyUse uses[KEYS] = {WAYPOST__KEY_USE__CURVE, WAYPOST__KEY_USE__SIGN,
        WAYPOST__KEY_USE__SEAL, WAYPOST__KEY_USE__CURVE, WAYPOST__KEY_USE__SIGN};
    Waypost__Agent *agent = &model.agent[i];

    waypost__agent__init(agent);
    agent->id = text(id);
    agent->code = role == WAYPOST__ROLE__AUTHORITY ? text(id) : NULL;
    model.role[i][0] = role;
    agent->roles = model.role[i];
    agent->n_roles = 1;
    for (size_t k = 0; k < KEYS; k++) {
        Waypost__Key *key = &model.key[i][k];
        waypost__key__init(key);
        memset(model.bytes[i][k], (int)(1 + i * KEYS + k), 32);
        key->use = uses[k];
        key->key.data = model.bytes[i][k];
        key->key.len = 32;
        key->from_ms = NOW;
        model.key_at[i][k] = key;
    }
    agent->keys = model.key_at[i];
    agent->n_keys = 3;
    model.agent_at[i] = agent;
}

static void build_places(void)
{
    static char *barnsley[] = {NULL};
    static char *cumbria[] = {NULL, NULL};

    barnsley[0] = text("E08000038");
    cumbria[0] = text("E06000063");
    cumbria[1] = text("E06000064");
    add_authority(0, "E06000063", "Cumberland");
    add_authority(1, "E06000064", "Westmorland and Furness");
    add_authority(2, "E08000016", "Barnsley");
    add_authority(3, "E08000038", "Barnsley");
    add_authority(4, "E09000007", "Camden");
    add_authority(5, "E09000019", "Islington");
    add_authority(6, "E10000006", "Cumbria");
    add_authority(7, "E10000030", "Surrey");
    model.authority[4].profile = text("london");
    model.authority[4].dfe = text("202");
    model.authority[4].region = text("London");
    model.authority[4].region_code = text("E12000007");
    end_authority(2, 2025, barnsley, 1);
    end_authority(6, 2023, cumbria, 2);
    end_authority(7, 2027, NULL, 0);
    model.message.authorities = model.authority_at;
    model.message.n_authorities = AUTHORITIES;
}

static void build_agents(void)
{
    static char *regions[] = {NULL};
    static char *acts_for[] = {NULL};

    regions[0] = text("E12000007");
    acts_for[0] = text("E10000030");
    add_agent(0, "E09000007", WAYPOST__ROLE__AUTHORITY);
    add_agent(1, "E09000019", WAYPOST__ROLE__AUTHORITY);
    add_agent(2, "hub-london", WAYPOST__ROLE__HUB);
    add_agent(3, "operator-1", WAYPOST__ROLE__OPERATOR);
    model.agent[2].regions = regions;
    model.agent[2].n_regions = 1;
    model.agent[1].acts_for = acts_for;
    model.agent[1].n_acts_for = 1;
    model.message.agents = model.agent_at;
    model.message.n_agents = AGENTS;
}

static void build(void)
{
    model = (struct model){0};
    waypost__register__init(&model.message);
    model.message.network = text("demo");
    model.message.version = 1;
    model.message.threshold = 2;
    model.message.issued_ms = NOW;
    for (size_t i = 0; i < ROOTS; i++) {
        model.roots[i] = (ProtobufCBinaryData){32, roots[i].sign_public};
    }
    model.message.roots = model.roots;
    model.message.n_roots = ROOTS;
    build_places();
    build_agents();
    waypost__broker__init(&model.broker);
    memset(model.broker_bytes[0], 200, 32);
    memset(model.broker_bytes[1], 201, 32);
    model.broker.endpoint = text("tcp://broker.example:5670");
    model.broker.curve_key = (ProtobufCBinaryData){32, model.broker_bytes[0]};
    model.broker.head_key = (ProtobufCBinaryData){32, model.broker_bytes[1]};
    model.broker_at[0] = &model.broker;
    model.message.brokers = model.broker_at;
    model.message.n_brokers = 1;
    for (uint32_t i = 0; i < 2; i++) {
        waypost__retention__init(&model.retention[i]);
        model.retention[i].kind = 3 + i;
        model.retention[i].days = 365 + i;
        model.retention_at[i] = &model.retention[i];
    }
    model.message.retention = model.retention_at;
    model.message.n_retention = 2;
}

static struct buf pack(void)
{
    struct buf body = {0};

    buf_reserve(&body, waypost__register__get_packed_size(&model.message));
    body.len = waypost__register__pack(&model.message, body.data);
    return body;
}

/* Signed by the roots whose bits are set. */
static struct buf signed_by(unsigned which)
{
    struct buf body = pack();
    struct buf made = {0};

    for (size_t i = 0; i < ROOTS; i++) {
        if ((which & 1u << i) != 0) {
            assert_int_equal(envelope_sign(&made, buf_slice(&body), &roots[i], NULL), 0);
        }
    }
    buf_free(&body);
    return made;
}

static struct register_pin pin_of(uint32_t threshold, size_t count)
{
    struct register_pin pin = {.network = "demo", .root_count = count, .threshold = threshold};

    for (size_t i = 0; i < count; i++) {
        memcpy(pin.roots[i], roots[i].sign_public, 32);
    }
    return pin;
}

static int load_against(unsigned which, const struct register_pin *pin, const register_t *before,
    register_t **out, struct complaint *why)
{
    struct buf bytes = signed_by(which);

    int rc = register_load(buf_slice(&bytes), pin, before, out, why);
    buf_free(&bytes);
    return rc;
}

/* Load what the model says, properly signed. */
static int load(register_t **out, struct complaint *why)
{
    struct register_pin pin = pin_of(2, ROOTS);

    return load_against(7, &pin, NULL, out, why);
}

static register_t *loaded(void)
{
    struct complaint why = {0};
    register_t *book = NULL;

    if (load(&book, &why) != 0) {
        fail_msg("%s", why.text);
    }
    return book;
}

static int make_roots(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROOTS; i++) {
        char id[KEYS_ID_BYTES];
        (void)snprintf(id, sizeof id, "root-%zu", i + 1);
        keys_make(world_real(), id, &roots[i]);
    }
    return 0;
}

static int setup(void **state)
{
    (void)state;
    build();
    return 0;
}

/* ---- lookups ---- */

static void load__whole_register__answers_every_lookup(void **state)
{
    (void)state;
    register_t *book = loaded();
    struct buf body = pack();

    assert_string_equal(register_network(book), "demo");
    assert_int_equal(register_version(book), 1);
    assert_int_equal(register_threshold(book), 2);
    assert_int_equal(register_root_count(book), ROOTS);
    assert_memory_equal(register_root_at(book, 2), roots[2].sign_public, 32);
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
    register_t *book = loaded();
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
    register_t *book = loaded();

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
    register_t *book = loaded();
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
    register_t *book = loaded();
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
    register_t *book = loaded();
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
    register_t *book = loaded();
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
    register_t *book = loaded();
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
    register_t *book = loaded();

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
    char *to_cumbria[] = {text("E10000006")};
    char *to_old_barnsley[] = {text("E08000016")};
    const struct register_authority *to;
    int32_t day = civil_days((struct civil_date){2026, 3, 16});
    end_authority(4, 2024, to_cumbria, 1);      /* Camden, then Cumbria, which is split */
    end_authority(5, 2024, to_old_barnsley, 1); /* Islington, then old, then new Barnsley */
    register_t *book = loaded();

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
    char *to_islington[] = {text("E09000019")};
    char *to_camden[] = {text("E09000007")};
    const struct register_authority *to = NULL;
    end_authority(4, 2024, to_islington, 1);
    end_authority(5, 2024, to_camden, 1);
    register_t *book = loaded();

    assert_int_equal(register_route(book, "E09000007", 20500, &to), ROUTE_ABOLISHED);
    assert_non_null(to);
    register_destroy(&book);
}

/* ---- signatures ---- */

static void signatures__by_every_set_of_roots__count_up_to_the_threshold(void **state)
{
    (void)state;
    struct register_pin pin = pin_of(2, ROOTS);

    for (unsigned which = 1; which < 8; which++) {
        register_t *book = NULL;
        struct complaint why = {0};
        int wanted = __builtin_popcount(which) >= 2 ? 0 : E_SIGNATURE;
        assert_int_equal(load_against(which, &pin, NULL, &book, &why), wanted);
        assert_true(wanted == 0 || (book == NULL && why.text[0] != '\0'));
        register_destroy(&book);
    }
}

static void signatures__same_root_twice__is_one_vote(void **state)
{
    (void)state;
    struct register_pin pin = pin_of(2, ROOTS);
    struct buf once = signed_by(1);
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
    struct register_pin pin = pin_of(1, 1);
    register_t *book = NULL;

    assert_int_equal(load_against(6, &pin, NULL, &book, NULL), E_SIGNATURE);
    assert_int_equal(load_against(7, &pin, NULL, &book, NULL), 0);
    register_destroy(&book);
}

static void signatures__of_own_roots_too_few__are_refused_although_pinned(void **state)
{
    (void)state;
    struct register_pin pin = pin_of(1, ROOTS);
    register_t *book = NULL;

    assert_int_equal(load_against(1, &pin, NULL, &book, NULL), E_SIGNATURE);
}

static void load__any_bit_flipped__is_refused(void **state)
{
    (void)state;
    struct register_pin pin = pin_of(2, ROOTS);
    struct buf bytes = signed_by(3);

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
    struct register_pin pin = pin_of(2, ROOTS);
    struct buf bytes = signed_by(3);

    for (size_t len = 0; len < bytes.len; len++) {
        register_t *book = NULL;
        assert_int_not_equal(register_load(slice_of(bytes.data, len), &pin, NULL, &book, NULL), 0);
    }
    buf_free(&bytes);
}

static void load__too_large__is_refused_unread(void **state)
{
    (void)state;
    struct register_pin pin = pin_of(1, 1);
    uint8_t *huge = mem_new(REGISTER_BYTES_MAX + 1, 1);
    register_t *book = NULL;

    assert_int_equal(register_load(slice_of(huge, REGISTER_BYTES_MAX + 1), &pin, NULL, &book, NULL),
        E_TOO_LARGE);
    free(huge);
}

static void load__signed_rubbish__is_malformed(void **state)
{
    (void)state;
    struct register_pin pin = pin_of(1, 1);
    struct buf bytes = {0};
    register_t *book = NULL;

    assert_int_equal(envelope_sign(&bytes, slice_of_text("\xff\xff rubbish"), &roots[0], NULL), 0);
    assert_int_equal(register_load(buf_slice(&bytes), &pin, NULL, &book, NULL), E_MALFORMED);
    buf_free(&bytes);
}

static void envelope__signed_again_or_over_another_register__is_refused(void **state)
{
    (void)state;
    struct buf bytes = signed_by(1);
    struct buf body = pack();
    size_t len = bytes.len;

    assert_int_equal(envelope_sign(&bytes, buf_slice(&body), &roots[0], NULL), E_DUPLICATE);
    assert_int_equal(envelope_sign(&bytes, slice_of_text("other"), &roots[1], NULL), E_CONFLICT);
    assert_int_equal(bytes.len, len);
    assert_int_equal(envelope_sign(&bytes, buf_slice(&body), &roots[1], NULL), 0);
    assert_true(bytes.len > len);
    buf_free(&bytes);
    buf_free(&body);
}

/* ---- versions ---- */

static void network__other_than_pinned__is_refused(void **state)
{
    (void)state;
    struct register_pin pin = pin_of(2, ROOTS);
    register_t *book = NULL;
    struct complaint why = {0};

    pin.network = "live";
    assert_int_equal(load_against(3, &pin, NULL, &book, &why), E_NETWORK);
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
    register_t *before = loaded();
    register_t *after = NULL;

    continue_from(before, 2);
    assert_int_equal(load_against(3, NULL, before, &after, NULL), 0);
    assert_int_equal(register_version(after), 2);
    register_destroy(&after);
    continue_from(before, 9); /* versions between were missed: their hash cannot be known */
    model.message.has_previous = 0;
    assert_int_equal(load_against(3, NULL, before, &after, NULL), 0);
    register_destroy(&after);
    register_destroy(&before);
}

static void version__lower_same_or_not_continuing__is_refused(void **state)
{
    (void)state;
    register_t *first = loaded();
    register_t *book = NULL;
    struct complaint why = {0};
    struct register_pin pin = pin_of(2, ROOTS);

    assert_int_equal(load_against(3, &pin, first, &book, NULL), E_DUPLICATE);
    model.message.issued_ms++;
    assert_int_equal(load_against(3, &pin, first, &book, NULL), E_CONFLICT);
    model.message.version = 2;
    assert_int_equal(load_against(3, &pin, first, &book, NULL), E_CONFLICT); /* no previous hash */
    continue_from(first, 2);
    model.message.previous.data[0] ^= 1;
    assert_int_equal(load_against(3, &pin, first, &book, NULL), E_CONFLICT);
    continue_from(first, 5);
    register_t *fifth = loaded();
    continue_from(first, 4);
    assert_int_equal(load_against(3, &pin, fifth, &book, &why), E_ROLLBACK);
    assert_non_null(strstr(why.text, "version 5 is in force"));
    register_destroy(&fifth);
    register_destroy(&first);
}

static void roots__changed__need_the_old_roots_and_the_new_ones(void **state)
{
    (void)state;
    register_t *after = NULL;
    struct register_pin pin = pin_of(1, 1);
    model.message.n_roots = 1;
    model.message.threshold = 1;
    register_t *before = NULL;
    assert_int_equal(load_against(1, &pin, NULL, &before, NULL), 0);

    continue_from(before, 2);
    model.roots[0].data = roots[1].sign_public; /* root 2 takes over from root 1 */
    assert_int_equal(load_against(2, NULL, before, &after, NULL), E_SIGNATURE); /* the new alone */
    assert_int_equal(load_against(1, NULL, before, &after, NULL), E_SIGNATURE); /* the old alone */
    assert_int_equal(load_against(3, NULL, before, &after, NULL), 0);
    register_destroy(&before);

    continue_from(after, 3);
    assert_int_equal(load_against(1, NULL, after, &before, NULL), E_SIGNATURE); /* root 1 is out */
    assert_int_equal(load_against(2, NULL, after, &before, NULL), 0);
    register_destroy(&before);
    register_destroy(&after);
}

static void load_unpinned__signed_by_its_own_roots__is_shown_only_if_signed(void **state)
{
    (void)state;
    register_t *book = NULL;
    struct buf bytes = signed_by(3);
    struct buf half = signed_by(1);

    assert_int_equal(register_load_unpinned(buf_slice(&bytes), &book, NULL), 0);
    assert_int_equal(register_version(book), 1);
    register_destroy(&book);
    assert_int_equal(register_load_unpinned(buf_slice(&half), &book, NULL), E_SIGNATURE);
    buf_free(&bytes);
    buf_free(&half);
}

/* ---- rules ---- */

static char long_name[REGISTER_NAME_BYTES_MAX + 2];
static char *odd_words[REGISTER_REGIONS_MAX + 1];

static char **many(size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        odd_words[i] = text(word);
    }
    return odd_words;
}

#define SPOIL(name, change)                                                                        \
    static void spoil_##name(void)                                                                 \
    {                                                                                              \
        change;                                                                                    \
    }

SPOIL(network_name, model.message.network = text("Demo"))
SPOIL(network_empty, model.message.network = text(""))
SPOIL(version_zero, model.message.version = 0)
SPOIL(threshold_zero, model.message.threshold = 0)
SPOIL(threshold_above_roots, model.message.threshold = 4)
SPOIL(root_short, model.roots[2].len = 31)
SPOIL(root_is_agent_key, model.roots[2].data = model.bytes[0][1])
SPOIL(previous_short,
    (model.message.has_previous = 1, model.message.previous = model.roots[0],
        model.message.previous.len = 31))
SPOIL(stale_beyond_calendar, (model.message.has_stale_ms = 1, model.message.stale_ms = INT64_MAX))
SPOIL(authority_code, model.authority[7].code = text("E1000003"))
SPOIL(authority_code_letter, model.authority[7].code = text("X10000030"))
SPOIL(authority_order, model.authority[5].code = text("E09000006"))
SPOIL(authority_twice, model.authority[5].code = text("E09000007"))
SPOIL(authority_no_name, model.authority[5].name = text(""))
SPOIL(authority_long_name, model.authority[5].name = long_name)
SPOIL(authority_control, model.authority[5].name = text("Isling\nton"))
SPOIL(authority_not_utf8, model.authority[5].name = text("Isling\xff"))
SPOIL(authority_dfe, model.authority[4].dfe = text("20x"))
SPOIL(authority_region_code, model.authority[4].region_code = text("London"))
SPOIL(authority_profile, model.authority[4].profile = text("../london"))
SPOIL(authority_days,
    (model.authority[7].has_from_day = 1,
        model.authority[7].from_day = model.authority[7].until_day))
SPOIL(authority_day_range,
    (model.authority[0].has_from_day = 1, model.authority[0].from_day = INT32_MIN))
SPOIL(successor_without_day, model.authority[2].has_until_day = 0)
SPOIL(successor_unknown, model.authority[2].successors[0] = text("E08000099"))
SPOIL(successor_itself, model.authority[2].successors[0] = text("E08000016"))
SPOIL(successor_twice, model.authority[6].successors[1] = model.authority[6].successors[0])
SPOIL(successors_many,
    (model.authority[6].successors = many(17, "E06000063"), model.authority[6].n_successors = 17))
SPOIL(agent_id, model.agent[3].id = text("operator 1"))
SPOIL(agent_id_long, model.agent[3].id = text("operator-12345678901234567890abcd"))
SPOIL(agent_order, model.agent[3].id = text("aaa"))
SPOIL(agent_twice, model.agent[3].id = text("hub-london"))
SPOIL(agent_no_role, model.agent[3].n_roles = 0)
SPOIL(agent_role_zero, model.role[3][0] = WAYPOST__ROLE__ROLE_NONE)
SPOIL(agent_role_huge, model.role[3][0] = (Waypost__Role)32)
SPOIL(agent_code_missing, model.agent[0].code = NULL)
SPOIL(agent_code_of_another, model.agent[0].code = text("E10000006"))
SPOIL(agent_code_unknown,
    (model.agent[1].id = text("E09000020"), model.agent[1].code = model.agent[1].id))
SPOIL(operator_with_code, model.agent[3].code = text("E06000063"))
SPOIL(hub_named_as_authority, model.agent[2].id = text("E09000020"))
SPOIL(hub_without_region, model.agent[2].n_regions = 0)
SPOIL(hub_region_word, model.agent[2].regions[0] = text("London"))
SPOIL(hub_many_regions,
    (model.agent[2].regions = many(65, "E12000007"), model.agent[2].n_regions = 65))
SPOIL(authority_with_region,
    (model.agent[0].regions = model.agent[2].regions, model.agent[0].n_regions = 1))
SPOIL(acts_for_unknown, model.agent[1].acts_for[0] = text("E10000099"))
SPOIL(acts_for_served, model.agent[1].acts_for[0] = text("E09000007"))
SPOIL(acts_for_itself, model.agent[1].acts_for[0] = text("E09000019"))
SPOIL(hub_acts_for,
    (model.agent[2].acts_for = model.agent[1].acts_for, model.agent[2].n_acts_for = 1,
        model.agent[1].n_acts_for = 0))
SPOIL(key_short, model.key[0][0].key.len = 31)
SPOIL(key_zero, memset(model.bytes[0][0], 0, 32))
SPOIL(key_use_zero, model.key[0][2].use = WAYPOST__KEY_USE__KEY_USE_NONE)
SPOIL(key_seal_missing, model.agent[0].n_keys = 2)
SPOIL(key_sign_missing, model.agent[3].n_keys = 1)
SPOIL(key_of_two_agents, memcpy(model.bytes[0][0], model.bytes[1][0], 32))
SPOIL(key_of_two_uses, memcpy(model.bytes[0][0], model.bytes[0][2], 32))
SPOIL(key_of_the_broker, memcpy(model.bytes[0][1], model.broker_bytes[1], 32))
SPOIL(key_ends_before, (model.key[0][0].has_to_ms = 1, model.key[0][0].to_ms = NOW))
SPOIL(key_time, model.key[0][0].from_ms = INT64_MAX)
SPOIL(
    agent_revoked_never, (model.agent[0].has_revoked_ms = 1, model.agent[0].revoked_ms = INT64_MIN))
SPOIL(broker_endpoint, model.broker.endpoint = text("http://broker.example"))
SPOIL(broker_endpoint_blank, model.broker.endpoint = text("tcp://broker example:1"))
SPOIL(broker_key, model.broker.head_key.len = 0)
SPOIL(retention_order, model.retention[1].kind = 3)
SPOIL(retention_days, model.retention[1].days = 0)

#define CASE(name, code)                                                                           \
    {                                                                                              \
#name, spoil_##name, code                                                                  \
    }

static const struct {
    const char *name;
    void (*spoil)(void);
    int wanted;
} rule_cases[] = {
    CASE(network_name, E_RANGE),
    CASE(network_empty, E_RANGE),
    CASE(version_zero, E_RANGE),
    CASE(threshold_zero, E_RANGE),
    CASE(threshold_above_roots, E_RANGE),
    CASE(root_short, E_KEY),
    CASE(root_is_agent_key, E_KEY),
    CASE(previous_short, E_RANGE),
    CASE(stale_beyond_calendar, E_DATE),
    CASE(authority_code, E_CODE),
    CASE(authority_code_letter, E_CODE),
    CASE(authority_order, E_CODE),
    CASE(authority_twice, E_CODE),
    CASE(authority_no_name, E_UTF8),
    CASE(authority_long_name, E_UTF8),
    CASE(authority_control, E_UTF8),
    CASE(authority_not_utf8, E_UTF8),
    CASE(authority_dfe, E_RANGE),
    CASE(authority_region_code, E_CODE),
    CASE(authority_profile, E_RANGE),
    CASE(authority_days, E_DATE),
    CASE(authority_day_range, E_DATE),
    CASE(successor_without_day, E_DATE),
    CASE(successor_unknown, E_CODE),
    CASE(successor_itself, E_CODE),
    CASE(successor_twice, E_CODE),
    CASE(successors_many, E_RANGE),
    CASE(agent_id, E_ID),
    CASE(agent_id_long, E_ID),
    CASE(agent_order, E_ID),
    CASE(agent_twice, E_ID),
    CASE(agent_no_role, E_RANGE),
    CASE(agent_role_zero, E_RANGE),
    CASE(agent_role_huge, E_RANGE),
    CASE(agent_code_missing, E_CODE),
    CASE(agent_code_of_another, E_ID),
    CASE(agent_code_unknown, E_CODE),
    CASE(operator_with_code, E_CODE),
    CASE(hub_named_as_authority, E_ID),
    CASE(hub_without_region, E_RANGE),
    CASE(hub_region_word, E_CODE),
    CASE(hub_many_regions, E_RANGE),
    CASE(authority_with_region, E_RANGE),
    CASE(acts_for_unknown, E_CODE),
    CASE(acts_for_served, E_CODE),
    CASE(acts_for_itself, E_CODE),
    CASE(hub_acts_for, E_CODE),
    CASE(key_short, E_KEY),
    CASE(key_zero, E_KEY),
    CASE(key_use_zero, E_KEY),
    CASE(key_seal_missing, E_KEY),
    CASE(key_sign_missing, E_KEY),
    CASE(key_of_two_agents, E_KEY),
    CASE(key_of_two_uses, E_KEY),
    CASE(key_of_the_broker, E_KEY),
    CASE(key_ends_before, E_DATE),
    CASE(key_time, E_DATE),
    CASE(agent_revoked_never, E_DATE),
    CASE(broker_endpoint, E_RANGE),
    CASE(broker_endpoint_blank, E_RANGE),
    CASE(broker_key, E_KEY),
    CASE(retention_order, E_RANGE),
    CASE(retention_days, E_RANGE),
};

static void rules__each_one_broken_alone__is_refused_with_a_sentence(void **state)
{
    (void)state;
    memset(long_name, 'a', sizeof long_name - 1);
    for (size_t i = 0; i < sizeof rule_cases / sizeof rule_cases[0]; i++) {
        struct complaint why = {0};
        build();
        assert_int_equal(rules_check(&model.message, &why), 0);
        rule_cases[i].spoil();
        int rc = rules_check(&model.message, &why);
        if (rc != rule_cases[i].wanted || strlen(why.text) < 20) {
            fail_msg("%s: %s instead of %s (%s)", rule_cases[i].name, err_name(rc),
                err_name(rule_cases[i].wanted), why.text);
        }
    }
}

static void rules__broken_but_signed__is_refused_at_load(void **state)
{
    (void)state;
    register_t *book = NULL;
    struct complaint why = {0};

    spoil_acts_for_served();
    assert_int_equal(load(&book, &why), E_CODE);
    assert_null(book);
    assert_non_null(strstr(why.text, "E09000007"));
}

static void rules__counts_above_the_limits__are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t *count;
        size_t max;
    } cases[] = {
        {&model.message.n_authorities, REGISTER_AUTHORITIES_MAX},
        {&model.message.n_agents, REGISTER_AGENTS_MAX},
        {&model.message.n_brokers, REGISTER_BROKERS_MAX},
        {&model.message.n_retention, REGISTER_RETENTION_MAX},
        {&model.message.n_roots, REGISTER_ROOTS_MAX},
        {&model.agent[0].n_keys, REGISTER_AGENT_KEYS_MAX},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct complaint why = {0};
        build();
        *cases[i].count = cases[i].max + 1;
        assert_int_equal(rules_check(&model.message, &why), E_RANGE);
    }
}

static void rules__role_of_a_later_version__gives_no_right_and_no_refusal(void **state)
{
    (void)state;
    model.role[3][1] = (Waypost__Role)9;
    model.agent[3].n_roles = 2;
    register_t *book = loaded();
    const struct register_agent *agent = register_agent_of(book, "operator-1");

    assert_true(register_agent_has_role(agent, REGISTER_ROLE_OPERATOR));
    assert_false(register_agent_has_role(agent, REGISTER_ROLE_HUB));
    register_destroy(&book);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

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
        TEST(rules__each_one_broken_alone__is_refused_with_a_sentence),
        TEST(rules__broken_but_signed__is_refused_at_load),
        TEST(rules__counts_above_the_limits__are_refused),
        TEST(rules__role_of_a_later_version__gives_no_right_and_no_refusal),
    };

    crypto_start();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, make_roots, NULL);
}
