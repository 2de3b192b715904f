/*
 * mark_file: see mark_file.h. Failures are returned and cost no promise: crashes of the engine are not counted then.
 * The file is written whole before it is mapped, so that a full disk is met here and not when the memory is touched.
 */
#include "broker/net/mark_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/fsio.h"

#include "common/base/banned.h"

enum { MARK_PATH_BYTES = 4096 };

/* What the file begins with; the mark follows. Another layout gets another number. */
struct mark_file {
    char magic[8];
    struct core_mark mark;
};

static const char mark_magic[8] = {'W', 'P', 'M', 'A', 'R', 'K', 'E', '1'};

/* As found, where it is one of ours and whole; else written anew. */
static int file_begin(int fd)
{
    struct mark_file file = {.magic = {0}};
    size_t got = 0;

    int rc = fsio_read_at(fd, &file, sizeof file, 0, &got);
    if (rc != 0) {
        return rc;
    }
    if (got == sizeof file && memcmp(file.magic, mark_magic, sizeof mark_magic) == 0) {
        return 0;
    }
    file = (struct mark_file){.magic = {0}};
    memcpy(file.magic, mark_magic, sizeof mark_magic);
    rc = fsio_truncate(fd, 0);
    return rc != 0 ? rc : fsio_write_at(fd, slice_of(&file, sizeof file), 0);
}

int mark_file_open(const char *dir, struct core_mark **out)
{
    char path[MARK_PATH_BYTES];
    int fd;

    *out = NULL;
    int len = snprintf(path, sizeof path, "%s/engine-mark", dir);
    if (len < 0 || (size_t)len >= sizeof path) {
        return E_RANGE;
    }
    int rc = fsio_open_rw(path, true, &fd);
    if (rc != 0) {
        return rc;
    }
    rc = file_begin(fd);
    void *mapped = rc != 0
        ? MAP_FAILED
        : mmap(NULL, sizeof(struct mark_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (mapped == MAP_FAILED) {
        return rc != 0 ? rc : E_IO;
    }
    *out = &((struct mark_file *)mapped)->mark;
    return 0;
}

void mark_file_close(struct core_mark **mark_p)
{
    if (*mark_p != NULL) {
        (void)munmap(
            (uint8_t *)*mark_p - offsetof(struct mark_file, mark), sizeof(struct mark_file));
        *mark_p = NULL;
    }
}
