/* utf8: see utf8.h. */
#include "common/base/utf8.h"

#include <string.h>

#include "common/base/banned.h"

/* First byte, allowed second byte, number of bytes. */
struct form {
    uint8_t first_min;
    uint8_t first_max;
    uint8_t second_min;
    uint8_t second_max;
    uint8_t len;
};

static const struct form forms[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Length of the character of several bytes at `at`, 0 where it is none. */
static size_t character_len(const uint8_t *at, size_t left)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const struct form *form = &forms[i];
        if (at[0] < form->first_min || at[0] > form->first_max) {
            continue;
        }
        if (left < form->len || at[1] < form->second_min || at[1] > form->second_max) {
            return 0;
        }
        for (size_t k = 2; k < form->len; k++) {
            if (at[k] < 0x80 || at[k] > 0xbf) {
                return 0;
            }
        }
        return form->len;
    }
    return 0;
}

bool utf8_valid(struct slice text)
{
    size_t i = 0;

    while (i < text.len) {
        if (text.data[i] >= 0x01 && text.data[i] <= 0x7f) {
            i++;
            continue;
        }
        size_t len = character_len(text.data + i, text.len - i);
        if (len == 0) {
            return false;
        }
        i += len;
    }
    return true;
}

/* U+202A to U+202E, U+2066 to U+2069. */
static bool turns_direction(const uint8_t *text, size_t left)
{
    return left > 2 && text[0] == 0xe2 &&
        ((text[1] == 0x80 && text[2] >= 0xaa && text[2] <= 0xae) ||
            (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9));
}

size_t utf8_shown_bytes(const uint8_t *text, size_t left)
{
    if (left == 0 || text[0] < 0x20 || text[0] == 0x7f ||
        (text[0] == 0xc2 && left > 1 && text[1] < 0xa0) || turns_direction(text, left)) {
        return 0;
    }
    return text[0] < 0x80 ? 1 : character_len(text, left);
}

void utf8_make_shown(char *text, const char *kept)
{
    size_t left = strlen(text);

    while (left > 0) {
        size_t len = utf8_shown_bytes((const uint8_t *)text, left);
        if (len == 0) {
            *text = strchr(kept, *text) == NULL ? '?' : *text;
            len = 1;
        }
        text += len;
        left -= len;
    }
}
