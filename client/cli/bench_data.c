/*
 * bench_data: the data folder of a network for measuring: what is shipped, and among the authorities its own agents.
 * Faults are returned with the file.
 */
#include <string.h>

#include "client/cli/bench.h"
#include "common/base/fsio.h"
#include "common/procedure/folder.h"
#include "common/base/banned.h"

enum { NAME_BYTES = 128 };

static const char authorities[] = "register/authorities.csv";

static int write_file(
    const struct bench_net *self, const char *name, struct slice bytes, struct complaint *why)
{
    char path[BENCH_PATH_BYTES + NAME_BYTES];
    snprintf(path, sizeof path, "%s/data/%s", self->dir, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int rc = fsio_make_dir(path);
    *slash = '/';
    rc = rc == 0 ? fsio_replace(path, bytes, 0644) : rc;
    return rc == 0 ? 0 : complain(why, rc, "%s cannot be written: %s", path, err_text(rc));
}

/* Rows as of the shipped file: code, DfE number, name, region and its code, kind. */
static int write_authorities(
    const struct bench_net *self, struct slice shipped, struct complaint *why)
{
    struct buf rows = {0};
    buf_put_slice(&rows, shipped);
    for (size_t i = 0; i < self->agent_count; i++) {
        const char *code = self->agents[i].code;
        buf_put_text(&rows, "%s,,%s,North East,E12000001,unitary\n", code, code);
    }
    int rc = write_file(self, authorities, buf_slice(&rows), why);
    buf_free(&rows);
    return rc;
}

int bench_data_write(const struct bench_net *self, struct complaint *why)
{
    procedures_folder_t *folder = NULL;
    const char *name;
    struct slice bytes;
    char path[BENCH_PATH_BYTES + NAME_BYTES];
    snprintf(path, sizeof path, "%s/data", self->dir);
    int rc = procedures_folder_read(procedures_folder_default(), &folder, why);
    if (rc != 0) {
        return rc;
    }
    rc = fsio_make_dir(path);
    for (size_t i = 0; rc == 0 && procedures_folder_file(folder, i, &name, &bytes); i++) {
        rc = strcmp(name, authorities) == 0 ? write_authorities(self, bytes, why)
                                            : write_file(self, name, bytes, why);
    }
    procedures_folder_destroy(&folder);
    return rc;
}
