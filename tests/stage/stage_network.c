/* stage_network: the stage as a rehearsal's network (client/lab/network.h). */
#include <stdlib.h>
#include <string.h>

#include "tests/stage/children.h"
#include "tests/stage/stage.h"

#include "common/base/banned.h"

/* ---- what happens ---- */

static void advance(void *context, int64_t now_ms)
{
    stage_advance(context, now_ms);
}

static void publish(void *context, uint32_t event, bool again)
{
    struct stage *self = context;

    if (again) {
        stage_send_again(self, event);
    } else {
        parties_send(&self->parties, event);
        stage_settle(self);
    }
}

static int open_event(
    void *context, const char *code, uint32_t event, const char *role, const char *team)
{
    struct stage *self = context;
    int rc = parties_open(&self->parties, code, event, role, team);

    if (rc == 0) {
        stage_settle(self);
    }
    return rc;
}

static void set_link(void *context, const char *code, bool up)
{
    struct stage *self = context;

    stage_link(self, stage_agent_of(self, code), up);
}

static void set_broker(void *context, bool up)
{
    stage_broker(context, up);
}

static void erase(void *context, uint32_t event)
{
    struct stage *self = context;

    parties_erase(&self->parties, event);
    stage_settle(self);
}

/* ---- what is asked ---- */

static const engine_t *engine_seen(void *context, const char *view)
{
    struct stage *self = context;

    if (view != NULL) {
        stage_die("an agent that is a process has no engine at hand");
    }
    return audit_engine(self->audit);
}

static const engine_t *hub_seen(void *context)
{
    (void)context;
    stage_die("a hub that is a process has no engine at hand");
}

static uint64_t pending(void *context, const char *code)
{
    struct stage *self = context;

    if (self->broker == 0) { /* nobody can be asked: what its store says */
        return audit_pending(self->audit, code);
    }
    json_t *answer = stage_need(stage_agent_of(self, STAGE_OPERATOR),
        json_pack("{s:s, s:s}", "op", "listening", "code", code));
    uint64_t count = (uint64_t)json_integer_value(json_object_get(answer, "pending"));

    json_decref(answer);
    return count;
}

static bool converged(void *context, struct buf *why)
{
    struct stage *self = context;
    const char *code;
    bool all = true;

    for (size_t i = 0; (code = stage_code(self->scenario, i)) != NULL; i++) {
        if (stage_agent_of(self, code)->linked) {
            all = parties_agree(&self->parties, code, why) && all;
        }
    }
    return all;
}

/* The journal is folded anew for each question, and held against what is recorded. */
static bool replays(void *context, struct buf *why)
{
    struct stage *self = context;
    struct hash first = engine_hash(audit_engine(self->audit));

    stage_read_journal(self);
    struct hash again = engine_hash(audit_engine(self->audit));
    if (memcmp(&first, &again, sizeof first) != 0) {
        buf_put_text(why, "another state hash after replay");
        return false;
    }
    if (audit_differences(self->audit) != 0) {
        buf_put_text(why, "%llu records that the engine does not say again",
            (unsigned long long)audit_differences(self->audit));
        return false;
    }
    return true;
}

static void destroy(void **self_p)
{
    stage_destroy((struct stage **)self_p);
}

struct rehearsal_network stage_network(struct stage *self)
{
    struct rehearsal_network network = {.self = self,
        .destroy = destroy,
        .advance = advance,
        .publish = publish,
        .open = open_event,
        .link = set_link,
        .broker = set_broker,
        .erase = erase,
        .engine = engine_seen,
        .hub = hub_seen,
        .pending = pending,
        .converged = converged,
        .replays = replays};

    parties_network(&network);
    return network;
}
