/*
 * import: see import.h.
 */
#include "client/replay/import.h"

#include "common/base/banned.h"

int import_form(const char *path, enum source_form *out, struct complaint *why)
{
    (void)out;
    return complain(why, E_MALFORMED, "%s is no directory of a journal", path);
}

int import_walk(
    const char *path, enum source_form form, const struct source_walk *walk, struct complaint *why)
{
    (void)form;
    (void)walk;
    return complain(why, E_MALFORMED, "%s is no directory of a journal", path);
}
