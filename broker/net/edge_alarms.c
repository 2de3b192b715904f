/*
 * edge_alarms: what the broker sees of itself and its agents, as alarms: looked at every NET_WATCH_MS, told by command and
 * mail (common/alarm/teller.h) until an operator takes them on. Sentences hold no number that changes by itself, so that
 * one state is one alarm.
 */
#include "broker/net/edge_internal.h"

#include <stdio.h>

#include "broker/core/counters.h"
#include "common/base/civil.h"
#include "common/base/log.h"

#include "common/base/banned.h"

enum { SLOW_MIN = 2 }; /* syncs in a window; one alone is chance */

#define US_PER_MS UINT64_C(1000)

static void set(edge_t *self, const char *name, bool up, const char *text)
{
    if (up) {
        core_alarm(self->core, name, "%s", text);
    } else {
        core_alarm_clear(self->core, name);
    }
}

static uint64_t option(const edge_t *self, const char *name)
{
    return settings_number(self->parts.options->settings, name);
}

/* ---- agents and their events -------------------------------------------------------------- */

static void watch_agents(edge_t *self, const struct core_stats *stats)
{
    char text[ALARM_TEXT_BYTES];
    char date[CIVIL_DATE_BYTES] = "";

    (void)snprintf(text, sizeof text, "what waits for %s is not on its disk: call that authority",
        stats->oldest_pending_agent);
    set(self, "event_dead", stats->oldest_pending_ms > (int64_t)option(self, "alarm-dead"), text);
    (void)snprintf(text, sizeof text, "an event on the disk of %s is opened by nobody: telephone",
        stats->oldest_unopened_agent);
    set(self, "event_unread", stats->oldest_unopened_ms > (int64_t)option(self, "alarm-unread"),
        text);
    (void)snprintf(text, sizeof text, "agent %s is away: call its IT officer", stats->silent_agent);
    set(self, "agent_silent", stats->silence_ms > (int64_t)option(self, "alarm-silence"), text);
    if (stats->keys_ending > 0) {
        civil_date_text(civil_london_day(stats->key_ends_ms), date);
    }
    (void)snprintf(text, sizeof text, "a key of agent %s ends on %s: remind them to rotate it",
        stats->key_ends_agent, date);
    set(self, "agent_key_ends", stats->keys_ending > 0, text);
}

/* ---- the machine -------------------------------------------------------------------------- */

static void watch_disk(edge_t *self, const struct core_stats *stats)
{
    uint64_t limit_us = option(self, "alarm-sync") * US_PER_MS;
    uint64_t slow = histogram_over(&self->sync, limit_us);
    const struct world *world = self->parts.world;
    int64_t now = world->mono_ms(world->context);
    bool ended = now - self->sync_window_ms >= NET_SYNC_WINDOW_MS;

    set(self, "disk_low", stats->free_bytes < self->parts.options->core.free_bytes_min,
        "less than free-min is free where the journal lives: publishers are told to wait");
    set(self, "storage",
        self->probe_rc != 0 ||
            (self->stored_mono_ms != 0 && now - self->stored_mono_ms > NET_STORED_MS_MAX),
        "the data folder fails the broker's probes, or takes longer than 30 s: look at the disk");
    if (slow - self->sync_slow >= SLOW_MIN || ended) {
        set(self, "sync_slow", slow - self->sync_slow >= SLOW_MIN,
            "the disk of the journal took longer than alarm-sync, more than once in ten minutes");
    }
    if (ended) {
        self->sync_window_ms = now;
        self->sync_slow = slow;
    }
}

/* The doorkeeper counts what the listener could not take; the alarm stays for a window without another. */
static void watch_door(edge_t *self, int64_t now_ms)
{
    struct zap_counts counts;

    zap_counts(self->zap, &counts);
    uint64_t failed = counts.door[DOOR_ACCEPT_FAILED];
    if (failed > self->door_failed) {
        self->door_failed = failed;
        self->door_until_ms = now_ms + NET_DOOR_WINDOW_MS;
    }
    set(self, "door_closed", now_ms < self->door_until_ms,
        "the broker is out of descriptors and takes no new connection: raise LimitNOFILE");
}

static void watch_clock(edge_t *self, const struct core_stats *stats)
{
    set(self, "clock_offset", stats->clock_stepped,
        "the clock was set by more than 5 s: deadlines are held; check it, then send HUP");
    set(self, "register_stale", stats->register_stale_ms < stats->now_ms,
        "the register is older than its makers allow: have a new one signed");
}

/* ---- what the core has counted ------------------------------------------------------------ */

static bool has_risen(edge_t *self, enum counter counter)
{
    uint64_t now = core_counter(self->core, counter);
    bool risen = now > self->counters_seen[counter];

    self->counters_seen[counter] = now;
    return risen;
}

static void watch_chain(edge_t *self)
{
    static const struct {
        enum counter counter;
        const char *alarm;
        const char *text;
    } rows[] = {
        {COUNTER_HEADS_NOT_EXTENDED, "chain_mismatch",
            "an agent has seen a head that our journal does not extend: was a backup restored "
            "here?"},
        {COUNTER_DIVERGED, "chain_mismatch",
            "an agent remembers another stream than we sent: was its database restored?"},
        {COUNTER_CONFLICTS, "chain_mismatch",
            "two events came under one number of an agent: it was cloned or restored"},
        {COUNTER_UNREADABLE, "journal_damaged",
            "records of the journal cannot be read, and a stream that needs one waits: waypost "
            "verify names them"},
        {COUNTER_PROCEDURES_REFUSED, "procedures",
            "a set of procedures was refused; those before stay in force: the log says why"},
        {COUNTER_FOLD_DIFFERENCES, "procedures",
            "journal and engine disagree: another version judged; tell the developers"},
        {COUNTER_REGISTERS_REFUSED, "register",
            "a register was refused; the one before stays in force: the log says why"},
    };

    if (has_risen(self, COUNTER_PROCEDURES_TAKEN)) {
        core_alarm_clear(self->core, "procedures");
    }
    if (has_risen(self, COUNTER_REGISTERS_TAKEN)) {
        core_alarm_clear(self->core, "register");
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool stands = rows[i].counter == COUNTER_UNREADABLE &&
            alarm_book_find(core_alarms(self->core), rows[i].alarm) != NULL;
        if (has_risen(self, rows[i].counter) && !stands) { /* that of the start says where */
            core_alarm(self->core, rows[i].alarm, "%s", rows[i].text);
        }
    }
}

/* ---- telling ------------------------------------------------------------------------------ */

static void told(void *context, const char *alarm, bool good, const char *what)
{
    edge_t *self = context;
    int64_t repeat_ms = teller_repeat_ms(self->teller);

    self->counters[good ? NET_ALARMS_SENT : NET_ALARMS_UNSENT]++;
    if (good) {
        return;
    }
    log_warnx("alarm %s could not be told (%s); it is tried again", alarm, what);
    if (repeat_ms > TELLER_RETRY_MS) {
        const struct world *world = self->parts.world;
        alarm_book_told(core_alarms(self->core), alarm,
            world->wall_ms(world->context) - repeat_ms + TELLER_RETRY_MS);
    }
}

static void tell(edge_t *self, int64_t mono_ms)
{
    alarm_book_t *book = core_alarms(self->core);
    const struct world *world = self->parts.world;
    int64_t wall_ms = world->wall_ms(world->context);

    teller_reap(self->teller, mono_ms, told, self);
    for (size_t i = 0; i < alarm_book_count(book); i++) {
        const struct alarm *alarm = alarm_book_at(book, i);
        if (alarm_due(alarm, wall_ms, teller_repeat_ms(self->teller)) &&
            teller_tell(self->teller, alarm, mono_ms)) {
            alarm_book_told(book, alarm->name, wall_ms);
        }
    }
}

void edge_tick_alarms(edge_t *self)
{
    const struct world *world = self->parts.world;
    int64_t now = world->mono_ms(world->context);
    struct core_stats stats;

    if (now >= self->watch_mono_ms) {
        self->watch_mono_ms = now + NET_WATCH_MS;
        core_stats(self->core, &stats);
        watch_agents(self, &stats);
        watch_disk(self, &stats);
        watch_clock(self, &stats);
        watch_door(self, now);
        watch_chain(self);
    }
    if (teller_is_on(self->teller)) {
        tell(self, now);
    }
}

void edge_alarms_open(edge_t *self)
{
    const struct teller_options options = {.program = "waypost-broker",
        .who = "broker",
        .network = self->parts.options->join.network,
        .settings = self->parts.options->settings};

    self->teller = teller_new(&options);
}

void edge_alarms_close(edge_t *self)
{
    teller_destroy(&self->teller);
}
