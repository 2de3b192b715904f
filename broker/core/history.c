/*
 * history: when was what. A mark is kept at least every TIME_MARK_MS of traffic and every TIME_MARK_LEAVES records, so
 * that the age of a pending entry and the place to begin a search are known without reading the journal.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>

#include "common/base/banned.h"

/* Of the older half every other one goes. Depends on the records alone, like everything in the state. */
static void marks_thin(core_t *self)
{
    size_t kept = 0;

    for (size_t i = 0; i < self->time_mark_count; i++) {
        if (i >= TIME_MARKS_MAX / 2 || i % 2 == 0) {
            self->time_marks[kept++] = self->time_marks[i];
        }
    }
    self->time_mark_count = kept;
}

void history_push(core_t *self, struct time_mark mark)
{
    if (self->time_mark_count == self->time_mark_capacity) {
        self->time_mark_capacity =
            self->time_mark_capacity == 0 ? 64 : self->time_mark_capacity * 2;
        struct time_mark *grown = mem_new(self->time_mark_capacity, sizeof *grown);
        for (size_t i = 0; i < self->time_mark_count; i++) {
            grown[i] = self->time_marks[i];
        }
        free(self->time_marks);
        self->time_marks = grown;
    }
    self->time_marks[self->time_mark_count++] = mark;
}

void history_apply(core_t *self, uint64_t leaf, uint64_t position, int64_t time_ms)
{
    if (self->time_mark_count > 0) {
        const struct time_mark *last = &self->time_marks[self->time_mark_count - 1];
        if (leaf - last->leaf < TIME_MARK_LEAVES && time_ms - last->time_ms < TIME_MARK_MS) {
            return;
        }
    }
    if (self->time_mark_count == TIME_MARKS_MAX) {
        marks_thin(self);
    }
    history_push(self, (struct time_mark){leaf, position, time_ms});
}

int64_t history_time_at(const core_t *self, uint64_t position)
{
    size_t low = 0;
    size_t high = self->time_mark_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->time_marks[middle].position <= position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? 0 : self->time_marks[low - 1].time_ms;
}

const struct time_mark *history_at(const core_t *self, uint64_t leaf)
{
    const struct time_mark *found = NULL;

    for (size_t i = 0; i < self->time_mark_count && self->time_marks[i].leaf <= leaf; i++) {
        found = &self->time_marks[i];
    }
    return found;
}

/* The clock may have been set back, so times need not rise: the first mark beyond decides, from the front. */
const struct time_mark *history_before(const core_t *self, int64_t time_ms)
{
    const struct time_mark *found = NULL;

    for (size_t i = 0; i < self->time_mark_count && self->time_marks[i].time_ms < time_ms; i++) {
        found = &self->time_marks[i];
    }
    return found;
}
