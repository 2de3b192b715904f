/*
 * fuzz_session: what authenticated agents say to the broker. The register is in force, one event is on its way. Bytes:
 *
 *   u8 agents that say a proper HELLO first, one bit each, then steps:
 *   u8 who (low bits; above the last agent: a tick) and SIGN, u16 length, a frame
 *
 * Where SIGN is set the frame is signed as that agent would: the batch's root and count are those of its events, and the
 * agent's own key signs. So an input can be what a hostile agent with a key can say, and not only what a stranger can.
 */
#include <string.h>

#include "common/base/check.h"
#include "common/crypto/merkle.h"
#include "common/crypto/sign.h"
#include "tests/fuzz/broker.h"

#include "common/base/banned.h"

enum { STEPS_MAX = 16, ARENA_BYTES = 4194304, SIGN = 0x80, EVENTS_MAX = 64 };

static struct slice slice_from(ProtobufCBinaryData bytes)
{
    return slice_of(bytes.data, bytes.len);
}

/* Everything that a signature needs, as long as the frame is encoded. */
struct signing {
    arena_t *arena;
    const struct keys *keys;
    struct buf statement;
    struct hash root;
    uint8_t signature[SIGNATURE_BYTES];
};

static void put_signature(struct signing *self, const char *context, Waypost__Signed *out)
{
    sign_make(context, slice_from(out->statement), self->keys->sign_secret, self->signature);
    out->signature = (ProtobufCBinaryData){SIGNATURE_BYTES, self->signature};
}

static void sign_batch(struct signing *self, Waypost__Publish *publish)
{
    struct hash leaves[EVENTS_MAX];
    Waypost__BatchStatement *said = message_decode(
        self->arena, &waypost__batch_statement__descriptor, slice_from(publish->batch->statement));

    if (said != NULL && publish->n_events <= EVENTS_MAX) {
        for (size_t i = 0; i < publish->n_events; i++) {
            leaves[i] = hash_event_leaf(FIXTURE_NETWORK, slice_from(publish->events[i]->event));
        }
        self->root = merkle_root(leaves, publish->n_events);
        said->root = (ProtobufCBinaryData){HASH_BYTES, self->root.b};
        said->count = (uint32_t)publish->n_events;
        message_encode(&said->base, &self->statement);
        publish->batch->statement =
            (ProtobufCBinaryData){self->statement.len, self->statement.data};
    }
    put_signature(self, SIGN_CONTEXT_BATCH, publish->batch);
}

/* False where the bytes are no frame that anybody signs. */
static bool sign_frame(struct signing *self, struct slice bytes, struct buf *out)
{
    Waypost__Frame *frame = NULL;

    if (frame_decode(self->arena, bytes, &frame) != 0) {
        return false;
    }
    if (frame->body_case == WAYPOST__FRAME__BODY_PUBLISH) {
        sign_batch(self, frame->publish);
    } else if (frame->body_case == WAYPOST__FRAME__BODY_ACK) {
        put_signature(self, SIGN_CONTEXT_ACK, frame->ack);
    } else {
        return false;
    }
    frame_encode(frame, out);
    return true;
}

static void say(struct fuzz_broker *broker, size_t agent, struct slice frame, bool sign)
{
    struct signing signing = {.arena = arena_new(ARENA_BYTES)};
    struct buf bytes = {0};

    signing.keys = &fuzz_broker_template()->agents[agent].keys;
    if (sign && sign_frame(&signing, frame, &bytes)) {
        frame = buf_slice(&bytes);
    }
    fuzz_broker_frame(broker, agent, frame);
    buf_free(&bytes);
    buf_free(&signing.statement);
    arena_destroy(&signing.arena);
}

int fuzz_session(const uint8_t *data, size_t size)
{
    static struct fuzz_broker broker;
    struct fuzz_input in = {slice_of(data, size)};
    struct complaint why = {0};

    fuzz_start();
    size_t agents = fuzz_broker_template()->agent_count;
    int rc = fuzz_broker_open(&broker, slice_of(NULL, 0), &why);
    assert(rc == 0);
    uint8_t hellos = fuzz_u8(&in);
    for (size_t i = 0; i < agents; i++) {
        if ((hellos >> i & 1) != 0) {
            fuzz_broker_hello(&broker, i);
        }
    }
    fuzz_broker_settle(&broker);
    for (int step = 0; step < STEPS_MAX && in.rest.len > 0; step++) {
        uint8_t what = fuzz_u8(&in);
        struct slice frame = fuzz_bytes(&in, fuzz_u16(&in));
        if ((what & 7) < agents) {
            say(&broker, what & 7, frame, (what & SIGN) != 0);
        } else {
            core_tick(broker.core);
        }
        fuzz_broker_settle(&broker);
    }
    fuzz_broker_close(&broker);
    return 0;
}
