/*
 * clocks_run: starting, stopping and running out of clocks (docs/PROCEDURES.md, section 9). Cannot fail.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

enum { KEY_TEXT_BYTES = 32, MINUTE_MS = 60000 };

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
    bool origin;
    bool receiving;

    if (info->applies == APPLIES_ANY) {
        return true;
    }
    origin = judge_under(self, transfer->origin, info->profile);
    receiving = judge_under(self, transfer->receiving, info->profile);
    return info->applies == APPLIES_ORIGIN   ? origin
        : info->applies == APPLIES_RECEIVING ? receiving
        : info->applies == APPLIES_EITHER    ? origin || receiving
                                             : origin && receiving;
}

/* clocks.ID.limit or clocks.ID.moment as it counts for one authority, else as the clock's own profile has it. */
static const char *clock_value(
    const struct judge *self, const struct clock_info *info, uint16_t code, const char *name)
{
    char key[KEY_TEXT_BYTES];

    (void)snprintf(key, sizeof key, "clocks.%s.%s", info->id, name);
    const char *value = code != 0 ? judge_value(self, code, key) : NULL;
    return value != NULL
        ? value
        : procedures_profile_value(self->engine->procedures, info->profile, key, false);
}

static struct clock_key key_of(const struct judge *self, const struct clock_info *info)
{
    return (struct clock_key){
        .sender = info->key_sender ? self->sender : 0,
        .start_kind = info->key_start_kind ? self->view->kind : 0,
        .stage = info->key_stage ? (uint32_t)fact_number(self, F_STAGE, 0) : 0,
        .assessment_type =
            info->key_assessment_type ? (uint32_t)fact_number(self, F_ASSESSMENT_TYPE, 0) : 0,
    };
}

static bool same_key(const struct clock_key *a, const struct clock_key *b)
{
    return a->sender == b->sender && a->start_kind == b->start_kind && a->stage == b->stage &&
        a->assessment_type == b->assessment_type;
}

/* The clock of that id and key that is still open, NULL for none. Clocks keyed by event never stand in each other's way. */
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

/* ---- stopping ---- */

/* Lateness by the unit of the limit: working days after the due day, days, or minutes. */
static int32_t lateness(const struct judge *self, const struct running *clock, int64_t occurred_ms)
{
    const calendar_t *calendar = procedures_calendar(self->engine->procedures);
    int32_t day = civil_london_day(occurred_ms);

    if (!clock->due.by_day) {
        return (int32_t)((occurred_ms - clock->due.runs_out_ms) / MINUTE_MS);
    }
    return clock->info->shipped.unit == LIMIT_WD
        ? calendar_working_days_between(calendar, clock->due.due_day, day)
        : day - clock->due.due_day;
}

static void supersede(struct judge *self, struct running *clock)
{
    const struct rule_info *rule = procedures_rule_named(self->engine->procedures, "R51");

    clock->state = CLOCK_SUPERSEDED;
    emit(self->engine, "breach_superseded", clock->episode, self->row, clock->info->id, NULL,
        self->engine->now_ms, "%s", "");
    if (rule != NULL) {
        self->alert |= UINT64_C(1) << (rule->number - 1);
        self->strongest = self->strongest > SEVERITY_ALERT ? self->strongest : SEVERITY_ALERT;
    }
}

static void stop_clock(
    struct judge *self, struct running *clock, bool met, int64_t occurred_ms, uint32_t reason)
{
    engine_t *engine = self->engine;
    const struct kind_info *kind = catalogue_kind(reason);

    timer_remove(engine, clock);
    clock->stopped = true;
    clock->stopped_ms = engine->now_ms;
    clock->reason = reason;
    if (clock->state == CLOCK_BREACHED) {
        if (occurred_ms < clock->due.runs_out_ms) {
            supersede(self, clock);
            return;
        }
        clock->late = lateness(self, clock, occurred_ms);
    } else {
        clock->state = met ? CLOCK_MET : CLOCK_CANCELLED;
    }
    emit(engine, "deadline_stopped", clock->episode, clock->event, clock->info->id, NULL,
        engine->now_ms, "state=%s late=%d reason=%s", state_words[clock->state], clock->late,
        kind != NULL ? kind->name : "none");
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

static void stop_list(struct judge *self, const struct list *list)
{
    struct running *const *items = list->items;

    for (uint32_t i = 0; i < list->count; i++) {
        struct running *clock = items[i];
        if (!is_open(clock)) {
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
    struct running *clock = mem_new(1, sizeof *clock);

    clock->info = info;
    clock->number = self->engine->running.count;
    clock->episode = self->episode;
    clock->event = event;
    clock->key = *key;
    *(struct running **)list_add(&self->engine->running, sizeof clock) = clock;
    *(struct running **)list_add(clocks_of(self, info), sizeof clock) = clock;
    return clock;
}

/* A stop that comes before a `persisted` start drops the start: cancelled, no clock is left; met, it is on record as met. */
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
            clock->reason = self->view->kind;
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

    for (uint32_t number = 1; number <= procedures_rule_count(engine->procedures); number++) {
        const struct rule_info *rule = procedures_rule(engine->procedures, number);
        if (judge_severity(self, rule, 0, clock->info->number) == SEVERITY_NONE) {
            continue;
        }
        if (strcmp(rule->id, "R34") == 0 && self->episode->escalation) {
            continue; /* fires only where no escalation is open */
        }
        if (strcmp(rule->id, "R46") == 0) {
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

void clock_fire(engine_t *self, struct running *clock)
{
    struct judge judge = judge_for(self, clock->episode, clock->event);

    timer_remove(self, clock);
    if (clock->info->breach_if != NULL &&
        !condition_holds(&judge, clock->info->breach_if, clock->event)) {
        clock->state = CLOCK_CANCELLED;
        clock->stopped = true;
        clock->stopped_ms = clock->due.runs_out_ms;
        emit(self, "deadline_stopped", clock->episode, clock->event, clock->info->id, NULL,
            clock->due.runs_out_ms, "state=cancelled late=0 reason=none");
        return;
    }
    breach(&judge, clock);
}

/* ---- starting ---- */

static enum moment moment_of(const struct judge *self, const struct clock_info *info,
    const struct trigger *start, uint16_t code)
{
    static const char *const words[] = {"persisted", "sent", "accepted", "occurred"};
    const char *configured = clock_value(self, info, code, "moment");

    for (size_t i = 0; configured != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], configured) == 0) {
            return (enum moment)i;
        }
    }
    return start->moment;
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

static struct limit limit_of(const struct judge *self, const struct clock_info *info, uint16_t code)
{
    const char *text = clock_value(self, info, code, "limit");
    struct limit limit = info->shipped;

    if (text != NULL) {
        (void)limit_parse(text, &limit);
    }
    return limit;
}

static void emit_set(struct judge *self, const struct running *clock)
{
    char due[CIVIL_STAMP_BYTES];

    due_text(&clock->due, due, sizeof due);
    emit(self->engine, "deadline_set", clock->episode, clock->event, clock->info->id, NULL,
        self->engine->now_ms, "due=%s binds=%s%s%s advisory=%s provisional=%s", due,
        clock->bound_count > 0 ? code_text(self->engine, clock->bound[0]) : "",
        clock->bound_count > 1 ? "," : "",
        clock->bound_count > 1 ? code_text(self->engine, clock->bound[1]) : "",
        clock->advisory ? "yes" : "no", clock->due.provisional ? "yes" : "no");
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

static void after_start(struct judge *self, struct running *clock)
{
    engine_t *engine = self->engine;
    bool itself = meets_itself(clock->info, clock->event);

    if (clock->due.timed) {
        timer_add(engine, clock);
    }
    if (itself && !(clock->due.timed && clock->event->occurred_ms >= clock->due.runs_out_ms)) {
        stop_clock(self, clock, true, clock->event->occurred_ms, clock->event->kind);
        return;
    }
    if (clock->due.timed && clock->due.runs_out_ms <= engine->now_ms) {
        clock_fire(
            engine, clock); /* its time has passed already: breached at once, at its own moment */
        if (itself) {
            stop_clock(self, clock, true, clock->event->occurred_ms, clock->event->kind);
        }
    }
    if (stops_when_erased(clock->info) &&
        !payloads_left(engine, self->child, clock->event->consent)) {
        stop_clock(self, clock, true, engine->now_ms, 0);
    }
}

static void begin(struct judge *self, const struct clock_info *info, const struct trigger *start,
    struct row *event, const struct clock_key *key, int64_t start_ms)
{
    uint16_t codes[2];
    size_t count;
    struct running *open = open_clock(self, info, key);

    parties_of(self, start->binding, codes, &count);
    struct limit limit = limit_of(self, info, count > 0 ? codes[0] : 0);
    if (limit.unit == LIMIT_UNSET) {
        return;
    }
    struct due due = calendar_due(procedures_calendar(self->engine->procedures), limit, start_ms);
    if (open != NULL) {
        if (info->shipped.unit != LIMIT_DATE || open->state != CLOCK_RUNNING) {
            return; /* one runs, or is breached and not stopped */
        }
        stop_clock(self, open, false, self->engine->now_ms,
            event->kind); /* G01 alone is replaced by a new date */
    }
    if (started_by(self, info, event)) {
        return;
    }
    struct running *clock = clock_new(self, info, event, key);
    clock->started_ms = start_ms;
    clock->due = due;
    clock->has_due = due.timed;
    for (size_t i = 0; i < count; i++) {
        if (judge_under(self, codes[i], info->profile)) {
            clock->bound[clock->bound_count++] = codes[i];
        }
    }
    clock->advisory = clock->bound_count == 0;
    emit_set(self, clock);
    after_start(self, clock);
}

static bool is_recipient(const struct row *row, uint16_t code)
{
    for (uint32_t i = 0; i < row->recipient_count; i++) {
        if (row->recipients[i].code == code) {
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
        begin(self, pending.info, start_of_kind(pending.info, pending.event->kind), pending.event,
            &pending.key, at_ms);
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

void clocks_erased(engine_t *self, struct episode *episode)
{
    struct running *const *items = episode->clocks.items;

    for (uint32_t i = 0; i < episode->clocks.count; i++) {
        struct running *clock = items[i];
        if (is_open(clock) && stops_when_erased(clock->info) &&
            !payloads_left(self, child_of(episode->child), clock->event->consent)) {
            struct judge judge = judge_for(self, episode, clock->event);
            stop_clock(&judge, clock, true, self->now_ms, 0);
        }
    }
}
