/*
 * ack: see ack.h. Nothing here allocates or fails otherwise than by its answer.
 */
#include "common/record/ack.h"

#include <string.h>

#include "common/base/err.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

int ack_body_read(struct slice body, struct ack_body *out)
{
    struct cursor in = cursor_of(body);

    out->statement = take_bytes(&in, take_u32(&in));
    out->signature = take_bytes(&in, SIGNATURE_BYTES);
    struct slice name = take_bytes(&in, take_u16(&in));
    if (in.failed || name.len > AGENT_ID_BYTES_MAX) {
        return E_CORRUPT;
    }
    memcpy(out->agent, name.data, name.len);
    out->agent[name.len] = '\0';
    return 0;
}

void ack_body_write(const struct ack_body *ack, struct buf *out)
{
    struct slice name = slice_of_text(ack->agent);

    buf_put_u32(out, (uint32_t)ack->statement.len);
    buf_put_slice(out, ack->statement);
    buf_put_slice(out, ack->signature);
    buf_put_u16(out, (uint16_t)name.len);
    buf_put_slice(out, name);
}
