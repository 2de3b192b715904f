/*
 * procedures_fixture: the shipped procedure tables, loaded for a test, with one text replaced where a test wants it wrong.
 */
#ifndef WAYPOST_TESTS_PROCEDURES_FIXTURE_H
#define WAYPOST_TESTS_PROCEDURES_FIXTURE_H

#include "common/procedure/procedures.h"

/*
 * Load from data/ below the working directory. file: base name of the file in which `from` (its first occurrence) is replaced
 * by `to`; NULL to change nothing. Returns what procedures_load() returns; an occurrence that is
 * not there is a bug of the test.
 */
int fixture_procedures(
    const char *file, const char *from, const char *to, procedures_t **out, struct complaint *why);

/* A further version of a shipped profile, to stand beside it. */
struct fixture_version {
    const char *profile; /* "london.zpl"; the version's file is "ahead-london.zpl", loaded first */
    const char *effective_from, *version;
    const char *from, *to; /* what else is replaced in it, NULL for nothing */
};
/* The text of that version; the caller's. */
struct buf fixture_version_text(const struct fixture_version *version);
/* As fixture_procedures(), with that version beside the shipped files. */
int fixture_procedures_with(
    const struct fixture_version *version, procedures_t **out, struct complaint *why);

#endif
