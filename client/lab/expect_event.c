/* expect_event: what is expected of an event: its verdict, its receipts, its sealed part. */
#include <string.h>

#include "client/lab/expect_parts.h"
#include "common/base/check.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

static const struct scenario_event *asked_event(const struct asking *self)
{
    assert(self->wanted->event != SCENARIO_NONE);
    return &self->scenario->events[self->wanted->event];
}

static enum event_fate asked_fate(const struct asking *self)
{
    return self->network->fate(self->network->self, self->wanted->event);
}

/* ---- verdicts ---- */

static const char *const verdict_words[] = {
    [VERDICT_UNJUDGED] = "not judged",
    [VERDICT_EFFECTIVE] = "effective",
    [VERDICT_ALERT] = "alert",
    [VERDICT_REFUSED] = "refused",
    [VERDICT_HELD] = "held",
    [VERDICT_TURNED_AWAY] = "turned away",
};

static bool has_rule(const struct engine_verdict *verdict, size_t from, const char *rule)
{
    for (size_t i = from; i < verdict->rule_count; i++) {
        if (strcmp(verdict->rules[i], rule) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_rules(const struct asking *self, const struct engine_verdict *verdict, size_t from)
{
    for (uint32_t i = 0; i < self->wanted->rule_count; i++) {
        if (!has_rule(verdict, from, self->wanted->rules[i])) {
            return false;
        }
    }
    return true;
}

static bool verdict_fits(const struct asking *self, const struct engine_verdict *verdict)
{
    assert(verdict->alert_count <= verdict->rule_count);
    switch (self->wanted->kind) {
    case EXPECT_EFFECTIVE:
        return verdict->verdict == VERDICT_EFFECTIVE;
    case EXPECT_REFUSED:
        return (verdict->verdict == VERDICT_REFUSED || verdict->verdict == VERDICT_TURNED_AWAY) &&
            has_rules(self, verdict, 0);
    case EXPECT_HELD:
        return verdict->verdict == VERDICT_HELD && has_rules(self, verdict, 0);
    case EXPECT_ALERT:
        return verdict->verdict == VERDICT_ALERT &&
            has_rules(self, verdict, verdict->rule_count - verdict->alert_count);
    default:
        return verdict->alert_count == 0; /* no alert */
    }
}

static void got_verdict(
    const struct asking *self, uint32_t child, const struct engine_verdict *verdict)
{
    got_child(self, asked_event(self)->transfer, child);
    buf_put_text(self->got, "%s", verdict_words[verdict->verdict]);
    for (size_t i = 0; i < verdict->rule_count; i++) {
        bool flag = i >= verdict->rule_count - verdict->alert_count;
        buf_put_text(self->got, "%s%s",
            flag && i == verdict->rule_count - verdict->alert_count &&
                    verdict->verdict != VERDICT_ALERT
                ? " flagged "
                : " ",
            verdict->rules[i]);
    }
}

/*
 * What the broker says of one child; an event turned away at the door is remembered by the network
 * alone (R53).
 */
static bool verdict_of(const struct asking *self, uint32_t child, struct engine_verdict *out)
{
    *out = (struct engine_verdict){.verdict = VERDICT_UNJUDGED};
    if (asked_fate(self) == FATE_TURNED_AWAY) {
        *out = (struct engine_verdict){
            .verdict = VERDICT_TURNED_AWAY, .rule_count = 1, .rules = {"R53"}};
        return true;
    }
    return engine_verdict(self->network->engine(self->network->self, NULL),
               event_id(self, self->wanted->event), child_ref(self, child), out) == 0;
}

bool expect_verdict(const struct asking *self)
{
    const struct scenario_event *event = asked_event(self);
    bool holds = true;

    if (asked_fate(self) == FATE_WAITING) {
        buf_put_text(self->got, "it has not reached the broker yet");
        return false;
    }
    for (uint32_t i = 0; i < event->child_count; i++) {
        struct engine_verdict verdict;
        uint32_t child = event->children[i];
        if (self->wanted->child != SCENARIO_NONE && self->wanted->child != child) {
            continue;
        }
        if (!verdict_of(self, child, &verdict) || !verdict_fits(self, &verdict)) {
            got_verdict(self, child, &verdict);
            holds = false;
        }
    }
    return holds;
}

/* ---- receipts ---- */

static const char *const level_words[] = {"accepted", "persisted", "opened"};

/* Is it the code that is asked for, or one in whose place that one now stands (D35)? */
static bool stands_for(const struct asking *self, const char *code, const char *wanted)
{
    int32_t today = civil_london_day(self->now_ms);
    const char *now = procedures_route(self->scenario->procedures, code, today);

    return strcmp(code, wanted) == 0 || (now != NULL && strcmp(now, wanted) == 0);
}

struct count_context {
    const struct asking *asking;
    const uint8_t *event;
    const uint8_t *subject;
    const char *kind;
    const char *code; /* NULL for any */
    size_t count;
};

static void count_record(void *context, const struct log_record *record)
{
    struct count_context *self = context;
    size_t len = 0;

    if (!record->has_event || strcmp(record->kind, self->kind) != 0 ||
        memcmp(record->event, self->event, UUID_BYTES) != 0) {
        return;
    }
    if (record->has_subject && memcmp(record->subject, self->subject, UUID_BYTES) != 0) {
        return; /* told about each child */
    }
    const char *by = self->code != NULL ? record_detail(record, "by", &len) : NULL;
    char code[CODE_BYTES + 1] = "";
    if (by != NULL && len == CODE_BYTES) {
        memcpy(code, by, CODE_BYTES);
    }
    self->count += self->code == NULL || stands_for(self->asking, code, self->code) ? 1 : 0;
}

/* How often a level was recorded. */
static size_t recorded(const struct asking *self, const char *kind, const char *code)
{
    const struct scenario_event *event = asked_event(self);
    struct count_context counting = {.asking = self,
        .event = event_id(self, self->wanted->event),
        .subject = child_ref(self, event->children[0]),
        .kind = kind,
        .code = code};

    self->network->records(self->network->self, NULL, count_record, &counting);
    return counting.count;
}

static void got_receipts(const struct asking *self, const engine_t *engine)
{
    const char *codes[RECIPIENTS_MAX];
    size_t count = engine_recipients(engine, event_id(self, self->wanted->event), codes);

    if (asked_fate(self) != FATE_ACCEPTED) {
        buf_put_text(self->got, "%s",
            asked_fate(self) == FATE_WAITING ? "it has not reached the broker yet"
                                             : "turned away at the door");
    } else if (count == 0) {
        buf_put_text(self->got, "no recipient");
    }
    for (size_t i = 0; i < count; i++) {
        int level = engine_level(engine, event_id(self, self->wanted->event), codes[i]);
        buf_put_text(self->got, "%s%s:%s", i > 0 ? " " : "", codes[i],
            level >= 0 && level < 3 ? level_words[level] : "none");
    }
}

static bool once_each(const struct asking *self)
{
    bool once = asked_fate(self) != FATE_ACCEPTED || recorded(self, "accepted", NULL) == 1;

    for (uint32_t i = 0; once && i < self->wanted->receipt_count; i++) {
        const struct receipt_wanted *receipt = &self->wanted->receipts[i];
        once = recorded(self, "persisted", receipt->code) == (receipt->level >= 1 ? 1U : 0U);
    }
    return once;
}

/* Of the recipient that is asked for; -1 where it is none. */
static int level_of(const struct asking *self, const engine_t *engine, const char *wanted)
{
    const uint8_t *event = event_id(self, self->wanted->event);
    const char *codes[RECIPIENTS_MAX];
    size_t count = engine_recipients(engine, event, codes);

    for (size_t i = 0; i < count; i++) {
        if (stands_for(self, codes[i], wanted)) {
            return engine_level(engine, event, codes[i]);
        }
    }
    return -1;
}

bool expect_receipts(const struct asking *self)
{
    const engine_t *engine = self->network->engine(self->network->self, NULL);
    const uint8_t *id = event_id(self, self->wanted->event);
    const char *codes[RECIPIENTS_MAX];
    bool holds = true;

    for (uint32_t i = 0; holds && i < self->wanted->receipt_count; i++) {
        const struct receipt_wanted *receipt = &self->wanted->receipts[i];
        int level = level_of(self, engine, receipt->code);
        holds = self->wanted->exactly ? level == receipt->level : level >= receipt->level;
    }
    if (holds && self->wanted->exactly) {
        holds = engine_recipients(engine, id, codes) == self->wanted->receipt_count;
    }
    if (!holds) {
        got_receipts(self, engine);
    } else if (self->wanted->exactly && !once_each(self)) {
        buf_put_text(self->got, "a level that was recorded more than once");
        return false;
    }
    return holds;
}

/* ---- the sealed part ---- */

static bool is_gone(const struct payload_seen *seen)
{
    return seen->exists && seen->erase_asked && seen->copies == 0;
}

/* Kept is neither of the two: as long as one holder has it. */
static bool payload_fits(const struct asking *self, const struct payload_seen *seen)
{
    switch (self->wanted->payload) {
    case PAYLOAD_KEPT:
        return !seen->withheld && !is_gone(seen);
    case PAYLOAD_WITHHELD:
        return seen->withheld;
    case PAYLOAD_ERASED:
        return is_gone(seen) && seen->commitment_fits;
    }
    return false;
}

bool expect_payload(const struct asking *self)
{
    const struct payload_seen seen =
        self->network->payload(self->network->self, self->wanted->event);

    if (payload_fits(self, &seen)) {
        return true;
    }
    if (!seen.exists) {
        buf_put_text(self->got, "an event without a sealed part");
    } else if (seen.erase_asked && seen.copies > 0) {
        buf_put_text(self->got, "%zu copies left, one with %s", seen.copies, seen.holder);
    } else {
        buf_put_text(self->got, "%s%s",
            seen.erase_asked    ? "erased"
                : seen.withheld ? "withheld"
                                : "kept",
            seen.commitment_fits ? "" : ", and its commitment does not verify");
    }
    return false;
}
