/* config_documents: see config_documents.h. */
#include "tests/support/config_documents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/fsio.h"

#include "common/base/banned.h"

#define LIST_END ".\\\" end of the list\n"

enum { FILE_BYTES_MAX = 1048576 };

static void same_as_file(const char *path, const struct buf *wanted)
{
    struct buf found = {0};

    if (getenv("UPDATE") != NULL) {
        assert_int_equal(fsio_replace(path, buf_slice(wanted), 0644), 0);
    }
    assert_int_equal(fsio_read_all(path, FILE_BYTES_MAX, &found), 0);
    if (!slice_equal(buf_slice(&found), buf_slice(wanted))) {
        fail_msg("%s is not what the table of options says; run this test with UPDATE=1", path);
    }
    buf_free(&found);
}

void config_sample_is_the_tables(
    const char *path, const struct setting_table *table, const char *const *examples)
{
    struct buf wanted = {0};

    settings_put_sample(table, examples, &wanted);
    same_as_file(path, &wanted);
    buf_free(&wanted);
}

void config_manual_has_the_list(
    const char *path, const char *program, const struct setting_table *table)
{
    char mark[128];
    struct buf page = {0};
    struct buf wanted = {0};

    (void)snprintf(
        mark, sizeof mark, ".\\\" begin of the list from the table (%s --manual)\n", program);
    assert_int_equal(fsio_read_all(path, FILE_BYTES_MAX, &page), 0);
    buf_put_u8(&page, 0);
    const char *text = (const char *)page.data;
    const char *begin = strstr(text, mark);
    const char *end = strstr(text, LIST_END);
    assert_non_null(begin);
    assert_non_null(end);
    begin += strlen(mark);
    buf_put(&wanted, text, (size_t)(begin - text));
    settings_put_manual(table, &wanted);
    buf_put(&wanted, end, strlen(end));
    same_as_file(path, &wanted);
    buf_free(&wanted);
    buf_free(&page);
}
