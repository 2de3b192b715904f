/*
 * keeper: who keeps what comes in, where that is not the agent's own boxes. A hub is an agent's link to the broker (session,
 * stream, acknowledgements, heads, register) with tables of its own behind it.
 *
 * event, record, ack, held and past are called inside the transaction of the frame, on the thread of the core, in stream order,
 * after signature, path and addressing were checked; what they write on store_t's connection lasts or falls with the cursor.
 * They cannot fail on their own: the first failed write is found by the commit. The same thing may come again under a later
 * number (a new epoch of the stream, a rebuild) and must have no second effect. Everything is lent for the call.
 */
#ifndef WAYPOST_AGENT_KEEPER_H
#define WAYPOST_AGENT_KEEPER_H

#include <jansson.h>

#include "client/agent/store.h"
#include "common/codec/event.h"

struct kept_event {
    const struct event_view *view;
    struct slice bytes; /* the Event as it was signed */
    uint32_t verdict;   /* strongest verdict of the procedures, enum verdict */
    int64_t accepted_ms;
    int64_t kept_ms; /* now, by this machine's clock */
};

/* A record of the broker: Derived of proto/waypost.proto as a plain struct. */
struct kept_record {
    uint64_t leaf_index; /* of its record in the journal; with the next never twice the same */
    uint32_t index;      /* its place among what that record says */
    uint32_t kind;       /* enum SystemKind */
    int64_t recorded_ms;
    int64_t at_ms;
    const uint8_t *event;    /* 16 bytes or NULL */
    const uint8_t *transfer; /* 16 bytes or NULL */
    const uint8_t *subject;  /* 16 bytes or NULL */
    const char *code;        /* authority or "" */
    const char *clock;       /* "C01" or "" */
    const char *rule;        /* "R28" or "" */
    const char *detail;      /* words of the catalogue, "due=2026-04-08 binds=E09000007" or "" */
    uint32_t code_err;       /* positive enum err, 0 for none */
};

/* One event of an acknowledgement whose signature holds. row.ack is unused. */
struct kept_ack {
    const uint8_t *event; /* 16 bytes */
    struct level_row row;
};

/* A page of what was told before (S-35). */
struct kept_past {
    uint64_t next_leaf, next_skip; /* where the next one begins */
    bool done;                     /* it was the last */
    uint64_t unreadable;           /* records that the broker could not read for it */
    uint64_t untold;               /* entries left out, as they need such a record */
};

struct agent_keeper {
    void *context;
    void (*event)(void *context, const struct entry_row *entry, const struct kept_event *event);
    void (*record)(void *context, const struct entry_row *entry, const struct kept_record *record);
    void (*ack)(void *context, const struct entry_row *entry, const struct kept_ack *ack);
    void (*held)(void *context, const struct entry_row *entry); /* entry->event is set aside */
    void (*past)(void *context, const struct kept_past *page);  /* its entries were kept */
    /* A request of the local interface. False: not one of the keeper's, the core answers it. */
    bool (*request)(void *context, uint64_t client, const json_t *request, json_t **answer);
    void (*flow)(void *context);                  /* new entries, or a watching client has room */
    void (*gone)(void *context, uint64_t client); /* a local client went away */
};

#endif
