/* telling: see telling.h. */
#include "common/procedure/telling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/codec/catalogue.h"

#include "common/base/banned.h"

enum { ID_BYTES = 16, WORD_BYTES = 320, HOUR_MINUTES = 60 };

/* ---- rules ---- */

static void tell_rule(const procedures_t *tables, const char *id, struct buf *out)
{
    const struct rule_info *rule = tables == NULL ? NULL : procedures_rule_named(tables, id);
    bool titled = rule != NULL && rule->title[0] != '\0';

    buf_put_text(out, "%s%s%s", id, titled ? " " : "", titled ? rule->title : "");
}

void tell_rules(const procedures_t *tables, struct slice ids, struct buf *out)
{
    size_t before = out->len;

    for (size_t at = 0; at < ids.len;) {
        const uint8_t *comma = memchr(ids.data + at, ',', ids.len - at);
        size_t len = comma == NULL ? ids.len - at : (size_t)(comma - ids.data) - at;
        char id[ID_BYTES];
        if (len > 0 && len < sizeof id) {
            (void)snprintf(id, sizeof id, "%.*s", (int)len, (const char *)ids.data + at);
            buf_put_text(out, "%s", out->len == before ? "" : "; ");
            tell_rule(tables, id, out);
        }
        at += len + 1;
    }
}

/* ---- how late ---- */

enum limit_unit late_unit_of(const struct clock_info *clock)
{
    switch (clock != NULL ? clock->shipped.unit : LIMIT_D) {
    case LIMIT_WD:
        return LIMIT_WD;
    case LIMIT_H:
    case LIMIT_MIN:
        return LIMIT_MIN;
    default:
        return LIMIT_D;
    }
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

/* ---- the pairs of a detail ---- */

static void tell_names(const struct telling *self, char *value, struct buf *out)
{
    char *rest = NULL;
    const char *before = "";

    for (char *code = strtok_r(value, ",", &rest); code != NULL;
         code = strtok_r(NULL, ",", &rest)) {
        buf_put_text(out, "%s%s", before, self->name(self->context, code));
        before = ", ";
    }
}

static void tell_by_rules(const struct telling *self, char *value, struct buf *out)
{
    tell_rules(self->tables, slice_of_text(value), out);
}

/* Without the clock's row nobody knows what is counted. */
static void tell_late(const struct telling *self, char *value, struct buf *out)
{
    const struct clock_info *clock =
        self->tables == NULL ? NULL : procedures_clock_named(self->tables, self->clock);
    char text[LATE_TEXT_BYTES];

    if (clock != NULL) {
        long late = strtol(value, NULL, 10);
        late = late > INT32_MAX ? INT32_MAX : late;
        buf_put_text(out, "%s", late_text(late_unit_of(clock), (int32_t)late, text));
    }
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
    {"binds", "", tell_names},
    {"must_act", "to act: ", tell_names},
    {"by", "by ", tell_names},
    {"from", "from ", tell_names},
    {"to", "to ", tell_names},
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
