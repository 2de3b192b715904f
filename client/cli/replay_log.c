/* replay_log: see replay_log.h. One JSON object a line, appended. */
#include "client/cli/replay_log.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/parse.h"
#include "client/cli/reading.h"
#include "common/base/world.h"

#include "common/base/banned.h"

#define SUFFIX ".replays"

enum { DETAIL_BYTES = 201 };

static const char *log_path(const struct cli *cli, const source_t *source, char *text)
{
    const char *given = cli_text(cli, "log");
    const char *path = source_path(source);
    size_t len = strlen(path);

    if (given != NULL) {
        return given;
    }
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    (void)snprintf(text, PATH_MAX, "%.*s" SUFFIX, (int)len, path);
    return text;
}

static const char *who(void)
{
    const struct passwd *row = getpwuid(getuid());

    return row == NULL ? "unknown" : row->pw_name;
}

static json_t *options_json(const struct cli *cli)
{
    json_t *options = json_array();

    for (size_t i = 0; i < cli->given_count; i++) {
        const struct cli_given *given = &cli->given[i];
        json_array_append_new(options,
            given->value == NULL ? json_sprintf("--%s", given->option->name)
                                 : json_sprintf("--%s %s", given->option->name, given->value));
    }
    return options;
}

static bool append(const char *path, json_t *line)
{
    FILE *file = fopen(path, "ae");
    bool good = file != NULL;

    if (good) {
        good = json_dumpf(line, file, JSON_COMPACT) == 0 && fputc('\n', file) != EOF;
        good = fclose(file) == 0 && good;
    }
    json_decref(line);
    return good;
}

/* "kind=refused transfer=...": what is looked at. Where it goes is said by a word, never by a file's name. */
static void detail_write(const struct cli *cli, char *out, size_t room)
{
    size_t used = 0;

    (void)snprintf(out, room, "all");
    for (size_t i = 0; i < cli->given_count && used < room; i++) {
        const struct cli_given *given = &cli->given[i];
        bool told = given->value != NULL && strcmp(given->option->name, "log") != 0 &&
            strcmp(given->option->name, "socket") != 0;
        if (told) {
            int len = snprintf(out + used, room - used, "%s%s=%.*s", used == 0 ? "" : " ",
                given->option->name, (int)strcspn(given->value, ":"), given->value);
            used += len < 0 ? 0 : (size_t)len;
        }
    }
}

/* The broker's own record of it, through the operator's agent. */
static int note_at_broker(struct cli *cli)
{
    char detail[DETAIL_BYTES];
    json_t *answer = NULL;

    detail_write(cli, detail, sizeof detail);
    int exit_code =
        cli_ask(cli, json_pack("{s:s, s:s}", "op", "note_replay", "detail", detail), &answer);
    json_decref(answer);
    if (exit_code != CLI_DONE) {
        cli_hint(cli,
            "The broker of that journal runs, and each replay of it is a record in it: name the "
            "operator's agent with --socket, or replay a copy of the journal.\n");
    }
    return exit_code;
}

int replay_log_begin(struct cli *cli, const source_t *source)
{
    if (source_in_use(source)) {
        return note_at_broker(cli);
    }
    char text[PATH_MAX];
    const char *path = log_path(cli, source, text);
    json_t *line = json_pack("{s:s, s:o, s:s, s:I, s:s, s:o}", "record", "replay_started", "at",
        reading_time(cli->now_ms), "by", who(), "process", (json_int_t)getpid(), "source",
        source_path(source), "options", options_json(cli));

    if (append(path, line)) {
        return CLI_DONE;
    }
    return cli_fail(cli, E_PERMISSION,
        "%s cannot be written, and each replay is written down; name another file with --log",
        path);
}

void replay_log_end(struct cli *cli, const source_t *source, int exit_code)
{
    if (source_in_use(source)) {
        return; /* the broker has its record */
    }
    char text[PATH_MAX];
    const char *path = log_path(cli, source, text);
    const struct world *world = world_real();
    json_t *line = json_pack("{s:s, s:o, s:s, s:I, s:i}", "record", "replay_ended", "at",
        reading_time(world->wall_ms(world->context)), "by", who(), "process", (json_int_t)getpid(),
        "exit", exit_code);

    if (!append(path, line)) {
        cli_hint(cli, "%s could not be written: the end of this replay is missing there\n", path);
    }
}
