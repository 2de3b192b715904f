/*
 * cmd_check: one look at everything that can go wrong on the agent's side, a line each, and what to do about it.
 *
 * Each check reads what `status`, `outbox` and `register` answer; nothing is changed. Exit 1 where a line is red.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/cli/commands.h"
#include "client/cli/when.h"
#include "client/cli/wrap.h"
#include "common/base/bytes.h"
#include "common/base/civil.h"
#include "common/codec/limits.h"
#include "register.pb-c.h"
#include "common/base/banned.h"

enum { KEY_DAYS_WARN = 30, OUTBOX_HOURS_WARN = 1, DISK_GIB_WARN = 1 };

enum mark { MARK_GOOD, MARK_LOOK, MARK_BAD };

struct checker {
    struct cli *cli;
    json_t *results;      /* array of {check, state, text, do} */
    bool bad;             /* a line is red */
    const json_t *status; /* lent */
};

static void put_line(
    const struct cli *cli, enum mark mark, const char *check, const char *text, const char *remedy)
{
    static const enum cli_paint paints[] = {PAINT_GREEN, PAINT_YELLOW, PAINT_RED};
    static const char *const words[] = {"ok  ", "look", "BAD "};
    fprintf(
        cli->out, "%s%s%s  ", cli_paint(cli, paints[mark]), words[mark], cli_paint(cli, PAINT_END));
    unsigned column = 6 + (unsigned)fprintf(cli->out, "%-10s ", check);
    wrap_put(cli->out, text, 17, column, cli->width);
    if (remedy != NULL) {
        fprintf(cli->out, "%17s", "");
        wrap_put(cli->out, remedy, 17, 17, cli->width);
    }
}

static void note(struct checker *self, enum mark mark, const char *check, const char *remedy,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

static void note(struct checker *self, enum mark mark, const char *check, const char *remedy,
    const char *format, ...)
{
    static const char *const states[] = {"ok", "look", "bad"};
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    self->bad = self->bad || mark == MARK_BAD;
    remedy = mark == MARK_GOOD ? NULL : remedy;
    json_array_append_new(self->results,
        json_pack("{s:s, s:s, s:s, s:s*}", "check", check, "state", states[mark], "text", text,
            "do", remedy));
    if (!self->cli->json) {
        put_line(self->cli, mark, check, text, remedy);
    }
}

/* ---- the checks ---- */

static void check_connection(struct checker *self)
{
    char time[CLI_TIME_BYTES];
    const char *state = text_of(self->status, "state");
    when_text(self->cli, self->status, "since", time);
    if (strcmp(state, "online") == 0) {
        note(self, MARK_GOOD, "broker", NULL, "connected to %s since %s",
            text_of(self->status, "endpoint"), time);
    } else if (strcmp(state, "stopped") == 0) {
        note(self, MARK_BAD, "broker",
            "Read waypost alarms: the agent has stopped publishing on purpose.",
            "the agent does not publish");
    } else {
        note(self, MARK_BAD, "broker",
            "What is sent meanwhile is kept and leaves by itself. Check the network path to the "
            "broker, then the agent's "
            "log for a rejected key.",
            "%s%s%s", state, time[0] == '\0' ? "" : " since ", time);
    }
}

static void check_alarms(struct checker *self)
{
    const json_t *alarms = json_object_get(self->status, "alarms");
    size_t i;
    json_t *alarm;
    if (json_array_size(alarms) == 0) {
        note(self, MARK_GOOD, "alarms", NULL, "none");
    }
    json_array_foreach(alarms, i, alarm)
    {
        note(self, MARK_BAD, "alarm", text_of(alarm, "do"), "%s: %s", text_of(alarm, "name"),
            text_of(alarm, "text"));
    }
}

/* Said by an authority's agent with procedure tables. */
static void check_deadlines(struct checker *self)
{
    const json_t *deadlines = json_object_get(self->status, "deadlines");
    uint64_t own = number_of(deadlines, "own_overdue");
    if (deadlines == NULL) {
        return;
    }
    if (own == 0) {
        note(self, MARK_GOOD, "deadlines", NULL, "none overdue that is ours to act on");
    } else {
        note(self, MARK_LOOK, "deadlines", "waypost clocks lists them.",
            "%llu overdue that %s ours to act on", (unsigned long long)own,
            own == 1 ? "is" : "are");
    }
}

static void check_keys(struct checker *self)
{
    size_t i;
    json_t *key;
    const char *remedy = "Make new keys with waypost keygen and hand the card to the registrar; "
                         "both are valid during "
                         "the change.";
    json_array_foreach(json_object_get(self->status, "keys"), i, key)
    {
        char time[CLI_TIME_BYTES];
        int64_t to_ms = when_of(key, "to");
        int64_t left_ms = to_ms - self->cli->now_ms;
        if (to_ms == 0) {
            note(self, MARK_GOOD, "key", NULL, "%s: without an end", text_of(key, "use"));
        } else if (left_ms <= 0) {
            note(self, MARK_BAD, "key", remedy, "%s: ended %s", text_of(key, "use"),
                cli_time(self->cli, to_ms, time));
        } else {
            note(self, left_ms < KEY_DAYS_WARN * CIVIL_DAY_MS ? MARK_LOOK : MARK_GOOD, "key",
                remedy, "%s: valid until %s", text_of(key, "use"),
                cli_time(self->cli, to_ms, time));
        }
    }
}

static void check_outbox(struct checker *self)
{
    uint64_t waiting = number_of(self->status, "outbox");
    if (waiting == 0) {
        note(self, MARK_GOOD, "outbox", NULL, "everything sent has been accepted by the broker");
        return;
    }
    json_t *answer = NULL;
    int64_t oldest_ms = INT64_MAX;
    if (cli_ask(self->cli,
            json_pack("{s:s, s:s, s:i}", "op", "outbox", "state", "waiting", "limit", 1000),
            &answer) == CLI_DONE) {
        size_t i;
        json_t *row;
        json_array_foreach(json_object_get(answer, "events"), i, row)
        {
            int64_t sent_ms = when_of(row, "sent");
            oldest_ms = sent_ms > 0 && sent_ms < oldest_ms ? sent_ms : oldest_ms;
        }
    }
    json_decref(answer);
    char age[CLI_TIME_BYTES] = "a moment";
    bool old = oldest_ms != INT64_MAX &&
        self->cli->now_ms - oldest_ms > OUTBOX_HOURS_WARN * INT64_C(3600000);
    if (oldest_ms != INT64_MAX) {
        cli_age(self->cli->now_ms - oldest_ms, age);
    }
    note(self, old ? MARK_BAD : MARK_LOOK, "outbox",
        "It leaves by itself when the broker is reached; telephone the other authority about what "
        "cannot wait.",
        "%llu not yet accepted by the broker, the oldest for %s", (unsigned long long)waiting, age);
}

static void check_inbox(struct checker *self)
{
    uint64_t unopened = number_of(self->status, "inbox_unopened");
    if (unopened == 0) {
        note(self, MARK_GOOD, "inbox", NULL, "everything received has been opened");
    } else {
        note(self, MARK_LOOK, "inbox", "waypost inbox --unopened lists them.",
            "%llu not opened by anybody", (unsigned long long)unopened);
    }
}

static void judge_register(struct checker *self, const Waypost__Register *book)
{
    char time[CLI_TIME_BYTES];
    bool stale = book->has_stale_ms && book->stale_ms > 0 && self->cli->now_ms >= book->stale_ms;
    note(self, stale ? MARK_BAD : MARK_GOOD, "register",
        "Ask the registrar for a newer one; delivery goes on meanwhile.", "version %llu of %s%s",
        (unsigned long long)book->version, cli_time(self->cli, book->issued_ms, time),
        stale ? ", out of date" : "");
}

static void check_register_bytes(struct checker *self, const uint8_t *bytes, size_t len)
{
    Waypost__SignedRegister *whole = waypost__signed_register__unpack(NULL, len, bytes);
    Waypost__Register *book = whole == NULL
        ? NULL
        : waypost__register__unpack(NULL, whole->register_.len, whole->register_.data);
    if (book == NULL) {
        note(self, MARK_BAD, "register", "Read the agent's log.",
            "the agent's register cannot be read");
    } else {
        judge_register(self, book);
        waypost__register__free_unpacked(book, NULL);
    }
    if (whole != NULL) {
        waypost__signed_register__free_unpacked(whole, NULL);
    }
}

static void check_register(struct checker *self)
{
    json_t *answer = NULL;
    if (cli_ask(self->cli, json_pack("{s:s}", "op", "register"), &answer) != CLI_DONE) {
        note(self, MARK_BAD, "register",
            "Hand the agent a join file and let it reach the broker once.",
            "the agent has no register yet");
        return;
    }
    const char *base64 = text_of(answer, "register");
    size_t max = strlen(base64);
    size_t len = 0;
    uint8_t *bytes = mem_new(max + 1, 1);
    if (sodium_base642bin(
            bytes, max, base64, max, "\n", &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
        len = 0;
    }
    check_register_bytes(self, bytes, len);
    free(bytes);
    json_decref(answer);
}

/* The agent alone knows where its database lies. */
static void check_disk(struct checker *self)
{
    if (json_object_get(self->status, "disk_free") == NULL) {
        note(self, MARK_LOOK, "disk", "Look with df where the agent's database lies.",
            "the agent does not say how much room is left");
        return;
    }
    uint64_t free_bytes = number_of(self->status, "disk_free");
    bool low = free_bytes < DISK_GIB_WARN * (UINT64_C(1) << 30);
    note(self, low ? MARK_BAD : MARK_GOOD, "disk",
        "Make room where the agent's database lies, or it stops taking events.", "%.1f GiB free",
        (double)free_bytes / (double)(UINT64_C(1) << 30));
}

static int run_check(struct cli *cli)
{
    json_t *status = NULL;
    int exit_code = cli_ask(cli, json_pack("{s:s, s:b}", "op", "status", "deadlines", 1), &status);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    struct checker checker = {.cli = cli, .results = json_array(), .status = status};
    static void (*const checks[])(struct checker *) = {check_connection, check_alarms,
        check_register, check_keys, check_outbox, check_inbox, check_deadlines, check_disk};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        checks[i](&checker);
    }
    if (cli->json) {
        cli_json(cli, json_pack("{s:b, s:O}", "ok", !checker.bad, "checks", checker.results));
    }
    json_decref(checker.results);
    json_decref(status);
    return checker.bad ? CLI_NO : CLI_DONE;
}

const struct cli_command cmd_check[] = {
    {.name = "check",
        .group = CLI_GROUP_OPERATE,
        .summary = "looks at everything on this side, and says what to do",
        .usage = "",
        .text = "Looks at the connection, the alarms, the age of the register, the end of the "
                "keys, the age of the outbox, "
                "the inbox, overdue deadlines and the disk, and prints a line each. Exit 1 where "
                "something is wrong: "
                "for a monitor or a cron "
                "job.",
        .example = "waypost check || mail -s \"waypost\" duty",
        .run = run_check,
        .needs_agent = true},
    {.name = NULL},
};
