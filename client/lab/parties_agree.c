/* parties_agree: do agents say what the broker says? Of children that they were told everything about. Nothing fails. */
#include "client/lab/parties.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

/* ---- who was told ---- */

/* A set of children of the scenario; grows with what is linked to them. */
struct children {
    uint32_t count;
    bool *in; /* owned, one a child */
};

static bool concerns(const struct children *self, const struct scenario_event *event)
{
    for (uint32_t i = 0; i < event->child_count; i++) {
        if (self->in[event->children[i]]) {
            return true;
        }
    }
    return false;
}

static bool is_linked_by(
    const struct parties *self, const struct children *set, const struct event_view *view)
{
    struct fact_walk walk = event_facts(view);
    struct fact_value value;
    bool linked = false;

    while (fact_next(&walk, &value)) {
        for (uint32_t i = 0; value.fact->type == FACT_SUBJECT && i < set->count; i++) {
            linked |= set->in[i] && value.bytes.len == UUID_BYTES &&
                memcmp(value.bytes.data, self->scenario->children[i].ref, UUID_BYTES) == 0;
        }
    }
    return linked;
}

/* Children that came into the set by the event; true where there are new ones. */
static bool join_children(struct children *set, const struct parties *self,
    const struct scenario_event *event, const struct event_view *view)
{
    bool grown = false;

    if (concerns(set, event) || is_linked_by(self, set, view)) {
        struct fact_walk walk = event_facts(view);
        struct fact_value value;
        for (uint32_t i = 0; i < event->child_count; i++) {
            grown |= !set->in[event->children[i]] && is_linked_by(self, set, view);
            set->in[event->children[i]] |= is_linked_by(self, set, view);
        }
        while (fact_next(&walk, &value)) {
            for (uint32_t i = 0; value.fact->type == FACT_SUBJECT && i < set->count; i++) {
                bool named = value.bytes.len == UUID_BYTES &&
                    memcmp(value.bytes.data, self->scenario->children[i].ref, UUID_BYTES) == 0;
                grown |= named && !set->in[i];
                set->in[i] |= named;
            }
        }
    }
    return grown;
}

static const uint8_t *id_of(const struct parties *self, const uint8_t *id)
{
    for (uint32_t i = 0; i < self->scenario->event_count; i++) {
        if (memcmp(self->scenario->events[i].id, id, UUID_BYTES) == 0) {
            return self->events[i].bytes;
        }
    }
    return id;
}

/* It was recorded for its sender alone, and the other party has learnt of it since (D49). */
static bool is_disclosed(struct parties *self, const struct event_view *view, const char *council)
{
    char id[UUID_TEXT_BYTES];

    if (view->recipient_count != 1 || strcmp(view->to[0].code, view->from) != 0) {
        return false;
    }
    uuid_format(id_of(self, view->id), id);
    json_t *shown =
        parties_ask(self, council, json_pack("{s:s, s:s}", "op", "show", "event", id), NULL);
    bool known = shown != NULL;
    json_decref(shown);
    return known;
}

static bool is_between(struct parties *self, const struct event_view *view, const char *council)
{
    const char *codes[RECIPIENTS_MAX];

    if (strcmp(view->from, council) == 0 || is_disclosed(self, view, council)) {
        return true;
    }
    size_t count =
        engine_recipients(self->port.engine(self->port.context), id_of(self, view->id), codes);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(codes[i], council) == 0) {
            return true;
        }
    }
    return false;
}

static bool grow(struct children *set, const struct parties *self)
{
    struct event_view event;
    bool grown = false;

    for (uint32_t i = 0; i < self->scenario->event_count; i++) {
        grown |= self->events[i].sent &&
            event_read(self->scenario->events[i].bytes, &event, NULL) == 0 &&
            join_children(set, self, &self->scenario->events[i], &event);
    }
    return grown;
}

bool parties_were_told(
    struct parties *self, const char *view, const uint32_t *children, uint32_t child_count)
{
    const scenario_t *scenario = self->scenario;
    struct children set = {.count = scenario->child_count};
    struct event_view event;
    bool told = true;

    set.in = mem_new((size_t)scenario->child_count + 1, sizeof *set.in);
    for (uint32_t i = 0; i < child_count; i++) {
        set.in[children[i]] = true;
    }
    while (grow(&set, self)) {
        continue;
    }
    for (uint32_t i = 0; told && i < scenario->event_count; i++) {
        told = !self->events[i].sent || !concerns(&set, &scenario->events[i]) ||
            (event_read(scenario->events[i].bytes, &event, NULL) == 0 &&
                is_between(self, &event, view));
    }
    free(set.in);
    return told;
}

/* ---- agreement ---- */

struct clock_tally {
    const struct engine_clock *wanted;
    bool found;
};

static void tally(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    struct clock_tally *self = context;
    const struct engine_clock *wanted = self->wanted;

    (void)subject;
    self->found |= strcmp(clock->info->id, wanted->info->id) == 0 &&
        clock->state == wanted->state && clock->has_due == wanted->has_due &&
        (!clock->has_due || clock->due.runs_out_ms == wanted->due.runs_out_ms);
}

/* One child as the journal has it, to be held against one agent's answer. */
struct comparing {
    struct parties *parties;
    const char *view;
    const uint8_t *transfer;
    const uint8_t *subject;
    struct buf *why;
    bool same;
};

static void differ(struct comparing *self, const char *what, const char *name)
{
    char ref[UUID_TEXT_BYTES];

    uuid_format(self->subject, ref);
    buf_put_text(self->why, "%s%s differs in %s %s of %.8s", self->why->len > 0 ? "; " : "",
        self->view, what, name, ref);
    self->same = false;
}

static void compare_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    struct comparing *self = context;
    struct clock_tally tallying = {.wanted = clock};

    parties_answers.clocks(self->parties, self->view, self->transfer, subject, tally, &tallying);
    if (!tallying.found) {
        differ(self, "clock", clock->info->id);
    }
}

static void compare_owner(struct comparing *self, const engine_t *engine, enum dimension dimension)
{
    const char *wanted[8];
    const char *got[8];
    size_t count = engine_owner(engine, self->transfer, self->subject, dimension, wanted);
    bool same = parties_answers.owner(self->parties, self->view, self->transfer, self->subject,
                    dimension, got) == count;

    for (size_t i = 0; same && i < count; i++) {
        same = strcmp(wanted[i], got[i]) == 0;
    }
    if (!same) {
        differ(self, "owner", dimension_names[dimension]);
    }
}

static void compare_child(struct comparing *self, const engine_t *engine)
{
    const char *name;

    for (int i = 0; i < DIM_COUNT; i++) {
        compare_owner(self, engine, (enum dimension)i);
    }
    for (size_t i = 0; (name = engine_flag_name(i)) != NULL; i++) {
        const char *wanted = engine_flag(engine, self->transfer, self->subject, name);
        const char *got =
            parties_answers.flag(self->parties, self->view, self->transfer, self->subject, name);
        if ((wanted == NULL) != (got == NULL) || (wanted != NULL && strcmp(wanted, got) != 0)) {
            differ(self, "flag", name);
        }
    }
    engine_clocks(engine, self->transfer, self->subject, compare_clock, self);
}

bool parties_agree(struct parties *self, const char *view, struct buf *why)
{
    struct comparing comparing = {.parties = self, .view = view, .why = why, .same = true};

    for (uint32_t i = 0; i < self->scenario->transfer_count; i++) {
        const struct scenario_transfer *transfer = &self->scenario->transfers[i];
        bool party = strcmp(transfer->origin, view) == 0 || strcmp(transfer->receiving, view) == 0;
        comparing.transfer = transfer->id;
        if (!party || !parties_know(self, view, transfer->id)) {
            continue;
        }
        for (uint32_t k = 0; k < transfer->child_count; k++) {
            comparing.subject = self->scenario->children[transfer->children[k]].ref;
            if (parties_were_told(self, view, &transfer->children[k], 1)) {
                compare_child(&comparing, self->port.engine(self->port.context));
            }
        }
    }
    return comparing.same;
}
