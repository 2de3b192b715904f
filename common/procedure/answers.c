/*
 * answers: what the events of an episode wait for (column ack_expected): that they arrive (A1), that a person opens them
 * (A2), that another event answers them (A3). No limit of time is in it; clocks have those. Of one that was said
 * again only the latest waits. Nothing changes, nothing fails.
 */
#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

static bool has_effect_in(const struct row *row, const struct episode *episode)
{
    for (size_t i = 0; i < row->verdict_count; i++) {
        const struct row_verdict *verdict = &row->verdicts[i];
        if (verdict->episode == episode) {
            return verdict->verdict == VERDICT_EFFECTIVE || verdict->verdict == VERDICT_ALERT;
        }
    }
    return false;
}

static bool is_answer(const struct kind_info *asked, uint32_t kind)
{
    for (const uint32_t *answer = asked->answers; *answer != 0; answer++) {
        if (*answer == kind) {
            return true;
        }
    }
    return false;
}

/* Has something come that ends the waiting: an answer, the same said again, or the other's equal filing before it? */
static bool is_settled(const struct visitor *self, uint32_t index, const struct kind_info *asked)
{
    const engine_t *engine = self->engine;
    const struct list *rows = contents_list(self->episode->contents, SHELF_ROWS);
    const struct row *row = list_pointer(rows, index);

    for (uint32_t i = index + 1; i < rows->count; i++) {
        const struct row *later = list_pointer(rows, i);
        bool again = later->kind == row->kind && later->from == row->from;
        if ((again || is_answer(asked, later->kind)) && has_effect_in(later, self->episode)) {
            return true;
        }
    }
    return plan_of(engine, row->kind)->two_party != 0 &&
        filings_agree(
            self->episode, row->kind, row->kind == engine->names->kind[K_ESCALATION_OUTCOME]);
}

static void tell_level(const struct visitor *self, const struct row *row, const char *id,
    const char *what, uint16_t code)
{
    struct engine_expectation expected = {.id = id,
        .what = what,
        .about = plan_of(self->engine, row->kind)->info->title,
        .since_ms = row->accepted_ms};

    expectation_tell(self, code, &expected);
}

/* The levels that recipients have not reached. */
static void visit_levels(const struct visitor *self, const struct row *row, bool expects_opening)
{
    const struct row_recipient *recipients = row_recipients(row);

    for (size_t i = 0; i < row->recipient_count; i++) {
        if (recipients[i].code == row->from) {
            continue;
        }
        if (recipients[i].level == 0) {
            tell_level(self, row, "A1", "to receive", recipients[i].code);
        } else if (recipients[i].level == 1 && expects_opening) {
            tell_level(self, row, "A2", "to open", recipients[i].code);
        }
    }
}

/* The answer, from the other party, by any of the kinds that it may send. */
static void visit_answer(
    const struct visitor *self, const struct row *row, const struct kind_info *asked)
{
    const struct transfer *transfer = self->episode->transfer;
    uint16_t other = row->from == transfer->origin || row->from == transfer->first_origin
        ? transfer->receiving
        : transfer->origin;
    struct engine_expectation expected = {
        .id = "A3", .what = "to answer", .about = asked->title, .since_ms = row->accepted_ms};

    for (const uint32_t *answer = asked->answers;
         *answer != 0 && expected.kind_count < EXPECTED_KINDS; answer++) {
        const struct kind_plan *plan = plan_of(self->engine, *answer);
        if (side_may_send(plan->sender, transfer, other)) {
            expected.kinds[expected.kind_count++] = plan->info->name;
        }
    }
    if (expected.kind_count > 0) {
        expectation_tell(self, other, &expected);
    }
}

void answers_visit(const struct visitor *self)
{
    const struct list *rows = contents_list(self->episode->contents, SHELF_ROWS);

    for (uint32_t i = 0; i < rows->count && !self->episode->over; i++) {
        const struct row *row = list_pointer(rows, i);
        const struct kind_info *info = plan_of(self->engine, row->kind)->info;
        if (info == NULL || !has_effect_in(row, self->episode)) {
            continue;
        }
        bool settled = is_settled(self, i, info);
        visit_levels(self, row, info->expects_opening && !settled);
        if (!settled) {
            visit_answer(self, row, info);
        }
    }
}
