/*
 * items: a source told again, thing by thing, in the order in which it took effect: events when they were judged, with
 * their verdict; derived records; levels of receipt; what came into force. Filtered as it is read, and read lazily:
 * what no filter and no reader asks for is not decoded.
 *
 * Nothing here acts. No clock is started, no acknowledgement is written, no socket is opened (R53).
 */
#ifndef WAYPOST_REPLAY_ITEMS_H
#define WAYPOST_REPLAY_ITEMS_H

#include "client/replay/moment.h"
#include "client/replay/source.h"
#include "common/codec/event.h"
#include "common/record/acked.h"
#include "common/record/derived.h"

enum item_what { ITEM_EVENT, ITEM_RECORD, ITEM_LEVEL, ITEM_INPUT };
extern const char *const item_words[4]; /* "event", "record", "level", "input" */

/* Lent for the call. */
struct item {
    enum item_what what;
    uint64_t entry;      /* of the record that it stands in; of an event, of its batch */
    uint32_t index;      /* of an event in its batch */
    int64_t recorded_ms; /* when it came into the journal; of an event, when it was accepted */
    int64_t at_ms;       /* its own moment; of an event, when it was sent */
    const char *kind;    /* "move_notified", "deadline_set", "opened", "register" */
    const uint8_t *event, *transfer,
        *subject;                  /* 16 bytes; NULL where it is about none, or none is known */
    const struct event_view *view; /* ITEM_EVENT */
    struct slice bytes;            /* ITEM_EVENT: exact */
    const char *verdict; /* ITEM_EVENT: a word of ledger.h, "waiting" before it was judged */
    const char *clock, *rule, *detail; /* ITEM_RECORD; "" for none */
    const char *code; /* ITEM_LEVEL: who; ITEM_RECORD: the code it speaks of; "" for none */
    const struct acked_item *level; /* ITEM_LEVEL */
    const struct record *record;    /* it was read from */
};

enum { ITEM_KINDS_MAX = 16 };

struct item_filter {
    struct journal_moment from, to;
    size_t kind_count;
    const char *kinds[ITEM_KINDS_MAX]; /* any of them; none: all */
    const char *authority;             /* code; NULL for all */
    const uint8_t *transfer;           /* 16 bytes; NULL for all */
    const char *profile;               /* that one of the parties is under; NULL for all */
};

struct item_reader {
    const struct item_filter *filter;
    int (*visit)(void *context, const struct item *item);                     /* 0 to go on */
    void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes); /* may be NULL */
    void *context;
};

struct item_counts {
    uint64_t records, events, passed; /* leaves read; events read; items that passed the filter */
};

/* The words that a kind may be: of the catalogue, of the system kinds, of levels and inputs. True where it is one. */
bool item_kind_known(const char *word);
const char *item_kind_nearest(const char *word); /* for a typo; NULL where none is near */

/*
 * Read the source through the filter. Returns 0; what visit returned where that was not 0; else as source_walk() with
 * why. *counts is good in any case.
 */
int items_read(source_t *source, const struct item_reader *reader, struct item_counts *counts,
    struct complaint *why);

/* ---- predicates: "verdict=refused", "kind=case_closed rule=R28", "clock!=C01 state=breached" ---- */

typedef struct item_predicate item_predicate_t;

/* All conditions must hold. 0, or E_MALFORMED with the nearest name. */
int item_predicate_parse(const char *text, item_predicate_t **out, struct complaint *why);
void item_predicate_destroy(item_predicate_t **self_p);
bool item_predicate_holds(const item_predicate_t *self, const struct item *item);

#endif
