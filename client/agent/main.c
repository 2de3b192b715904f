/* waypost-agent: the program of one authority. What it does stands in host.c, how it ends in host.h. */
#include "client/agent/host.h"

#include "common/base/banned.h"

int main(int argc, char **argv)
{
    static const struct host_program program = {
        .command = {.name = "waypost-agent",
            .purpose = "Sends and receives events for one authority, and keeps everything in one "
                       "database.",
            .checks = "configuration, keys and join file",
            .signals = "TERM and INT stop in order.",
            .table = &agent_table,
            .examples = agent_examples},
        .log_name = "agent",
        .database = AGENT_DATABASE,
    };

    return host_main(&program, argc, argv);
}
