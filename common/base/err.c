/* err: the table of codes. See err.h. No failures of its own. */
#include "common/base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base/utf8.h"

#include "common/base/banned.h"

struct entry {
    int rc;
    const char *name;
    const char *text;
};

static const struct entry entries[] = {
#define ERR_ENTRY(name, number, sentence) {-(number), #name, sentence},
    ERR_TABLE(ERR_ENTRY)
#undef ERR_ENTRY
};

static const struct entry *entry_of(int rc)
{
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        if (entries[i].rc == rc) {
            return &entries[i];
        }
    }
    return NULL;
}

const char *err_name(int rc)
{
    const struct entry *entry = entry_of(rc);

    if (rc == 0) {
        return "OK";
    }
    return entry != NULL ? entry->name : "E_UNKNOWN";
}

const char *err_text(int rc)
{
    const struct entry *entry = entry_of(rc);

    if (rc == 0) {
        return "all is well";
    }
    return entry != NULL ? entry->text : "a code that this version does not know";
}

int complain(struct complaint *out, int rc, const char *format, ...)
{
    if (out != NULL) {
        va_list args;
        va_start(args, format);
        out->rc = rc;
        (void)vsnprintf(out->text, sizeof out->text, format, args);
        va_end(args);
        /* quoted from an input, or cut in the middle of a character */
        utf8_make_shown(out->text, "");
    }
    return rc;
}
