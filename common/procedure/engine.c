/*
 * engine: the fold itself. One event, child by child: duplicate, route, judge; where it takes effect: stops, effects, starts,
 * release of what was held (docs/PROCEDURES.md, section 6). Failures: E_DUPLICATE and E_MODE are answers, nothing else fails.
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

enum { RULES_TEXT_BYTES = 320 };

const char *const dimension_names[DIM_COUNT] = {"case", "immediate_safeguarding", "assessment",
    "conference_convening", "reports", "rent_subsistence", "other_services_cost",
    "support_meanwhile", "data_recording"};

engine_t *engine_new(const procedures_t *procedures, engine_sink *sink, void *context)
{
    engine_t *self = mem_new(1, sizeof *self);

    self->procedures = procedures;
    self->names = engine_names();
    self->sink = sink;
    self->sink_context = context;
    self->now_ms = NO_TIME;
    self->children_by_ref.key_bytes = UUID_BYTES;
    self->transfers_by_id.key_bytes = UUID_BYTES;
    self->rows_by_id.key_bytes = UUID_BYTES;
    self->episodes_by_key.key_bytes = 2 * UUID_BYTES;
    rules_index(self);
    return self;
}

static void held_free(struct held *held)
{
    free(held->bytes);
    free(held->view);
    free(held->facts);
}

void held_drop(struct episode *self)
{
    struct held *items = self->held.items;

    for (uint32_t i = 0; i < self->held.count; i++) {
        held_free(&items[i]);
    }
    self->held.count = 0;
}

static void episode_free(struct episode *self)
{
    held_drop(self);
    free(self->letters.items);
    free(self->filings.items);
    free(self->exceptions.items);
    free(self->held.items);
    free(self->clocks.items);
    free(self->pending.items);
    free(self->outstanding.items);
    free(self->history.items);
    free(self);
}

static void child_free(struct child *self)
{
    struct consent *consents = self->consents.items;

    for (uint32_t i = 0; i < self->consents.count; i++) {
        free(consents[i].recipients.items);
    }
    free(self->assessments.items);
    free(self->orders.items);
    free(self->consents.items);
    free(self->notices.items);
    free(self->clocks.items);
    free(self->episodes.items);
    free(self->history.items);
    free(self);
}

static void free_items(struct list *list)
{
    void **items = list->items;

    for (uint32_t i = 0; i < list->count; i++) {
        free(items[i]);
    }
    free(list->items);
}

void engine_destroy(engine_t **self_p)
{
    engine_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (uint32_t i = 0; i < self->episodes.count; i++) {
        episode_free(((struct episode **)self->episodes.items)[i]);
    }
    for (uint32_t i = 0; i < self->children.count; i++) {
        child_free(((struct child **)self->children.items)[i]);
    }
    for (uint32_t i = 0; i < self->transfers.count; i++) {
        free(((struct transfer **)self->transfers.items)[i]->episodes.items);
    }
    for (uint32_t i = 0; i < self->rows.count; i++) {
        struct row *row = ((struct row **)self->rows.items)[i];
        free(row->recipients);
        free(row->verdicts);
    }
    for (uint32_t kind = 0; kind < KINDS_MAX; kind++) {
        free(self->calls[kind].items);
    }
    free_items(&self->transfers);
    free_items(&self->rows);
    free_items(&self->running);
    free(self->episodes.items);
    free(self->children.items);
    free(self->codes.items);
    free(self->timers.items);
    table16_free(&self->children_by_ref);
    table16_free(&self->transfers_by_id);
    table16_free(&self->rows_by_id);
    table16_free(&self->episodes_by_key);
    free(self);
    *self_p = NULL;
}

/* ---- records ---- */

void emit(engine_t *self, const char *kind, const struct episode *episode, const struct row *row,
    const char *clock, const char *rule, int64_t at_ms, const char *format, ...)
{
    char detail[DETAIL_BYTES];
    va_list args;

    if (self->sink == NULL) {
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
    for (struct running *next;
         (next = timer_first(self)) != NULL && next->due.runs_out_ms <= now_ms;) {
        self->now_ms = next->due.runs_out_ms > self->now_ms ? next->due.runs_out_ms : self->now_ms;
        clock_fire(self, next);
    }
    if (now_ms > self->now_ms) {
        self->now_ms = now_ms;
    }
}

int64_t engine_next_ms(const engine_t *self)
{
    const struct running *next = timer_first(self);

    return next != NULL ? next->due.runs_out_ms : INT64_MAX;
}

void engine_procedures(engine_t *self, const procedures_t *procedures, int64_t now_ms)
{
    engine_advance(self, now_ms);
    self->procedures = procedures;
    rules_index(self);
    for (uint32_t i = 0; i < self->running.count; i++) {
        struct running *clock = ((struct running **)self->running.items)[i];
        clock->info = procedures_clock_named(procedures, clock->info->id);
        if (clock->state == CLOCK_RUNNING &&
            clock->due.provisional) { /* D47: worked out again with the new file */
            struct limit limit = clock->info->shipped;
            timer_remove(self, clock);
            clock->due = calendar_due(procedures_calendar(procedures), limit, clock->started_ms);
            timer_add(self, clock);
        }
    }
}

/* ---- routing ---- */

static void add_recipient(struct row *row, uint16_t code, uint16_t sender)
{
    if (code == sender) {
        return; /* recorded for oneself (D49) */
    }
    for (uint32_t i = 0; i < row->recipient_count; i++) {
        if (row->recipients[i].code == code) {
            return;
        }
    }
    row->recipients[row->recipient_count++] = (struct row_recipient){.code = code};
}

/* Resolve every code on the day (D35); true where one came back (R54). */
static bool route(engine_t *self, const struct event_view *view, struct row *row,
    const struct episode *episode, int32_t today)
{
    bool returned = false;

    row->recipients = mem_new(view->recipient_count, sizeof *row->recipients);
    for (size_t i = 0; i < view->recipient_count; i++) {
        const char *code = view->to[i].code;
        const char *resolved = procedures_route(self->procedures, code, today);
        if (resolved == NULL) {
            emit(self, "returned_to_sender", episode, row, NULL, NULL, self->now_ms, "code=%s",
                code);
            returned = true;
            continue;
        }
        if (strcmp(resolved, code) != 0) {
            emit(self, "code_superseded", episode, row, NULL, NULL, self->now_ms, "old=%s new=%s",
                code, resolved);
        }
        add_recipient(row, code_number(self, resolved), row->from);
    }
    return returned;
}

/* ---- judging one child ---- */

static bool is_protective(const struct event_view *view)
{
    const struct kind_info *kind = catalogue_kind(view->kind);

    return kind != NULL && kind->protective;
}

static int64_t occurred_of(const struct event_view *view)
{
    bool impossible = view->occurred_ms > view->sent_ms;

    return impossible && is_protective(view) ? view->sent_ms : view->occurred_ms; /* D41 */
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
    int32_t today = civil_london_day(self->now_ms);

    return (struct judge){
        .engine = self,
        .row = row,
        .episode = episode,
        .child = child_of(episode->child),
        .sender = row->from,
        .other = row->from == episode->transfer->origin ? episode->transfer->receiving
            : row->from == episode->transfer->receiving ? episode->transfer->origin
                                                        : 0,
        .today = today,
        .occurred_ms = row->occurred_ms,
        .excepted = exceptions_of(episode, today),
    };
}

/* ---- two-party kinds: what is compared (D57) ---- */

static const struct {
    enum kind_name kind;
    enum fact_name facts[2];
    size_t count;
} two_party[] = {
    {K_TRANSFER_DATE_AGREED, {F_TRANSFER_DATE, F_TRANSFER_POINT}, 2},
    {K_RETENTION_AGREEMENT_SIGNED, {F_AGREEMENT_REF, F_AGREEMENT_HASH}, 2},
    {K_EXCEPTION_ARRANGEMENT, {F_RULE_SET_ASIDE, F_EXPIRES_ON}, 2},
    {K_SUBJECTS_LINKED, {F_SAME_CHILD_AS}, 1},
    {K_ESCALATION_OUTCOME, {F_STAGE}, 1},
};

/* One hash over the facts that are compared; a list counts as a set, so the items' hashes are joined by exclusive or. */
static struct hash filing_key(const struct judge *self, const enum fact_name *facts, size_t count)
{
    struct buf bytes = {0};
    struct hash key;

    for (size_t i = 0; i < count; i++) {
        struct hash joined = {{0}};
        uint32_t number = self->engine->names->fact[facts[i]];
        for (size_t k = 0; k < self->facts->count; k++) {
            const struct fact_value *value = &self->facts->values[k];
            if (value->fact->number == number) {
                uint8_t plain[8];
                put_u64(plain, (uint64_t)value->number);
                struct hash item =
                    hash_of("waypost/engine/item/1", slice_of(plain, sizeof plain), value->bytes);
                for (size_t b = 0; b < HASH_BYTES; b++) {
                    joined.b[b] ^= item.b[b];
                }
            }
        }
        buf_put(&bytes, joined.b, HASH_BYTES);
    }
    key = hash_of("waypost/engine/filing/1", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
    return key;
}

static bool two_party_key(const struct judge *self, struct hash *key)
{
    for (size_t i = 0; i < sizeof two_party / sizeof two_party[0]; i++) {
        if (kind_is(self, two_party[i].kind)) {
            *key = filing_key(self, two_party[i].facts, two_party[i].count);
            return true;
        }
    }
    return false;
}

/* Outcomes are filed by stage within the open escalation; the rest is the latest filing of each side. */
static void find_filings(struct judge *self)
{
    const struct filing *filings = self->episode->filings.items;
    struct hash key;
    bool mine = false;

    if (kind_is(self, K_ESCALATION_OUTCOME)) {
        int64_t stage = fact_number(self, F_STAGE, 0);
        uint16_t bit = stage >= 1 && stage < STAGES_MAX ? (uint16_t)(1U << stage) : 0;
        size_t side = self->sender == self->episode->transfer->origin ? 0 : 1;
        self->second = (self->episode->stage_filed[1 - side] & bit) != 0;
        self->first = !self->second && (self->episode->stage_filed[side] & bit) == 0;
        return;
    }
    if (!two_party_key(self, &key)) {
        return;
    }
    for (uint32_t i = 0; i < self->episode->filings.count; i++) {
        if (filings[i].kind == self->view->kind && memcmp(&filings[i].key, &key, sizeof key) == 0) {
            *(filings[i].sender == self->sender ? &mine : &self->second) = true;
        }
    }
    self->first = !self->second && !mine;
}

static void remember_filing(struct judge *self)
{
    struct filing *filings = self->episode->filings.items;
    struct hash key;

    if (!two_party_key(self, &key)) {
        return;
    }
    for (uint32_t i = 0; i < self->episode->filings.count; i++) {
        if (filings[i].kind == self->view->kind && filings[i].sender == self->sender) {
            filings[i].key = key;
            return;
        }
    }
    struct filing *made = list_add(&self->episode->filings, sizeof *made);
    *made = (struct filing){self->view->kind, self->sender, key};
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
    const struct fact_info *fact = catalogue_fact(self->engine->names->fact[F_FAMILY_INFORMED]);

    if (self->view->envelope[fact->header_field] != 0) {
        self->episode->family_known = true;
    }
}

/* The payload of an effective handover was handed over under its consent; a withdrawal names the same consent (C27). */
static void note_consent(struct judge *self)
{
    const struct fact_value *ref = fact_at(self, F_CONSENT_REF);

    if (ref != NULL && ref->bytes.len < sizeof self->row->consent) {
        memcpy(self->row->consent, ref->bytes.data, ref->bytes.len);
    }
}

static void take_effect(struct judge *self)
{
    note_consent(self);
    clocks_stop(self);
    effects_run(self);
    remember_filing(self);
    remember_notice(self);
    note_family(self);
    count_measures(self);
    clocks_start(self);
}

static void suggest_retention(struct judge *self)
{
    const struct rule_info *rule = procedures_rule_named(self->engine->procedures, "R17");

    if (rule != NULL && kind_is(self, K_MOVE_NOTIFIED) &&
        (self->alert & UINT64_C(1) << (rule->number - 1)) != 0) {
        emit(self->engine, "retention_suggested", self->episode, self->row, NULL, rule->id,
            self->engine->now_ms, "moves=%u", self->child->notices.count);
    }
}

static void emit_alerts(struct judge *self)
{
    for (uint32_t number = 1; number <= procedures_rule_count(self->engine->procedures); number++) {
        if ((self->alert & UINT64_C(1) << (number - 1)) != 0) {
            emit_alert(self->engine, self->episode, self->row, NULL, number, self->engine->now_ms);
        }
    }
}

/* Keep a held request whole, to be judged again. */
static void keep_held(struct judge *self)
{
    struct held *held = list_add(&self->episode->held, sizeof *held);
    size_t len = self->view->kind_facts.len;

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
    if (kind_is(self, K_EH_HANDOVER_SENT) && self->row->has_payload && !self->row->withheld) {
        self->row->withheld = true; /* R39 */
        emit(self->engine, "payload_withheld", self->episode, self->row, NULL, NULL,
            self->engine->now_ms, "%s", "");
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

static struct row_verdict *verdict_of(const struct row *row, const struct episode *episode)
{
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        if (row->verdicts[i].episode == episode) {
            return &row->verdicts[i];
        }
    }
    return NULL;
}

/* Held requests of the child are judged again; one that nothing refuses or holds any more takes effect now. */
static void release_held(engine_t *self, const struct child *child)
{
    for (uint32_t e = 0; e < child->episodes.count; e++) {
        struct episode *episode = ((struct episode **)child->episodes.items)[e];
        for (uint32_t i = 0; i < episode->held.count;) {
            struct held held = ((struct held *)episode->held.items)[i];
            struct judge judge = judge_for(self, episode, held.row);
            judge.view = held.view;
            judge.facts = held.facts;
            judge.release = true;
            judge_run(&judge);
            if (judge.block != 0) {
                i++;
                continue;
            }
            list_remove(&episode->held, sizeof held, i);
            take_effect(&judge);
            struct row_verdict *verdict = verdict_of(held.row, episode);
            verdict->verdict = judge.alert != 0 ? VERDICT_ALERT : VERDICT_EFFECTIVE;
            verdict->alert |= judge.alert;
            verdict->block = 0;
            emit(self, "hold_released", episode, held.row, NULL, NULL, self->now_ms, "%s", "");
            emit_alerts(&judge);
            held_free(&held);
        }
    }
}

static uint8_t fold_child(engine_t *self, const struct engine_event *event, struct row *row,
    struct episode *episode, uint64_t routed, struct row_verdict *verdict)
{
    struct judge judge = judge_for(self, episode, row);

    judge.view = event->view;
    judge.facts = event->facts;
    judge.protective = is_protective(event->view);
    judge.alert = routed;
    find_filings(&judge);
    judge_run(&judge);
    verdict->episode = episode;
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
    return verdict->verdict;
}

/* ---- the event ---- */

static int note_duplicate(engine_t *self, const struct row *row)
{
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        emit(self, "duplicate_ignored", row->verdicts[i].episode, row, NULL, NULL, self->now_ms,
            "%s", "");
    }
    return E_DUPLICATE;
}

static uint16_t resolved(engine_t *self, const char *code, int32_t today)
{
    const char *in_force = procedures_route(self->procedures, code, today);

    return code_number(self, in_force != NULL ? in_force : code);
}

static struct row *row_new(engine_t *self, const struct engine_event *event)
{
    const struct event_view *view = event->view;
    const struct kind_info *kind = catalogue_kind(view->kind);
    struct row *row = mem_new(1, sizeof *row);
    const struct fact_value *door = fact_numbered(event->facts, self->names->fact[F_DOOR]);
    const struct fact_value *mother =
        fact_numbered(event->facts, self->names->fact[F_MOTHER_PLACING]);
    int32_t today = civil_london_day(event->accepted_ms);

    memcpy(row->id, view->id, UUID_BYTES);
    row->number = self->rows.count;
    row->kind = view->kind;
    row->from = resolved(self, view->from, today);
    row->accepted_ms = event->accepted_ms;
    row->occurred_ms = occurred_of(view);
    row->sent_ms = view->sent_ms;
    row->has_payload = view->has_payload || (kind != NULL && kind->carries_documents);
    row->door = door != NULL ? (uint32_t)door->number : 0;
    if (mother != NULL && mother->bytes.len == CODE_BYTES) {
        char code[CODE_BYTES + 1] = "";
        memcpy(code, mother->bytes.data, CODE_BYTES);
        row->mother_placing = resolved(self, code, today);
    }
    *(struct row **)list_add(&self->rows, sizeof row) = row;
    table16_put(&self->rows_by_id, row->id, row);
    return row;
}

int engine_event(engine_t *self, const struct engine_event *event, uint8_t *verdicts)
{
    const struct event_view *view = event->view;
    struct episode *episodes[SUBJECTS_MAX];
    const struct rule_info *r54 = procedures_rule_named(self->procedures, "R54");
    const struct fact_info *mode = catalogue_fact(self->names->fact[F_MODE]);

    engine_advance(self, event->accepted_ms);
    const struct row *known = row_find(self, view->id);
    if (known != NULL) {
        return note_duplicate(self, known);
    }
    const char *mode_word = view->mode != 0 ? fact_value_word(mode, view->mode) : "live";
    if (mode_word == NULL || strcmp(mode_word, "live") != 0) {
        return E_MODE; /* R53: turned away at the door, nothing changes */
    }
    struct row *row = row_new(self, event);
    for (size_t i = 0; i < view->subject_count; i++) {
        episodes[i] = episode_get(self, event, &view->subjects[i]);
    }
    row->transfer = transfer_find(self, view->transfer);
    const struct episode *first = view->subject_count > 0 ? episodes[0] : NULL;
    emit(self, "accepted", first, row, NULL, NULL, self->now_ms, "%s", "");
    bool returned = route(self, view, row, first, civil_london_day(self->now_ms));
    row->verdict_count = (uint32_t)view->subject_count;
    row->verdicts = mem_new(view->subject_count, sizeof *row->verdicts);
    for (size_t i = 0; i < view->subject_count; i++) {
        uint64_t routed = returned && r54 != NULL ? UINT64_C(1) << (r54->number - 1) : 0;
        verdicts[i] = fold_child(self, event, row, episodes[i], routed, &row->verdicts[i]);
    }
    return 0;
}

/* ---- levels ---- */

static struct row_recipient *recipient_of(
    const engine_t *self, const struct row *row, const char *code)
{
    for (uint32_t i = 0; row != NULL && i < row->recipient_count; i++) {
        if (strcmp(code_text(self, row->recipients[i].code), code) == 0) {
            return &row->recipients[i];
        }
    }
    return NULL;
}

/* R22: a notice laid at one of the two doors of a London receiver is laid at the other too. */
static void copy_door(engine_t *self, struct row *row, struct episode *episode, uint16_t code)
{
    struct judge judge = judge_for(self, episode, row);
    bool mash = row->door == self->names->value[V_DOOR_MASH];
    bool qa = row->door == self->names->value[V_DOOR_QA];

    if (row->kind == self->names->kind[K_MOVE_NOTIFIED] && (mash || qa) &&
        code == episode->transfer->receiving && is_value(&judge, judge.child->case_type, V_CP) &&
        judge_under(&judge, code, "london")) {
        emit(self, "door_copied", episode, row, NULL, "R22", self->now_ms, "door=%s",
            mash ? "qa_unit" : "mash");
    }
}

static void note_persisted(
    engine_t *self, struct row *row, struct episode *episode, uint16_t code, int64_t at_ms)
{
    emit(self, "persisted", episode, row, NULL, NULL, at_ms, "by=%s latency_s=%lld",
        code_text(self, code), (long long)((at_ms - row->accepted_ms) / 1000));
    copy_door(self, row, episode, code);
    if (row->mother_placing != 0 && row->mother_placing == code) {
        emit(self, "cooperation_duty", episode, row, NULL, NULL, at_ms, "authority=%s",
            code_text(self, code));
    }
    if (row->kind == self->names->kind[K_DOCUMENTS_PROVIDED] &&
        code == episode->transfer->receiving) {
        episode->documents_persisted_ms = at_ms;
    }
}

void engine_persisted(engine_t *self, const uint8_t *event_id, const char *code, int64_t at_ms)
{
    struct row *row = row_find(self, event_id);
    struct row_recipient *recipient = recipient_of(self, row, code);

    engine_advance(self, at_ms);
    if (recipient == NULL || recipient->level >= 1) {
        return;
    }
    recipient->level = 1;
    recipient->has_payload = row->has_payload && !row->withheld && !row->erased_broker;
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        note_persisted(self, row, row->verdicts[i].episode, recipient->code, at_ms);
    }
    clocks_persisted(self, row, recipient->code, at_ms);
}

void engine_opened(engine_t *self, const uint8_t *event_id, const char *code, const char *role,
    const char *team, int64_t at_ms)
{
    struct row *row = row_find(self, event_id);
    struct row_recipient *recipient = recipient_of(self, row, code);

    engine_advance(self, at_ms);
    if (recipient == NULL || recipient->level == 0) {
        return; /* what is not persisted cannot be opened */
    }
    recipient->level = 2;
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        emit(self, "opened", row->verdicts[i].episode, row, NULL, NULL, at_ms,
            "by=%s role=%s team=%s", code, role != NULL ? role : "", team != NULL ? team : "");
    }
    clocks_opened(self, row, recipient->code, at_ms);
}

/* ---- erasure ---- */

static bool all_erased(const struct row *row)
{
    bool all = row->erased_sender && row->erased_broker;

    for (uint32_t i = 0; i < row->recipient_count; i++) {
        all = all && (!row->recipients[i].has_payload || row->recipients[i].erased);
    }
    return all;
}

bool payloads_left(const engine_t *self, const struct child *child, const char *consent)
{
    for (uint32_t i = 0; i < self->rows.count; i++) {
        const struct row *row = ((struct row **)self->rows.items)[i];
        bool handed = row->kind == self->names->kind[K_EH_HANDOVER_SENT] &&
            strcmp(row->consent, consent) == 0;
        bool about = row->verdict_count > 0 && child_of(row->verdicts[0].episode->child) == child;
        bool took = about && row->verdicts[0].verdict <= VERDICT_ALERT;
        if (handed && took && row->has_payload && !all_erased(row)) {
            return true;
        }
    }
    return false;
}

void engine_erased(engine_t *self, const uint8_t *event_id, const char *holder, int64_t at_ms)
{
    struct row *row = row_find(self, event_id);

    engine_advance(self, at_ms);
    if (row == NULL || !row->has_payload) {
        return;
    }
    struct row_recipient *recipient = recipient_of(self, row, holder);
    bool *erased = strcmp(holder, "broker") == 0          ? &row->erased_broker
        : strcmp(code_text(self, row->from), holder) == 0 ? &row->erased_sender
        : recipient != NULL                               ? &recipient->erased
                                                          : NULL;
    if (erased == NULL || *erased) {
        return;
    }
    *erased = true;
    bool confirmed = all_erased(row);
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        emit(self, "payload_erased", row->verdicts[i].episode, row, NULL, NULL, at_ms, "by=%s",
            holder);
        if (confirmed) {
            emit(self, "erasure_confirmed", row->verdicts[i].episode, row, NULL, NULL, at_ms, "%s",
                "");
        }
        clocks_erased(self, row->verdicts[i].episode);
    }
}
