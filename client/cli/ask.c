/*
 * ask: one request to the agent through libwaypost. Declared in cli.h.
 *
 * What the agent refuses, and an agent that cannot be reached, are said on standard error and end with CLI_NO.
 */
#include <stdlib.h>

#include "client/cli/cli.h"
#include "client/lib/waypost.h"
#include "common/base/bytes.h"
#include "common/base/utf8.h"
#include "common/base/banned.h"

static void make_shown(json_t *value)
{
    const char *name;
    json_t *member;
    size_t i;

    json_object_foreach(value, name, member)
    {
        make_shown(member);
    }
    json_array_foreach(value, i, member)
    {
        make_shown(member);
    }
    if (json_is_string(value)) {
        char *text = mem_text(json_string_value(value));
        utf8_make_shown(text, "\n\t");
        json_string_set(value, text);
        free(text);
    }
}

json_t *cli_read(const struct cli *cli, const char *text)
{
    json_t *parsed = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    if (parsed != NULL && !cli->json) {
        make_shown(parsed);
    }
    return parsed;
}

static int ask_over(struct cli *cli, wp_agent_t *agent, const char *request, json_t **answer)
{
    char *text = NULL;
    int result = wp_call(agent, request, &text);
    if (result != WP_OK) {
        return cli_fail(cli, result, "%s", wp_error_text(agent));
    }
    json_t *parsed = cli_read(cli, text);
    wp_free(text);
    if (parsed == NULL) {
        return cli_fail(cli, E_MALFORMED, "the agent's answer is not JSON");
    }
    *answer = parsed;
    return CLI_DONE;
}

int cli_ask(struct cli *cli, json_t *request, json_t **answer)
{
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    if (text == NULL) {
        return cli_misuse(cli, "a value is not valid UTF-8");
    }
    wp_agent_t *agent = wp_agent_new(cli->socket);
    int exit_code = ask_over(cli, agent, text, answer);
    wp_agent_destroy(&agent);
    free(text);
    return exit_code;
}
