/*
 * agent_fixture: an agent core with a made-up world, and a scripted broker: the test says what the broker answers, the
 * fixture makes the bytes (register, heads, receipts, deliveries of a peer), right or wrong as asked. For tests alone;
 * failures of set-up end the test by an assertion.
 */
#ifndef WAYPOST_TESTS_AGENT_FIXTURE_H
#define WAYPOST_TESTS_AGENT_FIXTURE_H

#include "client/agent/agent_core.h"
#include "common/codec/event.h"
#include "common/codec/frame.h"
#include "common/crypto/merkle.h"

enum { AGENTFIX_LEAVES_MAX = 512, AGENTFIX_FRAMES_MAX = 256, AGENTFIX_SIGNED_MAX = 512 };

#define AGENTFIX_NETWORK "test"
#define AGENTFIX_ME "E09000019"   /* Islington, the agent under test */
#define AGENTFIX_PEER "E09000007" /* Camden */

/* What a receipt or delivery gets wrong. */
enum agentfix_fault {
    FAULT_NONE,
    FAULT_HEAD_SIGNATURE, /* receipt: another key signs the head */
    FAULT_PATH,           /* receipt, delivery: the path leads elsewhere */
    FAULT_STATEMENT,      /* receipt: for another statement */
    FAULT_SIGNATURE,      /* delivery: the batch's signature */
    FAULT_CIPHERTEXT,     /* delivery: one bit of the payload */
    FAULT_FROM            /* delivery: from an authority that the signer does not speak for */
};

struct agentfix {
    /* the world */
    int64_t wall_ms;
    int64_t mono_ms;
    uint64_t random;
    struct world world;

    /* who is who */
    struct keys root;
    struct keys broker;
    struct keys me;
    struct keys peer;
    struct keys peer_next; /* the peer's keys after a rotation */
    bool newer_wrap;       /* deliveries bring first a wrap to a key that we have not got yet */
    bool peer_rotated;
    uint64_t register_version;
    struct buf register_bytes; /* SignedRegister */
    struct hash register_hash;
    struct register_pin pin;

    /* the agent */
    char path[128]; /* database; ":memory:" */
    store_t *store;
    agent_core_t *core;
    bool receiver;
    bool holds_tick; /* frames that are given are not gathered, and not followed by a tick */
    bool erase_due;  /* the standing instruction */
    uint32_t retention_days;    /* of move_notified in registers made from now on; 0: no schedule */
    int64_t dead_ms, unread_ms; /* agent_options; 0: no alarms by age */
    unsigned connects;
    bool is_connected;
    size_t frame_count;
    struct buf frames[AGENTFIX_FRAMES_MAX]; /* what it sent, oldest first */
    size_t answer_count;
    json_t *answers[64]; /* what came later by ports.answer */
    arena_t *arena;      /* of frames that were taken */

    /* the broker */
    void (*tamper)(struct agentfix *self,
        Waypost__Frame *frame); /* NULL; else what it changes before it says it */
    size_t leaf_count;
    struct hash leaves[AGENTFIX_LEAVES_MAX];
    uint8_t journal[16];
    uint32_t epoch;
    uint64_t last_sequence;
    struct hash last_leaf;
    bool incarnation_known;
    uint64_t own_events;
    uint32_t credit_events;
    uint64_t stream_epoch;
    uint64_t stream_last;
    uint64_t stream_acked;
    uint64_t ack_leaf;   /* named by ACKED where it is not 0 */
    struct hash running; /* of what was delivered */
    uint64_t peer_sequence;
    uint64_t peer_n;
    uint8_t peer_last_id[UUID_BYTES];
    uint8_t peer_event[UUID_BYTES]; /* of the last delivery */
    uint64_t peer_seen_size;        /* head that the peer's batches say it has seen, 0: none */
    struct hash peer_seen_root;
};

void agentfix_setup(struct agentfix *self, const char *path); /* NULL: in memory */
void agentfix_teardown(struct agentfix *self);
/* For cmocka: one of its own in memory, in session, in *state; and its end. */
int agentfix_begin(void **state);
int agentfix_end(void **state);
void agentfix_open(struct agentfix *self); /* store and core */
int agentfix_try_open(
    struct agentfix *self); /* the same on a disk that may fail; then nothing is open */
void agentfix_close(struct agentfix *self);            /* as if killed: nothing is said */
void agentfix_register(struct agentfix *self);         /* the next version */
void agentfix_pass(struct agentfix *self, int64_t ms); /* time passes, and a tick */

/* One local request; the answer must be freed. text: JSON with ' for ". */
json_t *agentfix_ask(struct agentfix *self, const char *text);
bool agentfix_alarm(struct agentfix *self, const char *name);

/* The first frame sent with this body, taken out of the row; NULL where there is none. Lives until the next call. */
Waypost__Frame *agentfix_take(struct agentfix *self, Waypost__Frame__BodyCase body);
void agentfix_forget(struct agentfix *self); /* all frames sent so far */
void agentfix_give(struct agentfix *self, Waypost__Frame *frame);

/* Connect, take HELLO, answer WELCOME (and the register where it is asked for). */
void agentfix_online(struct agentfix *self);
void agentfix_connect(struct agentfix *self); /* until HELLO is said */
void agentfix_welcome(struct agentfix *self);
void agentfix_give_register(struct agentfix *self);
void agentfix_refuse(
    struct agentfix *self, int code, uint32_t body, uint64_t first, int index, uint64_t expected);

/* Take the next PUBLISH and put it into the journal, without a word. Returns its number of events, 0 for none. */
struct agentfix_batch {
    uint64_t first;
    uint32_t count;
    uint64_t leaf_index;
    int64_t accepted_ms;
    struct buf statement;
    struct buf signature;
    struct buf events[AGENTFIX_SIGNED_MAX];
    struct buf payloads[AGENTFIX_SIGNED_MAX];
    struct buf wraps[AGENTFIX_SIGNED_MAX]; /* stored form */
    uint64_t register_version;
};
bool agentfix_accept(struct agentfix *self, struct agentfix_batch *out);
void agentfix_receipt(struct agentfix *self, const struct agentfix_batch *batch,
    enum agentfix_fault fault, bool duplicate);
void agentfix_batch_free(struct agentfix_batch *batch);
/* Accept and receipt everything that comes; returns the number of events. */
size_t agentfix_serve(struct agentfix *self);
void agentfix_own_events(struct agentfix *self, const struct agentfix_batch *batches, size_t count);

/* A delivery of one event of the peer, with a payload where `sealed`. number 0: the next one. */
void agentfix_deliver(
    struct agentfix *self, uint64_t number, bool sealed, enum agentfix_fault fault);
void agentfix_deliver_again(struct agentfix *self); /* the same frame once more */
void agentfix_redeliver(
    struct agentfix *self, uint64_t number); /* its event under another number of the epoch */
void agentfix_acked(
    struct agentfix *self); /* take ACKs and answer the last; asserts that they verify */
/* Answer each PROVE from the journal as it is; how many. */
size_t agentfix_prove(struct agentfix *self);
struct hash agentfix_root(const struct agentfix *self, uint64_t size);
void agentfix_grow(
    struct agentfix *self, unsigned leaves); /* the journal, by somebody else's records */

/* The next entry of the stream is a record: the bytes of a Derived message. */
void agentfix_record(struct agentfix *self, struct slice derived);

/*
 * The next entry of the stream is an acknowledgement that the peer has truly signed, of the first `count` of these events of
 * ours (their bytes), as its stream's entries 1 to count. The broker says that `told` is among them, at a place of them.
 * named: the statement names them (S-18a); else it is one of before.
 */
struct agentfix_ack {
    const struct buf *received;
    size_t count; /* 1 to AGENTFIX_SIGNED_MAX */
    const struct buf *told;
    size_t place;
    bool named;
};
void agentfix_peer_ack(struct agentfix *self, const struct agentfix_ack *ack);

/* A record about an erasure in the stream, with the signed word of `agent`. kind: SystemKind; act: EraseAct. */
void agentfix_erasure(struct agentfix *self, int kind, int act, const uint8_t *event,
    const char *agent, const struct keys *signer);

/* The last ACK taken by agentfix_acked(). */
const Waypost__AckStatement *agentfix_last_ack(struct agentfix *self);

#endif
