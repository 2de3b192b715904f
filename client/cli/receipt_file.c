/*
 * receipt_file: the proof of one accepted event. Source: docs/PROTOCOL.md, B-1 to B-5 and S-9.
 *
 * Bytes from anywhere: every length is checked before it is used; what does not fit is E_MALFORMED.
 */
#include "client/cli/receipt_file.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "common/base/check.h"
#include "common/codec/frame.h"
#include "common/crypto/merkle.h"
#include "common/crypto/sign.h"
#include "common/base/banned.h"

enum { ARENA_BYTES = 4194304, RECORD_TYPE_BATCH = 2 };

/* The messages inside the file; they live in the arena. */
struct parts {
    const Waypost__ReceiptFile *file;
    const Waypost__BatchStatement *batch;
    const Waypost__Head *head;
};

static struct slice slice_from(ProtobufCBinaryData data)
{
    return slice_of(data.data, data.len);
}

bool receipt_file_begins(struct slice bytes)
{
    static const uint8_t magic[] = {0x0d, 'W', 'Y', 'P', 'R'};
    return bytes.len >= sizeof magic && memcmp(bytes.data, magic, sizeof magic) == 0;
}

/* ---- shape ---- */

static bool path_from(size_t count, const ProtobufCBinaryData *steps, struct merkle_path *out)
{
    if (count > MERKLE_PATH_MAX) {
        return false;
    }
    out->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        if (steps[i].len != HASH_BYTES) {
            return false;
        }
        memcpy(out->step[i].b, steps[i].data, HASH_BYTES);
    }
    return true;
}

static bool lengths_good(const Waypost__ReceiptFile *file)
{
    return file->magic == RECEIPT_FILE_MAGIC && strlen(file->network) >= 1 &&
        strlen(file->network) <= NETWORK_NAME_BYTES_MAX &&
        file->sign_key.len == SIGN_PUBLIC_BYTES && file->head_key.len == SIGN_PUBLIC_BYTES &&
        file->receipt->statement_hash.len == HASH_BYTES &&
        file->batch->signature.len == SIGNATURE_BYTES &&
        file->receipt->head->signature.len == SIGNATURE_BYTES && file->receipt->accepted_ms > 0;
}

static int parts_read(arena_t *arena, struct slice bytes, struct parts *out, struct complaint *why)
{
    if (bytes.len > RECEIPT_FILE_BYTES_MAX) {
        return complain(why, E_TOO_LARGE, "a receipt has at most %d bytes", RECEIPT_FILE_BYTES_MAX);
    }
    out->file = message_decode(arena, &waypost__receipt_file__descriptor, bytes);
    if (out->file == NULL || !lengths_good(out->file)) {
        return complain(why, E_MALFORMED,
            "the file is not a whole receipt; ask for it again with waypost receipt");
    }
    out->batch = message_decode(
        arena, &waypost__batch_statement__descriptor, slice_from(out->file->batch->statement));
    out->head = message_decode(
        arena, &waypost__head__descriptor, slice_from(out->file->receipt->head->statement));
    if (out->batch == NULL || out->head == NULL || out->batch->root.len != HASH_BYTES ||
        out->head->root.len != HASH_BYTES || out->batch->key_id.len != KEY_ID_BYTES ||
        strlen(out->batch->agent) > AGENT_ID_BYTES_MAX) {
        return complain(why, E_MALFORMED, "a statement inside the receipt cannot be read");
    }
    return 0;
}

/* ---- steps ---- */

static void step_note(
    struct receipt_proof *self, const char *name, int rc, const char *good, const char *bad)
{
    assert(self->step_count < RECEIPT_STEPS_MAX);
    struct receipt_step *step = &self->step[self->step_count++];
    step->name = name;
    step->rc = rc;
    snprintf(step->text, sizeof step->text, "%s", rc == 0 ? good : bad);
    self->rc = self->rc == 0 ? rc : self->rc;
}

/* 1. The event's leaf leads to the root of the batch. */
static void check_event(struct receipt_proof *self, const struct parts *parts)
{
    char good[200];
    struct merkle_path path;
    struct hash root;
    struct hash leaf = hash_event_leaf(self->network, buf_slice(&self->event_bytes));
    memcpy(root.b, parts->batch->root.data, HASH_BYTES);
    int rc = path_from(parts->file->n_path, parts->file->path, &path) &&
            parts->file->index < parts->batch->count
        ? merkle_check(&leaf, parts->file->index, parts->batch->count, &path, &root)
        : E_CORRUPT;
    snprintf(good, sizeof good,
        "the event, byte for byte, is number %u of the %u that were signed together",
        parts->file->index + 1, parts->batch->count);
    step_note(
        self, "event", rc, good, "the event is not one of those that were signed: it was changed");
}

/* 2. The statement is signed by the key that it names. */
static void check_sender(struct receipt_proof *self, const struct parts *parts)
{
    char good[200];
    uint8_t key_id[KEY_ID_BYTES];
    hash_key_id(self->sign_key, key_id);
    bool named = memcmp(key_id, parts->batch->key_id.data, KEY_ID_BYTES) == 0 &&
        strcmp(parts->batch->network, self->network) == 0;
    int rc = named ? sign_check(SIGN_CONTEXT_BATCH, slice_from(parts->file->batch->statement),
                         slice_from(parts->file->batch->signature), self->sign_key)
                   : E_KEY;
    snprintf(good, sizeof good, "the sender's key below signed them as agent %s", self->agent);
    step_note(self, "sender", rc, good,
        "the sender's signature does not verify with the key in the file");
}

/* 3. The receipt speaks of this very statement. */
static void check_receipt(
    struct receipt_proof *self, const struct parts *parts, struct hash *statement)
{
    *statement = hash_statement(
        slice_from(parts->file->batch->statement), slice_from(parts->file->batch->signature));
    const Waypost__Receipt *receipt = parts->file->receipt;
    bool same = memcmp(statement->b, receipt->statement_hash.data, HASH_BYTES) == 0 &&
        receipt->first_sequence == parts->batch->first_sequence &&
        receipt->count == parts->batch->count;
    int rc = same ? 0 : E_CORRUPT;
    step_note(self, "receipt", rc,
        "the broker's receipt is for exactly that statement and signature",
        "the receipt is for another statement");
}

/* Leaf of the batch's record: S-9. */
static struct hash record_leaf_of(const struct receipt_proof *self, const struct hash *statement)
{
    static const char prefix[] = "\0waypost/record/1";
    struct buf bytes = {0};
    struct hash leaf;
    buf_put(&bytes, prefix, sizeof prefix);
    buf_put(&bytes, self->network, strlen(self->network) + 1);
    buf_put_u8(&bytes, RECORD_TYPE_BATCH);
    buf_put_u64(&bytes, self->leaf_index);
    buf_put_u64(&bytes, (uint64_t)self->accepted_ms);
    buf_put(&bytes, statement->b, HASH_BYTES);
    crypto_generichash(leaf.b, sizeof leaf.b, bytes.data, bytes.len, NULL, 0);
    buf_free(&bytes);
    return leaf;
}

/* 4. The record's leaf leads to the head's root. */
static void check_journal(
    struct receipt_proof *self, const struct parts *parts, const struct hash *statement)
{
    char good[200];
    struct merkle_path path;
    struct hash root;
    struct hash leaf = record_leaf_of(self, statement);
    memcpy(root.b, parts->head->root.data, HASH_BYTES);
    int rc = path_from(parts->file->receipt->n_path, parts->file->receipt->path, &path) &&
            self->leaf_index < self->head_size && strcmp(parts->head->network, self->network) == 0
        ? merkle_check(&leaf, self->leaf_index, self->head_size, &path, &root)
        : E_CORRUPT;
    snprintf(good, sizeof good,
        "with the time of acceptance it is entry %llu of a journal of %llu entries",
        (unsigned long long)self->leaf_index, (unsigned long long)self->head_size);
    step_note(self, "journal", rc, good, "the receipt's path does not lead to the journal's head");
}

/* 5. The head is signed by the broker. */
static void check_broker(struct receipt_proof *self, const struct parts *parts)
{
    int rc = sign_check(SIGN_CONTEXT_HEAD, slice_from(parts->file->receipt->head->statement),
        slice_from(parts->file->receipt->head->signature), self->head_key);
    step_note(self, "broker", rc, "the broker's head key below signed that journal's head",
        "the broker's signature does not verify with the key in the file");
}

static void proof_fill(struct receipt_proof *out, const struct parts *parts)
{
    snprintf(out->network, sizeof out->network, "%s", parts->file->network);
    snprintf(out->agent, sizeof out->agent, "%s", parts->batch->agent);
    memcpy(out->sign_key, parts->file->sign_key.data, sizeof out->sign_key);
    memcpy(out->head_key, parts->file->head_key.data, sizeof out->head_key);
    out->accepted_ms = parts->file->receipt->accepted_ms;
    out->leaf_index = parts->file->receipt->leaf_index;
    out->head_size = parts->head->size;
    out->head_ms = parts->head->time_ms;
    buf_put_slice(&out->event_bytes, slice_from(parts->file->event));
}

static int proof_make(
    arena_t *arena, struct slice bytes, struct receipt_proof *out, struct complaint *why)
{
    struct parts parts = {0};
    struct hash statement;
    int rc = parts_read(arena, bytes, &parts, why);
    if (rc != 0) {
        return rc;
    }
    assert(parts.file != NULL && parts.batch != NULL && parts.head != NULL);
    proof_fill(out, &parts);
    rc = event_read(buf_slice(&out->event_bytes), &out->event, why);
    if (rc != 0) {
        return rc;
    }
    check_event(out, &parts);
    check_sender(out, &parts);
    check_receipt(out, &parts, &statement);
    check_journal(out, &parts, &statement);
    check_broker(out, &parts);
    return 0;
}

int receipt_file_check(struct slice bytes, struct receipt_proof *out, struct complaint *why)
{
    *out = (struct receipt_proof){0};
    arena_t *arena = arena_new(ARENA_BYTES);
    int rc = proof_make(arena, bytes, out, why);
    arena_destroy(&arena);
    return rc;
}

void receipt_proof_free(struct receipt_proof *self)
{
    buf_free(&self->event_bytes);
}
