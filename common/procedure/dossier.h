/*
 * dossier: all that hangs together in the state. A child, its transfers, the episodes and events of these, their clocks,
 * and every other child that one of them names are one dossier; nothing in a dossier leads out of it. So each can be
 * put away as its bytes (encode.c) while nobody needs it, at a third of the memory, and is opened again when an
 * event, a level, a deadline or a question comes to it. Whether it is open changes no answer, no record and no byte of
 * the state. Private to common/procedure.
 *
 * An event that names a child of one dossier and a transfer of another joins the two; the younger goes into the older.
 *
 * What is lent from a dossier stays where it is until dossiers_trim(), which engine_advance(), engine_procedures() and
 * the questions call, and nothing that is folded.
 */
#ifndef WAYPOST_PROCEDURE_DOSSIER_H
#define WAYPOST_PROCEDURE_DOSSIER_H

#include <stdbool.h>

#include "common/base/bytes.h"
#include "common/base/uuid.h"
#include "common/procedure/cabinet.h"
#include "common/procedure/chunks.h"
#include "common/procedure/list.h"
#include "common/procedure/pile.h"
#include "common/procedure/places.h"
#include "common/procedure/procedures.h"
#include "common/procedure/table16.h"

struct engine;

/* What a dossier holds, a shelf each; on a shelf by number, which is the order in which they came to the engine. */
enum shelf_name {
    SHELF_CHILDREN,
    SHELF_TRANSFERS,
    SHELF_EPISODES,
    SHELF_ROWS,
    SHELF_CLOCKS,
    SHELVES
};

struct shelf {
    struct list items;     /* pointers */
    struct table16 by_key; /* empty while they are few; never of clocks */
};

/* A dossier that is open. */
struct contents {
    struct dossier *dossier;
    struct pile pile; /* of everything on its shelves */
    struct shelf shelves[SHELVES];
    uint32_t count; /* on all shelves */
    bool heavy;     /* too many to be put away and opened again and again: it stays open */
    struct contents *older, *newer; /* of its chain */
};

/* Figures over the state (engine_measure) that each dossier adds to. */
enum { MEASURE_BREACHES, MEASURE_OWNER_FAULTS, MEASURE_CLOSURES, MEASURE_FOLLOW_UPS, MEASURES };

/* What runs out first: docs/PROCEDURES.md, section 9. */
struct deadline {
    int64_t fire_ms;             /* INT64_MAX: nothing */
    char clock[CLOCK_ID_BYTES];  /* not its row: the tables may change while it waits */
    uint8_t key[2 * UUID_BYTES]; /* of the episode */
    uint32_t number;             /* of the clock */
};

struct dossier {
    uint32_t number : 31;     /* in the order in which they were begun */
    uint32_t provisional : 1; /* put away with a clock that new holidays may move */
    uint32_t heap_place; /* among those put away that wait for a deadline, from 1; 0: it does not */
    struct away *away;   /* in the cabinet; NULL while it is open */
    struct contents *contents; /* owned; NULL while it is put away */
    struct dossier *joined_to; /* NULL while it is one of its own */
};

struct chain {
    struct contents *newest, *oldest;
};

/* What runs out, by when: timers.c. */
struct heap {
    struct chunks entries;
};

struct dossiers {
    struct chunks all;      /* struct dossier, by number */
    uint32_t joined;        /* of these, those that went into another */
    struct places places;   /* ids of children, transfers and events */
    struct cabinet cabinet; /* those put away */
    struct chain open;      /* by when they were looked into last */
    struct chain heavy;     /* not among the open ones */
    size_t open_count;      /* items of the open ones */
    size_t keep;            /* so many of these stay open */
    struct heap waiting;    /* struct dossier: put away, by first deadline */
    int64_t away[MEASURES]; /* of those put away */
    uint32_t ever[SHELVES]; /* items ever made: the number of the next one */
    unsigned visiting;      /* a question is being answered piece by piece: nothing is put away */
    struct buf scratch;
    struct code_book *codes; /* owned, NULL: not needed yet */
};

struct dossier *dossier_numbered(const struct engine *engine, uint32_t number);
struct dossier *dossier_at(
    const struct engine *engine, uint32_t number); /* one that was joined: what it went into */
void dossiers_begin(
    struct engine *engine, const struct backing *backing); /* before the first one */
struct contents *dossier_open(struct engine *engine, struct dossier *self);
void dossier_put_away(struct engine *engine, struct dossier *self);

/*
 * What a reading made (decode.c) becomes the next dossier, put away at once: bytes are what it was read from. Taken.
 */
void dossier_take(struct engine *engine, struct contents *contents, struct slice bytes);

struct contents *contents_new(struct engine *engine);   /* empty, of no dossier */
struct contents *contents_begin(struct engine *engine); /* of a new dossier */
void contents_free(struct contents **self_p);
/* Both together, the younger's in the older; what is lent from either stays where it is. */
struct contents *contents_join(struct engine *engine, struct contents *a, struct contents *b);

/* Onto its shelf, under the next number; item is of the pile of these contents. */
void contents_add(struct engine *engine, struct contents *self, enum shelf_name shelf, void *item);
/* The same of an item that was read, in contents that are of no dossier yet. */
void contents_put(struct contents *self, enum shelf_name shelf, void *item, uint32_t number);
bool contents_unknown(
    struct engine *engine, const struct contents *self); /* none of its ids is in another dossier */
void *contents_find(const struct contents *self, enum shelf_name shelf,
    const uint8_t *key); /* NULL; not for clocks */
void *contents_numbered(
    const struct contents *self, enum shelf_name shelf, uint32_t number); /* NULL */
uint32_t contents_place(
    const struct contents *self, enum shelf_name shelf, uint32_t number); /* of one that is there */
uint32_t item_number(enum shelf_name shelf, const void *item);
const uint8_t *item_key(enum shelf_name shelf, const void *item);  /* NULL of a clock */
void contents_measure(const struct contents *self, int64_t *sums); /* added to MEASURES of them */

static inline const struct list *contents_list(const struct contents *self, enum shelf_name shelf)
{
    return &self->shelves[shelf].items;
}

/* A child, a transfer or an event by its id, in whatever dossier, which is open then; NULL. */
void *item_find(struct engine *engine, enum shelf_name shelf, const uint8_t *id);
/* Its contents, NULL. */
struct contents *contents_with(struct engine *engine, enum shelf_name shelf, const uint8_t *id);

/* Put away those that were not looked into for longest, until no more than dossiers.keep items are open. */
void dossiers_trim(struct engine *engine);
void dossiers_free(struct engine *engine);
/* Those that point into the tables in force, in turn, open while they are visited: the open ones, and of those put away whose
 * dates new holidays may move. */
void dossiers_visit_bound(struct engine *engine,
    void (*visit)(struct engine *engine, struct contents *contents, void *context), void *context);
/* Each in turn, open while it is visited. text: one that is put away and does not hold these bytes is passed over. */
void dossiers_visit(struct engine *engine, struct slice text,
    void (*visit)(struct engine *engine, struct contents *contents, void *context), void *context);

#endif
