/* disk: see disk.h. Failures are returned as the real disk returns them. */
#include "tests/sim/disk.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

#include "common/base/banned.h"

/* One change: 0 to let it happen. */
static int change(struct sim_disk *self, bool takes_space)
{
    self->changes++;
    if (self->power_in != 0 && --self->power_in == 0) {
        self->dead = self->power_failed = true;
    }
    if (self->kill_in != 0 && --self->kill_in == 0) {
        self->dead = self->killed = true;
    }
    if (self->dead) {
        return E_IO;
    }
    if (self->fail_in != 0 && --self->fail_in == 0) {
        return E_IO;
    }
    return self->full && takes_space ? E_FULL : 0;
}

static int sim_open(void *context, const char *name, bool create, int *file_out)
{
    struct sim_disk *self = context;

    if (self->dead) {
        return E_IO;
    }
    return self->memory.open(self->memory.context, name, create, file_out);
}

static void sim_close(void *context, int file)
{
    struct sim_disk *self = context;

    self->memory.close(self->memory.context, file);
}

static int sim_write_at(void *context, int file, struct slice bytes, uint64_t offset)
{
    struct sim_disk *self = context;
    bool was_dead = self->dead;
    int rc = change(self, true);

    if (rc == E_IO && !was_dead && self->power_failed) { /* it was under way: it can be torn */
        (void)self->memory.write_at(self->memory.context, file, bytes, offset);
    }
    return rc != 0 ? rc : self->memory.write_at(self->memory.context, file, bytes, offset);
}

static int sim_read_at(void *context, int file, void *out, size_t len, uint64_t offset, size_t *got)
{
    struct sim_disk *self = context;

    if (self->dead) {
        return E_IO;
    }
    return self->memory.read_at(self->memory.context, file, out, len, offset, got);
}

static int sim_sync_data(void *context, int file)
{
    struct sim_disk *self = context;

    if (self->kill_at_sync) {
        self->dead = self->killed = true;
    }
    int rc = change(self, false);
    return rc != 0 ? rc : self->memory.sync_data(self->memory.context, file);
}

static int sim_truncate(void *context, int file, uint64_t len)
{
    struct sim_disk *self = context;
    int rc = change(self, true);

    return rc != 0 ? rc : self->memory.truncate(self->memory.context, file, len);
}

static int sim_size(void *context, int file, uint64_t *out)
{
    struct sim_disk *self = context;

    return self->memory.size(self->memory.context, file, out);
}

static int sim_rename(void *context, const char *from, const char *to)
{
    struct sim_disk *self = context;
    int rc = change(self, false);

    return rc != 0 ? rc : self->memory.rename(self->memory.context, from, to);
}

static int sim_remove(void *context, const char *name)
{
    struct sim_disk *self = context;
    int rc = change(self, false);

    return rc != 0 ? rc : self->memory.remove(self->memory.context, name);
}

static int sim_sync_dir(void *context)
{
    struct sim_disk *self = context;
    int rc = change(self, false);

    return rc != 0 ? rc : self->memory.sync_dir(self->memory.context);
}

static int sim_list(void *context, void (*each)(void *arg, const char *name), void *arg)
{
    struct sim_disk *self = context;

    return self->memory.list(self->memory.context, each, arg);
}

static int sim_free_bytes(void *context, uint64_t *out)
{
    struct sim_disk *self = context;

    return self->memory.free_bytes(self->memory.context, out);
}

static int sim_lock(void *context, const char *name, int *file_out)
{
    struct sim_disk *self = context;

    return self->memory.lock(self->memory.context, name, file_out);
}

void sim_disk_open(struct sim_disk *self)
{
    *self = (struct sim_disk){.full = false};
    disk_memory_open(&self->memory);
    self->table = (struct disk){.context = self,
        .open = sim_open,
        .close = sim_close,
        .write_at = sim_write_at,
        .read_at = sim_read_at,
        .sync_data = sim_sync_data,
        .truncate = sim_truncate,
        .size = sim_size,
        .rename = sim_rename,
        .remove = sim_remove,
        .sync_dir = sim_sync_dir,
        .list = sim_list,
        .free_bytes = sim_free_bytes,
        .lock = sim_lock};
}

void sim_disk_close(struct sim_disk *self)
{
    disk_memory_close(&self->memory);
}

void sim_disk_revive(struct sim_disk *self, bool power, size_t torn)
{
    if (power || self->power_failed) {
        disk_memory_crash(&self->memory, torn);
    }
    self->dead = self->power_failed = self->killed = false;
    self->power_in = self->fail_in = self->kill_in = 0;
    self->kill_at_sync = false;
}

/* ---- copies ---- */

struct copying {
    const struct disk *from, *to;
    const char *prefix;
};

static void copy_file(void *arg, const char *name)
{
    const struct copying *self = arg;
    uint64_t size = 0;
    size_t got = 0;
    int in = -1;
    int out = -1;

    if (strncmp(name, self->prefix, strlen(self->prefix)) != 0) {
        return;
    }
    if (self->from->open(self->from->context, name, false, &in) != 0 ||
        self->to->open(self->to->context, name, true, &out) != 0) {
        abort();
    }
    (void)self->from->size(self->from->context, in, &size);
    uint8_t *bytes = mem_new((size_t)size + 1, 1);
    (void)self->from->read_at(self->from->context, in, bytes, (size_t)size, 0, &got);
    (void)self->to->write_at(self->to->context, out, slice_of(bytes, got), 0);
    (void)self->to->sync_data(self->to->context, out);
    free(bytes);
    self->from->close(self->from->context, in);
    self->to->close(self->to->context, out);
}

void sim_disk_copy(struct sim_disk *from, struct sim_disk *to, const char *prefix)
{
    struct copying copying = {&from->memory, &to->memory, prefix};

    disk_memory_close(&to->memory);
    disk_memory_open(&to->memory);
    (void)from->memory.list(from->memory.context, copy_file, &copying);
    (void)to->memory.sync_dir(to->memory.context);
}

/* ---- what is on it ---- */

struct search {
    struct sim_disk *disk;
    struct slice wanted;
    bool found;
};

static bool holds(const uint8_t *bytes, size_t len, struct slice wanted)
{
    size_t at = 0;

    while (at + wanted.len <= len) {
        const uint8_t *next = memchr(bytes + at, wanted.data[0], len - wanted.len - at + 1);
        if (next == NULL) {
            return false;
        }
        if (memcmp(next, wanted.data, wanted.len) == 0) {
            return true;
        }
        at = (size_t)(next - bytes) + 1;
    }
    return false;
}

static void search_file(void *arg, const char *name)
{
    struct search *self = arg;
    const struct disk *disk = &self->disk->memory;
    uint64_t size = 0;
    size_t got = 0;
    int file = -1;

    if (disk->open(disk->context, name, false, &file) != 0) {
        return;
    }
    (void)disk->size(disk->context, file, &size);
    uint8_t *bytes = mem_new((size_t)size + 1, 1);
    if (disk->read_at(disk->context, file, bytes, (size_t)size, 0, &got) == 0) {
        self->found = self->found || holds(bytes, got, self->wanted);
    }
    free(bytes);
    disk->close(disk->context, file);
}

bool sim_disk_holds(struct sim_disk *self, struct slice bytes)
{
    struct search search = {.disk = self, .wanted = bytes};

    (void)self->memory.list(self->memory.context, search_file, &search);
    return search.found;
}
