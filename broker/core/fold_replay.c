/*
 * fold_replay: after a start the engine is built again from the journal's first record, in slices, so that delivery
 * does not wait for it. Derived records that stand there are facts: the engine's words are held against them and
 * counted where they differ; those that a crash cut off are made when the end is reached.
 *
 * A journal that cannot be read ends it: the broker goes on without verdicts, and says so loudly.
 */
#include "broker/core/core_internal.h"

#include <string.h>

#include "common/base/log.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

struct slicing {
    core_t *core;
    size_t left;
};

/* What the engine said before, and the journal does not. */
static void group_begin(struct fold *fold)
{
    size_t left = fold->item_count - fold->item_first;

    fold->differences += left;
    fold->item_first = fold->item_count;
    fold->group_differs = false;
}

static void differ(struct fold *fold)
{
    fold->differences++;
    fold->group_differs = true;
}

/* ---- record by record ---- */

/* How many events it was about. */
static size_t replay_judged(core_t *self, struct slice bytes)
{
    struct fold *fold = &self->fold;
    struct cursor body = cursor_of(bytes);
    uint64_t leaf = take_u64(&body);
    uint64_t position = take_u64(&body);
    uint32_t count = take_u32(&body);
    int64_t at_ms = record_folded_at(bytes);

    if (leaf >= UINT64_MAX - FORM_RELEASE || at_ms == 0) {
        return 0;
    }
    group_begin(fold);
    struct view *view = view_get(self, position);
    for (uint32_t i = 0; i < count && !body.failed; i++) {
        uint8_t recorded = take_u8(&body);
        for (uint64_t targets = take_varint(&body); targets > 0 && !body.failed; targets--) {
            (void)take_varint(&body);
        }
        if ((recorded & JUDGED_LEFT_OUT) != 0) {
            continue; /* the engine has never seen it */
        }
        bool same =
            view != NULL && i < view->batch.count && fold_event(self, view, i, at_ms) == recorded;
        if (!same) {
            differ(fold);
        }
    }
    return count;
}

static bool id_is(bool has, const uint8_t *id, protobuf_c_boolean told, ProtobufCBinaryData bytes)
{
    return has == (told != 0) &&
        (!has || (bytes.len == UUID_BYTES && memcmp(id, bytes.data, UUID_BYTES) == 0));
}

static bool text_is(const char *text, const char *told)
{
    return strcmp(text, told == NULL ? "" : told) == 0;
}

static bool item_is(
    const struct fold *fold, const struct fold_item *item, const Waypost__Derived *derived)
{
    return item->kind->number == derived->kind && item->at_ms == derived->at_ms &&
        id_is(item->has_transfer, item->transfer, derived->has_transfer, derived->transfer) &&
        id_is(item->has_subject, item->subject, derived->has_subject, derived->subject) &&
        id_is(item->has_event, item->event, derived->has_event, derived->event) &&
        text_is(item->clock, derived->clock) && text_is(item->rule, derived->rule) &&
        text_is((const char *)fold->texts.data + item->detail, derived->detail);
}

static int replay_derived(void *context, const Waypost__Derived *derived)
{
    core_t *self = context;
    struct fold *fold = &self->fold;

    if (derived->kind == WAYPOST__SYSTEM_KIND__DEADLINES_RUN && fold_on(self)) {
        group_begin(fold);
        fold->time_ms = derived->at_ms;
        engine_advance(fold->engine, derived->at_ms);
    } else if (derived_said_by_engine(derived)) {
        bool same = fold->item_first < fold->item_count &&
            item_is(fold, &fold->items[fold->item_first], derived);
        fold->item_first += fold->item_first < fold->item_count;
        if (!same) {
            differ(fold);
        }
    }
    return 0;
}

static int replay_input(core_t *self, struct slice bytes, uint64_t position)
{
    struct cursor body = cursor_of(bytes);
    struct complaint why = {0};
    procedures_t *tables = NULL;

    if (take_u32(&body) != INPUT_PROCEDURES) {
        return 0;
    }
    int64_t at_ms = (int64_t)take_u64(&body);
    group_begin(&self->fold);
    int rc = body.failed ? E_CORRUPT : inputs_load(self, body.rest, &tables, &why);
    if (rc == 0) {
        rc = inputs_enforce(self, &tables, at_ms);
    }
    procedures_destroy(&tables);
    if (rc != 0) {
        log_errorx("procedures of the journal cannot be used: %s", why.text);
        return rc;
    }
    self->fold.files = inputs_hash(body.rest);
    self->fold.has_files = true;
    self->fold.input_position = position;
    return 0;
}

/* Records that the disk has lost are looked at when all are read: those behind them may say what they were. */
static int note_gap(struct fold *fold, const struct record *record)
{
    if (record->sequence != fold->next_leaf) {
        fold->losses = fold->losses != NULL ? fold->losses : mem_new(1, sizeof *fold->losses);
        if (!lost_note(fold->losses, fold->next_leaf, record->sequence)) {
            return E_CORRUPT;
        }
    }
    if (fold->losses != NULL) {
        lost_claim(fold->losses, record);
    }
    return 0;
}

/* Does the engine stand where the whole journal would have brought it? */
static bool lacks_record(const struct fold *fold)
{
    for (size_t i = 0; fold->losses != NULL && i < fold->losses->count; i++) {
        const struct lost *lost = &fold->losses->at[i];
        if (lost->kind == LOST_UNKNOWN || (lost->kind == LOST_BATCH && lost->folded)) {
            return true;
        }
    }
    return false;
}

static int replay_visit(void *context, const struct record *record, uint64_t position)
{
    struct slicing *slicing = context;
    core_t *self = slicing->core;
    int rc = 0;

    if (record->sequence >= self->fold.upto || slicing->left == 0) {
        return E_BUSY; /* enough for now */
    }
    slicing->left--;
    rc = note_gap(&self->fold, record);
    self->fold.unsaved_bytes += RECORD_HEADER_BYTES + record->body.len + record->payload.len;
    self->fold.next_leaf = record->sequence + 1;
    self->fold.next_position = position;
    if (rc != 0) {
        return rc;
    }
    switch (record->type) {
    case RECORD_INPUT:
        rc = replay_input(self, record->body, position);
        break;
    case RECORD_JUDGED:
        if (fold_on(self)) {
            size_t events = replay_judged(self, record->body);
            slicing->left -= events < slicing->left ? events : slicing->left;
        }
        break;
    case RECORD_ACKED:
        if (fold_on(self) && record_folded_at(record->body) != 0) {
            group_begin(&self->fold);
            fold_acked(self, record->body);
        }
        break;
    case RECORD_PAYLOAD_ERASED:
        group_begin(&self->fold);
        fold_erased(self, record->body);
        break;
    case RECORD_DERIVED:
        (void)derived_walk(self->arena_body, record->body, replay_derived, self);
        break;
    default:
        break;
    }
    return rc;
}

/* ---- slices ---- */

static void give_up(core_t *self, int rc)
{
    log_errorx("procedures off: the journal cannot be folded beyond leaf %llu: %s; events go on "
               "unjudged; run waypost verify",
        (unsigned long long)self->fold.next_leaf, err_text(rc));
    engine_destroy(&self->fold.engine);
    procedures_destroy(&self->fold.tables);
    procedures_destroy(&self->fold.resting);
    self->fold.item_first = self->fold.item_count;
    self->fold.differences = 0; /* what it said without the record says nothing */
}

void fold_lost_tell(core_t *self)
{
    if (self->losses.count == 0) { /* else the start has named the place */
        core_alarm(self, "journal_damaged",
            "a record that the procedures need cannot be read: events go out unjudged, no deadline "
            "is watched: put back the record that waypost verify names, and start again");
    }
}

/* A crash may have cut off the end of the last group: it is made now. Where another engine speaks, nothing is. */
static void replay_end(core_t *self)
{
    struct fold *fold = &self->fold;

    fold->caught_up = true;
    if (fold->group_differs || !fold_on(self)) {
        group_begin(fold);
    }
    fold_flush(self);
    if (fold->differences > 0) {
        self->counters[COUNTER_FOLD_DIFFERENCES] += fold->differences;
        log_warnx("journal and engine differ count=%llu: another version judged; what is recorded "
                  "stands",
            (unsigned long long)fold->differences);
    }
    fold_tick(self);
}

void fold_replay(core_t *self, size_t events)
{
    struct fold *fold = &self->fold;
    struct slicing slicing = {self, events};

    fold->replaying = true;
    int rc = fold->next_leaf >= fold->upto ? 0
                                           : journal_replay(self->journal, fold->next_leaf,
                                                 fold->next_position, replay_visit, &slicing);
    fold->replaying = false;
    if (rc == E_BUSY && slicing.left == 0 && fold->next_leaf < fold->upto) {
        return;
    }
    rc = rc == E_BUSY ? 0 : rc;
    if (rc == 0 && (fold->next_leaf < fold->upto || lacks_record(fold))) {
        fold->lost = true;
        rc = E_CORRUPT;
    }
    if (fold->lost && fold->has_files) {
        fold_lost_tell(self);
    }
    if (rc != 0) {
        give_up(self, rc);
    }
    replay_end(self);
}

bool core_folding(const core_t *self)
{
    return !fold_ready(self);
}

/* A slice of whatever is to be done before anything can be folded again. */
static void fold_step(core_t *self)
{
    if (self->fold.saving != NULL) {
        fold_save_step(self);
    } else if (!fold_load_step(self)) {
        fold_replay(self, FOLD_SLICE_EVENTS);
    }
}

/* A snapshot of more than one slice: deliveries do not wait for it. */
static bool loads_long(const struct fold *fold)
{
    return fold->snapshot != NULL && journal_snapshot_state(fold->snapshot).len >= FOLD_LOAD_BYTES;
}

void fold_start(core_t *self)
{
    self->fold.upto = journal_head(self->journal)->size;
    mark_start(self);
    fold_load_open(self);
    for (int i = 0; i < FOLD_START_SLICES && !fold_ready(self) && !loads_long(&self->fold); i++) {
        fold_step(self);
    }
}

void core_fold(core_t *self)
{
    core_clock(self);
    if (fold_ready(self)) {
        return;
    }
    fold_step(self);
    if (fold_ready(self)) {
        judge_run(self);
        for (struct session *session = self->session_list; session != NULL;
             session = session->next) {
            ack_run(self, session);
        }
        delivery_pump(self);
    }
}
