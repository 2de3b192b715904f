/*
 * national_year: a made-up year of moves between all English authorities, as a scenario on standard output.
 * All invented; the same seed
 * gives the same file.
 *
 *   national_year [EVENTS [SEED]]     about so many events, 1,000,000 where none is given. Runs in
 * the project's folder.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/fsio.h"
#include "common/base/words.h"

#include "common/base/banned.h"

enum {
    CODE_BYTES = 9,
    AUTHORITIES_MAX = 200,
    STEPS_MAX = 16,
    MINUTE_MS = 60000,
    CSV_BYTES_MAX = 1000000
};
enum { HOUR = 60, DAY = 24 * HOUR };

/* One event of a story: when after the one before, from which side, and what. */
struct step {
    int32_t minutes;
    char from; /* 'o' origin, 'r' receiving, '!' opened by the receiver */
    const char *what;
};

struct story {
    const char *case_type;
    uint64_t share; /* of a hundred */
    struct step steps[STEPS_MAX];
};

#define LETTER "signatory_role=conference_chair form=chair_letter letter_ref=L letter_hash=letter"
#define SET                                                                                        \
    "assessment,chair_report,conference_minutes,case_summary,chronology,invitee_list,updated_"     \
    "assessment,cp_plan"

static const struct story stories[] = {
    {"cp", 30,
        {{0, 'o',
             "sends move_notified permanence=permanent retain_intention=transfer "
             "move_reason=housing"},
            {5 * HOUR, 'r',
                "sends temporary_plan_flag action=set basis=pending_transfer_conference"},
            {20 * HOUR, 'r', "sends case_file_opened markers_added=yes"},
            {1 * DAY, 'r', "sends documents_requested documents=cp_plan,chronology"},
            {3 * DAY, 'o', "sends documents_provided declared_complete=yes documents=" SET},
            {1 * DAY, 'r', "sends documents_complete"},
            {2 * HOUR, 'r',
                "sends conference_date_set conference_type=transfer_in conference_date=2026-12-30"},
            {9 * DAY, 'r', "sends conference_held conference_type=transfer_in outcome=plan_made"},
            {2 * HOUR, 'r', "sends written_acceptance " LETTER},
            {2 * DAY, 'r', "sends minutes_sent minutes_ref=M minutes_hash=minutes"},
            {1 * DAY, 'o', "sends acceptance_letter_held letter_ref=L letter_hash=letter"},
            {1 * HOUR, 'o', "sends case_closed closure_type=transferred letter_ref=L"},
            {4 * DAY, 'r', "sends core_group_held"}}},
    {"cin", 30,
        {{0, 'o',
             "sends move_notified permanence=permanent retain_intention=transfer "
             "family_informed=yes"},
            {1 * DAY, 'r', "sends case_file_opened markers_added=yes"},
            {1 * DAY, 'o', "sends permanence_evidenced evidence=private_tenancy"},
            {2 * DAY, 'o',
                "sends documents_provided declared_complete=yes "
                "documents=assessment,cin_plan,case_summary,chronology"},
            {1 * HOUR, 'o',
                "sends transfer_requested rationale_present=yes legal_status=none "
                "family_informed=yes"},
            {8 * DAY, 'r', "sends agreed_in_principle decided_by_role=team_manager"},
            {6 * DAY, 'r', "sends written_acceptance " LETTER},
            {1 * DAY, 'o', "sends acceptance_letter_held letter_ref=L letter_hash=letter"},
            {1 * HOUR, 'o', "sends case_closed closure_type=transferred letter_ref=L"}}},
    {"cp", 15,
        {{0, 'o',
             "sends move_notified permanence=temporary retain_intention=retain "
             "placement_type=rehoused"},
            {1 * DAY, 'r',
                "sends temporary_plan_flag action=set basis=temporary_stay "
                "expected_end=2026-11-30"},
            {9 * DAY, 'o', "sends move_updated update_reason=housing_change"},
            {12 * DAY, 'o', "sends child_returned returned_on=2026-01-05"}}},
    {"early_help", 15,
        {{0, 'o',
             "sends eh_consent_recorded consent_ref=c1 consent_scope=eh_plan "
             "consent_recipients=@r:early_help consent_expires=2027-12-31"},
            {1 * HOUR, 'o',
                "sends eh_handover_sent consent_ref=c1 documents=eh_plan demographics_checked=yes"},
            {7 * DAY, 'r', "sends eh_handover_meeting_held before_move=yes"},
            {18 * DAY, 'r', "sends eh_review_completed recorded_locally=yes"}}},
    {"cin", 6,
        {{0, 'o', "sends assessment_opened assessment_type=cin"},
            {1 * DAY, 'o', "sends s47_opened"},
            {9 * DAY, 'o', "sends s47_closed s47_outcome=not_substantiated"},
            {20 * DAY, 'o', "sends assessment_closed assessment_type=cin"}}},
    {"cp", 4,
        {{0, 'r',
             "sends child_found_needing_protection found_at=2026-01-02T03:00 place_type=street"},
            {2 * HOUR, 'o',
                "sends emergency_responsibility_accepted accepted_by_role=emergency_duty "
                "accept_how=spoken"},
            {1 * DAY, 'o', "sends emergency_written_follow_up letter_ref=F letter_hash=follow"},
            {1 * HOUR, 'o', "sends home_resumed"}}},
};

static char codes[AUTHORITIES_MAX][CODE_BYTES + 1];
static size_t code_count;
static uint64_t dice;

static uint64_t roll(uint64_t sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice % sides;
}

static void read_codes(void)
{
    struct buf csv = {0};

    int rc = fsio_read_all("data/register/authorities.csv", CSV_BYTES_MAX, &csv);
    assert(rc == 0 && "run it in the project's folder");
    for (size_t at = 0; at + CODE_BYTES < csv.len && code_count < AUTHORITIES_MAX;) {
        if (csv.data[at] == 'E' && csv.data[at + CODE_BYTES] == ',') {
            memcpy(codes[code_count++], csv.data + at, CODE_BYTES);
        }
        const uint8_t *end = memchr(csv.data + at, '\n', csv.len - at);
        at = end != NULL ? (size_t)(end - csv.data) + 1 : csv.len;
    }
    buf_free(&csv);
    assert(code_count > 1);
}

/* A transfer of the year, and an event of one. */
struct transfer {
    uint8_t story, origin, receiving;
};
struct happening {
    int64_t at_ms;
    uint32_t transfer;
    uint32_t step;
};

static int by_time(const void *a, const void *b)
{
    const struct happening *left = a;
    const struct happening *right = b;

    if (left->at_ms != right->at_ms) {
        return left->at_ms < right->at_ms ? -1 : 1;
    }
    if (left->transfer != right->transfer) {
        return left->transfer < right->transfer ? -1 : 1;
    }
    return left->step < right->step ? -1 : left->step > right->step;
}

static uint8_t some_story(void)
{
    uint64_t at = roll(100);
    uint8_t story = 0;

    while (at >= stories[story].share) {
        at -= stories[story++].share;
    }
    return story;
}

/*
 * Neighbours move more than strangers: the other party is mostly near in the list, which is by code
 * and so by region.
 */
static uint8_t some_other(uint8_t origin)
{
    uint64_t step = roll(4) > 0 ? 1 + roll(8) : 1 + roll(code_count - 1);

    return (uint8_t)((origin + step) % code_count);
}

static size_t make_year(uint64_t events, struct transfer *transfers, struct happening *out)
{
    const int64_t begin_ms = INT64_C(1767571200000); /* 2026-01-05, a Monday */
    size_t count = 0;

    for (uint32_t t = 0; count < events; t++) {
        transfers[t].story = some_story();
        transfers[t].origin = (uint8_t)roll(code_count);
        transfers[t].receiving = some_other(transfers[t].origin);
        const struct step *steps = stories[transfers[t].story].steps;
        int64_t at_ms = begin_ms + (int64_t)roll(330) * CIVIL_DAY_MS +
            (8 * HOUR + (int64_t)roll(9 * HOUR)) * MINUTE_MS;
        for (uint32_t s = 0; s < STEPS_MAX && steps[s].what != NULL && count < events; s++) {
            at_ms +=
                (steps[s].minutes + (int64_t)roll((uint64_t)steps[s].minutes / 2 + 1)) * MINUTE_MS;
            out[count++] = (struct happening){at_ms, t, s};
        }
    }
    qsort(out, count, sizeof *out, by_time);
    return count;
}

/* KIND T facts, with the receiver's code for @r. */
static void print_event(const struct transfer *transfer, const struct happening *event)
{
    const struct step *step = &stories[transfer->story].steps[event->step];
    const char *who = codes[step->from == 'o' ? transfer->origin : transfer->receiving];
    const char *kind = step->what + strlen("sends ");
    size_t len = strcspn(kind, " ");
    const char *at = strstr(kind, "@r");

    printf("%s sends %.*s t%u", who, (int)len, kind, event->transfer);
    if (at != NULL) {
        printf("%.*s%s%s\n", (int)(at - kind - (ptrdiff_t)len), kind + len,
            codes[transfer->receiving], at + 2);
    } else {
        printf("%s\n", kind + len);
    }
}

static void print_year(
    const struct transfer *transfers, const struct happening *events, size_t count)
{
    char *declared = mem_new(count, 1);
    int64_t now_ms = 0;
    char stamp[CIVIL_STAMP_BYTES];

    printf("scenario \"A made-up year\"\n");
    for (size_t i = 0; i < count; i++) {
        const struct transfer *transfer = &transfers[events[i].transfer];
        if (events[i].at_ms != now_ms) {
            now_ms = events[i].at_ms;
            civil_stamp_utc(now_ms, stamp);
            printf("at %.16s+00:00\n", stamp);
        }
        if (!declared[events[i].transfer]) {
            declared[events[i].transfer] = 1;
            printf("transfer t%u origin=%s receiving=%s subjects=c%u:%s\n", events[i].transfer,
                codes[transfer->origin], codes[transfer->receiving], events[i].transfer,
                stories[transfer->story].case_type);
        }
        print_event(transfer, &events[i]);
    }
    printf("expect hub owner_faults=0\n");
    free(declared);
}

int main(int argc, char **argv)
{
    uint64_t events = 1000000;
    uint64_t seed = 2026;

    if (argc > 3 || (argc > 1 && text_parse_u64(argv[1], 1, 10000000, &events) != 0) ||
        (argc > 2 && text_parse_u64(argv[2], 1, UINT32_MAX, &seed) != 0)) {
        (void)fprintf(stderr, "usage: national_year [EVENTS [SEED]]\n");
        return 2;
    }
    dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    read_codes();
    struct transfer *transfers = mem_new(events, sizeof *transfers);
    struct happening *out = mem_new(events, sizeof *out);
    size_t count = make_year(events, transfers, out);
    print_year(transfers, out, count);
    free(transfers);
    free(out);
    return 0;
}
