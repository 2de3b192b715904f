/*
 * placement: see placement.h. Failures are returned.
 *
 * A ready-file was written over whatever was there, and removed at the end: one wrong line took the secret keys with it.
 */
#include "common/base/placement.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "common/base/fsio.h"

#include "common/base/banned.h"

enum { READY_BYTES_MAX = 4096 }; /* above any list of endpoints */

static int stands_there(const char *option, const char *path, struct complaint *why)
{
    return complain(why, E_CONFIG,
        "%s: something else stands at %s already; name a path that is free", option, path);
}

int placement_socket(const char *option, const char *path, struct complaint *why)
{
    struct stat info;

    return lstat(path, &info) != 0 || S_ISSOCK(info.st_mode) ? 0 : stands_there(option, path, why);
}

/* Printable words alone, one a line: no configuration, key, card or register looks like it. */
static bool is_word_a_line(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '\n' && (text.data[i] <= ' ' || text.data[i] == 0x7f)) {
            return false;
        }
    }
    return true;
}

int placement_ready_file(const char *option, const char *path, struct complaint *why)
{
    struct buf text = {0};
    struct stat info;

    if (lstat(path, &info) != 0) {
        return 0;
    }
    bool ours = S_ISREG(info.st_mode) && fsio_read_all(path, READY_BYTES_MAX, &text) == 0 &&
        is_word_a_line(buf_slice(&text));
    buf_free(&text);
    return ours ? 0 : stands_there(option, path, why);
}

int placement_program(const char *option, const char *path, struct complaint *why)
{
    struct stat info;

    if (stat(path, &info) != 0 || access(path, X_OK) != 0) {
        return complain(why, E_CONFIG, "%s: %s cannot be run: %s", option, path, strerror(errno));
    }
    return S_ISREG(info.st_mode)
        ? 0
        : complain(why, E_CONFIG, "%s: %s cannot be run: it is no file", option, path);
}
