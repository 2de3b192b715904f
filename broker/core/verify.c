/*
 * verify: jobs for the crypto thread. A job owns copies of all it needs; the core finds its owner again by number, and
 * an answer whose owner is gone is let go.
 *
 * Events go before what is said of them: while batches are being checked an acknowledgement waits, and one is checked
 * at a time. Agents that get their first events at the same moment acknowledge at the same moment, each at the price of
 * a batch, and whoever published behind them would wait for all of it.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/banned.h"

struct verify_job *verify_job_new(const core_t *self, bool is_batch, uint32_t count)
{
    struct verify_job *job = mem_new(1, sizeof *job);

    job->is_batch = is_batch;
    job->context = is_batch ? SIGN_CONTEXT_BATCH : SIGN_CONTEXT_ACK;
    job->network = self->options.network;
    job->count = count;
    if (count > 0) {
        job->events = mem_new(count, sizeof *job->events);
    }
    return job;
}

static size_t *out_of_kind(core_t *self, const struct verify_job *job)
{
    return job->is_batch ? &self->checking.batches : &self->checking.acks;
}

static void give(core_t *self, struct verify_job *job)
{
    (*out_of_kind(self, job))++;
    self->ports.verify(self->ports.context, job);
}

static bool may_go(const core_t *self, const struct verify_job *ack)
{
    bool alone = self->checking.batches == 0 && self->checking.acks == 0;

    return alone || self->mono_ms - ack->since_mono_ms >= ACK_CHECK_WAIT_MS;
}

/* Nothing waits while nothing is out: what comes back takes the next along. */
static void give_waiting(core_t *self)
{
    struct checking *checking = &self->checking;

    while (checking->waiting != NULL && may_go(self, checking->waiting)) {
        struct verify_job *first = checking->waiting;
        checking->waiting = first->next;
        first->next = NULL;
        give(self, first);
    }
}

static void wait_for_batches(core_t *self, struct verify_job *job)
{
    struct checking *checking = &self->checking;

    job->since_mono_ms = self->mono_ms;
    *(checking->waiting != NULL ? &checking->waiting_last->next : &checking->waiting) = job;
    checking->waiting_last = job;
}

uint64_t verify_start(core_t *self, struct verify_job *job, void *owner, bool is_ack)
{
    uint64_t id = ++self->job_last;

    job->id = id;
    job->is_batch = !is_ack;
    table_put(&self->jobs, job->id, owner);
    self->jobs_out++;
    if (is_ack) {
        wait_for_batches(self, job);
    } else {
        give(self, job);
    }
    give_waiting(self);
    return id;
}

void verify_done(core_t *self, const struct verify_job *job)
{
    self->jobs_out--;
    (*out_of_kind(self, job))--;
    give_waiting(self);
}

void verify_free(core_t *self)
{
    while (self->checking.waiting != NULL) {
        struct verify_job *first = self->checking.waiting;
        self->checking.waiting = first->next;
        verify_job_destroy(&first);
    }
}

/* The signature first: a forged batch costs one check and no hashing. */
void verify_job_run(struct verify_job *job)
{
    job->rc = sign_check(job->context, job->statement, job->signature, job->public_key);
    if (job->rc != 0 || !job->is_batch) {
        return;
    }
    size_t nodes = merkle_tree_nodes(job->count);
    job->nodes = mem_new(nodes, sizeof *job->nodes);
    for (uint32_t i = 0; i < job->count; i++) {
        job->nodes[i] = hash_event_leaf(job->network, job->events[i]);
    }
    merkle_tree_fill(job->nodes, job->count, job->nodes);
    if (memcmp(job->nodes[nodes - 1].b, job->root, HASH_BYTES) != 0) {
        job->rc = E_MALFORMED;
    }
}

void verify_job_destroy(struct verify_job **job_p)
{
    struct verify_job *job = *job_p;

    if (job == NULL) {
        return;
    }
    buf_free(&job->bytes);
    free(job->events);
    free(job->nodes);
    free(job);
    *job_p = NULL;
}
