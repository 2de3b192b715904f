/*
 * apply: what records and other agents' acknowledgements change here, inside the transaction of
 * their frame. An acknowledgement whose signature does not verify changes nothing and raises an
 * alarm.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/agent/agent_private.h"
#include "client/agent/claims.h"
#include "client/agent/heads.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/log.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

/* ---- records ---- */

static bool copy_id(protobuf_c_boolean has, ProtobufCBinaryData id, uint8_t *out)
{
    bool there = has && id.len == UUID_BYTES;

    if (there) {
        memcpy(out, id.data, UUID_BYTES);
    }
    return there;
}

static void alarm_breach(agent_core_t *self, const Waypost__Derived *record)
{
    char text[UUID_TEXT_BYTES] = "unknown";

    if (record->has_transfer && record->transfer.len == UUID_BYTES) {
        uuid_format(record->transfer.data, text);
    }
    agent_alarm(self, "deadline_breached", "clock %.8s of transfer %s has run out",
        record->clock == NULL ? "-" : record->clock, text);
}

static int64_t note_derived(agent_core_t *self, const struct told_record *entry)
{
    const Waypost__Derived *record = entry->record;
    struct notice_row row = {.leaf_index = entry->leaf_index,
        .recorded_ms = entry->recorded_ms,
        .at_ms = record->at_ms,
        .kind = (uint32_t)record->kind,
        .code_err = record->has_code_err ? record->code_err : 0};
    size_t used = 0;

    row.has_event = copy_id(record->has_event, record->event, row.event);
    agent_copy_text(row.code, sizeof row.code, record->code);
    agent_copy_text(row.by, sizeof row.by, record->by);
    row.has_transfer = copy_id(record->has_transfer, record->transfer, row.transfer);
    row.has_subject = copy_id(record->has_subject, record->subject, row.subject);
    agent_copy_text(row.clock, sizeof row.clock, record->clock);
    agent_copy_text(row.rule, sizeof row.rule, record->rule);
    agent_copy_text(row.detail, sizeof row.detail, record->detail);
    for (size_t i = 0; i < record->n_successors && used < sizeof row.successors; i++) {
        int len = snprintf(row.successors + used, sizeof row.successors - used, "%s%.9s",
            i == 0 ? "" : " ", record->successors[i]);
        used += len < 0 ? 0 : (size_t)len;
    }
    if (record->kind == WAYPOST__SYSTEM_KIND__RETURNED_TO_SENDER && row.has_event &&
        store_outbox_position(self->store, row.event) != 0) {
        char text[UUID_TEXT_BYTES];
        uuid_format(row.event, text);
        store_reached_put(self->store, row.event, row.code, REACHED_UNWATCHED);
        agent_alarm(self, "returned",
            "event %s came back: code %s has no single successor; choose of: %s", text, row.code,
            row.successors[0] == '\0' ? "none" : row.successors);
    }
    if (record->kind == WAYPOST__SYSTEM_KIND__DEADLINE_BREACHED) {
        alarm_breach(self, record);
    }
    return store_notice_add(self->store, &row);
}

static const uint8_t *id_or_null(protobuf_c_boolean has, ProtobufCBinaryData id)
{
    return has && id.len == UUID_BYTES ? id.data : NULL;
}

static const char *text_or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static void keep_derived(
    agent_core_t *self, const struct told_record *entry, const struct entry_row *row)
{
    const Waypost__Derived *record = entry->record;
    const struct kept_record kept = {.leaf_index = entry->leaf_index,
        .index = entry->index,
        .kind = (uint32_t)record->kind,
        .recorded_ms = entry->recorded_ms,
        .at_ms = record->at_ms,
        .event = id_or_null(record->has_event, record->event),
        .transfer = id_or_null(record->has_transfer, record->transfer),
        .subject = id_or_null(record->has_subject, record->subject),
        .code = text_or_empty(record->code),
        .clock = text_or_empty(record->clock),
        .rule = text_or_empty(record->rule),
        .detail = text_or_empty(record->detail),
        .code_err = record->has_code_err ? record->code_err : 0};

    self->options.keeper->record(self->options.keeper->context, row, &kept);
}

void apply_derived(agent_core_t *self, const struct told_record *entry, struct entry_row *row)
{
    if (self->options.keeper == NULL) {
        row->ref = note_derived(self, entry);
    }
    row->position = store_entry_add(self->store, row);
    if (self->options.keeper != NULL) {
        keep_derived(self, entry, row);
    }
}

/* ---- acknowledgements ---- */

static int check_ack(agent_core_t *self, const Waypost__AckEntry *entry,
    const Waypost__AckStatement **out, struct complaint *why)
{
    struct slice bytes = slice_of_binary(entry->ack->statement);
    const struct register_agent *agent = register_agent_of(self->book, entry->agent);
    const Waypost__AckStatement *said =
        message_decode(self->inner, &waypost__ack_statement__descriptor, bytes);

    if (said == NULL || said->key_id.len != KEY_ID_BYTES) {
        return complain(why, E_MALFORMED, "an acknowledgement cannot be read");
    }
    if (strcmp(said->agent, entry->agent) != 0 ||
        strcmp(said->network, self->options.network) != 0) {
        return complain(why, E_SENDER, "an acknowledgement is of another agent than it says");
    }
    const struct register_key *key =
        agent == NULL ? NULL : register_key_of(agent, REGISTER_KEY_SIGN, said->key_id.data);
    if (key == NULL) {
        return complain(why, self->register_old ? E_STALE_REGISTER : E_KEY,
            "agent %.32s has no such key in the register", entry->agent);
    }
    int64_t at_ms = entry->n_events > 0 ? entry->events[0]->at_ms : agent_wall(self);
    int rc = register_key_valid(agent, key, at_ms);
    if (rc == 0) {
        rc = sign_check(SIGN_CONTEXT_ACK, bytes, slice_of_binary(entry->ack->signature), key->key);
    }
    *out = said;
    return rc == 0
        ? 0
        : complain(why, rc, "an acknowledgement of agent %s: %s", agent->id, err_text(rc));
}

/* Under which code of our event the acknowledgement counts: as addressed (a superseded code
 * stays as written). */
static void code_of(agent_core_t *self, const uint8_t *event, const char *said, char *out)
{
    struct recipient_row rows[RECIPIENTS_MAX];
    size_t count = store_outbox_recipients(self->store, event, rows);

    agent_copy_text(out, CODE_BYTES + 1, said);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].code, said) == 0) {
            return;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct register_authority *authority = NULL;
        enum register_route route = register_route(
            self->book, rows[i].code, civil_london_day(agent_wall(self)), &authority);
        if (route == ROUTE_SUCCESSOR && strcmp(authority->code, said) == 0) {
            agent_copy_text(out, CODE_BYTES + 1, rows[i].code);
            return;
        }
    }
}

static void level_of(
    const Waypost__AckEntry *entry, const Waypost__AckedEvent *event, struct level_row *out)
{
    *out = (struct level_row){.level = (enum level)event->level,
        .at_ms = event->at_ms,
        .role = event->has_role ? (uint32_t)event->role : 0,
        .code_err = event->has_code_err ? event->code_err : 0};
    agent_copy_text(out->code, sizeof out->code, entry->code);
    agent_copy_text(out->agent, sizeof out->agent, entry->agent);
    agent_copy_text(out->team, sizeof out->team, event->team);
}

static void apply_level(agent_core_t *self, const Waypost__AckEntry *entry,
    const Waypost__AckedEvent *event, int64_t ack)
{
    struct level_row row;

    level_of(entry, event, &row);
    row.ack = ack;
    code_of(self, event->event.data, entry->code, row.code);
    store_level_put(self->store, event->event.data, &row);
    if (row.level == LEVEL_FAULT && store_outbox_position(self->store, event->event.data) != 0) {
        char text[UUID_TEXT_BYTES];
        uuid_format(event->event.data, text);
        agent_alarm(self, "delivery_fault", "%s could not use event %s (%s): send it again",
            row.code, text, row.code_err > INT32_MAX ? "E_UNKNOWN" : err_name(-(int)row.code_err));
    }
}

static void keep_level(agent_core_t *self, const Waypost__AckEntry *entry,
    const Waypost__AckedEvent *event, const struct entry_row *row)
{
    const struct agent_keeper *keeper = self->options.keeper;
    struct kept_ack kept = {.event = event->event.data};

    level_of(entry, event, &kept.row);
    keeper->ack(keeper->context, row, &kept);
}

/* What the signed statement bears out, event by event. */
static void apply_levels(agent_core_t *self, const Waypost__AckEntry *entry,
    const struct claims *claims, const struct entry_row *row)
{
    for (size_t i = 0; i < entry->n_events; i++) {
        if (!claims_bear_out(claims, entry->events[i])) {
            claims_alarm(self, entry, entry->events[i]);
        } else if (self->options.keeper != NULL) {
            keep_level(self, entry, entry->events[i], row);
        } else {
            apply_level(self, entry, entry->events[i], row->ref);
        }
    }
}

int apply_ack(agent_core_t *self, const Waypost__AckEntry *entry, struct entry_row *row)
{
    struct complaint why = {0};
    struct claims claims;
    const Waypost__AckStatement *said = NULL;
    int rc = check_ack(self, entry, &said, &why);

    if (rc == E_STALE_REGISTER) {
        return rc;
    }
    if (rc != 0) {
        agent_alarm(self, "bad_acknowledgement", "%.250s: it does not count", why.text);
        row->position = store_entry_add(self->store, row);
        return 0;
    }
    assert(said != NULL);
    rc = claims_read(self, said, entry, &claims);
    if (rc != 0) {
        return rc;
    }
    if (said->has_seen_size && said->has_seen_root) {
        heads_said(self, entry->agent, entry->ack, true, said->seen_size,
            slice_of_binary(said->seen_root));
    }
    for (size_t i = 0; i < entry->n_events; i++) {
        if (claims_bear_out(&claims, entry->events[i])) {
            memcpy(row->event, entry->events[i]->event.data, UUID_BYTES);
        }
    }
    if (self->options.keeper == NULL) {
        row->ref = store_ack_add(self->store, entry->agent, slice_of_binary(entry->ack->statement),
            slice_of_binary(entry->ack->signature), entry->leaf_index, agent_wall(self));
    }
    row->position = store_entry_add(self->store, row);
    apply_levels(self, entry, &claims, row);
    return 0;
}
