/*
 * hostile: an agent in bad hands. It has a good key and says what it likes: frames of others,
 * changed frames, garbage. Nothing of it may take effect in another's name (promise 6).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/codec/frame.h"
#include "tests/sim/sim.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 16777216, GARBAGE_BYTES = 64, SPOILT_MAX = 64, INCARNATION = 77, GAP_MAX = 3 };

struct hostile {
    struct buf heard; /* a PUBLISH of somebody else's */
    bool greeted;
    uint64_t accepted; /* highest sequence of its own that has a receipt */
    uint8_t last_id[UUID_BYTES];
    size_t spoilt_count;
    uint8_t spoilt[SPOILT_MAX][UUID_BYTES]; /* events that were sent with a bad signature */
    arena_t *arena;
};

void hostile_new(struct sim *self)
{
    if (self->plan.agents < 3) {
        return;
    }
    self->liar = mem_new(1, sizeof *self->liar);
    self->liar->arena = arena_new(ARENA_BYTES);
    self->hostile = self->plan.agents - 1;
    self->agents[self->hostile].lost = true;
}

void hostile_free(struct sim *self)
{
    if (self->liar != NULL) {
        buf_free(&self->liar->heard);
        arena_destroy(&self->liar->arena);
        free(self->liar);
        self->liar = NULL;
    }
}

void hostile_sees(struct sim *self, struct slice frame)
{
    if (self->liar != NULL && sim_chance(self, 40)) {
        buf_clear(&self->liar->heard);
        buf_put_slice(&self->liar->heard, frame);
    }
}

static bool say(struct sim *self, struct slice frame)
{
    return virtual_intrude(self->network, self->hostile, frame);
}

static void say_frame(struct sim *self, Waypost__Frame *frame)
{
    struct buf bytes = {0};

    frame_encode(frame, &bytes);
    self->liar->greeted = say(self, buf_slice(&bytes));
    buf_free(&bytes);
}

static void greet(struct sim *self)
{
    static uint32_t versions[] = {1};
    static uint8_t instance[16] = {7};
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Hello hello = WAYPOST__HELLO__INIT;

    hello.n_versions = 1;
    hello.versions = versions;
    hello.network = (char *)(uintptr_t) "sim";
    hello.agent = self->agents[self->hostile].id;
    hello.incarnation = INCARNATION;
    hello.credit_events = 1024;
    hello.credit_bytes = 4194304;
    hello.register_version = virtual_book(self->network)->version;
    hello.instance = (ProtobufCBinaryData){sizeof instance, instance};
    frame.body_case = WAYPOST__FRAME__BODY_HELLO;
    frame.hello = &hello;
    say_frame(self, &frame);
}

/* The same frame, one bit of it another. */
static void say_changed(struct sim *self)
{
    struct buf bytes = {0};

    buf_put_slice(&bytes, buf_slice(&self->liar->heard));
    if (bytes.len > 0) {
        bytes.data[sim_random(self, bytes.len)] ^= (uint8_t)(1u << sim_random(self, 8));
        (void)say(self, buf_slice(&bytes));
    }
    buf_free(&bytes);
}

/* Another's batch with a statement in its own name: signed by itself over events of another. */
static void say_claimed(struct sim *self)
{
    struct hostile *liar = self->liar;
    Waypost__Frame *frame = NULL;
    struct buf statement = {0};
    uint8_t signature[SIGNATURE_BYTES];

    arena_reset(liar->arena);
    if (liar->heard.len == 0 || frame_decode(liar->arena, buf_slice(&liar->heard), &frame) != 0) {
        return;
    }
    Waypost__Signed *batch = frame->publish->batch;
    Waypost__BatchStatement *said =
        message_decode(liar->arena, &waypost__batch_statement__descriptor,
            slice_of(batch->statement.data, batch->statement.len));
    if (said == NULL) {
        return;
    }
    if (sim_chance(self, 50)) {
        said->agent = self->agents[self->hostile].id;
    }
    said->incarnation = sim_chance(self, 50) ? said->incarnation : 1;
    message_encode(&said->base, &statement);
    sign_make("waypost/batch/1", buf_slice(&statement),
        virtual_agent_keys(self->network, self->hostile)->sign_secret, signature);
    batch->statement = (ProtobufCBinaryData){statement.len, statement.data};
    batch->signature = (ProtobufCBinaryData){sizeof signature, signature};
    say_frame(self, frame);
    buf_free(&statement);
}

void hostile_receipt(struct sim *self, uint64_t upto)
{
    self->liar->accepted = upto > self->liar->accepted ? upto : self->liar->accepted;
}

bool hostile_spoilt(const struct sim *self, const uint8_t *event)
{
    for (size_t i = 0; self->liar != NULL && i < self->liar->spoilt_count; i++) {
        if (memcmp(self->liar->spoilt[i], event, UUID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* An event of its own, under that number, after the pattern of one that it heard. */
static bool make_event(struct sim *self, const Waypost__Frame *heard, const char *from,
    uint64_t sequence, struct buf *out)
{
    struct hostile *liar = self->liar;
    const struct virtual_world *world = virtual_agent_world(self->network, self->hostile);
    struct event_draft draft = {.fact_count = 0};
    struct buf header = {0};
    struct buf facts = {0};
    ProtobufCBinaryData event = heard->publish->events[0]->event;

    if (event_read(slice_of(event.data, event.len), &draft.head, NULL) != 0) {
        return false;
    }
    uuid7_next(&world->world, liar->last_id);
    memcpy(draft.head.id, liar->last_id, UUID_BYTES);
    (void)snprintf(draft.head.from, sizeof draft.head.from, "%s", from);
    draft.head.incarnation = INCARNATION;
    draft.head.sequence = sequence;
    draft.head.has_payload = false;
    draft.head.sent_ms = draft.head.occurred_ms = virtual_time(self->network)->wall_ms;
    bool made = event_encode(&draft, &header, &facts, NULL) == 0;
    if (made) {
        event_join(buf_slice(&header), buf_slice(&facts), NULL, out);
    }
    buf_free(&header);
    buf_free(&facts);
    return made;
}

static void sign_event(
    struct sim *self, struct slice event, uint64_t sequence, struct buf *out, uint8_t *signature)
{
    const struct keys *keys = virtual_agent_keys(self->network, self->hostile);
    Waypost__BatchStatement statement = WAYPOST__BATCH_STATEMENT__INIT;
    struct hash leaf = hash_event_leaf("sim", event);
    struct hash root = merkle_root(&leaf, 1);
    uint8_t key_id[KEY_ID_BYTES];

    hash_key_id(keys->sign_public, key_id);
    statement.network = (char *)(uintptr_t) "sim";
    statement.agent = self->agents[self->hostile].id;
    statement.key_id = (ProtobufCBinaryData){sizeof key_id, key_id};
    statement.incarnation = INCARNATION;
    statement.first_sequence = sequence;
    statement.count = 1;
    statement.root = (ProtobufCBinaryData){HASH_BYTES, root.b};
    message_encode(&statement.base, out);
    sign_make(SIGN_CONTEXT_BATCH, buf_slice(out), keys->sign_secret, signature);
}

/* What is wrong with an event of its own. */
enum lie {
    LIE_NONE,
    LIE_SIGNATURE, /* a bit of it */
    LIE_BYTES,     /* another event than the one that was signed, as good as that */
    LIE_SENDER,    /* in another's name */
    LIE_GAP,       /* beyond its next number */
    LIE_NUMBER,    /* its last number once more */
    LIE_COUNT
};

static uint64_t number_of(struct sim *self, enum lie lie)
{
    uint64_t accepted = self->liar->accepted;

    return lie == LIE_GAP                   ? accepted + 2 + sim_random(self, GAP_MAX)
        : lie == LIE_NUMBER && accepted > 0 ? accepted
                                            : accepted + 1;
}

/* In the journal it would be seen (check.c). One that comes in order and is signed may stand there, and one beyond the next
 * number as soon as that is the next. */
static void note_spoilt(struct hostile *self, enum lie lie)
{
    bool spoilt = lie == LIE_SIGNATURE || lie == LIE_BYTES || lie == LIE_SENDER;

    if (spoilt && self->spoilt_count < SPOILT_MAX) {
        memcpy(self->spoilt[self->spoilt_count++], self->last_id, UUID_BYTES);
    }
}

static void say_own(struct sim *self)
{
    struct hostile *liar = self->liar;
    Waypost__Frame *frame = NULL;
    struct buf event = {0};
    struct buf statement = {0};
    uint8_t signature[SIGNATURE_BYTES];
    enum lie lie = (enum lie)sim_random(self, LIE_COUNT);
    uint64_t sequence = number_of(self, lie);
    const char *id = self->agents[self->hostile].id;
    const char *from = lie == LIE_SENDER ? self->agents[0].id : id;

    arena_reset(liar->arena);
    if (liar->heard.len == 0 || frame_decode(liar->arena, buf_slice(&liar->heard), &frame) != 0 ||
        !make_event(self, frame, from, sequence, &event)) {
        buf_free(&event);
        return;
    }
    sign_event(self, buf_slice(&event), sequence, &statement, signature);
    if (lie == LIE_SIGNATURE) {
        signature[sim_random(self, sizeof signature)] ^= 1;
    } else if (lie == LIE_BYTES) {
        buf_clear(&event);
        (void)make_event(self, frame, from, sequence, &event);
    }
    note_spoilt(liar, lie);
    Waypost__PublishedEvent published = WAYPOST__PUBLISHED_EVENT__INIT;
    Waypost__PublishedEvent *events[] = {&published};
    published.event = (ProtobufCBinaryData){event.len, event.data};
    frame->publish->n_events = 1;
    frame->publish->events = events;
    frame->publish->register_version = virtual_book(self->network)->version;
    frame->publish->batch->statement = (ProtobufCBinaryData){statement.len, statement.data};
    frame->publish->batch->signature = (ProtobufCBinaryData){sizeof signature, signature};
    say_frame(self, frame);
    buf_free(&event);
    buf_free(&statement);
}

static void say_garbage(struct sim *self)
{
    uint8_t bytes[GARBAGE_BYTES];

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)sim_random(self, 256);
    }
    (void)say(self, slice_of(bytes, 1 + sim_random(self, sizeof bytes)));
}

void hostile_acts(struct sim *self)
{
    if (self->liar == NULL) {
        return;
    }
    sim_trace(self, "agent %s lies", self->agents[self->hostile].id);
    if (!self->liar->greeted || sim_chance(self, 20)) {
        greet(self);
        return;
    }
    switch (sim_random(self, 8)) {
    case 0:
        (void)say(self, buf_slice(&self->liar->heard));
        break;
    case 1:
        say_changed(self);
        break;
    case 2:
        say_claimed(self);
        break;
    case 3:
        say_garbage(self);
        break;
    default:
        say_own(self);
        break;
    }
}
