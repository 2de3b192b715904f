/* dossier: see dossier.h. Cannot fail: what is put away was written by us or was read whole before. */
#define _GNU_SOURCE /* memmem */
#include "common/procedure/dossier.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/procedure/form.h"

#include "common/base/banned.h"

enum {
    SCANNED = 16,           /* so few on a shelf are looked through; more have a table */
    NUMBER_MAX = INT32_MAX, /* of a dossier: 31 bits */
    HEAVY_ITEMS = 4096      /* opening and putting away so many takes about a millisecond */
};

/* ---- shelves ---- */

static const struct {
    uint16_t number_at;
    uint16_t key_at, key_bytes; /* 0: it has no key */
    bool placed;                /* found by its key from outside */
} shelves[SHELVES] = {
    [SHELF_CHILDREN] = {offsetof(struct child, number), offsetof(struct child, ref), UUID_BYTES,
        true},
    [SHELF_TRANSFERS] = {offsetof(struct transfer, number), offsetof(struct transfer, id),
        UUID_BYTES, true},
    [SHELF_EPISODES] = {offsetof(struct episode, number), offsetof(struct episode, key),
        2 * UUID_BYTES, false},
    [SHELF_ROWS] = {offsetof(struct row, number), offsetof(struct row, id), UUID_BYTES, true},
    [SHELF_CLOCKS] = {offsetof(struct running, number), 0, 0, false},
};

uint32_t item_number(enum shelf_name shelf, const void *item)
{
    uint32_t number;

    memcpy(&number, (const uint8_t *)item + shelves[shelf].number_at, sizeof number);
    return number;
}

const uint8_t *item_key(enum shelf_name shelf, const void *item)
{
    return shelves[shelf].key_bytes == 0 ? NULL : (const uint8_t *)item + shelves[shelf].key_at;
}

/* Where that number stands, or would. */
static uint32_t place_below(const struct list *items, enum shelf_name shelf, uint32_t number)
{
    uint32_t low = 0;
    uint32_t high = items->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (item_number(shelf, list_pointer(items, middle)) < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t contents_place(const struct contents *self, enum shelf_name shelf, uint32_t number)
{
    return place_below(contents_list(self, shelf), shelf, number);
}

void *contents_numbered(const struct contents *self, enum shelf_name shelf, uint32_t number)
{
    const struct list *items = contents_list(self, shelf);
    uint32_t place = place_below(items, shelf, number);
    void *item = place < items->count ? list_pointer(items, place) : NULL;

    return item != NULL && item_number(shelf, item) == number ? item : NULL;
}

void *contents_find(const struct contents *self, enum shelf_name shelf, const uint8_t *key)
{
    const struct list *items = contents_list(self, shelf);

    if (self->shelves[shelf].by_key.count > 0) {
        return table16_get(&self->shelves[shelf].by_key, key);
    }
    for (uint32_t i = 0; i < items->count; i++) {
        void *item = list_pointer(items, i);
        if (memcmp(item_key(shelf, item), key, shelves[shelf].key_bytes) == 0) {
            return item;
        }
    }
    return NULL;
}

/* The items from `first` on have come to it. */
static void shelf_index(struct contents *self, enum shelf_name shelf, uint32_t first)
{
    const struct list *items = contents_list(self, shelf);
    struct table16 *table = &self->shelves[shelf].by_key;

    if (shelves[shelf].key_bytes == 0 || items->count <= SCANNED) {
        return;
    }
    for (uint32_t i = table->count == 0 ? 0 : first; i < items->count; i++) {
        table16_put(table, list_pointer(items, i));
    }
}

void contents_put(struct contents *self, enum shelf_name shelf, void *item, uint32_t number)
{
    struct list *items = &self->shelves[shelf].items;

    memcpy((uint8_t *)item + shelves[shelf].number_at, &number, sizeof number);
    list_add_pointer(items, item);
    shelf_index(self, shelf, items->count - 1);
    if (shelf == SHELF_EPISODES) {
        ((struct episode *)item)->contents = self;
    }
    self->count++;
}

/* ---- contents ---- */

struct contents *contents_new(engine_t *engine)
{
    struct contents *self = mem_new(1, sizeof *self);

    for (size_t i = 0; i < SHELVES; i++) {
        struct table16 *table = &self->shelves[i].by_key;
        table->seed = engine->dossiers.places.seed;
        table->key_bytes = shelves[i].key_bytes;
        table->key_offset = shelves[i].key_at;
    }
    return self;
}

static void episode_free(struct episode *self)
{
    held_free_all(self);
    free(self->letters.items);
    free(self->filings.items);
    free(self->exceptions.items);
    free(self->clocks.items);
    free(self->pending.items);
    free(self->outstanding.items);
    free(self->history.items);
    free(self->under_consent.items);
}

static void child_free(struct child *self)
{
    struct consent *consents = self->consents.items;

    for (uint32_t i = 0; i < self->consents.count; i++) {
        free(consents[i].recipients.items);
    }
    free(self->assessments.items);
    free(self->orders.items);
    free(self->consents.items);
    free(self->notices.items);
    free(self->clocks.items);
    free(self->episodes.items);
    free(self->history.items);
}

static void shelves_free(struct contents *self)
{
    for (size_t i = 0; i < SHELVES; i++) {
        free(self->shelves[i].items.items);
        table16_free(&self->shelves[i].by_key);
    }
}

void contents_free(struct contents **self_p)
{
    struct contents *self = *self_p;

    if (self == NULL) {
        return;
    }
    const struct list *list = contents_list(self, SHELF_EPISODES);
    for (uint32_t i = 0; i < list->count; i++) {
        episode_free(list_pointer(list, i));
    }
    list = contents_list(self, SHELF_CHILDREN);
    for (uint32_t i = 0; i < list->count; i++) {
        child_free(list_pointer(list, i));
    }
    list = contents_list(self, SHELF_TRANSFERS);
    for (uint32_t i = 0; i < list->count; i++) {
        free(((struct transfer *)list_pointer(list, i))->episodes.items);
    }
    shelves_free(self);
    pile_free(&self->pile);
    free(self);
    *self_p = NULL;
}

void contents_measure(const struct contents *self, int64_t *sums)
{
    const struct list *list = contents_list(self, SHELF_CLOCKS);

    for (uint32_t i = 0; i < list->count; i++) {
        const struct running *clock = list_pointer(list, i);
        sums[MEASURE_BREACHES] += clock->state == CLOCK_BREACHED && clock->bound_count > 0 ? 1 : 0;
    }
    list = contents_list(self, SHELF_CHILDREN);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct child *child = list_pointer(list, i);
        bool ownerless = child->merged_into == NULL && !child->ended && child->case_owner == 0;
        sums[MEASURE_OWNER_FAULTS] += ownerless ? 1 : 0;
    }
    list = contents_list(self, SHELF_EPISODES);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct episode *episode = list_pointer(list, i);
        bool unwritten = episode->closed_transferred && !episode->letter_held;
        sums[MEASURE_CLOSURES] += unwritten ? 1 : 0;
        sums[MEASURE_FOLLOW_UPS] += episode->follow_ups_owed;
    }
}

/* ---- which are open ---- */

static void chain_add(struct chain *self, struct contents *contents)
{
    contents->older = self->newest;
    contents->newer = NULL;
    *(self->newest != NULL ? &self->newest->newer : &self->oldest) = contents;
    self->newest = contents;
}

static void chain_remove(struct chain *self, struct contents *contents)
{
    *(contents->newer != NULL ? &contents->newer->older : &self->newest) = contents->older;
    *(contents->older != NULL ? &contents->older->newer : &self->oldest) = contents->newer;
}

static void enter(struct dossiers *self, struct contents *contents)
{
    contents->heavy = contents->count > HEAVY_ITEMS;
    chain_add(contents->heavy ? &self->heavy : &self->open, contents);
    self->open_count += contents->heavy ? 0 : contents->count;
}

static void leave(struct dossiers *self, struct contents *contents)
{
    chain_remove(contents->heavy ? &self->heavy : &self->open, contents);
    self->open_count -= contents->heavy ? 0 : contents->count;
}

/* Looked into just now. */
static void touch(struct dossiers *self, struct contents *contents)
{
    if (!contents->heavy && self->open.newest != contents) {
        chain_remove(&self->open, contents);
        chain_add(&self->open, contents);
    }
}

void contents_add(engine_t *engine, struct contents *self, enum shelf_name shelf, void *item)
{
    struct dossiers *dossiers = &engine->dossiers;

    if (shelves[shelf].placed) {
        const uint8_t *id = item_key(shelf, item);
        places_put(
            &dossiers->places, places_hash(&dossiers->places, shelf, id), self->dossier->number);
    }
    contents_put(self, shelf, item, dossiers->ever[shelf]++);
    dossiers->open_count += self->heavy ? 0 : 1;
    if (!self->heavy && self->count > HEAVY_ITEMS) {
        leave(dossiers, self);
        enter(dossiers, self);
    }
}

/* ---- dossiers ---- */

void dossiers_begin(engine_t *engine, const struct backing *backing)
{
    struct dossiers *self = &engine->dossiers;

    self->all = (struct chunks){.backing = backing, .item_bytes = sizeof(struct dossier)};
    self->places.backing = self->cabinet.backing = backing;
    heap_begin(&self->waiting, backing);
}

struct dossier *dossier_numbered(const engine_t *engine, uint32_t number)
{
    return chunks_at(&engine->dossiers.all, number);
}

struct dossier *dossier_at(const engine_t *engine, uint32_t number)
{
    struct dossier *self = dossier_numbered(engine, number);

    while (self->joined_to != NULL) {
        self = self->joined_to;
    }
    return self;
}

static struct dossier *dossier_new(struct dossiers *self)
{
    struct dossier *made = chunks_add(&self->all);

    made->number = (self->all.count - 1) & NUMBER_MAX;
    return made;
}

struct contents *contents_begin(engine_t *engine)
{
    struct dossier *dossier = dossier_new(&engine->dossiers);

    dossier->contents = contents_new(engine);
    dossier->contents->dossier = dossier;
    enter(&engine->dossiers, dossier->contents);
    return dossier->contents;
}

static struct deadline first_deadline(const struct contents *self)
{
    const struct list *clocks = contents_list(self, SHELF_CLOCKS);
    struct deadline first = {.fire_ms = INT64_MAX};

    for (uint32_t i = 0; i < clocks->count; i++) {
        const struct running *clock = list_pointer(clocks, i);
        if (clock->heap_index == 0) {
            continue;
        }
        struct deadline deadline = clock_deadline(clock);
        if (first.fire_ms == INT64_MAX || deadline_before(&deadline, &first)) {
            first = deadline;
        }
    }
    return first;
}

static bool is_provisional(const struct contents *self)
{
    const struct list *clocks = contents_list(self, SHELF_CLOCKS);

    for (uint32_t i = 0; i < clocks->count; i++) {
        if (clock_is_provisional(list_pointer(clocks, i))) {
            return true;
        }
    }
    return false;
}

static void keep_away(
    engine_t *engine, struct dossier *self, const struct contents *contents, struct slice bytes)
{
    struct deadline first = first_deadline(contents);
    bool waits = first.fire_ms != INT64_MAX;

    cabinet_put(&engine->dossiers.cabinet, self, waits ? &first : NULL, bytes);
    self->provisional = is_provisional(contents);
    contents_measure(contents, engine->dossiers.away);
    if (waits) {
        waiting_add(engine, self);
    }
}

void dossier_put_away(engine_t *engine, struct dossier *self)
{
    struct contents *contents = self->contents;
    struct dossiers *dossiers = &engine->dossiers;

    buf_clear(&dossiers->scratch);
    contents_write(engine, contents, &dossiers->scratch);
    keep_away(engine, self, contents, buf_slice(&dossiers->scratch));
    for (uint32_t i = 0; i < contents_list(contents, SHELF_CLOCKS)->count; i++) {
        timer_remove(engine, list_pointer(contents_list(contents, SHELF_CLOCKS), i));
    }
    leave(dossiers, contents);
    contents_free(&self->contents);
}

struct contents *dossier_open(engine_t *engine, struct dossier *self)
{
    struct dossiers *dossiers = &engine->dossiers;
    int64_t sums[MEASURES] = {0};

    if (self->contents != NULL) {
        touch(dossiers, self->contents);
        return self->contents;
    }
    assert(self->away != NULL);
    struct contents *contents = contents_read(engine, away_bytes(self->away));
    contents->dossier = self;
    self->contents = contents;
    contents_measure(contents, sums);
    for (size_t i = 0; i < MEASURES; i++) {
        dossiers->away[i] -= sums[i];
    }
    waiting_remove(engine, self);
    cabinet_drop(&dossiers->cabinet, self);
    clocks_wake(engine, contents);
    enter(dossiers, contents);
    return contents;
}

/* Of items that were read. */
static void place_items(
    struct dossiers *self, const struct contents *contents, enum shelf_name shelf, uint32_t dossier)
{
    const struct list *items = contents_list(contents, shelf);

    for (uint32_t i = 0; shelves[shelf].placed && i < items->count; i++) {
        const uint8_t *id = item_key(shelf, list_pointer(items, i));
        places_put(&self->places, places_hash(&self->places, shelf, id), dossier);
    }
}

bool contents_unknown(engine_t *engine, const struct contents *self)
{
    for (size_t s = 0; s < SHELVES; s++) {
        const struct list *items = contents_list(self, (enum shelf_name)s);
        for (uint32_t i = 0; shelves[s].placed && i < items->count; i++) {
            const uint8_t *id = item_key((enum shelf_name)s, list_pointer(items, i));
            if (item_find(engine, (enum shelf_name)s, id) != NULL) {
                return false;
            }
        }
    }
    return true;
}

void dossier_take(engine_t *engine, struct contents *contents, struct slice bytes)
{
    struct dossier *self = dossier_new(&engine->dossiers);

    for (size_t i = 0; i < SHELVES; i++) {
        place_items(&engine->dossiers, contents, (enum shelf_name)i, self->number);
    }
    contents->dossier = self;
    if (contents->count > HEAVY_ITEMS) {
        self->contents = contents;
        clocks_wake(engine, contents);
        enter(&engine->dossiers, contents);
    } else {
        keep_away(engine, self, contents, bytes);
        contents_free(&contents);
    }
}

/* ---- two become one ---- */

/* From the end, so that of a long shelf only what is younger than the first of theirs moves. */
static void shelf_join(struct contents *kept, const struct contents *joined, enum shelf_name shelf)
{
    struct list *ours = &kept->shelves[shelf].items;
    const struct list *theirs = contents_list(joined, shelf);
    uint32_t a = ours->count;
    uint32_t b = theirs->count;

    for (uint32_t i = 0; i < theirs->count; i++) {
        list_add_pointer(ours, list_pointer(theirs, i));
    }
    shelf_index(kept, shelf, a);
    void **items = ours->items;
    for (uint32_t at = ours->count; b > 0; at--) {
        void *last = list_pointer(theirs, b - 1);
        bool from_ours = a > 0 && item_number(shelf, items[a - 1]) > item_number(shelf, last);
        items[at - 1] = from_ours ? items[--a] : last;
        b -= from_ours ? 0 : 1;
    }
}

struct contents *contents_join(engine_t *engine, struct contents *a, struct contents *b)
{
    struct contents *kept = a->dossier->number < b->dossier->number ? a : b;
    struct contents *joined = kept == a ? b : a;

    if (a == b) {
        return a;
    }
    leave(&engine->dossiers, kept);
    leave(&engine->dossiers, joined);
    for (size_t i = 0; i < SHELVES; i++) {
        shelf_join(kept, joined, (enum shelf_name)i);
    }
    for (uint32_t i = 0; i < contents_list(joined, SHELF_EPISODES)->count; i++) {
        struct episode *episode = list_pointer(contents_list(joined, SHELF_EPISODES), i);
        episode->contents = kept;
    }
    kept->count += joined->count;
    pile_join(&kept->pile, &joined->pile);
    joined->dossier->joined_to = kept->dossier;
    joined->dossier->contents = NULL;
    engine->dossiers.joined++;
    shelves_free(joined);
    free(joined);
    enter(&engine->dossiers, kept);
    return kept;
}

/* ---- finding ---- */

/* Where an item is, and the item. */
struct found {
    struct contents *contents;
    void *item;
};

static struct found find(engine_t *engine, enum shelf_name shelf, const uint8_t *id)
{
    const struct places *places = &engine->dossiers.places;
    struct places_search search = places_look(places, places_hash(places, shelf, id));
    struct found found = {NULL, NULL};

    for (uint32_t place; (place = places_next(places, &search)) != 0 && found.item == NULL;) {
        found.contents = dossier_open(engine, dossier_at(engine, place - 1));
        found.item = contents_find(found.contents, shelf, id);
    }
    return found;
}

struct contents *contents_with(engine_t *engine, enum shelf_name shelf, const uint8_t *id)
{
    struct found found = find(engine, shelf, id);

    return found.item != NULL ? found.contents : NULL;
}

void *item_find(engine_t *engine, enum shelf_name shelf, const uint8_t *id)
{
    return find(engine, shelf, id).item;
}

/* ---- all of them ---- */

void dossiers_trim(engine_t *engine)
{
    struct dossiers *self = &engine->dossiers;

    while (self->visiting == 0 && self->open_count > self->keep) {
        dossier_put_away(engine, self->open.oldest->dossier);
    }
}

static bool holds(struct slice bytes, struct slice text)
{
    return text.len == 0 || memmem(bytes.data, bytes.len, text.data, text.len) != NULL;
}

/* It is as open afterwards as it was before. */
static void visit_one(engine_t *engine, struct dossier *dossier,
    void (*visit)(engine_t *engine, struct contents *contents, void *context), void *context)
{
    bool away = dossier->away != NULL;

    visit(engine, dossier_open(engine, dossier), context);
    if (away) {
        dossier_put_away(engine, dossier);
    }
}

void dossiers_visit(engine_t *engine, struct slice text,
    void (*visit)(engine_t *engine, struct contents *contents, void *context), void *context)
{
    for (uint32_t i = 0; i < engine->dossiers.all.count; i++) {
        struct dossier *dossier = dossier_numbered(engine, i);
        bool away = dossier->away != NULL;
        if (dossier->joined_to == NULL && (!away || holds(away_bytes(dossier->away), text))) {
            visit_one(engine, dossier, visit, context);
        }
    }
}

void dossiers_visit_bound(engine_t *engine,
    void (*visit)(engine_t *engine, struct contents *contents, void *context), void *context)
{
    for (uint32_t i = 0; i < engine->dossiers.all.count; i++) {
        struct dossier *dossier = dossier_numbered(engine, i);
        if (dossier->joined_to == NULL && (dossier->contents != NULL || dossier->provisional)) {
            visit_one(engine, dossier, visit, context);
        }
    }
}

void dossiers_free(engine_t *engine)
{
    struct dossiers *self = &engine->dossiers;

    for (uint32_t i = 0; i < self->all.count; i++) {
        contents_free(&dossier_numbered(engine, i)->contents);
    }
    chunks_free(&self->all);
    places_free(&self->places);
    cabinet_free(&self->cabinet);
    heap_free(&self->waiting);
    code_book_free(&self->codes);
    buf_free(&self->scratch);
}
