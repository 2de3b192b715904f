/*
 * cmd_import: a journal's folder made again from an export. Writes into a new folder alone.
 */
#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/replay/import.h"

#include "common/base/banned.h"

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    progress_show(context, done, all);
}

static void put_imported(struct cli *cli, const struct imported *imported)
{
    if (cli->json) {
        cli_json(cli,
            json_pack("{s:s, s:I, s:I, s:I, s:I}", "journal", cli_text(cli, "into"), "entries",
                (json_int_t)(imported->records - imported->commits), "commits",
                (json_int_t)imported->commits, "segments", (json_int_t)imported->segments,
                "batches_without_payload", (json_int_t)imported->left_out));
    }
    cli_say(cli, "%s: %llu entries in %llu commits\n", cli_text(cli, "into"),
        (unsigned long long)(imported->records - imported->commits),
        (unsigned long long)imported->commits);
    if (imported->left_out > 0) {
        cli_hint(cli, "%llu batches came without sealed parts; they stand as erased\n",
            (unsigned long long)imported->left_out);
    }
}

static int run_import(struct cli *cli)
{
    const char *folder = cli_text(cli, "into");
    source_t *source = NULL;
    struct complaint why = {0};
    struct imported imported;
    struct progress progress;

    if (folder == NULL) {
        return cli_misuse(cli, "name the folder to make: --into FOLDER");
    }
    if (source_open(cli->args[0], &source, &why) != 0) {
        return cli_fail_why(cli, &why);
    }
    progress_begin(&progress, cli, "importing");
    int rc = import_folder(source, folder, &imported, show_progress, &progress, &why);
    progress_end(&progress);
    source_close(&source);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s: %s%s%s", cli->args[0], why.text,
            imported.commits > 0 ? "; what is whole before it stands in " : "",
            imported.commits > 0 ? folder : "");
    }
    put_imported(cli, &imported);
    return CLI_DONE;
}

static const struct cli_option import_options[] = {
    {.name = "into",
        .argument = "FOLDER",
        .type = CLI_FILE,
        .text = "the folder to make, which must not be there"},
    {.name = NULL},
};

const struct cli_command cmd_import[] = {
    {.name = "import",
        .group = CLI_GROUP_LOOK_BACK,
        .summary = "makes a journal again from an export",
        .usage = "FILE",
        .text = "Reads what waypost export wrote as protobuf or cloudevents and makes the "
                "journal's folder again: "
                "every record at its place, so that its heads, signatures, receipts and "
                "commitments hold as they "
                "did. waypost verify, state, diff and replay take the folder for the journal that "
                "it came from.\n\n"
                "A line or message that cannot be read is named with its place; what is whole "
                "before it stays in the "
                "folder and can be read.",
        .example = "waypost import journal.jsonl --into copy\nwaypost verify copy",
        .options = import_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_import},
    {.name = NULL},
};
