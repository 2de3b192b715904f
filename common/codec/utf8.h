/*
 * utf8: is it text? Pure.
 */
#ifndef WAYPOST_CODEC_UTF8_H
#define WAYPOST_CODEC_UTF8_H

#include <stdbool.h>

#include "common/base/bytes.h"

/*
 * Valid UTF-8 without a NUL: no overlong forms, no surrogates, nothing above U+10FFFF. The empty text is valid.
 * Source: RFC 3629, section 4.
 */
bool utf8_valid(struct slice text);

#endif
