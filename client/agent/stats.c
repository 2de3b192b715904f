/* stats: see stats.h. Pure like the core; reads that fail give zeroes. */
#include "client/agent/stats.h"

#include "client/agent/agent_private.h"
#include "common/base/check.h"

#include "common/base/banned.h"

uint64_t agent_core_counter(const agent_core_t *self, size_t index)
{
    assert(index < AGENT_COUNTER_COUNT);
    return self->counters[index];
}

void agent_core_count(agent_core_t *self, enum agent_counter counter)
{
    agent_count(self, counter);
}

const char *stats_use_word(size_t use)
{
    static const char *const words[STATS_USES] = {"connection", "signing", "sealing"};

    assert(use < STATS_USES);
    return words[use];
}

static int64_t age(int64_t since_ms, int64_t now_ms)
{
    return since_ms == 0 || since_ms > now_ms ? 0 : now_ms - since_ms;
}

static void fill_boxes(agent_core_t *self, struct agent_stats *out)
{
    struct store_open_events open;
    int64_t oldest_ms = 0;

    store_open_events(self->store, &open);
    out->sent = store_outbox_count(self->store, OUTBOX_SENT);
    out->waiting = open.waiting > out->sent ? open.waiting - out->sent : 0;
    out->oldest_waiting_ms = age(open.oldest_waiting_ms, out->now_ms);
    out->refused = store_outbox_count(self->store, OUTBOX_REFUSED);
    out->unpersisted = open.unpersisted;
    out->oldest_unpersisted_ms = age(open.oldest_unpersisted_ms, out->now_ms);
    out->unread = open.unread;
    out->oldest_unread_ms = age(open.oldest_unread_ms, out->now_ms);
    out->unopened = store_inbox_unopened(self->store, &oldest_ms);
    out->oldest_unopened_ms = age(oldest_ms, out->now_ms);
}

static void fill_session(const agent_core_t *self, struct agent_stats *out)
{
    int64_t now_ms = agent_mono(self);

    out->online = agent_core_online(self);
    out->publish_stopped = self->publish_stopped;
    out->since_heard_ms = self->heard_at_ms == 0 ? -1 : now_ms - self->heard_at_ms;
    out->since_probe_ms = self->probed ? now_ms - self->probed_ms : -1;
    out->broker_stored_ms = self->probed ? self->broker_stored_ms : -1;
    out->heartbeat_ms = self->heartbeat_ms;
    out->clock_off_ms = self->clock_off_ms;
}

void agent_core_stats(agent_core_t *self, struct agent_stats *out)
{
    *out = (struct agent_stats){
        .now_ms = agent_wall(self),
        .stream_upto = self->identity.stream_upto,
        .stream_acked = self->identity.stream_acked,
        .head_size = self->head.size,
        .register_version = self->book == NULL ? 0 : register_version(self->book),
        .accepted = &self->accepted,
        .arrival = &self->arrival,
    };
    fill_session(self, out);
    fill_boxes(self, out);
    for (size_t i = 0; i < STATS_USES; i++) {
        int64_t end_ms = book_key_end(self, (enum register_key_use)(i + 1));
        out->key_left_ms[i] = end_ms == 0 ? INT64_MIN
            : end_ms == INT64_MAX         ? INT64_MAX
                                          : end_ms - out->now_ms;
    }
}
