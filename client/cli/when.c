/*
 * when: texts and times out of the agent's answers. Nothing fails.
 */
#include "client/cli/when.h"

#include "common/base/civil.h"
#include "common/base/banned.h"

const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text == NULL ? "" : text;
}

uint64_t number_of(const json_t *object, const char *member)
{
    json_int_t number = json_integer_value(json_object_get(object, member));
    return number < 0 ? 0 : (uint64_t)number;
}

bool flag_of(const json_t *object, const char *member)
{
    return json_is_true(json_object_get(object, member));
}

int64_t when_of(const json_t *object, const char *member)
{
    const json_t *value = json_object_get(object, member);
    int64_t ms = 0;
    if (json_is_integer(value)) {
        return json_integer_value(value) < 0 ? 0 : json_integer_value(value);
    }
    if (json_is_string(value) && civil_time_parse(json_string_value(value), &ms) == 0) {
        return ms;
    }
    return 0;
}

const char *when_text(const struct cli *cli, const json_t *object, const char *member, char *text)
{
    int64_t ms = when_of(object, member);
    if (ms == 0) {
        text[0] = '\0';
        return text;
    }
    return cli_time(cli, ms, text);
}
