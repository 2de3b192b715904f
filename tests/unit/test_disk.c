/* Tests of common/journal/disk_real.c and disk_memory.c: the two behave alike, and a crash forgets
 * what was not synced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/err.h"
#include "common/journal/disk.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

/* ---- helpers ---- */

static int open_file(struct disk *disk, const char *name)
{
    int file;

    assert_int_equal(disk->open(disk->context, name, true, &file), 0);
    return file;
}

static void write_text(struct disk *disk, int file, const char *text, uint64_t offset)
{
    struct slice bytes = slice_of_text(text);

    assert_int_equal(disk->write_at(disk->context, file, bytes, offset), 0);
}

/* What a file of that name holds, as text; "-" where there is none. */
static const char *text_of(struct disk *disk, const char *name)
{
    static char text[64];
    size_t got = 0;
    int file;

    if (disk->open(disk->context, name, false, &file) != 0) {
        return "-";
    }
    assert_int_equal(disk->read_at(disk->context, file, text, sizeof text - 1, 0, &got), 0);
    disk->close(disk->context, file);
    text[got] = '\0';
    return text;
}

static void count_name(void *arg, const char *name)
{
    unsigned *count = arg;

    (*count) += name[0] != '.' ? 1 : 0;
}

static unsigned names_in(struct disk *disk)
{
    unsigned count = 0;

    assert_int_equal(disk->list(disk->context, count_name, &count), 0);
    return count;
}

/* Everything that both disks must do. */
static void use_disk(struct disk *disk)
{
    uint64_t size = 0;
    uint64_t room = 0;
    size_t got = 0;
    char text[8];
    int missing;

    assert_int_equal(disk->open(disk->context, "a", false, &missing), E_NOT_FOUND);
    int file = open_file(disk, "a");
    write_text(disk, file, "hello", 0);
    write_text(disk, file, "p!", 3);
    assert_int_equal(disk->sync_data(disk->context, file), 0);
    assert_int_equal(disk->sync_dir(disk->context), 0);
    assert_string_equal(text_of(disk, "a"), "help!");
    assert_int_equal(disk->read_at(disk->context, file, text, sizeof text, 3, &got), 0);
    assert_int_equal(got, 2);
    assert_int_equal(disk->read_at(disk->context, file, text, sizeof text, 9, &got), 0);
    assert_int_equal(got, 0);
    assert_int_equal(disk->truncate(disk->context, file, 4), 0);
    assert_int_equal(disk->size(disk->context, file, &size), 0);
    assert_int_equal(size, 4);
    int other = open_file(disk, "b");
    write_text(disk, other, "old", 0);
    disk->close(disk->context, other);
    assert_int_equal(disk->rename(disk->context, "a", "b"), 0);
    assert_string_equal(text_of(disk, "a"), "-");
    assert_string_equal(text_of(disk, "b"), "help");
    write_text(disk, file, "o", 4); /* an open file goes on under its new name */
    disk->close(disk->context, file);
    assert_string_equal(text_of(disk, "b"), "helpo");
    assert_int_equal(names_in(disk), 1);
    assert_int_equal(disk->rename(disk->context, "none", "b"), E_NOT_FOUND);
    assert_int_equal(disk->remove(disk->context, "b"), 0);
    assert_int_equal(disk->remove(disk->context, "b"), E_NOT_FOUND);
    assert_int_equal(names_in(disk), 0);
    assert_int_equal(disk->free_bytes(disk->context, &room), 0);
    assert_true(room > 0);
}

static void use_lock(struct disk *disk)
{
    int first;
    int second;

    assert_int_equal(disk->lock(disk->context, "lock", &first), 0);
    assert_int_equal(disk->lock(disk->context, "lock", &second), E_LOCKED);
    disk->close(disk->context, first);
    assert_int_equal(disk->lock(disk->context, "lock", &second), 0);
    disk->close(disk->context, second);
}

/* ---- tests ---- */

static void disk__in_memory__does_what_files_do(void **state)
{
    struct disk disk;

    (void)state;
    disk_memory_open(&disk);
    use_disk(&disk);
    use_lock(&disk);
    disk_memory_close(&disk);
}

static void disk__real__does_what_files_do(void **state)
{
    char dir[PLACE_BYTES];
    char path[PLACE_BYTES + 8];
    struct disk disk;

    (void)state;
    place_folder(dir);
    assert_int_equal(disk_real_open(dir, &disk), 0);
    use_disk(&disk);
    use_lock(&disk);
    disk_real_close(&disk);
    (void)snprintf(path, sizeof path, "%s/lock", dir);
    (void)unlink(path);
    assert_int_equal(rmdir(dir), 0);
}

static void disk_real__no_directory__is_refused(void **state)
{
    struct disk disk;

    (void)state;
    assert_int_equal(disk_real_open("/nonexistent/journal", &disk), E_NOT_FOUND);
    assert_int_equal(disk_real_open("/dev/null", &disk), E_NOT_FOUND);
}

static void crash__unsynced_bytes__are_gone(void **state)
{
    struct disk disk;

    (void)state;
    disk_memory_open(&disk);
    int file = open_file(&disk, "a");
    write_text(&disk, file, "durable", 0);
    assert_int_equal(disk.sync_data(disk.context, file), 0);
    assert_int_equal(disk.sync_dir(disk.context), 0);
    write_text(&disk, file, "DUR", 0);
    write_text(&disk, file, "more", 7);
    write_text(&disk, file, "and more", 11);
    assert_int_equal(disk.truncate(disk.context, file, 2), 0);
    disk_memory_crash(&disk, 0);
    assert_string_equal(text_of(&disk, "a"), "durable");
    assert_int_equal(
        disk.sync_data(disk.context, file), E_IO); /* the handle died with its process */
    disk.close(disk.context, file);
    disk_memory_close(&disk);
}

static void crash__last_write_torn__leaves_its_first_bytes(void **state)
{
    struct disk disk;

    (void)state;
    disk_memory_open(&disk);
    int file = open_file(&disk, "a");
    write_text(&disk, file, "........", 0);
    assert_int_equal(disk.sync_data(disk.context, file), 0);
    assert_int_equal(disk.sync_dir(disk.context), 0);
    write_text(&disk, file, "AAAA", 0);
    write_text(&disk, file, "BBBB", 4);
    disk_memory_crash(&disk, 3);
    assert_string_equal(text_of(&disk, "a"), "....BBB.");
    disk_memory_crash(&disk, 3); /* a second cut finds nothing more to lose */
    assert_string_equal(text_of(&disk, "a"), "....BBB.");
    disk.close(disk.context, file);
    disk_memory_close(&disk);
}

static void crash__names_without_directory_sync__are_gone(void **state)
{
    struct disk disk;

    (void)state;
    disk_memory_open(&disk);
    int file = open_file(&disk, "a");
    write_text(&disk, file, "x", 0);
    assert_int_equal(disk.sync_data(disk.context, file), 0);
    disk_memory_crash(&disk, 0);
    assert_string_equal(text_of(&disk, "a"), "-");
    disk.close(disk.context, file);
    disk_memory_close(&disk);
}

static void crash__rename_and_remove__are_durable_on_return(void **state)
{
    struct disk disk;

    (void)state;
    disk_memory_open(&disk);
    int file = open_file(&disk, "a");
    write_text(&disk, file, "x", 0);
    assert_int_equal(disk.sync_data(disk.context, file), 0);
    assert_int_equal(disk.rename(disk.context, "a", "b"), 0);
    disk_memory_crash(&disk, 0);
    assert_string_equal(text_of(&disk, "b"), "x");
    assert_string_equal(text_of(&disk, "a"), "-");
    assert_int_equal(disk.remove(disk.context, "b"), 0);
    disk_memory_crash(&disk, 0);
    assert_string_equal(text_of(&disk, "b"), "-");
    disk.close(disk.context, file);
    disk_memory_close(&disk);
}

static void crash__lock_held__is_free_again(void **state)
{
    struct disk disk;
    int before;
    int after;
    int third;

    (void)state;
    disk_memory_open(&disk);
    assert_int_equal(disk.lock(disk.context, "lock", &before), 0);
    disk_memory_crash(&disk, 0);
    assert_int_equal(disk.lock(disk.context, "lock", &after), 0);
    disk.close(disk.context, before); /* the dead process's handle frees nobody else's lock */
    assert_int_equal(disk.lock(disk.context, "lock", &third), E_LOCKED);
    disk.close(disk.context, after);
    disk_memory_close(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disk__in_memory__does_what_files_do),
        cmocka_unit_test(disk__real__does_what_files_do),
        cmocka_unit_test(disk_real__no_directory__is_refused),
        cmocka_unit_test(crash__unsynced_bytes__are_gone),
        cmocka_unit_test(crash__last_write_torn__leaves_its_first_bytes),
        cmocka_unit_test(crash__names_without_directory_sync__are_gone),
        cmocka_unit_test(crash__rename_and_remove__are_durable_on_return),
        cmocka_unit_test(crash__lock_held__is_free_again),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
