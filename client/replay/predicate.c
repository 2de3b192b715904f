/*
 * predicate: conditions on an item, in words: see items.h. A name that is none is E_MALFORMED with the nearest one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/replay/items.h"
#include "common/base/words.h"

#include "common/base/banned.h"

enum { CONDITIONS_MAX = 8, VALUE_BYTES = 64 };

struct condition {
    const char *name;
    char value[VALUE_BYTES];
    bool negated;
    bool in_detail; /* a word of a record's detail: "state=breached" */
};

struct item_predicate {
    size_t count;
    struct condition conditions[CONDITIONS_MAX];
};

static const char *const names[] = {"what", "kind", "verdict", "rule", "clock", "code", "from",
    "to", "transfer", "event", "child", "entry"};
enum { NAMES = sizeof names / sizeof names[0] };

/* Words that stand in details of records (system-kinds.tsv). */
static const char *const detail_names[] = {"state", "due", "binds", "advisory", "provisional",
    "late", "reason", "by", "authority", "door", "moves", "kept", "joined", "owner", "effective_at",
    "rules"};
enum { DETAIL_NAMES = sizeof detail_names / sizeof detail_names[0] };

static int condition_name(const char *name, struct condition *out, struct complaint *why)
{
    const char *known[NAMES + DETAIL_NAMES];
    const char *nearest;

    for (size_t i = 0; i < NAMES; i++) {
        known[i] = names[i];
    }
    for (size_t i = 0; i < DETAIL_NAMES; i++) {
        known[NAMES + i] = detail_names[i];
    }
    for (size_t i = 0; i < NAMES + DETAIL_NAMES; i++) {
        if (strcmp(known[i], name) == 0) {
            out->name = known[i];
            out->in_detail = i >= NAMES;
            return 0;
        }
    }
    nearest = words_nearest_of(name, known, NAMES + DETAIL_NAMES);
    return complain(why, E_MALFORMED, "%.40s is none of what can be asked%s%s", name,
        nearest == NULL ? ": what, kind, verdict, rule, clock, code, from, to, transfer, event, "
                          "child, entry, or a word of a record's detail"
                        : "; the nearest is ",
        nearest == NULL ? "" : nearest);
}

static int condition_parse(
    const char *word, size_t len, struct condition *out, struct complaint *why)
{
    char text[2 * VALUE_BYTES];

    if (len >= sizeof text) {
        return complain(why, E_TOO_LARGE, "a condition is longer than %zu characters", sizeof text);
    }
    (void)snprintf(text, sizeof text, "%.*s", (int)len, word);
    char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || strlen(equals + 1) >= VALUE_BYTES) {
        return complain(why, E_MALFORMED,
            "%.60s is no condition; write name=value, as in verdict=refused", text);
    }
    out->negated = equals[-1] == '!';
    equals[out->negated ? -1 : 0] = '\0';
    (void)snprintf(out->value, sizeof out->value, "%s", equals + 1);
    return condition_name(text, out, why);
}

int item_predicate_parse(const char *text, item_predicate_t **out, struct complaint *why)
{
    item_predicate_t *self = mem_new(1, sizeof *self);
    int rc = 0;

    while (rc == 0 && *(text += strspn(text, " ,")) != '\0') {
        size_t len = strcspn(text, " ,");
        rc = self->count == CONDITIONS_MAX
            ? complain(why, E_TOO_LARGE, "at most %d conditions", CONDITIONS_MAX)
            : condition_parse(text, len, &self->conditions[self->count++], why);
        text += len;
    }
    if (rc == 0 && self->count == 0) {
        rc = complain(why, E_MALFORMED, "there is no condition; write one as verdict=refused");
    }
    if (rc != 0) {
        item_predicate_destroy(&self);
        return rc;
    }
    *out = self;
    return 0;
}

void item_predicate_destroy(item_predicate_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

/* One of a list parted by commas. */
static bool listed(const char *list, size_t len, const char *wanted)
{
    size_t wanted_len = strlen(wanted);

    for (size_t at = 0; at < len;) {
        size_t end = at;
        while (end < len && list[end] != ',') {
            end++;
        }
        if (end - at == wanted_len && strncmp(list + at, wanted, wanted_len) == 0) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

static bool detail_is(const struct item *item, const char *name, const char *value)
{
    size_t len;
    const char *text = derived_detail(item->detail, name, &len);

    return text != NULL && listed(text, len, value);
}

static bool id_is(const uint8_t *id, const char *value)
{
    uint8_t wanted[UUID_BYTES];

    return id != NULL && uuid_parse(value, wanted) == 0 && memcmp(id, wanted, UUID_BYTES) == 0;
}

static bool sent_to(const struct item *item, const char *code)
{
    for (size_t i = 0; item->view != NULL && i < item->view->recipient_count; i++) {
        if (strcmp(item->view->to[i].code, code) == 0) {
            return true;
        }
    }
    return item->what == ITEM_RECORD && detail_is(item, "to", code);
}

static bool holds(const struct condition *condition, const struct item *item)
{
    const char *name = condition->name;
    const char *value = condition->value;

    if (condition->in_detail) {
        return detail_is(item, name, value);
    }
    if (strcmp(name, "rule") == 0) {
        return strcmp(item->rule, value) == 0 || detail_is(item, "rules", value);
    }
    if (strcmp(name, "from") == 0) {
        return item->view != NULL ? strcmp(item->view->from, value) == 0
                                  : detail_is(item, "from", value);
    }
    if (strcmp(name, "to") == 0) {
        return sent_to(item, value);
    }
    const struct {
        const char *name;
        const char *text;
    } texts[] = {{"what", item_words[item->what]}, {"kind", item->kind}, {"verdict", item->verdict},
        {"clock", item->clock}, {"code", item->code}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(texts[i].name, name) == 0) {
            return strcmp(texts[i].text, value) == 0;
        }
    }
    if (strcmp(name, "entry") == 0) {
        return strtoull(value, NULL, 10) == item->entry;
    }
    return id_is(strcmp(name, "transfer") == 0 ? item->transfer
            : strcmp(name, "event") == 0       ? item->event
                                               : item->subject,
        value);
}

bool item_predicate_holds(const item_predicate_t *self, const struct item *item)
{
    for (size_t i = 0; i < self->count; i++) {
        if (holds(&self->conditions[i], item) == self->conditions[i].negated) {
            return false;
        }
    }
    return true;
}
