/*
 * core_fixture: a broker core over a journal in memory, its crypto thread and its disk moved by hand, and agents with
 * real keys that check what they get as docs/PROTOCOL.md says. For tests alone; failures of set-up abort.
 */
#ifndef WAYPOST_TESTS_CORE_FIXTURE_H
#define WAYPOST_TESTS_CORE_FIXTURE_H

#include "broker/core/core.h"
#include "broker/core/counters.h"
#include "common/codec/event.h"
#include "common/codec/frame.h"
#include "common/crypto/keys.h"
#include "tests/support/counted.h"
#include "tests/support/journal_fixture.h"

enum { FIXTURE_AGENTS_MAX = 8, FIXTURE_LOG_MAX = 4096, FIXTURE_JOBS_MAX = 4096 };

#define FIXTURE_NETWORK "test"

/* Codes of the fixture's register; those of London have an agent each. */
#define CODE_ISLINGTON "E09000019"
#define CODE_CAMDEN "E09000007"
#define CODE_LEEDS "E08000035"    /* Yorkshire */
#define CODE_BARNSLEY "E08000016" /* superseded by E08000038, which no agent serves */
#define CODE_BARNSLEY_NEW "E08000038"
#define CODE_SURREY "E10000030" /* split into two */
#define CODE_NOBODY "E09000001" /* in the register, no agent */

/* What an agent has of one event of its own. */
struct own_event {
    uint8_t id[UUID_BYTES];
    struct buf bytes;
    const char *payload; /* its ciphertext, lent for the life of the fixture; NULL for none */
    bool erased; /* destroyed since: it is published without the payload that it commits to */
    bool receipted;
    unsigned persisted; /* A1s told */
    unsigned opened;    /* A2s told */
    unsigned faults;
};

/* An entry that an agent has received. */
struct got {
    int what; /* Waypost__Entry__WhatCase */
    uint64_t epoch, number;
    struct hash running;       /* of the stream at it */
    uint8_t event[UUID_BYTES]; /* events, held */
    bool repeat;               /* an event that an earlier epoch has brought already */
    bool payload;
    uint32_t payload_absent;
    uint32_t verdict;          /* events */
    size_t wraps;              /* events: further ones */
    int kind;                  /* records */
    int64_t at_ms;             /* records */
    char clock[8], rule[8];    /* records, "" for none */
    char detail[128];          /* records: its beginning */
    char code[CODE_BYTES + 1]; /* records */
    char successor[CODE_BYTES + 1];
    char agent[33];  /* acknowledgements */
    char sender[33]; /* events: the batch's agent */
};

struct fake_agent {
    struct core_fixture *fixture;
    struct keys keys;
    const char *code;     /* "" for hubs and operators */
    uint32_t roles;       /* bits */
    const char *region;   /* hubs: "" for none */
    const char *acts_for; /* "" for none */
    int64_t revoked_ms;   /* INT64_MAX for never */
    uint64_t session;     /* 0: none */
    uint64_t incarnation;
    uint8_t last_id[UUID_BYTES];
    struct own_event *own; /* by sequence, from 1 at [0] */
    size_t own_count;
    size_t sent; /* sequences that have left in this session */
    uint64_t epoch, upto;
    struct hash running;
    uint64_t persisted; /* entries of the log that are durable at the agent */
    uint64_t counter;
    uint64_t acked; /* by the broker's ACKED */
    uint64_t receipts, duplicates;
    bool welcomed;
    bool ack_refused; /* a new session is due (S-18) */
    bool
        names_nothing; /* its acknowledgements leave to the broker which events they are about ... */
    int64_t names_off; /* ... or begin so far from where they should ... */
    bool names_wrong;  /* ... or name other entries */
    bool wraps_twice;  /* for each recipient also to a key that the register has not got any more */
    uint64_t welcome_last, welcome_acked;
    bool welcome_diverged, welcome_extends;
    struct buf seen_head; /* a Signed */
    int refused;          /* last code, negative; 0 for none */
    unsigned refusals;
    uint64_t expected; /* of the last E_GAP or E_STALE_REGISTER */
    struct got *log;
    size_t log_count;
    uint32_t credit_events, credit_bytes;
};

struct core_fixture {
    struct journal_fixture base;
    core_t *core;
    struct core_options options;
    struct counted memory; /* the core's backing; everything came back where the fixture ends */
    struct core_ports ports;
    struct core_mark mark; /* outlives the core */
    struct keys root;
    uint64_t version;
    struct buf register_bytes; /* signed, the newest */
    bool has_register_file;    /* a starting broker has them at hand */
    struct hash register_hash;
    struct fake_agent agents[FIXTURE_AGENTS_MAX];
    size_t agent_count;
    struct verify_job *jobs[FIXTURE_JOBS_MAX];
    size_t job_count;
    struct {
        uint64_t session;
        struct buf frame;
    } out[FIXTURE_LOG_MAX];
    size_t out_count;
    uint64_t session_last;
    uint64_t free_bytes;
    arena_t *arena;
    arena_t *arena_find;
    uint64_t unreachable;     /* session that is gone */
    journal_commit_t *commit; /* under way */
};

/* Islington, Camden and Leeds, a hub of London, an operator; the register is in force and durable. */
void core_fixture_init(struct core_fixture *self);
void core_fixture_free(struct core_fixture *self);
void core_fixture_hello(struct core_fixture *self); /* of all agents, and settled */
/* For cmocka: a fixture of its own, all agents in session, in *state. */
int core_fixture_setup(void **state);
int core_fixture_teardown(void **state);
enum { ISLINGTON, CAMDEN, LEEDS, HUB, OPERATOR, SPARE };

void core_fixture_register_build(
    struct core_fixture *self); /* version + 1 from what the agents are now */
int core_fixture_register(
    struct core_fixture *self, struct complaint *why); /* builds and hands over */

/* The power is cut (torn bytes of the last write survive), or kill -9; then the broker starts again. */
void core_fixture_crash(struct core_fixture *self, size_t torn);
/* The same, and cut again at the n-th change of the disk that the start makes: nothing runs afterwards; crash it then. */
void core_fixture_crash_into(struct core_fixture *self, size_t torn, uint64_t n);
void core_fixture_restart(struct core_fixture *self);
void core_fixture_stop(
    struct core_fixture *self); /* the broker is gone, the disk stays; then restart or free */
/* The same over a journal that may be damaged: 0, or why the broker does not start; then only core_fixture_free(). */
int core_fixture_try_restart(struct core_fixture *self);
/* The broker starts again on another disk, which is taken: an older copy of its own. */
void core_fixture_put_back(struct core_fixture *self, struct disk *copy);

/* One commit; false where nothing was pending. */
bool core_fixture_commit(struct core_fixture *self);
/* Its two halves: what comes in between waits for the next. */
bool core_fixture_cut(struct core_fixture *self);
void core_fixture_written(struct core_fixture *self);
void core_fixture_verify(struct core_fixture *self); /* all that wait */
void core_fixture_verify_one(struct core_fixture *self, size_t index);
void core_fixture_settle(
    struct core_fixture *self); /* verify, commit, listen and acknowledge until all is quiet */
/* The same for some turns: a broker that cannot go on with somebody leaves it at that. */
void core_fixture_settle_some(struct core_fixture *self);
void core_fixture_listen(struct core_fixture *self); /* agents take their frames */

/* The shipped tables come into force, or (NULL) none; durable. And time passes, a tick after it. */
void core_fixture_procedures(struct core_fixture *self, const char *folder);
void core_fixture_pass(struct core_fixture *self, int64_t ms);

/* The last frame of that kind that waits for an agent, NULL for none; lives until the next call. Not taken away. */
Waypost__Frame *core_fixture_find(
    struct core_fixture *self, const struct fake_agent *agent, int body_case);

/* A snapshot of the transport is written; later starts begin with it. */
void core_fixture_snapshot(struct core_fixture *self);

/* The state as the core would write it. Appended. */
void core_fixture_state(struct core_fixture *self, struct buf *out);

/* ---- agents ---- */

void agent_say(struct fake_agent *self, Waypost__Frame *frame);
void agent_hello(struct fake_agent *self); /* on a new connection */
void agent_leave(struct fake_agent *self); /* BYE */
void agent_hello_as(struct fake_agent *self, const char *name, uint64_t session);
/* Make an event for codes (NULL-terminated), numbered next; returns its sequence. */
uint64_t agent_write(struct fake_agent *self, const char *const *to);
/* An event of a kind about one child under protection, facts as "k=v k=v"; to is the other party. Returns its sequence. */
struct fake_case {
    const char *origin, *receiving;
    uint8_t transfer[UUID_BYTES], subject[UUID_BYTES];
    const char
        *payload; /* ciphertext of what is said, lent for the life of the fixture; NULL for none */
};
uint64_t agent_write_kind(struct fake_agent *self, const struct fake_case *about, const char *kind,
    const char *facts, const char *const *to);
uint64_t agent_write_payload(struct fake_agent *self, const char *const *to, const char *payload);
/* Publish sequences first .. first + count - 1; 0 sends what was never sent in this session. */
void agent_publish(struct fake_agent *self, uint64_t first, uint32_t count);
void agent_publish_tampered(struct fake_agent *self, uint64_t first, uint32_t count);
void agent_publish_as(struct fake_agent *self, uint64_t first, uint32_t count, const char *agent);
void agent_acknowledge(struct fake_agent *self); /* everything that it has */
void agent_acknowledge_wrong(struct fake_agent *self);
void agent_acknowledge_fault(struct fake_agent *self, uint64_t number, int code);
void agent_open(struct fake_agent *self, const uint8_t *event);
/* Demand an erasure, or say that one is done (enum EraseAct). */
void agent_erase(struct fake_agent *self, const uint8_t *event, int act);
size_t agent_records(const struct fake_agent *self, int kind); /* of that system kind in the log */
size_t agent_count(const struct fake_agent *self, int what);   /* entries of that kind in the log */
const struct got *agent_got(const struct fake_agent *self, int what, size_t nth);

#endif
