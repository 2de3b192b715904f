/*
 * tables: the hub's own tables, in the database of its link (client/agent/store.h), so that an entry, what it changes in
 * every view, and the cursor of the stream are one transaction.
 *
 * What a screen asks for stands ready: a row a pair and day, a row an authority and hour of waiting, a row a running
 * clock. No answer reads all events. docs/HUB.md lists the tables; failures are those of store.h.
 */
#ifndef WAYPOST_HUB_TABLES_H
#define WAYPOST_HUB_TABLES_H

#include "client/agent/store_sql.h"
#include "client/hub/blind.h"
#include "client/hub/limits.h"
#include "common/register/register.h"

/* What the broker says of an authority's agent, asked in turn and kept in memory alone. */
struct hub_contact {
    int64_t asked_mono_ms; /* 0 for never */
    bool known, registered, connected;
    int64_t contact_ms; /* last sign of life, 0 for none */
};

struct hub_tables {
    store_t *store; /* lent */
    uint8_t blind_key[BLIND_KEY_BYTES];
    int64_t
        past_leaf; /* fetching what was told before: its next page; -1 where nothing is to be fetched */
    int64_t past_skip;
    int64_t rebuilt_ms;  /* when the tables were last emptied to be filled again, 0 for never */
    int64_t merged_hour; /* when what waits was last counted by day */
    uint64_t
        changes; /* entries kept, and alarms changed, since the start: is a screen still up to date? */
    const register_t *book;   /* lent from the core, NULL before the first */
    const char *const *areas; /* regions granted, lent from the register; "*" for all */
    size_t area_count;
    struct hub_contact contacts[HUB_PLACES_MAX + 1]; /* by place */
};

/* Make what is missing, read the key. random fills in a new key. 0, E_VERSION, E_IO, E_FULL with why. */
int tables_open(
    struct hub_tables *self, store_t *store, const struct world *world, struct complaint *why);

/* Inside a transaction: where the next page begins; leaf -1: everything is here. */
void tables_past(struct hub_tables *self, int64_t leaf, int64_t skip);

/* What the broker could not read of its journal when these tables were filled. */
struct hub_missing {
    uint64_t records; /* of the journal; what they told this hub, if anything, is not here */
    uint64_t entries; /* told to this hub and not here, as they need such a record */
    char text[HUB_MISSING_TEXT_BYTES]; /* both in one sentence, without a full stop */
};

/* Inside a transaction: so much is missing of the page that begins at past_leaf, past_skip. */
void tables_miss(struct hub_tables *self, uint64_t records, uint64_t entries);
/* Of all pages since the tables were empty. False where nothing is; then out is not written. */
bool tables_missing(struct hub_tables *self, struct hub_missing *out);

/* Empty every view and the memory of what came, to be fetched again from the first record; the key of the blinded ids stays.
 * 0 or E_IO, E_FULL. */
int tables_empty(struct hub_tables *self, int64_t now_ms);

/* ---- authorities: small numbers for codes ---- */

/* Inside a transaction: the number of a code, made where it is new. */
int64_t tables_place(struct hub_tables *self, const char *code);
/* Code of a number; "" where there is none. code of CODE_BYTES + 1. */
void tables_code(struct hub_tables *self, int64_t place, char *code);
bool tables_in_area(const struct hub_tables *self, const char *code);
/* Name by the register; the code itself where it has none. Lent. */
const char *tables_name(const struct hub_tables *self, const char *code);

/* ---- cases ---- */

struct hub_case {
    int64_t id;
    int64_t blind;
    uint8_t transfer[UUID_BYTES];
    int64_t origin, receiving; /* places */
    int64_t first_ms, last_ms; /* accepted times of events */
    int64_t events;
    int64_t notified_ms; /* first notice, 0 for none */
    int64_t accepted_ms; /* first written acceptance that took effect, 0 for none */
    int64_t running;     /* clocks that bind somebody and run */
    int64_t breached;    /* and that ran out and were not met since */
    int64_t stage;       /* of the dispute that is open, 0 for none */
};
int tables_case(struct hub_tables *self, const uint8_t *transfer, struct hub_case *out);
int tables_case_numbered(struct hub_tables *self, int64_t id, struct hub_case *out);
/* By its blinded id, or by the transfer's own where somebody knows that. 0 or E_NOT_FOUND, E_ID with why. */
int tables_case_named(
    struct hub_tables *self, const char *text, struct hub_case *out, struct complaint *why);
/* Every column but the transfer. */
void tables_case_save(struct hub_tables *self, const struct hub_case *row);

#endif
