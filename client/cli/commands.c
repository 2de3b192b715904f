/*
 * commands: the arrays of every cmd_NAME.c in the order in which they are listed, and the options that all share.
 *
 * Nothing here fails.
 */
#include "client/cli/commands.h"

#include <string.h>

#include "common/base/banned.h"

static const struct cli_command *const arrays[] = {
    cmd_send,
    cmd_lists,
    cmd_show,
    cmd_clocks,
    cmd_watch,
    cmd_hub,
    cmd_verify,
    cmd_receipt,
    cmd_state,
    cmd_replay,
    cmd_diff,
    cmd_bundle,
    cmd_heads,
    cmd_erase,
    cmd_export,
    cmd_import,
    cmd_scrub,
    cmd_keygen,
    cmd_register,
    cmd_status,
    cmd_check,
    cmd_operate,
    cmd_recover,
    cmd_mend,
    cmd_bench,
    cmd_rehearse,
    cmd_procedures,
    cmd_other,
};

static const char *const groups[] = {
    CLI_GROUP_EVENTS,
    CLI_GROUP_HUB,
    CLI_GROUP_PROOF,
    CLI_GROUP_LOOK_BACK,
    CLI_GROUP_KEYS,
    CLI_GROUP_OPERATE,
    CLI_GROUP_OTHER,
};

const struct cli_option options_common[] = {
    {.name = "json",
        .text = "print JSON for programs: one document, or one a line; errors as well"},
    {.name = "help", .letter = 'h', .text = "print this and exit"},
    {.name = "version", .letter = 'V', .text = "print the version and exit"},
    {.name = NULL},
};

const struct cli_option options_agent[] = {
    {.name = "socket",
        .argument = "PATH",
        .type = CLI_FILE,
        .text = "socket of the agent; else $WAYPOST_SOCKET, else /run/waypost/agent.sock"},
    {.name = NULL},
};

const struct cli_command *command_at(size_t index)
{
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        for (const struct cli_command *command = arrays[i]; command->name != NULL; command++) {
            if (index-- == 0) {
                return command;
            }
        }
    }
    return NULL;
}

const struct cli_command *command_named(const char *name)
{
    const struct cli_command *command;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        if (strcmp(command->name, name) == 0) {
            return command;
        }
    }
    return NULL;
}

const char *command_group_at(size_t index)
{
    return index < sizeof groups / sizeof groups[0] ? groups[index] : NULL;
}
