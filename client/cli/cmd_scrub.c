/*
 * cmd_scrub: a safe log from a real one (client/replay/scrub.h), as an export. Only reads its source.
 */
#include <stdlib.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/replay/export.h"
#include "client/replay/scrub.h"
#include "client/replay/source.h"
#include "common/crypto/hash.h"

#include "common/base/banned.h"

struct scrubbing {
    scrub_t *scrub;
    exporter_t *exporter;
    uint64_t written, left_out, unreadable;
    struct progress progress;
};

static int scrub_one(void *context, const struct record *record, uint64_t position)
{
    struct scrubbing *self = context;
    struct record clean;

    int rc = scrub_record(self->scrub, record, &clean);
    if (rc == E_END) {
        self->left_out++;
        return 0;
    }
    if (rc != 0) {
        self->unreadable++; /* what cannot be read cannot be cleaned */
        return 0;
    }
    self->written++;
    return exporter_record(self->exporter, &clean, position);
}

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    struct scrubbing *self = context;

    progress_show(&self->progress, done, all);
}

static int scrub_source(struct cli *cli, struct scrubbing *self, source_t *source)
{
    const struct source_walk walk = {
        .visit = scrub_one, .progress = show_progress, .context = self};
    struct complaint why = {0};
    uint64_t torn;

    progress_begin(&self->progress, cli, "scrubbing");
    int rc = source_walk(source, &walk, &torn, &why);
    progress_end(&self->progress);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s: %s; %llu entries before that were scrubbed",
            source_path(source), why.text[0] == '\0' ? err_text(rc) : why.text,
            (unsigned long long)self->written);
    }
    return CLI_DONE;
}

static int put_scrubbed(struct cli *cli, const struct scrubbing *self)
{
    if (cli->json) {
        cli_json(cli,
            json_pack("{s:s, s:I, s:I, s:I}", "file", cli_text(cli, "out"), "entries",
                (json_int_t)self->written, "left_out", (json_int_t)self->left_out, "unreadable",
                (json_int_t)self->unreadable));
    }
    cli_say(cli, "%llu entries in %s; %llu registers left out\n", (unsigned long long)self->written,
        cli_text(cli, "out"), (unsigned long long)self->left_out);
    if (self->unreadable > 0) {
        cli_hint(cli, "%llu entries could not be read and were left out\n",
            (unsigned long long)self->unreadable);
    }
    return CLI_DONE;
}

static bool is_protobuf(const char *path)
{
    size_t len = strlen(path);

    return len > 3 && strcmp(path + len - 3, ".pb") == 0;
}

static int run_scrub(struct cli *cli)
{
    const char *path = cli_text(cli, "out");
    const char *codes = cli_text(cli, "authorities");
    source_t *source = NULL;
    struct complaint why = {0};

    if (path == NULL) {
        return cli_misuse(cli, "name the file to write: --out FILE");
    }
    if (source_open(cli->args[0], &source, &why) != 0) {
        return cli_fail_why(cli, &why);
    }
    FILE *file = fopen(path, "wxe");
    if (file == NULL) {
        source_close(&source);
        return cli_fail(cli, E_EXISTS,
            "%s cannot be made; is there a file of that name, or no such directory?", path);
    }
    crypto_start();
    struct scrubbing self = {.scrub = scrub_new(codes != NULL && strcmp(codes, "replace") == 0),
        .exporter =
            exporter_new(file, is_protobuf(path) ? SOURCE_PROTOBUF : SOURCE_CLOUDEVENTS, true)};
    int exit_code = scrub_source(cli, &self, source);
    exporter_destroy(&self.exporter);
    scrub_destroy(&self.scrub);
    source_close(&source);
    if (fclose(file) != 0) {
        return cli_fail(cli, E_IO, "%s could not be written whole", path);
    }
    return exit_code == CLI_DONE ? put_scrubbed(cli, &self) : exit_code;
}

static const char *const code_words[] = {"keep", "replace", NULL};

static const struct cli_option scrub_options[] = {
    {.name = "out",
        .letter = 'o',
        .argument = "FILE",
        .type = CLI_FILE,
        .text = "the file to write, which must not exist; protobuf where it ends in .pb, else "
                "CloudEvents"},
    {.name = "authorities",
        .argument = "HOW",
        .type = CLI_WORD,
        .words = code_words,
        .text = "keep the codes of authorities (unless told otherwise), or replace them by codes "
                "that do not exist"},
    {.name = NULL},
};

const struct cli_command cmd_scrub[] = {
    {.name = "scrub",
        .group = CLI_GROUP_LOOK_BACK,
        .summary = "makes a safe log from a real one",
        .usage = "JOURNAL",
        .text = "Writes a copy of a journal that can be given away: ids and references are "
                "replaced by others, the same "
                "ones everywhere, by a random key that is thrown away; sealed parts by random "
                "bytes of the same length; "
                "free texts by letters; signatures and heads, which no longer fit, are gone, and "
                "so are registers. Order, "
                "times, sizes, kinds, facts that are words or dates, verdicts and rules stay. "
                "state, diff and replay read "
                "the file.\n\n"
                "With --authorities replace the procedures know none of the codes any more: what "
                "is recorded can still be "
                "replayed, and recomputing it says something else.",
        .example = "waypost scrub /var/lib/waypost/journal --out for-the-supplier.jsonl "
                   "--authorities replace",
        .options = scrub_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_scrub},
    {.name = NULL},
};
