/* register_model: see register_model.h. A register that cannot be made fails the test. */
#include "tests/support/register_model.h"

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

#include "common/base/banned.h"

struct keys model_roots[ROOTS];

struct model model;

char *model_text(const char *literal)
{
    return (char *)(uintptr_t)literal; /* protobuf-c has no const */
}

static void add_authority(size_t i, const char *code, const char *name)
{
    waypost__authority__init(&model.authority[i]);
    model.authority[i].code = model_text(code);
    model.authority[i].name = model_text(name);
    model.authority_at[i] = &model.authority[i];
}

void model_end_authority(size_t i, int year, char **successors, size_t count)
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
    agent->id = model_text(id);
    agent->code = role == WAYPOST__ROLE__AUTHORITY ? model_text(id) : NULL;
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

    barnsley[0] = model_text("E08000038");
    cumbria[0] = model_text("E06000063");
    cumbria[1] = model_text("E06000064");
    add_authority(0, "E06000063", "Cumberland");
    add_authority(1, "E06000064", "Westmorland and Furness");
    add_authority(2, "E08000016", "Barnsley");
    add_authority(3, "E08000038", "Barnsley");
    add_authority(4, "E09000007", "Camden");
    add_authority(5, "E09000019", "Islington");
    add_authority(6, "E10000006", "Cumbria");
    add_authority(7, "E10000030", "Surrey");
    model.authority[4].profile = model_text("london");
    model.authority[4].dfe = model_text("202");
    model.authority[4].region = model_text("London");
    model.authority[4].region_code = model_text("E12000007");
    model_end_authority(2, 2025, barnsley, 1);
    model_end_authority(6, 2023, cumbria, 2);
    model_end_authority(7, 2027, NULL, 0);
    model.message.authorities = model.authority_at;
    model.message.n_authorities = AUTHORITIES;
}

static void build_agents(void)
{
    static char *regions[] = {NULL};
    static char *acts_for[] = {NULL};

    regions[0] = model_text("E12000007");
    acts_for[0] = model_text("E10000030");
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

void model_build(void)
{
    model = (struct model){0};
    waypost__register__init(&model.message);
    model.message.network = model_text("demo");
    model.message.version = 1;
    model.message.threshold = 2;
    model.message.issued_ms = NOW;
    for (size_t i = 0; i < ROOTS; i++) {
        model.roots[i] = (ProtobufCBinaryData){32, model_roots[i].sign_public};
    }
    model.message.roots = model.roots;
    model.message.n_roots = ROOTS;
    build_places();
    build_agents();
    waypost__broker__init(&model.broker);
    memset(model.broker_bytes[0], 200, 32);
    memset(model.broker_bytes[1], 201, 32);
    model.broker.endpoint = model_text("tcp://broker.example:5670");
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

struct buf model_pack(void)
{
    struct buf body = {0};

    buf_reserve(&body, waypost__register__get_packed_size(&model.message));
    body.len = waypost__register__pack(&model.message, body.data);
    return body;
}

/* Signed by the roots whose bits are set. */
struct buf model_signed_by(unsigned which)
{
    struct buf body = model_pack();
    struct buf made = {0};

    for (size_t i = 0; i < ROOTS; i++) {
        if ((which & 1u << i) != 0) {
            assert_int_equal(envelope_sign(&made, buf_slice(&body), &model_roots[i], NULL), 0);
        }
    }
    buf_free(&body);
    return made;
}

struct register_pin model_pin(uint32_t threshold, size_t count)
{
    struct register_pin pin = {.network = "demo", .root_count = count, .threshold = threshold};

    for (size_t i = 0; i < count; i++) {
        memcpy(pin.roots[i], model_roots[i].sign_public, 32);
    }
    return pin;
}

int model_load_against(unsigned which, const struct register_pin *pin, const register_t *before,
    register_t **out, struct complaint *why)
{
    struct buf bytes = model_signed_by(which);

    int rc = register_load(buf_slice(&bytes), pin, before, out, why);
    buf_free(&bytes);
    return rc;
}

/* Load what the model says, properly signed. */
int model_load(register_t **out, struct complaint *why)
{
    struct register_pin pin = model_pin(2, ROOTS);

    return model_load_against(7, &pin, NULL, out, why);
}

register_t *model_loaded(void)
{
    struct complaint why = {0};
    register_t *book = NULL;

    if (model_load(&book, &why) != 0) {
        fail_msg("%s", why.text);
    }
    return book;
}

int model_make_roots(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROOTS; i++) {
        char id[KEYS_ID_BYTES];
        (void)snprintf(id, sizeof id, "root-%zu", i + 1);
        keys_make(world_real(), id, &model_roots[i]);
    }
    return 0;
}

int model_setup(void **state)
{
    (void)state;
    model_build();
    return 0;
}
