/* judged_core: see judged_core.h. */
#include "tests/support/judged_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/core_internal.h"
#include "common/base/log.h"

#include "common/base/banned.h"

const char *const to_camden[] = {CODE_CAMDEN, NULL};
const char *const to_islington[] = {CODE_ISLINGTON, NULL};

struct fake_case ash = {.origin = CODE_ISLINGTON, .receiving = CODE_CAMDEN};
struct fake_case kit = {.origin = CODE_CAMDEN, .receiving = CODE_ISLINGTON};

int judged_core_off(void **state)
{
    struct core_fixture *fixture = calloc(1, sizeof *fixture);

    log_init("test", LOG_ERROR);
    core_fixture_init(fixture);
    for (size_t i = 0; i < fixture->agent_count; i++) {
        agent_hello(&fixture->agents[i]);
    }
    core_fixture_settle(fixture);
    fixture->base.world.random(fixture->base.world.context, ash.transfer, sizeof ash.transfer);
    fixture->base.world.random(fixture->base.world.context, ash.subject, sizeof ash.subject);
    *state = fixture;
    return 0;
}

int judged_core(void **state)
{
    (void)judged_core_off(state);
    core_fixture_procedures(*state, DATA);
    return 0;
}

/* ---- saying and asking ---- */

void say_of(struct core_fixture *f, const struct fake_case *about, int who, const char *kind,
    const char *facts)
{
    struct fake_agent *agent = &f->agents[who];

    (void)agent_write_kind(agent, about, kind, facts, who == CAMDEN ? to_islington : to_camden);
    agent_publish(agent, 0, 1);
    core_fixture_settle(f);
}

void say(struct core_fixture *f, int who, const char *kind, const char *facts)
{
    say_of(f, &ash, who, kind, facts);
}

void say_move(struct core_fixture *f)
{
    say(f, ISLINGTON, "move_notified",
        "permanence=permanent retain_intention=transfer move_reason=housing door=mash");
}

const struct got *last_event(const struct fake_agent *agent)
{
    size_t count = agent_count(agent, WHAT_EVENT);

    assert_true(count > 0);
    return agent_got(agent, WHAT_EVENT, count - 1);
}

/* The nth record of a kind, also of one clock; NULL where there are not so many. */
const struct got *record_of(const struct fake_agent *agent, int kind, const char *clock, size_t nth)
{
    for (size_t i = 0; i < agent_count(agent, WHAT_RECORD); i++) {
        const struct got *got = agent_got(agent, WHAT_RECORD, i);
        if (got->kind == kind && (clock == NULL || strcmp(got->clock, clock) == 0) && nth-- == 0) {
            return got;
        }
    }
    return NULL;
}

size_t records_of(const struct fake_agent *agent, int kind, const char *clock)
{
    size_t count = 0;

    while (record_of(agent, kind, clock, count) != NULL) {
        count++;
    }
    return count;
}

/* Whoever was silent so long has to come back. */
void pass(struct core_fixture *f, int64_t ms)
{
    core_fixture_pass(f, ms);
    core_fixture_hello(f);
}

void close_unjudged(struct core_fixture *f)
{
    struct fake_agent *agent = &f->agents[ISLINGTON];

    (void)agent_write_kind(agent, &ash, "case_closed", "closure_type=transferred", to_camden);
    agent_publish(agent, 0, 1);
    core_fixture_verify(f);
    while (core_fixture_commit(f)) {
    }
    core_fixture_listen(f);
    assert_true(agent->own[agent->own_count - 1].receipted); /* receipts never wait */
}

/* What the engine is now goes to the disk, as the edge does it. */
static void save(struct core_fixture *f, size_t changed)
{
    struct buf state = {0};
    uint64_t size;
    uint64_t position;

    f->core->options.snapshot_bytes = 0;
    f->core->fold.last_saved_bytes = 0;
    assert_true(core_procedures_snapshot_due(f->core, true, &state, &size, &position));
    if (changed < state.len) {
        state.data[changed] ^= 1;
    }
    assert_int_equal(journal_snapshot_write(
                         f->base.journal, SNAPSHOT_PROCEDURES, size, position, buf_slice(&state)),
        0);
    f->core->options.snapshot_bytes = UINT64_MAX;
    buf_free(&state);
}

void save_procedures(struct core_fixture *f)
{
    save(f, SIZE_MAX);
}

void save_changed(struct core_fixture *f, size_t at)
{
    save(f, at);
}

static void forget_name(void *arg, const char *name)
{
    struct core_fixture *f = arg;

    if (strncmp(name, "procedures-", strlen("procedures-")) == 0) {
        assert_int_equal(f->base.disk.remove(f->base.disk.context, name), 0);
    }
}

void forget_snapshots(struct core_fixture *f)
{
    assert_int_equal(f->base.disk.list(f->base.disk.context, forget_name, f), 0);
}

void restart_agrees(struct core_fixture *f, bool resumed)
{
    struct hash before = core_procedures_hash(f->core);

    core_fixture_restart(f);
    struct hash after = core_procedures_hash(f->core);
    assert_memory_equal(before.b, after.b, HASH_BYTES);
    assert_int_equal(core_counter(f->core, COUNTER_FOLD_DIFFERENCES), 0);
    assert_int_equal(core_counter(f->core, COUNTER_FOLD_RESUMED), resumed ? 1 : 0);
}

/*
 * What a replay makes of the journal is what was there before, and nothing in it is contradicted; whether it begins at
 * the first record or at a snapshot.
 */
void replay_agrees(struct core_fixture *f)
{
    forget_snapshots(f);
    restart_agrees(f, false);
    if (core_procedures_on(f->core)) {
        save_procedures(f);
        restart_agrees(f, true);
    }
    core_fixture_hello(f);
}
