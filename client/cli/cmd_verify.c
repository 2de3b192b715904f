/*
 * cmd_verify: a journal, a receipt or a register, checked without a network and with public keys alone.
 *
 * What is damaged or forged is exit 1 with where and what. Nothing is ever written.
 */
#include <string.h>
#include <sys/stat.h>

#include "client/cli/audit.h"
#include "client/cli/bundle_file.h"
#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/cli/receipt_file.h"
#include "client/cli/trust.h"
#include "client/cli/wrap.h"
#include "common/base/fsio.h"
#include "common/journal/disk.h"
#include "common/journal/journal.h"
#include "common/base/banned.h"

enum { FILE_BYTES_MAX = 1048576, TEXT_COLUMN = 17 };

static json_t *hex_json(const uint8_t *bytes, size_t len)
{
    char hex[129];
    hex_encode(bytes, len > 64 ? 64 : len, hex);
    return json_string(hex);
}

static void put_mark(struct cli *cli, bool good, const char *name, const char *text)
{
    if (cli->json) {
        return;
    }
    fprintf(cli->out, "%s%s%s  %-*s", cli_paint(cli, good ? PAINT_GREEN : PAINT_RED),
        good ? "ok " : "BAD", cli_paint(cli, PAINT_END), TEXT_COLUMN - 5, name);
    wrap_put(cli->out, text, TEXT_COLUMN, TEXT_COLUMN, cli->width);
}

/* ---- receipt ---- */

static void put_receipt_keys(
    struct cli *cli, const struct receipt_proof *proof, const struct trust *trust)
{
    char hex[65];
    int sender = trust_judge_sender(trust, proof->agent, proof->sign_key, proof->accepted_ms);
    int head = trust_judge_head(trust, proof->head_key);
    if (sender >= 0) {
        put_mark(cli, sender == 1, "register",
            sender == 1 ? "the sender's key was that agent's when it was accepted"
                        : "the sender's key is not that agent's, or was not valid then");
    }
    if (head >= 0) {
        put_mark(cli, head == 1, "register",
            head == 1 ? "the head key is the broker's" : "the head key is not the broker's");
    }
    if (sender < 0 || head < 0) {
        cli_tell(cli,
            "\nWhose keys these are, this file cannot prove. Compare them with waypost register "
            "show, or name a "
            "register with --register:");
    } else {
        cli_say(cli, "\nThe keys:\n");
    }
    hex_encode(proof->sign_key, 32, hex);
    cli_say(cli, "  sender %-10s %s\n", proof->agent, hex);
    hex_encode(proof->head_key, 32, hex);
    cli_say(cli, "  broker %-10s %s\n", "", hex);
}

static void put_receipt(
    struct cli *cli, const struct receipt_proof *proof, const struct trust *trust)
{
    char time[CLI_TIME_BYTES];
    char id[UUID_TEXT_BYTES];
    const struct kind_info *kind = catalogue_kind(proof->event.kind);
    uuid_format(proof->event.id, id);
    cli_say(cli, "Receipt of %s, network %s\n", id, proof->network);
    cli_say(cli, "  %s, %s to %s%s\n", kind == NULL ? "an unknown kind" : kind->title,
        proof->event.from, proof->event.recipient_count > 0 ? proof->event.to[0].code : "nobody",
        proof->event.recipient_count > 1 ? " and others" : "");
    cli_say(cli, "  accepted %s\n\n", cli_time(cli, proof->accepted_ms, time));
    for (size_t i = 0; i < proof->step_count; i++) {
        put_mark(cli, proof->step[i].rc == 0, proof->step[i].name, proof->step[i].text);
    }
    put_receipt_keys(cli, proof, trust);
}

static json_t *receipt_json(const struct receipt_proof *proof, const struct trust *trust, bool good)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < proof->step_count; i++) {
        json_array_append_new(steps,
            json_pack("{s:s, s:b, s:s}", "step", proof->step[i].name, "ok", proof->step[i].rc == 0,
                "text", proof->step[i].text));
    }
    int sender = trust_judge_sender(trust, proof->agent, proof->sign_key, proof->accepted_ms);
    int head = trust_judge_head(trust, proof->head_key);
    return json_pack("{s:s, s:b, s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "what",
        "receipt", "ok", good, "network", proof->network, "agent", proof->agent, "accepted_ms",
        (json_int_t)proof->accepted_ms, "leaf_index", (json_int_t)proof->leaf_index, "journal_size",
        (json_int_t)proof->head_size, "event", event_json(&proof->event), "steps", steps,
        "sign_key", hex_json(proof->sign_key, 32), "head_key", hex_json(proof->head_key, 32),
        "sender_key_known", sender < 0 ? json_null() : json_boolean(sender == 1), "head_key_known",
        head < 0 ? json_null() : json_boolean(head == 1));
}

static int verify_receipt(struct cli *cli, struct slice bytes, const struct trust *trust)
{
    struct receipt_proof proof;
    struct complaint why = {0};
    int rc = receipt_file_check(bytes, &proof, &why);
    if (rc != 0) {
        receipt_proof_free(&proof);
        return cli_fail(cli, rc, "%s: %s", cli->args[0], why.text);
    }
    bool known = trust_judge_sender(trust, proof.agent, proof.sign_key, proof.accepted_ms) != 0 &&
        trust_judge_head(trust, proof.head_key) != 0;
    put_receipt(cli, &proof, trust);
    if (cli->json) {
        cli_json(cli, receipt_json(&proof, trust, proof.rc == 0 && known));
    }
    rc = proof.rc;
    receipt_proof_free(&proof);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s does not prove what it says", cli->args[0]);
    }
    return known ? CLI_DONE
                 : cli_fail(cli, E_KEY, "%s holds together, but a key in it is not the register's",
                       cli->args[0]);
}

/* ---- register ---- */

static int verify_register(struct cli *cli, struct slice bytes, const struct trust *trust)
{
    register_t *book = NULL;
    struct complaint why = {0};
    struct register_pin pin;
    int rc;
    if (trust->has_join) {
        join_pin(&trust->join, &pin);
        rc = register_load(bytes, &pin, NULL, &book, &why);
    } else {
        rc = register_load_unpinned(bytes, &book, &why);
    }
    if (rc == E_MALFORMED) {
        return cli_fail(cli, rc,
            "%s begins neither as a bundle nor as a receipt, and as a register: %s (a journal is "
            "named by its directory)",
            cli->args[0], why.text);
    }
    if (rc != 0) {
        return cli_fail(cli, rc, "%s: %s", cli->args[0], why.text);
    }
    cli_say(cli, "Register of %s, version %llu: %zu authorities, %zu agents, %zu brokers\n",
        register_network(book), (unsigned long long)register_version(book),
        register_authority_count(book), register_agent_count(book), register_broker_count(book));
    put_mark(cli, true, "signatures",
        trust->has_join ? "signed by the roots of the join file"
                        : "signed by the roots that it names itself; --join FILE tells whether "
                          "they are the right ones");
    if (cli->json) {
        cli_json(cli,
            json_pack("{s:s, s:b, s:s, s:I, s:b}", "what", "register", "ok", 1, "network",
                register_network(book), "version", (json_int_t)register_version(book),
                "roots_known", trust->has_join));
    }
    register_destroy(&book);
    return CLI_DONE;
}

/* ---- journal ---- */

struct walk {
    struct cli *cli;
    const struct trust *trust;
    audit_t *audit; /* NULL with --quick, and before the first record */
    bool quick;
    const char *network; /* lent from the report */
    struct progress progress;
    struct complaint why;
};

static int visit_record(void *context, const struct record *record, uint64_t position)
{
    struct walk *self = context;
    (void)position;
    if (self->quick) {
        return 0;
    }
    if (self->audit == NULL) {
        self->audit = audit_new(self->trust, self->network);
    }
    return audit_record(self->audit, record, &self->why);
}

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    struct walk *self = context;
    progress_show(&self->progress, done, all);
}

static void put_journal(struct cli *cli, const struct journal_check *report,
    const struct audit_report *audit, const struct trust *trust, bool quick)
{
    char text[256];
    char time[CLI_TIME_BYTES];
    cli_say(cli,
        "Journal of %s\n%llu entries with %llu events, in %llu commits; segments: %llu\n\n",
        report->network, (unsigned long long)report->leaves, (unsigned long long)report->events,
        (unsigned long long)report->commits, (unsigned long long)report->segments);
    put_mark(cli, true, "bytes", "every record has the checksum that it was written with");
    snprintf(text, sizeof text, "every entry stands in the tree; last head over %llu entries, %s",
        (unsigned long long)report->head.size, cli_time(cli, report->head.time_ms, time));
    put_mark(cli, true, "tree", text);
    put_mark(cli, true, "heads",
        trust_head_key(trust) != NULL
            ? "every head is signed by the key that you named"
            : "every head is signed by one key, which the journal names itself; --join FILE "
              "tells whether it is the broker's");
    if (!quick) {
        snprintf(text, sizeof text,
            "%llu batches and %llu acknowledgements signed by agents of the register then in "
            "force%s",
            (unsigned long long)(audit->batches - audit->voided),
            (unsigned long long)audit->acknowledgements,
            audit->first_register_believed
                ? "; the first register is believed as it stands (--join FILE checks it)"
                : "");
        put_mark(cli, audit->forged == 0, "senders", text);
    }
    if (audit->voided > 0) {
        cli_say(cli,
            "     %llu batches with a bad signature were voided by the broker and delivered to "
            "nobody\n",
            (unsigned long long)audit->voided);
    }
    if (report->erased > 0) {
        cli_say(cli, "     %llu payloads have been erased; their commitments still stand\n",
            (unsigned long long)report->erased);
    }
    if (report->torn_bytes > 0) {
        cli_say(cli,
            "     %llu bytes after the last commit belong to none: nobody was told of them\n",
            (unsigned long long)report->torn_bytes);
    }
}

static json_t *journal_json(
    const struct journal_check *report, const struct audit_report *audit, bool good)
{
    return json_pack("{s:s, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I}",
        "what", "journal", "ok", good, "network", report->network, "entries",
        (json_int_t)report->leaves, "events", (json_int_t)report->events, "commits",
        (json_int_t)report->commits, "segments", (json_int_t)report->segments, "torn_bytes",
        (json_int_t)report->torn_bytes, "erased", (json_int_t)report->erased, "root",
        hex_json(report->head.root.b, 32), "head_size", (json_int_t)report->head.size, "batches",
        (json_int_t)audit->batches, "acknowledgements", (json_int_t)audit->acknowledgements,
        "voided", (json_int_t)audit->voided, "forged", (json_int_t)audit->forged);
}

/* What has been found wrong, after what is whole has been printed. */
static int judge_journal(struct cli *cli, int rc, const struct walk *walk,
    const struct complaint *why, const struct audit_report *audit)
{
    if (rc != 0) {
        const struct complaint *say = walk->why.rc != 0 ? &walk->why : why;
        return cli_fail(
            cli, rc, "%s: %s", cli->args[0], say->text[0] == '\0' ? err_text(rc) : say->text);
    }
    if (audit->forged > 0) {
        return cli_fail(cli, E_SIGNATURE, "%s: entry %llu is forged: %s (%llu such entries)",
            cli->args[0], (unsigned long long)audit->first_forged, audit->why,
            (unsigned long long)audit->forged);
    }
    return CLI_DONE;
}

static int verify_journal(struct cli *cli, const struct trust *trust)
{
    struct disk disk;
    struct journal_check report = {0};
    struct audit_report audit = {0};
    struct complaint why = {0};
    struct walk walk = {
        .cli = cli, .trust = trust, .quick = cli_flag(cli, "quick"), .network = report.network};
    int rc = disk_real_open(cli->args[0], &disk);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s cannot be read: %s", cli->args[0], err_text(rc));
    }
    progress_begin(&walk.progress, cli, "verifying");
    rc = journal_verify(
        &disk, trust_head_key(trust), &report, visit_record, &walk, show_progress, &why);
    progress_end(&walk.progress);
    disk_real_close(&disk);
    if (walk.audit != NULL) {
        audit_finish(walk.audit, &audit);
        audit_destroy(&walk.audit);
    }
    if (rc == 0) {
        put_journal(cli, &report, &audit, trust, walk.quick);
    }
    if (cli->json) {
        cli_json(cli, journal_json(&report, &audit, rc == 0 && audit.forged == 0));
    }
    return judge_journal(cli, rc, &walk, &why, &audit);
}

/* ---- bundle ---- */

static int write_html(struct cli *cli, const struct bundle_view *view)
{
    const char *path = cli_text(cli, "html");
    struct stat about;
    struct buf out = {0};

    if (path == NULL) {
        return CLI_DONE;
    }
    if (lstat(path, &about) == 0) {
        return cli_fail(cli, E_EXISTS, "%s exists already; name another file", path);
    }
    bundle_html(cli, view, &out);
    int rc = fsio_replace(path, buf_slice(&out), 0644);
    buf_free(&out);
    return rc == 0 ? CLI_DONE
                   : cli_fail(cli, rc, "%s could not be written; does its directory exist?", path);
}

static int verify_bundle(struct cli *cli, struct slice bytes, const struct trust *trust)
{
    struct bundle_view view;
    int rc = bundle_file_check(bytes, trust, &view);

    bundle_print(cli, &view);
    if (cli->json) {
        cli_json(cli, bundle_json(&view, rc));
    }
    int exit_code = write_html(cli, &view);
    if (rc != 0 && exit_code == CLI_DONE) {
        exit_code = cli_fail(cli, rc, "%s: %s", cli->args[0],
            view.fault[0] != '\0' ? view.fault : "a line above is broken: its proof does not hold");
    }
    bundle_view_free(&view);
    return exit_code;
}

/* ---- the command ---- */

static int verify_file(struct cli *cli, const struct trust *trust)
{
    struct buf bytes = {0};
    int rc = fsio_read_all(cli->args[0], BUNDLE_BYTES_MAX, &bytes);
    int exit_code;
    bool bundle = rc == 0 && bundle_begins(buf_slice(&bytes));
    if (rc == E_TOO_LARGE || (rc == 0 && !bundle && bytes.len > FILE_BYTES_MAX)) {
        rc = E_TOO_LARGE;
        exit_code = cli_fail(cli, rc,
            "%s is larger than any receipt or register; a journal is named by its directory",
            cli->args[0]);
    } else if (rc != 0) {
        exit_code = cli_fail(cli, rc, "%s cannot be read: %s", cli->args[0], err_text(rc));
    } else if (bundle) {
        exit_code = verify_bundle(cli, buf_slice(&bytes), trust);
    } else if (receipt_file_begins(buf_slice(&bytes))) {
        exit_code = verify_receipt(cli, buf_slice(&bytes), trust);
    } else {
        exit_code = verify_register(cli, buf_slice(&bytes), trust);
    }
    buf_free(&bytes);
    return exit_code;
}

static int run_verify(struct cli *cli)
{
    struct trust trust;
    struct stat about;
    int exit_code = trust_load(cli, &trust);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    if (stat(cli->args[0], &about) != 0) {
        exit_code = cli_fail(cli, E_NOT_FOUND, "there is no %s", cli->args[0]);
    } else if (S_ISDIR(about.st_mode)) {
        exit_code = verify_journal(cli, &trust);
    } else {
        exit_code = verify_file(cli, &trust);
    }
    trust_free(&trust);
    return exit_code;
}

static const struct cli_option verify_options[] = {
    TRUST_OPTIONS,
    {.name = "html",
        .argument = "FILE",
        .type = CLI_FILE,
        .text = "of a bundle: write it as a document too, that stands by itself and prints well"},
    {.name = "quick", .text = "of a journal: leave out the senders' signatures"},
    {.name = NULL},
};

const struct cli_command cmd_verify[] = {
    {.name = "verify",
        .group = CLI_GROUP_PROOF,
        .summary = "checks a journal, a bundle, a receipt or a register offline",
        .usage = "JOURNAL|BUNDLE|RECEIPT|REGISTER",
        .text = "Checks a journal (its directory), a bundle (waypost bundle), a receipt (waypost "
                "receipt) or a signed "
                "register, without a network and "
                "with public keys alone, and prints what each step proves. Whose keys they are, "
                "only a register or a join "
                "file tells that you trust: name it with --register or --join. Exit 0 where "
                "everything holds.",
        .example = "waypost verify receipt.wpr --register register.wpreg --join demo.join\n"
                   "waypost verify /var/lib/waypost/journal",
        .options = verify_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_verify},
    {.name = NULL},
};
