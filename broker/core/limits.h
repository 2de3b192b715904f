/*
 * limits: every number that bounds the broker's core, with unit and reason.
 */
#ifndef WAYPOST_BROKER_LIMITS_H
#define WAYPOST_BROKER_LIMITS_H

enum {
    PAST_RECORDS = 4096,     /* records looked at for one page of PAST: some milliseconds */
    SESSIONS_MAX = 16384,    /* connections with a valid key: eight for each of 2,000 agents */
    MALFORMED_MAX = 16,      /* frames that cannot be read, until a session is ignored */
    ACKS_WAITING_MAX = 64,   /* acknowledgements of one session under verification */
    ACK_CHECK_WAIT_MS = 100, /* one lets batches be checked first for so long: its pace */
    INCARNATIONS_MAX = 1024, /* of one agent: one a restored database */
    HUBS_MAX = 64,           /* hubs of one register: one bit each in a mask */
    MARK_BATCHES =
        32, /* every 32nd batch of an incarnation can be found at once: at most 32 reads */
    DUPLICATES_MAX = 1024, /* original batches that one repeated batch can touch: one an event */
    DUPLICATES_TOLD_MAX =
        64, /* records of repeated events a session: a bad line must not fill the journal */
    CHUNK_ENTRIES = 256,    /* pending entries allocated at a time: 4 KiB */
    DELIVER_BYTES = 131072, /* aim for one DELIVER frame; a single bigger entry still goes alone */
    OWN_EVENTS_BYTES = 524288,         /* aim for one OWN_EVENTS frame (S-24) */
    VIEW_CACHE_BYTES = 8388608,        /* recent batches kept parsed and hashed */
    PASS_BYTES = VIEW_CACHE_BYTES / 2, /* batches read from the disk in one pass over the streams */
    OPENABLE_MAX =
        65536, /* persisted events whose opening can still be told: 3 weeks of a national year */
    TIME_MARK_LEAVES = 4096, /* at least every so many leaves the time is noted ... */
    TIME_MARK_MS = 60000,    /* ... and at least so often */
    TIME_MARKS_MAX = 65536,  /* then the older half is thinned out */
    TRACE_RECORDS_MAX =
        65536, /* records that a TRACE reads while the broker waits: below half a second */
    TRACE_BYTES_MAX = 268435456,      /* and bytes */
    ERASURES_OPEN_MAX = 65536,        /* erasures that not every holder has confirmed */
    ERASE_STATEMENT_BYTES_MAX = 1024, /* of an EraseStatement */
    HELD_MAX = 4096,                  /* entries set aside by operators */
    DISCLOSED_MAX =
        256, /* records kept for oneself that one event brings with it; the rest with the next */
    MOVED_RECORD_ENTRIES = 65536,  /* entries moved by one record: below 1 MiB */
    SESSION_RETRY_MS = 1000,       /* told with a refusal that ends a session and may pass soon */
    SUPERSEDED_RETRY_MS = 30000,   /* told to a session that was taken over (S-2) */
    DECODE_BUDGET_BYTES = 8388608, /* memory that decoding one frame may take */
    FOLD_SLICE_EVENTS = 1024,      /* folded at a time while frames wait: one or two milliseconds */
    FOLD_GROUP_ITEMS = 128,        /* said by the engine in one record: below 128 KiB */
    FOLD_START_SLICES =
        8, /* done before the broker listens, unless the snapshot is long: ten milliseconds */
    FOLD_SAVE_ITEMS = 4096,    /* encoded at a time: one or two milliseconds */
    FOLD_LOAD_ITEMS = 2048,    /* decoded at a time: the same */
    FOLD_LOAD_BYTES = 1048576, /* read and hashed at a time: the same */
    FOLD_SAVE_SHARE =
        4, /* times snapshot_bytes at least between two: 130,000 small events, folded in 0.2 s */
    FOLD_SAVE_GROWTH =
        8, /* times its last snapshot has the journal to grow before another: a state of a fifth of
                                   the journal is then written once for an event and a half */
    FOLD_SAVE_LAST_GROWTH = 2,  /* the same at an orderly end */
    FOLD_SAVE_LAST_SHARE = 256, /* of snapshot_bytes is enough at an orderly end */
    LOST_MAX = 64, /* damaged records behind the newest snapshot: more is not one bad sector */
    MARK_CRASHES_MAX = 2, /* of the process at one event running, and it is not folded any more */
    CLOCK_STEP_MS = 5000, /* wall and boot time may part so far before timers are held */
    SUPERSEDED_LOG_MS = 600000,    /* takeovers of one agent are logged so often; all are counted */
    REPLAY_DETAIL_BYTES_MAX = 200, /* of what an operator says of a replay */
    KEY_WARN_DAYS = 30,            /* a key of an agent that ends within so long is told */
};

#endif
