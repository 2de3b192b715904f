/*
 * audit: signatures of the senders in a journal, judged by the registers in it.
 *
 * A bad signature does not end the walk: the broker writes a batch before its signature is checked and voids it by a
 * later record. What is bad and was never voided is counted as forged. Out of memory aborts.
 */
#include "client/cli/audit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/codec/frame.h"
#include "common/crypto/sign.h"
#include "common/record/ack.h"
#include "common/record/derived.h"
#include "common/base/banned.h"

enum { ARENA_BYTES = 4194304, BAD_MAX = 65536 };

struct bad {
    uint64_t leaf;
    char why[128];
};

struct audit {
    const struct trust *trust; /* lent */
    char network[33];
    register_t *book; /* in force at this point; NULL before the first */
    arena_t *arena;
    struct bad *bad; /* batches that do not verify and have not been voided yet */
    size_t bad_count;
    struct audit_report report;
};

audit_t *audit_new(const struct trust *trust, const char *network)
{
    audit_t *self = mem_new(1, sizeof *self);
    self->trust = trust;
    snprintf(self->network, sizeof self->network, "%s", network);
    self->arena = arena_new(ARENA_BYTES);
    self->bad = mem_new(BAD_MAX, sizeof *self->bad);
    return self;
}

void audit_destroy(audit_t **self_p)
{
    audit_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    register_destroy(&self->book);
    arena_destroy(&self->arena);
    free(self->bad);
    free(self);
    *self_p = NULL;
}

static void bad_note(audit_t *self, uint64_t leaf, const char *why)
{
    if (self->bad_count < BAD_MAX) {
        struct bad *bad = &self->bad[self->bad_count++];
        bad->leaf = leaf;
        snprintf(bad->why, sizeof bad->why, "%s", why);
    } else {
        self->report.forged++;
    }
}

static void bad_void(audit_t *self, uint64_t leaf)
{
    for (size_t i = 0; i < self->bad_count; i++) {
        if (self->bad[i].leaf == leaf) {
            self->bad[i] = self->bad[--self->bad_count];
            return;
        }
    }
}

/* ---- registers ---- */

static int audit_register(audit_t *self, struct slice bytes, struct complaint *why)
{
    register_t *next = NULL;
    int rc;
    if (self->book != NULL) {
        rc = register_load(bytes, NULL, self->book, &next, why);
    } else if (self->trust->has_join) {
        struct register_pin pin;
        join_pin(&self->trust->join, &pin);
        rc = register_load(bytes, &pin, NULL, &next, why);
    } else {
        rc = register_load_unpinned(bytes, &next, why);
        self->report.first_register_believed = true;
    }
    if (rc == E_DUPLICATE) {
        return 0; /* the broker was started again with the same one */
    }
    if (rc != 0) {
        return rc;
    }
    register_destroy(&self->book);
    self->book = next;
    self->report.registers++;
    return 0;
}

static int audit_input(audit_t *self, const struct record *record, struct complaint *why)
{
    struct cursor in = cursor_of(record->body);
    uint32_t kind = take_u32(&in);
    return in.failed || kind != INPUT_REGISTER ? 0 : audit_register(self, in.rest, why);
}

/* ---- signatures ---- */

/* A signature by an agent's key of the register in force, judged at at_ms. NULL where it holds, else why not. */
static const char *signature_wrong(const audit_t *self, const char *context, const char *agent,
    ProtobufCBinaryData key_id, struct slice statement, struct slice signature, int64_t at_ms)
{
    const struct register_agent *row =
        self->book == NULL ? NULL : register_agent_of(self->book, agent);
    if (row == NULL || key_id.len != KEY_ID_BYTES) {
        return "its agent is not in the register then in force";
    }
    const struct register_key *key = register_key_of(row, REGISTER_KEY_SIGN, key_id.data);
    if (key == NULL || register_key_valid(row, key, at_ms) != 0) {
        return "its key was not valid when it was accepted";
    }
    return sign_check(context, statement, signature, key->key) == 0
        ? NULL
        : "its signature does not verify";
}

static void audit_batch(audit_t *self, const struct record *record)
{
    struct batch_body body;
    self->report.batches++;
    if (batch_body_read(record->body, &body) != 0) {
        bad_note(self, record->sequence, "its body cannot be read");
        return;
    }
    self->report.events += body.count;
    arena_reset(self->arena);
    const Waypost__BatchStatement *statement =
        message_decode(self->arena, &waypost__batch_statement__descriptor, body.statement);
    const char *wrong = statement == NULL || strcmp(statement->agent, body.agent) != 0
        ? "its statement cannot be read"
        : signature_wrong(self, SIGN_CONTEXT_BATCH, body.agent, statement->key_id, body.statement,
              body.signature, record->time_ms);
    if (wrong == NULL && batch_check_events(self->network, &body) != 0) {
        wrong = "its events are not those that were signed";
    }
    if (wrong != NULL) {
        bad_note(self, record->sequence, wrong);
    }
}

static void audit_ack(audit_t *self, const struct record *record)
{
    struct ack_body body;
    self->report.acknowledgements++;
    if (ack_body_read(record->body, &body) != 0) {
        bad_note(self, record->sequence, "its body cannot be read");
        return;
    }
    arena_reset(self->arena);
    const Waypost__AckStatement *ack =
        message_decode(self->arena, &waypost__ack_statement__descriptor, body.statement);
    const char *wrong = ack == NULL || strcmp(ack->agent, body.agent) != 0
        ? "its statement cannot be read"
        : signature_wrong(self, SIGN_CONTEXT_ACK, body.agent, ack->key_id, body.statement,
              body.signature, record->time_ms);
    if (wrong != NULL) {
        bad_note(self, record->sequence, wrong);
    }
}

static int audit_voided(void *context, const Waypost__Derived *derived)
{
    audit_t *self = context;
    if (derived->kind == WAYPOST__SYSTEM_KIND__BATCH_VOIDED && derived->has_leaf_index) {
        self->report.voided++;
        bad_void(self, derived->leaf_index);
    }
    return 0;
}

static void audit_derived(audit_t *self, const struct record *record)
{
    (void)derived_walk(self->arena, record->body, audit_voided, self);
}

int audit_record(audit_t *self, const struct record *record, struct complaint *why)
{
    switch (record->type) {
    case RECORD_INPUT:
        return audit_input(self, record, why);
    case RECORD_BATCH:
        audit_batch(self, record);
        return 0;
    case RECORD_ACK:
        audit_ack(self, record);
        return 0;
    case RECORD_DERIVED:
        audit_derived(self, record);
        return 0;
    default:
        return 0;
    }
}

void audit_finish(audit_t *self, struct audit_report *out)
{
    self->report.forged += self->bad_count;
    self->report.first_forged = UINT64_MAX;
    for (size_t i = 0; i < self->bad_count; i++) {
        if (self->bad[i].leaf < self->report.first_forged) {
            self->report.first_forged = self->bad[i].leaf;
            snprintf(self->report.why, sizeof self->report.why, "%s", self->bad[i].why);
        }
    }
    *out = self->report;
}
