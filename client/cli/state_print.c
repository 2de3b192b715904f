/* state_print: see state_print.h. Cannot fail; ids that do not fit a column are wrapped by the table. */
#include "client/cli/state_print.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/table.h"
#include "client/replay/ledger_diff.h"
#include "common/base/civil.h"
#include "common/codec/catalogue.h"
#include "common/procedure/telling.h"

#include "common/base/banned.h"

enum { NAME_BYTES = 160, SHORT_ID_BYTES = 9 };

/* ---- what is wanted ---- */

static bool is_open(const struct ledger_clock *clock)
{
    return !clock->stopped && (clock->state == LEDGER_RUNNING || clock->state == LEDGER_BREACHED);
}

static bool of_transfer(const struct ledger_clock *clock, const struct ledger_transfer *transfer)
{
    return memcmp(clock->transfer, transfer->id, UUID_BYTES) == 0;
}

static bool concerns(
    const ledger_t *ledger, const struct ledger_transfer *transfer, const char *code)
{
    if (strcmp(transfer->origin, code) == 0 || strcmp(transfer->receiving, code) == 0) {
        return true;
    }
    for (size_t i = 0; i < transfer->subject_count; i++) {
        if (strcmp(ledger_owner(ledger, transfer->subjects[i]), code) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < ledger_clock_count(ledger); i++) {
        const struct ledger_clock *clock = ledger_clock_at(ledger, i);
        if (of_transfer(clock, transfer) && strstr(clock->binds, code) != NULL) {
            return true;
        }
    }
    return false;
}

static bool wanted(const ledger_t *ledger, const struct state_filter *filter,
    const struct ledger_transfer *transfer)
{
    if (filter->transfer != NULL && memcmp(filter->transfer, transfer->id, UUID_BYTES) != 0) {
        return false;
    }
    return filter->authority == NULL || concerns(ledger, transfer, filter->authority);
}

size_t state_transfers(const ledger_t *ledger, const struct state_filter *filter)
{
    size_t count = 0;

    for (size_t i = 0; i < ledger_transfer_count(ledger); i++) {
        count += wanted(ledger, filter, ledger_transfer_at(ledger, i));
    }
    return count;
}

/* Open clocks by transfer, counted once for the whole ledger. Owned array in the order of the transfers. */
static size_t *open_counts(const ledger_t *ledger)
{
    size_t count = ledger_transfer_count(ledger);
    size_t *open = mem_new(count + 1, sizeof *open);

    for (size_t i = 0; i < ledger_clock_count(ledger); i++) {
        const struct ledger_clock *clock = ledger_clock_at(ledger, i);
        const struct ledger_transfer *transfer = ledger_transfer_of(ledger, clock->transfer);
        for (size_t t = 0; is_open(clock) && transfer != NULL && t < count; t++) {
            if (ledger_transfer_at(ledger, t) == transfer) {
                open[t]++;
                break;
            }
        }
    }
    return open;
}

/* ---- overview ---- */

/* Who holds the case of its children: one name, or "several". */
static const char *case_text(
    const struct reading *reading, const ledger_t *ledger, const struct ledger_transfer *transfer)
{
    const char *first =
        transfer->subject_count == 0 ? "" : ledger_owner(ledger, transfer->subjects[0]);

    for (size_t i = 1; i < transfer->subject_count; i++) {
        if (strcmp(ledger_owner(ledger, transfer->subjects[i]), first) != 0) {
            return "several";
        }
    }
    return first[0] == '\0' ? "no child named" : reading_name(reading, first);
}

void state_print_overview(struct cli *cli, const struct reading *reading, const ledger_t *ledger,
    const struct state_filter *filter)
{
    static const char *const headings[] = {"TRANSFER", "FROM", "TO", ">CHILDREN", "CASE LIES WITH",
        ">OPEN CLOCKS", ">EVENTS", "LATEST", NULL};
    table_t *table = table_new(headings);
    size_t *open = open_counts(ledger);

    for (size_t i = 0; i < ledger_transfer_count(ledger); i++) {
        const struct ledger_transfer *transfer = ledger_transfer_at(ledger, i);
        char id[UUID_TEXT_BYTES];
        char time[CLI_TIME_BYTES];
        if (!wanted(ledger, filter, transfer)) {
            continue;
        }
        uuid_format(transfer->id, id);
        table_cell(table, "%s", id);
        table_cell(table, "%s", reading_name(reading, transfer->origin));
        table_cell(table, "%s", reading_name(reading, transfer->receiving));
        table_cell(table, "%zu", transfer->subject_count);
        table_cell(table, "%s", case_text(reading, ledger, transfer));
        table_cell(table, "%zu", open[i]);
        table_cell(table, "%zu", transfer->event_count);
        table_cell(table, "%s", cli_time(cli, transfer->last_ms, time));
    }
    if (table_rows(table) > 0) {
        cli_say(cli, "\n");
        table_print(table, cli);
    }
    table_destroy(&table);
    free(open);
}

/* ---- one transfer at length ---- */

static const char *const duty_texts[DIM_COUNT] = {"case responsibility", "immediate safeguarding",
    "assessment", "convening the conference", "reports", "rent and subsistence",
    "cost of other services", "support meanwhile", "recording the child"};

static void print_case(
    struct cli *cli, const struct reading *reading, const struct ledger_child *child)
{
    char name[NAME_BYTES];
    char time[CLI_TIME_BYTES];
    const struct ledger_owner *now = &child->owners[child->owner_count - 1];

    cli_say(cli, "    %-26s%s", duty_texts[DIM_CASE],
        reading_full(reading, now->code, name, sizeof name));
    if (child->owner_count > 1) {
        cli_say(cli, ", since %s", cli_time(cli, now->at_ms, time));
    }
    cli_say(cli, "\n");
    for (size_t i = child->owner_count - 1; i > 0; i--) {
        cli_say(
            cli, "    %-26s%s until then\n", "", reading_name(reading, child->owners[i - 1].code));
    }
}

/* The other duties stand in no record: this engine works them out from the same entries. */
static void print_duties(struct cli *cli, const struct reading *reading, const engine_t *engine,
    const uint8_t *transfer, const uint8_t *subject)
{
    for (int d = DIM_CASE + 1; d < DIM_COUNT; d++) {
        const char *codes[8];
        size_t count = engine_owner(engine, transfer, subject, (enum dimension)d, codes);
        for (size_t i = 0; i < count; i++) {
            char name[NAME_BYTES];
            if (i == 0) {
                cli_say(cli, "    %s%-26s", cli_paint(cli, PAINT_DIM), duty_texts[d]);
            }
            cli_say(cli, "%s%s", i == 0 ? "" : ", ",
                reading_full(reading, codes[i], name, sizeof name));
        }
        if (count > 0) {
            cli_say(cli, "%s\n", cli_paint(cli, PAINT_END));
        }
    }
}

static void print_children(struct cli *cli, const struct reading *reading, const ledger_t *ledger,
    const struct ledger_transfer *transfer, const engine_t *engine)
{
    for (size_t i = 0; i < transfer->subject_count; i++) {
        const struct ledger_child *child = ledger_child_of(ledger, transfer->subjects[i]);
        char ref[UUID_TEXT_BYTES];
        uuid_format(transfer->subjects[i], ref);
        cli_say(cli, "  child %s%s\n", ref,
            child != NULL && memcmp(child->ref, transfer->subjects[i], UUID_BYTES) != 0
                ? " (joined to another record)"
                : "");
        if (child != NULL && child->owner_count > 0) {
            print_case(cli, reading, child);
        }
        if (engine != NULL) {
            print_duties(cli, reading, engine, transfer->id, transfer->subjects[i]);
        }
    }
}

static const char *kind_name(uint32_t number)
{
    const struct kind_info *kind = catalogue_kind(number);

    return kind == NULL ? "unknown kind" : kind->name;
}

static void print_events(struct cli *cli, const struct reading *reading, const ledger_t *ledger,
    const struct ledger_transfer *transfer)
{
    static const char *const headings[] = {">ENTRY", "ACCEPTED", "FROM", "EVENT", "VERDICT", NULL};
    table_t *table = table_new(headings);

    for (size_t i = 0; i < transfer->event_count; i++) {
        const struct ledger_event *event = ledger_event_at(ledger, transfer->events[i]);
        char time[CLI_TIME_BYTES];
        char text[LEDGER_DIFFERENCE_TEXT_BYTES];
        char id[UUID_TEXT_BYTES];
        table_cell(table, "%llu", (unsigned long long)event->leaf);
        table_cell(table, "%s", cli_time(cli, event->accepted_ms, time));
        table_cell(table, "%s", reading_name(reading, event->from));
        table_cell(table, "%s", kind_name(event->kind));
        enum cli_paint paint = event->verdict == LEDGER_REFUSED               ? PAINT_RED
            : event->verdict == LEDGER_HELD || event->verdict == LEDGER_ALERT ? PAINT_YELLOW
                                                                              : PAINT_END;
        table_cell_painted(table, paint, "%s", ledger_event_text(event, text));
        uuid_format(event->id, id);
        table_below(table, "%s", id);
    }
    table_print(table, cli);
    table_destroy(&table);
}

static const char *binds_text(
    const struct reading *reading, const struct ledger_clock *clock, char *text, size_t size)
{
    char codes[sizeof clock->binds];
    size_t used = 0;

    (void)snprintf(codes, sizeof codes, "%s", clock->binds);
    (void)snprintf(text, size, "nobody: a guide");
    for (char *at = codes; at[0] != '\0' && used < size;) {
        size_t len = strcspn(at, ",");
        bool more = at[len] == ',';
        at[len] = '\0';
        used += (size_t)snprintf(
            text + used, size - used, "%s%s", used == 0 ? "" : ", ", reading_name(reading, at));
        at += len + (more ? 1 : 0);
    }
    return text;
}

static void print_clocks(struct cli *cli, const struct reading *reading, const ledger_t *ledger,
    const struct ledger_transfer *transfer)
{
    static const char *const headings[] = {"CLOCK", "DUE", "MUST ACT", "STATE", NULL};
    table_t *table = table_new(headings);

    for (size_t i = 0; i < ledger_clock_count(ledger); i++) {
        const struct ledger_clock *clock = ledger_clock_at(ledger, i);
        char text[LEDGER_DIFFERENCE_TEXT_BYTES];
        char binds[NAME_BYTES];
        char late[LATE_TEXT_BYTES];
        if (!of_transfer(clock, transfer)) {
            continue;
        }
        table_cell(table, "%s", clock->id);
        table_cell(table, "%s%s", clock->due, clock->provisional ? ", provisional" : "");
        table_cell(table, "%s", binds_text(reading, clock, binds, sizeof binds));
        enum cli_paint paint = clock->state == LEDGER_BREACHED ? PAINT_RED
            : clock->state == LEDGER_RUNNING                   ? PAINT_YELLOW
                                                               : PAINT_DIM;
        (void)snprintf(text, sizeof text, "%s%s%s%s", ledger_clock_words[clock->state],
            clock->state == LEDGER_BREACHED && clock->stopped ? ", answered" : "",
            late_said(clock->late, late)[0] == '\0' ? "" : ", ", late);
        table_cell_painted(table, paint, "%s", text);
    }
    if (table_rows(table) > 0) {
        cli_say(cli, "\n");
        table_print(table, cli);
    }
    table_destroy(&table);
}

void state_print_transfers(struct cli *cli, const struct reading *reading, const ledger_t *ledger,
    const struct state_filter *filter, const engine_t *engine)
{
    for (size_t i = 0; i < ledger_transfer_count(ledger); i++) {
        const struct ledger_transfer *transfer = ledger_transfer_at(ledger, i);
        char id[UUID_TEXT_BYTES];
        char from[NAME_BYTES];
        char to[NAME_BYTES];
        if (!wanted(ledger, filter, transfer)) {
            continue;
        }
        uuid_format(transfer->id, id);
        cli_say(cli, "\n%stransfer %s%s\n  from %s to %s\n", cli_paint(cli, PAINT_BOLD), id,
            cli_paint(cli, PAINT_END), reading_full(reading, transfer->origin, from, sizeof from),
            reading_full(reading, transfer->receiving, to, sizeof to));
        print_children(cli, reading, ledger, transfer, engine);
        cli_say(cli, "\n");
        print_events(cli, reading, ledger, transfer);
        print_clocks(cli, reading, ledger, transfer);
    }
}

/* ---- JSON ---- */

static json_t *levels_json(const struct ledger_event *event)
{
    json_t *levels = json_array();

    for (size_t i = 0; i < event->level_count; i++) {
        const struct ledger_level *level = &event->levels[i];
        json_t *row = json_pack("{s:s, s:o, s:o}", "code", level->code, "persisted",
            reading_time(level->persisted_ms), "opened", reading_time(level->opened_ms));
        if (level->fault != 0) {
            json_object_set_new(row, "fault", json_string(err_name(-(int)level->fault)));
        }
        if (level->team[0] != '\0') {
            json_object_set_new(row, "team", json_string(level->team));
        }
        json_array_append_new(levels, row);
    }
    return levels;
}

static json_t *notes_json(const struct ledger_event *event)
{
    json_t *notes = json_array();

    for (size_t i = 0; i < event->note_count; i++) {
        const struct ledger_note *note = &event->notes[i];
        char word[DERIVED_WORD_BYTES];
        json_t *row =
            json_pack("{s:s, s:s}", "record", derived_word(note->kind, word), "rules", note->rules);
        if (note->has_subject) {
            json_object_set_new(row, "child", reading_id(note->subject));
        }
        json_array_append_new(notes, row);
    }
    return notes;
}

static json_t *event_row(const struct ledger_event *event)
{
    return json_pack("{s:o, s:I, s:i, s:o, s:o, s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:o}", "event",
        reading_id(event->id), "entry", (json_int_t)event->leaf, "index", (int)event->index,
        "accepted", reading_time(event->accepted_ms), "occurred", reading_time(event->occurred_ms),
        "from", event->from, "kind", kind_name(event->kind), "verdict",
        ledger_verdict_words[event->verdict], "set_aside", (int)event->set_aside,
        "payload_withheld", (int)event->withheld, "payload_erased", (int)event->payload_erased,
        "records", notes_json(event), "levels", levels_json(event));
}

static json_t *clock_row(const struct ledger_clock *clock)
{
    json_t *row = json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:o, s:o}", "clock",
        clock->id, "child", reading_id(clock->subject), "event", reading_id(clock->event), "state",
        ledger_clock_words[clock->state], "due", clock->due, "binds", clock->binds, "advisory",
        (int)clock->advisory, "provisional", (int)clock->provisional, "stopped",
        (int)clock->stopped, "set", reading_time(clock->set_ms), "breached_at",
        reading_time(clock->breached_ms), "stopped_at", reading_time(clock->stopped_ms));

    if (clock->late[0] != '\0') {
        json_object_set_new(row, "late", json_string(clock->late));
        json_object_set_new(row, "reason", json_string(clock->reason));
    }
    return row;
}

static json_t *duties_json(const engine_t *engine, const uint8_t *transfer, const uint8_t *subject)
{
    json_t *duties = json_object();

    for (int d = DIM_CASE + 1; d < DIM_COUNT; d++) {
        const char *codes[8];
        size_t count = engine_owner(engine, transfer, subject, (enum dimension)d, codes);
        json_t *list = json_array();
        for (size_t i = 0; i < count; i++) {
            json_array_append_new(list, json_string(codes[i]));
        }
        json_object_set_new(duties, dimension_names[d], list);
    }
    return duties;
}

static json_t *children_json(const ledger_t *ledger, const struct ledger_transfer *transfer,
    bool details, const engine_t *engine)
{
    json_t *children = json_array();

    for (size_t i = 0; i < transfer->subject_count; i++) {
        const struct ledger_child *child = ledger_child_of(ledger, transfer->subjects[i]);
        json_t *row = json_pack("{s:o, s:s}", "child", reading_id(transfer->subjects[i]), "case",
            ledger_owner(ledger, transfer->subjects[i]));
        json_t *owners = json_array();
        for (size_t o = 0; child != NULL && o < child->owner_count; o++) {
            json_array_append_new(owners,
                json_pack("{s:s, s:o}", "code", child->owners[o].code, "from",
                    reading_time(child->owners[o].at_ms)));
        }
        json_object_set_new(row, "case_history", owners);
        if (details && engine != NULL) {
            json_object_set_new(
                row, "duties", duties_json(engine, transfer->id, transfer->subjects[i]));
        }
        json_array_append_new(children, row);
    }
    return children;
}

static void add_details(json_t *row, const ledger_t *ledger, const struct ledger_transfer *transfer)
{
    json_t *events = json_array();
    json_t *clocks = json_array();

    for (size_t i = 0; i < transfer->event_count; i++) {
        json_array_append_new(events, event_row(ledger_event_at(ledger, transfer->events[i])));
    }
    for (size_t i = 0; i < ledger_clock_count(ledger); i++) {
        if (of_transfer(ledger_clock_at(ledger, i), transfer)) {
            json_array_append_new(clocks, clock_row(ledger_clock_at(ledger, i)));
        }
    }
    json_object_set_new(row, "events", events);
    json_object_set_new(row, "clocks", clocks);
}

json_t *state_json(
    const ledger_t *ledger, const struct state_filter *filter, bool details, const engine_t *engine)
{
    json_t *transfers = json_array();
    size_t *open = open_counts(ledger);

    for (size_t i = 0; i < ledger_transfer_count(ledger); i++) {
        const struct ledger_transfer *transfer = ledger_transfer_at(ledger, i);
        if (!wanted(ledger, filter, transfer)) {
            continue;
        }
        json_t *row = json_pack("{s:o, s:s, s:s, s:o, s:o, s:I, s:o}", "transfer",
            reading_id(transfer->id), "origin", transfer->origin, "receiving", transfer->receiving,
            "first", reading_time(transfer->first_ms), "latest", reading_time(transfer->last_ms),
            "open_clocks", (json_int_t)open[i], "children",
            children_json(ledger, transfer, details, engine));
        if (details) {
            add_details(row, ledger, transfer);
        }
        json_array_append_new(transfers, row);
    }
    free(open);
    return transfers;
}

/* ---- counts ---- */

static void clock_counts(const ledger_t *ledger, size_t *states)
{
    for (size_t i = 0; i < ledger_clock_count(ledger); i++) {
        states[ledger_clock_at(ledger, i)->state]++;
    }
}

static void verdict_counts(const ledger_t *ledger, size_t *verdicts)
{
    for (size_t i = 0; i < ledger_event_count(ledger); i++) {
        verdicts[ledger_event_at(ledger, i)->verdict]++;
    }
}

static json_t *counts_object(const size_t *counts, const char *const *words, size_t count)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++) {
        json_object_set_new(object, words[i], json_integer((json_int_t)counts[i]));
    }
    return object;
}

json_t *state_counts_json(const ledger_t *ledger)
{
    size_t verdicts[7] = {0};
    size_t states[5] = {0};

    verdict_counts(ledger, verdicts);
    clock_counts(ledger, states);
    return json_pack("{s:I, s:I, s:I, s:o, s:I, s:o}", "transfers",
        (json_int_t)ledger_transfer_count(ledger), "children",
        (json_int_t)ledger_child_count(ledger), "events", (json_int_t)ledger_event_count(ledger),
        "verdicts", counts_object(verdicts, ledger_verdict_words, 7), "clocks",
        (json_int_t)ledger_clock_count(ledger), "clock_states",
        counts_object(states, ledger_clock_words, 5));
}

static void print_counts_line(struct cli *cli, const char *what, size_t all, const size_t *counts,
    const char *const *words, size_t count)
{
    bool any = false;

    cli_say(cli, "  %-13s%zu", what, all);
    for (size_t i = 0; i < count; i++) {
        if (counts[i] > 0) {
            cli_say(cli, "%s%zu %s", any ? ", " : ": ", counts[i], words[i]);
            any = true;
        }
    }
    cli_say(cli, "\n");
}

void state_print_counts(struct cli *cli, const ledger_t *ledger, const char *waiting)
{
    const char *words[7];
    size_t verdicts[7] = {0};
    size_t states[5] = {0};

    verdict_counts(ledger, verdicts);
    clock_counts(ledger, states);
    cli_say(cli, "  %-13s%zu, with %zu children\n", "transfers", ledger_transfer_count(ledger),
        ledger_child_count(ledger));
    memcpy(words, ledger_verdict_words, sizeof words);
    words[LEDGER_WAITING] = waiting;
    print_counts_line(cli, "events", ledger_event_count(ledger), verdicts, words, 7);
    print_counts_line(cli, "clocks", ledger_clock_count(ledger), states, ledger_clock_words, 5);
}
