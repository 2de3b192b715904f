/* counters: the table of counters.h as text. Cannot fail. */
#include "broker/core/counters.h"

#include "common/base/err.h"

#include "common/base/banned.h"

static const struct {
    const char *name;
    const char *text;
} rows[] = {
#define COUNTER_ROW(symbol, name, text) {name, text},
    COUNTER_TABLE(COUNTER_ROW)
#undef COUNTER_ROW
};

const char *counter_name(size_t index)
{
    return index < COUNTER_COUNT ? rows[index].name : NULL;
}

const char *counter_text(size_t index)
{
    return index < COUNTER_COUNT ? rows[index].text : NULL;
}

enum counter counter_of_refusal(int rc)
{
    static const struct {
        int rc;
        enum counter counter;
    } map[] = {
        {E_MALFORMED, COUNTER_REFUSED_MALFORMED},
        {E_VERSION, COUNTER_REFUSED_MALFORMED},
        {E_TOO_LARGE, COUNTER_REFUSED_LIMITS},
        {E_RANGE, COUNTER_REFUSED_LIMITS},
        {E_PRINCIPAL, COUNTER_REFUSED_KEY},
        {E_KEY, COUNTER_REFUSED_KEY},
        {E_REVOKED, COUNTER_REFUSED_KEY},
        {E_SENDER, COUNTER_REFUSED_SENDER},
        {E_SIGNATURE, COUNTER_REFUSED_SIGNATURE},
        {E_GAP, COUNTER_REFUSED_GAP},
        {E_STALE_REGISTER, COUNTER_REFUSED_STALE},
        {E_BUSY, COUNTER_REFUSED_BUSY},
        {E_CREDIT, COUNTER_REFUSED_CREDIT},
        {E_SESSION, COUNTER_REFUSED_SESSION},
        {E_MODE, COUNTER_REFUSED_EVENT},
        {E_CORRUPT, COUNTER_REFUSED_EVENT},
        {E_ID, COUNTER_REFUSED_EVENT},
        {E_CODE, COUNTER_REFUSED_EVENT},
        {E_FACT, COUNTER_REFUSED_EVENT},
        {E_FACT_VALUE, COUNTER_REFUSED_EVENT},
        {E_FACT_NOT_LISTED, COUNTER_REFUSED_EVENT},
        {E_IDENTIFIER, COUNTER_REFUSED_EVENT},
        {E_DATE, COUNTER_REFUSED_EVENT},
        {E_UTF8, COUNTER_REFUSED_EVENT},
        {E_RECIPIENT, COUNTER_REFUSED_EVENT},
    };

    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
        if (map[i].rc == rc) {
            return map[i].counter;
        }
    }
    return COUNTER_REFUSED_OTHER;
}
