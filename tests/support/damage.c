/* damage: see damage.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/damage.h"

#include <cmocka.h>
#include <stdlib.h>

#include "common/base/banned.h"

#define SEGMENT "segment-0000000001.wpj"

/* Where the parts of each record of a type stand, in the segment. */
struct search {
    uint8_t type;
    unsigned seen;
    uint64_t parts[FIXTURE_LOG_MAX][PART_PAYLOAD + 1];
};

static int search_visit(void *context, const struct record *record, uint64_t position)
{
    struct search *self = context;
    struct batch_body batch;

    if (record->type != self->type) {
        return 0;
    }
    assert_true(self->seen < FIXTURE_LOG_MAX);
    uint64_t offset = position & UINT32_MAX;
    uint64_t *parts = self->parts[self->seen++];
    parts[PART_HEADER] = offset + 33;
    offset += RECORD_HEADER_BYTES;
    parts[PART_STATEMENT] = parts[PART_EVENTS] = offset + 9;
    if (record->type == RECORD_BATCH && batch_body_read(record->body, &batch) == 0) {
        parts[PART_STATEMENT] = offset + (uint64_t)(batch.statement.data - record->body.data) + 5;
        parts[PART_EVENTS] = offset + (uint64_t)(batch.events.data - record->body.data) + 9;
        parts[PART_PAYLOAD] = offset + record->body.len + record->payload.len / 2;
    }
    return 0;
}

void damage_strike(struct core_fixture *fixture, struct damage damage)
{
    for (unsigned i = 0; i < damage.bits; i++) {
        journal_fixture_flip(&fixture->base.memory, SEGMENT, damage.offset, 3 + i);
    }
}

struct damage damage_make(struct core_fixture *fixture, uint8_t type, unsigned from_end,
    enum damage_part part, unsigned bits)
{
    struct search *search = mem_new(1, sizeof *search);

    search->type = type;
    assert_int_equal(journal_replay(fixture->base.journal, 0, 0, search_visit, search), 0);
    assert_true(search->seen > from_end);
    struct damage damage = {search->parts[search->seen - 1 - from_end][part], bits};
    assert_true(damage.offset > 0);
    free(search);
    assert_int_equal(journal_rest(fixture->base.journal), 0);
    core_fixture_stop(fixture);
    damage_strike(fixture, damage);
    return damage;
}

struct damage damage_lose(
    struct core_fixture *fixture, uint8_t type, unsigned from_end, enum damage_part part)
{
    return damage_make(fixture, type, from_end, part, 2);
}
