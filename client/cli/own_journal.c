/* own_journal: see own_journal.h. What fails is said once, to the user; nothing is left open. */
#include "client/cli/own_journal.h"

#include <string.h>

#include <sodium.h>

#include "common/base/world.h"

#include "common/base/banned.h"

enum { SEGMENT_BYTES = 268435456 };

static void note_segment(void *context, const char *name)
{
    static const char prefix[] = "segment-";
    bool *found = context;

    *found = *found || strncmp(name, prefix, sizeof prefix - 1) == 0;
}

/* A folder that is none gets no lock file. */
static int lock_folder(struct own_journal *self, struct complaint *why)
{
    bool found = false;

    int rc = self->disk.list(self->disk.context, note_segment, &found);
    if (rc != 0 || !found) {
        return complain(why, rc != 0 ? rc : E_NOT_FOUND,
            "%s: there is no segment here; give the directory of a journal", self->cli->args[0]);
    }
    rc = journal_lock(&self->disk, &self->lock, why);
    self->locked = rc == 0;
    self->disk.lock = NULL; /* it is ours: journal_open() need not ask */
    return rc;
}

int own_journal_begin(struct own_journal *self, struct cli *cli)
{
    struct complaint why = {0};

    self->cli = cli;
    if (keys_load(cli_text(cli, "keys"), &self->keys, &why) != 0) {
        return cli_fail_why(cli, &why);
    }
    int rc = disk_real_open(cli->args[0], &self->disk);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s cannot be opened: %s", cli->args[0], err_text(rc));
    }
    return lock_folder(self, &why) == 0 ? CLI_DONE : cli_fail_why(cli, &why);
}

int own_journal_open(struct own_journal *self, struct complaint *why)
{
    const struct journal_options options = {.network = self->check.network,
        .head_public = self->keys.sign_public,
        .head_secret = self->keys.sign_secret,
        .world = world_real(),
        .segment_bytes = SEGMENT_BYTES};
    struct journal_recovery recovery;

    return journal_open(&self->disk, &options, &self->journal, &recovery, why);
}

void own_journal_end(struct own_journal *self)
{
    journal_destroy(&self->journal);
    if (self->locked) {
        self->disk.close(self->disk.context, self->lock);
    }
    if (self->disk.context != NULL) {
        disk_real_close(&self->disk);
    }
    sodium_memzero(&self->keys, sizeof self->keys);
}
