/*
 * fsio: see fsio.h. Failures are returned with errno set; nothing here is fatal and nothing is retried but
 * EINTR and short writes.
 */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "common/base/fsio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/err.h"

#include "common/base/banned.h"

static int from_errno(void)
{
    switch (errno) {
    case ENOENT:
        return E_NOT_FOUND;
    case EEXIST:
        return E_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return E_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return E_PERMISSION;
    default:
        return E_IO;
    }
}

static int close_keeping_errno(int fd, int rc)
{
    int saved = errno;

    if (close(fd) != 0 && rc == 0) {
        return from_errno();
    }
    errno = saved;
    return rc;
}

static int parent_of(const char *path, char *parent, size_t size)
{
    const char *slash = strrchr(path, '/');
    int len;

    if (slash == NULL) {
        len = snprintf(parent, size, ".");
    } else if (slash == path) {
        len = snprintf(parent, size, "/");
    } else {
        len = snprintf(parent, size, "%.*s", (int)(slash - path), path);
    }
    return len < 0 || (size_t)len >= size ? E_RANGE : 0;
}

static int sync_parent(const char *path)
{
    char parent[PATH_MAX];

    int rc = parent_of(path, parent, sizeof parent);
    return rc != 0 ? rc : fsio_sync_dir(parent);
}

int fsio_sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return from_errno();
    }
    return close_keeping_errno(fd, fsync(fd) == 0 ? 0 : from_errno());
}

int fsio_make_dir(const char *path)
{
    struct stat info;

    if (mkdir(path, 0700) == 0) {
        return sync_parent(path);
    }
    if (errno != EEXIST) {
        return from_errno();
    }
    if (stat(path, &info) != 0) {
        return from_errno();
    }
    if (!S_ISDIR(info.st_mode)) {
        errno = ENOTDIR;
        return E_IO;
    }
    return 0;
}

int fsio_open_rw(const char *path, bool create, int *fd_out)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);

    if (fd < 0) {
        return from_errno();
    }
    *fd_out = fd;
    return 0;
}

int fsio_open_read(const char *path, int *fd_out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return from_errno();
    }
    *fd_out = fd;
    return 0;
}

int fsio_write_at(int fd, struct slice bytes, uint64_t offset)
{
    while (bytes.len > 0) {
        ssize_t written = pwrite(fd, bytes.data, bytes.len, (off_t)offset);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return from_errno();
        }
        bytes.data += written;
        bytes.len -= (size_t)written;
        offset += (uint64_t)written;
    }
    return 0;
}

int fsio_read_at(int fd, void *out, size_t len, uint64_t offset, size_t *got)
{
    size_t done = 0;

    while (done < len) {
        ssize_t part = pread(fd, (uint8_t *)out + done, len - done, (off_t)(offset + done));
        if (part < 0 && errno == EINTR) {
            continue;
        }
        if (part < 0) {
            return from_errno();
        }
        if (part == 0) {
            break;
        }
        done += (size_t)part;
    }
    *got = done;
    return 0;
}

int fsio_sync_data(int fd)
{
    return fdatasync(fd) == 0 ? 0 : from_errno();
}

int fsio_truncate(int fd, uint64_t len)
{
    return ftruncate(fd, (off_t)len) == 0 ? 0 : from_errno();
}

int fsio_rename(const char *from, const char *to)
{
    if (rename(from, to) != 0) {
        return from_errno();
    }
    return sync_parent(to);
}

int fsio_remove(const char *path)
{
    if (unlink(path) != 0) {
        return from_errno();
    }
    return sync_parent(path);
}

int fsio_replace(const char *path, struct slice bytes, mode_t mode)
{
    char temporary[PATH_MAX];
    int len = snprintf(temporary, sizeof temporary, "%s.new", path);

    if (len < 0 || (size_t)len >= sizeof temporary) {
        return E_RANGE;
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0) {
        return from_errno();
    }
    int rc = fchmod(fd, mode) == 0 ? 0 : from_errno();
    if (rc == 0) {
        rc = fsio_write_at(fd, bytes, 0);
    }
    if (rc == 0) {
        rc = fsync(fd) == 0 ? 0 : from_errno();
    }
    rc = close_keeping_errno(fd, rc);
    if (rc == 0) {
        rc = fsio_rename(temporary, path);
    }
    if (rc != 0) {
        int saved = errno;
        (void)unlink(temporary);
        errno = saved;
    }
    return rc;
}

int fsio_read_all(const char *path, size_t bytes_max, struct buf *out)
{
    enum { READ_STEP_BYTES = 65536 };
    size_t before = out->len;
    size_t got = READ_STEP_BYTES;
    int fd = -1;

    int rc = fsio_open_read(path, &fd);
    if (rc != 0) {
        return rc;
    }
    while (rc == 0 && got == READ_STEP_BYTES) {
        buf_reserve(out, READ_STEP_BYTES);
        rc = fsio_read_at(fd, out->data + out->len, READ_STEP_BYTES, out->len - before, &got);
        if (rc == 0) {
            out->len += got;
            rc = out->len - before > bytes_max ? E_TOO_LARGE : 0;
        }
    }
    if (rc != 0) {
        out->len = before;
    }
    return close_keeping_errno(fd, rc);
}

int fsio_lock(const char *path, int *fd_out)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = -1;

    int rc = fsio_open_rw(path, true, &fd);
    if (rc != 0) {
        return rc;
    }
    if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
        return close_keeping_errno(fd, E_LOCKED);
    }
    *fd_out = fd;
    return 0;
}

bool fsio_is_locked(const char *path)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = -1;

    if (fsio_open_read(path, &fd) != 0) {
        return false;
    }
    bool locked = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    (void)close(fd);
    return locked;
}

int fsio_free_bytes(const char *path, uint64_t *out)
{
    struct statvfs info;

    if (statvfs(path, &info) != 0) {
        return from_errno();
    }
    *out = (uint64_t)info.f_bavail * info.f_frsize;
    return 0;
}
