/*
 * cmd_mend: single wrong bits of a stopped broker's journal, written back as they were where the journal itself proves them.
 *
 * What is not proven is left as it is: exit 1 with where and what to do. A crash in between leaves each record as it was or as
 * it was written first; the command is run again.
 */
#include "client/cli/commands.h"
#include "client/cli/own_journal.h"
#include "client/cli/progress.h"
#include "common/base/log.h"

#include "common/base/banned.h"

struct mending {
    struct cli *cli;
    struct own_journal own; /* its check is of the last look */
    struct progress progress;
    json_t *righted; /* one a bit; owned */
};

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    struct mending *self = context;

    progress_show(&self->progress, done, all);
}

/* 0, or the first fault, with where it is in check. */
static int look(struct mending *self, struct complaint *why)
{
    progress_begin(&self->progress, self->cli, "verifying");
    int rc = journal_verify(&self->own.disk, self->own.keys.sign_public, &self->own.check, NULL,
        self, show_progress, why);
    progress_end(&self->progress);
    return rc;
}

static void tell_righted(struct mending *self, const struct journal_righted *righted)
{
    char segment[32];

    (void)snprintf(segment, sizeof segment, "segment-%010u.wpj", (unsigned)righted->segment);
    cli_say(self->cli, "%s, byte %llu: %02x is %02x again; entry %llu is whole\n", segment,
        (unsigned long long)righted->offset, righted->was, righted->is,
        (unsigned long long)righted->sequence);
    json_array_append_new(self->righted,
        json_pack("{s:s, s:I, s:i, s:i, s:I}", "segment", segment, "offset",
            (json_int_t)righted->offset, "was", (int)righted->was, "is", (int)righted->is, "entry",
            (json_int_t)righted->sequence));
}

/* One after the other, as verifying names them; the rest of the journal is read again each time, for it may name another.
 * 0 where the journal is whole in the end; else why says what is left. */
static int mend_all(struct mending *self, struct complaint *why)
{
    int rc = look(self, why);

    /* Where the record that names the network cannot be read, nothing proves anything. */
    if (rc == E_CORRUPT && self->own.check.network[0] != '\0') {
        struct complaint opening = {0};
        if (own_journal_open(&self->own, &opening) != 0) {
            *why = opening;
            return opening.rc;
        }
    }
    while (rc == E_CORRUPT && self->own.journal != NULL && self->own.check.bad_position != 0) {
        struct journal_righted righted;
        int mended = journal_mend(self->own.journal, self->own.check.bad_position, &righted);
        if (mended == E_CORRUPT || mended == E_NOT_FOUND) {
            return rc;
        }
        if (mended != 0) {
            return complain(
                why, mended, "%s cannot be written: %s", self->cli->args[0], err_text(mended));
        }
        tell_righted(self, &righted);
        rc = look(self, why);
    }
    return rc;
}

static int tell_end(struct mending *self, int rc, const struct complaint *why)
{
    struct cli *cli = self->cli;
    size_t count = json_array_size(self->righted);

    if (cli->json) {
        cli_json(cli, json_pack("{s:b, s:O}", "whole", rc == 0, "righted", self->righted));
    }
    if (rc == E_CORRUPT) {
        return cli_fail(cli, rc,
            "%s; no single bit is proven to make that good, and it was left as it is: put the "
            "record back from a backup (docs/OPERATING.md, section 8)",
            why->text);
    }
    if (rc != 0) {
        return cli_fail_why(cli, why);
    }
    cli_tell(cli,
        count == 0 ? "Nothing is damaged: nothing was written."
                   : "The journal is whole: start the broker.");
    return CLI_DONE;
}

static int run_mend(struct cli *cli)
{
    struct mending self = {.cli = cli};
    struct complaint why = {0};

    log_init("waypost", LOG_NOTHING); /* what the journal would say is told here, with its place */
    int exit_code = own_journal_begin(&self.own, cli);
    if (exit_code == CLI_DONE) {
        self.righted = json_array();
        exit_code = tell_end(&self, mend_all(&self, &why), &why);
        json_decref(self.righted);
    }
    own_journal_end(&self.own);
    return exit_code;
}

static const struct cli_option mend_options[] = {
    {.name = "keys",
        .letter = 'k',
        .argument = "FILE",
        .type = CLI_FILE,
        .required = true,
        .text = "the broker's key file: its head key has signed what proves the bits"},
    {.name = NULL},
};

const struct cli_command cmd_mend[] = {
    {.name = "mend",
        .group = CLI_GROUP_OPERATE,
        .summary = "puts single wrong bits of a broker's journal right",
        .usage = "JOURNAL",
        .text =
            "For the operator of a stopped broker whose journal waypost verify finds damaged. "
            "Where one bit of a record is wrong, and the tree that the broker has signed proves "
            "what it "
            "was, that bit is written back and synced, and the place is printed; then the whole "
            "journal is verified again. Nothing else is touched: a record with more wrong bits, "
            "and a sealed part, come back from a backup alone. The journal is locked from the "
            "first "
            "look on: a broker that runs is refused, and none starts meanwhile.\n\n"
            "Exit 0 where the journal is whole in the end, 1 where something is left, with its "
            "place.",
        .example = "waypost mend /var/lib/waypost/journal --keys /etc/waypost/broker.keys",
        .options = mend_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_mend},
    {.name = NULL},
};
