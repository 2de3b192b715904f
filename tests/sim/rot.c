/*
 * rot: one bit of the broker's journal is wrong when it starts, or two beside each other, and right again at its next start
 * or a later one: what it serves meanwhile is held against the same promises as everything else. A start may be refused,
 * then all is right at once.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/journal/record.h"
#include "tests/support/journal_fixture.h"

#include "common/base/banned.h"

#define SEGMENT "segment-0000000001.wpj"

enum {
    HEADER_BYTES = 4096, /* of a segment */
    CHECKED_BYTES = 32,  /* of a record's header: what its first checksum covers */
    ROTS_MAX = 4096,
    ONE_BIT_PERCENT = 30, /* of the rots: such a record is read all the same */
    STAYS_PERCENT = 50,   /* of the starts with a rot find it still there */
    ANY_PERCENT = 25,     /* of the rots of two bits lie in any record */
    LATE_PERCENT = 60,    /* of the rots lie in one of the last LATE records that are wanted */
    LATE = 4,             /* what is behind the newest snapshot, and what a sender has said last */
    AWAY_PERCENT = 60,    /* of the rots strike while somebody is away, who comes back ... */
    HUB_PERCENT = 40,     /* ... with the broker; so often the hub */
    STATEMENT_PERCENT = 60, /* so often, where its sender's next tells of a batch, it is ... */
    STATEMENT_BYTES = 160,  /* ... in agent or statement: the beginning of the body */
    DOWN_MS = 300,          /* the broker that is struck is back so soon that agents are, too */
    SERVES_MS = 3000        /* and is left alone so long: what it says wrongly it says to them */
};

/* Records that were durable for certain: a whole commit stands behind theirs. With one wrong bit each can be read, with two
 * a broker may serve without a batch, an acknowledgement or what that did, or a register; without any other record it
 * serves rightly, or not at all. */
struct rots {
    uint32_t types; /* wanted: bit a record's type */
    size_t count;
    uint64_t at[ROTS_MAX];
    uint32_t len[ROTS_MAX];               /* header and body; erasing writes over payloads */
    char sender[ROTS_MAX][KEYS_ID_BYTES]; /* of a batch, "" of others */
};

static void segment_read(struct sim *self, struct buf *out)
{
    const struct disk *disk = &self->disk.memory;
    uint64_t size = 0;
    size_t got = 0;
    int file;

    if (disk->open(disk->context, SEGMENT, false, &file) != 0) {
        return;
    }
    if (disk->size(disk->context, file, &size) == 0) {
        buf_reserve(out, (size_t)size + 1);
        out->len =
            disk->read_at(disk->context, file, out->data, (size_t)size, 0, &got) == 0 ? got : 0;
    }
    disk->close(disk->context, file);
}

static void sender_read(const struct record *record, char *out)
{
    struct batch_body batch;
    bool is_one = record->type == RECORD_BATCH && batch_body_read(record->body, &batch) == 0;

    (void)snprintf(out, KEYS_ID_BYTES, "%s", is_one ? batch.agent : "");
}

static void rots_find(const struct buf *segment, struct rots *out)
{
    struct record record;
    size_t length = 0;
    size_t sure = 0;  /* of those found: in a commit before the last */
    size_t whole = 0; /* in the last whole one, or before */

    for (uint64_t at = HEADER_BYTES; at < segment->len && out->count < ROTS_MAX; at += length) {
        if (record_decode_body(
                slice_of(segment->data + at, segment->len - (size_t)at), &record, &length) != 0) {
            break;
        }
        if (record.type == RECORD_COMMIT) {
            sure = whole;
            whole = out->count;
        } else if ((out->types >> record.type & 1) != 0) {
            out->at[out->count] = at;
            sender_read(&record, out->sender[out->count]);
            out->len[out->count++] = (uint32_t)(RECORD_HEADER_BYTES + record.body.len);
        }
    }
    out->count = sure;
}

/* Wrong, and right again. */
static void rot_flip(struct sim *self)
{
    for (uint64_t i = 0; i < self->rot_bits; i++) {
        journal_fixture_flip(
            &self->disk.memory, SEGMENT, self->rot_offset, (unsigned)((self->rot_offset + i) % 8));
    }
}

/* Of two bits mostly in what a broker may serve without, one type as often as another: there is one register, and every
 * event makes several of the others. */
static uint32_t choose_types(struct sim *self)
{
    static const uint8_t served_without[] = {
        RECORD_BATCH, RECORD_BATCH, RECORD_BATCH, RECORD_ACK, RECORD_ACKED, RECORD_INPUT};

    if (self->rot_bits == 1 || sim_chance(self, ANY_PERCENT)) {
        return UINT32_MAX;
    }
    return UINT32_C(1) << served_without[sim_random(self, sizeof served_without)];
}

static size_t choose_rot(struct sim *self, const struct rots *rots)
{
    size_t among = sim_chance(self, LATE_PERCENT) && rots->count > LATE ? LATE : rots->count;

    return rots->count - among + sim_random(self, among);
}

/* A batch whose sender has another behind it: that tells how many events were in this one. */
static bool is_followed(const struct rots *rots, size_t chosen)
{
    bool found = false;

    for (size_t i = chosen + 1; i < rots->count && rots->sender[chosen][0] != '\0'; i++) {
        found = found || strcmp(rots->sender[i], rots->sender[chosen]) == 0;
    }
    return found;
}

/* In the record. Without the statement of a batch a broker may serve only where the next one of its sender is there. */
static uint64_t choose_place(struct sim *self, const struct rots *rots, size_t chosen)
{
    if (is_followed(rots, chosen) && sim_chance(self, STATEMENT_PERCENT)) {
        return RECORD_HEADER_BYTES + sim_random(self, STATEMENT_BYTES);
    }
    uint64_t in = sim_random(self, rots->len[chosen] - (RECORD_HEADER_BYTES - CHECKED_BYTES));
    return in + (in >= CHECKED_BYTES ? RECORD_HEADER_BYTES - CHECKED_BYTES : 0);
}

static void rot_make(struct sim *self)
{
    struct buf segment = {0};
    struct rots *rots = mem_new(1, sizeof *rots);

    self->rot_bits = sim_chance(self, ONE_BIT_PERCENT) ? 1 : 2;
    rots->types = choose_types(self);
    segment_read(self, &segment);
    rots_find(&segment, rots);
    if (rots->count == 0) { /* nothing of that type yet */
        rots->types = UINT32_MAX;
        rots_find(&segment, rots);
    }
    if (rots->count > 0) {
        size_t chosen = choose_rot(self, rots);
        self->rot_offset = rots->at[chosen] + choose_place(self, rots, chosen);
        self->rotten = true;
        rot_flip(self);
        sim_trace(self, "rot at %llu, bits %llu", (unsigned long long)self->rot_offset,
            (unsigned long long)self->rot_bits);
    }
    free(rots);
    buf_free(&segment);
}

bool rot_mend(struct sim *self)
{
    if (!self->rotten) {
        return false;
    }
    rot_flip(self);
    self->rotten = false;
    self->rot_mended = true;
    sim_trace(self, "all right again at %llu", (unsigned long long)self->rot_offset);
    return true;
}

void rot_before_start(struct sim *self)
{
    bool wanted = self->rot_wanted;

    self->rot_wanted = false;
    self->rot_served_ms = virtual_time(self->network)->mono_ms + SERVES_MS;
    if (self->rotten && !self->healing && sim_chance(self, STAYS_PERCENT)) {
        return;
    }
    if (!rot_mend(self) && wanted && !self->healing) {
        rot_make(self);
    }
}

/* Whoever is away while others speak has something to come: what is lost next may be that. */
static void somebody_goes(struct sim *self)
{
    size_t agent = sim_chance(self, HUB_PERCENT) ? SIM_HUB : sim_random(self, self->plan.agents);

    if (agent != self->hostile && virtual_agent_up(self->network, agent)) {
        sim_agent_dies(self, agent, false);
        self->agents[agent].back_ms = INT64_MAX;
        self->rot_away = agent;
    }
}

static void somebody_returns(struct sim *self)
{
    struct sim_agent *agent = &self->agents[self->rot_away];

    if (agent->back_ms == INT64_MAX && !virtual_agent_up(self->network, self->rot_away)) {
        agent->back_ms = self->broker_back_ms;
    }
    self->rot_away = SIM_NOBODY;
}

bool rot_strike(struct sim *self)
{
    int64_t now_ms = virtual_time(self->network)->mono_ms;

    if ((self->rotten && now_ms < self->rot_served_ms) || !virtual_broker_up(self->network)) {
        return false;
    }
    if (self->rot_away == SIM_NOBODY && sim_chance(self, AWAY_PERCENT)) {
        somebody_goes(self);
        return true;
    }
    sim_broker_dies(self, false);
    self->broker_back_ms = now_ms + DOWN_MS;
    self->rot_wanted = true;
    if (self->rot_away != SIM_NOBODY) {
        somebody_returns(self);
    }
    return true;
}
