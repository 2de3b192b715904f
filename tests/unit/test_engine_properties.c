/*
 * Random histories: whatever is sent, in whatever order, some things always hold. The seed is printed;
 * PROPERTY_SEED=n repeats a run,
 * PROPERTY_EVENTS=1000000 makes it long.
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

#include "common/base/banned.h"

enum {
    EVENTS_BY_DEFAULT = 20000,
    HISTORY_EVENTS = 160,
    TRANSFERS = 6,
    CHILDREN = 6,
    ENTRIES_MAX = 4000
};

static struct engine_fixture world;
static uint64_t dice;
static bool links; /* somebody says that two references are one child */

static uint64_t roll(uint64_t sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice % sides;
}

static bool chance(uint64_t percent)
{
    return roll(100) < percent;
}

static const char *const authorities[] = {
    "E09000019", "E09000007", "E08000025", "E08000029", "E08000003", "E06000019", "E08000035"};
static const char *const transfers[TRANSFERS] = {"P", "Q", "R", "S", "T", "U"};
static const char *const children[CHILDREN] = {"ash", "elm", "fir", "gum", "hop", "ivy"};
static const char *const types[] = {"cp", "cp", "cin", "lac", "early_help", "unborn"};

/* Which children a transfer has: P to S one of their own, T and U share two. */
static const char *child_in(size_t transfer)
{
    return transfer < 4 ? children[transfer] : children[4 + roll(2)];
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

/* ---- random facts ---- */

static void put_value(const struct fact_info *fact, struct buf *out)
{
    static const char *const ids[] = {"c1", "c2", "C18", "C01", "A-1", "E08000007:early_help"};
    static const char *const rules[] = {"R04", "R08", "R10", "R11", "R12", "R36", "R61", "R01"};
    char stamp[CIVIL_STAMP_BYTES];
    char date[CIVIL_DATE_BYTES];
    uint8_t id[UUID_BYTES];
    char hex[2 * UUID_BYTES + 1];

    switch (fact->type) {
    case FACT_BOOL:
        buf_put_text(out, "%s", chance(80) ? "yes" : "no");
        break;
    case FACT_INT:
        buf_put_text(out, "%u", (unsigned)(1 + roll(chance(90) ? 3 : 40)));
        break;
    case FACT_ENUM:
        buf_put_text(out, "%s", fact->values[roll(fact->value_count)]);
        break;
    case FACT_DATE:
        civil_date_text(civil_london_day(world.now_ms) + (int32_t)roll(90) - 30, date);
        buf_put_text(out, "%s", date);
        break;
    case FACT_TIME:
        civil_stamp_utc(world.now_ms - (int64_t)roll(1000) * 600000, stamp);
        buf_put_text(out, "%s", stamp);
        break;
    case FACT_CODE:
        buf_put_text(out, "%s", authorities[roll(7)]);
        break;
    case FACT_ID:
        buf_put_text(
            out, "%s", strcmp(fact->name, "rule_set_aside") == 0 ? rules[roll(8)] : ids[roll(6)]);
        break;
    case FACT_HASH:
        buf_put_text(out, "%s", chance(50) ? "one" : "two");
        break;
    default:
        fixture_id(children[roll(CHILDREN)], id);
        hex_encode(id, UUID_BYTES, hex);
        buf_put_text(out, "%s", hex);
        break;
    }
}

static void put_fact(uint32_t number, struct buf *out)
{
    const struct fact_info *fact = catalogue_fact(number);
    uint64_t values = fact->list ? 1 + roll(3) : 1;

    buf_put_text(out, "%s%s=", out->len > 0 ? " " : "", fact->name);
    for (uint64_t i = 0; i < values; i++) {
        buf_put_text(out, "%s", i > 0 ? "," : "");
        put_value(fact, out);
    }
}

/* Required facts nearly always, optional ones now and then. */
static void put_facts(const struct kind_info *kind, struct buf *out)
{
    for (const uint32_t *fact = kind->required; *fact != 0; fact++) {
        if (chance(96)) {
            put_fact(*fact, out);
        }
    }
    for (const uint32_t *fact = kind->optional; *fact != 0; fact++) {
        if (chance(30)) {
            put_fact(*fact, out);
        }
    }
    if (chance(3)) {
        put_fact(
            catalogue_fact_named(chance(50) ? "family_informed" : "lawful_basis")->number, out);
    }
    if (chance(5)) {
        buf_put_text(out, "%sto=%s", out->len > 0 ? " " : "", authorities[roll(7)]);
    }
    if (chance(10)) {
        char stamp[CIVIL_STAMP_BYTES];
        civil_stamp_utc(world.now_ms - (int64_t)roll(20 * 24) * 3600000, stamp);
        buf_put_text(out, "%soccurred=%s", out->len > 0 ? " " : "", stamp);
    }
}

/* ---- random happenings ---- */

static const char *sender_of(const struct kind_info *kind, const struct fixture_transfer *transfer)
{
    const char *role = kind->sender_role;
    bool origin =
        strcmp(role, "origin") == 0 || strcmp(role, "home") == 0 || strcmp(role, "placing") == 0;
    bool receiving = strcmp(role, "receiving") == 0 || strcmp(role, "host") == 0;

    if (chance(4)) {
        return authorities[roll(7)];
    }
    return origin || (!receiving && chance(50)) ? transfer->origin : transfer->receiving;
}

/* Kinds that move things come more often than the others. */
static const struct kind_info *some_kind(void)
{
    static const char *const busy[] = {"move_notified", "written_acceptance", "conference_held",
        "transfer_requested", "escalation_raised", "escalation_outcome", "exception_arrangement",
        "permanence_evidenced", "move_updated", "subjects_linked"};

    return chance(45) ? catalogue_kind_named(busy[roll(10)])
                      : catalogue_kind((uint32_t)(1 + roll(catalogue_kind_count())));
}

/* What ends a story comes seldom, or there would be none; in half of the histories nobody links two references. */
static const struct kind_info *kind_to_send(void)
{
    static const char *const seldom[] = {
        "child_returned", "move_ended", "move_withdrawn", "status_ended"};

    for (;;) {
        const struct kind_info *kind = some_kind();
        bool again = !links && strcmp(kind->name, "subjects_linked") == 0;
        for (size_t i = 0; i < sizeof seldom / sizeof seldom[0]; i++) {
            again = again || (strcmp(kind->name, seldom[i]) == 0 && chance(80));
        }
        if (!again) {
            return kind;
        }
    }
}

static struct fixture_event *send_something(void)
{
    size_t which = roll(TRANSFERS);
    const struct fixture_transfer *transfer = &world.transfers[which];
    const struct kind_info *kind = kind_to_send();
    struct buf facts = {0};
    char child[32];

    put_facts(kind, &facts);
    buf_put_u8(&facts, 0);
    const char *name = child_in(which);
    size_t number = 0;
    while (strcmp(children[number], name) != 0) {
        number++;
    }
    (void)snprintf(child, sizeof child, "%s:%s", name, types[number]);
    struct fixture_event *event = fixture_build(&world, sender_of(kind, transfer), kind->name,
        transfers[which], child, (const char *)facts.data);
    buf_free(&facts);
    happen((struct entry){DID_EVENT, event, "", 0});
    return event;
}

static void report_something(void)
{
    struct fixture_event *event = world.events[roll(world.event_count)];
    struct entry entry = {chance(70) ? DID_PERSIST
            : chance(50)             ? DID_OPEN
                                     : DID_ERASE,
        event, "", world.now_ms};
    const char *code = event->view.to[0].code;

    if (entry.what == DID_ERASE && chance(50)) {
        code = event->view.from;
    }
    memcpy(entry.code, code, CODE_BYTES + 1);
    happen(entry);
}

/* ---- what always holds ---- */

static int stage_of(size_t transfer, const char *child)
{
    uint8_t id[UUID_BYTES];
    uint8_t ref[UUID_BYTES];

    fixture_id(transfers[transfer], id);
    fixture_id(child, ref);
    const char *stage = engine_flag(world.engine, id, ref, "stage");
    uint64_t number = 0;
    if (stage != NULL) {
        assert_int_equal(text_parse_u64(stage, 0, 15, &number), 0);
    }
    return (int)number;
}

struct seen {
    char owner[CODE_BYTES + 1];
    int stage;
};

static void look(struct seen out[TRANSFERS][CHILDREN])
{
    for (size_t t = 0; t < TRANSFERS; t++) {
        for (size_t c = 0; c < CHILDREN; c++) {
            const char *owner = fixture_owner(&world, transfers[t], children[c], DIM_CASE);
            assert_true(strlen(owner) <= CODE_BYTES); /* never two */
            memcpy(out[t][c].owner, owner, strlen(owner) + 1);
            out[t][c].stage = stage_of(t, children[c]);
        }
    }
}

/*
 * R01: one owner; it changes by an effective acceptance, or where two records become one; stages
 * only rise but for the end.
 */
static void check_step(struct seen before[TRANSFERS][CHILDREN], const struct fixture_event *event)
{
    struct seen now[TRANSFERS][CHILDREN];
    int64_t faults = 1;
    const char *kind = event != NULL ? catalogue_kind(event->view.kind)->name : "";
    bool effective = event != NULL && event->verdicts[0] <= VERDICT_ALERT;
    bool passes = effective &&
        (strcmp(kind, "written_acceptance") == 0 || strcmp(kind, "subjects_linked") == 0);
    bool ends = effective && strcmp(kind, "escalation_resolved") == 0;

    assert_int_equal(engine_measure(world.engine, "owner_faults", &faults), 0);
    assert_int_equal(faults, 0);
    look(now);
    for (size_t t = 0; t < TRANSFERS; t++) {
        for (size_t c = 0; c < CHILDREN; c++) {
            bool known = before[t][c].owner[0] != '\0';
            if (known && !passes) {
                assert_string_equal(before[t][c].owner, now[t][c].owner);
            }
            assert_true(!known || now[t][c].owner[0] != '\0');
            assert_true(now[t][c].stage >= before[t][c].stage || ends);
        }
    }
    memcpy(before, now, sizeof now);
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

/* The same entries give the same bytes, however finely time goes by, and whoever listens. */
static void check_again(void)
{
    engine_t *again = engine_new(world.procedures, NULL, NULL);

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
    buf_free(&ours);
    buf_free(&theirs);
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
static void describe(
    const engine_t *engine, const char *transfer, const char *child, struct buf *out)
{
    uint8_t id[UUID_BYTES];
    uint8_t ref[UUID_BYTES];
    const char *owners[8];

    fixture_id(transfer, id);
    fixture_id(child, ref);
    for (size_t i = 0; engine_flag_name(i) != NULL; i++) {
        const char *value = engine_flag(engine, id, ref, engine_flag_name(i));
        buf_put_text(out, "%s=%s;", engine_flag_name(i), value != NULL ? value : "");
    }
    for (int i = 0; i < DIM_COUNT; i++) {
        size_t count = engine_owner(engine, id, ref, (enum dimension)i, owners);
        for (size_t k = 0; k < count; k++) {
            buf_put_text(out, "%s ", owners[k]);
        }
    }
    engine_clocks(engine, id, ref, put_clock, out);
    engine_outstanding(engine, id, ref, put_outstanding, out);
}

/* A child that shares nothing with others is what its own entries make of it, whatever else comes between. */
static void check_alone(size_t transfer)
{
    engine_t *alone = engine_new(world.procedures, NULL, NULL);
    uint8_t id[UUID_BYTES];
    struct buf ours = {0};
    struct buf theirs = {0};

    fixture_id(transfers[transfer], id);
    for (size_t i = 0; i < entry_count; i++) {
        if (memcmp(entries[i].event->view.transfer, id, UUID_BYTES) == 0) {
            carry_out(alone, &entries[i]);
        }
    }
    engine_advance(alone, world.now_ms);
    describe(world.engine, transfers[transfer], children[transfer], &ours);
    describe(alone, transfers[transfer], children[transfer], &theirs);
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

    world.now_ms += steps[roll(7)];
    engine_advance(world.engine, world.now_ms);
}

static void declare(void)
{
    fixture_reset(&world);
    entry_count = 0;
    for (size_t i = 0; i < TRANSFERS; i++) {
        uint64_t origin = roll(7);
        uint64_t receiving = (origin + 1 + roll(6)) % 7;
        fixture_transfer(&world, transfers[i], authorities[origin], authorities[receiving]);
    }
}

static void play_history(void)
{
    struct seen before[TRANSFERS][CHILDREN] = {{{"", 0}}};

    declare();
    for (size_t i = 0; i < HISTORY_EVENTS; i++) {
        if (i % 53 == 17) {
            fixture_reload(&world); /* the engine that folds it again never stops */
        }
        pass_time();
        look(before);
        check_step(before, send_something());
        for (uint64_t k = roll(3); k > 0; k--) {
            report_something();
            check_step(before, NULL);
        }
    }
    check_dead();
    check_again();
    for (size_t i = 0; i < 4 && !links; i++) {
        check_alone(i); /* linked, two of them may be one child */
    }
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t value = otherwise;

    if (text != NULL && text_parse_u64(text, 1, UINT32_MAX, &value) != 0) {
        fail_msg("%s=%s is no number from 1", name, text);
    }
    return value;
}

static void histories__whatever_is_sent__keep_what_is_promised(void **state)
{
    uint64_t events = number_from("PROPERTY_EVENTS", EVENTS_BY_DEFAULT);
    uint64_t seed = number_from("PROPERTY_SEED", 20260302);

    (void)state;
    print_message(
        "PROPERTY_SEED=%llu, %llu events\n", (unsigned long long)seed, (unsigned long long)events);
    for (uint64_t done = 0, history = 0; done < events; done += HISTORY_EVENTS, history++) {
        dice = (seed + history) * UINT64_C(0x9e3779b97f4a7c15) + 1;
        links = history % 2 == 0;
        play_history();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histories__whatever_is_sent__keep_what_is_promised),
    };

    fixture_open(&world);
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_close(&world);
    return failed;
}
