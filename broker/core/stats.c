/*
 * stats: the core's state in numbers, for whoever watches it. Reads only. Walks streams and agents, a date for every 256
 * pending entries: cheap enough for a question every few seconds, not for every frame.
 */
#include "broker/core/core_internal.h"

#include <stdio.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

enum { AGE_FIRST_MS = 300000 };

#define DAY_MS INT64_C(86400000)

/* Entries are dated by the first of every CHUNK_ENTRIES. */
void stats_ages(const core_t *self, const struct stream *stream, uint64_t *by_age)
{
    for (uint64_t n = stream->acked + 1; n <= stream->last; n += CHUNK_ENTRIES) {
        uint64_t left = stream->last - n + 1;
        int64_t age = self->now_ms - history_time_at(self, stream_entry(stream, n)->position);
        size_t class = 0;
        for (int64_t limit = AGE_FIRST_MS; class < CORE_AGES - 1 && age > limit; limit *= 2) {
            class ++;
        }
        by_age[class] += left < CHUNK_ENTRIES ? left : CHUNK_ENTRIES;
    }
}

const char *core_age_word(size_t class)
{
    static const char *const words[CORE_AGES] = {
        "5m", "10m", "20m", "40m", "80m", "160m", "320m", "640m", "1280m", "older"};

    assert(class < CORE_AGES);
    return words[class];
}

static int64_t contact_of(const struct stream *stream)
{
    return stream->contact_ms > stream->seen_ms ? stream->contact_ms : stream->seen_ms;
}

static void count_stream(const core_t *self, const struct stream *stream, struct core_stats *out)
{
    uint64_t pending = stream->last - stream->acked;

    out->sessions += stream->session != NULL ? 1 : 0;
    out->unopened += stream->unopened;
    if ((int64_t)stream->oldest_unopened_ms > out->oldest_unopened_ms) {
        out->oldest_unopened_ms = (int64_t)stream->oldest_unopened_ms;
        (void)snprintf(
            out->oldest_unopened_agent, sizeof out->oldest_unopened_agent, "%s", stream->name);
    }
    if (pending == 0) {
        return;
    }
    int64_t age =
        self->now_ms - history_time_at(self, stream_entry(stream, stream->acked + 1)->position);
    out->pending += pending;
    out->pending_agents++;
    stats_ages(self, stream, out->by_age);
    if (age > out->oldest_pending_ms) {
        out->oldest_pending_ms = age;
        (void)snprintf(
            out->oldest_pending_agent, sizeof out->oldest_pending_agent, "%s", stream->name);
    }
}

/* The key of each use that lasts longest decides: a rotation has two. */
static void count_keys(
    const core_t *self, const struct register_agent *agent, struct core_stats *out)
{
    for (uint32_t use = REGISTER_KEY_CURVE; use <= REGISTER_KEY_SEAL; use++) {
        int64_t last_ms = INT64_MIN;
        for (size_t i = 0; i < agent->key_count; i++) {
            const struct register_key *key = &agent->keys[i];
            if (key->use == use && key->to_ms > last_ms &&
                (register_key_valid(agent, key, self->now_ms) == 0 || key->to_ms <= self->now_ms)) {
                last_ms = key->to_ms;
            }
        }
        if (last_ms == INT64_MIN || last_ms - self->now_ms > KEY_WARN_DAYS * DAY_MS) {
            continue;
        }
        out->keys_ending++;
        if (out->key_ends_agent[0] == '\0' || last_ms < out->key_ends_ms) {
            out->key_ends_ms = last_ms;
            (void)snprintf(out->key_ends_agent, sizeof out->key_ends_agent, "%s", agent->id);
        }
    }
}

/* An authority that was heard once and is heard no more. One that never came has not joined yet. */
static void count_silence(
    const core_t *self, const struct register_agent *agent, struct core_stats *out)
{
    const struct stream *stream = stream_named(self, agent->id);
    int64_t contact = stream == NULL ? 0 : contact_of(stream);

    if (contact == 0 || stream->session != NULL) {
        return;
    }
    if (self->now_ms - contact > out->silence_ms) {
        out->silence_ms = self->now_ms - contact;
        (void)snprintf(out->silent_agent, sizeof out->silent_agent, "%s", agent->id);
    }
}

void core_stats(const core_t *self, struct core_stats *out)
{
    *out = (struct core_stats){
        .held = self->held_count,
        .inflight_bytes = self->inflight_bytes,
        .free_bytes = self->free_bytes,
        .clock_off_ms =
            self->now_ms - (self->fold.clock_wall_ms + (self->mono_ms - self->fold.clock_mono_ms)),
        .clock_stepped = self->fold.stepped,
        .folding = core_folding(self),
        .procedures_on = fold_on(self),
        .register_version = self->reg == NULL ? 0 : register_version(self->reg),
        .register_stale_ms = self->reg == NULL ? INT64_MAX : register_stale_ms(self->reg),
        .now_ms = self->now_ms,
        .delivery = self->delivery,
    };
    for (size_t i = 0; i < self->stream_count; i++) {
        count_stream(self, self->streams[i], out);
    }
    for (size_t i = 0; self->reg != NULL && i < register_agent_count(self->reg); i++) {
        const struct register_agent *agent = register_agent_at(self->reg, i);
        if (agent->revoked_ms > self->now_ms) {
            count_keys(self, agent, out);
            count_silence(self, agent, out);
        }
    }
}
