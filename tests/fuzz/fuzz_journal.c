/*
 * fuzz_journal: a damaged journal is verified, opened, read and written to. An input is a list of edits to the files of a
 * small journal that is always the same; an edit of a record sets its checksum right, so that what stands behind it is
 * reached. Each edit: u8 what, u8 file, u16 offset, u8 length, bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/journal/journal.h"
#include "tests/fuzz/support.h"
#include "tests/support/journal_fixture.h"

#include "common/base/banned.h"

enum edit {
    EDIT_WRITE,    /* bytes at offset */
    EDIT_FLIP,     /* xor with bytes at offset */
    EDIT_ZERO,     /* length bytes at offset */
    EDIT_TRUNCATE, /* to offset */
    EDIT_RECORD,   /* bytes over the body of record number `offset >> 8`, at `offset & 255` */
    EDIT_HEADER,   /* the same record's sequence, type and flags from three bytes */
    EDIT_COUNT
};

enum { FILES_MAX = 8, NAME_BYTES = 64, EDITS_MAX = 8, SEGMENT_HEADER = 4096 };

struct files {
    size_t count;
    char names[FILES_MAX][NAME_BYTES];
};

static void note_name(void *arg, const char *name)
{
    struct files *files = arg;

    assert(files->count < FILES_MAX && strlen(name) < NAME_BYTES);
    memcpy(files->names[files->count++], name, strlen(name) + 1);
}

/* A batch, records of one commit and of several, a snapshot; closed. */
static struct journal_fixture *template_of(void)
{
    static struct journal_fixture fixture;
    static bool made;
    struct buf batch = {0};

    if (!made) {
        journal_fixture_init(&fixture);
        assert(journal_fixture_open(&fixture) == 0);
        journal_fixture_batch("test", 3, 40, &batch);
        struct record record = {
            .type = RECORD_BATCH, .body = buf_slice(&batch), .payload = slice_of_text("sealed")};
        (void)journal_append(fixture.journal, &record, NULL);
        assert(journal_fixture_commit(&fixture) == 0);
        assert(journal_fixture_add(&fixture, 3) == 0 && journal_fixture_add(&fixture, 1) == 0);
        assert(journal_snapshot_write(fixture.journal, SNAPSHOT_TRANSPORT,
                   journal_size(fixture.journal), journal_end(fixture.journal),
                   slice_of_text("state")) == 0);
        assert(journal_rest(fixture.journal) == 0);
        journal_fixture_close(&fixture);
        journal_fixture_compact(&fixture);
        buf_free(&batch);
        made = true;
    }
    return &fixture;
}

/* ---- edits ---- */

static void read_whole(const struct disk *disk, int file, struct buf *out)
{
    uint64_t size;
    size_t got;

    assert(disk->size(disk->context, file, &size) == 0);
    buf_reserve(out, (size_t)size + 1);
    assert(disk->read_at(disk->context, file, out->data, (size_t)size, 0, &got) == 0);
    out->len = got;
}

static void edit_bytes(
    const struct disk *disk, int file, enum edit edit, uint16_t offset, struct slice with)
{
    uint8_t bytes[UINT8_MAX + 1] = {0};
    size_t got = 0;

    if (edit != EDIT_ZERO) {
        memcpy(bytes, with.data, with.len);
    }
    if (edit == EDIT_FLIP) {
        uint8_t old[UINT8_MAX + 1];
        (void)disk->read_at(disk->context, file, old, with.len, offset, &got);
        for (size_t i = 0; i < got; i++) {
            bytes[i] ^= old[i];
        }
    }
    (void)disk->write_at(disk->context, file, slice_of(bytes, with.len), offset);
}

/* Rewrite one record in place, its checksum right. */
static void edit_record(
    const struct disk *disk, int file, enum edit edit, uint16_t where, struct slice with)
{
    struct buf bytes = {0};
    struct buf body = {0};
    struct buf made = {0};
    struct record record;
    size_t length = 0;
    size_t at = SEGMENT_HEADER;

    read_whole(disk, file, &bytes);
    for (size_t skip = where >> 8; at < bytes.len; skip--, at += length) {
        if (record_decode(slice_of(bytes.data + at, bytes.len - at), &record, &length) != 0) {
            break;
        }
        if (skip > 0) {
            continue;
        }
        buf_put_slice(&body, record.body);
        for (size_t i = 0; edit == EDIT_RECORD && i < with.len && (where & 255) + i < body.len;
             i++) {
            body.data[(where & 255) + i] = with.data[i];
        }
        if (edit == EDIT_HEADER && with.len >= 3) {
            record.sequence = with.data[0];
            record.type = with.data[1];
            record.flags = with.data[2];
        }
        record.body = buf_slice(&body);
        record_encode(&record, &made);
        assert(made.len == length || edit == EDIT_HEADER);
        (void)disk->write_at(disk->context, file, buf_slice(&made), at);
        break;
    }
    buf_free(&bytes);
    buf_free(&body);
    buf_free(&made);
}

static void edit_one(const struct disk *disk, const struct files *files, struct fuzz_input *in)
{
    enum edit edit = (enum edit)(fuzz_u8(in) % EDIT_COUNT);
    const char *name = files->names[fuzz_u8(in) % files->count];
    uint16_t offset = fuzz_u16(in);
    struct slice bytes = fuzz_bytes(in, fuzz_u8(in));
    int file;

    if (disk->open(disk->context, name, false, &file) != 0) {
        return;
    }
    if (edit == EDIT_TRUNCATE) {
        (void)disk->truncate(disk->context, file, offset);
    } else if (edit == EDIT_RECORD || edit == EDIT_HEADER) {
        edit_record(disk, file, edit, offset, bytes);
    } else if (bytes.len > 0) {
        edit_bytes(disk, file, edit, offset, bytes);
    }
    (void)disk->sync_data(disk->context, file);
    disk->close(disk->context, file);
}

/* ---- use ---- */

struct seen {
    uint64_t next;
    uint64_t size;
};

static int visit(void *context, const struct record *record, uint64_t position)
{
    struct seen *seen = context;

    assert(position != 0 && record->type != RECORD_COMMIT);
    assert(record->sequence >= seen->next && record->sequence < seen->size);
    seen->next = record->sequence + 1;
    return 0;
}

static void use(journal_t *journal)
{
    struct buf bytes = {0};
    struct merkle_path path;
    struct hash root;
    uint64_t size = journal_head(journal)->size;
    struct seen seen = {0, size};
    uint64_t position;
    const struct record record = {.type = RECORD_DERIVED, .body = slice_of_text("more")};

    (void)journal_replay(journal, 0, 0, visit, &seen);
    (void)journal_snapshot_read(journal, SNAPSHOT_TRANSPORT, &bytes, &size, &position);
    (void)journal_root_at(journal, size, &root);
    (void)journal_path(journal, 0, size, &path);
    (void)journal_append(journal, &record, NULL);
    journal_commit_t *commit = journal_cut(journal);
    assert(journal_write(journal, commit) == 0);
    journal_settle(journal, &commit);
    buf_free(&bytes);
}

int fuzz_journal(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {slice_of(data, size)};
    struct complaint why = {0};
    struct disk disk;
    struct files files = {0};
    struct fuzz_world world;
    struct journal_check report;
    struct journal_recovery recovery;
    journal_t *journal = NULL;

    fuzz_start();
    struct journal_fixture *template = template_of();
    disk_memory_open(&disk);
    journal_fixture_copy_disk(&template->memory, &disk);
    assert(disk.list(disk.context, note_name, &files) == 0);
    for (int i = 0; i < EDITS_MAX && in.rest.len > 0; i++) {
        edit_one(&disk, &files, &in);
    }
    int rc = journal_verify(
        &disk, (size & 1) != 0 ? template->head_public : NULL, &report, NULL, NULL, NULL, &why);
    fuzz_answer(rc, &why);
    struct journal_options options = template->options;
    fuzz_world_init(&world, 3);
    options.world = &world.world;
    why = (struct complaint){0};
    rc = journal_open(&disk, &options, &journal, &recovery, &why);
    fuzz_answer(rc, &why);
    if (rc == 0) {
        use(journal);
        journal_destroy(&journal);
    }
    disk_memory_close(&disk);
    return 0;
}
