/*
 * utf8: is it text? Pure.
 */
#ifndef WAYPOST_BASE_UTF8_H
#define WAYPOST_BASE_UTF8_H

#include <stdbool.h>

#include "common/base/bytes.h"

/*
 * Valid UTF-8 without a NUL: no overlong forms, no surrogates, nothing above U+10FFFF. The empty text is valid.
 * Source: RFC 3629, section 4.
 */
bool utf8_valid(struct slice text);

/*
 * Bytes of the character that the text begins with, at most `left` of them; 0 where none may be shown: no character, NUL,
 * a control (U+0000 to U+001F, U+007F to U+009F), or one that turns the direction of all that follows (U+202A to U+202E,
 * U+2066 to U+2069): a text of somebody else's could show another word than it holds.
 */
size_t utf8_shown_bytes(const uint8_t *text, size_t left);

/* A '?' for every byte of a text that may not be shown; those of `kept` ("\n", or "") stay. */
void utf8_make_shown(char *text, const char *kept);

#endif
