/*
 * erase: the sealed payload of one event is destroyed, and everybody who holds a copy is told and says when it is gone.
 * docs/PROTOCOL.md, S-29 to S-32.
 *
 *   ERASE (demanded) -> checked -> RECORD_ERASE_BEGUN, and ERASURE_ORDERED to every holder, in one commit
 *   durable -> the bytes are destroyed in the journal -> RECORD_PAYLOAD_ERASED of the broker; after a crash again
 *   ERASE (done) of a holder -> RECORD_PAYLOAD_ERASED with its signed word, and HOLDER_ERASED to who sent and demanded
 *
 * An erasure is kept here until every holder has confirmed; then the records alone tell of it. A write that fails is
 * the journal's to tell: no later commit succeeds and the process ends (PROMISE 1).
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/log.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

#define TIME_MS_MAX ((int64_t)CIVIL_DAY_MAX * CIVIL_DAY_MS)

/* A demand or a confirmation under way. */
struct erasing {
    core_t *core;
    struct session *session;
    const struct register_agent *agent;
    const Waypost__Erase *frame;
    const Waypost__EraseStatement *said;
    struct erase_body body;
    bool duplicate;
};

/* ---- the open ones ---- */

struct erasure *erasure_of(const core_t *self, const uint8_t *event)
{
    for (size_t i = 0; i < self->erasure_count; i++) {
        if (memcmp(self->erasures[i].event, event, UUID_BYTES) == 0) {
            return &self->erasures[i];
        }
    }
    return NULL;
}

struct erasure *erasure_push(core_t *self)
{
    self->erasures = mem_grow(
        self->erasures, self->erasure_count, &self->erasure_capacity, sizeof *self->erasures);
    struct erasure *fresh = &self->erasures[self->erasure_count++];
    *fresh = (struct erasure){.position = 0};
    return fresh;
}

static struct holder *holder_of(struct erasure *erasure, uint32_t stream)
{
    for (uint32_t i = 0; i < erasure->holder_count; i++) {
        if (erasure->holders[i].stream == stream) {
            return &erasure->holders[i];
        }
    }
    return NULL;
}

/* ---- who says it ---- */

static int said_decode(struct erasing *self, struct complaint *why)
{
    core_t *core = self->core;
    const Waypost__Signed *message = self->frame->said;
    const Waypost__EraseStatement *said = message_decode(
        core->arena, &waypost__erase_statement__descriptor, slice_of_proto(message->statement));

    if (said == NULL || message->statement.len > ERASE_STATEMENT_BYTES_MAX ||
        message->signature.len != SIGNATURE_BYTES || said->key_id.len != KEY_ID_BYTES ||
        said->event.len != UUID_BYTES || said->at_ms <= 0 || said->at_ms > TIME_MS_MAX) {
        return complain(why, E_MALFORMED, "The statement of an erasure cannot be read.");
    }
    if (said->act != WAYPOST__ERASE_ACT__ERASE_DEMANDED &&
        said->act != WAYPOST__ERASE_ACT__ERASE_DONE) {
        return complain(
            why, E_RANGE, "An erasure is demanded or done; %d is neither.", (int)said->act);
    }
    self->said = said;
    return 0;
}

/* The signature is checked here and at once: erasures are rare, and the statement is the evidence of who had what
 * destroyed. */
static int speaker_check(struct erasing *self, struct complaint *why)
{
    core_t *core = self->core;
    const Waypost__Signed *message = self->frame->said;

    assert(self->said != NULL);
    if (strcmp(self->said->network, core->options.network) != 0) {
        return complain(why, E_NETWORK, "The statement is of another network; this is %s.",
            core->options.network);
    }
    if (strcmp(self->said->agent, self->agent->id) != 0) {
        return complain(why, E_SENDER,
            "The statement is of agent %.40s, the connection of %s; sign your own.",
            self->said->agent, self->agent->id);
    }
    const struct register_key *key =
        register_key_of(self->agent, REGISTER_KEY_SIGN, self->said->key_id.data);
    int rc = key == NULL ? E_KEY : register_key_valid(self->agent, key, core->now_ms);
    if (rc == 0) {
        rc = sign_check(SIGN_CONTEXT_ERASE, slice_of_proto(message->statement),
            slice_of_proto(message->signature), key->key);
    }
    return rc == 0 ? 0
                   : complain(why, rc, "The statement of agent %s on an erasure: %s.",
                         self->agent->id, err_text(rc));
}

/* ---- who holds a copy ---- */

static void holder_add(struct erase_body *body, uint32_t stream)
{
    for (uint32_t i = 0; i < body->stream_count; i++) {
        if (body->streams[i] == stream) {
            return;
        }
    }
    if (stream != NO_STREAM && body->stream_count < ERASE_STREAMS_MAX) {
        body->streams[body->stream_count++] = stream;
    }
}

/* Whose key is that? A payload may have gone to an agent that serves the code no longer. */
static const struct register_agent *sealed_to(const core_t *self, const uint8_t *wrap)
{
    for (size_t i = 0; i < register_agent_count(self->reg); i++) {
        const struct register_agent *agent = register_agent_at(self->reg, i);
        if (register_key_of(agent, REGISTER_KEY_SEAL, wrap + CODE_BYTES) != NULL) {
            return agent;
        }
    }
    return NULL;
}

static uint32_t stream_serving(core_t *self, const char *code)
{
    return routing_stream(self, code, civil_london_day(self->now_ms));
}

/* The sender, whoever serves a recipient's code now, and whoever it was sealed to. */
static void holders_collect(struct erasing *self, struct view *view)
{
    core_t *core = self->core;
    const struct digest *digest = view_digest(core, view, self->body.index);
    const struct stored_payload *payload = &view->payloads[self->body.index];
    const struct stream *publisher = stream_named(core, view->batch.agent);

    holder_add(&self->body, publisher == NULL ? NO_STREAM : publisher->index);
    for (uint32_t n = DIGEST_TO; n < digest->code_count; n++) {
        holder_add(&self->body, stream_serving(core, view_code(view, digest, n)));
    }
    for (uint32_t i = 0; i < payload->wrap_count; i++) {
        const struct register_agent *agent =
            sealed_to(core, payload->wraps.data + (size_t)i * WRAP_STORED_BYTES);
        const struct stream *stream = agent == NULL ? NULL : stream_named(core, agent->id);
        holder_add(&self->body, stream == NULL ? NO_STREAM : stream->index);
    }
}

/* ---- demanded ---- */

static bool is_unjudged(const core_t *self, uint64_t position)
{
    for (const struct batch *batch = self->batches; batch != NULL; batch = batch->next) {
        if (batch->position == position) {
            return true;
        }
    }
    return false;
}

/* Sender's authority, or an operator. */
static bool may_demand(const struct erasing *self, struct view *view)
{
    const struct digest *digest = view_digest(self->core, view, self->body.index);
    char from[CODE_BYTES + 1];

    if (digest->code_count <= DIGEST_FROM) {
        return false;
    }
    digest_code(view, digest, DIGEST_FROM, from);
    return register_agent_speaks_for(self->agent, from) ||
        register_agent_has_role(self->agent, REGISTER_ROLE_OPERATOR);
}

static int event_find(struct erasing *self, struct view **out, struct complaint *why)
{
    core_t *core = self->core;
    const Waypost__EraseStatement *said = self->said;
    uint64_t position = 0;
    uint16_t index = 0;

    int rc = said->has_leaf_index
        ? trace_find_at(core, said->event.data, said->leaf_index, &position, &index)
        : trace_find(core, said->event.data, &position, &index);
    struct view *view = rc == 0 ? view_get(core, position) : NULL;
    if (rc == 0 && is_unjudged(core, position)) {
        return complain(why, E_BUSY, "The event is just being judged; try again.");
    }
    if (rc == E_IO || (rc == 0 && view == NULL)) {
        return complain(why, E_IO,
            "A record that may hold the event cannot be read from the journal; try again when its "
            "operator has restored it.");
    }
    if (rc != 0) {
        return complain(why, rc,
            "The event is not in the journal, or not near its time; name the leaf of its receipt.");
    }
    self->body.position = position;
    self->body.index = index;
    self->body.leaf_index = view->leaf_index;
    *out = view;
    return 0;
}

static void order_append(struct erasing *self)
{
    core_t *core = self->core;
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    Waypost__Signed said = *self->frame->said;
    char *told[ERASE_STREAMS_MAX + 1];
    struct stream *demander = stream_named(core, self->agent->id);
    bool among = false;

    derived.kind = WAYPOST__SYSTEM_KIND__ERASURE_ORDERED;
    derived.at_ms = core->now_ms;
    derived.has_event = 1;
    derived.event = (ProtobufCBinaryData){UUID_BYTES, self->body.event};
    derived.by = (char *)(uintptr_t)self->agent->id;
    derived.said = &said;
    for (uint32_t i = 0; i < self->body.stream_count; i++) {
        struct stream *stream = core->streams[self->body.streams[i]];
        told[derived.n_told++] = stream->name;
        among = among || stream == demander;
    }
    if (!among && demander != NULL) {
        told[derived.n_told++] = demander->name;
    }
    derived.told = told;
    (void)append_derived(core, &derived);
}

static int demand(struct erasing *self, struct complaint *why)
{
    core_t *core = self->core;
    struct view *view = NULL;

    if (erasure_of(core, self->said->event.data) != NULL) {
        self->duplicate = true;
        return 0;
    }
    int rc = event_find(self, &view, why);
    if (rc != 0) {
        return rc;
    }
    assert(view != NULL);
    if (!may_demand(self, view)) {
        return complain(why, E_NOT_ALLOWED,
            "Only the sender's authority or an operator may have a payload erased; agent %s is "
            "neither.",
            self->agent->id);
    }
    const struct stored_payload *payload = &view->payloads[self->body.index];
    if (payload->erased && !payload->came_erased) {
        self->duplicate = true;
        return 0;
    }
    if (payload->ciphertext.len == 0 &&
        !payload->came_erased) { /* its holders have it from before the loss */
        return complain(
            why, E_NOT_FOUND, "The event carries no payload; there is nothing to erase.");
    }
    if (core->erasure_count >= ERASURES_OPEN_MAX) {
        return complain(why, E_FULL, "%d erasures wait for holders already; try again later.",
            ERASURES_OPEN_MAX);
    }
    holders_collect(self, view);
    struct buf body = {0};
    erase_body_write(&self->body, &body);
    (void)append_record(core, RECORD_ERASE_BEGUN, buf_slice(&body), slice_of(NULL, 0), NULL);
    buf_free(&body);
    erase_note_begun(core, &self->body);
    order_append(self);
    core_count(core, COUNTER_ERASURES);
    log_info("erasure demanded by=%s holders=%u", self->agent->id, self->body.stream_count);
    return 0;
}

/* ---- done ---- */

static void codes_collect(struct erasing *self, struct view *view, uint32_t stream)
{
    core_t *core = self->core;
    const struct digest *digest = view_digest(core, view, self->body.index);

    for (uint32_t n = DIGEST_FROM; n < digest->code_count; n++) {
        char code[CODE_BYTES + 1];
        digest_code(view, digest, n, code);
        bool own = register_agent_speaks_for(self->agent, code) ||
            (n > DIGEST_FROM && stream_serving(core, code) == stream);
        if (own && self->body.code_count < ERASE_CODES_MAX) {
            memcpy(self->body.codes[self->body.code_count++], code, sizeof code);
        }
    }
}

static void confirmation_append(struct erasing *self, const struct erasure *erasure)
{
    core_t *core = self->core;
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    Waypost__Signed said = *self->frame->said;
    char *told[2];

    derived.kind = WAYPOST__SYSTEM_KIND__HOLDER_ERASED;
    derived.at_ms = core->now_ms;
    derived.has_event = 1;
    derived.event = (ProtobufCBinaryData){UUID_BYTES, self->body.event};
    derived.by = (char *)(uintptr_t)self->agent->id;
    derived.said = &said;
    told[derived.n_told++] = core->streams[erasure->demander]->name;
    if (erasure->publisher != erasure->demander) {
        told[derived.n_told++] = core->streams[erasure->publisher]->name;
    }
    derived.told = told;
    (void)append_derived(core, &derived);
}

static int done(struct erasing *self, struct complaint *why)
{
    core_t *core = self->core;
    struct erasure *erasure = erasure_of(core, self->said->event.data);
    struct holder *holder =
        erasure == NULL ? NULL : holder_of(erasure, self->session->stream->index);

    if (holder == NULL || holder->done_next) {
        self->duplicate = true; /* complete, said before, or not asked of this agent */
        return 0;
    }
    struct view *view = view_get(core, erasure->position);
    if (view == NULL) {
        return complain(why, E_IO, "The journal cannot be read there; try again.");
    }
    self->body.position = erasure->position;
    self->body.leaf_index = erasure->leaf_index;
    self->body.index = erasure->index;
    codes_collect(self, view, self->session->stream->index);
    holder->done_next = true;
    erase_append_erased(core, &self->body);
    confirmation_append(self, erasure);
    core_count(core, COUNTER_ERASURES_CONFIRMED);
    return 0;
}

/* ---- in ---- */

static int erase_run_frame(struct erasing *self, struct complaint *why)
{
    core_t *core = self->core;
    int rc = said_decode(self, why);

    if (rc == 0) {
        rc = speaker_check(self, why);
    }
    if (rc != 0) {
        return rc;
    }
    if (core->judging_paused || !fold_ready(core) || core->stopping || core->rolled_back) {
        return complain(why, E_BUSY, "The broker cannot take an erasure just now; try again.");
    }
    memcpy(self->body.event, self->said->event.data, UUID_BYTES);
    memcpy(self->body.agent, self->agent->id, sizeof self->body.agent);
    self->body.statement = slice_of_proto(self->frame->said->statement);
    self->body.signature = slice_of_proto(self->frame->said->signature);
    return self->said->act == WAYPOST__ERASE_ACT__ERASE_DEMANDED ? demand(self, why)
                                                                 : done(self, why);
}

void erase_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    struct refusal refusal = {
        .frame = WAYPOST__FRAME__BODY_ERASE, .has_request = true, .request = frame->erase->request};
    struct erasing erasing = {
        .core = self, .session = session, .agent = agent, .frame = frame->erase};
    Waypost__Erased erased = WAYPOST__ERASED__INIT;
    Waypost__Frame answer = WAYPOST__FRAME__INIT;

    if (erase_run_frame(&erasing, &refusal.why) != 0) {
        out_refuse(self, session->id, &refusal);
        return;
    }
    erased.request = frame->erase->request;
    erased.has_duplicate = erased.duplicate = erasing.duplicate;
    answer.body_case = WAYPOST__FRAME__BODY_ERASED;
    answer.erased = &erased;
    out_frame_after(self, session->id, &answer, journal_size(self->journal), false);
}
