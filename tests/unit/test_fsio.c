/* wrap: pwrite fdatasync fsync rename */
/* Tests of common/base/fsio.c, with failures injected into the system calls. */
#include "common/base/fsio.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/err.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

static char dir[PLACE_BYTES];
static char path[PLACE_BYTES + 16];

/* What the next calls do: bytes written at most, and the errno of a failure (0 for none). */
static size_t write_most = SIZE_MAX;
static int write_errno;
static int write_interrupts;
static int sync_errno;
static int rename_errno;

ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (write_interrupts > 0) {
        write_interrupts--;
        errno = EINTR;
        return -1;
    }
    if (write_errno != 0) {
        errno = write_errno;
        return -1;
    }
    return __real_pwrite(fd, data, len < write_most ? len : write_most, offset);
}

int __wrap_fdatasync(int fd)
{
    errno = sync_errno;
    return sync_errno != 0 ? -1 : __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
    errno = sync_errno;
    return sync_errno != 0 ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
    errno = rename_errno;
    return rename_errno != 0 ? -1 : __real_rename(from, to);
}

static int make_dir(void **state)
{
    (void)state;
    place_folder(dir);
    (void)snprintf(path, sizeof path, "%s/file", dir);
    write_most = SIZE_MAX;
    write_errno = write_interrupts = sync_errno = rename_errno = 0;
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    (void)unlink(path);
    assert_int_equal(rmdir(dir), 0); /* fails where a test left a file behind */
    return 0;
}

static void expect_content(const char *wanted)
{
    struct buf buf = {0};

    assert_int_equal(fsio_read_all(path, 100, &buf), 0);
    assert_true(slice_equal(buf_slice(&buf), slice_of_text(wanted)));
    buf_free(&buf);
}

static void write_at__short_and_interrupted_writes__still_write_all(void **state)
{
    int fd;

    (void)state;
    write_most = 2;
    write_interrupts = 3;
    assert_int_equal(fsio_open_rw(path, true, &fd), 0);
    assert_int_equal(fsio_write_at(fd, slice_of_text("abcdefg"), 0), 0);
    assert_int_equal(close(fd), 0);
    expect_content("abcdefg");
}

static void replace__any_step_fails__old_file_stands_and_nothing_is_left(void **state)
{
    static int *const failures[] = {&write_errno, &sync_errno, &rename_errno};

    (void)state;
    assert_int_equal(fsio_replace(path, slice_of_text("old"), 0600), 0);
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        *failures[i] = EIO;
        assert_int_equal(fsio_replace(path, slice_of_text("new"), 0600), E_IO);
        *failures[i] = 0;
        expect_content("old");
    }
    write_errno = ENOSPC;
    assert_int_equal(fsio_replace(path, slice_of_text("new"), 0600), E_FULL);
    write_errno = 0;
    assert_int_equal(fsio_replace(path, slice_of_text("new"), 0600), 0);
    expect_content("new");
}

static void replace__mode__is_kept_whatever_the_umask(void **state)
{
    struct stat info;
    mode_t before = umask(077);

    (void)state;
    assert_int_equal(fsio_replace(path, slice_of_text("x"), 0644), 0);
    (void)umask(before);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0644);
}

static void sync_data__fails__is_said_and_not_tried_again(void **state)
{
    int fd;

    (void)state;
    assert_int_equal(fsio_open_rw(path, true, &fd), 0);
    sync_errno = EIO;
    assert_int_equal(fsio_sync_data(fd), E_IO);
    sync_errno = 0;
    assert_int_equal(close(fd), 0);
}

static void read_all__longer_than_the_limit__is_refused(void **state)
{
    struct buf buf = {0};

    (void)state;
    assert_int_equal(fsio_replace(path, slice_of_text("0123456789"), 0600), 0);
    assert_int_equal(fsio_read_all(path, 9, &buf), E_TOO_LARGE);
    assert_int_equal(buf.len, 0);
    assert_int_equal(fsio_read_all(path, 10, &buf), 0);
    buf_free(&buf);
    assert_int_equal(fsio_remove(path), 0);
    assert_int_equal(fsio_read_all(path, 9, &buf), E_NOT_FOUND);
    buf_free(&buf);
}

static void lock__held__is_locked_for_others(void **state)
{
    int first;
    int second;

    (void)state;
    assert_int_equal(fsio_lock(path, &first), 0);
    assert_int_equal(fsio_lock(path, &second), E_LOCKED);
    assert_int_equal(close(first), 0);
    assert_int_equal(fsio_lock(path, &second), 0);
    assert_int_equal(close(second), 0);
}

int main(void)
{
#define FSIO_TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        FSIO_TEST(write_at__short_and_interrupted_writes__still_write_all),
        FSIO_TEST(replace__any_step_fails__old_file_stands_and_nothing_is_left),
        FSIO_TEST(replace__mode__is_kept_whatever_the_umask),
        FSIO_TEST(sync_data__fails__is_said_and_not_tried_again),
        FSIO_TEST(read_all__longer_than_the_limit__is_refused),
        FSIO_TEST(lock__held__is_locked_for_others),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
