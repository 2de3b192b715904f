/*
 * core_agent: the agents of core_fixture.h. They verify everything they are told and say what a test has them say; what
 * they find wrong ends the test by an assertion.
 */
#include "tests/support/core_fixture.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/record/received.h"

#include "common/base/banned.h"

enum { EVENTS_FRAME_MAX = 256, WRAPS = 6 };

static char *unconst(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* ---- what agents hear ---- */

static struct fake_agent *agent_named(struct core_fixture *self, const char *id)
{
    for (size_t i = 0; i < self->agent_count; i++) {
        if (strcmp(self->agents[i].keys.id, id) == 0) {
            return &self->agents[i];
        }
    }
    assert(false);
    return NULL;
}

static struct slice bytes_of(ProtobufCBinaryData data)
{
    return slice_of(data.data, data.len);
}

static void head_hear(struct fake_agent *self, const Waypost__Signed *head)
{
    struct core_fixture *fixture = self->fixture;

    assert(sign_check(SIGN_CONTEXT_HEAD, bytes_of(head->statement), bytes_of(head->signature),
               fixture->base.head_public) == 0);
    buf_clear(&self->seen_head);
    message_encode(&head->base, &self->seen_head);
}

static struct hash receipt_leaf(const Waypost__Receipt *receipt)
{
    crypto_generichash_state state;
    struct hash out;
    uint8_t numbers[17] = {RECORD_BATCH};

    put_u64(numbers + 1, receipt->leaf_index);
    put_u64(numbers + 9, (uint64_t)receipt->accepted_ms);
    (void)crypto_generichash_init(&state, NULL, 0, HASH_BYTES);
    (void)crypto_generichash_update(&state, (const uint8_t *)"\0waypost/record/1", 18);
    (void)crypto_generichash_update(
        &state, (const uint8_t *)FIXTURE_NETWORK, sizeof FIXTURE_NETWORK);
    (void)crypto_generichash_update(&state, numbers, sizeof numbers);
    (void)crypto_generichash_update(&state, receipt->statement_hash.data, HASH_BYTES);
    (void)crypto_generichash_final(&state, out.b, HASH_BYTES);
    return out;
}

/* A receipt is believed only as far as it proves itself (S-9). */
static void receipt_hear(struct fake_agent *self, const Waypost__Receipt *receipt)
{
    struct merkle_path path = {.count = (uint32_t)receipt->n_path};
    struct hash root;
    struct hash leaf = receipt_leaf(receipt);

    head_hear(self, receipt->head);
    const Waypost__Head *head = message_decode(
        self->fixture->arena, &waypost__head__descriptor, bytes_of(receipt->head->statement));
    for (size_t i = 0; i < receipt->n_path; i++) {
        memcpy(path.step[i].b, receipt->path[i].data, HASH_BYTES);
    }
    memcpy(root.b, head->root.data, HASH_BYTES);
    assert(merkle_check(&leaf, receipt->leaf_index, head->size, &path, &root) == 0);
    self->receipts++;
    self->duplicates += receipt->has_duplicate && receipt->duplicate;
    for (uint64_t s = receipt->first_sequence; s < receipt->first_sequence + receipt->count; s++) {
        self->own[s - 1].receipted = true;
    }
}

static struct hash hash_begin(const struct fake_agent *self)
{
    struct buf bytes = {0};

    buf_put(&bytes, FIXTURE_NETWORK, sizeof FIXTURE_NETWORK);
    buf_put(&bytes, self->keys.id, strlen(self->keys.id) + 1);
    buf_put_u64(&bytes, self->epoch);
    struct hash out = hash_of("waypost/stream/1", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
    return out;
}

static struct hash event_hear(struct fake_agent *self, const Waypost__Deliver *deliver,
    const Waypost__EventEntry *entry, struct got *got)
{
    const Waypost__DeliveredBatch *batch = deliver->batches[entry->batch];
    const Waypost__BatchStatement *statement = message_decode(self->fixture->arena,
        &waypost__batch_statement__descriptor, bytes_of(batch->batch->statement));
    struct fake_agent *sender = agent_named(self->fixture, statement->agent);
    struct hash leaf = hash_event_leaf(FIXTURE_NETWORK, bytes_of(entry->event));
    struct merkle_path path = {.count = (uint32_t)entry->n_path};
    struct hash root;
    struct event_view view;

    assert(sign_check(SIGN_CONTEXT_BATCH, bytes_of(batch->batch->statement),
               bytes_of(batch->batch->signature), sender->keys.sign_public) == 0);
    for (size_t i = 0; i < entry->n_path; i++) {
        memcpy(path.step[i].b, entry->path[i].data, HASH_BYTES);
    }
    memcpy(root.b, statement->root.data, HASH_BYTES);
    assert(merkle_check(&leaf, entry->index, statement->count, &path, &root) == 0);
    assert(event_read(bytes_of(entry->event), &view, NULL) == 0);
    memcpy(got->event, view.id, UUID_BYTES);
    got->verdict = entry->verdict;
    got->wraps = entry->n_wraps;
    if (entry->wrap != NULL) {
        uint8_t newest[KEY_ID_BYTES];
        hash_key_id(self->keys.seal_public, newest);
        assert(memcmp(entry->wrap->key_id.data, newest, KEY_ID_BYTES) == 0);
    }
    got->payload = entry->has_payload;
    got->payload_absent = entry->has_payload_absent ? entry->payload_absent : 0;
    assert(!entry->has_payload || entry->wrap != NULL);
    (void)snprintf(got->sender, sizeof got->sender, "%s", statement->agent);
    return leaf;
}

static struct hash record_hear(
    struct fake_agent *self, const Waypost__RecordEntry *entry, struct got *got)
{
    const Waypost__Derived *derived = message_decode(
        self->fixture->arena, &waypost__derived__descriptor, bytes_of(entry->record));

    assert(derived != NULL);
    got->kind = (int)derived->kind;
    got->at_ms = derived->at_ms;
    (void)snprintf(got->clock, sizeof got->clock, "%s", derived->clock ? derived->clock : "");
    (void)snprintf(got->rule, sizeof got->rule, "%s", derived->rule ? derived->rule : "");
    (void)snprintf(got->detail, sizeof got->detail, "%s", derived->detail ? derived->detail : "");
    if (derived->has_event) {
        memcpy(got->event, derived->event.data, UUID_BYTES);
    }
    if (derived->code != NULL) {
        (void)snprintf(got->code, sizeof got->code, "%s", derived->code);
    }
    if (derived->n_successors > 0) {
        (void)snprintf(got->successor, sizeof got->successor, "%s", derived->successors[0]);
    }
    return hash_of("waypost/body/1", bytes_of(entry->record), slice_of(NULL, 0));
}

/* Hubs get no proof (S-18a). */
static bool ack_proves_itself(const struct fake_agent *self, const Waypost__AckEntry *entry)
{
    const Waypost__AckStatement *said = message_decode(
        self->fixture->arena, &waypost__ack_statement__descriptor, bytes_of(entry->ack->statement));
    struct hash *leaves = mem_new(entry->n_events + 1, sizeof *leaves);

    assert(said != NULL);
    if (self->code[0] == '\0' || !received_named(said)) {
        free(leaves);
        return entry->n_received == 0;
    }
    for (size_t i = 0; i < entry->n_events; i++) {
        for (size_t k = 0; k < self->own_count; k++) {
            if (memcmp(self->own[k].id, entry->events[i]->event.data, UUID_BYTES) == 0) {
                leaves[i] = hash_event_leaf(FIXTURE_NETWORK, buf_slice(&self->own[k].bytes));
            }
        }
    }
    int rc = received_check(said, entry, leaves);
    free(leaves);
    return rc == 0;
}

static struct hash ack_hear(
    struct fake_agent *self, const Waypost__AckEntry *entry, struct got *got)
{
    const struct fake_agent *acker = agent_named(self->fixture, entry->agent);

    assert(sign_check(SIGN_CONTEXT_ACK, bytes_of(entry->ack->statement),
               bytes_of(entry->ack->signature), acker->keys.sign_public) == 0);
    (void)snprintf(got->agent, sizeof got->agent, "%s", entry->agent);
    (void)snprintf(got->code, sizeof got->code, "%s", entry->code);
    assert(ack_proves_itself(self, entry));
    for (size_t i = 0; i < entry->n_events; i++) {
        memcpy(got->event, entry->events[i]->event.data, UUID_BYTES);
        for (size_t k = 0; k < self->own_count; k++) {
            if (memcmp(self->own[k].id, got->event, UUID_BYTES) == 0) {
                self->own[k].persisted += entry->events[i]->level == 1;
                self->own[k].opened += entry->events[i]->level == 2;
                self->own[k].faults += entry->events[i]->level == 3;
            }
        }
    }
    return hash_statement(bytes_of(entry->ack->statement), bytes_of(entry->ack->signature));
}

static struct hash entry_hear(
    struct fake_agent *self, const Waypost__Deliver *deliver, size_t index, struct got *got)
{
    const Waypost__Entry *entry = deliver->entries[index];

    got->what = (int)entry->what_case;
    switch (entry->what_case) {
    case WAYPOST__ENTRY__WHAT_EVENT:
        return event_hear(self, deliver, entry->event, got);
    case WAYPOST__ENTRY__WHAT_RECORD:
        return record_hear(self, entry->record, got);
    case WAYPOST__ENTRY__WHAT_ACK:
        return ack_hear(self, entry->ack, got);
    case WAYPOST__ENTRY__WHAT_HELD:
        memcpy(got->event, entry->held->event.data, UUID_BYTES);
        return hash_of("waypost/held/1", bytes_of(entry->held->event), slice_of(NULL, 0));
    default:
        assert(false);
    }
    return (struct hash){{0}};
}

static bool known_already(const struct fake_agent *self, const struct got *got)
{
    for (const struct got *one = self->log; one < got; one++) {
        if (one->what == got->what && memcmp(one->event, got->event, UUID_BYTES) == 0) {
            assert(one->epoch < got->epoch); /* within one epoch nothing comes twice */
            return true;
        }
    }
    return false;
}

static void deliver_hear(struct fake_agent *self, const Waypost__Deliver *deliver)
{
    if (deliver->stream_epoch != self->epoch) {
        return; /* of a session before */
    }
    assert(self->welcomed);
    assert(deliver->first <= self->upto + 1);
    for (size_t i = 0; i < deliver->n_entries; i++) {
        uint64_t number = deliver->first + i;
        if (number <= self->upto) {
            continue;
        }
        self->log = realloc(self->log, (self->log_count + 1) * sizeof *self->log);
        assert(self->log != NULL);
        struct got *got = &self->log[self->log_count++];
        *got = (struct got){.epoch = self->epoch, .number = number};
        struct hash item = entry_hear(self, deliver, i, got);
        got->repeat = got->what == (int)WAYPOST__ENTRY__WHAT_EVENT && known_already(self, got);
        self->running =
            hash_entry(&self->running, number, (uint8_t)deliver->entries[i]->what_case, &item);
        got->running = self->running;
        self->upto = number;
    }
}

static void welcome_hear(struct fake_agent *self, const Waypost__Welcome *welcome)
{
    self->welcomed = true;
    self->ack_refused = false;
    self->welcome_last = welcome->last_sequence;
    self->welcome_acked = welcome->stream_acked;
    self->welcome_diverged = welcome->stream_diverged;
    self->welcome_extends = welcome->head_extends;
    self->sent = welcome->last_sequence;
    if (welcome->last_sequence > 0 && welcome->last_sequence <= self->own_count) {
        struct hash leaf = hash_event_leaf(
            FIXTURE_NETWORK, buf_slice(&self->own[welcome->last_sequence - 1].bytes));
        assert(!welcome->has_last_leaf || memcmp(leaf.b, welcome->last_leaf.data, HASH_BYTES) == 0);
    }
    if (welcome->stream_epoch != self->epoch) {
        self->epoch = welcome->stream_epoch;
        self->upto = 0;
        self->running = hash_begin(self);
    }
    self->acked = welcome->stream_acked;
    head_hear(self, welcome->head);
}

static void refused_hear(struct fake_agent *self, const Waypost__Refused *refused)
{
    self->refused = -(int)refused->code;
    self->refusals++;
    self->expected = refused->has_expected ? refused->expected : 0;
    self->ack_refused = refused->frame == WAYPOST__FRAME__BODY_ACK;
    if (refused->frame == WAYPOST__FRAME__BODY_PUBLISH && refused->has_first_sequence) {
        uint64_t next = refused->has_expected && self->refused == E_GAP ? refused->expected
                                                                        : refused->first_sequence;
        self->sent = next <= self->sent ? next - 1 : self->sent;
    }
    if (refused->has_retry_ms) {
        self->welcomed = false;
    }
}

static void frame_hear(struct fake_agent *self, const Waypost__Frame *frame)
{
    switch (frame->body_case) {
    case WAYPOST__FRAME__BODY_WELCOME:
        welcome_hear(self, frame->welcome);
        break;
    case WAYPOST__FRAME__BODY_RECEIPT:
        receipt_hear(self, frame->receipt);
        break;
    case WAYPOST__FRAME__BODY_DELIVER:
        deliver_hear(self, frame->deliver);
        break;
    case WAYPOST__FRAME__BODY_ACKED:
        self->acked = frame->acked->stream_epoch == self->epoch ? frame->acked->upto : self->acked;
        break;
    case WAYPOST__FRAME__BODY_REFUSED:
        refused_hear(self, frame->refused);
        break;
    default:
        break;
    }
}

void core_fixture_listen(struct core_fixture *self)
{
    for (size_t i = 0; i < self->out_count; i++) {
        Waypost__Frame *frame = NULL;
        arena_reset(self->arena);
        int rc = frame_decode(self->arena, buf_slice(&self->out[i].frame), &frame);
        assert(rc == 0);
        for (size_t a = 0; a < self->agent_count; a++) {
            if (self->agents[a].session == self->out[i].session) {
                frame_hear(&self->agents[a], frame);
            }
        }
        buf_free(&self->out[i].frame);
    }
    self->out_count = 0;
}

Waypost__Frame *core_fixture_find(
    struct core_fixture *self, const struct fake_agent *agent, int body_case)
{
    Waypost__Frame *frame = NULL;

    for (size_t i = self->out_count; i > 0; i--) {
        arena_reset(self->arena_find);
        if (self->out[i - 1].session == agent->session &&
            frame_decode(self->arena_find, buf_slice(&self->out[i - 1].frame), &frame) == 0 &&
            (int)frame->body_case == body_case) {
            return frame;
        }
    }
    return NULL;
}

/* ---- what agents say ---- */

void agent_say(struct fake_agent *self, Waypost__Frame *frame)
{
    struct buf bytes = {0};

    frame_encode(frame, &bytes);
    core_frame(self->fixture->core, self->session, self->keys.curve_public, buf_slice(&bytes));
    buf_free(&bytes);
}

void agent_leave(struct fake_agent *self)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Bye bye = WAYPOST__BYE__INIT;

    frame.body_case = WAYPOST__FRAME__BODY_BYE;
    frame.bye = &bye;
    agent_say(self, &frame);
    self->welcomed = false;
}

void agent_hello_as(struct fake_agent *self, const char *name, uint64_t session)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Hello hello = WAYPOST__HELLO__INIT;
    uint32_t versions[] = {1};
    uint8_t instance[16] = {1};
    size_t receipted = 0;

    self->session = session;
    self->welcomed = false;
    while (receipted < self->own_count && self->own[receipted].receipted) {
        receipted++;
    }
    put_u64(instance, session);
    hello.n_versions = 1;
    hello.versions = versions;
    hello.network = unconst(FIXTURE_NETWORK);
    hello.agent = unconst(name);
    hello.incarnation = self->incarnation;
    hello.receipted_sequence = receipted;
    hello.sent_sequence = self->own_count;
    hello.stream_epoch = self->epoch;
    hello.stream_upto = self->upto;
    hello.has_running_hash = self->upto > 0;
    hello.running_hash = (ProtobufCBinaryData){HASH_BYTES, self->running.b};
    if (self->seen_head.len > 0) {
        hello.seen_head = message_decode(
            self->fixture->arena, &waypost__signed__descriptor, buf_slice(&self->seen_head));
    }
    hello.register_version = self->fixture->version;
    hello.credit_events = self->credit_events;
    hello.credit_bytes = self->credit_bytes;
    hello.ack_counter = self->counter;
    hello.instance = (ProtobufCBinaryData){sizeof instance, instance};
    frame.body_case = WAYPOST__FRAME__BODY_HELLO;
    frame.hello = &hello;
    agent_say(self, &frame);
}

void agent_hello(struct fake_agent *self)
{
    agent_hello_as(self, self->keys.id, ++self->fixture->session_last);
}

static void head_fill(struct fake_agent *self, const char *const *to, struct event_view *head)
{
    const struct world *world = &self->fixture->base.world;

    head->kind = 1; /* move_notified */
    head->schema = 1;
    uuid7_next(world, self->last_id);
    memcpy(head->id, self->last_id, UUID_BYTES);
    world->random(world->context, head->transfer, sizeof head->transfer);
    (void)snprintf(head->origin, sizeof head->origin, "%s", self->code);
    (void)snprintf(head->receiving, sizeof head->receiving, "%s", to[0]);
    (void)snprintf(head->from, sizeof head->from, "%s", self->code);
    head->subject_count = 1;
    world->random(world->context, head->subjects[0].ref, sizeof head->subjects[0].ref);
    head->subjects[0].case_type = 1;
    for (; *to != NULL; to++) {
        struct recipient *recipient = &head->to[head->recipient_count++];
        (void)snprintf(recipient->code, sizeof recipient->code, "%s", *to);
        recipient->n = self->own_count + 1;
    }
    head->occurred_ms = head->sent_ms = self->fixture->base.wall_ms;
    head->incarnation = self->incarnation;
    head->sequence = self->own_count + 1;
}

static struct seal_commitment commitment_of(const char *payload)
{
    struct seal_commitment commitment = {
        .ciphertext_bytes = payload == NULL ? 0 : (uint32_t)strlen(payload)};

    if (payload != NULL) {
        commitment.ciphertext_hash =
            hash_of("waypost/ciphertext/1", slice_of_text(payload), slice_of(NULL, 0));
        commitment.key_commitment = commitment.ciphertext_hash;
    }
    return commitment;
}

/* "k=v k=v" in place; returns how many. */
static size_t facts_split(char *text, struct fact_text *facts, size_t max)
{
    char *rest = NULL;
    size_t count = 0;

    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(word, '=');
        assert(equals != NULL && count < max);
        *equals = '\0';
        facts[count++] = (struct fact_text){word, equals + 1};
    }
    return count;
}

uint64_t agent_write_kind(struct fake_agent *self, const struct fake_case *about, const char *kind,
    const char *facts, const char *const *to)
{
    enum { FACTS_MAX = 16 };
    struct fact_text list[FACTS_MAX];
    char *text = mem_text(facts);
    struct event_draft draft = {.facts = list};
    struct complaint why = {0};
    struct buf header = {0};
    struct buf body = {0};
    struct seal_commitment commitment = commitment_of(about->payload);

    head_fill(self, to, &draft.head);
    draft.head.kind = catalogue_kind_named(kind)->number;
    draft.fact_count = facts_split(text, list, FACTS_MAX);
    memcpy(draft.head.transfer, about->transfer, UUID_BYTES);
    memcpy(draft.head.subjects[0].ref, about->subject, UUID_BYTES);
    (void)snprintf(draft.head.origin, sizeof draft.head.origin, "%s", about->origin);
    (void)snprintf(draft.head.receiving, sizeof draft.head.receiving, "%s", about->receiving);
    int rc = event_encode(&draft, &header, &body, &why);
    if (rc != 0) {
        (void)fprintf(stderr, "event: %s\n", why.text);
    }
    assert(rc == 0);
    self->own = realloc(self->own, (self->own_count + 1) * sizeof *self->own);
    assert(self->own != NULL);
    struct own_event *own = &self->own[self->own_count++];
    *own = (struct own_event){.payload = about->payload};
    memcpy(own->id, draft.head.id, UUID_BYTES);
    event_join(buf_slice(&header), buf_slice(&body), about->payload == NULL ? NULL : &commitment,
        &own->bytes);
    buf_free(&header);
    buf_free(&body);
    free(text);
    return self->own_count;
}

uint64_t agent_write_payload(struct fake_agent *self, const char *const *to, const char *payload)
{
    static const struct fact_text facts[] = {
        {"permanence", "permanent"}, {"retain_intention", "transfer"}};
    struct event_draft draft = {.facts = facts, .fact_count = 2};
    struct buf header = {0};
    struct buf body = {0};
    struct complaint why = {0};
    struct seal_commitment commitment = commitment_of(payload);

    head_fill(self, to, &draft.head);
    int rc = event_encode(&draft, &header, &body, &why);
    assert(rc == 0);
    self->own = realloc(self->own, (self->own_count + 1) * sizeof *self->own);
    assert(self->own != NULL);
    struct own_event *own = &self->own[self->own_count++];
    *own = (struct own_event){.payload = payload};
    memcpy(own->id, draft.head.id, UUID_BYTES);
    event_join(
        buf_slice(&header), buf_slice(&body), payload == NULL ? NULL : &commitment, &own->bytes);
    buf_free(&header);
    buf_free(&body);
    return self->own_count;
}

uint64_t agent_write(struct fake_agent *self, const char *const *to)
{
    return agent_write_payload(self, to, NULL);
}

static void wraps_fill(struct fake_agent *self, Waypost__Wrap *wraps, uint8_t (*ids)[8])
{
    static uint8_t zeros[48];
    struct core_fixture *fixture = self->fixture;

    for (size_t i = 0; i < WRAPS; i++) {
        const struct fake_agent *to = &fixture->agents[i % 3];
        waypost__wrap__init(&wraps[i]);
        wraps[i].code = unconst(to->code);
        hash_key_id(to->keys.seal_public, ids[i]);
        ids[i][0] ^= i >= 3 ? 1 : 0;
        wraps[i].key_id = (ProtobufCBinaryData){8, ids[i]};
        wraps[i].ephemeral = (ProtobufCBinaryData){32, zeros};
        wraps[i].sealed_key = (ProtobufCBinaryData){48, zeros};
    }
}

static void statement_fill(struct fake_agent *self, uint64_t first, uint32_t count,
    const char *agent, struct hash *root, uint8_t *key_id, Waypost__BatchStatement *out)
{
    struct hash *leaves = mem_new(count, sizeof *leaves);

    for (uint32_t i = 0; i < count; i++) {
        leaves[i] = hash_event_leaf(FIXTURE_NETWORK, buf_slice(&self->own[first - 1 + i].bytes));
    }
    *root = merkle_root(leaves, count);
    free(leaves);
    hash_key_id(self->keys.sign_public, key_id);
    out->network = unconst(FIXTURE_NETWORK);
    out->agent = unconst(agent);
    out->key_id = (ProtobufCBinaryData){KEY_ID_BYTES, key_id};
    out->incarnation = self->incarnation;
    out->first_sequence = first;
    out->count = count;
    out->root = (ProtobufCBinaryData){HASH_BYTES, root->b};
}

static void publish(
    struct fake_agent *self, uint64_t first, uint32_t count, const char *agent, bool tampered)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Publish message = WAYPOST__PUBLISH__INIT;
    Waypost__Signed batch = WAYPOST__SIGNED__INIT;
    Waypost__BatchStatement statement = WAYPOST__BATCH_STATEMENT__INIT;
    Waypost__PublishedEvent events[EVENTS_FRAME_MAX];
    Waypost__PublishedEvent *list[EVENTS_FRAME_MAX];
    Waypost__Wrap wraps[WRAPS];
    Waypost__Wrap *wrap_list[] = {&wraps[3], &wraps[4], &wraps[5], &wraps[0], &wraps[1], &wraps[2]};
    uint8_t ids[WRAPS][8];
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct hash root;
    struct buf bytes = {0};

    if (first == 0) {
        first = self->sent + 1;
    }
    assert(count <= EVENTS_FRAME_MAX && first - 1 + count <= self->own_count);
    statement_fill(self, first, count, agent, &root, key_id, &statement);
    message_encode(&statement.base, &bytes);
    sign_make(SIGN_CONTEXT_BATCH, buf_slice(&bytes), self->keys.sign_secret, signature);
    signature[0] ^= tampered ? 1 : 0;
    wraps_fill(self, wraps, ids);
    for (uint32_t i = 0; i < count; i++) {
        const struct own_event *own = &self->own[first - 1 + i];
        const char *payload = own->payload;
        waypost__published_event__init(&events[i]);
        events[i].event = (ProtobufCBinaryData){own->bytes.len, own->bytes.data};
        events[i].has_erased = events[i].erased = own->erased;
        if (payload != NULL && !own->erased) {
            events[i].has_payload = 1;
            events[i].payload = (ProtobufCBinaryData){strlen(payload), (uint8_t *)unconst(payload)};
            events[i].n_wraps = self->wraps_twice ? WRAPS : 3;
            events[i].wraps = self->wraps_twice ? wrap_list : wrap_list + 3;
        }
        list[i] = &events[i];
    }
    batch.statement = (ProtobufCBinaryData){bytes.len, bytes.data};
    batch.signature = (ProtobufCBinaryData){sizeof signature, signature};
    message.batch = &batch;
    message.n_events = count;
    message.events = list;
    message.register_version = self->fixture->version;
    frame.body_case = WAYPOST__FRAME__BODY_PUBLISH;
    frame.publish = &message;
    if (first + count - 1 > self->sent) {
        self->sent = first + count - 1;
    }
    agent_say(self, &frame);
    buf_free(&bytes);
}

void agent_publish(struct fake_agent *self, uint64_t first, uint32_t count)
{
    publish(self, first, count, self->keys.id, false);
}

void agent_publish_tampered(struct fake_agent *self, uint64_t first, uint32_t count)
{
    publish(self, first, count, self->keys.id, true);
}

void agent_publish_as(struct fake_agent *self, uint64_t first, uint32_t count, const char *agent)
{
    publish(self, first, count, agent, false);
}

/* ---- acknowledgements ---- */

/* S-18a: the entries behind what the broker has as acknowledged, where events are among them. */
static void ack_name(
    const struct fake_agent *self, Waypost__AckStatement *ack, struct hash *root_out)
{
    struct merkle_frontier tree = {.size = 0};
    bool events = false;

    for (size_t i = 0; i < self->log_count; i++) {
        const struct got *got = &self->log[i];
        if (got->epoch == self->epoch && got->number > self->acked) {
            frontier_add(&tree, &got->running);
            events = events || got->what == (int)WAYPOST__ENTRY__WHAT_EVENT;
        }
    }
    if (events && !self->names_nothing && tree.size == self->upto - self->acked) {
        *root_out = frontier_root(&tree);
        ack->has_received_after = true;
        ack->received_after = (uint64_t)((int64_t)self->acked + self->names_off);
        root_out->b[0] ^= self->names_wrong;
        ack->has_received_root = tree.size > 1;
        ack->received_root = (ProtobufCBinaryData){HASH_BYTES, root_out->b};
    }
}

static void ack_send(struct fake_agent *self, const Waypost__AckStatement *given)
{
    struct hash root;
    Waypost__AckStatement statement = *given;
    Waypost__AckStatement *ack = &statement;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Signed message = WAYPOST__SIGNED__INIT;
    Waypost__PersistedRun run = WAYPOST__PERSISTED_RUN__INIT;
    Waypost__PersistedRun *runs[] = {&run};
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct buf bytes = {0};

    hash_key_id(self->keys.sign_public, key_id);
    run.upto = self->upto;
    run.at_ms = self->fixture->base.wall_ms;
    ack->network = unconst(FIXTURE_NETWORK);
    ack->agent = self->keys.id;
    ack->key_id = (ProtobufCBinaryData){KEY_ID_BYTES, key_id};
    ack->stream_epoch = self->epoch;
    ack->upto = self->upto;
    if (ack->running_hash.len == 0) {
        ack->running_hash = (ProtobufCBinaryData){HASH_BYTES, self->running.b};
    }
    ack->n_persisted = self->upto > 0;
    ack->persisted = runs;
    ack->counter = ++self->counter;
    ack_name(self, ack, &root);
    message_encode(&ack->base, &bytes);
    sign_make(SIGN_CONTEXT_ACK, buf_slice(&bytes), self->keys.sign_secret, signature);
    message.statement = (ProtobufCBinaryData){bytes.len, bytes.data};
    message.signature = (ProtobufCBinaryData){sizeof signature, signature};
    frame.body_case = WAYPOST__FRAME__BODY_ACK;
    frame.ack = &message;
    agent_say(self, &frame);
    buf_free(&bytes);
}

void agent_acknowledge(struct fake_agent *self)
{
    Waypost__AckStatement ack = WAYPOST__ACK_STATEMENT__INIT;

    ack_send(self, &ack);
}

void agent_acknowledge_wrong(struct fake_agent *self)
{
    Waypost__AckStatement ack = WAYPOST__ACK_STATEMENT__INIT;
    struct hash wrong = self->running;

    wrong.b[0] ^= 1;
    ack.running_hash = (ProtobufCBinaryData){HASH_BYTES, wrong.b};
    ack_send(self, &ack);
}

void agent_acknowledge_fault(struct fake_agent *self, uint64_t number, int code)
{
    Waypost__AckStatement ack = WAYPOST__ACK_STATEMENT__INIT;
    Waypost__Fault fault = WAYPOST__FAULT__INIT;
    Waypost__Fault *faults[] = {&fault};

    fault.number = number;
    fault.code = (uint32_t)-code;
    ack.n_faults = 1;
    ack.faults = faults;
    ack_send(self, &ack);
}

void agent_open(struct fake_agent *self, const uint8_t *event)
{
    Waypost__AckStatement ack = WAYPOST__ACK_STATEMENT__INIT;
    Waypost__Opened opened = WAYPOST__OPENED__INIT;
    Waypost__Opened *list[] = {&opened};

    opened.event = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)event};
    opened.role = WAYPOST__PERSON_ROLE__PERSON_ROLE_SOCIAL_WORKER;
    opened.team = unconst("team-1");
    opened.at_ms = self->fixture->base.wall_ms;
    ack.n_opened = 1;
    ack.opened = list;
    ack_send(self, &ack);
}

void agent_erase(struct fake_agent *self, const uint8_t *event, int act)
{
    Waypost__EraseStatement said = WAYPOST__ERASE_STATEMENT__INIT;
    Waypost__Signed message = WAYPOST__SIGNED__INIT;
    Waypost__Erase erase = WAYPOST__ERASE__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct buf bytes = {0};

    hash_key_id(self->keys.sign_public, key_id);
    said.network = unconst(FIXTURE_NETWORK);
    said.agent = self->keys.id;
    said.key_id = (ProtobufCBinaryData){KEY_ID_BYTES, key_id};
    said.act = (Waypost__EraseAct)act;
    said.event = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)event};
    said.at_ms = self->fixture->base.wall_ms;
    said.has_reason = act == WAYPOST__ERASE_ACT__ERASE_DEMANDED;
    said.reason = WAYPOST__ERASE_REASON__ERASE_CONSENT;
    message_encode(&said.base, &bytes);
    sign_make(SIGN_CONTEXT_ERASE, buf_slice(&bytes), self->keys.sign_secret, signature);
    message.statement = (ProtobufCBinaryData){bytes.len, bytes.data};
    message.signature = (ProtobufCBinaryData){sizeof signature, signature};
    erase.request = 7;
    erase.said = &message;
    frame.body_case = WAYPOST__FRAME__BODY_ERASE;
    frame.erase = &erase;
    agent_say(self, &frame);
    buf_free(&bytes);
}

/* ---- looking ---- */

size_t agent_records(const struct fake_agent *self, int kind)
{
    size_t count = 0;

    for (size_t i = 0; i < self->log_count; i++) {
        count += self->log[i].what == WAYPOST__ENTRY__WHAT_RECORD && self->log[i].kind == kind;
    }
    return count;
}

size_t agent_count(const struct fake_agent *self, int what)
{
    size_t count = 0;

    for (size_t i = 0; i < self->log_count; i++) {
        count += self->log[i].what == what;
    }
    return count;
}

const struct got *agent_got(const struct fake_agent *self, int what, size_t nth)
{
    for (size_t i = 0; i < self->log_count; i++) {
        if (self->log[i].what == what && nth-- == 0) {
            return &self->log[i];
        }
    }
    assert(false);
    return NULL;
}
