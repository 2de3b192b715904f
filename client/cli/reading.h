/*
 * reading: a journal or an export read up to a moment, for the commands that look back: the ledger of what is recorded,
 * and the procedure engine of this program beside it.
 */
#ifndef WAYPOST_CLI_READING_H
#define WAYPOST_CLI_READING_H

#include "client/cli/cli.h"
#include "client/replay/ledger.h"
#include "client/replay/moment.h"
#include "client/replay/recompute.h"
#include "client/replay/source.h"
#include "common/register/register.h"

struct reading {
    char *path; /* owned */
    struct journal_moment until;
    source_t *source;    /* owned */
    ledger_t *ledger;    /* owned */
    recompute_t *engine; /* owned; NULL where it is not wanted */
    register_t *reg;     /* owned: in force at that moment, NULL for none */
    char network[33];    /* "" where the part that was read does not say */
    uint64_t entries;    /* leaves taken */
    uint64_t last_entry;
    int64_t last_ms; /* when the last of them was recorded, 0 for none */
    bool cut;        /* there are further ones behind the moment */
    uint64_t torn_bytes;
    struct complaint why; /* what ended it before that moment; rc 0 where nothing did */
};

struct reading_options {
    bool engine;                /* fold the engine too */
    const procedures_t *tables; /* that judge in place of the journal's; lent, NULL for those */
    void (*found)(void *context, const struct difference *difference);
    void *context;
};

/*
 * Open text ("JOURNAL", "JOURNAL@MOMENT"); `at` is a moment given apart, NULL for none. Returns CLI_DONE, or it has been
 * said why not. To be ended by reading_end() in any case.
 */
int reading_begin(struct cli *cli, struct reading *self, const char *text, const char *at);

/*
 * Read up to the moment. What is damaged ends it: self->why says where, and what is whole before it has been taken.
 */
void reading_take(struct cli *cli, struct reading *self, const struct reading_options *options);
void reading_end(struct reading *self);

/* An authority's name by the register in force, the code itself where unknown. Lent. */
const char *reading_name(const struct reading *self, const char *code);
/* "Camden (E09000007)", or the code alone. text of size bytes; returned. */
const char *reading_full(const struct reading *self, const char *code, char *text, size_t size);

/* UUID text as a JSON string; new reference. */
json_t *reading_id(const uint8_t *id);
/* A stamp as a JSON string, null for 0; new reference. */
json_t *reading_time(int64_t ms);
json_t *reading_hash(const struct hash *hash);

#endif
