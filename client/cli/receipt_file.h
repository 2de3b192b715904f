/*
 * receipt_file: the file that proves one accepted event, taken apart and checked step by step. Pure.
 *
 * What the steps prove: the event stands in a statement that the key `sign_key` signed; that statement is an entry of
 * a journal whose head the key `head_key` signed, accepted at `accepted_ms`. Whose keys they are is for the register
 * (trust.h) to say.
 */
#ifndef WAYPOST_CLI_RECEIPT_FILE_H
#define WAYPOST_CLI_RECEIPT_FILE_H

#include "common/codec/event.h"

enum { RECEIPT_STEPS_MAX = 8, RECEIPT_FILE_BYTES_MAX = 262144 };

#define RECEIPT_FILE_MAGIC UINT32_C(0x52505957)

struct receipt_step {
    const char *name; /* "event", "sender", "receipt", "journal", "broker"; static */
    int rc;           /* 0 where it holds */
    char text[200];   /* what it proves, or what does not hold */
};

struct receipt_proof {
    int rc; /* 0 where every step holds, else the code of the first that does not */
    size_t step_count;
    struct receipt_step step[RECEIPT_STEPS_MAX];
    struct event_view event; /* its slices lend from event_bytes */
    struct buf event_bytes;  /* owned */
    char network[33];
    char agent[33]; /* that signed, by its id in the register */
    uint8_t sign_key[32];
    uint8_t head_key[32];
    int64_t accepted_ms;
    uint64_t leaf_index;
    uint64_t head_size;
    int64_t head_ms;
};

/* Do the first bytes say that it is one? */
bool receipt_file_begins(struct slice bytes);

/*
 * Take apart and check. Returns 0 where the file could be read, then out->rc says whether it holds; else E_MALFORMED
 * or E_TOO_LARGE with why. Free with receipt_proof_free() either way.
 */
int receipt_file_check(struct slice bytes, struct receipt_proof *out, struct complaint *why);
void receipt_proof_free(struct receipt_proof *self);

#endif
