/*
 * clocks_run: starting, stopping and running out of clocks (docs/PROCEDURES.md, section 9). Cannot fail.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/procedure/engine_internal.h"
#include "common/procedure/telling.h"

#include "common/base/banned.h"

enum { MINUTE_MS = 60000 };

static struct list *clocks_of(const struct judge *self, const struct clock_info *info)
{
    return info->child_scope ? &self->child->clocks : &self->episode->clocks;
}

static bool is_bound(const struct running *clock, uint16_t code)
{
    return (clock->bound_count > 0 && clock->bound[0] == code) ||
        (clock->bound_count > 1 && clock->bound[1] == code);
}

static bool is_open(const struct running *clock)
{
    return clock->state == CLOCK_RUNNING || (clock->state == CLOCK_BREACHED && !clock->stopped);
}

static bool applies_here(const struct judge *self, const struct clock_info *info)
{
    const struct transfer *transfer = self->episode->transfer;
    uint8_t profile = self->engine->plans.clock_profiles[info->number - 1];

    if (info->applies == APPLIES_ANY) {
        return true;
    }
    bool origin = judge_under(self, transfer->origin, profile);
    bool receiving = judge_under(self, transfer->receiving, profile);
    return info->applies == APPLIES_ORIGIN   ? origin
        : info->applies == APPLIES_RECEIVING ? receiving
        : info->applies == APPLIES_EITHER    ? origin || receiving
                                             : origin && receiving;
}

/* Stages and types are few; what lies beyond is one. */
static uint16_t key_number(int64_t number)
{
    return number >= 0 && number < UINT16_MAX ? (uint16_t)number : UINT16_MAX;
}

static struct clock_key key_of(const struct judge *self, const struct clock_info *info)
{
    return (struct clock_key){
        .sender = info->key_sender ? self->sender : 0,
        .start_kind = info->key_start_kind ? (uint16_t)self->view->kind : 0,
        .stage = info->key_stage ? key_number(fact_number(self, F_STAGE, 0)) : 0,
        .assessment_type =
            info->key_assessment_type ? key_number(fact_number(self, F_ASSESSMENT_TYPE, 0)) : 0,
    };
}

static bool same_key(const struct clock_key *a, const struct clock_key *b)
{
    return a->sender == b->sender && a->start_kind == b->start_kind && a->stage == b->stage &&
        a->assessment_type == b->assessment_type;
}

/*
 * The clock of that id and key that is still open, NULL for none. Clocks keyed by event never stand
 * in each other's way.
 */
static struct running *open_clock(
    const struct judge *self, const struct clock_info *info, const struct clock_key *key)
{
    const struct list *list = clocks_of(self, info);
    struct running *const *items = list->items;

    for (uint32_t i = 0; i < list->count && !info->key_event; i++) {
        if (items[i]->info == info && is_open(items[i]) && same_key(&items[i]->key, key)) {
            return items[i];
        }
    }
    return NULL;
}

static bool started_by(
    const struct judge *self, const struct clock_info *info, const struct row *event)
{
    const struct list *list = clocks_of(self, info);
    struct running *const *items = list->items;

    for (uint32_t i = 0; i < list->count; i++) {
        if (items[i]->info == info && (event == NULL || items[i]->event == event)) {
            return true;
        }
    }
    return false;
}

static const char *const state_words[] = {"running", "met", "cancelled", "breached", "superseded"};

static void due_text(const struct due *due, char *text, size_t size)
{
    char stamp[CIVIL_STAMP_BYTES];

    if (!due->timed) {
        (void)snprintf(text, size, "none");
    } else if (due->by_day) {
        civil_date_text(due->due_day, stamp);
        (void)snprintf(text, size, "%s", stamp);
    } else {
        civil_stamp_utc(due->due_ms, stamp);
        (void)snprintf(text, size, "%s", stamp);
    }
}

static const char *bound_text(const engine_t *self, const struct running *clock, size_t index)
{
    return index < clock->bound_count ? code_text(self, clock->bound[index]) : "";
}

/* ---- stopping ---- */

enum limit_unit clock_late_unit(const struct running *clock)
{
    if (clock->has_due && !clock->due.by_day) {
        return LIMIT_MIN;
    }
    return clock->limit.unit == LIMIT_WD ? LIMIT_WD : LIMIT_D;
}

static int32_t lateness(const struct judge *self, const struct running *clock, int64_t occurred_ms)
{
    const calendar_t *calendar = procedures_calendar(self->engine->procedures);
    int32_t day = civil_london_day(occurred_ms);

    switch (clock_late_unit(clock)) {
    case LIMIT_MIN:
        return (int32_t)((occurred_ms - clock->due.runs_out_ms) / MINUTE_MS);
    case LIMIT_WD:
        return calendar_working_days_between(calendar, clock->due.due_day, day);
    default:
        return day - clock->due.due_day;
    }
}

static void emit_stopped(engine_t *self, const struct running *clock, int64_t at_ms)
{
    const struct kind_info *kind = catalogue_kind(clock->reason);
    char late[LATE_WORD_BYTES];

    emit(self, "deadline_stopped", clock->episode, clock->event, clock->info->id, NULL, at_ms,
        "state=%s late=%s reason=%s", state_words[clock->state],
        late_word(clock_late_unit(clock), clock->late, late), kind != NULL ? kind->name : "none");
}

static void supersede(struct judge *self, struct running *clock)
{
    clock->state = CLOCK_SUPERSEDED;
    emit(self->engine, "breach_superseded", clock->episode, self->row, clock->info->id, NULL,
        self->engine->now_ms, "%s", "");
    self->alert |= rule_bit(self->engine->plans.r51);
}

static void stop_clock(
    struct judge *self, struct running *clock, bool met, int64_t occurred_ms, uint32_t reason)
{
    engine_t *engine = self->engine;

    timer_remove(engine, clock);
    clock->stopped = true;
    clock->stopped_ms = engine->now_ms;
    clock->reason = (uint16_t)reason; /* a kind, below KINDS_MAX */
    if (clock->state == CLOCK_BREACHED) {
        if (occurred_ms < clock->due.runs_out_ms) {
            supersede(self, clock);
            return;
        }
        clock->late = lateness(self, clock, occurred_ms);
    } else {
        clock->state = met ? CLOCK_MET : CLOCK_CANCELLED;
    }
    emit_stopped(engine, clock, engine->now_ms);
}

/* The conditions of a stop that speak of the clock rather than of the event. */
static bool stop_fits(struct judge *self, const struct trigger *stop, const struct clock_key *key,
    const struct row *start)
{
    for (size_t i = 0; i < stop->condition_count; i++) {
        if (stop->conditions[i].subject == CONDITION_OTHER && self->sender == key->sender) {
            return false;
        }
    }
    return conditions_hold(self, stop->conditions, stop->condition_count, start);
}

/* Only an event with the same sender, stage or assessment type meets a clock that has these in its key. */
static bool key_fits(
    const struct judge *self, const struct clock_info *info, const struct clock_key *key)
{
    struct clock_key mine = key_of(self, info);

    return mine.sender == key->sender && mine.stage == key->stage &&
        mine.assessment_type == key->assessment_type;
}

enum stop_answer { STOPS_NOT, STOPS_MET, STOPS_CANCELLED };

static enum stop_answer stop_answer_of(struct judge *self, const struct clock_info *info,
    const struct clock_key *key, const struct row *start, bool from_bound)
{
    for (size_t i = 0; i < info->met_count; i++) {
        const struct trigger *stop = &info->met_by[i];
        bool bound_act = stop->special == STOP_BOUND_EVENT && from_bound && start != self->row;
        bool by_kind = stop->kind == self->view->kind && key_fits(self, info, key);
        if ((bound_act || by_kind) && stop_fits(self, stop, key, start)) {
            return STOPS_MET;
        }
    }
    for (size_t i = 0; i < info->cancel_count; i++) {
        const struct trigger *stop = &info->cancelled_by[i];
        if (stop->kind == self->view->kind && stop_fits(self, stop, key, start)) {
            return STOPS_CANCELLED;
        }
    }
    return STOPS_NOT;
}

/* Clocks that this kind, or any act of the authority that they bind, may stop. */
static uint64_t may_stop(const struct judge *self)
{
    return self->plan->stops | self->engine->plans.bound_stops;
}

static bool is_among(uint64_t clocks, const struct clock_info *info)
{
    return (clocks & UINT64_C(1) << (info->number - 1)) != 0;
}

static void stop_list(struct judge *self, const struct list *list)
{
    struct running *const *items = list->items;
    uint64_t meant = may_stop(self);

    for (uint32_t i = 0; i < list->count; i++) {
        struct running *clock = items[i];
        if (!is_open(clock) || !is_among(meant, clock->info)) {
            continue;
        }
        enum stop_answer answer = stop_answer_of(
            self, clock->info, &clock->key, clock->event, is_bound(clock, self->sender));
        if (answer != STOPS_NOT) {
            stop_clock(self, clock, answer == STOPS_MET, self->occurred_ms, self->view->kind);
        }
    }
}

static struct running *clock_new(struct judge *self, const struct clock_info *info,
    struct row *event, const struct clock_key *key)
{
    struct contents *contents = self->episode->contents;
    struct running *clock = pile_new(&contents->pile, sizeof *clock);

    clock->info = info;
    clock->episode = self->episode;
    clock->event = event;
    clock->key = *key;
    contents_add(self->engine, contents, SHELF_CLOCKS, clock);
    list_add_pointer(clocks_of(self, info), clock);
    return clock;
}

/*
 * A stop that comes before a `persisted` start drops the start: cancelled, no clock is left; met,
 * it is on record as met.
 */
static void stop_pending(struct judge *self)
{
    struct list *list = &self->episode->pending;

    for (uint32_t i = 0; i < list->count;) {
        struct pending pending = ((struct pending *)list->items)[i];
        bool from_bound = pending.waits_for == self->sender;
        enum stop_answer answer =
            stop_answer_of(self, pending.info, &pending.key, pending.event, from_bound);
        if (answer == STOPS_NOT) {
            i++;
            continue;
        }
        list_remove(list, sizeof pending, i);
        if (answer == STOPS_MET) {
            struct running *clock = clock_new(self, pending.info, pending.event, &pending.key);
            clock->state = CLOCK_MET;
            clock->stopped = true;
            clock->stopped_ms = self->engine->now_ms;
            clock->reason = (uint16_t)self->view->kind;
            emit_stopped(self->engine, clock, self->engine->now_ms);
        }
    }
}

void clocks_stop(struct judge *self)
{
    stop_list(self, &self->episode->clocks);
    stop_list(self, &self->child->clocks);
    stop_pending(self);
}

/* ---- running out ---- */

static void raise_rules(struct judge *self, const struct running *clock)
{
    engine_t *engine = self->engine;
    int64_t at_ms = clock->due.runs_out_ms;

    for (uint64_t left = engine->plans.clock_rules[clock->info->number - 1]; left != 0;
         left &= left - 1) {
        uint32_t number = (uint32_t)__builtin_ctzll(left) + 1;
        const struct rule_info *rule = procedures_rule(engine->procedures, number);
        bool raised =
            number == engine->plans.r38 || /* R38 is kept by C26 itself, once that has a limit */
            judge_severity(self, rule, 0, clock->info->number) != SEVERITY_NONE;
        if (!raised || (number == engine->plans.r34 && self->episode->escalation)) {
            continue; /* R34 speaks only where no escalation is open */
        }
        if (number == engine->plans.r46 && self->child->r46_since == NO_TIME) {
            self->child->r46_since = at_ms;
        }
        emit_alert(engine, clock->episode, clock->event, clock->info->id, number, at_ms);
    }
}

static bool begins_with(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

static void breach(struct judge *self, struct running *clock)
{
    engine_t *engine = self->engine;
    int64_t at_ms = clock->due.runs_out_ms;
    const char *what = clock->info->on_breach;
    char due[CIVIL_STAMP_BYTES];

    due_text(&clock->due, due, sizeof due);
    clock->state = CLOCK_BREACHED;
    emit(engine, "deadline_breached", clock->episode, clock->event, clock->info->id, NULL, at_ms,
        "due=%s advisory=%s", due, clock->advisory ? "yes" : "no");
    if (begins_with(what, "retention_ground_lapsed")) {
        emit(engine, "retention_ground_lapsed", clock->episode, clock->event, clock->info->id, NULL,
            at_ms, "%s", "");
    } else if (begins_with(what, "alarm_raised")) {
        emit(engine, "alarm_raised", clock->episode, clock->event, clock->info->id, NULL, at_ms,
            "%s", "");
    }
    raise_rules(self, clock);
}

static void run_out(engine_t *self, struct running *clock)
{
    struct judge judge = judge_for(self, clock->episode, clock->event);

    if (clock->info->breach_if == NULL ||
        condition_holds(&judge, clock->info->breach_if, clock->event)) {
        breach(&judge, clock);
        return;
    }
    clock->state = CLOCK_CANCELLED;
    clock->stopped = true;
    clock->stopped_ms = clock->due.runs_out_ms;
    emit_stopped(self, clock, clock->due.runs_out_ms);
}

/* A reminder names the one that must act. */
static void warn(engine_t *self, const struct running *clock)
{
    char due[CIVIL_STAMP_BYTES];
    uint16_t actors[2];
    size_t count = clock_actors(self, clock, actors);

    due_text(&clock->due, due, sizeof due);
    emit(self, "deadline_warning", clock->episode, clock->event, clock->info->id, NULL,
        clock->fire_ms, "due=%s binds=%s%s%s must_act=%s%s%s", due, bound_text(self, clock, 0),
        clock->bound_count > 1 ? "," : "", bound_text(self, clock, 1),
        count > 0 ? code_text(self, actors[0]) : "", count > 1 ? "," : "",
        count > 1 ? code_text(self, actors[1]) : "");
}

void clock_fire(engine_t *self, struct running *clock)
{
    timer_remove(self, clock);
    if (clock->fire_ms >= clock->due.runs_out_ms) {
        run_out(self, clock);
        return;
    }
    warn(self, clock);
    clock->fire_ms = clock->due.runs_out_ms;
    timer_add(self, clock);
}

/* ---- warning ---- */

/* The instant that lies the lead before the run-out; by days at 00:00. */
static int64_t lead_before(const engine_t *self, struct limit lead, int64_t runs_out_ms)
{
    int32_t day = civil_london_day(runs_out_ms);

    switch (lead.unit) {
    case LIMIT_H:
        return runs_out_ms - (int64_t)lead.count * 60 * MINUTE_MS;
    case LIMIT_MIN:
        return runs_out_ms - (int64_t)lead.count * MINUTE_MS;
    case LIMIT_WD:
        day = calendar_add_working_days(procedures_calendar(self->procedures), day, -lead.count);
        break;
    case LIMIT_MONTHS:
        day = civil_add_months(day, -lead.count);
        break;
    default:
        day -= lead.count;
        break;
    }
    return civil_london_midnight_ms(day);
}

/* When the clock is looked at first: at its warning, where clocks.warning.lead is set and still lies ahead. */
static int64_t first_look(const struct judge *self, const struct running *clock)
{
    const char *text = clock->bound_count > 0
        ? judge_value(self, clock->bound[0], "clocks.warning.lead")
        : judge_value_of_parties(self, "clocks.warning.lead");
    struct limit lead = judge_limit(self, text, (struct limit){LIMIT_UNSET, 0});

    if (lead.unit == LIMIT_UNSET || lead.unit == LIMIT_NONE || !clock->due.timed) {
        return clock->due.runs_out_ms;
    }
    int64_t warn_ms = lead_before(self->engine, lead, clock->due.runs_out_ms);
    return warn_ms > self->engine->now_ms ? warn_ms : clock->due.runs_out_ms;
}

/* ---- starting ---- */

static const struct clock_setting *setting_at(
    const struct judge *self, const struct clock_info *info, uint8_t profile)
{
    return &self->engine->plans.settings[(size_t)(profile - 1) * CLOCKS_MAX + info->number - 1];
}

static const struct clock_setting *own_setting(
    const struct judge *self, const struct clock_info *info)
{
    return setting_at(self, info, self->engine->clock_versions[info->number - 1]);
}

/* By the profiles of the authority that must act, else by the clock's own, else as its row has it. */
static enum moment moment_of(const struct judge *self, const struct clock_info *info,
    const struct trigger *start, uint16_t code)
{
    const struct standing *standing = judge_standing(self, code);
    const struct clock_setting *own_one = own_setting(self, info);

    for (size_t i = 0; i < standing->count; i++) {
        const struct clock_setting *setting = setting_at(self, info, standing->profiles[i]);
        if (setting->has_moment) {
            return setting->moment;
        }
    }
    return own_one->has_moment ? own_one->moment : start->moment;
}

static int64_t fact_start_ms(const struct judge *self, const struct trigger *start)
{
    const struct fact_value *value = fact_numbered(self->facts, start->moment_fact);
    const struct engine_names *names = self->engine->names;
    const struct episode *episode = self->episode;
    int32_t day = NO_DAY;

    if (value != NULL) {
        return value->fact->type == FACT_DATE ? civil_london_midnight_ms((int32_t)value->number)
                                              : value->number;
    }
    if (start->moment_fact == names->fact[F_MOVE_DATE]) {
        day = episode->move_date;
    } else if (start->moment_fact == names->fact[F_EXPECTED_END]) {
        day = episode->flag_end != NO_DAY ? episode->flag_end : episode->expected_end;
    }
    return day != NO_DAY ? civil_london_midnight_ms(day) : self->occurred_ms;
}

/* The limit in force. A local profile replaces a value, and never switches another profile's clock off (D5). */
static struct limit limit_of(const struct judge *self, const struct clock_info *info, uint16_t code)
{
    const struct standing *standing = judge_standing(self, code);
    const struct clock_setting *own_one = own_setting(self, info);

    for (size_t i = 0; i < standing->count; i++) {
        const struct clock_setting *setting = setting_at(self, info, standing->profiles[i]);
        if (setting->has_limit && !(setting->limit.unit == LIMIT_UNSET && own_one->has_limit)) {
            return setting->limit;
        }
    }
    return own_one->has_limit ? own_one->limit : info->shipped;
}

static void emit_set(struct judge *self, const struct running *clock)
{
    char due[CIVIL_STAMP_BYTES];

    due_text(&clock->due, due, sizeof due);
    emit(self->engine, "deadline_set", clock->episode, clock->event, clock->info->id, NULL,
        self->engine->now_ms, "due=%s binds=%s%s%s advisory=%s provisional=%s", due,
        bound_text(self->engine, clock, 0), clock->bound_count > 1 ? "," : "",
        bound_text(self->engine, clock, 1), clock->advisory ? "yes" : "no",
        clock->due.provisional ? "yes" : "no");
}

/* Does the start itself meet the clock? (assessment_opened[itself]) */
static bool meets_itself(const struct clock_info *info, const struct row *event)
{
    for (size_t i = 0; i < info->met_count; i++) {
        for (size_t k = 0; k < info->met_by[i].condition_count; k++) {
            if (info->met_by[i].kind == event->kind &&
                info->met_by[i].conditions[k].subject == CONDITION_ITSELF) {
                return true;
            }
        }
    }
    return false;
}

static bool stops_when_erased(const struct clock_info *info)
{
    return info->met_count > 0 && info->met_by[0].special == STOP_ALL_ERASED;
}

/*
 * What happens to a clock at once: its own start meets it, its time has passed already, nothing is
 * left to be erased.
 */
static void after_start(struct judge *self, struct running *clock)
{
    engine_t *engine = self->engine;
    bool itself = meets_itself(clock->info, clock->event);
    int64_t occurred_ms = clock->event->occurred_ms;
    bool late = clock->due.timed && itself && occurred_ms >= clock->due.runs_out_ms;

    if (late || (!itself && clock->due.timed && clock->due.runs_out_ms <= engine->now_ms)) {
        run_out(engine, clock); /* dated at its own moment */
    } else if (clock->due.timed && !itself) {
        clock->fire_ms = first_look(self, clock);
        timer_add(engine, clock);
    }
    if (itself) {
        stop_clock(self, clock, true, occurred_ms, clock->event->kind);
    } else if (stops_when_erased(clock->info) &&
        !payloads_left(engine, self->episode, clock->event)) {
        stop_clock(self, clock, true, engine->now_ms, 0);
    }
}

/* May a clock of this key begin beside the one that is open? G01 alone is replaced, by a new date. */
static bool makes_room(struct judge *self, const struct clock_info *info, struct running *open,
    const struct due *due, const struct row *event)
{
    if (open == NULL) {
        return true;
    }
    if (info->shipped.unit != LIMIT_DATE || open->due.runs_out_ms == due->runs_out_ms) {
        return false; /* one runs, or is breached and not stopped */
    }
    stop_clock(self, open, false, event->occurred_ms, event->kind);
    return true;
}

static void begin(struct judge *self, const struct clock_info *info, const struct trigger *start,
    struct row *event, const struct clock_key *key, int64_t start_ms)
{
    uint8_t profile = self->engine->plans.clock_profiles[info->number - 1];
    uint16_t codes[2] = {0};
    size_t count;

    parties_of(self, start->binding, codes, &count);
    struct limit limit = limit_of(self, info, codes[0]);
    if (limit.unit == LIMIT_UNSET) {
        return;
    }
    struct due due = calendar_due(procedures_calendar(self->engine->procedures), limit, start_ms);
    if (started_by(self, info, event) ||
        !makes_room(self, info, open_clock(self, info, key), &due, event)) {
        return;
    }
    struct running *clock = clock_new(self, info, event, key);
    clock->started_ms = start_ms;
    clock->limit = limit;
    clock->due = due;
    clock->has_due = due.timed;
    for (size_t i = 0; i < count; i++) {
        if (judge_under(self, codes[i], profile)) {
            clock->bound[clock->bound_count++] = codes[i];
        }
    }
    clock->advisory = clock->bound_count == 0;
    emit_set(self, clock);
    after_start(self, clock);
}

void clock_renew(engine_t *self, struct running *clock)
{
    struct judge judge = judge_for(self, clock->episode, clock->event);

    if (clock->state != CLOCK_RUNNING || !clock->due.provisional) {
        return;
    }
    timer_remove(self, clock);
    clock->due =
        calendar_due(procedures_calendar(self->procedures), clock->limit, clock->started_ms);
    clock->fire_ms = first_look(&judge, clock);
    timer_add(self, clock);
    emit_set(&judge, clock);
}

static bool is_recipient(const struct row *row, uint16_t code)
{
    for (uint32_t i = 0; i < row->recipient_count; i++) {
        if (row_recipients(row)[i].code == code) {
            return true;
        }
    }
    return false;
}

/* Whose A1 a `persisted` start waits for: the bound authority; binding both, the party that did not send. 0: none. */
static uint16_t waits_for(const struct judge *self, const struct trigger *start)
{
    uint16_t codes[2];
    size_t count;

    parties_of(self, start->binding, codes, &count);
    uint16_t code = start->binding == PARTY_BOTH ? self->other : count > 0 ? codes[0] : 0;
    return code != self->sender && is_recipient(self->row, code) ? code : 0;
}

static void start_by(struct judge *self, const struct clock_info *info, const struct trigger *start)
{
    struct clock_key key = key_of(self, info);
    uint16_t codes[2] = {0};
    size_t count;
    int64_t start_ms = self->row->accepted_ms;

    parties_of(self, start->binding, codes, &count);
    enum moment moment = moment_of(self, info, start, codes[0]);
    if (self->release && moment != MOMENT_FACT) {
        start_ms = self->engine->now_ms; /* a released request counts from now (D38) */
    } else if (moment == MOMENT_PERSISTED) {
        uint16_t code = waits_for(self, start);
        if (code != 0) {
            struct pending *pending = list_add(&self->episode->pending, sizeof *pending);
            *pending = (struct pending){info, self->row, key, code};
            return;
        }
    } else if (moment == MOMENT_SENT) {
        start_ms = self->view->sent_ms;
    } else if (moment == MOMENT_OCCURRED) {
        start_ms = self->occurred_ms;
    } else if (moment == MOMENT_FACT) {
        start_ms = fact_start_ms(self, start);
    }
    begin(self, info, start, self->row, &key, start_ms);
}

static bool start_holds(
    struct judge *self, const struct clock_info *info, const struct trigger *start)
{
    for (size_t i = 0; i < start->condition_count; i++) {
        if (start->conditions[i].subject == CONDITION_UNSTARTED && started_by(self, info, NULL)) {
            return false;
        }
    }
    return start->kind == self->view->kind &&
        conditions_hold(self, start->conditions, start->condition_count, NULL);
}

void clocks_start(struct judge *self)
{
    const uint32_t *numbers = NULL;
    size_t count = procedures_starts(self->engine->procedures, self->view->kind, &numbers);

    for (size_t i = 0; i < count; i++) {
        const struct clock_info *info = procedures_clock(self->engine->procedures, numbers[i]);
        for (size_t k = 0; k < info->start_count; k++) {
            if (start_holds(self, info, &info->starts[k]) && applies_here(self, info)) {
                start_by(self, info, &info->starts[k]);
                break;
            }
        }
    }
}

/* ---- A1, A2, erasure ---- */

static const struct trigger *start_of_kind(const struct clock_info *info, uint32_t kind)
{
    for (size_t i = 0; i < info->start_count; i++) {
        if (info->starts[i].kind == kind) {
            return &info->starts[i];
        }
    }
    return NULL;
}

static void begin_pending(struct judge *self, uint16_t code, int64_t at_ms)
{
    struct list *list = &self->episode->pending;

    for (uint32_t i = 0; i < list->count;) {
        struct pending pending = ((struct pending *)list->items)[i];
        if (pending.event != self->row || pending.waits_for != code) {
            i++;
            continue;
        }
        list_remove(list, sizeof pending, i);
        const struct trigger *start = start_of_kind(pending.info, pending.event->kind);
        if (start != NULL) { /* else tables that came since start it by something else */
            begin(self, pending.info, start, pending.event, &pending.key, at_ms);
        }
    }
}

/* Clocks of one list that a level of the starting event meets, at the bound authority. */
static void meet_level(struct judge *self, const struct list *list, enum stop_special special,
    uint16_t code, int64_t at_ms)
{
    struct running *const *items = list->items;

    for (uint32_t i = 0; i < list->count; i++) {
        struct running *clock = items[i];
        for (size_t k = 0; k < clock->info->met_count; k++) {
            if (is_open(clock) && clock->event == self->row &&
                clock->info->met_by[k].special == special && is_bound(clock, code)) {
                stop_clock(self, clock, true, at_ms, 0);
            }
        }
    }
}

static void each_episode(
    engine_t *self, struct row *event, uint16_t code, int64_t at_ms, enum stop_special special)
{
    for (uint32_t i = 0; i < event->verdict_count; i++) {
        struct judge judge = judge_for(self, event->verdicts[i].episode, event);
        if (special == STOP_PERSISTED) {
            begin_pending(&judge, code, at_ms);
        }
        meet_level(&judge, &judge.episode->clocks, special, code, at_ms);
        meet_level(&judge, &judge.child->clocks, special, code, at_ms);
        if ((judge.alert & rule_bit(self->plans.r51)) !=
            0) { /* it came in time, word of it did not */
            emit_alert(self, judge.episode, event, NULL, self->plans.r51, self->now_ms);
        }
    }
}

void clocks_persisted(engine_t *self, struct row *event, uint16_t code, int64_t at_ms)
{
    each_episode(self, event, code, at_ms, STOP_PERSISTED);
}

void clocks_opened(engine_t *self, struct row *event, uint16_t code, int64_t at_ms)
{
    each_episode(self, event, code, at_ms, STOP_OPENED);
}

static void meet_erased(engine_t *self, struct episode *episode)
{
    struct running *const *items = episode->clocks.items;

    for (uint32_t i = 0; i < episode->clocks.count; i++) {
        struct running *clock = items[i];
        if (is_open(clock) && stops_when_erased(clock->info) &&
            !payloads_left(self, episode, clock->event)) {
            struct judge judge = judge_for(self, episode, clock->event);
            stop_clock(&judge, clock, true, self->now_ms, 0);
        }
    }
}

void clocks_erased(engine_t *self, struct child *child)
{
    for (uint32_t i = 0; i < child->episodes.count; i++) {
        meet_erased(self, ((struct episode **)child->episodes.items)[i]);
    }
}
