/*
 * telling: what a record of the procedures says, in words for people: a rule with its title, how late something was, the
 * pairs of a record's detail. The one place for agent, hub and rehearsals. Pure; cannot fail.
 */
#ifndef WAYPOST_PROCEDURE_TELLING_H
#define WAYPOST_PROCEDURE_TELLING_H

#include "common/base/bytes.h"
#include "common/procedure/procedures.h"

enum { LATE_TEXT_BYTES = 48, LATE_WORD_BYTES = 16 };

/* "R12 No proof of permanence and no legal advice", appended to out; the id alone where tables is NULL, or they have no title
 * for it. ids: one, or some with commas between, which "; " parts then. */
void tell_rules(const procedures_t *tables, struct slice ids, struct buf *out);

/*
 * How late: a count of LIMIT_WD, LIMIT_D or LIMIT_MIN, by the limit that was in force when the clock began (docs/PROCEDURES.md,
 * section 9). The unit stands with the number wherever it is kept: tables that come later count in another one.
 */
const char *late_unit_title(enum limit_unit unit); /* "working days", "days", "minutes" */
/* As a record's detail carries it: "1wd", "3d", "105min"; "0" where it was in time. word of LATE_WORD_BYTES; returns it. */
const char *late_word(enum limit_unit unit, int32_t late, char *word);
/* And back. False, and nothing written, where it was in time, or no unit stands there. */
bool late_read(const char *word, enum limit_unit *unit, int32_t *late);
/* "1 working day late", "3 days late", "1 h 45 min late"; "" where late is below 1. text of LATE_TEXT_BYTES; returns it. */
const char *late_text(enum limit_unit unit, int32_t late, char *text);
/* The same of a record's word; "" where late_read() finds nothing in it. */
const char *late_said(const char *word, char *text);

/* A record's rule ("" for none) and the pairs of its detail, "due=2026-04-08 binds=E09000007 advisory=no", as
 * "by 2026-04-08, Camden": what is none, no or 0 is left out. Appended. */
struct telling {
    const procedures_t *tables;                           /* NULL for none: ids alone */
    const char *(*name)(void *context, const char *code); /* of an authority; lent for the call */
    void *context;
};
/* "Camden, Leeds": the names of codes with commas between them, appended. */
void tell_names(
    const struct telling *self, struct slice codes, const char *between, struct buf *out);
void tell_notice(const struct telling *self, const char *rule, const char *detail, struct buf *out);

#endif
