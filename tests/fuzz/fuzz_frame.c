/*
 * fuzz_frame: a frame from the wire, as broker and agent take it, and the statements and events inside.
 */
#include "tests/fuzz/support.h"

#include <stdlib.h>

#include "common/base/check.h"
#include "common/codec/event.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 4194304 };

static struct slice slice_from(ProtobufCBinaryData bytes)
{
    return slice_of(bytes.data, bytes.len);
}

/* What is decoded can be encoded, and that means the same. */
static void check_again(Waypost__Frame *frame)
{
    struct buf bytes = {0};
    Waypost__Frame *again = NULL;
    arena_t *arena = arena_new(ARENA_BYTES);

    Waypost__Frame__BodyCase body = frame->body_case;
    frame_encode(frame, &bytes);
    if (bytes.len <=
        FRAME_BYTES_MAX) { /* short varints may grow: an int32 below zero has ten bytes */
        assert(frame_decode(arena, buf_slice(&bytes), &again) == 0);
        assert(again->body_case == body);
    }
    arena_destroy(&arena);
    buf_free(&bytes);
}

static void read_publish(arena_t *arena, const Waypost__Publish *publish)
{
    (void)message_decode(
        arena, &waypost__batch_statement__descriptor, slice_from(publish->batch->statement));
    for (size_t i = 0; i < publish->n_events; i++) {
        struct event_view event;
        struct complaint why = {0};
        int rc = event_read(slice_from(publish->events[i]->event), &event, &why);
        fuzz_answer(rc, &why);
    }
}

int fuzz_frame(const uint8_t *data, size_t size)
{
    static const ProtobufCMessageDescriptor *const statements[] = {
        &waypost__batch_statement__descriptor, &waypost__head__descriptor,
        &waypost__ack_statement__descriptor};
    Waypost__Frame *frame = NULL;

    fuzz_start();
    arena_t *arena = arena_new(ARENA_BYTES);
    int rc = frame_decode(arena, slice_of(data, size), &frame);
    if (rc != 0) {
        assert(rc == E_MALFORMED || rc == E_VERSION || rc == E_TOO_LARGE);
        for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
            (void)message_decode(arena, statements[i], slice_of(data, size));
        }
    } else {
        check_again(frame);
        if (frame->body_case == WAYPOST__FRAME__BODY_PUBLISH) {
            read_publish(arena, frame->publish);
        } else if (frame->body_case == WAYPOST__FRAME__BODY_ACK) {
            (void)message_decode(
                arena, &waypost__ack_statement__descriptor, slice_from(frame->ack->statement));
        }
    }
    arena_destroy(&arena);
    return 0;
}
