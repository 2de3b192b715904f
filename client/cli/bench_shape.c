/*
 * bench_shape: what the events of a measurement say. Each transfer is told as its origin tells one that comes to an
 * end without an objection: a broker that had to refuse every event would be measured at that instead. Nothing fails.
 */
#include <string.h>

#include <sodium.h>

#include "client/cli/bench.h"
#include "common/base/check.h"
#include "common/codec/event.h"
#include "common/base/banned.h"

enum {
    CIPHERTEXT_MIN = 64, /* a sealed part is never shorter */
    SAMPLE_N = 1000, /* numbers as they are in the middle of a run, for the length of an event */
    SAMPLE_SEQUENCE = 100000,
    FACTS_MAX = 2
};

static const struct {
    const char *kind;
    struct fact_text facts[FACTS_MAX];
} story[BENCH_STEPS] = {
    {"move_notified", {{"permanence", "temporary"}, {"retain_intention", "retain"}}},
    {"family_informed", {{"informed_on", "2026-03-01"}}},
    {"permanence_evidenced", {{"evidence", "private_tenancy"}}},
    {"documents_provided",
        {{"documents", "cp_plan,conference_minutes,chronology"}, {"declared_complete", "yes"}}},
    {"counterpart_handover", {{"agency", "school"}}},
    {"report_provided", {{"report_type", "chair"}}},
    {"move_updated", {{"update_reason", "housing_change"}}},
    {"child_returned", {{"returned_on", "2026-04-01"}}},
};

static void step_encode(
    struct bench_step *self, const struct fact_text *facts, const struct bench_agent *agent)
{
    struct event_draft draft = {.facts = facts};
    struct buf header = {0};
    struct complaint why = {0};
    while (draft.fact_count < FACTS_MAX && facts[draft.fact_count].name != NULL) {
        draft.fact_count++;
    }
    draft.head.kind = self->kind;
    draft.head.schema = 1;
    memcpy(draft.head.origin, agent->code, CODE_BYTES);
    memcpy(draft.head.receiving, agent->code, CODE_BYTES);
    memcpy(draft.head.from, agent->code, CODE_BYTES);
    draft.head.recipient_count = 1;
    memcpy(draft.head.to[0].code, agent->code, CODE_BYTES);
    draft.head.to[0].n = 1;
    draft.head.occurred_ms = draft.head.sent_ms = 1;
    draft.head.sequence = 1;
    int rc = event_encode(&draft, &header, &self->facts, &why);
    assert(rc == 0);
    buf_free(&header);
}

/* The sealed part is as long as the event lacks. */
static void step_measure(
    struct bench_shape *shape, struct bench_step *self, uint64_t n, const struct bench_agent *agent)
{
    struct bench_bytes bytes = {0};
    bench_put_event(&bytes, shape, agent, agent, SAMPLE_SEQUENCE, n, agent->keys.made_ms + 1);
    size_t len = bytes.event.len;
    self->ciphertext_bytes =
        shape->event_bytes > len + CIPHERTEXT_MIN ? shape->event_bytes - len : CIPHERTEXT_MIN;
    self->ciphertext_hash = hash_of("waypost/ciphertext/1",
        slice_of(shape->ciphertext.data, self->ciphertext_bytes), slice_of(NULL, 0));
    bench_bytes_free(&bytes);
}

const struct bench_step *bench_shape_step(const struct bench_shape *self, uint64_t n)
{
    return &self->steps[(n - 1) % BENCH_STEPS];
}

void bench_shape_make(
    struct bench_shape *self, size_t event_bytes, bool sealed, struct bench_agent *agent)
{
    *self = (struct bench_shape){.event_bytes = event_bytes, .sealed = sealed};
    buf_reserve(&self->ciphertext, event_bytes + CIPHERTEXT_MIN);
    self->ciphertext.len = event_bytes + CIPHERTEXT_MIN;
    randombytes_buf(self->ciphertext.data, self->ciphertext.len);
    for (size_t i = 0; i < BENCH_STEPS; i++) {
        self->steps[i].kind = catalogue_kind_named(story[i].kind)->number;
        self->steps[i].ciphertext_bytes = CIPHERTEXT_MIN;
        step_encode(&self->steps[i], story[i].facts, agent);
        step_measure(self, &self->steps[i], SAMPLE_N / BENCH_STEPS * BENCH_STEPS + i + 1, agent);
    }
}

void bench_shape_free(struct bench_shape *self)
{
    for (size_t i = 0; i < BENCH_STEPS; i++) {
        buf_free(&self->steps[i].facts);
    }
    buf_free(&self->ciphertext);
}
