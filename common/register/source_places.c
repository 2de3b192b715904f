/*
 * source_places: the authorities of a register from tables of codes, successions and procedure profiles. Faults are
 * returned with file and line.
 */
#include "common/register/source_build.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/civil.h"
#include "common/base/fsio.h"
#include "common/codec/event.h"
#include "common/codec/limits.h"
#include "common/register/csv.h"
#include "common/register/rules.h"

#include "common/base/banned.h"

enum { PROFILE_FILE_BYTES_MAX = 262144, PROFILE_FILES_MAX = 256 };

static Waypost__Authority *find(const struct source *self, const char *code)
{
    for (size_t i = 0; i < self->message.n_authorities; i++) {
        if (strcmp(self->message.authorities[i]->code, code) == 0) {
            return self->message.authorities[i];
        }
    }
    return NULL;
}

/* A new one; NULL where there is no room. */
static Waypost__Authority *add(struct source *self, const char *code, const char *name)
{
    Waypost__Authority *authority = source_new(self, 1, sizeof *authority);

    if (self->authority_capacity == 0) {
        self->authority_capacity = REGISTER_AUTHORITIES_MAX;
        self->message.authorities =
            source_new(self, self->authority_capacity, sizeof(Waypost__Authority *));
    }
    if (self->message.n_authorities == self->authority_capacity) {
        return NULL;
    }
    waypost__authority__init(authority);
    authority->code = source_text(self, code);
    authority->name = source_text(self, name);
    self->message.authorities[self->message.n_authorities++] = authority;
    return authority;
}

static char *text_or_null(struct source *self, const char *text)
{
    return text[0] == '\0' ? NULL : source_text(self, text);
}

/* A new authority from a row of a table; NULL with the sentence in why. */
static Waypost__Authority *add_row(
    struct source *self, const struct csv *table, const char *code, const char *name)
{
    Waypost__Authority *authority = NULL;

    if (!event_code_valid(slice_of_text(code)) || name[0] == '\0') {
        csv_complain(table, self->why, E_CODE,
            "\"%.40s\" is not an authority code with a name: one letter of E, W, S, N and eight "
            "digits",
            code);
    } else if (find(self, code) != NULL) {
        csv_complain(table, self->why, E_CODE, "the code %s stands there twice", code);
    } else {
        authority = add(self, code, name);
        if (authority == NULL) {
            csv_complain(table, self->why, E_RANGE, "there are more than %d authorities",
                REGISTER_AUTHORITIES_MAX);
        }
    }
    return authority;
}

/* ---- tables of authorities ---- */

static int read_authority(struct source *self, const struct csv *table)
{
    Waypost__Authority *authority =
        add_row(self, table, csv_field(table, "gss_code"), csv_field(table, "name"));

    if (authority == NULL) {
        return self->why->rc;
    }
    authority->dfe = text_or_null(self, csv_field(table, "dfe_code"));
    authority->region = text_or_null(self, csv_field(table, "region"));
    authority->region_code = text_or_null(self, csv_field(table, "region_gss"));
    return 0;
}

/* Read a table and hand each row to `row`. */
static int read_table(struct source *self, zconfig_t *item, char separator,
    const char *const *needed, int (*row)(struct source *self, const struct csv *table))
{
    char path[SOURCE_PATH_BYTES];
    struct buf text = {0};
    struct csv *table = mem_new(1, sizeof *table);

    int rc = source_resolve(self, item, zconfig_value(item), path);
    if (rc == 0) {
        rc = fsio_read_all(path, SOURCE_TABLE_BYTES_MAX, &text);
        if (rc != 0) {
            zpl_complain(
                self->zpl, item, self->why, rc, "%.160s cannot be read: %s", path, err_text(rc));
        }
    }
    if (rc == 0) {
        rc = csv_open(table, path, separator, buf_slice(&text), self->why);
    }
    for (size_t i = 0; rc == 0 && needed[i] != NULL; i++) {
        if (!csv_has(table, needed[i])) {
            rc = csv_complain(table, self->why, E_CONFIG, "there is no column \"%s\"", needed[i]);
        }
    }
    while (rc == 0) {
        rc = csv_next(table, self->why);
        if (rc == 0) {
            rc = row(self, table);
        }
    }
    free(table);
    buf_free(&text);
    return rc == E_END ? 0 : rc;
}

/* ---- successions ---- */

/* "-" in the table: whoever follows has no code yet, so the register names nobody (data/register/SOURCES.md). */
static int read_successors(
    struct source *self, const struct csv *table, Waypost__Authority *authority)
{
    static const char comma[] = ",";
    char *at = source_text(self, csv_field(table, "successors"));

    if (strcmp(at, "-") == 0) {
        return 0;
    }
    authority->successors = source_new(self, REGISTER_SUCCESSORS_MAX, sizeof(char *));
    for (at += strspn(at, comma); *at != '\0'; at += strspn(at, comma)) {
        if (authority->n_successors == REGISTER_SUCCESSORS_MAX) {
            return csv_complain(table, self->why, E_RANGE, "there are more than %d successors",
                REGISTER_SUCCESSORS_MAX);
        }
        authority->successors[authority->n_successors++] = at;
        at += strcspn(at, comma);
        if (*at != '\0') {
            *at++ = '\0';
        }
    }
    return authority->n_successors > 0
        ? 0
        : csv_complain(table, self->why, E_CONFIG, "name the successors, or - where none is known");
}

/* What a superseded code shares with the first that follows it, and the day from which those count. */
static int join_successors(
    struct source *self, const struct csv *table, Waypost__Authority *authority, int32_t day)
{
    for (size_t i = 0; i < authority->n_successors; i++) {
        Waypost__Authority *successor = find(self, authority->successors[i]);
        if (successor == NULL) {
            return csv_complain(table, self->why, E_CODE,
                "the successor %.40s is not among the authorities before this row",
                authority->successors[i]);
        }
        successor->has_from_day = 1;
        successor->from_day = day;
        if (i == 0 && authority->region == NULL) {
            authority->region = successor->region;
            authority->region_code = successor->region_code;
        }
    }
    return 0;
}

static int read_succession(struct source *self, const struct csv *table)
{
    const char *code = csv_field(table, "code");
    Waypost__Authority *authority = find(self, code);
    int32_t day;

    if (civil_date_parse(csv_field(table, "from"), &day) != 0) {
        return csv_complain(table, self->why, E_DATE, "\"from\" must be a date, YYYY-MM-DD");
    }
    if (authority == NULL) {
        authority = add_row(self, table, code, csv_field(table, "name"));
        if (authority == NULL) {
            return self->why->rc;
        }
        authority->dfe = text_or_null(self, csv_field(table, "dfe"));
    }
    if (authority->has_until_day) {
        return csv_complain(table, self->why, E_CODE, "the code %s stands there twice", code);
    }
    authority->has_until_day = 1;
    authority->until_day = day;
    int rc = read_successors(self, table, authority);
    return rc != 0 ? rc : join_successors(self, table, authority, day);
}

/* ---- profiles ---- */

static int set_profile(
    struct source *self, const zpl_t *zpl, zconfig_t *item, const char *name, bool own)
{
    Waypost__Authority *authority = find(self, zconfig_name(item));

    if (authority == NULL) {
        return zpl_complain(zpl, item, self->why, E_CODE,
            "the authority \"%.40s\" is not in the tables that the source names",
            zconfig_name(item));
    }
    if (authority->profile != NULL && !own && strcmp(authority->profile, name) != 0) {
        return zpl_complain(zpl, item, self->why, E_CONFIG,
            "%s is a member of profile %s already; give it one in the source, under \"profile\"",
            authority->code, authority->profile);
    }
    authority->profile = source_text(self, name);
    return 0;
}

/* Members of a regional profile get it; the national one is for all, a bilateral one is chosen by each event. */
static int read_profile(struct source *self, const char *path)
{
    zpl_t *zpl = NULL;

    int rc = zpl_load(path, PROFILE_FILE_BYTES_MAX, &zpl, self->why);
    if (rc != 0) {
        return rc;
    }
    zconfig_t *head = zpl_child(zpl_root(zpl), "profile");
    zconfig_t *members = zpl_child(zpl_root(zpl), "members");
    const char *name = head == NULL ? "" : zpl_text(head, "name", "");
    if (name[0] == '\0' || strlen(name) > PROFILE_NAME_BYTES_MAX) {
        rc = complain(self->why, E_CONFIG, "%s is not a profile: it has no profile/name", path);
    } else if (strcmp(zpl_text(head, "level", ""), "regional") == 0 && members != NULL) {
        for (zconfig_t *item = zconfig_child(members); item != NULL && rc == 0;
             item = zconfig_next(item)) {
            if (strcmp(zconfig_name(item), "source") != 0) {
                rc = set_profile(self, zpl, item, name, false);
            }
        }
    }
    zpl_destroy(&zpl);
    return rc;
}

static int is_profile_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 4, ".zpl") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_profiles(struct source *self, zconfig_t *item)
{
    char folder[SOURCE_PATH_BYTES];
    char path[SOURCE_PATH_BYTES];
    struct dirent **entries = NULL;

    int rc = source_resolve(self, item, zconfig_value(item), folder);
    if (rc != 0) {
        return rc;
    }
    int count = scandir(folder, &entries, is_profile_file, by_name);
    if (count < 0 || count > PROFILE_FILES_MAX) {
        rc = zpl_complain(self->zpl, item, self->why, E_NOT_FOUND,
            "%.160s is not a folder of at most %d profiles", folder, PROFILE_FILES_MAX);
    }
    for (int i = 0; i < count && rc == 0; i++) {
        int len = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        rc = len < 0 || (size_t)len >= sizeof path
            ? zpl_complain(
                  self->zpl, item, self->why, E_RANGE, "the name of a profile's file is too long")
            : read_profile(self, path);
    }
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
    return rc;
}

/* ---- the whole ---- */

static int compare_authorities(const void *a, const void *b)
{
    return strcmp((*(Waypost__Authority *const *)a)->code, (*(Waypost__Authority *const *)b)->code);
}

int source_read_places(struct source *self)
{
    static const char *const authority_columns[] = {"gss_code", "name", NULL};
    static const char *const succession_columns[] = {"code", "name", "successors", "from", NULL};
    zconfig_t *root = zpl_root(self->zpl);
    zconfig_t *successions = zpl_child(root, "successions");
    zconfig_t *profiles = zpl_child(root, "profiles");
    zconfig_t *own = zpl_child(root, "profile");
    int rc = 0;

    for (zconfig_t *item = zconfig_child(root); item != NULL && rc == 0;
         item = zconfig_next(item)) {
        if (strcmp(zconfig_name(item), "authorities") == 0) {
            rc = read_table(self, item, ',', authority_columns, read_authority);
        }
    }
    if (rc == 0 && successions != NULL) {
        rc = read_table(self, successions, '\t', succession_columns, read_succession);
    }
    if (rc == 0 && profiles != NULL) {
        rc = read_profiles(self, profiles);
    }
    for (zconfig_t *item = own == NULL ? NULL : zconfig_child(own); item != NULL && rc == 0;
         item = zconfig_next(item)) {
        rc = set_profile(self, self->zpl, item, zconfig_value(item), true);
    }
    if (rc == 0 && self->message.n_authorities > 0) {
        qsort(self->message.authorities, self->message.n_authorities, sizeof(Waypost__Authority *),
            compare_authorities);
    }
    return rc;
}
