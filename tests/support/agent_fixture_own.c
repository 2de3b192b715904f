/* agent_fixture_own: the scripted broker gives an agent's own events back, with the batches that they were signed in. */
#include "tests/support/agent_fixture_internal.h"

#include "common/base/check.h"

#include "common/base/banned.h"

/* The path of one event to the root that its batch was signed over. */
static void own_path(const struct agentfix_batch *batch, uint32_t index, struct hash *leaves,
    struct merkle_path *out)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        leaves[i] = hash_event_leaf(AGENTFIX_NETWORK, buf_slice(&batch->events[i]));
    }
    merkle_path(leaves, batch->count, index, out);
}

void agentfix_own_events(struct agentfix *self, const struct agentfix_batch *batches, size_t count)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__OwnEvents body = WAYPOST__OWN_EVENTS__INIT;
    Waypost__OwnEvent rows[64];
    Waypost__OwnEvent *list[64];
    Waypost__DeliveredBatch published[64];
    Waypost__DeliveredBatch *published_list[64];
    Waypost__Signed signed_by[64];
    struct hash leaves[AGENTFIX_SIGNED_MAX];
    struct merkle_path paths[64];
    ProtobufCBinaryData steps[64][16];
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        waypost__signed__init(&signed_by[i]);
        signed_by[i].statement = binary_buf(&batches[i].statement);
        signed_by[i].signature = binary_buf(&batches[i].signature);
        waypost__delivered_batch__init(&published[i]);
        published[i].batch = &signed_by[i];
        published[i].leaf_index = batches[i].leaf_index;
        published[i].accepted_ms = batches[i].accepted_ms;
        published_list[i] = &published[i];
        for (uint32_t k = 0; k < batches[i].count; k++) {
            assert(used < 64);
            waypost__own_event__init(&rows[used]);
            rows[used].event = binary_buf(&batches[i].events[k]);
            rows[used].has_payload = batches[i].payloads[k].len > 0;
            rows[used].payload = binary_buf(&batches[i].payloads[k]);
            rows[used].accepted_ms = batches[i].accepted_ms;
            rows[used].leaf_index = batches[i].leaf_index;
            rows[used].batch = (uint32_t)i;
            rows[used].index = k;
            own_path(&batches[i], k, leaves, &paths[used]);
            for (uint32_t s = 0; s < paths[used].count; s++) {
                steps[used][s] = binary(paths[used].step[s].b, HASH_BYTES);
            }
            rows[used].n_path = paths[used].count;
            rows[used].path = steps[used];
            list[used] = &rows[used];
            used++;
        }
    }
    body.n_events = used;
    body.events = list;
    body.n_batches = count;
    body.batches = published_list;
    body.done = true;
    frame.body_case = WAYPOST__FRAME__BODY_OWN_EVENTS;
    frame.own_events = &body;
    agentfix_give(self, &frame);
}
