/*
 * cross_check: words that one file takes from another: rules and clocks that profiles name, codes
 * that only the register knows, rules that no check is written for, kinds of system records. What is
 * unknown is a complaint with file, line and the nearest known word; nothing is loaded then.
 */
#include <string.h>

#include "common/base/words.h"
#include "common/procedure/engine_internal.h"
#include "common/procedure/load.h"

#include "common/base/banned.h"

enum { WORD_BYTES = 64 };

/* ---- rules.tsv ---- */

/* Rules without a function: kept by construction, by clocks, by the broker. */
static const char *const kept_elsewhere[] = {
    "R18", "R22", "R34", "R38", "R46", "R49", "R50", "R51", "R53", "R54", "R55"};

enum { KEPT_ELSEWHERE = sizeof kept_elsewhere / sizeof kept_elsewhere[0] };

static const char *rule_with_a_check(const void *known, size_t index)
{
    (void)known;
    return index < KEPT_ELSEWHERE ? kept_elsewhere[index]
                                  : rule_function_name(index - KEPT_ELSEWHERE);
}

int rule_rows_check(const struct loader *self)
{
    struct loader at = *self;

    at.file = self->procedures->rules.file;
    for (uint32_t i = 0; i < self->procedures->rule_count; i++) {
        const char *id = self->procedures->rule_rows[i].id;
        bool known = rule_function_of(id) != NULL;
        at.line = i + 2;
        for (size_t k = 0; k < KEPT_ELSEWHERE; k++) {
            known = known || strcmp(kept_elsewhere[k], id) == 0;
        }
        if (!known) {
            return load_unknown(&at, "rule", id, words_nearest(id, rule_with_a_check, NULL));
        }
    }
    return 0;
}

/* ---- profiles ---- */

static const char *rule_at(const void *known, size_t index)
{
    const struct rule_info *rule = procedures_rule(known, (uint32_t)index + 1);

    return rule != NULL ? rule->id : NULL;
}

static const char *clock_at(const void *known, size_t index)
{
    const struct clock_info *clock = procedures_clock(known, (uint32_t)index + 1);

    return clock != NULL ? clock->id : NULL;
}

static int check_rule_words(const struct loader *self, const char *words)
{
    const procedures_t *procedures = self->procedures;

    for (const char *at = words + strspn(words, " "); *at != '\0'; at += strspn(at, " ")) {
        char word[WORD_BYTES];
        size_t len = strcspn(at, " ");
        size_t kept = len < sizeof word ? len : sizeof word - 1;
        memcpy(word, at, kept);
        word[kept] = '\0';
        if (len >= sizeof word || procedures_rule_named(procedures, word) == NULL) {
            return load_unknown(self, "rule", word, words_nearest(word, rule_at, procedures));
        }
        at += len;
    }
    return 0;
}

/* The clock of clocks.ID.limit; `warning` is none. */
static int check_clock_key(const struct loader *self, const char *rest)
{
    char id[WORD_BYTES] = "";
    size_t len = strcspn(rest, ".");

    memcpy(id, rest, len < sizeof id ? len : sizeof id - 1);
    if (strcmp(id, "warning") == 0 || procedures_clock_named(self->procedures, id) != NULL) {
        return 0;
    }
    return load_unknown(self, "clock", id, words_nearest(id, clock_at, self->procedures));
}

static int check_code(const struct loader *self, const char *code)
{
    return procedures_known_code(self->procedures, code)
        ? 0
        : load_unknown(
              self, "authority", code, profiles_nearest_code(self->procedures->profiles, code));
}

int profile_entry_check(const struct loader *self, const char *key, const char *value)
{
    if (strcmp(key, "exception.never") == 0) {
        return check_rule_words(self, value);
    }
    if (strncmp(key, "clocks.", 7) == 0) {
        return check_clock_key(self, key + 7);
    }
    if (strncmp(key, "members.E", 9) == 0) {
        return check_code(self, key + 8);
    }
    const char *code = strncmp(key, "ladder.", 7) == 0 ? strchr(key + 7, '.') : NULL;
    return code != NULL ? check_code(self, code + 1) : 0;
}

/* ---- system-kinds.tsv, facts.tsv ---- */

static const char *const system_kinds[] = {"accepted", "persisted", "opened", "duplicate_ignored",
    "refused", "held", "hold_released", "alert_raised", "deadline_set", "deadline_warning",
    "deadline_stopped", "deadline_breached", "breach_superseded", "responsibility_transferred",
    "records_merged", "retention_ground_lapsed", "retention_suggested", "door_copied",
    "cooperation_duty", "code_superseded", "returned_to_sender", "alarm_raised", "payload_withheld",
    "payload_erased", "erasure_confirmed", "profile_changed", "replay_started", "replay_ended"};

int procedures_system_kinds_read(struct slice bytes, struct tsv *out, struct complaint *why)
{
    static const char *const columns[SYSTEM_KIND_COLUMNS] = {
        "kind", "title", "facts", "optional_facts"};
    static const char *const others[] = {"made_by", "told_to", "effect", "when", "sources", NULL};
    static const struct tsv_layout layout = {
        .columns = columns, .column_count = SYSTEM_KIND_COLUMNS, .others = others};

    return tsv_read("system-kinds.tsv", bytes, &layout, out, why);
}

int system_kinds_check(const struct loader *self, struct slice bytes)
{
    struct loader at = *self;
    struct tsv table;

    int rc = procedures_system_kinds_read(bytes, &table, self->why);
    if (rc != 0) {
        return rc;
    }
    for (size_t row = 0; rc == 0 && row < table.row_count; row++) {
        const char *name = tsv_cell(&table, row, SYSTEM_KIND_NAME);
        const char *near =
            words_nearest_of(name, system_kinds, sizeof system_kinds / sizeof system_kinds[0]);
        bool known = near != NULL && strcmp(near, name) == 0;
        at.file = table.file;
        at.line = row + 2;
        rc = known ? 0 : load_unknown(&at, "system kind", name, near);
    }
    tsv_free(&table);
    return rc;
}

/* Every value of the row's enum is one that the fact can have. */
static int check_values(const struct loader *self, const struct fact_info *fact, const char *values)
{
    for (const char *at = values; fact->type == FACT_ENUM && *at != '\0';) {
        char word[WORD_BYTES];
        uint32_t number;
        size_t len = strcspn(at, ",");
        size_t kept = len < sizeof word ? len : sizeof word - 1;
        memcpy(word, at, kept);
        word[kept] = '\0';
        if (fact_value_number(fact, word, &number) != 0) {
            return load_unknown(
                self, fact->name, word, words_nearest_of(word, fact->values, fact->value_count));
        }
        at += len + (at[len] == ',' ? 1 : 0);
    }
    return 0;
}

int procedures_facts_check(struct slice bytes, const char *file, struct complaint *why)
{
    static const char *const columns[] = {"name", "values"};
    static const char *const others[] = {"type", "unit", "meaning", "visibility", NULL};
    static const struct tsv_layout layout = {
        .columns = columns, .column_count = 2, .others = others};
    struct loader at = {.file = file, .why = why};
    struct tsv table;

    int rc = tsv_read(file, bytes, &layout, &table, why);
    if (rc != 0) {
        return rc;
    }
    for (size_t row = 0; rc == 0 && row < table.row_count; row++) {
        const char *name = tsv_cell(&table, row, 0);
        const struct fact_info *fact = catalogue_fact_named(name);
        at.line = row + 2;
        rc = fact == NULL ? load_unknown(&at, "fact", name, catalogue_fact_nearest(name))
                          : check_values(&at, fact, tsv_cell(&table, row, 1));
    }
    tsv_free(&table);
    return rc;
}
