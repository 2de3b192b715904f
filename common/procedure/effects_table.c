/* effects_table: compile the column `sets` of kinds.tsv. Unknown phrases are complaints with the nearest known one. */
#include <string.h>

#include "common/base/check.h"
#include "common/base/words.h"
#include "common/procedure/effect_words.h"
#include "common/procedure/load.h"

#include "common/base/banned.h"

enum kind_column { COLUMN_KIND, COLUMN_STARTS, COLUMN_STOPS, COLUMN_SETS, KIND_COLUMNS };

static const char *const kind_columns[KIND_COLUMNS] = {"kind", "starts", "stops", "sets"};

#define WORD(name, word) word,
static const char *const flags[] = {EFFECT_FLAGS(WORD)};
static const char *const fields[] = {EFFECT_FIELDS(WORD)};
#undef WORD

static const char *const dimensions[] = {"case", "immediate_safeguarding", "assessment",
    "conference_convening", "reports", "rent_subsistence", "other_services_cost",
    "support_meanwhile", "data_recording"};

enum {
    FLAGS = sizeof flags / sizeof flags[0],
    FIELDS = sizeof fields / sizeof fields[0],
    DIMENSIONS = sizeof dimensions / sizeof dimensions[0],
};

static const struct {
    const char *phrase;
    enum effect_special special;
} phrases[] = {
    {"each stated fact replaces the one on record", SPECIAL_REPLACE_STATED},
    {"a held transfer_requested is dropped", SPECIAL_DROP_HELD},
    {"its move notices no longer count (R17)", SPECIAL_NOTICES_WITHDRAWN},
    {"stages and filings are cleared", SPECIAL_CLEAR_FILINGS},
    {"the two child records become one (section 5.1)", SPECIAL_MERGE_RECORDS},
    {"no clock starts or stops", SPECIAL_NO_CLOCKS},
};

enum { PHRASES = sizeof phrases / sizeof phrases[0] };

static const char *phrase_at(const void *known, size_t index)
{
    (void)known;
    return index < PHRASES ? phrases[index].phrase : NULL;
}

/* The place of a word in a list; false where it is none of them. */
static bool place_of(const char *word, const char *const *words, size_t count, uint32_t *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* Cut a remark in round brackets off the end where it is none of an effect's own, and trailing blanks. */
static void cut_remark(char *text)
{
    char *open = strstr(text, " (");

    if (open != NULL) {
        *open = '\0';
    }
    for (size_t len = strlen(text); len > 0 && text[len - 1] == ' '; len--) {
        text[len - 1] = '\0';
    }
}

/* "+outstanding(R20)", "-outstanding(R46) where clock=C18" */
static int compile_outstanding(const struct loader *self, char *text, struct effect *out)
{
    char *where = strstr(text, " where ");
    char *id = strchr(text, '(') + 1;

    out->verb = text[0] == '+' ? EFFECT_OUTSTANDING : EFFECT_NOT_OUTSTANDING;
    if (where != NULL) {
        *where = '\0';
        int rc = conditions_compile(self, 0, where + 7, &out->conditions, &out->condition_count);
        if (rc != 0) {
            return rc;
        }
    }
    id[strcspn(id, ")")] = '\0';
    const struct rule_info *rule = procedures_rule_named(self->procedures, id);
    if (rule == NULL) {
        return load_unknown(self, "rule", id, NULL);
    }
    out->name = rule->id;
    out->rule = rule->number;
    return 0;
}

static int compile_flag(const struct loader *self, char *text, struct effect *out)
{
    char *open = strchr(text, '(');

    out->verb = text[0] == '+' ? EFFECT_SET_FLAG : EFFECT_CLEAR_FLAG;
    if (open != NULL && open > text && open[-1] != ' ') {
        char *close = strchr(open, ')');
        if (close == NULL) {
            return load_complain(self, E_MALFORMED, "\"%s\": a bracket is not closed", text);
        }
        *close = '\0';
        *open = '\0';
        out->argument = open + 1;
    } else {
        cut_remark(text);
    }
    if (!place_of(text + 1, flags, FLAGS, &out->target)) {
        return load_unknown(self, "flag", text + 1, words_nearest_of(text + 1, flags, FLAGS));
    }
    out->name = text + 1;
    return 0;
}

/* The right side of ":=": the fact of the field's own name, another fact, or a word. */
static int compile_value(const struct loader *self, char *value, struct effect *out)
{
    char *otherwise = strstr(value, " or none");
    char *else_occurred = strstr(value, " (else the date of occurrence");

    if (otherwise != NULL) {
        *otherwise = '\0';
        out->otherwise = ELSE_NONE;
    } else if (else_occurred != NULL) {
        *else_occurred = '\0';
        out->otherwise = ELSE_OCCURRED;
    }
    const char *name = strcmp(value, "fact") == 0 ? out->name : value;
    const struct fact_info *fact = catalogue_fact_named(name);
    out->argument = value;
    out->fact = fact != NULL ? fact->number : 0;
    if (strcmp(value, "fact") == 0 && fact == NULL) {
        return load_unknown(self, "fact", name, catalogue_fact_nearest(name));
    }
    return 0;
}

static int compile_dimension(const struct loader *self, char *name, char *value, struct effect *out)
{
    enum party party;

    out->verb = EFFECT_DIMENSION;
    if (!place_of(name, dimensions, DIMENSIONS, &out->target)) {
        return load_unknown(
            self, "dimension", name, words_nearest_of(name, dimensions, DIMENSIONS));
    }
    out->name = name;
    int rc = compile_value(self, value, out);
    if (rc == 0 && out->fact == 0) {
        if (party_parse(value, &party) != 0) {
            return load_unknown(self, "role or fact", value, catalogue_fact_nearest(value));
        }
        out->word = party;
    }
    return rc;
}

/* field := word: a value of the fact of that name. Permanence alone has one that no event may state: ended. */
static int compile_word(const struct loader *self, struct effect *out)
{
    bool ends = out->target == EFFECT_FIELD_PERMANENCE && strcmp(out->argument, "ended") == 0;
    const struct fact_info *fact = out->target == EFFECT_FIELD_CASE_TYPE
        ? catalogue_case_type()
        : catalogue_fact_named(out->name);

    if (!ends && (fact == NULL || fact_value_number(fact, out->argument, &out->word) != 0)) {
        return load_unknown(self, "fact or value", out->argument,
            fact != NULL ? fact_value_nearest(fact, out->argument) : NULL);
    }
    return 0;
}

static int compile_assignment(const struct loader *self, char *text, char *sign, struct effect *out)
{
    char *value = sign + 4;

    *sign = '\0';
    if (strncmp(text, "dim ", 4) == 0) {
        return compile_dimension(self, text + 4, value, out);
    }
    out->verb = EFFECT_STORE;
    if (!place_of(text, fields, FIELDS, &out->target)) {
        return load_unknown(self, "field", text, words_nearest_of(text, fields, FIELDS));
    }
    out->name = text;
    int rc = compile_value(self, value, out);
    return rc == 0 && out->fact == 0 ? compile_word(self, out) : rc;
}

static int compile_phrase(const struct loader *self, const char *text, struct effect *out)
{
    for (size_t i = 0; i < PHRASES; i++) {
        if (strcmp(phrases[i].phrase, text) == 0) {
            out->verb = EFFECT_SPECIAL;
            out->special = phrases[i].special;
            return 0;
        }
    }
    return load_unknown(self, "effect", text, words_nearest(text, phrase_at, NULL));
}

static int compile_items(
    const struct loader *self, uint32_t kind, char *text, struct effect_list *list);

/* "=> system_kind (effects)": the effects follow as they stand. */
static int compile_derived(
    const struct loader *self, uint32_t kind, char *text, struct effect_list *list)
{
    char *open = strstr(text, " (");
    struct effect *out = &list->effects[list->count++];

    *out = (struct effect){.verb = EFFECT_DERIVE, .argument = ""};
    if (open != NULL) {
        char *close = strrchr(open, ')');
        if (close == NULL) {
            return load_complain(self, E_MALFORMED, "\"%s\": a bracket is not closed", text);
        }
        *open = '\0';
        *close = '\0';
    }
    out->name = text + 3;
    return open != NULL ? compile_items(self, kind, open + 2, list) : 0;
}

static int compile_item(
    const struct loader *self, uint32_t kind, char *text, struct effect_list *list)
{
    struct effect made = {.argument = ""};
    int rc = 0;

    if (text[0] == '[') {
        char *close = strchr(text, ']');
        if (close == NULL) {
            return load_complain(self, E_MALFORMED, "\"%s\": a bracket is not closed", text);
        }
        *close = '\0';
        rc = conditions_compile(self, kind, text + 1, &made.conditions, &made.condition_count);
        text = close + 1 + strspn(close + 1, " ");
    }
    if (rc != 0) {
        return rc;
    }
    if (strncmp(text, "=> ", 3) == 0) {
        return compile_derived(self, kind, text, list);
    }
    char *sign = strstr(text, " := ");
    if (strncmp(text + 1, "outstanding(", 12) == 0) {
        rc = compile_outstanding(self, text, &made);
    } else if (sign != NULL) {
        rc = compile_assignment(self, text, sign, &made);
    } else if (text[0] == '+' || text[0] == '-') {
        rc = compile_flag(self, text, &made);
    } else {
        rc = compile_phrase(self, text, &made);
    }
    if (rc == 0) {
        list->effects[list->count++] = made;
    }
    return rc;
}

/* Cut at ';' outside round brackets. */
static char *item_end(char *text)
{
    int depth = 0;

    for (; *text != '\0'; text++) {
        depth += *text == '(' ? 1 : *text == ')' ? -1 : 0;
        if (*text == ';' && depth == 0) {
            return text;
        }
    }
    return NULL;
}

static int compile_items(
    const struct loader *self, uint32_t kind, char *text, struct effect_list *list)
{
    while (text != NULL) {
        char *next = item_end(text);
        if (next != NULL) {
            *next++ = '\0';
        }
        text += strspn(text, " ");
        if (list->count + 2 > EFFECTS_MAX) {
            return load_complain(self, E_RANGE, "more than %d effects", EFFECTS_MAX);
        }
        int rc = compile_item(self, kind, text, list);
        if (rc != 0) {
            return rc;
        }
        text = next;
    }
    return 0;
}

/* The columns starts and stops repeat what the clocks say; both must agree, or one of them is wrong. */
static int check_clock_column(
    const struct loader *self, const char *column, const char *cell, const struct number_list *list)
{
    size_t named = 0;

    for (const char *at = cell; at[0] != '\0' && strcmp(cell, "-") != 0;) {
        char id[8] = "";
        size_t len = strcspn(at, ",");
        memcpy(id, at, len < sizeof id ? len : sizeof id - 1);
        const struct clock_info *clock = procedures_clock_named(self->procedures, id);
        if (clock == NULL) {
            return load_unknown(self, "clock", id, NULL);
        }
        bool found = false;
        for (size_t i = 0; i < list->count; i++) {
            found = found || list->numbers[i] == clock->number;
        }
        if (!found) {
            return load_complain(self, E_MALFORMED,
                "column %s names %s, whose own row does not know this kind", column, id);
        }
        named++;
        at += len + (at[len] == ',' ? 1 : 0);
    }
    return named == list->count
        ? 0
        : load_complain(self, E_MALFORMED, "column %s names %zu clocks, the clocks' rows %zu",
              column, named, list->count);
}

int effects_compile(struct loader *self)
{
    procedures_t *procedures = self->procedures;
    const struct tsv *table = &procedures->kinds;

    for (size_t row = 0; row < table->row_count; row++) {
        self->file = table->file;
        self->line = row + 2;
        const struct kind_info *kind = catalogue_kind_named(tsv_cell(table, row, COLUMN_KIND));
        if (kind == NULL || kind->number >= KIND_ROWS_MAX) {
            const char *name = tsv_cell(table, row, COLUMN_KIND);
            return load_unknown(self, "kind", name, catalogue_kind_nearest(name));
        }
        int rc = check_clock_column(
            self, "starts", tsv_cell(table, row, COLUMN_STARTS), &procedures->starts[kind->number]);
        if (rc == 0) {
            rc = check_clock_column(self, "stops", tsv_cell(table, row, COLUMN_STOPS),
                &procedures->stops[kind->number]);
        }
        const char *sets = tsv_cell(table, row, COLUMN_SETS);
        struct effect_list *list = &procedures->effects[kind->number];
        list->effects = pool_new(procedures, EFFECTS_MAX, sizeof *list->effects);
        if (rc == 0 && strcmp(sets, "-") != 0) {
            char *text = (char *)(uintptr_t)pool_text(procedures, sets, strlen(sets));
            rc = compile_items(self, kind->number, text, list);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int kinds_read(struct slice bytes, const char *file, struct tsv *out, struct complaint *why)
{
    static const char *const others[] = {"title", "sender_role", "recipient_role", "required_facts",
        "optional_facts", "ack_expected", "sources", NULL};
    static const struct tsv_layout layout = {
        .columns = kind_columns, .column_count = KIND_COLUMNS, .others = others};

    return tsv_read(file, bytes, &layout, out, why);
}
