/*
 * fuzz_uplink: what a broker says to an agent, the hostile one too. Bytes: u8 1 where the session is open already, then
 * steps: u8 what and SIGN, u16 length, a frame. Where SIGN is set heads are signed with the broker's key, batches and
 * acknowledgements with the peer's: what a broker can do that has their keys, or shows what they signed once.
 */
#include <string.h>

#include "common/base/check.h"
#include "common/crypto/sign.h"
#include "tests/fuzz/support.h"
#include "tests/support/agent_fixture.h"

#include "common/base/banned.h"

enum { STEPS_MAX = 16, ARENA_BYTES = 4194304, SIGN = 0x80, SIGNED_MAX = 32 };
enum step { STEP_FRAME, STEP_PASS, STEP_CUT, STEP_SEND, STEP_COUNT };

struct signing {
    arena_t *arena;
    const struct agentfix *agent;
    size_t count;
    uint8_t signatures[SIGNED_MAX][SIGNATURE_BYTES];
};

static void put_signature(
    struct signing *self, const char *context, const struct keys *keys, Waypost__Signed *out)
{
    if (out == NULL || self->count == SIGNED_MAX) {
        return;
    }
    uint8_t *signature = self->signatures[self->count++];
    sign_make(
        context, slice_of(out->statement.data, out->statement.len), keys->sign_secret, signature);
    out->signature = (ProtobufCBinaryData){SIGNATURE_BYTES, signature};
}

static void sign_deliver(struct signing *self, Waypost__Deliver *deliver)
{
    for (size_t i = 0; i < deliver->n_batches; i++) {
        put_signature(self, SIGN_CONTEXT_BATCH, &self->agent->peer, deliver->batches[i]->batch);
    }
    for (size_t i = 0; i < deliver->n_entries; i++) {
        if (deliver->entries[i]->what_case == WAYPOST__ENTRY__WHAT_ACK) {
            put_signature(
                self, SIGN_CONTEXT_ACK, &self->agent->peer, deliver->entries[i]->ack->ack);
        }
    }
}

static bool sign_frame(struct signing *self, struct slice bytes, struct buf *out)
{
    Waypost__Frame *frame = NULL;

    if (frame_decode(self->arena, bytes, &frame) != 0) {
        return false;
    }
    if (frame->body_case == WAYPOST__FRAME__BODY_WELCOME) {
        put_signature(self, SIGN_CONTEXT_HEAD, &self->agent->broker, frame->welcome->head);
    } else if (frame->body_case == WAYPOST__FRAME__BODY_RECEIPT) {
        put_signature(self, SIGN_CONTEXT_HEAD, &self->agent->broker, frame->receipt->head);
    } else if (frame->body_case == WAYPOST__FRAME__BODY_DELIVER) {
        sign_deliver(self, frame->deliver);
    }
    frame_encode(frame, out);
    return true;
}

static void hear(struct agentfix *agent, struct slice frame, bool sign)
{
    static struct signing signing;
    struct buf bytes = {0};

    signing = (struct signing){.arena = arena_new(ARENA_BYTES), .agent = agent};
    if (sign && sign_frame(&signing, frame, &bytes)) {
        frame = buf_slice(&bytes);
    }
    agent_core_frame(agent->core, frame);
    agent_core_tick(agent->core);
    buf_free(&bytes);
    arena_destroy(&signing.arena);
}

/* Something of its own to send: a receipt then has a batch to be for. */
static void send_one(struct agentfix *agent)
{
    json_decref(agentfix_ask(agent,
        "{'op': 'new_transfer', 'origin': 'E09000019', 'receiving': 'E09000007', 'label': 'T', "
        "'subjects': [{'name': 'A', 'case_type': 'cp'}]}"));
    json_decref(agentfix_ask(agent,
        "{'op': 'send', 'kind': 'move_notified', 'transfer': 'T', 'to': ['E09000007'], "
        "'facts': {'permanence': 'permanent', 'retain_intention': 'transfer'}}"));
}

static void step_do(struct agentfix *agent, uint8_t what, struct slice frame)
{
    switch ((what & 0x7f) % STEP_COUNT) {
    case STEP_FRAME:
        hear(agent, frame, (what & SIGN) != 0);
        break;
    case STEP_PASS:
        agentfix_pass(agent, 1000 + (int64_t)frame.len * 1000);
        break;
    case STEP_CUT:
        agent->is_connected = false;
        agent_core_disconnected(agent->core, (what & SIGN) != 0 ? E_KEY : E_UNREACHABLE);
        agentfix_pass(agent, 60000);
        agent->is_connected = true;
        agent_core_connected(agent->core, "tcp://broker.example:5670");
        break;
    case STEP_SEND:
        send_one(agent);
        break;
    default:
        break;
    }
    agentfix_forget(agent);
}

int fuzz_uplink(const uint8_t *data, size_t size)
{
    static struct agentfix agent;
    struct fuzz_input in = {slice_of(data, size)};

    fuzz_start();
    agentfix_setup(&agent, NULL);
    if ((fuzz_u8(&in) & 1) != 0) {
        agentfix_online(&agent);
    } else {
        agentfix_connect(&agent);
    }
    agentfix_forget(&agent);
    for (int i = 0; i < STEPS_MAX && in.rest.len > 0; i++) {
        uint8_t what = fuzz_u8(&in);
        step_do(&agent, what, fuzz_bytes(&in, fuzz_u16(&in)));
    }
    agentfix_teardown(&agent);
    return 0;
}
