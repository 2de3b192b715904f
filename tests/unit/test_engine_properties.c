/*
 * Random histories: whatever is sent, in whatever order, some things always hold. The seed is
 * printed; PROPERTY_SEED=n repeats a run, PROPERTY_HISTORIES=1000000 makes it long
 * (`make check-properties`). A history that fails is printed as the seed that plays it alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/civil.h"
#include "common/base/words.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/random_facts.h"

#include "common/base/banned.h"

enum {
    HISTORIES_BY_DEFAULT = 1500,
    SHORT_EVENTS = 32,
    LONG_EVENTS = 160, /* one history in LONG_ONE_IN */
    LONG_ONE_IN = 64,
    TRANSFERS = RANDOM_TRANSFERS,
    PAIRS = 8, /* of a transfer and a child in it */
    ENTRIES_MAX = 1000,
    INSTANTS = 4
};

static struct engine_fixture world;
static struct dice dice;
static uint64_t playing; /* number of the history */

/* The transfers and the children in them, with their ids. */
static struct pair {
    size_t transfer;
    const char *child;
    uint8_t id[UUID_BYTES];
    uint8_t ref[UUID_BYTES];
} pairs[PAIRS];

static void name_pairs(void)
{
    for (size_t i = 0; i < PAIRS; i++) {
        pairs[i].transfer = i < 4 ? i : 4 + (i - 4) / 2;
        pairs[i].child = random_children[i < 4 ? i : 4 + i % 2];
        fixture_id(random_transfers[pairs[i].transfer], pairs[i].id);
        fixture_id(pairs[i].child, pairs[i].ref);
    }
}

/* Any child, for whatever names an event or a subject. */
static void put_reference(struct dice *self, const struct fact_info *fact, struct buf *out)
{
    uint8_t id[UUID_BYTES];
    char hex[2 * UUID_BYTES + 1];

    (void)fact;
    fixture_id(random_children[dice_roll(self, RANDOM_CHILDREN)], id);
    hex_encode(id, UUID_BYTES, hex);
    buf_put_text(out, "%s", hex);
}

/* What was done to the engine, to be done again to another. */
struct entry {
    enum { DID_EVENT, DID_PERSIST, DID_OPEN, DID_ERASE } what;
    struct fixture_event *event;
    char code[CODE_BYTES + 1];
    int64_t at_ms;
};

static struct entry entries[ENTRIES_MAX];
static size_t entry_count;

static void carry_out(engine_t *engine, struct entry *entry)
{
    const uint8_t *id = entry->event->view.id;

    switch (entry->what) {
    case DID_EVENT:
        (void)fixture_fold(&world, engine, entry->event);
        break;
    case DID_PERSIST:
        engine_persisted(engine, id, entry->code, entry->at_ms);
        break;
    case DID_OPEN:
        engine_opened(engine, id, entry->code, "senior", "duty", entry->at_ms);
        break;
    case DID_ERASE:
        engine_erased(engine, id, entry->code, entry->at_ms);
        break;
    }
}

static void happen(struct entry entry)
{
    assert_true(entry_count < ENTRIES_MAX);
    entries[entry_count] = entry;
    carry_out(world.engine, &entries[entry_count++]);
}

/* ---- random happenings ---- */

static struct fixture_event *send_something(void)
{
    size_t which = dice_roll(&dice, TRANSFERS);
    const struct fixture_transfer *transfer = &world.transfers[which];
    const struct kind_info *kind = dice_kind(&dice);
    const char *sender = dice_sender(&dice, kind, transfer->origin, transfer->receiving);
    const char *name = dice_child(&dice, which);
    struct buf facts = {0};
    char child[32];

    dice.now_ms = world.now_ms;
    dice_facts(&dice, kind, &facts);
    buf_put_u8(&facts, 0);
    (void)snprintf(child, sizeof child, "%s:%s", name, dice_case_type(name));
    struct fixture_event *event = fixture_build(
        &world, sender, kind->name, random_transfers[which], child, (const char *)facts.data);
    buf_free(&facts);
    happen((struct entry){DID_EVENT, event, "", 0});
    return event;
}

/* The line that told of a duplicate: another engine is not sent it. */
static void forget_last_line(void)
{
    do {
        world.log.len--;
    } while (world.log.len > 0 && world.log.data[world.log.len - 1] != '\n');
}

/* R50: what is on record changes nothing when it comes again, at any later time. */
static void send_again(void)
{
    struct fixture_event *event = world.events[dice_roll(&dice, world.event_count)];
    const struct engine_event folded = {
        .view = &event->view, .facts = &event->facts, .accepted_ms = world.now_ms};
    uint8_t verdicts[SUBJECTS_MAX];
    bool known = event->rc == 0;

    if (known) {
        struct hash before = engine_hash(world.engine);
        assert_int_equal(engine_event(world.engine, &folded, verdicts), E_DUPLICATE);
        struct hash after = engine_hash(world.engine);
        assert_memory_equal(&before, &after, sizeof before);
        forget_last_line();
    }
}

static void report_something(void)
{
    struct fixture_event *event = world.events[dice_roll(&dice, world.event_count)];
    struct entry entry = {dice_chance(&dice, 70) ? DID_PERSIST
            : dice_chance(&dice, 50)             ? DID_OPEN
                                                 : DID_ERASE,
        event, "", world.now_ms};
    const char *code = event->view.to[0].code;

    if (entry.what == DID_ERASE && dice_chance(&dice, 50)) {
        code = event->view.from;
    }
    memcpy(entry.code, code, CODE_BYTES + 1);
    happen(entry);
}

/* ---- what always holds ---- */

struct seen {
    char owner[CODE_BYTES + 1];
    int stage;
};

static void look(struct seen out[PAIRS])
{
    for (size_t i = 0; i < PAIRS; i++) {
        const char *owners[8];
        size_t count = engine_owner(world.engine, pairs[i].id, pairs[i].ref, DIM_CASE, owners);
        const char *stage = engine_flag(world.engine, pairs[i].id, pairs[i].ref, "stage");
        uint64_t number = 0;
        assert_true(count <= 1); /* never two */
        memset(&out[i], 0, sizeof out[i]);
        if (count == 1) {
            assert_int_equal(strlen(owners[0]), CODE_BYTES);
            memcpy(out[i].owner, owners[0], CODE_BYTES);
        }
        if (stage != NULL) {
            assert_int_equal(text_parse_u64(stage, 0, 15, &number), 0);
        }
        out[i].stage = (int)number;
    }
}

/*
 * R01: one owner; it changes by an effective acceptance, or where two records become one; stages
 * only rise but for the end.
 */
static void check_step(struct seen before[PAIRS], const struct fixture_event *event)
{
    struct seen now[PAIRS];
    int64_t faults = 1;
    const char *kind = event != NULL ? catalogue_kind(event->view.kind)->name : "";
    bool effective = event != NULL && event->verdicts[0] <= VERDICT_ALERT;
    bool passes = effective &&
        (strcmp(kind, "written_acceptance") == 0 || strcmp(kind, "subjects_linked") == 0);
    bool ends = effective && strcmp(kind, "escalation_resolved") == 0;

    assert_int_equal(engine_measure(world.engine, "owner_faults", &faults), 0);
    assert_int_equal(faults, 0);
    look(now);
    for (size_t i = 0; i < PAIRS; i++) {
        bool known = before[i].owner[0] != '\0';
        if (known && !passes) {
            assert_string_equal(before[i].owner, now[i].owner);
        }
        assert_true(!known || now[i].owner[0] != '\0');
        assert_true(now[i].stage >= before[i].stage || ends);
    }
    memcpy(before, now, sizeof now);
}

/* R01 in the past: at every instant that is asked for, and for each dimension, somebody held it; for the case one. */
static void check_past(void)
{
    int64_t first_ms = world.events[0]->accepted_ms;

    for (size_t i = 0; i < PAIRS * INSTANTS; i++) {
        const struct pair *pair = &pairs[i % PAIRS];
        int64_t at_ms =
            first_ms + (int64_t)dice_roll(&dice, (uint64_t)(world.now_ms - first_ms) + 1);
        const char *owners[8];
        const char *now[8];
        if (engine_owner(world.engine, pair->id, pair->ref, DIM_CASE, now) == 0) {
            continue; /* no event of that child in that transfer */
        }
        for (int d = 0; d < DIM_COUNT; d++) {
            size_t count = engine_owner_at(
                world.engine, pair->id, pair->ref, (enum dimension)d, at_ms, owners);
            assert_true(count >= 1 && (count == 1 || d == DIM_DATA_RECORDING));
            assert_int_equal(strlen(owners[0]), CODE_BYTES);
        }
        assert_int_equal(
            engine_owner_at(world.engine, pair->id, pair->ref, DIM_CASE, world.now_ms, owners), 1);
        assert_string_equal(owners[0], now[0]);
    }
}

/* R59: what was refused, and an acceptance that was held, stays what it was. */
static void check_dead(void)
{
    uint32_t acceptance = catalogue_kind_named("written_acceptance")->number;

    for (size_t i = 0; i < world.event_count; i++) {
        const struct fixture_event *event = world.events[i];
        struct engine_verdict verdict;
        if (event->rc != 0) {
            continue;
        }
        assert_int_equal(
            engine_verdict(world.engine, event->view.id, event->view.subjects[0].ref, &verdict), 0);
        bool dead = event->verdicts[0] == VERDICT_REFUSED ||
            (event->verdicts[0] == VERDICT_HELD && event->view.kind == acceptance);
        if (dead) {
            assert_int_equal(verdict.verdict, event->verdicts[0]);
        }
    }
}

/* Fold every entry, time going by in the smallest steps, and compare state and records with those of the world. */
static void check_fold(engine_t *again, const struct engine_fixture *other)
{
    for (size_t i = 0; i < entry_count; i++) {
        int64_t at_ms =
            entries[i].what == DID_EVENT ? entries[i].event->accepted_ms : entries[i].at_ms;
        int64_t next_ms = engine_next_ms(again);
        if (next_ms < at_ms) {
            engine_advance(again, next_ms - 1);
            engine_advance(again, next_ms);
        }
        carry_out(again, &entries[i]);
    }
    engine_advance(again, world.now_ms);
    struct buf ours = {0};
    struct buf theirs = {0};
    engine_encode(world.engine, &ours);
    engine_encode(again, &theirs);
    assert_int_equal(ours.len, theirs.len);
    assert_memory_equal(ours.data, theirs.data, ours.len);
    assert_int_equal(world.log.len, other->log.len);
    assert_memory_equal(world.log.data, other->log.data, other->log.len);
    buf_free(&ours);
    buf_free(&theirs);
}

/*
 * The same entries give the same bytes and the same records: in a new engine, and in one that was cleared. The world packs
 * every case as soon as it may, these do not.
 */
static void check_again(void)
{
    struct engine_fixture other = {0};
    engine_t *again = engine_new(world.procedures, fixture_sink, &other);

    check_fold(again, &other);
    engine_clear(again);
    buf_clear(&other.log);
    check_fold(again, &other);
    buf_free(&other.log);
    engine_destroy(&again);
}

static void put_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    (void)subject;
    buf_put_text(context, "%s %d %lld %d %d;", clock->info->id, (int)clock->state,
        (long long)clock->due.runs_out_ms, clock->late, (int)clock->stopped);
}

static void put_outstanding(void *context, const char *id, int64_t since_ms)
{
    buf_put_text(context, "%s %lld;", id, (long long)since_ms);
}

/* Everything that can be asked of one child in one transfer, as text. */
static void describe(const engine_t *engine, const struct pair *pair, struct buf *out)
{
    const char *owners[8];

    for (size_t i = 0; engine_flag_name(i) != NULL; i++) {
        const char *value = engine_flag(engine, pair->id, pair->ref, engine_flag_name(i));
        buf_put_text(out, "%s=%s;", engine_flag_name(i), value != NULL ? value : "");
    }
    for (int i = 0; i < DIM_COUNT; i++) {
        size_t count = engine_owner(engine, pair->id, pair->ref, (enum dimension)i, owners);
        for (size_t k = 0; k < count; k++) {
            buf_put_text(out, "%s ", owners[k]);
        }
    }
    engine_clocks(engine, pair->id, pair->ref, put_clock, out);
    engine_outstanding(engine, pair->id, pair->ref, put_outstanding, out);
}

/*
 * Order does not count between children that share nothing: whatever comes between, and were it
 * all to come later, a child is what its own entries make of it.
 */
static void check_alone(const struct pair *pair)
{
    engine_t *alone = engine_new(world.procedures, NULL, NULL);
    struct buf ours = {0};
    struct buf theirs = {0};

    for (size_t i = 0; i < entry_count; i++) {
        if (memcmp(entries[i].event->view.transfer, pair->id, UUID_BYTES) == 0) {
            carry_out(alone, &entries[i]);
        }
    }
    engine_advance(alone, world.now_ms);
    describe(world.engine, pair, &ours);
    describe(alone, pair, &theirs);
    assert_int_equal(ours.len, theirs.len);
    assert_memory_equal(ours.data, theirs.data, ours.len);
    buf_free(&ours);
    buf_free(&theirs);
    engine_destroy(&alone);
}

static void pass_time(void)
{
    static const int64_t steps[] = {
        0, 0, 60000, 3600000, 86400000, INT64_C(5) * 86400000, INT64_C(40) * 86400000};

    world.now_ms += steps[dice_roll(&dice, 7)];
    engine_advance(world.engine, world.now_ms);
}

static void declare(void)
{
    fixture_reset(&world);
    entry_count = 0;
    for (size_t i = 0; i < TRANSFERS; i++) {
        uint64_t origin = dice_roll(&dice, RANDOM_AUTHORITIES);
        uint64_t receiving =
            (origin + 1 + dice_roll(&dice, RANDOM_AUTHORITIES - 1)) % RANDOM_AUTHORITIES;
        fixture_transfer(
            &world, random_transfers[i], random_authorities[origin], random_authorities[receiving]);
    }
}

static void play_history(void)
{
    struct seen before[PAIRS] = {{"", 0}};
    uint64_t events = playing % LONG_ONE_IN == 0 ? LONG_EVENTS : 1 + dice_roll(&dice, SHORT_EVENTS);

    declare();
    for (uint64_t i = 0; i < events; i++) {
        pass_time();
        look(before);
        check_step(before, send_something());
        for (uint64_t k = dice_roll(&dice, 3); k > 0; k--) {
            report_something();
            check_step(before, NULL);
        }
        if (dice_chance(&dice, 3)) {
            send_again();
            check_step(before, NULL);
        }
    }
    check_dead();
    check_past();
    check_again();
    if (!dice.links) { /* linked, two of them may be one child */
        check_alone(&pairs[dice_roll(&dice, 4)]);
    }
}

/* The seed that plays a failed history alone, whatever ends it. */
static int tell_seed(void **state)
{
    (void)state;
    if (playing != UINT64_MAX) {
        print_error(
            "again: PROPERTY_SEED=%llu PROPERTY_HISTORIES=1\n", (unsigned long long)playing);
    }
    return 0;
}

static void histories__whatever_is_sent__keep_what_is_promised(void **state)
{
    uint64_t histories = number_from("PROPERTY_HISTORIES", HISTORIES_BY_DEFAULT);
    uint64_t seed = number_from("PROPERTY_SEED", 20260302);
    uint64_t events = 0;

    (void)state;
    dice.reference = put_reference;
    for (uint64_t done = 0; done < histories; done++) {
        playing = seed + done;
        dice_seed(&dice, playing);
        play_history();
        events += world.event_count;
    }
    playing = UINT64_MAX;
    print_message("PROPERTY_SEED=%llu: %llu histories, %llu events\n", (unsigned long long)seed,
        (unsigned long long)histories, (unsigned long long)events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(histories__whatever_is_sent__keep_what_is_promised, tell_seed),
    };

    fixture_open(&world);
    name_pairs();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_close(&world);
    return failed;
}
