/*
 * fuzz_keys: a file of secret keys, and a public card. The loader wants an open file with an owner and a mode, so it gets
 * one that lies in memory.
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/support.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/fsio.h"

#include "common/base/banned.h"

int fuzz_keys(const uint8_t *data, size_t size)
{
    struct keys keys;
    struct complaint why = {0};
    char path[64];

    fuzz_start();
    int fd = memfd_create("keys", MFD_CLOEXEC);
    assert(fd >= 0 && fchmod(fd, 0600) == 0);
    assert(fsio_write_at(fd, slice_of(data, size), 0) == 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = keys_load(path, &keys, &why);
    fuzz_answer(rc, &why);
    why = (struct complaint){0};
    rc = keys_load_card(path, &keys, &why);
    fuzz_answer(rc, &why);
    (void)close(fd);
    return 0;
}
