/*
 * identifier: see identifier.h. Each form is looked for at every place where a token may begin; texts are at most 32
 * characters long where it matters, so the simple way is fast enough. Cannot fail.
 */
#include "common/codec/identifier.h"

#include <stdbool.h>

#include "common/base/civil.h"

#include "common/base/banned.h"

enum {
    NHS_DIGITS = 10,
    UPN_DIGITS = 12,
    DATE_DIGITS = 8,
    BIRTH_YEAR_MIN = 1900,
    BIRTH_YEAR_MAX = 2099
};

/* The character at index i, 0 outside the text. */
static uint8_t at(struct slice text, size_t i)
{
    return i < text.len ? text.data[i] : 0;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_word(uint8_t c)
{
    return is_digit(c) || is_letter(c);
}

static bool is_separator(uint8_t c)
{
    return c == ' ' || c == '-' || c == '.' || c == '/' || c == ':' || c == '_';
}

static bool begins_at(struct slice text, size_t i, bool (*member)(uint8_t c))
{
    return i == 0 || !member(text.data[i - 1]);
}

/* Number of digits from index i on. */
static size_t digits_at(struct slice text, size_t i)
{
    size_t count = 0;

    while (is_digit(at(text, i + count))) {
        count++;
    }
    return count;
}

static int number_at(struct slice text, size_t i, size_t digits)
{
    int value = 0;

    for (size_t k = 0; k < digits; k++) {
        value = value * 10 + (at(text, i + k) - '0');
    }
    return value;
}

/* --- NHS number --- */

static bool nhs_check(const uint8_t *digits)
{
    int sum = 0;

    for (int i = 0; i < NHS_DIGITS - 1; i++) {
        sum += (digits[i] - '0') * (NHS_DIGITS - i);
    }
    int check = (11 - sum % 11) % 11;
    return check != 10 && check == digits[NHS_DIGITS - 1] - '0';
}

/* Ten digits as one run, or as groups of 3, 3 and 4 with one separator between. */
static bool nhs_at(struct slice text, size_t i)
{
    uint8_t digits[NHS_DIGITS];
    size_t first = digits_at(text, i);

    if (first == NHS_DIGITS) {
        return nhs_check(text.data + i);
    }
    if (first != 3 || !is_separator(at(text, i + 3)) || digits_at(text, i + 4) != 3 ||
        !is_separator(at(text, i + 7)) || digits_at(text, i + 8) != 4) {
        return false;
    }
    for (size_t k = 0; k < NHS_DIGITS; k++) {
        digits[k] = text.data[i + k + (k >= 3) + (k >= 6)];
    }
    return nhs_check(digits);
}

/* The whole text is ten digits and separators, however it is grouped. */
static bool nhs_whole(struct slice text)
{
    uint8_t digits[NHS_DIGITS];
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (is_separator(text.data[i])) {
            continue;
        }
        if (!is_digit(text.data[i]) || count == NHS_DIGITS) {
            return false;
        }
        digits[count++] = text.data[i];
    }
    return count == NHS_DIGITS && nhs_check(digits);
}

/* --- pupil number: a letter and 12 digits, or temporary: a letter, 11 digits, a letter --- */

static bool upn_at(struct slice text, size_t i)
{
    if (!is_letter(at(text, i)) || !begins_at(text, i, is_word)) {
        return false;
    }
    size_t digits = digits_at(text, i + 1);
    uint8_t behind = at(text, i + 1 + digits);
    if (digits == UPN_DIGITS) {
        return !is_word(behind);
    }
    return digits == UPN_DIGITS - 1 && is_letter(behind) && !is_word(at(text, i + 2 + digits));
}

/* --- dates --- */

static bool date_possible(int year, int month, int day)
{
    return year >= BIRTH_YEAR_MIN && year <= BIRTH_YEAR_MAX &&
        civil_date_valid((struct civil_date){year, month, day});
}

static bool date_compact(struct slice text, size_t i)
{
    return date_possible(
               number_at(text, i, 4), number_at(text, i + 4, 2), number_at(text, i + 6, 2)) ||
        date_possible(
            number_at(text, i + 4, 4), number_at(text, i + 2, 2), number_at(text, i, 2)) ||
        date_possible(number_at(text, i + 4, 4), number_at(text, i, 2), number_at(text, i + 2, 2));
}

/* Three groups of digits with separators between: the year first or last, day and month of one or two digits. */
static bool date_grouped(struct slice text, size_t i)
{
    size_t len[3];
    int value[3];

    for (int k = 0; k < 3; k++) {
        len[k] = digits_at(text, i);
        if (len[k] == 0 || len[k] > 4 || len[k] == 3) {
            return false;
        }
        value[k] = number_at(text, i, len[k]);
        i += len[k];
        if (k < 2 && !is_separator(at(text, i))) {
            return false;
        }
        i++;
    }
    if (len[0] == 4 && len[1] <= 2 && len[2] <= 2) {
        return date_possible(value[0], value[1], value[2]);
    }
    return len[2] == 4 && len[0] <= 2 && len[1] <= 2 &&
        (date_possible(value[2], value[1], value[0]) ||
            date_possible(value[2], value[0], value[1]));
}

static bool date_at(struct slice text, size_t i)
{
    return digits_at(text, i) == DATE_DIGITS ? date_compact(text, i) : date_grouped(text, i);
}

/* --- postcode: A9, A99, AA9, AA99, A9A or AA9A, at most one separator, 9AA --- */

static bool postcode_inward_at(struct slice text, size_t i)
{
    return is_digit(at(text, i)) && is_letter(at(text, i + 1)) && is_letter(at(text, i + 2)) &&
        !is_word(at(text, i + 3));
}

static bool postcode_at(struct slice text, size_t i)
{
    size_t letters = is_letter(at(text, i + 1)) ? 2 : 1;

    if (!is_letter(at(text, i)) || !begins_at(text, i, is_word) ||
        !is_digit(at(text, i + letters))) {
        return false;
    }
    for (size_t extra = 0; extra <= 1; extra++) {
        size_t inward = i + letters + 1 + extra;
        if (extra == 1 && !is_word(at(text, inward - 1))) {
            return false;
        }
        if (postcode_inward_at(text, inward) ||
            (is_separator(at(text, inward)) && postcode_inward_at(text, inward + 1))) {
            return true;
        }
    }
    return false;
}

/* --- all together --- */

static bool email_at(struct slice text, size_t i)
{
    return text.data[i] == '@' && i > 0 && i + 1 < text.len;
}

const char *identifier_seen(struct slice text)
{
    if (nhs_whole(text)) {
        return "an NHS number";
    }
    for (size_t i = 0; i < text.len; i++) {
        if (is_digit(text.data[i]) && begins_at(text, i, is_digit)) {
            if (nhs_at(text, i)) {
                return "an NHS number";
            }
            if (date_at(text, i)) {
                return "a date";
            }
        }
        if (upn_at(text, i)) {
            return "a pupil number";
        }
        if (postcode_at(text, i)) {
            return "a postcode";
        }
        if (email_at(text, i)) {
            return "an e-mail address";
        }
    }
    return NULL;
}
