/*
 * acked: the body of RECORD_ACKED, what an acknowledgement did (docs/STORAGE.md, section 2; written by
 * broker/core/acked.c). Pure; reading answers E_CORRUPT or false for whatever does not hold.
 *
 *   u32 stream, u64 epoch, u64 upto, 32 bytes running hash there, u64 counter, u64 position of RECORD_ACK, u64 its leaf
 *   u16 classes, each: u8 level, u8 role, u8 code of the fault, 9 bytes code acted for, u64 at, u8 length, team
 *   u32 persisted, u32 opened items, each: 16 bytes event, u16 class; the persisted ones in the order of the stream
 *   u32 blocks, each: u32 stream told, u32 items, varint difference of their places each
 *   where the statement names what was received: u64 received_after, u32 entries, and the running hash of the stream before each
 *   of them (32 bytes; that of the last entry stands above); for each persisted item, varint difference of its number
 *   u64 time at which the procedures folded it, 0 where they were off
 * A block is what one stream is told for one code: it becomes one AckEntry.
 */
#ifndef WAYPOST_RECORD_ACKED_H
#define WAYPOST_RECORD_ACKED_H

#include "common/base/bytes.h"
#include "common/base/uuid.h"
#include "common/codec/limits.h"
#include "common/crypto/hash.h"

enum acked_level { ACKED_PERSISTED = 1, ACKED_OPENED = 2, ACKED_FAULT = 3 };
enum { ACKED_ITEM_BYTES = UUID_BYTES + 2 };

struct acked_item {
    const uint8_t *event; /* 16 bytes, lent */
    uint8_t level;        /* enum acked_level */
    uint8_t role;         /* ACKED_OPENED: enum PersonRole */
    uint8_t code_err;     /* ACKED_FAULT: enum err, positive */
    int64_t at_ms;        /* by the acknowledging agent's clock */
    struct slice team;    /* ACKED_OPENED: lent, may be empty */
};

struct acked_body {
    uint32_t stream; /* who acknowledged */
    uint64_t epoch, upto, counter;
    struct hash running;
    uint64_t ack_position, ack_leaf; /* of RECORD_ACK */
    uint32_t class_count;
    struct slice classes;
    uint32_t persisted, opened; /* items */
    struct slice items;
    uint32_t block_count;
    struct cursor blocks;
};

/* 0 or E_CORRUPT; out lends from body. */
int acked_body_read(struct slice body, struct acked_body *out);

/* The item at a place, persisted ones first. code: CODE_BYTES + 1, the code acted for; NULL where it is not wanted. */
bool acked_item_at(
    const struct acked_body *self, uint32_t place, struct acked_item *out, char *code);

/* The next block: who is told, and how many items; they are passed over. False at the end, or where it is cut. */
bool acked_next_told(struct acked_body *self, uint32_t *stream);

/* One block with its items. */
struct acked_block {
    uint64_t ack_position, ack_leaf;
    char code[CODE_BYTES + 1];
    uint32_t acker; /* stream */
    uint32_t count; /* items left */
    struct acked_body body;
    struct cursor rest;
    uint32_t last;
};
int acked_block_open(
    struct slice body, uint32_t index, struct acked_block *out); /* 0 or E_CORRUPT */
bool acked_block_next(struct acked_block *self, struct acked_item *out);

/* What the statement named, where it did. */
struct acked_received {
    uint64_t after;        /* entries after + 1 .. after + count */
    uint32_t count;        /* 1 and up */
    struct slice hashes;   /* count of HASH_BYTES: running hash at after, after + 1, ... */
    struct cursor numbers; /* of the persisted items: acked_received_next() */
    uint64_t last;         /* number given last */
};
/* False where nothing is named, or the body is cut. Lends from body. */
bool acked_received_read(struct slice body, struct acked_received *out);
uint64_t acked_received_next(struct acked_received *self); /* number of the next persisted item */

/* Walk what was persisted and opened, with the code acted for, in the order of the record; false where it cannot be
 * read: what is whole before has been visited. */
bool acked_walk(struct slice body,
    void (*visit)(void *context, const struct acked_item *item, const char *code), void *context);

/* The first item of an event; false where there is none. */
bool acked_names(struct slice body, const uint8_t *event, struct acked_item *out);

#endif
