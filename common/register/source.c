/* source: see source.h. Faults of the text are returned with file and line; nothing is logged. */
#include "common/register/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/words.h"
#include "common/codec/catalogue.h"
#include "common/crypto/keys.h"
#include "common/register/envelope.h"
#include "common/register/rules.h"
#include "common/register/source_build.h"

#include "common/base/banned.h"

enum { STALE_DAYS_MAX = 3660 };

static const struct zpl_word top_words[] = {
    {"network", false},
    {"version", false},
    {"threshold", false},
    {"issued", false},
    {"stale-after-days", false},
    {"root", true},
    {"authorities", true},
    {"successions", false},
    {"profiles", false},
    {"profile", false},
    {"agent", true},
    {"broker", true},
    {"retention", false},
};

/* ---- what the parts share ---- */

void *source_new(struct source *self, size_t count, size_t bytes)
{
    void *memory = mem_new(count, bytes);

    self->owned =
        mem_grow(self->owned, self->owned_count, &self->owned_capacity, sizeof *self->owned);
    self->owned[self->owned_count++] = memory;
    return memory;
}

char *source_text(struct source *self, const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = source_new(self, len, 1);

    memcpy(copy, text, len);
    return copy;
}

int source_resolve(struct source *self, zconfig_t *item, const char *name, char *path)
{
    const char *slash = strrchr(self->path, '/');
    int folder = slash == NULL || name[0] == '/' ? 0 : (int)(slash - self->path) + 1;
    int len = snprintf(path, SOURCE_PATH_BYTES, "%.*s%s", folder, self->path, name);

    if (name[0] == '\0' || len < 0 || len >= SOURCE_PATH_BYTES) {
        return zpl_complain(
            self->zpl, item, self->why, E_RANGE, "a file name is missing or too long");
    }
    return 0;
}

size_t source_count(zconfig_t *section, const char *name)
{
    size_t count = 0;

    for (zconfig_t *item = zconfig_child(section); item != NULL; item = zconfig_next(item)) {
        count += strcmp(zconfig_name(item), name) == 0 ? 1 : 0;
    }
    return count;
}

int source_key(struct source *self, zconfig_t *item, ProtobufCBinaryData *out)
{
    out->len = SIGN_PUBLIC_BYTES;
    out->data = source_new(self, 1, out->len);
    if (hex_decode(zconfig_value(item), out->data, out->len) != 0) {
        return zpl_complain(self->zpl, item, self->why, E_CONFIG,
            "\"%s\" must be a public key of 64 hexadecimal digits", zconfig_name(item));
    }
    return 0;
}

int source_words(struct source *self, zconfig_t *item, size_t count_max, char ***out, size_t *count)
{
    static const char breaks[] = " ,";
    char *at = source_text(self, zconfig_value(item));

    *out = source_new(self, count_max, sizeof **out);
    *count = 0;
    for (at += strspn(at, breaks); *at != '\0'; at += strspn(at, breaks)) {
        if (*count == count_max) {
            return zpl_complain(
                self->zpl, item, self->why, E_RANGE, "there are more than %zu words", count_max);
        }
        (*out)[(*count)++] = at;
        at += strcspn(at, breaks);
        if (*at != '\0') {
            *at++ = '\0';
        }
    }
    return 0;
}

/* ---- head, roots, retention ---- */

static int read_number(
    struct source *self, const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
    zconfig_t *item = zpl_child(zpl_root(self->zpl), name);

    if (item == NULL) {
        return complain(self->why, E_CONFIG, "%s: \"%s\" is missing", self->path, name);
    }
    if (text_parse_u64(zconfig_value(item), min, max, out) != 0) {
        return zpl_complain(self->zpl, item, self->why, E_CONFIG,
            "\"%s\" must be a whole number from %" PRIu64 " to %" PRIu64, name, min, max);
    }
    return 0;
}

static int read_issue(struct source *self, const struct world *world)
{
    zconfig_t *issued = zpl_child(zpl_root(self->zpl), "issued");
    uint64_t days = 0;

    self->message.issued_ms = world->wall_ms(world->context);
    if (issued != NULL && civil_time_parse(zconfig_value(issued), &self->message.issued_ms) != 0) {
        return zpl_complain(self->zpl, issued, self->why, E_CONFIG,
            "\"issued\" must be a time such as 2026-03-16T10:05:00Z");
    }
    if (zpl_child(zpl_root(self->zpl), "stale-after-days") == NULL) {
        return 0;
    }
    int rc = read_number(self, "stale-after-days", 1, STALE_DAYS_MAX, &days);
    if (rc == 0) {
        self->message.has_stale_ms = 1;
        self->message.stale_ms = self->message.issued_ms + (int64_t)days * CIVIL_DAY_MS;
    }
    return rc;
}

static int read_head(struct source *self, const struct world *world)
{
    const char *network = zpl_text(zpl_root(self->zpl), "network", NULL);
    uint64_t threshold = 0;

    if (network == NULL || !rules_network_valid(network)) {
        return complain(self->why, E_CONFIG,
            "%s: \"network\" must be given, 1 to 32 of a-z, 0-9 and hyphen", self->path);
    }
    self->message.network = source_text(self, network);
    int rc = read_number(self, "version", 1, INT64_MAX, &self->message.version);
    if (rc == 0) {
        rc = read_number(self, "threshold", 1, REGISTER_ROOTS_MAX, &threshold);
        self->message.threshold = (uint32_t)threshold;
    }
    return rc != 0 ? rc : read_issue(self, world);
}

static int read_root(struct source *self, zconfig_t *item, ProtobufCBinaryData *out)
{
    char path[SOURCE_PATH_BYTES];
    const char *value = zconfig_value(item);
    struct keys card;

    if (strlen(value) == 2 * SIGN_PUBLIC_BYTES &&
        strspn(value, "0123456789abcdefABCDEF") == strlen(value)) {
        return source_key(self, item, out);
    }
    int rc = source_resolve(self, item, value, path);
    if (rc == 0) {
        rc = keys_load_card(path, &card, self->why);
    }
    if (rc == 0) {
        out->len = SIGN_PUBLIC_BYTES;
        out->data = source_new(self, 1, out->len);
        memcpy(out->data, card.sign_public, out->len);
    }
    return rc;
}

static int read_roots(struct source *self)
{
    zconfig_t *root = zpl_root(self->zpl);
    size_t count = source_count(root, "root");
    int rc = 0;

    if (count < 1 || count > REGISTER_ROOTS_MAX) {
        return complain(self->why, E_CONFIG, "%s: 1 to %d roots are needed, %zu are given",
            self->path, REGISTER_ROOTS_MAX, count);
    }
    self->message.roots = source_new(self, count, sizeof *self->message.roots);
    for (zconfig_t *item = zconfig_child(root); item != NULL && rc == 0;
         item = zconfig_next(item)) {
        if (strcmp(zconfig_name(item), "root") == 0) {
            rc = read_root(self, item, &self->message.roots[self->message.n_roots++]);
        }
    }
    return rc;
}

static int read_retention_row(struct source *self, zconfig_t *item, Waypost__Retention *row)
{
    const struct kind_info *kind = catalogue_kind_named(zconfig_name(item));
    uint64_t days;

    if (kind == NULL) {
        const char *near = catalogue_kind_nearest(zconfig_name(item));
        return zpl_complain(self->zpl, item, self->why, E_KIND, "there is no kind \"%.64s\"%s%s%s",
            zconfig_name(item), near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
            near != NULL ? "\"?" : "");
    }
    if (text_parse_u64(zconfig_value(item), 1, REGISTER_RETENTION_DAYS_MAX, &days) != 0) {
        return zpl_complain(self->zpl, item, self->why, E_CONFIG, "write days, 1 to %d",
            REGISTER_RETENTION_DAYS_MAX);
    }
    row->kind = kind->number;
    row->days = (uint32_t)days;
    return 0;
}

static int compare_retention(const void *a, const void *b)
{
    uint32_t kind_a = (*(Waypost__Retention *const *)a)->kind;
    uint32_t kind_b = (*(Waypost__Retention *const *)b)->kind;

    return kind_a < kind_b ? -1 : kind_a > kind_b;
}

static int read_retention(struct source *self)
{
    zconfig_t *section = zpl_child(zpl_root(self->zpl), "retention");
    Waypost__Register *message = &self->message;
    size_t count = 0;
    int rc = 0;

    if (section == NULL) {
        return 0;
    }
    for (zconfig_t *item = zconfig_child(section); item != NULL; item = zconfig_next(item)) {
        count++;
    }
    message->retention = source_new(self, count, sizeof(Waypost__Retention *));
    for (zconfig_t *item = zconfig_child(section); item != NULL && rc == 0;
         item = zconfig_next(item)) {
        Waypost__Retention *row = source_new(self, 1, sizeof *row);
        waypost__retention__init(row);
        rc = read_retention_row(self, item, row);
        message->retention[message->n_retention++] = row;
    }
    if (message->n_retention > 0) {
        qsort(message->retention, message->n_retention, sizeof(Waypost__Retention *),
            compare_retention);
    }
    return rc;
}

/* ---- the whole ---- */

static int set_previous(struct source *self, const register_t *before)
{
    if (before == NULL) {
        return 0;
    }
    if (strcmp(register_network(before), self->message.network) != 0) {
        return complain(self->why, E_NETWORK,
            "%s is the source of network \"%s\", but the register before is that of \"%s\"",
            self->path, self->message.network, register_network(before));
    }
    if (self->message.version <= register_version(before)) {
        return complain(self->why, E_ROLLBACK,
            "%s: version = %" PRIu64 ", but version %" PRIu64
            " is issued already; write version = %" PRIu64,
            self->path, self->message.version, register_version(before),
            register_version(before) + 1);
    }
    struct hash hash = register_hash(before);
    self->message.has_previous = 1;
    self->message.previous.len = HASH_BYTES;
    self->message.previous.data = source_new(self, 1, HASH_BYTES);
    memcpy(self->message.previous.data, hash.b, HASH_BYTES);
    return 0;
}

static int finish(struct source *self, struct buf *out)
{
    struct complaint fault = {0};

    int rc = rules_check(&self->message, &fault);
    if (rc != 0) {
        return complain(self->why, rc, "%.80s: %.230s", self->path, fault.text);
    }
    size_t size = waypost__register__get_packed_size(&self->message);
    if (size > REGISTER_BYTES_MAX) {
        return complain(self->why, E_TOO_LARGE,
            "%s makes a register of %zu bytes, above the limit of %d", self->path, size,
            REGISTER_BYTES_MAX);
    }
    buf_reserve(out, size);
    size_t packed = waypost__register__pack(&self->message, out->data + out->len);
    assert(packed == size);
    out->len += size;
    return 0;
}

static int compile(
    struct source *self, const struct world *world, const register_t *before, struct buf *out)
{
    static int (*const parts[])(struct source *) = {
        read_roots, source_read_places, source_read_agents, source_read_brokers, read_retention};

    int rc = zpl_check(self->zpl, zpl_root(self->zpl), top_words,
        sizeof top_words / sizeof top_words[0], self->why);
    if (rc == 0) {
        rc = read_head(self, world);
    }
    if (rc == 0) {
        rc = set_previous(self, before);
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && rc == 0; i++) {
        rc = parts[i](self);
    }
    return rc != 0 ? rc : finish(self, out);
}

int register_source_compile(const char *path, const struct world *world, const register_t *before,
    struct buf *register_bytes, struct complaint *why)
{
    struct complaint unread;
    struct source self = {.path = path, .why = why != NULL ? why : &unread};

    waypost__register__init(&self.message);
    int rc = zpl_load(path, SOURCE_FILE_BYTES_MAX, &self.zpl, self.why);
    if (rc == 0) {
        rc = compile(&self, world, before, register_bytes);
    }
    for (size_t i = 0; i < self.owned_count; i++) {
        free(self.owned[i]);
    }
    free(self.owned);
    zpl_destroy(&self.zpl);
    return rc;
}
