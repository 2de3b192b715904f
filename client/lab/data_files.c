/*
 * data_files: see data_files.h. A file that is missing, too large or malformed is returned with its
 * path in the complaint; nothing is kept then.
 */
#include "client/lab/data_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/lab/limits.h"
#include "client/lab/shelf.h"
#include "common/base/check.h"
#include "common/base/fsio.h"
#include "common/base/words.h"
#include "common/codec/frame.h"
#include "common/register/csv.h"

#include "common/base/banned.h"

enum table_file {
    FILE_KINDS,
    FILE_CLOCKS,
    FILE_RULES,
    FILE_SYSTEM_KINDS,
    FILE_FACTS,
    FILE_HOLIDAYS,
    FILE_AUTHORITIES,
    FILE_SUCCESSIONS,
    FILE_COUNT
};

static const char *const file_paths[FILE_COUNT] = {
    [FILE_KINDS] = "procedures/kinds.tsv",
    [FILE_CLOCKS] = "procedures/clocks.tsv",
    [FILE_RULES] = "procedures/rules.tsv",
    [FILE_SYSTEM_KINDS] = "procedures/system-kinds.tsv",
    [FILE_FACTS] = "procedures/facts.tsv",
    [FILE_HOLIDAYS] = "register/bank-holidays.json",
    [FILE_AUTHORITIES] = "register/authorities.csv",
    [FILE_SUCCESSIONS] = "register/successions.tsv",
};

enum { PATH_BYTES = 4096, SYSTEM_FACTS_MAX = 16 };

struct system_kind {
    char *name;                        /* owned */
    char *title;                       /* owned */
    char *facts[SYSTEM_FACTS_MAX + 1]; /* owned; ended by NULL */
};

struct authority {
    char code[10];
    char *name; /* owned */
};

struct data_files {
    struct buf files[FILE_COUNT];
    size_t profile_count;
    struct buf profiles[DATA_PROFILES_MAX];
    char *profile_files[DATA_PROFILES_MAX]; /* owned: "london.zpl" */
    size_t code_count;
    struct authority *authorities; /* owned */
    size_t system_count;
    struct system_kind *system_kinds; /* owned */
};

void data_files_destroy(data_files_t **self_p)
{
    assert(self_p != NULL);
    data_files_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < FILE_COUNT; i++) {
        buf_free(&self->files[i]);
    }
    for (size_t i = 0; i < self->profile_count; i++) {
        buf_free(&self->profiles[i]);
        free(self->profile_files[i]);
    }
    for (size_t i = 0; i < self->system_count; i++) {
        free(self->system_kinds[i].name);
        free(self->system_kinds[i].title);
        for (char **fact = self->system_kinds[i].facts; *fact != NULL; fact++) {
            free(*fact);
        }
    }
    for (size_t i = 0; i < self->code_count; i++) {
        free(self->authorities[i].name);
    }
    free(self->system_kinds);
    free(self->authorities);
    free(self);
    *self_p = NULL;
}

/* ---- reading ---- */

static int read_file(const char *folder, const char *name, struct buf *out, struct complaint *why)
{
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);

    if (len < 0 || (size_t)len >= sizeof path) {
        return complain(why, E_RANGE, "%s: the path is too long", name);
    }
    int rc = fsio_read_all(path, DATA_FILE_BYTES_MAX, out);
    if (rc != 0) {
        return complain(why, rc,
            "%s: %s; set WAYPOST_DATA to the folder of the data that is shipped", path,
            err_text(rc));
    }
    return 0;
}

static int is_profile(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".zpl") == 0;
}

/* In the order of their names, so that every machine loads them alike. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_profile(
    data_files_t *self, const char *folder, const char *file, struct complaint *why)
{
    size_t index = self->profile_count;

    if (index == DATA_PROFILES_MAX) {
        return complain(
            why, E_FULL, "%s/profiles: more than %d profiles", folder, DATA_PROFILES_MAX);
    }
    char name[PATH_BYTES];
    int len = snprintf(name, sizeof name, "profiles/%s", file);
    if (len < 0 || (size_t)len >= sizeof name) {
        return complain(why, E_RANGE, "%s: the name is too long", file);
    }
    self->profile_files[index] = mem_text(file);
    self->profile_count++;
    return read_file(folder, name, &self->profiles[index], why);
}

static int read_profiles(data_files_t *self, const char *folder, struct complaint *why)
{
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/profiles", folder);
    struct dirent **entries = NULL;

    if (len < 0 || (size_t)len >= sizeof path) {
        return complain(why, E_RANGE, "%s: the path is too long", folder);
    }
    int count = scandir(path, &entries, is_profile, by_name);
    if (count < 0) {
        return complain(why, E_NOT_FOUND, "%s: there is no such folder of profiles", path);
    }
    int rc = 0;
    for (int i = 0; i < count; i++) {
        if (rc == 0) {
            rc = read_profile(self, folder, entries[i]->d_name, why);
        }
        free(entries[i]);
    }
    free(entries);
    return rc;
}

/* ---- words ---- */

static void code_add(data_files_t *self, const char *code, const char *name)
{
    if (strlen(code) != 9) {
        return;
    }
    self->authorities =
        mem_resize(self->authorities, self->code_count + 1, sizeof *self->authorities);
    struct authority *made = &self->authorities[self->code_count++];
    memcpy(made->code, code, sizeof made->code);
    made->name = mem_text(name);
}

static int read_codes(data_files_t *self, enum table_file file, char separator, const char *heading,
    struct complaint *why)
{
    struct csv csv;
    int rc = csv_open(&csv, file_paths[file], separator, buf_slice(&self->files[file]), why);

    while (rc == 0) {
        rc = csv_next(&csv, why);
        if (rc == 0) {
            code_add(self, csv_field(&csv, heading), csv_field(&csv, "name"));
        }
    }
    return rc == E_END ? 0 : rc;
}

/* "event or clock,rule" holds the words event, clock and rule; "-" holds none. */
static void facts_add(struct system_kind *kind, const char *cell)
{
    size_t count = 0;

    while (kind->facts[count] != NULL) {
        count++;
    }
    for (const char *at = cell; *at != '\0';) {
        size_t len = strcspn(at, ", ");
        bool word = len > 0 && !(len == 2 && memcmp(at, "or", 2) == 0) && *at != '-';
        if (word && count < SYSTEM_FACTS_MAX) {
            char *text = mem_new(len + 1, 1);
            memcpy(text, at, len);
            kind->facts[count++] = text;
        }
        at += len + strspn(at + len, ", ");
    }
}

static int read_system_kinds(data_files_t *self, struct complaint *why)
{
    struct tsv table;
    int rc = procedures_system_kinds_read(buf_slice(&self->files[FILE_SYSTEM_KINDS]), &table, why);

    if (rc != 0) {
        return rc;
    }
    self->system_kinds = mem_new(table.row_count + 1, sizeof *self->system_kinds);
    self->system_count = table.row_count;
    for (size_t row = 0; row < table.row_count; row++) {
        self->system_kinds[row].name = mem_text(tsv_cell(&table, row, SYSTEM_KIND_NAME));
        self->system_kinds[row].title = mem_text(tsv_cell(&table, row, SYSTEM_KIND_TITLE));
        facts_add(&self->system_kinds[row], tsv_cell(&table, row, SYSTEM_KIND_FACTS));
        facts_add(&self->system_kinds[row], tsv_cell(&table, row, SYSTEM_KIND_OPTIONAL_FACTS));
    }
    tsv_free(&table);
    return 0;
}

int data_files_open(const char *folder, data_files_t **out, struct complaint *why)
{
    data_files_t *self = mem_new(1, sizeof *self);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < FILE_COUNT; i++) {
        rc = read_file(folder, file_paths[i], &self->files[i], why);
    }
    rc = rc == 0 ? read_profiles(self, folder, why) : rc;
    rc = rc == 0 ? read_codes(self, FILE_AUTHORITIES, ',', "gss_code", why) : rc;
    rc = rc == 0 ? read_codes(self, FILE_SUCCESSIONS, '\t', "code", why) : rc;
    rc = rc == 0 ? read_system_kinds(self, why) : rc;
    rc = rc == 0 ? procedures_facts_check(buf_slice(&self->files[FILE_FACTS]), "facts.tsv", why)
                 : rc;
    if (rc != 0) {
        data_files_destroy(&self);
        return rc;
    }
    *out = self;
    return 0;
}

int data_files_procedures(const data_files_t *self, procedures_t **out, struct complaint *why)
{
    struct slice profiles[DATA_PROFILES_MAX];
    const char *names[DATA_PROFILES_MAX];

    for (size_t i = 0; i < self->profile_count; i++) {
        profiles[i] = buf_slice(&self->profiles[i]);
        names[i] = self->profile_files[i];
    }
    const struct procedures_source source = {
        .kinds = buf_slice(&self->files[FILE_KINDS]),
        .clocks = buf_slice(&self->files[FILE_CLOCKS]),
        .rules = buf_slice(&self->files[FILE_RULES]),
        .system_kinds = buf_slice(&self->files[FILE_SYSTEM_KINDS]),
        .profile_count = self->profile_count,
        .profiles = profiles,
        .profile_names = names,
        .bank_holidays = buf_slice(&self->files[FILE_HOLIDAYS]),
        .authorities = buf_slice(&self->files[FILE_AUTHORITIES]),
        .successions = buf_slice(&self->files[FILE_SUCCESSIONS]),
    };
    return procedures_load(&source, out, why);
}

const char *data_files_code(const data_files_t *self, size_t index)
{
    return index < self->code_count ? self->authorities[index].code : NULL;
}

const char *data_files_name(const data_files_t *self, const char *code)
{
    for (size_t i = 0; i < self->code_count; i++) {
        if (strcmp(self->authorities[i].code, code) == 0) {
            return self->authorities[i].name;
        }
    }
    return code;
}

struct slice data_files_profile_text(const data_files_t *self, const char *file)
{
    for (size_t i = 0; i < self->profile_count; i++) {
        if (strcmp(self->profile_files[i], file) == 0) {
            return buf_slice(&self->profiles[i]);
        }
    }
    return slice_of(NULL, 0);
}

int data_files_system_kind(const data_files_t *self, const char *name)
{
    for (size_t i = 0; i < self->system_count; i++) {
        if (strcmp(self->system_kinds[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *data_files_system_kind_name(const data_files_t *self, size_t row)
{
    return row < self->system_count ? self->system_kinds[row].name : NULL;
}

const char *data_files_system_title(const data_files_t *self, const char *kind)
{
    int row = data_files_system_kind(self, kind);

    return row >= 0 ? self->system_kinds[row].title : kind;
}

const char *data_files_system_fact(const data_files_t *self, int row, size_t index)
{
    assert(row >= 0 && (size_t)row < self->system_count);
    for (size_t i = 0; i <= index; i++) {
        if (self->system_kinds[row].facts[i] == NULL) {
            return NULL;
        }
    }
    return self->system_kinds[row].facts[index];
}

struct slice data_files_table(const data_files_t *self, const char *name)
{
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (strcmp(strchr(file_paths[i], '/') + 1, name) == 0) {
            return buf_slice(&self->files[i]);
        }
    }
    return slice_of(NULL, 0);
}

static void message_add(
    Waypost__ProcedureFiles *message, Waypost__NamedFile *file, char *name, const struct buf *bytes)
{
    waypost__named_file__init(file);
    file->name = name;
    file->bytes = (ProtobufCBinaryData){bytes->len, bytes->data};
    message->files[message->n_files++] = file;
}

void data_files_message(const data_files_t *self, struct buf *out)
{
    Waypost__ProcedureFiles message = WAYPOST__PROCEDURE_FILES__INIT;
    Waypost__NamedFile files[FILE_COUNT + DATA_PROFILES_MAX];
    Waypost__NamedFile *list[FILE_COUNT + DATA_PROFILES_MAX];
    shelf_t *shelf = shelf_new();

    message.files = list;
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (i != FILE_FACTS) { /* describes the catalogue, which is compiled in */
            message_add(&message, &files[message.n_files], (char *)(uintptr_t)file_paths[i],
                &self->files[i]);
        }
    }
    for (size_t i = 0; i < self->profile_count; i++) {
        char path[PATH_BYTES];
        int len = snprintf(path, sizeof path, "profiles/%s", self->profile_files[i]);
        assert(len > 0 && (size_t)len < sizeof path);
        message_add(&message, &files[message.n_files],
            (char *)(uintptr_t)shelf_text(shelf, path, (size_t)len), &self->profiles[i]);
    }
    message_encode(&message.base, out);
    shelf_destroy(&shelf);
}
