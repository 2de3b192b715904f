/* network_text: see network_text.h. Nothing fails. */
#include "tests/support/network_text.h"

#include <string.h>

#include "client/lab/limits.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { OWNERS_MAX = 8, NAME_BYTES = 2 * SCENARIO_NAME_BYTES_MAX + 2 };

/* Whoever is asked, about one child in one transfer. */
struct asked {
    const scenario_t *scenario;
    const struct rehearsal_network *network;
    const char *view; /* NULL for the broker */
    const uint8_t *transfer, *subject;
    char name[NAME_BYTES]; /* T/NAME */
    struct buf *out;
};

static void begin_line(const struct asked *self, const char *what)
{
    buf_put_text(
        self->out, "%s %s %s", self->view == NULL ? "broker" : self->view, self->name, what);
}

static void put_stamp(struct buf *out, const char *name, int64_t at_ms)
{
    char text[CIVIL_STAMP_BYTES];

    civil_stamp_utc(at_ms, text);
    buf_put_text(out, " %s=%s", name, text);
}

/* Events are numbered as the story tells them. */
static void put_event(const struct asked *self, const uint8_t *id)
{
    for (uint32_t i = 0; i < self->scenario->event_count; i++) {
        if (memcmp(network_event_id(self->network, self->scenario, i), id, UUID_BYTES) == 0) {
            buf_put_text(self->out, " by=%u", (unsigned)i + 1);
        }
    }
}

/* ---- a child ---- */

static void put_owners(const struct asked *self)
{
    begin_line(self, "owners");
    for (int i = 0; i < DIM_COUNT; i++) {
        const char *codes[OWNERS_MAX];
        size_t count = network_owner(
            self->network, self->view, self->transfer, self->subject, (enum dimension)i, codes);
        buf_put_text(self->out, " %s=", dimension_names[i]);
        for (size_t k = 0; k < count; k++) {
            buf_put_text(self->out, "%s%s", k > 0 ? "," : "", codes[k]);
        }
    }
    buf_put_u8(self->out, '\n');
}

static void put_flags(const struct asked *self)
{
    const char *name;

    begin_line(self, "flags");
    for (size_t i = 0; (name = engine_flag_name(i)) != NULL; i++) {
        const char *value =
            network_flag(self->network, self->view, self->transfer, self->subject, name);
        buf_put_text(self->out, " %s=%s", name, value == NULL ? "" : value);
    }
    buf_put_u8(self->out, '\n');
}

static void put_due(const struct due *due, struct buf *out)
{
    if (!due->timed) {
        return;
    }
    put_stamp(out, "runs_out", due->runs_out_ms);
    if (due->by_day) {
        buf_put_text(out, " day=%d", (int)due->due_day);
    } else {
        put_stamp(out, "due", due->due_ms);
    }
    buf_put_text(out, "%s", due->provisional ? " provisional" : "");
}

static void put_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    const struct asked *self = context;
    bool belief = self->view != NULL && clock->state == CLOCK_BREACHED &&
        self->network->believes(
            self->network->self, self->view, subject, clock->info->id, clock->due.runs_out_ms);

    begin_line(self, clock->info->id);
    put_event(self, clock->event);
    buf_put_text(self->out, " state=%d%s%s", (int)clock->state, clock->advisory ? " advisory" : "",
        belief ? " belief" : "");
    if (clock->has_due) {
        put_due(&clock->due, self->out);
    }
    if (clock->late > 0) {
        buf_put_text(self->out, " late=%d unit=%d", (int)clock->late, (int)clock->late_unit);
    }
    for (size_t i = 0; i < clock->bound_count; i++) {
        buf_put_text(self->out, " binds=%s", clock->bound[i]);
    }
    buf_put_u8(self->out, '\n');
}

static void put_outstanding(void *context, const char *id, int64_t since_ms)
{
    const struct asked *self = context;

    begin_line(self, "outstanding");
    buf_put_text(self->out, " %s", id);
    put_stamp(self->out, "since", since_ms);
    buf_put_u8(self->out, '\n');
}

static void put_children(struct asked *self)
{
    for (uint32_t i = 0; i < self->scenario->transfer_count; i++) {
        const struct scenario_transfer *transfer = &self->scenario->transfers[i];
        self->transfer = transfer->id;
        for (uint32_t k = 0; k < transfer->child_count; k++) {
            self->subject = self->scenario->children[transfer->children[k]].ref;
            (void)scenario_target_text(
                self->scenario, i, transfer->children[k], self->name, sizeof self->name);
            put_owners(self);
            put_flags(self);
            network_clocks(
                self->network, self->view, self->transfer, self->subject, put_clock, self);
            network_outstanding(
                self->network, self->view, self->transfer, self->subject, put_outstanding, self);
        }
    }
}

/* ---- an event ---- */

static void put_verdict(const struct asked *self, const uint8_t *id, uint32_t child)
{
    struct engine_verdict verdict;

    if (engine_verdict(self->network->engine(self->network->self, NULL), id,
            self->scenario->children[child].ref, &verdict) != 0) {
        return;
    }
    buf_put_text(self->out, " %s: %d", self->scenario->children[child].name, (int)verdict.verdict);
    for (size_t i = 0; i < verdict.rule_count; i++) {
        buf_put_text(self->out, " %s", verdict.rules[i]);
    }
    buf_put_text(self->out, " alerts=%zu", verdict.alert_count);
}

static void put_levels(const struct asked *self, const uint8_t *id)
{
    const engine_t *engine = self->network->engine(self->network->self, NULL);
    const char *codes[RECIPIENTS_MAX];
    size_t count = engine_recipients(engine, id, codes);

    for (size_t i = 0; i < count; i++) {
        buf_put_text(self->out, " %s:%d", codes[i], engine_level(engine, id, codes[i]));
    }
}

static void put_events(const struct asked *self)
{
    for (uint32_t i = 0; i < self->scenario->event_count; i++) {
        const struct scenario_event *event = &self->scenario->events[i];
        const uint8_t *id = network_event_id(self->network, self->scenario, i);
        buf_put_text(self->out, "event %u fate=%d", (unsigned)i + 1,
            (int)self->network->fate(self->network->self, i));
        put_levels(self, id);
        for (uint32_t k = 0; k < event->child_count; k++) {
            put_verdict(self, id, event->children[k]);
        }
        buf_put_u8(self->out, '\n');
    }
}

/* ---- all of it ---- */

static void put_hub(const struct asked *self)
{
    const char *name;

    buf_put_text(self->out, "hub");
    for (size_t i = 0; (name = engine_measure_name(i)) != NULL; i++) {
        buf_put_text(self->out, " %s=%lld", name, (long long)network_measure(self->network, name));
    }
    buf_put_u8(self->out, '\n');
}

void network_text(const scenario_t *scenario, const struct cast *cast,
    const struct rehearsal_network *network, struct buf *out)
{
    struct asked asked = {.scenario = scenario, .network = network, .out = out};

    put_events(&asked);
    put_children(&asked);
    put_hub(&asked);
    for (size_t row = 0; row < cast->count; row++) {
        if (cast->rows[row].agent == row) {
            asked.view = cast->rows[row].code;
            buf_put_text(out, "%s pending=%llu\n", asked.view,
                (unsigned long long)network->pending(network->self, asked.view));
            put_children(&asked);
        }
    }
}
