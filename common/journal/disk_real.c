/*
 * disk_real: the journal's files in a directory, through common/base/fsio. Nothing is fatal here:
 * every failure is returned with errno set. Handles are file descriptors.
 */
#include "common/journal/disk.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/err.h"
#include "common/base/fsio.h"

#include "common/base/banned.h"

struct real_disk {
    char *dir; /* owned */
};

/* dir/name into PATH_MAX bytes; the directory's length was checked when it was opened. */
static int path_of(void *context, const char *name, char *path)
{
    const struct real_disk *self = context;

    assert(strchr(name, '/') == NULL);
    int len = snprintf(path, PATH_MAX, "%s/%s", self->dir, name);
    return len < 0 || len >= PATH_MAX ? E_RANGE : 0;
}

static int real_open(void *context, const char *name, bool create, int *file_out)
{
    char path[PATH_MAX];

    int rc = path_of(context, name, path);
    if (rc == 0) {
        rc = fsio_open_rw(path, create, file_out);
    }
    if (rc == E_PERMISSION && !create) {
        rc = fsio_open_read(path, file_out);
    }
    return rc;
}

static void real_close(void *context, int file)
{
    (void)context;
    (void)close(file);
}

static int real_write_at(void *context, int file, struct slice bytes, uint64_t offset)
{
    (void)context;
    return fsio_write_at(file, bytes, offset);
}

static int real_read_at(
    void *context, int file, void *out, size_t len, uint64_t offset, size_t *got)
{
    (void)context;
    return fsio_read_at(file, out, len, offset, got);
}

static int real_sync_data(void *context, int file)
{
    (void)context;
    return fsio_sync_data(file);
}

static int real_truncate(void *context, int file, uint64_t len)
{
    (void)context;
    return fsio_truncate(file, len);
}

static int real_size(void *context, int file, uint64_t *out)
{
    struct stat info;

    (void)context;
    if (fstat(file, &info) != 0) {
        return E_IO;
    }
    *out = (uint64_t)info.st_size;
    return 0;
}

static int real_rename(void *context, const char *from, const char *to)
{
    char from_path[PATH_MAX];
    char to_path[PATH_MAX];

    int rc = path_of(context, from, from_path);
    if (rc == 0) {
        rc = path_of(context, to, to_path);
    }
    return rc != 0 ? rc : fsio_rename(from_path, to_path);
}

static int real_remove(void *context, const char *name)
{
    char path[PATH_MAX];

    int rc = path_of(context, name, path);
    return rc != 0 ? rc : fsio_remove(path);
}

static int real_sync_dir(void *context)
{
    const struct real_disk *self = context;

    return fsio_sync_dir(self->dir);
}

static int real_list(void *context, void (*each)(void *arg, const char *name), void *arg)
{
    const struct real_disk *self = context;
    const struct dirent *entry;

    DIR *dir = opendir(self->dir);
    if (dir == NULL) {
        return E_IO;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            each(arg, entry->d_name);
        }
    }
    (void)closedir(dir);
    return 0;
}

static int real_free_bytes(void *context, uint64_t *out)
{
    const struct real_disk *self = context;

    return fsio_free_bytes(self->dir, out);
}

static int real_lock(void *context, const char *name, int *file_out)
{
    char path[PATH_MAX];

    int rc = path_of(context, name, path);
    return rc != 0 ? rc : fsio_lock(path, file_out);
}

int disk_real_open(const char *dir, struct disk *out)
{
    enum { NAME_BYTES_MAX = 64 };
    struct stat info;

    if (strlen(dir) + NAME_BYTES_MAX >= PATH_MAX) {
        return E_RANGE;
    }
    if (stat(dir, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return E_NOT_FOUND;
    }
    struct real_disk *self = mem_new(1, sizeof *self);
    self->dir = mem_text(dir);
    *out = (struct disk){
        .context = self,
        .open = real_open,
        .close = real_close,
        .write_at = real_write_at,
        .read_at = real_read_at,
        .sync_data = real_sync_data,
        .truncate = real_truncate,
        .size = real_size,
        .rename = real_rename,
        .remove = real_remove,
        .sync_dir = real_sync_dir,
        .list = real_list,
        .free_bytes = real_free_bytes,
        .lock = real_lock,
    };
    return 0;
}

void disk_real_close(struct disk *self)
{
    struct real_disk *disk = self->context;

    if (disk == NULL) {
        return;
    }
    free(disk->dir);
    free(disk);
    *self = (struct disk){0};
}
