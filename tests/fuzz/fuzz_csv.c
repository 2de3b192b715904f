/*
 * fuzz_csv: tables of text: authorities (commas) and successions (tabs) of the register. The first byte says which.
 */
#include "tests/fuzz/support.h"

#include "common/base/check.h"
#include "common/register/csv.h"

#include "common/base/banned.h"

int fuzz_csv(const uint8_t *data, size_t size)
{
    static struct csv csv;
    struct fuzz_input in = {slice_of(data, size)};
    struct complaint why = {0};

    fuzz_start();
    char separator = (fuzz_u8(&in) & 1) != 0 ? '\t' : ',';
    int rc = csv_open(&csv, "file.csv", separator, in.rest, &why);
    while (rc == 0 && (rc = csv_next(&csv, &why)) == 0) {
        for (size_t i = 0; i < csv.columns; i++) {
            assert(csv_has(&csv, csv.header[i]) && csv_field(&csv, csv.header[i]) != NULL);
        }
    }
    fuzz_answer(rc, &why);
    return 0;
}
