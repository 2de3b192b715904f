/*
 * edge_disk: group commit. Whatever arrived while the last sync ran goes into the next commit. One commit is under way
 * at a time; who carries it out is chosen here, and nowhere else.
 *
 * Where a wake brought next to nothing and the disk is quick, the network thread writes by itself: that saves two
 * changes of thread, which take as long as the sync. Under load, on a slow disk, and for a minute after a write that
 * hung, the writer does it while the network goes on. A failed write ends the process (workers.c).
 */
#include "broker/net/edge_internal.h"

#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

enum { MEAN_SHARE = 8 }; /* a commit counts an eighth in the running mean */

static int64_t mono_now(const edge_t *self)
{
    return self->parts.world->mono_ms(self->parts.world->context);
}

static struct write_task *task_new(edge_t *self, size_t which, enum write_kind kind)
{
    struct write_task *task = &self->spare[which];

    *task = (struct write_task){
        .kind = kind, .journal = self->journal, .began_mono_ms = mono_now(self)};
    return task;
}

/* Receipts have left: now what they need not wait for. */
static void tend(edge_t *self)
{
    if (!journal_tend_due(self->journal)) {
        return;
    }
    self->journal_task = task_new(self, 0, WRITE_TEND);
    worker_give(self->writer, self->journal_task);
}

static void note_hang(edge_t *self, const struct write_task *task)
{
    int64_t now = mono_now(self);

    if (now - task->began_mono_ms >= NET_HANG_MS) {
        self->hung_mono_ms = now;
    }
}

static void commit_settle(edge_t *self, struct write_task *task)
{
    uint64_t us = task->spent_us;

    histogram_add(&self->sync, us);
    histogram_add(&self->durable, worker_clock_us() - task->waited_us);
    self->stored_mono_ms = mono_now(self);
    self->counters[NET_COMMITS]++;
    self->counters[NET_COMMIT_US] += us;
    if (us > self->counters[NET_COMMIT_US_MAX]) {
        self->counters[NET_COMMIT_US_MAX] = us;
    }
    self->commit_us = (self->commit_us * (MEAN_SHARE - 1) + us) / MEAN_SHARE;
    self->rested = false;
    self->committed = true;
    journal_settle(self->journal, &task->commit);
    core_durable(self->core);
}

static void probe_settle(edge_t *self, const struct write_task *task)
{
    if (task->rc == 0) {
        self->stored_mono_ms = mono_now(self);
        core_stored(self->core);
    } else if (self->probe_rc == 0) {
        log_errorx("the data folder fails a probe, look at the disk code=%s", err_name(task->rc));
    }
    self->probe_rc = task->rc;
}

void edge_take_written(edge_t *self)
{
    void *pointer;

    while (worker_take(self->writer, &pointer)) {
        struct write_task *task = pointer;
        assert(task == self->journal_task);
        self->journal_task = NULL;
        note_hang(self, task);
        if (task->kind == WRITE_COMMIT) {
            commit_settle(self, task);
            tend(self);
        } else if (task->kind == WRITE_PROBE) {
            probe_settle(self, task);
        } else if (task->kind == WRITE_REST) {
            self->rested = true;
        }
    }
}

/* When the first of what is cut began to wait; the next that waits begins anew. */
static uint64_t waited_take(edge_t *self)
{
    uint64_t since_us = self->waiting_us != 0 ? self->waiting_us : worker_clock_us();

    self->waiting_us = 0;
    return since_us;
}

static void commit_here(edge_t *self, journal_commit_t *commit)
{
    struct write_task task = {
        .kind = WRITE_COMMIT,
        .journal = self->journal,
        .commit = commit,
        .waited_us = waited_take(self),
        .began_mono_ms = mono_now(self),
    };

    write_task_run(&task);
    self->counters[NET_COMMITS_INLINE]++;
    note_hang(self, &task);
    commit_settle(self, &task);
}

static uint64_t hold_us(const edge_t *self)
{
    return self->commit_us == 0             ? 1
        : self->commit_us < NET_HOLD_US_MAX ? self->commit_us
                                            : NET_HOLD_US_MAX;
}

/*
 * Judgements and acknowledgements alone are waited for by nobody who publishes. Where a frame came soon after the last
 * such, the next is held back for one, as long as a commit takes: then one sync serves both, and a publisher with one
 * event in flight does not wait for two. Held in vain once, and they go at once again. True: wait.
 */
static bool is_held(edge_t *self)
{
    uint64_t now_us = worker_clock_us();

    if (self->frames_pending) {
        return false;
    }
    if (self->held_until_us == 0) {
        self->lone_us = now_us;
        if (!self->company) {
            return false;
        }
        self->held_until_us = now_us + hold_us(self);
        edge_timer_set(self, hold_us(self));
    }
    self->company = now_us < self->held_until_us;
    return self->company;
}

static void note_frames(edge_t *self, size_t frames)
{
    if (frames == 0) {
        return;
    }
    self->frames_pending = true;
    if (self->lone_us != 0) { /* it may have come while what was alone was written */
        self->company = worker_clock_us() - self->lone_us <= self->commit_us + hold_us(self);
        self->lone_us = 0;
    }
}

static journal_commit_t *cut(edge_t *self)
{
    self->frames_pending = false;
    self->held_until_us = 0;
    return journal_cut(self->journal);
}

/* A mean forgets a sync that hung within some dozens of quick ones; the next that hangs must not silence the network. */
static bool is_quick(const edge_t *self)
{
    return self->commit_us <= NET_INLINE_COMMIT_US_MAX &&
        (self->hung_mono_ms == 0 || mono_now(self) - self->hung_mono_ms >= NET_DISTRUST_MS);
}

void edge_commit(edge_t *self, size_t frames)
{
    note_frames(self, frames);
    if (journal_pending_bytes(self->journal) == 0) {
        self->frames_pending = false;
        return;
    }
    if (self->waiting_us == 0) {
        self->waiting_us = worker_clock_us();
    }
    if (self->journal_task != NULL || is_held(self)) {
        return;
    }
    journal_commit_t *commit = cut(self);
    if (commit == NULL) {
        return;
    }
    if (frames <= NET_INLINE_FRAMES_MAX && is_quick(self)) {
        commit_here(self, commit);
        tend(self);
        return;
    }
    self->journal_task = task_new(self, 0, WRITE_COMMIT);
    self->journal_task->commit = commit;
    self->journal_task->waited_us = waited_take(self);
    worker_give(self->writer, self->journal_task);
}

bool edge_commit_waits(const edge_t *self)
{
    return self->journal_task == NULL && self->held_until_us == 0 &&
        journal_pending_bytes(self->journal) > 0;
}

void edge_commit_all(edge_t *self)
{
    journal_commit_t *commit;

    assert(self->journal_task == NULL);
    while ((commit = journal_cut(self->journal)) != NULL) {
        commit_here(self, commit);
    }
}

/* Of whichever kind is due; the procedures' may have to wait for their turn. */
static bool snapshot_taken(edge_t *self, bool last, struct write_task *task)
{
    task->snapshot = SNAPSHOT_TRANSPORT;
    if (!last && core_snapshot_due(self->core, &task->state, &task->size, &task->next_position)) {
        return true;
    }
    task->snapshot = SNAPSHOT_PROCEDURES;
    return core_procedures_snapshot_due(
        self->core, last, &task->state, &task->size, &task->next_position);
}

/* The journal's owner says here whether it can be kept; the writer then asks nothing of the owner's. */
static bool snapshot_due(edge_t *self, bool last, struct write_task *task)
{
    if (!snapshot_taken(self, last, task)) {
        return false;
    }
    int rc = journal_snapshot_check(self->journal, task->size, buf_slice(&task->state));
    if (rc != 0) {
        log_warnx("snapshot cannot be kept, the next start reads more of the journal bytes=%zu "
                  "code=%s",
            task->state.len, err_name(rc));
    }
    return rc == 0;
}

/* A quiet broker shows now and then that it could still keep a promise. */
static void probe_begin(edge_t *self)
{
    const struct world *world = self->parts.world;
    int64_t now = mono_now(self);
    int64_t since =
        self->stored_mono_ms > self->probe_mono_ms ? self->stored_mono_ms : self->probe_mono_ms;

    if (self->journal_task != NULL || (since != 0 && now - since < NET_PROBE_MS)) {
        return;
    }
    self->probe_mono_ms = now;
    self->journal_task = task_new(self, 0, WRITE_PROBE);
    self->journal_task->probe = &self->probe;
    self->journal_task->now_ms = world->wall_ms(world->context);
    worker_give(self->writer, self->journal_task);
}

static void take_kept(edge_t *self)
{
    void *task;

    while (worker_take(self->keeper, &task)) {
        assert(task == self->snapshot_task);
        self->snapshot_task = NULL;
        self->counters[NET_SNAPSHOTS]++;
    }
}

static void snapshot_begin(edge_t *self)
{
    struct write_task *task = task_new(self, 1, WRITE_SNAPSHOT);

    if (snapshot_due(self, false, task)) {
        self->snapshot_task = task;
        worker_give(self->keeper, task);
    } else {
        buf_free(&task->state);
    }
}

void edge_tick_disk(edge_t *self)
{
    take_kept(self);
    if (self->snapshot_task == NULL) {
        snapshot_begin(self);
    }
    if (self->journal_task == NULL && self->snapshot_task == NULL && !self->committed &&
        !self->rested) {
        self->journal_task = task_new(self, 0, WRITE_REST);
        worker_give(self->writer, self->journal_task);
    }
    probe_begin(self);
    self->committed = false;
}

void edge_finish_disk(edge_t *self)
{
    struct write_task rest = {.kind = WRITE_REST, .journal = self->journal};
    struct write_task snapshot = {.kind = WRITE_SNAPSHOT, .journal = self->journal};

    assert(self->journal_task == NULL && self->snapshot_task == NULL);
    edge_commit_all(self);
    for (int last = 0; last <= 1; last++) { /* that of the transport, then that of the procedures */
        if (snapshot_due(self, last != 0, &snapshot)) {
            write_task_run(&snapshot);
            self->counters[NET_SNAPSHOTS]++;
        }
        buf_free(&snapshot.state);
    }
    write_task_run(&rest);
}
