/* record_log: see record_log.h. Nothing here fails; out of memory ends the program. */
#include "client/lab/record_log.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/banned.h"

#define FNV_OFFSET UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

void record_log_init(struct record_log *self, bool keep)
{
    *self = (struct record_log){.keep = keep, .digest = FNV_OFFSET};
}

void record_log_free(struct record_log *self)
{
    free(self->items);
    shelf_destroy(&self->shelf);
    *self = (struct record_log){0};
}

void record_log_clear(struct record_log *self)
{
    bool keep = self->keep;

    record_log_free(self);
    record_log_init(self, keep);
}

static void digest_bytes(struct record_log *self, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++) {
        self->digest = (self->digest ^ at[i]) * FNV_PRIME;
    }
    self->digest = (self->digest ^ 0xff) * FNV_PRIME;
}

static void digest_text(struct record_log *self, const char *text)
{
    digest_bytes(self, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

static void digest_id(struct record_log *self, const uint8_t *id)
{
    digest_bytes(self, id, id != NULL ? UUID_BYTES : 0);
}

static void digest(struct record_log *self, const struct engine_record *record)
{
    uint8_t time[8];

    put_u64(time, (uint64_t)record->at_ms);
    digest_text(self, record->kind);
    digest_id(self, record->transfer);
    digest_id(self, record->subject);
    digest_id(self, record->event);
    digest_bytes(self, time, sizeof time);
    digest_text(self, record->clock);
    digest_text(self, record->rule);
    digest_text(self, record->detail);
}

static bool copy_id(uint8_t *out, const uint8_t *id)
{
    if (id != NULL) {
        memcpy(out, id, UUID_BYTES);
    }
    return id != NULL;
}

void record_log_add(struct record_log *self, const struct engine_record *record)
{
    self->count++;
    digest(self, record);
    if (!self->keep) {
        return;
    }
    self->items = mem_grow(self->items, self->kept, &self->capacity, sizeof *self->items);
    if (self->shelf == NULL) {
        self->shelf = shelf_new();
    }
    const char *detail = record->detail != NULL ? record->detail : "";
    struct log_record *made = &self->items[self->kept++];
    *made = (struct log_record){.kind = record->kind,
        .at_ms = record->at_ms,
        .recorded_ms = record->recorded_ms,
        .clock = record->clock,
        .rule = record->rule,
        .detail = detail[0] == '\0' ? "" : shelf_text(self->shelf, detail, strlen(detail))};
    made->has_transfer = copy_id(made->transfer, record->transfer);
    made->has_subject = copy_id(made->subject, record->subject);
    made->has_event = copy_id(made->event, record->event);
}

void record_log_visit(const struct record_log *self,
    void (*visit)(void *context, const struct log_record *record), void *context)
{
    for (size_t i = 0; i < self->kept; i++) {
        visit(context, &self->items[i]);
    }
}

bool record_log_has(const struct record_log *self, const char *kind, const uint8_t *event)
{
    for (size_t i = 0; i < self->kept; i++) {
        const struct log_record *record = &self->items[i];
        if (record->has_event && memcmp(record->event, event, UUID_BYTES) == 0 &&
            strcmp(record->kind, kind) == 0) {
            return true;
        }
    }
    return false;
}

const char *record_detail(const struct log_record *self, const char *name, size_t *len)
{
    size_t name_len = strlen(name);

    for (const char *at = self->detail; *at != '\0';) {
        size_t word = strcspn(at, " ");
        if (word > name_len && at[name_len] == '=' && memcmp(at, name, name_len) == 0) {
            *len = word - name_len - 1;
            return at + name_len + 1;
        }
        at += word + strspn(at + word, " ");
    }
    return NULL;
}
