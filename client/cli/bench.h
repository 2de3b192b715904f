/*
 * bench: a network of its own in a temporary directory, a real broker on loopback, and agents made of nothing but the
 * protocol: what `waypost bench` is built from.
 *
 *   bench_net.c     directory, keys, register, broker process
 *   bench_data.c    the procedures' data that the broker judges by
 *   bench_shape.c   what the events say: the steps of a transfer
 *   bench_wire.c    events, batches, acknowledgements as bytes
 *   bench_link.c    one session: HELLO, PUBLISH with a window, DELIVER and ACK
 *   bench_load.c    producers and consumers of one run, in two threads
 *   bench_floor.c   what the machine itself can do
 *   bench_run.c     the runs and their figures
 *   bench_soak.c    hours of load at one rate while sessions end and begin, a line a second
 *
 * Failures of the network under test end the run with a sentence; nothing is left behind.
 */
#ifndef WAYPOST_CLI_BENCH_H
#define WAYPOST_CLI_BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/cli/cli.h"
#include "common/base/bytes.h"
#include "common/base/uuid.h"
#include "common/crypto/merkle.h"
#include "common/crypto/keys.h"

enum {
    BENCH_PRODUCERS_MAX = 64,
    BENCH_CONSUMERS_MAX = 2000,
    BENCH_INFLIGHT_MAX = 1024, /* events of one producer */
    BENCH_PATH_BYTES = 512,
    BENCH_ENDPOINT_BYTES = 256,
    BENCH_CODE_BYTES = 10,
    BENCH_WRAPS_BYTES = 256, /* two encoded wraps, with room */
};

#define BENCH_NETWORK "bench"

/* ---- numbers ---- */

/* Durations in nanoseconds; grows, sorts when asked. Zero-initialise. */
struct samples {
    int64_t *ns; /* owned */
    size_t count;
    size_t capacity;
};

void samples_add(struct samples *self, int64_t ns);
void samples_join(struct samples *self, const struct samples *other);
/* The duration below which `part` (0 .. 1) of them lie; 0 for none. Sorts. */
int64_t samples_at(struct samples *self, double part);
void samples_free(struct samples *self);

int64_t bench_now_ns(void); /* monotonic */

/* Ctrl-C or SIGTERM has come: end the run and clean up. */
bool bench_interrupted(void);
void bench_catch_interrupts(void);

/* ---- agents ---- */

/* One agent of the bench with its keys and what it must remember over sessions. */
struct bench_agent {
    char code[BENCH_CODE_BYTES]; /* its id as well */
    struct keys keys;
    uint8_t sign_id[KEY_ID_BYTES];
    uint8_t wraps[BENCH_WRAPS_BYTES]; /* PublishedEvent.wraps for it as a recipient, encoded */
    size_t wraps_len;
    uint64_t incarnation;
    uint64_t next_sequence;        /* of the next event, from 1 */
    uint8_t last_leaf[HASH_BYTES]; /* of the last event receipted */
    uint64_t receipted;            /* highest sequence with a receipt */
    uint64_t *n_to;                /* owned: counter of events to each agent, by its index */
    uint32_t index;
    uint64_t stream_epoch; /* 0 before the first session */
    uint64_t stream_upto;
    struct hash running; /* at stream_upto */
    struct merkle_frontier
        named;         /* entries since the last acknowledgement, which is to name them */
    bool names_events; /* there are events among them, and none is missing */
    uint64_t ack_counter;
};

/* ---- the network ---- */

struct bench_net {
    struct cli *cli;
    char dir[BENCH_PATH_BYTES];
    char broker_path[BENCH_PATH_BYTES];
    char endpoint[BENCH_ENDPOINT_BYTES]; /* as bound */
    struct keys root;
    struct keys broker;
    size_t agent_count;
    struct bench_agent *agents; /* owned: producers first, then consumers */
    pid_t pid;                  /* of the broker, 0 while none runs */
    int64_t exec_ns;            /* when it was last started */
};

/* Make directory, keys and register. Returns CLI_DONE, or it has been said why. */
int bench_net_make(struct cli *cli, size_t agents, struct bench_net *out);

/*
 * The shipped data of the procedures into the folder `data` of the network, with its agents among the authorities:
 * a code that no register knows would be an alert at every event.
 */
int bench_data_write(const struct bench_net *self, struct complaint *why);

/* Start a broker: on an empty journal (fresh), or on what it left. Waits until it is ready. */
int bench_net_start(struct bench_net *self, bool fresh);
void bench_net_stop(struct bench_net *self);   /* in order */
void bench_net_kill(struct bench_net *self);   /* SIGKILL */
void bench_net_remove(struct bench_net *self); /* stop, and take everything away */

struct bench_usage {
    uint64_t rss_kib;     /* now */
    uint64_t own_kib;     /* of these, what lies in no file: the kernel cannot take it away */
    uint64_t scratch_kib; /* mapped from files without a name, in memory or not */
    uint64_t peak_kib;    /* at most */
    uint64_t files;       /* descriptors that are open */
    double cpu_s;         /* user and system since its start */
};
struct bench_usage bench_net_usage(const struct bench_net *self);

/* Bytes that the journal takes, by the position of its last record; 0 where it cannot be read. */
uint64_t bench_net_journal_bytes(const struct bench_net *self);

/* ---- bytes ---- */

/*
 * What events look like; the same for every producer. From each producer to each recipient one transfer of one child
 * follows another, each of BENCH_STEPS events as its origin sends them: what the procedures take without a word, and
 * as many a transfer as in the made-up year (tests/bench/national_year).
 */
enum { BENCH_STEPS = 8 };
struct bench_step {
    uint32_t kind;
    struct buf facts;        /* field 2 of an Event, without tag */
    size_t ciphertext_bytes; /* so many of the shape's, so that each event is as long as wanted */
    struct hash ciphertext_hash;
};
struct bench_shape {
    size_t event_bytes; /* wanted: event and ciphertext */
    bool sealed;        /* with payload and wraps */
    struct bench_step steps[BENCH_STEPS];
    struct buf ciphertext; /* noise; what is sent are its first bytes */
};
void bench_shape_make(
    struct bench_shape *self, size_t event_bytes, bool sealed, struct bench_agent *agent);
void bench_shape_free(struct bench_shape *self);
/* The step of the n-th event (from 1) to a recipient. */
const struct bench_step *bench_shape_step(const struct bench_shape *self, uint64_t n);

/* Buffers that one thread reuses. Zero-initialise. */
struct bench_bytes {
    struct buf header, event, published, events, statement, publish, frame;
};
void bench_bytes_free(struct bench_bytes *self);

/* The n-th event of `from` to `to` as an Event, into bytes->event. */
void bench_put_event(struct bench_bytes *bytes, const struct bench_shape *shape,
    const struct bench_agent *from, const struct bench_agent *to, uint64_t sequence, uint64_t n,
    int64_t now_ms);

/*
 * A PUBLISH frame of count events from `from` into bytes->frame; to[i] is the recipient of event i. Numbers are taken
 * from the agent. The id of an event holds the producer's index and its sequence: bench_id_read().
 */
void bench_put_publish(struct bench_bytes *bytes, const struct bench_shape *shape,
    struct bench_agent *from, struct bench_agent *const *to, uint32_t count, int64_t now_ms);

void bench_put_hello(struct bench_bytes *bytes, const struct bench_agent *agent);
void bench_put_ack(struct bench_bytes *bytes, struct bench_agent *agent, int64_t now_ms);

/* Producer and sequence out of an Event's bytes; false where it is none of ours. */
bool bench_id_read(struct slice event, uint32_t *producer, uint64_t *sequence);

/* Running hash at the beginning of a stream, and after one more entry (PROTOCOL S-22). */
struct hash bench_stream_begin(const char *agent, uint64_t epoch);

/* ---- sessions ---- */

struct bench_link;

/* What a session tells its user. */
struct bench_user {
    void *context;
    /* An event came: by whom and its sequence. */
    void (*delivered)(void *context, struct bench_link *link, uint32_t producer, uint64_t sequence,
        int64_t now_ns);
    /* Events became receipted: how many. */
    void (*receipted)(
        void *context, struct bench_link *link, uint64_t first, uint32_t count, int64_t now_ns);
};

struct bench_link {
    void *socket;                  /* owned */
    struct bench_agent *agent;     /* lent */
    const struct bench_user *user; /* lent */
    struct bench_bytes *bytes;     /* lent, shared by the links of one thread */
    void *arena;                   /* arena_t, lent likewise */
    bool open;                     /* WELCOME has come */
    bool has_sent;          /* take before waiting: sending may swallow the socket's wake-up */
    int64_t hello_again_ns; /* when to say HELLO again, 0 for never */
    uint64_t last_sequence; /* of WELCOME */
    uint64_t stream_last;   /* of WELCOME */
    uint32_t inflight;      /* events published and not receipted */
    uint64_t unacked;       /* events delivered and not acknowledged by us */
    uint64_t ack_sent_upto; /* of our last statement */
    bool ack_open;          /* that statement has not been answered */
    int64_t ack_next_ns;    /* the next not before: our beat */
    bool
        acked_elsewhere; /* WELCOME acknowledges less than we hold: the next statement names nothing */
    uint64_t acked_events;    /* events covered by statements that were answered */
    uint64_t ack_sent_events; /* events covered by the last statement */
    uint64_t events;          /* delivered to us in all */
    char error[200];          /* why the run must end; "" while it need not */
};

int bench_link_open(
    struct bench_link *self, void *zmq, const struct bench_net *net, struct bench_agent *agent);
void bench_link_close(struct bench_link *self);
/* End the session and begin another, over a new connection. What is on its way to us comes again. */
int bench_link_again(struct bench_link *self, void *zmq, const struct bench_net *net);

/* Take every frame that is there. */
void bench_link_drain(struct bench_link *self);

/* Send what is due: HELLO again, an acknowledgement. */
void bench_link_tick(struct bench_link *self, int64_t now_ns, bool flush);

/* Publish count events, all within the window. */
void bench_link_publish(struct bench_link *self, const struct bench_shape *shape,
    struct bench_agent *const *to, uint32_t count);

/* ---- one run of load ---- */

/* How a run goes, told once a second. */
struct bench_second {
    uint64_t second;         /* since it began, from 1 */
    uint64_t receipted;      /* events, in all */
    uint64_t sessions;       /* begun anew, in all */
    struct samples *deliver; /* lent: due time to delivery of the events of this second */
};

struct bench_load {
    struct bench_net *net;
    const struct bench_shape *shape;
    size_t producers;
    size_t consumers;      /* recipients, round robin */
    size_t consumer_first; /* index of the first of them among the agents */
    bool connect_consumers;
    uint32_t inflight;        /* window of a producer, events */
    uint32_t batch;           /* events a batch when the window allows */
    uint64_t outstanding_max; /* published and not acknowledged, all together; 0 for no limit */
    uint64_t rate;   /* events a second of all producers in open loop; 0 for as fast as it goes */
    double seconds;  /* how long it publishes; 0 until `events` have been receipted */
    uint64_t events; /* 0 for no end but the time */
    bool one_by_one; /* one event in flight: latency of each */
    bool keep;       /* keep the event's due time: latency of delivery */
    /* Each second, in the consumers' thread, where it is not NULL: one consumer after the other begins its session anew,
     * and `deliver` holds no more than that second's. */
    void (*each_second)(void *context, const struct bench_second *second);
    void *context;

    /* results */
    uint64_t published, receipted, delivered, acknowledged;
    double elapsed_s; /* from the first publish to the last receipt (or acknowledgement) counted */
    struct samples confirm; /* of a batch: publish to receipt; one_by_one and open loop */
    struct samples deliver; /* due time to delivery */
};

int bench_load_run(struct bench_load *self);
void bench_load_free(struct bench_load *self);

/* ---- runs ---- */

struct bench_options {
    size_t producers, recipients, size;
    uint32_t inflight;
    uint64_t rate, backlog;
    uint64_t events; /* of the runs that publish; 0 for as many as come in `seconds` */
    double seconds;
    bool sealed;
    const char *only;    /* NULL for all that are over in seconds */
    const char *samples; /* file for the lines of a soak, NULL for none */
};

/* What an append of 4 KiB with fdatasync takes: so many of them, 3 s at most, in a file of its own in dir that is removed again.
 * 0, E_RANGE for a name that is too long, or what the disk said; the samples taken until then stay. */
int bench_sync_samples(const char *dir, uint64_t rounds, struct samples *out);

/* Floors, then each run; prints as it goes, and adds to `results`. */
int bench_floors(struct cli *cli, const char *dir, json_t *results);
int bench_runs(
    struct cli *cli, struct bench_net *net, const struct bench_options *options, json_t *results);

/* Print a line and remember it under a name. The reference is taken. */
void bench_say(struct cli *cli, json_t *results, const char *name, json_t *figures,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* "1,234,567" into text of 32 bytes; returned. */
const char *bench_number(double value, char *text);

#endif
