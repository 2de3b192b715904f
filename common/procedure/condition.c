/*
 * condition: compile the conditions of the tables (docs/PROCEDURES.md, section 3). Unknown words
 * are complaints with the nearest known one.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/words.h"
#include "common/procedure/load.h"

#include "common/base/banned.h"

static const struct {
    const char *name;
    enum state_name state;
    const char *fact; /* whose values it takes, NULL where its words stand in words */
    const char *words[3];
} state_names[] = {
    {"case_type", STATE_CASE_TYPE, "case_type_now", {NULL}},
    {"permanence", STATE_PERMANENCE, "permanence", {NULL}},
    {"retain_intention", STATE_RETAIN_INTENTION, "retain_intention", {NULL}},
    {"conference", STATE_CONFERENCE, NULL, {"none", "held", NULL}},
    {"challenge", STATE_CHALLENGE, NULL, {"none", "open", NULL}},
    {"retained", STATE_RETAINED, NULL, {"yes", "no", NULL}},
    {"minutes", STATE_MINUTES, NULL, {"none", "sent", NULL}},
    {"flag_end", STATE_FLAG_END, NULL, {NULL}},
    {"flag_basis", STATE_FLAG_BASIS, "basis", {NULL}},
    {"temporary_plan", STATE_TEMPORARY_PLAN, NULL, {"set", "clear", NULL}},
};

enum { STATE_NAMES = sizeof state_names / sizeof state_names[0] };

static const struct {
    const char *word;
    enum condition_subject subject;
} bare_words[] = {
    {"first", CONDITION_FIRST},
    {"second", CONDITION_SECOND},
    {"unstarted", CONDITION_UNSTARTED},
    {"itself", CONDITION_ITSELF},
    {"other", CONDITION_OTHER},
};

/* Phrases that stand for a condition as a whole. */
static const struct {
    const char *phrase;
    struct condition conditions[2];
    size_t count;
    const char *rule;
} phrases[] = {
    {"no split on record", {{.subject = CONDITION_NO_SPLIT}, {0}}, 1, NULL},
    {"second, R61 among the rules",
        {{.subject = CONDITION_SECOND}, {.subject = CONDITION_NAMES_RULE}}, 2, "R61"},
};

static const struct {
    const char *word;
    enum party party;
} parties[] = {
    {"origin", PARTY_ORIGIN},
    {"receiving", PARTY_RECEIVING},
    {"either", PARTY_EITHER},
    {"any", PARTY_ANY},
    {"sender", PARTY_SENDER},
    {"both", PARTY_BOTH},
    {"case", PARTY_CASE},
    {"operator", PARTY_OPERATOR},
    {"host", PARTY_RECEIVING}, /* where the child is found: docs/PROCEDURES.md, section 3, roles */
    {"home", PARTY_ORIGIN},
    {"placing", PARTY_ORIGIN},
};

int party_parse(const char *word, enum party *out)
{
    for (size_t i = 0; i < sizeof parties / sizeof parties[0]; i++) {
        if (strcmp(parties[i].word, word) == 0) {
            *out = parties[i].party;
            return 0;
        }
    }
    return E_NOT_FOUND;
}

static const char *state_at(const void *known, size_t index)
{
    (void)known;
    return index < STATE_NAMES ? state_names[index].name : NULL;
}

/* The number of one alternative: an enum's value, or its place among a state's words from 1. */
static int alternative_number(const struct loader *self, const struct fact_info *fact,
    const char *const *words, const char *word, uint32_t *out)
{
    *out = 0;
    if (fact != NULL && fact->type == FACT_ENUM) {
        if (fact_value_number(fact, word, out) != 0) {
            return load_unknown(
                self, fact->name, word, words_nearest_of(word, fact->values, fact->value_count));
        }
        return 0;
    }
    if (fact != NULL && fact->type == FACT_BOOL) {
        *out = strcmp(word, "yes") == 0 ? 1 : 0;
        return 0;
    }
    for (uint32_t i = 0; words != NULL && words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0) {
            *out = i + 1;
            return 0;
        }
    }
    return words != NULL && words[0] != NULL ? load_unknown(self, "value", word, NULL) : 0;
}

/* Cut "x/y/z" into words and numbers. */
static int take_alternatives(const struct loader *self, const struct fact_info *fact,
    const char *const *words, char *text, struct condition *out)
{
    const char **values = pool_new(self->procedures, ALTERNATIVES_MAX, sizeof *values);
    uint32_t *numbers = pool_new(self->procedures, ALTERNATIVES_MAX, sizeof *numbers);

    while (text != NULL) {
        char *slash = strchr(text, '/');
        if (slash != NULL) {
            *slash++ = '\0';
        }
        if (out->value_count == ALTERNATIVES_MAX) {
            return load_complain(self, E_RANGE, "more than %d alternatives", ALTERNATIVES_MAX);
        }
        values[out->value_count] = text;
        if (out->subject == CONDITION_START_KIND) {
            const struct kind_info *kind = catalogue_kind_named(text);
            if (kind == NULL) {
                return load_unknown(self, "kind", text, catalogue_kind_nearest(text));
            }
            numbers[out->value_count] = kind->number;
        } else {
            int rc = alternative_number(self, fact, words, text, &numbers[out->value_count]);
            if (rc != 0) {
                return rc;
            }
        }
        out->value_count++;
        text = slash;
    }
    out->values = values;
    out->numbers = numbers;
    return 0;
}

static int compile_role(const struct loader *self, char *text, char *at, struct condition *out)
{
    enum party party;

    *at = '\0';
    if (party_parse(text, &party) != 0) {
        return load_unknown(self, "role", text, NULL);
    }
    *out = (struct condition){.subject = CONDITION_ROLE, .role = (uint8_t)party, .profile = at + 1};
    return 0;
}

static int compile_named(
    const struct loader *self, uint32_t kind, char *name, char *values, struct condition *out)
{
    const struct fact_info *fact = NULL;
    const char *const *words = NULL;

    if (strcmp(name, "start") == 0) {
        out->subject = CONDITION_START_KIND;
    } else if (strncmp(name, "state.", 6) == 0) {
        size_t i = 0;
        while (i < STATE_NAMES && strcmp(state_names[i].name, name + 6) != 0) {
            i++;
        }
        if (i == STATE_NAMES) {
            return load_unknown(self, "state", name + 6, words_nearest(name + 6, state_at, NULL));
        }
        out->subject = CONDITION_STATE;
        out->name = state_names[i].state;
        fact = state_names[i].fact != NULL ? catalogue_fact_named(state_names[i].fact) : NULL;
        words = state_names[i].words;
    } else {
        fact = catalogue_fact_named(name);
        if (fact == NULL) {
            return load_unknown(self, "fact", name, catalogue_fact_nearest(name));
        }
        const struct kind_info *info = catalogue_kind(kind);
        if (info != NULL && !fact->envelope && !kind_lists(info, fact->number)) {
            return load_complain(
                self, E_FACT_NOT_LISTED, "%s does not carry the fact %s", info->name, name);
        }
        out->subject = CONDITION_FACT;
        out->name = fact->number;
    }
    if (values == NULL) {
        out->presence = true;
        return 0;
    }
    return take_alternatives(self, fact, words, values, out);
}

static int compile_one(const struct loader *self, uint32_t kind, char *text, struct condition *out)
{
    *out = (struct condition){0};
    for (size_t i = 0; i < sizeof bare_words / sizeof bare_words[0]; i++) {
        if (strcmp(bare_words[i].word, text) == 0) {
            out->subject = bare_words[i].subject;
            return 0;
        }
    }
    char *at = strchr(text, '@');
    if (at != NULL) {
        return compile_role(self, text, at, out);
    }
    char *equals = strchr(text, '=');
    if (equals == NULL) {
        return compile_named(self, kind, text, NULL, out);
    }
    if (equals > text && equals[-1] == '!') {
        out->negated = true;
        equals[-1] = '\0';
    }
    *equals = '\0';
    return compile_named(self, kind, text, equals + 1, out);
}

char *word_next(char **rest)
{
    char *word = *rest + strspn(*rest, " ");

    if (*word == '\0') {
        return NULL;
    }
    char *end = word + strcspn(word, " ");
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

static bool compile_phrase(
    const struct loader *self, const char *text, const struct condition **out, size_t *count)
{
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (strcmp(phrases[i].phrase, text) == 0) {
            struct condition *made = pool_new(self->procedures, phrases[i].count, sizeof *made);
            memcpy(made, phrases[i].conditions, phrases[i].count * sizeof *made);
            if (phrases[i].rule != NULL) {
                const struct rule_info *rule =
                    procedures_rule_named(self->procedures, phrases[i].rule);
                made[phrases[i].count - 1].name = rule != NULL ? rule->number : 0;
            }
            *out = made;
            *count = phrases[i].count;
            return true;
        }
    }
    return false;
}

int conditions_compile(const struct loader *self, uint32_t kind, const char *text,
    const struct condition **out, size_t *count)
{
    if (compile_phrase(self, text, out, count)) {
        return 0;
    }
    char *rest = (char *)(uintptr_t)pool_text(self->procedures, text, strlen(text));
    struct condition *made = pool_new(self->procedures, CONDITIONS_MAX, sizeof *made);
    size_t used = 0;
    for (char *word; (word = word_next(&rest)) != NULL; used++) {
        if (used == CONDITIONS_MAX) {
            return load_complain(self, E_RANGE, "more than %d conditions", CONDITIONS_MAX);
        }
        int rc = compile_one(self, kind, word, &made[used]);
        if (rc != 0) {
            return rc;
        }
    }
    *out = made;
    *count = used;
    return 0;
}
