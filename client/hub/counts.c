/* counts: see counts.h. Cannot fail. */
#include "client/hub/counts.h"

#include <stdbool.h>
#include <stdio.h>

#include "common/base/check.h"

#include "common/base/banned.h"

int64_t count_shown(int64_t count, int64_t threshold)
{
    return count > 0 && count < threshold ? COUNT_SMALL : count;
}

int64_t count_rounded(int64_t sum, int64_t threshold)
{
    if (sum < threshold) {
        return count_shown(sum, threshold);
    }
    return threshold <= 1 ? sum : (sum + threshold / 2) / threshold * threshold;
}

/* ---- lines ---- */

/* What somebody who knows a line's sum can work out: the sum less the visible cells. */
struct line {
    int64_t rest;             /* sum of the cells that are not shown */
    int64_t small, hidden;    /* how many these are */
    struct count_cell *least; /* visible and not zero; NULL for none */
};

static void see_cell(struct line *self, struct count_cell *cell)
{
    if (cell->shown < 0) {
        self->rest += cell->count;
        self->small += cell->shown == COUNT_SMALL ? 1 : 0;
        self->hidden += cell->shown == COUNT_HIDDEN ? 1 : 0;
    } else if (cell->count > 0 && (self->least == NULL || cell->count < self->least->count)) {
        self->least = cell;
    }
}

/*
 * A cell alone is the rest. A small one is 1 .. threshold - 1 and a hidden one beside it, as far as anybody knows, threshold
 * or more: where they can only be the least that they may be, or only the most, they are known.
 */
static bool is_exposed(const struct line *self, int64_t threshold)
{
    if (self->small + self->hidden == 1) {
        return true;
    }
    if (self->small == 0 || threshold <= 2) {
        return false;
    }
    bool all_least = self->rest == self->small + self->hidden * threshold;
    bool all_most = self->hidden == 0 && self->rest == self->small * (threshold - 1);
    return all_least || all_most;
}

static uint32_t line_of(const struct count_cell *cell, bool by_row)
{
    return by_row ? cell->row : cell->column;
}

/* Nothing is left to hide: the words that tell small from hidden go. A cell without neighbours is told as it is. */
static bool blur(struct count_cell *cells, size_t count, uint32_t number, bool by_row)
{
    bool changed = false;

    for (size_t i = 0; i < count; i++) {
        if (line_of(&cells[i], by_row) == number && cells[i].shown == COUNT_SMALL) {
            cells[i].shown = COUNT_HIDDEN;
            changed = true;
        }
    }
    return changed;
}

/* One pass over all rows, or all columns. True where something more is hidden. */
static bool hide_exposed(struct count_cell *cells, size_t count, bool by_row, int64_t threshold)
{
    static const struct line none;
    struct line lines[COUNT_LINES_MAX];
    bool changed = false;

    for (size_t i = 0; i < COUNT_LINES_MAX; i++) {
        lines[i] = none;
    }
    for (size_t i = 0; i < count; i++) {
        assert(line_of(&cells[i], by_row) < COUNT_LINES_MAX);
        see_cell(&lines[line_of(&cells[i], by_row)], &cells[i]);
    }
    for (uint32_t number = 0; number < COUNT_LINES_MAX; number++) {
        struct line *line = &lines[number];
        if (!is_exposed(line, threshold)) {
            continue;
        }
        if (line->least != NULL) {
            line->least->shown = COUNT_HIDDEN;
            changed = true;
        } else if (line->small + line->hidden > 1) {
            changed = blur(cells, count, number, by_row) || changed;
        }
    }
    return changed;
}

/* Hiding one in a row may expose its column: until nothing changes. Each round hides or blurs one cell at least. */
void counts_table(struct count_cell *cells, size_t count, int64_t threshold)
{
    bool changed = true;

    for (size_t i = 0; i < count; i++) {
        cells[i].shown = count_shown(cells[i].count, threshold);
    }
    while (changed) {
        changed = hide_exposed(cells, count, true, threshold);
        changed = hide_exposed(cells, count, false, threshold) || changed;
    }
}

void counts_row(int64_t *cells, size_t count, int64_t threshold)
{
    struct count_cell line[COUNT_ROW_MAX];

    assert(count <= COUNT_ROW_MAX);
    for (size_t i = 0; i < count; i++) {
        line[i] = (struct count_cell){
            .column = (uint32_t)i, .count = cells[i], .shown = count_shown(cells[i], threshold)};
    }
    while (hide_exposed(line, count, true, threshold)) {
    }
    for (size_t i = 0; i < count; i++) {
        cells[i] = line[i].shown;
    }
}

json_t *count_json(int64_t shown, int64_t threshold)
{
    char text[32];

    if (shown == COUNT_HIDDEN) {
        return json_string("hidden");
    }
    if (shown == COUNT_SMALL) {
        (void)snprintf(text, sizeof text, "<%lld", (long long)threshold);
        return json_string(text);
    }
    return json_integer(shown);
}
