/*
 * trust: the keys that are believed. What cannot be read is said; nothing is believed by default.
 */
#include "client/cli/trust.h"

#include <string.h>

#include "common/base/bytes.h"
#include "common/base/fsio.h"
#include "common/base/banned.h"

static int load_head_key(struct cli *cli, struct trust *out)
{
    const char *hex = cli_text(cli, "key");
    if (hex == NULL) {
        return CLI_DONE;
    }
    if (strlen(hex) != 64 || hex_decode(hex, out->head_key, 32) != 0) {
        return cli_misuse(cli, "--key needs the 64 hexadecimal digits of the broker's head key");
    }
    out->has_head_key = true;
    return CLI_DONE;
}

static int load_join(struct cli *cli, struct trust *out)
{
    struct complaint why = {0};
    const char *path = cli_text(cli, "join");
    if (path == NULL) {
        return CLI_DONE;
    }
    if (join_load(path, &out->join, &why) != 0) {
        return cli_fail_why(cli, &why);
    }
    out->has_join = true;
    return CLI_DONE;
}

static int load_register(struct cli *cli, struct trust *out)
{
    const char *path = cli_text(cli, "register");
    if (path == NULL) {
        return CLI_DONE;
    }
    struct buf bytes = {0};
    struct complaint why = {0};
    int rc = fsio_read_all(path, REGISTER_BYTES_MAX, &bytes);
    if (rc != 0) {
        buf_free(&bytes);
        return cli_fail(cli, rc, "--register %s cannot be read: %s", path, err_text(rc));
    }
    if (out->has_join) {
        struct register_pin pin;
        join_pin(&out->join, &pin);
        rc = register_load(buf_slice(&bytes), &pin, NULL, &out->book, &why);
    } else {
        rc = register_load_unpinned(buf_slice(&bytes), &out->book, &why);
    }
    out->book_pinned = out->has_join;
    buf_free(&bytes);
    return rc == 0 ? CLI_DONE : cli_fail(cli, rc, "--register %s: %s", path, why.text);
}

int trust_load(struct cli *cli, struct trust *out)
{
    *out = (struct trust){0};
    int exit_code = load_head_key(cli, out);
    exit_code = exit_code == CLI_DONE ? load_join(cli, out) : exit_code;
    exit_code = exit_code == CLI_DONE ? load_register(cli, out) : exit_code;
    if (exit_code != CLI_DONE) {
        trust_free(out);
    }
    return exit_code;
}

void trust_free(struct trust *self)
{
    register_destroy(&self->book);
}

const uint8_t *trust_head_key(const struct trust *self)
{
    if (self->has_head_key) {
        return self->head_key;
    }
    if (self->has_join && self->join.has_broker) {
        return self->join.broker_head;
    }
    return self->book != NULL && register_broker_count(self->book) == 1
        ? register_broker_at(self->book, 0)->head_key
        : NULL;
}

int trust_judge_head(const struct trust *self, const uint8_t *head_key)
{
    bool judged = false;
    bool good = false;
    if (self->has_head_key) {
        return memcmp(self->head_key, head_key, 32) == 0;
    }
    if (self->has_join && self->join.has_broker) {
        judged = true;
        good = memcmp(self->join.broker_head, head_key, 32) == 0;
    }
    for (size_t i = 0; self->book != NULL && i < register_broker_count(self->book); i++) {
        judged = true;
        good = good || memcmp(register_broker_at(self->book, i)->head_key, head_key, 32) == 0;
    }
    return judged ? good : -1;
}

int trust_judge_sender(
    const struct trust *self, const char *agent, const uint8_t *sign_key, int64_t at_ms)
{
    if (self->book == NULL) {
        return -1;
    }
    const struct register_agent *row = register_agent_of(self->book, agent);
    if (row == NULL) {
        return 0;
    }
    uint8_t key_id[KEY_ID_BYTES];
    hash_key_id(sign_key, key_id);
    const struct register_key *key = register_key_of(row, REGISTER_KEY_SIGN, key_id);
    return key != NULL && memcmp(key->key, sign_key, 32) == 0 &&
        register_key_valid(row, key, at_ms) == 0;
}
