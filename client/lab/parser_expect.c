/*
 * parser_expect: expect ... . One row a word after `expect`: which keys may stand there, and which
 * function reads it. Faults are returned with the nearest known word.
 */
#include <stdlib.h>
#include <string.h>

#include "client/lab/parser.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/words.h"

#include "common/base/banned.h"

enum { EXPECT_KEYS_MAX = 12 };

struct form;
typedef int form_reader(struct parser *self, const struct form *form, struct expectation *out);

struct form {
    const char *word;
    bool no; /* stands behind `no` */
    enum expectation_kind kind;
    form_reader *read;
    const char *keys[EXPECT_KEYS_MAX]; /* ended by NULL; unused where the reader takes any */
};

/* ---- shared pieces ---- */

static size_t key_count(const struct form *form)
{
    size_t count = 0;

    while (count < EXPECT_KEYS_MAX && form->keys[count] != NULL) {
        count++;
    }
    return count;
}

/*
 * Index of the first word behind the expectation's own: expect clock C01 -> 2, expect no clock C01
 * -> 3.
 */
static size_t first_word(const struct form *form)
{
    return form->no ? 3 : 2;
}

static int take_event(struct parser *self, size_t from, struct expectation *out)
{
    const char *label = word_value(self, from, "of");
    const char *child = word_value(self, from, "subject");
    int rc = 0;

    out->event = self->last_event;
    if (label != NULL) {
        rc = find_event(self, label, &out->event);
    } else if (out->event == SCENARIO_NONE) {
        rc = complain(self->why, E_USAGE, "no event has been sent yet that this could be about");
    }
    if (rc != 0 || child == NULL) {
        return rc;
    }
    rc = find_child(self, child, &out->child);
    const struct scenario_event *event = &self->scenario->events[out->event];
    for (uint32_t i = 0; rc == 0 && i < event->child_count; i++) {
        if (event->children[i] == out->child) {
            return 0;
        }
    }
    return rc != 0 ? rc
                   : complain(self->why, E_NOT_FOUND, "the event of line %u is not about child %s",
                         (unsigned)event->line, child);
}

static int take_view(struct parser *self, size_t from, struct expectation *out)
{
    const char *code = word_value(self, from, "view");

    if (code == NULL) {
        return 0;
    }
    char *view = shelf_take(self->shelf, CODE_BYTES + 1, 1);
    out->view = view;
    return find_code(self, code, parser_today(self), view);
}

static int take_target(struct parser *self, size_t index, struct expectation *out)
{
    if (index >= self->words.count || self->words.at[index].key != NULL) {
        return complain(self->why, E_USAGE, "name the transfer here: T, or T/NAME for one child");
    }
    return find_target(self, self->words.at[index].text, &out->target);
}

/* The word at an index that stands alone; E_USAGE with what it should be. */
static int take_word(struct parser *self, size_t index, const char *what, const char **out)
{
    if (index >= self->words.count || self->words.at[index].key != NULL) {
        return complain(self->why, E_USAGE, "name the %s here", what);
    }
    *out = self->words.at[index].text;
    return 0;
}

static int take_codes(
    struct parser *self, const char *list, const char *const **out, uint32_t *count)
{
    const char *items[SCENARIO_LIST_MAX];
    size_t found = 0;
    int rc = words_split(self->shelf, list, items, SCENARIO_LIST_MAX, &found, self->why);
    const char **codes = shelf_take(self->shelf, found + 1, sizeof *codes);

    for (size_t i = 0; rc == 0 && i < found; i++) {
        char *code = shelf_take(self->shelf, CODE_BYTES + 1, 1);
        rc = find_code(self, items[i], parser_today(self), code);
        codes[i] = code;
    }
    *out = codes;
    *count = (uint32_t)found;
    return rc;
}

/* yes or no, -1 where it was not asked. */
static int take_bool(struct parser *self, size_t from, const char *key, int *out)
{
    const char *value = word_value(self, from, key);

    *out = -1;
    if (value == NULL) {
        return 0;
    }
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
        return complain(self->why, E_FACT_VALUE, "%s is yes or no, not %s", key, value);
    }
    *out = strcmp(value, "yes") == 0;
    return 0;
}

struct unit_word {
    const char *word;
    enum limit_unit unit;
};

static int take_length(struct parser *self, const char *key, const char *value,
    const struct unit_word *units, size_t unit_count, struct length_wanted *out)
{
    size_t digits = strspn(value, "0123456789");
    uint64_t count = 0;

    for (size_t i = 0; i < unit_count; i++) {
        if (digits > 0 && strcmp(value + digits, units[i].word) == 0 &&
            text_parse_u64(shelf_text(self->shelf, value, digits), 0, 1000000000, &count) == 0) {
            *out = (struct length_wanted){units[i].unit, (int64_t)count};
            return 0;
        }
    }
    return complain(self->why, E_FACT_VALUE, "%s=%s is no length of time: a number and %s", key,
        value, unit_count == 4 ? "wd, d, h or m" : "wd, d or h");
}

static const struct unit_word length_units[] = {
    {"wd", LIMIT_WD}, {"d", LIMIT_D}, {"h", LIMIT_H}, {"m", LIMIT_MIN}};

/* ---- about the event ---- */

static int read_plain(struct parser *self, const struct form *form, struct expectation *out)
{
    size_t from = first_word(form);
    int rc = check_keys(self, from, form->keys, key_count(form));

    return rc == 0 ? take_event(self, from, out) : rc;
}

static int read_verdict(struct parser *self, const struct form *form, struct expectation *out)
{
    size_t from = first_word(form);
    size_t i = from;
    const char **rules = shelf_take(self->shelf, self->words.count, sizeof *rules);
    int rc = 0;

    for (; rc == 0 && i < self->words.count; i++) {
        const struct rule_info *rule;
        if (self->words.at[i].key != NULL) {
            continue;
        }
        rc = find_rule(self, self->words.at[i].text, &rule);
        if (rc == 0) {
            rules[out->rule_count++] = rule->id;
        }
    }
    out->rules = rules;
    for (i = from; rc == 0 && i < self->words.count; i++) {
        const char *key = self->words.at[i].key;
        if (key != NULL && strcmp(key, "of") != 0 && strcmp(key, "subject") != 0) {
            rc = unknown_word(
                self, E_USAGE, "word", key, words_nearest_of(key, form->keys, key_count(form)));
        }
    }
    return rc == 0 ? take_event(self, from, out) : rc;
}

static int take_receipt(struct parser *self, const char *word, struct receipt_wanted *out)
{
    static const char *const levels[] = {"accepted", "persisted", "opened"};
    const char *colon = strchr(word, ':');

    if (colon == NULL) {
        return complain(self->why, E_USAGE, "write CODE:LEVEL, not %s", word);
    }
    for (int level = 0; level < 3; level++) {
        if (strcmp(colon + 1, levels[level]) == 0) {
            out->level = level;
            return find_code(self, shelf_text(self->shelf, word, (size_t)(colon - word)),
                parser_today(self), out->code);
        }
    }
    return unknown_word(
        self, E_FACT_VALUE, "level", colon + 1, words_nearest_of(colon + 1, levels, 3));
}

static int read_receipts(struct parser *self, const struct form *form, struct expectation *out)
{
    struct receipt_wanted *receipts = shelf_take(self->shelf, self->words.count, sizeof *receipts);
    int rc = 0;

    for (size_t i = first_word(form); rc == 0 && i < self->words.count; i++) {
        const struct word *word = &self->words.at[i];
        if (word->key != NULL) {
            rc = strcmp(word->key, "of") == 0
                ? 0
                : unknown_word(self, E_USAGE, "word", word->key, "of=LABEL");
        } else if (strcmp(word->text, "exactly") == 0) {
            out->exactly = true;
        } else {
            rc = take_receipt(self, word->text, &receipts[out->receipt_count++]);
        }
    }
    out->receipts = receipts;
    if (rc == 0 && out->receipt_count == 0 && !out->exactly) {
        rc = complain(self->why, E_USAGE, "write: expect receipts [exactly] CODE:LEVEL...");
    }
    return rc == 0 ? take_event(self, first_word(form), out) : rc;
}

static int read_payload(struct parser *self, const struct form *form, struct expectation *out)
{
    static const char *const states[] = {"kept", "withheld", "erased"};
    int found = -1;

    for (size_t i = first_word(form); i < self->words.count; i++) {
        const struct word *word = &self->words.at[i];
        if (word->key != NULL && strcmp(word->key, "of") == 0) {
            continue;
        }
        const char *name = word->key != NULL ? word->key : word->text;
        int state = 0;
        while (state < 3 && (word->key != NULL || strcmp(name, states[state]) != 0)) {
            state++;
        }
        if (state == 3 || found >= 0) {
            return unknown_word(
                self, E_USAGE, "state of a payload", name, words_nearest_of(name, states, 3));
        }
        found = state;
    }
    if (found < 0) {
        return complain(
            self->why, E_USAGE, "write: expect payload of=LABEL erased, withheld or kept");
    }
    out->payload = (enum payload_state)found;
    return take_event(self, first_word(form), out);
}

/* ---- about state ---- */

static int read_owner(struct parser *self, const struct form *form, struct expectation *out)
{
    size_t from = first_word(form);
    const char *keys[DIM_COUNT + 1];
    struct owner_wanted *owners = shelf_take(self->shelf, DIM_COUNT, sizeof *owners);
    int rc = take_target(self, from, out);

    memcpy(keys, dimension_names, sizeof dimension_names);
    keys[DIM_COUNT] = "view";
    rc = rc == 0 ? check_keys(self, from + 1, keys, DIM_COUNT + 1) : rc;
    for (int i = 0; rc == 0 && i < DIM_COUNT; i++) {
        const char *value = word_value(self, from + 1, dimension_names[i]);
        if (value != NULL) {
            struct owner_wanted *owner = &owners[out->owner_count++];
            owner->dimension = (enum dimension)i;
            rc = take_codes(self, value, &owner->codes, &owner->count);
        }
    }
    out->owners = owners;
    if (rc == 0 && out->owner_count == 0) {
        rc = complain(self->why, E_USAGE, "ask for at least one dimension, e.g. case=CODE");
    }
    return rc == 0 ? take_view(self, from + 1, out) : rc;
}

static int take_state(struct parser *self, size_t from, struct expectation *out)
{
    static const char *const states[] = {
        [CLOCK_RUNNING] = "running",
        [CLOCK_MET] = "met",
        [CLOCK_CANCELLED] = "cancelled",
        [CLOCK_BREACHED] = "breached",
        [CLOCK_SUPERSEDED] = "superseded",
    };
    const char *value = word_value(self, from, "state");
    int count = (int)(sizeof states / sizeof states[0]);

    out->state = -1;
    if (value == NULL) {
        return 0;
    }
    for (int i = 0; i < count; i++) {
        if (strcmp(states[i], value) == 0) {
            out->state = i;
            return 0;
        }
    }
    return unknown_word(self, E_FACT_VALUE, "state of a clock", value,
        words_nearest_of(value, states, (size_t)count));
}

static int take_at(
    struct parser *self, size_t from, const char *key, bool *has, struct timepoint *out)
{
    const char *value = word_value(self, from, key);

    *has = value != NULL;
    return value != NULL ? find_moment(self, value, out) : 0;
}

static int read_clock_values(struct parser *self, size_t from, struct expectation *out)
{
    const char *late = word_value(self, from, "late");
    const char *binds = word_value(self, from, "binds");
    int rc = take_at(self, from, "due", &out->has_due, &out->due);

    rc = rc == 0 ? take_state(self, from, out) : rc;
    rc = rc == 0 ? take_bool(self, from, "advisory", &out->advisory) : rc;
    rc = rc == 0 ? take_bool(self, from, "provisional", &out->provisional) : rc;
    rc = rc == 0 ? take_bool(self, from, "belief", &out->belief) : rc;
    if (rc == 0 && late != NULL) {
        rc = take_length(self, "late", late, length_units, 4, &out->length);
    }
    if (rc == 0 && binds != NULL) {
        out->has_binds = true;
        rc = take_codes(self, binds, &out->binds, &out->bind_count);
    }
    return rc;
}

static int read_clock(struct parser *self, const struct form *form, struct expectation *out)
{
    size_t from = first_word(form);
    const char *id = "";
    int rc = take_word(self, from, "clock", &id);

    rc = rc == 0 ? find_clock(self, id, &out->clock) : rc;
    rc = rc == 0 ? take_target(self, from + 1, out) : rc;
    rc = rc == 0 ? check_keys(self, from + 2, form->keys, key_count(form)) : rc;
    rc = rc == 0 ? take_view(self, from + 2, out) : rc;
    if (rc == 0 && word_value(self, from + 2, "of") != NULL) {
        rc = find_event(self, word_value(self, from + 2, "of"), &out->event);
    }
    return rc == 0 ? read_clock_values(self, from + 2, out) : rc;
}

static int need_at(struct parser *self, size_t from, struct expectation *out)
{
    int rc = take_at(self, from, "at", &out->has_at, &out->at);

    return rc == 0 && !out->has_at ? complain(self->why, E_USAGE, "say when: at=TIME") : rc;
}

static int read_breach(struct parser *self, const struct form *form, struct expectation *out)
{
    int rc = read_clock(self, form, out);

    return rc == 0 ? need_at(self, first_word(form) + 2, out) : rc;
}

static int read_rule(struct parser *self, const struct form *form, struct expectation *out)
{
    size_t from = first_word(form);
    const struct rule_info *rule;
    const char *id = "";
    int rc = take_word(self, from, "rule", &id);

    rc = rc == 0 ? find_rule(self, id, &rule) : rc;
    if (rc == 0) {
        out->id = rule->id;
        rc = take_target(self, from + 1, out);
    }
    rc = rc == 0 ? check_keys(self, from + 2, form->keys, key_count(form)) : rc;
    return rc == 0 ? need_at(self, from + 2, out) : rc;
}

/* Flags and their values: docs/PROCEDURES.md, section 5.3. */
struct flag_word {
    const char *name;
    const char *values[8]; /* ended by NULL; none: checked by its own */
};

static const struct flag_word flag_words[] = {
    {"temporary_plan", {"set", "clear"}},
    {"permanence", {"permanent", "temporary", "unknown", "ended"}},
    {"s47", {"open", "closed"}},
    {"assessment", {"open", "closed"}},
    {"documents", {"none", "some", "complete"}},
    {"escalation", {"open", "closed"}},
    {"stage", {NULL}},
    {"letter_held", {"yes", "no"}},
    {"case_file", {"yes", "no"}},
    {"requested", {"yes", "no"}},
    {"agreed", {"yes", "no"}},
    {"retained", {"yes", "no"}},
    {"retention_agreement", {"none", "proposed", "signed"}},
    {"case_type", {NULL}},
    {"order", {"active", "none"}},
    {"consent", {"given", "none"}},
    {"emergency", {"open", "closed"}},
    {"closed", {"yes", "no"}},
    {"discontinued", {"yes", "no"}},
};

enum { FLAG_COUNT = sizeof flag_words / sizeof flag_words[0] };

static int check_flag_value(struct parser *self, const struct flag_word *flag, const char *value)
{
    const struct fact_info *case_type = catalogue_case_type();
    size_t count = 0;
    uint64_t stage;
    uint32_t number;

    while (count < 8 && flag->values[count] != NULL) {
        if (strcmp(flag->values[count++], value) == 0) {
            return 0;
        }
    }
    if (strcmp(flag->name, "case_type") == 0) {
        return fact_value_number(case_type, value, &number) == 0
            ? 0
            : unknown_word(
                  self, E_FACT_VALUE, "case type", value, fact_value_nearest(case_type, value));
    }
    if (strcmp(flag->name, "stage") == 0) {
        return text_parse_u64(value, 0, FACT_INT_MAX, &stage) == 0
            ? 0
            : complain(self->why, E_FACT_VALUE, "stage is a number, not %s", value);
    }
    return complain(self->why, E_FACT_VALUE, "flag %s cannot be %s; it is %s%s%s%s%s", flag->name,
        value, flag->values[0], count > 1 ? ", " : "", count > 1 ? flag->values[1] : "",
        count > 2 ? ", " : "", count > 2 ? flag->values[2] : "");
}

static int check_flag(struct parser *self, const struct word *word)
{
    const char *names[FLAG_COUNT];
    const char *name = word->key != NULL ? word->key : word->text;

    for (size_t i = 0; i < FLAG_COUNT; i++) {
        names[i] = flag_words[i].name;
        if (word->key != NULL && strcmp(names[i], name) == 0) {
            return check_flag_value(self, &flag_words[i], word->text);
        }
    }
    return unknown_word(self, E_FACT, "flag", name, words_nearest_of(name, names, FLAG_COUNT));
}

static void add_pair(struct expectation *out, struct pair_wanted *pairs, const struct word *word)
{
    pairs[out->pair_count++] = (struct pair_wanted){
        .name = word->key, .value = word->text, .event = SCENARIO_NONE, .child = SCENARIO_NONE};
    out->pairs = pairs;
}

static bool is_key(const struct word *word, const char *key)
{
    return word->key != NULL && strcmp(word->key, key) == 0;
}

static int read_flag(struct parser *self, const struct form *form, struct expectation *out)
{
    size_t from = first_word(form);
    struct pair_wanted *pairs = shelf_take(self->shelf, self->words.count, sizeof *pairs);
    int rc = take_target(self, from, out);

    for (size_t i = from + 1; rc == 0 && i < self->words.count; i++) {
        const struct word *word = &self->words.at[i];
        if (!is_key(word, "view")) {
            rc = check_flag(self, word);
            if (rc == 0) {
                add_pair(out, pairs, word);
            }
        }
    }
    if (rc == 0 && out->pair_count == 0) {
        rc = complain(self->why, E_USAGE, "write: expect flag T[/NAME] NAME=VALUE...");
    }
    return rc == 0 ? take_view(self, from + 1, out) : rc;
}

static int read_pending(struct parser *self, const struct form *form, struct expectation *out)
{
    size_t from = first_word(form);
    const char *word = "";
    char *code = shelf_take(self->shelf, CODE_BYTES + 1, 1);
    int rc = take_word(self, from, "authority", &word);

    rc = rc == 0 ? find_code(self, word, parser_today(self), code) : rc;
    rc = rc == 0 ? check_keys(self, from + 1, form->keys, key_count(form)) : rc;
    out->code = code;
    const char *n = word_value(self, from + 1, "n");
    if (rc == 0 && (n == NULL || text_parse_u64(n, 0, 1000000000, &out->n) != 0)) {
        rc = complain(self->why, E_FACT_VALUE, "write: expect pending CODE n=N, a whole number");
    }
    return rc;
}

static int read_outstanding(struct parser *self, const struct form *form, struct expectation *out)
{
    size_t from = first_word(form);
    const struct clock_info *clock;
    const struct rule_info *rule;
    int rc = take_word(self, from, "clock or rule", &out->id);

    if (rc == 0) {
        rc =
            out->id[0] == 'R' ? find_rule(self, out->id, &rule) : find_clock(self, out->id, &clock);
    }
    rc = rc == 0 ? take_target(self, from + 1, out) : rc;
    rc = rc == 0 ? check_keys(self, from + 2, form->keys, key_count(form)) : rc;
    const char *age = word_value(self, from + 2, "age");
    if (rc == 0 && age != NULL) {
        rc = take_length(self, "age", age, length_units, 3, &out->length);
    }
    return rc == 0 ? take_view(self, from + 2, out) : rc;
}

/* ---- records ---- */

struct system_words {
    const data_files_t *data;
    int row;
};

static const char *system_kind_at(const void *known, size_t index)
{
    return data_files_system_kind_name(known, index);
}

static const char *system_fact_at(const void *known, size_t index)
{
    const struct system_words *words = known;

    return data_files_system_fact(words->data, words->row, index);
}

/* What a value stands for: a label, a child, a time; else its text. */
static int read_record_value(struct parser *self, struct pair_wanted *pair)
{
    const struct clock_info *clock;
    const struct rule_info *rule;

    if (strcmp(pair->name, "event") == 0) {
        return find_event(self, pair->value, &pair->event);
    }
    if (strcmp(pair->name, "kept") == 0 || strcmp(pair->name, "joined") == 0) {
        return find_child(self, pair->value, &pair->child);
    }
    if (strcmp(pair->name, "clock") == 0) {
        return find_clock(self, pair->value, &clock);
    }
    if (strcmp(pair->name, "rule") == 0) {
        return find_rule(self, pair->value, &rule);
    }
    if (strcmp(pair->name, "due") == 0 || strcmp(pair->name, "effective_at") == 0) {
        pair->is_time = true;
        return find_moment(self, pair->value, &pair->timepoint);
    }
    return 0;
}

static int read_record_fact(struct parser *self, const struct system_words *words,
    const struct word *word, struct expectation *out, struct pair_wanted *pairs)
{
    const char *name = word->key != NULL ? word->key : word->text;
    const char *known;
    size_t i = 0;

    while ((known = system_fact_at(words, i)) != NULL &&
        (word->key == NULL || strcmp(known, name) != 0)) {
        i++;
    }
    if (known == NULL) {
        return unknown_word(
            self, E_FACT, "fact of this record", name, words_nearest(name, system_fact_at, words));
    }
    add_pair(out, pairs, word);
    return read_record_value(self, &pairs[out->pair_count - 1]);
}

static int read_recorded(struct parser *self, const struct form *form, struct expectation *out)
{
    size_t from = first_word(form);
    struct pair_wanted *pairs = shelf_take(self->shelf, self->words.count, sizeof *pairs);
    int rc = take_word(self, from, "system kind", &out->id);

    if (rc != 0) {
        return rc;
    }
    const struct system_words words = {self->data, data_files_system_kind(self->data, out->id)};
    if (words.row < 0) {
        return unknown_word(self, E_KIND, "system kind", out->id,
            words_nearest(out->id, system_kind_at, self->data));
    }
    rc = take_target(self, from + 1, out);
    for (size_t i = from + 2; rc == 0 && i < self->words.count; i++) {
        const struct word *word = &self->words.at[i];
        if (!is_key(word, "at") && !is_key(word, "view")) {
            rc = read_record_fact(self, &words, word, out, pairs);
        }
    }
    rc = rc == 0 ? take_at(self, from + 2, "at", &out->has_at, &out->at) : rc;
    return rc == 0 ? take_view(self, from + 2, out) : rc;
}

/* ---- the file as a whole ---- */

static int read_hub(struct parser *self, const struct form *form, struct expectation *out)
{
    size_t from = first_word(form);
    struct pair_wanted *pairs = shelf_take(self->shelf, self->words.count, sizeof *pairs);
    int rc = check_keys(self, from, form->keys, key_count(form));

    for (size_t i = from; rc == 0 && i < self->words.count; i++) {
        uint64_t number;
        add_pair(out, pairs, &self->words.at[i]);
        if (text_parse_u64(self->words.at[i].text, 0, INT64_MAX, &number) != 0) {
            rc = complain(self->why, E_FACT_VALUE, "%s is counted: a whole number, not %s",
                self->words.at[i].key, self->words.at[i].text);
        }
    }
    if (rc == 0 && out->pair_count == 0) {
        rc = complain(self->why, E_USAGE, "write: expect hub MEASURE=N...");
    }
    return rc;
}

static int read_nothing(struct parser *self, const struct form *form, struct expectation *out)
{
    size_t from = first_word(form);

    (void)out;
    if (form->kind != EXPECT_REPLAY) {
        return check_end(self, from);
    }
    if (from >= self->words.count || strcmp(self->words.at[from].text, "identical") != 0) {
        return complain(self->why, E_USAGE, "write: expect replay identical");
    }
    return check_end(self, from + 1);
}

static const struct form forms[] = {
    {"effective", false, EXPECT_EFFECTIVE, read_plain, {"of", "subject"}},
    {"refused", false, EXPECT_REFUSED, read_verdict, {"of", "subject"}},
    {"held", false, EXPECT_HELD, read_verdict, {"of", "subject"}},
    {"alert", false, EXPECT_ALERT, read_verdict, {"of", "subject"}},
    {"alert", true, EXPECT_NO_ALERT, read_plain, {"of", "subject"}},
    {"receipts", false, EXPECT_RECEIPTS, read_receipts, {"of"}},
    {"payload", false, EXPECT_PAYLOAD, read_payload, {"of"}},
    {"owner", false, EXPECT_OWNER, read_owner, {NULL}},
    {"clock", false, EXPECT_CLOCK, read_clock,
        {"due", "state", "late", "advisory", "provisional", "belief", "binds", "of", "view"}},
    {"clock", true, EXPECT_NO_CLOCK, read_clock, {"view"}},
    {"breach", false, EXPECT_BREACH, read_breach, {"at", "view"}},
    {"flag", false, EXPECT_FLAG, read_flag, {NULL}},
    {"rule", false, EXPECT_RULE, read_rule, {"at"}},
    {"pending", false, EXPECT_PENDING, read_pending, {"n"}},
    {"outstanding", false, EXPECT_OUTSTANDING, read_outstanding, {"age", "view"}},
    {"outstanding", true, EXPECT_NO_OUTSTANDING, read_outstanding, {"view"}},
    {"recorded", false, EXPECT_RECORDED, read_recorded, {NULL}},
    {"recorded", true, EXPECT_NO_RECORDED, read_recorded, {NULL}},
    {"hub", false, EXPECT_HUB, read_hub,
        {"late_documents", "breaches", "refused", "owner_faults", "closures_without_letter",
            "follow_ups"}},
    {"converged", false, EXPECT_CONVERGED, read_nothing, {NULL}},
    {"replay", false, EXPECT_REPLAY, read_nothing, {NULL}},
};

enum { FORM_COUNT = sizeof forms / sizeof forms[0] };

static int unknown_form(struct parser *self, bool no, const char *word)
{
    const char *known[FORM_COUNT + 1];
    size_t count = 0;

    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (forms[i].no == no) {
            known[count++] = forms[i].word;
        }
    }
    if (!no) {
        known[count++] = "no";
    }
    return unknown_word(self, E_USAGE, no ? "expectation after no" : "expectation", word,
        words_nearest_of(word, known, count));
}

/* Records are kept only where somebody will ask for them. */
static void note_needs(scenario_t *scenario, const struct expectation *made)
{
    bool records = made->kind == EXPECT_BREACH || made->kind == EXPECT_RULE ||
        made->kind == EXPECT_RECORDED || made->kind == EXPECT_NO_RECORDED;

    scenario->wants_records =
        scenario->wants_records || records || (made->kind == EXPECT_RECEIPTS && made->exactly);
    scenario->wants_view_records = scenario->wants_view_records || (records && made->view != NULL);
}

int parse_expect(struct parser *self, struct statement *statement)
{
    bool no = self->words.count > 1 && self->words.at[1].key == NULL &&
        strcmp(self->words.at[1].text, "no") == 0;
    size_t index = no ? 2 : 1;

    if (self->words.count <= index) {
        return complain(self->why, E_USAGE, "say what is expected");
    }
    const struct word *word = &self->words.at[index];
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (word->key == NULL && forms[i].no == no && strcmp(forms[i].word, word->text) == 0) {
            struct expectation *made = shelf_take(self->shelf, 1, sizeof *made);
            *made = (struct expectation){.kind = forms[i].kind,
                .event = SCENARIO_NONE,
                .child = SCENARIO_NONE,
                .state = -1,
                .advisory = -1,
                .provisional = -1,
                .belief = -1};
            statement->expectation = made;
            int rc = forms[i].read(self, &forms[i], made);
            note_needs(self->scenario, made);
            return rc;
        }
    }
    return unknown_form(self, no, word->key != NULL ? word->key : word->text);
}
