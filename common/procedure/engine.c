/*
 * engine: the fold itself. One event, child by child: duplicate, route, judge; where it takes
 * effect: stops, effects, starts, release of what was held (docs/PROCEDURES.md, section 6).
 * Failures: E_DUPLICATE and E_MODE are answers, nothing else fails.
 */
#include "common/procedure/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

enum {
    RULES_TEXT_BYTES = 320,
    KEPT_OPEN = 32768 /* items: some 2,000 children in motion at a time, 9 MB */
};

const char *const dimension_names[DIM_COUNT] = {"case", "immediate_safeguarding", "assessment",
    "conference_convening", "reports", "rent_subsistence", "other_services_cost",
    "support_meanwhile", "data_recording"};

/* Everything but the plans, of an engine that is all zeros besides. */
static void begin(engine_t *self, const procedures_t *procedures, engine_sink *sink, void *context,
    const struct backing *backing)
{
    self->procedures = procedures;
    self->names = engine_names();
    self->sink = sink;
    self->sink_context = context;
    self->now_ms = NO_TIME;
    self->dossiers.keep = KEPT_OPEN;
    heap_begin(&self->timers, NULL);
    dossiers_begin(self, backing);
}

engine_t *engine_new(const procedures_t *procedures, engine_sink *sink, void *context)
{
    engine_t *self = mem_new(1, sizeof *self);

    begin(self, procedures, sink, context, NULL);
    plans_make(self);
    return self;
}

void engine_wants(engine_t *self, engine_wants_fn *wants)
{
    self->wants = wants;
}

void engine_seed(engine_t *self, uint64_t seed)
{
    assert(self->dossiers.all.count == 0);
    self->dossiers.places.seed = seed;
}

void engine_backing(engine_t *self, const struct backing *backing)
{
    assert(self->dossiers.all.count == 0);
    dossiers_begin(self, backing);
}

void engine_keep_open(engine_t *self, size_t items)
{
    self->dossiers.keep = items;
}

static void held_free(struct held *held)
{
    free(held->bytes);
    free(held->view);
    free(held->facts);
}

void held_free_all(struct episode *self)
{
    struct held *items = self->held.items;

    for (uint32_t i = 0; i < self->held.count; i++) {
        held_free(&items[i]);
    }
    free(items);
}

void held_drop(struct episode *self)
{
    child_of(self->child)->held -= self->held.count;
    held_free_all(self);
    self->held = (struct list){0};
}

static void free_folded(engine_t *self)
{
    dossiers_free(self);
    free(self->codes.items);
    free(self->code_places);
    heap_free(&self->timers);
}

void engine_clear(engine_t *self)
{
    engine_t fresh = {.plans = self->plans};

    begin(&fresh, self->procedures, self->sink, self->sink_context, self->dossiers.all.backing);
    fresh.wants = self->wants;
    fresh.dossiers.keep = self->dossiers.keep;
    free_folded(self);
    *self = fresh;
    plans_forget_days(self);
}

void engine_destroy(engine_t **self_p)
{
    engine_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    free_folded(self);
    plans_free(self);
    free(self);
    *self_p = NULL;
}

/* ---- records ---- */

static bool is_heard(const engine_t *self, const char *kind)
{
    return self->sink != NULL && (self->wants == NULL || self->wants(self->sink_context, kind));
}

void emit(engine_t *self, const char *kind, const struct episode *episode, const struct row *row,
    const char *clock, const char *rule, int64_t at_ms, const char *format, ...)
{
    char detail[DETAIL_BYTES];
    va_list args;

    if (!is_heard(self, kind)) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    const struct engine_record record = {
        .kind = kind,
        .transfer = episode != NULL ? episode->key : NULL,
        .subject = episode != NULL ? episode_subject(episode) : NULL,
        .event = row != NULL ? row->id : NULL,
        .at_ms = at_ms,
        .recorded_ms = self->now_ms,
        .clock = clock,
        .rule = rule,
        .detail = detail,
    };
    self->sink(self->sink_context, &record);
}

void emit_plain(
    engine_t *self, const char *kind, const struct episode *episode, const struct row *row)
{
    if (!is_heard(self, kind)) {
        return;
    }
    const struct engine_record record = {
        .kind = kind,
        .transfer = episode != NULL ? episode->key : NULL,
        .subject = episode != NULL ? episode_subject(episode) : NULL,
        .event = row != NULL ? row->id : NULL,
        .at_ms = self->now_ms,
        .recorded_ms = self->now_ms,
        .detail = "",
    };
    self->sink(self->sink_context, &record);
}

void emit_alert(engine_t *self, const struct episode *episode, const struct row *row,
    const char *clock, uint32_t rule, int64_t at_ms)
{
    emit(self, "alert_raised", episode, row, clock, procedures_rule(self->procedures, rule)->id,
        at_ms, "%s", "");
}

static void rules_text(const engine_t *self, uint64_t rules, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t number = 1; number <= procedures_rule_count(self->procedures); number++) {
        if ((rules & UINT64_C(1) << (number - 1)) != 0 && used < size) {
            int len = snprintf(text + used, size - used, "%s%s", used > 0 ? "," : "",
                procedures_rule(self->procedures, number)->id);
            used += len > 0 ? (size_t)len : 0;
        }
    }
}

/* ---- time ---- */

void engine_advance(engine_t *self, int64_t now_ms)
{
    if (self->plans.version != procedures_version(self->procedures)) {
        plans_make(self);
    }
    dossiers_trim(self);
    for (struct running *next; (next = timer_next(self, now_ms)) != NULL;) {
        time_set(self, next->fire_ms);
        clock_fire(self, next);
        dossiers_trim(self);
    }
    time_set(self, now_ms);
}

int64_t engine_next_ms(const engine_t *self)
{
    int64_t next_ms = timer_next_ms(self);

    return next_ms < self->change_ms ? next_ms : self->change_ms;
}

/* ---- routing ---- */

static void add_recipient(struct row *row, uint16_t code, uint16_t sender)
{
    if (code == sender) {
        return; /* recorded for oneself (D49) */
    }
    for (uint32_t i = 0; i < row->recipient_count; i++) {
        if (row_recipients(row)[i].code == code) {
            return;
        }
    }
    row_recipients(row)[row->recipient_count++] = (struct row_recipient){.code = code};
}

/* A record about the event as a whole, said of each of its children. */
static void emit_codes(engine_t *self, const char *kind, const struct row *row, const char *format,
    const char *code, const char *other)
{
    char detail[64];

    (void)snprintf(detail, sizeof detail, format, code, other);
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        emit(self, kind, row->verdicts[i].episode, row, NULL, NULL, self->now_ms, "%s", detail);
    }
}

/* Resolve every code on the day (D35); true where one came back (R54). */
static bool route(engine_t *self, const struct event_view *view, struct row *row)
{
    bool returned = false;

    for (size_t i = 0; i < view->recipient_count; i++) {
        const char *text = view->to[i].code;
        uint16_t code = code_number(self, text);
        uint16_t routed = code_route(self, code);
        if (routed == 0) {
            emit_codes(self, "returned_to_sender", row, "code=%s%s", text, "");
            returned = true;
            continue;
        }
        if (routed != code) {
            emit_codes(
                self, "code_superseded", row, "old=%s new=%s", text, code_text(self, routed));
        }
        add_recipient(row, routed, row->from);
    }
    return returned;
}

/* ---- judging one child ---- */

static int64_t occurred_of(const engine_t *self, const struct event_view *view)
{
    bool impossible = view->occurred_ms > view->sent_ms;

    return impossible && plan_of(self, view->kind)->protective ? view->sent_ms
                                                               : view->occurred_ms; /* D41 */
}

static uint64_t exceptions_of(const struct episode *episode, int32_t today)
{
    const struct exception *items = episode->exceptions.items;
    uint64_t rules = 0;

    for (uint32_t i = 0; i < episode->exceptions.count; i++) {
        rules |= today <= items[i].expires ? items[i].rules : 0;
    }
    return rules;
}

struct judge judge_for(engine_t *self, struct episode *episode, struct row *row)
{
    int32_t today = self->today;
    uint16_t sender =
        code_now(self, row->from); /* of an event of yesterday: who stands there now */

    return (struct judge){
        .engine = self,
        .row = row,
        .episode = episode,
        .child = child_of(episode->child),
        .sender = sender,
        .other = sender == episode->transfer->origin ? episode->transfer->receiving
            : sender == episode->transfer->receiving ? episode->transfer->origin
                                                     : 0,
        .today = today,
        .occurred_ms = row->occurred_ms,
        .excepted = exceptions_of(episode, today),
    };
}

/* ---- taking effect ---- */

static void remember_notice(struct judge *self)
{
    const struct transfer *transfer = self->episode->transfer;

    if (kind_is(self, K_MOVE_NOTIFIED)) {
        struct move_notice *notice = list_add(&self->child->notices, sizeof *notice);
        *notice = (struct move_notice){
            transfer->origin, transfer->receiving, self->today, self->episode->number};
    }
}

static void count_measures(struct judge *self)
{
    if (kind_is(self, K_BREACH_REASON_RECORDED) && fact_is(self, F_CAUSE, V_DOCUMENTS_LATE)) {
        self->engine->late_documents++;
    }
}

static void note_family(struct judge *self)
{
    if (self->view->envelope[self->engine->names->header[F_FAMILY_INFORMED]] != 0) {
        self->episode->family_known = true;
    }
}

/* The payload of an effective handover was handed over under its consent; a withdrawal names the same consent (C27). */
static void note_consent(struct judge *self)
{
    const struct fact_value *ref = fact_at(self, F_CONSENT_REF);

    if (ref == NULL) {
        return;
    }
    char *consent = pile_new(&self->episode->contents->pile, ref->bytes.len + 1);
    memcpy(consent, ref->bytes.data, ref->bytes.len);
    self->row->consent = consent;
    if (kind_is(self, K_EH_HANDOVER_SENT) || kind_is(self, K_CONSENT_WITHDRAWN)) {
        list_add_pointer(&self->episode->under_consent, self->row);
    }
}

static void take_effect(struct judge *self)
{
    note_consent(self);
    if (!self->plan->no_clocks) {
        clocks_stop(self);
    }
    effects_run(self);
    filing_remember(self);
    remember_notice(self);
    note_family(self);
    count_measures(self);
    if (!self->plan->no_clocks) {
        clocks_start(self);
    }
}

static void suggest_retention(struct judge *self)
{
    if (kind_is(self, K_MOVE_NOTIFIED) && (self->alert & rule_bit(self->engine->plans.r17)) != 0) {
        emit(self->engine, "retention_suggested", self->episode, self->row, NULL, "R17",
            self->engine->now_ms, "moves=%lld", (long long)rule_moves_counted(self));
    }
}

static void emit_alerts(struct judge *self)
{
    engine_t *engine = self->engine;

    for (uint64_t left = self->alert; left != 0; left &= left - 1) {
        uint32_t number = (uint32_t)__builtin_ctzll(left) + 1;
        const char *id = procedures_rule(engine->procedures, number)->id;
        bool dated = strcmp(id, "R26") == 0; /* says whether the clocks missed bind anybody */
        emit(engine, "alert_raised", self->episode, self->row, NULL, id, engine->now_ms, "%s",
            !dated                    ? ""
                : self->advisory_only ? "advisory=yes"
                                      : "advisory=no");
    }
}

/* Keep a held request whole, to be judged again. */
static void keep_held(struct judge *self)
{
    struct held *held = list_add(&self->episode->held, sizeof *held);
    size_t len = self->view->kind_facts.len;

    self->child->held++;
    held->row = self->row;
    held->bytes = mem_new(len, 1);
    held->view = mem_new(1, sizeof *held->view);
    held->facts = mem_new(1, sizeof *held->facts);
    if (len > 0) {
        memcpy(held->bytes, self->view->kind_facts.data, len);
    }
    *held->view = *self->view;
    held->view->header = held->view->facts = slice_of(NULL, 0);
    held->view->kind_facts = slice_of(held->bytes, len);
    (void)facts_read(held->view, held->facts); /* it was read before, so it can be read again */
}

static void note_refused_letter(struct judge *self)
{
    const struct fact_value *hash = fact_at(self, F_LETTER_HASH);

    if (kind_is(self, K_WRITTEN_ACCEPTANCE) && hash != NULL) {
        struct letter *letter = list_add(&self->episode->letters, sizeof *letter);
        *letter = (struct letter){fact_hash(hash), false};
    }
}

static void withhold(struct judge *self)
{
    const struct rule_info *consent = procedures_rule_named(self->engine->procedures, "R39");

    if (consent != NULL && (self->block & rule_bit(consent->number)) != 0 &&
        self->row->has_payload) {
        self->row->withheld = true; /* what is delivered to anybody is delivered without it */
        emit_plain(self->engine, "payload_withheld", self->episode, self->row);
    }
}

static void set_aside(struct judge *self, bool held)
{
    char rules[RULES_TEXT_BYTES];

    rules_text(self->engine, self->block, rules, sizeof rules);
    emit(self->engine, held ? "held" : "refused", self->episode, self->row, NULL, NULL,
        self->engine->now_ms, "rules=%s", rules);
    note_refused_letter(self);
    if (held && kind_is(self, K_TRANSFER_REQUESTED)) {
        keep_held(self);
    } else if (!held) {
        self->engine->refusals++;
        withhold(self);
    }
}

static struct row_verdict *verdict_of(struct row *row, const struct episode *episode)
{
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        if (row->verdicts[i].episode == episode) {
            return &row->verdicts[i];
        }
    }
    return NULL;
}

/* Held requests of the child are judged again; one that nothing refuses or holds any more takes effect now. */
static void release_held(engine_t *self, struct child *child)
{
    if (child->held ==
        0) { /* nearly always: a child with many episodes is not walked for nothing */
        return;
    }
    for (uint32_t e = 0; e < child->episodes.count; e++) {
        struct episode *episode = list_pointer(&child->episodes, e);
        for (uint32_t i = 0; i < episode->held.count;) {
            struct held held = ((struct held *)episode->held.items)[i];
            struct judge judge = judge_for(self, episode, held.row);
            judge.view = held.view;
            judge.facts = held.facts;
            judge.release = true;
            judge.plan = plan_of(self, held.row->kind);
            judge_rules(&judge);
            if (judge.block != 0) {
                i++;
                continue;
            }
            list_remove(&episode->held, sizeof held, i);
            child->held--;
            take_effect(&judge);
            struct row_verdict *verdict = verdict_of(held.row, episode);
            judge.alert |=
                verdict->alert & rule_bit(self->plans.r54); /* a code that came back stays one */
            verdict->verdict = judge.alert != 0 ? VERDICT_ALERT : VERDICT_EFFECTIVE;
            verdict->alert = judge.alert;
            verdict->block = 0;
            emit_plain(self, "hold_released", episode, held.row);
            emit_alerts(&judge);
            held_free(&held);
        }
    }
}

static void fold_child(engine_t *self, const struct engine_event *event, struct row *row,
    uint64_t routed, struct row_verdict *verdict)
{
    struct judge judge = judge_for(self, verdict->episode, row);

    judge.view = event->view;
    judge.facts = event->facts;
    judge.plan = plan_of(self, event->view->kind);
    judge.alert = routed;
    filings_find(&judge);
    judge_rules(&judge);
    if (judge.block != 0) {
        bool held = judge.strongest == SEVERITY_HOLD;
        set_aside(&judge, held);
        verdict->verdict = held ? VERDICT_HELD : VERDICT_REFUSED;
    } else {
        suggest_retention(&judge);
        take_effect(&judge);
        verdict->verdict = judge.alert != 0 ? VERDICT_ALERT : VERDICT_EFFECTIVE;
    }
    verdict->block = judge.block;
    verdict->alert = judge.alert;
    emit_alerts(&judge);
    if (judge.block == 0) {
        release_held(self, judge.child);
    }
}

/* ---- the event ---- */

static int note_duplicate(engine_t *self, const struct row *row)
{
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        emit_plain(self, "duplicate_ignored", row->verdicts[i].episode, row);
    }
    if (row->verdict_count == 0) {
        emit_plain(self, "duplicate_ignored", NULL, row);
    }
    return E_DUPLICATE;
}

/* One block: the row, its verdicts, its recipients. */
struct row *row_make(struct pile *pile, const struct event_view *view)
{
    struct row *row = pile_new(pile,
        sizeof *row + view->subject_count * sizeof *row->verdicts +
            view->recipient_count * sizeof(struct row_recipient));

    row->verdict_count = (uint8_t)view->subject_count;
    return row;
}

static struct row *row_new(
    engine_t *self, struct contents *contents, const struct engine_event *event)
{
    const struct event_view *view = event->view;
    const struct kind_info *kind = plan_of(self, view->kind)->info;
    const struct fact_value *door = fact_numbered(event->facts, self->names->fact[F_DOOR]);
    const struct fact_value *mother =
        fact_numbered(event->facts, self->names->fact[F_MOTHER_PLACING]);
    struct row *row = row_make(&contents->pile, view);

    row->consent = "";
    memcpy(row->id, view->id, UUID_BYTES);
    row->kind = view->kind;
    row->from = code_today(self, view->from);
    row->accepted_ms = event->accepted_ms;
    row->occurred_ms = occurred_of(self, view);
    row->sent_ms = view->sent_ms;
    row->has_payload = view->has_payload || (kind != NULL && kind->carries_documents);
    row->door = door != NULL ? (uint32_t)door->number : 0;
    row->mother_placing = code_of_fact(self, mother);
    contents_add(self, contents, SHELF_ROWS, row);
    return row;
}

/* C16 has no number: what is known is how long the sender took from the day on which it learnt of it. */
static void emit_accepted(
    engine_t *self, const struct engine_event *event, const struct row *row, uint32_t index)
{
    const struct fact_value *known = fact_numbered(event->facts, self->names->fact[F_KNOWN_ON]);

    if (known == NULL) {
        emit_plain(self, "accepted", row->verdicts[index].episode, row);
        return;
    }
    int64_t waited_ms = row->sent_ms - civil_london_midnight_ms((int32_t)known->number);
    emit(self, "accepted", row->verdicts[index].episode, row, NULL, NULL, self->now_ms,
        "latency_s=%lld", (long long)(waited_ms / 1000));
}

static bool is_live(const engine_t *self, const struct event_view *view)
{
    const struct fact_info *mode = catalogue_fact(self->names->fact[F_MODE]);
    const char *word = view->mode != 0 ? fact_value_word(mode, view->mode) : "live";

    return word != NULL && strcmp(word, "live") == 0;
}

int engine_event(engine_t *self, const struct engine_event *event, uint8_t *verdicts)
{
    const struct event_view *view = event->view;

    engine_advance(self, event->accepted_ms);
    const struct row *known = row_find(self, view->id);
    if (known != NULL) {
        return note_duplicate(self, known);
    }
    if (!is_live(self, view)) {
        return E_MODE; /* R53: turned away at the door, nothing changes */
    }
    struct contents *contents = contents_of_event(self, view);
    struct row *row = row_new(self, contents, event);
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        row->verdicts[i].episode = episode_get(self, contents, event, &view->subjects[i]);
        emit_accepted(self, event, row, i);
    }
    uint64_t routed = route(self, view, row) ? rule_bit(self->plans.r54) : 0;
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        if (plan_of(self, view->kind)->info != NULL) {
            fold_child(self, event, row, routed, &row->verdicts[i]);
        } /* a kind of a later catalogue: delivered, unjudged, without effect */
        verdicts[i] = row->verdicts[i].verdict;
    }
    return 0;
}
