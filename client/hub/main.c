/*
 * waypost-hub: the program of a regional hub. An agent's link to the broker with the hub's tables behind it; how it ends
 * stands in client/agent/host.h.
 */
#include "client/hub/hub.h"

#include "common/base/banned.h"

int main(int argc, char **argv)
{
    static struct hub hub;
    static struct host_extra extra;
    static struct host_program program = {
        .command = {.name = "waypost-hub",
            .purpose = "Watches the traffic, deadlines and silence of its region, by a grant in "
                       "the signed register; it reads facts, never a payload, and sends nothing.",
            .checks = "configuration, keys and join file",
            .signals = "TERM and INT stop in order.",
            .table = &hub_table,
            .examples = hub_examples,
            .flag = "rebuild",
            .flag_text = "empty the views first, and fetch everything again from the broker"},
        .log_name = "hub",
        .database = HUB_DATABASE,
        .extra = &extra,
    };

    extra = hub_extra(&hub);
    return host_main(&program, argc, argv);
}
