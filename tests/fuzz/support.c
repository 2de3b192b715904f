/*
 * support: see support.h. What cannot be set up ends the program by an assertion.
 */
#include "tests/fuzz/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/fsio.h"
#include "common/base/log.h"
#include "common/base/utf8.h"

#include "common/base/banned.h"

enum { FILES_MAX = 32, FILE_BYTES_MAX = 1000000 };

void fuzz_start(void)
{
    static bool started;

    if (!started) {
        crypto_start();
        log_init("fuzz", (enum log_level)(LOG_ERROR + 1)); /* what a target does wrong it asserts */
        started = true;
    }
}

static int64_t still_wall(void *context)
{
    (void)context;
    return FUZZ_NOW_MS;
}

static int64_t still_mono(void *context)
{
    (void)context;
    return 1000;
}

static void same_random(void *context, void *out, size_t len)
{
    struct fuzz_world *self = context;
    uint8_t *at = out;

    for (size_t i = 0; i < len; i++) {
        self->state = self->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        at[i] = (uint8_t)(self->state >> 56);
    }
}

void fuzz_world_init(struct fuzz_world *self, uint64_t seed)
{
    self->world = (struct world){still_wall, still_mono, same_random, self};
    self->state = seed;
}

char *fuzz_string(struct slice bytes)
{
    char *text = mem_new(bytes.len + 1, 1);

    if (bytes.len > 0) {
        memcpy(text, bytes.data, bytes.len);
    }
    return text;
}

void fuzz_answer(int rc, const struct complaint *why)
{
    assert(rc == 0 || strcmp(err_name(rc), "E_UNKNOWN") != 0);
    size_t len = strnlen(why->text, sizeof why->text);
    assert(len < sizeof why->text);
    if (rc == 0 || why->rc == 0) {
        return;
    }
    assert(len > 0);
    for (size_t i = 0; i < len; i++) {
        assert((unsigned char)why->text[i] >= 0x20 && why->text[i] != 0x7f);
    }
    assert(utf8_valid(slice_of(why->text, len)));
}

void fuzz_keys_make(const char *id, uint64_t seed, struct keys *out)
{
    struct fuzz_world world;

    fuzz_world_init(&world, seed);
    keys_make(&world.world, id, out);
}

uint8_t fuzz_u8(struct fuzz_input *self)
{
    struct slice byte = fuzz_bytes(self, 1);

    return byte.len == 0 ? 0 : byte.data[0];
}

uint16_t fuzz_u16(struct fuzz_input *self)
{
    uint8_t low = fuzz_u8(self);

    return (uint16_t)(low | fuzz_u8(self) << 8);
}

struct slice fuzz_bytes(struct fuzz_input *self, size_t len)
{
    size_t got = len < self->rest.len ? len : self->rest.len;
    struct slice bytes = slice_of(self->rest.data, got);

    if (got > 0) {
        self->rest = slice_of(self->rest.data + got, self->rest.len - got);
    }
    return bytes;
}

struct slice fuzz_line(struct fuzz_input *self)
{
    const uint8_t *end = self->rest.len == 0 ? NULL : memchr(self->rest.data, '\n', self->rest.len);

    if (end == NULL) {
        return fuzz_bytes(self, self->rest.len);
    }
    struct slice line = fuzz_bytes(self, (size_t)(end - self->rest.data));
    (void)fuzz_u8(self);
    return line;
}

struct slice fuzz_file(const char *path)
{
    static struct {
        const char *path;
        struct buf bytes;
    } files[FILES_MAX];
    size_t i = 0;

    while (files[i].path != NULL && strcmp(files[i].path, path) != 0) {
        i++;
        assert(i < FILES_MAX);
    }
    if (files[i].path == NULL) {
        int rc = fsio_read_all(path, FILE_BYTES_MAX, &files[i].bytes);
        if (rc != 0) {
            (void)fprintf(stderr, "%s: %s; run it in the project's folder\n", path, err_text(rc));
        }
        assert(rc == 0);
        files[i].path = path;
    }
    return buf_slice(&files[i].bytes);
}
