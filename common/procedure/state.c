/* state: children, episodes, transfers and codes of the engine; merging two records of one child. Cannot fail. */
#include <string.h>

#include "common/base/civil.h"
#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

struct child *child_of(struct child *self)
{
    while (self->merged_into != NULL) {
        self = self->merged_into;
    }
    return self;
}

engine_t *asked(const engine_t *self)
{
    engine_t *engine =
        (engine_t *)(uintptr_t)self; /* which dossiers are open is no part of the state */

    dossiers_trim(engine);
    return engine;
}

struct transfer *transfer_find(engine_t *self, const uint8_t *id)
{
    return item_find(self, SHELF_TRANSFERS, id);
}

struct row *row_find(engine_t *self, const uint8_t *id)
{
    return item_find(self, SHELF_ROWS, id);
}

static struct episode *episode_in(
    const struct contents *contents, const uint8_t *transfer, const uint8_t *subject)
{
    uint8_t key[2 * UUID_BYTES];

    memcpy(key, transfer, UUID_BYTES);
    memcpy(key + UUID_BYTES, subject, UUID_BYTES);
    return contents_find(contents, SHELF_EPISODES, key);
}

struct episode *episode_find(engine_t *self, const uint8_t *transfer, const uint8_t *subject)
{
    const struct contents *contents = contents_with(self, SHELF_TRANSFERS, transfer);

    return contents != NULL ? episode_in(contents, transfer, subject) : NULL;
}

struct contents *contents_of_event(engine_t *self, const struct event_view *view)
{
    struct contents *all = contents_with(self, SHELF_TRANSFERS, view->transfer);

    for (size_t i = 0; i < view->subject_count; i++) {
        struct contents *contents = contents_with(self, SHELF_CHILDREN, view->subjects[i].ref);
        if (contents != NULL) {
            all = all == NULL ? contents : contents_join(self, all, contents);
        }
    }
    return all != NULL ? all : contents_begin(self);
}

static struct child *child_get(
    engine_t *self, struct contents *contents, const struct subject *subject, uint16_t origin)
{
    struct child *child = contents_find(contents, SHELF_CHILDREN, subject->ref);

    if (child != NULL) {
        return child;
    }
    child = pile_new(&contents->pile, sizeof *child);
    memcpy(child->ref, subject->ref, UUID_BYTES);
    child->case_owner = origin;
    child->first_origin = origin;
    child->case_type = subject->case_type;
    child->r46_since = NO_TIME;
    child->r61_since = NO_TIME;
    contents_add(self, contents, SHELF_CHILDREN, child);
    return child;
}

static struct transfer *transfer_get(
    engine_t *self, struct contents *contents, const struct engine_event *event)
{
    struct transfer *transfer = contents_find(contents, SHELF_TRANSFERS, event->view->transfer);

    if (transfer != NULL) {
        return transfer;
    }
    transfer = pile_new(&contents->pile, sizeof *transfer);
    memcpy(transfer->id, event->view->transfer, UUID_BYTES);
    transfer->origin = code_today(self, event->view->origin);
    transfer->receiving = code_today(self, event->view->receiving);
    transfer->first_origin = transfer->origin;
    transfer->first_receiving = transfer->receiving;
    if (event->view->profile[0] != '\0') { /* of a name that the tables lack: none */
        transfer->profile = procedures_profile_number(self->procedures, event->view->profile);
        self->forced[transfer->profile] = true;
    }
    contents_add(self, contents, SHELF_TRANSFERS, transfer);
    return transfer;
}

struct episode *episode_get(engine_t *self, struct contents *contents,
    const struct engine_event *event, const struct subject *subject)
{
    struct episode *episode = episode_in(contents, event->view->transfer, subject->ref);

    if (episode != NULL) {
        return episode;
    }
    struct transfer *transfer = transfer_get(self, contents, event);
    episode = pile_new(&contents->pile, sizeof *episode);
    episode->transfer = transfer;
    episode->child = child_get(self, contents, subject, transfer->origin);
    memcpy(episode->key, transfer->id, UUID_BYTES);
    memcpy(episode->key + UUID_BYTES, subject->ref, UUID_BYTES);
    episode->permanence = self->names->value[V_UNKNOWN];
    episode->retain_intention = self->names->value[V_UNDECIDED];
    episode->move_date = episode->expected_end = episode->flag_end = NO_DAY;
    episode->assessment_date = episode->transfer_date = episode->conference_date = NO_DAY;
    episode->residence_start = NO_DAY;
    episode->conference_ms = NO_TIME;
    episode->documents_persisted_ms = NO_TIME;
    episode->rent = transfer->origin;
    episode->other_cost = transfer->receiving;
    list_add_pointer(&transfer->episodes, episode);
    list_add_pointer(&child_of(episode->child)->episodes, episode);
    contents_add(self, contents, SHELF_EPISODES, episode);
    return episode;
}

bool conference_was_held(const struct episode *self)
{
    return self->conference_any;
}

/* ---- outstanding ---- */

bool is_outstanding(const struct episode *self, uint32_t rule)
{
    const struct outstanding *items = self->outstanding.items;

    for (uint32_t i = 0; i < self->outstanding.count; i++) {
        if (items[i].rule == rule) {
            return true;
        }
    }
    return false;
}

void outstanding_begin(struct episode *self, uint32_t rule, int64_t since_ms)
{
    if (!is_outstanding(self, rule)) {
        struct outstanding *made = list_add(&self->outstanding, sizeof *made);
        *made = (struct outstanding){rule, since_ms};
    }
}

void outstanding_end(struct episode *self, uint32_t rule)
{
    struct outstanding *items = self->outstanding.items;

    for (uint32_t i = 0; i < self->outstanding.count; i++) {
        if (items[i].rule == rule) {
            list_remove(&self->outstanding, sizeof *items, i);
            return;
        }
    }
}

/* ---- responsibility ---- */

static uint16_t or_case(uint16_t owner, const struct child *child)
{
    return owner != FOLLOWS_CASE ? owner : child->case_owner;
}

uint16_t owner_now(const struct episode *episode, enum dimension dimension)
{
    const struct child *child = child_of(episode->child);

    switch (dimension) {
    case DIM_CASE:
        return child->case_owner;
    case DIM_IMMEDIATE_SAFEGUARDING:
        return or_case(child->immediate, child);
    case DIM_ASSESSMENT:
        return or_case(child->assessment, child);
    case DIM_CONFERENCE_CONVENING:
        return or_case(episode->conference_convening, child);
    case DIM_REPORTS:
        return episode->transfer->origin;
    case DIM_RENT_SUBSISTENCE:
        return episode->rent;
    case DIM_OTHER_SERVICES_COST:
        return episode->other_cost;
    case DIM_SUPPORT_MEANWHILE: /* with the case, whatever an earlier episode said of it */
        return child->case_owner;
    case DIM_DATA_RECORDING:
        return child->recorders[0] != 0 ? child->recorders[0] : child->first_origin;
    case DIM_COUNT:
        break;
    }
    return 0;
}

static bool is_of_child(enum dimension dimension)
{
    return dimension == DIM_CASE || dimension == DIM_IMMEDIATE_SAFEGUARDING ||
        dimension == DIM_ASSESSMENT || dimension == DIM_DATA_RECORDING;
}

void own(struct judge *self, enum dimension dimension, const uint16_t *owners, size_t count,
    int64_t at_ms)
{
    struct child *child = self->child;
    struct episode *episode = self->episode;
    uint16_t *const places[DIM_COUNT] = {
        [DIM_CASE] = &child->case_owner,
        [DIM_IMMEDIATE_SAFEGUARDING] = &child->immediate,
        [DIM_ASSESSMENT] = &child->assessment,
        [DIM_CONFERENCE_CONVENING] = &episode->conference_convening,
        [DIM_RENT_SUBSISTENCE] = &episode->rent,
        [DIM_OTHER_SERVICES_COST] = &episode->other_cost,
    };
    if (dimension == DIM_SUPPORT_MEANWHILE) {
        return; /* follows the case */
    }
    struct list *history = is_of_child(dimension) ? &child->history : &episode->history;
    struct ownership *change = list_add(history, sizeof *change);

    change->at_ms = at_ms;
    change->dimension = (uint8_t)dimension;
    for (size_t i = 0; i < count && i < RECORDERS_MAX; i++) {
        change->owners[i] = owners[i];
    }
    if (dimension == DIM_DATA_RECORDING) {
        memcpy(child->recorders, change->owners, sizeof child->recorders);
    } else if (places[dimension] != NULL) {
        *places[dimension] = owners[0];
    }
}

/* ---- two references, one child (D63) ---- */

static void join_orders(struct child *kept, const struct child *joined)
{
    const struct order *theirs = joined->orders.items;

    for (uint32_t i = 0; i < joined->orders.count; i++) {
        const struct order *ours = kept->orders.items;
        bool known = false;
        for (uint32_t k = 0; k < kept->orders.count; k++) {
            known = known || ours[k].type == theirs[i].type;
        }
        if (!known) {
            *(struct order *)list_add(&kept->orders, sizeof(struct order)) = theirs[i];
        }
    }
}

static void join_consents(struct child *kept, struct child *joined)
{
    struct consent *theirs = joined->consents.items;

    for (uint32_t i = 0; i < joined->consents.count; i++) {
        const struct consent *ours = kept->consents.items;
        bool known = false;
        for (uint32_t k = 0; k < kept->consents.count; k++) {
            known = known || strcmp(ours[k].id, theirs[i].id) == 0;
        }
        if (!known) {
            *(struct consent *)list_add(&kept->consents, sizeof(struct consent)) = theirs[i];
            theirs[i].recipients = (struct list){0}; /* moved */
        }
    }
}

static void join_list(struct list *kept, const struct list *joined, size_t bytes)
{
    for (uint32_t i = 0; i < joined->count; i++) {
        memcpy(list_add(kept, bytes), (const uint8_t *)joined->items + i * bytes, bytes);
    }
}

static void join_assessments(struct child *kept, const struct child *joined)
{
    const struct assessment *theirs = joined->assessments.items;

    for (uint32_t i = 0; i < joined->assessments.count; i++) {
        const struct assessment *ours = kept->assessments.items;
        bool known = false;
        for (uint32_t k = 0; k < kept->assessments.count; k++) {
            known = known || (ours[k].sender == theirs[i].sender && ours[k].type == theirs[i].type);
        }
        if (!known) {
            *(struct assessment *)list_add(&kept->assessments, sizeof *theirs) = theirs[i];
        }
    }
}

/* Both lists are in the order of starting, and so is what they become. */
static void join_clocks(struct child *kept, const struct child *joined)
{
    join_list(&kept->clocks, &joined->clocks, sizeof(struct running *));
    struct running **clocks = kept->clocks.items;
    for (uint32_t i = 1; i < kept->clocks.count; i++) {
        struct running *clock = clocks[i];
        uint32_t at = i;
        for (; at > 0 && clocks[at - 1]->number > clock->number; at--) {
            clocks[at] = clocks[at - 1];
        }
        clocks[at] = clock;
    }
}

static void join_facts(struct child *kept, struct child *joined)
{
    kept->s47 = kept->s47 || joined->s47;
    kept->pre_proceedings = kept->pre_proceedings || joined->pre_proceedings;
    kept->avoidance = kept->avoidance || joined->avoidance;
    kept->proceedings = kept->proceedings || joined->proceedings;
    kept->born = kept->born || joined->born;
    kept->split = kept->split || joined->split;
    kept->held += joined->held;
    if (kept->immediate == FOLLOWS_CASE) {
        kept->immediate = joined->immediate;
    }
    if (kept->assessment == FOLLOWS_CASE) {
        kept->assessment = joined->assessment;
    }
    if (kept->recorders[0] == 0) {
        memcpy(kept->recorders, joined->recorders, sizeof kept->recorders);
    }
    if (kept->r46_since == NO_TIME) {
        kept->r46_since = joined->r46_since;
    }
    join_orders(kept, joined);
    join_consents(kept, joined);
    join_assessments(kept, joined);
    join_list(&kept->notices, &joined->notices, sizeof(struct move_notice));
    join_clocks(kept, joined);
    join_list(&kept->episodes, &joined->episodes, sizeof(struct episode *));
}

struct child *child_named(engine_t *self, const struct fact_value *ref)
{
    struct child *child = ref != NULL && ref->bytes.len == UUID_BYTES
        ? item_find(self, SHELF_CHILDREN, ref->bytes.data)
        : NULL;

    return child != NULL ? child_of(child) : NULL;
}

void children_merge(struct judge *self)
{
    const struct fact_value *other_ref = fact_at(self, F_SAME_CHILD_AS);
    engine_t *engine = self->engine;
    char kept_text[UUID_TEXT_BYTES];
    char joined_text[UUID_TEXT_BYTES];

    struct child *other = child_named(engine, other_ref);
    if (other == NULL || other == self->child) {
        return;
    }
    (void)contents_join(engine, self->episode->contents,
        contents_with(engine, SHELF_CHILDREN, other_ref->bytes.data));
    struct child *kept = other->number < self->child->number ? other : self->child;
    struct child *joined = kept == other ? self->child : other;
    uuid_format(kept->ref, kept_text);
    uuid_format(joined->ref, joined_text);
    uint16_t owner = kept->ended && !joined->ended ? joined->case_owner : kept->case_owner;
    emit(engine, "records_merged", self->episode, self->row, NULL, NULL, engine->now_ms,
        "kept=%s joined=%s owner=%s", kept_text, joined_text, code_text(engine, owner));
    bool both_open = !kept->ended && !joined->ended && kept->case_owner != joined->case_owner;
    if (kept->ended && !joined->ended) { /* an owner whose record alone was closed does not stand */
        kept->case_owner = joined->case_owner;
        kept->ended = false;
    }
    join_facts(kept, joined);
    if (both_open) {
        kept->r61_since = engine->now_ms;
    }
    joined->merged_into = kept;
    joined->merged_ms = engine->now_ms;
    self->child = kept;
    struct ownership *change = list_add(&kept->history, sizeof *change);
    *change = (struct ownership){
        .at_ms = engine->now_ms, .dimension = DIM_CASE, .owners = {kept->case_owner}};
}
