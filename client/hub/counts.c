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

void counts_row(int64_t *cells, size_t count, int64_t threshold)
{
    size_t unseen = 0;
    size_t least = count;

    for (size_t i = 0; i < count; i++) {
        cells[i] = count_shown(cells[i], threshold);
        unseen += cells[i] < 0 ? 1 : 0;
        if (cells[i] > 0 && (least == count || cells[i] < cells[least])) {
            least = i;
        }
    }
    if (unseen == 1 && least < count) {
        cells[least] = COUNT_HIDDEN;
    }
}

static uint32_t line_of(const struct count_cell *cell, bool by_row)
{
    return by_row ? cell->row : cell->column;
}

/* The least visible cell of a line that is not zero is hidden. False where there is none. */
static bool hide_least(struct count_cell *cells, size_t count, uint32_t line, bool by_row)
{
    size_t least = count;

    for (size_t i = 0; i < count; i++) {
        if (line_of(&cells[i], by_row) == line && cells[i].value > 0 &&
            (least == count || cells[i].value < cells[least].value)) {
            least = i;
        }
    }
    if (least < count) {
        cells[least].value = COUNT_HIDDEN;
    }
    return least < count;
}

/* One pass over all rows, or all columns. */
static bool hide_alone(struct count_cell *cells, size_t count, bool by_row)
{
    uint32_t unseen[COUNT_LINES_MAX] = {0};
    bool changed = false;

    for (size_t i = 0; i < count; i++) {
        assert(line_of(&cells[i], by_row) < COUNT_LINES_MAX);
        unseen[line_of(&cells[i], by_row)] += cells[i].value < 0 ? 1 : 0;
    }
    for (uint32_t line = 0; line < COUNT_LINES_MAX; line++) {
        if (unseen[line] == 1) {
            changed = hide_least(cells, count, line, by_row) || changed;
        }
    }
    return changed;
}

/* Hiding one in a row may leave it alone in its column: until nothing changes. Each round hides one at least. */
void counts_table(struct count_cell *cells, size_t count, int64_t threshold)
{
    bool changed = true;

    for (size_t i = 0; i < count; i++) {
        cells[i].value = count_shown(cells[i].value, threshold);
    }
    while (changed) {
        changed = hide_alone(cells, count, true);
        changed = hide_alone(cells, count, false) || changed;
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
