/* counters: the table of counters.h as text. Cannot fail. */
#include "client/agent/counters.h"

#include "common/base/banned.h"

static const struct {
    const char *name;
    const char *text;
} rows[] = {
#define AGENT_COUNTER_ROW(symbol, name, text) {name, text},
    AGENT_COUNTER_TABLE(AGENT_COUNTER_ROW)
#undef AGENT_COUNTER_ROW
};

const char *agent_counter_name(size_t index)
{
    return index < AGENT_COUNTER_COUNT ? rows[index].name : NULL;
}

const char *agent_counter_text(size_t index)
{
    return index < AGENT_COUNTER_COUNT ? rows[index].text : NULL;
}
