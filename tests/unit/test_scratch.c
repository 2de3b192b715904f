/* scratch: memory that the disk holds: what is large is no memory of the process, and leaves nothing behind. */
#define _GNU_SOURCE /* O_TMPFILE */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/bytes.h"
#include "common/base/log.h"
#include "common/base/scratch.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

enum { LARGE = 4 * SCRATCH_PIECE_MIN };

static char folder[PLACE_BYTES];

static int open_folder(void **state)
{
    (void)state;
    place_folder(folder);
    return 0;
}

/* Nothing may be left in it. */
static int close_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* Is that memory mapped from a file of the folder, as the kernel has it? */
static bool in_file(const void *memory)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    bool found = false;

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        char *end;
        uintptr_t from = strtoul(line, &end, 16);
        uintptr_t to = strtoul(end + 1, NULL, 16);
        found = found ||
            ((uintptr_t)memory >= from && (uintptr_t)memory < to && strstr(line, folder) != NULL);
    }
    (void)fclose(maps);
    return found;
}

static void assert_zeros_then_fill(uint8_t *memory, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        assert_int_equal(memory[i], 0);
    }
    memset(memory, 42, bytes);
}

static void piece__that_is_large__lies_in_a_file_without_a_name(void **state)
{
    scratch_t *scratch = scratch_new(folder);
    const struct backing *backing = scratch_backing(scratch);

    (void)state;
    int before = dup(STDERR_FILENO); /* the lowest free descriptor */
    (void)close(before);
    uint8_t *piece = backing_take(backing, LARGE);
    uint8_t *other = backing_take(backing, SCRATCH_PIECE_MIN);
    assert_true(in_file(piece));
    assert_true(in_file(other));
    assert_int_equal((uintptr_t)piece % 16, 0);
    assert_zeros_then_fill(piece, LARGE);
    assert_zeros_then_fill(other, SCRATCH_PIECE_MIN);
    assert_in_range(
        scratch_bytes(scratch), LARGE + SCRATCH_PIECE_MIN, LARGE + SCRATCH_PIECE_MIN + 4096);
    int after = dup(STDERR_FILENO);
    (void)close(after);
    assert_int_equal(after, before);
    backing_give(backing, piece, LARGE);
    assert_int_equal(other[SCRATCH_PIECE_MIN - 1], 42);
    backing_give(backing, other, SCRATCH_PIECE_MIN);
    assert_int_equal(scratch_bytes(scratch), 0);
    scratch_destroy(&scratch);
}

static void piece__that_is_small__is_the_heaps(void **state)
{
    scratch_t *scratch = scratch_new(folder);
    uint8_t *piece = backing_take(scratch_backing(scratch), SCRATCH_PIECE_MIN - 1);

    (void)state;
    assert_false(in_file(piece));
    assert_zeros_then_fill(piece, SCRATCH_PIECE_MIN - 1);
    assert_int_equal(scratch_bytes(scratch), 0);
    backing_give(scratch_backing(scratch), piece, SCRATCH_PIECE_MIN - 1);
    scratch_destroy(&scratch);
}

/* As on a full disk, or a file system that knows no files without a name. */
static void folder__that_holds_no_file__leaves_memory_as_it_was(void **state)
{
    scratch_t *scratch = scratch_new("/proc");
    uint8_t *piece = backing_take(scratch_backing(scratch), LARGE);

    (void)state;
    assert_zeros_then_fill(piece, LARGE);
    assert_int_equal(scratch_bytes(scratch), 0);
    backing_give(scratch_backing(scratch), piece, LARGE);
    assert_int_equal(scratch_bytes(scratch), 0);
    scratch_destroy(&scratch);
}

static void buf__on_a_backing__grows_as_any_other(void **state)
{
    scratch_t *scratch = scratch_new(folder);
    struct buf buf = {.backing = scratch_backing(scratch)};

    (void)state;
    for (uint32_t i = 0; i < LARGE; i++) {
        buf_put_u32(&buf, i);
    }
    assert_int_equal(buf.len, 4 * (size_t)LARGE);
    for (uint32_t i = 0; i < LARGE; i++) {
        assert_int_equal(get_u32(buf.data + 4 * (size_t)i), i);
    }
    assert_true(in_file(buf.data));
    buf_free(&buf);
    assert_int_equal(scratch_bytes(scratch), 0);
    scratch_destroy(&scratch);
}

/* A page of a file that has become shorter is one that the disk does not give. */
static _Noreturn void touch_what_is_gone(void)
{
    enum { PAGE = 65536 };
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    volatile uint8_t *memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

    (void)setrlimit(RLIMIT_CORE, &(const struct rlimit){0, 0});
    scratch_explain();
    _exit(memory[0]);
}

static void page__that_the_disk_does_not_give__ends_with_a_sentence(void **state)
{
    int ends[2];
    char told[512] = "";
    int status = 0;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        touch_what_is_gone();
    }
    (void)close(ends[1]);
    assert_true(read(ends[0], told, sizeof told - 1) > 0);
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    assert_non_null(strstr(told, "nothing that was accepted is lost, start the program again"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(piece__that_is_large__lies_in_a_file_without_a_name),
        cmocka_unit_test(piece__that_is_small__is_the_heaps),
        cmocka_unit_test(folder__that_holds_no_file__leaves_memory_as_it_was),
        cmocka_unit_test(buf__on_a_backing__grows_as_any_other),
        cmocka_unit_test(page__that_the_disk_does_not_give__ends_with_a_sentence),
    };

    log_init("test", LOG_NOTHING);
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
