/*
 * watching: states that nobody announces and that are alarms: events that nobody has, or nobody reads, a broker that takes
 * or stores nothing, clocks that part. Looked at every AGENT_WATCHING_MS. Sentences hold no number that changes by
 * itself, so that one state is one alarm.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "client/agent/agent_private.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

static bool is_over(int64_t since_ms, int64_t limit_ms, int64_t now_ms)
{
    return since_ms != 0 && limit_ms != 0 && now_ms - since_ms > limit_ms;
}

/* The oldest own event that has come just so far at a recipient. */
static void watch_own(agent_core_t *self, enum store_reached reached, int64_t limit_ms,
    const char *name, const char *what)
{
    uint8_t event[UUID_BYTES];
    char code[CODE_BYTES + 1];
    char id[UUID_TEXT_BYTES];
    char since[CIVIL_STAMP_BYTES];
    int64_t accepted_ms = 0;

    if (!store_open_oldest(self->store, reached, event, code, &accepted_ms) ||
        !is_over(accepted_ms, limit_ms, agent_wall(self))) {
        agent_alarm_clear(self, name);
        return;
    }
    uuid_format(event, id);
    civil_stamp_london(accepted_ms, since);
    agent_alarm(self, name, "event %s, accepted %s, %s %s: telephone them", id, since, what, code);
}

static void watch_inbox(agent_core_t *self)
{
    char since[CIVIL_STAMP_BYTES];
    int64_t oldest_ms = store_unopened_since(self->store);

    if (!is_over(oldest_ms, self->options.unread_ms, agent_wall(self))) {
        agent_alarm_clear(self, "inbox_unread");
        return;
    }
    civil_stamp_london(oldest_ms, since);
    agent_alarm(self, "inbox_unread",
        "an event for us has lain here unopened since %s: waypost inbox --unopened", since);
}

static void watch_outbox(agent_core_t *self)
{
    char since[CIVIL_STAMP_BYTES];
    int64_t since_ms = store_waiting_since(self->store);

    if (!is_over(since_ms, self->options.dead_ms, agent_wall(self))) {
        agent_alarm_clear(self, "uplink_away");
        return;
    }
    civil_stamp_london(since_ms, since);
    agent_alarm(self, "uplink_away",
        "the broker has not taken what was said here on %s: waypost check; telephone what cannot "
        "wait",
        since);
}

/* What the last answers of the broker say; nothing is known of it while it is away. */
static void watch_broker(agent_core_t *self)
{
    if (self->state != SESSION_OPEN) {
        return;
    }
    if (llabs(self->clock_off_ms) > AGENT_CLOCK_OFF_MS_MAX) {
        agent_alarm(self, "clock_offset",
            "our clock and the broker's are more than %d s apart: timedatectl",
            AGENT_CLOCK_OFF_MS_MAX / 1000);
    } else {
        agent_alarm_clear(self, "clock_offset");
    }
    if (self->probed && self->broker_stored_ms > AGENT_BROKER_STORED_MS_MAX) {
        agent_alarm(self, "broker_storage",
            "the broker answers, and has stored nothing for more than %d s: tell its operator",
            AGENT_BROKER_STORED_MS_MAX / 1000);
    } else {
        agent_alarm_clear(self, "broker_storage");
    }
}

void watching_tick(agent_core_t *self)
{
    int64_t now_ms = agent_mono(self);

    if (now_ms < self->watching_at_ms) {
        return;
    }
    self->watching_at_ms = now_ms + AGENT_WATCHING_MS;
    watch_own(self, REACHED_NOTHING, self->options.dead_ms, "event_dead",
        "has not come onto the disk of");
    watch_own(self, REACHED_DISK, self->options.unread_ms, "event_unread",
        "has been opened by nobody at");
    watch_inbox(self);
    watch_outbox(self);
    watch_broker(self);
}
