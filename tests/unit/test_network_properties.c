/*
 * Random stories through a whole network: broker, agents and hub come to the same state, a replay of
 * the journal to the same hash, and every child has one case owner after every step, whatever is
 * sent, while agents and the broker go away and come back. Of every fifty one is played among the
 * real cores too, and model and cores say the same of every child and event after every step.
 * PROPERTY_SEED=n repeats a run, PROPERTY_STORIES=62500 makes it long (`make check-properties`),
 * PROPERTY_BOTH=n plays n of them over both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/civil.h"
#include "tests/support/play.h"
#include "tests/support/random_facts.h"

#include "common/base/banned.h"

enum {
    STORIES_BY_DEFAULT = 200,
    SHARE_OF_BOTH = 50,
    EVENTS_MAX = 24,
    TRANSFERS = RANDOM_TRANSFERS
};

static struct dice dice;

/* The story as it grows, and what its parser will not take. */
static struct {
    struct buf text;
    size_t events; /* sent, each with its label e1, e2, ... */
    const char *senders[EVENTS_MAX];
    const char *openers[EVENTS_MAX]; /* who surely has it, NULL for nobody */
    size_t parties[TRANSFERS][2];
    bool away[RANDOM_AUTHORITIES];
    bool broker_down;
} story;

static void put_reference(struct dice *self, const struct fact_info *fact, struct buf *out)
{
    if (fact->type == FACT_SUBJECT) {
        buf_put_text(out, "%s", random_children[dice_roll(self, RANDOM_CHILDREN)]);
    } else {
        buf_put_text(out, "e%u", (unsigned)(1 + dice_roll(self, story.events)));
    }
}

static void declare(void)
{
    buf_put_text(&story.text, "story \"of chance\"\n");
    for (size_t i = 0; i < TRANSFERS; i++) {
        size_t origin = (size_t)dice_roll(&dice, RANDOM_AUTHORITIES);
        size_t receiving =
            (origin + 1 + (size_t)dice_roll(&dice, RANDOM_AUTHORITIES - 1)) % RANDOM_AUTHORITIES;
        story.parties[i][0] = origin;
        story.parties[i][1] = receiving;
        buf_put_text(&story.text,
            "transfer %s origin=%s receiving=%s subjects=", random_transfers[i],
            random_authorities[origin], random_authorities[receiving]);
        for (size_t c = i < 4 ? i : 4; c <= (i < 4 ? i : 5); c++) {
            buf_put_text(
                &story.text, "%s%s:%s", c == 5 ? "," : "", random_children[c], random_types[c]);
        }
        buf_put_text(&story.text, "\n");
    }
}

static void pass_time(void)
{
    static const int64_t steps[] = {
        0, 60000, 3600000, 86400000, INT64_C(5) * 86400000, INT64_C(40) * 86400000};
    char stamp[CIVIL_STAMP_BYTES];

    dice.now_ms += steps[dice_roll(&dice, sizeof steps / sizeof steps[0])];
    civil_stamp_utc(dice.now_ms, stamp);
    buf_put_text(&story.text, "at %s\n", stamp);
}

static bool is_there(const char *code)
{
    size_t authority = 0;

    while (strcmp(random_authorities[authority], code) != 0) {
        authority++;
    }
    return !story.broker_down && !story.away[authority];
}

/* The other party, where the event goes to it at once. */
static const char *opener_of(const char *sender, size_t transfer, const char *facts)
{
    const char *origin = random_authorities[story.parties[transfer][0]];
    const char *receiving = random_authorities[story.parties[transfer][1]];
    const char *other = sender == origin ? receiving : sender == receiving ? origin : NULL;
    bool elsewhere = strncmp(facts, "to=", 3) == 0 || strstr(facts, " to=") != NULL;

    return other != NULL && !elsewhere && is_there(sender) && is_there(other) ? other : NULL;
}

static void send_something(void)
{
    size_t which = (size_t)dice_roll(&dice, TRANSFERS);
    const struct kind_info *kind = dice_kind(&dice);
    const char *sender = dice_sender(&dice, kind, random_authorities[story.parties[which][0]],
        random_authorities[story.parties[which][1]]);
    struct buf facts = {0};

    if (story.events == 0) { /* a reference needs an event */
        kind = catalogue_kind_named("move_notified");
    }
    dice_facts(&dice, kind, &facts);
    buf_put_u8(&facts, 0);
    buf_put_text(&story.text, "%s sends %s %s/%s as=e%u %s\n", sender, kind->name,
        random_transfers[which], dice_child(&dice, which), (unsigned)(story.events + 1),
        (const char *)facts.data);
    story.openers[story.events] = opener_of(sender, which, (const char *)facts.data);
    story.senders[story.events++] = sender;
    buf_free(&facts);
}

static void go_or_come(size_t authority)
{
    story.away[authority] = !story.away[authority];
    buf_put_text(&story.text, "%s %s\n", random_authorities[authority],
        story.away[authority] ? "offline" : "online");
}

static void stop_or_start(void)
{
    story.broker_down = !story.broker_down;
    buf_put_text(&story.text, "broker %s\n", story.broker_down ? "stops" : "starts");
}

static void disturb(void)
{
    unsigned label = (unsigned)(1 + dice_roll(&dice, story.events));

    if (dice_chance(&dice, 15)) {
        go_or_come((size_t)dice_roll(&dice, RANDOM_AUTHORITIES));
    }
    if (dice_chance(&dice, 4)) {
        stop_or_start();
    }
    if (dice_chance(&dice, 5)) {
        buf_put_text(&story.text, "%s resends e%u\n", story.senders[label - 1], label);
    }
    if (dice_chance(&dice, 5)) {
        buf_put_text(&story.text, "erase e%u\n", label);
    }
    if (story.openers[label - 1] != NULL && dice_chance(&dice, 20)) {
        buf_put_text(
            &story.text, "%s opens e%u role=duty_manager\n", story.openers[label - 1], label);
    }
}

/* Everybody is back before it is asked whether all agree. */
static void come_back(void)
{
    if (story.broker_down) {
        stop_or_start();
    }
    for (size_t i = 0; i < RANDOM_AUTHORITIES; i++) {
        if (story.away[i]) {
            go_or_come(i);
        }
    }
    buf_put_text(&story.text, "expect hub owner_faults=0\n");
}

static void play_one(enum play_over over, uint64_t seed)
{
    size_t stories = 0;

    memset(&story, 0, sizeof story);
    dice_seed(&dice, seed);
    assert_int_equal(civil_time_parse("2026-03-02T09:00", &dice.now_ms), 0);
    declare();
    for (uint64_t left = 1 + dice_roll(&dice, EVENTS_MAX); left > 0; left--) {
        pass_time();
        send_something();
        disturb();
    }
    come_back();
    if (play_stories(over, "story", buf_slice(&story.text), &stories) != 0) {
        (void)fwrite(story.text.data, 1, story.text.len, stderr); /* print_error() ends at 1 KiB */
        fail_msg("again: PROPERTY_SEED=%llu PROPERTY_STORIES=1", (unsigned long long)seed);
    }
    buf_free(&story.text);
}

static void play_many(enum play_over over, uint64_t stories)
{
    uint64_t seed = number_from("PROPERTY_SEED", 20260302);

    dice.reference = put_reference;
    for (uint64_t i = 0; i < stories; i++) {
        play_one(over, seed + i);
    }
    print_message("PROPERTY_SEED=%llu: %llu stories\n", (unsigned long long)seed,
        (unsigned long long)stories);
}

static void networks__whatever_is_sent__agree(void **state)
{
    (void)state;
    play_many(PLAY_MODEL, number_from("PROPERTY_STORIES", STORIES_BY_DEFAULT));
}

static void cores__whatever_is_sent__say_what_the_model_says(void **state)
{
    uint64_t stories = number_from("PROPERTY_STORIES", STORIES_BY_DEFAULT);

    (void)state;
    play_many(PLAY_BOTH, number_from("PROPERTY_BOTH", 1 + stories / SHARE_OF_BOTH));
}

static int open_data(void **state)
{
    (void)state;
    return play_open();
}

static int close_data(void **state)
{
    (void)state;
    play_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks__whatever_is_sent__agree),
        cmocka_unit_test(cores__whatever_is_sent__say_what_the_model_says),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, open_data, close_data);
}
