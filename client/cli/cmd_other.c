/*
 * cmd_other: help, version, completion, and the manual pages for the build.
 *
 * dump-man writes files and says why where it cannot; the others only print.
 */
#include <stdio.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/help.h"
#include "client/cli/manual.h"
#include "common/base/fsio.h"
#include "common/base/banned.h"

static json_t *commands_json(void)
{
    json_t *list = json_array();
    const struct cli_command *command;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        if (!command->hidden) {
            json_array_append_new(list,
                json_pack("{s:s, s:s, s:s, s:s}", "command", command->name, "group", command->group,
                    "summary", command->summary, "usage", command->usage));
        }
    }
    return list;
}

static int run_help(struct cli *cli)
{
    if (cli->json && cli->arg_count == 0) {
        cli_json(cli, json_pack("{s:o}", "commands", commands_json()));
        return CLI_DONE;
    }
    if (cli->arg_count == 0) {
        help_overview(cli, cli->out, NULL);
        return CLI_DONE;
    }
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", cli->args[0], cli->arg_count > 1 ? " " : "",
        cli->arg_count > 1 ? cli->args[1] : "");
    const struct cli_command *command = command_named(name);
    if (command != NULL) {
        help_command(cli, command);
        return CLI_DONE;
    }
    char first[64];
    for (size_t i = 0; manual_first_word(i, first); i++) {
        if (strcmp(first, name) == 0) {
            help_overview(cli, cli->out, first);
            return CLI_DONE;
        }
    }
    return cli_misuse(
        cli, "there is no command \"%s\"; waypost --help lists those there are", name);
}

static int run_version(struct cli *cli)
{
    if (cli->json) {
        cli_json(cli, json_pack("{s:s}", "version", WAYPOST_VERSION));
    }
    cli_say(cli, "waypost %s\n", WAYPOST_VERSION);
    return CLI_DONE;
}

static int run_completion(struct cli *cli)
{
    struct buf text = {0};
    completion_bash(&text);
    if (cli->json) {
        cli_json(cli, json_pack("{s:s%}", "script", (const char *)text.data, text.len));
    } else {
        fwrite(text.data, 1, text.len, cli->out);
    }
    buf_free(&text);
    return CLI_DONE;
}

static int write_page(struct cli *cli, const char *page, const struct buf *text)
{
    char path[1024];
    int len = snprintf(path, sizeof path, "%s/%s.1", cli->args[0], page);
    if (len < 0 || (size_t)len >= sizeof path) {
        return cli_misuse(cli, "the directory's path is too long");
    }
    int rc = fsio_replace(path, buf_slice(text), 0644);
    return rc == 0 ? CLI_DONE
                   : cli_fail(cli, rc, "%s could not be written; does the directory exist?", path);
}

static int run_dump_man(struct cli *cli)
{
    struct buf text = {0};
    manual_overview(&text);
    int exit_code = write_page(cli, "waypost", &text);
    char first[64];
    for (size_t i = 0; exit_code == CLI_DONE && manual_first_word(i, first); i++) {
        char page[80];
        snprintf(page, sizeof page, "waypost-%s", first);
        buf_clear(&text);
        manual_command(first, &text);
        exit_code = write_page(cli, page, &text);
    }
    buf_free(&text);
    return exit_code;
}

const struct cli_command cmd_other[] = {
    {.name = "help",
        .group = CLI_GROUP_OTHER,
        .summary = "lists the commands, or explains one",
        .usage = "[COMMAND]",
        .text = "Without a word, every command with what it does; with one, the same as waypost "
                "COMMAND --help.",
        .args_max = 2,
        .run = run_help},
    {.name = "completion",
        .group = CLI_GROUP_OTHER,
        .summary = "prints completion for bash",
        .usage = "",
        .text = "A script that lets bash complete commands, options, kinds and facts. make install "
                "puts it in its place.",
        .example = "source <(waypost completion)",
        .run = run_completion},
    {.name = "version",
        .group = CLI_GROUP_OTHER,
        .summary = "prints the version",
        .usage = "",
        .text = "The version of this program.",
        .run = run_version},
    {.name = "dump-man",
        .group = CLI_GROUP_OTHER,
        .summary = "writes the manual pages",
        .usage = "DIRECTORY",
        .text = "Writes a manual page a command into a directory. Used by the build.",
        .args_min = 1,
        .args_max = 1,
        .run = run_dump_man,
        .hidden = true},
    {.name = NULL},
};
