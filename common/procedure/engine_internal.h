/*
 * engine_internal: the engine's state and what its parts share. Private to common/procedure.
 *
 * Children, episodes, events and clocks are numbered in the order in which they came; every walk
 * goes by these numbers, so that nothing ever depends on an address or on the order of a hash
 * table. Authority codes are small numbers (codes), 0 for none.
 */
#ifndef WAYPOST_PROCEDURE_ENGINE_INTERNAL_H
#define WAYPOST_PROCEDURE_ENGINE_INTERNAL_H

#include "common/procedure/dossier.h"
#include "common/procedure/engine.h"
#include "common/procedure/engine_names.h"

enum {
    FOLLOWS_CASE = 0, /* a dimension that names nobody follows the case owner */
    RECORDERS_MAX = 8,
    STAGES_MAX = 16,
    RULES_MAX = 64, /* of rules.tsv: one bit each */
    DETAIL_BYTES = 512,
    KINDS_MAX = 256,
    CLOCKS_MAX = 64, /* of clocks.tsv: one bit each */
    PROFILES_OF_ONE = 3,
    PROFILE_NUMBERS = 256,     /* of uint8_t */
    STANDINGS = 2048,          /* looked up most lately; a power of two */
    CODES_MAX = 65000,         /* codes ever seen; */
    UNKNOWN_CODES_MAX = 60000, /* those that no register knows leave room for those that it does */
    REQUIRED_MAX = 16,
    NO_DAY = INT32_MIN,
};

#define NO_TIME INT64_MIN
#define BY_PROFILE SEVERITY_REJECT /* no cap: the severity that the profile gives */

struct assessment {
    uint16_t sender;
    uint32_t type;
};

struct order {
    uint32_t type;
    bool ended;
    bool moved; /* by the court (court_order_transferred) */
};

struct consent {
    char id[33];
    uint64_t scope;         /* bit of each document type */
    struct list recipients; /* struct consent_recipient */
    int32_t expires;
    bool withdrawn;
};

struct consent_recipient {
    uint16_t code;    /* as it led on the day of the consent */
    char service[24]; /* the word behind CODE: */
};

/* A move notice of the child, for R17. */
struct move_notice {
    uint16_t from;
    uint16_t to;
    int32_t day;
    uint32_t episode;
};

/* A change of a dimension, for `whois --at`. */
struct ownership {
    int64_t at_ms;
    uint8_t dimension;
    uint16_t owners[RECORDERS_MAX];
};

struct child {
    uint8_t ref[UUID_BYTES];
    uint32_t number;
    struct child *merged_into; /* NULL while it is a record of its own */
    int64_t merged_ms;         /* since when */
    uint16_t case_owner;
    uint16_t first_origin;
    uint16_t immediate;                /* FOLLOWS_CASE */
    uint16_t assessment;               /* FOLLOWS_CASE */
    uint16_t recorders[RECORDERS_MAX]; /* none: first_origin */
    bool split;
    uint32_t case_type;
    bool s47, pre_proceedings, avoidance, proceedings, born, ended;
    struct list assessments;      /* struct assessment */
    struct list orders;           /* struct order */
    struct list consents;         /* struct consent */
    struct list notices;          /* struct move_notice */
    struct list clocks;           /* struct running *: scope child */
    struct list episodes;         /* struct episode *: of this record, joined ones included */
    struct list history;          /* struct ownership */
    int64_t r46_since, r61_since; /* NO_TIME */
    uint32_t held;                /* requests held in all its episodes */
};

/* The latest effective filing of one side of a two-party kind. */
struct filing {
    uint32_t kind;
    uint16_t sender;
    struct hash key; /* over the facts that are compared */
};

struct exception {
    uint64_t rules;
    int32_t expires;
};

struct letter {
    struct hash hash; /* of the letter as stated: H over the fact's bytes */
    bool effective;   /* false: of a refused or held acceptance */
};

struct outstanding {
    uint32_t rule; /* number */
    int64_t since_ms;
};

struct transfer {
    uint8_t id[UUID_BYTES];
    uint32_t number;
    uint16_t origin;
    uint16_t receiving;
    uint16_t first_origin, first_receiving; /* before any reorganisation: for what was then */
    uint8_t profile;                        /* number of the profile forced upon it, 0 for none */
    struct list episodes;                   /* struct episode * */
};

struct episode {
    uint32_t number;
    struct contents *contents; /* that it is in */
    struct transfer *transfer;
    struct child *child;         /* the record as first met; child_of() follows merges */
    uint8_t key[2 * UUID_BYTES]; /* transfer, then subject reference */
    uint32_t permanence, retain_intention, placement_type;
    bool over; /* returned, ended or withdrawn: permanence is "ended" */
    bool withdrawn;
    int32_t move_date, expected_end, flag_end, assessment_date, transfer_date,
        conference_date; /* NO_DAY */
    uint32_t flag_basis, threshold;
    bool temporary_plan, case_file, requested, agreed, complete, minutes, letter_held, closed,
        discontinued, retained;
    bool discussion, agreement_proposed, agreement, date_proposed, conference_any,
        documents_challenge, report_challenge;
    bool emergency, emergency_accepted, follow_up, resumed, strategy, escalation, agencies_told,
        previously_cp;
    bool closed_transferred, family_known;
    uint32_t follow_ups_owed;             /* emergency acceptances without written follow-up */
    int64_t conference_ms;                /* latest conference or review, NO_TIME */
    uint64_t documents, evidence;         /* bit of each type */
    int32_t residence_start;              /* of the latest residence_3_months */
    uint32_t intention_stated;            /* bool + 1, 0 not stated */
    int64_t documents_persisted_ms;       /* last documents_provided at the receiver, NO_TIME */
    struct list letters;                  /* struct letter */
    struct list filings;                  /* struct filing */
    struct list exceptions;               /* struct exception */
    struct list held;                     /* struct held */
    struct list clocks;                   /* struct running *: scope episode */
    struct list pending;                  /* struct pending: starts that wait for A1 */
    uint16_t stage_raised, stage_move_up; /* bit of each stage */
    uint16_t stage_filed[2];              /* by origin, by receiving */
    uint32_t dispute;                     /* row number of the event that opened the escalation */
    uint8_t stage_outcome[2][STAGES_MAX];
    struct list outstanding;       /* struct outstanding, in the order in which they began */
    uint16_t conference_convening; /* FOLLOWS_CASE */
    uint16_t rent, other_cost;     /* origin and receiving at first */
    struct list history;           /* struct ownership */
    struct list
        under_consent; /* struct row *: effective eh_handover_sent and consent_withdrawn, in order */
};

struct row_recipient {
    uint16_t code;
    uint8_t level; /* 0 accepted, 1 persisted, 2 opened */
    bool erased;
    bool has_payload; /* was handed to it */
};

struct row_verdict {
    struct episode *episode;
    uint8_t verdict;
    uint64_t block; /* rules that refused or held, bit number - 1 */
    uint64_t alert;
};

/* An event on record. There are more of these than of anything else: the widest fields stand first. */
struct row {
    uint8_t id[UUID_BYTES];
    int64_t accepted_ms, occurred_ms, sent_ms;
    const char
        *consent; /* that it names: handed over under it, recorded or withdrawn; "" for none */
    uint32_t number;
    uint32_t kind;
    uint32_t door;
    uint16_t from;
    uint16_t mother_placing;
    uint8_t recipient_count;
    uint8_t verdict_count;
    bool has_payload, withheld;
    bool erased_sender, erased_broker;
    struct row_verdict
        verdicts[]; /* one a child in the event's order; behind them the recipients */
};

static inline struct row_recipient *row_recipients(const struct row *self)
{
    return (struct row_recipient *)(uintptr_t)&self->verdicts[self->verdict_count];
}

/* A held transfer_requested, kept whole to be judged again. */
struct held {
    struct row *row;
    uint8_t *bytes;          /* owned: the fact values' bytes lie here */
    struct event_view *view; /* owned */
    struct fact_set *facts;  /* owned; lends from bytes */
};

/* The key that tells clocks of one id apart (docs/PROCEDURES.md, section 9, Starting). */
struct clock_key {
    uint16_t sender, start_kind, stage, assessment_type;
};

struct running {
    const struct clock_info *info;
    struct episode *episode; /* where it was started */
    struct row *event;
    struct clock_key key;
    uint32_t number; /* order of starting */
    uint8_t state;   /* enum clock_state */
    bool stopped, advisory, has_due;
    struct limit limit; /* in force when it started: the unit of its lateness */
    struct due due;
    int64_t fire_ms; /* when its timer is next looked at: the warning, then the run-out */
    int64_t started_ms, stopped_ms;
    int32_t late;
    uint32_t heap_index; /* from 1; 0: not among the timers */
    uint16_t bound[2];
    uint16_t reason; /* kind that stopped it, 0 */
    uint8_t bound_count;
};

/* Its due date lies beyond the published holidays. */
static inline bool clock_is_provisional(const struct running *self)
{
    return self->state == CLOCK_RUNNING && self->due.provisional;
}

struct pending {
    const struct clock_info *info;
    struct row *event;
    struct clock_key key;
    uint16_t waits_for;
};

struct judge;
typedef void rule_function(struct judge *self, uint32_t rule);

struct rule_call {
    uint32_t rule;
    rule_function *function;
};

/* What is known of a kind before any event of it comes. */
struct kind_plan {
    const struct kind_info *info; /* NULL: the catalogue does not know it */
    struct list calls;            /* struct rule_call: rules that may concern it */
    enum party sender;            /* who may send it */
    bool protective;
    bool no_clocks;        /* it starts and stops none */
    uint8_t two_party;     /* place in the list of two-party kinds from 1; 0: it is none */
    uint64_t stops;        /* bit of each clock that it may stop */
    size_t required_count; /* facts whose absence R58 answers, no other rule */
    uint32_t required[REQUIRED_MAX];
};

/* What is known of a clock under one profile. */
struct clock_setting {
    bool has_limit, has_moment;
    struct limit limit;
    enum moment moment;
};

/* The profiles of an authority that faces another, as they count in one epoch of the dated lists. */
struct standing {
    uint16_t code, other;
    uint8_t forced; /* profile number, 0 for none */
    uint8_t count;
    uint8_t profiles[PROFILES_OF_ONE]; /* numbers of the versions, most specific first */
    uint8_t families[PROFILES_OF_ONE]; /* what they are versions of */
    int32_t epoch;                     /* 0: not in use */
};

/* An authority's code as text, and where it leads to in one epoch of the dated lists (D35). */
struct code {
    char text[CODE_BYTES + 1];
    uint16_t routed; /* 0: unknown, abolished or split */
    int32_t epoch;   /* 0: not looked up yet */
};

/* What follows from the tables, whatever happened: it outlives engine_clear(). */
struct plans {
    uint32_t version; /* of the procedures, as planned for */
    struct kind_plan kinds[KINDS_MAX];
    uint64_t bound_stops; /* bit of each clock that any act of the bound authority may stop */
    uint64_t clock_rules[CLOCKS_MAX];   /* rules that speak when a clock runs out, bit number - 1 */
    struct clock_setting *settings;     /* owned: by profile number - 1, then clock number - 1 */
    uint8_t clock_profiles[CLOCKS_MAX]; /* the profile that each clock belongs to: its family */
    uint8_t london,
        bilateral; /* numbers of two profiles that rules speak of, 0 where there is none */
    struct standing *standings; /* owned: STANDINGS of them, overwritten as they come */
    uint32_t r17, r34, r38, r46, r51, r54,
        r61; /* numbers of rules that the code speaks of, 0 where a table lacks one */
};

struct engine {
    const procedures_t *procedures; /* lent */
    const struct engine_names *names;
    engine_sink *sink;
    engine_wants_fn *wants; /* NULL: all kinds */
    void *sink_context;
    int64_t now_ms;
    struct list codes;        /* struct code; code n at n - 1 */
    uint16_t *code_places;    /* owned: open addressing over the codes' texts, 0 for empty */
    size_t code_capacity;     /* a power of two, 0 while empty */
    struct dossiers dossiers; /* children, transfers, episodes, events and clocks */
    struct heap timers;       /* struct running: clocks of open dossiers */
    struct plans plans;
    uint8_t clock_versions[CLOCKS_MAX]; /* of each clock's profile: the version that counts today */
    int64_t change_ms; /* when the next version of a profile counts, INT64_MAX: never */
    int32_t today;     /* the London date of now_ms */
    int32_t epoch;     /* of the dated lists on that date, from 1 */
    int64_t today_from_ms, today_to_ms; /* where that date begins and ends */
    uint64_t late_documents, refusals;
    bool forced[PROFILE_NUMBERS]; /* profiles that a transfer was put under, by number */
};

/* Everything that judging and applying one event to one child needs. */
struct judge {
    engine_t *engine;
    const struct event_view *view;
    const struct fact_set *facts;
    struct row *row;
    struct child *child;
    struct episode *episode;
    uint16_t sender, other; /* other: the counterpart of the sender, 0 for a third authority */
    int32_t today;
    int64_t occurred_ms;
    const struct kind_plan *plan;
    bool release;
    bool first, second; /* two-party kinds */
    bool moves_nothing; /* a notice of another than the case owner (R01) */
    bool advisory_only; /* R26: every clock that the date misses binds nobody */
    uint64_t excepted;  /* rules set aside */
    uint64_t block, alert;
    enum severity strongest;
};

/* ---- plans: what follows from the tables and the date alone ---- */
void plans_make(engine_t *self);        /* again where the procedures have changed since */
void plans_forget_days(engine_t *self); /* whatever was looked up by day is looked up again */
void plans_free(engine_t *self);
void time_set(engine_t *self, int64_t now_ms); /* never back */

/* versions.c: profile_changed, and what follows from the versions that count today */
void versions_begin(engine_t *self, int32_t day_before); /* tell those that began after that day */
void versions_today(engine_t *self);
void versions_brought(engine_t *self,
    const procedures_t *before); /* tell what new tables brought into force at once */
const struct standing *standing_of(engine_t *self, uint16_t code, uint16_t other, uint8_t forced);
const struct kind_plan *plan_of(
    const engine_t *self, uint32_t kind); /* one without info where unknown */
uint64_t rule_bit(uint32_t rule);         /* 0 for rule 0 */

/* ---- codes ---- */
uint16_t code_number(
    engine_t *self, const char *code); /* interned; 0 for "" and where too many unknown ones came */
const char *code_text(const engine_t *self, uint16_t code); /* "" for 0 */
uint16_t code_route(
    engine_t *self, uint16_t code); /* today's code for it, 0 where it leads nowhere (D35, R54) */
uint16_t code_now(
    engine_t *self, uint16_t code); /* the same; the code itself where it leads nowhere */
uint16_t code_today(engine_t *self,
    const char *code); /* the same from text; the code itself where it leads nowhere */
uint16_t code_of_fact(
    engine_t *self, const struct fact_value *value); /* 0 where no register knows it */

void successions_run(engine_t *self, int32_t day_before); /* codes that gave way since that day */

/* ---- state ---- */
struct child *child_of(struct child *self); /* after merges */
struct episode *episode_find(engine_t *self, const uint8_t *transfer, const uint8_t *subject);
struct contents *contents_of_event(engine_t *self,
    const struct event_view
        *view); /* what its transfer and its children are in, joined; or new ones */
struct episode *episode_get(engine_t *self, struct contents *contents,
    const struct engine_event *event, const struct subject *subject);
struct transfer *transfer_find(engine_t *self, const uint8_t *id);
struct row *row_find(engine_t *self, const uint8_t *id);
struct row *row_make(struct pile *pile,
    const struct event_view *view);    /* zeroed, with room for its recipients and verdicts */
engine_t *asked(const engine_t *self); /* at the beginning of a question; see dossier.h */
void children_merge(struct judge *self);
struct child *child_named(
    engine_t *self, const struct fact_value *ref); /* after merges; NULL where unknown */
uint16_t owner_now(const struct episode *episode,
    enum dimension dimension); /* one code; data_recording: the first */
void own(struct judge *self, enum dimension dimension, const uint16_t *owners, size_t count,
    int64_t at_ms);
void outstanding_begin(
    struct episode *self, uint32_t rule, int64_t since_ms); /* nothing where it is open */
void outstanding_end(struct episode *self, uint32_t rule);
bool is_outstanding(const struct episode *self, uint32_t rule);
static inline const uint8_t *episode_subject(const struct episode *self)
{
    return self->key + UUID_BYTES;
}
bool conference_was_held(const struct episode *self);

/* ---- facts ---- */
const struct fact_value *fact_at(
    const struct judge *self, enum fact_name name); /* NULL where it is absent */
const struct fact_value *fact_numbered(const struct fact_set *facts, uint32_t number);
int64_t fact_number(const struct judge *self, enum fact_name name, int64_t otherwise);
bool fact_is(const struct judge *self, enum fact_name name, enum value_name value);
bool fact_yes(const struct judge *self, enum fact_name name); /* a bool that says yes */
uint64_t fact_bits(
    const struct judge *self, enum fact_name name); /* enum list: bit of each value */
struct hash fact_hash(const struct fact_value *value);
bool kind_is(const struct judge *self, enum kind_name name);

/* ---- filings of two-party kinds ---- */
uint8_t filing_kind(const struct engine_names *names, uint32_t kind); /* kind_plan.two_party */
void filings_find(struct judge *self);                                /* fills first and second */
void filing_remember(struct judge *self);
bool filings_agree(const struct episode *episode, uint32_t kind,
    bool by_stage); /* what both have filed last is the same; by_stage: escalation_outcome */

/* ---- judging ---- */
void judge_rules(struct judge *self); /* fills block, alert, strongest */
void judge_hit(struct judge *self, uint32_t rule, enum severity cap);
enum severity judge_severity(
    const struct judge *self, const struct rule_info *rule, uint32_t kind, uint32_t clock);
bool condition_holds(
    const struct judge *self, const struct condition *condition, const struct row *start);
bool conditions_hold(const struct judge *self, const struct condition *conditions, size_t count,
    const struct row *start);
const struct standing *judge_standing(
    const struct judge *self, uint16_t code); /* lent until the next call */
const char *judge_value(
    const struct judge *self, uint16_t code, const char *key); /* profile value of one side */
const char *judge_value_of_parties(
    const struct judge *self, const char *key); /* the origin's, else the receiver's */
bool judge_under(const struct judge *self, uint16_t code, uint8_t profile);
struct limit judge_limit(const struct judge *self, const char *text,
    struct limit shipped);                                 /* shipped where text is NULL */
uint64_t judge_words(const char *words, const char *fact); /* blank-separated enum words to bits */
bool is_value(const struct judge *self, uint32_t number, enum value_name value);
const char *rule_function_name(size_t index);    /* ids that have one; NULL at the end */
rule_function *rule_function_of(const char *id); /* NULL: kept by construction, or elsewhere */
int64_t rule_moves_counted(
    const struct judge *self); /* R17: notices in the profile's weeks, this one included */
bool dimension_moves_unheard(struct judge *self); /* R03 (b) */
void parties_of(const struct judge *self, enum party party, uint16_t *out, size_t *count);

/* ---- applying ---- */
void effects_run(struct judge *self);
void clocks_stop(struct judge *self);
void clocks_start(struct judge *self);
void clocks_persisted(engine_t *self, struct row *event, uint16_t code, int64_t at_ms);
void clocks_opened(engine_t *self, struct row *event, uint16_t code, int64_t at_ms);
void clocks_erased(engine_t *self, struct child *child);
/* In which unit its lateness is counted, by the limit in force: working days, days, or minutes where it is due at an instant. */
enum limit_unit clock_late_unit(const struct running *clock);
size_t clock_actors(const engine_t *self, const struct running *clock,
    uint16_t out[2]); /* who must act; none where it binds nobody */
void clock_fire(engine_t *self, struct running *clock); /* its warning, or its run-out */
void clock_renew(engine_t *self,
    struct running *clock); /* a provisional due date, by the holidays now in force */
void held_drop(struct episode *self);
void held_free_all(struct episode *self);
/* Is one left that was handed over under the consent of that withdrawal, or of a later one of the episode? */
bool payloads_left(
    const engine_t *self, const struct episode *episode, const struct row *withdrawal);

/* ---- timers: by run-out, clock, transfer, subject ---- */
void heap_begin(struct heap *self, const struct backing *backing);
void heap_free(struct heap *self);
struct deadline clock_deadline(const struct running *clock);
bool deadline_before(const struct deadline *a, const struct deadline *b);
void timer_add(engine_t *self, struct running *clock);
void timer_remove(engine_t *self, struct running *clock); /* nothing where it is not among them */
void clocks_wake(engine_t *self,
    const struct contents *contents); /* those that were among the timers when it was put away */
void waiting_add(engine_t *self, struct dossier *dossier); /* put away, with a deadline */
void waiting_remove(
    engine_t *self, struct dossier *dossier); /* nothing where it is not among them */
struct running *timer_next(
    engine_t *self, int64_t until_ms); /* runs out first, its dossier open; NULL: none so early */
int64_t timer_next_ms(const engine_t *self); /* INT64_MAX: none */

/* ---- a dossier as bytes (encode.c, decode.c) ---- */
void contents_write(engine_t *self, const struct contents *contents, struct buf *out);
struct contents *contents_read(
    engine_t *self, struct slice bytes); /* as contents_write() has it; of no dossier yet */

/* ---- records ---- */
void emit(engine_t *self, const char *kind, const struct episode *episode, const struct row *row,
    const char *clock, const char *rule, int64_t at_ms, const char *format, ...)
    __attribute__((format(printf, 8, 9)));
void emit_alert(engine_t *self, const struct episode *episode, const struct row *row,
    const char *clock, uint32_t rule, int64_t at_ms);

void emit_plain(engine_t *self, const char *kind, const struct episode *episode,
    const struct row *row); /* now, no detail */

/* ---- what is expected ---- */
struct visitor {
    const engine_t *engine;
    const struct episode *episode;
    expected_visit *visit;
    void *context;
};
void expectation_tell(
    const struct visitor *self, uint16_t code, struct engine_expectation *expected);
bool side_may_send(enum party sender, const struct transfer *transfer,
    uint16_t code);                             /* a kind of that sender's role */
void answers_visit(const struct visitor *self); /* what the episode's events wait for */

/* A judge for things that happen without an event of their own (timers, A1, A2). */
struct judge judge_for(engine_t *self, struct episode *episode, struct row *row);

#endif
