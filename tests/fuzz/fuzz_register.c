/*
 * fuzz_register: a register whose signatures are right and whose contents are anything. The input is the Register message; a
 * root that is always the same signs it. The bytes are read as a whole envelope too.
 */
#include "tests/fuzz/support.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/register/envelope.h"
#include "common/register/register.h"
#include "common/register/report.h"
#include "common/register/rules.h"

#include "common/base/banned.h"

enum { ROOT_SEED = 11, ARENA_BYTES = 16777216 };

static void look(const register_t *reg)
{
    const struct register_authority *to;

    for (size_t i = 0; i < register_authority_count(reg); i++) {
        const struct register_authority *row = register_authority_at(reg, i);
        assert(register_authority_of(reg, row->code) == row);
        enum register_route route = register_route(reg, row->code, 20528, &to);
        assert(route != ROUTE_UNKNOWN && to != NULL);
        json_decref(register_authority_json(row));
        (void)register_agent_serving(reg, row->code);
    }
    for (size_t i = 0; i < register_agent_count(reg); i++) {
        const struct register_agent *row = register_agent_at(reg, i);
        const struct register_key *keys[2];
        assert(register_agent_of(reg, row->id) == row && row->number == i);
        for (size_t k = 0; k < row->key_count; k++) {
            (void)register_key_valid(row, &row->keys[k], FUZZ_NOW_MS);
        }
        assert(register_keys_valid(row, REGISTER_KEY_SEAL, FUZZ_NOW_MS, keys, 2) <= 2);
        json_decref(register_agent_json(row));
    }
    for (size_t i = 0; i < register_broker_count(reg); i++) {
        json_decref(register_broker_json(register_broker_at(reg, i)));
    }
    (void)register_authority_nearest(reg, "Islingtn");
    json_t *head = register_head_json(reg);
    json_t *none = register_diff(reg, reg);
    assert(head != NULL && json_array_size(none) == 0);
    json_decref(head);
    json_decref(none);
}

static void check_rules(struct slice body)
{
    arena_t *arena = arena_new(ARENA_BYTES);
    struct complaint why = {0};
    const Waypost__Register *message = message_decode(arena, &waypost__register__descriptor, body);

    if (message != NULL) {
        int rc = rules_check(message, &why);
        fuzz_answer(rc, &why);
    }
    arena_destroy(&arena);
}

int fuzz_register(const uint8_t *data, size_t size)
{
    struct envelope envelope;
    struct complaint why = {0};
    struct buf bytes = {0};
    struct keys root;
    register_t *reg = NULL;
    struct register_pin pin = {.network = "test", .root_count = 1, .threshold = 1};

    fuzz_start();
    int rc = envelope_read(slice_of(data, size), &envelope, &why);
    fuzz_answer(rc, &why);
    why = (struct complaint){0};
    check_rules(slice_of(data, size));
    fuzz_keys_make("root-1", ROOT_SEED, &root);
    memcpy(pin.roots[0], root.sign_public, sizeof pin.roots[0]);
    rc = envelope_sign(&bytes, slice_of(data, size), &root, &why);
    fuzz_answer(rc, &why);
    if (rc == 0) {
        rc = register_load(buf_slice(&bytes), &pin, NULL, &reg, &why);
        fuzz_answer(rc, &why);
    }
    if (rc == 0) {
        look(reg);
        register_destroy(&reg);
    }
    buf_free(&bytes);
    return 0;
}
