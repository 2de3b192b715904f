/* err: the table of codes. See err.h. No failures of its own. */
#include "common/base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

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

/* Lead byte and second byte of a UTF-8 sequence that may be shown. Source: RFC 3629, section 4; controls left out. */
static const struct {
    unsigned char low, high, second_low, second_high;
    size_t len;
} forms[] = {
    {0x20, 0x7e, 0, 0, 1},
    {0xc2, 0xc2, 0xa0, 0xbf, 2},
    {0xc3, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Bytes of the sequence at the start of a terminated text, 0 where none may be shown. */
static size_t sequence_bytes(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t i = 0;

    while (i < sizeof forms / sizeof forms[0] && (at[0] < forms[i].low || at[0] > forms[i].high)) {
        i++;
    }
    if (i == sizeof forms / sizeof forms[0] ||
        (forms[i].len > 1 && (at[1] < forms[i].second_low || at[1] > forms[i].second_high))) {
        return 0;
    }
    for (size_t k = 2; k < forms[i].len; k++) {
        if (at[k] < 0x80 || at[k] > 0xbf) {
            return 0;
        }
    }
    return forms[i].len;
}

/* What was quoted from an input, or cut in the middle of a character, must not reach a terminal or a JSON text as it is. */
static void make_printable(char *text)
{
    while (*text != '\0') {
        size_t len = sequence_bytes(text);
        if (len == 0) {
            *text = '?';
            len = 1;
        }
        text += len;
    }
}

int complain(struct complaint *out, int rc, const char *format, ...)
{
    if (out != NULL) {
        va_list args;
        va_start(args, format);
        out->rc = rc;
        (void)vsnprintf(out->text, sizeof out->text, format, args);
        va_end(args);
        make_printable(out->text);
    }
    return rc;
}
