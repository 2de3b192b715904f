/* envelope: see envelope.h. Faults are returned with a sentence; a signature that does not verify is not counted. */
#include "common/register/envelope.h"

#include <string.h>

#include "common/codec/limits.h"
#include "common/codec/wire.h"

#include "common/base/banned.h"

enum { FIELD_REGISTER = 1, FIELD_SIGNATURES = 2, FIELD_ROOT = 1, FIELD_SIGNATURE = 2 };

static int read_signature(struct slice bytes, struct slice *root, struct slice *signature)
{
    struct wire_scan scan = wire_scan_of(bytes);
    struct wire_field field;

    while (wire_next(&scan, &field)) {
        if (field.type == WIRE_LEN && field.number == FIELD_ROOT) {
            *root = field.bytes;
        } else if (field.type == WIRE_LEN && field.number == FIELD_SIGNATURE) {
            *signature = field.bytes;
        }
    }
    return scan.failed || root->len != SIGN_PUBLIC_BYTES || signature->len != SIGNATURE_BYTES
        ? E_MALFORMED
        : 0;
}

int envelope_read(struct slice bytes, struct envelope *out, struct complaint *why)
{
    struct wire_scan scan = wire_scan_of(bytes);
    struct wire_field field;
    bool found = false;

    *out = (struct envelope){0};
    if (bytes.len > REGISTER_BYTES_MAX) {
        return complain(why, E_TOO_LARGE, "the register has %zu bytes, above the limit of %d",
            bytes.len, REGISTER_BYTES_MAX);
    }
    while (wire_next(&scan, &field)) {
        if (field.type != WIRE_LEN || field.number > FIELD_SIGNATURES) {
            continue; /* a later version's */
        }
        if (field.number == FIELD_REGISTER && !found) {
            out->register_bytes = field.bytes;
            found = true;
            continue;
        }
        if (field.number == FIELD_REGISTER || out->count == REGISTER_SIGNATURES_MAX) {
            return complain(why, E_RANGE,
                "the register file holds more than one register or %d signatures",
                REGISTER_SIGNATURES_MAX);
        }
        int rc = read_signature(
            field.bytes, &out->signatures[out->count].root, &out->signatures[out->count].signature);
        if (rc != 0) {
            return complain(
                why, rc, "signature %zu of the register is not well-formed", out->count + 1);
        }
        out->count++;
    }
    if (scan.failed || !found) {
        return complain(why, E_MALFORMED,
            "these bytes are not a signed register; a file made by waypost register sign is "
            "needed");
    }
    return 0;
}

static bool has_signed(const struct envelope *self, const uint8_t *root)
{
    for (size_t i = 0; i < self->count; i++) {
        if (memcmp(self->signatures[i].root.data, root, SIGN_PUBLIC_BYTES) == 0 &&
            sign_check(SIGN_CONTEXT_REGISTER, self->register_bytes, self->signatures[i].signature,
                root) == 0) {
            return true;
        }
    }
    return false;
}

size_t envelope_votes(const struct envelope *self, const uint8_t (*roots)[32], size_t root_count)
{
    size_t votes = 0;

    for (size_t i = 0; i < root_count; i++) {
        bool before = false; /* a root listed twice has one vote */
        for (size_t j = 0; j < i; j++) {
            before = before || memcmp(roots[i], roots[j], SIGN_PUBLIC_BYTES) == 0;
        }
        if (!before && has_signed(self, roots[i])) {
            votes++;
        }
    }
    return votes;
}

static void put_signature(struct buf *out, struct slice register_bytes, const struct keys *root)
{
    uint8_t signature[SIGNATURE_BYTES];
    struct buf inner = {0};

    sign_make(SIGN_CONTEXT_REGISTER, register_bytes, root->sign_secret, signature);
    wire_put_bytes(&inner, FIELD_ROOT, slice_of(root->sign_public, SIGN_PUBLIC_BYTES));
    wire_put_bytes(&inner, FIELD_SIGNATURE, slice_of(signature, SIGNATURE_BYTES));
    wire_put_bytes(out, FIELD_SIGNATURES, buf_slice(&inner));
    buf_free(&inner);
}

int envelope_sign(
    struct buf *bytes, struct slice register_bytes, const struct keys *root, struct complaint *why)
{
    struct buf made = {0};

    if (bytes->len > 0) {
        struct envelope so_far;
        int rc = envelope_read(buf_slice(bytes), &so_far, why);
        if (rc != 0) {
            return rc;
        }
        if (!slice_equal(so_far.register_bytes, register_bytes)) {
            return complain(why, E_CONFLICT,
                "the file signed so far holds another register than the one to be signed; compare "
                "the two first");
        }
        if (has_signed(&so_far, root->sign_public)) {
            return complain(
                why, E_DUPLICATE, "the root \"%s\" has signed this register already", root->id);
        }
        if (so_far.count == REGISTER_SIGNATURES_MAX) {
            return complain(why, E_RANGE, "the register has %d signatures, more are not taken",
                REGISTER_SIGNATURES_MAX);
        }
        buf_put_slice(&made, buf_slice(bytes));
    } else {
        wire_put_bytes(&made, FIELD_REGISTER, register_bytes);
    }
    put_signature(&made, register_bytes, root);
    if (made.len > REGISTER_BYTES_MAX) {
        buf_free(&made);
        return complain(why, E_TOO_LARGE,
            "the signed register would be above its limit of %d bytes", REGISTER_BYTES_MAX);
    }
    buf_free(bytes);
    *bytes = made;
    return 0;
}
