/* sign: see sign.h. Ed25519 of libsodium; a signature that does not verify is returned, never logged. */
#include "common/crypto/sign.h"

#include <sodium.h>
#include <string.h>

#include "common/base/err.h"

#include "common/base/banned.h"

enum { STACK_BYTES = 2048 }; /* every statement but a register fits */

/* Ed25519 takes one message, so context and statement are joined: on the stack where they fit. */
struct message {
    uint8_t stack[STACK_BYTES];
    struct buf heap;
    struct slice bytes;
};

static void message_join(struct message *self, const char *context, struct slice statement)
{
    size_t context_bytes = strlen(context) + 1;

    self->heap = (struct buf){0};
    if (statement.len <= STACK_BYTES && context_bytes <= STACK_BYTES - statement.len) {
        memcpy(self->stack, context, context_bytes);
        if (statement.len > 0) {
            memcpy(self->stack + context_bytes, statement.data, statement.len);
        }
        self->bytes = slice_of(self->stack, context_bytes + statement.len);
        return;
    }
    buf_reserve(&self->heap, context_bytes + statement.len);
    buf_put(&self->heap, context, context_bytes);
    buf_put_slice(&self->heap, statement);
    self->bytes = buf_slice(&self->heap);
}

void sign_make(
    const char *context, struct slice statement, const uint8_t *secret_key, uint8_t *signature)
{
    struct message message;

    message_join(&message, context, statement);
    (void)crypto_sign_detached(signature, NULL, message.bytes.data, message.bytes.len, secret_key);
    buf_free(&message.heap);
}

int sign_check(
    const char *context, struct slice statement, struct slice signature, const uint8_t *public_key)
{
    struct message message;

    if (signature.len != SIGNATURE_BYTES) {
        return E_SIGNATURE;
    }
    message_join(&message, context, statement);
    int failed = crypto_sign_verify_detached(
        signature.data, message.bytes.data, message.bytes.len, public_key);
    buf_free(&message.heap);
    return failed == 0 ? 0 : E_SIGNATURE;
}
