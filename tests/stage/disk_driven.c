/*
 * disk_driven: a disk that fails when a test says so, under programs linked with it (world_driven.h has the like for the
 * clock). The calls that keep bytes are defined here, so that ours and SQLite's both come this way; they do what the
 * system does, unless a file of one of these names lies in the folder that the environment names:
 *
 *   full       no room: ENOSPC for writes and for longer files
 *   read-only  the same with EROFS, as after a remount
 *   short      a write takes seven bytes at the most
 *   eio-once   the next sync fails with EIO, and the file is removed
 *   hold       a sync takes as long as the file is there; `held` is made when one begins to wait
 *   hold-new   the same for files that have no name of their own yet (*.new): `held-new`
 *
 * Without the variable nothing fails.
 */
#define _GNU_SOURCE /* syscall() */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "tests/stage/disk_driven.h"

#include "common/base/banned.h"

enum { SHORT_BYTES = 7, HOLD_PACE_MS = 2 };

static bool path_of(const char *name, char *path)
{
    const char *folder = getenv(STAGE_DISK_VARIABLE);

    if (folder == NULL) {
        return false;
    }
    int len = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return len > 0 && len < PATH_MAX;
}

static bool is_wanted(const char *name)
{
    char path[PATH_MAX];
    int saved = errno;
    bool wanted = path_of(name, path) && access(path, F_OK) == 0;

    errno = saved;
    return wanted;
}

/* 0, or the errno of what the disk is to say to a change. */
static int change_errno(void)
{
    return is_wanted("full") ? ENOSPC : is_wanted("read-only") ? EROFS : 0;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    int failure = change_errno();

    if (failure != 0) {
        errno = failure;
        return -1;
    }
    if (len > SHORT_BYTES && is_wanted("short")) {
        len = SHORT_BYTES;
    }
    return syscall(SYS_pwrite64, fd, bytes, len, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
    return pwrite(fd, bytes, len, offset);
}

int ftruncate(int fd, off_t len)
{
    int failure = change_errno();

    if (failure != 0) {
        errno = failure;
        return -1;
    }
    return (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    return ftruncate(fd, len);
}

static void hold(const char *mark, const char *told)
{
    char path[PATH_MAX];

    if (!is_wanted(mark) || !path_of(told, path)) {
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)close(fd);
    }
    while (is_wanted(mark)) {
        (void)poll(NULL, 0, HOLD_PACE_MS);
    }
}

static bool is_new(int fd)
{
    static const char end[] = ".new";
    char link[64];
    char path[PATH_MAX];

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path);
    size_t wanted = sizeof end - 1;
    return len > (ssize_t)wanted && memcmp(path + len - wanted, end, wanted) == 0;
}

static int sync_by(long call, int fd)
{
    char path[PATH_MAX];

    hold("hold", "held");
    if (is_new(fd)) {
        hold("hold-new", "held-new");
    }
    if (path_of("eio-once", path) && unlink(path) == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, fd);
}

int fdatasync(int fd)
{
    return sync_by(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return sync_by(SYS_fsync, fd);
}
