/*
 * moment: see moment.h. What cannot be read is E_DATE; nothing else fails.
 */
#include "client/replay/moment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { ENTRY_DIGITS_MAX = 18 };

int moment_parse(const char *text, struct journal_moment *out, struct complaint *why)
{
    struct journal_moment moment = {.given = true};
    size_t len = strlen(text);

    if (len > 0 && len <= ENTRY_DIGITS_MAX && strspn(text, "0123456789") == len) {
        moment.entry = strtoull(text, NULL, 10);
        *out = moment;
        return 0;
    }
    moment.by_time = true;
    if (civil_moment_parse(text, &moment.at_ms) != 0) {
        return complain(why, E_DATE,
            "%.60s is neither the number of an entry nor a time; write 1234, 2026-05-03 or "
            "2026-05-03T09:14",
            text);
    }
    *out = moment;
    return 0;
}

int moment_split(const char *text, char **path, struct journal_moment *out, struct complaint *why)
{
    const char *at = strrchr(text, '@');

    *out = (struct journal_moment){.given = false};
    if (at == NULL || access(text, F_OK) == 0) {
        *path = mem_text(text);
        return 0;
    }
    int rc = moment_parse(at + 1, out, why);
    if (rc != 0) {
        return rc;
    }
    *path = mem_text(text);
    (*path)[at - text] = '\0';
    return 0;
}

bool moment_reached(const struct journal_moment *self, uint64_t entry, int64_t recorded_ms)
{
    if (!self->given) {
        return true;
    }
    return self->by_time ? recorded_ms <= self->at_ms : entry <= self->entry;
}
