/*
 * telling: what a record of the procedures says, in words for people: a rule with its title, how late something was, the
 * pairs of a record's detail. The one place for agent, hub and rehearsals. Pure; cannot fail.
 */
#ifndef WAYPOST_PROCEDURE_TELLING_H
#define WAYPOST_PROCEDURE_TELLING_H

#include "common/base/bytes.h"
#include "common/procedure/procedures.h"

enum { LATE_TEXT_BYTES = 48 };

/* "R12 No proof of permanence and no legal advice", appended to out; the id alone where tables is NULL, or they have no title
 * for it. ids: one, or some with commas between, which "; " parts then. */
void tell_rules(const procedures_t *tables, struct slice ids, struct buf *out);

/* In which unit lateness is counted: LIMIT_WD, LIMIT_D or LIMIT_MIN (docs/PROCEDURES.md, section 9). clock may be NULL. */
enum limit_unit late_unit_of(const struct clock_info *clock);
/* "1 working day late", "3 days late", "1 h 45 min late"; "" where late is below 1. text of LATE_TEXT_BYTES; returns it. */
const char *late_text(enum limit_unit unit, int32_t late, char *text);

/* A record's rule ("" for none) and the pairs of its detail, "due=2026-04-08 binds=E09000007 advisory=no", as
 * "by 2026-04-08, Camden": what is none, no or 0 is left out. Appended. */
struct telling {
    const procedures_t *tables; /* NULL for none: ids alone, and how late is left out */
    const char *clock;          /* that the record is about, "" for none */
    const char *(*name)(void *context, const char *code); /* of an authority; lent for the call */
    void *context;
};
void tell_notice(const struct telling *self, const char *rule, const char *detail, struct buf *out);

#endif
