/*
 * book: what the core takes from the register: who we are, which of our keys count, who serves a
 * code, who signs heads. A register that cannot be used leaves the one in force, with an alarm
 * (R-1, R-2).
 */
#include <stdio.h>
#include <string.h>

#include "client/agent/agent_private.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/log.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

static void come_into_force(agent_core_t *self, register_t *fresh)
{
    register_destroy(&self->book);
    self->book = fresh;
    self->me = register_agent_of(fresh, self->options.agent);
    self->daily_at_ms = agent_mono(self);
    log_info("register in force version=%llu", (unsigned long long)register_version(fresh));
}

int book_load(agent_core_t *self, struct complaint *why)
{
    struct buf bytes = {0};
    register_t *fresh = NULL;
    int rc = 0;

    store_register(self->store, &bytes);
    if (bytes.len > 0) {
        rc = register_load(buf_slice(&bytes), self->options.pin, NULL, &fresh, why);
        if (rc ==
            E_SIGNATURE) { /* roots have changed since: it was checked against those before when it was stored */
            rc = register_load_unpinned(buf_slice(&bytes), &fresh, why);
        }
    }
    if (rc == 0 && fresh != NULL) {
        come_into_force(self, fresh);
    }
    buf_free(&bytes);
    return rc;
}

int book_take(agent_core_t *self, struct slice signed_register, struct complaint *why)
{
    register_t *fresh = NULL;
    int rc = register_load(signed_register, self->options.pin, self->book, &fresh, why);

    if (rc != 0) {
        return rc;
    }
    if (strcmp(register_network(fresh), self->options.network) != 0) {
        rc = complain(why, E_NETWORK, "the register is of network %s", register_network(fresh));
        register_destroy(&fresh);
        return rc;
    }
    store_begin(self->store);
    store_register_save(self->store, register_version(fresh), signed_register);
    rc = agent_commit(self);
    if (rc != 0) {
        register_destroy(&fresh);
        return complain(why, rc, "the register cannot be written");
    }
    come_into_force(self, fresh);
    return 0;
}

void book_ask(agent_core_t *self)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__RegisterGet get = WAYPOST__REGISTER_GET__INIT;

    self->register_asked = true;
    self->register_asked_ms = agent_mono(self);
    if (self->register_since_ms == 0) {
        self->register_since_ms = self->register_asked_ms;
    } else if (self->register_asked_ms - self->register_since_ms >= AGENT_REGISTER_PATIENCE_MS) {
        agent_alarm(self, "register",
            "the broker speaks of a newer register and does not give it: nothing is published "
            "meanwhile");
    }
    frame.body_case = WAYPOST__FRAME__BODY_REGISTER_GET;
    frame.register_get = &get;
    (void)agent_send(self, &frame);
}

void book_frame(agent_core_t *self, const Waypost__RegisterIs *frame)
{
    struct complaint why = {0};
    bool first = self->book == NULL;
    int rc = book_take(self, slice_of_binary(frame->signed_register), &why);

    self->register_asked = false;
    if (rc != 0 && rc != E_DUPLICATE) {
        agent_alarm(self, "register", "the broker's register was not taken: %.200s", why.text);
        outgoing_wait(self, 0);
    } else {
        agent_alarm_clear(self, "register");
        self->register_since_ms = 0;
        self->register_old = false;
        if (!first && rc == 0) {
            outgoing_rewrap(self);
        }
    }
    if (self->state != SESSION_OPEN) {
        return;
    }
    uplink_settle(self);
    if (self->resend_wanted && self->state == SESSION_OPEN) {
        self->resend_wanted = false;
        incoming_resend(self);
    }
}

/* ---- our own keys ---- */

static const uint8_t *public_half(const struct keys *keys, enum register_key_use use)
{
    switch (use) {
    case REGISTER_KEY_CURVE:
        return keys->curve_public;
    case REGISTER_KEY_SIGN:
        return keys->sign_public;
    case REGISTER_KEY_SEAL:
    default:
        return keys->seal_public;
    }
}

static const struct register_key *registered(
    const agent_core_t *self, const struct keys *keys, enum register_key_use use)
{
    uint8_t key_id[KEY_ID_BYTES];

    if (self->me == NULL) {
        return NULL;
    }
    hash_key_id(public_half(keys, use), key_id);
    return register_key_of(self->me, use, key_id);
}

/* Of the key files the one whose key counts now, the newest of two. NULL where none does. */
static const struct keys *valid_keys(const agent_core_t *self, enum register_key_use use)
{
    const struct keys *best = NULL;
    int64_t best_from_ms = 0;

    for (size_t i = 0; i < self->options.key_count; i++) {
        const struct register_key *key = registered(self, &self->options.keys[i], use);
        if (key == NULL || register_key_valid(self->me, key, agent_wall(self)) != 0) {
            continue;
        }
        if (best == NULL || key->from_ms > best_from_ms) {
            best = &self->options.keys[i];
            best_from_ms = key->from_ms;
        }
    }
    return best;
}

const struct keys *book_signing_keys(const agent_core_t *self)
{
    return valid_keys(self, REGISTER_KEY_SIGN);
}

const struct keys *book_curve_keys(agent_core_t *self)
{
    const struct keys *keys = NULL;

    if (self->key_at_work == 0) { /* after a rejection the other file is tried instead */
        keys = valid_keys(self, REGISTER_KEY_CURVE);
    }
    return keys != NULL ? keys : &self->options.keys[self->key_at_work % self->options.key_count];
}

const struct keys *book_seal_keys(const agent_core_t *self, const uint8_t *key_id)
{
    for (size_t i = 0; i < self->options.key_count; i++) {
        uint8_t own[KEY_ID_BYTES];
        hash_key_id(self->options.keys[i].seal_public, own);
        if (memcmp(own, key_id, KEY_ID_BYTES) == 0) {
            return &self->options.keys[i];
        }
    }
    return NULL;
}

/* ---- codes ---- */

const char *book_own_code(const agent_core_t *self)
{
    return self->me == NULL ? "" : self->me->code;
}

bool book_is_hub(const agent_core_t *self)
{
    return self->me != NULL && register_agent_has_role(self->me, REGISTER_ROLE_HUB);
}

bool book_serves(const agent_core_t *self, const char *code, int64_t at_ms)
{
    const struct register_authority *authority = NULL;

    if (self->me == NULL) {
        return false;
    }
    if (register_agent_speaks_for(self->me, code)) {
        return true;
    }
    enum register_route route =
        register_route(self->book, code, civil_london_day(at_ms), &authority);
    return (route == ROUTE_SUCCESSOR || route == ROUTE_DIRECT) &&
        register_agent_speaks_for(self->me, authority->code);
}

/* ---- heads ---- */

bool book_path(size_t count, const ProtobufCBinaryData *steps, struct merkle_path *out)
{
    memset(out, 0, sizeof *out);
    if (count > MERKLE_PATH_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (steps[i].len != HASH_BYTES) {
            return false;
        }
        memcpy(out->step[i].b, steps[i].data, HASH_BYTES);
    }
    out->count = (uint32_t)count;
    return true;
}

int book_broker_says(
    agent_core_t *self, const char *context, struct slice statement, struct slice signature)
{
    if (self->book == NULL) {
        return E_STALE_REGISTER;
    }
    for (size_t i = 0; i < register_broker_count(self->book); i++) {
        const struct register_broker *broker = register_broker_at(self->book, i);
        if (sign_check(context, statement, signature, broker->head_key) == 0) {
            return 0;
        }
    }
    return E_SIGNATURE;
}

int book_head(agent_core_t *self, const Waypost__Signed *signed_head, struct seen_head *out)
{
    struct slice statement = slice_of_binary(signed_head->statement);
    struct slice signature = slice_of_binary(signed_head->signature);

    if (statement.len > sizeof out->statement || signature.len != sizeof out->signature) {
        return E_MALFORMED;
    }
    int rc = book_broker_says(self, SIGN_CONTEXT_HEAD, statement, signature);
    if (rc != 0) {
        return rc;
    }
    const Waypost__Head *head = message_decode(self->inner, &waypost__head__descriptor, statement);
    if (head == NULL || head->journal.len != sizeof out->journal || head->root.len != HASH_BYTES) {
        return E_MALFORMED;
    }
    if (strcmp(head->network, self->options.network) != 0) {
        return E_NETWORK;
    }
    memset(out, 0, sizeof *out);
    out->size = head->size;
    out->epoch = head->epoch;
    out->time_ms = head->time_ms;
    memcpy(out->journal, head->journal.data, sizeof out->journal);
    memcpy(out->root.b, head->root.data, HASH_BYTES);
    memcpy(out->statement, statement.data, statement.len);
    out->statement_len = (uint32_t)statement.len;
    memcpy(out->signature, signature.data, signature.len);
    return 0;
}

int book_note_head(agent_core_t *self, const struct seen_head *head)
{
    const struct seen_head *seen = &self->head;

    if (seen->size > 0) {
        if (memcmp(seen->journal, head->journal, sizeof seen->journal) != 0) {
            return E_FORK;
        }
        if (head->epoch < seen->epoch) {
            return E_ROLLBACK;
        }
        if (head->size == seen->size && memcmp(seen->root.b, head->root.b, HASH_BYTES) != 0) {
            return E_FORK;
        }
    }
    if (head->size > seen->size) {
        self->head = *head;
        store_head_save(self->store, head);
    }
    return 0;
}

/* ---- now and then ---- */

static const char *const use_words[] = {"", "connection", "signing", "sealing"};

/* The last end of our keys of one use, INT64_MAX for none; 0 where no file has a registered one. */
int64_t book_key_end(const agent_core_t *self, enum register_key_use use)
{
    int64_t end_ms = 0;

    for (size_t i = 0; i < self->options.key_count; i++) {
        const struct register_key *key = registered(self, &self->options.keys[i], use);
        if (key == NULL || key->revoked_ms != INT64_MAX) {
            continue;
        }
        end_ms = key->to_ms > end_ms ? key->to_ms : end_ms;
    }
    return end_ms;
}

static void warn_of_end(agent_core_t *self, enum register_key_use use)
{
    char name[32];
    char date[CIVIL_DATE_BYTES];
    int64_t end_ms = book_key_end(self, use);
    int64_t now_ms = agent_wall(self);

    (void)snprintf(name, sizeof name, "key_ends_%s", use_words[use]);
    if (end_ms == 0) {
        agent_alarm(self, name,
            "the register has no %s key of ours in force; have %s.card registered", use_words[use],
            self->options.agent);
        return;
    }
    if (end_ms - now_ms > AGENT_KEY_WARN_MS) {
        agent_alarm_clear(self, name);
        return;
    }
    civil_date_text(civil_london_day(end_ms), date);
    agent_alarm(self, name,
        "our %s key %s on %s: make a new one with `waypost keygen` and have it registered",
        use_words[use], end_ms <= now_ms ? "ended" : "ends", date);
}

void book_daily(agent_core_t *self)
{
    if (self->book == NULL) {
        return;
    }
    if (self->me == NULL) {
        agent_alarm(self, "not_registered",
            "the register does not name agent %s; ask the registrar", self->options.agent);
        return;
    }
    agent_alarm_clear(self, "not_registered");
    warn_of_end(self, REGISTER_KEY_CURVE);
    warn_of_end(self, REGISTER_KEY_SIGN);
    warn_of_end(self, REGISTER_KEY_SEAL);
    if (agent_wall(self) > register_stale_ms(self->book)) {
        agent_alarm(self, "register_stale",
            "the register (version %llu) is older than its makers allow; events still go on",
            (unsigned long long)register_version(self->book));
    } else {
        agent_alarm_clear(self, "register_stale");
    }
}
