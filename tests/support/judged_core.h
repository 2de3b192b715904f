/*
 * judged_core: a broker's core with the shipped procedures in force, two cases to speak of, and what tests of it say and
 * ask. Whatever does not go as it should fails the test.
 */
#ifndef WAYPOST_TESTS_JUDGED_CORE_H
#define WAYPOST_TESTS_JUDGED_CORE_H

#include <stdbool.h>

#include "tests/support/core_fixture.h"

#define WHAT_EVENT WAYPOST__ENTRY__WHAT_EVENT
#define WHAT_RECORD WAYPOST__ENTRY__WHAT_RECORD
#define KIND_OF(name) WAYPOST__SYSTEM_KIND__##name

enum { UNJUDGED, EFFECTIVE, ALERT, REFUSED, HELD };

#define DATA "data" /* folder of the shipped procedures */

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

extern const char *const to_camden[]; /* recipients, ended by NULL */
extern const char *const to_islington[];
extern struct fake_case ash; /* from Islington to Camden; its ids are drawn at setup */
extern struct fake_case kit; /* from Camden to Islington; whoever uses it draws its ids */

int judged_core_off(void **state); /* setup: everybody has said hello, no procedures */
int judged_core(void **state);     /* setup: with them; core_fixture_teardown ends either */

/* Islington tells Camden, everybody else tells Islington; until all is delivered and acknowledged. */
void say_of(struct core_fixture *f, const struct fake_case *about, int who, const char *kind,
    const char *facts);
void say(struct core_fixture *f, int who, const char *kind, const char *facts); /* of ash */
void say_move(struct core_fixture *f);
/* Islington closes ash while nothing is judged: durable and receipted, and no more than that. */
void close_unjudged(struct core_fixture *f);

const struct got *last_event(const struct fake_agent *agent);
/* The nth record of a kind, also of one clock; NULL where there are not so many. */
const struct got *record_of(
    const struct fake_agent *agent, int kind, const char *clock, size_t nth);
size_t records_of(const struct fake_agent *agent, int kind, const char *clock);

void pass(struct core_fixture *f, int64_t ms); /* and everybody says hello again */

void save_procedures(struct core_fixture *f); /* a snapshot of the engine, to the disk */
void save_changed(
    struct core_fixture *f, size_t at); /* with that byte of it wrong, file and hash right */
void forget_snapshots(struct core_fixture *f);
/* A restart gives the same state and contradicts nothing; resumed: from a snapshot. */
void restart_agrees(struct core_fixture *f, bool resumed);
void replay_agrees(struct core_fixture *f); /* from the first record, then from a snapshot */

#endif
