/*
 * limits: every number that bounds the agent, with unit and reason. What bounds events and frames
 * stands in common/codec/limits.h.
 */
#ifndef WAYPOST_AGENT_LIMITS_H
#define WAYPOST_AGENT_LIMITS_H

enum {
    AGENT_LOCK_WAIT_MS = 5000,    /* for the database of one that was killed, at a start */
    AGENT_LOCK_PACE_MS = 20,      /* and so often it is looked at */
    AGENT_KEYS_MAX = 2,           /* key files: two during a rotation */
    AGENT_ENDPOINTS_MAX = 8,      /* brokers tried in turn */
    AGENT_HELD_CODES_MAX = 17,    /* own code and acts-for, as looked at for one event */
    AGENT_CREDIT_EVENTS = 1024,   /* entries that the broker may have on their way to us */
    AGENT_CREDIT_BYTES = 4194304, /* bytes likewise: four frames */
    AGENT_WRAPS_BYTES_MAX = 4096, /* wraps of one event as stored: 40 of 97 bytes */
    US_PER_MS = 1000,
    AGENT_BATCHES_IN_FLIGHT = 64, /* published and not receipted, besides the broker's credit */
    AGENT_FREEZE_EVENTS = 256,   /* events sealed in one transaction: keeps the thread responsive */
    AGENT_PENDING_REQUESTS = 64, /* local requests that wait for the broker */
    AGENT_REQUEST_TIMEOUT_MS = 10000,   /* and how long they do */
    AGENT_CONNECT_TIMEOUT_MS = 10000,   /* from opening a socket to a finished handshake */
    AGENT_HELLO_TIMEOUT_MS = 30000,     /* from HELLO to WELCOME: a broker may be recovering */
    AGENT_REGISTER_TIMEOUT_MS = 10000,  /* from REGISTER_GET to REGISTER_IS, then asked again */
    AGENT_REGISTER_PATIENCE_MS = 60000, /* asked for that long without getting it: alarm */
    AGENT_RECEIPT_PATIENCE_MS =
        600000,                   /* published that long without a receipt: alarm, and said again */
    AGENT_LOST_AGAIN_MS = 600000, /* what the broker lost and refuses now is tried again */
    AGENT_TIME_OFF_MS =
        600000, /* the broker's times may be off ours by so much: clocks of two sites */
    AGENT_IDLE_FRAMES_MAX =
        10000, /* a second that change nothing: more is a flood, and the session ends */
    AGENT_BACKOFF_MIN_MS = 200,             /* first wait between two connections (T-4) */
    AGENT_BACKOFF_MAX_MS = 30000,           /* the longest (T-4) */
    AGENT_SUPERSEDED_WAIT_MS = 30000,       /* first wait after E_SUPERSEDED, doubles (S-2) */
    AGENT_SUPERSEDED_WAIT_MAX_MS = 1920000, /* the longest */
    AGENT_SUPERSEDED_TWICE_MS = 600000,     /* two of them within this time: alarm (S-2) */
    AGENT_PUBLISH_WAIT_MIN_MS = 1000,       /* first wait after a refused batch, doubles */
    AGENT_PUBLISH_WAIT_MAX_MS = 60000,      /* the longest */
    AGENT_ACK_PACE_MS = 100,                /* S-17: one each so long, at a beat of its own */
    AGENT_ACK_COUNTER_BLOCK = 1024,         /* counters set aside by one write */
    AGENT_HEARTBEAT_MAX_MS = 60000,         /* PING at least so often, whatever WELCOME says */
    AGENT_WATCHING_MS = 2000,           /* states that nobody announces are looked at so often */
    AGENT_TELLING_MS = 250,             /* and what is to be told, so often */
    AGENT_SYNC_WINDOW_MS = 600000,      /* slow syncs are counted so long */
    AGENT_CLOCK_OFF_MS_MAX = 5000,      /* our clock and the broker's may part so far */
    AGENT_BROKER_STORED_MS_MAX = 30000, /* /healthz: the broker stored nothing for longer */
    AGENT_RESEND_WAIT_MS = 5000,        /* between two RESENDs for the same number */
    AGENT_GAP_ALARM_MS = 3600000,       /* a missing counter of a sender alarms after this time */
    AGENT_WATCHERS_MAX = 64,            /* clients of `watch` */
    AGENT_WATCH_PAGE = 64,              /* entries handed to one watcher at a time */
    AGENT_LIST_DEFAULT = 100,           /* rows of a local answer where no limit is given */
    AGENT_LIST_MAX = 1000,              /* and at the most */
    AGENT_NAME_BYTES_MAX = 64,      /* local labels of transfers and subjects, owner of an alarm */
    AGENT_TEAM_BYTES_MAX = 32,      /* team code of an opening */
    AGENT_ATTACHMENTS_MAX = 32,     /* of one event */
    AGENT_FACTS_MAX = 96,           /* members of `facts` and `sealed` together */
    AGENT_LINE_BYTES_MAX = 1048576, /* one line of the local interface */
    AGENT_CLIENTS_MAX = 64,         /* connections to the local interface */
    AGENT_CLIENT_OUT_BYTES = 2097152,  /* unsent answers of one client; more closes it */
    AGENT_WATCH_ROOM_BYTES = 65536,    /* a watcher with more than this unsent gets nothing new */
    AGENT_RECEIVERS_MAX = 8,           /* on-delivery programs at a time, at the most */
    AGENT_RECEIVER_WAIT_MIN_MS = 1000, /* first wait after a failed one, doubles */
    AGENT_RECEIVER_WAIT_MAX_MS = 3600000, /* the longest */
    AGENT_OUTBOX_DAYS_MIN =
        400, /* accepted events stay at least so long (nothing deletes them today) */
    AGENT_OWN_ACKS_MAX = 64,      /* places of our acknowledgements that wait to be written */
    AGENT_OWN_ACKS_KEEP_MS = 200, /* how long, where nothing else is written meanwhile */
    AGENT_DRAIN_FRAMES = 256,     /* frames taken in one wake */
    AGENT_WAL_PAGES_FUSE = 4000,  /* pages of 4 KiB after which a commit checkpoints by itself */
};

#define AGENT_DAY_MS INT64_C(86400000)
#define AGENT_ERASURE_LATE_MS (7 * AGENT_DAY_MS) /* a holder that has not confirmed is told */
#define AGENT_FREE_BYTES_MIN (UINT64_C(1) << 30) /* less free space is an alarm */
#define AGENT_KEY_WARN_MS (30 * AGENT_DAY_MS)    /* a key that ends within 30 days is told */

#endif
