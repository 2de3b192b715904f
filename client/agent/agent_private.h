/*
 * agent_private: the core's state, shared by its files alone (agent_core, uplink, book, outgoing,
 * freeze, receipt, incoming, inspect, apply, acking, restore, ops...). Each function here says
 * which file it stands in.
 */
#ifndef WAYPOST_AGENT_PRIVATE_H
#define WAYPOST_AGENT_PRIVATE_H

#include "client/agent/agent_core.h"
#include "client/agent/counters.h"
#include "common/codec/event.h"
#include "common/codec/frame.h"
#include "common/crypto/merkle.h"
#include "common/procedure/engine.h"

enum session_state {
    SESSION_OFFLINE,    /* no connection; one is tried at connect_at_ms */
    SESSION_CONNECTING, /* a socket is open, its handshake is not done */
    SESSION_HELLO,      /* HELLO is said, WELCOME is awaited */
    SESSION_OPEN        /* frames go both ways */
};

/* A batch on its way. */
struct flight {
    uint64_t first; /* sequence */
    uint32_t count;
    uint64_t bytes;
    int64_t sent_ms; /* mono */
};

/* A local request that waits for the broker. */
struct pending {
    uint64_t request; /* number on the wire, 0 for a free place */
    uint64_t client;
    uint32_t operation;  /* enum Operation; 0 for QUERY */
    int64_t deadline_ms; /* mono */
};

struct watcher {
    uint64_t client;
    bool used;
    int64_t position; /* of the last entry handed over */
    char region[AGENT_NAME_BYTES_MAX + 1];
};

struct agent_core {
    struct agent_options options;
    const struct world *world;
    store_t *store;
    struct agent_ports ports;
    arena_t *arena;                  /* the frame at hand */
    arena_t *inner;                  /* statements inside it */
    struct buf out;                  /* the frame being sent */
    register_t *book;                /* NULL before the first */
    const struct register_agent *me; /* lent from the book; NULL where it does not name us */
    struct identity identity;
    struct seen_head head;
    uint8_t instance[16]; /* of this process start */

    /* the session */
    enum session_state state;
    char endpoint[257];
    int64_t state_since_ms;  /* mono */
    int64_t online_since_ms; /* wall, for status */
    int64_t online_upto_ms;  /* wall: end of the last session, 0 before one has ended */
    int64_t connect_at_ms;   /* mono */
    int64_t backoff_ms;
    int64_t superseded_wait_ms;
    int64_t superseded_at_ms; /* mono, 0 for never */
    int64_t heard_at_ms;      /* mono: last frame of the broker */
    int64_t idle_since_ms;    /* mono: second in which idle_frames are counted */
    uint32_t idle_frames;     /* that changed neither stream nor what is published */
    int64_t ping_at_ms;       /* mono */
    int64_t heartbeat_ms;
    size_t key_at_work; /* CURVE: position in options.keys */
    bool settled;       /* WELCOME is checked: publishing may begin */
    struct buf welcome; /* its frame, until it is checked */
    bool register_asked;
    bool register_old; /* the broker has a newer one than we */
    int64_t register_asked_ms;
    int64_t register_since_ms; /* mono: asked for since, 0 where nothing is */
    bool stopping;

    /* publishing */
    int publish_stopped; /* negative enum err: why nothing is published, 0 where it is */
    bool restoring;
    int64_t publish_at_ms; /* mono: not before */
    int64_t publish_wait_ms;
    uint32_t credit_events;
    uint32_t credit_bytes;
    uint64_t
        publishing;     /* incarnation sent now: an earlier one while the broker lacks some of it */
    int64_t past_at_ms; /* mono: earlier ones, refused before, not before; 0: at once */
    uint64_t next_unsent; /* first sequence of it that this session has not sent */
    uint64_t split_at;    /* a batch ends before this sequence, 0 for none */
    uint32_t batch_events_max;
    size_t flight_count;
    struct flight flights[AGENT_BATCHES_IN_FLIGHT];

    /* receiving */
    bool past_pending;  /* a keeper fills its tables again: pages first, the stream after */
    uint64_t past_leaf; /* where the next page begins */
    uint64_t past_skip;
    bool resend_wanted;   /* once the register is here */
    bool resend_pending;  /* once it may be asked again */
    int64_t resend_at_ms; /* mono: not before */
    uint64_t ack_counter; /* last used; identity.ack_counter is set aside ahead of it */
    uint64_t ack_sent_upto;
    bool ack_wanted;
    int64_t ack_last_ms; /* mono */
    int64_t ack_beat_ms; /* where in AGENT_ACK_PACE_MS the others leave */
    size_t own_ack_count;
    struct own_ack own_acks[AGENT_OWN_ACKS_MAX]; /* told, not written yet: no sync for them alone */
    bool watch_wanted;                           /* new entries */

    /* local requests */
    uint64_t last_request;
    struct pending pending[AGENT_PENDING_REQUESTS];
    struct watcher watchers[AGENT_WATCHERS_MAX];
    engine_t *engine; /* an empty one for the next question (cases.h), NULL before the first */
    int64_t receiver_due_ms; /* wall, -1 where it is not known */
    bool gathering;          /* between agent_core_gather() and agent_core_gathered() */
    int64_t daily_at_ms;     /* mono: keys and gaps are looked at */
    bool beliefs_held;       /* some are to be settled in this session */
    uint64_t beliefs_upto;   /* once the stream has come so far */
    int64_t watching_at_ms;  /* mono: states that nobody announces are looked at */

    /* what is watched (stats.h) */
    uint64_t counters[AGENT_COUNTER_COUNT];
    struct histogram accepted; /* from sending a batch until its receipt */
    struct histogram arrival;  /* from an event's acceptance until it was on this disk */
    uint8_t probe[16];         /* random bytes of the last PING (T-5) */
    bool probe_asked;          /* its answer is awaited */
    bool probed;               /* one went round */
    int64_t probed_ms;         /* mono: when it came back */
    int64_t broker_stored_ms;  /* how old the broker's last commit or probe of its own was then */
    int64_t clock_off_ms;      /* broker's clock less ours, by its last answer */
    uint64_t disk_free_bytes;  /* where the database lives, as the program last saw it */
    bool disk_seen;            /* it has */

    /* erasing.c */
    uint64_t erase_request; /* the statement under way, 0 for none */
    uint8_t erase_event[UUID_BYTES];
    bool erase_is_demand;
    bool erase_wanted;   /* there may be something to say */
    bool scrub_wanted;   /* destroyed bytes may still stand in the write-ahead log */
    int64_t erase_at_ms; /* mono: not before */
    int64_t sweep_at_ms; /* mono: the standing instruction is carried out */

    struct bundling *bundling; /* bundling.c; NULL for none; owned */

    /* heads.c */
    struct seen_head proven; /* extends every one before it; size 0: none yet */
    uint64_t prove_request;  /* the proof under way, 0 for none */
    uint64_t prove_from, prove_size;
    struct hash prove_root;                   /* of our newer head, or of the other agent's */
    struct seen_head prove_head;              /* our newer head */
    char prove_agent[AGENT_ID_BYTES_MAX + 1]; /* whose; "": ours */
    bool compare_wanted;                      /* other agents' words may wait */
    int64_t prove_at_ms;                      /* mono: not before */
    int64_t prove_asked_ms;                   /* mono */
    int64_t prove_since_ms;                   /* mono: since then something is open */
};

/* agent_core.c */
int64_t agent_mono(const agent_core_t *self);
int64_t agent_wall(const agent_core_t *self);
int agent_send(agent_core_t *self, Waypost__Frame *frame); /* gives the session up where it fails */
void agent_alarm(agent_core_t *self, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4))); /* inside or outside a transaction */
void agent_alarm_clear(agent_core_t *self, const char *name);
/* Is a time of acceptance possible: not before it was sent, not after now? Else an alarm; it counts all the same, for
 * the clock that is wrong may be anybody's. */
void agent_check_time(agent_core_t *self, const char *what, int64_t sent_ms, int64_t accepted_ms);
static inline void agent_count(agent_core_t *self, enum agent_counter counter)
{
    self->counters[counter]++;
}
/* Commit; where it fails what is in memory is read again, the session ends and an alarm is
 * raised. */
int agent_commit(agent_core_t *self);
/* What store_gather() began: on disk from here, or given up with the session. 0, or the store's failure. */
int agent_settle(agent_core_t *self);
void agent_copy_text(char *out, size_t bytes, const char *text); /* cut to fit; NULL is "" */
ProtobufCBinaryData binary_of(struct slice bytes);
struct slice slice_of_binary(ProtobufCBinaryData bytes);

/* uplink.c */
void uplink_close(
    agent_core_t *self, int64_t wait_ms); /* reconnect after so long; -1: by the backoff */
void uplink_tick(agent_core_t *self);
void uplink_welcome(agent_core_t *self, const Waypost__Welcome *welcome, struct slice frame);
void uplink_settle(agent_core_t *self); /* once the register is up to date */
void uplink_refused(agent_core_t *self, const Waypost__Refused *refused);
void uplink_pong(agent_core_t *self, const Waypost__Pong *pong);
void uplink_notice(agent_core_t *self, const Waypost__Notice *notice);
void incoming_start_epoch(agent_core_t *self, uint64_t epoch); /* inside a transaction */

/* book.c: register, keys, heads */
int book_load(agent_core_t *self, struct complaint *why); /* from the store, at the start */
int book_take(agent_core_t *self, struct slice signed_register, struct complaint *why);
void book_ask(agent_core_t *self);
void book_frame(agent_core_t *self, const Waypost__RegisterIs *frame);
void book_daily(agent_core_t *self);
/* When the last of our keys of one use ends: wall time, INT64_MAX for no end; 0 where no file has a registered one. */
int64_t book_key_end(const agent_core_t *self, enum register_key_use use);
const struct keys *book_signing_keys(const agent_core_t *self); /* NULL where none is valid now */
const struct keys *book_curve_keys(agent_core_t *self);
const struct keys *book_seal_keys(
    const agent_core_t *self, const uint8_t *key_id); /* NULL where not ours */
const char *book_own_code(const agent_core_t *self);  /* "" for hubs and before the register */
bool book_is_hub(const agent_core_t
        *self); /* it sees other agents' events, and gets no proof of who has them (S-18a) */
bool book_serves(const agent_core_t *self, const char *code, int64_t at_ms); /* after routing */
/* Does the head key of a broker in the register say this? 0, E_SIGNATURE, E_STALE_REGISTER without one. */
int book_broker_says(
    agent_core_t *self, const char *context, struct slice statement, struct slice signature);
int book_head(agent_core_t *self, const Waypost__Signed *signed_head, struct seen_head *out);
/* Remember the highest; inside a transaction. 0, E_FORK or E_ROLLBACK. */
int book_note_head(agent_core_t *self, const struct seen_head *head);
bool book_path(size_t count, const ProtobufCBinaryData *steps, struct merkle_path *out);

/* outgoing.c */
void outgoing_pump(agent_core_t *self);
/*
 * Between store_gather() and agent_settle(): the batch that outgoing_pump() sends next is formed with what made it possible, in
 * one transaction. 0, also where nothing is to be sent; or the store's failure, with nothing kept.
 */
int outgoing_prepare(agent_core_t *self);
void outgoing_stop(agent_core_t *self, int rc);
void outgoing_refused(agent_core_t *self, const Waypost__Refused *refused);
void outgoing_begin(
    agent_core_t *self); /* from the first event without a receipt, whatever incarnation */
void outgoing_from(
    agent_core_t *self, uint64_t sequence); /* forget what is in flight from here on */
void outgoing_wait(agent_core_t *self, int64_t at_least_ms);
void outgoing_rewrap(
    agent_core_t *self); /* wraps of all that is frozen, by the register in force */

/* freeze.c */
int freeze_event(
    agent_core_t *self, struct outbox_row *row, struct complaint *why); /* inside a transaction */
/* Wraps of a payload key for everybody who may open it. inside a transaction or not. */
void freeze_wraps(
    agent_core_t *self, const struct event_view *view, const uint8_t *key, struct buf *out);
/* The payload key from our own wrap. 0 or E_OPEN. */
int freeze_key(agent_core_t *self, const struct event_view *view, struct slice wraps, uint8_t *key);

/* receipt.c */
void receipt_frame(agent_core_t *self, const Waypost__Receipt *receipt);
struct hash receipt_leaf(const char *network, const Waypost__Receipt *receipt);

/* incoming.c */
void incoming_deliver(agent_core_t *self, const Waypost__Deliver *deliver);
void incoming_resend(agent_core_t *self);
void incoming_past(agent_core_t *self, const Waypost__Past *past);
void incoming_fetch_past(agent_core_t *self); /* the next page, or the first */
struct hash incoming_hash_start(const char *network, const char *agent, uint64_t epoch);

/* inspect.c: is a delivered event what it says? */
struct inspected {
    int rc; /* 0, E_SIGNATURE..., E_STALE_REGISTER */
    char text[200];
    Waypost__BatchStatement *statement;  /* lent from the arena */
    const struct register_agent *sender; /* lent from the book */
};
void inspect_batch(agent_core_t *self, const Waypost__DeliveredBatch *batch, struct inspected *out);
/* 0 and the view; else the code with the sentence. */
int inspect_event(agent_core_t *self, const Waypost__EventEntry *entry,
    const struct inspected *batch, int64_t accepted_ms, struct event_view *view,
    struct complaint *why);
/* An event of ours that the broker gives back: 0 where we have signed it, and the view. */
int inspect_own(agent_core_t *self, const Waypost__OwnEvents *given, const Waypost__OwnEvent *event,
    struct event_view *view, struct complaint *why);
/* 0 where the payload is there and opens, or may be absent; E_OPEN. */
int inspect_payload(agent_core_t *self, const Waypost__EventEntry *entry,
    const struct event_view *view, struct complaint *why);

/* Of the wraps that came, the one to a key that we hold; the newest where there is none. Lent from the entry. */
const Waypost__Wrap *inspect_wrap(const agent_core_t *self, const Waypost__EventEntry *entry);

/* apply.c: records and acknowledgements of others, inside a transaction */
/* Each adds the stream's entry as well; row->event is filled in. */
/* A RecordEntry with what is in it. Lent, until the frame is done with. */
struct told_record {
    uint64_t leaf_index;
    uint32_t index; /* in the record of that leaf */
    int64_t recorded_ms;
    const Waypost__Derived *record;
};
void apply_derived(agent_core_t *self, const struct told_record *entry, struct entry_row *row);
/* 0, or with nothing changed: E_STALE_REGISTER, it is asked for again with the newer register; E_BUSY, in the session that
 * follows once all own events are fetched. */
int apply_ack(agent_core_t *self, const Waypost__AckEntry *entry, struct entry_row *row);

/* watching.c */
void watching_tick(agent_core_t *self);

/* acking.c */
void acking_tick(agent_core_t *self);
void acking_acked(agent_core_t *self, const Waypost__Acked *acked);
void acking_send(agent_core_t *self);
void acking_keep(agent_core_t *self);  /* where ours stand, written inside a transaction */
void acking_flush(agent_core_t *self); /* the same, in one of its own where there is none */
int64_t acking_due_ms(const agent_core_t *self);

/* restore.c */
void restore_begin(agent_core_t *self, const char *why);
void restore_frame(agent_core_t *self, const Waypost__OwnEvents *events);

/* open.c: payloads */
int open_own(agent_core_t *self, const struct outbox_row *row, json_t **out);
int open_received(agent_core_t *self, const struct inbox_row *row, json_t **out);

#endif
