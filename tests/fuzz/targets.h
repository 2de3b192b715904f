/*
 * targets: every decoder of the project with the bytes of one input of its own, one function each.
 *
 * fuzz_NAME() stands in fuzz_NAME.c. `make fuzz` builds each into a libFuzzer program of its own (entry.c); `make test`
 * links them all into one and replays corpus/NAME/ (tests/unit/test_corpora.c). A target never keeps anything from one
 * input to the next that would change what the next one does. What it finds ends the program: an assertion, or a
 * sanitizer.
 */
#ifndef WAYPOST_TESTS_FUZZ_TARGETS_H
#define WAYPOST_TESTS_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

/* X(name, the longest input that libFuzzer makes, in bytes): enough for every construct twice, short enough for speed. */
#define FUZZ_TARGETS(X)                                                                            \
    X(bundle, 4096)                                                                                \
    X(cli, 512)                                                                                    \
    X(csv, 2048)                                                                                   \
    X(engine, 8192)                                                                                \
    X(event, 4096)                                                                                 \
    X(export, 4096)                                                                                \
    X(frame, 8192)                                                                                 \
    X(holidays, 2048)                                                                              \
    X(join, 2048)                                                                                  \
    X(journal, 512)                                                                                \
    X(keys, 2048)                                                                                  \
    X(payload, 4096)                                                                               \
    X(profile, 8192)                                                                               \
    X(receipt, 4096)                                                                               \
    X(record, 4096)                                                                                \
    X(register, 4096)                                                                              \
    X(request, 2048)                                                                               \
    X(scenario, 8192)                                                                              \
    X(session, 4096)                                                                               \
    X(settings, 2048)                                                                              \
    X(snapshot, 1024)                                                                              \
    X(source, 4096)                                                                                \
    X(state, 4096)                                                                                 \
    X(tables, 1024)                                                                                \
    X(text, 256)                                                                                   \
    X(uplink, 4096)                                                                                \
    X(zpl, 2048)

/* One input. Returns 0; -1 where it is not worth keeping. */
#define FUZZ_DECLARE(name, bytes) int fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS(FUZZ_DECLARE)
#undef FUZZ_DECLARE

#endif
