/* journal_fixture: see journal_fixture.h. Everything that should not fail is asserted. */
#include "tests/support/journal_fixture.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

enum { BODY_BYTES = 40, FILE_BITS = 64 };

/* ---- a disk that fails ---- */

/* Count one change; 0 to let it happen. */
static int change(struct faulty_disk *self)
{
    self->calls++;
    if (self->fail_at != 0 &&
        (self->calls == self->fail_at || (self->fail_for_ever && self->calls > self->fail_at))) {
        return self->fail_rc;
    }
    return 0;
}

/* What an open or a lock answered; each is closed in the end. */
static int opened(struct faulty_disk *self, int rc)
{
    self->files += rc == 0 ? 1 : 0;
    self->files_max = self->files > self->files_max ? self->files : self->files_max;
    return rc;
}

static int faulty_open(void *context, const char *name, bool create, int *file_out)
{
    struct faulty_disk *self = context;
    int rc = create ? change(self) : 0;

    rc = rc != 0 ? rc : opened(self, self->inner.open(self->inner.context, name, create, file_out));
    if (rc == 0 && *file_out < FILE_BITS) {
        uint64_t bit = UINT64_C(1) << *file_out;
        bool first = strcmp(name, "segment-0000000001.wpj") == 0;
        self->first_segment = first ? self->first_segment | bit : self->first_segment & ~bit;
    }
    return rc;
}

static void faulty_close(void *context, int file)
{
    struct faulty_disk *self = context;

    self->files--;
    self->inner.close(self->inner.context, file);
}

static int faulty_write_at(void *context, int file, struct slice bytes, uint64_t offset)
{
    struct faulty_disk *self = context;
    int rc = change(self);

    self->unsynced += bytes.len;
    self->unsynced_max = self->unsynced > self->unsynced_max ? self->unsynced : self->unsynced_max;
    return rc != 0 ? rc : self->inner.write_at(self->inner.context, file, bytes, offset);
}

static int faulty_read_at(
    void *context, int file, void *out, size_t len, uint64_t offset, size_t *got)
{
    struct faulty_disk *self = context;

    if (file < FILE_BITS && (self->first_segment >> file & 1) != 0 && offset < self->bad_upto &&
        offset + len > self->bad_from) {
        return E_IO;
    }
    int rc = self->inner.read_at(self->inner.context, file, out, len, offset, got);
    self->bytes_read += rc == 0 ? *got : 0;
    return rc;
}

static int faulty_sync_data(void *context, int file)
{
    struct faulty_disk *self = context;
    int rc = change(self);

    self->syncs += rc == 0 ? 1 : 0;
    self->unsynced = 0;
    return rc != 0 ? rc : self->inner.sync_data(self->inner.context, file);
}

static int faulty_truncate(void *context, int file, uint64_t len)
{
    struct faulty_disk *self = context;
    int rc = change(self);

    return rc != 0 ? rc : self->inner.truncate(self->inner.context, file, len);
}

static int faulty_size(void *context, int file, uint64_t *out)
{
    struct faulty_disk *self = context;

    return self->inner.size(self->inner.context, file, out);
}

static int faulty_rename(void *context, const char *from, const char *to)
{
    struct faulty_disk *self = context;
    int rc = change(self);

    return rc != 0 ? rc : self->inner.rename(self->inner.context, from, to);
}

static int faulty_remove(void *context, const char *name)
{
    struct faulty_disk *self = context;
    int rc = change(self);

    return rc != 0 ? rc : self->inner.remove(self->inner.context, name);
}

static int faulty_sync_dir(void *context)
{
    struct faulty_disk *self = context;
    int rc = change(self);

    return rc != 0 ? rc : self->inner.sync_dir(self->inner.context);
}

static int faulty_list(void *context, void (*each)(void *arg, const char *name), void *arg)
{
    struct faulty_disk *self = context;

    return self->inner.list(self->inner.context, each, arg);
}

static int faulty_free_bytes(void *context, uint64_t *out)
{
    struct faulty_disk *self = context;

    return self->inner.free_bytes(self->inner.context, out);
}

static int faulty_lock(void *context, const char *name, int *file_out)
{
    struct faulty_disk *self = context;

    return opened(self, self->inner.lock(self->inner.context, name, file_out));
}

void faulty_disk_init(struct faulty_disk *self, const struct disk *inner, struct disk *out)
{
    *self = (struct faulty_disk){.inner = *inner, .fail_rc = E_IO};
    *out = (struct disk){
        .context = self,
        .open = faulty_open,
        .close = faulty_close,
        .write_at = faulty_write_at,
        .read_at = faulty_read_at,
        .sync_data = faulty_sync_data,
        .truncate = faulty_truncate,
        .size = faulty_size,
        .rename = faulty_rename,
        .remove = faulty_remove,
        .sync_dir = faulty_sync_dir,
        .list = faulty_list,
        .free_bytes = faulty_free_bytes,
        .lock = faulty_lock,
    };
}

/* ---- a world ---- */

static int64_t fixture_wall_ms(void *context)
{
    const struct journal_fixture *self = context;

    return self->wall_ms;
}

static int64_t fixture_mono_ms(void *context)
{
    const struct journal_fixture *self = context;

    return self->mono_ms;
}

static void fixture_random(void *context, void *out, size_t len)
{
    struct journal_fixture *self = context;
    uint8_t *bytes = out;

    for (size_t i = 0; i < len; i++) {
        self->random_state =
            self->random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = (uint8_t)(self->random_state >> 56);
    }
}

/* ---- the fixture ---- */

void journal_fixture_init(struct journal_fixture *self)
{
    uint8_t seed[32] = {7};

    crypto_start();
    *self = (struct journal_fixture){.wall_ms = INT64_C(1773655500000), .random_state = 1};
    (void)crypto_sign_seed_keypair(self->head_public, self->head_secret, seed);
    disk_memory_open(&self->memory);
    faulty_disk_init(&self->faults, &self->memory, &self->disk);
    self->world = (struct world){fixture_wall_ms, fixture_mono_ms, fixture_random, self};
    self->options = (struct journal_options){
        .network = "test",
        .head_public = self->head_public,
        .head_secret = self->head_secret,
        .world = &self->world,
        .segment_bytes = 1048576,
    };
}

void journal_fixture_free(struct journal_fixture *self)
{
    journal_fixture_close(self);
    disk_memory_close(&self->memory);
}

int journal_fixture_open(struct journal_fixture *self)
{
    assert(self->journal == NULL);
    return journal_open(&self->disk, &self->options, &self->journal, &self->recovery, &self->why);
}

void journal_fixture_close(struct journal_fixture *self)
{
    journal_destroy(&self->journal);
}

void journal_fixture_crash(struct journal_fixture *self, size_t torn)
{
    disk_memory_crash(&self->memory, torn);
    journal_fixture_close(self);
    self->faults.fail_at = 0;
}

void journal_fixture_body(uint64_t sequence, size_t body_bytes, struct buf *out)
{
    if (body_bytes == 0) {
        return; /* an empty buf has no memory to point into */
    }
    buf_reserve(out, body_bytes);
    uint8_t *at = out->data + out->len;
    for (size_t i = 0; i < body_bytes; i++) {
        at[i] = (uint8_t)(sequence * 31 + i * 7 + 1);
    }
    out->len += body_bytes;
}

uint64_t journal_fixture_append(struct journal_fixture *self, size_t body_bytes)
{
    struct buf body = {0};
    uint64_t position;

    journal_fixture_body(journal_size(self->journal), body_bytes, &body);
    struct record record = {.type = RECORD_DERIVED, .body = buf_slice(&body)};
    (void)journal_append(self->journal, &record, &position);
    buf_free(&body);
    return position;
}

int journal_fixture_commit(struct journal_fixture *self)
{
    journal_commit_t *commit = journal_cut(self->journal);

    assert(commit != NULL);
    int rc = journal_write(self->journal, commit);
    journal_settle(self->journal, &commit);
    return rc;
}

int journal_fixture_add(struct journal_fixture *self, unsigned records)
{
    for (unsigned i = 0; i < records; i++) {
        (void)journal_fixture_append(self, BODY_BYTES);
    }
    return journal_fixture_commit(self);
}

void journal_fixture_batch(const char *network, uint32_t count, size_t event_bytes, struct buf *out)
{
    enum { TAG_AGENT = 0x12, TAG_ROOT = 0x3a, AGENT_BYTES = 5 };
    struct merkle_frontier frontier = {.size = 0};
    struct buf events = {0};
    struct buf statement = {0};
    uint8_t signature[SIGNATURE_BYTES] = {1};

    for (uint32_t i = 0; i < count; i++) {
        struct buf event = {0};
        journal_fixture_body(i, event_bytes, &event);
        struct hash leaf = hash_event_leaf(network, buf_slice(&event));
        frontier_add(&frontier, &leaf);
        buf_put_u32(&events, (uint32_t)event.len);
        buf_put_slice(&events, buf_slice(&event));
        buf_free(&event);
    }
    struct hash root = frontier_root(&frontier);
    buf_put_u8(&statement, TAG_AGENT);
    buf_put_u8(&statement, AGENT_BYTES);
    buf_put(&statement, "agent", AGENT_BYTES);
    buf_put_u8(&statement, TAG_ROOT);
    buf_put_u8(&statement, HASH_BYTES);
    buf_put(&statement, root.b, HASH_BYTES);
    buf_put_u64(out, 0);
    buf_put_u16(out, AGENT_BYTES);
    buf_put(out, "agent", AGENT_BYTES);
    buf_put_u32(out, (uint32_t)statement.len);
    buf_put_slice(out, buf_slice(&statement));
    buf_put(out, signature, sizeof signature);
    buf_put_u32(out, count);
    buf_put_slice(out, buf_slice(&events));
    buf_free(&events);
    buf_free(&statement);
}

/* ---- files ---- */

static void read_file(const struct disk *disk, const char *name, struct buf *out)
{
    uint64_t size;
    size_t got;
    int file;

    int rc = disk->open(disk->context, name, false, &file);
    assert(rc == 0);
    rc = disk->size(disk->context, file, &size);
    assert(rc == 0);
    buf_reserve(out, (size_t)size + 1);
    rc = disk->read_at(disk->context, file, out->data, (size_t)size, 0, &got);
    assert(rc == 0 && got == size);
    out->len = got;
    disk->close(disk->context, file);
}

static void write_file(
    const struct disk *disk, const char *name, struct slice bytes, uint64_t offset)
{
    int file;

    int rc = disk->open(disk->context, name, true, &file);
    assert(rc == 0);
    rc = disk->write_at(disk->context, file, bytes, offset);
    assert(rc == 0);
    rc = disk->sync_data(disk->context, file);
    assert(rc == 0);
    disk->close(disk->context, file);
    rc = disk->sync_dir(disk->context);
    assert(rc == 0);
}

struct copying {
    const struct disk *from;
    struct disk *to;
};

static void copy_file(void *arg, const char *name)
{
    const struct copying *copying = arg;
    struct buf bytes = {0};

    read_file(copying->from, name, &bytes);
    if (strncmp(name, "segment-", 8) == 0) {
        while (bytes.len > 0 && bytes.data[bytes.len - 1] == 0) {
            bytes.len--;
        }
        bytes.len = (bytes.len + 7) & ~(size_t)7; /* a record may end in zeros */
    }
    write_file(copying->to, name, buf_slice(&bytes), 0);
    buf_free(&bytes);
}

void journal_fixture_copy_disk(const struct disk *from, struct disk *to)
{
    struct copying copying = {from, to};

    int rc = from->list(from->context, copy_file, &copying);
    assert(rc == 0);
}

void journal_fixture_compact(struct journal_fixture *self)
{
    struct disk old = self->memory;

    assert(self->journal == NULL);
    disk_memory_open(&self->memory);
    journal_fixture_copy_disk(&old, &self->memory);
    disk_memory_close(&old);
    faulty_disk_init(&self->faults, &self->memory, &self->disk);
}

uint64_t journal_fixture_used(const struct disk *disk, const char *name)
{
    struct buf bytes = {0};

    read_file(disk, name, &bytes);
    while (bytes.len > 0 && bytes.data[bytes.len - 1] == 0) {
        bytes.len--;
    }
    uint64_t used = bytes.len;
    buf_free(&bytes);
    return used;
}

void journal_fixture_flip(const struct disk *disk, const char *name, uint64_t offset, unsigned bit)
{
    uint8_t byte = 0;
    size_t got = 0;
    int file;

    int rc = disk->open(disk->context, name, false, &file);
    assert(rc == 0);
    rc = disk->read_at(disk->context, file, &byte, 1, offset, &got);
    assert(rc == 0);
    disk->close(disk->context, file);
    byte ^= (uint8_t)(1U << bit);
    write_file(disk, name, slice_of(&byte, 1), offset);
}

void journal_fixture_truncate(const struct disk *disk, const char *name, uint64_t len)
{
    int file;

    int rc = disk->open(disk->context, name, false, &file);
    assert(rc == 0);
    rc = disk->truncate(disk->context, file, len);
    assert(rc == 0);
    rc = disk->sync_data(disk->context, file);
    assert(rc == 0);
    disk->close(disk->context, file);
}

void journal_fixture_zero(const struct disk *disk, const char *name, uint64_t from, uint64_t to)
{
    uint8_t *zeros = mem_new((size_t)(to - from), 1);

    write_file(disk, name, slice_of(zeros, (size_t)(to - from)), from);
    free(zeros);
}
