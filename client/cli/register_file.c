/* register_file: see register_file.h. */
#include "client/cli/register_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "common/base/bytes.h"
#include "common/base/fsio.h"
#include "common/codec/limits.h"
#include "common/register/join.h"
#include "common/base/banned.h"

#ifndef WAYPOST_DATA_DIR
#define WAYPOST_DATA_DIR "data"
#endif

const char *register_data_folder(void)
{
    const char *folder = getenv("WAYPOST_DATA");

    if (folder != NULL && folder[0] != '\0') {
        return folder;
    }
    return access(WAYPOST_DATA_DIR "/register/authorities.csv", R_OK) == 0 ? WAYPOST_DATA_DIR
                                                                           : "data";
}

static int load(
    struct cli *cli, const char *name, const char *join_path, struct slice bytes, register_t **out)
{
    struct complaint why = {0};
    struct register_pin pin;
    struct join join;
    int rc;

    crypto_start();
    if (join_path != NULL) {
        rc = join_load(join_path, &join, &why);
        if (rc != 0) {
            return cli_fail_why(cli, &why);
        }
        join_pin(&join, &pin);
        rc = register_load(bytes, &pin, NULL, out, &why);
    } else {
        rc = register_load_unpinned(bytes, out, &why);
    }
    return rc == 0 ? CLI_DONE : cli_fail(cli, rc, "%s: %s", name, why.text);
}

int register_file_load(struct cli *cli, const char *path, const char *join_path, register_t **out)
{
    struct buf bytes = {0};

    int rc = fsio_read_all(path, REGISTER_BYTES_MAX, &bytes);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s cannot be read: %s", path, err_text(rc));
    }
    int exit_code = load(cli, path, join_path, buf_slice(&bytes), out);
    buf_free(&bytes);
    return exit_code;
}

static int load_answer(struct cli *cli, const json_t *answer, register_t **out)
{
    const char *base64 = json_string_value(json_object_get(answer, "register"));
    size_t len = 0;
    size_t max = base64 == NULL ? 0 : strlen(base64);

    if (max == 0) {
        return cli_fail(cli, E_NOT_FOUND,
            "the agent has no register yet: it fetches one when it first reaches the broker; or "
            "name a file with --register");
    }
    uint8_t *bytes = mem_new(max, 1);
    int exit_code = CLI_NO;
    if (sodium_base642bin(
            bytes, max, base64, max, "\n", &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
        exit_code = cli_fail(cli, E_MALFORMED,
            "the agent's register is not base64; is it the same version of Waypost?");
    } else {
        exit_code =
            load(cli, "the agent's register", cli_text(cli, "join"), slice_of(bytes, len), out);
    }
    free(bytes);
    return exit_code;
}

int register_file_or_agent(struct cli *cli, register_t **out)
{
    json_t *answer = NULL;

    if (cli_text(cli, "register") != NULL) {
        return register_file_load(cli, cli_text(cli, "register"), cli_text(cli, "join"), out);
    }
    int exit_code = cli_ask(cli, json_pack("{s:s}", "op", "register"), &answer);
    if (exit_code == CLI_DONE) {
        exit_code = load_answer(cli, answer, out);
        json_decref(answer);
    }
    return exit_code;
}
