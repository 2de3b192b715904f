/*
 * cmd_recover: a journal that came back from a backup opens a new epoch that names what was lost, before the broker
 * listens again. Erasures that the journal records are carried out again first. Nothing but the journal's folder is
 * touched: what can be made again from the segments is removed, records are never.
 *
 * Without a word about what was lost nothing is done: exit 2. A journal that does not verify is left as it is: exit 1.
 */
#include <stdlib.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/own_journal.h"
#include "client/replay/kept_heads.h"
#include "common/codec/frame.h"
#include "common/crypto/sign.h"
#include "common/record/erase.h"

#include "common/base/banned.h"

struct recover {
    struct cli *cli;
    struct own_journal own; /* its check is of the journal as it was found */
    struct epoch_body last; /* the epoch that it is in */
    uint32_t before;        /* the epoch before that, 0 for none */
    uint32_t lost_epoch;    /* the first whose heads may be lost */
    uint32_t epoch;         /* to be opened: above every one that anybody has seen */
    uint64_t lost_from, lost_to;
    kept_heads_t *heads; /* of --seen; owned */
    struct kept_heads_found found;
    uint64_t erased; /* payloads destroyed again */
};

/* ---- what was lost ---- */

static int add_leaf(void *context, const struct record *record, uint64_t position)
{
    struct recover *self = context;
    struct hash leaf = record_leaf(self->own.check.network, record);

    (void)position;
    kept_heads_leaf(self->heads, &leaf);
    return 0;
}

static int take_seen(struct recover *self, const char *path)
{
    json_error_t where;
    json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &where);

    if (file == NULL) {
        return cli_fail(self->cli, E_MALFORMED,
            "%s, line %d: %s; write it with waypost heads --evidence", path, where.line,
            where.text);
    }
    size_t taken = kept_heads_take(self->heads, file);
    json_decref(file);
    if (taken == 0) {
        return cli_fail(self->cli, E_NOT_FOUND,
            "%s holds no head of this journal, of epoch %u or later, that its key has signed", path,
            self->lost_epoch);
    }
    return CLI_DONE;
}

static int match_heads(struct recover *self)
{
    struct cli *cli = self->cli;
    struct journal_check check;
    struct complaint why = {0};

    self->heads =
        kept_heads_new(self->own.check.head.journal, self->own.keys.sign_public, self->lost_epoch);
    for (size_t i = 0; i < cli_count(cli, "seen"); i++) {
        int exit_code = take_seen(self, cli_text_at(cli, "seen", i));
        if (exit_code != CLI_DONE) {
            return exit_code;
        }
    }
    if (cli_count(cli, "seen") > 0 &&
        journal_verify(
            &self->own.disk, self->own.keys.sign_public, &check, add_leaf, self, NULL, &why) != 0) {
        return cli_fail_why(cli, &why);
    }
    kept_heads_find(
        self->heads, self->own.check.leaves, self->own.check.head.time_ms, &self->found);
    return CLI_DONE;
}

static int find_gap(struct recover *self)
{
    struct cli *cli = self->cli;
    uint64_t said = cli_number(cli, "lost-to", 0);
    uint64_t epoch = cli_number(cli, "lost-epoch", self->last.epoch);

    int exit_code = match_heads(self);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    self->epoch =
        self->found.epoch_max > self->last.epoch ? self->found.epoch_max : self->last.epoch;
    self->epoch = epoch > self->epoch ? (uint32_t)epoch : self->epoch;
    self->epoch++;
    self->lost_to = said > self->found.lost_to ? said : self->found.lost_to;
    self->lost_from = cli_number(cli, "lost-from", self->found.lost_from);
    if (cli_flag(cli, "widen")) {
        self->lost_from = self->last.gaps[self->last.gap_count - 1].from;
    }
    if (self->lost_from > self->own.check.leaves) {
        return cli_fail(cli, E_RANGE, "--lost-from: the journal has %llu records",
            (unsigned long long)self->own.check.leaves);
    }
    if (self->lost_to <= self->lost_from) {
        return cli_fail(cli, E_RANGE,
            "nothing is lost: the journal has %llu records and nobody has seen more than %llu that "
            "are not in it; start the broker",
            (unsigned long long)self->lost_from, (unsigned long long)self->lost_to);
    }
    return CLI_DONE;
}

/* ---- the journal ---- */

static int note_epoch(void *context, const struct record *record, uint64_t position)
{
    struct recover *self = context;

    (void)position;
    if (record->type != RECORD_EPOCH) {
        return 0;
    }
    self->before = self->last.epoch;
    return epoch_body_read(record->body, &self->last);
}

static int look(struct recover *self)
{
    struct cli *cli = self->cli;
    struct complaint why = {0};

    int rc = journal_verify(&self->own.disk, self->own.keys.sign_public, &self->own.check,
        note_epoch, self, NULL, &why);
    if (rc != 0) {
        return cli_fail_why(cli, &why); /* a damaged copy is no ground to begin on */
    }
    bool widen = cli_flag(cli, "widen");
    if (widen && self->last.epoch < 2) {
        return cli_fail(cli, E_STATE,
            "--widen: the journal is in its first epoch; nothing was named as lost yet");
    }
    self->lost_epoch = widen ? self->before : self->last.epoch;
    return CLI_DONE;
}

struct stale {
    char names[64][64];
    size_t count;
};

static void note_stale(void *arg, const char *name)
{
    static const char *const made_again[] = {
        "snapshot", "watermark", "tree.wpt", "procedures-", "state-"};
    struct stale *self = arg;

    for (size_t i = 0; i < sizeof made_again / sizeof made_again[0]; i++) {
        if (strncmp(name, made_again[i], strlen(made_again[i])) == 0 && self->count < 64 &&
            strlen(name) < sizeof self->names[0]) {
            memcpy(self->names[self->count++], name, strlen(name) + 1);
            return;
        }
    }
}

/* Snapshots, tree and watermark may be of what was lost: they are made again from the records. */
static int remove_stale(struct recover *self)
{
    struct stale *stale = mem_new(1, sizeof *stale);

    int rc = self->own.disk.list(self->own.disk.context, note_stale, stale);
    for (size_t i = 0; rc == 0 && i < stale->count; i++) {
        rc = self->own.disk.remove(self->own.disk.context, stale->names[i]);
    }
    free(stale);
    return rc == 0
        ? CLI_DONE
        : cli_fail(self->cli, rc, "%s: what the broker makes again cannot be removed: %s",
              self->cli->args[0], err_text(rc));
}

/* A backup made of files of different days may still hold what its own later records say is destroyed. */
static int erase_again(void *context, const struct record *record, uint64_t position)
{
    struct recover *self = context;
    struct erase_body body;

    (void)position;
    if (record->type != RECORD_ERASE_BEGUN || erase_body_read(record->body, &body) != 0) {
        return 0;
    }
    int rc = journal_erase(self->own.journal, body.position, body.index);
    self->erased += rc == 0 ? 1 : 0;
    return rc == E_IO || rc == E_FULL ? rc : 0;
}

static int commit(struct recover *self)
{
    journal_commit_t *commit = journal_cut(self->own.journal);

    int rc = journal_write(self->own.journal, commit);
    journal_settle(self->own.journal, &commit);
    return rc == 0 ? journal_rest(self->own.journal) : rc;
}

static int open_epoch(struct recover *self)
{
    struct complaint why = {0};

    int rc = own_journal_open(&self->own, &why);
    if (rc != 0) {
        return cli_fail_why(self->cli, &why);
    }
    rc = journal_replay(self->own.journal, 0, 0, erase_again, self);
    if (rc == 0) {
        rc = journal_new_epoch(self->own.journal, self->epoch, self->lost_from, self->lost_to);
    }
    if (rc == E_FULL) {
        return cli_fail(self->cli, rc, "the journal came back %d times: there is no room for more",
            EPOCH_GAPS_MAX);
    }
    if (rc == 0) {
        rc = commit(self);
    }
    return rc == 0 ? CLI_DONE
                   : cli_fail(self->cli, rc, "the journal cannot be written: %s", err_text(rc));
}

/* ---- the command ---- */

static void tell(struct recover *self)
{
    struct cli *cli = self->cli;

    if (cli->json) {
        cli_json(cli,
            json_pack("{s:I, s:I, s:I, s:I, s:I}", "epoch", (json_int_t)self->epoch, "leaves",
                (json_int_t)self->own.check.leaves, "lost_from", (json_int_t)self->lost_from,
                "lost_to", (json_int_t)self->lost_to, "erased_again", (json_int_t)self->erased));
        return;
    }
    cli_tell(cli,
        "Epoch %u is open: records %llu to %llu are named as lost. Start the broker. Agents that "
        "had stopped take the epoch by its proof, send again what was accepted in the gap, and "
        "raise the alarm \"recovered\".",
        self->epoch, (unsigned long long)self->lost_from, (unsigned long long)self->lost_to);
    if (self->erased > 0) {
        cli_tell(cli,
            "%llu payloads that the journal records as erased were still in it, and are gone.",
            (unsigned long long)self->erased);
    }
}

static int recover(struct recover *self)
{
    int exit_code = own_journal_begin(&self->own, self->cli);
    if (exit_code == CLI_DONE) {
        exit_code = look(self);
    }
    if (exit_code == CLI_DONE) {
        exit_code = find_gap(self);
    }
    if (exit_code == CLI_DONE) {
        exit_code = remove_stale(self);
    }
    if (exit_code == CLI_DONE) {
        exit_code = open_epoch(self);
    }
    if (exit_code == CLI_DONE) {
        tell(self);
    }
    own_journal_end(&self->own);
    return exit_code;
}

static int run_recover(struct cli *cli)
{
    struct recover self = {.cli = cli};

    if (cli_text(cli, "lost-to") == NULL && cli_count(cli, "seen") == 0) {
        return cli_misuse(cli,
            "say what was lost: --seen FILE, kept by an agent with waypost heads --evidence FILE "
            "(best "
            "of all), or --lost-to NUMBER, the most records that any agent has seen");
    }
    int exit_code = recover(&self);
    kept_heads_destroy(&self.heads);
    return exit_code;
}

static const struct cli_option recover_options[] = {
    {.name = "keys",
        .letter = 'k',
        .argument = "FILE",
        .type = CLI_FILE,
        .required = true,
        .text = "the broker's key file: its head key signs the new epoch"},
    {.name = "seen",
        .letter = 's',
        .argument = "FILE",
        .type = CLI_FILE,
        .repeatable = true,
        .text = "heads that an agent has kept (waypost heads --evidence FILE)"},
    {.name = "lost-to",
        .argument = "NUMBER",
        .type = CLI_NUMBER,
        .min = 1,
        .max = INT64_MAX,
        .text = "the most records that any agent has seen, as the broker's log says it"},
    {.name = "lost-epoch",
        .argument = "NUMBER",
        .type = CLI_NUMBER,
        .min = 1,
        .max = UINT32_MAX - 1,
        .text =
            "with --lost-to: the epoch of that head, as the broker's log says it; the new one is "
            "above it and above every one of --seen"},
    {.name = "widen",
        .text = "the epoch opened last named too little (an agent alarms gap): name its gap again, "
                "wider"},
    {.name = "lost-from",
        .argument = "NUMBER",
        .type = CLI_NUMBER,
        .min = 1,
        .max = INT64_MAX,
        .text = "records that stayed, where the broker has run since the copy was put back; else "
                "all that are here, or what --seen proves"},
    {.name = NULL},
};

const struct cli_command cmd_recover[] = {
    {.name = "recover",
        .group = CLI_GROUP_OPERATE,
        .summary = "brings a broker's journal back from a backup, in a new epoch",
        .usage = "JOURNAL",
        .text =
            "For the operator of a broker whose newest journal is gone for good, with the broker "
            "stopped and the segments of a backup in JOURNAL. Checks the copy, destroys again what "
            "it records as erased, and opens a new epoch whose first record names the records that "
            "were "
            "lost. Agents, which had stopped because the broker had forgotten what it had signed, "
            "then go on: each checks that record and its place in the journal, and sends again "
            "what "
            "had been accepted in the gap. Recipients that have it already give it no second "
            "effect.\n\n"
            "First look for the newer journal: what is found need not be recovered. "
            "docs/OPERATING.md, "
            "section 8, has the whole procedure.",
        .example =
            "waypost recover /var/lib/waypost/journal --keys /etc/waypost/broker.keys --seen "
            "islington.json --seen camden.json",
        .options = recover_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_recover},
    {.name = NULL},
};
