/* expect_record: breaches, time-driven rules and other records, by child, moment and facts. */
#include <string.h>

#include "client/lab/expect_parts.h"
#include "common/base/check.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

/* What is looked for, and the nearest thing that was found instead. */
struct search {
    const struct asking *asking;
    const char *kind;
    const char *clock; /* NULL for any */
    const char *rule;  /* NULL for any */
    bool timed;        /* fired by a clock */
    uint32_t child;
    size_t near; /* of the kind, about the child, but otherwise */
    bool found;
};

/* Told once for the event as a whole, under its first child. */
static bool is_about_event(const char *kind)
{
    return strcmp(kind, "accepted") == 0 || strcmp(kind, "returned_to_sender") == 0 ||
        strcmp(kind, "code_superseded") == 0;
}

static const struct scenario_event *event_named(const struct asking *self, const uint8_t *id)
{
    for (uint32_t i = 0; i < self->scenario->event_count; i++) {
        if (memcmp(event_id(self, i), id, UUID_BYTES) == 0) {
            return &self->scenario->events[i];
        }
    }
    return NULL;
}

static bool event_concerns(const struct scenario_event *event, uint32_t child)
{
    for (uint32_t i = 0; event != NULL && i < event->child_count; i++) {
        if (event->children[i] == child) {
            return true;
        }
    }
    return false;
}

/* A clock of the child is seen from every episode of it. */
static bool is_of_child(const struct asking *self, const struct log_record *record)
{
    const struct clock_info *clock = record->clock != NULL
        ? procedures_clock_named(self->scenario->procedures, record->clock)
        : NULL;

    return clock != NULL && clock->child_scope;
}

static bool is_about(const struct search *self, const struct log_record *record)
{
    const struct asking *asking = self->asking;
    uint32_t transfer = asking->wanted->target.transfer;
    bool same_child = record->has_subject &&
        memcmp(record->subject, child_ref(asking, self->child), UUID_BYTES) == 0;
    bool same_transfer = record->has_transfer &&
        memcmp(record->transfer, transfer_id(asking, transfer), UUID_BYTES) == 0;

    if (same_child && (same_transfer || is_of_child(asking, record))) {
        return true;
    }
    return same_transfer && record->has_event &&
        (!record->has_subject || is_about_event(record->kind)) &&
        event_concerns(event_named(asking, record->event), self->child);
}

/* ---- facts ---- */

static bool text_is(const char *value, size_t len, const char *wanted)
{
    return len == strlen(wanted) && memcmp(value, wanted, len) == 0;
}

static bool id_is(const char *value, size_t len, const uint8_t *id)
{
    char text[UUID_TEXT_BYTES];

    uuid_format(id, text);
    return text_is(value, len, text);
}

static bool time_is(const char *value, size_t len, const struct timepoint *wanted)
{
    char text[CIVIL_STAMP_BYTES + 8];
    int64_t at_ms;
    int32_t day;

    if (len >= sizeof text) {
        return false;
    }
    memcpy(text, value, len);
    text[len] = '\0';
    if (civil_date_parse(text, &day) == 0) {
        return wanted->whole_day && wanted->day == day;
    }
    return civil_time_parse(text, &at_ms) == 0 && at_ms >= wanted->from_ms && at_ms < wanted->to_ms;
}

/* Lists compare as sets: every item of one stands in the other. */
static bool list_holds(const char *list, size_t len, const char *item, size_t item_len)
{
    for (size_t at = 0; at <= len;) {
        size_t word = 0;
        while (at + word < len && list[at + word] != ',') {
            word++;
        }
        if (word == item_len && memcmp(list + at, item, item_len) == 0) {
            return true;
        }
        at += word + 1;
    }
    return false;
}

static bool list_is(const char *value, size_t len, const char *wanted)
{
    size_t wanted_len = strlen(wanted);
    bool same = true;

    for (size_t at = 0; same && at < wanted_len;) {
        size_t word = strcspn(wanted + at, ",");
        same = list_holds(value, len, wanted + at, word);
        at += word + 1;
    }
    for (size_t at = 0; same && at < len;) {
        size_t word = 0;
        while (at + word < len && value[at + word] != ',') {
            word++;
        }
        same = list_holds(wanted, wanted_len, value + at, word);
        at += word + 1;
    }
    return same;
}

/* A fact of the record; whoever it comes from and the ids stand beside the detail. */
static const char *fact_of(const struct log_record *record, const char *name, size_t *len)
{
    const char *text = strcmp(name, "clock") == 0 ? record->clock
        : strcmp(name, "rule") == 0               ? record->rule
                                                  : NULL;

    if (text != NULL) {
        *len = strlen(text);
        return text;
    }
    return record_detail(record, name, len);
}

static bool pair_fits(
    const struct asking *self, const struct log_record *record, const struct pair_wanted *pair)
{
    size_t len = 0;

    if (pair->event != SCENARIO_NONE) {
        return record->has_event &&
            memcmp(record->event, event_id(self, pair->event), UUID_BYTES) == 0;
    }
    const char *value = fact_of(record, pair->name, &len);
    if (value == NULL) {
        return false;
    }
    if (pair->child != SCENARIO_NONE) {
        return id_is(value, len, child_ref(self, pair->child));
    }
    return pair->is_time ? time_is(value, len, &pair->timepoint) : list_is(value, len, pair->value);
}

static bool facts_fit(const struct asking *self, const struct log_record *record)
{
    for (uint32_t i = 0; i < self->wanted->pair_count; i++) {
        if (!pair_fits(self, record, &self->wanted->pairs[i])) {
            return false;
        }
    }
    return true;
}

/* ---- the search ---- */

static void got_record(const struct search *self, const struct log_record *record)
{
    char text[CIVIL_STAMP_BYTES];

    if (self->near > 3) {
        return; /* enough to see what is meant */
    }
    buf_put_text(self->asking->got, "%s%s at=%s", self->asking->got->len > 0 ? "; " : "",
        record->kind, instant_word(record->at_ms, text));
    if (record->clock != NULL) {
        buf_put_text(self->asking->got, " clock=%s", record->clock);
    }
    if (record->rule != NULL) {
        buf_put_text(self->asking->got, " rule=%s", record->rule);
    }
    if (record->detail[0] != '\0') {
        buf_put_text(self->asking->got, " %s", record->detail);
    }
}

static void look_at(void *context, const struct log_record *record)
{
    struct search *self = context;
    const struct expectation *wanted = self->asking->wanted;

    if (strcmp(record->kind, self->kind) != 0 || !is_about(self, record) ||
        (self->timed && record->clock == NULL) ||
        (self->clock != NULL &&
            (record->clock == NULL || strcmp(record->clock, self->clock) != 0)) ||
        (self->rule != NULL && (record->rule == NULL || strcmp(record->rule, self->rule) != 0))) {
        return;
    }
    bool fits = !wanted->has_at ||
        (record->at_ms >= wanted->at.from_ms && record->at_ms < wanted->at.to_ms);
    if (fits && facts_fit(self->asking, record)) {
        self->found = true;
        return;
    }
    self->near++;
    got_record(self, record);
}

/* One search a child; `wanted` says whether it should be found. */
static bool search_children(const struct asking *self, struct search *search, bool wanted)
{
    const struct target *target = &self->wanted->target;
    bool holds = true;

    for (uint32_t i = 0; i < target->child_count; i++) {
        size_t got = self->got->len;
        search->asking = self;
        search->child = target->children[i];
        search->found = false;
        search->near = 0;
        self->network->records(self->network->self, self->view, look_at, search);
        if (search->found == wanted) {
            self->got->len = got;
            continue;
        }
        holds = false;
        if (!wanted) {
            self->got->len = got;
            got_child(self, target->transfer, target->children[i]);
            buf_put_text(self->got, "such a record");
        } else if (search->near == 0) {
            got_child(self, target->transfer, target->children[i]);
            buf_put_text(self->got, "no such record");
        }
    }
    return holds;
}

bool expect_breach(const struct asking *self)
{
    struct search search = {.kind = "deadline_breached", .clock = self->wanted->clock->id};

    return search_children(self, &search, true);
}

bool expect_rule(const struct asking *self)
{
    struct search search = {.kind = "alert_raised", .rule = self->wanted->id, .timed = true};

    return search_children(self, &search, true);
}

bool expect_recorded(const struct asking *self)
{
    struct search search = {.kind = self->wanted->id};

    return search_children(self, &search, self->wanted->kind == EXPECT_RECORDED);
}
