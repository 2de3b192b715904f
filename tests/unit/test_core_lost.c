/* Records behind the newest snapshot that the disk has lost: what starts all the same, who waits, what is refused while it
 * lasts, and that everything is there once when the bit is put right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/core_internal.h"
#include "common/base/log.h"
#include "tests/support/damage.h"

#include "common/base/banned.h"

#define WHAT_EVENT WAYPOST__ENTRY__WHAT_EVENT
#define WHAT_ACK WAYPOST__ENTRY__WHAT_ACK
#define KIND_OF(name) WAYPOST__SYSTEM_KIND__##name
#define DATA "data"
#define DAY_MS INT64_C(86400000)

static const char *const to_camden[] = {CODE_CAMDEN, NULL};
static const char *const to_leeds[] = {CODE_LEEDS, NULL};
static const char *const to_islington[] = {CODE_ISLINGTON, NULL};

static struct fake_case ash = {.origin = CODE_ISLINGTON, .receiving = CODE_CAMDEN};

static int setup(void **state)
{
    int rc = core_fixture_setup(state);
    struct core_fixture *f = *state;

    log_init("test", (enum log_level)(LOG_ERROR + 1)); /* each damage is said */
    f->base.world.random(f->base.world.context, ash.transfer, sizeof ash.transfer);
    f->base.world.random(f->base.world.context, ash.subject, sizeof ash.subject);
    f->options.snapshot_bytes = 1;
    core_fixture_restart(f);
    core_fixture_hello(f);
    return rc;
}

/* ---- events ---- */

static void say(struct core_fixture *f, size_t who, const char *const *to)
{
    (void)agent_write_payload(&f->agents[who], to, "sealed words of some length");
    agent_publish(&f->agents[who], 0, 1);
    core_fixture_settle_some(f);
}

static size_t events_of(const struct core_fixture *f, size_t who)
{
    return agent_count(&f->agents[who], WHAT_EVENT);
}

static void hello(struct core_fixture *f)
{
    for (size_t i = 0; i < f->agent_count; i++) {
        agent_hello(&f->agents[i]);
    }
    core_fixture_settle_some(f);
}

/* ---- damage ---- */

static void start(struct core_fixture *f)
{
    assert_int_equal(core_fixture_try_restart(f), 0);
    assert_non_null(alarm_book_find(core_alarms(f->core), "journal_damaged"));
    hello(f);
}

static void mend(struct core_fixture *f, struct damage damage)
{
    core_fixture_stop(f);
    damage_strike(f, damage);
    assert_int_equal(core_fixture_try_restart(f), 0);
    assert_null(alarm_book_find(core_alarms(f->core), "journal_damaged"));
    hello(f);
}

static bool snapshot_due(struct core_fixture *f)
{
    struct buf state = {0};
    uint64_t size;
    uint64_t next;
    bool due = core_snapshot_due(f->core, &state, &size, &next);

    buf_free(&state);
    return due;
}

static void assert_receipts(const struct core_fixture *f, size_t who)
{
    const struct fake_agent *agent = &f->agents[who];

    for (size_t i = 0; i < agent->own_count; i++) {
        assert_true(agent->own[i].receipted);
    }
}

/* ---- batches ---- */

/* Camden's entries begin with the lost one: it waits; everybody else is served, and its sender goes on. */
static void assert_rest_serves(struct core_fixture *f, size_t camden)
{
    size_t leeds = events_of(f, LEEDS);
    size_t islington = events_of(f, ISLINGTON);

    assert_int_equal(events_of(f, CAMDEN), camden);
    assert_int_equal(f->agents[ISLINGTON].refused, 0);
    say(f, ISLINGTON, to_leeds);
    say(f, LEEDS, to_islington);
    say(f, CAMDEN, to_leeds);
    say(f, LEEDS, to_camden);
    assert_int_equal(events_of(f, LEEDS), leeds + 2);
    assert_int_equal(events_of(f, ISLINGTON), islington + 1);
    assert_int_equal(events_of(f, CAMDEN), camden);
    assert_false(snapshot_due(f));
    assert_int_equal(core_counter(f->core, COUNTER_DIVERGED), 0);
    assert_int_equal(core_counter(f->core, COUNTER_CONFLICTS), 0);
    assert_receipts(f, ISLINGTON);
    assert_receipts(f, LEEDS);
}

static void assert_all_once(struct core_fixture *f, struct damage damage, size_t camden)
{
    mend(f, damage);
    assert_int_equal(events_of(f, CAMDEN), camden);
    for (size_t i = 1; i < camden; i++) {
        const struct got *event = agent_got(&f->agents[CAMDEN], WHAT_EVENT, i);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(
                event->event, agent_got(&f->agents[CAMDEN], WHAT_EVENT, k)->event, UUID_BYTES);
        }
    }
    say(f, ISLINGTON, to_camden);
    assert_int_equal(events_of(f, CAMDEN), camden + 1);
    assert_true(snapshot_due(f));
    for (size_t i = 0; i < f->agents[ISLINGTON].own_count; i++) {
        assert_int_equal(f->agents[ISLINGTON].own[i].persisted, 1);
    }
}

static void lose_a_batch(
    struct core_fixture *f, unsigned from_end, enum damage_part part, struct damage *out)
{
    say(f, ISLINGTON, to_camden);
    agent_leave(&f->agents[CAMDEN]);
    say(f, ISLINGTON, to_camden);
    say(f, ISLINGTON, to_camden);
    *out = damage_lose(f, RECORD_BATCH, from_end, part);
}

static void batch__lost_whole__is_known_by_its_senders_next_one(void **state)
{
    static const enum damage_part parts[] = {PART_HEADER, PART_STATEMENT, PART_EVENTS};
    struct core_fixture *f = *state;
    struct damage damage;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t before = events_of(f, CAMDEN);
        lose_a_batch(f, 1, parts[i], &damage);
        start(f);
        assert_rest_serves(f, before + 1);
        assert_all_once(f, damage, before + 4);
    }
}

static void batch__lost_with_its_statement_whole__is_known_by_that(void **state)
{
    struct core_fixture *f = *state;
    struct damage damage;

    lose_a_batch(f, 0, PART_EVENTS, &damage);
    start(f);
    assert_int_equal(f->agents[ISLINGTON].welcome_last, 3);
    assert_rest_serves(f, 2);
    assert_all_once(f, damage, 4);
}

static void batch__lost_with_nothing_that_tells_its_sender__keeps_the_broker_from_starting(
    void **state)
{
    struct core_fixture *f = *state;
    struct damage damage;

    lose_a_batch(f, 0, PART_STATEMENT, &damage);
    assert_int_equal(core_fixture_try_restart(f), E_CORRUPT);
    mend(f, damage);
    assert_int_equal(events_of(f, CAMDEN), 3);
}

static void batch__lost_before_it_was_judged__keeps_the_broker_from_starting(void **state)
{
    struct core_fixture *f = *state;

    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    (void)core_fixture_commit(f);
    say(f, ISLINGTON, to_camden);
    core_fixture_crash(f, 0);
    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    hello(f);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    (void)core_fixture_commit(f);
    struct damage damage = damage_lose(f, RECORD_BATCH, 0, PART_EVENTS);
    assert_int_equal(core_fixture_try_restart(f), E_CORRUPT);
    mend(f, damage);
    assert_int_equal(events_of(f, CAMDEN), 3);
}

/* What comes again of a lost batch gets neither a receipt nor a second number. */
static void batch__lost_and_sent_again__waits_for_its_receipt(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    struct damage damage;

    lose_a_batch(f, 1, PART_EVENTS, &damage);
    start(f);
    uint64_t receipts = sender->receipts;
    uint64_t size = journal_size(f->base.journal);
    agent_publish(sender, 2, 1);
    core_fixture_settle_some(f);
    assert_int_equal(sender->refused, E_IO);
    assert_int_equal(sender->receipts, receipts);
    assert_int_equal(journal_size(f->base.journal), size);
    mend(f, damage);
    agent_publish(sender, 2, 1);
    core_fixture_settle_some(f);
    assert_int_equal(sender->receipts, receipts + 1);
    assert_int_equal(events_of(f, CAMDEN), 3);
}

/* What it recorded for itself is to be told with a later event; nobody could know that. */
static void batch__lost_with_an_event_for_its_sender_alone__keeps_the_broker_from_starting(
    void **state)
{
    struct core_fixture *f = *state;

    say(f, ISLINGTON, to_islington);
    say(f, ISLINGTON, to_camden);
    struct damage damage = damage_lose(f, RECORD_BATCH, 1, PART_EVENTS);
    assert_int_equal(core_fixture_try_restart(f), E_CORRUPT);
    mend(f, damage);
}

/* ---- other records ---- */

static void acknowledgement__lost__holds_up_whom_it_is_to_be_shown_alone(void **state)
{
    struct core_fixture *f = *state;

    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    agent_leave(sender);
    agent_leave(&f->agents[HUB]);
    core_fixture_settle_some(f); /* what Camden says of it waits for Islington */
    struct damage damage = damage_lose(f, RECORD_ACK, 0, PART_HEADER);
    start(f);
    assert_int_equal(sender->own[0].persisted, 0);
    say(f, LEEDS, to_camden);
    say(f, ISLINGTON, to_camden);
    assert_int_equal(events_of(f, CAMDEN), 3);
    assert_false(snapshot_due(f));
    mend(f, damage);
    assert_int_equal(sender->own[0].persisted, 1);
    assert_int_equal(sender->own[1].persisted, 1);
    assert_true(snapshot_due(f));
}

/* Camden has two events and has opened one, and each of its words went to Islington and the hub, who are away. Whichever of the
 * records of what they did is lost: nothing comes twice, and both are told once it can be read. */
static void acked__lost__is_worked_out_once_more(void **state)
{
    enum { WORDS = 3 };
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    struct fake_agent *camden = &f->agents[CAMDEN];

    for (unsigned lost = 0; lost < WORDS; lost++) {
        size_t own = sender->own_count;
        size_t events = events_of(f, CAMDEN);
        say(f, ISLINGTON, to_leeds);
        agent_leave(sender);
        agent_leave(&f->agents[HUB]);
        for (size_t i = 0; i < 2; i++) {
            say(f, LEEDS, to_camden);
        }
        agent_open(camden, agent_got(camden, WHAT_EVENT, events)->event);
        core_fixture_settle_some(f);
        uint64_t acked = f->core->streams[0]->acked;
        agent_leave(&f->agents[LEEDS]);
        struct damage damage = damage_lose(f, RECORD_ACKED, lost, PART_HEADER);
        start(f);
        assert_int_equal(f->core->streams[0]->acked, acked);
        assert_int_equal(sender->own_count, own + 1);
        say(f, LEEDS, to_camden);
        say(f, CAMDEN, to_islington);
        assert_int_equal(events_of(f, CAMDEN), events + 3);
        assert_int_equal(core_counter(f->core, COUNTER_DIVERGED), 0);
        assert_false(snapshot_due(f));
        mend(f, damage);
        assert_int_equal(events_of(f, CAMDEN), events + 3);
        for (size_t i = 0; i < f->agents[LEEDS].own_count; i++) {
            assert_int_equal(f->agents[LEEDS].own[i].persisted, 1);
        }
    }
}

/* The event was sent while a hub saw it, which it does no more: whom the record told is not what would be worked out. */
static void acked__lost_and_worked_out_otherwise__keeps_the_broker_from_starting(void **state)
{
    struct core_fixture *f = *state;
    struct complaint why = {0};

    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_verify(f);
    while (core_fixture_commit(f)) {
    }
    core_fixture_listen(f); /* delivered, and nothing acknowledged */
    assert_int_equal(events_of(f, CAMDEN), 1);
    f->agents[HUB].region = "E12000003";
    assert_int_equal(core_fixture_register(f, &why), 0);
    while (core_fixture_commit(f)) {
    }
    agent_acknowledge(&f->agents[CAMDEN]);
    core_fixture_verify(f);
    while (core_fixture_commit(f)) {
    }
    struct damage damage = damage_lose(f, RECORD_ACKED, 0, PART_HEADER);
    assert_int_equal(core_fixture_try_restart(f), E_CORRUPT);
    mend(f, damage);
    assert_int_equal(events_of(f, CAMDEN), 1);
    assert_int_equal(f->agents[ISLINGTON].own[0].persisted, 1);
}

static void register__lost_with_its_file_at_hand__is_taken_from_that(void **state)
{
    static const enum damage_part parts[] = {PART_HEADER, PART_EVENTS};
    struct core_fixture *f = *state;
    size_t events = 0;

    f->has_register_file = true;
    for (size_t i = 0; i < 2 * sizeof parts / sizeof parts[0]; i++) {
        bool before_snapshot = i >= 2;
        say(f, ISLINGTON, to_camden);
        uint64_t version = register_version(core_register_in_force(f->core));
        if (before_snapshot) {
            core_fixture_snapshot(f);
        }
        struct damage damage = damage_lose(f, RECORD_INPUT, 0, parts[i % 2]);
        start(f);
        assert_int_equal(register_version(core_register_in_force(f->core)), version);
        say(f, ISLINGTON, to_camden);
        say(f, LEEDS, to_camden);
        events += 3;
        assert_int_equal(events_of(f, CAMDEN), events);
        assert_int_equal(core_counter(f->core, COUNTER_UNREADABLE), 0);
        assert_receipts(f, ISLINGTON);
        assert_int_equal(snapshot_due(f), before_snapshot);
        mend(f, damage);
    }
    assert_int_equal(events_of(f, CAMDEN), events);
}

/* The file is of another version by now: no leaf proves it. */
static void register__lost_with_another_file_at_hand__keeps_the_broker_from_starting(void **state)
{
    struct core_fixture *f = *state;

    f->has_register_file = true;
    for (size_t i = 0; i < 2; i++) {
        struct damage damage = damage_lose(f, RECORD_INPUT, 0, PART_EVENTS);
        core_fixture_register_build(f);
        assert_int_equal(core_fixture_try_restart(f), E_CORRUPT);
        mend(f, damage);
        core_fixture_snapshot(f);
    }
}

static void record__of_another_kind_lost__keeps_the_broker_from_starting(void **state)
{
    static const uint8_t types[] = {RECORD_INPUT, RECORD_JUDGED, RECORD_DERIVED, RECORD_EPOCH};
    struct core_fixture *f = *state;

    say(f, ISLINGTON, to_camden);
    say(f, ISLINGTON, to_camden);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct damage damage = damage_lose(f, types[i], 0, PART_HEADER);
        assert_int_equal(core_fixture_try_restart(f), E_CORRUPT);
        mend(f, damage);
    }
    assert_int_equal(events_of(f, CAMDEN), 2);
}

/* ---- one bit ---- */

/* Nobody waits for anything, whatever the record is; a snapshot of that state lacks nothing. */
static void record__with_one_wrong_bit__is_read_and_told(void **state)
{
    static const uint8_t types[] = {RECORD_INPUT, RECORD_JUDGED, RECORD_ACKED, RECORD_DERIVED,
        RECORD_EPOCH, RECORD_BATCH, RECORD_ACK};
    struct core_fixture *f = *state;
    size_t events = 0;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        agent_leave(&f->agents[CAMDEN]);
        say(f, ISLINGTON, to_camden);
        struct damage damage = damage_make(f, types[i], 0, PART_HEADER, 1);
        start(f);
        assert_int_equal(events_of(f, CAMDEN), ++events);
        say(f, ISLINGTON, to_camden);
        assert_int_equal(events_of(f, CAMDEN), ++events);
        assert_int_equal(core_counter(f->core, COUNTER_UNREADABLE), 0);
        assert_receipts(f, ISLINGTON);
        assert_true(snapshot_due(f));
        mend(f, damage);
    }
    for (size_t i = 0; i < f->agents[ISLINGTON].own_count; i++) {
        assert_int_equal(f->agents[ISLINGTON].own[i].persisted, 1);
    }
}

/* Whoever gets no payload needs none: the hub is told, the recipient waits for the record that is put back. */
static void batch__whose_payload_alone_is_lost__is_told_to_a_hub(void **state)
{
    struct core_fixture *f = *state;

    agent_leave(&f->agents[CAMDEN]);
    agent_leave(&f->agents[HUB]);
    say(f, ISLINGTON, to_camden);
    struct damage damage = damage_lose(f, RECORD_BATCH, 0, PART_PAYLOAD);
    assert_int_equal(core_fixture_try_restart(f), 0);
    hello(f);
    assert_int_equal(events_of(f, HUB), 1);
    assert_int_equal(agent_got(&f->agents[HUB], WHAT_EVENT, 0)->payload_absent, 1);
    assert_int_equal(events_of(f, CAMDEN), 0);
    mend(f, damage);
    assert_int_equal(events_of(f, HUB), 1);
    assert_int_equal(events_of(f, CAMDEN), 1);
    assert_int_equal(agent_got(&f->agents[CAMDEN], WHAT_EVENT, 0)->payload_absent, 0);
}

/* It could be read; it is to be gone, and is, once the bit is right. Until then nobody is given it. */
static void erasure__of_a_payload_beside_a_wrong_bit__is_given_to_nobody(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    agent_leave(&f->agents[CAMDEN]);
    say(f, ISLINGTON, to_camden);
    struct damage damage = damage_make(f, RECORD_BATCH, 0, PART_EVENTS, 1);
    assert_int_equal(core_fixture_try_restart(f), 0);
    agent_hello(sender);
    core_fixture_settle_some(f);
    agent_erase(sender, sender->own[0].id, WAYPOST__ERASE_ACT__ERASE_DEMANDED);
    core_fixture_settle_some(f);
    assert_int_equal(f->core->erasure_count, 1);
    core_fixture_stop(f);
    assert_int_equal(core_fixture_try_restart(f), 0);
    hello(f);
    assert_false(f->core->erasures[0].erased_next);
    assert_int_equal(events_of(f, CAMDEN), 0);
    mend(f, damage);
    core_fixture_settle_some(f);
    assert_true(f->core->erasure_count == 0 || f->core->erasures[0].erased);
    assert_true(agent_got(&f->agents[CAMDEN], WHAT_EVENT, 0)->payload_absent != 0);
}

/* ---- while it lasts ---- */

/* An agent that has what cannot be read, and whose acknowledgement was lost with the broker, is no stranger. */
static void agent__that_holds_the_lost_entry__is_told_to_wait(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *camden = &f->agents[CAMDEN];

    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_verify(f);
    while (core_fixture_commit(f)) {
    }
    core_fixture_listen(f); /* delivered, and nothing acknowledged */
    assert_int_equal(events_of(f, CAMDEN), 1);
    struct damage damage = damage_lose(f, RECORD_BATCH, 0, PART_EVENTS);
    start(f);
    assert_int_equal(camden->refused, E_BUSY);
    assert_false(camden->welcomed);
    assert_int_equal(core_counter(f->core, COUNTER_DIVERGED), 0);
    say(f, ISLINGTON, to_leeds);
    assert_int_equal(events_of(f, LEEDS), 1);
    mend(f, damage);
    assert_true(camden->welcomed);
    assert_int_equal(events_of(f, CAMDEN), 1);
    assert_int_equal(f->agents[ISLINGTON].own[0].persisted, 1);
}

static void opening__of_a_lost_event__waits_with_its_agent(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *camden = &f->agents[CAMDEN];

    say(f, ISLINGTON, to_camden);
    const uint8_t *event = f->agents[ISLINGTON].own[0].id;
    struct damage damage = damage_lose(f, RECORD_BATCH, 0, PART_EVENTS);
    start(f);
    uint64_t size = journal_size(f->base.journal);
    agent_open(camden, event);
    core_fixture_settle_some(f);
    assert_int_equal(camden->refused, E_BUSY);
    assert_int_equal(journal_size(f->base.journal), size);
    mend(f, damage);
    agent_open(camden, event);
    core_fixture_settle_some(f);
    assert_int_equal(f->agents[ISLINGTON].own[0].opened, 1);
}

static void erasure__of_a_lost_payload__is_done_when_it_can_be_read(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    agent_leave(&f->agents[CAMDEN]);
    say(f, ISLINGTON, to_camden);
    agent_erase(sender, sender->own[0].id, WAYPOST__ERASE_ACT__ERASE_DEMANDED);
    (void)core_fixture_cut(f);
    assert_int_equal(journal_write(f->base.journal, f->commit), 0);
    journal_settle(f->base.journal, &f->commit); /* the broker dies before it destroys */
    struct damage damage = damage_lose(f, RECORD_BATCH, 0, PART_EVENTS);
    assert_int_equal(core_fixture_try_restart(f), 0);
    assert_int_equal(f->core->erasure_count, 1);
    assert_false(f->core->erasures[0].erased_next);
    mend(f, damage);
    core_fixture_settle_some(f);
    assert_true(f->core->erasure_count == 0 || f->core->erasures[0].erased);
    assert_true(agent_got(&f->agents[CAMDEN], WHAT_EVENT, 0)->payload_absent != 0);
}

/* That it is not found would be final, and the payload would stay. */
static void erasure__demanded_while_the_payload_is_lost__is_to_be_tried_again(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    say(f, ISLINGTON, to_camden);
    struct damage damage = damage_lose(f, RECORD_BATCH, 0, PART_EVENTS);
    start(f);
    agent_erase(sender, sender->own[0].id, WAYPOST__ERASE_ACT__ERASE_DEMANDED);
    core_fixture_settle_some(f);
    assert_int_equal(sender->refused, E_IO);
    mend(f, damage);
    agent_erase(sender, sender->own[0].id, WAYPOST__ERASE_ACT__ERASE_DEMANDED);
    core_fixture_settle_some(f);
    assert_int_equal(f->core->erasure_count, 1);
    assert_true(f->core->erasures[0].erased);
}

static void register__that_moves_what_is_lost__is_refused_and_others_are_taken(void **state)
{
    struct core_fixture *f = *state;
    struct complaint why = {0};
    struct damage damage;

    lose_a_batch(f, 1, PART_EVENTS, &damage);
    start(f);
    f->agents[LEEDS].revoked_ms = f->base.wall_ms;
    assert_int_equal(core_fixture_register(f, &why), 0);
    core_fixture_settle_some(f);
    f->agents[CAMDEN].acts_for = CODE_NOBODY;
    assert_int_equal(core_fixture_register(f, &why), E_STATE);
    mend(f, damage);
    assert_int_equal(events_of(f, CAMDEN), 3);
    assert_int_equal(core_fixture_register(f, &why), 0);
}

/* ---- the procedures ---- */

static void say_kind(struct core_fixture *f, const char *kind, const char *facts)
{
    struct fake_agent *agent = &f->agents[ISLINGTON];

    (void)agent_write_kind(agent, &ash, kind, facts, to_camden);
    agent_publish(agent, 0, 1);
    core_fixture_settle_some(f);
}

static void say_move(struct core_fixture *f)
{
    say_kind(f, "move_notified",
        "permanence=permanent retain_intention=transfer move_reason=housing door=mash");
}

static struct damage lose_a_folded_batch(struct core_fixture *f)
{
    core_fixture_procedures(f, DATA);
    say_move(f);
    assert_int_equal(agent_got(&f->agents[CAMDEN], WHAT_EVENT, 0)->verdict, 1);
    say(f, ISLINGTON, to_leeds);
    return damage_lose(f, RECORD_BATCH, 1, PART_EVENTS);
}

/* No verdict, no deadline, no tables, no snapshot without the record; its events say that nobody judged them. */
static void procedures__that_lack_a_batch__rest_until_it_is_read(void **state)
{
    struct core_fixture *f = *state;
    const struct fake_agent *camden = &f->agents[CAMDEN];
    struct complaint why = {0};
    struct damage damage = lose_a_folded_batch(f);

    start(f);
    assert_false(core_folding(f->core));
    assert_false(core_procedures_on(f->core));
    size_t faults = agent_records(&f->agents[ISLINGTON], KIND_OF(ENGINE_FAULT));
    say_kind(f, "case_closed", "closure_type=transferred");
    assert_int_equal(events_of(f, CAMDEN), 2);
    assert_int_equal(agent_got(camden, WHAT_EVENT, 1)->verdict, 0);
    assert_int_equal(agent_records(&f->agents[ISLINGTON], KIND_OF(ENGINE_FAULT)), faults + 1);
    size_t breaches = agent_records(camden, KIND_OF(DEADLINE_BREACHED));
    core_fixture_pass(f, 60 * DAY_MS);
    core_trust_clock(f->core);
    core_tick(f->core);
    core_fixture_settle_some(f);
    assert_int_equal(agent_records(camden, KIND_OF(DEADLINE_BREACHED)), breaches);
    assert_int_equal(core_procedures(f->core, slice_of("x", 1), &why), E_BUSY);
    mend(f, damage);
    assert_true(core_procedures_on(f->core));
    assert_int_equal(core_counter(f->core, COUNTER_FOLD_DIFFERENCES), 0);
    core_tick(f->core);
    core_fixture_settle_some(f);
    assert_true(agent_records(camden, KIND_OF(DEADLINE_BREACHED)) > breaches);
}

static void procedures__that_lack_no_more_than_an_acknowledgement__go_on(void **state)
{
    struct core_fixture *f = *state;

    core_fixture_procedures(f, DATA);
    say_move(f);
    struct damage damage = damage_lose(f, RECORD_ACK, 0, PART_HEADER);
    start(f);
    assert_true(core_procedures_on(f->core));
    assert_int_equal(core_counter(f->core, COUNTER_FOLD_DIFFERENCES), 0);
    mend(f, damage);
    assert_int_equal(core_counter(f->core, COUNTER_FOLD_DIFFERENCES), 0);
}

static void procedures__that_lack_what_an_acknowledgement_did__rest_until_it_is_read(void **state)
{
    struct core_fixture *f = *state;

    core_fixture_procedures(f, DATA);
    say_move(f);
    struct damage damage = damage_lose(f, RECORD_ACKED, 0, PART_HEADER);
    start(f);
    assert_false(core_procedures_on(f->core));
    say(f, ISLINGTON, to_camden);
    assert_int_equal(events_of(f, CAMDEN), 2);
    mend(f, damage);
    assert_true(core_procedures_on(f->core));
    assert_int_equal(core_counter(f->core, COUNTER_FOLD_DIFFERENCES), 0);
}

/* The transport's snapshot has it already; the procedures begin further back. */
static void procedures__that_lack_a_record_of_before_the_snapshot__rest_too(void **state)
{
    struct core_fixture *f = *state;

    core_fixture_procedures(f, DATA);
    say_move(f);
    core_fixture_snapshot(f);
    struct damage damage = damage_lose(f, RECORD_JUDGED, 0, PART_HEADER);
    start(f);
    assert_false(core_procedures_on(f->core));
    say_move(f);
    assert_int_equal(agent_got(&f->agents[CAMDEN], WHAT_EVENT, 1)->verdict, 0);
    mend(f, damage);
    assert_true(core_procedures_on(f->core));
    assert_int_equal(core_counter(f->core, COUNTER_FOLD_DIFFERENCES), 0);
}

#define LOST_TEST(name) cmocka_unit_test_setup_teardown(name, setup, core_fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        LOST_TEST(batch__lost_whole__is_known_by_its_senders_next_one),
        LOST_TEST(batch__lost_with_its_statement_whole__is_known_by_that),
        LOST_TEST(batch__lost_with_nothing_that_tells_its_sender__keeps_the_broker_from_starting),
        LOST_TEST(batch__lost_before_it_was_judged__keeps_the_broker_from_starting),
        LOST_TEST(batch__lost_and_sent_again__waits_for_its_receipt),
        LOST_TEST(batch__lost_with_an_event_for_its_sender_alone__keeps_the_broker_from_starting),
        LOST_TEST(acknowledgement__lost__holds_up_whom_it_is_to_be_shown_alone),
        LOST_TEST(acked__lost__is_worked_out_once_more),
        LOST_TEST(acked__lost_and_worked_out_otherwise__keeps_the_broker_from_starting),
        LOST_TEST(register__lost_with_its_file_at_hand__is_taken_from_that),
        LOST_TEST(register__lost_with_another_file_at_hand__keeps_the_broker_from_starting),
        LOST_TEST(record__of_another_kind_lost__keeps_the_broker_from_starting),
        LOST_TEST(record__with_one_wrong_bit__is_read_and_told),
        LOST_TEST(batch__whose_payload_alone_is_lost__is_told_to_a_hub),
        LOST_TEST(erasure__of_a_payload_beside_a_wrong_bit__is_given_to_nobody),
        LOST_TEST(agent__that_holds_the_lost_entry__is_told_to_wait),
        LOST_TEST(opening__of_a_lost_event__waits_with_its_agent),
        LOST_TEST(erasure__of_a_lost_payload__is_done_when_it_can_be_read),
        LOST_TEST(erasure__demanded_while_the_payload_is_lost__is_to_be_tried_again),
        LOST_TEST(register__that_moves_what_is_lost__is_refused_and_others_are_taken),
        LOST_TEST(procedures__that_lack_a_batch__rest_until_it_is_read),
        LOST_TEST(procedures__that_lack_what_an_acknowledgement_did__rest_until_it_is_read),
        LOST_TEST(procedures__that_lack_a_record_of_before_the_snapshot__rest_too),
        LOST_TEST(procedures__that_lack_no_more_than_an_acknowledgement__go_on),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
