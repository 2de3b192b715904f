/* stage_ask: what agents answer on their sockets, as the rehearsal wants it. Failures: stage.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/civil.h"
#include "tests/stage/children.h"
#include "tests/stage/stage.h"

#include "common/base/banned.h"

enum { ASK_TIMEOUT_MS = 20000 };

json_t *stage_ask(struct stage_agent *agent, json_t *request, const char **error)
{
    char *text = json_dumps(request, JSON_COMPACT);
    char *answer = NULL;

    wp_timeout(agent->link, ASK_TIMEOUT_MS);
    int rc = wp_call(agent->link, text, &answer);
    json_t *json = rc == 0 ? json_loads(answer, 0, NULL) : NULL;
    if (json == NULL && error != NULL) {
        *error = wp_error_text(agent->link);
    }
    wp_free(answer);
    free(text);
    json_decref(request);
    return json;
}

json_t *stage_need(struct stage_agent *agent, json_t *request)
{
    const char *error = "";
    char *text = json_dumps(request, JSON_COMPACT);
    json_t *answer = stage_ask(agent, request, &error);

    if (answer == NULL) {
        stage_die("%s: %s (asked %s)", agent->id, error, text);
    }
    free(text);
    return answer;
}

/* ---- as parties of the rehearsal ---- */

static json_t *ask(void *context, const char *id, json_t *request, const char **error)
{
    return stage_ask(stage_agent_of(context, id), request, error);
}

static void stop(void *context, const char *text)
{
    (void)context;
    stage_die("%s", text);
}

static const engine_t *journal_engine(void *context)
{
    return audit_engine(((const struct stage *)context)->audit);
}

void stage_parties(struct stage *self)
{
    parties_init(&self->parties, self->scenario, STAGE_HUB,
        &(struct parties_port){
            .context = self, .ask = ask, .stop = stop, .engine = journal_engine});
}
