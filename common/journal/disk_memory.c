/*
 * disk_memory: the journal's files in memory, with what a power cut would forget kept apart. One
 * thread alone.
 *
 * A file holds its present bytes and an undo log back to the last sync_data; the directory holds
 * its present names and those as of the last sync_dir (rename and remove sync it too, as on real
 * disks here). disk_memory_crash() goes back to both, then lays the first bytes of the last
 * unsynced write over it: a torn write.
 */
#include "common/journal/disk.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/err.h"

#include "common/base/banned.h"

enum { NAME_BYTES = 64 };

#define FREE_BYTES (UINT64_C(1) << 40) /* what free_bytes answers */

/* How to take back one write or truncation. */
struct undo {
    uint64_t offset;  /* where `old` stood */
    uint64_t size;    /* bytes in the file before */
    struct slice old; /* owned: bytes overwritten or cut off */
};

struct memory_file {
    struct buf bytes;
    struct undo *undo; /* owned, oldest first */
    size_t undo_count;
    size_t undo_capacity;
    unsigned names; /* in both tables; without one, and without a handle, it is gone */
    unsigned handles;
};

struct memory_name {
    char text[NAME_BYTES];
    struct memory_file *file;
};

struct name_table {
    struct memory_name *at; /* owned */
    size_t count;
    size_t capacity;
};

struct memory_handle {
    int id; /* never used again */
    bool dead;
    bool lock;
    struct memory_file *file; /* NULL for a lock */
    char name[NAME_BYTES];    /* of a lock */
};

struct memory_disk {
    struct name_table names;   /* as the running program sees them */
    struct name_table durable; /* as of the last sync_dir */
    struct memory_handle *handles;
    size_t handle_count;
    size_t handle_capacity;
    int next_id;
    struct memory_file *last_file; /* of the last unsynced write, NULL for none */
    uint64_t last_offset;
    size_t last_len;
};

/* ---- files ---- */

static void undo_forget(struct memory_file *file)
{
    for (size_t i = 0; i < file->undo_count; i++) {
        free((void *)(uintptr_t)file->undo[i].old.data);
    }
    file->undo_count = 0;
}

static void file_drop(struct memory_disk *self, struct memory_file *file)
{
    if (file->names > 0 || file->handles > 0) {
        return;
    }
    if (self->last_file == file) {
        self->last_file = NULL;
    }
    undo_forget(file);
    free(file->undo);
    buf_free(&file->bytes);
    free(file);
}

/* Remember what [offset, offset + len) held, and the size. */
static void undo_note(struct memory_file *file, uint64_t offset, size_t len)
{
    uint64_t size = file->bytes.len;
    size_t kept = offset >= size ? 0 : (size_t)(size - offset < len ? size - offset : len);

    if (kept == 0 && file->undo_count > 0 && file->undo[file->undo_count - 1].old.len == 0) {
        return; /* an append after an append: going back to the first size is enough */
    }
    file->undo = mem_grow(file->undo, file->undo_count, &file->undo_capacity, sizeof *file->undo);
    struct undo *undo = &file->undo[file->undo_count++];
    *undo = (struct undo){.offset = offset, .size = size};
    if (kept > 0) {
        uint8_t *copy = mem_new(kept, 1);
        memcpy(copy, file->bytes.data + offset, kept);
        undo->old = slice_of(copy, kept);
    }
}

static void file_resize(struct memory_file *file, uint64_t size)
{
    if (size > file->bytes.len) {
        size_t more = (size_t)size - file->bytes.len;
        buf_reserve(&file->bytes, more);
        memset(file->bytes.data + file->bytes.len, 0, more);
    }
    file->bytes.len = (size_t)size;
}

static void file_put(struct memory_file *file, struct slice bytes, uint64_t offset)
{
    if (offset + bytes.len > file->bytes.len) {
        file_resize(file, offset + bytes.len);
    }
    if (bytes.len > 0) {
        memcpy(file->bytes.data + offset, bytes.data, bytes.len);
    }
}

static void file_undo_all(struct memory_file *file)
{
    for (size_t i = file->undo_count; i-- > 0;) {
        const struct undo *undo = &file->undo[i];
        file_resize(file, undo->size);
        file_put(file, undo->old, undo->offset);
    }
    undo_forget(file);
}

/* ---- names ---- */

static struct memory_name *name_find(struct name_table *table, const char *text)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->at[i].text, text) == 0) {
            return &table->at[i];
        }
    }
    return NULL;
}

static void name_add(struct name_table *table, const char *text, struct memory_file *file)
{
    assert(strlen(text) < NAME_BYTES && strchr(text, '/') == NULL);
    table->at = mem_grow(table->at, table->count, &table->capacity, sizeof *table->at);
    struct memory_name *name = &table->at[table->count++];
    memcpy(name->text, text, strlen(text) + 1);
    name->file = file;
    file->names++;
}

static void name_remove(struct memory_disk *self, struct name_table *table, struct memory_name *at)
{
    struct memory_file *file = at->file;

    *at = table->at[--table->count];
    file->names--;
    file_drop(self, file);
}

static void names_copy(
    struct memory_disk *self, struct name_table *to, const struct name_table *from)
{
    struct name_table old = *to;

    *to = (struct name_table){NULL, 0, 0};
    for (size_t i = 0; i < from->count; i++) {
        name_add(to, from->at[i].text, from->at[i].file);
    }
    while (old.count > 0) {
        name_remove(self, &old, &old.at[old.count - 1]);
    }
    free(old.at);
}

/* ---- handles ---- */

static struct memory_handle *handle_find(struct memory_disk *self, int id)
{
    for (size_t i = 0; i < self->handle_count; i++) {
        if (self->handles[i].id == id) {
            return &self->handles[i];
        }
    }
    return NULL;
}

static struct memory_handle *handle_add(struct memory_disk *self, struct memory_file *file)
{
    self->handles =
        mem_grow(self->handles, self->handle_count, &self->handle_capacity, sizeof *self->handles);
    struct memory_handle *handle = &self->handles[self->handle_count++];
    *handle = (struct memory_handle){.id = self->next_id++, .file = file};
    if (file != NULL) {
        file->handles++;
    }
    return handle;
}

/* The file behind an open handle; NULL after a crash. */
static struct memory_file *file_of(void *context, int id)
{
    const struct memory_handle *handle = handle_find(context, id);

    assert(handle != NULL && !handle->lock);
    return handle->dead ? NULL : handle->file;
}

/* ---- the table ---- */

static int memory_open(void *context, const char *name, bool create, int *file_out)
{
    struct memory_disk *self = context;
    const struct memory_name *found = name_find(&self->names, name);

    if (found == NULL && !create) {
        return E_NOT_FOUND;
    }
    struct memory_file *file = found != NULL ? found->file : NULL;
    if (file == NULL) {
        file = mem_new(1, sizeof *file);
        name_add(&self->names, name, file);
    }
    *file_out = handle_add(self, file)->id;
    return 0;
}

static void memory_close(void *context, int id)
{
    struct memory_disk *self = context;
    struct memory_handle *handle = handle_find(self, id);
    struct memory_file *file;

    assert(handle != NULL);
    file = handle->file;
    *handle = self->handles[--self->handle_count];
    if (file != NULL) {
        file->handles--; /* NOLINT(clang-analyzer-unix.Malloc): handles and names are counted */
        file_drop(self, file);
    }
}

static int memory_write_at(void *context, int id, struct slice bytes, uint64_t offset)
{
    struct memory_disk *self = context;
    struct memory_file *file = file_of(self, id);

    if (file == NULL) {
        return E_IO;
    }
    undo_note(file, offset, bytes.len);
    file_put(file, bytes, offset);
    self->last_file = file;
    self->last_offset = offset;
    self->last_len = bytes.len;
    return 0;
}

static int memory_read_at(
    void *context, int id, void *out, size_t len, uint64_t offset, size_t *got)
{
    const struct memory_file *file = file_of(context, id);

    if (file == NULL) {
        return E_IO;
    }
    size_t there = offset >= file->bytes.len ? 0 : file->bytes.len - (size_t)offset;
    *got = len < there ? len : there;
    if (*got > 0) {
        memcpy(out, file->bytes.data + offset, *got);
    }
    return 0;
}

static int memory_sync_data(void *context, int id)
{
    struct memory_disk *self = context;
    struct memory_file *file = file_of(self, id);

    if (file == NULL) {
        return E_IO;
    }
    undo_forget(file);
    if (self->last_file == file) {
        self->last_file = NULL;
    }
    return 0;
}

static int memory_truncate(void *context, int id, uint64_t len)
{
    struct memory_file *file = file_of(context, id);

    if (file == NULL) {
        return E_IO;
    }
    undo_note(file, len, file->bytes.len > len ? file->bytes.len - (size_t)len : 0);
    file_resize(file, len);
    return 0;
}

static int memory_size(void *context, int id, uint64_t *out)
{
    const struct memory_file *file = file_of(context, id);

    if (file == NULL) {
        return E_IO;
    }
    *out = file->bytes.len;
    return 0;
}

static int memory_sync_dir(void *context)
{
    struct memory_disk *self = context;

    names_copy(self, &self->durable, &self->names);
    return 0;
}

static int memory_rename(void *context, const char *from, const char *to)
{
    struct memory_disk *self = context;
    struct memory_name *source = name_find(&self->names, from);
    struct memory_name *target = name_find(&self->names, to);

    if (source == NULL) {
        return E_NOT_FOUND;
    }
    struct memory_file *file = source->file;
    if (target != NULL && target->file == file) {
        return 0;
    }
    if (target != NULL) {
        name_remove(self, &self->names, target);
    }
    name_add(&self->names, to, file);
    name_remove(self, &self->names, name_find(&self->names, from));
    return memory_sync_dir(self);
}

static int memory_remove(void *context, const char *name)
{
    struct memory_disk *self = context;
    struct memory_name *found = name_find(&self->names, name);

    if (found == NULL) {
        return E_NOT_FOUND;
    }
    name_remove(self, &self->names, found);
    return memory_sync_dir(self);
}

static int memory_list(void *context, void (*each)(void *arg, const char *name), void *arg)
{
    const struct memory_disk *self = context;

    for (size_t i = 0; i < self->names.count; i++) {
        each(arg, self->names.at[i].text);
    }
    return 0;
}

static int memory_free_bytes(void *context, uint64_t *out)
{
    (void)context;
    *out = FREE_BYTES;
    return 0;
}

static int memory_lock(void *context, const char *name, int *file_out)
{
    struct memory_disk *self = context;

    for (size_t i = 0; i < self->handle_count; i++) {
        const struct memory_handle *held = &self->handles[i];
        if (held->lock && !held->dead && strcmp(held->name, name) == 0) {
            return E_LOCKED;
        }
    }
    assert(strlen(name) < NAME_BYTES);
    struct memory_handle *handle = handle_add(self, NULL);
    handle->lock = true;
    memcpy(handle->name, name, strlen(name) + 1);
    *file_out = handle->id;
    return 0;
}

void disk_memory_open(struct disk *out)
{
    struct memory_disk *self = mem_new(1, sizeof *self);

    *out = (struct disk){
        .context = self,
        .open = memory_open,
        .close = memory_close,
        .write_at = memory_write_at,
        .read_at = memory_read_at,
        .sync_data = memory_sync_data,
        .truncate = memory_truncate,
        .size = memory_size,
        .rename = memory_rename,
        .remove = memory_remove,
        .sync_dir = memory_sync_dir,
        .list = memory_list,
        .free_bytes = memory_free_bytes,
        .lock = memory_lock,
    };
}

void disk_memory_crash(struct disk *self, size_t torn)
{
    struct memory_disk *disk = self->context;
    struct memory_file *file = disk->last_file;
    struct buf last = {0};

    if (file != NULL && disk->last_offset < file->bytes.len) {
        size_t there = file->bytes.len - (size_t)disk->last_offset;
        size_t len = disk->last_len < there ? disk->last_len : there;
        buf_put(&last, file->bytes.data + disk->last_offset, len < torn ? len : torn);
    }
    for (size_t i = 0; i < disk->handle_count; i++) {
        disk->handles[i].dead = true;
    }
    names_copy(disk, &disk->names, &disk->durable);
    for (size_t i = 0; i < disk->names.count; i++) {
        file_undo_all(disk->names.at[i].file);
    }
    if (last.len > 0 && disk->last_file != NULL) { /* its name may have gone with the crash */
        file_put(disk->last_file, buf_slice(&last), disk->last_offset);
    }
    disk->last_file = NULL;
    buf_free(&last);
}

void disk_memory_close(struct disk *self)
{
    struct memory_disk *disk = self->context;

    if (disk == NULL) {
        return;
    }
    while (disk->handle_count > 0) {
        memory_close(disk, disk->handles[0].id);
    }
    while (disk->names.count > 0) {
        name_remove(disk, &disk->names, &disk->names.at[disk->names.count - 1]);
    }
    while (disk->durable.count > 0) {
        name_remove(disk, &disk->durable, &disk->durable.at[disk->durable.count - 1]);
    }
    free(disk->names.at);
    free(disk->durable.at);
    free(disk->handles);
    free(disk);
    *self = (struct disk){0};
}
