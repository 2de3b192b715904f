/*
 * derived: the body of RECORD_DERIVED, one place for whoever reads it. Pure but for the arena.
 */
#ifndef WAYPOST_RECORD_DERIVED_H
#define WAYPOST_RECORD_DERIVED_H

#include "common/codec/frame.h"

/*
 * The body is one Derived message, or a group of them: a zero byte, then each with its length (varint) before it. No
 * message begins with a zero byte.
 */
void derived_group_put(struct buf *group, struct slice derived); /* begins one where it is empty */
/* One more of what a record says, in the order in which they are told: the first makes the body, more make a group of it.
 * One that is there already changes nothing. */
void derived_join(struct buf *body, struct slice derived);
/* The bytes of the index-th, lent from the body. Returns 0, E_NOT_FOUND behind the last, E_CORRUPT. */
int derived_item(struct slice body, uint32_t index, struct slice *out);

/*
 * Visit what the record says, in order. derived lives until visit returns; the arena is reset before each.
 * visit returns 0 to go on. Returns 0, what visit returned, or E_CORRUPT where the body cannot be read.
 */
int derived_walk(arena_t *arena, struct slice body,
    int (*visit)(void *context, const Waypost__Derived *derived), void *context);

/* The word of the catalogue for a system kind, "deadline_set"; "unknown" for a number that is none. text: 48 bytes,
 * returned. */
enum { DERIVED_WORD_BYTES = 48 };
const char *derived_word(int kind, char *text);
/* And back: 0 where no kind has that name. */
int derived_number(const char *word);
/* What it says, for people: "Deadline missed". Lent for ever. */
const char *derived_title(int kind);

/* Does the engine make records of that kind? The others are the broker's and the operator's. */
bool derived_by_engine(int kind);
/* The same of a record: one that names who acted (a repeated batch's DUPLICATE_IGNORED) is the broker's. */
bool derived_said_by_engine(const Waypost__Derived *derived);

/* Value of "name=value" in a detail, lent, its length in *len; NULL where it is not there. */
const char *derived_detail(const char *detail, const char *name, size_t *len);

#endif
