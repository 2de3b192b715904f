/* rules_table: compile rules.tsv. Faults are complaints with file and line. */
#include <string.h>

#include "common/base/check.h"
#include "common/base/words.h"
#include "common/procedure/load.h"

#include "common/base/banned.h"

enum rule_column {
    COLUMN_ID,
    COLUMN_CHECK,
    COLUMN_NATIONAL,
    COLUMN_LONDON,
    COLUMN_PAIR,
    COLUMN_NORTH_WEST,
    COLUMN_HEREFORDSHIRE,
    COLUMN_OWNER,
    COLUMN_FACTS,
    COLUMN_AFFECTS,
    COLUMN_SOURCE,
    COLUMN_TITLE, /* the last: a journal may hold tables from before rules had titles */
    RULE_COLUMNS
};

static const char *const rule_columns[RULE_COLUMNS] = {"id", "check", "national", "london",
    "birmingham-solihull", "north-west", "herefordshire", "owner", "facts", "affects", "source",
    "title"};

static const struct {
    const char *word;
    enum severity severity;
} severity_words[] = {
    {"REJECT", SEVERITY_REJECT},
    {"REQUIRE", SEVERITY_REQUIRE},
    {"HOLD", SEVERITY_HOLD},
    {"ALERT", SEVERITY_ALERT},
};

enum { SEVERITY_WORDS = sizeof severity_words / sizeof severity_words[0] };

/* A kind or a clock behind a severity. */
static int take_target(const struct loader *self, const char *name, struct severity_entry *entry)
{
    const struct kind_info *kind = catalogue_kind_named(name);
    const struct clock_info *clock = procedures_clock_named(self->procedures, name);

    if (kind == NULL && clock == NULL) {
        return load_unknown(self, "kind or clock", name, catalogue_kind_nearest(name));
    }
    entry->kind = kind != NULL ? kind->number : 0;
    entry->clock = clock != NULL ? clock->number : 0;
    return 0;
}

/* "SEVERITY" or "SEVERITY:target+target": one entry a target. */
static int take_severity(
    const struct loader *self, char *word, struct severity_list *list, size_t *first)
{
    char *targets = strchr(word, ':');
    size_t i = 0;

    if (targets != NULL) {
        *targets++ = '\0';
    }
    while (i < SEVERITY_WORDS && strcmp(severity_words[i].word, word) != 0) {
        i++;
    }
    if (i == SEVERITY_WORDS) {
        return load_unknown(self, "severity", word, NULL);
    }
    *first = list->count;
    do {
        char *next = targets != NULL ? strchr(targets, '+') : NULL;
        if (next != NULL) {
            *next++ = '\0';
        }
        if (list->count == SEVERITIES_MAX) {
            return load_complain(
                self, E_RANGE, "more than %d severities in a cell", SEVERITIES_MAX);
        }
        struct severity_entry *entry = &list->entries[list->count];
        *entry =
            (struct severity_entry){.severity = severity_words[i].severity, .only_for = PARTY_ANY};
        if (targets != NULL) {
            int rc = take_target(self, targets, entry);
            if (rc != 0) {
                return rc;
            }
        }
        list->count++;
        targets = next;
    } while (targets != NULL);
    return 0;
}

static bool is_structure(const char *cell)
{
    return strcmp(cell, "structure") == 0 || strcmp(cell, "configuration") == 0;
}

static int compile_cell(const struct loader *self, const char *cell, struct severity_list *list)
{
    size_t first = 0;

    list->given = strcmp(cell, "=") != 0;
    if (!list->given || strcmp(cell, "-") == 0 || is_structure(cell)) {
        return 0;
    }
    list->entries = pool_new(self->procedures, SEVERITIES_MAX, sizeof *list->entries);
    char *rest = (char *)(uintptr_t)pool_text(self->procedures, cell, strlen(cell));
    for (char *word; (word = word_next(&rest)) != NULL;) {
        if (word[0] != '(') {
            int rc = take_severity(self, word, list, &first);
            if (rc != 0) {
                return rc;
            }
            continue;
        }
        enum party party;
        word[strcspn(word, ")")] = '\0';
        if (party_parse(word + 1, &party) != 0) {
            return load_unknown(self, "role", word + 1, NULL);
        }
        for (size_t i = first; i < list->count; i++) {
            list->entries[i].only_for = party;
        }
    }
    return 0;
}

static int compile_owner(const struct loader *self, const char *cell, struct rule_info *rule)
{
    char *rest = (char *)(uintptr_t)pool_text(self->procedures, cell, strlen(cell));

    for (char *word; (word = word_next(&rest)) != NULL;) {
        word[strcspn(word, ",")] = '\0';
        bool *flag = strcmp(word, "origin") == 0 ? &rule->owner_origin
            : strcmp(word, "receiving") == 0     ? &rule->owner_receiving
            : strcmp(word, "sender") == 0        ? &rule->owner_sender
            : strcmp(word, "pair") == 0          ? &rule->owner_pair
            : strcmp(word, "broker") == 0        ? &rule->owner_broker
                                                 : NULL;
        if (flag == NULL) {
            return load_unknown(self, "owner", word, NULL);
        }
        *flag = true;
    }
    return 0;
}

/* A fact that the rule asks for: the kind must require it, else nobody would be asked. */
static int take_fact(const struct loader *self, const struct kind_info *kind, const char *name,
    struct rule_fact *out)
{
    const struct fact_info *fact = catalogue_fact_named(name);

    if (fact == NULL) {
        return load_unknown(self, "fact", name, catalogue_fact_nearest(name));
    }
    for (const uint32_t *required = kind->required; *required != 0; required++) {
        if (*required == fact->number) {
            *out = (struct rule_fact){kind->number, fact->number};
            return 0;
        }
    }
    return load_complain(self, E_MALFORMED,
        "%s is no required fact of %s: put it into required_facts of kinds.tsv, or out of here",
        name, kind->name);
}

/* "kind:fact+fact kind:fact" */
static int compile_facts(const struct loader *self, const char *cell, struct rule_info *rule)
{
    if (strcmp(cell, "-") == 0) {
        return 0;
    }
    struct rule_fact *facts = pool_new(self->procedures, RULE_FACTS_MAX, sizeof *facts);
    char *rest = (char *)(uintptr_t)pool_text(self->procedures, cell, strlen(cell));
    for (char *word; (word = word_next(&rest)) != NULL;) {
        char *names = strchr(word, ':');
        if (names == NULL) {
            return load_complain(self, E_MALFORMED, "\"%s\" is not kind:fact", word);
        }
        *names++ = '\0';
        const struct kind_info *kind = catalogue_kind_named(word);
        if (kind == NULL) {
            return load_unknown(self, "kind", word, catalogue_kind_nearest(word));
        }
        while (names != NULL) {
            char *next = strchr(names, '+');
            if (next != NULL) {
                *next++ = '\0';
            }
            if (rule->fact_count == RULE_FACTS_MAX) {
                return load_complain(self, E_RANGE, "more than %d facts", RULE_FACTS_MAX);
            }
            int rc = take_fact(self, kind, names, &facts[rule->fact_count]);
            if (rc != 0) {
                return rc;
            }
            rule->fact_count++;
            names = next;
        }
    }
    rule->facts = facts;
    return 0;
}

static int compile_rule(const struct loader *self, size_t row, struct rule_info *rule)
{
    procedures_t *procedures = self->procedures;
    const struct tsv *table = &procedures->rules;

    rule->number = (uint32_t)row + 1;
    rule->id = tsv_cell(table, row, COLUMN_ID);
    rule->check = tsv_cell(table, row, COLUMN_CHECK);
    rule->title = tsv_cell(table, row, COLUMN_TITLE);
    rule->affects = tsv_cell(table, row, COLUMN_AFFECTS);
    rule->source = tsv_cell(table, row, COLUMN_SOURCE);
    rule->structural = is_structure(tsv_cell(table, row, COLUMN_NATIONAL)) ||
        is_structure(tsv_cell(table, row, COLUMN_LONDON));
    for (size_t i = 0; i < RULE_PROFILES; i++) {
        int rc = compile_cell(
            self, tsv_cell(table, row, COLUMN_NATIONAL + i), &procedures->severities[row][i]);
        if (rc != 0) {
            return rc;
        }
    }
    int rc = compile_owner(self, tsv_cell(table, row, COLUMN_OWNER), rule);
    return rc == 0 ? compile_facts(self, tsv_cell(table, row, COLUMN_FACTS), rule) : rc;
}

int rules_compile(struct loader *self)
{
    procedures_t *procedures = self->procedures;
    struct tsv *table = &procedures->rules;

    for (size_t i = 0; i < RULE_PROFILES; i++) {
        procedures->rule_profiles[i] = rule_columns[COLUMN_NATIONAL + i];
    }
    procedures->rule_rows = pool_new(procedures, table->row_count, sizeof *procedures->rule_rows);
    procedures->severities = pool_new(procedures, table->row_count, sizeof *procedures->severities);
    for (size_t row = 0; row < table->row_count; row++) {
        self->file = table->file;
        self->line = row + 2;
        int rc = compile_rule(self, row, &procedures->rule_rows[row]);
        if (rc != 0) {
            return rc;
        }
        procedures->rule_count++;
    }
    return 0;
}

int rules_read(struct slice bytes, const char *file, struct tsv *out, struct complaint *why)
{
    static const struct tsv_layout layout = {
        .columns = rule_columns, .column_count = RULE_COLUMNS, .optional = 1};

    return tsv_read(file, bytes, &layout, out, why);
}
