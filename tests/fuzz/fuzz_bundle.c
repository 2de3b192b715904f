/*
 * fuzz_bundle: a bundle, which anybody may hand to anybody: the bytes as they are, whose hashes mostly refuse them; then
 * the same bytes as sections with right hashes.
 */
#include "tests/fuzz/support.h"

#include <string.h>

#include "client/cli/bundle_file.h"
#include "common/base/check.h"

#include "common/base/banned.h"

static void check(struct slice bytes)
{
    static const struct trust nobody;
    struct bundle_view view;
    struct buf html = {0};

    int rc = bundle_file_check(bytes, &nobody, &view);
    assert(rc == 0 || view.broken > 0 || !view.ended);
    assert((rc == 0) == (view.broken == 0 && view.ended));
    bundle_html(NULL, &view, &html);
    json_decref(bundle_json(&view, rc));
    buf_free(&html);
    bundle_view_free(&view);
}

int fuzz_bundle(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {slice_of(data, size)};
    struct bundle_writer writer;
    struct buf made = {0};

    fuzz_start();
    check(in.rest);
    bundle_begin(&writer, &made);
    while (in.rest.len > 0) {
        uint8_t type = fuzz_u8(&in);
        bundle_put(&writer, (enum bundle_type)(type % 9), fuzz_bytes(&in, fuzz_u16(&in)));
    }
    check(buf_slice(&made));
    buf_free(&made);
    return 0;
}
