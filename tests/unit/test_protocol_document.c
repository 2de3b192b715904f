/*
 * docs/PROTOCOL.md is what another implementation is written from: every code and every limit stands there with the
 * number that the code has, and nothing stands there that the code does not know.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/fsio.h"

#include "common/base/banned.h"

#define PAGE "docs/PROTOCOL.md"
#define LIMITS "common/codec/limits.h"

enum { FILE_BYTES_MAX = 1048576, CELL_BYTES = 400, NAME_BYTES = 64 };

/* Where the rows of section 7 come from; the first must be there completely. */
static const char *const headers[] = {
    LIMITS, "broker/core/limits.h", "broker/net/limits.h", "client/agent/limits.h"};

enum { HEADERS = sizeof headers / sizeof headers[0] };

struct texts {
    char *page;
    char *header[HEADERS];
};

static char *text_read(const char *path)
{
    struct buf bytes = {0};

    if (fsio_read_all(path, FILE_BYTES_MAX, &bytes) != 0) {
        fail_msg("%s cannot be read; run this at the root of the project", path);
    }
    buf_put_u8(&bytes, 0);
    return (char *)bytes.data;
}

static int setup(void **state)
{
    struct texts *self = mem_new(1, sizeof *self);

    self->page = text_read(PAGE);
    for (size_t i = 0; i < HEADERS; i++) {
        self->header[i] = text_read(headers[i]);
    }
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct texts *self = *state;

    for (size_t i = 0; i < HEADERS; i++) {
        free(self->header[i]);
    }
    free(self->page);
    free(self);
    return 0;
}

/* ---- reading ---- */

/* Where the section with that number begins. */
static const char *section_of(const char *page, char number)
{
    char mark[] = "\n## 0. ";

    mark[4] = number;
    const char *at = strstr(page, mark);
    if (at == NULL) {
        fail_msg("%s has no section %c", PAGE, number);
    }
    return at + 1;
}

/* The next row of a table before the section's end, its cells cut at the bars; NULL at the end. */
static const char *row_next(
    const char *at, char first[CELL_BYTES], char second[CELL_BYTES], char third[CELL_BYTES])
{
    while ((at = strchr(at, '\n')) != NULL) {
        at++;
        if (strncmp(at, "## ", 3) == 0) {
            return NULL;
        }
        if (sscanf(at, "| %399[^|\n] | %399[^|\n] | %399[^|\n] |", first, second, third) == 3) {
            return at;
        }
    }
    return NULL;
}

static void cell_trim(char *cell)
{
    size_t len = strlen(cell);

    while (len > 0 && cell[len - 1] == ' ') {
        cell[--len] = '\0';
    }
}

/* "1,048,576" and "1048576" are one number; -1 where it is none. */
static long long number_of(const char *cell)
{
    char digits[32];
    size_t len = 0;

    for (; *cell != '\0' && len + 1 < sizeof digits; cell++) {
        if (*cell >= '0' && *cell <= '9') {
            digits[len++] = *cell;
        } else if (*cell != ',' && *cell != ' ') {
            return -1;
        }
    }
    digits[len] = '\0';
    return len == 0 ? -1 : strtoll(digits, NULL, 10);
}

/* The next "NAME = 123" of a header; NULL at the end. */
static const char *limit_next(const char *at, char name[NAME_BYTES], long long *value)
{
    for (; *at != '\0'; at++) {
        int used = 0;
        bool begins = (at[0] == ' ' || at[0] == '\n') && at[1] >= 'A' && at[1] <= 'Z';
        if (begins && sscanf(at, " %63[A-Z0-9_] = %lld%n", name, value, &used) == 2) {
            return at + used;
        }
    }
    return NULL;
}

static bool limit_find(const struct texts *self, const char *name, long long *value)
{
    char found[NAME_BYTES];

    for (size_t i = 0; i < HEADERS; i++) {
        const char *at = self->header[i];
        while ((at = limit_next(at, found, value)) != NULL) {
            if (strcmp(found, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* ---- codes ---- */

static bool code_stands(const char *page, int number, const char *name, const char *sentence)
{
    char first[CELL_BYTES];
    char second[CELL_BYTES];
    char third[CELL_BYTES];
    const char *at = section_of(page, '6');

    while ((at = row_next(at, first, second, third)) != NULL) {
        cell_trim(first);
        cell_trim(second);
        cell_trim(third);
        if (number_of(first) == number && strcmp(second, name) == 0 &&
            strcmp(third, sentence) == 0) {
            return true;
        }
    }
    return false;
}

static void codes__of_the_table__stand_on_the_page(void **state)
{
    static const struct {
        const char *name;
        int number;
        const char *sentence;
    } codes[] = {
#define CODE_ROW(name, number, sentence) {#name, number, sentence},
        ERR_TABLE(CODE_ROW)
#undef CODE_ROW
    };
    const struct texts *self = *state;

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (!code_stands(self->page, codes[i].number, codes[i].name, codes[i].sentence)) {
            fail_msg("%s, section 6, lacks the row: | %d | %s | %s | ...", PAGE, codes[i].number,
                codes[i].name, codes[i].sentence);
        }
    }
}

static void codes__of_the_page__are_those_of_the_table(void **state)
{
    char first[CELL_BYTES];
    char second[CELL_BYTES];
    char third[CELL_BYTES];
    const struct texts *self = *state;
    const char *at = section_of(self->page, '6');

    while ((at = row_next(at, first, second, third)) != NULL) {
        cell_trim(second);
        long long number = number_of(first);
        if (number > 0 && strcmp(err_name(-(int)number), second) != 0) {
            fail_msg("%s: %lld is %s and not %s", PAGE, number, err_name(-(int)number), second);
        }
    }
}

/* ---- limits ---- */

static bool limit_stands(const char *page, const char *name, long long value)
{
    char first[CELL_BYTES];
    char second[CELL_BYTES];
    char third[CELL_BYTES];
    const char *at = section_of(page, '7');

    while ((at = row_next(at, first, second, third)) != NULL) {
        cell_trim(first);
        if (strcmp(first, name) == 0 && number_of(second) == value) {
            return true;
        }
    }
    return false;
}

static void limits__of_events_and_frames__stand_on_the_page(void **state)
{
    const struct texts *self = *state;
    const char *at = self->header[0];
    char name[NAME_BYTES];
    long long value;
    size_t count = 0;

    while ((at = limit_next(at, name, &value)) != NULL) {
        count++;
        if (!limit_stands(self->page, name, value)) {
            fail_msg("%s, section 7, lacks the row: | %s | %lld | ...", PAGE, name, value);
        }
    }
    assert_true(count >= 20);
}

static void limits__of_the_page__have_the_number_of_the_code(void **state)
{
    char first[CELL_BYTES];
    char second[CELL_BYTES];
    char third[CELL_BYTES];
    const struct texts *self = *state;
    const char *at = section_of(self->page, '7');
    long long value;

    while ((at = row_next(at, first, second, third)) != NULL) {
        cell_trim(first);
        if (number_of(second) < 0) {
            continue; /* the table's head */
        }
        if (!limit_find(self, first, &value)) {
            fail_msg("%s: no header has a limit %s", PAGE, first);
        } else if (value != number_of(second)) {
            fail_msg("%s: %s is %lld in the code and %s here", PAGE, first, value, second);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes__of_the_table__stand_on_the_page),
        cmocka_unit_test(codes__of_the_page__are_those_of_the_table),
        cmocka_unit_test(limits__of_events_and_frames__stand_on_the_page),
        cmocka_unit_test(limits__of_the_page__have_the_number_of_the_code),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, setup, teardown);
}
