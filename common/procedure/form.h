/*
 * form: the engine's structs as tables of fields. One table serves both ways, encode.c writes by it and decode.c
 * reads by it, so that what is written is what is read. Private to common/procedure.
 *
 * A struct is a mask, a bit a field that differs from its default, and then those fields in order. A flag is its bit
 * alone. Numbers are varints, days and times zigzag varints, times as the difference from the one before; codes by
 * the order in which the dossier names them, with their text at the first; what a pointer leads to by its place on its
 * shelf.
 */
#ifndef WAYPOST_PROCEDURE_FORM_H
#define WAYPOST_PROCEDURE_FORM_H

#include "common/procedure/engine_internal.h"

enum form_type {
    FORM_FLAG,    /* bool */
    FORM_NUMBER,  /* unsigned of 1, 2, 4 or 8 bytes; default 0 */
    FORM_SIGNED,  /* int32_t; default 0 */
    FORM_DAY,     /* int32_t; default NO_DAY */
    FORM_MOMENT,  /* int64_t; default NO_TIME */
    FORM_TIME,    /* int64_t; default 0 */
    FORM_CODE,    /* uint16_t, authority; default 0 */
    FORM_RAW,     /* so many bytes; default all zero */
    FORM_TEXT,    /* terminated, in an array of so many bytes; default "" */
    FORM_STRING,  /* const char *, in the engine's pile; default "" */
    FORM_LIST,    /* struct list; default empty */
    FORM_CLOCK,   /* const struct clock_info *; always there */
    FORM_ROW,     /* struct row *; always there */
    FORM_EPISODE, /* struct episode *; always there */
    FORM_CHILD,   /* struct child *; default NULL */
    FORM_LATER,   /* not written here: worked out, or part of another table */
};

struct form_field {
    uint16_t offset;
    uint16_t bytes; /* of one */
    uint8_t type;   /* enum form_type */
    uint8_t count;  /* so many in a row; all are written where one differs */
    uint64_t max;   /* numbers: the highest that may be read; 0: whatever the type holds */
    const struct form *items; /* of a list */
};

enum { FORM_FIELDS_MAX = 96, FORM_MASK_BYTES = FORM_FIELDS_MAX / 8 };

struct form {
    const struct form_field *fields; /* in the order of the struct */
    uint16_t count;
    uint16_t bytes; /* of the struct */
};

/*
 * The state:
 *
 *   head       the engine's time, and every code in the order in which the engine met them; not part of the hash
 *   totals     how many items of each shelf there ever were, and the counters
 *   dossiers   each on its own (nothing in one depends on another), in the order of their first events
 *
 * A dossier in sections, each a number of items and the items. Every item but the families and the waiting, which
 * stand for items written before, begins with how far its number is from that of the one before it.
 */
enum form_section {
    SECTION_CHILDREN,
    SECTION_TRANSFERS,
    SECTION_EPISODES,
    SECTION_ROWS,
    SECTION_CLOCKS,
    SECTION_FAMILIES, /* of each child: its episodes in their order */
    SECTION_WAITING,  /* of each episode: what it holds by row */
    SECTION_COUNT
};

/* The shelf that a section is about, and whether it is the one that makes its items. */
struct form_shelf {
    enum shelf_name shelf;
    bool makes;
};
extern const struct form_shelf form_shelves[SECTION_COUNT];

enum { STATE_VERSION = 4 };

/* Which codes a dossier has named so far, each with the place at which it was the first time. */
struct code_book {
    uint16_t *ordinals; /* owned: by the engine's number of the code, from 1; 0: not named yet */
    size_t capacity;    /* of ordinals */
    struct list codes;  /* uint16_t: the engine's number, by ordinal - 1 */
};
struct code_book *code_book_of(engine_t *engine); /* the engine's own, for one dossier at a time */
void code_book_begin(struct code_book *self, const engine_t *engine); /* of another dossier */
void code_book_add(struct code_book *self, uint16_t code);            /* not there yet */
void code_book_free(struct code_book **self_p);

/* So far may a day lie from 1970: beyond all that the calendar works out of a civil date. */
enum { FORM_DAY_MAX = 1000000 };

extern const struct form form_child;
extern const struct form form_family; /* of a child: its episodes */
extern const struct form form_transfer;
extern const struct form form_episode;
extern const struct form
    form_waiting; /* of an episode: pending starts, handovers and withdrawals */
extern const struct form form_row;
extern const struct form form_row_recipient;
extern const struct form form_row_verdict;
extern const struct form form_running;
extern const struct form form_held_view; /* struct event_view, as far as it is kept */

bool form_is_default(const struct form_field *field, const void *at); /* nothing is written of it */

/* Bytes of the struct that no field of the form covers and that no alignment explains; 0 in a whole form. */
size_t form_gaps(const struct form *form);

static inline uint64_t form_number(const void *at, size_t bytes)
{
    switch (bytes) {
    case 1:
        return *(const uint8_t *)at;
    case 2:
        return *(const uint16_t *)at;
    case 4:
        return *(const uint32_t *)at;
    default:
        return *(const uint64_t *)at;
    }
}

static inline uint64_t form_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value < 0 ? -1 : 0);
}

static inline int64_t form_zigzag_back(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

#endif
