/* expect: see expect.h. Nothing fails here: what cannot be found does not hold, and says so. */
#include "client/lab/expect.h"

#include <stdio.h>
#include <string.h>

#include "client/lab/expect_parts.h"
#include "client/lab/limits.h"
#include "common/base/check.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

void got_child(const struct asking *self, uint32_t transfer, uint32_t child)
{
    char text[2 * SCENARIO_NAME_BYTES_MAX + 2];

    buf_put_text(self->got, "%s%s: ", self->got->len > 0 ? "; " : "",
        scenario_target_text(self->scenario, transfer, child, text, sizeof text));
}

const uint8_t *child_ref(const struct asking *self, uint32_t child)
{
    return self->scenario->children[child].ref;
}

const uint8_t *event_id(const struct asking *self, uint32_t event)
{
    return network_event_id(self->network, self->scenario, event);
}

const uint8_t *transfer_id(const struct asking *self, uint32_t transfer)
{
    return self->scenario->transfers[transfer].id;
}

int64_t asked_measure(const struct asking *self, const char *name)
{
    return network_measure(self->network, name);
}

const char *instant_word(int64_t at_ms, char *text)
{
    civil_stamp_london(at_ms, text);
    text[10] = 'T';
    if (strcmp(text + 16, ":00") == 0) {
        text[16] = '\0';
    }
    return text;
}

const char *due_word(const struct due *due, char *text)
{
    if (due->by_day) {
        civil_date_text(due->due_day, text);
        return text;
    }
    return instant_word(due->due_ms, text);
}

static bool expect_pending(const struct asking *self)
{
    uint64_t found = self->network->pending(self->network->self, self->wanted->code);

    buf_put_text(self->got, "n=%llu", (unsigned long long)found);
    return found == self->wanted->n;
}

static bool expect_converged(const struct asking *self)
{
    return self->network->converged(self->network->self, self->got);
}

static bool expect_replay(const struct asking *self)
{
    return self->network->replays(self->network->self, self->got);
}

typedef bool expect_function(const struct asking *self);

static expect_function *const functions[] = {
    [EXPECT_EFFECTIVE] = expect_verdict,
    [EXPECT_REFUSED] = expect_verdict,
    [EXPECT_HELD] = expect_verdict,
    [EXPECT_ALERT] = expect_verdict,
    [EXPECT_NO_ALERT] = expect_verdict,
    [EXPECT_RECEIPTS] = expect_receipts,
    [EXPECT_PAYLOAD] = expect_payload,
    [EXPECT_OWNER] = expect_owner,
    [EXPECT_CLOCK] = expect_clock,
    [EXPECT_NO_CLOCK] = expect_no_clock,
    [EXPECT_BREACH] = expect_breach,
    [EXPECT_FLAG] = expect_flag,
    [EXPECT_RULE] = expect_rule,
    [EXPECT_PENDING] = expect_pending,
    [EXPECT_OUTSTANDING] = expect_outstanding,
    [EXPECT_NO_OUTSTANDING] = expect_outstanding,
    [EXPECT_RECORDED] = expect_recorded,
    [EXPECT_NO_RECORDED] = expect_recorded,
    [EXPECT_HUB] = expect_hub,
    [EXPECT_CONVERGED] = expect_converged,
    [EXPECT_REPLAY] = expect_replay,
};

bool expect_holds(const scenario_t *scenario, const struct rehearsal_network *network,
    const struct statement *statement, struct buf *got)
{
    const struct expectation *wanted = statement->expectation;
    const struct asking asking = {.scenario = scenario,
        .network = network,
        .wanted = wanted,
        .view = wanted->view,
        .now_ms = statement->now_ms,
        .got = got};

    assert((size_t)wanted->kind < sizeof functions / sizeof functions[0]);
    return functions[wanted->kind](&asking);
}
