/*
 * backup: copies of an agent's database and of the broker's journal, and what happens when one of them
 * is put back: the agent goes on by itself, the broker by the operator's recovery (a new epoch that
 * names what was lost).
 */
#include <string.h>

#include "common/base/check.h"
#include "tests/sim/sim.h"

#include "common/base/banned.h"

enum { SEGMENT_BYTES = 1048576 };

/* ---- an agent's database ---- */

void backup_agent(struct sim *self)
{
    size_t index = sim_random(self, self->plan.agents);
    struct sim_agent *agent = &self->agents[index];

    if (index == self->hostile || agent->disk.dead || !virtual_agent_up(self->network, index)) {
        return;
    }
    if (!agent->has_copy) {
        sim_trace(self, "the database of %s is copied", agent->id);
        sim_disk_open(&agent->copy);
        sim_disk_copy(&agent->disk, &agent->copy, "");
        agent->has_copy = true;
        agent->sends_copied = self->send_count;
        return;
    }
    sim_agent_dies(self, index, false);
    sim_trace(self, "the database of %s goes back to its copy", agent->id);
    sim_disk_copy(&agent->copy, &agent->disk, "");
    agent->restored = true;
    for (size_t i = agent->sends_copied; i < self->send_count; i++) {
        self->sends[i].shaky |= self->sends[i].agent == index;
    }
    watch_restored(self, index);
}

/* ---- the broker's journal ---- */

static journal_t *open_journal(struct sim *self)
{
    const struct keys *keys = virtual_broker_keys(self->network);
    const struct journal_options options = {.network = "sim",
        .head_public = keys->sign_public,
        .head_secret = keys->sign_secret,
        .world = &virtual_broker_world(self->network)->world,
        .segment_bytes = SEGMENT_BYTES};
    struct journal_recovery found;
    struct complaint why = {0};
    journal_t *journal = NULL;

    int rc = journal_open(&self->disk.table, &options, &journal, &found, &why);
    if (rc != 0) {
        sim_fail(
            self, "promise 1, accepted means on disk", "the copy of the journal: %s", why.text);
    }
    return journal;
}

/* What `waypost recover` does. */
static void recover(struct sim *self)
{
    journal_t *journal = open_journal(self);

    if (journal == NULL) {
        return;
    }
    uint64_t size = journal_head(journal)->size;
    uint64_t shown = watch_broker_restored(self, size);
    sim_trace(self, "the journal goes back to %llu records, and %llu were shown",
        (unsigned long long)size, (unsigned long long)shown);
    if (shown > size) {
        int rc = journal_new_epoch(journal, journal_head(journal)->epoch + 1, size, shown);
        assert(rc == 0);
        journal_commit_t *commit = journal_cut(journal);
        rc = journal_write(journal, commit);
        assert(rc == 0);
        journal_settle(journal, &commit);
    }
    journal_destroy(&journal);
}

void backup_broker(struct sim *self)
{
    if (!virtual_broker_up(self->network) || self->disk.dead || self->disk.full) {
        return;
    }
    if (!self->has_copy) {
        sim_trace(self, "the journal is copied");
        sim_disk_open(&self->copy);
        sim_disk_copy(&self->disk, &self->copy, "segment-");
        self->has_copy = true;
        return;
    }
    sim_broker_dies(self, false);
    sim_disk_revive(&self->disk, false, 0);
    sim_disk_copy(&self->copy, &self->disk, "segment-");
    sim_disk_close(&self->copy); /* of a history that is over */
    self->has_copy = false;
    recover(self);
    self->disk.dead = true; /* until it starts */
    self->broker_power = false;
    self->broker_restored = true;
    for (size_t i = 0; i < SIM_AGENTS; i++) {
        self->agents[i].revoked_leaf = 0; /* looked for again */
    }
}
