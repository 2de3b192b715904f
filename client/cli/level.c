/*
 * level: acknowledgement levels in words. Nothing fails.
 */
#include "client/cli/level.h"

#include <string.h>

#include "common/base/banned.h"

enum { LEVELS = 4 };

static const char *const texts[LEVELS] = {
    "accepted by the broker", "on their system", "opened", "could not be used there"};

const char *level_text(int level)
{
    return level >= 0 && level < LEVELS ? texts[level] : "on its way";
}

enum cli_paint level_paint(int level)
{
    static const enum cli_paint paints[LEVELS] = {PAINT_END, PAINT_END, PAINT_GREEN, PAINT_RED};
    return level >= 0 && level < LEVELS ? paints[level] : PAINT_YELLOW;
}

int level_of(const json_t *row)
{
    static const char *const words[LEVELS] = {"accepted", "persisted", "opened", "fault"};
    const json_t *level = json_object_get(row, "level");
    if (json_is_integer(level)) {
        json_int_t number = json_integer_value(level);
        return number >= 0 && number < LEVELS ? (int)number : -1;
    }
    for (int i = 0; json_is_string(level) && i < LEVELS; i++) {
        if (strcmp(json_string_value(level), words[i]) == 0) {
            return i;
        }
    }
    return -1;
}
