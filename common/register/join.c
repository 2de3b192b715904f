/* join: see join.h. Faults of a file are returned with a complaint; nothing is logged. */
#include "common/register/join.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/settings.h"
#include "common/base/check.h"
#include "common/register/endpoint.h"

#include "common/base/banned.h"

enum { HEX_KEY_DIGITS = 64, ROOTS_MAX = 9 };

_Static_assert(
    (int)REGISTER_ENDPOINT_BYTES_MAX <= (int)JOIN_ENDPOINT_BYTES_MAX, "what is valid has room");

static const struct setting join_rows[] = {
    {"network", SETTING_TEXT, NULL, 1, NETWORK_NAME_BYTES_MAX, "", "Name of the network."},
    {"roots", SETTING_LIST, NULL, 1, ROOTS_MAX, "root keys", "Keys that sign the register."},
    {"threshold", SETTING_UINT, NULL, 1, ROOTS_MAX, "signatures", "How many of them must sign."},
    {"endpoints", SETTING_LIST, "", 1, JOIN_ENDPOINTS_MAX, "endpoints", "Where the broker is."},
    {"broker-curve", SETTING_TEXT, "", HEX_KEY_DIGITS, HEX_KEY_DIGITS, "", "Its CURVE key."},
    {"broker-head", SETTING_TEXT, "", HEX_KEY_DIGITS, HEX_KEY_DIGITS, "", "Its head key."},
};
static const struct setting_table join_table = {
    "a join file", join_rows, sizeof join_rows / sizeof join_rows[0]};

static int key_read(
    const settings_t *file, const char *name, const char *text, uint8_t *key, struct complaint *why)
{
    if (hex_decode(text, key, 32) != 0) {
        return complain(why, E_CONFIG, "%s: %s: \"%.70s\" is not a key of 64 hexadecimal digits",
            settings_file(file), name, text);
    }
    return 0;
}

static int roots_read(const settings_t *file, struct join *out, struct complaint *why)
{
    out->root_count = settings_list_count(file, "roots");
    out->threshold = (uint32_t)settings_number(file, "threshold");
    for (size_t i = 0; i < out->root_count; i++) {
        int rc = key_read(file, "roots", settings_list_at(file, "roots", i), out->roots[i], why);
        if (rc != 0) {
            return rc;
        }
        for (size_t j = 0; j < i; j++) {
            if (memcmp(out->roots[i], out->roots[j], 32) == 0) {
                return complain(why, E_CONFIG, "%s: roots: the same key stands there twice",
                    settings_file(file));
            }
        }
    }
    if (out->threshold > out->root_count) {
        return complain(why, E_CONFIG, "%s: threshold = %u, but there are only %zu roots",
            settings_file(file), out->threshold, out->root_count);
    }
    return 0;
}

static int broker_read(const settings_t *file, struct join *out, struct complaint *why)
{
    const char *curve = settings_text(file, "broker-curve");
    const char *head = settings_text(file, "broker-head");

    out->endpoint_count = settings_list_count(file, "endpoints");
    for (size_t i = 0; i < out->endpoint_count; i++) {
        const char *endpoint;
        int rc = endpoint_at(file, "endpoints", i, ENDPOINT_CONNECT, &endpoint, why);
        if (rc != 0) {
            return rc;
        }
        memcpy(out->endpoints[i], endpoint, strlen(endpoint) + 1);
    }
    if (*curve == '\0' && *head == '\0') {
        return 0;
    }
    if (*curve == '\0' || *head == '\0') {
        return complain(why, E_CONFIG, "%s: broker-curve and broker-head go together; add %s",
            settings_file(file), *curve == '\0' ? "broker-curve" : "broker-head");
    }
    out->has_broker = true;
    int rc = key_read(file, "broker-curve", curve, out->broker_curve, why);
    return rc != 0 ? rc : key_read(file, "broker-head", head, out->broker_head, why);
}

static int join_read(settings_t *file, struct join *out, struct complaint *why)
{
    struct join join = {.endpoint_count = 0};
    const char *network = settings_text(file, "network");
    int rc = 0;

    if (strspn(network, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(network)) {
        rc = complain(why, E_CONFIG, "%s: network \"%s\": only a-z, 0-9 and hyphen may stand there",
            settings_file(file), network);
    }
    memcpy(join.network, network, strlen(network) + 1);
    rc = rc != 0 ? rc : roots_read(file, &join, why);
    rc = rc != 0 ? rc : broker_read(file, &join, why);
    settings_destroy(&file);
    if (rc == 0) {
        *out = join;
    }
    return rc;
}

int join_load(const char *path, struct join *out, struct complaint *why)
{
    settings_t *file;

    int rc = settings_load(&join_table, path, &file, why);
    return rc != 0 ? rc : join_read(file, out, why);
}

int join_parse(const char *name, struct slice text, struct join *out, struct complaint *why)
{
    settings_t *file;

    int rc = settings_parse(&join_table, name, text, &file, why);
    return rc != 0 ? rc : join_read(file, out, why);
}

static void put_key(struct buf *out, const uint8_t *key)
{
    char hex[HEX_KEY_DIGITS + 1];

    hex_encode(key, 32, hex);
    buf_put_text(out, " %s", hex);
}

void join_put(const struct join *join, struct buf *out)
{
    buf_put_text(out, "network = %s\n", join->network);
    for (size_t i = 0; i < join->root_count; i++) {
        buf_put_text(out, "roots =");
        put_key(out, join->roots[i]);
        buf_put_text(out, "\n");
    }
    buf_put_text(out, "threshold = %u\n", join->threshold);
    for (size_t i = 0; i < join->endpoint_count; i++) {
        buf_put_text(out, "endpoints = %s\n", join->endpoints[i]);
    }
    if (join->has_broker) {
        buf_put_text(out, "broker-curve =");
        put_key(out, join->broker_curve);
        buf_put_text(out, "\nbroker-head =");
        put_key(out, join->broker_head);
        buf_put_text(out, "\n");
    }
}

static int key_order(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

void join_fingerprint(const struct join *join, char *text)
{
    enum { GROUPS = 10, GROUP_BYTES = 2 };
    struct buf bytes = {0};
    uint8_t roots[ROOTS_MAX][32];
    struct slice none = {NULL, 0};

    memcpy(roots, join->roots, sizeof roots);
    qsort(roots, join->root_count, sizeof roots[0], key_order);
    buf_put(&bytes, join->network, strlen(join->network) + 1);
    buf_put_u32(&bytes, join->threshold);
    buf_put_u32(&bytes, (uint32_t)join->root_count);
    buf_put(&bytes, roots, join->root_count * sizeof roots[0]);
    if (join->has_broker) {
        buf_put(&bytes, join->broker_curve, 32);
        buf_put(&bytes, join->broker_head, 32);
    }
    struct hash digest = hash_of("waypost/join/1", buf_slice(&bytes), none);
    buf_free(&bytes);
    for (size_t i = 0; i < GROUPS; i++) {
        hex_encode(digest.b + i * GROUP_BYTES, GROUP_BYTES, text);
        text += 2 * GROUP_BYTES;
        *text++ = i + 1 < GROUPS ? ' ' : '\0';
    }
}

void join_pin(const struct join *join, struct register_pin *out)
{
    *out = (struct register_pin){
        .network = join->network, .root_count = join->root_count, .threshold = join->threshold};
    memcpy(out->roots, join->roots, sizeof out->roots);
}
