/*
 * erase: see erase.h. A body that is written beyond its limits is our bug: asserted.
 */
#include "common/record/erase.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/err.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

void erase_body_write(const struct erase_body *erase, struct buf *out)
{
    struct slice agent = slice_of_text(erase->agent);

    assert(erase->stream_count <= ERASE_STREAMS_MAX && erase->code_count <= ERASE_CODES_MAX);
    buf_put_u64(out, erase->position);
    buf_put_u64(out, erase->leaf_index);
    buf_put_u32(out, erase->index);
    buf_put(out, erase->event, sizeof erase->event);
    buf_put_u16(out, (uint16_t)agent.len);
    buf_put_slice(out, agent);
    buf_put_u32(out, (uint32_t)erase->statement.len);
    buf_put_slice(out, erase->statement);
    if (erase->statement.len > 0) {
        buf_put_slice(out, erase->signature);
    }
    buf_put_u16(out, (uint16_t)erase->stream_count);
    for (uint32_t i = 0; i < erase->stream_count; i++) {
        buf_put_u32(out, erase->streams[i]);
    }
    buf_put_u8(out, (uint8_t)erase->code_count);
    for (uint32_t i = 0; i < erase->code_count; i++) {
        buf_put(out, erase->codes[i], CODE_BYTES);
    }
    buf_put_u64(out, (uint64_t)erase->folded_ms);
}

/* The variable part: streams, codes, time. */
static void take_erase_lists(struct cursor *in, struct erase_body *out)
{
    out->stream_count = take_u16(in);
    in->failed = in->failed || out->stream_count > ERASE_STREAMS_MAX;
    for (uint32_t i = 0; i < out->stream_count && !in->failed; i++) {
        out->streams[i] = take_u32(in);
    }
    out->code_count = take_u8(in);
    in->failed = in->failed || out->code_count > ERASE_CODES_MAX;
    for (uint32_t i = 0; i < out->code_count && !in->failed; i++) {
        struct slice code = take_bytes(in, CODE_BYTES);
        if (!in->failed) {
            memcpy(out->codes[i], code.data, CODE_BYTES);
        }
    }
    out->folded_ms = (int64_t)take_u64(in);
}

int erase_body_read(struct slice body, struct erase_body *out)
{
    struct cursor in = cursor_of(body);
    struct erase_body erase = {.position = take_u64(&in)};

    erase.leaf_index = take_u64(&in);
    erase.index = take_u32(&in);
    struct slice event = take_bytes(&in, sizeof erase.event);
    struct slice agent = take_bytes(&in, take_u16(&in));
    erase.statement = take_bytes(&in, take_u32(&in));
    erase.signature = take_bytes(&in, erase.statement.len > 0 ? SIGNATURE_BYTES : 0);
    take_erase_lists(&in, &erase);
    if (in.failed || in.rest.len != 0 || agent.len > AGENT_ID_BYTES_MAX ||
        (agent.len > 0 && memchr(agent.data, 0, agent.len) != NULL)) {
        return E_CORRUPT;
    }
    memcpy(erase.event, event.data, sizeof erase.event);
    if (agent.len > 0) {
        memcpy(erase.agent, agent.data, agent.len);
    }
    *out = erase;
    return 0;
}
