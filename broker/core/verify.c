/*
 * verify: jobs for the crypto thread. A job owns copies of all it needs; the core finds its owner again by number, and
 * an answer whose owner is gone is let go.
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

uint64_t verify_start(core_t *self, struct verify_job *job, void *owner, bool is_ack)
{
    uint64_t id = ++self->job_last;

    job->id = id;
    job->is_batch = !is_ack;
    table_put(&self->jobs, job->id, owner);
    self->jobs_out++;
    self->ports.verify(self->ports.context, job);
    return id;
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
