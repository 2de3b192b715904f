/*
 * fuzz_receipt: a receipt file, which anybody may hand to anybody.
 */
#include "tests/fuzz/support.h"

#include <string.h>

#include "client/cli/receipt_file.h"
#include "common/base/check.h"

#include "common/base/banned.h"

int fuzz_receipt(const uint8_t *data, size_t size)
{
    static struct receipt_proof proof;
    struct complaint why = {0};

    fuzz_start();
    (void)receipt_file_begins(slice_of(data, size));
    int rc = receipt_file_check(slice_of(data, size), &proof, &why);
    fuzz_answer(rc, &why);
    for (size_t i = 0; rc == 0 && i < proof.step_count; i++) {
        assert(proof.step[i].name != NULL && proof.step[i].text[0] != '\0');
    }
    receipt_proof_free(&proof);
    return 0;
}
