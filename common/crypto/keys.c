/*
 * keys: see keys.h. Failures are returned; secrets are wiped from every buffer that held them. The mode is checked on
 * the open file, so that it cannot be exchanged between the check and the reading.
 */
#include "common/crypto/keys.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/civil.h"
#include "common/base/fsio.h"
#include "common/base/zpl.h"

#include "common/base/banned.h"

enum { KEYS_FORMAT = 1, KEY_HEX_BYTES = 2 * SIGN_SECRET_BYTES + 1 };

static const char keys_word[] = "waypost-keys";
static const char card_word[] = "waypost-card";

/* One half of one pair: where it stands in the struct, and its word in the file. */
struct half {
    const char *word;
    size_t offset;
    size_t bytes;
    bool secret;
};

static const struct half halves[] = {
    {"curve-public", offsetof(struct keys, curve_public), CURVE_KEY_BYTES, false},
    {"sign-public", offsetof(struct keys, sign_public), SIGN_PUBLIC_BYTES, false},
    {"seal-public", offsetof(struct keys, seal_public), SEAL_PUBLIC_BYTES, false},
    {"curve-secret", offsetof(struct keys, curve_secret), CURVE_KEY_BYTES, true},
    {"sign-secret", offsetof(struct keys, sign_secret), SIGN_SECRET_BYTES, true},
    {"seal-secret", offsetof(struct keys, seal_secret), SEAL_SECRET_BYTES, true},
};

enum { HALF_COUNT = sizeof halves / sizeof halves[0] };

static const struct zpl_word file_words[] = {
    {"version", false},
    {"id", false},
    {"made", false},
    {"curve-public", false},
    {"sign-public", false},
    {"seal-public", false},
    {"curve-secret", false},
    {"sign-secret", false},
    {"seal-secret", false},
};

bool keys_id_valid(const char *id)
{
    size_t len = strlen(id);

    return len >= 1 && len < KEYS_ID_BYTES &&
        strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

void keys_make(const struct world *world, const char *id, struct keys *out)
{
    uint8_t seed[SIGN_SEED_BYTES];

    *out = (struct keys){0};
    (void)snprintf(out->id, sizeof out->id, "%s", id);
    out->made_ms = world->wall_ms(world->context);
    world->random(world->context, out->curve_secret, sizeof out->curve_secret);
    (void)crypto_scalarmult_base(out->curve_public, out->curve_secret);
    world->random(world->context, seed, sizeof seed);
    (void)crypto_sign_seed_keypair(out->sign_public, out->sign_secret, seed);
    world->random(world->context, out->seal_secret, sizeof out->seal_secret);
    (void)crypto_scalarmult_base(out->seal_public, out->seal_secret);
    sodium_memzero(seed, sizeof seed);
}

static void write_text(const struct keys *keys, bool with_secrets, struct buf *out)
{
    char made[CIVIL_STAMP_BYTES];
    char hex[KEY_HEX_BYTES];

    civil_stamp_utc(keys->made_ms, made);
    buf_reserve(out, KEYS_FILE_BYTES_MAX); /* one piece: nothing is left behind when it grows */
    buf_put_text(out, "#   %s\n",
        with_secrets
            ? "Secret keys: mode 0600, never sent anywhere, never copied to another machine."
            : "Public halves, for the registrar.");
    buf_put_text(out, "%s\n    version = %d\n    id = %s\n    made = %s\n",
        with_secrets ? keys_word : card_word, KEYS_FORMAT, keys->id, made);
    for (size_t i = 0; i < HALF_COUNT; i++) {
        if (!halves[i].secret || with_secrets) {
            hex_encode((const uint8_t *)keys + halves[i].offset, halves[i].bytes, hex);
            buf_put_text(out, "    %s = %s\n", halves[i].word, hex);
        }
    }
    sodium_memzero(hex, sizeof hex);
}

static int save(const struct keys *keys, const char *path, bool with_secrets, mode_t mode)
{
    struct stat info;
    struct buf text = {0};

    if (!keys_id_valid(keys->id)) {
        return E_ID;
    }
    if (lstat(path, &info) == 0) {
        return E_EXISTS;
    }
    write_text(keys, with_secrets, &text);
    int rc = fsio_replace(path, buf_slice(&text), mode);
    sodium_memzero(text.data, text.capacity);
    buf_free(&text);
    return rc;
}

int keys_save(const struct keys *keys, const char *path)
{
    return save(keys, path, true, 0600);
}

int keys_save_card(const struct keys *keys, const char *path)
{
    return save(keys, path, false, 0644);
}

static int check_guard(int fd, const char *path, struct complaint *why)
{
    struct stat info;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return complain(
            why, E_IO, "%s is not a regular file; name a file made by waypost keygen", path);
    }
    if (info.st_uid != geteuid()) {
        return complain(why, E_PERMISSION,
            "%s belongs to user %u, but this program runs as user %u; run it as the owner, or "
            "chown the file",
            path, (unsigned)info.st_uid, (unsigned)geteuid());
    }
    if ((info.st_mode & 0077) != 0) {
        return complain(why, E_PERMISSION,
            "%s has mode %04o, so others may read secret keys; run: chmod 0600 %s (and make new "
            "keys if they did)",
            path, (unsigned)(info.st_mode & 07777), path);
    }
    if ((info.st_mode & 07777) != 0600) {
        return complain(why, E_PERMISSION, "%s has mode %04o, not 0600; run: chmod 0600 %s", path,
            (unsigned)(info.st_mode & 07777), path);
    }
    return 0;
}

static int read_half(const zpl_t *zpl, zconfig_t *section, const struct half *half,
    struct keys *out, struct complaint *why)
{
    zconfig_t *item = zpl_child(section, half->word);

    if (item == NULL) {
        return zpl_complain(zpl, section, why, E_CONFIG, "\"%s\" is missing", half->word);
    }
    if (hex_decode(zconfig_value(item), (uint8_t *)out + half->offset, half->bytes) != 0) {
        return zpl_complain(zpl, item, why, E_CONFIG, "\"%s\" must be %zu hexadecimal digits",
            half->word, 2 * half->bytes);
    }
    return 0;
}

static int read_section(
    const zpl_t *zpl, zconfig_t *section, bool secrets, struct keys *out, struct complaint *why)
{
    const char *id = zpl_text(section, "id", "");
    const char *made = zpl_text(section, "made", "1970-01-01T00:00Z");

    int rc = zpl_check(zpl, section, file_words, sizeof file_words / sizeof file_words[0], why);
    if (rc != 0) {
        return rc;
    }
    if (strcmp(zpl_text(section, "version", ""), "1") != 0) {
        return zpl_complain(zpl, section, why, E_VERSION,
            "the file's version is not 1, the only one this program reads");
    }
    if (!keys_id_valid(id)) {
        return zpl_complain(
            zpl, section, why, E_CONFIG, "the id must be 1 to 32 of A-Z, a-z, 0-9 and hyphen");
    }
    (void)snprintf(out->id, sizeof out->id, "%s", id);
    if (civil_time_parse(made, &out->made_ms) != 0) {
        return zpl_complain(
            zpl, zpl_child(section, "made"), why, E_CONFIG, "\"%.40s\" is not a time", made);
    }
    for (size_t i = 0; i < HALF_COUNT && rc == 0; i++) {
        if (secrets || !halves[i].secret) {
            rc = read_half(zpl, section, &halves[i], out, why);
        }
    }
    return rc;
}

/* Does each public half belong to its secret? A mixed-up file would sign what nobody can check. */
static bool pairs_fit(const struct keys *keys)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t again[SIGN_SECRET_BYTES];

    bool fit = crypto_scalarmult_base(public_key, keys->curve_secret) == 0 &&
        memcmp(public_key, keys->curve_public, sizeof public_key) == 0 &&
        crypto_scalarmult_base(public_key, keys->seal_secret) == 0 &&
        memcmp(public_key, keys->seal_public, sizeof public_key) == 0 &&
        crypto_sign_seed_keypair(public_key, again, keys->sign_secret) == 0 &&
        memcmp(public_key, keys->sign_public, sizeof public_key) == 0 &&
        sodium_memcmp(again, keys->sign_secret, sizeof again) == 0;
    sodium_memzero(again, sizeof again);
    return fit;
}

static int parse(
    const char *path, struct slice text, bool secrets, struct keys *out, struct complaint *why)
{
    struct keys found = {0};
    zpl_t *zpl = NULL;

    int rc = zpl_parse(path, text, &zpl, why);
    if (rc != 0) {
        return rc;
    }
    zconfig_t *section = zpl_child(zpl_root(zpl), secrets ? keys_word : card_word);
    if (section == NULL) {
        rc = complain(why, E_CONFIG, "%s is not a file of %s: it has no section \"%s\"; %s", path,
            secrets ? "secret keys" : "public keys", secrets ? keys_word : card_word,
            "waypost keygen makes both kinds");
    }
    if (rc == 0) {
        rc = read_section(zpl, section, secrets, &found, why);
    }
    if (rc == 0 && secrets && !pairs_fit(&found)) {
        rc = complain(why, E_CORRUPT,
            "%s: a public half does not belong to its secret; restore the file or make new keys",
            path);
    }
    if (rc == 0) {
        *out = found;
    }
    keys_wipe(&found);
    zpl_destroy(&zpl);
    return rc;
}

/* text of KEYS_FILE_BYTES_MAX + 1. */
static int read_text(int fd, const char *path, char *text, size_t *got, struct complaint *why)
{
    int rc = fsio_read_at(fd, text, KEYS_FILE_BYTES_MAX + 1, 0, got);

    if (rc == 0 && *got > KEYS_FILE_BYTES_MAX) {
        rc = E_TOO_LARGE;
    }
    if (rc != 0) {
        return complain(why, rc, "%s cannot be read: %s", path, err_text(rc));
    }
    text[*got] = '\0';
    return 0;
}

/* A card named in the place of keys has no secret to guard: it is told what it is, whatever its mode. */
static bool holds_secrets(int fd)
{
    char text[KEYS_FILE_BYTES_MAX + 1];
    size_t got = 0;
    bool holds = read_text(fd, "", text, &got, NULL) != 0 || strstr(text, keys_word) != NULL;

    sodium_memzero(text, sizeof text);
    return holds;
}

static int load(const char *path, bool secrets, struct keys *out, struct complaint *why)
{
    char text[KEYS_FILE_BYTES_MAX + 1];
    size_t got = 0;
    int fd = -1;

    int rc = fsio_open_read(path, &fd);
    if (rc != 0) {
        return complain(why, rc, "%s cannot be opened: %s", path, err_text(rc));
    }
    rc = secrets ? check_guard(fd, path, why) : 0;
    if (rc == E_PERMISSION && !holds_secrets(fd)) {
        rc = 0;
    }
    rc = rc != 0 ? rc : read_text(fd, path, text, &got, why);
    if (rc == 0) {
        rc = parse(path, slice_of(text, got), secrets, out, why);
    }
    (void)close(fd);
    sodium_memzero(text, sizeof text);
    return rc;
}

int keys_load(const char *path, struct keys *out, struct complaint *why)
{
    return load(path, true, out, why);
}

int keys_load_card(const char *path, struct keys *out, struct complaint *why)
{
    return load(path, false, out, why);
}

void keys_wipe(struct keys *keys)
{
    sodium_memzero(keys, sizeof *keys);
}
