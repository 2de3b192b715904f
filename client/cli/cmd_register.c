/*
 * cmd_register: the table of the register commands. What they do stands in register_look.c and register_make.c.
 */
#include "client/cli/commands.h"
#include "client/cli/register_commands.h"
#include "common/base/banned.h"

#define FROM_OPTION                                                                                \
    {                                                                                              \
        .name = "register", .letter = 'r', .argument = "FILE", .type = CLI_FILE,                   \
        .text = "read this signed register instead of the agent's"                                 \
    }
#define JOIN_OPTION                                                                                \
    {                                                                                              \
        .name = "join", .letter = 'j', .argument = "FILE", .type = CLI_FILE,                       \
        .text = "check the signatures against the roots of this join file"                         \
    }

static const struct cli_option list_options[] = {
    FROM_OPTION,
    JOIN_OPTION,
    {.name = "agents", .text = "list agents instead of authorities"},
    {.name = "region",
        .argument = "REGION",
        .type = CLI_TEXT,
        .text = "only authorities of this region, by its name or code"},
    {.name = NULL},
};

static const struct cli_option show_options[] = {
    FROM_OPTION,
    JOIN_OPTION,
    {.name = NULL},
};

static const struct cli_option check_options[] = {
    JOIN_OPTION,
    {.name = NULL},
};

static const struct cli_option init_options[] = {
    {.name = "network",
        .letter = 'n',
        .argument = "NAME",
        .type = CLI_TEXT,
        .required = true,
        .text = "name of the network: 1 to 32 of a-z, 0-9 and hyphen"},
    {.name = NULL},
};

static const struct cli_option sign_options[] = {
    {.name = "root",
        .letter = 'k',
        .argument = "FILE",
        .type = CLI_FILE,
        .required = true,
        .repeatable = true,
        .text = "secret keys of a root that signs"},
    {.name = "out",
        .letter = 'o',
        .argument = "FILE",
        .type = CLI_FILE,
        .required = true,
        .text = "the signed register; where it is there, the signatures are added to it"},
    {.name = "before",
        .letter = 'b',
        .argument = "FILE",
        .type = CLI_FILE,
        .text = "the register now in force, which this one continues; needed from version 2 on"},
    {.name = NULL},
};

static const struct cli_option join_options[] = {
    {.name = "out",
        .letter = 'o',
        .argument = "FILE",
        .type = CLI_FILE,
        .required = true,
        .text = "the join file"},
    {.name = NULL},
};

const struct cli_command cmd_register[] = {
    {.name = "register list",
        .group = CLI_GROUP_KEYS,
        .summary = "every authority or agent of the register",
        .usage = "",
        .text = "Lists the authorities of the register with their DfE number, region and profile, "
                "and which agent serves "
                "them; or, with --agents, the agents with their roles and whether their keys are "
                "in force.",
        .example = "waypost register list --region London\nwaypost register list --agents "
                   "--register register.signed",
        .options = list_options,
        .args_max = 0,
        .run = register_list,
        .needs_agent = true},
    {.name = "register show",
        .group = CLI_GROUP_KEYS,
        .summary = "one authority or agent with its keys",
        .usage = "CODE",
        .text = "Shows what the register says of an authority, by its code, or of an agent, by its "
                "id: successors and where "
                "events to it go today, its agent, and that agent's keys with the times between "
                "which they count.",
        .example = "waypost register show E09000007\nwaypost register show hub-london",
        .options = show_options,
        .args_min = 1,
        .args_max = 1,
        .run = register_show,
        .needs_agent = true},
    {.name = "register check",
        .group = CLI_GROUP_KEYS,
        .summary = "is a signed register, or a source, whole and usable",
        .usage = "FILE",
        .text = "Checks a signed register: its form, every rule, and that enough roots have signed "
                "it. Without --join these "
                "are the roots that it names itself, which says nothing about who made it: compare "
                "the fingerprint.\n\n"
                "A file whose name ends in .zpl is a source: it is compiled, and every fault is "
                "answered with file and line.",
        .example = "waypost register check register.signed --join network.join\nwaypost register "
                   "check register.zpl",
        .options = check_options,
        .args_min = 1,
        .args_max = 1,
        .run = register_check},
    {.name = "register diff",
        .group = CLI_GROUP_KEYS,
        .summary = "what differs between two registers",
        .usage = "BEFORE AFTER",
        .text = "Lists every authority, agent and broker that was added, removed or changed, value "
                "by value. Look at it "
                "before you sign or publish.",
        .example = "waypost register diff register-1.signed register-2.signed",
        .args_min = 2,
        .args_max = 2,
        .run = register_diff_files},
    {.name = "register fingerprint",
        .group = CLI_GROUP_KEYS,
        .summary = "what two people compare by telephone",
        .usage = "FILE",
        .text = "Prints the fingerprint of a join file or of a signed register: forty hexadecimal "
                "digits over network, roots, "
                "threshold and broker keys. Whoever joins a network compares it with the registrar "
                "by telephone; if one "
                "group differs the file is not the registrar's.",
        .example = "waypost register fingerprint network.join",
        .args_min = 1,
        .args_max = 1,
        .run = register_fingerprint},
    {.name = "register init",
        .group = CLI_GROUP_KEYS,
        .summary = "begin a register: a source with every English authority",
        .usage = "DIR",
        .text = "Makes a folder with a source, register.zpl, to be filled in, the tables of "
                "authorities and successions, and "
                "the procedure profiles as they are shipped.",
        .example = "waypost register init my-register --network waypost-trial",
        .options = init_options,
        .args_min = 1,
        .args_max = 1,
        .run = register_init},
    {.name = "register sign",
        .group = CLI_GROUP_KEYS,
        .summary = "compile a source and sign it with roots",
        .usage = "SOURCE",
        .text = "Compiles the source and signs what comes of it. Where several roots must sign, "
                "each signs in turn: the file "
                "is carried to the next machine together with the source's folder, compiled there "
                "again and compared "
                "byte for byte, and a signature is added.\n\n"
                "From version 2 on --before names the register in force, whose hash goes into the "
                "new one. It may also be "
                "--out: then it is replaced once enough roots have signed in this one run. When "
                "roots change, the threshold "
                "of the old ones and that of the new ones must sign.",
        .example =
            "waypost register sign register.zpl --root offline/root-1.keys --out register.signed\n"
            "waypost register sign register.zpl --root offline/root-1.keys --before "
            "register.signed --out register.signed",
        .options = sign_options,
        .args_min = 1,
        .args_max = 1,
        .run = register_sign},
    {.name = "register join",
        .group = CLI_GROUP_KEYS,
        .summary = "make the file with which an agent joins",
        .usage = "FILE",
        .text = "Makes a join file from a signed register: network, roots, threshold, and the "
                "first broker's endpoints and "
                "keys. It holds no secret; its fingerprint is compared by telephone.",
        .example = "waypost register join register.signed --out network.join",
        .options = join_options,
        .args_min = 1,
        .args_max = 1,
        .run = register_join},
    {.name = NULL},
};
