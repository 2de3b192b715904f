/* cast: see cast.h. Memory only; codes that nobody stands behind are left out. */
#include "client/lab/cast.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/civil.h"

#include "common/base/banned.h"

static const char *route(const scenario_t *scenario, const char *code, int64_t now_ms)
{
    return code == NULL || code[0] == '\0'
        ? NULL
        : procedures_route(scenario->procedures, code, civil_london_day(now_ms));
}

static size_t cast_find(const struct cast *self, const char *code)
{
    size_t at = 0;

    while (at < self->count && strcmp(self->rows[at].code, code) != 0) {
        at++;
    }
    return at;
}

static void cast_code(
    struct cast *self, const scenario_t *scenario, const char *code, int64_t now_ms)
{
    const char *today = route(scenario, code, now_ms);

    if (today == NULL || cast_find(self, today) < self->count) {
        return;
    }
    self->rows = mem_resize(self->rows, self->count + 1, sizeof *self->rows);
    self->rows[self->count] = (struct cast_row){.agent = self->count};
    memcpy(self->rows[self->count++].code, today, CODE_BYTES + 1);
}

static void cast_event(
    struct cast *self, const scenario_t *scenario, const struct scenario_event *event)
{
    struct event_view view;

    cast_code(self, scenario, event->from, event->sent_ms);
    if (event_read(event->bytes, &view, NULL) == 0) {
        for (size_t i = 0; i < view.recipient_count; i++) {
            cast_code(self, scenario, view.to[i].code, event->sent_ms);
        }
    }
}

/* Whoever follows a code before the story is over speaks for it from the start. */
static void cast_successors(struct cast *self, const scenario_t *scenario, int64_t last_ms)
{
    for (size_t i = 0; i < self->count; i++) {
        const char *then = route(scenario, self->rows[i].code, last_ms);
        size_t at = then == NULL ? self->count : cast_find(self, then);
        if (at < self->count) {
            self->rows[i].agent = at;
        }
    }
}

void cast_make(struct cast *self, const scenario_t *scenario)
{
    uint32_t statements = scenario->statement_count;
    int64_t first_ms = statements > 0 ? scenario->statements[0].now_ms : 0;
    int64_t last_ms = statements > 0 ? scenario->statements[statements - 1].now_ms : 0;

    *self = (struct cast){.count = 0};
    for (uint32_t i = 0; i < scenario->transfer_count; i++) {
        cast_code(self, scenario, scenario->transfers[i].origin, first_ms);
        cast_code(self, scenario, scenario->transfers[i].receiving, first_ms);
    }
    for (uint32_t i = 0; i < scenario->event_count; i++) {
        cast_event(self, scenario, &scenario->events[i]);
    }
    for (uint32_t i = 0; i < statements; i++) {
        const struct statement *statement = &scenario->statements[i];
        cast_code(self, scenario, statement->code, statement->now_ms);
        if (statement->expectation != NULL) {
            cast_code(self, scenario, statement->expectation->view, statement->now_ms);
            cast_code(self, scenario, statement->expectation->code, statement->now_ms);
        }
    }
    cast_successors(self, scenario, last_ms);
}

void cast_free(struct cast *self)
{
    free(self->rows);
    *self = (struct cast){.count = 0};
}
