/*
 * load: what the loaders of the procedure tables share. Private to common/procedure.
 *
 * Compiled structs lend their words from the tables' texts and from a pool; both live as long as procedures_t.
 */
#ifndef WAYPOST_PROCEDURE_LOAD_H
#define WAYPOST_PROCEDURE_LOAD_H

#include "common/procedure/procedures.h"
#include "common/procedure/profiles.h"
#include "common/procedure/tsv.h"

enum {
    EFFECTS_MAX = 24,
    TRIGGERS_MAX = 32,
    CONDITIONS_MAX = 8,
    ALTERNATIVES_MAX = 16,
    SEVERITIES_MAX = 64,
    KIND_ROWS_MAX = 256,
    RULE_PROFILES = 5,
    PROFILE_NUMBERS_MAX = 65,
    RULE_FACTS_MAX = 8
};

/* A list of numbers of one kind: its clocks. */
struct number_list {
    size_t count;
    uint32_t *numbers; /* owned by the pool */
};

struct effect_list {
    size_t count;
    struct effect *effects; /* owned by the pool */
};

struct severity_list {
    bool given; /* false: "=", as national */
    size_t count;
    struct severity_entry *entries; /* owned by the pool */
};

struct procedures {
    struct tsv kinds, clocks, rules;
    size_t pool_count;
    size_t pool_capacity;
    void **pool; /* owned blocks */
    size_t clock_count;
    struct clock_info *clock_rows; /* pool */
    size_t rule_count;
    struct rule_info *rule_rows;                       /* pool */
    struct severity_list (*severities)[RULE_PROFILES]; /* pool; by rule row and profile column */
    const char *rule_profiles[RULE_PROFILES];          /* names of those columns */
    uint8_t rule_columns[PROFILE_NUMBERS_MAX];         /* column by profile number */
    struct effect_list effects[KIND_ROWS_MAX];         /* by kind number */
    struct number_list starts[KIND_ROWS_MAX];
    struct number_list stops[KIND_ROWS_MAX];
    profiles_t *profiles;
    calendar_t *calendar;
};

/* Where the loader stands, for complaints. */
struct loader {
    procedures_t *procedures;
    const char *file;
    size_t line;
    struct complaint *why;
};

void *pool_new(procedures_t *self, size_t count, size_t bytes);
const char *pool_text(procedures_t *self, const char *text, size_t len); /* with a terminator */

/* "FILE:LINE: sentence" into the complaint; returns rc. */
int load_complain(const struct loader *self, int rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "unknown WHAT "word"; did you mean "near"?" */
int load_unknown(const struct loader *self, const char *what, const char *word, const char *near);

/*
 * Compile "a=x b=y/z" (the inside of brackets), at most CONDITIONS_MAX. out receives pool memory.
 * kind: number of the event's kind whose facts plain names mean, 0 where any fact may be named.
 */
int conditions_compile(const struct loader *self, uint32_t kind, const char *text,
    const struct condition **out, size_t *count);

int party_parse(const char *word, enum party *out); /* 0 or E_NOT_FOUND */

/* Read the tables by their columns: tsv_read(). */
int kinds_read(struct slice bytes, const char *file, struct tsv *out, struct complaint *why);
int clocks_read(struct slice bytes, const char *file, struct tsv *out, struct complaint *why);
int rules_read(struct slice bytes, const char *file, struct tsv *out, struct complaint *why);

int clocks_compile(struct loader *self);  /* needs kinds; fills clock_rows, starts, stops */
int rules_compile(struct loader *self);   /* needs clocks */
int effects_compile(struct loader *self); /* needs rules */

/*
 * Words that one file takes from another (cross_check.c). Without a file in the loader the sentence
 * stands alone.
 */
int rule_rows_check(const struct loader *self); /* a check is written for each of them */
int system_kinds_check(const struct loader *self, struct slice bytes);
int profile_entry_check(const struct loader *self, const char *key, const char *value);
int profiles_entries_check(const profiles_t *self, struct loader *loader);

/* Skip blanks; cut the next word at a blank in place; NULL at the end. */
char *word_next(char **rest);

#endif
