/*
 * frame: encode and decode wire frames and statements with protobuf-c under limits.
 *
 * Decoding uses an arena with a byte budget (PITFALLS: amplification), so that a hostile frame costs a known amount;
 * free a decoded frame with frame_free().
 */
#ifndef WAYPOST_CODEC_FRAME_H
#define WAYPOST_CODEC_FRAME_H

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "waypost.pb-c.h"

#define FRAME_MAGIC UINT32_C(0x31505957)

/* A reusable arena: zeroing bump allocator for protobuf-c with a budget. */
typedef struct arena arena_t;
arena_t *arena_new(size_t budget_bytes);
void arena_reset(arena_t *self); /* everything allocated from it is gone */
void arena_destroy(arena_t **self_p);
ProtobufCAllocator *arena_allocator(
    arena_t *self); /* returns NULL to protobuf-c beyond the budget */

/* Decode a frame of at most FRAME_BYTES_MAX; it lives in the arena until the next reset. Checks magic and that one
 * body is set. Returns 0, E_TOO_LARGE, E_MALFORMED or E_VERSION (wrong magic). */
int frame_decode(arena_t *arena, struct slice bytes, Waypost__Frame **out);

/* Decode any other message into the arena; NULL where malformed. */
void *message_decode(arena_t *arena, const ProtobufCMessageDescriptor *type, struct slice bytes);

/* Encode: appended to out. The frame's magic is set here. */
void frame_encode(Waypost__Frame *frame, struct buf *out);
void message_encode(const ProtobufCMessage *message, struct buf *out);

#endif
