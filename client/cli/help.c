/*
 * help: what --help prints. Nothing fails but the stream.
 */
#include "client/cli/help.h"

#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/parse.h"
#include "client/cli/wrap.h"
#include "common/base/banned.h"

enum { SUMMARY_COLUMN = 24, OPTION_COLUMN = 26 };

static bool begins_with(const struct cli_command *command, const char *first)
{
    size_t len = first == NULL ? 0 : strlen(first);
    return first == NULL ||
        (strncmp(command->name, first, len) == 0 &&
            (command->name[len] == ' ' || command->name[len] == '\0'));
}

static void put_group(const struct cli *cli, FILE *out, const char *group, const char *first)
{
    const struct cli_command *command;
    bool headed = false;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        if (command->hidden || strcmp(command->group, group) != 0 || !begins_with(command, first)) {
            continue;
        }
        if (!headed) {
            fprintf(
                out, "\n%s%s%s\n", cli_paint(cli, PAINT_BOLD), group, cli_paint(cli, PAINT_END));
            headed = true;
        }
        int printed = fprintf(out, "  %-20s  ", command->name);
        wrap_put(out, command->summary, SUMMARY_COLUMN, (unsigned)printed, cli->width);
    }
}

void help_overview(const struct cli *cli, FILE *out, const char *first)
{
    fprintf(out, "Usage: waypost COMMAND [options] ...\n");
    if (first == NULL) {
        wrap_put(out,
            "\nWaypost carries notifications between local authorities about children who move "
            "between them, and "
            "keeps the proof of what was said, when and by whom.",
            0, 0, cli->width);
    }
    const char *group;
    for (size_t i = 0; (group = command_group_at(i)) != NULL; i++) {
        put_group(cli, out, group, first);
    }
    fprintf(out, "\n");
    wrap_put(out,
        "waypost COMMAND --help says more about each. Every command takes --json, and exits with 0 "
        "when it is done, "
        "1 when the world said no, 2 when the command line was wrong.",
        0, 0, cli->width);
}

void help_usage(const struct cli_command *command, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "waypost %s", command->name);
    for (size_t i = 0; command->options != NULL && command->options[i].name != NULL && len < size;
         i++) {
        const struct cli_option *option = &command->options[i];
        if (option->required) {
            len +=
                (size_t)snprintf(out + len, size - len, " --%s %s", option->name, option->argument);
        }
    }
    if (len < size) {
        snprintf(out + len, size - len, " [options]%s%s", command->usage[0] == '\0' ? "" : " ",
            command->usage);
    }
}

static void put_option(const struct cli *cli, const struct cli_option *option)
{
    char head[128];
    char letter[8] = "    ";
    if (option->letter != '\0') {
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    }
    int len = snprintf(head, sizeof head, "  %s--%s%s%s%s", letter, option->name,
        option->argument == NULL ? "" : " ", option->argument == NULL ? "" : option->argument,
        option->repeatable ? " ..." : "");
    fputs(head, cli->out);
    unsigned column = len < 0 ? 0 : (unsigned)len;
    if (column + 2 > OPTION_COLUMN) {
        fputc('\n', cli->out);
        column = 0;
    }
    char text[2048];
    size_t used = (size_t)snprintf(text, sizeof text, "%s", option->text);
    const char *word;
    for (size_t i = 0; (word = option_word(option, i)) != NULL && used < sizeof text; i++) {
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? ": " : ", ", word);
    }
    wrap_put(cli->out, text, OPTION_COLUMN, column, cli->width);
}

static void put_example(const struct cli *cli, const char *example)
{
    fprintf(cli->out, "\n%sExamples%s\n", cli_paint(cli, PAINT_BOLD), cli_paint(cli, PAINT_END));
    while (*example != '\0') {
        size_t len = strcspn(example, "\n");
        fprintf(cli->out, "  %.*s\n", (int)len, example);
        example += example[len] == '\n' ? len + 1 : len;
    }
}

void help_command(const struct cli *cli, const struct cli_command *command)
{
    char usage[512];
    help_usage(command, usage, sizeof usage);
    wrap_put(cli->out, usage, 4, (unsigned)fprintf(cli->out, "Usage: "), cli->width);
    fputc('\n', cli->out);
    wrap_put(cli->out, command->text, 0, 0, cli->width);
    fprintf(cli->out, "\n%sOptions%s\n", cli_paint(cli, PAINT_BOLD), cli_paint(cli, PAINT_END));
    const struct cli_option *option;
    for (size_t i = 0; (option = option_at(command, i)) != NULL; i++) {
        put_option(cli, option);
    }
    if (command->example != NULL) {
        put_example(cli, command->example);
    }
}
