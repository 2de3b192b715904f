/*
 * The power is cut at every change of the disk, one after the other: after each write, sync, truncation, rename, removal
 * and made file of a fixed workload, with nothing, 512 bytes, 4 KiB or all of the last write left, unsynced bytes and
 * names gone. Then everything is started again, and counted.
 *
 * Under the broker: whatever an agent holds a receipt for stands in the journal once, nothing stands there that was not
 * written, recipients get each event once and in order (the agents of core_fixture check hashes, paths and numbers), the
 * journal verifies. Under an agent: whatever `send` or `open` answered with ok is there, the broker gets each event once
 * and its own bytes, what was delivered is there once.
 *
 * `make test` takes every STEP-th cut; CRASHPOINTS=all (make check-crashpoints) takes each, and cuts once more while the
 * first cut is being recovered from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "common/journal/record.h"
#include "tests/support/agent_fixture.h"
#include "tests/support/core_fixture.h"
#include "tests/support/disk_vfs.h"

#include "common/base/banned.h"

enum { STEP = 13, EVENTS = 6, IDS_MAX = 64 };

static const size_t torn_bytes[] = {0, 512, 4096, SIZE_MAX};

enum { TORN = sizeof torn_bytes / sizeof torn_bytes[0] };

static bool is_exhaustive(void)
{
    const char *wanted = getenv("CRASHPOINTS");

    return wanted != NULL && strcmp(wanted, "all") == 0;
}

struct id_list {
    size_t count;
    uint8_t ids[IDS_MAX][UUID_BYTES];
};

static size_t times_in(const struct id_list *list, const uint8_t *id)
{
    size_t times = 0;

    for (size_t i = 0; i < list->count; i++) {
        times += memcmp(list->ids[i], id, UUID_BYTES) == 0 ? 1 : 0;
    }
    return times;
}

static void id_add(struct id_list *list, const uint8_t *id)
{
    assert_true(list->count < IDS_MAX);
    memcpy(list->ids[list->count++], id, UUID_BYTES);
}

/* ---- under the broker --------------------------------------------------------------------- */

static const char *const to_camden[] = {CODE_CAMDEN, NULL};
static const char *const to_islington[] = {CODE_ISLINGTON, NULL};

static bool power_is_gone(const struct core_fixture *f)
{
    return f->base.faults.fail_at != 0 && f->base.faults.calls >= f->base.faults.fail_at;
}

/* As core_fixture_settle(), on a disk that may fail: then the broker would have ended, and nothing more is done. */
static bool settle(struct core_fixture *f)
{
    bool busy = true;

    while (busy) {
        core_fixture_verify(f);
        busy = core_fixture_cut(f);
        if (busy) {
            if (journal_write(f->base.journal, f->commit) != 0) {
                return false;
            }
            journal_settle(f->base.journal, &f->commit);
            core_durable(f->core);
        }
        core_fixture_listen(f);
        for (size_t i = 0; i < f->agent_count; i++) {
            struct fake_agent *agent = &f->agents[i];
            if (agent->welcomed && agent->acked < agent->upto) {
                agent_acknowledge(agent);
                busy = true;
            }
        }
        busy = busy || f->job_count > 0;
    }
    return true;
}

/* The state, when one is due, as the edge has it written. False where the disk fails. */
static bool keep_snapshot(struct core_fixture *f)
{
    struct buf state = {0};
    uint64_t size = 0;
    uint64_t next = 0;
    bool fine = true;

    if (core_snapshot_due(f->core, &state, &size, &next)) {
        fine = journal_snapshot_write(
                   f->base.journal, SNAPSHOT_TRANSPORT, size, next, buf_slice(&state)) == 0;
    }
    buf_free(&state);
    return fine && journal_rest(f->base.journal) == 0;
}

static void hello_all(struct core_fixture *f)
{
    for (size_t i = 0; i < f->agent_count; i++) {
        agent_hello(&f->agents[i]);
    }
}

static void broker_work(struct core_fixture *f)
{
    struct fake_agent *islington = &f->agents[ISLINGTON];
    struct fake_agent *camden = &f->agents[CAMDEN];

    hello_all(f);
    for (unsigned i = 0; i < EVENTS && settle(f); i++) {
        f->base.mono_ms += 60;
        f->base.wall_ms += 60;
        (void)agent_write(islington, to_camden);
        (void)agent_write_payload(islington, to_camden, "sealed words of some length");
        agent_publish(islington, 0, 2);
        if (i % 2 == 1) {
            (void)agent_write(camden, to_islington);
            agent_publish(camden, 0, 1);
        }
        if (!settle(f) || (i % 3 == 2 && !keep_snapshot(f))) {
            return;
        }
    }
}

struct journal_ids {
    struct id_list list;
};

static int note_events(void *context, const struct record *record, uint64_t position)
{
    struct journal_ids *self = context;
    struct batch_body batch;
    struct slice event;

    (void)position;
    if (record->type != RECORD_BATCH) {
        return 0;
    }
    assert_int_equal(batch_body_read(record->body, &batch), 0);
    struct slice rest = batch.events;
    for (uint32_t i = 0; i < batch.count; i++) {
        struct event_view view;
        assert_int_equal(batch_next_event(&rest, &event), 0);
        assert_int_equal(event_read(event, &view, NULL), 0);
        id_add(&self->list, view.id);
    }
    return 0;
}

/* Everybody sends again what has no receipt, and everything arrives. */
static void broker_heal(struct core_fixture *f)
{
    hello_all(f);
    assert_true(settle(f));
    for (size_t i = 0; i < f->agent_count; i++) {
        struct fake_agent *agent = &f->agents[i];
        for (size_t k = 0; k < agent->own_count; k++) {
            if (!agent->own[k].receipted) {
                agent_publish(agent, k + 1, 1);
                assert_true(settle(f));
            }
        }
    }
    assert_true(settle(f));
}

static void broker_count(struct core_fixture *f)
{
    struct journal_ids journal = {{0}};
    struct journal_check check;
    struct complaint why = {0};
    size_t written = 0;

    assert_int_equal(journal_replay(f->base.journal, 0, 0, note_events, &journal), 0);
    for (size_t i = 0; i < f->agent_count; i++) {
        const struct fake_agent *agent = &f->agents[i];
        for (size_t k = 0; k < agent->own_count; k++) {
            assert_true(agent->own[k].receipted);
            assert_int_equal(times_in(&journal.list, agent->own[k].id), 1);
            assert_int_equal(agent->own[k].faults, 0);
            written++;
        }
        assert_int_equal(agent->upto, agent->acked);
    }
    assert_int_equal(journal.list.count, written);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WAYPOST__ENTRY__WHAT_EVENT),
        f->agents[ISLINGTON].own_count);
    assert_int_equal(agent_count(&f->agents[ISLINGTON], WAYPOST__ENTRY__WHAT_EVENT),
        f->agents[CAMDEN].own_count);
    assert_int_equal(
        journal_verify(&f->base.disk, f->base.head_public, &check, NULL, NULL, NULL, &why), 0);
    assert_int_equal(check.torn_bytes, 0);
}

/* What was receipted before the cut is there after it, before anybody has sent anything again. */
static void broker_kept(struct core_fixture *f)
{
    struct journal_ids journal = {{0}};

    assert_int_equal(f->base.recovery.quarantined, 0);
    assert_int_equal(journal_replay(f->base.journal, 0, 0, note_events, &journal), 0);
    for (size_t i = 0; i < f->agent_count; i++) {
        const struct fake_agent *agent = &f->agents[i];
        for (size_t k = 0; k < agent->own_count; k++) {
            size_t times = times_in(&journal.list, agent->own[k].id);
            assert_true(times == 1 || (times == 0 && !agent->own[k].receipted));
        }
    }
}

/* Cut at the n-th change, and at the m-th of the recovery where m is not 0. False where the work has fewer changes. */
static bool broker_cut(uint64_t n, size_t torn, uint64_t m)
{
    struct core_fixture *f = calloc(1, sizeof *f);

    core_fixture_init(f);
    f->options.snapshot_bytes = 4096;
    core_fixture_restart(f);
    f->base.faults.fail_at = f->base.faults.calls + n;
    f->base.faults.fail_for_ever = true;
    broker_work(f);
    bool reached = power_is_gone(f);
    if (reached && m != 0) {
        core_fixture_crash_into(f, torn, m);
    }
    core_fixture_crash(f, torn);
    broker_kept(f);
    broker_heal(f);
    broker_count(f);
    core_fixture_free(f);
    free(f);
    return reached;
}

static void broker__power_cut_at_every_change__keeps_each_receipted_event_once(void **state)
{
    uint64_t step = is_exhaustive() ? 1 : STEP / 4;
    uint64_t cuts = 0;
    uint64_t last = 0;

    (void)state;
    for (uint64_t n = 1;; n += step) {
        size_t first = step == 1 ? 0 : n % TORN;
        size_t end = step == 1 ? TORN : first + 1;
        bool reached = true;
        for (size_t i = first; i < end; i++) {
            reached = broker_cut(n, torn_bytes[i], 0);
            cuts++;
        }
        if (!reached) {
            break;
        }
        last = n;
    }
    print_message("# figure: broker: %llu changes of the disk, %llu cuts\n",
        (unsigned long long)last, (unsigned long long)cuts);
    assert_true(last > 60);
}

/* Killed at the n-th change: what was written and not synced is still in the machine's memory, and is read by the next
 * start. What that one goes on to promise must survive the power. */
static bool broker_killed(uint64_t n)
{
    struct core_fixture *f = calloc(1, sizeof *f);

    core_fixture_init(f);
    f->options.snapshot_bytes = 4096;
    core_fixture_restart(f);
    f->base.faults.fail_at = f->base.faults.calls + n;
    f->base.faults.fail_for_ever = true;
    broker_work(f);
    bool reached = power_is_gone(f);
    f->base.faults.fail_at = 0;
    core_fixture_restart(f);
    broker_kept(f);
    broker_heal(f);
    broker_count(f);
    core_fixture_crash(f, 0);
    broker_kept(f);
    broker_heal(f);
    broker_count(f);
    core_fixture_free(f);
    free(f);
    return reached;
}

/* The same, and the power goes before anybody was spoken to: what was read at the start is already sure. */
static bool broker_killed_and_cut(uint64_t n)
{
    struct core_fixture *f = calloc(1, sizeof *f);

    core_fixture_init(f);
    core_fixture_restart(f);
    f->base.faults.fail_at = f->base.faults.calls + n;
    f->base.faults.fail_for_ever = true;
    broker_work(f);
    bool reached = power_is_gone(f);
    f->base.faults.fail_at = 0;
    core_fixture_restart(f);
    uint64_t size = journal_head(f->base.journal)->size;
    core_fixture_crash(f, 0);
    assert_true(journal_head(f->base.journal)->size >= size);
    broker_kept(f);
    broker_heal(f);
    broker_count(f);
    core_fixture_free(f);
    free(f);
    return reached;
}

static void broker__killed_at_every_change_and_then_the_power__keeps_the_same(void **state)
{
    uint64_t step = is_exhaustive() ? 1 : STEP / 4;
    uint64_t n = 1;

    (void)state;
    for (; broker_killed(n); n += step) {
        (void)broker_killed_and_cut(n);
    }
    print_message("# figure: broker: killed at %llu changes\n", (unsigned long long)n);
}

static void broker__power_cut_again_while_it_recovers__keeps_the_same(void **state)
{
    uint64_t step = is_exhaustive() ? 1 : 3 * STEP;
    uint64_t cuts = 0;

    (void)state;
    for (uint64_t n = 5; broker_cut(n, torn_bytes[n % TORN], 0); n += step) {
        for (uint64_t m = 1; m <= 8; m += is_exhaustive() ? 1 : 3) {
            (void)broker_cut(n, torn_bytes[n % TORN], m);
            cuts++;
        }
    }
    print_message("# figure: broker: %llu cuts during a recovery\n", (unsigned long long)cuts);
}

/* ---- under an agent ----------------------------------------------------------------------- */

/* A broker that forgets nothing: what it took, by sequence, and what its agent was told and said. */
struct scene {
    struct agentfix fix;
    struct disk memory;
    struct faulty_disk faults;
    struct disk disk;
    struct agentfix_batch batches[IDS_MAX];
    size_t batch_count;
    struct id_list said;   /* sends that were answered with ok */
    struct id_list opened; /* opens likewise */
    bool label_said;       /* the transfer was answered with ok */
    uint64_t delivered;    /* numbers of the stream that were made */
};

static bool is_gone(const struct scene *self)
{
    return self->faults.fail_at != 0 && self->faults.calls >= self->faults.fail_at;
}

static bool ask_ok(struct scene *self, const char *text, uint8_t *event)
{
    json_t *answer = agentfix_ask(&self->fix, text);
    bool good = json_is_true(json_object_get(answer, "ok"));

    if (good && event != NULL) {
        assert_int_equal(uuid_parse(json_string_value(json_object_get(answer, "event")), event), 0);
    }
    json_decref(answer);
    return good;
}

/* What comes again gets the first receipt; what is new is kept. */
static void broker_serve(struct scene *self)
{
    for (;;) {
        assert_true(self->batch_count < IDS_MAX);
        struct agentfix_batch *batch = &self->batches[self->batch_count];
        uint64_t last = self->fix.last_sequence;
        uint64_t own = self->fix.own_events;
        size_t leaves = self->fix.leaf_count;
        if (!agentfix_accept(&self->fix, batch)) {
            return;
        }
        if (batch->first > last) {
            assert_int_equal(batch->first, last + 1);
            agentfix_receipt(&self->fix, batch, FAULT_NONE, false);
            self->batch_count++;
            continue;
        }
        self->fix.leaf_count = leaves;
        self->fix.last_sequence = last;
        self->fix.own_events = own;
        const struct agentfix_batch *kept = NULL;
        for (size_t i = 0; i < self->batch_count; i++) {
            kept = self->batches[i].first == batch->first ? &self->batches[i] : kept;
        }
        assert_non_null(kept); /* the same batch, not another cut of it */
        assert_int_equal(kept->count, batch->count);
        for (uint32_t i = 0; i < batch->count; i++) {
            assert_true(slice_equal(buf_slice(&batch->events[i]), buf_slice(&kept->events[i])));
            assert_true(slice_equal(buf_slice(&batch->payloads[i]), buf_slice(&kept->payloads[i])));
        }
        agentfix_batch_free(batch);
        memset(batch, 0, sizeof *batch);
        self->fix.last_leaf = hash_event_leaf(AGENTFIX_NETWORK,
            buf_slice(&self->batches[self->batch_count - 1]
                           .events[self->batches[self->batch_count - 1].count - 1]));
        agentfix_receipt(&self->fix, kept, FAULT_NONE, true);
    }
}

static void say(struct scene *self, unsigned i)
{
    uint8_t event[UUID_BYTES];
    bool good = ask_ok(self,
        i % 2 == 0 ? "{'op':'send','kind':'move_notified','transfer':'t','facts':{'permanence':"
                     "'permanent','retain_intention':'transfer'},'allow_incomplete':true}"
                   : "{'op':'send','kind':'move_notified','transfer':'t','facts':{'permanence':"
                     "'permanent','retain_intention':'transfer'},'sealed':{'narrative':'words'},"
                     "'allow_incomplete':true}",
        event);

    if (good) {
        id_add(&self->said, event);
    }
}

static void open_last(struct scene *self)
{
    char text[200];
    char id[UUID_TEXT_BYTES];

    uuid_format(self->fix.peer_event, id);
    (void)snprintf(
        text, sizeof text, "{'op':'open','event':'%s','role':'social_worker','team':'mash'}", id);
    if (ask_ok(self, text, NULL)) {
        id_add(&self->opened, self->fix.peer_event);
    }
}

static void agent_work(struct scene *self)
{
    struct agentfix *fix = &self->fix;

    if (agentfix_try_open(fix) != 0) {
        return;
    }
    agentfix_online(fix);
    self->label_said = !is_gone(self) &&
        ask_ok(self,
            "{'op':'new_transfer','origin':'E09000019','receiving':'E09000007','label':'t',"
            "'subjects':[{'name':'ash','case_type':'cp'}]}",
            NULL);
    for (unsigned i = 0; i < EVENTS && !is_gone(self); i++) {
        say(self, i);
        agent_core_tick(fix->core);
        if (i % 2 == 1 && !is_gone(self)) {
            broker_serve(self);
        }
        if (!is_gone(self)) {
            self->delivered++;
            agentfix_deliver(fix, 0, i % 2 == 0, FAULT_NONE);
        }
        if (!is_gone(self)) {
            agentfix_acked(fix);
        }
        if (i % 2 == 0 && !is_gone(self)) {
            open_last(self);
        }
        if (i == 3 && !is_gone(self)) {
            store_idle(fix->store); /* a checkpoint among it */
        }
    }
}

static void count_outbox(void *context, const struct outbox_row *row)
{
    assert_int_equal(row->state, OUTBOX_ACCEPTED);
    id_add(context, row->event);
}

/* Each event that the broker took: once, with the next number for its recipient, and in the outbox. */
static size_t broker_took(const struct scene *self, const struct id_list *outbox)
{
    struct id_list taken = {0};
    uint64_t sequence = 1;
    uint64_t n = 1;

    for (size_t i = 0; i < self->batch_count; i++) {
        const struct agentfix_batch *batch = &self->batches[i];
        assert_int_equal(batch->first, sequence);
        for (uint32_t k = 0; k < batch->count; k++) {
            struct event_view view;
            assert_int_equal(event_read(buf_slice(&batch->events[k]), &view, NULL), 0);
            assert_int_equal(view.to[0].n, n++);
            assert_int_equal(times_in(&taken, view.id), 0);
            assert_int_equal(times_in(outbox, view.id), 1);
            id_add(&taken, view.id);
            sequence++;
        }
    }
    return taken.count;
}

static void agent_count_all(struct scene *self)
{
    struct agentfix *fix = &self->fix;
    struct id_list outbox = {0};
    struct identity identity;

    store_outbox_list(fix->store, -1, NULL, INT64_MAX, IDS_MAX, count_outbox, &outbox);
    for (size_t i = 0; i < self->said.count; i++) {
        assert_int_equal(times_in(&outbox, self->said.ids[i]), 1);
    }
    assert_true(outbox.count <= self->said.count + 1); /* one whose answer was never given */
    assert_int_equal(broker_took(self, &outbox), outbox.count);
    store_identity(fix->store, &identity);
    assert_int_equal(identity.stream_upto, self->delivered);
    assert_int_equal(fix->stream_acked, self->delivered);
    int64_t oldest_ms = 0;
    uint64_t unopened = store_inbox_unopened(fix->store, &oldest_ms);
    assert_true(unopened + self->opened.count <= self->delivered);
    for (size_t i = 0; i < self->opened.count; i++) {
        struct inbox_row row;
        assert_int_equal(store_inbox(fix->store, self->opened.ids[i], &row), 0);
        assert_true(row.opened_ms != 0);
        inbox_row_free(&row);
    }
    static const char *const never[] = {"conflict", "clone", "restored", "rollback", "fork",
        "receipt", "stream_diverged", "stream_gap", "missing", "bad_event", "storage"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (agentfix_alarm(fix, never[i])) {
            fail_msg("the alarm %s is up", never[i]);
        }
    }
}

static void agent_heal(struct scene *self)
{
    struct agentfix *fix = &self->fix;

    agentfix_online(fix);
    broker_serve(self);
    if (fix->stream_acked < self->delivered) {
        agentfix_deliver_again(fix);
        agentfix_acked(fix);
    }
    if (self->label_said) {
        say(self, 0); /* and it goes on */
        agent_core_tick(fix->core);
    }
    broker_serve(self);
}

enum end { POWER_CUT, KILLED, KILLED_AND_CUT };

/* The program ends at the n-th change of its disk. Killed alone: the next one reads what was never synced, goes on, and
 * then the power goes. */
/* An agent on a disk of its own whose n-th change fails. */
static struct scene *scene_new(uint64_t n)
{
    struct scene *self = calloc(1, sizeof *self);

    disk_memory_open(&self->memory);
    faulty_disk_init(&self->faults, &self->memory, &self->disk);
    disk_vfs_mount("agent", &self->disk);
    agentfix_setup(&self->fix, NULL);
    agentfix_close(&self->fix);
    (void)snprintf(self->fix.path, sizeof self->fix.path, "agent.db");
    self->faults.fail_at = n;
    return self;
}

static void scene_destroy(struct scene *self)
{
    agentfix_teardown(&self->fix);
    for (size_t i = 0; i < self->batch_count; i++) {
        agentfix_batch_free(&self->batches[i]);
    }
    disk_vfs_mount("agent", NULL);
    disk_memory_close(&self->memory);
    free(self);
}

static bool agent_cut(uint64_t n, size_t torn, enum end how)
{
    struct scene *self = scene_new(n);

    self->faults.fail_for_ever = true;
    agent_work(self);
    bool reached = is_gone(self);
    if (self->fix.core != NULL) {
        agentfix_close(&self->fix);
    }
    self->faults.fail_at = 0;
    if (how == POWER_CUT) {
        disk_memory_crash(&self->memory, torn);
    }
    agentfix_open(&self->fix);
    if (how != KILLED_AND_CUT) {
        agent_heal(self);
        agent_count_all(self);
    }
    if (how != POWER_CUT) {
        if (how == KILLED_AND_CUT) {
            agentfix_online(&self->fix);
            broker_serve(self);
        }
        agentfix_close(&self->fix);
        disk_memory_crash(&self->memory, 0);
        agentfix_open(&self->fix);
        agent_heal(self);
        agent_count_all(self);
    }
    scene_destroy(self);
    return reached;
}

static void agent__power_cut_at_every_change__keeps_what_it_said_and_took(void **state)
{
    uint64_t step = is_exhaustive() ? 1 : STEP;
    uint64_t cuts = 0;
    uint64_t last = 0;

    (void)state;
    for (uint64_t n = 1;; n += step) {
        size_t first = step == 1 ? 0 : n % TORN;
        size_t end = step == 1 ? TORN : first + 1;
        bool reached = true;
        for (size_t i = first; i < end; i++) {
            reached = agent_cut(n, torn_bytes[i], POWER_CUT);
            cuts++;
        }
        if (!reached) {
            break;
        }
        last = n;
    }
    print_message("# figure: agent: %llu changes of the disk, %llu cuts\n",
        (unsigned long long)last, (unsigned long long)cuts);
    assert_true(last > 200);
}

static void agent__killed_at_every_change_and_then_the_power__keeps_the_same(void **state)
{
    uint64_t step = is_exhaustive() ? 1 : STEP;
    uint64_t n = 1;

    (void)state;
    for (; agent_cut(n, 0, KILLED); n += step) {
        (void)agent_cut(n, 0, KILLED_AND_CUT);
    }
    print_message("# figure: agent: killed at %llu changes\n", (unsigned long long)n);
}

/* One change fails, with no room or an error of the disk, and the agent lives on: it says so, takes up its session
 * again by itself when the disk does, and has neither lost nor doubled anything. */
static bool agent_failed_once(uint64_t n, int rc)
{
    struct scene *self = scene_new(n);

    self->faults.fail_rc = rc;
    agent_work(self);
    bool reached = is_gone(self);
    self->faults.fail_at = 0;
    if (self->fix.core == NULL) { /* it did not even start: its supervisor starts it again */
        agentfix_open(&self->fix);
    }
    agent_heal(self);
    agent_count_all(self);
    scene_destroy(self);
    return reached;
}

static void agent__one_change_fails_and_it_lives_on__loses_and_doubles_nothing(void **state)
{
    uint64_t step = is_exhaustive() ? 1 : STEP;
    uint64_t n = 1;

    (void)state;
    for (; agent_failed_once(n, n % 2 == 0 ? E_FULL : E_IO); n += step) {
        if (is_exhaustive()) {
            (void)agent_failed_once(n, n % 2 == 0 ? E_IO : E_FULL);
        }
    }
    print_message("# figure: agent: one of %llu changes failed\n", (unsigned long long)n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broker__power_cut_at_every_change__keeps_each_receipted_event_once),
        cmocka_unit_test(broker__killed_at_every_change_and_then_the_power__keeps_the_same),
        cmocka_unit_test(broker__power_cut_again_while_it_recovers__keeps_the_same),
        cmocka_unit_test(agent__power_cut_at_every_change__keeps_what_it_said_and_took),
        cmocka_unit_test(agent__one_change_fails_and_it_lives_on__loses_and_doubles_nothing),
        cmocka_unit_test(agent__killed_at_every_change_and_then_the_power__keeps_the_same),
    };
    const char *filter = getenv("TEST_FILTER");

    log_init("test", (enum log_level)(LOG_ERROR + 1)); /* a dying disk is said at length */
    disk_vfs_register();
    disk_vfs_seed(1);
    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
