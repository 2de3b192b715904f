/*
 * form: see form.h. The tables themselves. A field that is added to a struct is added here; test_engine_state finds
 * one that is not. Cannot fail.
 */
#include "common/procedure/form.h"

#include <stdlib.h>

#include "common/base/banned.h"

#define FIELD(type_, struct_, member, count_, bytes_, max_, items_)                                \
    {                                                                                              \
        .offset = offsetof(struct_, member), .bytes = (bytes_), .type = (type_),                   \
        .count = (count_), .max = (max_), .items = (items_)                                        \
    }
#define SIZE_IN(struct_, member) sizeof(((struct_ *)0)->member)
#define ONE(type_, struct_, member, max_)                                                          \
    FIELD(type_, struct_, member, 1, SIZE_IN(struct_, member), max_, NULL)
#define FLAG(struct_, member) ONE(FORM_FLAG, struct_, member, 1)
#define NUMBER(struct_, member) ONE(FORM_NUMBER, struct_, member, 0)
#define NUMBER_TO(struct_, member, max_) ONE(FORM_NUMBER, struct_, member, max_)
#define DAY(struct_, member) ONE(FORM_DAY, struct_, member, 0)
#define MOMENT(struct_, member) ONE(FORM_MOMENT, struct_, member, 0)
#define TIME(struct_, member) ONE(FORM_TIME, struct_, member, 0)
#define CODE(struct_, member) ONE(FORM_CODE, struct_, member, 0)
#define CODES(struct_, member, count_)                                                             \
    FIELD(FORM_CODE, struct_, member, count_, sizeof(uint16_t), 0, NULL)
#define RAW(struct_, member) ONE(FORM_RAW, struct_, member, 0)
#define TEXT(struct_, member) ONE(FORM_TEXT, struct_, member, 0)
#define LIST(struct_, member, items_)                                                              \
    FIELD(FORM_LIST, struct_, member, 1, sizeof(struct list), 0, items_)
#define LATER(struct_, member) ONE(FORM_LATER, struct_, member, 0)
#define FORM(name, struct_, fields_)                                                               \
    const struct form name = {.fields = (fields_),                                                 \
        .count = sizeof(fields_) / sizeof *(fields_),                                              \
        .bytes = sizeof(struct_)}

/* ---- children ---- */

static const struct form_field assessment_fields[] = {
    CODE(struct assessment, sender),
    NUMBER(struct assessment, type),
};
static FORM(form_assessment, struct assessment, assessment_fields);

static const struct form_field order_fields[] = {
    NUMBER(struct order, type),
    FLAG(struct order, ended),
    FLAG(struct order, moved),
};
static FORM(form_order, struct order, order_fields);

static const struct form_field consent_recipient_fields[] = {
    CODE(struct consent_recipient, code),
    TEXT(struct consent_recipient, service),
};
static FORM(form_consent_recipient, struct consent_recipient, consent_recipient_fields);

static const struct form_field consent_fields[] = {
    TEXT(struct consent, id),
    NUMBER(struct consent, scope),
    LIST(struct consent, recipients, &form_consent_recipient),
    DAY(struct consent, expires),
    FLAG(struct consent, withdrawn),
};
static FORM(form_consent, struct consent, consent_fields);

static const struct form_field move_notice_fields[] = {
    CODE(struct move_notice, from),
    CODE(struct move_notice, to),
    DAY(struct move_notice, day),
    NUMBER(struct move_notice, episode),
};
static FORM(form_move_notice, struct move_notice, move_notice_fields);

static const struct form_field ownership_fields[] = {
    TIME(struct ownership, at_ms),
    NUMBER_TO(struct ownership, dimension, DIM_COUNT - 1),
    CODES(struct ownership, owners, RECORDERS_MAX),
};
static FORM(form_ownership, struct ownership, ownership_fields);

static const struct form_field child_fields[] = {
    RAW(struct child, ref),
    LATER(struct child, number),
    ONE(FORM_CHILD, struct child, merged_into, 0),
    TIME(struct child, merged_ms),
    CODE(struct child, case_owner),
    CODE(struct child, first_origin),
    CODE(struct child, immediate),
    CODE(struct child, assessment),
    CODES(struct child, recorders, RECORDERS_MAX),
    FLAG(struct child, split),
    NUMBER(struct child, case_type),
    FLAG(struct child, s47),
    FLAG(struct child, pre_proceedings),
    FLAG(struct child, avoidance),
    FLAG(struct child, proceedings),
    FLAG(struct child, born),
    FLAG(struct child, ended),
    LIST(struct child, assessments, &form_assessment),
    LIST(struct child, orders, &form_order),
    LIST(struct child, consents, &form_consent),
    LIST(struct child, notices, &form_move_notice),
    LATER(struct child, clocks),
    LATER(struct child, episodes),
    LIST(struct child, history, &form_ownership),
    MOMENT(struct child, r46_since),
    MOMENT(struct child, r61_since),
    LATER(struct child, held),
};
FORM(form_child, struct child, child_fields);

static const struct form_field episode_pointer_fields[] = {
    {.offset = 0, .bytes = sizeof(struct episode *), .type = FORM_EPISODE, .count = 1}};
static FORM(form_episode_pointer, struct episode *, episode_pointer_fields);

static const struct form_field family_fields[] = {
    LIST(struct child, episodes, &form_episode_pointer)};
FORM(form_family, struct child, family_fields);

/* ---- transfers and episodes ---- */

static const struct form_field transfer_fields[] = {
    RAW(struct transfer, id),
    LATER(struct transfer, number),
    CODE(struct transfer, origin),
    CODE(struct transfer, receiving),
    CODE(struct transfer, first_origin),
    CODE(struct transfer, first_receiving),
    NUMBER(struct transfer, profile),
    LATER(struct transfer, episodes),
};
FORM(form_transfer, struct transfer, transfer_fields);

static const struct form_field letter_fields[] = {
    RAW(struct letter, hash),
    FLAG(struct letter, effective),
};
static FORM(form_letter, struct letter, letter_fields);

static const struct form_field filing_fields[] = {
    NUMBER(struct filing, kind),
    CODE(struct filing, sender),
    RAW(struct filing, key),
};
static FORM(form_filing, struct filing, filing_fields);

static const struct form_field exception_fields[] = {
    NUMBER(struct exception, rules),
    DAY(struct exception, expires),
};
static FORM(form_exception, struct exception, exception_fields);

static const struct form_field outstanding_fields[] = {
    NUMBER_TO(struct outstanding, rule, RULES_MAX),
    TIME(struct outstanding, since_ms),
};
static FORM(form_outstanding, struct outstanding, outstanding_fields);

/* Its transfer and its child stand before it, as their ids do in its key. */
static const struct form_field episode_fields[] = {
    LATER(struct episode, number),
    LATER(struct episode, contents),
    LATER(struct episode, transfer),
    LATER(struct episode, child),
    LATER(struct episode, key),
    NUMBER(struct episode, permanence),
    NUMBER(struct episode, retain_intention),
    NUMBER(struct episode, placement_type),
    FLAG(struct episode, over),
    FLAG(struct episode, withdrawn),
    DAY(struct episode, move_date),
    DAY(struct episode, expected_end),
    DAY(struct episode, flag_end),
    DAY(struct episode, assessment_date),
    DAY(struct episode, transfer_date),
    DAY(struct episode, conference_date),
    NUMBER(struct episode, flag_basis),
    NUMBER(struct episode, threshold),
    FLAG(struct episode, temporary_plan),
    FLAG(struct episode, case_file),
    FLAG(struct episode, requested),
    FLAG(struct episode, agreed),
    FLAG(struct episode, complete),
    FLAG(struct episode, minutes),
    FLAG(struct episode, letter_held),
    FLAG(struct episode, closed),
    FLAG(struct episode, discontinued),
    FLAG(struct episode, retained),
    FLAG(struct episode, discussion),
    FLAG(struct episode, agreement_proposed),
    FLAG(struct episode, agreement),
    FLAG(struct episode, date_proposed),
    FLAG(struct episode, conference_any),
    FLAG(struct episode, documents_challenge),
    FLAG(struct episode, report_challenge),
    FLAG(struct episode, emergency),
    FLAG(struct episode, emergency_accepted),
    FLAG(struct episode, follow_up),
    FLAG(struct episode, resumed),
    FLAG(struct episode, strategy),
    FLAG(struct episode, escalation),
    FLAG(struct episode, agencies_told),
    FLAG(struct episode, previously_cp),
    FLAG(struct episode, closed_transferred),
    FLAG(struct episode, family_known),
    NUMBER(struct episode, follow_ups_owed),
    MOMENT(struct episode, conference_ms),
    NUMBER(struct episode, documents),
    NUMBER(struct episode, evidence),
    DAY(struct episode, residence_start),
    NUMBER(struct episode, intention_stated),
    MOMENT(struct episode, documents_persisted_ms),
    LIST(struct episode, letters, &form_letter),
    LIST(struct episode, filings, &form_filing),
    LIST(struct episode, exceptions, &form_exception),
    LATER(struct episode, held),
    LATER(struct episode, clocks),
    LATER(struct episode, pending),
    NUMBER(struct episode, stage_raised),
    NUMBER(struct episode, stage_move_up),
    FIELD(FORM_NUMBER, struct episode, stage_filed, 2, sizeof(uint16_t), 0, NULL),
    NUMBER(struct episode, dispute),
    RAW(struct episode, stage_outcome),
    LIST(struct episode, outstanding, &form_outstanding),
    CODE(struct episode, conference_convening),
    CODE(struct episode, rent),
    CODE(struct episode, other_cost),
    LIST(struct episode, history, &form_ownership),
    LATER(struct episode, under_consent),
};
FORM(form_episode, struct episode, episode_fields);

/* ---- rows, and what names them ---- */

static const struct form_field row_fields[] = {
    RAW(struct row, id),
    TIME(struct row, accepted_ms),
    TIME(struct row, occurred_ms),
    TIME(struct row, sent_ms),
    ONE(FORM_STRING, struct row, consent, 0),
    LATER(struct row, number),
    NUMBER(struct row, kind),
    NUMBER(struct row, door),
    CODE(struct row, from),
    CODE(struct row, mother_placing),
    LATER(struct row, recipient_count),
    LATER(struct row, verdict_count),
    FLAG(struct row, has_payload),
    FLAG(struct row, withheld),
    FLAG(struct row, erased_sender),
    FLAG(struct row, erased_broker),
};
FORM(form_row, struct row, row_fields);

static const struct form_field row_recipient_fields[] = {
    CODE(struct row_recipient, code),
    NUMBER_TO(struct row_recipient, level, 2),
    FLAG(struct row_recipient, erased),
    FLAG(struct row_recipient, has_payload),
};
FORM(form_row_recipient, struct row_recipient, row_recipient_fields);

static const struct form_field row_verdict_fields[] = {
    ONE(FORM_EPISODE, struct row_verdict, episode, 0),
    NUMBER_TO(struct row_verdict, verdict, VERDICT_TURNED_AWAY),
    NUMBER(struct row_verdict, block),
    NUMBER(struct row_verdict, alert),
};
FORM(form_row_verdict, struct row_verdict, row_verdict_fields);

#define KEY(struct_)                                                                               \
    CODE(struct_, key.sender), NUMBER(struct_, key.start_kind), NUMBER(struct_, key.stage),        \
        NUMBER(struct_, key.assessment_type)

static const struct form_field pending_fields[] = {
    ONE(FORM_CLOCK, struct pending, info, 0),
    ONE(FORM_ROW, struct pending, event, 0),
    KEY(struct pending),
    CODE(struct pending, waits_for),
};
static FORM(form_pending, struct pending, pending_fields);

static const struct form_field row_pointer_fields[] = {
    {.offset = 0, .bytes = sizeof(struct row *), .type = FORM_ROW, .count = 1}};
static FORM(form_row_pointer, struct row *, row_pointer_fields);

static const struct form_field waiting_fields[] = {
    LIST(struct episode, pending, &form_pending),
    LIST(struct episode, under_consent, &form_row_pointer),
};
FORM(form_waiting, struct episode, waiting_fields);

static const struct form_field running_fields[] = {
    ONE(FORM_CLOCK, struct running, info, 0),
    ONE(FORM_EPISODE, struct running, episode, 0),
    ONE(FORM_ROW, struct running, event, 0),
    KEY(struct running),
    LATER(struct running, number),
    NUMBER_TO(struct running, state, CLOCK_SUPERSEDED),
    FLAG(struct running, stopped),
    FLAG(struct running, advisory),
    FLAG(struct running, has_due),
    NUMBER_TO(struct running, limit.unit, LIMIT_DATE),
    ONE(FORM_SIGNED, struct running, limit.count, 0),
    FLAG(struct running, due.timed),
    FLAG(struct running, due.by_day),
    FLAG(struct running, due.provisional),
    DAY(struct running, due.due_day),
    TIME(struct running, due.due_ms),
    TIME(struct running, due.runs_out_ms),
    TIME(struct running, fire_ms),
    TIME(struct running, started_ms),
    TIME(struct running, stopped_ms),
    ONE(FORM_SIGNED, struct running, late, 0),
    LATER(struct running, heap_index),
    CODES(struct running, bound, 2),
    NUMBER(struct running, reason),
    NUMBER_TO(struct running, bound_count, 2),
};
FORM(form_running, struct running, running_fields);

/* ---- a held event ---- */

#define VIEW struct event_view

/* Who it was from and to stands in its row; what is judged again is this, and the facts, which stand behind. */
static const struct form_field held_view_fields[] = {
    NUMBER(VIEW, kind),
    TIME(VIEW, occurred_ms),
    TIME(VIEW, sent_ms),
    FIELD(FORM_NUMBER, VIEW, envelope, 32, sizeof(uint32_t), 0, NULL),
};
FORM(form_held_view, VIEW, held_view_fields);

const struct form_shelf form_shelves[SECTION_COUNT] = {
    [SECTION_CHILDREN] = {SHELF_CHILDREN, true},
    [SECTION_TRANSFERS] = {SHELF_TRANSFERS, true},
    [SECTION_EPISODES] = {SHELF_EPISODES, true},
    [SECTION_ROWS] = {SHELF_ROWS, true},
    [SECTION_CLOCKS] = {SHELF_CLOCKS, true},
    [SECTION_FAMILIES] = {SHELF_CHILDREN, false},
    [SECTION_WAITING] = {SHELF_EPISODES, false},
};

/* ---- codes ---- */

struct code_book *code_book_of(engine_t *engine)
{
    struct dossiers *dossiers = &engine->dossiers;

    if (dossiers->codes == NULL) {
        dossiers->codes = mem_new(1, sizeof *dossiers->codes);
    }
    return dossiers->codes;
}

void code_book_begin(struct code_book *self, const engine_t *engine)
{
    size_t needed = engine->codes.count + 1U;

    for (uint32_t i = 0; i < self->codes.count; i++) {
        self->ordinals[((const uint16_t *)self->codes.items)[i]] = 0;
    }
    self->codes.count = 0;
    if (self->capacity < needed) {
        free(self->ordinals);
        self->capacity = 2 * needed;
        self->ordinals = mem_new(self->capacity, sizeof *self->ordinals);
    }
}

void code_book_add(struct code_book *self, uint16_t code)
{
    *(uint16_t *)list_add(&self->codes, sizeof code) = code;
    self->ordinals[code] = (uint16_t)self->codes.count;
}

void code_book_free(struct code_book **self_p)
{
    if (*self_p != NULL) {
        free((*self_p)->ordinals);
        free((*self_p)->codes.items);
        free(*self_p);
        *self_p = NULL;
    }
}

/* ---- defaults ---- */

static bool all_zero(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++) {
        if (at[i] != 0) {
            return false;
        }
    }
    return true;
}

bool form_is_default(const struct form_field *field, const void *at)
{
    switch ((enum form_type)field->type) {
    case FORM_FLAG:
        return !*(const bool *)at;
    case FORM_DAY:
        return *(const int32_t *)at == NO_DAY;
    case FORM_MOMENT:
        return *(const int64_t *)at == NO_TIME;
    case FORM_TEXT:
        return *(const char *)at == '\0';
    case FORM_STRING:
        return **(const char *const *)at == '\0';
    case FORM_LIST:
        return ((const struct list *)at)->count == 0;
    case FORM_LATER:
        return true;
    case FORM_NUMBER:
    case FORM_CODE:
        return field->count == 1 ? form_number(at, field->bytes) == 0
                                 : all_zero(at, (size_t)field->bytes * field->count);
    default:
        return all_zero(at, (size_t)field->bytes * field->count);
    }
}

size_t form_gaps(const struct form *form)
{
    enum { ALIGNED = 8 };
    size_t end = 0;
    size_t gaps = 0;

    for (size_t i = 0; i <= form->count; i++) {
        size_t begin = i < form->count ? form->fields[i].offset : form->bytes;
        size_t bytes =
            i < form->count ? (size_t)form->fields[i].bytes * form->fields[i].count : ALIGNED;
        size_t aligned = bytes % ALIGNED == 0 ? ALIGNED
            : bytes % 4 == 0                  ? 4
            : bytes % 2 == 0                  ? 2
                                              : 1;
        gaps += begin < end ? form->bytes : begin - end >= aligned ? begin - end : 0;
        end = begin + bytes;
    }
    return gaps;
}
