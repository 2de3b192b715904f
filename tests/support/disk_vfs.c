/* disk_vfs: see disk_vfs.h. What the disk answers becomes SQLite's code; nothing is logged. */
#include "tests/support/disk_vfs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/err.h"

#include "common/base/banned.h"

enum { PATH_BYTES = 64, SECTOR_BYTES = 4096 };

struct vfs_file {
    sqlite3_file base;
    const struct disk *disk;
    int file;
    bool fresh; /* its name is not durable yet */
    char name[PATH_BYTES];
};

static struct {
    char name[DISK_VFS_NAME_BYTES];
    const struct disk *disk;
} mounts[DISK_VFS_MOUNTS_MAX];

static uint64_t random_state;

static uint64_t next_random(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return random_state >> 24;
}

void disk_vfs_seed(uint64_t seed)
{
    random_state = seed;
}

/* ---- mounts ---- */

void disk_vfs_mount(const char *name, const struct disk *disk)
{
    size_t at = 0;

    assert(strlen(name) < DISK_VFS_NAME_BYTES);
    while (mounts[at].name[0] != '\0' && strcmp(mounts[at].name, name) != 0) {
        assert(at + 1 < DISK_VFS_MOUNTS_MAX);
        at++;
    }
    (void)snprintf(mounts[at].name, sizeof mounts[at].name, "%s", name);
    mounts[at].disk = disk;
}

static const struct disk *disk_of(const char *path)
{
    size_t len = strcspn(path, ".");

    for (size_t i = 0; i < DISK_VFS_MOUNTS_MAX && mounts[i].name[0] != '\0'; i++) {
        if (strlen(mounts[i].name) == len && memcmp(mounts[i].name, path, len) == 0) {
            return mounts[i].disk;
        }
    }
    return NULL;
}

static int code_of(int rc, int otherwise)
{
    return rc == 0 ? SQLITE_OK : rc == E_FULL ? SQLITE_FULL : otherwise;
}

/* ---- files ---- */

static struct vfs_file *file_of(sqlite3_file *file)
{
    return (struct vfs_file *)(void *)file;
}

static int vfs_close(sqlite3_file *file)
{
    struct vfs_file *self = file_of(file);

    self->disk->close(self->disk->context, self->file);
    return SQLITE_OK;
}

static int vfs_read(sqlite3_file *file, void *out, int len, sqlite3_int64 offset)
{
    struct vfs_file *self = file_of(file);
    size_t got = 0;

    if (self->disk->read_at(
            self->disk->context, self->file, out, (size_t)len, (uint64_t)offset, &got) != 0) {
        return SQLITE_IOERR_READ;
    }
    if (got < (size_t)len) {
        memset((uint8_t *)out + got, 0, (size_t)len - got);
        return SQLITE_IOERR_SHORT_READ;
    }
    return SQLITE_OK;
}

static int vfs_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    struct vfs_file *self = file_of(file);

    return code_of(self->disk->write_at(self->disk->context, self->file,
                       slice_of(bytes, (size_t)len), (uint64_t)offset),
        SQLITE_IOERR_WRITE);
}

static int vfs_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    struct vfs_file *self = file_of(file);

    return code_of(self->disk->truncate(self->disk->context, self->file, (uint64_t)len),
        SQLITE_IOERR_TRUNCATE);
}

/* As on real files: the first sync of a new file syncs its folder too. */
static int vfs_sync(sqlite3_file *file, int flags)
{
    struct vfs_file *self = file_of(file);
    int rc = self->disk->sync_data(self->disk->context, self->file);

    (void)flags;
    if (rc == 0 && self->fresh) {
        rc = self->disk->sync_dir(self->disk->context);
        self->fresh = rc != 0;
    }
    return code_of(rc, SQLITE_IOERR_FSYNC);
}

static int vfs_file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    struct vfs_file *self = file_of(file);
    uint64_t size = 0;
    int rc = self->disk->size(self->disk->context, self->file, &size);

    *out = (sqlite3_int64)size;
    return code_of(rc, SQLITE_IOERR_FSTAT);
}

static int vfs_lock(sqlite3_file *file, int level)
{
    (void)file;
    (void)level;
    return SQLITE_OK;
}

static int vfs_check_reserved(sqlite3_file *file, int *out)
{
    (void)file;
    *out = 0;
    return SQLITE_OK;
}

static int vfs_control(sqlite3_file *file, int op, void *arg)
{
    (void)file;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int vfs_sector_size(sqlite3_file *file)
{
    (void)file;
    return SECTOR_BYTES;
}

static int vfs_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE; /* as SQLite believes of every real disk */
}

static const sqlite3_io_methods methods = {.iVersion = 1,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_file_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_lock,
    .xCheckReservedLock = vfs_check_reserved,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector_size,
    .xDeviceCharacteristics = vfs_characteristics};

/* ---- names ---- */

static bool exists(const struct disk *disk, const char *name)
{
    int file = -1;

    if (disk->open(disk->context, name, false, &file) != 0) {
        return false;
    }
    disk->close(disk->context, file);
    return true;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    struct vfs_file *self = file_of(file);

    (void)vfs;
    *self = (struct vfs_file){.disk = name == NULL ? NULL : disk_of(name)};
    if (self->disk == NULL) { /* nor are there temporary files */
        return SQLITE_CANTOPEN;
    }
    (void)snprintf(self->name, sizeof self->name, "%s", name);
    self->fresh = !exists(self->disk, self->name);
    if (self->disk->open(
            self->disk->context, self->name, (flags & SQLITE_OPEN_CREATE) != 0, &self->file) != 0) {
        return SQLITE_CANTOPEN;
    }
    self->base.pMethods = &methods;
    if (out != NULL) {
        *out = flags;
    }
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    const struct disk *disk = disk_of(name);

    (void)vfs;
    (void)sync_dir;
    int rc = disk == NULL ? E_NOT_FOUND : disk->remove(disk->context, name);
    return rc == E_NOT_FOUND ? SQLITE_IOERR_DELETE_NOENT : code_of(rc, SQLITE_IOERR_DELETE);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    const struct disk *disk = disk_of(name);

    (void)vfs;
    (void)flags;
    *out = disk != NULL && exists(disk, name);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int bytes, char *out)
{
    (void)vfs;
    (void)snprintf(out, (size_t)bytes, "%s", name);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int bytes, char *out)
{
    (void)vfs;
    for (int i = 0; i < bytes; i++) {
        out[i] = (char)next_random();
    }
    return bytes;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return microseconds;
}

static int vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    (void)vfs;
    *out = 0; /* no statement of ours asks for the time */
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int bytes, char *out)
{
    (void)vfs;
    (void)bytes;
    (void)out;
    return 0;
}

static sqlite3_vfs *disk_vfs(void)
{
    static sqlite3_vfs vfs = {.iVersion = 2,
        .szOsFile = sizeof(struct vfs_file),
        .mxPathname = PATH_BYTES,
        .zName = "disk",
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTimeInt64 = vfs_time,
        .xGetLastError = vfs_last_error};

    return &vfs;
}

void disk_vfs_register(void)
{
    int rc = sqlite3_vfs_register(disk_vfs(), 1);

    assert(rc == SQLITE_OK);
}

void disk_vfs_unregister(void)
{
    int rc = sqlite3_vfs_unregister(disk_vfs());

    assert(rc == SQLITE_OK);
}
