/*
 * fuzz_event: one event from bytes: its shape, its contents by the catalogue, its facts, and how it is shown.
 */
#include "tests/fuzz/support.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/codec/event.h"
#include "common/codec/fact_text.h"

#include "common/base/banned.h"

static void within(struct slice inner, struct slice outer)
{
    assert(inner.len == 0 ||
        (inner.data >= outer.data && inner.data + inner.len <= outer.data + outer.len));
}

static void show(const struct event_view *event)
{
    json_t *json = event_json(event);
    assert(json != NULL);
    char *text = json_dumps(json, JSON_COMPACT);
    assert(text != NULL);
    free(text);
    json_decref(json);
}

static void walk(const struct event_view *event)
{
    struct fact_walk facts = event_facts(event);
    struct fact_value value;

    while (fact_next(&facts, &value)) {
        assert(value.fact != NULL);
        json_t *json = fact_json(&value);
        assert(json != NULL);
        json_decref(json);
    }
}

int fuzz_event(const uint8_t *data, size_t size)
{
    struct event_view event;
    struct complaint why = {0};

    fuzz_start();
    int rc = event_read(slice_of(data, size), &event, &why);
    fuzz_answer(rc, &why);
    if (rc != 0) {
        return 0;
    }
    within(event.header, slice_of(data, size));
    within(event.facts, slice_of(data, size));
    within(event.kind_facts, event.facts);
    for (int complete = 0; complete < 2; complete++) {
        why = (struct complaint){0};
        rc = event_check(&event, FUZZ_NOW_MS, complete != 0, &why);
        fuzz_answer(rc, &why);
    }
    walk(&event);
    show(&event);
    return 0;
}
