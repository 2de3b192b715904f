/* cases: see cases.h. */
#include "client/agent/cases.h"

#include "client/agent/cases_steps.h"
#include "client/agent/kin.h"
#include "client/agent/ops.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

bool cases_event_bytes(agent_core_t *self, const uint8_t *event, bool own, struct buf *out)
{
    if (own) {
        struct outbox_row row;
        if (store_outbox(self->store, event, &row) != 0) {
            return false;
        }
        (void)outbox_event_bytes(self, &row, out);
        outbox_row_free(&row);
    } else {
        struct inbox_row row;
        if (store_inbox(self->store, event, &row) != 0) {
            return false;
        }
        buf_put_slice(out, buf_slice(&row.bytes));
        inbox_row_free(&row);
    }
    return out->len > 0;
}

static void fold_event(agent_core_t *self, engine_t *engine, const struct step *step)
{
    struct buf bytes = {0};
    struct event_view view;
    struct fact_set facts;
    uint8_t verdicts[SUBJECTS_MAX];

    if (cases_event_bytes(self, step->event, step->own, &bytes) &&
        event_read(buf_slice(&bytes), &view, NULL) == 0 && catalogue_kind(view.kind) != NULL &&
        facts_read(&view, &facts) == 0) {
        const struct engine_event event = {.view = &view,
            .facts = &facts,
            .accepted_ms = step->at_ms,
            .provisional = step->what == HAPPENED_SENT};
        (void)engine_event(engine, &event, verdicts);
    }
    buf_free(&bytes);
}

/* Levels are kept under the code as it was addressed; the engine knows the one that it was routed to. */
static const char *code_routed(const agent_core_t *self, const struct step *step)
{
    const char *routed =
        procedures_route(self->options.procedures, step->code, civil_london_day(step->at_ms));

    return routed != NULL ? routed : step->code;
}

static void fold_step(agent_core_t *self, engine_t *engine, const struct step *step)
{
    switch (step->what) {
    case HAPPENED_ACCEPTED:
    case HAPPENED_SENT:
        fold_event(self, engine, step);
        break;
    case HAPPENED_PERSISTED:
        engine_persisted(engine, step->event, code_routed(self, step), step->at_ms);
        break;
    case HAPPENED_OPENED:
        engine_opened(engine, step->event, code_routed(self, step),
            enum_word("person_role", step->role), step->team, step->at_ms);
        break;
    case HAPPENED_RAN_OUT:
        engine_advance(engine, step->at_ms);
        break;
    case HAPPENED_ERASED:
        engine_erased(engine, step->event, step->code, step->at_ms);
        break;
    }
}

static engine_t *empty_engine(agent_core_t *self)
{
    engine_t *engine = self->engine;

    self->engine = NULL;
    return engine != NULL ? engine : engine_new(self->options.procedures, NULL, NULL);
}

void cases_done(agent_core_t *self, engine_t **engine_p)
{
    if (*engine_p == NULL || self->engine != NULL) { /* somebody asked while another was answered */
        engine_destroy(engine_p);
        return;
    }
    self->engine = *engine_p;
    engine_clear(self->engine);
    *engine_p = NULL;
}

/* kin: ids of the transfers asked after, NULL for all. */
static engine_t *fold(agent_core_t *self, const struct buf *kin)
{
    engine_t *engine = empty_engine(self);
    struct steps steps;

    acking_flush(self);
    steps_collect(self, kin, &steps);
    for (size_t i = 0; i < steps.count; i++) {
        fold_step(self, engine, &steps.items[i]);
    }
    engine_advance(engine, agent_wall(self));
    steps_free(&steps);
    return engine;
}

engine_t *cases_fold(agent_core_t *self)
{
    return self->options.procedures == NULL ? NULL : fold(self, NULL);
}

engine_t *cases_fold_kin(agent_core_t *self, const uint8_t *transfer, const struct event_view *said)
{
    struct buf kin = {0};

    if (self->options.procedures == NULL) {
        return NULL;
    }
    kin_find(self, transfer, said, &kin);
    engine_t *engine = fold(self, &kin);
    buf_free(&kin);
    return engine;
}
