/* reading: see reading.h. Only reads; a damaged source is taken as far as it is whole. */
#include "client/cli/reading.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/progress.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { STOPPED = 1 }; /* what visit returns at the moment asked for */

struct taking {
    struct reading *reading;
    struct progress progress;
};

int reading_begin(struct cli *cli, struct reading *self, const char *text, const char *at)
{
    struct complaint why = {0};

    *self = (struct reading){.path = NULL};
    int rc = moment_split(text, &self->path, &self->until, &why);
    if (rc == 0 && at != NULL) {
        rc = moment_parse(at, &self->until, &why);
    }
    if (rc != 0) {
        return cli_misuse(cli, "%s", why.text);
    }
    rc = source_open(self->path, &self->source, &why);
    return rc == 0 ? CLI_DONE : cli_fail_why(cli, &why);
}

void reading_end(struct reading *self)
{
    free(self->path);
    source_close(&self->source);
    ledger_destroy(&self->ledger);
    recompute_destroy(&self->engine);
    register_destroy(&self->reg);
}

static void take_register(struct reading *self, const struct record *record)
{
    struct cursor in = cursor_of(record->body);
    register_t *next = NULL;

    if (take_u32(&in) == INPUT_REGISTER && register_load_unpinned(in.rest, &next, NULL) == 0) {
        register_destroy(&self->reg);
        self->reg = next;
    }
}

static int take(void *context, const struct record *record, uint64_t position)
{
    struct reading *self = ((struct taking *)context)->reading;
    struct epoch_body epoch;

    (void)position;
    if (!moment_reached(&self->until, record->sequence, record->time_ms)) {
        self->cut = true;
        return STOPPED;
    }
    if (record->type == RECORD_EPOCH && epoch_body_read(record->body, &epoch) == 0) {
        memcpy(self->network, epoch.network, sizeof self->network);
    } else if (record->type == RECORD_INPUT) {
        take_register(self, record);
    }
    int rc = ledger_record(self->ledger, record);
    if (rc == 0 && self->engine != NULL) {
        rc = recompute_record(self->engine, record, &self->why);
    }
    if (rc != 0 && self->why.rc == 0) {
        return complain(&self->why, rc, "entry %llu cannot be read: %s",
            (unsigned long long)record->sequence, err_text(rc));
    }
    self->entries++;
    self->last_entry = record->sequence;
    self->last_ms = record->time_ms;
    return rc;
}

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    progress_show(&((struct taking *)context)->progress, done, all);
}

void reading_take(struct cli *cli, struct reading *self, const struct reading_options *options)
{
    struct taking taking = {.reading = self};
    const struct source_walk walk = {.visit = take, .progress = show_progress, .context = &taking};
    struct complaint why = {0};

    self->ledger = ledger_new();
    if (options->engine) {
        self->engine = recompute_new(options->tables, options->found, options->context);
    }
    progress_begin(&taking.progress, cli, "reading");
    int rc = source_walk(self->source, &walk, &self->torn_bytes, &why);
    progress_end(&taking.progress);
    if (rc != 0 && rc != STOPPED && self->why.rc == 0) {
        self->why = why;
        self->why.rc = rc;
    }
    if (self->engine != NULL) {
        recompute_end(self->engine, self->cut || self->why.rc != 0);
    }
}

const char *reading_name(const struct reading *self, const char *code)
{
    const struct register_authority *authority =
        self->reg == NULL ? NULL : register_authority_of(self->reg, code);

    return authority == NULL ? code : authority->name;
}

const char *reading_full(const struct reading *self, const char *code, char *text, size_t size)
{
    const char *name = reading_name(self, code);

    if (name == code) {
        return code;
    }
    (void)snprintf(text, size, "%s (%s)", name, code);
    return text;
}

json_t *reading_id(const uint8_t *id)
{
    char text[UUID_TEXT_BYTES];

    uuid_format(id, text);
    return json_string(text);
}

json_t *reading_time(int64_t ms)
{
    char stamp[CIVIL_STAMP_BYTES];

    if (ms == 0) {
        return json_null();
    }
    civil_stamp_utc(ms, stamp);
    return json_string(stamp);
}

json_t *reading_hash(const struct hash *hash)
{
    char hex[2 * HASH_BYTES + 1];

    hex_encode(hash->b, HASH_BYTES, hex);
    return json_string(hex);
}
