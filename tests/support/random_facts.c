/* random_facts: see random_facts.h. Cannot fail, but for a number of the environment that is none: the test fails. */
#include "tests/support/random_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/civil.h"
#include "common/base/words.h"

#include "common/base/banned.h"

const char *const random_authorities[RANDOM_AUTHORITIES] = {
    "E09000019", "E09000007", "E08000025", "E08000029", "E08000003", "E06000019", "E08000035"};
const char *const random_transfers[RANDOM_TRANSFERS] = {"P", "Q", "R", "S", "T", "U"};
const char *const random_children[RANDOM_CHILDREN] = {"ash", "elm", "fir", "gum", "hop", "ivy"};
const char *const random_types[RANDOM_CHILDREN] = {
    "cp", "cp", "cin", "lac", "early_help", "unborn"};

void dice_seed(struct dice *self, uint64_t seed)
{
    self->state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    self->links = seed % 2 == 0;
}

uint64_t dice_roll(struct dice *self, uint64_t sides)
{
    self->state ^= self->state << 13;
    self->state ^= self->state >> 7;
    self->state ^= self->state << 17;
    return self->state % sides;
}

bool dice_chance(struct dice *self, uint64_t percent)
{
    return dice_roll(self, 100) < percent;
}

const char *dice_child(struct dice *self, size_t transfer)
{
    return transfer < 4 ? random_children[transfer] : random_children[4 + dice_roll(self, 2)];
}

const char *dice_case_type(const char *child)
{
    size_t number = 0;

    while (strcmp(random_children[number], child) != 0) {
        number++;
    }
    return random_types[number];
}

/* ---- who sends what ---- */

const char *dice_sender(
    struct dice *self, const struct kind_info *kind, const char *origin, const char *receiving)
{
    const char *role = kind->sender_role;
    bool by_origin =
        strcmp(role, "origin") == 0 || strcmp(role, "home") == 0 || strcmp(role, "placing") == 0;
    bool by_receiving = strcmp(role, "receiving") == 0 || strcmp(role, "host") == 0;

    if (dice_chance(self, 4)) {
        return random_authorities[dice_roll(self, RANDOM_AUTHORITIES)];
    }
    return by_origin || (!by_receiving && dice_chance(self, 50)) ? origin : receiving;
}

static const struct kind_info *some_kind(struct dice *self)
{
    static const char *const busy[] = {"move_notified", "written_acceptance", "conference_held",
        "transfer_requested", "escalation_raised", "escalation_outcome", "exception_arrangement",
        "permanence_evidenced", "move_updated", "subjects_linked"};

    return dice_chance(self, 45)
        ? catalogue_kind_named(busy[dice_roll(self, sizeof busy / sizeof busy[0])])
        : catalogue_kind((uint32_t)(1 + dice_roll(self, catalogue_kind_count())));
}

const struct kind_info *dice_kind(struct dice *self)
{
    static const char *const seldom[] = {
        "child_returned", "move_ended", "move_withdrawn", "status_ended"};

    for (;;) {
        const struct kind_info *kind = some_kind(self);
        bool again = !self->links && strcmp(kind->name, "subjects_linked") == 0;
        for (size_t i = 0; i < sizeof seldom / sizeof seldom[0]; i++) {
            again = again || (strcmp(kind->name, seldom[i]) == 0 && dice_chance(self, 80));
        }
        if (!again) {
            return kind;
        }
    }
}

/* ---- facts ---- */

static void put_id(struct dice *self, const struct fact_info *fact, struct buf *out)
{
    static const char *const ids[] = {"c1", "c2", "A-1", "A-2", "E08000007:early_help"};
    static const char *const clocks[] = {"C18", "C01", "C10"};
    static const char *const rules[] = {"R04", "R08", "R10", "R11", "R12", "R36", "R61", "R01"};
    const char *id = strcmp(fact->name, "rule_set_aside") == 0 ? rules[dice_roll(self, 8)]
        : strcmp(fact->name, "clock") == 0                     ? clocks[dice_roll(self, 3)]
                                                               : ids[dice_roll(self, 5)];

    buf_put_text(out, "%s", id);
}

static void put_value(struct dice *self, const struct fact_info *fact, struct buf *out)
{
    char stamp[CIVIL_STAMP_BYTES];

    switch (fact->type) {
    case FACT_BOOL:
        buf_put_text(out, "%s", dice_chance(self, 80) ? "yes" : "no");
        break;
    case FACT_INT:
        buf_put_text(out, "%u", (unsigned)(1 + dice_roll(self, dice_chance(self, 90) ? 3 : 40)));
        break;
    case FACT_ENUM:
        buf_put_text(out, "%s", fact->values[dice_roll(self, fact->value_count)]);
        break;
    case FACT_DATE:
        civil_date_text(civil_london_day(self->now_ms) + (int32_t)dice_roll(self, 90) - 30, stamp);
        buf_put_text(out, "%s", stamp);
        break;
    case FACT_TIME:
        civil_stamp_utc(self->now_ms - (int64_t)dice_roll(self, 1000) * 600000, stamp);
        buf_put_text(out, "%s", stamp);
        break;
    case FACT_CODE:
        buf_put_text(out, "%s", random_authorities[dice_roll(self, RANDOM_AUTHORITIES)]);
        break;
    case FACT_ID:
        put_id(self, fact, out);
        break;
    case FACT_HASH:
        buf_put_text(out, "%s", dice_chance(self, 50) ? "one" : "two");
        break;
    default:
        self->reference(self, fact, out);
        break;
    }
}

static void put_fact(struct dice *self, uint32_t number, struct buf *out)
{
    const struct fact_info *fact = catalogue_fact(number);
    uint64_t values = fact->list ? 1 + dice_roll(self, 3) : 1;

    buf_put_text(out, "%s%s=", out->len > 0 ? " " : "", fact->name);
    for (uint64_t i = 0; i < values; i++) {
        buf_put_text(out, "%s", i > 0 ? "," : "");
        put_value(self, fact, out);
    }
}

void dice_facts(struct dice *self, const struct kind_info *kind, struct buf *out)
{
    for (const uint32_t *fact = kind->required; *fact != 0; fact++) {
        if (dice_chance(self, 96)) {
            put_fact(self, *fact, out);
        }
    }
    for (const uint32_t *fact = kind->optional; *fact != 0; fact++) {
        if (dice_chance(self, 30)) {
            put_fact(self, *fact, out);
        }
    }
    if (dice_chance(self, 3)) {
        const char *name = dice_chance(self, 50) ? "family_informed" : "lawful_basis";
        put_fact(self, catalogue_fact_named(name)->number, out);
    }
    if (dice_chance(self, 5)) {
        const char *to = random_authorities[dice_roll(self, RANDOM_AUTHORITIES)];
        buf_put_text(out, "%sto=%s", out->len > 0 ? " " : "", to);
    }
    if (dice_chance(self, 10)) {
        char stamp[CIVIL_STAMP_BYTES];
        civil_stamp_utc(self->now_ms - (int64_t)dice_roll(self, 20 * 24) * 3600000, stamp);
        buf_put_text(out, "%soccurred=%s", out->len > 0 ? " " : "", stamp);
    }
}

uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t value = otherwise;

    if (text != NULL && text_parse_u64(text, 1, UINT32_MAX, &value) != 0) {
        fail_msg("%s=%s is no number from 1", name, text);
    }
    return value;
}
