/*
 * levels: persisted (A1), opened (A2) and erased, as they are reported for one recipient or holder
 * of an event. No level is an acceptance: nothing here moves a dimension of responsibility (R37).
 * Cannot fail; what is unknown or known already is ignored.
 */
#include <string.h>

#include "common/base/check.h"
#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

/* By its code of that day, or by that of its successor. */
static bool is_called(engine_t *self, uint16_t code, const char *name)
{
    return strcmp(code_text(self, code), name) == 0 ||
        strcmp(code_text(self, code_now(self, code)), name) == 0;
}

static struct row_recipient *recipient_of(engine_t *self, const struct row *row, const char *code)
{
    for (uint32_t i = 0; row != NULL && i < row->recipient_count; i++) {
        if (is_called(self, row_recipients(row)[i].code, code)) {
            return &row_recipients(row)[i];
        }
    }
    return NULL;
}

/* Nothing happens to an event before it was accepted, whatever a slow clock says. */
static int64_t not_before(const struct row *row, int64_t at_ms)
{
    return at_ms > row->accepted_ms ? at_ms : row->accepted_ms;
}

/* An event that is on record, once that time has come: its dossier may have been put away meanwhile. */
static struct row *row_at(engine_t *self, const uint8_t *event_id, int64_t at_ms)
{
    engine_advance(self, at_ms);
    return row_find(self, event_id);
}

/* R22: a notice laid at one of the doors of a London receiver (doors.cp) is laid at the others too. */
static void copy_door(engine_t *self, struct row *row, struct episode *episode, uint16_t code)
{
    struct judge judge = judge_for(self, episode, row);
    const struct fact_info *fact = catalogue_fact(self->names->fact[F_DOOR]);

    if (row->kind != self->names->kind[K_MOVE_NOTIFIED] || row->door == 0 ||
        code != episode->transfer->receiving || !is_value(&judge, judge.child->case_type, V_CP) ||
        !judge_under(&judge, code, self->plans.london)) {
        return;
    }
    uint64_t doors = judge_words(judge_value(&judge, code, "doors.cp"), fact->name);
    for (uint32_t door = 1; door <= fact->value_count; door++) {
        if (door != row->door && (doors >> door & 1) != 0 && (doors >> row->door & 1) != 0) {
            emit(self, "door_copied", episode, row, NULL, "R22", self->now_ms, "door=%s",
                fact_value_word(fact, door));
        }
    }
}

static void note_persisted(engine_t *self, struct row *row, const struct row_verdict *verdict,
    uint16_t code, int64_t at_ms)
{
    struct episode *episode = verdict->episode;
    bool took_effect = verdict->verdict == VERDICT_EFFECTIVE || verdict->verdict == VERDICT_ALERT;

    emit(self, "persisted", episode, row, NULL, NULL, at_ms, "by=%s latency_s=%lld",
        code_text(self, code), (long long)((at_ms - row->accepted_ms) / 1000));
    copy_door(self, row, episode, code);
    if (row->mother_placing != 0 && row->mother_placing == code) {
        emit(self, "cooperation_duty", episode, row, NULL, NULL, at_ms, "authority=%s",
            code_text(self, code));
    }
    if (took_effect && row->kind == self->names->kind[K_DOCUMENTS_PROVIDED] &&
        code == episode->transfer->receiving) {
        episode->documents_persisted_ms = at_ms;
    }
}

void engine_persisted(engine_t *self, const uint8_t *event_id, const char *code, int64_t at_ms)
{
    struct row *row = row_find(self, event_id);
    struct row_recipient *recipient = recipient_of(self, row, code);

    if (recipient == NULL || recipient->level >= 1) {
        return;
    }
    at_ms = not_before(row, at_ms);
    row = row_at(self, event_id, at_ms);
    recipient = recipient_of(self, row, code);
    uint16_t now = code_now(self, recipient->code);
    recipient->level = 1;
    recipient->has_payload = row->has_payload && !row->withheld && !row->erased_broker;
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        note_persisted(self, row, &row->verdicts[i], now, at_ms);
    }
    clocks_persisted(self, row, now, at_ms);
}

void engine_opened(engine_t *self, const uint8_t *event_id, const char *code, const char *role,
    const char *team, int64_t at_ms)
{
    struct row *row = row_find(self, event_id);
    struct row_recipient *recipient = recipient_of(self, row, code);

    if (recipient == NULL || recipient->level == 0) {
        return; /* what is not persisted cannot be opened */
    }
    at_ms = not_before(row, at_ms);
    row = row_at(self, event_id, at_ms);
    recipient = recipient_of(self, row, code);
    recipient->level = 2;
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        emit(self, "opened", row->verdicts[i].episode, row, NULL, NULL, at_ms,
            "by=%s role=%s team=%s", code, role != NULL ? role : "", team != NULL ? team : "");
    }
    clocks_opened(self, row, code_now(self, recipient->code), at_ms);
}

/* ---- erasure ---- */

static bool all_erased(const struct row *row)
{
    bool all = row->erased_sender && row->erased_broker;

    for (uint32_t i = 0; i < row->recipient_count; i++) {
        all = all && (!row_recipients(row)[i].has_payload || row_recipients(row)[i].erased);
    }
    return all;
}

static struct row *const *consent_rows(const struct episode *episode, uint32_t *count)
{
    *count = episode->under_consent.count;
    return episode->under_consent.items;
}

/* Of a consent, in any episode of the child. */
static bool handed_over_left(const engine_t *self, const struct child *child, const char *consent)
{
    struct episode *const *episodes = child->episodes.items;

    for (uint32_t e = 0; e < child->episodes.count; e++) {
        uint32_t count;
        struct row *const *rows = consent_rows(episodes[e], &count);
        for (uint32_t i = 0; i < count; i++) {
            if (rows[i]->kind == self->names->kind[K_EH_HANDOVER_SENT] && rows[i]->has_payload &&
                strcmp(rows[i]->consent, consent) == 0 && !all_erased(rows[i])) {
                return true;
            }
        }
    }
    return false;
}

bool payloads_left(
    const engine_t *self, const struct episode *episode, const struct row *withdrawal)
{
    bool since = false;
    uint32_t count;
    struct row *const *rows = consent_rows(episode, &count);

    for (uint32_t i = 0; i < count; i++) {
        since = since || rows[i] == withdrawal;
        if (since && rows[i]->kind == self->names->kind[K_CONSENT_WITHDRAWN] &&
            handed_over_left(self, child_of(episode->child), rows[i]->consent)) {
            return true;
        }
    }
    return false;
}

void engine_erased(engine_t *self, const uint8_t *event_id, const char *holder, int64_t at_ms)
{
    struct row *row = row_find(self, event_id);

    if (row == NULL || !row->has_payload) {
        return;
    }
    at_ms = not_before(row, at_ms);
    row = row_at(self, event_id, at_ms);
    struct row_recipient *recipient = recipient_of(self, row, holder);
    bool *erased = strcmp(holder, "broker") == 0      ? &row->erased_broker
        : is_called(self, row->from, holder)          ? &row->erased_sender
        : recipient != NULL && recipient->has_payload ? &recipient->erased
                                                      : NULL;
    if (erased == NULL || *erased) {
        return;
    }
    *erased = true;
    bool confirmed = all_erased(row);
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        emit(self, "payload_erased", row->verdicts[i].episode, row, NULL, NULL, at_ms, "by=%s",
            holder);
        if (confirmed) {
            emit_plain(self, "erasure_confirmed", row->verdicts[i].episode, row);
        }
        clocks_erased(self, child_of(row->verdicts[i].episode->child));
    }
}
