/* expect_state: who is responsible, which flags stand, what is outstanding, what the hub counts. */
#include <string.h>

#include "client/lab/expect_parts.h"
#include "common/base/check.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { OWNERS_MAX = 8, HOUR_MS = 3600000 };

/* ---- owner ---- */

static bool among(const char *code, const char *const *codes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(codes[i], code) == 0) {
            return true;
        }
    }
    return false;
}

static bool same_codes(const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
    bool same = a_count == b_count;

    for (size_t i = 0; same && i < a_count; i++) {
        same = among(a[i], b, b_count);
    }
    return same;
}

static bool owner_fits(const struct asking *self, uint32_t child, const struct owner_wanted *owner)
{
    const char *found[OWNERS_MAX];
    size_t count = asked_owner(self, child, owner->dimension, found);

    if (same_codes(found, count, owner->codes, owner->count)) {
        return true;
    }
    got_child(self, self->wanted->target.transfer, child);
    buf_put_text(self->got, "%s=", dimension_names[owner->dimension]);
    for (size_t i = 0; i < count; i++) {
        buf_put_text(self->got, "%s%s", i > 0 ? "," : "", found[i]);
    }
    if (count == 0) {
        buf_put_text(self->got, "nobody");
    }
    return false;
}

bool expect_owner(const struct asking *self)
{
    const struct target *target = &self->wanted->target;
    bool holds = true;

    for (uint32_t i = 0; i < target->child_count; i++) {
        for (uint32_t k = 0; k < self->wanted->owner_count; k++) {
            holds = owner_fits(self, target->children[i], &self->wanted->owners[k]) && holds;
        }
    }
    return holds;
}

/* ---- flags ---- */

static bool flag_fits(const struct asking *self, uint32_t child, const struct pair_wanted *pair)
{
    const char *value = asked_flag(self, child, pair->name);

    assert(value != NULL); /* the parser knows every flag */
    if (strcmp(value, pair->value) == 0) {
        return true;
    }
    got_child(self, self->wanted->target.transfer, child);
    buf_put_text(self->got, "%s=%s", pair->name, value);
    return false;
}

bool expect_flag(const struct asking *self)
{
    const struct target *target = &self->wanted->target;
    bool holds = true;

    for (uint32_t i = 0; i < target->child_count; i++) {
        for (uint32_t k = 0; k < self->wanted->pair_count; k++) {
            holds = flag_fits(self, target->children[i], &self->wanted->pairs[k]) && holds;
        }
    }
    return holds;
}

/* ---- outstanding ---- */

struct outstanding_seen {
    const char *id;
    bool found;
    int64_t since_ms; /* the latest */
    struct buf *all;
};

static void see_outstanding(void *context, const char *id, int64_t since_ms)
{
    struct outstanding_seen *self = context;

    buf_put_text(self->all, "%s%s", self->all->len > 0 ? " " : "", id);
    if (strcmp(id, self->id) == 0) {
        self->found = true;
        self->since_ms = since_ms;
    }
}

/* Working days and days by date, hours as they went by. */
static int64_t age_of(const struct asking *self, int64_t since_ms)
{
    int32_t from = civil_london_day(since_ms);
    int32_t to = civil_london_day(self->now_ms);

    switch (self->wanted->length.unit) {
    case LIMIT_WD:
        return calendar_working_days_between(
            procedures_calendar(self->scenario->procedures), from, to);
    case LIMIT_D:
        return to - from;
    default:
        return (self->now_ms - since_ms) / HOUR_MS;
    }
}

static bool outstanding_fits(const struct asking *self, uint32_t child)
{
    bool wanted = self->wanted->kind == EXPECT_OUTSTANDING;
    struct buf all = {0};
    struct outstanding_seen seen = {.id = self->wanted->id, .all = &all};

    asked_outstanding(self, child, see_outstanding, &seen);
    bool age_asked = wanted && seen.found && self->wanted->length.unit != LIMIT_UNSET;
    int64_t age = age_asked ? age_of(self, seen.since_ms) : 0;
    bool holds = seen.found == wanted && (!age_asked || age == self->wanted->length.count);
    if (!holds) {
        got_child(self, self->wanted->target.transfer, child);
        if (age_asked) {
            buf_put_text(self->got, "age=%lld", (long long)age);
        } else {
            buf_put_text(self->got, "outstanding: %.*s", all.len > 0 ? (int)all.len : 7,
                all.len > 0 ? (const char *)all.data : "nothing");
        }
    }
    buf_free(&all);
    return holds;
}

bool expect_outstanding(const struct asking *self)
{
    const struct target *target = &self->wanted->target;
    bool holds = true;

    for (uint32_t i = 0; i < target->child_count; i++) {
        holds = outstanding_fits(self, target->children[i]) && holds;
    }
    return holds;
}

/* ---- the hub ---- */

bool expect_hub(const struct asking *self)
{
    bool holds = true;

    for (uint32_t i = 0; i < self->wanted->pair_count; i++) {
        const struct pair_wanted *pair = &self->wanted->pairs[i];
        char text[24];
        struct buf number = {0};
        buf_put_text(&number, "%lld", (long long)asked_measure(self, pair->name));
        size_t len = number.len < sizeof text ? number.len : sizeof text - 1;
        memcpy(text, number.data, len);
        text[len] = '\0';
        buf_free(&number);
        if (strcmp(text, pair->value + strspn(pair->value, "0")) != 0 &&
            strcmp(text, pair->value) != 0) {
            buf_put_text(self->got, "%s%s=%s", self->got->len > 0 ? " " : "", pair->name, text);
            holds = false;
        }
    }
    return holds;
}
