/*
 * scratch: see scratch.h. A file a piece: it is gone with its mapping, holds no descriptor, and needs no book of what is
 * free in it. Its blocks are had before it is mapped, since a full disk would be a SIGBUS later.
 */
#define _GNU_SOURCE /* O_TMPFILE */
#include "common/base/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "common/base/log.h"

#include "common/base/banned.h"

struct scratch {
    struct backing backing;
    char *directory; /* owned */
    atomic_uint_least64_t bytes;
    atomic_bool told; /* that a piece could not be had from the disk */
};

/* MAP_FAILED with errno. */
static void *map_file(const scratch_t *self, size_t bytes)
{
    int fd = open(self->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    void *memory = MAP_FAILED;

    if (fd < 0) {
        return MAP_FAILED;
    }
    int rc = posix_fallocate(fd, 0, (off_t)bytes);
    if (rc == 0) {
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    } else {
        errno = rc;
    }
    int saved = errno;
    (void)close(fd); /* the mapping holds the file */
    errno = saved;
    return memory;
}

/* In front of each piece that is mapped. */
struct head {
    bool in_file;
};
enum { HEAD_BYTES = 64 }; /* keeps what follows on a line of the cache */

static void *map_piece(scratch_t *self, size_t bytes)
{
    struct head *head = map_file(self, bytes);

    if (head != MAP_FAILED) {
        head->in_file = true;
        atomic_fetch_add(&self->bytes, bytes);
        return head;
    }
    if (!atomic_exchange(&self->told, true)) {
        log_warn("%s has no room for a scratch file of %zu bytes; what would lie there stays in "
                 "memory",
            self->directory, bytes);
    }
    head = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (head == MAP_FAILED) {
        mem_ended(bytes);
    }
    return head;
}

static void *take(void *context, size_t bytes)
{
    if (bytes < SCRATCH_PIECE_MIN) {
        return mem_new(bytes, 1);
    }
    return (uint8_t *)map_piece(context, HEAD_BYTES + bytes) + HEAD_BYTES;
}

static void give(void *context, void *memory, size_t bytes)
{
    scratch_t *self = context;

    if (bytes < SCRATCH_PIECE_MIN) {
        free(memory);
        return;
    }
    struct head *head = (void *)((uint8_t *)memory - HEAD_BYTES);
    if (head->in_file) {
        atomic_fetch_sub(&self->bytes, HEAD_BYTES + bytes);
    }
    (void)munmap(head, HEAD_BYTES + bytes);
}

scratch_t *scratch_new(const char *directory)
{
    scratch_t *self = mem_new(1, sizeof *self);

    self->backing = (struct backing){.context = self, .take = take, .give = give};
    self->directory = mem_text(directory);
    return self;
}

void scratch_destroy(scratch_t **self_p)
{
    if (*self_p != NULL) {
        free((*self_p)->directory);
        free(*self_p);
        *self_p = NULL;
    }
}

const struct backing *scratch_backing(const scratch_t *self)
{
    return &self->backing;
}

uint64_t scratch_bytes(const scratch_t *self)
{
    return atomic_load(&self->bytes);
}

/* ---- a page that does not come back ---- */

static void explain(int number)
{
    static const char line[] =
        "a page of a scratch file could not be read or written (SIGBUS): look at the disk; nothing "
        "that was accepted is lost, start the program again\n";
    ssize_t told = write(STDERR_FILENO, line, sizeof line - 1);

    (void)told;          /* it ends either way */
    (void)raise(number); /* as it would have: the handler was for once */
}

void scratch_explain(void)
{
    struct sigaction action = {.sa_handler = explain, .sa_flags = (int)SA_RESETHAND};

    (void)sigaction(SIGBUS, &action, NULL);
}
