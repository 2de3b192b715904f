/*
 * fuzz_source: the registrar's text, compiled. It lies in memory behind /proc/self/fd, so a name in
 * it like ../cwd/data/... is a
 * file of the project.
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/support.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/fsio.h"
#include "common/register/source.h"

#include "common/base/banned.h"

int fuzz_source(const uint8_t *data, size_t size)
{
    struct complaint why = {0};
    struct buf out = {0};
    struct fuzz_world world;
    char path[64];

    fuzz_start();
    fuzz_world_init(&world, 1);
    int fd = memfd_create("register.zpl", MFD_CLOEXEC);
    assert(fd >= 0 && fsio_write_at(fd, slice_of(data, size), 0) == 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = register_source_compile(path, &world.world, NULL, &out, &why);
    fuzz_answer(rc, &why);
    assert(rc != 0 || out.len > 0);
    buf_free(&out);
    (void)close(fd);
    return 0;
}
