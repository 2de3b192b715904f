/*
 * register_make: the commands that make something: init (a source), sign (a register), join (a join file).
 *
 * Files are written whole or not at all. What is in force is never replaced by a register that still lacks signatures.
 */
#include "client/cli/register_commands.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/cli/register_file.h"
#include "common/base/bytes.h"
#include "common/base/fsio.h"
#include "common/base/world.h"
#include "common/codec/limits.h"
#include "common/crypto/keys.h"
#include "common/register/envelope.h"
#include "common/register/rules.h"
#include "common/register/source.h"
#include "register.pb-c.h"
#include "common/base/banned.h"

enum { PATH_BYTES = 4096, COPY_BYTES_MAX = 4194304 };

/* ---- init ---- */

static const char source_text[] =
    "#   The register's source: edit it, then `waypost register check register.zpl` and\n"
    "#   `waypost register sign register.zpl --root root-1.keys --out register.signed`.\n"
    "#   File names count from this folder. Raise the version with each issue.\n"
    "#\n"
    "network = %s\n"
    "version = 1\n"
    "#   How many roots must sign: 1 of 1 for a trial, 2 of 3 in earnest.\n"
    "threshold = 1\n"
    "stale-after-days = 90\n"
    "#   The card of each root, made by `waypost keygen root-1` on a machine without a network.\n"
    "root = root-1.card\n"
    "authorities = authorities.csv\n"
    "successions = successions.tsv\n"
    "profiles = profiles\n"
    "#\n"
    "#   A broker, by its card:\n"
    "#broker = tcp://broker.example:5670\n"
    "#    card = broker.card\n"
    "#\n"
    "#   An authority's agent bears the authority's code; a hub has regions; an operator looks "
    "after the broker:\n"
    "#agent = E09000019\n"
    "#    card = E09000019.card\n"
    "#agent = hub-london\n"
    "#    roles = hub\n"
    "#    regions = E12000007\n"
    "#    card = hub-london.card\n"
    "#agent = operator\n"
    "#    roles = operator\n"
    "#    card = operator.card\n"
    "#\n"
    "#   Days for which payloads are kept, by kind; a kind that is not named is kept.\n"
    "#retention\n"
    "#    move_notified = 365\n";

static int copy_file(struct cli *cli, const char *from, const char *to)
{
    struct buf bytes = {0};

    int rc = fsio_read_all(from, COPY_BYTES_MAX, &bytes);
    if (rc != 0) {
        buf_free(&bytes);
        return cli_fail(cli, rc,
            "%s cannot be read: %s; $WAYPOST_DATA names the folder of the shipped data", from,
            err_text(rc));
    }
    rc = fsio_replace(to, buf_slice(&bytes), 0644);
    buf_free(&bytes);
    return rc == 0 ? CLI_DONE : cli_fail(cli, rc, "%s cannot be written: %s", to, err_text(rc));
}

/* DIR/name from the shipped data's folder/name. */
static int copy_shipped(
    struct cli *cli, const char *folder, const char *name, const char *to_folder)
{
    char from[PATH_BYTES];
    char to[PATH_BYTES];

    int from_len = snprintf(from, sizeof from, "%s/%s/%s", register_data_folder(), folder, name);
    int to_len = snprintf(to, sizeof to, "%s/%s", to_folder, name);
    if (from_len < 0 || (size_t)from_len >= sizeof from || to_len < 0 ||
        (size_t)to_len >= sizeof to) {
        return cli_misuse(cli, "DIR is too long");
    }
    return copy_file(cli, from, to);
}

static int is_profile(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 4, ".zpl") == 0;
}

static int copy_profiles(struct cli *cli, const char *to_folder)
{
    char from[PATH_BYTES];
    struct dirent **entries = NULL;
    int exit_code = CLI_DONE;

    (void)snprintf(from, sizeof from, "%s/profiles", register_data_folder());
    int count = scandir(from, &entries, is_profile, alphasort);
    if (count < 0) {
        return cli_fail(cli, E_NOT_FOUND,
            "%s is not there; $WAYPOST_DATA names the folder of the shipped data", from);
    }
    for (int i = 0; i < count; i++) {
        if (exit_code == CLI_DONE) {
            exit_code = copy_shipped(cli, "profiles", entries[i]->d_name, to_folder);
        }
        free(entries[i]);
    }
    free(entries);
    return exit_code;
}

static int make_folders(struct cli *cli, const char *folder, char *source, char *profiles)
{
    struct stat info;

    int len = snprintf(source, PATH_BYTES, "%s/register.zpl", folder);
    if (len < 0 || len >= PATH_BYTES) {
        return cli_misuse(cli, "DIR is too long");
    }
    (void)snprintf(profiles, PATH_BYTES, "%s/profiles", folder);
    if (lstat(source, &info) == 0) {
        return cli_fail(
            cli, E_EXISTS, "%s is there already; edit it, or choose another folder", source);
    }
    int rc = fsio_make_dir(folder);
    if (rc == 0) {
        rc = fsio_make_dir(profiles);
    }
    return rc == 0 ? CLI_DONE
                   : cli_fail(cli, rc, "the folder %s cannot be made: %s", folder, err_text(rc));
}

int register_init(struct cli *cli)
{
    const char *folder = cli->args[0];
    const char *network = cli_text(cli, "network");
    char source[PATH_BYTES];
    char profiles[PATH_BYTES];
    struct buf text = {0};

    if (!rules_network_valid(network)) {
        return cli_misuse(
            cli, "--network must be 1 to %d of a-z, 0-9 and hyphen", NETWORK_NAME_BYTES_MAX);
    }
    int exit_code = make_folders(cli, folder, source, profiles);
    if (exit_code == CLI_DONE) {
        exit_code = copy_shipped(cli, "register", "authorities.csv", folder);
    }
    if (exit_code == CLI_DONE) {
        exit_code = copy_shipped(cli, "register", "successions.tsv", folder);
    }
    if (exit_code == CLI_DONE) {
        exit_code = copy_profiles(cli, profiles);
    }
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    buf_put_text(&text, source_text, network);
    int rc = fsio_replace(source, buf_slice(&text), 0644);
    buf_free(&text);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s cannot be written: %s", source, err_text(rc));
    }
    if (cli->json) {
        cli_json(cli, json_pack("{s:b, s:s}", "ok", 1, "source", source));
    }
    cli_say(
        cli, "Source       %s   add roots, broker and agents, then check and sign it\n", source);
    return CLI_DONE;
}

/* ---- join ---- */

int register_join(struct cli *cli)
{
    register_t *book = NULL;
    struct buf text = {0};
    struct join join;
    char fingerprint[JOIN_FINGERPRINT_BYTES];
    const char *path = cli_text(cli, "out");

    int exit_code = register_file_load(cli, cli->args[0], NULL, &book);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    register_join_of(book, &join);
    register_destroy(&book);
    if (!join.has_broker) {
        return cli_fail(cli, E_CONFIG,
            "%s names no broker to join; add one to its source and sign again", cli->args[0]);
    }
    join_put(&join, &text);
    int rc = fsio_replace(path, buf_slice(&text), 0644);
    buf_free(&text);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s cannot be written: %s", path, err_text(rc));
    }
    join_fingerprint(&join, fingerprint);
    if (cli->json) {
        cli_json(
            cli, json_pack("{s:b, s:s, s:s}", "ok", 1, "join", path, "fingerprint", fingerprint));
    }
    cli_say(cli,
        "Join file    %s   holds no secret\nFingerprint  %s   to be compared by telephone\n", path,
        fingerprint);
    return CLI_DONE;
}

/* ---- sign ---- */

/* One signing, of a new register or of one that others have signed before. */
struct signing {
    struct cli *cli;
    const char *path;           /* --out */
    struct buf bytes;           /* the SignedRegister so far, empty for a new one */
    struct buf body;            /* the Register, compiled */
    Waypost__Register *message; /* body, unpacked */
    register_t *before;         /* the version in force, NULL for the first */
    bool replaces;              /* --out names the file of --before */
    int64_t issued_ms;          /* when the register was made */
};

static int64_t wall_of_signing(void *context)
{
    return ((const struct signing *)context)->issued_ms;
}

static int compile(struct signing *self)
{
    const struct world world = {wall_of_signing, world_real()->mono_ms, world_real()->random, self};
    struct complaint why = {0};

    int rc = register_source_compile(self->cli->args[0], &world, self->before, &self->body, &why);
    if (rc != 0) {
        return cli_fail_why(self->cli, &why);
    }
    self->message = waypost__register__unpack(NULL, self->body.len, self->body.data);
    if (self->message == NULL) {
        return cli_fail(
            self->cli, E_MALFORMED, "%s: what was compiled cannot be read", self->cli->args[0]);
    }
    if (self->message->version > 1 && self->before == NULL) {
        return cli_fail(self->cli, E_USAGE,
            "%s: version %" PRIu64
            " continues another one; name the register in force with --before FILE",
            self->cli->args[0], self->message->version);
    }
    return CLI_DONE;
}

/* When the register in these bytes was made. It may lack signatures, and is only compared with our own. */
static int stage_issued(struct signing *self, struct slice present)
{
    struct complaint why = {0};
    struct envelope envelope;

    int rc = envelope_read(present, &envelope, &why);
    if (rc != 0) {
        return cli_fail(self->cli, rc, "%s: %s", self->path, why.text);
    }
    Waypost__Register *message =
        waypost__register__unpack(NULL, envelope.register_bytes.len, envelope.register_bytes.data);
    if (message == NULL) {
        return cli_fail(
            self->cli, E_MALFORMED, "%s: the register inside is not well-formed", self->path);
    }
    self->issued_ms = message->issued_ms;
    waypost__register__free_unpacked(message, NULL);
    return CLI_DONE;
}

/* What stands at --out: nothing, the version in force, or this register with other roots' signatures. */
static int look_at_out(struct signing *self)
{
    int rc = fsio_read_all(self->path, REGISTER_BYTES_MAX, &self->bytes);

    self->issued_ms = self->cli->now_ms;
    if (rc == E_NOT_FOUND) {
        return CLI_DONE;
    }
    if (rc != 0) {
        return cli_fail(self->cli, rc, "%s cannot be read: %s", self->path, err_text(rc));
    }
    if (self->before != NULL &&
        slice_equal(buf_slice(&self->bytes), register_bytes(self->before))) {
        self->replaces = true;
        buf_clear(&self->bytes);
        return CLI_DONE;
    }
    return stage_issued(self, buf_slice(&self->bytes));
}

static bool is_root_of(const struct keys *root, const struct signing *self)
{
    for (size_t i = 0; i < self->message->n_roots; i++) {
        if (memcmp(self->message->roots[i].data, root->sign_public, SIGN_PUBLIC_BYTES) == 0) {
            return true;
        }
    }
    for (size_t i = 0; self->before != NULL && i < register_root_count(self->before); i++) {
        if (memcmp(register_root_at(self->before, i), root->sign_public, SIGN_PUBLIC_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static int sign_with(struct signing *self, const char *path)
{
    struct complaint why = {0};
    struct keys root;

    int rc = keys_load(path, &root, &why);
    if (rc != 0) {
        return cli_fail_why(self->cli, &why);
    }
    if (!is_root_of(&root, self)) {
        rc = complain(&why, E_KEY,
            "%s holds the keys of \"%s\", which is no root of this register; name a root's file",
            path, root.id);
    }
    if (rc == 0) {
        rc = envelope_sign(&self->bytes, buf_slice(&self->body), &root, &why);
        rc = rc == E_DUPLICATE ? 0 : rc;
    }
    keys_wipe(&root);
    if (rc == E_CONFLICT) {
        return cli_fail(self->cli, rc,
            "%s holds another register than %s makes; compare the two with waypost register diff, "
            "or choose another --out",
            self->path, self->cli->args[0]);
    }
    return rc == 0 ? CLI_DONE : cli_fail_why(self->cli, &why);
}

/* How many signatures are missing, of the roots in force and of its own, whichever lack more. */
static size_t missing(const struct signing *self)
{
    uint8_t roots[REGISTER_ROOTS_MAX][SIGN_PUBLIC_BYTES];
    struct envelope envelope;
    size_t lack = 0;

    (void)envelope_read(buf_slice(&self->bytes), &envelope, NULL);
    for (size_t i = 0; i < self->message->n_roots; i++) {
        memcpy(roots[i], self->message->roots[i].data, sizeof roots[i]);
    }
    size_t votes = envelope_votes(
        &envelope, (const uint8_t(*)[SIGN_PUBLIC_BYTES])roots, self->message->n_roots);
    lack = votes < self->message->threshold ? self->message->threshold - votes : 0;
    if (self->before == NULL) {
        return lack;
    }
    size_t count = register_root_count(self->before);
    for (size_t i = 0; i < count; i++) {
        memcpy(roots[i], register_root_at(self->before, i), sizeof roots[i]);
    }
    votes = envelope_votes(&envelope, (const uint8_t(*)[SIGN_PUBLIC_BYTES])roots, count);
    size_t lack_before =
        votes < register_threshold(self->before) ? register_threshold(self->before) - votes : 0;
    return lack > lack_before ? lack : lack_before;
}

/* As every agent will: no file leaves here that they would refuse. */
static int check_whole(struct signing *self)
{
    struct complaint why = {0};
    register_t *book = NULL;

    int rc = self->before != NULL
        ? register_load(buf_slice(&self->bytes), NULL, self->before, &book, &why)
        : register_load_unpinned(buf_slice(&self->bytes), &book, &why);
    register_destroy(&book);
    return rc == 0 ? CLI_DONE : cli_fail_why(self->cli, &why);
}

static int write_out(struct signing *self)
{
    struct cli *cli = self->cli;
    size_t lack = missing(self);

    if (lack == 0 && check_whole(self) != CLI_DONE) {
        return CLI_NO;
    }
    if (lack > 0 && self->replaces) {
        return cli_fail(cli, E_SIGNATURE,
            "%s is in force and would be replaced by a register that lacks %zu signatures; choose "
            "another --out until all have signed",
            self->path, lack);
    }
    int rc = fsio_replace(self->path, buf_slice(&self->bytes), 0644);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s cannot be written: %s", self->path, err_text(rc));
    }
    if (cli->json) {
        cli_json(cli,
            json_pack("{s:b, s:s, s:I, s:I, s:b}", "ok", 1, "register", self->path, "version",
                (json_int_t)self->message->version, "missing", (json_int_t)lack, "complete",
                lack == 0));
    }
    cli_say(cli, "Register     %s   version %" PRIu64 "\n", self->path, self->message->version);
    if (lack == 0) {
        cli_say(cli, "Signatures   enough: it can be published\n");
    } else {
        cli_say(cli,
            "Signatures   %zu more needed: carry the file and the source's folder to the next "
            "root, and sign there\n",
            lack);
    }
    return CLI_DONE;
}

static int sign(struct signing *self)
{
    const char *before = cli_text(self->cli, "before");

    int exit_code =
        before == NULL ? CLI_DONE : register_file_load(self->cli, before, NULL, &self->before);
    if (exit_code == CLI_DONE) {
        exit_code = look_at_out(self);
    }
    if (exit_code == CLI_DONE) {
        exit_code = compile(self);
    }
    for (size_t i = 0; i < cli_count(self->cli, "root") && exit_code == CLI_DONE; i++) {
        exit_code = sign_with(self, cli_text_at(self->cli, "root", i));
    }
    return exit_code != CLI_DONE ? exit_code : write_out(self);
}

int register_sign(struct cli *cli)
{
    struct signing self = {.cli = cli, .path = cli_text(cli, "out")};

    crypto_start();
    int exit_code = sign(&self);
    register_destroy(&self.before);
    waypost__register__free_unpacked(self.message, NULL);
    buf_free(&self.bytes);
    buf_free(&self.body);
    return exit_code;
}
