/*
 * cli: one run of the command line, from argv to the exit code.
 *
 * Nothing here changes the world. A command that fails has said why on standard error.
 */
#include "client/cli/cli.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/cli/commands.h"
#include "client/cli/help.h"
#include "client/cli/parse.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/words.h"
#include "common/base/world.h"
#include "common/base/banned.h"

#define SOCKET_DEFAULT "/run/waypost/agent.sock"

/* ---- options as given ---- */

static const struct cli_given *given_at(const struct cli *cli, const char *option, size_t index)
{
    assert(option_named(cli->command, option) != NULL);
    for (size_t i = 0; i < cli->given_count; i++) {
        if (strcmp(cli->given[i].option->name, option) == 0 && index-- == 0) {
            return &cli->given[i];
        }
    }
    return NULL;
}

size_t cli_count(const struct cli *cli, const char *option)
{
    size_t count = 0;
    while (given_at(cli, option, count) != NULL) {
        count++;
    }
    return count;
}

const char *cli_text_at(const struct cli *cli, const char *option, size_t index)
{
    const struct cli_given *given = given_at(cli, option, index);
    return given == NULL ? NULL : given->value;
}

const char *cli_text(const struct cli *cli, const char *option)
{
    size_t count = cli_count(cli, option);
    return count == 0 ? NULL : cli_text_at(cli, option, count - 1);
}

bool cli_flag(const struct cli *cli, const char *option)
{
    return cli_count(cli, option) > 0;
}

uint64_t cli_number(const struct cli *cli, const char *option, uint64_t otherwise)
{
    const char *text = cli_text(cli, option);
    uint64_t number = otherwise;
    if (text != NULL && text_parse_u64(text, 0, UINT64_MAX, &number) != 0) {
        return otherwise; /* the parser has refused it before */
    }
    return number;
}

int64_t cli_when(const struct cli *cli, const char *option, int64_t otherwise)
{
    const char *text = cli_text(cli, option);
    int64_t ms = otherwise;
    if (text != NULL && civil_moment_parse(text, &ms) != 0) {
        return otherwise; /* as above */
    }
    return ms;
}

/* ---- the run ---- */

static bool is_terminal(FILE *stream)
{
    int fd = fileno(stream);
    return fd >= 0 && isatty(fd) == 1;
}

static unsigned width_of(FILE *out, bool terminal)
{
    uint64_t columns;
    const char *text = getenv("COLUMNS");
    if (text != NULL && text_parse_u64(text, 40, 500, &columns) == 0) {
        return (unsigned)columns;
    }
    struct winsize size;
    if (terminal && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) {
        return size.ws_col;
    }
    return 80;
}

static bool colours_wanted(bool terminal)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return terminal && (no == NULL || no[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
}

static void cli_init(struct cli *cli, const char *program, FILE *out, FILE *err)
{
    bool terminal = is_terminal(out);
    bool err_terminal = is_terminal(err);
    *cli = (struct cli){
        .colour = colours_wanted(terminal),
        .terminal = terminal,
        .err_terminal = err_terminal,
        .ask = err_terminal && is_terminal(stdin),
        .width = width_of(out, terminal),
        .now_ms = world_real()->wall_ms(world_real()->context),
        .program = program,
        .out = out,
        .err = err,
    };
}

static const char *socket_of(const struct cli *cli)
{
    const char *path = cli->command->needs_agent ? cli_text(cli, "socket") : NULL;
    if (path == NULL) {
        path = getenv("WAYPOST_SOCKET");
    }
    return path == NULL || path[0] == '\0' ? SOCKET_DEFAULT : path;
}

/* What could not be printed was not done: a full disk behind `> file` is told. */
static int finish(struct cli *cli, int exit_code)
{
    if ((fflush(cli->out) != 0 || ferror(cli->out) != 0) && exit_code == CLI_DONE) {
        return cli_fail(
            cli, E_IO, "standard output could not be written; what was printed is not whole");
    }
    return exit_code;
}

static int cli_run(struct cli *cli, enum parse_result parsed)
{
    switch (parsed) {
    case PARSE_RUN:
        cli->socket = socket_of(cli);
        return finish(cli, cli->command->run(cli));
    case PARSE_HELP:
        if (cli->command->help == NULL || cli->arg_count == 0 || !cli->command->help(cli)) {
            help_command(cli, cli->command);
        }
        return finish(cli, CLI_DONE);
    case PARSE_OVERVIEW:
        help_overview(cli, cli->out, cli->arg_count > 0 ? cli->args[0] : NULL);
        return finish(cli, CLI_DONE);
    case PARSE_VERSION:
        fprintf(cli->out, "waypost %s\n", WAYPOST_VERSION);
        return finish(cli, CLI_DONE);
    case PARSE_NOTHING:
        help_overview(cli, cli->err, NULL);
        return CLI_WRONG;
    case PARSE_WRONG:
        break;
    }
    return CLI_WRONG;
}

int cli_main(int argc, const char *const *argv, FILE *out, FILE *err)
{
    struct cli cli;
    cli_init(&cli, argc > 0 ? argv[0] : "waypost", out, err);
    if (argc > CLI_ARGS_MAX) {
        return cli_misuse(&cli, "more than %d words on one command line", CLI_ARGS_MAX);
    }
    const char *words[CLI_ARGS_MAX];
    static struct cli_given given[CLI_ARGS_MAX + PARSE_FLAGS_MAX];
    return cli_run(&cli, parse_line(&cli, argc, argv, words, given));
}
