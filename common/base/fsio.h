/*
 * fsio: the only place that writes, syncs, renames or removes files. See docs/STORAGE.md.
 *
 * Function names say what survives a crash. Every function returns 0 or an enum err and leaves errno set;
 * what a failed write or sync means is the caller's decision (for a journal: fatal, PROMISE 1).
 */
#ifndef WAYPOST_BASE_FSIO_H
#define WAYPOST_BASE_FSIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/bytes.h"

/* Create a directory (mode 0700) and sync its parent; 0 as well where it is there already. */
int fsio_make_dir(const char *path);

/* Sync a directory, so that names created, renamed or removed in it are durable. */
int fsio_sync_dir(const char *path);

/*
 * Replace the whole file: written under a temporary name in the same directory, synced, renamed, directory
 * synced. After a crash the file is the old one or the new one, whole. mode e.g. 0600.
 */
int fsio_replace(const char *path, struct slice bytes, mode_t mode);

/* Read a whole file of at most bytes_max bytes; E_NOT_FOUND, E_TOO_LARGE, E_IO. Appended to out. */
int fsio_read_all(const char *path, size_t bytes_max, struct buf *out);

/* Open for reading and writing; created with mode 0600 where create is set. Directory is not synced. */
int fsio_open_rw(const char *path, bool create, int *fd_out);
int fsio_open_read(const char *path, int *fd_out);

int fsio_write_at(
    int fd, struct slice bytes, uint64_t offset); /* all of it, EINTR and short writes handled */
int fsio_read_at(
    int fd, void *out, size_t len, uint64_t offset, size_t *got); /* *got < len at the end only */
int fsio_sync_data(int fd);                                       /* fdatasync, never retried */
int fsio_truncate(int fd, uint64_t len);
int fsio_rename(const char *from, const char *to); /* and syncs the directory of `to` */
int fsio_remove(const char *path);                 /* and syncs its directory */

/* An exclusive lock on a file that lives as long as the process (fcntl OFD lock); E_LOCKED. */
int fsio_lock(const char *path, int *fd_out);
bool fsio_is_locked(const char *path); /* by anybody; touches nothing */

/* Free bytes on the file system that holds path. */
int fsio_free_bytes(const char *path, uint64_t *out);

#endif
