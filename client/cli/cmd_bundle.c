/*
 * cmd_bundle: everything about one transfer that the agent can prove, as one file for a review. It is checked before it
 * is written; an existing file is never overwritten.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "client/cli/bundle_file.h"
#include "client/cli/commands.h"
#include "client/cli/when.h"
#include "client/replay/journal_bundle.h"
#include "common/base/fsio.h"
#include "common/base/uuid.h"
#include "common/base/world.h"
#include "common/journal/disk.h"
#include "common/base/banned.h"

enum { PAGE_BYTES_MAX = 1048576 };

static int take_page(struct cli *cli, struct buf *out)
{
    json_t *answer = NULL;
    size_t len = 0;
    int exit_code = cli_ask(
        cli, json_pack("{s:s, s:I}", "op", "bundle_page", "from", (json_int_t)out->len), &answer);

    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    const char *text = text_of(answer, "base64");
    buf_reserve(out, PAGE_BYTES_MAX);
    if (sodium_base642bin(out->data + out->len, PAGE_BYTES_MAX, text, strlen(text), NULL, &len,
            NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        len == 0) {
        exit_code = cli_fail(cli, E_MALFORMED, "the agent gave no page of the bundle");
    }
    out->len += len;
    json_decref(answer);
    return exit_code;
}

/* What in it does not hold. */
static const char *broken_in(const struct bundle_view *view)
{
    for (size_t i = 0; i < view->item_count; i++) {
        if (view->items[i].mark == BUNDLE_BROKEN) {
            return view->items[i].proof;
        }
    }
    return "";
}

static int check_and_write(
    struct cli *cli, const struct buf *bytes, uint64_t records, uint64_t proven)
{
    const char *path = cli_text(cli, "out");
    struct trust trust = {.has_join = false};
    struct bundle_view view;
    struct stat about;
    int exit_code = CLI_DONE;

    if (lstat(path, &about) == 0) {
        return cli_fail(cli, E_EXISTS, "%s exists already; name another file", path);
    }
    int rc = bundle_file_check(buf_slice(bytes), &trust, &view);
    if (rc != 0) {
        exit_code = cli_fail(cli, rc,
            "the bundle does not hold, so it is not kept (%s); read waypost alarms",
            view.fault[0] != '\0' ? view.fault : broken_in(&view));
    } else if ((rc = fsio_replace(path, buf_slice(bytes), 0644)) != 0) {
        exit_code = cli_fail(cli, rc, "%s could not be written; does its directory exist?", path);
    } else if (cli->json) {
        cli_json(cli,
            json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "transfer", view.transfer, "file", path,
                "bytes", (json_int_t)bytes->len, "lines", (json_int_t)view.item_count, "records",
                (json_int_t)records, "proven", (json_int_t)proven));
    } else {
        cli_tell(cli,
            "%s: %zu lines, %llu of %llu records proven in the journal. waypost verify %s checks "
            "it, "
            "now or in ten years, without a network; --html FILE makes a document of it.",
            path, view.item_count, (unsigned long long)proven, (unsigned long long)records, path);
    }
    bundle_view_free(&view);
    return exit_code;
}

static int make_from(
    struct cli *cli, const struct disk *disk, const uint8_t *transfer, const struct keys *maker)
{
    const struct world *world = world_real();
    struct journal_bundle counts = {0};
    struct buf bytes = {0};
    struct complaint why = {0};

    int rc = journal_bundle_make(
        disk, transfer, maker, world->wall_ms(world->context), &bytes, &counts, &why);
    uint64_t records = counts.events + counts.records;
    int exit_code =
        rc == 0 ? check_and_write(cli, &bytes, records, records) : cli_fail_why(cli, &why);
    buf_free(&bytes);
    return exit_code;
}

/* Of the journal itself, by its operator: without an agent, and of all parties. */
static int from_journal(struct cli *cli, const char *folder)
{
    struct keys keys;
    struct disk disk;
    struct complaint why = {0};
    uint8_t transfer[UUID_BYTES];

    if (cli_text(cli, "keys") == NULL) {
        return cli_misuse(cli, "--journal needs --keys: whoever makes a bundle signs it");
    }
    if (uuid_parse(cli->args[0], transfer) != 0) {
        return cli_misuse(
            cli, "%s is no id; a journal knows transfers by their id alone", cli->args[0]);
    }
    if (keys_load(cli_text(cli, "keys"), &keys, &why) != 0) {
        return cli_fail_why(cli, &why);
    }
    int rc = disk_real_open(folder, &disk);
    int exit_code = rc == 0 ? make_from(cli, &disk, transfer, &keys)
                            : cli_fail(cli, rc, "%s cannot be opened: %s", folder, err_text(rc));
    if (rc == 0) {
        disk_real_close(&disk);
    }
    keys_wipe(&keys);
    return exit_code;
}

static int from_agent(struct cli *cli)
{
    struct buf bytes = {0};
    json_t *answer = NULL;
    int exit_code =
        cli_ask(cli, json_pack("{s:s, s:s}", "op", "bundle", "transfer", cli->args[0]), &answer);

    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    uint64_t size = number_of(answer, "bytes");
    if (size == 0 || size > BUNDLE_BYTES_MAX) {
        exit_code = cli_fail(cli, E_TOO_LARGE, "a bundle of %llu bytes; at most %d are taken",
            (unsigned long long)size, BUNDLE_BYTES_MAX);
    }
    while (exit_code == CLI_DONE && bytes.len < size) {
        exit_code = take_page(cli, &bytes);
    }
    if (exit_code == CLI_DONE) {
        exit_code =
            check_and_write(cli, &bytes, number_of(answer, "records"), number_of(answer, "proven"));
    }
    buf_free(&bytes);
    json_decref(answer);
    return exit_code;
}

static int run_bundle(struct cli *cli)
{
    const char *folder = cli_text(cli, "journal");

    return folder == NULL ? from_agent(cli) : from_journal(cli, folder);
}

static const struct cli_option bundle_options[] = {
    {.name = "out",
        .letter = 'o',
        .argument = "FILE",
        .type = CLI_FILE,
        .required = true,
        .text = "the file to write; one that exists is not overwritten"},
    {.name = "journal",
        .argument = "FOLDER",
        .type = CLI_FILE,
        .text = "made from a broker's journal, in use or copied, and not by an agent: of all "
                "parties"},
    {.name = "keys",
        .letter = 'k',
        .argument = "FILE",
        .type = CLI_FILE,
        .text = "with --journal: keys of the agent that signs the bundle, such as the operator's"},
    {.name = NULL},
};

const struct cli_command cmd_bundle[] = {
    {.name = "bundle",
        .group = CLI_GROUP_PROOF,
        .summary = "one file with all that is proven of a transfer, for a review",
        .usage = "TRANSFER",
        .text = "Writes everything about a transfer that this agent can prove: each event with its "
                "sender's signature, receipts, acknowledgements, clocks and what else the broker "
                "derived, "
                "erasures, where each stands in the broker's journal, and the registers that say "
                "whose the "
                "keys are. waypost verify checks it offline and prints the timeline in words; "
                "--html there "
                "makes a document of it.\n\n"
                "It holds the clear parts alone: no sealed part, no name, no label that is kept "
                "here only. "
                "Without the broker it is made all the same, and says that places in the journal "
                "are not "
                "proven.\n\n"
                "With --journal it is made from the journal itself, which is verified on the way: "
                "every party's events, each proven, and no view of how things stand.",
        .example =
            "waypost bundle TRANSFER --out review.wpb\nwaypost verify review.wpb --join demo.join "
            "--html review.html",
        .options = bundle_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_bundle,
        .needs_agent = true},
    {.name = NULL},
};
