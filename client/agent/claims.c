/*
 * claims: see claims.h. A claim that the signed statement does not bear out does not count and raises an alarm: of an event
 * that a recipient is said to have, and did not sign for, the broker may keep it back from that recipient.
 */
#include "client/agent/claims.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/record/received.h"

#include "common/base/banned.h"

/* Leaves of our own events. E_NOT_FOUND where we have never said one of them. */
static int own_leaves(agent_core_t *self, const Waypost__AckEntry *entry, struct hash *out)
{
    struct buf bytes = {0};
    int rc = 0;

    for (size_t i = 0; i < entry->n_events && rc == 0; i++) {
        const Waypost__AckedEvent *event = entry->events[i];
        if (event->level != LEVEL_PERSISTED && event->level != LEVEL_FAULT) {
            continue;
        }
        buf_clear(&bytes);
        if (event->event.len == UUID_BYTES &&
            store_outbox_bytes(self->store, event->event.data, &bytes)) {
            out[i] = hash_event_leaf(self->options.network, buf_slice(&bytes));
        } else {
            rc = E_NOT_FOUND;
        }
    }
    buf_free(&bytes);
    return rc;
}

int claims_read(agent_core_t *self, const Waypost__AckStatement *statement,
    const Waypost__AckEntry *entry, struct claims *out)
{
    *out = (struct claims){
        .statement = statement, .named = received_named(statement) && !book_is_hub(self)};
    if (!out->named) {
        return 0;
    }
    struct hash *leaves = mem_new(entry->n_events + 1, sizeof *leaves);
    int rc = own_leaves(self, entry, leaves);
    out->proven = rc == 0 && received_check(statement, entry, leaves) == 0;
    free(leaves);
    /* A database that was put back from a copy has forgotten events of ours, and knows so once WELCOME is checked. */
    return rc == E_NOT_FOUND && (!self->settled || self->restoring) ? E_BUSY : 0;
}

static bool is_opened(const Waypost__AckStatement *said, const Waypost__AckedEvent *event)
{
    for (size_t i = 0; i < said->n_opened; i++) {
        const Waypost__Opened *opened = said->opened[i];
        if (opened->event.len == UUID_BYTES &&
            memcmp(opened->event.data, event->event.data, UUID_BYTES) == 0 &&
            (!event->has_role || opened->role == event->role)) {
            return true;
        }
    }
    return false;
}

/* The two below are all that a statement bears out that names no entries: which event it is about is the broker's word. */
static bool is_persisted(const Waypost__AckStatement *said, const Waypost__AckedEvent *event)
{
    for (size_t i = 0; i < said->n_persisted; i++) {
        if (said->persisted[i]->at_ms == event->at_ms) {
            return true;
        }
    }
    return false;
}

static bool is_fault(const Waypost__AckStatement *said, const Waypost__AckedEvent *event)
{
    for (size_t i = 0; i < said->n_faults; i++) {
        if (event->has_code_err && said->faults[i]->code == event->code_err) {
            return true;
        }
    }
    return false;
}

bool claims_bear_out(const struct claims *self, const Waypost__AckedEvent *event)
{
    assert(self->statement != NULL);
    if (event->event.len != UUID_BYTES) {
        return false;
    }
    switch (event->level) {
    case LEVEL_PERSISTED:
        return self->named ? self->proven : is_persisted(self->statement, event);
    case LEVEL_OPENED:
        return is_opened(self->statement, event);
    case LEVEL_FAULT:
        return self->named ? self->proven : is_fault(self->statement, event);
    default:
        return false;
    }
}

void claims_alarm(
    agent_core_t *self, const Waypost__AckEntry *entry, const Waypost__AckedEvent *event)
{
    char text[UUID_TEXT_BYTES] = "without an id";

    if (event->event.len == UUID_BYTES) {
        uuid_format(event->event.data, text);
    }
    if (event->level == LEVEL_PERSISTED) {
        agent_alarm(self, "withheld",
            "the broker says that %.9s has event %s, and what agent %.32s signed does not name "
            "it: it does not count; ask %.9s by telephone whether it is there",
            entry->code, text, entry->agent, entry->code);
    } else {
        agent_alarm(self, "bad_acknowledgement",
            "the broker says of agent %.32s and event %s what its signed statement does not: it "
            "does not count",
            entry->agent, text);
    }
}
