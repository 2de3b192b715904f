/* ops_cases: clocks, whois, and what a transfer's timeline says of owners, clocks and what is owed. */
#include <stdio.h>
#include <string.h>

#include "client/agent/beliefs.h"
#include "client/agent/cases.h"
#include "client/agent/ops.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/uuid.h"
#include "common/procedure/telling.h"

#include "common/base/banned.h"

static const char *const clock_words[] = {"running", "met", "cancelled", "breached", "superseded"};

struct clock_list {
    agent_core_t *core;
    const struct transfer_row *transfer;
    json_t *rows;
    int64_t until_ms; /* only what runs out before; INT64_MAX for all */
    bool open;        /* only what still runs, or is breached and not stopped */
    int64_t heard_ms; /* beliefs_heard_ms() */
};

static const char *child_name(const struct transfer_row *transfer, const uint8_t *ref, char *text)
{
    for (size_t i = 0; i < transfer->subject_count; i++) {
        if (memcmp(transfer->subjects[i].ref, ref, UUID_BYTES) == 0 &&
            transfer->subjects[i].name[0] != '\0') {
            return transfer->subjects[i].name;
        }
    }
    uuid_format(ref, text);
    return text;
}

static void put_due(json_t *row, const struct due *due)
{
    char text[CIVIL_STAMP_BYTES];

    if (!due->timed) {
        json_object_set_new(row, "due", json_null());
        return;
    }
    if (due->by_day) {
        civil_date_text(due->due_day, text);
    } else {
        civil_stamp_utc(due->due_ms, text);
    }
    json_object_set_new(row, "due", json_string(text));
    json_object_set_new(row, "runs_out", json_stamp(due->runs_out_ms));
    json_object_set_new(row, "beyond_holidays", json_boolean(due->provisional));
}

static void put_late(json_t *row, const struct engine_clock *clock)
{
    char text[LATE_TEXT_BYTES];

    if (clock->late > 0) {
        json_object_set_new(
            row, "late_text", json_string(late_text(clock->late_unit, clock->late, text)));
        json_object_set_new(row, "late", json_integer(clock->late));
        json_object_set_new(row, "late_unit", json_string(late_unit_title(clock->late_unit)));
    }
}

static void add_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    struct clock_list *list = context;
    char ref[UUID_TEXT_BYTES];
    bool open =
        clock->state == CLOCK_RUNNING || (clock->state == CLOCK_BREACHED && !clock->stopped);
    int64_t runs_out_ms = clock->has_due ? clock->due.runs_out_ms : INT64_MAX;

    if ((list->open && !open) || runs_out_ms > list->until_ms) {
        return;
    }
    json_t *binds = json_array();
    json_t *actors = json_array();
    for (size_t i = 0; i < clock->bound_count; i++) {
        json_array_append_new(binds, json_string(clock->bound[i]));
    }
    for (size_t i = 0; i < clock->actor_count; i++) {
        json_array_append_new(actors, json_string(clock->actors[i]));
    }
    /* while the broker is away nobody has borne it out: a belief (docs/PROCEDURES.md, section 9, Offline) */
    bool provisional = clock->due.provisional || !agent_core_online(list->core);
    json_t *row = json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:s, s:o, s:b, s:b}", "clock",
        clock->info->id, "name", clock->info->name, "transfer", json_id(list->transfer->transfer),
        "label", list->transfer->label, "child", child_name(list->transfer, subject, ref), "ref",
        json_id(subject), "event", json_id(clock->event), "state", clock_words[clock->state],
        "binds", binds, "advisory", (int)clock->advisory, "provisional", (int)provisional);
    assert(row != NULL);
    json_object_set_new(row, "must_act", actors);
    json_object_set_new(row, "stopped", json_boolean(clock->stopped));
    json_object_set_new(row, "belief", json_boolean(belief_is(list->core, clock, list->heard_ms)));
    put_due(row, &clock->due);
    put_late(row, clock);
    json_array_append_new(list->rows, row);
}

/* transfer: NULL for all */
static engine_t *fold_or_complain(struct op *op, const uint8_t *transfer)
{
    engine_t *engine =
        transfer == NULL ? cases_fold(op->core) : cases_fold_kin(op->core, transfer, NULL);

    if (engine == NULL) {
        complain(op->why, E_CONFIG,
            "this agent runs without procedure tables; name their folder as `procedures` in its "
            "configuration");
    }
    return engine;
}

/* ---- clocks ---- */

struct transfer_walk {
    engine_t *engine;
    struct clock_list list;
};

static void add_clocks_of(void *context, const struct transfer_row *row)
{
    struct transfer_walk *walk = context;

    walk->list.transfer = row;
    engine_clocks(walk->engine, row->transfer, NULL, add_clock, &walk->list);
}

json_t *op_clocks(struct op *op)
{
    int64_t within_ms;
    agent_core_t *self = op->core;

    if (!op_number(op, "within_ms", -1, INT64_MAX / 2, &within_ms)) {
        return NULL;
    }
    engine_t *engine = fold_or_complain(op, NULL);
    if (engine == NULL) {
        return NULL;
    }
    struct transfer_walk walk = {
        .engine = engine,
        .list = {.core = self,
            .rows = json_array(),
            .until_ms =
                within_ms < 0 ? INT64_MAX : self->world->wall_ms(self->world->context) + within_ms,
            .open = !op_flag(op, "all"),
            .heard_ms = beliefs_heard_ms(self)},
    };
    store_transfers(self->store, 0, add_clocks_of, &walk);
    cases_done(op->core, &engine);
    return json_pack(
        "{s:o, s:b}", "clocks", walk.list.rows, "online", (int)agent_core_online(self));
}

/* How many rows op_clocks has, of which kind. */
struct clock_count {
    engine_t *engine;
    const char *own; /* this agent's authority */
    json_int_t running, overdue, own_overdue;
};

static void count_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    struct clock_count *count = context;
    bool overdue = clock->state == CLOCK_BREACHED && !clock->stopped;

    (void)subject;
    count->running += clock->state == CLOCK_RUNNING ? 1 : 0;
    count->overdue += overdue ? 1 : 0;
    for (size_t i = 0; overdue && i < clock->actor_count; i++) {
        count->own_overdue += strcmp(clock->actors[i], count->own) == 0 ? 1 : 0;
    }
}

static void count_clocks_of(void *context, const struct transfer_row *row)
{
    struct clock_count *count = context;

    engine_clocks(count->engine, row->transfer, NULL, count_clock, count);
}

void cases_count(agent_core_t *self, json_t *answer)
{
    struct clock_count count = {.own = book_own_code(self)};

    count.engine = count.own[0] != '\0' ? cases_fold(self) : NULL;
    if (count.engine == NULL) {
        return; /* a hub's or an operator's, or without tables */
    }
    store_transfers(self->store, 0, count_clocks_of, &count);
    engine_destroy(&count.engine);
    json_object_set_new(answer, "deadlines",
        json_pack("{s:I, s:I, s:I}", "running", count.running, "overdue", count.overdue,
            "own_overdue", count.own_overdue));
}

/* ---- a hub's measures ---- */

json_t *op_measures(struct op *op)
{
    engine_t *engine = fold_or_complain(op, NULL);
    const char *name;

    if (engine == NULL) {
        return NULL;
    }
    json_t *measures = json_object();
    for (size_t i = 0; (name = engine_measure_name(i)) != NULL; i++) {
        int64_t value = 0;
        if (engine_measure(engine, name, &value) == 0) {
            json_object_set_new(measures, name, json_integer((json_int_t)value));
        }
    }
    cases_done(op->core, &engine);
    return json_pack("{s:o}", "measures", measures);
}

/* ---- whois ---- */

static json_t *owners_json(
    const engine_t *engine, const struct transfer_row *transfer, const uint8_t *ref, int64_t at_ms)
{
    json_t *owners = json_object();

    for (int i = 0; i < DIM_COUNT; i++) {
        const char *codes[8];
        size_t count = at_ms == 0
            ? engine_owner(engine, transfer->transfer, ref, (enum dimension)i, codes)
            : engine_owner_at(engine, transfer->transfer, ref, (enum dimension)i, at_ms, codes);
        json_t *list = json_array();
        for (size_t k = 0; k < count; k++) {
            json_array_append_new(list, json_string(codes[k]));
        }
        json_object_set_new(owners, dimension_names[i], list);
    }
    return owners;
}

json_t *op_whois(struct op *op)
{
    struct transfer_row transfer;
    const char *child = op_text(op, "child", false);
    const char *at = op_text(op, "at", false);
    int64_t at_ms = 0;

    if (op->why->rc != 0 || !op_transfer_row(op, "transfer", &transfer)) {
        return NULL;
    }
    if (at != NULL && civil_moment_parse(at, &at_ms) != 0) {
        complain(op->why, E_DATE,
            "at: \"%.40s\" is no time; write 2026-03-16T10:05, or 2026-03-16 for the end of that "
            "day",
            at);
        return NULL;
    }
    engine_t *engine = fold_or_complain(op, transfer.transfer);
    if (engine == NULL) {
        return NULL;
    }
    json_t *rows = json_array();
    for (size_t i = 0; i < transfer.subject_count; i++) {
        char text[UUID_TEXT_BYTES];
        char ref[UUID_TEXT_BYTES];
        const char *name = child_name(&transfer, transfer.subjects[i].ref, text);
        uuid_format(transfer.subjects[i].ref, ref);
        if (child == NULL || strcmp(child, name) == 0 || strcmp(child, ref) == 0) {
            json_array_append_new(rows,
                json_pack("{s:s, s:o, s:o}", "child", name, "ref",
                    json_id(transfer.subjects[i].ref), "owners",
                    owners_json(engine, &transfer, transfer.subjects[i].ref, at_ms)));
        }
    }
    cases_done(op->core, &engine);
    if (json_array_size(rows) == 0) {
        json_decref(rows);
        complain(op->why, E_NOT_FOUND, "no child \"%.60s\" in that transfer",
            child != NULL ? child : "");
        return NULL;
    }
    return json_pack("{s:o, s:o}", "transfer", json_id(transfer.transfer), "children", rows);
}

/* ---- a transfer as a whole ---- */

static void add_owed(void *context, const char *id, int64_t since_ms)
{
    json_array_append_new(
        context, json_pack("{s:s, s:o}", "id", id, "since", json_stamp(since_ms)));
}

static void add_expected(void *context, const struct engine_expectation *expected)
{
    json_t *kinds = json_array();

    for (size_t i = 0; i < expected->kind_count; i++) {
        json_array_append_new(kinds, json_string(expected->kinds[i]));
    }
    json_t *row = json_pack("{s:s, s:s, s:s, s:o, s:b, s:o}", "code", expected->code, "id",
        expected->id, "what", expected->what, "kinds", kinds, "overdue", (int)expected->overdue,
        "since", json_stamp(expected->since_ms));
    if (expected->about != NULL) {
        json_object_set_new(row, "about", json_string(expected->about));
    }
    put_due(row, &expected->due);
    json_array_append_new(context, row);
}

static json_t *flags_json(
    const engine_t *engine, const struct transfer_row *transfer, const uint8_t *ref)
{
    json_t *flags = json_object();
    const char *name;

    for (size_t i = 0; (name = engine_flag_name(i)) != NULL; i++) {
        const char *value = engine_flag(engine, transfer->transfer, ref, name);
        if (value != NULL) {
            json_object_set_new(flags, name, json_string(value));
        }
    }
    return flags;
}

static json_t *child_json(agent_core_t *self, const engine_t *engine,
    const struct transfer_row *transfer, const uint8_t *ref)
{
    char text[UUID_TEXT_BYTES];
    json_t *owed = json_array();
    json_t *expected = json_array();
    struct clock_list list = {.core = self,
        .transfer = transfer,
        .rows = json_array(),
        .until_ms = INT64_MAX,
        .heard_ms = beliefs_heard_ms(self)};

    engine_clocks(engine, transfer->transfer, ref, add_clock, &list);
    engine_outstanding(engine, transfer->transfer, ref, add_owed, owed);
    engine_expected(engine, transfer->transfer, ref, add_expected, expected);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "child",
        child_name(transfer, ref, text), "ref", json_id(ref), "owners",
        owners_json(engine, transfer, ref, 0), "flags", flags_json(engine, transfer, ref), "clocks",
        list.rows, "outstanding", owed, "expected", expected);
}

static const char *const verdict_words[] = {
    "unjudged", "effective", "alert", "refused", "held", "turned_away"};

static json_t *rules_json(const struct engine_verdict *verdict)
{
    json_t *rules = json_array();

    for (size_t i = 0; i < verdict->rule_count; i++) {
        json_array_append_new(rules, json_string(verdict->rules[i]));
    }
    return rules;
}

/* The same for people, with their titles. */
static json_t *rules_text(const agent_core_t *core, const struct engine_verdict *verdict)
{
    struct buf text = {0};

    for (size_t i = 0; i < verdict->rule_count; i++) {
        buf_put_text(&text, "%s", i == 0 ? "" : "; ");
        tell_rules(core->options.procedures, slice_of_text(verdict->rules[i]), &text);
    }
    buf_put_u8(&text, 0);
    json_t *json = json_string((const char *)text.data);
    buf_free(&text);
    return json;
}

/* What the engine says of each event of the timeline, child by child, and the strongest of it with its rules. */
static void add_verdicts(const agent_core_t *core, const engine_t *engine,
    const struct transfer_row *transfer, json_t *events)
{
    size_t i;
    json_t *row;

    json_array_foreach(events, i, row)
    {
        uint8_t event[UUID_BYTES];
        struct engine_verdict strongest = {0};
        const char *id = json_string_value(json_object_get(row, "event"));
        json_t *verdicts = json_array();
        for (size_t s = 0; id != NULL && uuid_parse(id, event) == 0 && s < transfer->subject_count;
             s++) {
            struct engine_verdict verdict;
            if (engine_verdict(engine, event, transfer->subjects[s].ref, &verdict) != 0) {
                continue;
            }
            json_array_append_new(verdicts,
                json_pack("{s:o, s:s, s:o, s:i}", "ref", json_id(transfer->subjects[s].ref),
                    "verdict", verdict_words[verdict.verdict], "rules", rules_json(&verdict),
                    "alerts", (int)verdict.alert_count));
            if (verdict.verdict > strongest.verdict) {
                strongest = verdict;
            }
        }
        json_object_set_new(row, "judged", json_string(verdict_words[strongest.verdict]));
        json_object_set_new(row, "rules", rules_json(&strongest));
        json_object_set_new(row, "rules_text", rules_text(core, &strongest));
        json_object_set_new(row, "verdicts", verdicts);
    }
}

/* What this agent has recorded for itself: beliefs that the journal did not bear out. */
static void add_disproved(void *context, const struct belief_row *row)
{
    if (row->disproved_ms != 0) {
        json_array_append_new(context,
            json_pack("{s:s, s:o, s:o, s:s, s:o}", "kind", "breach_superseded", "at",
                json_stamp(row->disproved_ms), "recorded", json_stamp(row->disproved_ms), "clock",
                row->clock, "subject", json_id(row->subject)));
    }
}

void cases_add(struct op *op, const struct transfer_row *transfer, json_t *answer)
{
    engine_t *engine = cases_fold_kin(op->core, transfer->transfer, NULL);

    if (engine == NULL) {
        return; /* without tables the timeline stands alone */
    }
    json_t *children = json_array();
    for (size_t i = 0; i < transfer->subject_count; i++) {
        json_array_append_new(
            children, child_json(op->core, engine, transfer, transfer->subjects[i].ref));
    }
    json_object_set_new(answer, "children", children);
    json_t *records = json_array();
    store_beliefs(op->core->store, transfer->transfer, add_disproved, records);
    json_object_set_new(answer, "records", records);
    json_object_set_new(answer, "online", json_boolean(agent_core_online(op->core)));
    add_verdicts(op->core, engine, transfer, json_object_get(answer, "events"));
    cases_done(op->core, &engine);
}

/* ---- before it leaves ---- */

static void warn_of_rules(
    agent_core_t *self, const struct engine_verdict *verdict, json_t *warnings)
{
    for (size_t i = 0; i < verdict->rule_count; i++) {
        const struct rule_info *rule =
            procedures_rule_named(self->options.procedures, verdict->rules[i]);
        bool flagged = i >= verdict->rule_count - verdict->alert_count;
        char text[400];
        (void)snprintf(text, sizeof text, "this will be delivered but %s, %s: %.280s",
            flagged                                ? "flagged"
                : verdict->verdict == VERDICT_HELD ? "held"
                                                   : "refused",
            verdict->rules[i], rule != NULL ? rule->check : "");
        json_array_append_new(warnings, json_string(text));
    }
}

static void judge_next(agent_core_t *self, engine_t *engine, const struct event_view *view,
    struct engine_verdict *strongest)
{
    struct fact_set facts;
    uint8_t verdicts[SUBJECTS_MAX];

    if (facts_read(view, &facts) != 0) {
        return;
    }
    const struct engine_event event = {
        .view = view, .facts = &facts, .accepted_ms = agent_wall(self), .provisional = true};
    (void)engine_event(engine, &event, verdicts);
    for (size_t i = 0; i < view->subject_count; i++) {
        struct engine_verdict verdict;
        if (engine_verdict(engine, view->id, view->subjects[i].ref, &verdict) == 0 &&
            verdict.verdict > strongest->verdict) {
            *strongest = verdict;
        }
    }
}

const char *cases_foresee(agent_core_t *self, struct slice bytes, json_t *warnings)
{
    struct event_view view;
    struct engine_verdict strongest = {0};

    if (event_read(bytes, &view, NULL) != 0 || catalogue_kind(view.kind) == NULL) {
        return verdict_words[VERDICT_UNJUDGED];
    }
    engine_t *engine = cases_fold_kin(self, view.transfer, &view);
    if (engine != NULL) {
        judge_next(self, engine, &view, &strongest);
        warn_of_rules(self, &strongest, warnings);
    }
    cases_done(self, &engine);
    return verdict_words[strongest.verdict];
}
