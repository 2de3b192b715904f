/*
 * encode: one canonical encoding of the whole state, and its hash. Everything goes in the order in
 * which it came; codes as text, clocks and kinds by number, times as 64 bits: the same entries give
 * the same bytes on every machine.
 */
#include <string.h>

#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

enum { STATE_VERSION = 1 };

static void put_code(const engine_t *self, struct buf *out, uint16_t code)
{
    char text[CODE_BYTES] = {0};

    memcpy(text, code_text(self, code), code != 0 ? CODE_BYTES : 0);
    buf_put(out, text, sizeof text);
}

static void put_time(struct buf *out, int64_t value)
{
    buf_put_u64(out, (uint64_t)value);
}

static void put_day(struct buf *out, int32_t value)
{
    buf_put_u32(out, (uint32_t)value);
}

static void put_text(struct buf *out, const char *text)
{
    buf_put_u16(out, (uint16_t)strlen(text));
    buf_put(out, text, strlen(text));
}

static void put_history(const engine_t *self, struct buf *out, const struct list *history)
{
    const struct ownership *items = history->items;

    buf_put_u32(out, history->count);
    for (uint32_t i = 0; i < history->count; i++) {
        put_time(out, items[i].at_ms);
        buf_put_u8(out, items[i].dimension);
        for (size_t k = 0; k < RECORDERS_MAX; k++) {
            put_code(self, out, items[i].owners[k]);
        }
    }
}

static void put_consents(const engine_t *self, struct buf *out, const struct list *list)
{
    const struct consent *items = list->items;

    buf_put_u32(out, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct consent_recipient *recipients = items[i].recipients.items;
        put_text(out, items[i].id);
        buf_put_u64(out, items[i].scope);
        put_day(out, items[i].expires);
        buf_put_u8(out, items[i].withdrawn);
        buf_put_u32(out, items[i].recipients.count);
        for (uint32_t k = 0; k < items[i].recipients.count; k++) {
            put_code(self, out, recipients[k].code);
            put_text(out, recipients[k].service);
        }
    }
}

static void put_child(const engine_t *self, struct buf *out, const struct child *child)
{
    const struct assessment *assessments = child->assessments.items;
    const struct order *orders = child->orders.items;
    const struct move_notice *notices = child->notices.items;
    const bool flags[] = {child->split, child->s47, child->pre_proceedings, child->avoidance,
        child->proceedings, child->born, child->ended, child->merged_into != NULL};

    buf_put(out, child->ref, UUID_BYTES);
    buf_put(out, child_of((struct child *)(uintptr_t)child)->ref, UUID_BYTES);
    put_code(self, out, child->case_owner);
    put_code(self, out, child->first_origin);
    put_code(self, out, child->immediate);
    put_code(self, out, child->assessment);
    buf_put_u32(out, child->case_type);
    buf_put(out, flags, sizeof flags);
    put_time(out, child->r46_since);
    put_time(out, child->r61_since);
    for (size_t i = 0; i < RECORDERS_MAX; i++) {
        put_code(self, out, child->recorders[i]);
    }
    buf_put_u32(out, child->assessments.count);
    for (uint32_t i = 0; i < child->assessments.count; i++) {
        put_code(self, out, assessments[i].sender);
        buf_put_u32(out, assessments[i].type);
    }
    buf_put_u32(out, child->orders.count);
    for (uint32_t i = 0; i < child->orders.count; i++) {
        buf_put_u32(out, orders[i].type);
        buf_put_u8(out, orders[i].ended);
        buf_put_u8(out, orders[i].moved);
    }
    buf_put_u32(out, child->notices.count);
    for (uint32_t i = 0; i < child->notices.count; i++) {
        put_code(self, out, notices[i].from);
        put_code(self, out, notices[i].to);
        put_day(out, notices[i].day);
        buf_put_u32(out, notices[i].episode);
    }
    put_consents(self, out, &child->consents);
    put_history(self, out, &child->history);
}

static void put_flags(struct buf *out, const struct episode *episode)
{
    const bool flags[] = {episode->over, episode->withdrawn, episode->temporary_plan,
        episode->case_file, episode->requested, episode->agreed, episode->complete,
        episode->minutes, episode->letter_held, episode->closed, episode->discontinued,
        episode->retained, episode->discussion, episode->agreement_proposed, episode->agreement,
        episode->date_proposed, episode->conference_any, episode->documents_challenge,
        episode->report_challenge, episode->emergency, episode->emergency_accepted,
        episode->follow_up, episode->resumed, episode->strategy, episode->escalation,
        episode->agencies_told, episode->previously_cp, episode->closed_transferred,
        episode->family_known};

    buf_put(out, flags, sizeof flags);
    buf_put_u32(out, episode->permanence);
    buf_put_u32(out, episode->retain_intention);
    buf_put_u32(out, episode->placement_type);
    buf_put_u32(out, episode->flag_basis);
    buf_put_u32(out, episode->threshold);
    buf_put_u32(out, episode->follow_ups_owed);
    put_day(out, episode->move_date);
    put_day(out, episode->expected_end);
    put_day(out, episode->flag_end);
    put_day(out, episode->assessment_date);
    put_day(out, episode->transfer_date);
    put_day(out, episode->conference_date);
    put_day(out, episode->residence_start);
    buf_put_u32(out, episode->intention_stated);
    put_time(out, episode->conference_ms);
    put_time(out, episode->documents_persisted_ms);
    buf_put_u64(out, episode->documents);
    buf_put_u64(out, episode->evidence);
}

static void put_escalation(struct buf *out, const struct episode *episode)
{
    buf_put_u16(out, episode->stage_raised);
    buf_put_u16(out, episode->stage_move_up);
    buf_put_u32(out, episode->dispute);
    for (size_t side = 0; side < 2; side++) {
        buf_put_u16(out, episode->stage_filed[side]);
        buf_put(out, episode->stage_outcome[side], STAGES_MAX);
    }
}

static void put_lists(const engine_t *self, struct buf *out, const struct episode *episode)
{
    const struct letter *letters = episode->letters.items;
    const struct filing *filings = episode->filings.items;
    const struct exception *exceptions = episode->exceptions.items;
    const struct held *held = episode->held.items;
    const struct pending *pending = episode->pending.items;
    const struct outstanding *outstanding = episode->outstanding.items;

    buf_put_u32(out, episode->letters.count);
    for (uint32_t i = 0; i < episode->letters.count; i++) {
        buf_put(out, letters[i].hash.b, HASH_BYTES);
        buf_put_u8(out, letters[i].effective);
    }
    buf_put_u32(out, episode->filings.count);
    for (uint32_t i = 0; i < episode->filings.count; i++) {
        buf_put_u32(out, filings[i].kind);
        put_code(self, out, filings[i].sender);
        buf_put(out, filings[i].key.b, HASH_BYTES);
    }
    buf_put_u32(out, episode->exceptions.count);
    for (uint32_t i = 0; i < episode->exceptions.count; i++) {
        buf_put_u64(out, exceptions[i].rules);
        put_day(out, exceptions[i].expires);
    }
    buf_put_u32(out, episode->held.count);
    for (uint32_t i = 0; i < episode->held.count; i++) {
        buf_put(out, held[i].row->id, UUID_BYTES);
    }
    buf_put_u32(out, episode->pending.count);
    for (uint32_t i = 0; i < episode->pending.count; i++) {
        put_text(out, pending[i].info->id);
        buf_put(out, pending[i].event->id, UUID_BYTES);
        put_code(self, out, pending[i].key.sender);
        buf_put_u16(out, pending[i].key.start_kind);
        buf_put_u16(out, pending[i].key.stage);
        buf_put_u16(out, pending[i].key.assessment_type);
        put_code(self, out, pending[i].waits_for);
    }
    buf_put_u32(out, episode->outstanding.count);
    for (uint32_t i = 0; i < episode->outstanding.count; i++) {
        buf_put_u32(out, outstanding[i].rule);
        put_time(out, outstanding[i].since_ms);
    }
}

static void put_episode(const engine_t *self, struct buf *out, const struct episode *episode)
{
    buf_put(out, episode->key, sizeof episode->key);
    put_code(self, out, episode->transfer->origin);
    put_code(self, out, episode->transfer->receiving);
    put_code(self, out, episode->transfer->first_origin);
    put_code(self, out, episode->transfer->first_receiving);
    const char *forced = procedures_profile_name(self->procedures, episode->transfer->profile);
    put_text(out, forced != NULL ? forced : "");
    put_code(self, out, episode->conference_convening);
    put_code(self, out, episode->rent);
    put_code(self, out, episode->other_cost);
    put_flags(out, episode);
    put_escalation(out, episode);
    put_lists(self, out, episode);
    put_history(self, out, &episode->history);
}

static void put_row(const engine_t *self, struct buf *out, const struct row *row)
{
    const bool flags[] = {row->has_payload, row->withheld, row->erased_sender, row->erased_broker};

    buf_put(out, row->id, UUID_BYTES);
    buf_put_u32(out, row->kind);
    put_code(self, out, row->from);
    put_time(out, row->accepted_ms);
    put_time(out, row->occurred_ms);
    put_time(out, row->sent_ms);
    buf_put(out, flags, sizeof flags);
    put_text(out, row->consent);
    buf_put_u32(out, row->recipient_count);
    for (uint32_t i = 0; i < row->recipient_count; i++) {
        put_code(self, out, row->recipients[i].code);
        buf_put_u8(out, row->recipients[i].level);
        buf_put_u8(out, row->recipients[i].erased);
        buf_put_u8(out, row->recipients[i].has_payload);
    }
    buf_put_u32(out, row->verdict_count);
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        buf_put_u8(out, row->verdicts[i].verdict);
        buf_put_u64(out, row->verdicts[i].block);
        buf_put_u64(out, row->verdicts[i].alert);
    }
}

static void put_running(const engine_t *self, struct buf *out, const struct running *clock)
{
    put_text(out, clock->info->id);
    buf_put(out, clock->episode->key, sizeof clock->episode->key);
    buf_put(out, clock->event->id, UUID_BYTES);
    put_code(self, out, clock->key.sender);
    buf_put_u16(out, clock->key.start_kind);
    buf_put_u16(out, clock->key.stage);
    buf_put_u16(out, clock->key.assessment_type);
    buf_put_u8(out, clock->state);
    buf_put_u8(out, clock->stopped);
    buf_put_u8(out, clock->advisory);
    buf_put_u8(out, clock->has_due);
    put_day(out, clock->due.due_day);
    put_time(out, clock->due.runs_out_ms);
    buf_put_u8(out, clock->due.provisional);
    buf_put_u8(out, (uint8_t)clock->limit.unit);
    buf_put_u32(out, (uint32_t)clock->limit.count);
    put_time(out, clock->fire_ms);
    put_time(out, clock->started_ms);
    put_time(out, clock->stopped_ms);
    put_day(out, clock->late);
    put_code(self, out, clock->bound[0]);
    put_code(self, out, clock->bound[1]);
    buf_put_u16(out, clock->reason);
}

void engine_encode(const engine_t *self, struct buf *out)
{
    buf_put_u32(out, STATE_VERSION);
    buf_put_u32(out, self->children.count);
    for (uint32_t i = 0; i < self->children.count; i++) {
        put_child(self, out, ((struct child *const *)self->children.items)[i]);
    }
    buf_put_u32(out, self->episodes.count);
    for (uint32_t i = 0; i < self->episodes.count; i++) {
        put_episode(self, out, ((struct episode *const *)self->episodes.items)[i]);
    }
    buf_put_u32(out, self->rows.count);
    for (uint32_t i = 0; i < self->rows.count; i++) {
        put_row(self, out, ((struct row *const *)self->rows.items)[i]);
    }
    buf_put_u32(out, self->running.count);
    for (uint32_t i = 0; i < self->running.count; i++) {
        put_running(self, out, ((struct running *const *)self->running.items)[i]);
    }
    buf_put_u64(out, self->late_documents);
    buf_put_u64(out, self->refusals);
}

struct hash engine_hash(const engine_t *self)
{
    struct buf bytes = {0};

    engine_encode(self, &bytes);
    struct hash hash = hash_of("waypost/state/1", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
    return hash;
}
