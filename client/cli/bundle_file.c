/*
 * bundle_file: see bundle_file.h. Order: frame, head, registers; then each item by the register in force when it was
 * accepted; last the maker's signature over everything.
 */
#include "client/cli/bundle_file.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/bundle_words.h"
#include "common/base/check.h"
#include "common/base/utf8.h"
#include "common/base/uuid.h"
#include "common/codec/event.h"
#include "common/crypto/merkle.h"
#include "common/crypto/sign.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 16777216, RECORD_TYPE_BATCH = 2, RECORD_TYPE_DERIVED = 7 };

struct checking {
    struct bundle_view *view;
    const struct trust *trust;
    arena_t *arena;
    arena_t *inner;           /* of what a record says, one message after the other */
    struct hash chain_before; /* behind the section before the one at hand */
};

static struct slice bytes_of(ProtobufCBinaryData data)
{
    return slice_of(data.data, data.len);
}

static void fault(struct bundle_view *view, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fault(struct bundle_view *view, const char *format, ...)
{
    va_list args;

    view->broken++;
    if (view->fault[0] != '\0') {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(view->fault, sizeof view->fault, format, args);
    va_end(args);
}

static struct bundle_item *item_add(struct bundle_view *view)
{
    if (view->item_count == view->item_room) {
        view->item_room = view->item_room == 0 ? 64 : view->item_room * 2;
        struct bundle_item *grown = mem_new(view->item_room, sizeof *grown);
        if (view->item_count > 0) {
            memcpy(grown, view->items, view->item_count * sizeof *grown);
        }
        free(view->items);
        view->items = grown;
    }
    return &view->items[view->item_count++];
}

/* What an item proves, or why it does not. */
static void judge(struct bundle_view *view, struct bundle_item *item, enum bundle_mark mark,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

static void judge(struct bundle_view *view, struct bundle_item *item, enum bundle_mark mark,
    const char *format, ...)
{
    va_list args;

    item->mark = mark;
    view->broken += mark == BUNDLE_BROKEN ? 1 : 0;
    va_start(args, format);
    (void)vsnprintf(item->proof, sizeof item->proof, format, args);
    va_end(args);
}

/* ---- keys ---- */

/* The key of an agent by the register that was in force then: the newest of those that know it as valid. */
static const struct register_key *key_of(const struct bundle_view *view, const char *agent_id,
    struct slice key_id, int64_t at_ms, const struct register_agent **agent_out)
{
    for (size_t i = view->register_count; i > 0 && key_id.len == KEY_ID_BYTES; i--) {
        const struct register_agent *agent = register_agent_of(view->registers[i - 1], agent_id);
        const struct register_key *key =
            agent == NULL ? NULL : register_key_of(agent, REGISTER_KEY_SIGN, key_id.data);
        if (key != NULL && register_key_valid(agent, key, at_ms) == 0) {
            *agent_out = agent;
            return key;
        }
    }
    return NULL;
}

static bool signed_by(const struct bundle_view *view, const char *context, const char *agent_id,
    struct slice key_id, int64_t at_ms, const Waypost__Signed *said,
    const struct register_agent **agent)
{
    const struct register_key *key = key_of(view, agent_id, key_id, at_ms, agent);

    return key != NULL &&
        sign_check(context, bytes_of(said->statement), bytes_of(said->signature), key->key) == 0;
}

/* ---- places in the journal ---- */

static bool path_take(size_t count, const ProtobufCBinaryData *steps, struct merkle_path *out)
{
    *out = (struct merkle_path){.count = 0};
    if (count > MERKLE_PATH_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (steps[i].len != HASH_BYTES) {
            return false;
        }
        memcpy(out->step[i].b, steps[i].data, HASH_BYTES);
    }
    out->count = (uint32_t)count;
    return true;
}

static bool leaf_stands(const struct bundle_view *view, const struct hash *leaf, uint64_t index,
    size_t count, const ProtobufCBinaryData *steps)
{
    struct merkle_path path;
    struct hash root;

    memcpy(root.b, view->head_root_bytes, HASH_BYTES);
    return view->head_good && path_take(count, steps, &path) && index < view->head_size &&
        merkle_check(leaf, index, view->head_size, &path, &root) == 0;
}

/* Leaf of a record by the part of it that is known: a batch's statement hash, else H of the body (S-9). */
static struct hash leaf_of(const struct bundle_view *view, uint8_t type, uint64_t index,
    int64_t time_ms, const struct hash *part)
{
    static const char prefix[] = "\0waypost/record/1"; /* the terminator is the separator */
    struct buf bytes = {0};
    struct hash leaf;

    buf_put(&bytes, prefix, sizeof prefix);
    buf_put(&bytes, view->network, strlen(view->network) + 1);
    buf_put_u8(&bytes, type);
    buf_put_u64(&bytes, index);
    buf_put_u64(&bytes, (uint64_t)time_ms);
    buf_put(&bytes, part->b, HASH_BYTES);
    int failed = crypto_generichash(leaf.b, sizeof leaf.b, bytes.data, bytes.len, NULL, 0);
    assert(failed == 0);
    buf_free(&bytes);
    return leaf;
}

/* ---- sections ---- */

static int take_head(struct checking *self, struct slice bytes)
{
    struct bundle_view *view = self->view;
    const Waypost__BundleHead *head =
        message_decode(self->arena, &waypost__bundle_head__descriptor, bytes);

    if (head == NULL || head->transfer.len != UUID_BYTES ||
        strlen(head->network) > NETWORK_NAME_BYTES_MAX ||
        strlen(head->agent) > AGENT_ID_BYTES_MAX) {
        return E_MALFORMED;
    }
    (void)snprintf(view->network, sizeof view->network, "%s", head->network);
    (void)snprintf(view->maker, sizeof view->maker, "%s", head->agent);
    utf8_make_shown(view->network, ""); /* nothing says yet that the file is ours */
    utf8_make_shown(view->maker, "");
    uuid_format(head->transfer.data, view->transfer);
    view->made_ms = head->made_ms;
    if (head->head == NULL) {
        return 0;
    }
    const Waypost__Head *said =
        message_decode(self->arena, &waypost__head__descriptor, bytes_of(head->head->statement));
    if (said == NULL || said->root.len != HASH_BYTES || strcmp(said->network, view->network) != 0) {
        return E_MALFORMED;
    }
    view->has_head = true;
    view->head_size = said->size;
    view->head_ms = said->time_ms;
    memcpy(view->head_root_bytes, said->root.data, HASH_BYTES);
    hex_encode(said->root.data, HASH_BYTES, view->head_root);
    return 0;
}

/* The head's signature, once the registers are here: by a broker of the newest. */
static void check_head(struct checking *self, const Waypost__BundleHead *head)
{
    struct bundle_view *view = self->view;
    const register_t *book =
        view->register_count == 0 ? NULL : view->registers[view->register_count - 1];

    for (size_t i = 0; book != NULL && i < register_broker_count(book); i++) {
        const struct register_broker *broker = register_broker_at(book, i);
        if (sign_check(SIGN_CONTEXT_HEAD, bytes_of(head->head->statement),
                bytes_of(head->head->signature), broker->head_key) == 0 &&
            trust_judge_head(self->trust, broker->head_key) != 0) {
            view->head_good = true;
            memcpy(view->head_key, broker->head_key, sizeof view->head_key);
        }
    }
    if (!view->head_good) {
        fault(view, "the head of the journal bears no signature of a broker in the register");
    }
}

static int take_register(struct checking *self, struct slice bytes)
{
    struct bundle_view *view = self->view;
    struct complaint why = {0};
    struct register_pin pin;
    register_t *before =
        view->register_count == 0 ? NULL : view->registers[view->register_count - 1];
    register_t *fresh = NULL;

    if (view->register_count == BUNDLE_REGISTERS_MAX) {
        return E_TOO_LARGE;
    }
    int rc;
    if (before != NULL) {
        rc = register_load(bytes, NULL, before, &fresh, &why);
    } else if (self->trust->has_join) {
        join_pin(&self->trust->join, &pin);
        rc = register_load(bytes, &pin, NULL, &fresh, &why);
        view->registers_pinned = rc == 0;
    } else {
        rc = register_load_unpinned(bytes, &fresh, &why);
    }
    if (rc != 0) {
        fault(view, "a register in it does not count: %.200s", why.text);
        return 0; /* the rest is read all the same */
    }
    view->registers[view->register_count++] = fresh;
    return 0;
}

static void judge_event(
    struct checking *self, const Waypost__BundleEvent *event, struct bundle_item *item)
{
    struct bundle_view *view = self->view;
    const struct register_agent *agent = NULL;
    struct event_view read;
    struct merkle_path path;
    struct hash root;
    const Waypost__BatchStatement *said = message_decode(
        self->arena, &waypost__batch_statement__descriptor, bytes_of(event->batch->statement));
    struct hash leaf = hash_event_leaf(view->network, bytes_of(event->event));

    if (said == NULL || said->root.len != HASH_BYTES ||
        event_read(bytes_of(event->event), &read, NULL) != 0) {
        judge(view, item, BUNDLE_BROKEN, "the event or its sender's statement cannot be read");
        return;
    }
    memcpy(root.b, said->root.data, HASH_BYTES);
    if (event->index >= said->count || !path_take(event->n_path, event->path, &path) ||
        merkle_check(&leaf, event->index, said->count, &path, &root) != 0) {
        judge(view, item, BUNDLE_BROKEN, "the event is not one that its sender signed");
        return;
    }
    if (!signed_by(view, SIGN_CONTEXT_BATCH, said->agent, bytes_of(said->key_id),
            event->accepted_ms, event->batch, &agent) ||
        !register_agent_speaks_for(agent, read.from)) {
        judge(view, item, BUNDLE_BROKEN,
            "the signature of agent %.32s does not verify by a key of the register", said->agent);
        return;
    }
    struct hash part =
        hash_statement(bytes_of(event->batch->statement), bytes_of(event->batch->signature));
    struct hash record =
        leaf_of(view, RECORD_TYPE_BATCH, event->leaf_index, event->accepted_ms, &part);
    if (!event->proven) {
        judge(view, item, BUNDLE_SIGNED,
            "signed by agent %s with a key that counted then; its place in the journal (entry "
            "%llu) is not proven here",
            agent->id, (unsigned long long)event->leaf_index + 1);
        return;
    }
    if (!leaf_stands(view, &record, event->leaf_index, event->n_record_path, event->record_path)) {
        judge(view, item, BUNDLE_BROKEN,
            "signed by agent %s, but entry %llu of the journal is another", agent->id,
            (unsigned long long)event->leaf_index + 1);
        return;
    }
    judge(view, item, BUNDLE_PROVEN,
        "signed by agent %s with a key that counted then; entry %llu of the journal's %llu, "
        "accepted at that time",
        agent->id, (unsigned long long)event->leaf_index + 1, (unsigned long long)view->head_size);
}

static int take_event(struct checking *self, struct slice bytes)
{
    const Waypost__BundleEvent *event =
        message_decode(self->arena, &waypost__bundle_event__descriptor, bytes);

    if (event == NULL) {
        return E_MALFORMED;
    }
    struct bundle_item *item = item_add(self->view);
    item->at_ms = event->accepted_ms;
    item->leaf_index = event->leaf_index;
    bundle_words_event(self->view, event, item->words, sizeof item->words);
    struct event_view read;
    if (event_read(bytes_of(event->event), &read, NULL) == 0) {
        item->is_event = true;
        memcpy(item->event, read.id, UUID_BYTES);
    }
    judge_event(self, event, item);
    return 0;
}

static int take_ack(struct checking *self, struct slice bytes)
{
    struct bundle_view *view = self->view;
    const struct register_agent *agent = NULL;
    const Waypost__BundleAck *ack =
        message_decode(self->arena, &waypost__bundle_ack__descriptor, bytes);

    if (ack == NULL || ack->ack->n_events != 1 || ack->ack->events[0]->event.len != UUID_BYTES) {
        return E_MALFORMED;
    }
    const Waypost__AckedEvent *event = ack->ack->events[0];
    const Waypost__AckStatement *said = message_decode(
        self->arena, &waypost__ack_statement__descriptor, bytes_of(ack->ack->ack->statement));
    struct bundle_item *item = item_add(view);
    item->at_ms = event->at_ms;
    item->leaf_index = ack->ack->leaf_index;
    bundle_words_ack(view, ack->ack, item->words, sizeof item->words);
    if (said == NULL || strcmp(said->agent, ack->ack->agent) != 0 ||
        strcmp(said->network, view->network) != 0 ||
        !signed_by(view, SIGN_CONTEXT_ACK, said->agent, bytes_of(said->key_id), event->at_ms,
            ack->ack->ack, &agent)) {
        judge(view, item, BUNDLE_BROKEN,
            "the signature of agent %.32s does not verify by a key of the register",
            ack->ack->agent);
        return 0;
    }
    bool names = false;
    for (size_t i = 0; i < said->n_opened; i++) {
        names = names ||
            (said->opened[i]->event.len == UUID_BYTES &&
                memcmp(said->opened[i]->event.data, event->event.data, UUID_BYTES) == 0);
    }
    judge(view, item, BUNDLE_SIGNED, "%s",
        names ? "signed by that agent, and the event is named in what it signed"
              : "signed by that agent for its numbered stream; that this event is among those "
                "numbers is the broker's word");
    return 0;
}

/* A word on an erasure bears its own signature beside its place. */
static bool said_holds(
    struct checking *self, const Waypost__Derived *derived, int64_t recorded_ms, char *agent_out)
{
    const struct register_agent *agent = NULL;
    const Waypost__EraseStatement *said = derived->said == NULL
        ? NULL
        : message_decode(self->arena, &waypost__erase_statement__descriptor,
              bytes_of(derived->said->statement));

    if (said == NULL || !derived->has_event || said->event.len != UUID_BYTES ||
        derived->event.len != UUID_BYTES ||
        memcmp(said->event.data, derived->event.data, UUID_BYTES) != 0 ||
        !signed_by(self->view, SIGN_CONTEXT_ERASE, said->agent, bytes_of(said->key_id), recorded_ms,
            derived->said, &agent)) {
        return false;
    }
    (void)snprintf(agent_out, AGENT_ID_BYTES_MAX + 1, "%s", agent->id);
    return true;
}

/* What a record says stands where the record stands: one message of it at a time. */
struct record_taking {
    struct checking *checking;
    const Waypost__BundleRecord *record;
    bool stands;
};

static int judge_record(void *context, const Waypost__Derived *derived)
{
    struct record_taking *self = context;
    const Waypost__BundleRecord *record = self->record;
    struct bundle_view *view = self->checking->view;
    unsigned long long entry = (unsigned long long)record->leaf_index + 1;
    char agent[AGENT_ID_BYTES_MAX + 1] = "";

    struct bundle_item *item = item_add(view);
    item->at_ms = derived->at_ms;
    item->leaf_index = record->leaf_index;
    bundle_words_record(view, derived, record->recorded_ms, item->words, sizeof item->words);
    if (derived->said != NULL && !said_holds(self->checking, derived, record->recorded_ms, agent)) {
        judge(view, item, BUNDLE_BROKEN, "the signed word in it does not verify");
    } else if (!record->proven) {
        judge(view, item, agent[0] == '\0' ? BUNDLE_TOLD : BUNDLE_SIGNED,
            "%s%s%sits place in the journal (entry %llu) is not proven here",
            agent[0] == '\0' ? "the broker's word; " : "signed by agent ", agent,
            agent[0] == '\0' ? "" : "; ", entry);
    } else if (self->stands) {
        judge(view, item, BUNDLE_PROVEN, "%s%s%sentry %llu of the journal's %llu",
            agent[0] == '\0' ? "" : "signed by agent ", agent, agent[0] == '\0' ? "" : "; ", entry,
            (unsigned long long)view->head_size);
    } else {
        judge(view, item, BUNDLE_BROKEN, "entry %llu of the journal is another", entry);
    }
    return 0;
}

static int take_record(struct checking *self, struct slice bytes)
{
    struct record_taking taking = {.checking = self,
        .record = message_decode(self->arena, &waypost__bundle_record__descriptor, bytes)};
    const Waypost__BundleRecord *record = taking.record;

    if (record == NULL) {
        return E_MALFORMED;
    }
    struct hash part = hash_of("waypost/body/1", bytes_of(record->body), slice_of(NULL, 0));
    struct hash leaf =
        leaf_of(self->view, RECORD_TYPE_DERIVED, record->leaf_index, record->recorded_ms, &part);
    taking.stands = leaf_stands(
        self->view, &leaf, record->leaf_index, record->n_record_path, record->record_path);
    int rc = derived_walk(self->inner, bytes_of(record->body), judge_record, &taking);
    return rc == 0 ? 0 : E_MALFORMED;
}

/* What became of the maker's own events, by its story. */
static void judge_own(struct bundle_view *view)
{
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(view->story, "events"), i, row)
    {
        const char *id = json_string_value(json_object_get(row, "event"));
        uint8_t event[UUID_BYTES];
        if (id == NULL || uuid_parse(id, event) != 0) {
            continue;
        }
        for (size_t k = 0; k < view->item_count; k++) {
            struct bundle_item *item = &view->items[k];
            if (item->is_event && memcmp(item->event, event, UUID_BYTES) == 0) {
                bundle_words_judged(row, item->words, sizeof item->words);
            }
        }
    }
}

static int take_story(struct checking *self, struct slice bytes)
{
    json_decref(self->view->story);
    self->view->story =
        json_loadb((const char *)bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    if (self->view->story == NULL) {
        return E_MALFORMED;
    }
    judge_own(self->view);
    return 0;
}

static int take_end(struct checking *self, struct slice bytes)
{
    struct bundle_view *view = self->view;
    const struct register_agent *agent = NULL;
    const Waypost__BundleEnd *end =
        message_decode(self->arena, &waypost__bundle_end__descriptor, bytes);

    if (end == NULL) {
        return E_MALFORMED;
    }
    const struct register_key *key =
        key_of(view, view->maker, bytes_of(end->key_id), view->made_ms, &agent);
    if (key == NULL ||
        sign_check(SIGN_CONTEXT_BUNDLE, slice_of(self->chain_before.b, HASH_BYTES),
            bytes_of(end->signature), key->key) != 0) {
        fault(view, "the signature of its maker, agent %s, does not verify", view->maker);
        return 0;
    }
    view->ended = true;
    return 0;
}

static int (*const takers[])(struct checking *self, struct slice bytes) = {
    [BUNDLE_HEAD] = take_head,
    [BUNDLE_REGISTER] = take_register,
    [BUNDLE_EVENT] = take_event,
    [BUNDLE_ACK] = take_ack,
    [BUNDLE_RECORD] = take_record,
    [BUNDLE_STORY] = take_story,
    [BUNDLE_END] = take_end,
};

static const char *const type_words[] = {
    "", "head", "register", "event", "acknowledgement", "record", "story", "end"};

static int by_time(const void *a, const void *b)
{
    const struct bundle_item *one = a;
    const struct bundle_item *other = b;

    if (one->at_ms != other->at_ms) {
        return one->at_ms < other->at_ms ? -1 : 1;
    }
    return one->leaf_index < other->leaf_index ? -1 : one->leaf_index > other->leaf_index ? 1 : 0;
}

/* Events of one batch have one time and one place: their ids rise. */
static int by_event(const struct bundle_item *one, const struct bundle_item *other)
{
    int order = by_time(one, other);

    return order != 0 ? order : memcmp(one->event, other->event, UUID_BYTES);
}

/* One section; the head's signature is looked at when the registers are through. */
static int take_section(
    struct checking *self, uint32_t type, struct slice bytes, struct slice *head, bool *headed)
{
    if (type == BUNDLE_HEAD) {
        *head = bytes;
    }
    if (!*headed && type > BUNDLE_REGISTER && self->view->has_head) {
        *headed = true;
        arena_reset(self->arena);
        const Waypost__BundleHead *message =
            message_decode(self->arena, &waypost__bundle_head__descriptor, *head);
        if (message != NULL) {
            check_head(self, message);
        }
    }
    arena_reset(self->arena);
    return type < sizeof takers / sizeof takers[0] && takers[type] != NULL
        ? takers[type](self, bytes)
        : 0;
}

static void walk(struct checking *self, struct slice bytes)
{
    struct bundle_view *view = self->view;
    struct bundle_reader reader;
    struct slice section;
    struct slice head = {NULL, 0};
    uint32_t type = 0;
    bool headed = false;
    int rc;

    bundle_open(&reader, bytes);
    for (;;) {
        self->chain_before = reader.chain;
        size_t offset = reader.offset;
        rc = bundle_next(&reader, &type, &section);
        if (rc != 0) {
            break;
        }
        view->sections++;
        rc = view->ended || (view->sections == 1 && type != BUNDLE_HEAD)
            ? E_MALFORMED
            : take_section(self, type, section, &head, &headed);
        if (rc != 0) {
            fault(view, "section %u (%s), at byte %zu: %s", view->sections,
                type < 8 ? type_words[type] : "unknown", offset, err_text(rc));
            return;
        }
    }
    if (rc != E_END) {
        fault(view,
            "section %u, at byte %zu, was %s; what stands before it is whole, and nothing behind "
            "it is shown",
            reader.number, reader.offset, rc == E_CORRUPT ? "changed" : "cut short");
    } else if (!view->ended && view->fault[0] == '\0') {
        fault(view, "its end is missing at byte %zu: it was cut short; what is there is whole",
            reader.offset);
    }
}

int bundle_file_check(struct slice bytes, const struct trust *trust, struct bundle_view *out)
{
    *out = (struct bundle_view){.has_head = false};
    struct checking checking = {.view = out,
        .trust = trust,
        .arena = arena_new(ARENA_BYTES),
        .inner = arena_new(ARENA_BYTES)};

    if (bundle_begins(bytes)) {
        walk(&checking, bytes);
    } else {
        fault(out, "it does not begin as a bundle");
    }
    arena_destroy(&checking.arena);
    arena_destroy(&checking.inner);
    if (out->item_count > 0) {
        qsort(out->items, out->item_count, sizeof out->items[0], by_time);
    }
    return out->broken == 0 && out->ended ? 0 : E_CORRUPT;
}

void bundle_view_free(struct bundle_view *self)
{
    for (size_t i = 0; i < self->register_count; i++) {
        register_destroy(&self->registers[i]);
    }
    json_decref(self->story);
    free(self->items);
    *self = (struct bundle_view){.has_head = false};
}

const char *bundle_name(const struct bundle_view *self, const char *code, char *text)
{
    const struct register_authority *authority = self->register_count == 0
        ? NULL
        : register_authority_of(self->registers[self->register_count - 1], code);

    if (authority == NULL) {
        (void)snprintf(text, 200, "%.64s", code);
    } else {
        (void)snprintf(text, 200, "%.150s (%s)", authority->name, authority->code);
    }
    return text;
}

size_t bundle_event_number(const struct bundle_view *self, const uint8_t *event)
{
    const struct bundle_item *found = NULL;
    size_t before = 0;

    for (size_t i = 0; i < self->item_count; i++) {
        if (self->items[i].is_event && memcmp(self->items[i].event, event, UUID_BYTES) == 0) {
            found = &self->items[i];
        }
    }
    for (size_t i = 0; found != NULL && i < self->item_count; i++) {
        before += self->items[i].is_event && by_event(&self->items[i], found) < 0 ? 1 : 0;
    }
    return found == NULL ? 0 : before + 1;
}

const char *bundle_mark_word(enum bundle_mark mark)
{
    static const char *const words[] = {"proven", "signed", "told", "BROKEN"};

    return words[mark];
}
