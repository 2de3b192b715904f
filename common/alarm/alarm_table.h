/*
 * alarm_table: every alarm of every program, with who must act and what to do, in one table. docs/OPERATING.md shows it,
 * made from here (tests/unit/test_alarms.c); waypost alarms, the command and the mail of an alarm speak from it.
 *
 * An alarm tells of a state and goes by itself when the state ends, or it tells of something that happened once and goes
 * when somebody takes it on. Either is told again and again until somebody has.
 */
#ifndef WAYPOST_ALARM_TABLE_H
#define WAYPOST_ALARM_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum { ALARM_NAME_BYTES = 33, ALARM_TEXT_BYTES = 320, ALARM_OWNER_BYTES = 65 };

/* Who must act. */
enum alarm_actor {
    ALARM_DESK,         /* whoever answers for events here: the duty desk */
    ALARM_TEAM_MANAGER, /* whoever answers for a case */
    ALARM_IT_OFFICER,   /* whoever runs the machine */
    ALARM_OPERATOR,     /* whoever runs the broker */
    ALARM_REGISTRAR,    /* whoever signs the register */
    ALARM_HUB_OFFICER,  /* whoever watches the region */
    ALARM_ACTORS
};
const char *alarm_actor_word(enum alarm_actor actor); /* "the duty desk"; static */

enum alarm_program { ALARM_AGENT = 1, ALARM_BROKER = 2, ALARM_HUB = 4 };

struct alarm_info {
    const char *name;
    unsigned programs; /* enum alarm_program: who can raise it (a hub also what an agent can) */
    enum alarm_actor actor;
    bool once;          /* it happened, and goes when it is taken on */
    const char *what;   /* what it tells */
    const char *remedy; /* what to do */
    const char *ends;   /* when it goes */
};

const struct alarm_info *alarm_info(const char *name); /* NULL where there is none such; static */
size_t alarm_count(void);
const struct alarm_info *alarm_at(size_t index); /* NULL beyond the last */
const char *alarm_nearest(const char *name);     /* NULL where none is near */

#endif
