/*
 * judged: the body of RECORD_JUDGED as docs/STORAGE.md, section 2, and broker/core/judge.c describe it. Pure.
 */
#ifndef WAYPOST_RECORD_JUDGED_H
#define WAYPOST_RECORD_JUDGED_H

#include "common/base/bytes.h"

/* What a judged record is about: a batch, or entries that are in streams already. */
enum judged_form { JUDGED_BATCH = 0, JUDGED_MOVE = 1, JUDGED_HOLD = 2, JUDGED_RELEASE = 3 };

/* Bits of a verdict byte. */
enum { JUDGED_VERDICT_BITS = 7, JUDGED_WITHHELD_BIT = 8, JUDGED_LEFT_OUT_BIT = 16 };

#define JUDGED_NO_STREAM UINT32_MAX

struct judged_body {
    enum judged_form form;
    uint64_t leaf;        /* JUDGED_BATCH: of its record */
    uint64_t position;    /* JUDGED_BATCH: of its record */
    uint32_t count;       /* JUDGED_BATCH: events; JUDGED_MOVE: numbers; JUDGED_HOLD: places */
    int64_t folded_ms;    /* JUDGED_BATCH: the engine's time, 0 while the procedures are off */
    uint32_t from, to;    /* JUDGED_MOVE: streams; to JUDGED_NO_STREAM: they leave the first */
    const uint8_t *event; /* JUDGED_HOLD, JUDGED_RELEASE: 16 bytes, lent */
    struct cursor rest;   /* what judged_next and its neighbours walk */
    uint64_t number;      /* JUDGED_MOVE: the last one taken */
};

/* 0 or E_CORRUPT; out lends from body. */
int judged_body_read(struct slice body, struct judged_body *out);

/* JUDGED_BATCH: the verdict byte of the next event and who gets it. */
struct judged_event {
    uint8_t verdict; /* 0 unjudged, 1 effective, 2 alert, 3 refused, 4 held */
    bool withheld;   /* its payload is not handed out (R39) */
    bool left_out;   /* the engine did not survive it twice: it is not to be folded */
    uint64_t targets;
    struct cursor rest; /* of the targets: judged_target() */
};
bool judged_next(
    struct judged_body *self, struct judged_event *out); /* false at the end, or where it is cut */
bool judged_target(struct judged_event *self, uint32_t *stream, bool *facts_only);

/* JUDGED_BATCH, behind its last event: one that was recorded for its sender alone is told to a party now (D49). */
struct judged_disclosure {
    uint64_t leaf, position; /* of its batch */
    uint32_t index;          /* in that batch */
    uint8_t verdict;
    bool withheld;
    uint32_t stream;
    uint8_t parties; /* that know it by then: bit 0 origin, 1 receiving */
};
bool judged_disclosed(struct judged_body *self,
    struct judged_disclosure *out); /* false at the end, or where it is cut */

/* JUDGED_MOVE: the next number; JUDGED_HOLD: the next place. False at the end, or where it is cut. */
bool judged_number(struct judged_body *self, uint64_t *number);
bool judged_place(struct judged_body *self, uint32_t *stream, uint64_t *number);

/* The engine's time of a judged or acked record: its last eight bytes. */
int64_t record_folded_at(struct slice body);

#endif
