/* telling: see telling.h. A program that fails is logged and tried again; nothing is fatal. */
#include "client/agent/telling.h"

#include <stdlib.h>

#include "client/agent/counters.h"
#include "client/agent/stats.h"
#include "common/base/fsio.h"
#include "common/base/log.h"

#include "common/base/banned.h"

enum { SLOW_MIN = 2 }; /* syncs in a window; one alone is chance */

struct telling {
    struct telling_parts parts;
    teller_t *teller;
    int64_t look_ms;    /* mono: next look at what is to be told */
    int64_t machine_ms; /* mono: next look at the machine */
    int64_t window_ms;  /* mono: begin of the window in which slow syncs count */
    uint64_t slow;      /* slow syncs at its begin */
};

telling_t *telling_new(const struct telling_parts *parts)
{
    telling_t *self = mem_new(1, sizeof *self);

    self->parts = *parts;
    self->teller = teller_new(&parts->options);
    return self;
}

void telling_destroy(telling_t **self_p)
{
    telling_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    teller_destroy(&self->teller);
    free(self);
    *self_p = NULL;
}

static int64_t now_mono_ms(const telling_t *self)
{
    return self->parts.world->mono_ms(self->parts.world->context);
}

static int64_t now_wall_ms(const telling_t *self)
{
    return self->parts.world->wall_ms(self->parts.world->context);
}

/* ---- the machine -------------------------------------------------------------------------- */

static void look_at_disk(telling_t *self)
{
    uint64_t bytes = 0;

    if (fsio_free_bytes(self->parts.data, &bytes) != 0) {
        return;
    }
    agent_core_disk_free(self->parts.core, bytes);
    if (bytes < AGENT_FREE_BYTES_MIN) {
        agent_core_alarm(self->parts.core, "disk_low",
            "less than %llu MiB are free where the database lives: make room",
            (unsigned long long)(AGENT_FREE_BYTES_MIN >> 20));
    } else {
        agent_core_alarm_clear(self->parts.core, "disk_low");
    }
}

/* More than one sync in a window took longer than it may. */
static void look_at_syncs(telling_t *self)
{
    uint64_t limit_us = settings_number(self->parts.options.settings, "alarm-sync") * US_PER_MS;
    uint64_t slow = histogram_over(store_sync(self->parts.store), limit_us);
    bool ended = now_mono_ms(self) - self->window_ms >= AGENT_SYNC_WINDOW_MS;

    if (slow - self->slow >= SLOW_MIN) {
        agent_core_alarm(self->parts.core, "sync_slow",
            "the disk of the database took longer than %llu ms to sync, more than once in ten "
            "minutes",
            (unsigned long long)(limit_us / US_PER_MS));
    } else if (ended) {
        agent_core_alarm_clear(self->parts.core, "sync_slow");
    }
    if (ended) {
        self->window_ms = now_mono_ms(self);
        self->slow = slow;
    }
}

/* ---- telling ------------------------------------------------------------------------------ */

struct dues {
    telling_t *of;
    size_t count;
    struct alarm alarms[TELLER_CHILDREN_MAX];
};

static void collect(void *context, const struct alarm *row)
{
    struct dues *due = context;

    if (due->count < TELLER_CHILDREN_MAX && alarm_info(row->name) != NULL &&
        alarm_due(row, now_wall_ms(due->of), teller_repeat_ms(due->of->teller))) {
        due->alarms[due->count++] = *row;
    }
}

static void note_told(telling_t *self, const char *alarm, int64_t told_ms)
{
    store_begin(self->parts.store);
    store_alarm_told(self->parts.store, alarm, told_ms);
    if (store_commit(self->parts.store) != 0) {
        log_warnx("that alarm %s was told could not be written: it is told again", alarm);
    }
}

static void told(void *context, const char *alarm, bool good, const char *what)
{
    telling_t *self = context;

    agent_core_count(self->parts.core, good ? AGENT_ALARMS_SENT : AGENT_ALARMS_UNSENT);
    if (!good) {
        int64_t repeat_ms = teller_repeat_ms(self->teller);
        log_warnx("alarm %s could not be told (%s); it is tried again", alarm, what);
        if (repeat_ms > TELLER_RETRY_MS) {
            note_told(self, alarm, now_wall_ms(self) - repeat_ms + TELLER_RETRY_MS);
        }
    }
}

static void tell_due(telling_t *self)
{
    struct dues due = {.of = self};

    store_alarms(self->parts.store, collect, &due);
    for (size_t i = 0; i < due.count; i++) {
        if (teller_tell(self->teller, &due.alarms[i], now_mono_ms(self))) {
            note_told(self, due.alarms[i].name, now_wall_ms(self));
        }
    }
}

void telling_serve(telling_t *self)
{
    int64_t now = now_mono_ms(self);

    if (now >= self->machine_ms) {
        self->machine_ms = now + AGENT_WATCHING_MS;
        look_at_disk(self);
        look_at_syncs(self);
    }
    if (!teller_is_on(self->teller) || now < self->look_ms) {
        return;
    }
    self->look_ms = now + AGENT_TELLING_MS;
    teller_reap(self->teller, now, told, self);
    tell_due(self);
}
