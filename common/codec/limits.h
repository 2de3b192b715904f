/*
 * limits: every number that bounds an event or a frame, with unit and reason. Part of the contract
 * (docs/PROTOCOL.md, section 7).
 */
#ifndef WAYPOST_CODEC_LIMITS_H
#define WAYPOST_CODEC_LIMITS_H

enum {
    FRAME_BYTES_MAX = 1048576,  /* one ZeroMQ message: ZMQ_MAXMSGSIZE on every socket */
    EVENT_BYTES_MAX = 65536,    /* header, facts and commitment; facts are small */
    PAYLOAD_BYTES_MAX = 524288, /* ciphertext; bigger documents travel as digest and reference */
    BATCH_EVENTS_MAX = 1024,    /* events under one signature */
    BATCH_BYTES_MAX =
        917504,             /* events, payloads and wraps of one batch: leaves room in the frame */
    RECIPIENTS_MAX = 16,    /* of one event */
    SUBJECTS_MAX = 16,      /* children of one event */
    WRAPS_MAX = 40,         /* recipients and sender, two keys each during a rotation */
    LIST_ITEMS_MAX = 64,    /* of one repeated fact */
    FACT_ID_BYTES_MAX = 32, /* facts of type id */
    PROFILE_NAME_BYTES_MAX = 32, /* claimed profile */
    AGENT_ID_BYTES_MAX = 32,     /* register */
    NETWORK_NAME_BYTES_MAX = 32, /* register */
    CODE_BYTES = 9,              /* ONS code */
    UNKNOWN_BYTES_MAX =
        1024, /* unknown fields of one event: kept as they are, but never a hiding place */
    UNKNOWN_FIELD_BYTES_MAX = 64, /* one of them */
    CREDIT_EVENTS_MAX = 4096,     /* in flight towards one peer */
    REGISTER_BYTES_MAX = 1000000, /* signed register in one frame */
    ACK_RUNS_MAX = 256,           /* runs, faults or openings in one AckStatement */
    FUTURE_MS_MAX = 300000,       /* how far sent_ms may lie ahead of the broker's clock */
};

#endif
