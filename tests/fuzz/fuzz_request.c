/*
 * fuzz_request: lines of the agent's local interface, one request a line, as local_api takes them.
 * The first byte: 1 where the
 * agent is online.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "tests/fuzz/support.h"
#include "tests/support/agent_fixture.h"

#include "common/base/banned.h"

enum { LINES_MAX = 8 };

static void ask(struct agentfix *agent, struct slice line)
{
    json_t *request = json_loadb((const char *)line.data, line.len, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(request)) {
        json_t *answer = agent_core_request(agent->core, 1, request);
        if (answer != NULL) {
            char *text = json_dumps(answer, JSON_COMPACT);
            assert(text != NULL && json_is_boolean(json_object_get(answer, "ok")));
            free(text);
            json_decref(answer);
        }
        agent_core_tick(agent->core);
        agentfix_forget(agent);
    }
    json_decref(request);
}

int fuzz_request(const uint8_t *data, size_t size)
{
    static struct agentfix agent;
    struct fuzz_input in = {slice_of(data, size)};

    fuzz_start();
    agentfix_setup(&agent, NULL);
    if ((fuzz_u8(&in) & 1) != 0) {
        agentfix_online(&agent);
    }
    for (int i = 0; i < LINES_MAX && in.rest.len > 0; i++) {
        struct slice line = fuzz_line(&in);
        if (line.len > 0) {
            ask(&agent, line);
        }
    }
    agentfix_teardown(&agent);
    return 0;
}
