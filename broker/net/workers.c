/* workers: see workers.h. A failed write is fatal, here and nowhere else. */
#include "broker/net/workers.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "broker/net/pipe.h"
#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

struct worker {
    pipe_t *pipe; /* its far end belongs to the thread until it is joined */
    pthread_t thread;
    void (*run)(void *task);
};

uint64_t worker_clock_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void snapshot_write(struct write_task *task)
{
    int rc = journal_snapshot_store(
        task->journal, task->snapshot, task->size, task->next_position, buf_slice(&task->state));

    if (rc != 0) {
        log_warn("snapshot cannot be written, the next start reads more of the journal size=%llu "
                 "bytes=%zu code=%s",
            (unsigned long long)task->size, task->state.len, err_name(rc));
    }
    buf_free(&task->state);
    /* What waited for the judgements that stood still meanwhile has gone; the heap keeps its pages unless it is asked. */
    (void)malloc_trim(0);
}

void write_task_run(struct write_task *task)
{
    uint64_t began_us = worker_clock_us();
    int rc = 0;

    switch (task->kind) {
    case WRITE_COMMIT:
        rc = journal_store(task->journal, task->commit);
        break;
    case WRITE_TEND:
        rc = journal_tend(task->journal);
        break;
    case WRITE_REST:
        rc = journal_rest(task->journal);
        break;
    case WRITE_SNAPSHOT:
        snapshot_write(task);
        break;
    case WRITE_PROBE:
        task->rc = probe_run(task->probe, task->now_ms);
        break;
    }
    if (rc != 0) {
        fatal("the journal cannot be written and nothing more may be promised; make room or repair "
              "the disk, then start again code=%s",
            err_name(rc));
    }
    task->spent_us = worker_clock_us() - began_us;
}

static void run_write(void *task)
{
    write_task_run(task);
}

static void run_verify(void *task)
{
    verify_job_run(task);
}

static void *worker_run(void *argument)
{
    worker_t *self = argument;
    void *task;

    while (pipe_receive(self->pipe, PIPE_FAR, true, &task) && task != NULL) {
        self->run(task);
        pipe_send(self->pipe, PIPE_FAR, task);
    }
    return NULL;
}

static int worker_open(
    const char *name, void (*run)(void *task), worker_t **out, struct complaint *why)
{
    worker_t *self = mem_new(1, sizeof *self);

    if (pipe_open(&self->pipe) != 0) {
        free(self);
        return complain(why, E_IO, "no descriptors are left for the %s thread", name);
    }
    self->run = run;
    if (pthread_create(&self->thread, NULL, worker_run, self) != 0) {
        pipe_destroy(&self->pipe);
        free(self);
        return complain(why, E_IO, "the %s thread cannot be made", name);
    }
    *out = self;
    return 0;
}

int worker_open_writer(worker_t **out, struct complaint *why)
{
    return worker_open("writer", run_write, out, why);
}

int worker_open_keeper(worker_t **out, struct complaint *why)
{
    return worker_open("keeper", run_write, out, why);
}

int worker_open_crypto(worker_t **out, struct complaint *why)
{
    return worker_open("crypto", run_verify, out, why);
}

void worker_destroy(worker_t **self_p, void (*drop)(void *task))
{
    assert(self_p != NULL);
    worker_t *self = *self_p;
    void *task;

    if (self == NULL) {
        return;
    }
    pipe_send(self->pipe, PIPE_NEAR, NULL);
    int joined = pthread_join(self->thread, NULL);
    assert(joined == 0);
    while (pipe_receive(self->pipe, PIPE_NEAR, false, &task)) {
        drop(task);
    }
    pipe_destroy(&self->pipe);
    free(self);
    *self_p = NULL;
}

void worker_give(worker_t *self, void *task)
{
    pipe_send(self->pipe, PIPE_NEAR, task);
}

bool worker_take(worker_t *self, void **task_out)
{
    return pipe_receive(self->pipe, PIPE_NEAR, false, task_out);
}

int worker_fd(const worker_t *self)
{
    return pipe_fd(self->pipe, PIPE_NEAR);
}
