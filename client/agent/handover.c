/*
 * handover: which event the receiver program gets next, and what its end means. Order is kept
 * within a transfer; a failed event is tried again after a wait that doubles, and holds up its own
 * transfer alone.
 */
#include <string.h>

#include "client/agent/ops.h"
#include "common/base/log.h"

#include "common/base/banned.h"

int64_t agent_core_receiver_due_ms(agent_core_t *self)
{
    if (!self->options.receiver) {
        return INT64_MAX;
    }
    if (self->receiver_due_ms < 0) {
        self->receiver_due_ms = store_receiver_due(self->store);
    }
    return self->receiver_due_ms;
}

int agent_core_receiver_next(agent_core_t *self, const uint8_t (*busy)[UUID_BYTES],
    size_t busy_count, uint8_t *event, uint8_t *transfer, json_t **json)
{
    struct inbox_row row;
    struct event_view view;
    json_t *payload = NULL;

    if (!self->options.receiver ||
        store_receiver_next(self->store, agent_wall(self), busy, busy_count, &row) != 0) {
        return E_END;
    }
    memcpy(event, row.event, UUID_BYTES);
    memcpy(transfer, row.transfer, UUID_BYTES);
    bool read = event_read(buf_slice(&row.bytes), &view, NULL) == 0;
    *json = json_pack("{s:o, s:I, s:o, s:o, s:o, s:s, s:i}", "id", json_id(row.event), "number",
        (json_int_t)row.position, "event", read ? event_json(&view) : json_null(), "accepted",
        json_stamp(row.accepted_ms), "persisted", json_stamp(row.persisted_ms), "verdict",
        verdict_word(row.verdict), "attempt", (int)row.attempts + 1);
    if (row.fault != 0) {
        json_object_set_new(*json, "fault", json_string(err_name(row.fault)));
    }
    if (read && view.has_payload) {
        json_object_set_new(*json, "sealed", json_true());
    }
    if (self->options.receiver_payload && open_received(self, &row, &payload) == 0) {
        json_object_set_new(*json, "payload", payload);
    }
    inbox_row_free(&row);
    return 0;
}

static int64_t wait_ms(uint32_t attempts)
{
    int64_t wait = AGENT_RECEIVER_WAIT_MIN_MS;

    for (uint32_t i = 1; i < attempts && wait < AGENT_RECEIVER_WAIT_MAX_MS; i++) {
        wait *= 2;
    }
    return wait > AGENT_RECEIVER_WAIT_MAX_MS ? AGENT_RECEIVER_WAIT_MAX_MS : wait;
}

void agent_core_receiver_done(agent_core_t *self, const uint8_t *event, bool ok, const char *what)
{
    struct inbox_row row;
    char text[UUID_TEXT_BYTES];

    self->receiver_due_ms = -1;
    agent_count(self, AGENT_RECEIVER_RUNS);
    if (!ok) {
        agent_count(self, AGENT_RECEIVER_FAILURES);
    }
    if (store_inbox(self->store, event, &row) != 0) {
        return;
    }
    uint32_t attempts = row.attempts + 1;
    inbox_row_free(&row);
    uuid_format(event, text);
    store_begin(self->store);
    if (ok) {
        store_receiver_set(self->store, event, RECEIVER_DONE, attempts, 0);
        agent_alarm_clear(self, "receiver");
    } else {
        int64_t wait = wait_ms(attempts);
        store_receiver_set(self->store, event, RECEIVER_FAILING, attempts, agent_wall(self) + wait);
        agent_alarm(self, "receiver", "the receiver did not take event %s (%s); it is tried again",
            text, what);
        log_warnx("receiver failed event=%s attempt=%u next=%lld s: %s", text, (unsigned)attempts,
            (long long)(wait / 1000), what);
    }
    (void)agent_commit(self);
}
