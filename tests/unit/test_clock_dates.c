/*
 * Tests of every clock by dates: the day before, on the day, the day after, over Christmas, Easter, a bank
 * holiday that came once, both changes of the clocks and 29 February; and by everything that ends it. The dates
 * and endings are written out, not worked out; a clock without a recipe, or a limit without dates, fails.
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
#include "tests/support/engine_fixture.h"

#include "common/base/banned.h"

enum { ACTS_MAX = 5, HOUR_MS = 3600000, MINUTE_MS = 60000, FACTS_BYTES = 256 };

static struct engine_fixture world;

/* ---- the dates ---- */

enum dated_case {
    CASE_PLAIN,
    CASE_CHRISTMAS,
    CASE_EASTER,
    CASE_ONE_OFF, /* the coronation, 8 May 2023 */
    CASE_SPRING,  /* 29 March 2026: 01:00 becomes 02:00 */
    CASE_AUTUMN,  /* 25 October 2026: 02:00 becomes 01:00 */
    CASE_LEAP,    /* 29 February 2024 */
    CASES
};

/* What a limit makes of a start. */
struct dated {
    enum limit_unit unit;
    int32_t count;
    enum dated_case what;
    const char *start;    /* London time */
    const char *due;      /* the day, or the instant */
    const char *runs_out; /* the instant */
    int32_t late;         /* ten hours after: working days, days or minutes, by the unit */
};

static const struct dated dates[] = {
    {LIMIT_WD, 1, CASE_PLAIN, "2026-06-03T10:00", "2026-06-04", "2026-06-05T00:00", 1},
    {LIMIT_WD, 1, CASE_CHRISTMAS, "2025-12-24T10:00", "2025-12-29", "2025-12-30T00:00", 1},
    {LIMIT_WD, 1, CASE_EASTER, "2026-04-02T10:00", "2026-04-07", "2026-04-08T00:00", 1},
    {LIMIT_WD, 1, CASE_ONE_OFF, "2023-05-05T10:00", "2023-05-09", "2023-05-10T00:00", 1},
    {LIMIT_WD, 1, CASE_SPRING, "2026-03-28T10:00", "2026-03-30", "2026-03-31T00:00", 1},
    {LIMIT_WD, 1, CASE_AUTUMN, "2026-10-24T10:00", "2026-10-26", "2026-10-27T00:00", 1},
    {LIMIT_WD, 1, CASE_LEAP, "2024-02-28T10:00", "2024-02-29", "2024-03-01T00:00", 1},
    {LIMIT_WD, 5, CASE_PLAIN, "2026-06-03T10:00", "2026-06-10", "2026-06-11T00:00", 1},
    {LIMIT_WD, 5, CASE_CHRISTMAS, "2025-12-22T10:00", "2025-12-31", "2026-01-01T00:00", 0},
    {LIMIT_WD, 5, CASE_EASTER, "2026-03-31T10:00", "2026-04-09", "2026-04-10T00:00", 1},
    {LIMIT_WD, 5, CASE_ONE_OFF, "2023-05-04T10:00", "2023-05-12", "2023-05-13T00:00", 0},
    {LIMIT_WD, 5, CASE_SPRING, "2026-03-28T10:00", "2026-04-07", "2026-04-08T00:00", 1},
    {LIMIT_WD, 5, CASE_AUTUMN, "2026-10-24T10:00", "2026-10-30", "2026-10-31T00:00", 0},
    {LIMIT_WD, 5, CASE_LEAP, "2024-02-22T10:00", "2024-02-29", "2024-03-01T00:00", 1},
    {LIMIT_WD, 10, CASE_PLAIN, "2026-06-03T10:00", "2026-06-17", "2026-06-18T00:00", 1},
    {LIMIT_WD, 10, CASE_CHRISTMAS, "2025-12-22T10:00", "2026-01-08", "2026-01-09T00:00", 1},
    {LIMIT_WD, 10, CASE_EASTER, "2026-03-31T10:00", "2026-04-16", "2026-04-17T00:00", 1},
    {LIMIT_WD, 10, CASE_ONE_OFF, "2023-05-04T10:00", "2023-05-19", "2023-05-20T00:00", 0},
    {LIMIT_WD, 10, CASE_SPRING, "2026-03-28T10:00", "2026-04-14", "2026-04-15T00:00", 1},
    {LIMIT_WD, 10, CASE_AUTUMN, "2026-10-24T10:00", "2026-11-06", "2026-11-07T00:00", 0},
    {LIMIT_WD, 10, CASE_LEAP, "2024-02-15T10:00", "2024-02-29", "2024-03-01T00:00", 1},
    {LIMIT_WD, 15, CASE_PLAIN, "2026-06-03T10:00", "2026-06-24", "2026-06-25T00:00", 1},
    {LIMIT_WD, 15, CASE_CHRISTMAS, "2025-12-22T10:00", "2026-01-15", "2026-01-16T00:00", 1},
    {LIMIT_WD, 15, CASE_EASTER, "2026-03-31T10:00", "2026-04-23", "2026-04-24T00:00", 1},
    {LIMIT_WD, 15, CASE_ONE_OFF, "2023-05-04T10:00", "2023-05-26", "2023-05-27T00:00", 0},
    {LIMIT_WD, 15, CASE_SPRING, "2026-03-28T10:00", "2026-04-21", "2026-04-22T00:00", 1},
    {LIMIT_WD, 15, CASE_AUTUMN, "2026-10-24T10:00", "2026-11-13", "2026-11-14T00:00", 0},
    {LIMIT_WD, 15, CASE_LEAP, "2024-02-08T10:00", "2024-02-29", "2024-03-01T00:00", 1},
    {LIMIT_WD, 45, CASE_PLAIN, "2026-06-03T10:00", "2026-08-05", "2026-08-06T00:00", 1},
    {LIMIT_WD, 45, CASE_CHRISTMAS, "2025-12-22T10:00", "2026-02-26", "2026-02-27T00:00", 1},
    {LIMIT_WD, 45, CASE_EASTER, "2026-03-31T10:00", "2026-06-08", "2026-06-09T00:00", 1},
    {LIMIT_WD, 45, CASE_ONE_OFF, "2023-05-04T10:00", "2023-07-10", "2023-07-11T00:00", 1},
    {LIMIT_WD, 45, CASE_SPRING, "2026-03-28T10:00", "2026-06-04", "2026-06-05T00:00", 1},
    {LIMIT_WD, 45, CASE_AUTUMN, "2026-10-24T10:00", "2026-12-29", "2026-12-30T00:00", 1},
    {LIMIT_WD, 45, CASE_LEAP, "2024-01-12T10:00", "2024-03-15", "2024-03-16T00:00", 0},
    {LIMIT_H, 48, CASE_PLAIN, "2026-06-03T10:00", "2026-06-05T10:00", "2026-06-05T10:00", 600},
    {LIMIT_H, 48, CASE_CHRISTMAS, "2025-12-24T10:00", "2025-12-26T10:00", "2025-12-26T10:00", 600},
    {LIMIT_H, 48, CASE_EASTER, "2026-04-02T10:00", "2026-04-04T10:00", "2026-04-04T10:00", 600},
    {LIMIT_H, 48, CASE_ONE_OFF, "2023-05-05T10:00", "2023-05-07T10:00", "2023-05-07T10:00", 600},
    {LIMIT_H, 48, CASE_SPRING, "2026-03-28T10:00", "2026-03-30T11:00", "2026-03-30T11:00", 600},
    {LIMIT_H, 48, CASE_AUTUMN, "2026-10-24T10:00", "2026-10-26T09:00", "2026-10-26T09:00", 600},
    {LIMIT_H, 48, CASE_LEAP, "2024-02-27T10:00", "2024-02-29T10:00", "2024-02-29T10:00", 600},
    {LIMIT_MIN, 15, CASE_PLAIN, "2026-06-03T10:00", "2026-06-03T10:15", "2026-06-03T10:15", 600},
    {LIMIT_MIN, 15, CASE_CHRISTMAS, "2025-12-22T10:00", "2025-12-22T10:15", "2025-12-22T10:15",
        600},
    {LIMIT_MIN, 15, CASE_EASTER, "2026-03-31T10:00", "2026-03-31T10:15", "2026-03-31T10:15", 600},
    {LIMIT_MIN, 15, CASE_ONE_OFF, "2023-05-04T10:00", "2023-05-04T10:15", "2023-05-04T10:15", 600},
    {LIMIT_MIN, 15, CASE_SPRING, "2026-03-29T00:50", "2026-03-29T02:05", "2026-03-29T02:05", 600},
    {LIMIT_MIN, 15, CASE_AUTUMN, "2026-10-25T00:50", "2026-10-25T01:05+01:00",
        "2026-10-25T01:05+01:00", 600},
    {LIMIT_MIN, 15, CASE_LEAP, "2024-02-28T23:50", "2024-02-29T00:05", "2024-02-29T00:05", 600},
    {LIMIT_DX, 28, CASE_PLAIN, "2026-06-03T10:00", "2026-06-30", "2026-07-01T00:00", 1},
    {LIMIT_DX, 28, CASE_CHRISTMAS, "2025-12-22T10:00", "2026-01-18", "2026-01-19T00:00", 1},
    {LIMIT_DX, 28, CASE_EASTER, "2026-03-31T10:00", "2026-04-27", "2026-04-28T00:00", 1},
    {LIMIT_DX, 28, CASE_ONE_OFF, "2023-05-04T10:00", "2023-05-31", "2023-06-01T00:00", 1},
    {LIMIT_DX, 28, CASE_SPRING, "2026-03-28T10:00", "2026-04-24", "2026-04-25T00:00", 1},
    {LIMIT_DX, 28, CASE_AUTUMN, "2026-10-24T10:00", "2026-11-20", "2026-11-21T00:00", 1},
    {LIMIT_DX, 28, CASE_LEAP, "2024-02-02T10:00", "2024-02-29", "2024-03-01T00:00", 1},
    {LIMIT_D, 28, CASE_PLAIN, "2026-06-03T10:00", "2026-07-01", "2026-07-02T00:00", 1},
    {LIMIT_D, 28, CASE_CHRISTMAS, "2025-12-22T10:00", "2026-01-19", "2026-01-20T00:00", 1},
    {LIMIT_D, 28, CASE_EASTER, "2026-03-31T10:00", "2026-04-28", "2026-04-29T00:00", 1},
    {LIMIT_D, 28, CASE_ONE_OFF, "2023-05-04T10:00", "2023-06-01", "2023-06-02T00:00", 1},
    {LIMIT_D, 28, CASE_SPRING, "2026-03-28T10:00", "2026-04-25", "2026-04-26T00:00", 1},
    {LIMIT_D, 28, CASE_AUTUMN, "2026-10-24T10:00", "2026-11-21", "2026-11-22T00:00", 1},
    {LIMIT_D, 28, CASE_LEAP, "2024-02-01T10:00", "2024-02-29", "2024-03-01T00:00", 1},
    {LIMIT_MONTHS, 3, CASE_PLAIN, "2026-06-03T10:00", "2026-09-03", "2026-09-04T00:00", 1},
    {LIMIT_MONTHS, 3, CASE_CHRISTMAS, "2025-12-22T10:00", "2026-03-22", "2026-03-23T00:00", 1},
    {LIMIT_MONTHS, 3, CASE_EASTER, "2026-03-31T10:00", "2026-06-30", "2026-07-01T00:00", 1},
    {LIMIT_MONTHS, 3, CASE_ONE_OFF, "2023-05-04T10:00", "2023-08-04", "2023-08-05T00:00", 1},
    {LIMIT_MONTHS, 3, CASE_SPRING, "2026-03-28T10:00", "2026-06-28", "2026-06-29T00:00", 1},
    {LIMIT_MONTHS, 3, CASE_AUTUMN, "2026-10-24T10:00", "2027-01-24", "2027-01-25T00:00", 1},
    {LIMIT_MONTHS, 3, CASE_LEAP, "2023-11-30T10:00", "2024-02-29", "2024-03-01T00:00", 1},
    {LIMIT_MONTHS, 6, CASE_PLAIN, "2026-06-03T10:00", "2026-12-03", "2026-12-04T00:00", 1},
    {LIMIT_MONTHS, 6, CASE_CHRISTMAS, "2025-12-22T10:00", "2026-06-22", "2026-06-23T00:00", 1},
    {LIMIT_MONTHS, 6, CASE_EASTER, "2026-03-31T10:00", "2026-09-30", "2026-10-01T00:00", 1},
    {LIMIT_MONTHS, 6, CASE_ONE_OFF, "2023-05-04T10:00", "2023-11-04", "2023-11-05T00:00", 1},
    {LIMIT_MONTHS, 6, CASE_SPRING, "2026-03-28T10:00", "2026-09-28", "2026-09-29T00:00", 1},
    {LIMIT_MONTHS, 6, CASE_AUTUMN, "2026-10-24T10:00", "2027-04-24", "2027-04-25T00:00", 1},
    {LIMIT_MONTHS, 6, CASE_LEAP, "2023-08-31T10:00", "2024-02-29", "2024-03-01T00:00", 1},
    {LIMIT_DATE, 0, CASE_PLAIN, "2026-06-03T10:00", "2026-06-10", "2026-06-11T00:00", 1},
    {LIMIT_DATE, 0, CASE_CHRISTMAS, "2025-12-22T10:00", "2025-12-25", "2025-12-26T00:00", 1},
    {LIMIT_DATE, 0, CASE_EASTER, "2026-03-31T10:00", "2026-04-03", "2026-04-04T00:00", 1},
    {LIMIT_DATE, 0, CASE_ONE_OFF, "2023-05-04T10:00", "2023-05-08", "2023-05-09T00:00", 1},
    {LIMIT_DATE, 0, CASE_SPRING, "2026-03-28T10:00", "2026-03-29", "2026-03-30T00:00", 1},
    {LIMIT_DATE, 0, CASE_AUTUMN, "2026-10-24T10:00", "2026-10-25", "2026-10-26T00:00", 1},
    {LIMIT_DATE, 0, CASE_LEAP, "2024-02-26T10:00", "2024-02-29", "2024-03-01T00:00", 1},
};

/* ---- what starts and stops each clock ---- */

struct act {
    const char *from;
    const char *kind; /* NULL: nothing, or what the recipe says in its place */
    const char *facts;
};

struct recipe {
    const char *id;
    const char *origin, *receiving;
    const char *child;
    struct act before[ACTS_MAX]; /* what must have happened, at the time of the start */
    struct act start;
    const char *
        fact; /* of the start: takes the start (C26 apart) or the due date as its value, NULL for none */
    struct act after[ACTS_MAX]; /* what must follow before it runs out */
    struct act stop;
    enum clock_state stopped; /* by stop, in time */
    const char *ended_by;     /* kinds of the table of endings, any of which cancels it */
    bool untold;              /* the start is persisted nowhere, and persisting is the stop */
};

#define ISL "E09000019"
#define CAM "E09000007"
#define BHM "E08000025"
#define SOL "E08000029"
#define MAN "E08000003"
#define STO "E08000007"

#define REQUEST "rationale_present=yes legal_status=none legal_advice_ref=A-1 family_informed=yes"
#define HEADS "raised_by_role=head_of_service counterpart_role=head_of_service"
#define DIRECTORS "raised_by_role=assistant_director counterpart_role=assistant_director"
#define REASONS "rationale_present=yes disagreement_areas=timing"
#define SET "documents=cp_plan,conference_minutes,assessment,chronology,case_summary"
#define CONSENT                                                                                    \
    "consent_ref=c1 consent_scope=eh_plan consent_recipients=" STO                                 \
    ":early_help consent_expires=2030-01-01"

#define REQUESTED                                                                                  \
    {                                                                                              \
        BHM, "transfer_requested", REQUEST                                                         \
    }
#define RAISED_1                                                                                   \
    {                                                                                              \
        BHM, "escalation_raised", "stage=1 " HEADS " " REASONS                                     \
    }
#define CONFERENCE                                                                                 \
    {                                                                                              \
        CAM, "conference_held", "conference_type=transfer_in outcome=plan_made"                    \
    }
#define REVIEW                                                                                     \
    {                                                                                              \
        CAM, "conference_held", "conference_type=review outcome=plan_continues"                    \
    }
#define OUTCOME_1(who)                                                                             \
    {                                                                                              \
        who, "escalation_outcome", "stage=1 outcome_decision=move_up rationale_present=yes"        \
    }
#define NOTICE(facts)                                                                              \
    {                                                                                              \
        ISL, "move_notified", facts                                                                \
    }
#define PERMANENT                                                                                  \
    {                                                                                              \
        ISL, "move_updated", "permanence=permanent"                                                \
    }

/* ---- what ends clocks; `from` is the origin's ORIGIN or the receiver's RECEIVING ---- */

#define ORIGIN NULL
#define RECEIVING ""

static const struct act endings[] = {
    {ORIGIN, "child_returned", "returned_on=2026-06-03"},
    {ORIGIN, "move_ended", "ended_on=2026-06-03"},
    {ORIGIN, "move_withdrawn", "withdraw_reason=did_not_move"},
    {ORIGIN, "status_ended", "end_status=age_18"},
    {ORIGIN, "responsibility_retained", "ground=relatives decider_role=team_manager"},
    {ORIGIN, "transfer_withdrawn", "withdraw_reason=no_longer_needed"},
    {RECEIVING, "escalation_resolved", "final_outcome=retain final_decider_role=head_of_service"},
    {ORIGIN, "consent_withdrawn", "consent_ref=c1"},
    {RECEIVING, "eh_stepped_up", "new_case_type=cin"},
    {RECEIVING, "temporary_plan_flag", "action=clear"},
    {ORIGIN, "s47_closed", "s47_outcome=not_substantiated"},
};

#define MOVE_OVER "child_returned move_ended move_withdrawn"
#define ALL_OVER MOVE_OVER " status_ended"

static const struct recipe recipes[] = {
    {"C01", ISL, CAM, "ash:cp", .start = NOTICE("permanence=permanent retain_intention=transfer"),
        .stop = CONFERENCE, .stopped = CLOCK_MET, .ended_by = ALL_OVER " responsibility_retained"},
    {"C02", ISL, CAM, "ash:cp",
        .before = {{ISL, "documents_provided", "declared_complete=no " SET}},
        .start = {CAM, "documents_complete", ""}, .fact = "finished_at", .stop = CONFERENCE,
        .stopped = CLOCK_MET, .ended_by = ALL_OVER " responsibility_retained"},
    {"C03", ISL, CAM, "ash:cp", .start = {ISL, "documents_provided", "declared_complete=yes " SET},
        .stop = CONFERENCE, .stopped = CLOCK_MET, .ended_by = ALL_OVER " responsibility_retained"},
    {"C04", ISL, CAM, "ash:cp", .start = {ISL, "conference_requested", "conference_type=review"},
        .stop = REVIEW, .stopped = CLOCK_MET, .ended_by = ALL_OVER " responsibility_retained"},
    {"C05", ISL, CAM, "ash:cp", .start = {ISL, "documents_provided", "declared_complete=no " SET},
        .after = {{CAM, "documents_challenged",
            "challenged_items=chronology challenge_reason=missing"}},
        .stop = {CAM, "documents_challenge_resolved", "resolution=supplied"}, .stopped = CLOCK_MET,
        .ended_by = ALL_OVER},
    {"C06", ISL, CAM, "ash:cp",
        .start = {CAM, "documents_challenged",
            "challenged_items=sw_report challenge_reason=inadequate about=report"},
        .stop = {CAM, "documents_challenge_resolved", "resolution=supplied about=report"},
        .stopped = CLOCK_MET, .ended_by = ALL_OVER},
    {"C07", ISL, CAM, "ash:cp",
        .start = {ISL, "retention_discussion_held", "participant_roles=service_manager"},
        .fact = "discussion_at",
        .after = {{CAM, "retention_agreement_signed", "agreement_ref=A-1 agreement_hash=a"}},
        .stop = {ISL, "retention_agreement_signed", "agreement_ref=A-1 agreement_hash=a"},
        .stopped = CLOCK_MET, .ended_by = ALL_OVER},
    {"C08", ISL, CAM, "ash:cp",
        .start = NOTICE("permanence=temporary retain_intention=retain placement_type=rehoused"),
        .stop = PERMANENT, .stopped = CLOCK_CANCELLED, .ended_by = ALL_OVER},
    {"C09", ISL, CAM, "ash:cp",
        .start = NOTICE("permanence=temporary retain_intention=retain placement_type=exploitation"),
        .stop = PERMANENT, .stopped = CLOCK_CANCELLED, .ended_by = ALL_OVER},
    {"C10", BHM, SOL, "ash:cin", .start = REQUESTED,
        .stop = {SOL, "agreed_in_principle", "decided_by_role=team_manager"}, .stopped = CLOCK_MET,
        .ended_by = ALL_OVER " transfer_withdrawn"},
    {"C11", BHM, SOL, "ash:cin", .before = {REQUESTED}, .start = RAISED_1, .stop = OUTCOME_1(SOL),
        .stopped = CLOCK_MET, .ended_by = ALL_OVER},
    {"C12", BHM, SOL, "ash:cin", .before = {REQUESTED, RAISED_1, OUTCOME_1(BHM)},
        .start = {BHM, "escalation_raised", "stage=2 " DIRECTORS " " REASONS},
        .stop = {SOL, "escalation_outcome",
            "stage=2 outcome_decision=retain rationale_present=yes"},
        .stopped = CLOCK_MET, .ended_by = ALL_OVER},
    {"C13", BHM, SOL, "ash:cin",
        .before = {REQUESTED, RAISED_1, OUTCOME_1(BHM),
            {BHM, "escalation_raised", "stage=2 " DIRECTORS " " REASONS},
            {SOL, "escalation_outcome", "stage=2 outcome_decision=move_up rationale_present=yes"}},
        .start = {BHM, "escalation_raised",
            "stage=3 raised_by_role=director_of_practice "
            "counterpart_role=director_childrens_services " REASONS},
        .stop = {SOL, "escalation_outcome",
            "stage=3 outcome_decision=retain rationale_present=yes"},
        .stopped = CLOCK_MET, .ended_by = ALL_OVER},
    {"C15", MAN, STO, "ash:early_help", .before = {{MAN, "eh_consent_recorded", CONSENT}},
        .start = {MAN, "eh_handover_sent", "consent_ref=c1 documents=eh_plan"},
        .stop = {STO, "eh_review_completed", "recorded_locally=yes"}, .stopped = CLOCK_MET,
        .ended_by = ALL_OVER " consent_withdrawn eh_stepped_up"},
    {"C17", ISL, CAM, "ash:cin", .start = NOTICE("permanence=unknown retain_intention=undecided"),
        .stop = {CAM, "case_file_opened", "markers_added=yes"}, .stopped = CLOCK_MET,
        .ended_by = ALL_OVER},
    {"C18", ISL, CAM, "ash:cin", .start = {ISL, "assessment_opened", "assessment_type=cin"},
        .fact = "referral_at", .stop = {ISL, "assessment_closed", "assessment_type=cin"},
        .stopped = CLOCK_MET, .ended_by = "status_ended"},
    {"C19", ISL, CAM, "ash:cin", .start = {ISL, "s47_opened", ""}, .fact = "strategy_at",
        .stop = CONFERENCE, .stopped = CLOCK_MET, .ended_by = "status_ended s47_closed"},
    {"C20", ISL, CAM, "ash:cp", .start = CONFERENCE, .stop = {CAM, "core_group_held", ""},
        .stopped = CLOCK_MET, .ended_by = "status_ended"},
    {"C21", ISL, CAM, "ash:cp", .start = CONFERENCE, .stop = REVIEW, .stopped = CLOCK_MET,
        .ended_by = "status_ended"},
    {"C22", ISL, CAM, "ash:cp", .start = REVIEW,
        .stop = {CAM, "conference_held", "conference_type=review outcome=plan_ended"},
        .stopped = CLOCK_MET, .ended_by = "status_ended"},
    {"C26", ISL, CAM, "ash:cp",
        .start = {ISL, "emergency_responsibility_accepted",
            "accepted_by_role=emergency_duty accept_how=spoken"},
        .stop = {ISL, "emergency_written_follow_up", "letter_ref=L-1 letter_hash=one"},
        .stopped = CLOCK_MET, .ended_by = "status_ended"},
    {"C27", MAN, STO, "ash:early_help",
        .before = {{MAN, "eh_consent_recorded", CONSENT},
            {MAN, "eh_handover_sent", "consent_ref=c1 documents=eh_plan"}},
        .start = {MAN, "consent_withdrawn", "consent_ref=c1"}},
    {"G01", ISL, CAM, "ash:cp",
        .start = {CAM, "temporary_plan_flag", "action=set basis=temporary_stay"},
        .fact = "expected_end", .stop = PERMANENT, .stopped = CLOCK_CANCELLED,
        .ended_by = ALL_OVER " temporary_plan_flag"},
    {"G02", BHM, SOL, "ash:cin", .before = {REQUESTED, RAISED_1}, .start = OUTCOME_1(BHM),
        .stop = OUTCOME_1(SOL), .stopped = CLOCK_MET, .ended_by = ALL_OVER " escalation_resolved"},
    {"G03", ISL, CAM, "ash:cp",
        .start = {CAM, "child_found_needing_protection", "place_type=street"}, .fact = "found_at",
        .stop = {ISL, NULL, NULL}, .stopped = CLOCK_MET, .untold = true},
};

enum { RECIPES = sizeof recipes / sizeof recipes[0], DATES = sizeof dates / sizeof dates[0] };

static const struct recipe *recipe_of(const char *id)
{
    for (size_t i = 0; i < RECIPES; i++) {
        if (strcmp(recipes[i].id, id) == 0) {
            return &recipes[i];
        }
    }
    return NULL;
}

static const struct dated *dated_of(struct limit limit, enum dated_case what)
{
    for (size_t i = 0; i < DATES; i++) {
        if (dates[i].unit == limit.unit && dates[i].count == limit.count && dates[i].what == what) {
            return &dates[i];
        }
    }
    return NULL;
}

/* ---- doing it ---- */

static void at(int64_t now_ms)
{
    world.now_ms = now_ms;
    engine_advance(world.engine, now_ms);
}

static int64_t instant(const char *text)
{
    int64_t out_ms = 0;

    assert_int_equal(civil_time_parse(text, &out_ms), 0);
    return out_ms;
}

static void act(const struct recipe *recipe, const struct act *what)
{
    const struct fixture_event *event =
        fixture_told(&world, what->from, what->kind, "T", recipe->child, what->facts);

    if (event->verdicts[0] != VERDICT_EFFECTIVE && event->verdicts[0] != VERDICT_ALERT) {
        fail_msg("%s: %s has no effect", recipe->id, what->kind);
    }
}

static void acts(const struct recipe *recipe, const struct act *list)
{
    for (size_t i = 0; i < ACTS_MAX && list[i].kind != NULL; i++) {
        act(recipe, &list[i]);
    }
}

/* Declared, and everything up to the start: what the clock counts from is the start of the dates. */
static void begin(const struct recipe *recipe, const struct dated *dated)
{
    char facts[FACTS_BYTES];
    const char *value = recipe->fact == NULL ? ""
        : dated->unit == LIMIT_DATE          ? dated->due
                                             : dated->start;

    fixture_reset_at(&world, "2023-02-01T00:00"); /* London's profile counts from that day */
    fixture_transfer(&world, "T", recipe->origin, recipe->receiving);
    at(instant(dated->start));
    acts(recipe, recipe->before);
    (void)snprintf(facts, sizeof facts, "%s%s%s%s%s", recipe->start.facts,
        recipe->fact != NULL && recipe->start.facts[0] != '\0' ? " " : "",
        recipe->fact != NULL ? recipe->fact : "", recipe->fact != NULL ? "=" : "", value);
    const struct act start = {recipe->start.from, recipe->start.kind, facts};
    if (recipe->untold) {
        (void)fixture_send(&world, start.from, start.kind, "T", recipe->child, start.facts);
    } else {
        act(recipe, &start);
    }
    acts(recipe, recipe->after);
}

static void stop(const struct recipe *recipe)
{
    if (!recipe->untold) {
        act(recipe, &recipe->stop);
        return;
    }
    engine_persisted(world.engine, world.events[world.event_count - 1]->view.id, recipe->stop.from,
        world.now_ms);
}

static struct engine_clock clock_now(const struct recipe *recipe)
{
    struct engine_clock clock;

    if (!fixture_clock(&world, "T", "ash", recipe->id, &clock)) {
        fail_msg("%s did not start", recipe->id);
    }
    return clock;
}

static void must(
    bool good, const struct recipe *recipe, const struct dated *dated, const char *what)
{
    if (!good) {
        fail_msg("%s started %s, due %s: %s", recipe->id, dated->start, dated->due, what);
    }
}

static bool due_as_written(const struct engine_clock *clock, const struct dated *dated)
{
    char day[CIVIL_DATE_BYTES];

    civil_date_text(clock->due.due_day, day);
    bool due = strchr(dated->due, 'T') == NULL ? strcmp(day, dated->due) == 0
                                               : clock->due.due_ms == instant(dated->due);
    return due && clock->due.runs_out_ms == instant(dated->runs_out);
}

static void check_dates(const struct recipe *recipe, const struct dated *dated)
{
    int64_t runs_out_ms = instant(dated->runs_out);
    char line[FACTS_BYTES];
    char stamp[CIVIL_STAMP_BYTES];

    begin(recipe, dated);
    struct engine_clock clock = clock_now(recipe);
    must(due_as_written(&clock, dated), recipe, dated, "due then");
    int64_t day_before_ms = runs_out_ms - INT64_C(24) * HOUR_MS - 1;
    if (day_before_ms > world.now_ms) {
        at(day_before_ms);
        must(clock_now(recipe).state == CLOCK_RUNNING, recipe, dated, "runs on the day before");
    }
    at(runs_out_ms - 1);
    must(clock_now(recipe).state == CLOCK_RUNNING, recipe, dated, "runs to the end of its day");
    stop(recipe);
    must(clock_now(recipe).state == recipe->stopped, recipe, dated, "is stopped in time");

    begin(recipe, dated);
    at(runs_out_ms);
    must(clock_now(recipe).state == CLOCK_BREACHED, recipe, dated, "has run out the day after");
    civil_stamp_utc(runs_out_ms, stamp);
    (void)snprintf(line, sizeof line, "deadline_breached %s - %s ", recipe->id, stamp);
    must(fixture_logged(&world, line) == 1, recipe, dated,
        "the breach is recorded at its moment, once");
    at(runs_out_ms + INT64_C(10) * HOUR_MS);
    stop(recipe);
    clock = clock_now(recipe);
    must(clock.state == CLOCK_BREACHED && clock.stopped && clock.late == dated->late, recipe, dated,
        "is as late as written");
}

static void check_endless(const struct recipe *recipe)
{
    const struct dated start = {.start = "2026-06-03T10:00", .due = "never"};

    begin(recipe, &start);
    at(instant("2028-02-29T10:00"));
    must(clock_now(recipe).state == CLOCK_RUNNING && !clock_now(recipe).has_due, recipe, &start,
        "has no end");
    must(fixture_outstanding(&world, "T", "ash", recipe->id), recipe, &start, "is outstanding");
    if (recipe->stop.kind != NULL) {
        stop(recipe);
        must(clock_now(recipe).state == CLOCK_MET, recipe, &start, "is met");
        must(!fixture_outstanding(&world, "T", "ash", recipe->id), recipe, &start, "is done");
    }
}

static const struct act *ending_named(const char *kind, size_t len)
{
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (strlen(endings[i].kind) == len && strncmp(endings[i].kind, kind, len) == 0) {
            return &endings[i];
        }
    }
    return NULL;
}

/* Begun anew, then this happens: cancelled, with the kind as its reason. */
static void check_ending(const struct recipe *recipe, const struct act *ending)
{
    const struct dated start = {
        .unit = procedures_clock_named(world.procedures, recipe->id)->shipped.unit,
        .start = "2026-06-03T10:00",
        .due = "2026-06-10"};

    begin(recipe, &start);
    must(clock_now(recipe).state == CLOCK_RUNNING, recipe, &start, "runs before it is ended");
    act(recipe,
        &(struct act){ending->from == NULL ? recipe->origin : recipe->receiving, ending->kind,
            ending->facts});
    struct engine_clock clock = clock_now(recipe);
    must(clock.state == CLOCK_CANCELLED && strcmp(clock.reason, ending->kind) == 0, recipe, &start,
        ending->kind);
}

/* ---- the tests ---- */

static void clocks__each_one__has_a_recipe_and_its_limit_has_dates(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= procedures_clock_count(world.procedures); i++) {
        const struct clock_info *clock = procedures_clock(world.procedures, i);
        if (!clock->is_timer) {
            continue;
        }
        if (recipe_of(clock->id) == NULL) {
            fail_msg("clock %s has no recipe", clock->id);
        }
        for (int what = 0; what < CASES && clock->shipped.unit != LIMIT_NONE; what++) {
            if (dated_of(clock->shipped, (enum dated_case)what) == NULL) {
                fail_msg("the limit of clock %s has no dates of case %d", clock->id, what);
            }
        }
    }
}

static void check_case(enum dated_case what)
{
    for (uint32_t i = 1; i <= procedures_clock_count(world.procedures); i++) {
        const struct clock_info *clock = procedures_clock(world.procedures, i);
        const struct recipe *recipe = recipe_of(clock->id);
        if (clock->is_timer && clock->shipped.unit != LIMIT_NONE) {
            assert_non_null(recipe);
            check_dates(recipe, dated_of(clock->shipped, what));
        }
    }
}

static void clocks__in_a_plain_week__run_out_the_day_after(void **state)
{
    (void)state;
    check_case(CASE_PLAIN);
}

static void clocks__over_christmas__run_out_as_written(void **state)
{
    (void)state;
    check_case(CASE_CHRISTMAS);
}

static void clocks__over_easter__run_out_as_written(void **state)
{
    (void)state;
    check_case(CASE_EASTER);
}

static void clocks__over_a_holiday_that_came_once__run_out_as_written(void **state)
{
    (void)state;
    check_case(CASE_ONE_OFF);
}

static void clocks__when_summer_time_begins__run_out_as_written(void **state)
{
    (void)state;
    check_case(CASE_SPRING);
}

static void clocks__when_summer_time_ends__run_out_as_written(void **state)
{
    (void)state;
    check_case(CASE_AUTUMN);
}

static void clocks__over_29_february__run_out_as_written(void **state)
{
    (void)state;
    check_case(CASE_LEAP);
}

static void clocks__without_a_duration__never_run_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECIPES; i++) {
        const struct clock_info *clock = procedures_clock_named(world.procedures, recipes[i].id);
        assert_non_null(clock);
        if (clock->shipped.unit == LIMIT_NONE) {
            check_endless(&recipes[i]);
        }
    }
}

static void clocks__whatever_ends_them__are_cancelled_by_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECIPES; i++) {
        const char *kind = recipes[i].ended_by != NULL ? recipes[i].ended_by : "";
        for (size_t len; (len = strcspn(kind, " ")) > 0; kind += len + strspn(kind + len, " ")) {
            const struct act *ending = ending_named(kind, len);
            assert_non_null(ending);
            check_ending(&recipes[i], ending);
        }
    }
}

/* The column of clocks.tsv and the value of the clock's own profile say the same. */
static void clocks__as_shipped__have_their_profiles_limits(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= procedures_clock_count(world.procedures); i++) {
        const struct clock_info *clock = procedures_clock(world.procedures, i);
        uint8_t profile = procedures_profile_number(world.procedures, clock->profile);
        struct limit limit = {LIMIT_NONE, 0};
        char key[32];
        (void)snprintf(key, sizeof key, "clocks.%s.limit", clock->id);
        const char *text = procedures_profile_entry(world.procedures, profile, key);
        if (text != NULL) {
            assert_int_equal(limit_parse(text, &limit), 0);
        }
        bool by_fact = clock->shipped.unit == LIMIT_DATE; /* the profile adds days to it */
        if (limit.count != clock->shipped.count ||
            (limit.unit != clock->shipped.unit && !by_fact)) {
            fail_msg("%s is %s in its profile", clock->id, text != NULL ? text : "not there");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks__whatever_ends_them__are_cancelled_by_it),
        cmocka_unit_test(clocks__as_shipped__have_their_profiles_limits),
        cmocka_unit_test(clocks__each_one__has_a_recipe_and_its_limit_has_dates),
        cmocka_unit_test(clocks__in_a_plain_week__run_out_the_day_after),
        cmocka_unit_test(clocks__over_christmas__run_out_as_written),
        cmocka_unit_test(clocks__over_easter__run_out_as_written),
        cmocka_unit_test(clocks__over_a_holiday_that_came_once__run_out_as_written),
        cmocka_unit_test(clocks__when_summer_time_begins__run_out_as_written),
        cmocka_unit_test(clocks__when_summer_time_ends__run_out_as_written),
        cmocka_unit_test(clocks__over_29_february__run_out_as_written),
        cmocka_unit_test(clocks__without_a_duration__never_run_out),
    };

    fixture_open(&world);
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_close(&world);
    return failed;
}
