/* check: see check.h. Faults are returned or printed. */
#include "broker/net/check.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "broker/net/host.h"
#include "broker/net/procedure_files.h"
#include "common/base/fsio.h"
#include "common/codec/limits.h"

#include "common/base/banned.h"

/* The folder that `path` stands in; out of PATH_MAX. */
static void parent_of(const char *path, char *out)
{
    const char *slash = strrchr(path, '/');
    int len = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);

    (void)snprintf(out, PATH_MAX, "%.*s", len, slash == NULL ? "." : path);
}

static bool check_will_be_made(const struct broker_options *options)
{
    return access(options->data, F_OK) != 0 && errno == ENOENT;
}

int check_data(const struct broker_options *options, bool make, struct complaint *why)
{
    char parent[PATH_MAX];
    const char *dir = options->data;
    int rc = make ? fsio_make_dir(dir) : 0;

    if (rc != 0) {
        return complain(why, rc, "the folder %s cannot be made: %s; make its parent first",
            options->data, err_text(rc));
    }
    if (check_will_be_made(options)) {
        parent_of(options->data, parent);
        dir = parent;
    }
    rc = host_check_writable(dir, why);
    if (rc == 0 && !options->allow_copy_on_write) {
        rc = host_check_overwrites(dir, why);
    }
    return rc;
}

int check_keys(const struct broker_options *options, struct keys *out, struct complaint *why)
{
    return keys_load(options->keys, out, why);
}

int check_named(const register_t *book, const struct keys *keys, struct complaint *why)
{
    for (size_t i = 0; i < register_broker_count(book); i++) {
        const struct register_broker *broker = register_broker_at(book, i);
        if (memcmp(broker->curve_key, keys->curve_public, CURVE_KEY_BYTES) == 0 &&
            memcmp(broker->head_key, keys->sign_public, SIGN_PUBLIC_BYTES) == 0) {
            return 0;
        }
    }
    return complain(why, E_KEY,
        "register version %llu names no broker with the keys of \"%s\"; agents will not trust it: "
        "have the registrar add its card",
        (unsigned long long)register_version(book), keys->id);
}

static int register_read(
    const struct broker_options *options, register_t **out, struct complaint *why)
{
    struct register_pin pin;
    struct buf bytes = {0};

    int rc = fsio_read_all(options->registry, REGISTER_BYTES_MAX, &bytes);
    if (rc != 0) {
        complain(why, rc, "%s cannot be read: %s", options->registry, err_text(rc));
    } else {
        join_pin(&options->join, &pin);
        rc = register_load(buf_slice(&bytes), &pin, NULL, out, why);
    }
    buf_free(&bytes);
    return rc;
}

static bool say(FILE *out, const char *what, int rc, const char *good, const struct complaint *why)
{
    (void)fprintf(out, "%s  %s: %s\n", rc == 0 ? "ok " : "bad", what, rc == 0 ? good : why->text);
    return rc == 0;
}

static bool say_register(const struct broker_options *options, const struct keys *keys, FILE *out)
{
    register_t *book = NULL;
    struct complaint why = {0};
    char good[160];

    int rc = register_read(options, &book, &why);
    if (rc != 0) {
        return say(out, "register", rc, "", &why);
    }
    (void)snprintf(good, sizeof good, "version %llu, %zu authorities, %zu agents",
        (unsigned long long)register_version(book), register_authority_count(book),
        register_agent_count(book));
    bool fine = say(out, "register", 0, good, &why);
    if (keys != NULL) {
        rc = check_named(book, keys, &why);
        fine = say(out, "broker", rc, "the register names it", &why) && fine;
    }
    register_destroy(&book);
    return fine;
}

static bool say_data(const struct broker_options *options, FILE *out)
{
    struct complaint why = {0};
    char good[PATH_MAX + 32];
    int rc = check_data(options, false, &why);

    (void)snprintf(good, sizeof good, "%s%s", options->data,
        check_will_be_made(options) ? " (will be made)" : "");
    return say(out, "data", rc, good, &why);
}

static bool say_procedures(const struct broker_options *options, FILE *out)
{
    struct complaint why = {0};
    struct buf bytes = {0};
    int rc = 0;

    if (options->procedures != NULL) {
        rc = procedure_files_read(options->procedures, &bytes, &why);
        rc = rc != 0 ? rc : core_procedures_check(buf_slice(&bytes), &why);
        buf_free(&bytes);
    }
    return say(out, "procedures", rc,
        options->procedures != NULL ? options->procedures
                                    : "none: events are carried and never judged",
        &why);
}

bool check_all(const struct broker_options *options, FILE *out)
{
    struct keys keys;
    struct complaint why = {0};
    char good[80 + NETWORK_NAME_BYTES_MAX];

    (void)snprintf(good, sizeof good, "network %s, %zu endpoints", options->join.network,
        options->listen_count);
    bool fine = say(out, "configuration", 0, good, &why);
    int rc = check_keys(options, &keys, &why);
    bool has_keys = rc == 0;
    fine = say(out, "keys", rc, options->keys, &why) && fine;
    fine = say_register(options, has_keys ? &keys : NULL, out) && fine;
    fine = say_data(options, out) && fine;
    fine = say_procedures(options, out) && fine;
    (void)snprintf(good, sizeof good, options->has_metrics ? "served on %s port %u" : "not served",
        options->metrics.host, options->metrics.port);
    fine = say(out, "metrics", 0, good, &why) && fine;
    rc = host_raise_files((uint64_t)options->connections_max + NET_FILES_RESERVE, &why);
    fine = say(out, "open files", rc, "enough for connections-max", &why) && fine;
    if (has_keys) {
        keys_wipe(&keys);
    }
    return fine;
}
