/*
 * scrub: see scrub.h. Messages are walked by their descriptors, so that a field that somebody adds is replaced unless it
 * is a number or a word; what a message holds beyond its schema is dropped. A record that cannot be read is refused.
 */
#include "client/replay/scrub.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/codec/event.h"
#include "common/codec/frame.h"
#include "common/crypto/sign.h"
#include "common/procedure/table16.h"
#include "common/record/ack.h"
#include "common/record/acked.h"
#include "common/record/derived.h"
#include "common/record/erase.h"
#include "common/record/judged.h"

#include "common/base/banned.h"

enum {
    ARENA_BYTES = 33554432,
    KEY_BYTES = 32,
    TIME_BYTES = 6,  /* of a UUIDv7: when it was made */
    SHORT_WORD = 3,  /* "R28", "C01" */
    RUNNING_AT = 20, /* in it: the running hash */
};

/* An id that is an event's: its time stays. */
struct event_id {
    uint8_t id[UUID_BYTES];
};

struct scrub {
    uint8_t key[KEY_BYTES];
    bool replace_codes;
    struct table16 events; /* struct event_id, owned */
    arena_t *arena;
    struct buf body, payload, scratch;
};

scrub_t *scrub_new(bool replace_codes)
{
    scrub_t *self = mem_new(1, sizeof *self);

    randombytes_buf(self->key, sizeof self->key);
    self->replace_codes = replace_codes;
    self->events = (struct table16){.key_bytes = UUID_BYTES, .key_offset = 0};
    self->arena = arena_new(ARENA_BYTES);
    return self;
}

void scrub_destroy(scrub_t **self_p)
{
    scrub_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->events.capacity; i++) {
        free(self->events.values[i]);
    }
    table16_free(&self->events);
    arena_destroy(&self->arena);
    buf_free(&self->body);
    buf_free(&self->payload);
    buf_free(&self->scratch);
    sodium_memzero(self->key, sizeof self->key);
    free(self);
    *self_p = NULL;
}

/* ---- values ---- */

static void keyed(const scrub_t *self, const char *what, const void *bytes, size_t len,
    uint8_t *out, size_t out_len)
{
    uint8_t hash[64];
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, self->key, sizeof self->key, sizeof hash);
    (void)crypto_generichash_update(&state, (const uint8_t *)what, strlen(what) + 1);
    (void)crypto_generichash_update(&state, bytes, len);
    (void)crypto_generichash_final(&state, hash, sizeof hash);
    for (size_t i = 0; i < out_len; i++) {
        out[i] = hash[i % sizeof hash];
    }
}

/* In place. Of an event the time stays where it is, and its version. */
static void scrub_id(const scrub_t *self, uint8_t *id)
{
    uint8_t made[UUID_BYTES];

    keyed(self, "id", id, UUID_BYTES, made, sizeof made);
    if (table16_get(&self->events, id) != NULL) {
        memcpy(made, id, TIME_BYTES);
        made[6] = (uint8_t)((made[6] & 0x0F) | (id[6] & 0xF0));
        made[8] = (uint8_t)((made[8] & 0x3F) | (id[8] & 0xC0));
    }
    memcpy(id, made, UUID_BYTES);
}

static void note_event(scrub_t *self, const uint8_t *id)
{
    if (table16_get(&self->events, id) == NULL) {
        struct event_id *event = mem_new(1, sizeof *event);
        memcpy(event->id, id, UUID_BYTES);
        table16_put(&self->events, event);
    }
}

static void scrub_code(const scrub_t *self, char *code)
{
    uint8_t digits[CODE_BYTES];

    if (!self->replace_codes) {
        return;
    }
    keyed(self, "code", code, CODE_BYTES, digits, sizeof digits);
    code[1] = '9'; /* no code of the ONS begins so */
    for (size_t i = 2; i < CODE_BYTES; i++) {
        code[i] = (char)('0' + digits[i] % 10);
    }
}

/* Words of the procedures that stand in text fields: R28, C01, G02, stage and time of day. */
static bool is_word(const char *text, size_t len)
{
    bool rule = len == SHORT_WORD && strchr("RCGD", text[0]) != NULL &&
        strspn(text + 1, "0123456789") >= SHORT_WORD - 1;
    bool time = len == 5 && text[2] == ':' && strspn(text, "0123456789") == 2;

    return rule || time;
}

/* In place, the same length. */
static void scrub_text(const scrub_t *self, char *text, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t made[64];
    uint8_t id[UUID_BYTES];
    char form[UUID_TEXT_BYTES];

    if (len >= CODE_BYTES && event_code_valid(slice_of(text, CODE_BYTES)) &&
        (len == CODE_BYTES || text[CODE_BYTES] == ':')) {
        scrub_code(self, text); /* "CODE:service" keeps the service, a word */
        return;
    }
    if (len == UUID_TEXT_BYTES - 1) {
        memcpy(form, text, len);
        form[len] = '\0';
        if (uuid_parse(form, id) == 0) {
            scrub_id(self, id);
            uuid_format(id, form);
            memcpy(text, form, len);
            return;
        }
    }
    if (is_word(text, len)) {
        return;
    }
    keyed(self, "text", text, len, made, sizeof made);
    for (size_t i = 0; i < len; i++) {
        text[i] = letters[made[i % sizeof made] % 32];
    }
}

static bool is_vocabulary(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool small = (word[i] >= 'a' && word[i] <= 'z') || word[i] == '_';
        if (!small) {
            return false;
        }
    }
    return true;
}

/* A date, a time, a number: digits and the signs between them. */
static bool is_figure(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (word[i] < '0' || word[i] > '9') {
            if (strchr("-:.TZ+", word[i]) == NULL) {
                return false;
            }
        }
    }
    return true;
}

/* "due=2026-04-08 binds=E09000007": names, words of the catalogue, figures and rules stay. */
static void scrub_detail(const scrub_t *self, char *detail)
{
    while (*detail != '\0') {
        size_t len = strcspn(detail, " =,");
        if (!is_vocabulary(detail, len) && !is_figure(detail, len)) {
            scrub_text(self, detail, len);
        }
        detail += len + (detail[len] == '\0' ? 0 : 1);
    }
}

static void scrub_bytes(const scrub_t *self, uint8_t *bytes, size_t len)
{
    if (len == UUID_BYTES) {
        scrub_id(self, bytes);
    } else if (len == SIGNATURE_BYTES) {
        randombytes_buf(bytes, len);
    } else if (len > 0) {
        keyed(self, "bytes", bytes, len, bytes, len);
    }
}

/* ---- messages ---- */

static void scrub_message(scrub_t *self, ProtobufCMessage *message);

static void scrub_value(scrub_t *self, const ProtobufCFieldDescriptor *field, void *value)
{
    static const char *const kept[] = {"profile", "clock", "rule"}; /* words of the procedures */

    if (field->type == PROTOBUF_C_TYPE_BYTES) {
        ProtobufCBinaryData *data = value;
        scrub_bytes(self, data->data, data->len);
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        ProtobufCMessage *inner = *(ProtobufCMessage **)value;
        if (inner != NULL) {
            scrub_message(self, inner);
        }
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        char *text = *(char **)value;
        for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
            if (text == NULL || text == field->default_value || strcmp(field->name, kept[i]) == 0) {
                return;
            }
        }
        if (strcmp(field->name, "detail") == 0) {
            scrub_detail(self, text);
        } else {
            scrub_text(self, text, strlen(text));
        }
    } else if (strcmp(field->name, "incarnation") == 0) {
        keyed(self, "incarnation", value, sizeof(uint64_t), value, sizeof(uint64_t));
    }
}

static size_t value_bytes(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : sizeof(void *);
}

static bool is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const uint8_t *base = (const uint8_t *)message;

    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        return *(const uint32_t *)(const void *)(base + field->quantifier_offset) == field->id;
    }
    return field->label != PROTOBUF_C_LABEL_OPTIONAL || field->quantifier_offset == 0 ||
        *(const protobuf_c_boolean *)(const void *)(base + field->quantifier_offset) != 0;
}

static void scrub_message(scrub_t *self, ProtobufCMessage *message)
{
    uint8_t *base = (uint8_t *)message;

    message->n_unknown_fields = 0; /* nobody knows what they hold */
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        bool deep = field->type == PROTOBUF_C_TYPE_BYTES ||
            field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t count = *(size_t *)(void *)(base + field->quantifier_offset);
            uint8_t *list = *(uint8_t **)(void *)(base + field->offset);
            for (size_t n = 0; deep && n < count; n++) {
                scrub_value(self, field, list + n * value_bytes(field));
            }
        } else if (is_set(message, field)) {
            scrub_value(self, field, base + field->offset);
        }
    }
}

/* Decode, replace, encode behind what out holds. */
static int scrub_into(
    scrub_t *self, const ProtobufCMessageDescriptor *type, struct slice bytes, struct buf *out)
{
    arena_reset(self->arena);
    ProtobufCMessage *message = message_decode(self->arena, type, bytes);

    if (message == NULL) {
        return E_CORRUPT;
    }
    scrub_message(self, message);
    message_encode(message, out);
    return 0;
}

/* ---- batches ---- */

static void put_counted(struct buf *out, const struct buf *bytes)
{
    buf_put_u32(out, (uint32_t)bytes->len);
    buf_put_slice(out, buf_slice(bytes));
}

static void put_random(struct buf *out, size_t len)
{
    buf_reserve(out, len);
    randombytes_buf(out->data + out->len, len);
    out->len += len;
}

static void put_agent(const scrub_t *self, struct buf *out, const char *agent)
{
    char text[AGENT_ID_BYTES_MAX + 1] = "";
    size_t len = strlen(agent);

    memcpy(text, agent, len);
    if (len > 0) {
        scrub_text(self, text, len);
    }
    buf_put_u16(out, (uint16_t)len);
    buf_put(out, text, len);
}

static int scrub_event(scrub_t *self, struct slice bytes)
{
    struct event_view view;

    if (event_read(bytes, &view, NULL) != 0) {
        return E_CORRUPT; /* of a voided batch: nobody knows what it holds */
    }
    note_event(self, view.id);
    buf_clear(&self->scratch);
    return scrub_into(self, &waypost__event__descriptor, bytes, &self->scratch);
}

static void scrub_part(
    scrub_t *self, size_t ciphertext_bytes, const struct stored_payload *part, struct buf *out)
{
    buf_put_u32(out, (uint32_t)ciphertext_bytes | (part->erased ? PAYLOAD_ERASED_BIT : 0));
    size_t zeros = part->erased ? ciphertext_bytes : 0;
    if (zeros > 0) {
        buf_reserve(out, zeros);
        memset(out->data + out->len, 0, zeros);
        out->len += zeros;
    } else {
        put_random(out, ciphertext_bytes);
    }
    buf_put_u16(out, (uint16_t)part->wrap_count);
    for (uint32_t i = 0; i < part->wrap_count; i++) {
        char code[CODE_BYTES] = {0};
        uint8_t none[WRAP_STORED_BYTES] = {0};
        if (part->erased) {
            buf_put(out, none, sizeof none);
            continue;
        }
        memcpy(code, part->wraps.data + (size_t)i * WRAP_STORED_BYTES, sizeof code);
        scrub_code(self, code);
        buf_put(out, code, sizeof code);
        put_random(out, WRAP_STORED_BYTES - CODE_BYTES);
    }
}

static int scrub_payload(scrub_t *self, struct slice payload)
{
    struct stored_payload part;

    buf_clear(&self->payload);
    while (payload.len > 0) {
        size_t before = payload.len;
        if (batch_next_payload(&payload, &part) != 0) {
            return E_CORRUPT;
        }
        size_t fixed = 4 + 2 + (size_t)part.wrap_count * WRAP_STORED_BYTES;
        scrub_part(self, before - payload.len - fixed, &part, &self->payload);
    }
    return 0;
}

static int scrub_batch(scrub_t *self, const struct record *record)
{
    struct batch_body batch;
    struct slice event;

    if (batch_body_read(record->body, &batch) != 0) {
        return E_CORRUPT;
    }
    buf_put_u64(&self->body, batch.previous);
    put_agent(self, &self->body, batch.agent);
    buf_clear(&self->scratch);
    int rc =
        scrub_into(self, &waypost__batch_statement__descriptor, batch.statement, &self->scratch);
    put_counted(&self->body, &self->scratch);
    put_random(&self->body, SIGNATURE_BYTES);
    buf_put_u32(&self->body, batch.count);
    struct slice rest = batch.events;
    while (rc == 0 && batch_next_event(&rest, &event) == 0) {
        rc = scrub_event(self, event);
        put_counted(&self->body, &self->scratch);
    }
    return rc == 0 ? scrub_payload(self, record->payload) : rc;
}

/* ---- the other bodies ---- */

static int scrub_judged(scrub_t *self, const struct record *record)
{
    struct judged_body judged;

    buf_put_slice(&self->body, record->body);
    if (judged_body_read(buf_slice(&self->body), &judged) != 0) {
        return E_CORRUPT;
    }
    if (judged.event != NULL) {
        scrub_id(self, self->body.data + (judged.event - self->body.data));
    }
    return 0;
}

static int scrub_ack(scrub_t *self, const struct record *record)
{
    struct ack_body ack;

    if (ack_body_read(record->body, &ack) != 0) {
        return E_CORRUPT;
    }
    buf_clear(&self->scratch);
    int rc = scrub_into(self, &waypost__ack_statement__descriptor, ack.statement, &self->scratch);
    put_counted(&self->body, &self->scratch);
    put_random(&self->body, SIGNATURE_BYTES);
    put_agent(self, &self->body, ack.agent);
    return rc;
}

/* In place: hashes, codes and teams of the classes, ids of the items. */
static int scrub_acked(scrub_t *self, const struct record *record)
{
    struct acked_body acked;

    buf_put_slice(&self->body, record->body);
    if (acked_body_read(buf_slice(&self->body), &acked) != 0) {
        return E_CORRUPT;
    }
    uint8_t *base = self->body.data;
    scrub_bytes(self, base + RUNNING_AT, HASH_BYTES);
    struct cursor classes = cursor_of(acked.classes);
    for (uint32_t i = 0; i < acked.class_count; i++) {
        (void)take_bytes(&classes, 3);
        uint8_t *code = base + (take_bytes(&classes, CODE_BYTES).data - base);
        (void)take_bytes(&classes, 8);
        struct slice team = take_bytes(&classes, take_u8(&classes));
        if (event_code_valid(slice_of(code, CODE_BYTES))) {
            scrub_code(self, (char *)code);
        }
        if (team.len > 0) {
            scrub_text(self, (char *)(base + (team.data - base)), team.len);
        }
    }
    for (uint32_t i = 0; i < acked.persisted + acked.opened; i++) {
        scrub_id(self, base + (acked.items.data - base) + (size_t)i * ACKED_ITEM_BYTES);
    }
    struct acked_received named;
    bool names = acked_received_read(buf_slice(&self->body), &named);
    for (uint32_t i = 0; names && i < named.count; i++) {
        scrub_bytes(self, base + (named.hashes.data - base) + (size_t)i * HASH_BYTES, HASH_BYTES);
    }
    return 0;
}

static int scrub_input(scrub_t *self, const struct record *record)
{
    struct cursor in = cursor_of(record->body);

    if (take_u32(&in) != INPUT_PROCEDURES) {
        return in.failed ? E_CORRUPT : E_END;
    }
    buf_put_slice(&self->body, record->body);
    return 0;
}

static int scrub_epoch(scrub_t *self, const struct record *record)
{
    struct epoch_body epoch;

    if (epoch_body_read(record->body, &epoch) != 0) {
        return E_CORRUPT;
    }
    memset(epoch.network, 0, sizeof epoch.network);
    memcpy(epoch.network, "scrubbed", sizeof "scrubbed");
    randombytes_buf(epoch.journal, sizeof epoch.journal);
    randombytes_buf(epoch.head_public, sizeof epoch.head_public);
    epoch_body_write(&epoch, &self->body);
    return 0;
}

static int scrub_erase(scrub_t *self, const struct record *record)
{
    struct erase_body erase;
    uint8_t signature[SIGNATURE_BYTES];

    if (erase_body_read(record->body, &erase) != 0) {
        return E_CORRUPT;
    }
    scrub_id(self, erase.event);
    scrub_text(self, erase.agent, strlen(erase.agent));
    for (uint32_t i = 0; i < erase.code_count; i++) {
        scrub_code(self, erase.codes[i]);
    }
    buf_clear(&self->scratch);
    int rc = erase.statement.len == 0
        ? 0
        : scrub_into(self, &waypost__erase_statement__descriptor, erase.statement, &self->scratch);
    randombytes_buf(signature, sizeof signature);
    erase.statement = buf_slice(&self->scratch);
    erase.signature = slice_of(signature, self->scratch.len > 0 ? sizeof signature : 0);
    erase_body_write(&erase, &self->body);
    return rc;
}

/* One, or a group of them: what comes out has the shape of what went in. */
static int scrub_derived(scrub_t *self, const struct record *record)
{
    bool group = record->body.len > 0 && record->body.data[0] == 0;
    struct slice item;
    int rc;

    for (uint32_t i = 0; (rc = derived_item(record->body, i, &item)) == 0; i++) {
        buf_clear(&self->scratch);
        rc = scrub_into(self, &waypost__derived__descriptor, item, &self->scratch);
        if (rc != 0) {
            return rc;
        }
        if (group) {
            derived_group_put(&self->body, buf_slice(&self->scratch));
        } else {
            buf_put_slice(&self->body, buf_slice(&self->scratch));
        }
    }
    return rc == E_NOT_FOUND ? 0 : rc;
}

int scrub_record(scrub_t *self, const struct record *record, struct record *out)
{
    static int (*const functions[])(scrub_t *, const struct record *) = {
        [RECORD_BATCH] = scrub_batch,
        [RECORD_INPUT] = scrub_input,
        [RECORD_JUDGED] = scrub_judged,
        [RECORD_ACK] = scrub_ack,
        [RECORD_ACKED] = scrub_acked,
        [RECORD_DERIVED] = scrub_derived,
        [RECORD_EPOCH] = scrub_epoch,
        [RECORD_ERASE_BEGUN] = scrub_erase,
        [RECORD_PAYLOAD_ERASED] = scrub_erase,
    };

    if (record->type >= sizeof functions / sizeof functions[0] || functions[record->type] == NULL) {
        return record->type == RECORD_COMMIT ? E_END : E_CORRUPT;
    }
    buf_clear(&self->body);
    buf_clear(&self->payload);
    int rc = functions[record->type](self, record);
    if (rc == 0) {
        *out = *record;
        out->body = buf_slice(&self->body);
        out->payload = buf_slice(&self->payload);
    }
    return rc;
}
