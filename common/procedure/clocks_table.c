/* clocks_table: compile clocks.tsv and the starts and stops of kinds.tsv. Faults are complaints with file and line. */
#include <string.h>

#include "common/base/check.h"
#include "common/base/words.h"
#include "common/procedure/load.h"

#include "common/base/banned.h"

enum clock_column {
    COLUMN_ID,
    COLUMN_NAME,
    COLUMN_PROFILE,
    COLUMN_APPLIES,
    COLUMN_START,
    COLUMN_MOMENT,
    COLUMN_MET,
    COLUMN_CANCELLED,
    COLUMN_DURATION,
    COLUMN_UNIT,
    COLUMN_BREACH_IF,
    COLUMN_ON_BREACH,
    COLUMN_BINDING,
    COLUMN_KEY,
    COLUMN_SCOPE,
    COLUMN_SOURCE,
    CLOCK_COLUMNS
};

static const char *const clock_columns[CLOCK_COLUMNS] = {"id", "name", "profile", "applies",
    "start", "moment", "met_by", "cancelled_by", "duration", "unit", "breach_if", "on_breach",
    "binding", "key", "scope", "source"};

static const char *const applies_words[] = {"any", "origin", "receiving", "either", "pair"};

static const struct {
    const char *word;
    enum stop_special special;
} special_stops[] = {
    {"@opened", STOP_OPENED},
    {"@bound_event", STOP_BOUND_EVENT},
    {"@persisted", STOP_PERSISTED},
    {"@all_erased", STOP_ALL_ERASED},
    {"profile_changed", STOP_PROFILE_CHANGED},
};

static bool is_none(const char *cell)
{
    return cell[0] == '\0' || strcmp(cell, "-") == 0;
}

/* "persisted", "sent", ..., "fact:NAME" */
static int compile_moment(
    const struct loader *self, const char *word, enum moment *moment, uint32_t *fact_number)
{
    static const char *const words[] = {"persisted", "sent", "accepted", "occurred"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], word) == 0) {
            *moment = (enum moment)i;
            *fact_number = 0;
            return 0;
        }
    }
    if (strncmp(word, "fact:", 5) != 0) {
        return load_unknown(
            self, "moment", word, words_nearest_of(word, words, sizeof words / sizeof words[0]));
    }
    const struct fact_info *fact = catalogue_fact_named(word + 5);
    if (fact == NULL || (fact->type != FACT_DATE && fact->type != FACT_TIME)) {
        return load_unknown(self, "date or time fact", word + 5, catalogue_fact_nearest(word + 5));
    }
    *moment = MOMENT_FACT;
    *fact_number = fact->number;
    return 0;
}

/* The word of a cell for one kind: "A (kind: B)" is B for that kind and A for all others. */
static const char *word_for(const struct loader *self, const char *cell, const char *kind_name)
{
    const char *open = strstr(cell, " (");

    if (open == NULL) {
        return cell;
    }
    const char *colon = strchr(open, ':');
    const char *close = strchr(open, ')');
    if (colon != NULL && close != NULL && colon < close) {
        const char *kind = open + 2;
        const char *word = colon + 1 + strspn(colon + 1, " ");
        /* the kind stands before the first colon: "fact:x" has one of its own behind it */
        if (strlen(kind_name) == (size_t)(colon - kind) &&
            strncmp(kind, kind_name, strlen(kind_name)) == 0) {
            return pool_text(self->procedures, word, (size_t)(close - word));
        }
    }
    return pool_text(self->procedures, cell, (size_t)(open - cell));
}

static int compile_start_words(
    const struct loader *self, size_t row, const char *kind_name, struct trigger *out)
{
    const struct tsv *table = &self->procedures->clocks;
    const char *moment = word_for(self, tsv_cell(table, row, COLUMN_MOMENT), kind_name);
    const char *binding = word_for(self, tsv_cell(table, row, COLUMN_BINDING), kind_name);

    int rc = compile_moment(self, moment, &out->moment, &out->moment_fact);
    if (rc == 0 && party_parse(binding, &out->binding) != 0) {
        rc = load_unknown(self, "binding", binding, NULL);
    }
    return rc;
}

/* One alternative: "kind[conditions] (remark)" or a special stop. */
static int compile_trigger(const struct loader *self, char *text, struct trigger *out)
{
    char *open = strchr(text, '[');
    char *close = open != NULL ? strchr(open, ']') : NULL;
    size_t name_len = strcspn(text, "[ ");
    char *inside = NULL;

    if (open != NULL && close == NULL) {
        return load_complain(self, E_MALFORMED, "\"%s\": a bracket is not closed", text);
    }
    if (open != NULL) {
        *close = '\0';
        inside = open + 1;
    }
    text[name_len] = '\0';
    *out = (struct trigger){0};
    for (size_t i = 0; i < sizeof special_stops / sizeof special_stops[0]; i++) {
        if (strcmp(special_stops[i].word, text) == 0) {
            out->special = special_stops[i].special;
        }
    }
    const struct kind_info *kind = catalogue_kind_named(text);
    if (out->special == STOP_KIND && kind == NULL) {
        return load_unknown(self, "kind", text, catalogue_kind_nearest(text));
    }
    out->kind = kind != NULL ? kind->number : 0;
    if (inside == NULL) {
        return 0;
    }
    return conditions_compile(self, out->kind, inside, &out->conditions, &out->condition_count);
}

/* All alternatives of a cell, cut at ';'. */
static int compile_triggers(
    const struct loader *self, const char *cell, const struct trigger **out, size_t *count)
{
    if (is_none(cell)) {
        return 0;
    }
    struct trigger *made = pool_new(self->procedures, TRIGGERS_MAX, sizeof *made);
    char *text = (char *)(uintptr_t)pool_text(self->procedures, cell, strlen(cell));
    while (text != NULL) {
        char *next = strchr(text, ';');
        if (next != NULL) {
            *next++ = '\0';
        }
        if (*count == TRIGGERS_MAX) {
            return load_complain(self, E_RANGE, "more than %d alternatives", TRIGGERS_MAX);
        }
        text += strspn(text, " ");
        int rc = compile_trigger(self, text, &made[*count]);
        if (rc != 0) {
            return rc;
        }
        (*count)++;
        text = next;
    }
    *out = made;
    return 0;
}

static int compile_limit(
    const struct loader *self, const char *count, const char *unit, struct limit *out)
{
    char text[40];

    if (strcmp(unit, "none") == 0 || is_none(unit)) {
        *out = (struct limit){LIMIT_NONE, 0};
        return 0;
    }
    if (strlen(count) + strlen(unit) >= sizeof text) {
        return load_complain(self, E_RANGE, "the duration is too long");
    }
    memcpy(text, count, strlen(count));
    memcpy(text + strlen(count), unit, strlen(unit) + 1);
    if (limit_parse(text, out) != 0) {
        return load_complain(self, E_MALFORMED, "\"%s\" is no duration", text);
    }
    return 0;
}

static int compile_key(const struct loader *self, const char *cell, struct clock_info *clock)
{
    struct {
        const char *word;
        bool *flag;
    } words[] = {
        {"sender", &clock->key_sender},
        {"event", &clock->key_event},
        {"stage", &clock->key_stage},
        {"assessment_type", &clock->key_assessment_type},
        {"start_kind", &clock->key_start_kind},
    };

    for (const char *at = cell; !is_none(at);) {
        size_t len = strcspn(at, "+");
        bool found = false;
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            if (strlen(words[i].word) == len && strncmp(words[i].word, at, len) == 0) {
                *words[i].flag = true;
                found = true;
            }
        }
        if (!found) {
            return load_unknown(self, "key", at, NULL);
        }
        at += len + (at[len] == '+' ? 1 : 0);
    }
    return 0;
}

static int compile_applies(const struct loader *self, const char *word, struct clock_info *clock)
{
    for (size_t i = 0; i < sizeof applies_words / sizeof applies_words[0]; i++) {
        if (strcmp(applies_words[i], word) == 0) {
            clock->applies = (enum clock_applies)i;
            return 0;
        }
    }
    return load_unknown(self, "word for applies", word,
        words_nearest_of(word, applies_words, sizeof applies_words / sizeof applies_words[0]));
}

static int compile_starts(const struct loader *self, size_t row, struct clock_info *clock)
{
    const char *cell = tsv_cell(&self->procedures->clocks, row, COLUMN_START);
    int rc = compile_triggers(self, cell, &clock->starts, &clock->start_count);

    for (size_t i = 0; rc == 0 && i < clock->start_count; i++) {
        struct trigger *start = (struct trigger *)(uintptr_t)&clock->starts[i];
        const struct kind_info *kind = catalogue_kind(start->kind);
        if (kind == NULL) {
            return load_complain(self, E_KIND, "a clock starts by a kind");
        }
        rc = compile_start_words(self, row, kind->name, start);
    }
    return rc;
}

static int compile_breach_if(const struct loader *self, const char *cell, struct clock_info *clock)
{
    size_t count = 0;

    if (is_none(cell)) {
        return 0;
    }
    int rc = conditions_compile(self, 0, cell, &clock->breach_if, &count);
    return rc == 0 && count != 1
        ? load_complain(self, E_MALFORMED, "one condition is asked for in breach_if")
        : rc;
}

static int compile_clock(const struct loader *self, size_t row, struct clock_info *clock)
{
    const struct tsv *table = &self->procedures->clocks;
    const char *scope = tsv_cell(table, row, COLUMN_SCOPE);

    clock->number = (uint32_t)row + 1;
    clock->id = tsv_cell(table, row, COLUMN_ID);
    clock->name = tsv_cell(table, row, COLUMN_NAME);
    clock->profile = tsv_cell(table, row, COLUMN_PROFILE);
    clock->source = tsv_cell(table, row, COLUMN_SOURCE);
    clock->on_breach = tsv_cell(table, row, COLUMN_ON_BREACH);
    if (clock->id[0] == '\0' || strlen(clock->id) >= CLOCK_ID_BYTES) {
        return load_complain(self, E_RANGE, "a clock's id has 1 to %d letters, not \"%.60s\"",
            CLOCK_ID_BYTES - 1, clock->id);
    }
    clock->child_scope = strcmp(scope, "child") == 0;
    clock->is_timer = clock->child_scope || strcmp(scope, "episode") == 0;
    int rc = compile_applies(self, tsv_cell(table, row, COLUMN_APPLIES), clock);
    if (rc == 0) {
        rc = compile_limit(self, tsv_cell(table, row, COLUMN_DURATION),
            tsv_cell(table, row, COLUMN_UNIT), &clock->shipped);
    }
    if (rc == 0 && clock->is_timer) {
        rc = compile_starts(self, row, clock);
    }
    if (rc == 0) {
        rc = compile_triggers(
            self, tsv_cell(table, row, COLUMN_MET), &clock->met_by, &clock->met_count);
    }
    if (rc == 0) {
        rc = compile_triggers(self, tsv_cell(table, row, COLUMN_CANCELLED), &clock->cancelled_by,
            &clock->cancel_count);
    }
    if (rc == 0) {
        rc = compile_key(self, tsv_cell(table, row, COLUMN_KEY), clock);
    }
    if (rc == 0) {
        const char *binding = word_for(self, tsv_cell(table, row, COLUMN_BINDING), "");
        rc = party_parse(binding, &clock->binding) != 0
            ? load_unknown(self, "binding", binding, NULL)
            : 0;
    }
    return rc == 0 ? compile_breach_if(self, tsv_cell(table, row, COLUMN_BREACH_IF), clock) : rc;
}

static void add_number(procedures_t *self, struct number_list *list, uint32_t number)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->numbers[i] == number) {
            return;
        }
    }
    uint32_t *grown = pool_new(self, list->count + 1, sizeof *grown);
    if (list->count > 0) {
        memcpy(grown, list->numbers, list->count * sizeof *grown);
    }
    grown[list->count++] = number;
    list->numbers = grown;
}

/* Which clocks each kind may start or stop follows from the clocks' own rows. */
static void index_clock(procedures_t *self, const struct clock_info *clock)
{
    for (size_t i = 0; i < clock->start_count; i++) {
        add_number(self, &self->starts[clock->starts[i].kind], clock->number);
    }
    for (size_t i = 0; i < clock->met_count; i++) {
        add_number(self, &self->stops[clock->met_by[i].kind], clock->number);
    }
    for (size_t i = 0; i < clock->cancel_count; i++) {
        add_number(self, &self->stops[clock->cancelled_by[i].kind], clock->number);
    }
}

int clocks_compile(struct loader *self)
{
    procedures_t *procedures = self->procedures;
    struct tsv *table = &procedures->clocks;

    procedures->clock_rows = pool_new(procedures, table->row_count, sizeof *procedures->clock_rows);
    for (size_t row = 0; row < table->row_count; row++) {
        self->file = table->file;
        self->line = row + 2;
        int rc = compile_clock(self, row, &procedures->clock_rows[row]);
        if (rc != 0) {
            return rc;
        }
        procedures->clock_count++;
        index_clock(procedures, &procedures->clock_rows[row]);
    }
    return 0;
}

int clocks_read(struct slice bytes, const char *file, struct tsv *out, struct complaint *why)
{
    static const char *const others[] = {"calendar", NULL};
    static const struct tsv_layout layout = {
        .columns = clock_columns, .column_count = CLOCK_COLUMNS, .others = others};

    return tsv_read(file, bytes, &layout, out, why);
}
