/*
 * cmd_replay: a journal told again: on standard output, into a file, or acted out in a sandbox. Reads, and has no live
 * effect (R53): it starts no clock, writes no acknowledgement and opens no socket. That it took place is written down
 * beside the source (docs/REPLAY.md, section 4).
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/play.h"
#include "client/cli/progress.h"
#include "client/cli/replay_file.h"
#include "client/cli/replay_log.h"
#include "client/cli/replay_print.h"
#include "client/cli/replay_story.h"
#include "client/replay/items.h"

#include "common/base/banned.h"

enum { STOPPED = 1, SPEED_MAX_X = 100000, WAIT_MS_MAX = 3600000, ANSWER_BYTES = 64 };

/* How fast it goes. */
struct pace {
    uint64_t factor; /* times as fast as it was; 0: as fast as it goes */
    bool step;       /* wait for a person behind every item */
    int64_t last_ms; /* recorded time of the item before, 0 for none */
};

struct replaying {
    struct cli *cli;
    struct pace pace;
    item_predicate_t *breaks[ITEM_KINDS_MAX]; /* owned */
    size_t break_count;
    replay_print_t *print; /* owned */
    struct progress progress;
    bool ended; /* by a person */
};

/* ---- pace ---- */

static int pace_parse(struct cli *cli, struct pace *out)
{
    const char *text = cli_text(cli, "speed");
    char *end = NULL;

    *out = (struct pace){.factor = 0};
    if (text == NULL || strcmp(text, "max") == 0) {
        return CLI_DONE;
    }
    if (strcmp(text, "step") == 0) {
        out->step = true;
        return CLI_DONE;
    }
    unsigned long long factor = strtoull(text, &end, 10);
    if (end == text || strcmp(end, "x") != 0 || factor == 0 || factor > SPEED_MAX_X) {
        return cli_misuse(cli,
            "--speed %s is none; write 1x, 10x, any number up to %dx, max or step", text,
            SPEED_MAX_X);
    }
    out->factor = factor;
    return CLI_DONE;
}

static void wait_for(struct pace *self, const struct item *item)
{
    int64_t gap_ms = self->last_ms == 0 ? 0 : item->recorded_ms - self->last_ms;

    self->last_ms = item->recorded_ms;
    if (self->factor == 0 || gap_ms <= 0) {
        return;
    }
    gap_ms /= (int64_t)self->factor;
    (void)poll(NULL, 0, (int)(gap_ms > WAIT_MS_MAX ? WAIT_MS_MAX : gap_ms));
}

/* What a person wants after an item at which it stopped: the next, to go on, or to end. */
static int ask(struct replaying *self)
{
    char answer[ANSWER_BYTES];

    (void)fflush(self->cli->out);
    fprintf(self->cli->err, "enter: next, c: go on, q: end > ");
    (void)fflush(self->cli->err);
    if (fgets(answer, sizeof answer, stdin) == NULL || answer[0] == 'q') {
        self->ended = true;
        return STOPPED;
    }
    self->pace.step = answer[0] != 'c';
    return 0;
}

static bool breaks_at(const struct replaying *self, const struct item *item)
{
    for (size_t i = 0; i < self->break_count; i++) {
        if (item_predicate_holds(self->breaks[i], item)) {
            return true;
        }
    }
    return false;
}

static int show(void *context, const struct item *item)
{
    struct replaying *self = context;

    wait_for(&self->pace, item);
    replay_print_item(self->print, item);
    if (ferror(self->cli->out) != 0) {
        return E_IO;
    }
    return breaks_at(self, item) || self->pace.step ? ask(self) : 0;
}

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    struct replaying *self = context;

    if (!self->cli->terminal) {
        progress_show(&self->progress, done, all);
    }
}

/* ---- the options ---- */

static int moments_take(struct cli *cli, struct item_filter *filter)
{
    const struct {
        const char *option;
        struct journal_moment *moment;
    } options[] = {{"from", &filter->from}, {"to", &filter->to}};

    for (size_t i = 0; i < 2; i++) {
        struct complaint why = {0};
        const char *text = cli_text(cli, options[i].option);
        if (text != NULL && moment_parse(text, options[i].moment, &why) != 0) {
            return cli_misuse(cli, "--%s: %s", options[i].option, why.text);
        }
    }
    return CLI_DONE;
}

static int filter_take(struct cli *cli, struct item_filter *filter, uint8_t *transfer)
{
    filter->authority = cli_text(cli, "authority");
    filter->profile = cli_text(cli, "profile");
    if (cli_text(cli, "transfer") != NULL) {
        (void)uuid_parse(cli_text(cli, "transfer"), transfer); /* the parser has looked at it */
        filter->transfer = transfer;
    }
    for (size_t i = 0; i < cli_count(cli, "kind"); i++) {
        const char *word = cli_text_at(cli, "kind", i);
        if (!item_kind_known(word)) {
            const char *nearest = item_kind_nearest(word);
            return cli_misuse(cli, "--kind %s is not known%s%s", word,
                nearest == NULL ? "" : "; the nearest is ", nearest == NULL ? "" : nearest);
        }
        if (filter->kind_count == ITEM_KINDS_MAX) {
            return cli_misuse(cli, "at most %d kinds", ITEM_KINDS_MAX);
        }
        filter->kinds[filter->kind_count++] = word;
    }
    return moments_take(cli, filter);
}

static int breaks_take(struct cli *cli, struct replaying *self)
{
    for (size_t i = 0; i < cli_count(cli, "break"); i++) {
        struct complaint why = {0};
        if (i == ITEM_KINDS_MAX) {
            return cli_misuse(cli, "at most %d breaks", ITEM_KINDS_MAX);
        }
        if (item_predicate_parse(cli_text_at(cli, "break", i), &self->breaks[i], &why) != 0) {
            return cli_misuse(cli, "--break: %s", why.text);
        }
        self->break_count++;
    }
    return CLI_DONE;
}

/* ---- into standard output ---- */

static int put_end(struct replaying *self, int rc, const struct item_counts *counts,
    const char *path, const struct complaint *why)
{
    struct cli *cli = self->cli;

    if (cli->json) {
        cli_json_line(cli,
            json_pack("{s:s, s:I, s:I, s:I}", "what", "summary", "entries",
                (json_int_t)counts->records, "events", (json_int_t)counts->events, "shown",
                (json_int_t)counts->passed));
    }
    if (rc != 0 && rc != STOPPED) {
        return cli_fail(cli, rc, "%s: %s; it was told as far as it is whole (%llu entries)", path,
            why->text[0] == '\0' ? err_text(rc) : why->text, (unsigned long long)counts->records);
    }
    cli_hint(cli, "%s%llu of %llu entries and %llu events shown%s\n", rc == STOPPED ? "\n" : "",
        (unsigned long long)counts->passed, (unsigned long long)counts->records,
        (unsigned long long)counts->events, rc == STOPPED ? ", ended there" : "");
    return CLI_DONE;
}

static int into_stdout(struct replaying *self, source_t *source, const struct item_filter *filter)
{
    struct item_counts counts;
    struct complaint why = {0};
    const struct item_reader reader = {
        .filter = filter, .visit = show, .progress = show_progress, .context = self};

    self->print = replay_print_new(self->cli, source);
    progress_begin(&self->progress, self->cli, "replaying");
    int rc = items_read(source, &reader, &counts, &why);
    progress_end(&self->progress);
    replay_print_destroy(&self->print);
    return put_end(self, rc, &counts, source_path(source), &why);
}

/* ---- the command ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);

    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

static int replay_source(struct replaying *self, source_t *source, const struct item_filter *filter)
{
    const char *into = cli_text(self->cli, "into");
    bool sandbox = into != NULL && strcmp(into, "sandbox") == 0;

    if (cli_flag(self->cli, "fast") && !sandbox) {
        return cli_misuse(self->cli, "--fast is for --into sandbox");
    }
    if (into == NULL || strcmp(into, "stdout") == 0) {
        return into_stdout(self, source, filter);
    }
    if (self->break_count > 0 || cli_text(self->cli, "speed") != NULL) {
        return cli_misuse(self->cli, "--speed and --break are for standard output");
    }
    if (strncmp(into, "file:", 5) == 0 && ends_with(into, ".scenario")) {
        return replay_into_scenario(self->cli, source, filter, into + 5);
    }
    if (strncmp(into, "file:", 5) == 0 && into[5] != '\0') {
        return replay_into_file(self->cli, source, filter, into + 5);
    }
    if (sandbox) {
        return replay_into_sandbox(self->cli, source, filter);
    }
    return cli_misuse(self->cli, "--into %s is none; write stdout, file:PATH or sandbox", into);
}

static int run_replay(struct cli *cli)
{
    struct replaying self = {.cli = cli};
    struct item_filter filter = {.kind_count = 0};
    uint8_t transfer[UUID_BYTES];
    source_t *source = NULL;
    struct complaint why = {0};

    int exit_code = pace_parse(cli, &self.pace);
    if (exit_code == CLI_DONE) {
        exit_code = filter_take(cli, &filter, transfer);
    }
    if (exit_code == CLI_DONE) {
        exit_code = breaks_take(cli, &self);
    }
    if (exit_code == CLI_DONE && source_open(cli->args[0], &source, &why) != 0) {
        exit_code = cli_fail_why(cli, &why);
    }
    if (exit_code == CLI_DONE) {
        exit_code = replay_log_begin(cli, source);
    }
    if (exit_code == CLI_DONE) {
        exit_code = replay_source(&self, source, &filter);
        replay_log_end(cli, source, exit_code);
    }
    for (size_t i = 0; i < self.break_count; i++) {
        item_predicate_destroy(&self.breaks[i]);
    }
    source_close(&source);
    return exit_code;
}

static const struct cli_option replay_options[] = {
    {.name = "from",
        .argument = "MOMENT",
        .type = CLI_TEXT,
        .text = "begin there: an entry's number, or a time"},
    {.name = "to", .argument = "MOMENT", .type = CLI_TEXT, .text = "end there, with it"},
    {.name = "kind",
        .argument = "KIND",
        .type = CLI_TEXT,
        .repeatable = true,
        .text = "only these: kinds of events, of records (deadline_set), persisted, opened; may be "
                "repeated"},
    {.name = "authority",
        .argument = "CODE",
        .type = CLI_CODE,
        .text = "only what it sent, received, is a party to or is named in"},
    {.name = "transfer", .argument = "T", .type = CLI_ID, .text = "only this transfer"},
    {.name = "profile",
        .argument = "NAME",
        .type = CLI_TEXT,
        .text =
            "only transfers of which a party is under this profile, by the tables then in force"},
    {.name = "speed",
        .argument = "SPEED",
        .type = CLI_TEXT,
        .text = "1x as it happened, 10x, max (the default), or step: wait for the enter key behind "
                "each"},
    {.name = "break",
        .argument = "CONDITION",
        .type = CLI_TEXT,
        .repeatable = true,
        .text = "stop behind what this holds for: 'verdict=refused', 'kind=case_closed rule=R28'; "
                "may be repeated"},
    {.name = "into",
        .argument = "WHERE",
        .type = CLI_TEXT,
        .text = "stdout (the default); file:PATH, an export of what passes the filter; sandbox, "
                "acted out anew"},
    PLAY_FAST_OPTION,
    {.name = "log",
        .argument = "FILE",
        .type = CLI_FILE,
        .text = "where it is written down that this took place; else SOURCE.replays"},
    {.name = NULL},
};

const struct cli_command cmd_replay[] = {
    {.name = "replay",
        .group = CLI_GROUP_LOOK_BACK,
        .summary = "tells a journal again, filtered, at any speed, or in a sandbox",
        .usage = "JOURNAL",
        .text =
            "Tells what a journal or an export holds, in the order in which it took effect: events "
            "with their "
            "verdict, derived records, levels of receipt, what came into force. --into file:PATH "
            "writes what passes "
            "the filter as an export (protobuf where PATH ends in .pb, a story for waypost "
            "rehearse where it ends in .scenario, else CloudEvents). --into sandbox has the real "
            "cores of "
            "broker, agents and hub act the same events again, in one process, on a virtual clock "
            "and in "
            "memory, and says "
            "where they come to something else.\n\n"
            "A replay has no live effect: it starts no clock, writes no acknowledgement and "
            "reaches no socket. Each is "
            "written down in a file beside the source; that of a journal whose broker runs is a "
            "record in it, replay_started, which the operator's agent (--socket) asks for.",
        .example = "waypost replay journal --transfer 6f1c2b9e-0a5d-4c55-8f0e-0b3c6a1d2e4f\n"
                   "waypost replay journal --from 2026-05-01 --speed 10x --break verdict=refused\n"
                   "waypost replay journal --authority E09000007 --into file:camden.jsonl\n"
                   "waypost replay journal --into sandbox",
        .options = replay_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_replay,
        .needs_agent = true},
    {.name = NULL},
};
