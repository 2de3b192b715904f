/*
 * edge_internal: what the files of the edge share; nobody else includes it.
 *
 *   edge.c        birth and death, signals, the loop     edge_frames.c  from the ROUTER and to it
 *   edge_disk.c   commits, rests, snapshots, probes      edge_report.c  counters, the ready-file
 *   edge_pages.c  /metrics and /healthz                  edge_alarms.c  what needs somebody, and telling them
 */
#ifndef WAYPOST_BROKER_NET_EDGE_INTERNAL_H
#define WAYPOST_BROKER_NET_EDGE_INTERNAL_H

#include "broker/core/counters.h"
#include "broker/net/counters.h"
#include "broker/net/edge.h"
#include "broker/net/workers.h"
#include "broker/net/zap.h"
#include "common/alarm/teller.h"
#include "common/http/http.h"

struct edge {
    struct edge_parts parts;
    void *context;
    void *router;
    zap_t *zap;
    worker_t *writer;
    worker_t *keeper; /* its descriptor is not waited for: each tick looks */
    worker_t *crypto;
    struct core_ports ports;
    core_t *core;       /* lent */
    journal_t *journal; /* lent */
    char bound[NET_ENDPOINTS_MAX][NET_ENDPOINT_BYTES_MAX];

    struct write_task *journal_task;  /* a commit or rest is with the writer: this one; else NULL */
    struct write_task *snapshot_task; /* likewise a snapshot, with the keeper */
    struct write_task spare[2];       /* their memory: one of each at a time */
    bool rested;                      /* no commit since the last rest */
    bool committed;                   /* a commit since the last tick */
    uint64_t commit_us;               /* running mean of commits */
    size_t verifying;                 /* jobs with the crypto thread */

    struct probe probe;
    int64_t hung_mono_ms;     /* when the disk last hung, 0 never */
    int64_t stored_mono_ms;   /* when a commit or probe last reached the disk, 0 never */
    int64_t probe_mono_ms;    /* when the last probe was begun */
    int probe_rc;             /* what the last one said */
    bool frames_pending;      /* among what is pending is something that a frame brought */
    bool company;             /* a frame came soon after what was last pending without one */
    uint64_t lone_us;         /* when that was; 0: a frame has come since */
    uint64_t held_until_us;   /* it waits for a frame until then; 0: it does not */
    int timer_fd;             /* readable when that is over */
    uint64_t waiting_us;      /* when the first pending record began to wait, 0 for none */
    struct histogram sync;    /* how long commits took */
    struct histogram durable; /* from a record's first waiting until its commit was durable */
    teller_t *teller;
    int64_t watch_mono_ms;                 /* next look at what may be an alarm */
    int64_t sync_window_ms;                /* mono: begin of the window in which slow syncs count */
    uint64_t sync_slow;                    /* slow ones before it */
    uint64_t counters_seen[COUNTER_COUNT]; /* of the core, at the last look */
    uint64_t door_failed;                  /* connections that could not be taken, likewise */
    int64_t door_until_ms;                 /* mono: the alarm about them is up until then */
    http_server_t *http;                   /* NULL: switched off */

    bool said_ready;
    bool register_pending;   /* the register file is to be read again at the next tick */
    bool procedures_pending; /* likewise those of the procedures */
    bool stopping;
    int64_t stop_until_mono_ms;
    int64_t tick_mono_ms; /* when the next tick is due */
    uint64_t counters[NET_COUNTER_COUNT];
};

/* edge.c */
void edge_timer_set(edge_t *self, uint64_t after_us); /* wake so much later, once; above 0 */

/* edge_frames.c */
size_t edge_drain(edge_t *self); /* frames taken; at most NET_DRAIN_FRAMES_MAX */
int edge_send(void *context, uint64_t session, struct slice frame);

/* edge_disk.c */
void edge_take_written(edge_t *self); /* what the writer gave back */
/* Have what is pending written: by the writer, or here where nothing else is to do and the disk is quick. */
void edge_commit(edge_t *self, size_t frames);
bool edge_commit_waits(
    const edge_t *self); /* something is pending, and edge_commit() is to be asked at once */
void edge_commit_all(edge_t *self); /* here, until nothing is pending */
void edge_tick_disk(edge_t *self);  /* snapshot when due, rest when idle */
void edge_finish_disk(edge_t *self);

/* edge_alarms.c */
void edge_alarms_open(edge_t *self);
void edge_alarms_close(edge_t *self);
void edge_tick_alarms(edge_t *self);

/* edge_pages.c */
int edge_pages_open(edge_t *self, struct complaint *why); /* 0 also where they are switched off */
void edge_pages_close(edge_t *self);

/* edge_report.c */
void edge_report(edge_t *self); /* counters that are not 0, to the log */
int edge_write_ready(const edge_t *self, struct complaint *why);
void edge_remove_ready(const edge_t *self);

#endif
