/*
 * Probes: an idle broker shows that it can store (broker/net/probe.c), answers an agent's PING with a signed statement
 * (T-5), and an agent believes that one alone; what both say of themselves in numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/net/probe.h"
#include "client/agent/stats.h"
#include "common/base/log.h"
#include "tests/support/agent_fixture.h"
#include "tests/support/core_fixture.h"

#include "common/base/banned.h"

/* ---- the broker's disk ---- */

static void probe_open(struct journal_fixture *fx, struct keys *keys, struct probe *out)
{
    journal_fixture_init(fx);
    memcpy(keys->sign_public, fx->head_public, sizeof keys->sign_public);
    memcpy(keys->sign_secret, fx->head_secret, sizeof keys->sign_secret);
    *out = (struct probe){&fx->disk, keys, &fx->world};
}

static void disk__in_order__passes_a_probe_again_and_again(void **state)
{
    struct journal_fixture fx;
    struct keys keys = {.id = "broker"};
    struct probe probe;

    (void)state;
    probe_open(&fx, &keys, &probe);
    assert_int_equal(journal_fixture_open(&fx), 0);
    uint64_t size = journal_head(fx.journal)->size;
    for (int64_t at = 0; at < 3; at++) {
        assert_int_equal(probe_run(&probe, at), 0);
    }
    assert_int_equal(journal_fixture_used(&fx.memory, PROBE_FILE), 32 + SIGNATURE_BYTES);
    journal_fixture_close(&fx);
    assert_int_equal(journal_fixture_open(&fx), 0); /* the journal does not mind the file */
    assert_int_equal(journal_head(fx.journal)->size, size);
    journal_fixture_free(&fx);
}

static void disk__failing_at_any_call__fails_the_probe(void **state)
{
    static const int codes[] = {E_IO, E_FULL};
    struct journal_fixture fx;
    struct keys keys = {.id = "broker"};
    struct probe probe;

    (void)state;
    probe_open(&fx, &keys, &probe);
    assert_int_equal(probe_run(&probe, 1), 0);
    for (size_t i = 0; i < 2; i++) {
        for (uint64_t n = 1; n <= 3; n++) { /* open, write, sync */
            fx.faults.fail_at = fx.faults.calls + n;
            fx.faults.fail_rc = codes[i];
            assert_int_equal(probe_run(&probe, 2), codes[i]);
            fx.faults.fail_at = 0;
            assert_int_equal(probe_run(&probe, 3), 0);
        }
    }
    journal_fixture_free(&fx);
}

/* A disk that takes everything, and gives back what it likes. */
static struct disk honest;

static int read_wrong(void *context, int file, void *out, size_t len, uint64_t offset, size_t *got)
{
    int rc = honest.read_at(context, file, out, len, offset, got);

    ((uint8_t *)out)[9] ^= 1;
    return rc;
}

static void disk__giving_back_other_bytes__fails_the_probe(void **state)
{
    struct journal_fixture fx;
    struct keys keys = {.id = "broker"};
    struct probe probe;

    (void)state;
    probe_open(&fx, &keys, &probe);
    honest = fx.disk;
    fx.disk.read_at = read_wrong;
    assert_int_equal(probe_run(&probe, 1), E_CORRUPT);
    journal_fixture_free(&fx);
}

/* ---- the broker's answer ---- */

static void ping__with_a_probe__is_answered_by_a_signed_statement(void **state)
{
    struct core_fixture *f = calloc(1, sizeof *f);
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Ping ping = WAYPOST__PING__INIT;
    uint8_t bytes[16] = "sixteen bytes...";

    (void)state;
    core_fixture_init(f);
    struct fake_agent *agent = &f->agents[ISLINGTON];
    agent_hello(agent);
    core_fixture_settle(f);
    f->base.wall_ms += 7000;
    f->base.mono_ms += 7000;
    ping.has_probe = true;
    ping.probe = (ProtobufCBinaryData){sizeof bytes, bytes};
    frame.body_case = WAYPOST__FRAME__BODY_PING;
    frame.ping = &ping;
    agent_say(agent, &frame);
    const Waypost__Frame *answer = core_fixture_find(f, agent, WAYPOST__FRAME__BODY_PONG);
    assert_non_null(answer);
    const Waypost__Signed *said = answer->pong->probe;
    assert_non_null(said);
    struct slice statement = slice_of(said->statement.data, said->statement.len);
    assert_int_equal(sign_check(SIGN_CONTEXT_PROBE, statement,
                         slice_of(said->signature.data, said->signature.len), f->base.head_public),
        0);
    Waypost__ProbeStatement *probe =
        waypost__probe_statement__unpack(NULL, statement.len, statement.data);
    assert_memory_equal(probe->probe.data, bytes, sizeof bytes);
    assert_string_equal(probe->network, FIXTURE_NETWORK);
    assert_int_equal(probe->time_ms - probe->stored_ms, 7000);
    assert_int_equal(probe->size, journal_head(f->base.journal)->size);
    waypost__probe_statement__free_unpacked(probe, NULL);
    core_fixture_free(f);
    free(f);
}

/* A PING of the first version, and one with a probe of another length: answered without. */
static void ping__without_a_probe__is_answered_as_before(void **state)
{
    struct core_fixture *f = calloc(1, sizeof *f);
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Ping ping = WAYPOST__PING__INIT;
    uint8_t bytes[17] = {0};

    (void)state;
    core_fixture_init(f);
    struct fake_agent *agent = &f->agents[ISLINGTON];
    agent_hello(agent);
    core_fixture_settle(f);
    frame.body_case = WAYPOST__FRAME__BODY_PING;
    frame.ping = &ping;
    for (int i = 0; i < 2; i++) {
        agent_say(agent, &frame);
        const Waypost__Frame *answer = core_fixture_find(f, agent, WAYPOST__FRAME__BODY_PONG);
        assert_non_null(answer);
        assert_null(answer->pong->probe);
        core_fixture_listen(f);
        ping.has_probe = true;
        ping.probe = (ProtobufCBinaryData){sizeof bytes, bytes};
    }
    core_fixture_free(f);
    free(f);
}

static void stats__of_a_core__tell_what_waits_and_who_is_away(void **state)
{
    static const char *const to[] = {CODE_CAMDEN, NULL};
    struct core_fixture *f = calloc(1, sizeof *f);
    struct core_stats stats;

    (void)state;
    log_init("test", LOG_ERROR);
    core_fixture_init(f);
    agent_hello(&f->agents[ISLINGTON]);
    agent_hello(&f->agents[CAMDEN]);
    core_fixture_settle(f);
    core_fixture_pass(f, 1000);
    (void)agent_write(&f->agents[ISLINGTON], to);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_settle(f);
    core_stats(f->core, &stats);
    assert_int_equal(stats.sessions, 2);
    assert_true(histogram_total(&stats.delivery) > 0);
    uint64_t quiet = stats.by_age[0];

    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Bye bye = WAYPOST__BYE__INIT;
    frame.body_case = WAYPOST__FRAME__BODY_BYE;
    frame.bye = &bye;
    agent_say(&f->agents[CAMDEN], &frame);
    (void)agent_write(&f->agents[ISLINGTON], to);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_settle(f);
    core_stats(f->core, &stats);
    assert_int_equal(stats.sessions, 1);
    assert_true(stats.by_age[0] > quiet);
    core_fixture_pass(f, INT64_C(3600000));
    core_stats(f->core, &stats);
    assert_string_equal(stats.silent_agent, CODE_CAMDEN);
    assert_true(stats.silence_ms >= 3600000);
    assert_true(stats.oldest_pending_ms >= 3600000);
    assert_true(stats.by_age[4] > 0); /* up to 80 min */
    assert_int_equal(stats.by_age[9], 0);
    core_fixture_free(f);
    free(f);
}

/* ---- the agent's belief ---- */

struct answer {
    const char *network;
    const struct keys *signer; /* NULL: the broker */
    bool other_bytes;
};

static void answer_ping(struct agentfix *self, const struct answer *how)
{
    Waypost__ProbeStatement said = WAYPOST__PROBE_STATEMENT__INIT;
    Waypost__Signed signed_probe = WAYPOST__SIGNED__INIT;
    Waypost__Pong pong = WAYPOST__PONG__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    const Waypost__Frame *ping = agentfix_take(self, WAYPOST__FRAME__BODY_PING);
    const struct keys *signer = how->signer == NULL ? &self->broker : how->signer;
    struct buf statement = {0};
    uint8_t signature[SIGNATURE_BYTES];
    uint8_t probe[16];

    assert_non_null(ping);
    assert_true(ping->ping->has_probe && ping->ping->probe.len == sizeof probe);
    memcpy(probe, ping->ping->probe.data, sizeof probe);
    probe[0] ^= how->other_bytes ? 1 : 0;
    said.network = (char *)(uintptr_t)how->network;
    said.probe = (ProtobufCBinaryData){sizeof probe, probe};
    said.time_ms = self->wall_ms;
    said.stored_ms = self->wall_ms - 4000;
    message_encode(&said.base, &statement);
    sign_make(SIGN_CONTEXT_PROBE, buf_slice(&statement), signer->sign_secret, signature);
    signed_probe.statement = (ProtobufCBinaryData){statement.len, statement.data};
    signed_probe.signature = (ProtobufCBinaryData){sizeof signature, signature};
    pong.time_ms = self->wall_ms + 250;
    pong.register_version = self->register_version;
    pong.probe = &signed_probe;
    frame.body_case = WAYPOST__FRAME__BODY_PONG;
    frame.pong = &pong;
    agentfix_give(self, &frame);
    buf_free(&statement);
}

static void probe__answered_by_the_broker__is_fresh_and_any_other_is_not(void **state)
{
    struct agentfix *self = calloc(1, sizeof *self);
    struct agent_stats stats;

    (void)state;
    log_init("test", LOG_ERROR);
    agentfix_setup(self, NULL);
    agentfix_online(self);
    const struct answer wrong[] = {
        {AGENTFIX_NETWORK, &self->peer, false},
        {"other", NULL, false},
        {AGENTFIX_NETWORK, NULL, true},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        agentfix_forget(self);
        agentfix_pass(self, 10000);
        answer_ping(self, &wrong[i]);
        agent_core_stats(self->core, &stats);
        assert_int_equal(stats.since_probe_ms, -1);
        assert_int_equal(agent_core_counter(self->core, AGENT_PROBES_BAD), i + 1);
    }
    agentfix_forget(self);
    agentfix_pass(self, 10000);
    answer_ping(self, &(const struct answer){AGENTFIX_NETWORK, NULL, false});
    agentfix_pass(self, 500);
    agent_core_stats(self->core, &stats);
    assert_int_equal(stats.since_probe_ms, 500);
    assert_int_equal(stats.broker_stored_ms, 4000);
    assert_int_equal(stats.clock_off_ms, 250);
    agentfix_teardown(self);
    free(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disk__in_order__passes_a_probe_again_and_again),
        cmocka_unit_test(disk__failing_at_any_call__fails_the_probe),
        cmocka_unit_test(disk__giving_back_other_bytes__fails_the_probe),
        cmocka_unit_test(ping__with_a_probe__is_answered_by_a_signed_statement),
        cmocka_unit_test(ping__without_a_probe__is_answered_as_before),
        cmocka_unit_test(stats__of_a_core__tell_what_waits_and_who_is_away),
        cmocka_unit_test(probe__answered_by_the_broker__is_fresh_and_any_other_is_not),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
