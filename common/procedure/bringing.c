/*
 * bringing: other tables come into force under an engine that has folded events. Clocks and profiles are rows of tables: an
 * open dossier points to them, one that is put away names them by number. Where the new tables number them as the old ones did,
 * as long as rows are added behind the others, those put away are left alone, but for the few with a date that new holidays may
 * move; else every dossier is gone through. E_NOT_FOUND where the new ones lack something that is in use: nothing changes then.
 */
#include <stdlib.h>
#include <string.h>

#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

/* A clock whose due date the holidays to come may still move. */
struct provisional {
    uint32_t clock;
    uint32_t dossier;
};

struct bringing {
    const procedures_t *procedures; /* the new ones */
    struct list provisional;        /* struct provisional */
};

/* What a profile of the tables in force is numbered in others, 0 where they lack it. */
static uint8_t profile_in(const engine_t *self, const procedures_t *others, uint8_t number)
{
    return procedures_profile_number(others, procedures_profile_name(self->procedures, number));
}

/*
 * Every clock that was ever started, every rule and every profile that a transfer was put under
 * must be in the new tables, and rules have their old numbers.
 */
static bool holds_all(const engine_t *self, const procedures_t *procedures)
{
    for (uint32_t number = 1; number <= procedures_rule_count(self->procedures); number++) {
        const struct rule_info *rule = procedures_rule(procedures, number);
        if (rule == NULL || strcmp(rule->id, procedures_rule(self->procedures, number)->id) != 0) {
            return false;
        }
    }
    for (uint32_t number = 1; number <= procedures_clock_count(self->procedures); number++) {
        const char *id = procedures_clock(self->procedures, number)->id;
        if (procedures_clock_named(procedures, id) == NULL) {
            return false;
        }
    }
    for (size_t number = 1; number < PROFILE_NUMBERS; number++) {
        if (self->forced[number] && profile_in(self, procedures, (uint8_t)number) == 0) {
            return false;
        }
    }
    return true;
}

static bool keeps_numbers(const engine_t *self, const procedures_t *procedures)
{
    for (uint32_t number = 1; number <= procedures_clock_count(self->procedures); number++) {
        const char *id = procedures_clock(self->procedures, number)->id;
        if (procedures_clock_named(procedures, id)->number != number) {
            return false;
        }
    }
    for (size_t number = 1; number < PROFILE_NUMBERS; number++) {
        if (self->forced[number] && profile_in(self, procedures, (uint8_t)number) != number) {
            return false;
        }
    }
    return true;
}

static void bring_clocks(struct bringing *self, const struct contents *contents)
{
    const struct list *clocks = contents_list(contents, SHELF_CLOCKS);

    for (uint32_t i = 0; i < clocks->count; i++) {
        struct running *clock = list_pointer(clocks, i);
        clock->info = procedures_clock_named(self->procedures, clock->info->id);
        if (clock_is_provisional(clock)) {
            struct provisional *made = list_add(&self->provisional, sizeof *made);
            *made = (struct provisional){clock->number, contents->dossier->number};
        }
    }
}

static void bring(engine_t *engine, struct contents *contents, void *context)
{
    struct bringing *self = context;
    const struct list *list = contents_list(contents, SHELF_EPISODES);

    for (uint32_t i = 0; i < list->count; i++) {
        const struct list *waiting = &((struct episode *)list_pointer(list, i))->pending;
        struct pending *pending = waiting->items;
        for (uint32_t k = 0; k < waiting->count; k++) {
            pending[k].info = procedures_clock_named(self->procedures, pending[k].info->id);
        }
    }
    list = contents_list(contents, SHELF_TRANSFERS);
    for (uint32_t i = 0; i < list->count; i++) {
        struct transfer *transfer = list_pointer(list, i);
        transfer->profile =
            transfer->profile != 0 ? profile_in(engine, self->procedures, transfer->profile) : 0;
    }
    bring_clocks(self, contents);
}

static void bring_forced(engine_t *self, const procedures_t *procedures)
{
    bool forced[PROFILE_NUMBERS] = {false};

    for (size_t number = 1; number < PROFILE_NUMBERS; number++) {
        if (self->forced[number]) {
            forced[profile_in(self, procedures, (uint8_t)number)] = true;
        }
    }
    memcpy(self->forced, forced, sizeof forced);
}

static int by_number(const void *a, const void *b)
{
    uint32_t one = ((const struct provisional *)a)->clock;
    uint32_t two = ((const struct provisional *)b)->clock;

    return one < two ? -1 : one > two;
}

/* In the order in which they were started. */
static void renew(engine_t *self, struct list *list)
{
    struct provisional *items = list->items;

    if (list->count > 0) {
        qsort(items, list->count, sizeof *items, by_number);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        dossiers_trim(self);
        struct contents *contents = dossier_open(self, dossier_at(self, items[i].dossier));
        clock_renew(self, contents_numbered(contents, SHELF_CLOCKS, items[i].clock));
    }
    free(items);
}

int engine_procedures(engine_t *self, const procedures_t *procedures, int64_t now_ms)
{
    struct bringing bringing = {.procedures = procedures};

    engine_advance(self, now_ms);
    if (!holds_all(self, procedures)) {
        return E_NOT_FOUND;
    }
    if (keeps_numbers(self, procedures)) {
        dossiers_visit_bound(self, bring, &bringing);
    } else {
        dossiers_visit(self, slice_of(NULL, 0), bring, &bringing);
    }
    bring_forced(self, procedures);
    const procedures_t *before = self->procedures;
    self->procedures = procedures;
    plans_make(self);
    versions_brought(self, before);
    renew(self, &bringing.provisional);
    engine_advance(self, now_ms);
    return 0;
}
