/*
 * record: one entry of the journal as bytes. docs/STORAGE.md, section 2. Pure.
 *
 *   0 u32 length      bytes of the whole record with padding to a multiple of 8
 *   4 u8  type        enum record_type
 *   5 u8  flags       RECORD_ERASED and others
 *   6 u16 zero
 *   8 u64 sequence    leaf index; for a commit: number of leaves it covers from the start of the journal
 *  16 u64 time        milliseconds since the epoch when it was recorded
 *  24 u32 body length
 *  28 u32 payload length
 *  32 u32 CRC32C of bytes 0..31 (flags RECORD_ERASED counted as clear) and the body
 *  36 u32 CRC32C of the payload, made anew when a part of it is erased
 *  40 body, payload, zero padding
 *
 * Leaf = H(0x00 ‖ "waypost/record/1" ‖ 0 ‖ network ‖ 0 ‖ type ‖ u64 sequence ‖ u64 time ‖ part), where part is
 * hash_statement() for a batch and hash_of("waypost/body/1", body, "") otherwise. Payloads lie outside it.
 */
#ifndef WAYPOST_JOURNAL_RECORD_H
#define WAYPOST_JOURNAL_RECORD_H

#include "common/base/bytes.h"
#include "common/crypto/hash.h"

enum { RECORD_HEADER_BYTES = 40, RECORD_BYTES_MAX = 2097152 };

enum record_type {
    RECORD_COMMIT = 1, /* no leaf: head and signature over everything before it */
    RECORD_BATCH = 2,  /* a published batch; body: struct batch_body */
    RECORD_INPUT =
        3, /* bytes that come into force here: register, configuration; body: u32 enum input_kind, bytes */
    RECORD_JUDGED =
        4, /* a batch was folded: stream numbers follow from the order of these; body: struct judged_body */
    RECORD_ACK =
        5, /* an agent's signed acknowledgement; body: u32 statement length, statement, signature,
                           u16 agent id length, agent id */
    RECORD_ACKED = 6,   /* an acknowledgement took effect; body belongs to broker/core */
    RECORD_DERIVED = 7, /* Derived messages (common/record/derived.h) */
    RECORD_EPOCH =
        8, /* the journal was begun, or recovered from a backup; body: struct epoch_body */
    RECORD_ERASE_BEGUN = 9,
    RECORD_PAYLOAD_ERASED = 10
};

enum record_flag { RECORD_ERASED = 1 /* of a batch: the payload of at least one event is gone */ };
enum input_kind {
    INPUT_REGISTER = 1,
    INPUT_CONFIGURATION = 2,
    INPUT_ENGINE = 3,
    INPUT_PROCEDURES = 4
};

struct record {
    uint8_t type;
    uint8_t flags;
    uint64_t sequence;
    int64_t time_ms;
    struct slice body;    /* lent */
    struct slice payload; /* lent; empty where there is none */
};

/* Body of RECORD_BATCH:
 *   u64 position of the agent's batch before this one, 0 for none (a chain for finding originals; outside the leaf)
 *   u16 agent id length, agent id
 *   u32 statement length, statement, 64 bytes signature
 *   u32 number of events, then per event: u32 length, event bytes
 * Payload of RECORD_BATCH, per event: u32 ciphertext length, ciphertext, u16 number of wraps, then per wrap
 *   9 bytes code, 8 bytes key id, 32 bytes ephemeral, 48 bytes sealed key.
 *   Erased: bit 31 of the length is set (PAYLOAD_ERASED_BIT), ciphertext and wraps are zeros of the same lengths. */
struct batch_body {
    uint64_t previous;
    char agent[33];
    struct slice statement;
    struct slice signature;
    uint32_t count;
    struct slice events; /* walk with batch_next_event() */
};

enum { WRAP_STORED_BYTES = 97 };
#define PAYLOAD_ERASED_BIT UINT32_C(0x80000000)

struct stored_payload {
    struct slice ciphertext; /* empty where none, or erased */
    uint32_t wrap_count;
    struct slice wraps; /* wrap_count * WRAP_STORED_BYTES; empty where erased */
    bool erased;        /* there was one, and its bytes are gone */
    bool came_erased;   /* and they never stood here: the event was sent again after a loss */
};

uint32_t crc32c(uint32_t crc, struct slice bytes); /* start with 0 */
uint32_t crc32c_table(
    uint32_t crc, struct slice bytes); /* the same without the processor's instruction */

/* Bytes that it takes, with header and padding. */
size_t record_length(const struct record *record);

/* Append the record's bytes to out. */
void record_encode(const struct record *record, struct buf *out);

/*
 * Read one record at the start of bytes. Returns 0 and the whole length; E_END where the first 4 bytes are zero or
 * fewer than a header is left; E_CORRUPT where lengths, type or CRC do not hold (also a payload CRC).
 */
int record_decode(struct slice bytes, struct record *out, size_t *length);

/* The same without a look at the payload, which comes out empty: what the leaf covers stands even where a payload is
 * damaged, or half destroyed by an erasure that a crash cut short. */
int record_decode_body(struct slice bytes, struct record *out, size_t *length);

/* Lengths of a record that may be damaged, as its header has them. */
struct record_lengths {
    size_t whole, body, payload; /* bytes; whole: with header and padding */
};
/* False where they do not agree with each other, or are more than the bytes. */
bool record_lengths_read(struct slice bytes, struct record_lengths *out);
/* Sequence and time alone. header: RECORD_HEADER_BYTES of a record that may be damaged. */
void record_when(const uint8_t *header, uint64_t *sequence, int64_t *time_ms);
/* So many bytes at the most where one of its lengths may be wrong; 0 where no record begins. header: RECORD_HEADER_BYTES. */
size_t record_bytes_max(const uint8_t *header);
/* By which bits the checksum of header and body differs from what they come to; 0 where they hold. bytes: lent, of
 * header and body at least. */
uint32_t record_checksum_off(const uint8_t *bytes, size_t body_len);

/*
 * Destroy the payload of one event of a batch record, in place: zeros over ciphertext and wraps, flag and payload CRC
 * brought in line. Body and leaf stay. Works on a record that a crash left half erased (its payload CRC does not hold;
 * lengths do in any mixture of before and after), so that it can be done again.
 *   bytes   the whole record, owned by the caller
 * Returns 0; E_DUPLICATE where it is gone already (bytes may still change: the CRC); E_NOT_FOUND where the event has
 * none; E_CORRUPT where header, body or the lengths do not hold: nothing was changed.
 */
int record_erase(uint8_t *bytes, size_t len, uint32_t index);
uint32_t payload_erased_count(struct slice payload); /* events of a batch whose payload is gone */

struct hash record_leaf(const char *network, const struct record *record);
/* The same of a batch, of which the signed statement alone is known. */
struct hash record_batch_leaf(const char *network, uint64_t sequence, int64_t time_ms,
    struct slice statement, struct slice signature);

enum { EPOCH_GAPS_MAX = 64 };

/* What was lost when an epoch was opened: heads of earlier epochs of more than `from` leaves, signed up to `to`. */
struct epoch_gap {
    uint32_t epoch;
    uint64_t from, to;
};

/*
 * Body of RECORD_EPOCH: u16 network length, network, 16 bytes journal id, u32 epoch, 32 bytes public head key; from epoch
 * 2 on u16 and so many gaps (u32 epoch, u64 from, u64 to), by epoch: those of all epochs so far, this one last, since who
 * was away for one of them knows it from here alone.
 */
struct epoch_body {
    char network[33];
    uint8_t journal[16];
    uint32_t epoch; /* from 1 */
    uint8_t head_public[32];
    uint16_t gap_count; /* epoch 1: 0 */
    struct epoch_gap gaps[EPOCH_GAPS_MAX];
};

void epoch_body_write(const struct epoch_body *epoch, struct buf *out);
int epoch_body_read(struct slice body, struct epoch_body *out); /* 0 or E_CORRUPT */

/* All that is lost for who has last seen a head of epoch `seen`, as one gap of the epoch that the body opens. */
struct epoch_gap epoch_lost_since(const struct epoch_body *epoch, uint32_t seen);

int batch_body_read(struct slice body,
    struct batch_body *out); /* 0 or E_CORRUPT; also where the events do not fill it */
/* Walk events; rest starts as batch_body.events. Returns 0 or E_END. */
int batch_next_event(struct slice *rest, struct slice *event);
int batch_next_payload(
    struct slice *rest, struct stored_payload *out); /* E_CORRUPT where it is cut short */

/*
 * Do the events lead to the root that the batch's statement names? Returns 0 or E_CORRUPT. The leaf of a batch covers
 * the statement, the statement covers the events: whoever relies on stored events asks this too. A batch that was
 * voided (SystemKind BATCH_VOIDED) may well fail.
 */
int batch_check_events(const char *network, const struct batch_body *batch);

/* Does the batch's statement name the agent that its record does? */
bool batch_check_agent(const struct batch_body *batch);

#endif
