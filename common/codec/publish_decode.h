/*
 * publish_decode: a PUBLISH message out of its bytes, without protobuf-c: it is most of what a broker decodes, and this
 * takes a third of the steps. What it takes it reads as message_decode() does; and it refuses the same, besides a bool
 * that is not encoded as one (test_frame compares them).
 */
#ifndef WAYPOST_CODEC_PUBLISH_DECODE_H
#define WAYPOST_CODEC_PUBLISH_DECODE_H

#include "common/codec/frame.h"

/* The message with all it points to lives in the arena; NULL where the bytes are none, or the budget is spent. */
Waypost__Publish *publish_decode(arena_t *arena, struct slice bytes);

#endif
