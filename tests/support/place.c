/* place: see place.h. */
#include "tests/support/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/check.h"

#include "common/base/banned.h"

static void place_name(char out[PLACE_BYTES])
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(out, PLACE_BYTES, "%s/wpt.XXXXXX", base == NULL ? "/tmp" : base);

    assert(len > 0 && len < PLACE_BYTES);
}

void place_folder(char out[PLACE_BYTES])
{
    place_name(out);
    const char *made = mkdtemp(out);
    assert(made != NULL);
}

void place_file(char out[PLACE_BYTES])
{
    place_name(out);
    int fd = mkstemp(out);
    assert(fd >= 0);
    (void)close(fd);
}

void place_remove_database(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[PLACE_BYTES + 8];
        (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}
