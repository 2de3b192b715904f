/*
 * manual: manual pages in mdoc from the tables. Nothing fails; out of memory ends the program.
 */
#include "client/cli/manual.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/parse.h"
#include "common/base/banned.h"

enum { FIRST_BYTES = 64 };

/* ---- words of the tables ---- */

static size_t first_word_bytes(const char *name)
{
    size_t len = strcspn(name, " ");
    return len < FIRST_BYTES ? len : FIRST_BYTES - 1;
}

static bool stands_before(size_t index, const char *name, size_t len)
{
    for (size_t i = 0; i < index; i++) {
        const struct cli_command *command = command_at(i);
        if (!command->hidden && first_word_bytes(command->name) == len &&
            strncmp(command->name, name, len) == 0) {
            return true;
        }
    }
    return false;
}

bool manual_first_word(size_t index, char *first)
{
    const struct cli_command *command;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        size_t len = first_word_bytes(command->name);
        if (command->hidden || stands_before(i, command->name, len)) {
            continue;
        }
        if (index-- == 0) {
            memcpy(first, command->name, len);
            first[len] = '\0';
            return true;
        }
    }
    return false;
}

static bool belongs(const struct cli_command *command, const char *first)
{
    size_t len = strlen(first);
    return !command->hidden && first_word_bytes(command->name) == len &&
        strncmp(command->name, first, len) == 0;
}

/* ---- mdoc ---- */

/* Text as mdoc takes it: no line that begins with a control character, no bare backslash. */
static void put_text(struct buf *out, const char *text)
{
    bool line_begins = true;
    for (; *text != '\0'; text++) {
        if (line_begins && (*text == '.' || *text == '\'')) {
            buf_put_text(out, "\\&");
        }
        if (*text == '\n' && text[1] == '\n') {
            buf_put_text(out, "\n.Pp\n");
            text++;
            line_begins = true;
            continue;
        }
        if (*text == '\\') {
            buf_put_text(out, "\\e");
        } else {
            buf_put_u8(out, (uint8_t)*text);
        }
        /* mdoc wants a new line after each sentence */
        if (*text == '.' && text[1] == ' ' && isupper((unsigned char)text[2])) {
            buf_put_u8(out, '\n');
            text++;
        }
        line_begins = out->data[out->len - 1] == '\n';
    }
    buf_put_u8(out, '\n');
}

static void put_head(struct buf *out, const char *page, const char *summary)
{
    char upper[FIRST_BYTES + 16];
    size_t len = strlen(page);
    for (size_t i = 0; i <= len && i < sizeof upper; i++) {
        upper[i] = (char)toupper((unsigned char)page[i]);
    }
    buf_put_text(out,
        ".\\\" Made from the table of commands; change it there.\n.Dd March 16, 2026\n.Dt %s "
        "1\n.Os Waypost\n",
        upper);
    buf_put_text(out, ".Sh NAME\n.Nm %s\n.Nd %s\n", page, summary);
}

static void put_option(struct buf *out, const struct cli_option *option)
{
    buf_put_text(out, ".It");
    if (option->letter != '\0') {
        buf_put_text(out, " Fl %c ,", option->letter);
    }
    buf_put_text(out, " Fl Fl %s", option->name);
    if (option->argument != NULL) {
        buf_put_text(out, " Ar %s", option->argument);
    }
    if (option->repeatable) {
        buf_put_text(out, " ...");
    }
    buf_put_text(out, "\n");
    put_text(out, option->text);
    const char *word;
    for (size_t i = 0; (word = option_word(option, i)) != NULL; i++) {
        buf_put_text(out, "%s%s", i == 0 ? "One of: " : ", ", word);
    }
    buf_put_text(out, "%s", option_word(option, 0) == NULL ? "" : ".\n");
}

static void put_options(struct buf *out, const struct cli_command *command)
{
    const struct cli_option *option;
    buf_put_text(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; (option = option_at(command, i)) != NULL; i++) {
        put_option(out, option);
    }
    buf_put_text(out, ".El\n");
}

static void put_synopsis(struct buf *out, const struct cli_command *command)
{
    buf_put_text(out, ".Nm waypost %s\n", command->name);
    for (size_t i = 0; command->options != NULL && command->options[i].name != NULL; i++) {
        const struct cli_option *option = &command->options[i];
        if (option->required) {
            buf_put_text(out, ".Fl Fl %s Ar %s\n", option->name, option->argument);
        }
    }
    buf_put_text(out, ".Op Ar options\n");
    if (command->usage[0] != '\0') {
        buf_put_text(out, ".Ar %s\n", command->usage);
    }
}

static void put_examples(struct buf *out, const char *first)
{
    const struct cli_command *command;
    bool headed = false;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        if (!belongs(command, first) || command->example == NULL) {
            continue;
        }
        buf_put_text(out, "%s", headed ? "" : ".Sh EXAMPLES\n.Bd -literal -offset indent\n");
        put_text(out, command->example);
        headed = true;
    }
    buf_put_text(out, "%s", headed ? ".Ed\n" : "");
}

static void put_foot(struct buf *out)
{
    buf_put_text(out,
        ".Sh EXIT STATUS\n0 when it is done, 1 when the world said no, 2 when the command line was "
        "wrong.\n"
        "With\n.Fl Fl json\nan error is one JSON object on standard error, with the members ok, "
        "code, name and error.\n");
}

void manual_command(const char *first, struct buf *out)
{
    char page[FIRST_BYTES + 16];
    snprintf(page, sizeof page, "waypost-%s", first);
    const struct cli_command *command;
    size_t count = 0;
    const char *summary = "";
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        summary = belongs(command, first) && count++ == 0 ? command->summary : summary;
    }
    put_head(out, page, count > 1 ? "a group of commands" : summary);
    buf_put_text(out, ".Sh SYNOPSIS\n");
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        if (belongs(command, first)) {
            put_synopsis(out, command);
        }
    }
    buf_put_text(out, ".Sh DESCRIPTION\n");
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        if (belongs(command, first)) {
            if (count > 1) {
                buf_put_text(out, ".Ss waypost %s\n", command->name);
            }
            put_text(out, command->text);
            put_options(out, command);
        }
    }
    put_foot(out);
    put_examples(out, first);
    buf_put_text(out, ".Sh SEE ALSO\n.Xr waypost 1\n");
}

void manual_overview(struct buf *out)
{
    put_head(out, "waypost", "notifications between local authorities about children who move");
    buf_put_text(out, ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar options\n.Sh DESCRIPTION\n");
    put_text(out,
        "Waypost carries notifications between local authorities about children who move between "
        "them, and keeps the "
        "proof of what was said, when and by whom. The command speaks to the agent of an authority "
        "over its Unix "
        "socket, or works on files alone. Times are printed in London time.");
    const char *group;
    for (size_t g = 0; (group = command_group_at(g)) != NULL; g++) {
        const struct cli_command *command;
        buf_put_text(out, ".Ss %s\n.Bl -tag -width Ds\n", group);
        for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
            if (!command->hidden && strcmp(command->group, group) == 0) {
                buf_put_text(out, ".It Cm %s\n", command->name);
                put_text(out, command->summary);
            }
        }
        buf_put_text(out, ".El\n");
    }
    buf_put_text(out, ".Ss Options of every command\n");
    put_options(out, NULL);
    buf_put_text(out,
        ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n.It Ev WAYPOST_SOCKET\nSocket of the agent.\n"
        ".It Ev NO_COLOR\nWhere it is set to anything, colours are left out.\n.It Ev "
        "COLUMNS\nWidth of the lines.\n.El\n"
        ".Sh FILES\n.Bl -tag -width Ds\n.It Pa /run/waypost/agent.sock\nSocket of the agent, "
        "unless another is named.\n.El\n");
    put_foot(out);
    buf_put_text(out, ".Sh SEE ALSO\n");
    char first[FIRST_BYTES];
    for (size_t i = 0; manual_first_word(i, first); i++) {
        char next[FIRST_BYTES];
        buf_put_text(
            out, ".Xr waypost-%s 1%s\n", first, manual_first_word(i + 1, next) ? " ," : "");
    }
}
