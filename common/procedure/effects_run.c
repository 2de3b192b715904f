/* effects_run: carry out what an effective event sets, effect by effect, left to right
 * (docs/PROCEDURES.md, section 3). Cannot fail. */
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/procedure/effect_words.h"
#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

/* ---- flags: one function a flag that needs its facts; the plain ones are bits of the record ---- */

static void set_temporary_plan(struct judge *self, const struct effect *effect, bool on)
{
    struct episode *episode = self->episode;

    (void)effect;
    episode->temporary_plan = on;
    if (!on) {
        episode->flag_basis = 0;
        episode->flag_end = NO_DAY;
    }
}

static void set_accepted(struct judge *self, const struct effect *effect, bool on)
{
    const struct fact_value *hash = fact_at(self, F_LETTER_HASH);

    (void)effect;
    if (on && hash != NULL) {
        struct letter *letter = list_add(&self->episode->letters, sizeof *letter);
        *letter = (struct letter){fact_hash(hash), true};
    }
}

static void set_escalation(struct judge *self, const struct effect *effect, bool on)
{
    int64_t stage = fact_number(self, F_STAGE, 0);

    (void)effect;
    if (on && !self->episode->escalation) {
        self->episode->dispute = self->row->number;
    }
    self->episode->escalation = on;
    if (on && stage >= 1 && stage < STAGES_MAX) {
        self->episode->stage_raised |= (uint16_t)(1U << stage);
    }
}

static void set_filed(struct judge *self, const struct effect *effect, bool on)
{
    struct episode *episode = self->episode;
    size_t side = self->sender == episode->transfer->origin ? 0 : 1;
    int64_t stage = fact_number(self, F_STAGE, 0);

    (void)effect;
    (void)on;
    if (stage < 1 || stage >= STAGES_MAX) {
        return;
    }
    episode->stage_filed[side] |= (uint16_t)(1U << stage);
    episode->stage_outcome[side][stage] = (uint8_t)fact_number(self, F_OUTCOME_DECISION, 0);
    if (fact_is(self, F_OUTCOME_DECISION, V_MOVE_UP)) {
        episode->stage_move_up |= (uint16_t)(1U << stage);
    }
}

static void set_evidence(struct judge *self, const struct effect *effect, bool on)
{
    (void)effect;
    (void)on;
    self->episode->evidence |= fact_bits(self, F_EVIDENCE);
    if (fact_is(self, F_EVIDENCE, V_RESIDENCE_3_MONTHS)) {
        const struct fact_value *stated = fact_at(self, F_INTENTION_STATED);
        self->episode->residence_start = (int32_t)fact_number(self, F_RESIDENCE_START, NO_DAY);
        self->episode->intention_stated = stated == NULL ? 0 : stated->number != 0 ? 2 : 1;
    }
}

static void set_documents(struct judge *self, const struct effect *effect, bool on)
{
    (void)effect;
    (void)on;
    self->episode->documents |= fact_bits(self, F_DOCUMENTS);
    self->episode->previously_cp = self->episode->previously_cp || fact_yes(self, F_PREVIOUSLY_CP);
}

/* +challenge(about), -challenge(about), -challenge(documents) */
static void set_challenge(struct judge *self, const struct effect *effect, bool on)
{
    const struct fact_value *about = fact_at(self, F_ABOUT);
    bool documents = strcmp(effect->argument, "documents") == 0 || about == NULL ||
        is_value(self, (uint32_t)about->number, V_ABOUT_DOCUMENTS);

    *(documents ? &self->episode->documents_challenge : &self->episode->report_challenge) = on;
}

static void set_conference(struct judge *self, const struct effect *effect, bool on)
{
    const struct fact_value *held_on = fact_at(self, F_HELD_ON);
    int64_t at_ms =
        held_on != NULL ? civil_london_midnight_ms((int32_t)held_on->number) : self->occurred_ms;

    (void)effect;
    (void)on;
    if (fact_is(self, F_CONFERENCE_TYPE, V_TRANSFER_IN) ||
        fact_is(self, F_CONFERENCE_TYPE, V_INITIAL)) {
        self->episode->conference_any = true;
    }
    if (self->episode->conference_ms == NO_TIME || at_ms > self->episode->conference_ms) {
        self->episode->conference_ms = at_ms;
    }
}

static void set_retained(struct judge *self, const struct effect *effect, bool on)
{
    (void)effect;
    self->episode->retained = on;
    if (fact_is(self, F_GROUND, V_GROUND_PROCEEDINGS)) {
        self->child->avoidance = true; /* R16 */
    }
}

static void set_assessment(struct judge *self, const struct effect *effect, bool on)
{
    struct list *open = &self->child->assessments;
    uint32_t type = (uint32_t)fact_number(self, F_ASSESSMENT_TYPE, 0);

    (void)effect;
    for (uint32_t i = 0; i < open->count; i++) {
        const struct assessment *items = open->items;
        if (items[i].sender == self->sender && items[i].type == type) {
            if (!on) {
                list_remove(open, sizeof *items, i);
            }
            return;
        }
    }
    if (on) {
        *(struct assessment *)list_add(open, sizeof(struct assessment)) =
            (struct assessment){self->sender, type};
    }
}

static struct order *order_named(struct child *child, uint32_t type)
{
    struct order *orders = child->orders.items;

    for (uint32_t i = 0; i < child->orders.count; i++) {
        if (orders[i].type == type) {
            return &orders[i];
        }
    }
    return NULL;
}

static void set_order(struct judge *self, const struct effect *effect, bool on)
{
    uint32_t type = (uint32_t)fact_number(self, F_ORDER_TYPE, 0);
    struct order *order = order_named(self->child, type);

    (void)effect;
    if (on) {
        order = order != NULL ? order : list_add(&self->child->orders, sizeof *order);
        *order = (struct order){.type = type};
    } else if (order != NULL) {
        order->ended = true;
    }
}

static void set_order_moved(struct judge *self, const struct effect *effect, bool on)
{
    struct order *order = order_named(self->child, (uint32_t)fact_number(self, F_ORDER_TYPE, 0));

    (void)effect;
    if (order != NULL) {
        order->moved = on;
    }
}

static void set_emergency(struct judge *self, const struct effect *effect, bool on)
{
    struct episode *episode = self->episode;

    (void)effect;
    episode->emergency = on;
    episode->emergency_accepted = !on;
    if (!on) {
        episode->follow_ups_owed++;
    }
}

static void set_follow_up(struct judge *self, const struct effect *effect, bool on)
{
    (void)effect;
    self->episode->follow_up = on;
    self->episode->follow_ups_owed = 0;
}

static void copy_text(char *out, size_t size, struct slice text)
{
    size_t len = text.len < size ? text.len : size - 1;

    if (len > 0) {
        memcpy(out, text.data, len);
    }
    out[len] = '\0';
}

/* "CODE:service", the code as it leads today; anything else names nobody. */
static void add_consent_recipient(
    struct judge *self, struct consent *consent, const struct fact_value *value)
{
    struct fact_value code = *value;

    if (value->bytes.len <= CODE_BYTES + 1 || value->bytes.data[CODE_BYTES] != ':') {
        return;
    }
    code.bytes.len = CODE_BYTES;
    struct consent_recipient *recipient = list_add(&consent->recipients, sizeof *recipient);
    recipient->code = code_of_fact(self->engine, &code);
    copy_text(recipient->service, sizeof recipient->service,
        slice_of(value->bytes.data + CODE_BYTES + 1, value->bytes.len - CODE_BYTES - 1));
}

static void give_consent(struct judge *self, struct slice id)
{
    uint32_t fact = self->engine->names->fact[F_CONSENT_RECIPIENTS];
    struct consent *consent = list_add(&self->child->consents, sizeof *consent);

    copy_text(consent->id, sizeof consent->id, id);
    consent->scope = fact_bits(self, F_CONSENT_SCOPE);
    consent->expires = (int32_t)fact_number(self, F_CONSENT_EXPIRES, NO_DAY);
    for (size_t i = 0; i < self->facts->count; i++) {
        if (self->facts->values[i].fact->number == fact) {
            add_consent_recipient(self, consent, &self->facts->values[i]);
        }
    }
}

static void set_consent(struct judge *self, const struct effect *effect, bool on)
{
    const struct fact_value *ref = fact_at(self, F_CONSENT_REF);
    struct consent *consents = self->child->consents.items;

    (void)effect;
    if (ref == NULL) {
        return;
    }
    if (on) {
        give_consent(self, ref->bytes);
        return;
    }
    for (uint32_t i = 0; i < self->child->consents.count; i++) {
        if (slice_equal(slice_of_text(consents[i].id), ref->bytes)) {
            consents[i].withdrawn = true;
        }
    }
}

static void set_exception(struct judge *self, const struct effect *effect, bool on)
{
    uint32_t fact = self->engine->names->fact[F_RULE_SET_ASIDE];
    uint64_t rules = 0;

    (void)effect;
    (void)on;
    for (size_t i = 0; i < self->facts->count; i++) {
        char id[8];
        copy_text(id, sizeof id, self->facts->values[i].bytes);
        const struct rule_info *rule = self->facts->values[i].fact->number == fact
            ? procedures_rule_named(self->engine->procedures, id)
            : NULL;
        rules |= rule != NULL ? UINT64_C(1) << (rule->number - 1) : 0;
    }
    struct exception *made = list_add(&self->episode->exceptions, sizeof *made);
    *made = (struct exception){rules, (int32_t)fact_number(self, F_EXPIRES_ON, NO_DAY)};
}

static void set_closed(struct judge *self, const struct effect *effect, bool on)
{
    (void)effect;
    self->episode->closed = on;
    self->episode->closed_transferred =
        self->episode->closed_transferred || fact_is(self, F_CLOSURE_TYPE, V_CLOSURE_TRANSFERRED);
}

static void set_family_record(struct judge *self, const struct effect *effect, bool on)
{
    (void)effect;
    self->episode->family_known = on;
}

typedef void flag_function(struct judge *self, const struct effect *effect, bool on);

/* A plain flag is a bool at an offset of the episode or of the child; a flag with facts has a function. */
static const struct {
    flag_function *function;
    enum { OF_EPISODE, OF_CHILD } where;
    size_t offset;
} flags[EFFECT_FLAG_COUNT] = {
    [EFFECT_FLAG_TEMPORARY_PLAN] = {set_temporary_plan, OF_EPISODE, 0},
    [EFFECT_FLAG_ACCEPTED] = {set_accepted, OF_EPISODE, 0},
    [EFFECT_FLAG_ESCALATION] = {set_escalation, OF_EPISODE, 0},
    [EFFECT_FLAG_FILED] = {set_filed, OF_EPISODE, 0},
    [EFFECT_FLAG_EVIDENCE] = {set_evidence, OF_EPISODE, 0},
    [EFFECT_FLAG_DOCUMENTS] = {set_documents, OF_EPISODE, 0},
    [EFFECT_FLAG_CHALLENGE] = {set_challenge, OF_EPISODE, 0},
    [EFFECT_FLAG_CONFERENCE] = {set_conference, OF_EPISODE, 0},
    [EFFECT_FLAG_RETAINED] = {set_retained, OF_EPISODE, 0},
    [EFFECT_FLAG_ASSESSMENT] = {set_assessment, OF_EPISODE, 0},
    [EFFECT_FLAG_ORDER] = {set_order, OF_EPISODE, 0},
    [EFFECT_FLAG_ORDER_MOVED] = {set_order_moved, OF_EPISODE, 0},
    [EFFECT_FLAG_EMERGENCY] = {set_emergency, OF_EPISODE, 0},
    [EFFECT_FLAG_FOLLOW_UP] = {set_follow_up, OF_EPISODE, 0},
    [EFFECT_FLAG_CONSENT] = {set_consent, OF_EPISODE, 0},
    [EFFECT_FLAG_EXCEPTION] = {set_exception, OF_EPISODE, 0},
    [EFFECT_FLAG_CLOSED] = {set_closed, OF_EPISODE, 0},
    [EFFECT_FLAG_FAMILY_RECORD] = {set_family_record, OF_EPISODE, 0},
    [EFFECT_FLAG_CASE_FILE] = {NULL, OF_EPISODE, offsetof(struct episode, case_file)},
    [EFFECT_FLAG_AGENCIES_TOLD] = {NULL, OF_EPISODE, offsetof(struct episode, agencies_told)},
    [EFFECT_FLAG_REQUESTED] = {NULL, OF_EPISODE, offsetof(struct episode, requested)},
    [EFFECT_FLAG_COMPLETE] = {NULL, OF_EPISODE, offsetof(struct episode, complete)},
    [EFFECT_FLAG_AGREED] = {NULL, OF_EPISODE, offsetof(struct episode, agreed)},
    [EFFECT_FLAG_DATE_PROPOSED] = {NULL, OF_EPISODE, offsetof(struct episode, date_proposed)},
    [EFFECT_FLAG_MINUTES] = {NULL, OF_EPISODE, offsetof(struct episode, minutes)},
    [EFFECT_FLAG_LETTER_HELD] = {NULL, OF_EPISODE, offsetof(struct episode, letter_held)},
    [EFFECT_FLAG_DISCONTINUED] = {NULL, OF_EPISODE, offsetof(struct episode, discontinued)},
    [EFFECT_FLAG_DISCUSSION] = {NULL, OF_EPISODE, offsetof(struct episode, discussion)},
    [EFFECT_FLAG_AGREEMENT_PROPOSED] = {NULL, OF_EPISODE,
        offsetof(struct episode, agreement_proposed)},
    [EFFECT_FLAG_AGREEMENT] = {NULL, OF_EPISODE, offsetof(struct episode, agreement)},
    [EFFECT_FLAG_STRATEGY] = {NULL, OF_EPISODE, offsetof(struct episode, strategy)},
    [EFFECT_FLAG_RESUMED] = {NULL, OF_EPISODE, offsetof(struct episode, resumed)},
    [EFFECT_FLAG_S47] = {NULL, OF_CHILD, offsetof(struct child, s47)},
    [EFFECT_FLAG_PRE_PROCEEDINGS] = {NULL, OF_CHILD, offsetof(struct child, pre_proceedings)},
    [EFFECT_FLAG_AVOIDANCE] = {NULL, OF_CHILD, offsetof(struct child, avoidance)},
    [EFFECT_FLAG_PROCEEDINGS] = {NULL, OF_CHILD, offsetof(struct child, proceedings)},
    [EFFECT_FLAG_BORN] = {NULL, OF_CHILD, offsetof(struct child, born)},
    [EFFECT_FLAG_ENDED] = {NULL, OF_CHILD, offsetof(struct child, ended)},
};

static void run_flag(struct judge *self, const struct effect *effect)
{
    bool on = effect->verb == EFFECT_SET_FLAG;

    if (flags[effect->target].function != NULL) {
        flags[effect->target].function(self, effect, on);
        return;
    }
    uint8_t *record = flags[effect->target].where == OF_EPISODE ? (uint8_t *)self->episode
                                                                : (uint8_t *)self->child;
    *(bool *)(void *)(record + flags[effect->target].offset) = on;
}

/* ---- fields ---- */

/* An enum or a date of the record: one of the two. */
struct field {
    uint32_t *number;
    int32_t *day;
};

static struct field field_at(struct judge *self, enum effect_field name)
{
    struct episode *episode = self->episode;
    const struct field fields[EFFECT_FIELD_COUNT] = {
        [EFFECT_FIELD_PERMANENCE] = {&episode->permanence, NULL},
        [EFFECT_FIELD_RETAIN_INTENTION] = {&episode->retain_intention, NULL},
        [EFFECT_FIELD_PLACEMENT_TYPE] = {&episode->placement_type, NULL},
        [EFFECT_FIELD_MOVE_DATE] = {NULL, &episode->move_date},
        [EFFECT_FIELD_EXPECTED_END] = {NULL, &episode->expected_end},
        [EFFECT_FIELD_FLAG_BASIS] = {&episode->flag_basis, NULL},
        [EFFECT_FIELD_FLAG_END] = {NULL, &episode->flag_end},
        [EFFECT_FIELD_ASSESSMENT_DATE] = {NULL, &episode->assessment_date},
        [EFFECT_FIELD_THRESHOLD] = {&episode->threshold, NULL},
        [EFFECT_FIELD_TRANSFER_DATE] = {NULL, &episode->transfer_date},
        [EFFECT_FIELD_CONFERENCE_DATE] = {NULL, &episode->conference_date},
        [EFFECT_FIELD_CASE_TYPE] = {&self->child->case_type, NULL},
    };

    return fields[name];
}

static void store_value(struct field field, int64_t value)
{
    if (field.number != NULL) {
        *field.number = (uint32_t)value;
    } else if (field.day != NULL) {
        *field.day = (int32_t)value;
    }
}

/* field := fact, field := word; an absent fact leaves the field as it is, a default fills an empty field only (D57). */
static void run_store(struct judge *self, const struct effect *effect)
{
    enum effect_field name = (enum effect_field)effect->target;
    struct field field = field_at(self, name);
    const struct fact_value *value =
        effect->fact != 0 ? fact_numbered(self->facts, effect->fact) : NULL;

    if (effect->fact == 0) {
        if (effect->word == 0) {
            self->episode->over = true; /* permanence := ended, finally (D53) */
        } else {
            store_value(field, effect->word);
        }
    } else if (value != NULL) {
        store_value(field, value->number);
    } else if (effect->otherwise == ELSE_NONE) {
        store_value(field, NO_DAY);
    } else if (effect->otherwise == ELSE_OCCURRED && field.day != NULL && *field.day == NO_DAY) {
        store_value(field, civil_london_day(self->occurred_ms));
    } else if (name == EFFECT_FIELD_FLAG_BASIS && self->episode->flag_basis == 0) {
        self->episode->flag_basis = self->engine->names->value[V_TEMPORARY_STAY];
    }
}

/* move_updated, correction: each stated fact replaces the one on record. */
static void replace_stated(struct judge *self)
{
    static const struct {
        enum fact_name fact;
        enum effect_field field;
    } rows[] = {
        {F_PERMANENCE, EFFECT_FIELD_PERMANENCE},
        {F_RETAIN_INTENTION, EFFECT_FIELD_RETAIN_INTENTION},
        {F_MOVE_DATE, EFFECT_FIELD_MOVE_DATE},
        {F_EXPECTED_END, EFFECT_FIELD_EXPECTED_END},
        {F_PLACEMENT_TYPE, EFFECT_FIELD_PLACEMENT_TYPE},
        {F_ASSESSMENT_DATE, EFFECT_FIELD_ASSESSMENT_DATE},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct fact_value *value = fact_at(self, rows[i].fact);
        if (value != NULL) {
            store_value(field_at(self, rows[i].field), value->number);
        }
    }
}

/* ---- dimensions ---- */

/* Who an effect names: a role, or the codes of a fact. */
static size_t owners_of(struct judge *self, const struct effect *effect, uint16_t *out)
{
    size_t count = 0;

    if (effect->fact == 0) {
        parties_of(self, (enum party)effect->word, out, &count);
        if (effect->word == PARTY_CASE) {
            out[0] = FOLLOWS_CASE;
        }
        return count;
    }
    for (size_t i = 0; i < self->facts->count && count < RECORDERS_MAX; i++) {
        const struct fact_value *value = &self->facts->values[i];
        uint16_t code = value->fact->number == effect->fact ? code_of_fact(self->engine, value) : 0;
        bool named = code == 0;
        for (size_t k = 0; k < count; k++) {
            named = named || out[k] == code;
        }
        if (!named) {
            out[count++] = code;
        }
    }
    return count;
}

static void run_dimension(struct judge *self, const struct effect *effect)
{
    uint16_t owners[RECORDERS_MAX] = {0};
    size_t count = owners_of(self, effect, owners);
    enum dimension dimension = (enum dimension)effect->target;
    int64_t at_ms = dimension == DIM_CASE ? fact_number(self, F_EFFECTIVE_AT, self->occurred_ms)
                                          : self->engine->now_ms;

    if (count == 0 || self->moves_nothing) {
        return;
    }
    if (dimension == DIM_DATA_RECORDING && effect->fact != 0) {
        self->child->split = true;
    }
    own(self, dimension, owners, count, at_ms);
}

static bool is_told(const struct row *row, uint16_t code)
{
    for (uint32_t i = 0; i < row->recipient_count; i++) {
        if (row_recipients(row)[i].code == code) {
            return true;
        }
    }
    return false;
}

static bool moves(const struct judge *self, enum dimension dimension, const uint16_t *owners)
{
    if (dimension == DIM_DATA_RECORDING) {
        uint16_t now[RECORDERS_MAX] = {owner_now(self->episode, dimension)};
        bool stated = self->child->recorders[0] != 0;
        return memcmp(owners, stated ? self->child->recorders : now, sizeof now) != 0;
    }
    uint16_t owner = owners[0] == FOLLOWS_CASE ? self->child->case_owner : owners[0];
    return owner != owner_now(self->episode, dimension);
}

/*
 * Would this effect give a dimension another holder? (D52: an enquiry that the holder records for
 * itself moves none.)
 */
static bool would_move(struct judge *self, const struct effect *effect)
{
    uint16_t owners[RECORDERS_MAX] = {0};

    if (effect->verb != EFFECT_DIMENSION || self->moves_nothing ||
        !conditions_hold(self, effect->conditions, effect->condition_count, NULL) ||
        owners_of(self, effect, owners) == 0) {
        return false;
    }
    return moves(self, (enum dimension)effect->target, owners);
}

bool dimension_moves_unheard(struct judge *self)
{
    const struct effect *effects = NULL;
    size_t count = procedures_effects(self->engine->procedures, self->view->kind, &effects);

    if (self->other == 0 || is_told(self->row, self->other)) {
        return false;
    }
    if (kind_is(self, K_SUBJECTS_LINKED)) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (would_move(self, &effects[i])) {
            return true;
        }
    }
    return false;
}

/* ---- what is derived, and what the tables say in words ---- */

static void derive(struct judge *self, const struct effect *effect)
{
    char stamp[CIVIL_STAMP_BYTES];
    int64_t effective_ms = fact_number(self, F_EFFECTIVE_AT, self->occurred_ms);

    civil_stamp_utc(effective_ms, stamp);
    emit(self->engine, effect->name, self->episode, self->row, NULL, NULL, self->engine->now_ms,
        "from=%s to=%s effective_at=%s", code_text(self->engine, self->child->case_owner),
        code_text(self->engine, self->episode->transfer->receiving), stamp);
}

static void run_special(struct judge *self, const struct effect *effect)
{
    struct episode *episode = self->episode;

    switch (effect->special) {
    case SPECIAL_REPLACE_STATED:
        replace_stated(self);
        break;
    case SPECIAL_DROP_HELD:
        held_drop(episode);
        break;
    case SPECIAL_NOTICES_WITHDRAWN:
        episode->withdrawn = true;
        break;
    case SPECIAL_CLEAR_FILINGS:
        episode->stage_raised = episode->stage_move_up = 0;
        memset(episode->stage_filed, 0, sizeof episode->stage_filed);
        memset(episode->stage_outcome, 0, sizeof episode->stage_outcome);
        break;
    case SPECIAL_MERGE_RECORDS:
        children_merge(self);
        break;
    case SPECIAL_NO_CLOCKS: /* known before: kind_plan.no_clocks */
    case SPECIAL_NONE:
        break;
    }
}

static void end_outstanding(struct judge *self, uint32_t rule)
{
    if (rule == self->engine->plans.r61) {
        self->child->r61_since = NO_TIME;
    } else if (rule == self->engine->plans.r46) {
        self->child->r46_since = NO_TIME;
    } else {
        outstanding_end(self->episode, rule);
    }
}

void effects_run(struct judge *self)
{
    const struct effect *effects = NULL;
    size_t count = procedures_effects(self->engine->procedures, self->view->kind, &effects);

    for (size_t i = 0; i < count; i++) {
        const struct effect *effect = &effects[i];
        if (!conditions_hold(self, effect->conditions, effect->condition_count, NULL)) {
            continue;
        }
        switch (effect->verb) {
        case EFFECT_SET_FLAG:
        case EFFECT_CLEAR_FLAG:
            run_flag(self, effect);
            break;
        case EFFECT_STORE:
            run_store(self, effect);
            break;
        case EFFECT_DIMENSION:
            run_dimension(self, effect);
            break;
        case EFFECT_OUTSTANDING:
            outstanding_begin(self->episode, effect->rule, self->engine->now_ms);
            break;
        case EFFECT_NOT_OUTSTANDING:
            end_outstanding(self, effect->rule);
            break;
        case EFFECT_DERIVE:
            derive(self, effect);
            break;
        case EFFECT_SPECIAL:
            run_special(self, effect);
            break;
        }
    }
}
