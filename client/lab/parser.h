/*
 * parser: what the parts of the scenario parser share. Private to client/lab.
 *
 * Every function that can meet a bad word returns 0 or the code, with the sentence in self->why;
 * the driver adds the line.
 */
#ifndef WAYPOST_LAB_PARSER_H
#define WAYPOST_LAB_PARSER_H

#include "client/lab/data_files.h"
#include "client/lab/scenario.h"
#include "client/lab/scenario_words.h"

/*
 * How many events a sender has numbered for a recipient; a slot of a hash table, empty while last
 * is 0.
 */
struct counter {
    char from[CODE_BYTES + 1];
    char to[CODE_BYTES + 1]; /* "" for its sequence */
    uint64_t last;
};

struct parser {
    scenario_t *scenario;
    const data_files_t *data;
    struct complaint *why;
    /* For what this line needs: the scenario's own, or scratch. */
    shelf_t *shelf;
    shelf_t *scratch;    /* owned; cleared with every line: an event is built, its words are gone */
    uint32_t line;       /* being read */
    bool titled;         /* the scenario statement was there */
    bool has_clock;      /* an `at` has been read */
    int64_t first_ms;    /* of the file's first `at` */
    int64_t now_ms;      /* of the `at` before this line */
    uint32_t last_event; /* sent or sent again last, SCENARIO_NONE */
    size_t counter_count, counter_capacity;
    struct counter *counters; /* owned */
    size_t statement_capacity, event_capacity;
    size_t label_count, label_capacity;
    uint32_t *labels;   /* owned; events that have one, in their order */
    struct words words; /* of the line */
};

/* ---- lookups: the thing by its word, or a complaint with the nearest known one ---- */
int unknown_word(struct parser *self, int rc, const char *what, const char *word, const char *near);
int find_transfer(struct parser *self, const char *name, uint32_t *out);
int find_child(struct parser *self, const char *name, uint32_t *out); /* any of the file */
int find_event(struct parser *self, const char *label, uint32_t *out);
uint32_t label_find(const struct parser *self, const char *label); /* SCENARIO_NONE where unknown */
int find_target(struct parser *self, const char *word, struct target *out);
int find_kind(struct parser *self, const char *name, const struct kind_info **out);
int find_clock(struct parser *self, const char *id, const struct clock_info **out);
int find_rule(struct parser *self, const char *id, const struct rule_info **out);
int find_profile(struct parser *self, const char *name, const char **out);
bool looks_like_code(const char *word);
/* A known code, or the one successor of a superseded one on a day, into out (CODE_BYTES + 1). */
int find_code(struct parser *self, const char *word, int32_t day, char *out);
int find_moment(struct parser *self, const char *text, struct timepoint *out);
int find_instant(struct parser *self, const char *text, int64_t *out); /* a date means its 00:00 */
int find_name(
    struct parser *self, const char *what, const char *name); /* may it be a name or label? */
int32_t parser_today(const struct parser *self);

/*
 * The value of key=value among the words from `from`; NULL where it does not stand there. Marks
 * nothing.
 */
const char *word_value(const struct parser *self, size_t from, const char *key);

/* Every word from `from` must be key=value with one of these keys, each once. */
int check_keys(struct parser *self, size_t from, const char *const *keys, size_t count);
/* No further words from `from`. */
int check_end(struct parser *self, size_t from);

/* ---- parts ---- */
int parse_declarations(struct parser *self, struct slice text); /* scenario .. transfer: first */
int parse_sends(struct parser *self, const char *from_word, struct statement *statement);
int parse_expect(struct parser *self, struct statement *statement);
struct scenario_event *event_new(struct parser *self);
uint64_t counter_next(struct parser *self, const char *from, const char *to);

#endif
