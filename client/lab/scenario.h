/*
 * scenario: a story of events as it is once its file has been read and checked: statements in their
 * order, every word of them looked up, every event built as the bytes that its agent would send.
 * Read-only; made by scenario_parse.h.
 *
 * Children, transfers and events are known by their index here. Ids are made from the names, so
 * that they sort as the names do and are the same on every machine. Source: docs/SCENARIOS.md.
 */
#ifndef WAYPOST_LAB_SCENARIO_H
#define WAYPOST_LAB_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "client/lab/shelf.h"
#include "common/codec/event.h"
#include "common/procedure/engine.h"
#include "common/procedure/procedures.h"

#define SCENARIO_NONE UINT32_MAX /* no event, no child */

struct scenario_child {
    const char *name;
    uint8_t ref[UUID_BYTES];
    uint32_t case_type;
    uint32_t line; /* where it was named first */
};

struct scenario_transfer {
    const char *name;
    uint8_t id[UUID_BYTES];
    char origin[CODE_BYTES + 1]; /* of the day of the first `at` */
    char receiving[CODE_BYTES + 1];
    const char *profile; /* NULL for none forced */
    uint32_t child_count;
    uint32_t children[SUBJECTS_MAX];
    uint32_t line;
};

/* An event as its agent sends it. */
struct scenario_event {
    uint8_t id[UUID_BYTES];
    const char *label; /* NULL for none */
    uint32_t transfer;
    uint32_t child_count;
    const uint32_t *children; /* in the event's order */
    uint32_t kind;
    char from[CODE_BYTES + 1]; /* of the day */
    int64_t sent_ms;
    struct slice bytes;   /* the whole event */
    struct slice payload; /* ciphertext, empty where it holds none */
    const struct fact_text
        *sealed; /* what agents seal themselves: up to one without a name; NULL */
    uint32_t line;
};

/* T, T/NAME or T/NAME,NAME. */
struct target {
    uint32_t transfer;
    uint32_t child_count;
    const uint32_t *children; /* all of them where no NAME stands */
};

/* A time as written: an instant, or a whole day. */
struct timepoint {
    bool whole_day;
    int32_t day;
    int64_t from_ms; /* the instant; the day's 00:00 */
    int64_t to_ms;   /* the first millisecond behind it */
};

enum statement_kind {
    STATEMENT_AT,
    STATEMENT_SENDS,
    STATEMENT_RESENDS,
    STATEMENT_OPENS,
    STATEMENT_OFFLINE,
    STATEMENT_ONLINE,
    STATEMENT_BROKER_STOPS,
    STATEMENT_BROKER_STARTS,
    STATEMENT_ERASE,
    STATEMENT_EXPECT
};

enum expectation_kind {
    EXPECT_EFFECTIVE,
    EXPECT_REFUSED,
    EXPECT_HELD,
    EXPECT_ALERT,
    EXPECT_NO_ALERT,
    EXPECT_RECEIPTS,
    EXPECT_PAYLOAD,
    EXPECT_OWNER,
    EXPECT_CLOCK,
    EXPECT_NO_CLOCK,
    EXPECT_BREACH,
    EXPECT_FLAG,
    EXPECT_RULE,
    EXPECT_PENDING,
    EXPECT_OUTSTANDING,
    EXPECT_NO_OUTSTANDING,
    EXPECT_RECORDED,
    EXPECT_NO_RECORDED,
    EXPECT_HUB,
    EXPECT_CONVERGED,
    EXPECT_REPLAY
};

enum payload_state { PAYLOAD_KEPT, PAYLOAD_WITHHELD, PAYLOAD_ERASED };

struct receipt_wanted {
    char code[CODE_BYTES + 1];
    int level; /* 0 accepted, 1 persisted, 2 opened */
};

struct owner_wanted {
    enum dimension dimension;
    uint32_t count;
    const char *const *codes;
};

/* name=value, and what the value means where it means more than its text. */
struct pair_wanted {
    const char *name;
    const char *value;
    uint32_t event; /* SCENARIO_NONE, or the event that the label names */
    uint32_t child; /* SCENARIO_NONE, or the child that the NAME names */
    bool is_time;
    struct timepoint timepoint;
};

/* A length of time as written: 7wd, 2d, 3h, 1110m. */
struct length_wanted {
    enum limit_unit
        unit; /* LIMIT_WD, LIMIT_D, LIMIT_H, LIMIT_MIN; LIMIT_UNSET where none was asked */
    int64_t count;
};

struct expectation {
    enum expectation_kind kind;
    uint32_t event; /* that it is about, SCENARIO_NONE */
    uint32_t child; /* subject=NAME, SCENARIO_NONE for each */
    struct target target;
    const char *view; /* code of the agent asked, NULL for the broker */
    const char *code; /* pending */
    const char *id;   /* outstanding: "R20", "C13"; recorded: the system kind; rule: "R14" */
    const struct clock_info *clock;
    bool exactly; /* receipts */
    enum payload_state payload;
    uint32_t rule_count;
    const char *const *rules;
    uint32_t receipt_count;
    const struct receipt_wanted *receipts;
    uint32_t owner_count;
    const struct owner_wanted *owners;
    uint32_t pair_count;
    const struct pair_wanted *pairs; /* flags, facts of a record, measures */
    bool has_due, has_at;
    struct timepoint due, at;
    int state;                         /* enum clock_state, -1 where it was not asked */
    int advisory, provisional, belief; /* 0 no, 1 yes, -1 not asked */
    struct length_wanted length;       /* late=, age= */
    bool has_binds;
    uint32_t bind_count;
    const char *const *binds;
    uint64_t n;
};

struct statement {
    enum statement_kind kind;
    uint32_t line;
    int64_t now_ms;            /* the virtual clock when it is its turn */
    const char *text;          /* as written, without its comment */
    uint32_t event;            /* SENDS, RESENDS, OPENS, ERASE */
    char code[CODE_BYTES + 1]; /* RESENDS, OPENS, OFFLINE, ONLINE */
    const char *role;          /* OPENS, "" for none */
    const char *team;          /* OPENS, "" for none */
    const struct expectation *expectation;
};

/* A statement `config`, or one membership of `register`. */
struct scenario_override {
    const char *key;           /* of every profile; NULL for a membership */
    const char *value;         /* or the name of the profile */
    char code[CODE_BYTES + 1]; /* membership: whose */
    int32_t from_day;          /* membership: from when */
};

typedef struct scenario {
    const char *file; /* as given */
    const char *title;
    shelf_t *shelf;           /* owned; all below lies in it, or in an array of its own */
    procedures_t *procedures; /* owned; with the file's overrides */
    uint32_t override_count;
    struct scenario_override *overrides; /* owned; in force in procedures */
    uint32_t child_count;
    struct scenario_child *children; /* owned */
    uint32_t transfer_count;
    struct scenario_transfer *transfers; /* owned */
    uint32_t event_count;
    struct scenario_event *events; /* owned */
    uint32_t statement_count;
    struct statement *statements; /* owned */
    bool wants_records;           /* some expectation asks for records */
    bool wants_view_records;      /* and some for those of an agent */
} scenario_t;

void scenario_destroy(scenario_t **self_p);

/* Bring an override into force in other procedures, as in the scenario's own. 0, or what they say. */
int scenario_override_apply(
    const struct scenario_override *override, procedures_t *procedures, struct complaint *why);

/* "T/NAME", "T/NAME,NAME"; text of at least bytes; returned. */
const char *scenario_target_text(
    const scenario_t *self, uint32_t transfer, uint32_t child, char *text, size_t bytes);

#endif
