/*
 * entry: what libFuzzer calls. Compiled once a target, with -DFUZZ_TARGET=fuzz_NAME; libFuzzer has main().
 */
#include "tests/fuzz/targets.h"

#include "common/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return FUZZ_TARGET(data, size);
}
