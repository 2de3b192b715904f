/*
 * story: see story.h. Two walks: the ledger first, for what was said of each event later; then the events with their
 * facts. Times are those of acceptance and may be told a little later than they were, never earlier.
 */
#include "client/replay/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/replay/ledger.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum {
    AWAY_AFTER_MS = 60000, /* whoever persists later than this after acceptance was away */
    TEXT_BYTES = 64,
    AWAY_MAX = 256,
};

/* Something that happened, in the order of the journal. */
struct act {
    bool opening;
    int64_t at_ms;
    size_t event;              /* its index among the events told */
    char code[CODE_BYTES + 1]; /* opening: who */
    uint32_t role;             /* opening */
    char team[33];             /* opening, "" for none */
    const char *verdict;       /* event: as judged, static */
    struct buf bytes;          /* event: exact, owned */
};

struct told {
    uint8_t id[UUID_BYTES];
};

struct telling {
    ledger_t *ledger;
    struct journal_moment to;
    struct act *acts; /* owned */
    size_t act_count, act_capacity;
    struct told *events; /* owned: ids in the order in which they are told */
    size_t event_count, event_capacity;
    uint8_t (*children)[UUID_BYTES]; /* owned: c1 is the first */
    size_t child_count, child_capacity;
    uint8_t (*transfers)[UUID_BYTES]; /* owned: T1 is the first */
    size_t transfer_count, transfer_capacity;
    struct {
        char code[CODE_BYTES + 1];
        int64_t until_ms; /* INT64_MAX: it never came back */
    } away[AWAY_MAX];
    size_t away_count;
    int64_t now_ms;
    struct buf *out;
    struct story_counts *counts;
};

static void *more(void *items, size_t count, size_t *capacity, size_t bytes)
{
    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity == 0 ? 32 : *capacity * 2;
    void *grown = mem_new(*capacity, bytes);
    if (count > 0) {
        memcpy(grown, items, count * bytes);
    }
    free(items);
    return grown;
}

/* The number of an id in a list, from 1; added where it is new. */
static size_t number_of(
    uint8_t (**list)[UUID_BYTES], size_t *count, size_t *capacity, const uint8_t *id)
{
    for (size_t i = *count; i > 0; i--) {
        if (memcmp((*list)[i - 1], id, UUID_BYTES) == 0) {
            return i;
        }
    }
    *list = more(*list, *count, capacity, sizeof **list);
    memcpy((*list)[*count], id, UUID_BYTES);
    return ++*count;
}

static size_t child_number(struct telling *self, const uint8_t *ref)
{
    return number_of(&self->children, &self->child_count, &self->child_capacity, ref);
}

static size_t transfer_number(struct telling *self, const uint8_t *id)
{
    return number_of(&self->transfers, &self->transfer_count, &self->transfer_capacity, id);
}

/* From 1; 0 where it is not told. */
static size_t event_number(const struct telling *self, const uint8_t *id)
{
    for (size_t i = self->event_count; i > 0; i--) {
        if (memcmp(self->events[i - 1].id, id, UUID_BYTES) == 0) {
            return i;
        }
    }
    return 0;
}

/* ---- gathering ---- */

static int take_ledger(void *context, const struct record *record, uint64_t position)
{
    struct telling *self = context;

    (void)position;
    if (!moment_reached(&self->to, record->sequence, record->time_ms)) {
        return 1;
    }
    return ledger_record(self->ledger, record);
}

static struct act *act_add(struct telling *self)
{
    self->acts = more(self->acts, self->act_count, &self->act_capacity, sizeof *self->acts);
    struct act *act = &self->acts[self->act_count++];
    *act = (struct act){.opening = false};
    return act;
}

static void take_event(struct telling *self, const struct item *item)
{
    if (catalogue_kind(item->view->kind) == NULL) {
        self->counts->unknown++;
        return;
    }
    self->events =
        more(self->events, self->event_count, &self->event_capacity, sizeof *self->events);
    memcpy(self->events[self->event_count].id, item->event, UUID_BYTES);
    struct act *act = act_add(self);
    act->at_ms = item->recorded_ms;
    act->event = self->event_count++;
    act->verdict = item->verdict;
    buf_put_slice(&act->bytes, item->bytes);
    (void)transfer_number(self, item->transfer);
    for (size_t i = 0; i < item->view->subject_count; i++) {
        (void)child_number(self, item->view->subjects[i].ref);
    }
}

static int take_item(void *context, const struct item *item)
{
    struct telling *self = context;

    if (item->what == ITEM_EVENT) {
        take_event(self, item);
    } else if (item->what == ITEM_LEVEL && item->level->level == ACKED_OPENED) {
        size_t number = event_number(self, item->event);
        if (number > 0) {
            struct act *act = act_add(self);
            act->opening = true;
            act->at_ms = item->recorded_ms;
            act->event = number - 1;
            (void)snprintf(act->code, sizeof act->code, "%s", item->code);
            act->role = item->level->role;
            (void)snprintf(act->team, sizeof act->team, "%.*s", (int)item->level->team.len,
                item->level->team.len == 0 ? "" : (const char *)item->level->team.data);
        }
    }
    return 0;
}

/* ---- heads ---- */

static void put_subjects(struct telling *self, size_t transfer)
{
    const struct fact_info *types = catalogue_case_type();
    size_t count = 0;
    size_t seen[SUBJECTS_MAX * 4];

    for (size_t a = 0; a < self->act_count; a++) {
        struct event_view view;
        if (self->acts[a].opening ||
            event_read(buf_slice(&self->acts[a].bytes), &view, NULL) != 0 ||
            transfer_number(self, view.transfer) != transfer) {
            continue;
        }
        for (size_t i = 0; i < view.subject_count; i++) {
            size_t child = child_number(self, view.subjects[i].ref);
            bool known = count == sizeof seen / sizeof seen[0];
            for (size_t k = 0; k < count; k++) {
                known = known || seen[k] == child;
            }
            if (!known) {
                const char *type = fact_value_word(types, view.subjects[i].case_type);
                buf_put_text(self->out, "%sc%zu:%s", count == 0 ? "" : ",", child,
                    type == NULL ? "cin" : type);
                seen[count++] = child;
            }
        }
    }
}

static void put_transfers(struct telling *self)
{
    for (size_t t = 0; t < self->transfer_count; t++) {
        const struct ledger_transfer *transfer =
            ledger_transfer_of(self->ledger, self->transfers[t]);
        char id[UUID_TEXT_BYTES];
        uuid_format(self->transfers[t], id);
        if (transfer == NULL) {
            continue;
        }
        buf_put_text(self->out, "transfer T%zu origin=%s receiving=%s subjects=", t + 1,
            transfer->origin, transfer->receiving);
        put_subjects(self, t + 1);
        buf_put_text(self->out, " # %s\n", id);
    }
    buf_put_text(self->out, "\n");
}

/* ---- time, and who is away ---- */

static void put_time(struct buf *out, const char *before, int64_t ms)
{
    char stamp[CIVIL_STAMP_BYTES];

    civil_stamp_utc(ms, stamp);
    buf_put_text(out, "%s%s", before, stamp);
}

static void move_to(struct telling *self, int64_t at_ms)
{
    if (at_ms > self->now_ms) {
        self->now_ms = at_ms;
        put_time(self->out, "at ", at_ms);
        buf_put_text(self->out, "\n");
    }
}

static void come_back(struct telling *self, size_t index)
{
    buf_put_text(self->out, "%s online\n", self->away[index].code);
    self->away[index] = self->away[--self->away_count];
}

/* Whoever is back by then comes back in order. */
static void pass_to(struct telling *self, int64_t at_ms)
{
    for (;;) {
        size_t first = self->away_count;
        for (size_t i = 0; i < self->away_count; i++) {
            if (self->away[i].until_ms <= at_ms &&
                (first == self->away_count ||
                    self->away[i].until_ms < self->away[first].until_ms)) {
                first = i;
            }
        }
        if (first == self->away_count) {
            break;
        }
        move_to(self, self->away[first].until_ms);
        come_back(self, first);
    }
    move_to(self, at_ms);
}

static size_t away_index(const struct telling *self, const char *code)
{
    size_t i = 0;

    while (i < self->away_count && strcmp(self->away[i].code, code) != 0) {
        i++;
    }
    return i;
}

/* Who acts is there. */
static void be_there(struct telling *self, const char *code)
{
    size_t index = away_index(self, code);

    if (index < self->away_count) {
        come_back(self, index);
    }
}

static void go_away(struct telling *self, const struct ledger_event *event)
{
    for (size_t i = 0; i < event->level_count; i++) {
        const struct ledger_level *level = &event->levels[i];
        int64_t until_ms = level->persisted_ms == 0 ? INT64_MAX : level->persisted_ms;
        if (until_ms - event->accepted_ms <= AWAY_AFTER_MS ||
            strcmp(level->code, event->from) == 0 || self->away_count == AWAY_MAX ||
            away_index(self, level->code) < self->away_count) {
            continue;
        }
        buf_put_text(self->out, "%s offline\n", level->code);
        (void)snprintf(
            self->away[self->away_count].code, sizeof self->away[0].code, "%s", level->code);
        self->away[self->away_count++].until_ms = until_ms;
    }
}

/* ---- events ---- */

static const char *value_text(
    struct telling *self, const struct fact_value *value, char *text, size_t size)
{
    const struct fact_info *fact = value->fact;
    const char *word;

    switch (fact->type) {
    case FACT_BOOL:
        (void)snprintf(text, size, "%s", value->number != 0 ? "yes" : "no");
        break;
    case FACT_ENUM:
        word = fact_value_word(fact, (uint32_t)value->number);
        (void)snprintf(text, size, "%s", word == NULL ? "" : word);
        break;
    case FACT_DATE:
        civil_date_text((int32_t)value->number, text);
        break;
    case FACT_TIME:
        civil_stamp_utc(value->number, text);
        break;
    case FACT_INT:
        (void)snprintf(text, size, "%lld", (long long)value->number);
        break;
    case FACT_HASH: /* any word stands for its digest: the same digest gives the same word */
        (void)snprintf(
            text, size, "h%08x%08x", get_u32(value->bytes.data), get_u32(value->bytes.data + 4));
        break;
    case FACT_REF:
        (void)snprintf(text, size, "e%zu", event_number(self, value->bytes.data));
        break;
    case FACT_SUBJECT:
        (void)snprintf(text, size, "c%zu", child_number(self, value->bytes.data));
        break;
    default:
        (void)snprintf(text, size, "%.*s", (int)value->bytes.len, (const char *)value->bytes.data);
        break;
    }
    return text;
}

static bool can_be_told(const struct telling *self, const struct fact_value *value)
{
    return value->fact->type != FACT_REF ||
        (value->bytes.len == UUID_BYTES && event_number(self, value->bytes.data) > 0);
}

static void put_facts(struct telling *self, const struct event_view *view)
{
    struct fact_walk walk = event_facts(view);
    struct fact_value value;
    const struct fact_info *before = NULL;
    char text[TEXT_BYTES];

    while (fact_next(&walk, &value)) {
        if (!can_be_told(self, &value)) {
            continue;
        }
        if (value.fact == before) {
            buf_put_text(self->out, ",%s", value_text(self, &value, text, sizeof text));
        } else {
            buf_put_text(
                self->out, " %s=%s", value.fact->name, value_text(self, &value, text, sizeof text));
        }
        before = value.fact;
    }
    for (uint32_t field = 0; field < HEADER_FIELDS_MAX; field++) {
        const struct fact_info *fact = catalogue_header_fact(field);
        if (fact != NULL && view->envelope[field] != 0) {
            const char *word = fact->type == FACT_BOOL
                ? (view->envelope[field] == 2 ? "yes" : "no")
                : fact_value_word(fact, view->envelope[field]);
            buf_put_text(self->out, " %s=%s", fact->name, word == NULL ? "" : word);
        }
    }
}

static void put_links(struct telling *self, const struct event_view *view)
{
    if (view->has_reply && event_number(self, view->in_reply_to) > 0) {
        buf_put_text(self->out, " ref=e%zu", event_number(self, view->in_reply_to));
    }
    if (view->has_supersedes && event_number(self, view->supersedes) > 0) {
        buf_put_text(self->out, " supersedes=e%zu", event_number(self, view->supersedes));
    }
}

static void put_expectations(
    struct telling *self, const struct act *act, const struct ledger_event *event)
{
    static const int kinds[] = {[LEDGER_REFUSED] = WAYPOST__SYSTEM_KIND__REFUSED,
        [LEDGER_HELD] = WAYPOST__SYSTEM_KIND__HELD,
        [LEDGER_ALERT] = WAYPOST__SYSTEM_KIND__ALERT_RAISED};
    bool many = event->subject_count > 1;

    if (strcmp(act->verdict, "effective") == 0) {
        buf_put_text(self->out, "  expect effective\n");
        self->counts->expectations++;
        return;
    }
    for (int v = LEDGER_ALERT; v <= LEDGER_HELD; v++) {
        for (size_t i = 0;
             strcmp(act->verdict, ledger_verdict_words[v]) == 0 && i < event->note_count; i++) {
            const struct ledger_note *note = &event->notes[i];
            if (note->kind != kinds[v] || note->rules[0] == '\0') {
                continue;
            }
            buf_put_text(self->out, "  expect %s ", act->verdict);
            for (const char *at = note->rules; *at != '\0'; at++) {
                buf_put_text(self->out, "%c", *at == ',' ? ' ' : *at);
            }
            if (many && note->has_subject) {
                buf_put_text(self->out, " subject=c%zu", child_number(self, note->subject));
            }
            buf_put_text(self->out, "\n");
            self->counts->expectations++;
        }
    }
}

static void put_event(struct telling *self, const struct act *act)
{
    struct event_view view;
    const struct ledger_event *event = ledger_event_of(self->ledger, self->events[act->event].id);

    if (event == NULL || event_read(buf_slice(&act->bytes), &view, NULL) != 0) {
        return;
    }
    pass_to(self, act->at_ms);
    be_there(self, view.from);
    go_away(self, event);
    buf_put_text(self->out, "%s sends %s T%zu", view.from, catalogue_kind(view.kind)->name,
        transfer_number(self, view.transfer));
    for (size_t i = 0; i < view.subject_count; i++) {
        buf_put_text(
            self->out, "%sc%zu", i == 0 ? "/" : ",", child_number(self, view.subjects[i].ref));
    }
    for (size_t i = 0; i < view.recipient_count; i++) {
        buf_put_text(self->out, "%s%s", i == 0 ? " to=" : ",", view.to[i].code);
    }
    put_facts(self, &view);
    put_links(self, &view);
    if (view.occurred_ms != act->at_ms) {
        put_time(
            self->out, " occurred=", view.occurred_ms < act->at_ms ? view.occurred_ms : act->at_ms);
    }
    buf_put_text(self->out, " as=e%zu\n", act->event + 1);
    put_expectations(self, act, event);
    self->counts->events++;
}

static void put_opening(struct telling *self, const struct act *act)
{
    const struct fact_info *roles = catalogue_enum_named("person_role");
    const char *role = roles == NULL ? NULL : fact_value_word(roles, act->role);

    pass_to(self, act->at_ms);
    be_there(self, act->code);
    buf_put_text(self->out, "%s opens e%zu", act->code, act->event + 1);
    if (role != NULL) {
        buf_put_text(self->out, " role=%s", role);
    }
    if (act->team[0] != '\0') {
        buf_put_text(self->out, " team=%s", act->team);
    }
    buf_put_text(self->out, "\n");
    self->counts->openings++;
}

/* ---- the end ---- */

static void put_owners(struct telling *self)
{
    buf_put_text(self->out, "\n");
    for (size_t t = 0; t < self->transfer_count; t++) {
        const struct ledger_transfer *transfer =
            ledger_transfer_of(self->ledger, self->transfers[t]);
        for (size_t i = 0; transfer != NULL && i < transfer->subject_count; i++) {
            const char *owner = ledger_owner(self->ledger, transfer->subjects[i]);
            size_t before = self->child_count;
            size_t child = child_number(self, transfer->subjects[i]);
            if (child <= before && owner[0] != '\0') {
                buf_put_text(self->out, "expect owner T%zu/c%zu case=%s\n", t + 1, child, owner);
                self->counts->expectations++;
            }
        }
    }
}

static void tell(struct telling *self, const char *path)
{
    buf_put_text(self->out, "scenario \"%s\"\n", path);
    buf_put_text(
        self->out, "# Told by waypost replay from what was recorded; sealed parts are left out.\n");
    put_transfers(self);
    for (size_t i = 0; i < self->act_count; i++) {
        if (self->acts[i].opening) {
            put_opening(self, &self->acts[i]);
        } else {
            put_event(self, &self->acts[i]);
        }
    }
    put_owners(self);
}

int story_write(source_t *source, const struct item_filter *filter, struct buf *out,
    struct story_counts *counts, struct complaint *why)
{
    struct telling self = {.ledger = ledger_new(),
        .to = filter->to,
        .out = out,
        .counts = counts,
        .now_ms = INT64_MIN};
    const struct source_walk walk = {.visit = take_ledger, .context = &self};
    const struct item_reader reader = {.filter = filter, .visit = take_item, .context = &self};
    struct item_counts read;
    uint64_t torn;

    *counts = (struct story_counts){.events = 0};
    int rc = source_walk(source, &walk, &torn, why);
    if (rc == 0 || rc == 1) {
        rc = items_read(source, &reader, &read, why);
    }
    tell(&self, source_path(source));
    for (size_t i = 0; i < self.act_count; i++) {
        buf_free(&self.acts[i].bytes);
    }
    free(self.acts);
    free(self.events);
    free(self.children);
    free(self.transfers);
    ledger_destroy(&self.ledger);
    return rc;
}
