/* procedure_files: see procedure_files.h. Faults are returned with the file's path. */
#include "broker/net/procedure_files.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/net/limits.h"
#include "common/base/fsio.h"
#include "common/codec/frame.h"

#include "common/base/banned.h"

#ifndef WAYPOST_DATA_DIR
#define WAYPOST_DATA_DIR "data"
#endif

enum { NAME_BYTES_MAX = 300 };

static const char *const tables[] = {"procedures/clocks.tsv", "procedures/kinds.tsv",
    "procedures/rules.tsv", "procedures/system-kinds.tsv", "register/authorities.csv",
    "register/bank-holidays.json", "register/successions.tsv"};

enum { TABLES = sizeof tables / sizeof tables[0], FILES_MAX = TABLES + NET_PROFILES_MAX };

struct file_set {
    char names[FILES_MAX][NAME_BYTES_MAX];
    struct buf bytes[FILES_MAX];
    size_t count;
};

const char *procedure_files_folder(void)
{
    const char *folder = getenv("WAYPOST_DATA");

    if (folder != NULL && folder[0] != '\0') {
        return folder;
    }
    bool installed = access(WAYPOST_DATA_DIR "/procedures/kinds.tsv", R_OK) == 0;
    return installed ? WAYPOST_DATA_DIR : "data";
}

static int file_read(
    struct file_set *set, const char *folder, const char *name, struct complaint *why)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);

    if (set->count == FILES_MAX) {
        return complain(
            why, E_FULL, "%s/profiles: more than %d profiles", folder, NET_PROFILES_MAX);
    }
    if (len < 0 || (size_t)len >= sizeof path || strlen(name) >= NAME_BYTES_MAX) {
        return complain(why, E_RANGE, "%.80s: the path is too long", name);
    }
    int rc = fsio_read_all(path, NET_TABLE_BYTES_MAX, &set->bytes[set->count]);
    if (rc != 0) {
        return complain(why, rc,
            "%s: %s; set procedures to the folder of the shipped data, or to none", path,
            err_text(rc));
    }
    (void)snprintf(set->names[set->count++], NAME_BYTES_MAX, "%s", name);
    return 0;
}

static int is_profile(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".zpl") == 0;
}

/* By bytes, so that no locale changes the order. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int profiles_read(struct file_set *set, const char *folder, struct complaint *why)
{
    char path[PATH_MAX];
    char name[NAME_BYTES_MAX];
    struct dirent **entries = NULL;
    int len = snprintf(path, sizeof path, "%s/profiles", folder);
    int rc = 0;

    if (len < 0 || (size_t)len >= sizeof path) {
        return complain(why, E_RANGE, "%.80s: the path is too long", folder);
    }
    int count = scandir(path, &entries, is_profile, by_name);
    if (count < 0) {
        return complain(why, E_NOT_FOUND,
            "%s: there is no such folder of profiles; set procedures to the shipped data", path);
    }
    for (int i = 0; i < count; i++) {
        if (rc == 0) {
            (void)snprintf(name, sizeof name, "profiles/%s", entries[i]->d_name);
            rc = file_read(set, folder, name, why);
        }
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static void set_encode(struct file_set *set, struct buf *out)
{
    Waypost__ProcedureFiles message = WAYPOST__PROCEDURE_FILES__INIT;
    Waypost__NamedFile files[FILES_MAX];
    Waypost__NamedFile *list[FILES_MAX];

    for (size_t i = 0; i < set->count; i++) {
        waypost__named_file__init(&files[i]);
        files[i].name = set->names[i];
        files[i].bytes = (ProtobufCBinaryData){set->bytes[i].len, set->bytes[i].data};
        list[i] = &files[i];
    }
    message.n_files = set->count;
    message.files = list;
    message_encode(&message.base, out);
}

/* Profiles stand between procedures/ and register/ by their paths. */
int procedure_files_read(const char *folder, struct buf *out, struct complaint *why)
{
    struct file_set *set = mem_new(1, sizeof *set);
    bool profiles_done = false;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < TABLES; i++) {
        if (!profiles_done && strncmp(tables[i], "register/", 9) == 0) {
            rc = profiles_read(set, folder, why);
            profiles_done = true;
        }
        rc = rc == 0 ? file_read(set, folder, tables[i], why) : rc;
    }
    if (rc == 0) {
        set_encode(set, out);
    }
    for (size_t i = 0; i < FILES_MAX; i++) {
        buf_free(&set->bytes[i]);
    }
    free(set);
    return rc;
}
