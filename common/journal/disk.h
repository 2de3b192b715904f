/*
 * disk: the file operations under the journal, as a table, so that the same journal runs on real files, in memory,
 * and on a memory disk that forgets what was not synced (tests and simulations).
 *
 * All functions return 0 or an enum err. Paths are relative to the journal's directory and hold no slash.
 */
#ifndef WAYPOST_JOURNAL_DISK_H
#define WAYPOST_JOURNAL_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"

struct disk {
    void *context;
    int (*open)(void *context, const char *name, bool create, int *file_out); /* read and write */
    void (*close)(void *context, int file);
    int (*write_at)(void *context, int file, struct slice bytes, uint64_t offset);
    int (*read_at)(void *context, int file, void *out, size_t len, uint64_t offset, size_t *got);
    int (*sync_data)(void *context, int file);
    int (*truncate)(void *context, int file, uint64_t len);
    int (*size)(void *context, int file, uint64_t *out);
    int (*rename)(void *context, const char *from, const char *to); /* durable on return */
    int (*remove)(void *context, const char *name);                 /* durable on return */
    int (*sync_dir)(void *context);
    int (*list)(void *context, void (*each)(void *arg, const char *name), void *arg);
    int (*free_bytes)(void *context, uint64_t *out);
    /* Hold the file exclusively until it is closed or the process ends; E_LOCKED. NULL where there is nobody else. */
    int (*lock)(void *context, const char *name, int *file_out);
};

/*
 * Real files in a directory that exists. Lives until disk_real_close. Where a file may only be read, open gives a
 * file that cannot be written: enough to verify. Returns 0 or E_NOT_FOUND, E_PERMISSION, E_IO, E_RANGE (name too
 * long).
 */
int disk_real_open(const char *dir, struct disk *out);
void disk_real_close(struct disk *self);

/* Memory. Unsynced bytes and names are kept apart: disk_memory_crash() forgets them. For one thread alone. */
void disk_memory_open(struct disk *out);
void disk_memory_close(struct disk *self);

/* What a power cut leaves: every file as last synced, plus the first `torn` bytes of the last unsynced write. Files
 * open at that moment answer E_IO from then on and may only be closed; locks are gone. */
void disk_memory_crash(struct disk *self, size_t torn);

#endif
