/*
 * portable: a record of a journal as an ExportRecord message, the form that leaves the journal's folder, and back to the
 * byte. What the message can say in its own fields (batches, acknowledgements) it says there; where that would not give
 * the same bytes again, the body stands in it as it is.
 */
#ifndef WAYPOST_REPLAY_PORTABLE_H
#define WAYPOST_REPLAY_PORTABLE_H

#include "common/codec/frame.h"
#include "common/journal/record.h"

enum { PORTABLE_SEGMENT = 0 }; /* ExportRecord.type of a segment's header */

/* A record as a message. Everything lives in the arena, or lends from the record. payloads: copy the sealed bytes. */
Waypost__ExportRecord *portable_message(
    arena_t *arena, const struct record *record, uint64_t position, bool payloads);
/* The header of a segment as a message; the same. */
Waypost__ExportRecord *portable_segment(arena_t *arena, uint32_t segment, struct slice header);

/* What a message gives back. bytes hold body and payload; cleared before. */
struct portable {
    bool segment; /* a segment's header: its number in record.sequence, its bytes in record.body */
    bool positioned; /* the message says where it stood */
    uint64_t position;
    bool single;          /* of an agent: one event of a batch, no record of a journal */
    struct record record; /* lends from the bufs; payloads that were left out: flagged as erased */
    struct buf body, payload;
};

/* 0, or E_MALFORMED with a sentence where the message is no record. */
int portable_record(
    const Waypost__ExportRecord *message, struct portable *out, struct complaint *why);
void portable_free(struct portable *self);

#endif
