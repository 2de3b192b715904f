/*
 * cmd_send: new-transfer and send.
 *
 * Both end at the agent, which checks everything and answers when it is on its disk. What it refuses is said with its
 * own sentence; files that cannot be read are said before anything is asked.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/cli/commands.h"
#include "client/cli/names.h"
#include "client/cli/send_facts.h"
#include "client/cli/send_help.h"
#include "client/cli/when.h"
#include "client/cli/wrap.h"
#include "common/base/bytes.h"
#include "common/base/civil.h"
#include "common/base/fsio.h"
#include "common/base/words.h"
#include "common/codec/limits.h"
#include "common/base/banned.h"

/* ---- codes ---- */

/* A code, or the name of an authority: "Camden". Says so where it is neither. Lent from names or argv. */
static const char *code_of(
    struct cli *cli, const names_t *names, const char *option, const char *text)
{
    const char *code = names_code(names, text);
    if (code != NULL) {
        return code;
    }
    if (names_empty(names)) {
        return text; /* the agent decides */
    }
    char near[160];
    if (names_nearest(names, text, near, sizeof near) != NULL) {
        cli_fail(
            cli, E_CODE, "--%s %s is not in the register; did you mean %s?", option, text, near);
    } else {
        cli_fail(cli, E_CODE,
            "--%s %s is not in the register; waypost register list has every authority", option,
            text);
    }
    return NULL;
}

/* ---- notes ---- */

/* In lines of the terminal; a program that reads it gets one line. */
static void put_note(struct cli *cli, const char *text)
{
    enum { NOTE_INDENT = 6 };
    if (cli->terminal && !cli->json) {
        cli_hint(cli, "Note: ");
        wrap_put(cli->err, text, NOTE_INDENT, NOTE_INDENT, cli->width);
    } else {
        cli_hint(cli, "Note: %s\n", text);
    }
}

/* ---- new-transfer ---- */

static int subject_take(struct cli *cli, const char *text, json_t *list)
{
    const struct fact_info *types = catalogue_case_type();
    size_t len = strcspn(text, "=:");
    char type[64] = "";
    const char *rest = text[len] == '\0' ? "" : text + len + 1;
    size_t type_len = strcspn(rest, ",");
    const char *ref = rest[type_len] == ',' ? rest + type_len + 1 : NULL;
    uint32_t number;
    memcpy(type, rest, type_len < sizeof type ? type_len : sizeof type - 1);
    if (len == 0 || type[0] == '\0') {
        return cli_misuse(cli, "--subject %s: write a label and a case type, child-1=cp", text);
    }
    if (fact_value_number(types, type, &number) != 0) {
        const char *near = words_nearest_of(type, types->values, types->value_count);
        return near == NULL
            ? cli_misuse(cli, "--subject %s: %s is no case type; see --help", text, type)
            : cli_misuse(
                  cli, "--subject %s: %s is no case type; did you mean %s?", text, type, near);
    }
    json_t *subject = json_pack("{s:o, s:s}", "name", json_stringn(text, len), "case_type", type);
    if (ref != NULL) {
        json_object_set_new(subject, "ref", json_string(ref));
    }
    json_array_append_new(list, subject);
    return CLI_DONE;
}

static int subjects_take(struct cli *cli, json_t *list)
{
    int exit_code = CLI_DONE;
    for (size_t i = 0; exit_code == CLI_DONE && i < cli_count(cli, "subject"); i++) {
        exit_code = subject_take(cli, cli_text_at(cli, "subject", i), list);
    }
    return exit_code;
}

/* A label stands for one child for ever: two children must not become one by it. */
static void put_known(struct cli *cli, const json_t *subject)
{
    enum { NOTE_BYTES = 400 };
    char text[NOTE_BYTES];
    if (!json_is_true(json_object_get(subject, "known"))) {
        return;
    }
    const char *name = json_string_value(json_object_get(subject, "name"));
    snprintf(text, sizeof text,
        "%s is a label that stands for a child here already, so this is the same child. If it is "
        "another one, do not use this transfer: begin one with another label.",
        name);
    put_note(cli, text);
}

static void print_transfer(
    struct cli *cli, const json_t *answer, const names_t *names, const json_t *request)
{
    char origin[160];
    char receiving[160];
    names_full(names, json_string_value(json_object_get(request, "origin")), origin, sizeof origin);
    names_full(names, json_string_value(json_object_get(request, "receiving")), receiving,
        sizeof receiving);
    cli_say(cli, "Transfer %s\n  from %s to %s\n",
        json_string_value(json_object_get(answer, "transfer")), origin, receiving);
    size_t i;
    json_t *subject;
    json_array_foreach(json_object_get(answer, "subjects"), i, subject)
    {
        cli_say(cli, "  child %s, reference %s\n",
            json_string_value(json_object_get(subject, "name")),
            json_string_value(json_object_get(subject, "ref")));
        put_known(cli, subject);
    }
    cli_tell(cli, "The names stay at this agent; other authorities see the references alone.");
}

/* The agent's own code, for the side that is not named; the caller's text. NULL where it has been said why. */
static char *own_code(struct cli *cli)
{
    json_t *answer = NULL;
    if (cli_ask(cli, json_pack("{s:s}", "op", "status"), &answer) != CLI_DONE) {
        return NULL;
    }
    const char *code = json_string_value(json_object_get(answer, "code"));
    char *own = code == NULL || code[0] == '\0' ? NULL : mem_text(code);
    json_decref(answer);
    if (own == NULL) {
        cli_fail(cli, E_NOT_ALLOWED,
            "this agent serves no authority; name both --origin and --receiving");
    }
    return own;
}

static int transfer_request(struct cli *cli, const names_t *names, const char *own, json_t **out)
{
    const char *origin = cli_text(cli, "origin");
    const char *receiving = cli_text(cli, "receiving");
    origin = origin == NULL ? own : code_of(cli, names, "origin", origin);
    receiving = receiving == NULL ? own : code_of(cli, names, "receiving", receiving);
    if (origin == NULL || receiving == NULL) {
        return CLI_NO;
    }
    if (own != NULL && strcmp(origin, receiving) == 0) {
        return cli_misuse(cli, "%s is this authority itself; name the other side of the move", own);
    }
    json_t *subjects = json_array();
    int exit_code = subjects_take(cli, subjects);
    if (exit_code != CLI_DONE) {
        json_decref(subjects);
        return exit_code;
    }
    *out = json_pack("{s:s, s:s, s:s, s:o}", "op", "new_transfer", "origin", origin, "receiving",
        receiving, "subjects", subjects);
    if (cli_text(cli, "label") != NULL) {
        json_object_set_new(*out, "label", json_string(cli_text(cli, "label")));
    }
    if (cli_text(cli, "transfer") != NULL) {
        json_object_set_new(*out, "transfer", json_string(cli_text(cli, "transfer")));
    }
    return CLI_DONE;
}

static int run_new_transfer(struct cli *cli)
{
    if (cli_text(cli, "origin") == NULL && cli_text(cli, "receiving") == NULL) {
        return cli_misuse(cli,
            "name the other side: --receiving CODE where the child moves away, --origin CODE "
            "where it comes here");
    }
    bool both = cli_text(cli, "origin") != NULL && cli_text(cli, "receiving") != NULL;
    char *own = both ? NULL : own_code(cli);
    if (!both && own == NULL) {
        return CLI_NO;
    }
    names_t *names = names_load(cli);
    json_t *request = NULL;
    json_t *answer = NULL;
    int exit_code = transfer_request(cli, names, own, &request);
    if (exit_code == CLI_DONE) {
        exit_code = cli_ask(cli, json_incref(request), &answer);
    }
    if (exit_code == CLI_DONE) {
        print_transfer(cli, answer, names, request);
        if (cli->json) {
            cli_json(cli, json_incref(answer));
        }
    }
    json_decref(answer);
    json_decref(request);
    names_destroy(&names);
    free(own);
    return exit_code;
}

/* ---- send ---- */

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static int file_take(struct cli *cli, const char *path, json_t *list)
{
    struct buf bytes = {0};
    int rc = fsio_read_all(path, PAYLOAD_BYTES_MAX, &bytes);
    if (rc != 0) {
        buf_free(&bytes);
        return rc == E_TOO_LARGE
            ? cli_fail(cli, rc,
                  "%s is larger than the 512 KiB that an event carries; keep it in your own store "
                  "and send its "
                  "digest and reference as facts",
                  path)
            : cli_fail(cli, rc, "%s cannot be read; check the name and its rights", path);
    }
    if (bytes.len == 0) {
        return cli_fail(cli, E_RANGE, "%s is empty, so nothing is sent; was it saved?", path);
    }
    size_t size = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *base64 = mem_new(size, 1);
    sodium_bin2base64(base64, size, bytes.data, bytes.len, sodium_base64_VARIANT_ORIGINAL);
    json_array_append_new(
        list, json_pack("{s:s?, s:s}", "name", file_name(path), "base64", base64));
    free(base64);
    buf_free(&bytes);
    return CLI_DONE;
}

static int files_take(struct cli *cli, json_t *request)
{
    json_t *list = json_array();
    json_object_set_new(request, "attachments", list);
    for (size_t i = 0; i < cli_count(cli, "payload"); i++) {
        int exit_code = file_take(cli, cli_text_at(cli, "payload", i), list);
        if (exit_code != CLI_DONE) {
            return exit_code;
        }
    }
    return CLI_DONE;
}

static int recipients_take(struct cli *cli, const names_t *names, json_t *request)
{
    size_t count = cli_count(cli, "to");
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const char *code = code_of(cli, names, "to", cli_text_at(cli, "to", i));
        if (code == NULL) {
            json_decref(list);
            return CLI_NO;
        }
        json_array_append_new(list, json_string(code));
    }
    if (count > 0) {
        json_object_set(request, "to", list);
    }
    json_decref(list);
    return CLI_DONE;
}

/* "ref" and "supersedes" are members of the request, written as options or as facts. */
static void put_reference(struct cli *cli, json_t *request, json_t *clear, const char *name)
{
    const char *text = cli_text(cli, name);
    json_t *fact = json_object_get(clear, name);
    if (text != NULL) {
        json_object_set_new(request, name, json_string(text));
    } else if (fact != NULL) {
        json_object_set(request, name, fact);
    }
    json_object_del(clear, name);
}

static void options_take(struct cli *cli, json_t *request, json_t *clear)
{
    put_reference(cli, request, clear, "ref");
    put_reference(cli, request, clear, "supersedes");
    if (cli_text(cli, "occurred") != NULL) {
        char stamp[CIVIL_STAMP_BYTES];
        civil_stamp_utc(cli_when(cli, "occurred", 0), stamp);
        json_object_set_new(request, "occurred", json_string(stamp));
    }
    if (cli_text(cli, "profile") != NULL) {
        json_object_set_new(request, "profile", json_string(cli_text(cli, "profile")));
    }
    json_t *subjects = json_array();
    for (size_t i = 0; i < cli_count(cli, "subject"); i++) {
        json_array_append_new(subjects, json_string(cli_text_at(cli, "subject", i)));
    }
    if (json_array_size(subjects) > 0) {
        json_object_set(request, "subjects", subjects);
    }
    json_decref(subjects);
    if (cli_flag(cli, "incomplete")) {
        json_object_set_new(request, "allow_incomplete", json_true());
    }
}

/* What the procedures say of it. */
static void put_notes(struct cli *cli, const json_t *answer)
{
    size_t i;
    json_t *warning;

    json_array_foreach(json_object_get(answer, "warnings"), i, warning)
    {
        put_note(cli, json_string_value(warning));
    }
}

static void print_sent(struct cli *cli, const struct kind_info *kind, const json_t *answer)
{
    if (cli->json) {
        cli_json(cli, json_deep_copy(answer));
        return;
    }
    const char *state = json_string_value(json_object_get(answer, "state"));
    cli_say(
        cli, "%s: event %s\n", kind->title, json_string_value(json_object_get(answer, "event")));
    if (state != NULL && strcmp(state, "waiting") == 0) {
        cli_tell(cli,
            "It is safe in the outbox and leaves as soon as the broker can be reached. waypost "
            "outbox shows "
            "how far it is.");
    } else {
        cli_tell(cli,
            "It is safe in the outbox and on its way (%s). waypost outbox shows how far it is.",
            state == NULL ? "sent" : state);
    }
    put_notes(cli, answer);
}

/* On a terminal: what would be refused or held is said, and asked about, before it leaves. It may be sent all the same:
 * nothing that is said about a child is ever stopped. */
static int consider(struct cli *cli, const json_t *request)
{
    json_t *answer = NULL;
    char line[16] = "";

    if (!cli->ask) {
        return CLI_DONE; /* a program reads the warnings of the answer */
    }
    json_t *trial = json_deep_copy(request);
    json_object_set_new(trial, "dry_run", json_true());
    int exit_code = cli_ask(cli, trial, &answer);
    const char *foreseen = json_string_value(json_object_get(answer, "foreseen"));
    bool blocked =
        foreseen != NULL && (strcmp(foreseen, "refused") == 0 || strcmp(foreseen, "held") == 0);
    if (exit_code == CLI_DONE && blocked) {
        put_notes(cli, answer);
        cli_hint(cli, "Send it all the same? [y/N] ");
        if (fgets(line, sizeof line, stdin) == NULL || (line[0] != 'y' && line[0] != 'Y')) {
            exit_code = cli_fail(cli, E_STATE, "nothing was sent");
        }
    }
    json_decref(answer);
    return exit_code;
}

static int send_with(
    struct cli *cli, const struct kind_info *kind, struct send_facts *facts, const names_t *names)
{
    json_t *request = json_pack("{s:s, s:s, s:s?}", "op", "send", "kind", kind->name, "transfer",
        cli_text(cli, "transfer"));
    int exit_code = recipients_take(cli, names, request);
    if (exit_code == CLI_DONE) {
        exit_code = files_take(cli, request);
    }
    if (exit_code == CLI_DONE) {
        exit_code = send_facts_ask(cli, kind, facts);
    }
    if (exit_code != CLI_DONE) {
        json_decref(request);
        return exit_code;
    }
    options_take(cli, request, facts->clear);
    json_object_set(request, "facts", facts->clear);
    json_object_set(request, "sealed", facts->sealed);
    exit_code = consider(cli, request);
    if (exit_code != CLI_DONE) {
        json_decref(request);
        return exit_code;
    }
    json_t *answer = NULL;
    exit_code = cli_ask(cli, request, &answer);
    if (exit_code == CLI_DONE) {
        print_sent(cli, kind, answer);
    }
    json_decref(answer);
    return exit_code;
}

static int run_send(struct cli *cli)
{
    if (cli_flag(cli, "list")) {
        send_list(cli);
        return CLI_DONE;
    }
    if (cli->arg_count == 0) {
        return cli_misuse(cli, "which kind? waypost send --list has them all");
    }
    const struct kind_info *kind = send_kind(cli, cli->args[0]);
    if (kind == NULL) {
        return CLI_WRONG;
    }
    if (cli_text(cli, "transfer") == NULL) {
        return cli_misuse(cli,
            "--transfer T is missing: the id or label of the transfer; waypost transfers lists "
            "them, "
            "waypost new-transfer begins one");
    }
    struct send_facts facts;
    int exit_code = send_facts_take(cli, kind, &facts);
    if (exit_code == CLI_DONE) {
        names_t *names = names_load(cli);
        exit_code = send_with(cli, kind, &facts, names);
        names_destroy(&names);
    }
    send_facts_free(&facts);
    return exit_code;
}

static bool help_send(struct cli *cli)
{
    const struct kind_info *kind = catalogue_kind_named(cli->args[0]);
    if (kind != NULL) {
        send_kind_help(cli, kind);
    }
    return kind != NULL;
}

/* ---- tables ---- */

static const struct cli_option new_transfer_options[] = {
    {.name = "origin",
        .argument = "CODE",
        .type = CLI_TEXT,
        .text = "authority that the child moves from, code or name; this agent's own unless it is "
                "named"},
    {.name = "receiving",
        .argument = "CODE",
        .type = CLI_TEXT,
        .text =
            "authority that the child moves to, code or name; this agent's own unless it is named"},
    {.name = "subject",
        .letter = 's',
        .argument = "NAME=TYPE[,REF]",
        .type = CLI_TEXT,
        .required = true,
        .repeatable = true,
        .text = "a child: a label that stays at this agent, and its case type (cp, cin, lac, "
                "early_help, unborn, "
                "pre_care_proceedings, care_leaver); with its reference where others have spoken "
                "of this child already"},
    {.name = "transfer",
        .argument = "ID",
        .type = CLI_TEXT,
        .text =
            "the id of a transfer that was begun elsewhere and that you were told of otherwise; "
            "a new one is drawn unless it is named"},
    {.name = "label",
        .letter = 'l',
        .argument = "TEXT",
        .type = CLI_TEXT,
        .text = "a name of your own that every command takes instead of the transfer's id"},
    {.name = NULL},
};

static const struct cli_option send_options[] = {
    {.name = "transfer",
        .letter = 't',
        .argument = "T",
        .type = CLI_TEXT,
        .text = "the transfer it belongs to, id or label"},
    {.name = "to",
        .argument = "CODE",
        .type = CLI_TEXT,
        .repeatable = true,
        .text = "recipient, code or name; the other party of the transfer unless one is named"},
    {.name = "fact",
        .letter = 'f',
        .argument = "NAME=VALUE",
        .type = CLI_PAIR,
        .repeatable = true,
        .text = "a fact of the kind, clear or sealed; several may follow one --fact"},
    {.name = "sealed",
        .argument = "NAME=VALUE",
        .type = CLI_PAIR,
        .repeatable = true,
        .text = "the same, and refused unless it is one that only the recipients can read"},
    {.name = "payload",
        .letter = 'p',
        .argument = "FILE",
        .type = CLI_FILE,
        .repeatable = true,
        .text = "a document to be sealed with it; all together at most 512 KiB"},
    {.name = "ref", .argument = "ID", .type = CLI_ID, .text = "the event that this one answers"},
    {.name = "supersedes",
        .argument = "ID",
        .type = CLI_ID,
        .text = "the event that this one replaces"},
    {.name = "occurred",
        .argument = "TIME",
        .type = CLI_TIME,
        .text = "when it happened, 2026-03-16T10:05 in London time; now unless it is stated"},
    {.name = "subject",
        .letter = 's',
        .argument = "NAME",
        .type = CLI_TEXT,
        .repeatable = true,
        .text = "a child it concerns, label or reference; all of the transfer unless one is named"},
    {.name = "profile",
        .argument = "NAME",
        .type = CLI_TEXT,
        .text =
            "with the first event of a transfer: put it under this profile, and under no other but "
            "national; waypost procedures profiles lists them"},
    {.name = "incomplete",
        .text = "send although a required fact is missing: safeguarding does not wait"},
    {.name = "list", .text = "list the kinds and exit"},
    {.name = NULL},
};

const struct cli_command cmd_send[] = {
    {.name = "new-transfer",
        .group = CLI_GROUP_EVENTS,
        .summary = "begins a transfer: one move of one or more children",
        .usage = "",
        .text = "Draws the random id of a transfer and a random reference for each child. Nothing "
                "is sent. The names of "
                "the children are labels for your own use and never leave the agent.",
        .example = "waypost new-transfer --receiving E09000007 --subject child-1=cp --label maple",
        .options = new_transfer_options,
        .run = run_new_transfer,
        .needs_agent = true},
    {.name = "send",
        .group = CLI_GROUP_EVENTS,
        .summary = "tells another authority something about a transfer",
        .usage = "KIND",
        .text = "Hands an event to the agent. When the command is done the event is on the agent's "
                "disk; it is "
                "delivered whether or not the broker can be reached now. Clear facts are "
                "pseudonymous and readable by "
                "the broker; sealed facts and documents can be read by the recipients alone. On a "
                "terminal it asks for "
                "required facts that are missing.\n\n"
                "The kinds that come first: move_notified, temporary_plan_flag, "
                "written_acceptance, escalation_raised. "
                "waypost send --list has them all, waypost send KIND --help the facts of one.",
        .example = "waypost send move_notified -t maple \\\n"
                   "    -f permanence=permanent retain_intention=transfer\n"
                   "waypost send written_acceptance -t maple --ref ID --payload letter.pdf \\\n"
                   "    -f signatory_role=team_manager form=chair_letter \\\n"
                   "    -f letter_ref=L-2291 letter_hash=HEX",
        .options = send_options,
        .args_max = 1,
        .run = run_send,
        .needs_agent = true,
        .help = help_send},
    {.name = NULL},
};
