/* stage_clock: the file in which a test keeps its clock. Failures: NULL with errno. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/stage/world_driven.h"

#include "common/base/banned.h"

struct stage_clock *stage_clock_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return NULL;
    }
    if (ftruncate(fd, (off_t)sizeof(struct stage_clock)) != 0) {
        (void)close(fd);
        return NULL;
    }
    void *mapped =
        mmap(NULL, sizeof(struct stage_clock), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    return mapped == MAP_FAILED ? NULL : mapped;
}
