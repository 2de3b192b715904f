/*
 * limits: every number that bounds something at the broker's edge, with unit and reason. What an operator may choose
 * stands in options.c instead.
 */
#ifndef WAYPOST_BROKER_NET_LIMITS_H
#define WAYPOST_BROKER_NET_LIMITS_H

enum {
    NET_DRAIN_FRAMES_MAX =
        1000, /* taken from the ROUTER a wake, so that disk and signals get their turn */
    NET_DRAIN_BYTES_MAX = 8388608, /* likewise, whichever comes first */
    NET_TICK_MS = 250,             /* housekeeping of the core; it asks for one a second at least */
    NET_WATCH_MS = 2000,           /* what may be an alarm is looked at so often */
    NET_DOOR_WINDOW_MS =
        60000, /* without a connection that could not be taken, until the alarm goes */
    NET_SYNC_WINDOW_MS = 600000, /* slow syncs are counted so long */
    NET_PROBE_MS = 10000,        /* an idle broker proves so often that it can still store */
    NET_STORED_MS_MAX = 30000,   /* nothing stored for longer: /healthz says 503 */
    NET_STOP_MS_MAX = 10000,     /* how long a stop waits for commits and verifications */
    NET_LINGER_MS = 1000,     /* for the last frames of a stop; nothing depends on their arrival */
    NET_ROUTING_ID_BYTES = 5, /* what libzmq assigns: a zero byte and four more */
    NET_SNDHWM_FRAMES =
        16384, /* a fuse far above 4,096 entries of credit; never the flow control */
    NET_RCVHWM_FRAMES =
        128, /* a peer that floods waits in its own socket: 128 MiB a peer at the worst */
    NET_BACKLOG =
        1024, /* connections waiting for accept(): many agents return at the same moment */
    NET_KEEPALIVE_IDLE_S =
        30, /* half-open links of agents behind firewalls end within two minutes */
    NET_KEEPALIVE_INTERVAL_S = 15,
    NET_KEEPALIVE_COUNT = 4,
    NET_TCP_MAXRT_MS = 60000,       /* unacknowledged bytes on a link longer than this end it */
    NET_INLINE_COMMIT_US_MAX = 300, /* a disk slower than this always commits in its own thread */
    NET_HANG_MS = 100,              /* what took as long shows a disk that hangs */
    NET_DISTRUST_MS = 60000,        /* such a disk commits in its own thread for so long */
    NET_INLINE_FRAMES_MAX =
        2, /* a wake with more frames than this is load: commit beside the network */
    NET_HOLD_US_MAX = 2000,  /* so long at most a delivery waits for a frame to share a sync with */
    NET_FILES_RESERVE = 256, /* descriptors beside connections: segments, threads, logs */
    NET_ENDPOINT_BYTES_MAX = 257,    /* tcp://[address]:port or ipc://path, and its end */
    NET_ENDPOINTS_MAX = 8,           /* of one broker */
    NET_MONITOR_ADDRESS_BYTES = 300, /* address in a monitor message; longer ones are cut */
    ZAP_PROBE_MS = 1000, /* the handler answers in microseconds; only its absence waits this long */
    ZAP_KEYS_MAX =
        65536,          /* CURVE keys of one register, far above what REGISTER_BYTES_MAX can hold */
    ZAP_BURST_MAX = 16, /* handshakes that one key may make at once before it is told to wait */
    ZAP_PER_SECOND = 4, /* and how many it may make a second from then on */
};

#endif
