/* cases: see cases.h. */
#include "client/agent/cases.h"

#include "client/agent/cases_steps.h"
#include "client/agent/ops.h"

#include "common/base/banned.h"

static bool read_bytes(agent_core_t *self, const struct step *step, struct buf *out)
{
    if (step->own) {
        struct outbox_row row;
        if (store_outbox(self->store, step->event, &row) != 0) {
            return false;
        }
        (void)outbox_event_bytes(self, &row, out);
        outbox_row_free(&row);
    } else {
        struct inbox_row row;
        if (store_inbox(self->store, step->event, &row) != 0) {
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

    if (read_bytes(self, step, &bytes) && event_read(buf_slice(&bytes), &view, NULL) == 0 &&
        catalogue_kind(view.kind) != NULL && facts_read(&view, &facts) == 0) {
        const struct engine_event event = {.view = &view,
            .facts = &facts,
            .accepted_ms = step->at_ms,
            .provisional = step->what == HAPPENED_SENT};
        (void)engine_event(engine, &event, verdicts);
    }
    buf_free(&bytes);
}

static void fold_step(agent_core_t *self, engine_t *engine, const struct step *step)
{
    switch (step->what) {
    case HAPPENED_ACCEPTED:
    case HAPPENED_SENT:
        fold_event(self, engine, step);
        break;
    case HAPPENED_PERSISTED:
        engine_persisted(engine, step->event, step->code, step->at_ms);
        break;
    case HAPPENED_OPENED:
        engine_opened(engine, step->event, step->code, enum_word("person_role", step->role),
            step->team, step->at_ms);
        break;
    case HAPPENED_ERASED:
        engine_erased(engine, step->event, step->code, step->at_ms);
        break;
    }
}

engine_t *cases_fold(agent_core_t *self)
{
    struct steps steps;
    int64_t now_ms = self->world->wall_ms(self->world->context);

    if (self->options.procedures == NULL) {
        return NULL;
    }
    engine_t *engine = engine_new(self->options.procedures, NULL, NULL);
    acking_flush(self);
    steps_collect(self, &steps);
    for (size_t i = 0; i < steps.count; i++) {
        fold_step(self, engine, &steps.items[i]);
    }
    engine_advance(engine, now_ms);
    steps_free(&steps);
    return engine;
}
