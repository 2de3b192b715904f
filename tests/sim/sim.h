/*
 * sim: one run of the deterministic simulation. A broker, up to twenty agents and a hub on virtual
 * time and memory disks; a random workload; faults of network, disks, clocks and processes; then
 * everything heals, and what was promised has to hold. The seed decides all of it.
 *
 *   plan.c     what this seed is to be like
 *   sim.c      life: setting up, going on, restarts, healing
 *   work.c     what users do
 *   faults.c   what goes wrong; backup.c: copies that are put back; rot.c: a bit of the journal
 *   hostile.c  an agent that lies
 *   watch.c    every frame that leaves, held against what was said before
 *   check.c    the promises, at the end and after restarts
 *   silence.c  the ninth of them, and a time in which nobody speaks
 *   look.c     what only the broker's inside can tell
 */
#ifndef WAYPOST_TESTS_SIM_SIM_H
#define WAYPOST_TESTS_SIM_SIM_H

#include "client/lab/virtual_network.h"
#include "tests/sim/disk.h"

enum {
    SIM_AUTHORITIES = 20,
    SIM_HUB = SIM_AUTHORITIES,
    SIM_OPERATOR,
    SIM_AGENTS, /* all of them */
    SIM_TRANSFERS_MAX = 64,
    SIM_SENDS_MAX = 512,
    SIM_FAILURE_BYTES = 512,
    SIM_SAMPLE_BYTES = 24,
    SIM_NOBODY = SIM_AGENTS
};

/* Which faults this seed knows. */
enum sim_fault {
    FAULT_CUT = 1 << 0,       /* connections break, told to both ends */
    FAULT_HALF_OPEN = 1 << 1, /* or to one, or to none */
    FAULT_LOSS = 1 << 2,      /* a frame is lost, and its connection with it */
    FAULT_PARTITION = 1 << 3, /* links silent for seconds */
    FAULT_LATENCY = 1 << 4,
    FAULT_BROKER_KILL = 1 << 5,
    FAULT_BROKER_POWER = 1 << 6, /* unsynced bytes lost, last write torn */
    FAULT_BROKER_DISK = 1 << 7,  /* writes fail, space runs out, power goes at any call */
    FAULT_BROKER_SLOW = 1 << 8,  /* commits of seconds */
    FAULT_BROKER_CLOCK = 1 << 9, /* steps of an hour */
    FAULT_AGENT_KILL = 1 << 10,
    FAULT_AGENT_POWER = 1 << 11,
    FAULT_AGENT_DISK = 1 << 12,
    FAULT_AGENT_CLOCK = 1 << 13,
    FAULT_REGISTER = 1 << 14,       /* new versions */
    FAULT_REVOKE = 1 << 15,         /* of an agent */
    FAULT_HOSTILE = 1 << 16,        /* one agent lies */
    FAULT_HOLD = 1 << 17,           /* the operator sets events aside and lets them go */
    FAULT_RECEIPT = 1 << 18,        /* the power goes as a receipt leaves */
    FAULT_LEAP = 1 << 19,           /* days pass at once */
    FAULT_RESTORE = 1 << 20,        /* an agent's database goes back to an earlier copy */
    FAULT_BROKER_RESTORE = 1 << 21, /* the broker's journal goes back to one, and is recovered */
    FAULT_DRAWN = 22, /* so many are drawn; the seed itself says whether it knows the others */
    FAULT_BROKER_ROT = 1 << 22, /* a bit of the broker's journal is wrong for some of its lives */
    FAULT_COUNT = 23
};

struct sim_plan {
    size_t agents; /* authorities that live */
    size_t actions;
    int64_t pause_ms; /* mean, between two of them */
    unsigned faults;
    bool procedures;
    int64_t travel_max_ms, sync_max_ms, verify_max_ms;
    uint32_t credit_events; /* 0 for the usual */
    uint64_t snapshot_bytes;
    uint32_t fault_share; /* percent of the actions */
};

struct sim_transfer {
    char id[UUID_TEXT_BYTES];
    size_t origin, receiving; /* agents */
};

/* Something that an agent promised its user to send. */
struct sim_send {
    uint8_t event[UUID_BYTES];
    size_t agent;
    uint32_t recipients; /* bit an authority */
    size_t transfer;
    bool sealed;
    bool shaky;  /* made after the copy that its agent was put back to: it may be gone with it */
    bool erased; /* its sender has asked for it */
    bool unsure_erased;               /* or was killed while it asked */
    uint8_t sample[SIM_SAMPLE_BYTES]; /* of the sealed payload of an erased one */
    bool held; /* the operator had it set aside once: its place in the order is free */
};

struct sim_agent {
    char id[KEYS_ID_BYTES];
    char database[16];
    struct sim_disk disk;
    bool lives;    /* takes part */
    bool lost;     /* revoked, or in hostile hands: nothing is promised to it */
    bool restored; /* its database was put back: what it had received since is not there */
    bool newcomer; /* registers have not always named it: what was sealed before it cannot open */
    bool has_copy;
    size_t sends_copied;      /* sends when it was made */
    struct sim_disk copy;     /* of its database, open while has_copy */
    bool unsure;              /* it was killed while it took an event: its user does not know */
    uint64_t revoked_version; /* of the register that revokes it, 0 for none */
    uint64_t revoked_leaf;    /* nothing of it may stand from here on; 0 while not in force */
    int64_t back_ms;          /* mono: when it starts again, INT64_MAX where it is up */
    bool power;               /* it went with its power */
};

struct sim {
    uint64_t seed, random;
    struct sim_plan plan;
    bool trace;
    virtual_network_t *network;
    struct sim_disk disk;   /* the broker's */
    int64_t broker_back_ms; /* mono; INT64_MAX where it is up */
    bool broker_power;
    bool kill_broker; /* as soon as the core has let go */
    bool
        was_killed; /* its disk may hold what was never synced: now is the time for the power to go */
    bool has_copy;        /* of the journal */
    struct sim_disk copy; /* open while has_copy */
    bool broker_restored;
    bool rot_wanted, rotten; /* at its next start; now, at that offset of its segment */
    bool rot_mended;         /* and no start has been looked at since */
    uint64_t rot_offset;
    uint64_t rot_bits;     /* wrong ones there: 1 or 2 */
    int64_t rot_served_ms; /* mono: until then its users have that broker */
    size_t rot_away;       /* agent that is down until it is struck, SIM_NOBODY */
    bool healing;
    uint64_t free_bytes;
    struct sim_agent agents[SIM_AGENTS];
    size_t transfer_count;
    struct sim_transfer transfers[SIM_TRANSFERS_MAX];
    size_t send_count;
    struct sim_send sends[SIM_SENDS_MAX];
    size_t late;                        /* agent that the first registers do not name, SIM_NOBODY */
    size_t hostile;                     /* agent, SIM_NOBODY */
    struct watch *watch;                /* owned */
    struct hostile *liar;               /* owned */
    char undone[SIM_FAILURE_BYTES / 2]; /* what was not done yet when it was last looked at */
    char failure[SIM_FAILURE_BYTES];    /* "" while every promise holds */
    uint64_t starts, kills, frames;     /* for the summary */
};

/* Carry out one seed. True where every promise held; else self->failure says which did not. */
bool sim_run(struct sim *self, uint64_t seed, bool trace);

/* The first broken promise counts. */
void sim_fail(struct sim *self, const char *promise, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void sim_trace(const struct sim *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

uint64_t sim_random(struct sim *self, uint64_t below); /* 0 .. below - 1 */
bool sim_chance(struct sim *self, unsigned percent);
bool sim_has(const struct sim *self, enum sim_fault fault);

/* What lasts from seed to seed: keys, tables, empty databases. Once a process. */
void sim_prepare(void);
void sim_forget(void);
const struct keys *sim_keys(size_t agent);
struct slice sim_tables(void);
const struct buf *sim_empty_database(size_t agent);

/* plan.c */
void plan_make(struct sim *self);
void plan_print(const struct sim *self);

/* sim.c */
void sim_broker_dies(struct sim *self, bool power);
void sim_agent_dies(struct sim *self, size_t agent, bool power);
void sim_go_on(struct sim *self, int64_t for_ms); /* or until a promise breaks */

/* work.c, faults.c, hostile.c */
void work_do(struct sim *self);
void fault_do(struct sim *self);
void fault_heal(struct sim *self);
void hostile_new(struct sim *self);
void hostile_free(struct sim *self);
void hostile_sees(struct sim *self, struct slice frame); /* a PUBLISH of somebody else's */
void hostile_acts(struct sim *self);
void hostile_receipt(struct sim *self, uint64_t upto);
bool hostile_spoilt(
    const struct sim *self, const uint8_t *event); /* it was sent with a bad signature */

/* watch.c */
void watch_new(struct sim *self);
void watch_free(struct sim *self);
bool watch_frame(struct sim *self, size_t agent, bool to_broker, struct slice frame);
void watch_broker_started(struct sim *self);
void watch_end(struct sim *self);
void watch_restored(struct sim *self, size_t agent);
/* The journal has so many records again: how many were shown before. */
uint64_t watch_broker_restored(struct sim *self, uint64_t size);

/* backup.c */
void backup_agent(struct sim *self);
void backup_broker(struct sim *self);

/* rot.c */
/* The broker dies, and a bit is wrong when it comes back; false where it is not its time. */
bool rot_strike(struct sim *self);
void rot_before_start(struct sim *self);
bool rot_mend(struct sim *self); /* false where nothing was wrong */

/* check.c */
void check_agent_started(struct sim *self, size_t agent);
bool check_done(
    struct sim *self); /* nothing is left to be done: everything said and acknowledged */
void check_end(struct sim *self);
/* The broker has just started over a journal in which a record could not be read before, and can be now. */
void check_mended(struct sim *self);

/* silence.c */
void silence_check(struct sim *self);
/* Everything is healed: the agents are cut off, the broker is started again, and what runs runs out. */
void silence_falls(struct sim *self);

#define SIM_SECRET "MARKER-OF-A-SECRET"

#endif
