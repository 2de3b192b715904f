/*
 * fold_tell: what the engine says becomes a derived record: its kind by number, and the streams of those it concerns.
 * Column told_to of the system kinds, by party. Cannot fail; who is unknown is not told.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/civil.h"

#include "common/base/banned.h"

/* Who is told. */
enum {
    TELL_PARTIES = 1,
    TELL_SENDER = 2,
    TELL_RECIPIENTS = 4,
    TELL_HUB = 8,
    TELL_NAMED = 16, /* the codes that the detail names (binds=, authority=); else the parties */
    TELL_RECEIVING = 32,
    TELL_ALL = 64, /* every agent and hub of the register */
    TOLD_MAX = HUBS_MAX + RECIPIENTS_MAX + 4,
};

#define KIND(symbol, word, tell, counter)                                                          \
    {                                                                                              \
        word, WAYPOST__SYSTEM_KIND__##symbol, tell, counter                                        \
    }

/* By their words. Acceptance, persistence and opening are said by receipts and acknowledgements, routing by the broker
 * itself. */
static const struct fold_kind kinds[] = {
    KIND(ALARM_RAISED, "alarm_raised", TELL_SENDER | TELL_HUB, COUNTER_ALARMS_RAISED),
    KIND(
        ALERT_RAISED, "alert_raised", TELL_PARTIES | TELL_SENDER | TELL_HUB, COUNTER_ALERTS_RAISED),
    KIND(BREACH_SUPERSEDED, "breach_superseded", TELL_PARTIES | TELL_HUB, -1),
    KIND(COOPERATION_DUTY, "cooperation_duty", TELL_NAMED | TELL_HUB, -1),
    KIND(DEADLINE_BREACHED, "deadline_breached", TELL_PARTIES | TELL_HUB,
        COUNTER_DEADLINES_BREACHED),
    KIND(DEADLINE_SET, "deadline_set", TELL_PARTIES | TELL_HUB, COUNTER_DEADLINES_SET),
    KIND(DEADLINE_STOPPED, "deadline_stopped", TELL_PARTIES | TELL_HUB, -1),
    KIND(DEADLINE_WARNING, "deadline_warning", TELL_NAMED | TELL_HUB, COUNTER_DEADLINES_WARNED),
    KIND(DOOR_COPIED, "door_copied", TELL_RECEIVING, -1),
    KIND(DUPLICATE_IGNORED, "duplicate_ignored", TELL_HUB, -1),
    KIND(ERASURE_CONFIRMED, "erasure_confirmed", TELL_SENDER | TELL_RECIPIENTS | TELL_HUB, -1),
    KIND(HELD, "held", TELL_SENDER | TELL_RECIPIENTS | TELL_HUB, -1),
    KIND(HOLD_RELEASED, "hold_released", TELL_PARTIES | TELL_SENDER | TELL_HUB, -1),
    KIND(PAYLOAD_ERASED, "payload_erased", TELL_SENDER | TELL_RECIPIENTS | TELL_HUB, -1),
    KIND(PAYLOAD_WITHHELD, "payload_withheld", TELL_SENDER | TELL_HUB, -1),
    KIND(PROFILE_CHANGED, "profile_changed", TELL_ALL, -1),
    KIND(RECORDS_MERGED, "records_merged", TELL_PARTIES | TELL_HUB, -1),
    KIND(REFUSED, "refused", TELL_SENDER | TELL_RECIPIENTS | TELL_HUB, -1),
    KIND(RESPONSIBILITY_TRANSFERRED, "responsibility_transferred", TELL_PARTIES | TELL_HUB, -1),
    KIND(RETENTION_GROUND_LAPSED, "retention_ground_lapsed", TELL_PARTIES | TELL_HUB, -1),
    KIND(RETENTION_SUGGESTED, "retention_suggested", TELL_PARTIES | TELL_HUB, -1),
};

static int compare_word(const void *word, const void *kind)
{
    return strcmp(word, ((const struct fold_kind *)kind)->word);
}

const struct fold_kind *fold_kind_named(const char *word)
{
    return bsearch(word, kinds, sizeof kinds / sizeof kinds[0], sizeof kinds[0], compare_word);
}

bool fold_kind_numbered(int number)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if ((int)kinds[i].number == number) {
            return true;
        }
    }
    return false;
}

/* ---- who ---- */

struct telling {
    core_t *core;
    char *names[TOLD_MAX];
    size_t count;
    uint64_t hubs;
    int32_t day;
};

static void tell_stream(struct telling *self, struct stream *stream)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->names[i] == stream->name) {
            return;
        }
    }
    if (self->count < TOLD_MAX) {
        self->names[self->count++] = stream->name;
    }
}

/* Nine bytes; the hubs that see its region are told as well, where hubs are. */
static void tell_code(struct telling *self, const char *code, bool tell)
{
    struct route_row *row = routing_row(&self->core->routing, code);

    if (row == NULL) {
        return;
    }
    self->hubs |= row->hubs;
    routing_resolve(self->core, row, self->day);
    if (tell && row->stream != NO_STREAM) {
        tell_stream(self, self->core->streams[row->stream]);
    }
}

/* "binds=E09000007,E09000019" or "authority=...": the codes behind it; true where there is one. */
static bool tell_named(struct telling *self, const char *detail)
{
    static const char *const keys[] = {"binds=", "authority="};
    const char *at = NULL;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && at == NULL; i++) {
        at = strstr(detail, keys[i]);
        at = at == NULL ? NULL : at + strlen(keys[i]);
    }
    bool any = false;
    while (at != NULL && strlen(at) >= CODE_BYTES && *at != ' ') {
        tell_code(self, at, true);
        any = true;
        at += CODE_BYTES;
        at = *at == ',' ? at + 1 : NULL;
    }
    return any;
}

/* What an event does that a party does not know of yet is not said to it either (D49). */
static bool is_hidden(const struct telling *self, const struct fold_item *item, uint32_t party)
{
    return item->has_event && item->has_transfer &&
        disclose_hides(self->core, item->transfer, item->event, party);
}

static void tell_parties(struct telling *self, const struct fold_item *item, const char *detail)
{
    const engine_t *engine = self->core->fold.engine;
    unsigned tell = item->kind->tell;
    bool both = (tell & TELL_PARTIES) != 0;
    const char *origin;
    const char *receiving;

    if ((tell & TELL_NAMED) != 0 && !tell_named(self, detail)) {
        both = true;
    }
    if (item->has_transfer && engine_parties(engine, item->transfer, &origin, &receiving) == 0) {
        tell_code(self, origin, both && !is_hidden(self, item, DIGEST_ORIGIN));
        tell_code(self, receiving,
            (both || (tell & TELL_RECEIVING) != 0) && !is_hidden(self, item, DIGEST_RECEIVING));
    }
}

/* An event from before, as the engine knows it. */
static void tell_earlier(struct telling *self, const struct fold_item *item)
{
    const engine_t *engine = self->core->fold.engine;
    const char *codes[RECIPIENTS_MAX];
    const char *from;

    if (!item->has_event || engine_sender(engine, item->event, &from) != 0) {
        return;
    }
    tell_code(self, from, (item->kind->tell & TELL_SENDER) != 0);
    size_t count = engine_recipients(engine, item->event, codes);
    for (size_t i = 0; i < count; i++) {
        tell_code(self, codes[i], (item->kind->tell & TELL_RECIPIENTS) != 0);
    }
}

/* Of the event at hand it is also known by which agent it was sent, and to which codes as written. */
static void tell_event(struct telling *self, const struct fold_item *item)
{
    struct view *view = item->own ? view_get(self->core, item->position) : NULL;
    bool tell_sender = (item->kind->tell & TELL_SENDER) != 0;

    if (view == NULL) {
        tell_earlier(self, item);
        return;
    }
    const struct digest *digest = view_digest(self->core, view, item->index);
    struct stream *sender = stream_named(self->core, view->batch.agent);
    if (sender != NULL && tell_sender) {
        tell_stream(self, sender);
    }
    self->hubs |= routing_hubs_of(self->core, view, digest);
    for (uint32_t n = DIGEST_TO; n < digest->code_count; n++) {
        tell_code(self, view_code(view, digest, n), (item->kind->tell & TELL_RECIPIENTS) != 0);
    }
}

static void tell_hubs(struct telling *self)
{
    const struct routing *routing = &self->core->routing;

    for (size_t i = 0; i < routing->hub_count; i++) {
        if ((self->hubs >> i & 1) != 0) {
            tell_stream(self, self->core->streams[routing->hubs[i]]);
        }
    }
}

/* The names into memory of the caller's, which has room for every agent of the register. */
static void tell_all(const core_t *core, char **names, size_t *count)
{
    for (size_t i = 0; i < register_agent_count(core->reg); i++) {
        struct stream *stream = stream_named(core, register_agent_at(core->reg, i)->id);
        if (stream != NULL) {
            names[(*count)++] = stream->name;
        }
    }
}

/* ---- the record ---- */

static ProtobufCBinaryData id_data(const uint8_t *id)
{
    return (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)id};
}

static char *text_or_null(const char *text)
{
    return text[0] == '\0' ? NULL : (char *)(uintptr_t)text;
}

void fold_tell(core_t *self, const struct fold_item *item, struct buf *out)
{
    struct telling telling = {.core = self, .hubs = self->routing.all};
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    const char *detail = (const char *)self->fold.texts.data + item->detail;

    telling.day = civil_london_day(self->now_ms);
    tell_event(&telling, item);
    tell_parties(&telling, item, detail);
    if ((item->kind->tell & TELL_HUB) != 0) {
        tell_hubs(&telling);
    }
    derived.kind = item->kind->number;
    derived.at_ms = item->at_ms;
    derived.has_transfer = item->has_transfer;
    derived.transfer = id_data(item->transfer);
    derived.has_subject = item->has_subject;
    derived.subject = id_data(item->subject);
    derived.has_event = item->has_event;
    derived.event = id_data(item->event);
    derived.clock = text_or_null(item->clock);
    derived.rule = text_or_null(item->rule);
    derived.detail = text_or_null(detail);
    derived.n_told = telling.count;
    derived.told = telling.names;
    char **all = NULL;
    if ((item->kind->tell & TELL_ALL) != 0 && self->reg != NULL) {
        all = mem_new(register_agent_count(self->reg) + 1, sizeof *all);
        derived.n_told = 0;
        tell_all(self, all, &derived.n_told);
        derived.told = all;
    }
    message_encode(&derived.base, out);
    free(all);
}
