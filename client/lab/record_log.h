/*
 * record_log: what an engine has derived, kept so that expectations and the timeline can ask for
 * it.
 */
#ifndef WAYPOST_LAB_RECORD_LOG_H
#define WAYPOST_LAB_RECORD_LOG_H

#include <stdbool.h>

#include "client/lab/shelf.h"
#include "common/procedure/engine.h"

/* A copy of an engine_record. Words lend from the procedures, the detail from the log. */
struct log_record {
    const char *kind;
    bool has_transfer, has_subject, has_event;
    uint8_t transfer[UUID_BYTES];
    uint8_t subject[UUID_BYTES];
    uint8_t event[UUID_BYTES];
    int64_t at_ms;
    int64_t recorded_ms;
    const char *clock;  /* NULL */
    const char *rule;   /* NULL */
    const char *detail; /* "" for none */
};

struct record_log {
    bool keep;    /* false: counted and digested only */
    size_t count; /* records seen */
    size_t kept;  /* and kept */
    size_t capacity;
    struct log_record *items; /* owned */
    shelf_t *shelf;           /* owned; details */
    uint64_t digest;          /* over every record seen, in order: for comparing, not for proof */
};

void record_log_init(struct record_log *self, bool keep);
void record_log_free(struct record_log *self);
void record_log_clear(struct record_log *self); /* forget every record */
void record_log_add(struct record_log *self, const struct engine_record *record);

/* Every record that was kept, in order. */
void record_log_visit(const struct record_log *self,
    void (*visit)(void *context, const struct log_record *record), void *context);
/* Was such a record kept about that event? */
bool record_log_has(const struct record_log *self, const char *kind, const uint8_t *event);

/* Value of "k=v" in a detail, its length in *len; NULL where it is not there. Lent. */
const char *record_detail(const struct log_record *self, const char *name, size_t *len);

#endif
