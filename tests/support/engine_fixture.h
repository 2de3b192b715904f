/*
 * engine_fixture: an engine on the shipped tables for a test, fed with real events: facts as text,
 * encoded, joined and read by the
 * codec. Transfers and children have names, their ids are made from them. Time stands until it is
 * moved. What the engine's sink
 * is told is kept as lines. Anything that cannot be built is a bug of the test (asserted).
 */
#ifndef WAYPOST_TESTS_ENGINE_FIXTURE_H
#define WAYPOST_TESTS_ENGINE_FIXTURE_H

#include "common/procedure/engine.h"
#include "tests/support/counted.h"

struct fixture_transfer {
    char name[16];
    char origin[CODE_BYTES + 1];
    char receiving[CODE_BYTES + 1];
};

/* An event as it was built; its view and facts lend from the bytes. */
struct fixture_event {
    struct buf bytes; /* owned */
    struct event_view view;
    struct fact_set facts;
    int64_t accepted_ms;
    uint8_t verdicts[SUBJECTS_MAX];
    int rc; /* of engine_event() */
};

enum { FIXTURE_TRANSFERS_MAX = 16 };

struct engine_fixture {
    procedures_t *procedures; /* owned */
    engine_t *engine;         /* owned; keeps nothing open that it may pack */
    struct counted memory;    /* what it packs lies there */
    int64_t now_ms;
    size_t transfer_count;
    struct fixture_transfer transfers[FIXTURE_TRANSFERS_MAX];
    size_t event_count;
    struct fixture_event **events; /* owned, all that were sent */
    struct buf log; /* "deadline_set C01 2026-03-02T09:00:00.000Z due=...\n" for each record */
};

/* Keep a record as a line of the fixture that is the context. */
void fixture_sink(void *context, const struct engine_record *record);

void fixture_open(struct engine_fixture *self);
void fixture_close(struct engine_fixture *self);
void fixture_reset(
    struct engine_fixture *self); /* a new engine on the same tables, nothing declared */
void fixture_reset_at(struct engine_fixture *self,
    const char *time); /* the same, from another time than 2026-03-02 */

/* The engine gives way to one that was made of its bytes: a restart from a snapshot. */
void fixture_reload(struct engine_fixture *self);

void fixture_at(struct engine_fixture *self, const char *time); /* deadlines on the way fire */
void fixture_transfer(
    struct engine_fixture *self, const char *name, const char *origin, const char *receiving);

/* The id made from a name: of a transfer, of a child. */
void fixture_id(const char *name, uint8_t *out);

/*
 * Send an event now.
 *   children   "ash" or "ash,elm"; their case types are cp, or "elm:cin"
 *   facts      "a=x b=y,z"; `to=CODE,CODE` names the recipients, `occurred=TIME`; "" for none
 * Without `to` it goes to the other party. It is persisted nowhere. Returns the event, lent for the fixture's life.
 */
struct fixture_event *fixture_send(struct engine_fixture *self, const char *from, const char *kind,
    const char *transfer, const char *children, const char *facts);

/* Build it as above without folding it. */
struct fixture_event *fixture_build(struct engine_fixture *self, const char *from, const char *kind,
    const char *transfer, const char *children, const char *facts);
int fixture_fold(struct engine_fixture *self, engine_t *engine, struct fixture_event *event);

/* Sent and persisted by every recipient at once. */
struct fixture_event *fixture_told(struct engine_fixture *self, const char *from, const char *kind,
    const char *transfer, const char *children, const char *facts);

/* What was said of the event about its first child, and whether a rule is among those that were hit. */
struct engine_verdict fixture_verdict(
    const struct engine_fixture *self, const struct fixture_event *event);
bool verdict_names(const struct engine_verdict *verdict, const char *rule);

/* Questions by name. */
const char *fixture_owner(struct engine_fixture *self, const char *transfer, const char *child,
    enum dimension dimension); /* "E0.../E0..." where several hold it; lent until the next call */
const char *fixture_owner_at(struct engine_fixture *self, const char *transfer, const char *child,
    enum dimension dimension, const char *time);
/* The last start of a clock in an episode; false where there is none. */
bool fixture_clock(struct engine_fixture *self, const char *transfer, const char *child,
    const char *id, struct engine_clock *out);
bool fixture_outstanding(
    struct engine_fixture *self, const char *transfer, const char *child, const char *id);
int fixture_logged(
    const struct engine_fixture *self, const char *text); /* how often it stands in the log */

#endif
