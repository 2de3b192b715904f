/* profiles: see profiles.h. */
#include "common/procedure/profiles.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/words.h"
#include "common/base/zpl.h"
#include "common/codec/limits.h"
#include "common/procedure/load.h"
#include "common/procedure/tsv.h"

#include "common/base/banned.h"

enum {
    PROFILES_MAX = 64,
    ENTRIES_MAX = 512,
    MEMBERS_MAX = 1024,
    CODES_MAX = 4096, /* every authority there is, and those of a measurement */
    SUCCESSIONS_MAX = 256,
    KEY_BYTES_MAX = 96,
    MEMBERSHIPS_MAX = 4096
};

struct entry {
    char *key;   /* owned */
    char *value; /* owned */
    unsigned line;
};

struct profile {
    char *name; /* owned */
    char *file; /* owned */
    enum { LEVEL_NATIONAL, LEVEL_REGIONAL, LEVEL_BILATERAL } level;
    int32_t from_day;
    uint8_t family; /* number of the first loaded by its name: what all its versions are known by */
    int32_t rungs;  /* of its ladder, 0 for none */
    size_t entry_count;
    struct entry entries[ENTRIES_MAX]; /* sorted by key after loading */
    size_t member_count;
    char members[MEMBERS_MAX][CODE_BYTES + 1]; /* sorted */
};

/* A membership said aloud: from that day the authority's regional profile is this one. */
struct membership {
    char code[CODE_BYTES + 1];
    int32_t from_day;
    const struct profile *profile;
};

struct succession {
    char code[CODE_BYTES + 1];
    char successor[CODE_BYTES + 1]; /* "" where there are several or none */
    int32_t from_day;
};

struct profiles {
    uint32_t version;
    size_t count;
    struct profile *profiles[PROFILES_MAX]; /* owned */
    size_t override_count;
    struct entry overrides[ENTRIES_MAX];
    size_t membership_count;
    struct membership *memberships; /* owned */
    size_t code_count;
    char (*codes)[CODE_BYTES + 1]; /* owned; sorted */
    size_t succession_count;
    struct succession successions[SUCCESSIONS_MAX];
};

profiles_t *profiles_new(void)
{
    profiles_t *self = mem_new(1, sizeof *self);

    self->codes = mem_new(CODES_MAX, sizeof *self->codes);
    self->memberships = mem_new(MEMBERSHIPS_MAX, sizeof *self->memberships);
    return self;
}

static void entries_free(struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(entries[i].key);
        free(entries[i].value);
    }
}

void profiles_destroy(profiles_t **self_p)
{
    profiles_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        entries_free(self->profiles[i]->entries, self->profiles[i]->entry_count);
        free(self->profiles[i]->name);
        free(self->profiles[i]->file);
        free(self->profiles[i]);
    }
    entries_free(self->overrides, self->override_count);
    free(self->codes);
    free(self->memberships);
    free(self);
    *self_p = NULL;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static int compare_codes(const void *a, const void *b)
{
    return strcmp(a, b);
}

static const char *entry_value(const struct entry *entries, size_t count, const char *key)
{
    struct entry wanted = {.key = (char *)(uintptr_t)key};
    const struct entry *found = bsearch(&wanted, entries, count, sizeof *entries, compare_entries);

    return found != NULL ? found->value : NULL;
}

uint8_t profiles_number(const profiles_t *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->profiles[i]->name, name) == 0) {
            return (uint8_t)(i + 1);
        }
    }
    return 0;
}

static const struct profile *profile_named(const profiles_t *self, const char *name)
{
    uint8_t number = profiles_number(self, name);

    return number != 0 ? self->profiles[number - 1] : NULL;
}

/* ---- loading ---- */

static int add_entry(const zpl_t *file, zconfig_t *item, struct profile *profile, const char *key,
    struct complaint *why)
{
    const char *value = zconfig_value(item);
    struct complaint inner = {0};

    int rc = profile_key_check(key, value, &inner);
    if (rc != 0) {
        return zpl_complain(file, item, why, rc, "%s", inner.text);
    }
    if (profile->entry_count == ENTRIES_MAX) {
        return zpl_complain(file, item, why, E_RANGE, "more than %d values", ENTRIES_MAX);
    }
    profile->entries[profile->entry_count++] =
        (struct entry){mem_text(key), mem_text(value), zpl_line(file, item)};
    if (strncmp(key, "members.E", 9) == 0 && strlen(key + 8) == CODE_BYTES) {
        if (profile->member_count == MEMBERS_MAX) {
            return zpl_complain(file, item, why, E_RANGE, "more than %d members", MEMBERS_MAX);
        }
        memcpy(profile->members[profile->member_count++], key + 8, CODE_BYTES + 1);
    }
    return 0;
}

/* Flatten a section: a value has children named source only; everything else is a section. */
static int add_section(const zpl_t *file, zconfig_t *section, struct profile *profile,
    const char *prefix, struct complaint *why)
{
    char key[KEY_BYTES_MAX];

    for (zconfig_t *item = zconfig_child(section); item != NULL; item = zconfig_next(item)) {
        const char *name = zconfig_name(item);
        if (strcmp(name, "source") == 0) {
            continue;
        }
        if (strlen(prefix) + strlen(name) + 2 > sizeof key) {
            return zpl_complain(file, item, why, E_RANGE, "the name is too long");
        }
        size_t used = strlen(prefix);
        memcpy(key, prefix, used);
        if (used > 0) {
            key[used++] = '.';
        }
        memcpy(key + used, name, strlen(name) + 1);
        bool has_value = zconfig_value(item) != NULL && zconfig_value(item)[0] != '\0';
        bool is_section = false;
        for (zconfig_t *child = zconfig_child(item); child != NULL; child = zconfig_next(child)) {
            is_section = is_section || strcmp(zconfig_name(child), "source") != 0;
        }
        int rc = is_section && !has_value ? add_section(file, item, profile, key, why)
                                          : add_entry(file, item, profile, key, why);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* The highest N of the keys ladder.N.CODE. */
static int32_t count_rungs(const struct profile *profile)
{
    int32_t rungs = 0;

    for (size_t i = 0; i < profile->entry_count; i++) {
        const char *key = profile->entries[i].key;
        if (strncmp(key, "ladder.", 7) == 0 && key[7] >= '1' && key[7] <= '9' &&
            key[7] - '0' > rungs) {
            rungs = key[7] - '0';
        }
    }
    return rungs;
}

static const char *own_value(const struct profile *profile, const char *key)
{
    return entry_value(profile->entries, profile->entry_count, key);
}

/* Versions of one profile stand side by side: each has its own day and number, all the same level. */
static int check_version(const char *file, const struct profile *profile,
    const struct profile *other, struct complaint *why)
{
    const char *version = own_value(profile, "profile.version");
    const char *others = own_value(other, "profile.version");

    if (other->from_day == profile->from_day) {
        return complain(why, E_EXISTS,
            "%s: %s has a version from %s already, in %s; give this one its own effective_from",
            file, other->name, own_value(profile, "profile.effective_from"), other->file);
    }
    if (other->level != profile->level) {
        return complain(why, E_MALFORMED,
            "%s: %s is %s here and %s in %s; a profile keeps its level", file, other->name,
            own_value(profile, "profile.level"), own_value(other, "profile.level"), other->file);
    }
    if (version == NULL || others == NULL || strcmp(version, others) == 0) {
        return complain(why, E_EXISTS,
            "%s: %s stands in %s too; give each of them a profile.version of its own", file,
            other->name, other->file);
    }
    return 0;
}

/* Its family: its own number to be, or that of the profile of this name that was loaded first. */
static int join_family(
    const profiles_t *self, const char *file, struct profile *profile, struct complaint *why)
{
    int rc = 0;

    profile->family = (uint8_t)(self->count + 1);
    for (size_t i = self->count; rc == 0 && i > 0; i--) {
        const struct profile *other = self->profiles[i - 1];
        if (strcmp(other->name, own_value(profile, "profile.name")) == 0) {
            profile->family = other->family;
            rc = check_version(file, profile, other, why);
        }
    }
    return rc;
}

static int finish_profile(
    profiles_t *self, const char *file, struct profile *profile, struct complaint *why)
{
    qsort(profile->entries, profile->entry_count, sizeof *profile->entries, compare_entries);
    qsort(profile->members, profile->member_count, sizeof *profile->members, compare_codes);
    for (size_t i = 1; i < profile->entry_count; i++) {
        if (strcmp(profile->entries[i - 1].key, profile->entries[i].key) == 0) {
            return complain(why, E_EXISTS, "%s: %s is given twice", file, profile->entries[i].key);
        }
    }
    const char *name = own_value(profile, "profile.name");
    const char *level = own_value(profile, "profile.level");
    const char *from = own_value(profile, "profile.effective_from");
    if (name == NULL || level == NULL || from == NULL) {
        return complain(why, E_MALFORMED, "%s: profile needs name, level and effective_from", file);
    }
    (void)civil_date_parse(from, &profile->from_day); /* checked with its key */
    profile->level = level[0] == 'n' ? LEVEL_NATIONAL
        : level[0] == 'r'            ? LEVEL_REGIONAL
                                     : LEVEL_BILATERAL;
    int rc = join_family(self, file, profile, why);
    if (rc != 0) {
        return rc;
    }
    profile->rungs = count_rungs(profile);
    profile->name = mem_text(name);
    profile->file = mem_text(file);
    return 0;
}

int profiles_add(profiles_t *self, const char *file, struct slice text, struct complaint *why)
{
    zpl_t *zpl = NULL;

    if (self->count == PROFILES_MAX) {
        return complain(why, E_RANGE, "%s: more than %d profiles", file, PROFILES_MAX);
    }
    int rc = zpl_parse(file, text, &zpl, why);
    if (rc != 0) {
        return rc;
    }
    struct profile *profile = mem_new(1, sizeof *profile);
    rc = add_section(zpl, zpl_root(zpl), profile, "", why);
    if (rc == 0) {
        rc = finish_profile(self, file, profile, why);
    }
    zpl_destroy(&zpl);
    if (rc != 0) {
        entries_free(profile->entries, profile->entry_count);
        free(profile);
        return rc;
    }
    self->profiles[self->count++] = profile;
    return 0;
}

int profiles_add_authorities(
    profiles_t *self, const char *file, struct slice csv, struct complaint *why)
{
    size_t line = 0;

    for (size_t at = 0; at < csv.len; line++) {
        const uint8_t *end = memchr(csv.data + at, '\n', csv.len - at);
        size_t len = end != NULL ? (size_t)(end - csv.data) - at : csv.len - at;
        if (line > 0 && len > CODE_BYTES && csv.data[at + CODE_BYTES] == ',') {
            if (self->code_count == CODES_MAX) {
                return complain(why, E_RANGE, "%s: more than %d authorities", file, CODES_MAX);
            }
            memcpy(self->codes[self->code_count], csv.data + at, CODE_BYTES);
            self->codes[self->code_count++][CODE_BYTES] = '\0';
        } else if (line > 0 && len > 0) {
            return complain(why, E_CODE,
                "%s:%zu: the row does not begin with a nine-character code", file, line + 1);
        }
        at += len + 1;
    }
    qsort(self->codes, self->code_count, sizeof *self->codes, compare_codes);
    return 0;
}

/* "-", or codes of the register between commas. */
static int check_successors(const profiles_t *self, const char *file, size_t line,
    const char *successors, struct complaint *why)
{
    for (const char *at = strcmp(successors, "-") == 0 ? "" : successors; *at != '\0';) {
        char code[CODE_BYTES + 1] = "";
        size_t len = strcspn(at, ",");
        memcpy(code, at, len < CODE_BYTES ? len : CODE_BYTES);
        bool known = len == CODE_BYTES &&
            bsearch(code, self->codes, self->code_count, sizeof *self->codes, compare_codes) !=
                NULL;
        if (!known) {
            const char *near = profiles_nearest_code(self, code);
            return complain(why, E_CODE, "%s:%zu: unknown authority \"%.20s\"%s%s%s", file, line,
                code, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                near != NULL ? "\"?" : "");
        }
        at += len + (at[len] == ',' ? 1 : 0);
    }
    return 0;
}

int profiles_add_successions(
    profiles_t *self, const char *file, struct slice bytes, struct complaint *why)
{
    static const char *const columns[] = {"code", "successors", "from"};
    static const char *const others[] = {"name", "dfe", "note", "source", NULL};
    static const struct tsv_layout layout = {
        .columns = columns, .column_count = 3, .others = others};
    struct tsv table;

    int rc = tsv_read(file, bytes, &layout, &table, why);
    if (rc != 0) {
        return rc;
    }
    for (size_t row = 0; rc == 0 && row < table.row_count; row++) {
        const char *code = tsv_cell(&table, row, 0);
        const char *successors = tsv_cell(&table, row, 1);
        struct succession *made = &self->successions[self->succession_count];
        if (strlen(code) != CODE_BYTES || self->succession_count == SUCCESSIONS_MAX) {
            rc = complain(why, E_CODE, "%s:%zu: \"%.20s\" is no code", file, row + 2, code);
            break;
        }
        memcpy(made->code, code, CODE_BYTES + 1);
        rc = check_successors(self, file, row + 2, successors, why);
        if (rc != 0) {
            break;
        }
        if (strlen(successors) == CODE_BYTES) { /* exactly one */
            memcpy(made->successor, successors, CODE_BYTES + 1);
        }
        if (civil_date_parse(tsv_cell(&table, row, 2), &made->from_day) != 0) {
            rc = complain(why, E_DATE, "%s:%zu: \"%.20s\" is no date", file, row + 2,
                tsv_cell(&table, row, 2));
        }
        self->succession_count++;
    }
    tsv_free(&table);
    return rc;
}

static unsigned line_of(const struct profile *profile, const char *key)
{
    for (size_t i = 0; i < profile->entry_count; i++) {
        if (strcmp(profile->entries[i].key, key) == 0) {
            return profile->entries[i].line;
        }
    }
    return 0;
}

/* Due dates that run count by one calendar: a version does not bring another. */
static int check_calendar(const profiles_t *self, struct complaint *why)
{
    static const char key[] = "calendar.working_days";
    uint8_t national = profiles_number(self, "national");
    const char *first = profiles_entry(self, national, key);

    for (size_t i = 0; i < self->count; i++) {
        const struct profile *profile = self->profiles[i];
        const char *value = own_value(profile, key);
        if (profile->family == national && value != NULL &&
            (first == NULL || strcmp(value, first) != 0)) {
            return complain(why, E_MALFORMED, "%s:%u: %s is not that of %s; all versions share one",
                profile->file, line_of(profile, key), key, self->profiles[national - 1]->file);
        }
    }
    return 0;
}

int profiles_check(const profiles_t *self, struct complaint *why)
{
    if (profile_named(self, "national") == NULL) {
        return complain(why, E_NOT_FOUND, "no profile named national is loaded");
    }
    for (size_t i = 0; i < self->count; i++) {
        const struct profile *profile = self->profiles[i];
        const char *parent = own_value(profile, "profile.inherit");
        if (parent != NULL && profile_named(self, parent) == NULL) {
            const char *near = profiles_nearest(self, parent);
            return complain(why, E_NOT_FOUND,
                "%s:%u: %s inherits from an unknown profile \"%.60s\"%s%s%s", profile->file,
                line_of(profile, "profile.inherit"), profile->name, parent,
                near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                near != NULL ? "\"?" : "");
        }
    }
    return check_calendar(self, why);
}

/* ---- asking ---- */

static const char *name_at(const void *known, size_t index)
{
    const profiles_t *self = known;

    return index < self->count ? self->profiles[index]->name : NULL;
}

const char *profiles_nearest(const profiles_t *self, const char *name)
{
    return words_nearest(name, name_at, self);
}

static const char *code_at(const void *known, size_t index)
{
    const profiles_t *self = known;

    return index < self->code_count ? self->codes[index] : NULL;
}

const char *profiles_nearest_code(const profiles_t *self, const char *code)
{
    return words_nearest(code, code_at, self);
}

int profiles_entries_check(const profiles_t *self, struct loader *loader)
{
    for (size_t i = 0; i < self->count; i++) {
        const struct profile *profile = self->profiles[i];
        loader->file = profile->file;
        for (size_t k = 0; k < profile->entry_count; k++) {
            const struct entry *entry = &profile->entries[k];
            loader->line = entry->line;
            int rc = profile_entry_check(loader, entry->key, entry->value);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

bool profiles_known(const profiles_t *self, const char *name)
{
    return profile_named(self, name) != NULL;
}

int32_t profiles_rungs(const profiles_t *self, uint8_t number)
{
    return number != 0 ? self->profiles[number - 1]->rungs : 0;
}

uint32_t profiles_version(const profiles_t *self)
{
    return self->version;
}

size_t profiles_count(const profiles_t *self)
{
    return self->count;
}

const char *profiles_name(const profiles_t *self, size_t number)
{
    return number >= 1 && number <= self->count ? self->profiles[number - 1]->name : NULL;
}

const char *profiles_file(const profiles_t *self, size_t number)
{
    return number >= 1 && number <= self->count ? self->profiles[number - 1]->file : NULL;
}

uint8_t profiles_family(const profiles_t *self, uint8_t number)
{
    return number != 0 ? self->profiles[number - 1]->family : 0;
}

int32_t profiles_from_day(const profiles_t *self, uint8_t number)
{
    return self->profiles[number - 1]->from_day;
}

uint8_t profiles_in_force(const profiles_t *self, uint8_t number, int32_t day)
{
    const struct profile *found = NULL;
    size_t place = 0;

    if (number == 0) {
        return 0;
    }
    for (size_t i = 0; i < self->count; i++) {
        const struct profile *one = self->profiles[i];
        if (one->family != self->profiles[number - 1]->family) {
            continue;
        }
        bool counts = one->from_day <= day;
        bool better = found == NULL ||
            (found->from_day <= day ? counts && one->from_day > found->from_day
                                    : one->from_day < found->from_day);
        if (better) {
            found = one;
            place = i;
        }
    }
    return (uint8_t)(place + 1);
}

/* Memberships and codes change on dated days only; between two such days everything looked up stays as it is. */
int32_t profiles_epoch(const profiles_t *self, int32_t day)
{
    int32_t epoch = 1;

    for (size_t i = 0; i < self->count; i++) {
        epoch += self->profiles[i]->from_day <= day ? 1 : 0;
    }
    for (size_t i = 0; i < self->membership_count; i++) {
        epoch += self->memberships[i].from_day <= day ? 1 : 0;
    }
    for (size_t i = 0; i < self->succession_count; i++) {
        epoch += self->successions[i].from_day <= day ? 1 : 0;
    }
    return epoch;
}

static bool is_member(const struct profile *profile, const char *code, int32_t day)
{
    return day >= profile->from_day &&
        bsearch(code, profile->members, profile->member_count, sizeof *profile->members,
            compare_codes) != NULL;
}

/* Is it the version of its profile that counts on that day? */
static bool counts_on(const profiles_t *self, size_t index, int32_t day)
{
    return profiles_in_force(self, (uint8_t)(index + 1), day) == index + 1;
}

/* The regional profile said aloud for an authority on a day, NULL where none was. */
static const struct profile *stated_region(const profiles_t *self, const char *code, int32_t day)
{
    const struct profile *found = NULL;

    for (size_t i = 0; i < self->membership_count; i++) { /* the last that counts wins */
        const struct membership *row = &self->memberships[i];
        if (row->from_day <= day && strcmp(row->code, code) == 0) {
            found = row->profile;
        }
    }
    return found;
}

/* Its regional profile as a number, 0 for none. */
static uint8_t region_of(const profiles_t *self, const char *code, int32_t day)
{
    const struct profile *stated =
        self->membership_count > 0 ? stated_region(self, code, day) : NULL;

    if (stated != NULL) {
        return stated->level == LEVEL_NATIONAL ? 0 : profiles_in_force(self, stated->family, day);
    }
    for (size_t i = 0; i < self->count; i++) {
        const struct profile *profile = self->profiles[i];
        if (profile->level == LEVEL_REGIONAL && is_member(profile, code, day) &&
            counts_on(self, i, day)) {
            return (uint8_t)(i + 1);
        }
    }
    return 0;
}

/* The bilateral profile that both are members of, 0 for none. */
static uint8_t pact_of(const profiles_t *self, const char *code, const char *other, int32_t day)
{
    for (size_t i = 0; other != NULL && i < self->count; i++) {
        const struct profile *profile = self->profiles[i];
        if (profile->level == LEVEL_BILATERAL && is_member(profile, code, day) &&
            is_member(profile, other, day) && counts_on(self, i, day)) {
            return (uint8_t)(i + 1);
        }
    }
    return 0;
}

size_t profiles_numbers(const profiles_t *self, const char *code, const char *other, uint8_t forced,
    int32_t day, uint8_t out[3])
{
    uint8_t national = profiles_in_force(self, profiles_number(self, "national"), day);
    forced = profiles_in_force(self, forced, day);
    uint8_t found[] = {forced, forced != 0 ? 0 : pact_of(self, code, other, day),
        forced != 0 ? 0 : region_of(self, code, day), forced != national ? national : 0};
    size_t count = 0;

    for (size_t i = 0; i < sizeof found; i++) {
        if (found[i] != 0) {
            out[count++] = found[i];
        }
    }
    return count;
}

size_t profiles_of(const profiles_t *self, const char *code, const char *other, const char *forced,
    int32_t day, const char *out[3])
{
    uint8_t numbers[3];
    size_t count = profiles_numbers(
        self, code, other, forced != NULL ? profiles_number(self, forced) : 0, day, numbers);

    for (size_t i = 0; i < count; i++) {
        out[i] = self->profiles[numbers[i] - 1]->name;
    }
    return count;
}

const char *profiles_entry(const profiles_t *self, uint8_t number, const char *key)
{
    const char *value = NULL;

    if (number == 0) {
        return NULL;
    }
    if (self->override_count > 0) {
        value = entry_value(self->overrides, self->override_count, key);
    }
    return value != NULL ? value
                         : entry_value(self->profiles[number - 1]->entries,
                               self->profiles[number - 1]->entry_count, key);
}

int profiles_override(profiles_t *self, const char *key, const char *value, struct complaint *why)
{
    int rc = profile_key_check(key, value, why);

    if (rc != 0) {
        return rc;
    }
    self->version++;
    for (size_t i = 0; i < self->override_count; i++) {
        if (strcmp(self->overrides[i].key, key) == 0) {
            free(self->overrides[i].value);
            self->overrides[i].value = mem_text(value);
            return 0;
        }
    }
    if (self->override_count == ENTRIES_MAX) {
        return complain(why, E_RANGE, "more than %d settings", ENTRIES_MAX);
    }
    self->overrides[self->override_count++] = (struct entry){mem_text(key), mem_text(value), 0};
    qsort(self->overrides, self->override_count, sizeof *self->overrides, compare_entries);
    return 0;
}

int profiles_member(
    profiles_t *self, const char *code, const char *name, int32_t from_day, struct complaint *why)
{
    const struct profile *profile = profile_named(self, name);

    if (profile == NULL) {
        const char *near = profiles_nearest(self, name);
        return complain(why, E_NOT_FOUND, "no regional or national profile \"%.64s\"%s%s", name,
            near != NULL ? "; did you mean " : "", near != NULL ? near : "");
    }
    if (profile->level == LEVEL_BILATERAL) {
        return complain(why, E_NOT_FOUND,
            "profile %.64s is a bilateral one, and counts between its own members alone: name a "
            "regional one, or national",
            name);
    }
    if (!profiles_known_code(self, code)) {
        return complain(why, E_CODE, "unknown authority \"%.20s\"", code);
    }
    if (self->membership_count == MEMBERSHIPS_MAX) {
        return complain(why, E_RANGE, "more than %d memberships", MEMBERSHIPS_MAX);
    }
    self->version++;
    struct membership *made = &self->memberships[self->membership_count++];
    memcpy(made->code, code, CODE_BYTES + 1);
    made->from_day = from_day;
    made->profile = profile;
    return 0;
}

static bool in_force(const profiles_t *self, const char *code)
{
    return bsearch(code, self->codes, self->code_count, sizeof *self->codes, compare_codes) != NULL;
}

const char *profiles_route(const profiles_t *self, const char *code, int32_t day)
{
    for (size_t steps = 0; steps < 8;
         steps++) { /* a chain of reorganisations is short; loops end here */
        const struct succession *row = NULL;
        for (size_t i = 0; i < self->succession_count; i++) {
            if (strcmp(self->successions[i].code, code) == 0) {
                row = &self->successions[i];
            }
        }
        if (row == NULL || day < row->from_day) {
            return row != NULL || in_force(self, code) ? code : NULL;
        }
        if (row->successor[0] == '\0') {
            return NULL;
        }
        code = row->successor;
    }
    return NULL;
}

bool profiles_known_code(const profiles_t *self, const char *code)
{
    for (size_t i = 0; i < self->succession_count; i++) {
        if (strcmp(self->successions[i].code, code) == 0) {
            return true;
        }
    }
    return in_force(self, code);
}

int32_t profiles_superseded_from(const profiles_t *self, const char *code)
{
    for (size_t i = 0; i < self->succession_count; i++) {
        if (strcmp(self->successions[i].code, code) == 0) {
            return self->successions[i].from_day;
        }
    }
    return INT32_MAX;
}
