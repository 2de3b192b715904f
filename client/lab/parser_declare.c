/*
 * parser_declare: the statements that hold for the whole file, read before all others: scenario,
 * config, register, transfer, and the time of the first `at`. Children and transfers are sorted by
 * name and get their ids from that order, so that whatever goes by id goes by name. Faults are
 * returned.
 */
#include <stdlib.h>
#include <string.h>

#include "client/lab/parser.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/crypto/hash.h"

#include "common/base/banned.h"

/* A child as one transfer names it. */
struct mention {
    const char *name;
    uint32_t case_type;
    uint32_t line;
};

/* A transfer as declared: words that are looked up when all is known. */
struct declared {
    const char *name, *origin, *receiving, *profile;
    size_t child_count;
    struct mention children[SUBJECTS_MAX];
    uint32_t line;
};

struct declarations {
    size_t count, capacity;
    struct declared *items; /* owned */
};

/* ---- one statement ---- */

static int declare_title(struct parser *self)
{
    if (self->titled) {
        return complain(self->why, E_EXISTS, "the scenario has its title already");
    }
    if (self->words.count != 2 || self->words.at[1].key != NULL) {
        return complain(self->why, E_USAGE, "write: scenario \"TITLE\"");
    }
    self->titled = true;
    self->scenario->title = self->words.at[1].text;
    return 0;
}

int scenario_override_apply(
    const struct scenario_override *override, procedures_t *procedures, struct complaint *why)
{
    return override->key != NULL
        ? procedures_override(procedures, override->key, override->value, why)
        : procedures_member(procedures, override->code, override->value, override->from_day, why);
}

/* Kept, so that a broker whose tables come from its journal is given the same. */
static int override_add(struct parser *self, const struct scenario_override *override)
{
    scenario_t *scenario = self->scenario;

    scenario->overrides =
        mem_resize(scenario->overrides, scenario->override_count + 1, sizeof *scenario->overrides);
    scenario->overrides[scenario->override_count++] = *override;
    return scenario_override_apply(override, scenario->procedures, self->why);
}

static int declare_config(struct parser *self)
{
    if (self->words.count < 2) {
        return complain(self->why, E_USAGE, "write: config KEY=VALUE");
    }
    for (size_t i = 1; i < self->words.count; i++) {
        const struct word *word = &self->words.at[i];
        if (word->key == NULL) {
            return complain(self->why, E_USAGE, "write: config KEY=VALUE, not %s", word->text);
        }
        int rc =
            override_add(self, &(struct scenario_override){.key = word->key, .value = word->text});
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int declare_member(struct parser *self, const struct word *word, int32_t day)
{
    const char *profile;
    char code[CODE_BYTES + 1];

    if (word->key == NULL) {
        return complain(
            self->why, E_USAGE, "write: register from=DATE CODE=PROFILE..., not %s", word->text);
    }
    int rc = find_code(self, word->key, day, code);
    rc = rc == 0 ? find_profile(self, word->text, &profile) : rc;
    if (rc != 0) {
        return rc;
    }
    struct scenario_override member = {.value = profile, .from_day = day};
    memcpy(member.code, code, sizeof member.code);
    return override_add(self, &member);
}

static int declare_register(struct parser *self)
{
    const char *from = word_value(self, 1, "from");
    int32_t day;

    if (from == NULL || self->words.count < 3) {
        return complain(self->why, E_USAGE, "write: register from=DATE CODE=PROFILE...");
    }
    if (civil_date_parse(from, &day) != 0) {
        return complain(self->why, E_DATE, "from=%s is no date: write YYYY-MM-DD", from);
    }
    int rc = 0;
    for (size_t i = 1; rc == 0 && i < self->words.count; i++) {
        const struct word *word = &self->words.at[i];
        if (word->key == NULL || strcmp(word->key, "from") != 0) {
            rc = declare_member(self, word, day);
        }
    }
    return rc;
}

static int declare_child(struct parser *self, const char *item, struct mention *out)
{
    const char *colon = strchr(item, ':');
    const struct fact_info *case_type = catalogue_case_type();

    if (colon == NULL) {
        return complain(self->why, E_USAGE, "write subjects=NAME:CASETYPE, not %s", item);
    }
    out->name = shelf_text(self->shelf, item, (size_t)(colon - item));
    out->line = self->line;
    int rc = find_name(self, "child", out->name);
    if (rc == 0 && fact_value_number(case_type, colon + 1, &out->case_type) != 0) {
        rc = unknown_word(
            self, E_FACT_VALUE, "case type", colon + 1, fact_value_nearest(case_type, colon + 1));
    }
    return rc;
}

static int declare_children(struct parser *self, const char *list, struct declared *out)
{
    const char *items[SUBJECTS_MAX];
    int rc = words_split(self->shelf, list, items, SUBJECTS_MAX, &out->child_count, self->why);

    for (size_t i = 0; rc == 0 && i < out->child_count; i++) {
        rc = declare_child(self, items[i], &out->children[i]);
        for (size_t k = 0; rc == 0 && k < i; k++) {
            if (strcmp(out->children[k].name, out->children[i].name) == 0) {
                rc = complain(
                    self->why, E_FACT_VALUE, "child %s stands twice", out->children[i].name);
            }
        }
    }
    return rc;
}

static int declare_transfer(struct parser *self, struct declarations *declarations)
{
    static const char *const keys[] = {"origin", "receiving", "profile", "subjects"};

    if (self->words.count < 2 || self->words.at[1].key != NULL) {
        return complain(self->why, E_USAGE,
            "write: transfer T origin=CODE receiving=CODE subjects=NAME:CASETYPE");
    }
    int rc = check_keys(self, 2, keys, sizeof keys / sizeof keys[0]);
    rc = rc == 0 ? find_name(self, "transfer", self->words.at[1].text) : rc;
    if (rc != 0) {
        return rc;
    }
    declarations->items = mem_grow(declarations->items, declarations->count,
        &declarations->capacity, sizeof *declarations->items);
    struct declared *made = &declarations->items[declarations->count++];
    *made = (struct declared){.name = self->words.at[1].text,
        .origin = word_value(self, 2, "origin"),
        .receiving = word_value(self, 2, "receiving"),
        .profile = word_value(self, 2, "profile"),
        .line = self->line};
    const char *subjects = word_value(self, 2, "subjects");
    if (made->origin == NULL || made->receiving == NULL || subjects == NULL) {
        return complain(
            self->why, E_USAGE, "transfer %s needs origin=, receiving= and subjects=", made->name);
    }
    return declare_children(self, subjects, made);
}

/* ---- ids ---- */

/*
 * The rank of the name first, so that ids sort as names do; the rest tells names of different files
 * apart.
 */
static void id_of_name(const char *context, uint32_t rank, const char *name, uint8_t *id)
{
    struct hash hash = hash_of(context, slice_of_text(name), slice_of(NULL, 0));

    memcpy(id, hash.b, UUID_BYTES);
    id[0] = (uint8_t)(rank >> 24);
    id[1] = (uint8_t)(rank >> 16);
    id[2] = (uint8_t)(rank >> 8);
    id[3] = (uint8_t)rank;
    id[6] = (uint8_t)(0x40 | (id[6] & 0x0f)); /* a UUID of version 4, as agents make them */
    id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
}

static int by_name_then_line(const void *a, const void *b)
{
    const struct mention *left = a;
    const struct mention *right = b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

static int by_transfer_name(const void *a, const void *b)
{
    const struct declared *left = a;
    const struct declared *right = b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

/* The children of the file, each once. */
static int children_make(struct parser *self, const struct declarations *declarations)
{
    scenario_t *scenario = self->scenario;
    size_t count = 0;
    size_t used = 0;
    int rc = 0;

    for (size_t i = 0; i < declarations->count; i++) {
        count += declarations->items[i].child_count;
    }
    struct mention *all = mem_new(count + 1, sizeof *all);
    for (size_t i = 0; i < declarations->count; i++) {
        const struct declared *item = &declarations->items[i];
        memcpy(all + used, item->children, item->child_count * sizeof *all);
        used += item->child_count;
    }
    qsort(all, count, sizeof *all, by_name_then_line);
    scenario->children = mem_new(count + 1, sizeof *scenario->children);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (i == 0 || strcmp(all[i].name, all[i - 1].name) != 0) {
            scenario->children[scenario->child_count++] = (struct scenario_child){
                .name = all[i].name, .case_type = all[i].case_type, .line = all[i].line};
        } else if (all[i].case_type != all[i - 1].case_type) {
            self->line = all[i].line;
            rc = complain(self->why, E_FACT_VALUE,
                "child %s has another case type here than in line %u: the same name is the same "
                "child",
                all[i].name, (unsigned)all[i - 1].line);
        }
    }
    free(all);
    for (uint32_t i = 0; i < scenario->child_count; i++) {
        struct scenario_child *child = &scenario->children[i];
        id_of_name("waypost/scenario/child/1", i, child->name, child->ref);
    }
    return rc;
}

static int transfer_make(
    struct parser *self, const struct declared *item, struct scenario_transfer *out)
{
    int32_t day = civil_london_day(self->first_ms);

    self->line = item->line;
    *out = (struct scenario_transfer){
        .name = item->name, .child_count = (uint32_t)item->child_count, .line = item->line};
    int rc = find_code(self, item->origin, day, out->origin);
    rc = rc == 0 ? find_code(self, item->receiving, day, out->receiving) : rc;
    if (rc == 0 && strcmp(out->origin, out->receiving) == 0) {
        rc = complain(self->why, E_CODE,
            "transfer %s leads from %s to itself: origin and receiving must differ", item->name,
            out->origin);
    }
    if (rc == 0 && item->profile != NULL) {
        rc = find_profile(self, item->profile, &out->profile);
    }
    for (size_t i = 0; rc == 0 && i < item->child_count; i++) {
        rc = find_child(self, item->children[i].name, &out->children[i]);
    }
    return rc;
}

static int transfers_make(struct parser *self, struct declarations *declarations)
{
    scenario_t *scenario = self->scenario;
    int rc = 0;

    if (declarations->count >
        0) { /* without any there is no array either, which qsort may not be given */
        qsort(declarations->items, declarations->count, sizeof *declarations->items,
            by_transfer_name);
    }
    scenario->transfers = mem_new(declarations->count + 1, sizeof *scenario->transfers);
    for (size_t i = 0; rc == 0 && i < declarations->count; i++) {
        const struct declared *item = &declarations->items[i];
        if (i > 0 && strcmp(item->name, declarations->items[i - 1].name) == 0) {
            self->line = item->line;
            return complain(self->why, E_EXISTS, "transfer %s is declared in line %u already",
                item->name, (unsigned)declarations->items[i - 1].line);
        }
        struct scenario_transfer *made = &scenario->transfers[scenario->transfer_count++];
        rc = transfer_make(self, item, made);
        id_of_name("waypost/scenario/transfer/1", (uint32_t)i, made->name, made->id);
    }
    return rc;
}

/* ---- the pass over the file ---- */

static int declare_first_at(struct parser *self, bool *seen)
{
    if (*seen) {
        return 0;
    }
    if (self->words.count < 2) {
        return complain(self->why, E_USAGE, "write: at TIME");
    }
    *seen = true;
    return find_instant(self, self->words.at[1].text, &self->first_ms);
}

static bool begins_with(struct slice line, const char *word)
{
    size_t len = strlen(word);

    while (line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t')) {
        line = slice_of(line.data + 1, line.len - 1);
    }
    return line.len > len && memcmp(line.data, word, len) == 0 &&
        (line.data[len] == ' ' || line.data[len] == '\t');
}

static bool is_declaration(struct slice line, bool has_first)
{
    return begins_with(line, "transfer") || begins_with(line, "config") ||
        begins_with(line, "register") || begins_with(line, "scenario") ||
        (!has_first && begins_with(line, "at"));
}

static int declare_line(
    struct parser *self, struct slice line, struct declarations *declarations, bool *has_first)
{
    int rc = words_cut(self->shelf, line, &self->words, self->why);

    if (rc != 0 || self->words.count == 0) {
        return rc;
    }
    const char *first = self->words.at[0].text;
    if (strcmp(first, "scenario") == 0) {
        return declare_title(self);
    }
    if (strcmp(first, "config") == 0) {
        return declare_config(self);
    }
    if (strcmp(first, "register") == 0) {
        return declare_register(self);
    }
    if (strcmp(first, "transfer") == 0) {
        return declare_transfer(self, declarations);
    }
    return declare_first_at(self, has_first);
}

int parse_declarations(struct parser *self, struct slice text)
{
    struct declarations declarations = {0};
    bool has_first = false;
    int rc = 0;

    self->line = 0;
    while (rc == 0 && text.len > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;
        self->line++;
        if (is_declaration(slice_of(text.data, len), has_first)) {
            rc = declare_line(self, slice_of(text.data, len), &declarations, &has_first);
        }
        len += end != NULL ? 1 : 0;
        text = slice_of(text.data + len, text.len - len);
    }
    if (rc == 0 && !has_first && declarations.count > 0) {
        self->line = declarations.items[0].line;
        rc = complain(self->why, E_USAGE, "the file never says what time it is: write at TIME");
    }
    rc = rc == 0 ? children_make(self, &declarations) : rc;
    rc = rc == 0 ? transfers_make(self, &declarations) : rc;
    free(declarations.items);
    return rc;
}
