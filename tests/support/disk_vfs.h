/*
 * disk_vfs: SQLite on a struct disk (common/journal/disk.h), so that an agent's database stands on
 * a memory disk that fails and loses power like the journal's. For tests alone, one thread.
 *
 * A database path is "NAME.anything"; NAME chooses the disk. No locks: one process.
 */
#ifndef WAYPOST_TESTS_DISK_VFS_H
#define WAYPOST_TESTS_DISK_VFS_H

#include "common/journal/disk.h"

enum { DISK_VFS_MOUNTS_MAX = 64, DISK_VFS_NAME_BYTES = 16 };

/* Make it SQLite's default, for databases opened from now on; and give the old one back. */
void disk_vfs_register(void);
void disk_vfs_unregister(void);

/* disk is lent until the name is mounted anew or unmounted (NULL). */
void disk_vfs_mount(const char *name, const struct disk *disk);

/* The same seed gives the same salts in the files. */
void disk_vfs_seed(uint64_t seed);

#endif
