/*
 * scenario_run: see scenario_run.h. What a statement asks wrongly is returned with its line; failed
 * expectations are told and counted, and the run goes on.
 */
#include "client/lab/scenario_run.h"

#include <string.h>

#include "client/lab/expect.h"
#include "client/lab/limits.h"
#include "client/lab/network_cores.h"
#include "client/lab/network_model.h"
#include "common/base/check.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

struct run {
    const scenario_t *scenario;
    const struct run_watcher *watcher;
    struct rehearsal_network network;
    struct run_result *result;
};

static void tell_failure(
    struct run *self, const struct statement *statement, const char *expected, struct buf *got)
{
    struct buf text = {0};

    if (got->len > GOT_BYTES_MAX) {
        got->len = GOT_BYTES_MAX;
    }
    buf_put_text(&text, "%s:%u: expected %s, got %.*s", self->scenario->file,
        (unsigned)statement->line, expected, got->len > 0 ? (int)got->len : 7,
        got->len > 0 ? (const char *)got->data : "nothing");
    buf_put_u8(&text, 0);
    self->result->failed++;
    if (self->watcher->failed != NULL) {
        self->watcher->failed(self->watcher->context, statement, (const char *)text.data);
    }
    buf_free(&text);
}

/* "clock C01 T due=..." of "expect clock C01 T due=...". */
static const char *without_expect(const char *text)
{
    size_t len = strlen("expect");

    return text + len + strspn(text + len, " \t");
}

static void ask(struct run *self, const struct statement *statement)
{
    struct buf got = {0};

    if (expect_holds(self->scenario, &self->network, statement, &got)) {
        self->result->passed++;
    } else {
        tell_failure(self, statement, without_expect(statement->text), &got);
    }
    buf_free(&got);
}

/* R01: exactly one case owner, of every child that the event touches. */
static void check_owner(struct run *self, const struct statement *statement, uint32_t event_index)
{
    const struct scenario_event *event = &self->scenario->events[event_index];
    const struct scenario_transfer *transfer = &self->scenario->transfers[event->transfer];
    const engine_t *engine = self->network.engine(self->network.self, NULL);

    if (self->network.fate(self->network.self, event_index) != FATE_ACCEPTED) {
        return;
    }
    for (uint32_t i = 0; i < event->child_count; i++) {
        const struct scenario_child *child = &self->scenario->children[event->children[i]];
        const char *owners[8];
        size_t count = engine_owner(engine, transfer->id, child->ref, DIM_CASE, owners);
        if (count != 1 || owners[0][0] == '\0') {
            struct buf got = {0};
            buf_put_text(&got, "%s/%s: %zu owners", transfer->name, child->name, count);
            tell_failure(self, statement, "exactly one case owner (R01)", &got);
            buf_free(&got);
        }
    }
}

/* The same over the whole journal, as the hub counts it. */
static void check_owners(struct run *self, const struct statement *statement)
{
    int64_t faults = 0;

    (void)engine_measure(self->network.engine(self->network.self, NULL), "owner_faults", &faults);
    if (faults != 0) {
        struct buf got = {0};
        buf_put_text(&got, "owner_faults=%lld", (long long)faults);
        tell_failure(self, statement, "exactly one case owner for every open child (R01)", &got);
        buf_free(&got);
    }
}

static int carry_out(struct run *self, const struct statement *statement, struct complaint *why)
{
    struct rehearsal_network *network = &self->network;

    switch (statement->kind) {
    case STATEMENT_AT:
        network->advance(network->self, statement->now_ms);
        break;
    case STATEMENT_SENDS:
    case STATEMENT_RESENDS:
        network->publish(network->self, statement->event, statement->kind == STATEMENT_RESENDS);
        check_owner(self, statement, statement->event);
        break;
    case STATEMENT_OPENS:
        if (network->open(network->self, statement->code, statement->event, statement->role,
                statement->team) != 0) {
            return complain(why, E_STATE,
                "%s cannot open %s: it is not persisted there (expect receipts shows how far it "
                "is)",
                statement->code, self->scenario->events[statement->event].label);
        }
        break;
    case STATEMENT_OFFLINE:
    case STATEMENT_ONLINE:
        network->link(network->self, statement->code, statement->kind == STATEMENT_ONLINE);
        break;
    case STATEMENT_BROKER_STOPS:
    case STATEMENT_BROKER_STARTS:
        network->broker(network->self, statement->kind == STATEMENT_BROKER_STARTS);
        break;
    case STATEMENT_ERASE:
        network->erase(network->self, statement->event);
        break;
    case STATEMENT_EXPECT:
        ask(self, statement);
        break;
    }
    const char *fault = network->fault == NULL ? NULL : network->fault(network->self);
    return fault == NULL ? 0 : complain(why, E_STATE, "%s", fault);
}

static void finish(struct run *self)
{
    const scenario_t *scenario = self->scenario;

    for (uint32_t i = 0; i < scenario->event_count; i++) {
        self->result->events += self->network.fate(self->network.self, i) == FATE_ACCEPTED ? 1 : 0;
    }
    if (scenario->statement_count > 0) {
        check_owners(self, &scenario->statements[scenario->statement_count - 1]);
    }
    self->result->hash = engine_hash(self->network.engine(self->network.self, NULL));
}

int scenario_play(const scenario_t *scenario, const struct rehearsal_network *network,
    const struct run_watcher *watcher, struct run_result *out, uint32_t *line,
    struct complaint *why)
{
    struct run self = {
        .scenario = scenario, .watcher = watcher, .network = *network, .result = out};
    int rc = 0;

    *out = (struct run_result){0};
    for (uint32_t i = 0; rc == 0 && i < scenario->statement_count; i++) {
        const struct statement *statement = &scenario->statements[i];
        rc = carry_out(&self, statement, why);
        if (rc != 0) {
            *line = statement->line;
        } else if (watcher->step != NULL) {
            watcher->step(watcher->context, scenario, statement, &self.network);
        }
    }
    if (rc == 0) {
        finish(&self);
    }
    return rc;
}

int scenario_run_cores(const scenario_t *scenario, const data_files_t *data,
    const struct run_watcher *watcher, struct run_result *out, uint32_t *line,
    struct complaint *why)
{
    struct rehearsal_network network = network_cores_new(scenario, data);
    int rc = scenario_play(scenario, &network, watcher, out, line, why);

    network.destroy(&network.self);
    return rc;
}

int scenario_run(const scenario_t *scenario, const struct run_watcher *watcher,
    struct run_result *out, uint32_t *line, struct complaint *why)
{
    struct rehearsal_network network = network_model_new(scenario, watcher->keep_records);
    int rc = scenario_play(scenario, &network, watcher, out, line, why);

    network.destroy(&network.self);
    return rc;
}
