/*
 * parser_event: CODE sends KIND ... : the event as its agent would send it, facts checked, encoded,
 * its payload sealed. What the codec refuses is returned with the codec's sentence.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/lab/parser.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/words.h"
#include "common/crypto/hash.h"

#include "common/base/banned.h"

enum { AGENT_INCARNATION = 1 };

#define HASH_FIRST UINT64_C(14695981039346656037)
#define HASH_FACTOR UINT64_C(1099511628211)

/* What stands after CODE sends, sorted. */
struct sending {
    const struct kind_info *kind;
    struct target target;
    char from[CODE_BYTES + 1];
    const char *to;    /* NULL for the other party */
    const char *label; /* NULL */
    int64_t occurred_ms;
    size_t clear_count, sealed_count;
    struct fact_text clear[SCENARIO_FACTS_MAX];
    struct fact_text sealed[SCENARIO_FACTS_MAX];
};

/* Where a pair of codes stands, or an empty slot: the table is never more than half full. */
static struct counter *counter_slot(
    struct counter *counters, size_t capacity, const char *from, const char *to)
{
    uint64_t hash = HASH_FIRST;

    for (const char *at = from; *at != '\0'; at++) {
        hash = (hash ^ (uint8_t)*at) * HASH_FACTOR;
    }
    for (const char *at = to; *at != '\0'; at++) {
        hash = (hash ^ (uint8_t)*at) * HASH_FACTOR;
    }
    for (size_t slot = (hash >> 32) % capacity;; slot = (slot + 1) % capacity) {
        struct counter *counter = &counters[slot];
        if (counter->last == 0 ||
            (strcmp(counter->from, from) == 0 && strcmp(counter->to, to) == 0)) {
            return counter;
        }
    }
}

static void counters_grow(struct parser *self)
{
    size_t capacity = self->counter_capacity == 0 ? 128 : self->counter_capacity * 2;
    struct counter *grown = mem_new(capacity, sizeof *grown);

    for (size_t i = 0; i < self->counter_capacity; i++) {
        const struct counter *old = &self->counters[i];
        if (old->last != 0) {
            *counter_slot(grown, capacity, old->from, old->to) = *old;
        }
    }
    free(self->counters);
    self->counters = grown;
    self->counter_capacity = capacity;
}

uint64_t counter_next(struct parser *self, const char *from, const char *to)
{
    if (2 * self->counter_count >= self->counter_capacity) {
        counters_grow(self);
    }
    struct counter *counter = counter_slot(self->counters, self->counter_capacity, from, to);
    if (counter->last == 0) {
        memcpy(counter->from, from, CODE_BYTES + 1);
        memcpy(counter->to, to, strlen(to) + 1);
        self->counter_count++;
    }
    return ++counter->last;
}

/* ---- values that mean something in a scenario ---- */

static const char *id_text(struct parser *self, const uint8_t *id)
{
    char text[UUID_TEXT_BYTES];

    uuid_format(id, text);
    return shelf_text(self->shelf, text, strlen(text));
}

static int value_of_ref(struct parser *self, const char *value, const char **out)
{
    uint32_t event;
    int rc = find_event(self, value, &event);

    if (rc == 0) {
        *out = id_text(self, self->scenario->events[event].id);
    }
    return rc;
}

static int value_of_subject(struct parser *self, const char *value, const char **out)
{
    uint32_t child;
    int rc = find_child(self, value, &child);

    if (rc == 0) {
        *out = id_text(self, self->scenario->children[child].ref);
    }
    return rc;
}

static int value_of_time(struct parser *self, const char *value, const char **out)
{
    struct timepoint moment;
    char text[CIVIL_STAMP_BYTES];
    int rc = find_moment(self, value, &moment);

    if (rc == 0 && moment.whole_day) {
        civil_stamp_utc(moment.from_ms, text);
        *out = shelf_text(self->shelf, text, strlen(text));
    }
    return rc;
}

/*
 * Codes of the register mean their successor of the day; those of other countries stand as they
 * are.
 */
static int value_of_codes(struct parser *self, const char *value, const char **out)
{
    const char *items[SCENARIO_LIST_MAX];
    size_t count = 0;
    struct buf text = {0};
    int rc = words_split(self->shelf, value, items, SCENARIO_LIST_MAX, &count, self->why);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        char code[CODE_BYTES + 1];
        const char *item = items[i];
        if (item[0] == 'E') {
            rc = find_code(self, item, parser_today(self), code);
            item = code;
        }
        if (rc == 0) {
            buf_put_text(&text, "%s%s", i == 0 ? "" : ",", item);
        }
    }
    if (rc == 0) {
        *out = shelf_text(self->shelf, (const char *)text.data, text.len);
    }
    buf_free(&text);
    return rc;
}

/* Ids that name a row of our own tables are looked up. */
static int check_id_value(struct parser *self, const struct fact_info *fact, const char *value)
{
    const char *items[SCENARIO_LIST_MAX];
    size_t count = 0;
    bool clock = strcmp(fact->name, "clock") == 0;

    if (!clock && strcmp(fact->name, "rule_set_aside") != 0) {
        return 0;
    }
    int rc = words_split(self->shelf, value, items, SCENARIO_LIST_MAX, &count, self->why);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct clock_info *known_clock;
        const struct rule_info *known_rule;
        rc = clock ? find_clock(self, items[i], &known_clock)
                   : find_rule(self, items[i], &known_rule);
    }
    return rc;
}

static int value_of(
    struct parser *self, const struct fact_info *fact, const char *value, const char **out)
{
    *out = value;
    if (fact->sealed) {
        return 0;
    }
    switch (fact->type) {
    case FACT_REF:
        return value_of_ref(self, value, out);
    case FACT_SUBJECT:
        return value_of_subject(self, value, out);
    case FACT_TIME:
        return value_of_time(self, value, out);
    case FACT_CODE:
        return value_of_codes(self, value, out);
    case FACT_ID:
        return check_id_value(self, fact, value);
    case FACT_BOOL:
    case FACT_INT:
    case FACT_ENUM:
    case FACT_DATE:
    case FACT_HASH:
    case FACT_TEXT:
        break;
    }
    return 0;
}

/* ---- facts ---- */

/* The value of a fact of that name, NULL where it is not stated. */
static const char *stated(const struct fact_text *facts, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(facts[i].name, name) == 0) {
            return facts[i].value;
        }
    }
    return NULL;
}

static int add_fact(struct parser *self, struct fact_text *facts, size_t *count, const char *name,
    const char *value)
{
    if (stated(facts, *count, name) != NULL) {
        return complain(self->why, E_FACT_VALUE, "fact %s is stated twice", name);
    }
    if (*count == SCENARIO_FACTS_MAX) {
        return complain(
            self->why, E_TOO_LARGE, "a statement has at most %d facts", SCENARIO_FACTS_MAX);
    }
    facts[(*count)++] = (struct fact_text){.name = name, .value = value};
    return 0;
}

/* The nearest of the facts that this kind carries and the words of the statement itself. */
static const char *nearest_fact(const struct kind_info *kind, const char *name)
{
    const char *known[CATALOGUE_FACTS_MAX];
    size_t count = 0;

    known[count++] = "to";
    known[count++] = "as";
    known[count++] = "occurred";
    for (uint32_t i = 1; i <= catalogue_fact_count() && count < CATALOGUE_FACTS_MAX; i++) {
        const struct fact_info *fact = catalogue_fact(i);
        if (fact->envelope || fact->sealed || kind_lists(kind, i)) {
            known[count++] = fact->name;
        }
    }
    return words_nearest_of(name, known, count);
}

static int take_fact(struct parser *self, struct sending *sending, const struct word *word)
{
    const struct fact_info *fact = catalogue_fact_named(word->key);
    const char *value;

    if (fact == NULL) {
        return unknown_word(
            self, E_FACT, "fact", word->key, nearest_fact(sending->kind, word->key));
    }
    if (word->text[0] == '\0') {
        return complain(self->why, E_FACT_VALUE, "%s= has no value", word->key);
    }
    int rc = value_of(self, fact, word->text, &value);
    if (rc != 0) {
        return rc;
    }
    return fact->sealed ? add_fact(self, sending->sealed, &sending->sealed_count, word->key, value)
                        : add_fact(self, sending->clear, &sending->clear_count, word->key, value);
}

/* A clear fact that says yes of a sealed one, where the kind carries it and nothing else was stated. */
static int add_yes(struct parser *self, struct sending *sending, const char *name)
{
    const struct fact_info *fact = name != NULL ? catalogue_fact_named(name) : NULL;

    if (fact == NULL || !kind_lists(sending->kind, fact->number) ||
        stated(sending->clear, sending->clear_count, name) != NULL) {
        return 0;
    }
    return add_fact(self, sending->clear, &sending->clear_count, name, "yes");
}

/*
 * What the agent sets by itself: clear companions of sealed words, and a digest for each document.
 */
static int add_companions(struct parser *self, struct sending *sending)
{
    const struct fact_info *hashes = catalogue_fact_named("document_hashes");
    const char *documents = stated(sending->clear, sending->clear_count, "documents");
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sending->sealed_count; i++) {
        rc = add_yes(self, sending, fact_companion(sending->sealed[i].name));
    }
    if (rc == 0 &&
        is_18_on(stated(sending->sealed, sending->sealed_count, "dob"),
            stated(sending->clear, sending->clear_count, "conference_date"))) {
        rc = add_yes(self, sending, "turns_18_before_conference");
    }
    if (rc != 0 || documents == NULL || !kind_lists(sending->kind, hashes->number) ||
        stated(sending->clear, sending->clear_count, "document_hashes") != NULL) {
        return rc;
    }
    return add_fact(self, sending->clear, &sending->clear_count, "document_hashes", documents);
}

static int take_words(struct parser *self, struct sending *sending)
{
    for (size_t i = 4; i < self->words.count; i++) {
        const struct word *word = &self->words.at[i];
        int rc = 0;
        if (word->key == NULL) {
            rc = unknown_word(
                self, E_USAGE, "word", word->text, nearest_fact(sending->kind, word->text));
        } else if (strcmp(word->key, "to") == 0) {
            sending->to = word->text;
        } else if (strcmp(word->key, "as") == 0) {
            sending->label = word->text;
            rc = find_name(self, "label", word->text);
        } else if (strcmp(word->key, "occurred") == 0) {
            rc = find_instant(self, word->text, &sending->occurred_ms);
        } else {
            rc = take_fact(self, sending, word);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return add_companions(self, sending);
}

/* ---- recipients ---- */

static void add_recipient(
    struct parser *self, const char *from, const char *code, struct event_view *head)
{
    struct recipient *to = &head->to[head->recipient_count++];

    memcpy(to->code, code, CODE_BYTES + 1);
    to->n = counter_next(self, from, code);
}

/* Does a code of the transfer stand for this sender today? */
static bool is_party(const struct parser *self, const char *party, const char *sender)
{
    const char *route = procedures_route(self->scenario->procedures, party, parser_today(self));

    return strcmp(party, sender) == 0 || (route != NULL && strcmp(route, sender) == 0);
}

static int set_recipients(
    struct parser *self, const struct sending *sending, struct event_view *head)
{
    const struct scenario_transfer *transfer = &self->scenario->transfers[sending->target.transfer];
    const char *codes[RECIPIENTS_MAX];
    size_t count = 0;

    if (sending->to == NULL) {
        if (!is_party(self, transfer->origin, sending->from)) {
            add_recipient(self, sending->from, transfer->origin, head);
        }
        if (!is_party(self, transfer->receiving, sending->from)) {
            add_recipient(self, sending->from, transfer->receiving, head);
        }
        return 0;
    }
    int rc = words_split(self->shelf, sending->to, codes, RECIPIENTS_MAX, &count, self->why);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (!event_code_valid(slice_of_text(codes[i]))) {
            rc = complain(self->why, E_CODE,
                "to=%s is no authority code: E, W, S or N and eight digits", codes[i]);
        } else {
            add_recipient(self, sending->from, codes[i], head);
        }
    }
    return rc;
}

/* ---- bytes ---- */

static int64_t no_time(void *context)
{
    (void)context;
    return 0;
}

/*
 * Keys and nonces from the event's id: the same file gives the same bytes everywhere. Nothing here
 * is a secret.
 */
static void from_id(void *context, void *out, size_t len)
{
    uint8_t seed[randombytes_SEEDBYTES] = {0};

    memcpy(seed, context, UUID_BYTES);
    randombytes_buf_deterministic(out, len, seed);
}

static int seal(struct parser *self, const struct sending *sending, struct scenario_event *event,
    struct slice header, struct slice facts, struct seal_commitment *commitment)
{
    const struct world world = {
        .wall_ms = no_time, .mono_ms = no_time, .random = from_id, .context = event->id};
    struct buf plain = {0};
    struct buf ciphertext = {0};
    uint8_t key[SEAL_KEY_BYTES];
    int rc = payload_encode(sending->sealed, sending->sealed_count, NULL, 0, &plain, self->why);

    if (rc == 0) {
        rc = seal_payload(
            &world, header, facts, event->id, buf_slice(&plain), &ciphertext, key, commitment);
        sodium_memzero(key, sizeof key);
    }
    if (rc == 0) {
        event->payload = shelf_bytes(self->scenario->shelf, buf_slice(&ciphertext));
    }
    buf_free(&plain);
    buf_free(&ciphertext);
    return rc;
}

/* Join, and read and check as the broker will. */
static int finish(struct parser *self, struct scenario_event *event, struct slice header,
    struct slice facts, const struct seal_commitment *commitment)
{
    struct buf bytes = {0};
    struct event_view view;

    event_join(header, facts, commitment, &bytes);
    int rc = event_read(buf_slice(&bytes), &view, self->why);
    if (rc == 0) {
        rc = event_check(&view, self->now_ms, false, self->why);
    }
    if (rc == 0) {
        event->bytes = shelf_bytes(self->scenario->shelf, buf_slice(&bytes));
    }
    buf_free(&bytes);
    return rc;
}

/* A statement's words are forgotten with it; of those that agents seal a copy stays. */
static void keep_sealed(
    struct parser *self, const struct sending *sending, struct scenario_event *event)
{
    shelf_t *shelf = self->scenario->shelf;
    struct fact_text *kept;

    if (sending->sealed_count == 0) {
        return;
    }
    kept = shelf_take(shelf, sending->sealed_count + 1, sizeof *kept);
    for (size_t i = 0; i < sending->sealed_count; i++) {
        const struct fact_text *fact = &sending->sealed[i];
        kept[i] = (struct fact_text){shelf_text(shelf, fact->name, strlen(fact->name)),
            shelf_text(shelf, fact->value, strlen(fact->value))};
    }
    event->sealed = kept;
}

static int build(struct parser *self, const struct sending *sending, const struct event_view *head,
    struct scenario_event *event)
{
    const struct event_draft draft = {
        .head = *head, .facts = sending->clear, .fact_count = sending->clear_count};
    struct seal_commitment commitment;
    struct buf header = {0};
    struct buf facts = {0};
    assert(sending->kind != NULL);
    bool payload = sending->sealed_count > 0 || sending->kind->carries_documents;
    int rc = event_encode(&draft, &header, &facts, self->why);

    if (rc == 0 && payload) {
        rc = seal(self, sending, event, buf_slice(&header), buf_slice(&facts), &commitment);
    }
    if (rc == 0) {
        rc = finish(
            self, event, buf_slice(&header), buf_slice(&facts), payload ? &commitment : NULL);
    }
    buf_free(&header);
    buf_free(&facts);
    return rc;
}

static void set_head(struct parser *self, const struct sending *sending, struct event_view *head)
{
    const struct scenario_transfer *transfer = &self->scenario->transfers[sending->target.transfer];

    head->kind = sending->kind->number;
    head->schema = CATALOGUE_SCHEMA;
    memcpy(head->transfer, transfer->id, UUID_BYTES);
    memcpy(head->origin, transfer->origin, sizeof head->origin);
    memcpy(head->receiving, transfer->receiving, sizeof head->receiving);
    memcpy(head->from, sending->from, sizeof head->from);
    for (uint32_t i = 0; i < sending->target.child_count; i++) {
        const struct scenario_child *child = &self->scenario->children[sending->target.children[i]];
        struct subject *subject = &head->subjects[head->subject_count++];
        memcpy(subject->ref, child->ref, UUID_BYTES);
        subject->case_type = child->case_type;
    }
    head->occurred_ms = sending->occurred_ms;
    head->sent_ms = self->now_ms;
    if (transfer->profile != NULL) {
        size_t len = strlen(transfer->profile);
        memcpy(head->profile, transfer->profile, len < sizeof head->profile ? len : 0);
    }
    head->incarnation = AGENT_INCARNATION;
    head->sequence = counter_next(self, sending->from, "");
}

/*
 * UUIDv7: the time of sending, then the event's number, so that it rises with every event of the
 * file.
 */
static void set_id(const struct parser *self, uint32_t number, uint8_t *id)
{
    uint64_t ms = (uint64_t)self->now_ms;

    for (size_t i = 0; i < 6; i++) {
        id[i] = (uint8_t)(ms >> (40 - 8 * i));
    }
    id[6] = 0x70;
    id[8] = 0x80;
    for (size_t i = 0; i < 4; i++) {
        id[12 + i] = (uint8_t)(number >> (24 - 8 * i));
    }
}

/* ---- the statement ---- */

static int take_head(struct parser *self, const char *from_word, struct sending *sending)
{
    if (!self->has_clock) {
        return complain(self->why, E_USAGE, "an event needs a time: write at TIME before it");
    }
    if (self->words.count < 4 || self->words.at[2].key != NULL || self->words.at[3].key != NULL) {
        return complain(self->why, E_USAGE,
            "write: CODE sends KIND T[/NAME,...] [to=CODE,...] [fact=value ...] [as=LABEL]");
    }
    sending->occurred_ms = self->now_ms;
    int rc = find_code(self, from_word, parser_today(self), sending->from);
    rc = rc == 0 ? find_kind(self, self->words.at[2].text, &sending->kind) : rc;
    rc = rc == 0 ? find_target(self, self->words.at[3].text, &sending->target) : rc;
    rc = rc == 0 ? take_words(self, sending) : rc;
    if (rc == 0 && sending->label != NULL && label_find(self, sending->label) != SCENARIO_NONE) {
        rc = complain(self->why, E_EXISTS, "label %s names the event of line %u already",
            sending->label,
            (unsigned)self->scenario->events[label_find(self, sending->label)].line);
    }
    return rc;
}

static void label_add(struct parser *self, uint32_t event)
{
    self->labels =
        mem_grow(self->labels, self->label_count, &self->label_capacity, sizeof *self->labels);
    self->labels[self->label_count++] = event;
}

int parse_sends(struct parser *self, const char *from_word, struct statement *statement)
{
    struct sending sending = {0};
    struct event_view head = {0};
    int rc = take_head(self, from_word, &sending);

    if (rc != 0) {
        return rc;
    }
    assert(sending.kind != NULL);
    struct scenario_event *event = event_new(self);
    uint32_t index = (uint32_t)(event - self->scenario->events);
    set_id(self, index, event->id);
    memcpy(head.id, event->id, UUID_BYTES);
    set_head(self, &sending, &head);
    rc = set_recipients(self, &sending, &head);
    rc = rc == 0 ? build(self, &sending, &head, event) : rc;
    if (rc != 0) {
        return rc;
    }
    keep_sealed(self, &sending, event);
    if (sending.label != NULL) {
        event->label = shelf_text(self->scenario->shelf, sending.label, strlen(sending.label));
    }
    event->transfer = sending.target.transfer;
    event->child_count = sending.target.child_count;
    event->children = sending.target.children;
    event->kind = sending.kind->number;
    memcpy(event->from, sending.from, sizeof event->from);
    event->sent_ms = self->now_ms;
    if (sending.label != NULL) {
        label_add(self, index);
    }
    statement->kind = STATEMENT_SENDS;
    statement->event = index;
    memcpy(statement->code, sending.from, sizeof statement->code);
    self->last_event = index;
    return 0;
}
