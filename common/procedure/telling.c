/* telling: see telling.h. */
#include "common/procedure/telling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/codec/catalogue.h"

#include "common/base/banned.h"

enum { ID_BYTES = 16, WORD_BYTES = 320, HOUR_MINUTES = 60 };

/* ---- rules and names ---- */

static void tell_rule(const procedures_t *tables, const char *id, struct buf *out)
{
    const struct rule_info *rule = tables == NULL ? NULL : procedures_rule_named(tables, id);
    bool titled = rule != NULL && rule->title[0] != '\0';

    buf_put_text(out, "%s%s%s", id, titled ? " " : "", titled ? rule->title : "");
}

/* The part of a list with commas that begins there, "" where it is too long to be an id; returns where the next begins. */
static size_t list_part(struct slice list, size_t at, char *part)
{
    const uint8_t *comma = memchr(list.data + at, ',', list.len - at);
    size_t len = comma == NULL ? list.len - at : (size_t)(comma - list.data) - at;

    (void)snprintf(
        part, ID_BYTES, "%.*s", len < ID_BYTES ? (int)len : 0, (const char *)list.data + at);
    return at + len + 1;
}

void tell_rules(const procedures_t *tables, struct slice ids, struct buf *out)
{
    const char *before = "";
    char id[ID_BYTES];

    for (size_t at = 0; at < ids.len;) {
        at = list_part(ids, at, id);
        if (id[0] != '\0') {
            buf_put_text(out, "%s", before);
            tell_rule(tables, id, out);
            before = "; ";
        }
    }
}

void tell_names(
    const struct telling *self, struct slice codes, const char *between, struct buf *out)
{
    const char *before = "";
    char code[ID_BYTES];

    for (size_t at = 0; at < codes.len;) {
        at = list_part(codes, at, code);
        if (code[0] != '\0') {
            buf_put_text(out, "%s%s", before, self->name(self->context, code));
            before = between;
        }
    }
}

/* ---- how late ---- */

static const struct late_unit {
    enum limit_unit unit;
    const char *word; /* behind the number, in a record */
    const char *title;
} late_units[] = {
    {LIMIT_WD, "wd", "working days"},
    {LIMIT_D, "d", "days"},
    {LIMIT_MIN, "min", "minutes"},
};

enum { LATE_UNITS = sizeof late_units / sizeof late_units[0] };

static const struct late_unit *late_unit_of(enum limit_unit unit)
{
    size_t i = 0;

    while (i < LATE_UNITS && late_units[i].unit != unit) {
        i++;
    }
    assert(i < LATE_UNITS);
    return &late_units[i];
}

const char *late_unit_title(enum limit_unit unit)
{
    return late_unit_of(unit)->title;
}

const char *late_word(enum limit_unit unit, int32_t late, char *word)
{
    (void)snprintf(
        word, LATE_WORD_BYTES, "%d%s", (int)late, late == 0 ? "" : late_unit_of(unit)->word);
    return word;
}

bool late_read(const char *word, enum limit_unit *unit, int32_t *late)
{
    char *end = NULL;
    long count = strtol(word, &end, 10);

    for (size_t i = 0; i < LATE_UNITS && count > 0; i++) {
        if (strcmp(end, late_units[i].word) == 0) {
            *unit = late_units[i].unit;
            *late = count > INT32_MAX ? INT32_MAX : (int32_t)count;
            return true;
        }
    }
    return false;
}

const char *late_text(enum limit_unit unit, int32_t late, char *text)
{
    const char *word = unit == LIMIT_WD ? "working day" : "day";

    if (late < 1) {
        text[0] = '\0';
    } else if (unit != LIMIT_MIN) {
        (void)snprintf(
            text, LATE_TEXT_BYTES, "%d %s%s late", (int)late, word, late == 1 ? "" : "s");
    } else if (late < HOUR_MINUTES) {
        (void)snprintf(text, LATE_TEXT_BYTES, "%d min late", (int)late);
    } else {
        (void)snprintf(text, LATE_TEXT_BYTES, "%d h %d min late", (int)late / HOUR_MINUTES,
            (int)late % HOUR_MINUTES);
    }
    return text;
}

const char *late_said(const char *word, char *text)
{
    enum limit_unit unit = LIMIT_D;
    int32_t late = 0;

    (void)late_read(word, &unit, &late);
    return late_text(unit, late, text);
}

/* ---- the pairs of a detail ---- */

static void tell_by_names(const struct telling *self, char *value, struct buf *out)
{
    tell_names(self, slice_of_text(value), ", ", out);
}

static void tell_by_rules(const struct telling *self, char *value, struct buf *out)
{
    tell_rules(self->tables, slice_of_text(value), out);
}

static void tell_late(const struct telling *self, char *value, struct buf *out)
{
    char text[LATE_TEXT_BYTES];

    (void)self;
    buf_put_text(out, "%s", late_said(value, text));
}

static void tell_reason(const struct telling *self, char *value, struct buf *out)
{
    const struct kind_info *kind = catalogue_kind_named(value);

    (void)self;
    buf_put_text(out, "\"%s\"", kind == NULL ? value : kind->title);
}

static void tell_value(const struct telling *self, char *value, struct buf *out)
{
    (void)self;
    buf_put_text(out, "%s", value);
}

static const struct {
    const char *name;
    const char *before; /* said first */
    void (*tell)(const struct telling *self, char *value, struct buf *out);
} pairs[] = {
    {"due", "by ", tell_value},
    {"binds", "", tell_by_names},
    {"must_act", "to act: ", tell_by_names},
    {"by", "by ", tell_by_names},
    {"from", "from ", tell_by_names},
    {"to", "to ", tell_by_names},
    {"effective_at", "as of ", tell_value},
    {"rules", "", tell_by_rules},
    {"late", "", tell_late},
    {"reason", "by ", tell_reason},
    {"state", "", tell_value},
};

enum { PAIRS = sizeof pairs / sizeof pairs[0] };

/* What has no row is said as it stands: "weekday=yes" as "weekday", "stage=2" as "stage 2". */
static void tell_pair(const struct telling *self, const char *name, char *value, struct buf *out)
{
    size_t i = 0;

    while (i < PAIRS && strcmp(pairs[i].name, name) != 0) {
        i++;
    }
    if (i < PAIRS) {
        buf_put_text(out, "%s", pairs[i].before);
        pairs[i].tell(self, value, out);
    } else if (strcmp(value, "yes") == 0) {
        buf_put_text(out, "%s", name);
    } else {
        buf_put_text(out, "%s %s", name, value);
    }
}

static bool is_usual(const char *value)
{
    return strcmp(value, "no") == 0 || strcmp(value, "none") == 0 || strcmp(value, "0") == 0;
}

void tell_notice(const struct telling *self, const char *rule, const char *detail, struct buf *out)
{
    char copy[WORD_BYTES];
    char *rest = NULL;
    size_t begin = out->len;

    tell_rules(self->tables, slice_of_text(rule), out);
    (void)snprintf(copy, sizeof copy, "%s", detail);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        if (value == NULL || is_usual(value + 1)) {
            continue;
        }
        *value++ = '\0';
        size_t before = out->len;
        buf_put_text(out, "%s", before == begin ? "" : ", ");
        size_t at = out->len;
        tell_pair(self, word, value, out);
        if (out->len == at) {
            out->len = before; /* it had nothing to say */
        }
    }
}
