/*
 * parser_lookup: words of a scenario looked up; whatever is not known is answered with the nearest
 * known word.
 */
#include <stdlib.h>
#include <string.h>

#include "client/lab/parser.h"
#include "common/base/civil.h"
#include "common/base/words.h"

#include "common/base/banned.h"

int unknown_word(struct parser *self, int rc, const char *what, const char *word, const char *near)
{
    if (near != NULL && strcmp(near, word) == 0) { /* known, but for what stands behind it */
        return complain(self->why, rc, "%s has no value; write %s=VALUE", word, word);
    }
    if (near != NULL) {
        return complain(self->why, rc, "unknown %s \"%s\"; did you mean %s?", what, word, near);
    }
    return complain(self->why, rc, "unknown %s \"%s\"", what, word);
}

int32_t parser_today(const struct parser *self)
{
    return civil_london_day(self->has_clock ? self->now_ms : self->first_ms);
}

/* ---- names of the file ---- */

static const char *transfer_at(const void *known, size_t index)
{
    const scenario_t *scenario = known;

    return index < scenario->transfer_count ? scenario->transfers[index].name : NULL;
}

static const char *child_at(const void *known, size_t index)
{
    const scenario_t *scenario = known;

    return index < scenario->child_count ? scenario->children[index].name : NULL;
}

static const char *label_at(const void *known, size_t index)
{
    const struct parser *self = known;

    return index < self->label_count ? self->scenario->events[self->labels[index]].label : NULL;
}

/* Transfers and children are sorted by name. Returns the index, or SCENARIO_NONE. */
static uint32_t index_of(const void *known, size_t count, const char *name,
    const char *(*name_at)(const void *known, size_t index))
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, name_at(known, middle));
        if (order == 0) {
            return (uint32_t)middle;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return SCENARIO_NONE;
}

int find_transfer(struct parser *self, const char *name, uint32_t *out)
{
    const scenario_t *scenario = self->scenario;
    uint32_t found = index_of(scenario, scenario->transfer_count, name, transfer_at);

    if (found == SCENARIO_NONE) {
        return unknown_word(
            self, E_NOT_FOUND, "transfer", name, words_nearest(name, transfer_at, scenario));
    }
    if (scenario->transfers[found].line > self->line) {
        return complain(self->why, E_NOT_FOUND,
            "transfer %s is declared in line %u, after its first use", name,
            (unsigned)scenario->transfers[found].line);
    }
    *out = found;
    return 0;
}

int find_child(struct parser *self, const char *name, uint32_t *out)
{
    const scenario_t *scenario = self->scenario;
    uint32_t found = index_of(scenario, scenario->child_count, name, child_at);

    if (found == SCENARIO_NONE) {
        return unknown_word(
            self, E_NOT_FOUND, "child", name, words_nearest(name, child_at, scenario));
    }
    *out = found;
    return 0;
}

uint32_t label_find(const struct parser *self, const char *label)
{
    for (size_t i = self->label_count; i > 0; i--) { /* what was said last is meant most often */
        if (strcmp(self->scenario->events[self->labels[i - 1]].label, label) == 0) {
            return self->labels[i - 1];
        }
    }
    return SCENARIO_NONE;
}

int find_event(struct parser *self, const char *label, uint32_t *out)
{
    uint32_t found = label_find(self, label);

    if (found == SCENARIO_NONE) {
        return unknown_word(
            self, E_NOT_FOUND, "label", label, words_nearest(label, label_at, self));
    }
    *out = found;
    return 0;
}

static bool child_of_transfer(const struct scenario_transfer *transfer, uint32_t child)
{
    for (uint32_t i = 0; i < transfer->child_count; i++) {
        if (transfer->children[i] == child) {
            return true;
        }
    }
    return false;
}

static int find_target_children(struct parser *self, const struct scenario_transfer *transfer,
    const char *names, struct target *out)
{
    const char *list[SUBJECTS_MAX];
    size_t count = 0;
    int rc = words_split(self->shelf, names, list, SUBJECTS_MAX, &count, self->why);

    if (rc != 0) {
        return rc;
    }
    uint32_t *children = shelf_take(self->scenario->shelf, count, sizeof *children);
    for (size_t i = 0; i < count; i++) {
        rc = find_child(self, list[i], &children[i]);
        if (rc != 0) {
            return rc;
        }
        if (!child_of_transfer(transfer, children[i])) {
            return complain(
                self->why, E_NOT_FOUND, "transfer %s has no child %s", transfer->name, list[i]);
        }
        for (size_t k = 0; k < i; k++) {
            if (children[k] == children[i]) {
                return complain(self->why, E_FACT_VALUE, "child %s stands twice", list[i]);
            }
        }
    }
    out->children = children;
    out->child_count = (uint32_t)count;
    return 0;
}

int find_target(struct parser *self, const char *word, struct target *out)
{
    const char *slash = strchr(word, '/');
    size_t len = slash != NULL ? (size_t)(slash - word) : strlen(word);
    const char *name = shelf_text(self->shelf, word, len);
    int rc = find_transfer(self, name, &out->transfer);

    if (rc != 0) {
        return rc;
    }
    const struct scenario_transfer *transfer = &self->scenario->transfers[out->transfer];
    if (slash != NULL) {
        return find_target_children(self, transfer, slash + 1, out);
    }
    out->children = transfer->children;
    out->child_count = transfer->child_count;
    return 0;
}

int find_name(struct parser *self, const char *what, const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > SCENARIO_NAME_BYTES_MAX || strpbrk(name, "/,:=\" \t") != NULL) {
        return complain(self->why, E_FACT_VALUE,
            "\"%s\" cannot be the name of a %s: 1 to %d bytes without blanks and without / , : =",
            name, what, SCENARIO_NAME_BYTES_MAX);
    }
    return 0;
}

/* ---- words of the tables ---- */

int find_kind(struct parser *self, const char *name, const struct kind_info **out)
{
    *out = catalogue_kind_named(name);
    if (*out == NULL) {
        return unknown_word(self, E_KIND, "kind", name, catalogue_kind_nearest(name));
    }
    return 0;
}

static const char *clock_at(const void *known, size_t index)
{
    const procedures_t *procedures = known;

    return index < procedures_clock_count(procedures)
        ? procedures_clock(procedures, (uint32_t)index + 1)->id
        : NULL;
}

static const char *rule_at(const void *known, size_t index)
{
    const procedures_t *procedures = known;

    return index < procedures_rule_count(procedures)
        ? procedures_rule(procedures, (uint32_t)index + 1)->id
        : NULL;
}

int find_clock(struct parser *self, const char *id, const struct clock_info **out)
{
    const procedures_t *procedures = self->scenario->procedures;

    *out = procedures_clock_named(procedures, id);
    if (*out == NULL) {
        return unknown_word(
            self, E_NOT_FOUND, "clock", id, words_nearest(id, clock_at, procedures));
    }
    return 0;
}

int find_rule(struct parser *self, const char *id, const struct rule_info **out)
{
    const procedures_t *procedures = self->scenario->procedures;

    *out = procedures_rule_named(procedures, id);
    if (*out == NULL) {
        return unknown_word(self, E_NOT_FOUND, "rule", id, words_nearest(id, rule_at, procedures));
    }
    return 0;
}

int find_profile(struct parser *self, const char *name, const char **out)
{
    const procedures_t *procedures = self->scenario->procedures;
    uint8_t number = procedures_profile_number(procedures, name);

    if (number == 0) {
        return unknown_word(
            self, E_NOT_FOUND, "profile", name, procedures_profile_nearest(procedures, name));
    }
    *out = procedures_profile_name(procedures, number);
    return 0;
}

/* ---- authorities ---- */

static const char *code_at(const void *known, size_t index)
{
    return data_files_code(known, index);
}

bool looks_like_code(const char *word)
{
    return strchr("EWSN", word[0]) != NULL && word[0] != '\0' && word[1] >= '0' && word[1] <= '9';
}

int find_code(struct parser *self, const char *word, int32_t day, char *out)
{
    const procedures_t *procedures = self->scenario->procedures;

    if (strlen(word) != CODE_BYTES || !procedures_known_code(procedures, word)) {
        return unknown_word(
            self, E_CODE, "authority", word, words_nearest(word, code_at, self->data));
    }
    const char *route = procedures_route(procedures, word, day);
    if (route == NULL) {
        return complain(self->why, E_CODE,
            "authority %s is no longer in force on that day and has no one successor: name the one "
            "that is meant",
            word);
    }
    memcpy(out, route, CODE_BYTES + 1);
    return 0;
}

/* ---- times ---- */

static int bad_time(struct parser *self, const char *text)
{
    return complain(self->why, E_DATE,
        "the time %s cannot be, or is ambiguous: write YYYY-MM-DDTHH:MM[:SS] in London time, with "
        "+01:00 or +00:00 in the hour that repeats in October",
        text);
}

int find_moment(struct parser *self, const char *text, struct timepoint *out)
{
    *out = (struct timepoint){0};
    if (strchr(text, 'T') == NULL) {
        if (civil_date_parse(text, &out->day) != 0) {
            return complain(self->why, E_DATE,
                "the date %s cannot be: write YYYY-MM-DD, a day that exists", text);
        }
        out->whole_day = true;
        out->from_ms = civil_london_midnight_ms(out->day);
        out->to_ms = civil_london_midnight_ms(out->day + 1);
        return 0;
    }
    if (civil_time_parse(text, &out->from_ms) != 0) {
        return bad_time(self, text);
    }
    out->day = civil_london_day(out->from_ms);
    out->to_ms = out->from_ms + 1;
    return 0;
}

int find_instant(struct parser *self, const char *text, int64_t *out)
{
    struct timepoint moment;
    int rc = find_moment(self, text, &moment);

    if (rc == 0) {
        *out = moment.from_ms;
    }
    return rc;
}

/* ---- key=value ---- */

const char *word_value(const struct parser *self, size_t from, const char *key)
{
    for (size_t i = from; i < self->words.count; i++) {
        const struct word *word = &self->words.at[i];
        if (word->key != NULL && strcmp(word->key, key) == 0) {
            return word->text;
        }
    }
    return NULL;
}

static bool is_among(const char *word, const char *const *known, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, known[i]) == 0) {
            return true;
        }
    }
    return false;
}

int check_keys(struct parser *self, size_t from, const char *const *keys, size_t count)
{
    for (size_t i = from; i < self->words.count; i++) {
        const struct word *word = &self->words.at[i];
        const char *name = word->key != NULL ? word->key : word->text;
        if (word->key == NULL || !is_among(word->key, keys, count)) {
            return unknown_word(self, E_USAGE, "word", name, words_nearest_of(name, keys, count));
        }
        for (size_t k = from; k < i; k++) {
            if (self->words.at[k].key != NULL && strcmp(self->words.at[k].key, name) == 0) {
                return complain(self->why, E_USAGE, "%s= stands twice", name);
            }
        }
        if (word->text[0] == '\0') {
            return complain(self->why, E_USAGE, "%s= has no value", name);
        }
    }
    return 0;
}

int check_end(struct parser *self, size_t from)
{
    if (from < self->words.count) {
        const struct word *word = &self->words.at[from];
        return complain(self->why, E_USAGE, "\"%s%s%s\" does not belong to this statement",
            word->key != NULL ? word->key : "", word->key != NULL ? "=" : "", word->text);
    }
    return 0;
}
