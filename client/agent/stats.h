/*
 * stats: an agent's state in numbers, for its metrics, its health and its alarms. Reads core and store, changes nothing.
 */
#ifndef WAYPOST_AGENT_STATS_H
#define WAYPOST_AGENT_STATS_H

#include "client/agent/agent_core.h"
#include "client/agent/counters.h"
#include "common/base/histogram.h"

enum { STATS_USES = 3 }; /* keys: connection, signing, sealing */

struct agent_stats {
    int64_t now_ms;         /* wall */
    bool online;            /* a session is open and checked */
    int publish_stopped;    /* negative enum err: why nothing is published, 0 where it is */
    int64_t since_heard_ms; /* last frame of the broker; -1 for never */
    int64_t since_probe_ms; /* last signed probe that went round; -1 for never */
    int64_t
        broker_stored_ms; /* age of what the broker last stored, as that probe said; -1 unknown */
    int64_t heartbeat_ms; /* how often it is asked */
    int64_t clock_off_ms; /* broker's clock less ours, by the last answer */
    uint64_t waiting;     /* own events not sent yet */
    uint64_t sent;        /* sent and without a receipt */
    int64_t oldest_waiting_ms;     /* age of the oldest of both, 0 for none */
    uint64_t refused;              /* own events that the broker refused */
    uint64_t unpersisted;          /* accepted, and not on every recipient's disk */
    int64_t oldest_unpersisted_ms; /* age of the oldest of them */
    uint64_t unread;               /* on the recipients' disks, and not opened by all */
    int64_t oldest_unread_ms;      /* age of the oldest of them */
    uint64_t unopened;             /* received, and not opened here */
    int64_t oldest_unopened_ms;    /* age of the oldest of them */
    uint64_t stream_upto;          /* last number persisted */
    uint64_t stream_acked;         /* last number whose acknowledgement the broker has */
    uint64_t head_size;            /* leaves of the highest head of the broker that was verified */
    uint64_t register_version;     /* 0 for none */
    int64_t key_left_ms
        [STATS_USES]; /* until the last key of a use ends; INT64_MIN none, INT64_MAX no end */
    const struct histogram *accepted; /* from freezing an event until its receipt */
    const struct histogram
        *arrival; /* from its acceptance by the broker until it was on this disk */
};

void agent_core_stats(agent_core_t *self, struct agent_stats *out);
uint64_t agent_core_counter(const agent_core_t *self, size_t index);   /* row of counters.h */
void agent_core_count(agent_core_t *self, enum agent_counter counter); /* for the edge's own */
const char *stats_use_word(size_t use);                                /* "curve", "sign", "seal" */

#endif
