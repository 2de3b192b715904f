/*
 * mend: what can be had of a damaged record.
 *
 * One of which a single bit is wrong is read as it was written. Its checksum names the bit; its leaf, which leads to the
 * signed head, proves the rest, or it does not come out. The bytes on the disk stay as they are until journal_mend() is asked
 * to write that bit (`waypost mend`): `waypost verify` goes on naming them, and the journal counts what it had to mend.
 * Of a batch the leaf covers the signed statement, which names its agent and the root of its events; for the position of that
 * agent's batch before it the checksum speaks alone, and its payload is never mended.
 *
 * Of a batch with more wrong bits the statement may still be had, and whose body is known from elsewhere, that of any
 * record. Whatever cannot be proven is E_CORRUPT, as if nothing had
 * been tried.
 */
#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

enum {
    BYTE_BITS = 8,
    HEADER_BITS = RECORD_HEADER_BYTES * BYTE_BITS,
    STATEMENT_WITHIN_BYTES = 4096,
};

#define NO_BIT UINT64_MAX     /* it holds as it stands, but for a mark or checksum of a payload */
#define HOPELESS (NO_BIT - 1) /* more than one bit is wrong */

/* ---- proof ---- */

static int leaf_check(journal_t *self, uint64_t sequence, const struct hash *leaf)
{
    const struct journal_head *head = &self->owner.head;
    struct merkle_path path;

    if (sequence >= head->size) {
        return E_CORRUPT;
    }
    int rc = journal_path(self, sequence, head->size, &path);
    return rc != 0 ? rc : merkle_check(leaf, sequence, head->size, &path, &head->root);
}

int journal_check_record(journal_t *self, const struct record *record)
{
    struct hash leaf = record_leaf(self->network, record);

    return leaf_check(self, record->sequence, &leaf);
}

static bool is_proven(journal_t *self, const struct record *record)
{
    struct batch_body batch;

    if (record->type == RECORD_COMMIT) {
        return false;
    }
    if (record->type == RECORD_BATCH &&
        (batch_body_read(record->body, &batch) != 0 || !batch_check_agent(&batch) ||
            batch_check_events(self->network, &batch) != 0)) {
        return false;
    }
    return journal_check_record(self, record) == 0;
}

static bool holds(journal_t *self, struct slice bytes)
{
    struct record record;
    size_t length;

    return record_decode_body(bytes, &record, &length) == 0 && is_proven(self, &record);
}

/* ---- which bit ---- */

static void bit_flip(struct buf *bytes, uint64_t bit)
{
    if (bit < bytes->len * BYTE_BITS) {
        bytes->data[bit / BYTE_BITS] ^= (uint8_t)(1U << bit % BYTE_BITS);
    }
}

/* True where the record holds without that bit as it stands: it stays flipped. */
static bool bit_try(journal_t *self, struct buf *bytes, uint64_t bit)
{
    bit_flip(bytes, bit);
    if (holds(self, buf_slice(bytes))) {
        return true;
    }
    bit_flip(bytes, bit);
    return false;
}

/* The bit of the body that makes a checksum differ by `off`: what each would do is known from the last byte on backwards.
 * HOPELESS where none does. */
static uint64_t body_bit(size_t body_len, uint32_t off)
{
    static const uint8_t zero[1] = {0};
    const uint32_t base = crc32c(0, slice_of(zero, 1));
    uint32_t does[BYTE_BITS];

    for (unsigned bit = 0; bit < BYTE_BITS; bit++) {
        uint8_t one[1] = {(uint8_t)(1U << bit)};
        does[bit] = crc32c(0, slice_of(one, 1)) ^ base;
    }
    for (size_t at = body_len; at-- > 0;) {
        for (unsigned bit = 0; bit < BYTE_BITS; bit++) {
            if (does[bit] == off) {
                return (RECORD_HEADER_BYTES + (uint64_t)at) * BYTE_BITS + bit;
            }
            does[bit] = crc32c(does[bit], slice_of(zero, 1)) ^ base;
        }
    }
    return HOPELESS;
}

/* bytes: the record as it stands, and maybe more; mended where that can be. */
static uint64_t bit_find(journal_t *self, struct buf *bytes)
{
    struct record_lengths lengths;

    if (holds(self, buf_slice(bytes))) {
        return NO_BIT;
    }
    for (uint64_t bit = 0; bit < HEADER_BITS; bit++) {
        if (bit_try(self, bytes, bit)) {
            return bit;
        }
    }
    if (!record_lengths_read(buf_slice(bytes), &lengths)) {
        return HOPELESS;
    }
    uint64_t bit = body_bit(lengths.body, record_checksum_off(bytes->data, lengths.body));
    if (bit != HOPELESS && bit_try(self, bytes, bit)) {
        return bit;
    }
    uint64_t used = RECORD_HEADER_BYTES + lengths.body + lengths.payload;
    for (bit = used * BYTE_BITS; bit < lengths.whole * BYTE_BITS; bit++) { /* padding */
        if (bit_try(self, bytes, bit)) {
            return bit;
        }
    }
    return HOPELESS;
}

/* ---- what was found ---- */

/* Where a record was looked at before: NULL where it was not, or too many since. */
static struct mend *mend_known(struct journal_owner *owner, uint64_t position)
{
    for (size_t i = 0; i < MENDS_MAX; i++) {
        if (owner->mends[i].position == position) {
            return &owner->mends[i];
        }
    }
    return NULL;
}

static struct mend *mend_note(journal_t *self, uint64_t position, uint64_t bit)
{
    struct journal_owner *owner = &self->owner;
    struct mend *mend = &owner->mends[owner->mends_next++ % MENDS_MAX];

    *mend = (struct mend){.position = position, .bit = bit};
    return mend;
}

void mend_give_up(journal_t *self, uint64_t position)
{
    struct mend *mend = mend_known(&self->owner, position);

    if (mend != NULL) {
        mend->bit = HOPELESS;
    } else {
        (void)mend_note(self, position, HOPELESS);
    }
}

static void mended_tell(journal_t *self, uint64_t position, uint64_t sequence)
{
    struct journal_mended *mended = &self->owner.mended;

    if (mended->count++ == 0) {
        mended->position = position;
        mended->sequence = sequence;
    }
    log_warnx("journal: one bit wrong segment=%u offset=%llu leaf=%llu: read as it was written, "
              "which its leaf proves; run waypost verify",
        (unsigned)position_segment(position), (unsigned long long)position_offset(position),
        (unsigned long long)sequence);
}

const struct journal_mended *journal_mended(const journal_t *self)
{
    return &self->owner.mended;
}

/* ---- the record ---- */

/* As many bytes as it may have, for one of its lengths may be wrong. E_CORRUPT where none can begin there. */
static int bytes_read(journal_t *self, uint64_t position, struct buf *out)
{
    struct slice bytes;

    int rc = read_ahead(self, position, RECORD_HEADER_BYTES, &bytes);
    if (rc != 0 || bytes.len < RECORD_HEADER_BYTES) {
        return rc != 0 ? rc : E_CORRUPT;
    }
    size_t len = record_bytes_max(bytes.data);
    if (len == 0) {
        return E_CORRUPT;
    }
    rc = read_ahead(self, position, len, &bytes);
    buf_clear(out);
    buf_put_slice(out, bytes);
    return rc;
}

int mend_record(
    journal_t *self, uint64_t position, struct buf *bytes, struct record *out, size_t *length)
{
    struct mend *mend = mend_known(&self->owner, position);
    bool fresh = mend == NULL;

    int rc = bytes_read(self, position, bytes);
    if (rc != 0) {
        return rc;
    }
    if (fresh) {
        mend = mend_note(self, position, bit_find(self, bytes));
    } else if (mend->bit != HOPELESS) {
        bit_flip(bytes, mend->bit);
    }
    rc = mend->bit == HOPELESS ? E_CORRUPT : record_decode(buf_slice(bytes), out, length);
    if (rc != 0 && mend->bit != HOPELESS) {
        rc = record_decode_body(buf_slice(bytes), out, length);
    }
    if (rc == 0 && fresh) {
        mended_tell(self, position, out->sequence);
    }
    return rc;
}

/* ---- on the disk ---- */

static int byte_write(journal_t *self, uint64_t position, uint8_t byte)
{
    const struct disk *disk = self->disk;
    int file;

    int rc = read_segment_file(self, position_segment(position), &file);
    if (rc == 0) {
        rc = disk->write_at(disk->context, file, slice_of(&byte, 1), position_offset(position));
        rc = rc != 0 ? rc : disk->sync_data(disk->context, file);
        self->owner.failed = rc == 0 || rc == E_FULL ? rc : E_IO;
    }
    return rc;
}

/* Of a record without a payload its mark and checksum are known: the bit in which the bytes differ from what it is written as.
 * HOPELESS where that is none, or more than one. */
static uint64_t mark_bit(struct slice bytes, const struct record *record)
{
    struct buf whole = {0};
    uint64_t bit = HOPELESS;
    unsigned wrong = 0;

    record_encode(record, &whole);
    for (uint64_t at = 0; at < whole.len * BYTE_BITS && at < bytes.len * BYTE_BITS; at++) {
        uint8_t differs = whole.data[at / BYTE_BITS] ^ bytes.data[at / BYTE_BITS];
        if ((differs >> at % BYTE_BITS & 1U) != 0) {
            bit = at;
            wrong++;
        }
    }
    buf_free(&whole);
    return wrong == 1 ? bit : HOPELESS;
}

/* The record's bytes as they were written, and the bit of them that is wrong on the disk. */
static int bit_prove(
    journal_t *self, uint64_t position, struct buf *bytes, uint64_t *bit, uint64_t *sequence)
{
    struct record record;
    size_t length;

    int rc = mend_record(self, position, bytes, &record, &length);
    if (rc != 0) {
        return rc;
    }
    *sequence = record.sequence;
    *bit = mend_known(&self->owner, position)->bit;
    if (*bit == NO_BIT && record.type != RECORD_BATCH) {
        record.flags = 0;
        *bit = mark_bit(buf_slice(bytes), &record);
        bit_flip(bytes, *bit);
    }
    return *bit < HOPELESS ? 0 : E_CORRUPT;
}

int journal_mend(journal_t *self, uint64_t position, struct journal_righted *out)
{
    struct buf bytes = {0};
    uint64_t sequence = 0;
    uint64_t bit = HOPELESS;

    assert(!self->owner.under_way);
    int rc = bit_prove(self, position, &bytes, &bit, &sequence);
    if (rc == 0) {
        uint64_t at = bit / BYTE_BITS;
        *out = (struct journal_righted){.segment = position_segment(position),
            .offset = position_offset(position) + at,
            .was = bytes.data[at] ^ (uint8_t)(1U << bit % BYTE_BITS),
            .is = bytes.data[at],
            .sequence = sequence};
        rc = byte_write(self, position + at, bytes.data[at]);
        self->owner.window.len = 0; /* it has the byte as it was */
        *mend_known(&self->owner, position) = (struct mend){0};
    }
    buf_free(&bytes);
    return rc;
}

/* ---- a record whose body is known, and a batch of which the statement alone is right ---- */

int journal_restore(
    journal_t *self, uint64_t position, uint8_t type, struct slice body, struct record *out)
{
    struct slice bytes;

    int rc = read_ahead(self, position, RECORD_HEADER_BYTES, &bytes);
    if (rc != 0 || bytes.len < RECORD_HEADER_BYTES) {
        return rc != 0 ? rc : E_CORRUPT;
    }
    *out = (struct record){.type = type, .body = body};
    record_when(bytes.data, &out->sequence, &out->time_ms);
    return journal_check_record(self, out);
}

int journal_salvage(
    journal_t *self, uint64_t position, uint64_t sequence, struct journal_salvaged *out)
{
    struct slice bytes;
    uint64_t said;

    int rc = read_ahead(self, position, STATEMENT_WITHIN_BYTES, &bytes);
    if (rc != 0 || bytes.len < RECORD_HEADER_BYTES) {
        return rc != 0 ? rc : E_CORRUPT;
    }
    record_when(bytes.data, &said, &out->time_ms); /* of which the sequence is not believed */
    struct cursor at = cursor_of(bytes);
    (void)take_bytes(&at, RECORD_HEADER_BYTES);
    (void)take_u64(&at);                  /* the batch before it */
    (void)take_bytes(&at, take_u16(&at)); /* its agent's id */
    out->statement = take_bytes(&at, take_u32(&at));
    struct slice signature = take_bytes(&at, SIGNATURE_BYTES);
    if (at.failed) {
        return E_CORRUPT;
    }
    struct hash leaf =
        record_batch_leaf(self->network, sequence, out->time_ms, out->statement, signature);
    return leaf_check(self, sequence, &leaf);
}
