/*
 * fold_state: the procedure engine as a snapshot of its own, beside that of the transport, so that a start need not
 * fold the journal from its first record. Both ways go in slices: frames are served between them.
 *
 *   u32 "WPF1", engine's version (32 bytes of text), root of the journal over the leaves that it stands for (32), hash
 *   of the procedures in force (32), u64 position of their record, u64 the engine's time, then engine_encode()
 *
 * A snapshot of another version, other tables, another history, or damaged, is passed over with a line in the log: the
 * fold begins with an older one or at the first record, which takes longer and gives the same.
 *
 * While one is encoded nothing is folded (fold_ready): batches wait to be judged, acknowledgements to take effect,
 * receipts do not wait. The engine runs ahead of the disk, so what was encoded is handed out when it is durable.
 */
#include "broker/core/core_internal.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

#define STATE_MAGIC UINT32_C(0x31465057)

enum { VERSION_BYTES = 32, ROOT_AT = 4 + VERSION_BYTES };

void fold_state_free(core_t *self)
{
    struct fold *fold = &self->fold;

    engine_saving_destroy(&fold->saving);
    engine_loading_destroy(&fold->loading);
    procedures_destroy(&fold->loading_tables);
    journal_snapshot_close(&fold->snapshot);
    buf_free(&fold->saved);
}

/* ---- writing ---- */

static void save_begin(core_t *self)
{
    struct fold *fold = &self->fold;
    static const uint8_t root_to_come[HASH_BYTES];

    assert(fold->item_first == fold->item_count); /* what the engine said is in the journal */
    buf_free(&fold->saved);
    fold->saved.backing = self->options.backing;
    fold->saving = engine_saving_new(fold->engine);
    buf_reserve(&fold->saved, engine_saving_bytes(fold->saving));
    buf_put_u32(&fold->saved, STATE_MAGIC);
    buf_put(&fold->saved, engine_version(), VERSION_BYTES);
    buf_put(&fold->saved, root_to_come, HASH_BYTES);
    buf_put(&fold->saved, fold->files.b, HASH_BYTES);
    buf_put_u64(&fold->saved, fold->input_position);
    buf_put_u64(&fold->saved, (uint64_t)fold->time_ms);
    fold->saved_leaves = journal_size(self->journal);
    fold->saved_position = journal_end(self->journal);
    fold->unsaved_bytes = 0;
}

void fold_save_step(core_t *self)
{
    struct fold *fold = &self->fold;

    if (engine_saving_step(fold->saving, FOLD_SAVE_ITEMS, &fold->saved)) {
        engine_saving_destroy(&fold->saving);
        fold->last_saved_bytes = fold->saved.len;
    }
}

/* A bigger state is written more seldom, so that it costs the same share of the work. */
static bool is_due(const struct fold *fold, uint64_t growth_bytes, unsigned times)
{
    uint64_t seldom = times * fold->last_saved_bytes;

    return fold->saved.len == 0 && fold->unsaved_bytes > 0 &&
        fold->unsaved_bytes >= (growth_bytes > seldom ? growth_bytes : seldom);
}

void fold_save_tick(core_t *self)
{
    uint64_t growth_bytes = FOLD_SAVE_SHARE * self->options.snapshot_bytes;

    if (fold_on(self) && fold_ready(self) && is_due(&self->fold, growth_bytes, FOLD_SAVE_GROWTH)) {
        save_begin(self);
    }
}

/* The last one is taken whole, if it saves the next start some work. */
static void save_last(core_t *self)
{
    struct fold *fold = &self->fold;

    if (fold_on(self) && fold_ready(self) &&
        is_due(fold, self->options.snapshot_bytes / FOLD_SAVE_LAST_SHARE, FOLD_SAVE_LAST_GROWTH)) {
        save_begin(self);
    }
    while (fold->saving != NULL) {
        fold_save_step(self);
    }
}

bool core_procedures_snapshot_due(
    core_t *self, bool last, struct buf *state, uint64_t *size, uint64_t *next_position)
{
    struct fold *fold = &self->fold;
    struct hash root;

    if (last) {
        save_last(self);
    }
    if (fold->saving != NULL || fold->saved.len == 0 ||
        fold->saved_leaves > journal_head(self->journal)->size) {
        return false;
    }
    int rc = journal_root_at(self->journal, fold->saved_leaves, &root);
    if (rc == 0) {
        memcpy(fold->saved.data + ROOT_AT, root.b, HASH_BYTES);
        buf_free(state);
        *state = fold->saved; /* tens of megabytes: not copied */
        fold->saved = (struct buf){0};
        *size = fold->saved_leaves;
        *next_position = fold->saved_position;
        core_count(self, COUNTER_SNAPSHOTS_PROCEDURES);
    } else {
        log_warnx("procedures snapshot is given up: the root at leaf %llu cannot be read: %s",
            (unsigned long long)fold->saved_leaves, err_text(rc));
    }
    buf_free(&fold->saved);
    return rc == 0;
}

/* ---- reading ---- */

static void load_close(struct fold *fold)
{
    engine_loading_destroy(&fold->loading);
    procedures_destroy(&fold->loading_tables);
    journal_snapshot_close(&fold->snapshot);
}

static void load_open_below(core_t *self, uint64_t below)
{
    struct fold *fold = &self->fold;

    load_close(fold);
    if (journal_snapshot_open(self->journal, SNAPSHOT_PROCEDURES, below, self->options.backing,
            &fold->snapshot) != 0) {
        fold->snapshot = NULL;
    }
}

void fold_load_open(core_t *self)
{
    load_open_below(self, UINT64_MAX);
}

/* The record that brought the tables into force. */
static int tables_load(
    core_t *self, uint64_t position, const uint8_t *files_hash, struct complaint *why)
{
    struct record record;

    int rc = journal_read(self->journal, position, &self->scratch, &record);
    struct cursor body = cursor_of(record.body);
    if (rc != 0 || record.type != RECORD_INPUT || take_u32(&body) != INPUT_PROCEDURES) {
        return complain(why, E_NOT_FOUND, "The record with its procedures cannot be read.");
    }
    (void)take_u64(&body);
    struct hash hash = inputs_hash(body.rest);
    if (body.failed || body.rest.len == 0 || memcmp(hash.b, files_hash, HASH_BYTES) != 0) {
        return complain(why, E_CONFLICT, "It was made under other procedures.");
    }
    return inputs_load(self, body.rest, &self->fold.loading_tables, why);
}

struct head {
    struct slice version, root, files;
    uint64_t input_position;
    int64_t time_ms;
};

static bool head_take(struct cursor *in, struct head *out)
{
    bool ours = take_u32(in) == STATE_MAGIC;

    out->version = take_bytes(in, VERSION_BYTES);
    out->root = take_bytes(in, HASH_BYTES);
    out->files = take_bytes(in, HASH_BYTES);
    out->input_position = take_u64(in);
    out->time_ms = (int64_t)take_u64(in);
    return ours && !in->failed;
}

/* All bytes are here: do they fit this program and this journal? */
static int load_begin(core_t *self, struct complaint *why)
{
    struct fold *fold = &self->fold;
    struct cursor in = cursor_of(journal_snapshot_state(fold->snapshot));
    struct hash root;
    struct head head;

    if (!head_take(&in, &head)) {
        return complain(why, E_CORRUPT, "Its head cannot be read.");
    }
    if (memcmp(head.version.data, engine_version(), VERSION_BYTES) != 0) {
        return complain(why, E_VERSION, "It was made by another version of the engine.");
    }
    int rc = journal_root_at(self->journal, journal_snapshot_size(fold->snapshot), &root);
    if (rc != 0 || memcmp(root.b, head.root.data, HASH_BYTES) != 0) {
        return complain(why, E_CONFLICT, "It is of another history of the journal.");
    }
    rc = tables_load(self, head.input_position, head.files.data, why);
    if (rc == 0) {
        fold->loading = fold_loading_new(self, fold->loading_tables, in.rest);
    }
    return rc;
}

/* The engine stands as it did there; what follows in the journal is folded. */
static void load_end(core_t *self, engine_t *engine)
{
    struct fold *fold = &self->fold;
    struct cursor in = cursor_of(journal_snapshot_state(fold->snapshot));
    struct head head;

    (void)head_take(&in, &head);
    fold_engine_take(self, engine);
    fold->tables = fold->loading_tables;
    fold->loading_tables = NULL;
    fold->input_position = head.input_position;
    memcpy(fold->files.b, head.files.data, HASH_BYTES);
    fold->has_files = true;
    fold->time_ms = head.time_ms;
    fold->next_leaf = journal_snapshot_size(fold->snapshot);
    fold->next_position = journal_snapshot_next_position(fold->snapshot);
    fold->last_saved_bytes = journal_snapshot_state(fold->snapshot).len;
    fold->unsaved_bytes = 0;
    core_count(self, COUNTER_FOLD_RESUMED);
    log_info("procedures resumed leaves=%llu bytes=%llu", (unsigned long long)fold->next_leaf,
        (unsigned long long)fold->last_saved_bytes);
    load_close(fold);
}

static void load_pass_over(core_t *self, const struct complaint *why)
{
    uint64_t leaves = journal_snapshot_size(self->fold.snapshot);

    log_warnx("procedures snapshot passed over leaves=%llu: %s The journal is folded from further "
              "back.",
        (unsigned long long)leaves, why->text);
    load_open_below(self, leaves);
}

bool fold_load_step(core_t *self)
{
    struct fold *fold = &self->fold;
    struct complaint why = {0};
    engine_t *engine = NULL;
    int rc;

    if (fold->snapshot == NULL) {
        return false;
    }
    if (fold->loading != NULL) {
        rc = engine_loading_step(fold->loading, FOLD_LOAD_ITEMS, &engine, &why);
    } else {
        rc = journal_snapshot_step(fold->snapshot, FOLD_LOAD_BYTES);
        if (rc != 0 && rc != E_BUSY) {
            (void)complain(&why, rc, "%s.", err_text(rc));
        }
        rc = rc == 0 ? load_begin(self, &why) : rc;
    }
    if (engine != NULL) {
        load_end(self, engine);
    } else if (rc != 0 && rc != E_BUSY) {
        load_pass_over(self, &why);
    }
    return true;
}
