/* folder: see folder.h. A file that is missing or too large is a complaint with its path. */
#include "common/procedure/folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fsio.h"

#include "common/base/banned.h"

#ifndef WAYPOST_DATA_DIR
#define WAYPOST_DATA_DIR "/usr/local/share/waypost"
#endif

enum { FOLDER_PROFILES_MAX = 64, FOLDER_FILE_BYTES_MAX = 4194304, FOLDER_PATH_BYTES = 4096 };

/* In the order of their paths; profiles stand between the two folders. */
enum {
    FILE_CLOCKS,
    FILE_KINDS,
    FILE_RULES,
    FILE_SYSTEM_KINDS,
    FILE_AUTHORITIES,
    FILE_HOLIDAYS,
    FILE_SUCCESSIONS,
    FILES,
    FIRST_REGISTER = FILE_AUTHORITIES
};

static const char *const names[FILES] = {
    [FILE_KINDS] = "procedures/kinds.tsv",
    [FILE_CLOCKS] = "procedures/clocks.tsv",
    [FILE_RULES] = "procedures/rules.tsv",
    [FILE_SYSTEM_KINDS] = "procedures/system-kinds.tsv",
    [FILE_HOLIDAYS] = "register/bank-holidays.json",
    [FILE_AUTHORITIES] = "register/authorities.csv",
    [FILE_SUCCESSIONS] = "register/successions.tsv",
};

struct procedures_folder {
    struct buf files[FILES];
    size_t profile_count;
    char *profile_paths[FOLDER_PROFILES_MAX];       /* owned: "profiles/london.zpl" */
    const char *profile_names[FOLDER_PROFILES_MAX]; /* inside them: "london.zpl" */
    struct buf profiles[FOLDER_PROFILES_MAX];
    struct slice profile_slices[FOLDER_PROFILES_MAX];
    struct procedures_source source;
};

static int read_one(const char *folder, const char *name, struct buf *out, struct complaint *why)
{
    char path[FOLDER_PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);

    if (len < 0 || (size_t)len >= sizeof path) {
        return complain(why, E_RANGE, "%.200s: the path is too long", folder);
    }
    int rc = fsio_read_all(path, FOLDER_FILE_BYTES_MAX, out);
    return rc == 0 ? 0
                   : complain(why, rc,
                         "%.200s: %s; set procedures to the folder of the shipped data, or to none",
                         path, err_text(rc));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_profile(const char *name)
{
    size_t len = strlen(name);

    return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".zpl") == 0;
}

static int list_profiles(const char *folder, procedures_folder_t *self, struct complaint *why)
{
    char path[FOLDER_PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/profiles", folder);

    DIR *dir = len < 0 || (size_t)len >= sizeof path ? NULL : opendir(path);
    if (dir == NULL) {
        return complain(why, E_NOT_FOUND,
            "%.200s/profiles: no such folder of profiles; set procedures to the shipped data",
            folder);
    }
    int rc = 0;
    for (const struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;) {
        if (!is_profile(entry->d_name)) {
            continue;
        }
        if (self->profile_count == FOLDER_PROFILES_MAX) {
            rc = complain(why, E_RANGE, "%.200s: more than %d profiles", path, FOLDER_PROFILES_MAX);
        } else {
            struct buf name = {0};
            buf_put_text(&name, "profiles/%s", entry->d_name);
            buf_put_u8(&name, 0);
            self->profile_paths[self->profile_count++] = (char *)name.data; /* taken */
        }
    }
    (void)closedir(dir);
    qsort(self->profile_paths, self->profile_count, sizeof *self->profile_paths, by_text);
    return rc;
}

static int read_profiles(const char *folder, procedures_folder_t *self, struct complaint *why)
{
    int rc = list_profiles(folder, self, why);

    for (size_t i = 0; rc == 0 && i < self->profile_count; i++) {
        rc = read_one(folder, self->profile_paths[i], &self->profiles[i], why);
        self->profile_names[i] = strchr(self->profile_paths[i], '/') + 1;
        self->profile_slices[i] = buf_slice(&self->profiles[i]);
    }
    return rc;
}

int procedures_folder_read(const char *path, procedures_folder_t **out, struct complaint *why)
{
    procedures_folder_t *self = mem_new(1, sizeof *self);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < FILES; i++) {
        rc = read_one(path, names[i], &self->files[i], why);
    }
    if (rc == 0) {
        rc = read_profiles(path, self, why);
    }
    if (rc != 0) {
        procedures_folder_destroy(&self);
        return rc;
    }
    self->source = (struct procedures_source){
        .kinds = buf_slice(&self->files[FILE_KINDS]),
        .clocks = buf_slice(&self->files[FILE_CLOCKS]),
        .rules = buf_slice(&self->files[FILE_RULES]),
        .system_kinds = buf_slice(&self->files[FILE_SYSTEM_KINDS]),
        .bank_holidays = buf_slice(&self->files[FILE_HOLIDAYS]),
        .authorities = buf_slice(&self->files[FILE_AUTHORITIES]),
        .successions = buf_slice(&self->files[FILE_SUCCESSIONS]),
        .profile_count = self->profile_count,
        .profiles = self->profile_slices,
        .profile_names = self->profile_names,
    };
    *out = self;
    return 0;
}

void procedures_folder_destroy(procedures_folder_t **self_p)
{
    procedures_folder_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < FILES; i++) {
        buf_free(&self->files[i]);
    }
    for (size_t i = 0; i < self->profile_count; i++) {
        buf_free(&self->profiles[i]);
        free(self->profile_paths[i]);
    }
    free(self);
    *self_p = NULL;
}

/* procedures/ stand before profiles/, these before register/. */
bool procedures_folder_file(
    const procedures_folder_t *self, size_t index, const char **path, struct slice *bytes)
{
    if (index >= FILES + self->profile_count) {
        return false;
    }
    if (index >= FIRST_REGISTER && index < FIRST_REGISTER + self->profile_count) {
        *path = self->profile_paths[index - FIRST_REGISTER];
        *bytes = self->profile_slices[index - FIRST_REGISTER];
        return true;
    }
    size_t file = index < FIRST_REGISTER ? index : index - self->profile_count;
    *path = names[file];
    *bytes = buf_slice(&self->files[file]);
    return true;
}

const struct procedures_source *procedures_folder_source(const procedures_folder_t *self)
{
    return &self->source;
}

int procedures_folder_load(const char *path, procedures_t **out, struct complaint *why)
{
    procedures_folder_t *folder = NULL;

    int rc = procedures_folder_read(path, &folder, why);
    if (rc == 0) {
        rc = procedures_load(procedures_folder_source(folder), out, why);
    }
    procedures_folder_destroy(&folder);
    return rc;
}

static bool has_tables(const char *folder)
{
    struct buf bytes = {0};
    int rc = read_one(folder, names[FILE_KINDS], &bytes, NULL);

    buf_free(&bytes);
    return rc == 0;
}

const char *procedures_folder_default(void)
{
    const char *named = getenv("WAYPOST_DATA");

    if (named != NULL && named[0] != '\0') {
        return named;
    }
    return has_tables(WAYPOST_DATA_DIR) ? WAYPOST_DATA_DIR : "data";
}
