/*
 * cmd_keygen: make the keys of an agent, a broker or a root: one file of secrets, one card of public halves.
 *
 * Existing files are never overwritten; where the second cannot be written the first is taken away again.
 */
#include <stdio.h>
#include <string.h>

#include "client/cli/commands.h"
#include "common/base/bytes.h"
#include "common/base/fsio.h"
#include "common/base/world.h"
#include "common/crypto/hash.h"
#include "common/crypto/keys.h"
#include "common/base/banned.h"

enum { PATH_BYTES = 4096 };

static int save_both(
    struct cli *cli, const struct keys *keys, const char *secrets, const char *card)
{
    int rc = keys_save(keys, secrets);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s cannot be written: %s%s", secrets, err_text(rc),
            rc == E_EXISTS          ? "; keys are never overwritten, choose another --dir or id"
                : rc == E_NOT_FOUND ? "; make the folder first"
                                    : "");
    }
    rc = keys_save_card(keys, card);
    if (rc != 0) {
        (void)fsio_remove(secrets);
        return cli_fail(cli, rc, "%s cannot be written: %s%s", card, err_text(rc),
            rc == E_EXISTS ? "; cards are never overwritten, choose another --dir or id" : "");
    }
    return CLI_DONE;
}

static void put_public(json_t *object, const char *name, const uint8_t *key)
{
    char text[2 * HASH_BYTES + 1];

    hex_encode(key, HASH_BYTES, text);
    json_object_set_new(object, name, json_string(text));
}

static void report(struct cli *cli, const struct keys *keys, const char *secrets, const char *card)
{
    if (cli->json) {
        json_t *object = json_pack(
            "{s:b, s:s, s:s, s:s}", "ok", 1, "id", keys->id, "keys", secrets, "card", card);
        put_public(object, "curve_public", keys->curve_public);
        put_public(object, "sign_public", keys->sign_public);
        put_public(object, "seal_public", keys->seal_public);
        cli_json(cli, object);
        return;
    }
    cli_say(cli, "Secret keys  %s   stays on this machine, mode 0600\n", secrets);
    cli_say(cli, "Card         %s   public: hand it to the registrar\n", card);
}

static int run_keygen(struct cli *cli)
{
    const char *id = cli->args[0];
    const char *folder = cli_text(cli, "dir") != NULL ? cli_text(cli, "dir") : ".";
    char secrets[PATH_BYTES];
    char card[PATH_BYTES];
    struct keys keys;

    if (!keys_id_valid(id)) {
        return cli_misuse(cli,
            "\"%.40s\" is not an id: write 1 to 32 of A-Z, a-z, 0-9 and hyphen; an authority's "
            "agent has its code",
            id);
    }
    int len = snprintf(secrets, sizeof secrets, "%s/%s.keys", folder, id);
    if (len < 0 || (size_t)len >= sizeof secrets) {
        return cli_misuse(cli, "--dir is too long");
    }
    (void)snprintf(card, sizeof card, "%s/%s.card", folder, id);
    crypto_start();
    keys_make(world_real(), id, &keys);
    int exit_code = save_both(cli, &keys, secrets, card);
    if (exit_code == CLI_DONE) {
        report(cli, &keys, secrets, card);
    }
    keys_wipe(&keys);
    return exit_code;
}

static const struct cli_option keygen_options[] = {
    {.name = "dir",
        .letter = 'd',
        .argument = "DIR",
        .type = CLI_FILE,
        .text = "folder for both files; else the present one"},
    {.name = NULL},
};

const struct cli_command cmd_keygen[] = {
    {.name = "keygen",
        .group = CLI_GROUP_KEYS,
        .summary = "make the keys of an agent, a broker or a root",
        .usage = "ID",
        .text = "Makes three key pairs (connection, signature, sealing) and writes two files: "
                "ID.keys holds the secrets, has "
                "mode 0600 and never leaves the machine; ID.card holds the public halves and goes "
                "to the registrar.\n\n"
                "ID is 1 to 32 of A-Z, a-z, 0-9 and hyphen. An authority's agent bears the "
                "authority's code; a broker, a hub, an "
                "operator or a root of the register has a name of its own. Files that are there "
                "are never overwritten: for a "
                "rotation make the new keys in another folder.",
        .example = "waypost keygen E09000019 --dir keys\nwaypost keygen root-1 --dir offline",
        .options = keygen_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_keygen},
    {.name = NULL},
};
