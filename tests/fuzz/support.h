/*
 * support: what the fuzz targets share: start-up, a world without chance, texts, and what every complaint must be.
 */
#ifndef WAYPOST_TESTS_FUZZ_SUPPORT_H
#define WAYPOST_TESTS_FUZZ_SUPPORT_H

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/world.h"
#include "common/codec/frame.h"
#include "common/crypto/keys.h"
#include "tests/fuzz/targets.h"

/* 2026-03-16T10:05:00Z: the time of every world here. */
#define FUZZ_NOW_MS INT64_C(1773655500000)

/* Once for a process, called by every target: crypto is started, the log says errors alone. */
void fuzz_start(void);

/* Times stand still, and the random bytes are the same in every run: what `seed` gives. */
struct fuzz_world {
    struct world world;
    uint64_t state;
};
void fuzz_world_init(struct fuzz_world *self, uint64_t seed);

/* A copy with a terminator, in memory of exactly that size; free(). */
char *fuzz_string(struct slice bytes);

/*
 * rc is 0 or one of err.h; a complaint that was filled in is one sentence of valid UTF-8 without control characters.
 * Anything else is a finding.
 */
void fuzz_answer(int rc, const struct complaint *why);

/* Keys that are the same in every run. */
void fuzz_keys_make(const char *id, uint64_t seed, struct keys *out);

/* Takes fields off the front of an input; what is missing is 0 or empty. */
struct fuzz_input {
    struct slice rest;
};
uint8_t fuzz_u8(struct fuzz_input *self);
uint16_t fuzz_u16(struct fuzz_input *self);
struct slice fuzz_bytes(struct fuzz_input *self, size_t len); /* at most len, lent */
struct slice fuzz_line(struct fuzz_input *self); /* up to a newline, which is passed over */

/*
 * Read a file of the project (data/...), for good. The tests run in the project's folder; libFuzzer too.
 */
struct slice fuzz_file(const char *path);

#endif
