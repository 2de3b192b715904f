/*
 * completion: a bash script from the tables of commands and the catalogue. Declared in manual.h.
 *
 * Nothing fails; out of memory ends the program.
 */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/manual.h"
#include "client/cli/parse.h"
#include "common/codec/catalogue.h"
#include "common/base/banned.h"

static void put_names(struct buf *out)
{
    char first[64];
    buf_put_text(out, "_waypost_commands=\"");
    for (size_t i = 0; manual_first_word(i, first); i++) {
        buf_put_text(out, "%s%s", i == 0 ? "" : " ", first);
    }
    buf_put_text(out, "\"\n");
}

static void put_catalogue(struct buf *out)
{
    buf_put_text(out, "_waypost_kinds=\"");
    for (uint32_t i = 1; i <= catalogue_kind_count(); i++) {
        buf_put_text(out, "%s%s", i == 1 ? "" : " ", catalogue_kind(i)->name);
    }
    buf_put_text(out, "\"\n_waypost_facts=\"");
    for (uint32_t i = 1; i <= catalogue_fact_count(); i++) {
        buf_put_text(out, "%s%s=", i == 1 ? "" : " ", catalogue_fact(i)->name);
    }
    buf_put_text(out, "\"\n");
}

/* The second words of a command of two. */
static void put_seconds(struct buf *out)
{
    char first[64];
    buf_put_text(out, "_waypost_seconds() {\n    case \"$1\" in\n");
    for (size_t w = 0; manual_first_word(w, first); w++) {
        size_t len = strlen(first);
        bool any = false;
        const struct cli_command *command;
        for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
            if (!command->hidden && strncmp(command->name, first, len) == 0 &&
                command->name[len] == ' ') {
                buf_put_text(
                    out, any ? " %s" : "    %s) echo \"", any ? command->name + len + 1 : first);
                if (!any) {
                    buf_put_text(out, "%s", command->name + len + 1);
                }
                any = true;
            }
        }
        buf_put_text(out, "%s", any ? "\" ;;\n" : "");
    }
    buf_put_text(out, "    esac\n}\n");
}

static void put_options(struct buf *out)
{
    const struct cli_command *command;
    buf_put_text(out, "_waypost_options() {\n    case \"$1\" in\n");
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        if (command->hidden) {
            continue;
        }
        buf_put_text(out, "    \"%s\") echo \"", command->name);
        const struct cli_option *option;
        for (size_t o = 0; (option = option_at(command, o)) != NULL; o++) {
            buf_put_text(out, "%s--%s", o == 0 ? "" : " ", option->name);
        }
        buf_put_text(out, "\" ;;\n");
    }
    buf_put_text(out, "    esac\n}\n");
}

static void put_words(
    struct buf *out, const struct cli_command *command, const struct cli_option *option)
{
    const char *word;
    for (size_t i = 0; (word = option_word(option, i)) != NULL; i++) {
        if (i == 0) {
            buf_put_text(out, "    \"%s --%s\") echo \"", command->name, option->name);
        }
        buf_put_text(out, "%s%s", i == 0 ? "" : " ", word);
    }
    buf_put_text(out, "%s", option_word(option, 0) == NULL ? "" : "\" ;;\n");
}

/* What an option's value can be: "file", "facts", or the words themselves. */
static void put_values(struct buf *out)
{
    const struct cli_command *command;
    buf_put_text(out, "_waypost_values() {\n    case \"$1\" in\n");
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        const struct cli_option *option;
        for (size_t o = 0; !command->hidden && (option = option_at(command, o)) != NULL; o++) {
            if (option->type == CLI_FILE) {
                buf_put_text(out, "    \"%s --%s\") echo @file ;;\n", command->name, option->name);
            } else if (option->type == CLI_PAIR) {
                buf_put_text(out, "    \"%s --%s\") echo @facts ;;\n", command->name, option->name);
            } else if (option->argument != NULL && option_word(option, 0) == NULL) {
                buf_put_text(out, "    \"%s --%s\") echo @none ;;\n", command->name, option->name);
            }
            put_words(out, command, option);
        }
    }
    buf_put_text(out, "    esac\n}\n");
}

static const char function_text[] =
    "_waypost() {\n"
    "    local cur prev command second values\n"
    "    cur=\"${COMP_WORDS[COMP_CWORD]}\"\n"
    "    prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
    "    command=\"${COMP_WORDS[1]}\"\n"
    "    COMPREPLY=()\n"
    "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
    "        COMPREPLY=($(compgen -W \"$_waypost_commands --help --version\" -- \"$cur\"))\n"
    "        return\n"
    "    fi\n"
    "    second=\"$(_waypost_seconds \"$command\")\"\n"
    "    if [ -n \"$second\" ]; then\n"
    "        if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
    "            COMPREPLY=($(compgen -W \"$second --help\" -- \"$cur\"))\n"
    "            return\n"
    "        fi\n"
    "        command=\"$command ${COMP_WORDS[2]}\"\n"
    "    fi\n"
    "    values=\"$(_waypost_values \"$command $prev\")\"\n"
    "    case \"$values\" in\n"
    "    \"\") ;;\n"
    "    @none) return ;;\n"
    "    @file) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$cur\")); return "
    ";;\n"
    "    @facts) compopt -o nospace 2>/dev/null; COMPREPLY=($(compgen -W \"$_waypost_facts\" -- "
    "\"$cur\")); return ;;\n"
    "    *) COMPREPLY=($(compgen -W \"$values\" -- \"$cur\")); return ;;\n"
    "    esac\n"
    "    if [ \"$command\" = send ] && [ \"${cur#-}\" = \"$cur\" ]; then\n"
    "        COMPREPLY=($(compgen -W \"$_waypost_kinds\" -- \"$cur\"))\n"
    "    elif [ \"${cur#-}\" != \"$cur\" ]; then\n"
    "        COMPREPLY=($(compgen -W \"$(_waypost_options \"$command\")\" -- \"$cur\"))\n"
    "    else\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
    "    fi\n"
    "}\n"
    "complete -F _waypost waypost\n";

void completion_bash(struct buf *out)
{
    buf_put_text(out,
        "# bash completion of waypost; made from its table of commands: source <(waypost "
        "completion)\n");
    put_names(out);
    put_catalogue(out);
    put_seconds(out);
    put_options(out);
    put_values(out);
    buf_put(out, function_text, sizeof function_text - 1);
}
