/* engine_fixture: see engine_fixture.h. What cannot be built ends the test. */
#include "tests/support/engine_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/procedure/saved.h"
#include "tests/support/procedures_fixture.h"

#include "common/base/banned.h"

enum { FACTS_MAX = 24, TEXT_MAX = 1024 };

void fixture_sink(void *context, const struct engine_record *record)
{
    struct engine_fixture *self = context;
    char stamp[CIVIL_STAMP_BYTES];

    civil_stamp_utc(record->at_ms, stamp);
    buf_put_text(&self->log, "%s %s %s %s %s\n", record->kind,
        record->clock != NULL ? record->clock : "-", record->rule != NULL ? record->rule : "-",
        stamp, record->detail);
}

/* Whatever may be packed is, so that every test is also one of packing. */
static void engine_begin(struct engine_fixture *self)
{
    self->engine = engine_new(self->procedures, fixture_sink, self);
    engine_backing(self->engine, counted_backing(&self->memory));
    engine_keep_open(self->engine, 0);
}

static void engine_end(struct engine_fixture *self)
{
    engine_destroy(&self->engine);
    assert(self->memory.pieces == 0);
}

void fixture_open(struct engine_fixture *self)
{
    struct complaint why = {0};

    *self = (struct engine_fixture){0};
    crypto_start();
    int rc = fixture_procedures(NULL, NULL, NULL, &self->procedures, &why);
    assert(rc == 0);
    engine_begin(self);
    fixture_at(self, "2026-03-02T09:00");
}

static void forget(struct engine_fixture *self)
{
    engine_end(self);
    for (size_t i = 0; i < self->event_count; i++) {
        buf_free(&self->events[i]->bytes);
        free(self->events[i]);
    }
    free(self->events);
    buf_free(&self->log);
}

void fixture_close(struct engine_fixture *self)
{
    forget(self);
    procedures_destroy(&self->procedures);
}

void fixture_reset_at(struct engine_fixture *self, const char *time)
{
    procedures_t *procedures = self->procedures;

    forget(self);
    *self = (struct engine_fixture){.procedures = procedures};
    engine_begin(self);
    fixture_at(self, time);
}

void fixture_reset(struct engine_fixture *self)
{
    fixture_reset_at(self, "2026-03-02T09:00");
}

void fixture_reload(struct engine_fixture *self)
{
    struct buf bytes = {0};
    struct complaint why = {0};

    engine_encode(self->engine, &bytes);
    engine_end(self);
    int rc =
        engine_decode(self->procedures, fixture_sink, self, buf_slice(&bytes), &self->engine, &why);
    assert(rc == 0);
    engine_keep_open(self->engine, 0);
    buf_free(&bytes);
}

void fixture_at(struct engine_fixture *self, const char *time)
{
    int rc = civil_time_parse(time, &self->now_ms);

    assert(rc == 0);
    engine_advance(self->engine, self->now_ms);
}

void fixture_id(const char *name, uint8_t *out)
{
    struct hash hash = hash_of("waypost/test/name", slice_of_text(name), slice_of(NULL, 0));

    memcpy(out, hash.b, UUID_BYTES);
}

static void copy_code(char *out, const char *code)
{
    assert(strlen(code) == CODE_BYTES);
    memcpy(out, code, CODE_BYTES + 1);
}

void fixture_transfer(
    struct engine_fixture *self, const char *name, const char *origin, const char *receiving)
{
    struct fixture_transfer *made = &self->transfers[self->transfer_count++];

    assert(self->transfer_count <= FIXTURE_TRANSFERS_MAX && strlen(name) < sizeof made->name);
    memcpy(made->name, name, strlen(name) + 1);
    copy_code(made->origin, origin);
    copy_code(made->receiving, receiving);
}

static const struct fixture_transfer *transfer_named(
    const struct engine_fixture *self, const char *name)
{
    for (size_t i = 0; i < self->transfer_count; i++) {
        if (strcmp(self->transfers[i].name, name) == 0) {
            return &self->transfers[i];
        }
    }
    assert(false && "the transfer was declared");
    return NULL;
}

/* Cut at a separator in place; NULL behind the last. */
static char *cut(char **rest, char separator)
{
    char *word = *rest;

    if (word == NULL || *word == '\0') {
        return NULL;
    }
    char *end = strchr(word, separator);
    *rest = end != NULL ? end + 1 : NULL;
    if (end != NULL) {
        *end = '\0';
    }
    return word;
}

static void add_children(struct event_view *head, const char *children)
{
    char text[TEXT_MAX];
    char *rest = text;

    assert(strlen(children) < sizeof text);
    memcpy(text, children, strlen(children) + 1);
    for (char *name; (name = cut(&rest, ',')) != NULL;) {
        char *type = strchr(name, ':');
        if (type != NULL) {
            *type++ = '\0';
        }
        struct subject *subject = &head->subjects[head->subject_count++];
        fixture_id(name, subject->ref);
        int rc = fact_value_number(
            catalogue_case_type(), type != NULL ? type : "cp", &subject->case_type);
        assert(rc == 0);
    }
}

static void add_recipients(struct event_view *head, char *codes)
{
    for (char *code; (code = cut(&codes, ',')) != NULL;) {
        copy_code(head->to[head->recipient_count].code, code);
        head->to[head->recipient_count++].n = 1;
    }
}

/* "a=x b=y" into facts, but for what belongs into the head. text is cut in place. */
static size_t take_facts(struct event_view *head, char *text, struct fact_text *facts)
{
    size_t count = 0;

    for (char *word; (word = cut(&text, ' ')) != NULL;) {
        char *value = strchr(word, '=');
        assert(value != NULL && count < FACTS_MAX);
        *value++ = '\0';
        if (strcmp(word, "to") == 0) {
            add_recipients(head, value);
        } else if (strcmp(word, "occurred") == 0) {
            int rc = civil_time_parse(value, &head->occurred_ms);
            assert(rc == 0);
        } else {
            facts[count++] = (struct fact_text){word, value};
        }
    }
    return count;
}

static void encode(struct fixture_event *made, const struct event_draft *draft)
{
    struct buf header = {0};
    struct buf facts = {0};
    struct complaint why = {0};

    int rc = event_encode(draft, &header, &facts, &why);
    if (rc == 0) {
        event_join(buf_slice(&header), buf_slice(&facts), NULL, &made->bytes);
        rc = event_read(buf_slice(&made->bytes), &made->view, &why);
    }
    if (rc != 0) {
        (void)fprintf(stderr, "%s\n", why.text);
    }
    assert(rc == 0);
    rc = facts_read(&made->view, &made->facts);
    assert(rc == 0);
    buf_free(&header);
    buf_free(&facts);
}

struct fixture_event *fixture_build(struct engine_fixture *self, const char *from, const char *kind,
    const char *transfer, const char *children, const char *facts)
{
    const struct fixture_transfer *found = transfer_named(self, transfer);
    struct fixture_event *made = mem_new(1, sizeof *made);
    struct fact_text texts[FACTS_MAX];
    struct event_draft draft = {.facts = texts};
    char text[TEXT_MAX];

    assert(strlen(facts) < sizeof text && catalogue_kind_named(kind) != NULL);
    memcpy(text, facts, strlen(facts) + 1);
    draft.head.kind = catalogue_kind_named(kind)->number;
    draft.head.schema = CATALOGUE_SCHEMA;
    draft.head.sent_ms = draft.head.occurred_ms = self->now_ms;
    draft.head.incarnation = 1;
    draft.head.sequence = self->event_count + 1;
    put_u64(draft.head.id, self->event_count + 1);
    draft.head.id[6] = 0x70; /* UUIDv7 */
    draft.head.id[8] = 0x80;
    fixture_id(transfer, draft.head.transfer);
    copy_code(draft.head.origin, found->origin);
    copy_code(draft.head.receiving, found->receiving);
    copy_code(draft.head.from, from);
    add_children(&draft.head, children);
    draft.fact_count = take_facts(&draft.head, text, texts);
    if (draft.head.recipient_count == 0) {
        copy_code(draft.head.to[0].code,
            strcmp(from, found->origin) == 0 ? found->receiving : found->origin);
        draft.head.to[draft.head.recipient_count++].n = 1;
    }
    encode(made, &draft);
    made->accepted_ms = self->now_ms;
    self->events = realloc(self->events, (self->event_count + 1) * sizeof *self->events);
    assert(self->events != NULL);
    self->events[self->event_count++] = made;
    return made;
}

int fixture_fold(struct engine_fixture *self, engine_t *engine, struct fixture_event *event)
{
    const struct engine_event folded = {
        .view = &event->view, .facts = &event->facts, .accepted_ms = event->accepted_ms};

    (void)self;
    event->rc = engine_event(engine, &folded, event->verdicts);
    return event->rc;
}

struct fixture_event *fixture_send(struct engine_fixture *self, const char *from, const char *kind,
    const char *transfer, const char *children, const char *facts)
{
    struct fixture_event *made = fixture_build(self, from, kind, transfer, children, facts);

    (void)fixture_fold(self, self->engine, made);
    return made;
}

struct fixture_event *fixture_told(struct engine_fixture *self, const char *from, const char *kind,
    const char *transfer, const char *children, const char *facts)
{
    struct fixture_event *made = fixture_send(self, from, kind, transfer, children, facts);

    for (size_t i = 0; i < made->view.recipient_count; i++) {
        engine_persisted(self->engine, made->view.id, made->view.to[i].code, self->now_ms);
    }
    return made;
}

/* ---- questions ---- */

struct engine_verdict fixture_verdict(
    const struct engine_fixture *self, const struct fixture_event *event)
{
    struct engine_verdict verdict = {0};
    int rc = engine_verdict(self->engine, event->view.id, event->view.subjects[0].ref, &verdict);

    assert(rc == 0);
    return verdict;
}

bool verdict_names(const struct engine_verdict *verdict, const char *rule)
{
    for (size_t i = 0; i < verdict->rule_count; i++) {
        if (strcmp(verdict->rules[i], rule) == 0) {
            return true;
        }
    }
    return false;
}

static const char *owners_text(size_t count, const char *const *owners)
{
    static char text[8 * (CODE_BYTES + 1) + 1];
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        int len = snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? "/" : "", owners[i]);
        assert(len > 0);
        used += (size_t)len;
    }
    return text;
}

const char *fixture_owner(
    struct engine_fixture *self, const char *transfer, const char *child, enum dimension dimension)
{
    uint8_t id[UUID_BYTES];
    uint8_t ref[UUID_BYTES];
    const char *owners[8];

    fixture_id(transfer, id);
    fixture_id(child, ref);
    return owners_text(engine_owner(self->engine, id, ref, dimension, owners), owners);
}

const char *fixture_owner_at(struct engine_fixture *self, const char *transfer, const char *child,
    enum dimension dimension, const char *time)
{
    uint8_t id[UUID_BYTES];
    uint8_t ref[UUID_BYTES];
    const char *owners[8];
    int64_t at_ms = 0;

    int rc = civil_time_parse(time, &at_ms);
    assert(rc == 0);
    fixture_id(transfer, id);
    fixture_id(child, ref);
    return owners_text(engine_owner_at(self->engine, id, ref, dimension, at_ms, owners), owners);
}

struct clock_search {
    const char *id;
    struct engine_clock *out;
    bool found;
};

static void match_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    struct clock_search *search = context;

    (void)subject;
    if (strcmp(clock->info->id, search->id) == 0) {
        *search->out = *clock;
        search->found = true;
    }
}

bool fixture_clock(struct engine_fixture *self, const char *transfer, const char *child,
    const char *id, struct engine_clock *out)
{
    struct clock_search search = {id, out, false};
    uint8_t transfer_id[UUID_BYTES];
    uint8_t ref[UUID_BYTES];

    fixture_id(transfer, transfer_id);
    fixture_id(child, ref);
    engine_clocks(self->engine, transfer_id, ref, match_clock, &search);
    return search.found;
}

static void match_outstanding(void *context, const char *id, int64_t since_ms)
{
    struct clock_search *search = context;

    (void)since_ms;
    search->found = search->found || strcmp(id, search->id) == 0;
}

bool fixture_outstanding(
    struct engine_fixture *self, const char *transfer, const char *child, const char *id)
{
    struct clock_search search = {id, NULL, false};
    uint8_t transfer_id[UUID_BYTES];
    uint8_t ref[UUID_BYTES];

    fixture_id(transfer, transfer_id);
    fixture_id(child, ref);
    engine_outstanding(self->engine, transfer_id, ref, match_outstanding, &search);
    return search.found;
}

int fixture_logged(const struct engine_fixture *self, const char *text)
{
    int count = 0;

    if (self->log.len == 0) {
        return 0;
    }
    char *copy = mem_new(self->log.len + 1, 1);
    memcpy(copy, self->log.data, self->log.len);
    for (const char *at = copy; (at = strstr(at, text)) != NULL; at += strlen(text)) {
        count++;
    }
    free(copy);
    return count;
}
