/*
 * cmd_receipt: the file that proves that an event of ours was accepted.
 *
 * The file is checked before it is written: what is kept verifies. An existing file is never overwritten.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/cli/commands.h"
#include "client/cli/receipt_file.h"
#include "client/cli/when.h"
#include "common/base/fsio.h"
#include "common/base/banned.h"

/* The agent's hexadecimal text as bytes, at most RECEIPT_FILE_BYTES_MAX. */
static int bytes_take(struct cli *cli, const json_t *answer, struct buf *out)
{
    const char *hex = text_of(answer, "receipt");
    size_t len = strlen(hex) / 2;
    if (len == 0 || len > RECEIPT_FILE_BYTES_MAX) {
        return cli_fail(cli, E_MALFORMED, "the agent gave no receipt for %s", cli->args[0]);
    }
    buf_reserve(out, len);
    if (strlen(hex) != 2 * len || hex_decode(hex, out->data, len) != 0) {
        return cli_fail(cli, E_MALFORMED, "the agent's receipt is not hexadecimal");
    }
    out->len = len;
    return CLI_DONE;
}

static int check_whole(struct cli *cli, const struct buf *bytes)
{
    struct receipt_proof proof;
    struct complaint why = {0};
    int rc = receipt_file_check(buf_slice(bytes), &proof, &why);
    int exit_code = CLI_DONE;
    if (rc != 0) {
        exit_code = cli_fail_why(cli, &why);
    } else if (proof.rc != 0) {
        exit_code = cli_fail(
            cli, proof.rc, "the receipt does not hold, so it is not kept; read waypost alarms");
    }
    receipt_proof_free(&proof);
    return exit_code;
}

static int write_file(struct cli *cli, const char *path, const struct buf *bytes)
{
    struct stat about;
    if (lstat(path, &about) == 0) {
        return cli_fail(cli, E_EXISTS, "%s exists already; name another file", path);
    }
    int rc = fsio_replace(path, buf_slice(bytes), 0644);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s could not be written; does its directory exist?", path);
    }
    if (cli->json) {
        cli_json(cli,
            json_pack("{s:s, s:s, s:I}", "event", cli->args[0], "file", path, "bytes",
                (json_int_t)bytes->len));
    }
    cli_tell(cli,
        "%s: %zu bytes. waypost verify %s proves it, now or in ten years, without a network.", path,
        bytes->len, path);
    return CLI_DONE;
}

static int run_receipt(struct cli *cli)
{
    json_t *answer = NULL;
    if (cli_text(cli, "out") == NULL && !cli->json) {
        return cli_misuse(cli, "--out FILE is missing: where shall the receipt be kept?");
    }
    int exit_code =
        cli_ask(cli, json_pack("{s:s, s:s?}", "op", "receipt", "event", cli->args[0]), &answer);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    struct buf bytes = {0};
    exit_code = bytes_take(cli, answer, &bytes);
    exit_code = exit_code == CLI_DONE ? check_whole(cli, &bytes) : exit_code;
    if (exit_code == CLI_DONE && cli_text(cli, "out") == NULL) {
        cli_json(cli, json_incref(answer));
    } else if (exit_code == CLI_DONE) {
        exit_code = write_file(cli, cli_text(cli, "out"), &bytes);
    }
    buf_free(&bytes);
    json_decref(answer);
    return exit_code;
}

static const struct cli_option receipt_options[] = {
    {.name = "out",
        .letter = 'o',
        .argument = "FILE",
        .type = CLI_FILE,
        .text = "the file to write; one that exists is not overwritten. Needed unless --json "
                "prints it"},
    {.name = NULL},
};

const struct cli_command cmd_receipt[] = {
    {.name = "receipt",
        .group = CLI_GROUP_PROOF,
        .summary = "keeps the proof that an event was accepted",
        .usage = "ID",
        .text = "Writes a file with the event, its sender's signature, and the broker's signed "
                "receipt with the path into "
                "the journal. waypost verify checks it offline. It holds the clear part of the "
                "event and nothing sealed.",
        .example = "waypost receipt ID --out receipt.wpr",
        .options = receipt_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_receipt,
        .needs_agent = true},
    {.name = NULL},
};
