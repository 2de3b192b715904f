/*
 * procedures: kinds, clocks, rules and profiles as data, loaded and checked once, read-only then. Pure but for memory.
 *
 * Every row of data/procedures/{kinds,clocks,rules,system-kinds}.tsv and every value of
 * data/profiles (ZPL) becomes a compiled struct here. An unknown kind, fact, enum value, clock,
 * rule, role, state name or profile key in any of them is refused with file, line and the nearest
 * known word, and nothing is loaded.
 */
#ifndef WAYPOST_PROCEDURE_PROCEDURES_H
#define WAYPOST_PROCEDURE_PROCEDURES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/codec/catalogue.h"
#include "common/procedure/calendar.h"
#include "common/procedure/tsv.h"

typedef struct procedures procedures_t;

/* Bytes of the files, with the name to be used in complaints. Lent for the call. */
struct procedures_source {
    struct slice kinds, clocks, rules, system_kinds; /* the .tsv files */
    size_t profile_count;
    const struct slice *profiles;     /* ZPL texts */
    const char *const *profile_names; /* file names of them */
    struct slice bank_holidays;       /* gov.uk JSON */
    struct slice authorities;         /* register CSV: code, region; for members and regions */
    struct slice successions;         /* .tsv */
};

int procedures_load(
    const struct procedures_source *source, procedures_t **out, struct complaint *why);
void procedures_destroy(procedures_t **self_p);

/* system-kinds.tsv, read as every table is: an unknown column is a complaint. */
enum {
    SYSTEM_KIND_NAME,
    SYSTEM_KIND_TITLE,
    SYSTEM_KIND_FACTS,
    SYSTEM_KIND_OPTIONAL_FACTS,
    SYSTEM_KIND_COLUMNS
};
int procedures_system_kinds_read(struct slice bytes, struct tsv *out, struct complaint *why);
/* facts.tsv describes the catalogue that is compiled in: an unknown fact or value is a complaint. */
int procedures_facts_check(struct slice bytes, const char *file, struct complaint *why);

/* ---- conditions: kind[a=x b=y/z] (docs/PROCEDURES.md, section 3) ---- */

enum condition_subject {
    CONDITION_FACT,  /* a fact of the event; `fact` is its number */
    CONDITION_STATE, /* a name of the record, enum state_name */
    CONDITION_ROLE,  /* role@profile */
    CONDITION_FIRST, /* two-party kinds */
    CONDITION_SECOND,
    CONDITION_UNSTARTED,
    CONDITION_START_KIND, /* start=kind/kind */
    CONDITION_ITSELF,
    CONDITION_OTHER,
    CONDITION_NO_SPLIT,  /* no split residence on record */
    CONDITION_NAMES_RULE /* the rule `name` is among those that an exception names */
};

/* Names after "state.": what the engine is asked for. */
enum state_name {
    STATE_CASE_TYPE,
    STATE_PERMANENCE,
    STATE_RETAIN_INTENTION,
    STATE_CONFERENCE,
    STATE_CHALLENGE,
    STATE_RETAINED,
    STATE_MINUTES,
    STATE_FLAG_END,
    STATE_FLAG_BASIS,
    STATE_TEMPORARY_PLAN
};

struct condition {
    enum condition_subject subject;
    uint32_t name;       /* fact number or enum state_name */
    bool negated;        /* != : holds as well where the fact is absent */
    bool presence;       /* a bare name: is it there? */
    const char *profile; /* CONDITION_ROLE: profile name; role in `role` */
    uint8_t role;        /* CONDITION_ROLE: enum party */
    size_t value_count;
    const char *const *values; /* alternatives as words; "" unused */
    const uint32_t *
        numbers; /* the same as numbers: of an enum's value, of a kind (start=); 0 where it is neither */
};

enum party {
    PARTY_ORIGIN,
    PARTY_RECEIVING,
    PARTY_EITHER,
    PARTY_ANY,
    PARTY_SENDER,
    PARTY_BOTH,
    PARTY_CASE,
    PARTY_OPERATOR
};

enum moment { MOMENT_PERSISTED, MOMENT_SENT, MOMENT_ACCEPTED, MOMENT_OCCURRED, MOMENT_FACT };

/* Stops that are no kind (docs/PROCEDURES.md, section 3, special stops). */
enum stop_special {
    STOP_KIND,
    STOP_OPENED,
    STOP_BOUND_EVENT,
    STOP_PERSISTED,
    STOP_ALL_ERASED,
    STOP_PROFILE_CHANGED
};

/* Which side must be under the clock's profile. */
enum clock_applies { APPLIES_ANY, APPLIES_ORIGIN, APPLIES_RECEIVING, APPLIES_EITHER, APPLIES_PAIR };

/* One start, stop or cancel of a clock. */
struct trigger {
    uint32_t kind; /* 0: a special stop */
    enum stop_special special;
    size_t condition_count;
    const struct condition *conditions; /* all must hold */
    enum moment moment;                 /* starts: when the clock begins to count */
    uint32_t moment_fact;               /* MOMENT_FACT: its number */
    enum party binding;                 /* starts: who must act */
};

enum { CLOCK_ID_BYTES = 8 }; /* at most, terminator included; "C01" */

struct clock_info {
    uint32_t number; /* row from 1 */
    const char *id;  /* "C01" */
    const char *name;
    const char *profile; /* "national" */
    enum clock_applies applies;
    size_t start_count, met_count, cancel_count;
    const struct trigger *starts, *met_by, *cancelled_by;
    enum party binding;                /* who must act, where the start does not say otherwise */
    struct limit shipped;              /* the duration as shipped; profiles say what is in force */
    const struct condition *breach_if; /* NULL: always */
    bool key_sender, key_event, key_stage, key_assessment_type, key_start_kind;
    bool child_scope; /* else episode */
    bool is_timer;    /* false: look back, measured, agent's, profile's (C14 C16 C23 C24 C25 C28) */
    const char *source, *on_breach;
};

enum severity {
    SEVERITY_NONE,
    SEVERITY_ALERT,
    SEVERITY_HOLD,
    SEVERITY_REQUIRE,
    SEVERITY_REJECT
}; /* rising */

struct severity_entry {
    enum severity severity;
    uint32_t kind;       /* 0: every kind */
    uint32_t clock;      /* != 0: fires when this clock runs out */
    enum party only_for; /* PARTY_ANY; R07 names (origin) and (receiving) */
};

/* A required fact of a kind. */
struct rule_fact {
    uint32_t kind;
    uint32_t fact;
};

struct rule_info {
    uint32_t number;   /* row from 1 */
    const char *id;    /* "R01" */
    const char *title; /* a few words for people; "" in tables that have none */
    const char *check; /* the sentence */
    const char *affects, *source;
    bool owner_origin, owner_receiving, owner_sender, owner_pair, owner_broker;
    bool structural; /* structure or configuration */
    size_t fact_count;
    const struct rule_fact
        *facts; /* required facts whose absence this rule answers (column facts) */
};

/* The entries of a rule under a profile ("=" resolved); returns how many. */
size_t procedures_severities(const procedures_t *self, const struct rule_info *rule,
    const char *profile, const struct severity_entry **out);

size_t procedures_clock_count(const procedures_t *self);
const struct clock_info *procedures_clock(const procedures_t *self, uint32_t number);
const struct clock_info *procedures_clock_named(const procedures_t *self, const char *id);
size_t procedures_rule_count(const procedures_t *self);
const struct rule_info *procedures_rule(const procedures_t *self, uint32_t number);
const struct rule_info *procedures_rule_named(const procedures_t *self, const char *id);

/* ---- effects: column sets of kinds.tsv ---- */

enum effect_verb {
    EFFECT_SET_FLAG,        /* +flag or +flag(arg) */
    EFFECT_CLEAR_FLAG,      /* -flag */
    EFFECT_STORE,           /* field := fact, field := word */
    EFFECT_DIMENSION,       /* dim name := role or fact */
    EFFECT_OUTSTANDING,     /* +outstanding(Rxx) */
    EFFECT_NOT_OUTSTANDING, /* -outstanding(Rxx) */
    EFFECT_DERIVE,          /* => system kind */
    EFFECT_SPECIAL          /* the few that are said in words: enum effect_special in `special` */
};

/* Effects that the tables say in words. */
enum effect_special {
    SPECIAL_NONE,
    SPECIAL_REPLACE_STATED,    /* each stated fact replaces the one on record */
    SPECIAL_DROP_HELD,         /* a held transfer_requested is dropped */
    SPECIAL_NOTICES_WITHDRAWN, /* its move notices no longer count (R17) */
    SPECIAL_CLEAR_FILINGS,     /* stages and filings are cleared */
    SPECIAL_MERGE_RECORDS,     /* the two child records become one */
    SPECIAL_NO_CLOCKS          /* no clock starts or stops */
};

struct effect {
    enum effect_verb verb;
    size_t condition_count;
    const struct condition *conditions;
    const char *name;     /* flag, field, dimension, rule id or system kind */
    uint32_t target;      /* flag, field, dimension: its place in effect_words.h */
    const char *argument; /* word, role, or "" */
    uint32_t fact;        /* the fact stored, 0 for none */
    uint32_t
        word; /* STORE of a word: its number, 0 is "ended" of permanence; DIMENSION: enum party */
    uint32_t rule;               /* outstanding: rule number */
    enum effect_special special; /* EFFECT_SPECIAL */
    enum {
        ELSE_KEEP,
        ELSE_NONE,
        ELSE_OCCURRED
    } otherwise; /* STORE where the fact is absent: D57, none, the date of occurrence */
};

/* Compiled effects of a kind in order; returns how many. */
size_t procedures_effects(const procedures_t *self, uint32_t kind, const struct effect **out);

/* Clocks that a kind may start, and those it may stop, as numbers; returns how many. */
size_t procedures_starts(const procedures_t *self, uint32_t kind, const uint32_t **out);
size_t procedures_stops(const procedures_t *self, uint32_t kind, const uint32_t **out);

/* ---- profiles ---- */

/* A value by key ("clocks.C01.limit", "docs.cp_in", "accept.future_limit") for one authority facing another on a day:
 * bilateral where both are members, then regional, then national; NULL where none has it.
 * `profile` forces that one (and national); NULL for the dated membership. */
const char *procedures_value(const procedures_t *self, const char *code, const char *other,
    const char *profile, int32_t day, const char *key);

/* Is the authority under that profile on that day, facing the other? */
bool procedures_under(const procedures_t *self, const char *code, const char *other,
    const char *forced, int32_t day, const char *profile);
/* Names of the profiles an authority is under, most specific first; returns how many (at most 3). */
size_t procedures_profiles_of(const procedures_t *self, const char *code, const char *other,
    const char *forced, int32_t day, const char *out[3]);

/*
 * How many rungs the ladder of the most specific profile that has one counts, for an authority
 * facing another; 0 for none.
 */
int32_t procedures_rungs(
    const procedures_t *self, const char *code, const char *other, const char *forced, int32_t day);

const calendar_t *procedures_calendar(const procedures_t *self);

/* Overrides for a rehearsal: a key in every profile; an authority's membership from a day on.
 * Unknown keys and profiles are refused with the nearest word. */
int procedures_override(
    procedures_t *self, const char *key, const char *value, struct complaint *why);
int procedures_member(procedures_t *self, const char *code, const char *profile, int32_t from_day,
    struct complaint *why);

/*
 * The same by number, for a caller that keeps what it looked up: profiles are numbered from 1 in
 * the order in which they were loaded, 0 is none; each version of a profile has a number of its own,
 * and that of the one loaded first names them all (the family). What was looked up holds as long as
 * the version and the epoch of the day are the same.
 */
uint32_t procedures_version(
    const procedures_t *self); /* rises with every override and membership */
int32_t procedures_epoch(const procedures_t *self,
    int32_t day); /* from 1; rises with every dated change up to that day */
size_t procedures_profile_count(const procedures_t *self);
const char *procedures_profile_name(
    const procedures_t *self, size_t number); /* NULL for 0 and beyond the last */
const char *procedures_profile_file(
    const procedures_t *self, size_t number); /* "london.zpl"; NULL as above */
uint8_t procedures_profile_number(
    const procedures_t *self, const char *name); /* of the family, 0 where unknown */
const char *procedures_profile_nearest(
    const procedures_t *self, const char *name); /* the nearest name, NULL where none is near */
uint8_t procedures_profile_family(const procedures_t *self, uint8_t number); /* 0 for 0 */
int32_t procedures_profile_from(
    const procedures_t *self, uint8_t number); /* effective_from as a day; number from 1 */
/* The version of that profile that counts on a day; before the first of them the earliest; 0 for 0. */
uint8_t procedures_profile_in_force(const procedures_t *self, uint8_t number, int32_t day);
/* Versions in force, most specific first; forced: of any version. Returns how many. */
size_t procedures_profile_numbers(const procedures_t *self, const char *code, const char *other,
    uint8_t forced, int32_t day, uint8_t out[3]);
const char *procedures_profile_entry(
    const procedures_t *self, uint8_t profile, const char *key); /* of that profile alone; NULL */
int32_t procedures_profile_rungs(const procedures_t *self, uint8_t profile);
size_t procedures_severities_of(const procedures_t *self, const struct rule_info *rule,
    uint8_t profile, const struct severity_entry **out);

/* The one successor of a code on a day, itself where in force, NULL where unknown, abolished or split (R54). */
const char *procedures_route(const procedures_t *self, const char *code, int32_t day);
bool procedures_known_code(const procedures_t *self, const char *code);
int32_t procedures_superseded_from(
    const procedures_t *self, const char *code); /* the day; INT32_MAX where it is in force */

#endif
