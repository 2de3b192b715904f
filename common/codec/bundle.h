/*
 * bundle: the frame of a bundle file: sections, each bound to all before it by a hash, the last one signed. Pure.
 *
 *   8 bytes  "WPBNDL01"
 *   each section: u32 type, u32 length, that many bytes, 32 bytes h(n)
 *   h(0) = H("waypost/bundle/1", the 8 bytes); h(n) = H("waypost/bundle/1", h(n-1), u32 type ‖ u32 length ‖ bytes)
 *
 * So a changed byte shows in the section where it stands, and what is whole before it can still be read. The messages
 * stand in waypost.proto (Bundle...). Numbers are little-endian.
 */
#ifndef WAYPOST_CODEC_BUNDLE_H
#define WAYPOST_CODEC_BUNDLE_H

#include "common/base/bytes.h"
#include "common/crypto/hash.h"

enum bundle_type {
    BUNDLE_HEAD = 1,     /* BundleHead */
    BUNDLE_REGISTER = 2, /* exact bytes of a SignedRegister */
    BUNDLE_EVENT = 3,    /* BundleEvent */
    BUNDLE_ACK = 4,      /* BundleAck */
    BUNDLE_RECORD = 5,   /* BundleRecord */
    BUNDLE_STORY = 6, /* JSON: the transfer as the maker sees it (docs/LOCAL-API.md, op transfer) */
    BUNDLE_END = 7    /* BundleEnd */
};

enum { BUNDLE_SECTION_BYTES_MAX = 2097152, BUNDLE_BYTES_MAX = 67108864 };

struct bundle_writer {
    struct buf *out; /* lent */
    struct hash chain;
};

void bundle_begin(struct bundle_writer *self, struct buf *out);
void bundle_put(struct bundle_writer *self, enum bundle_type type, struct slice bytes);

struct bundle_reader {
    struct slice rest;
    struct hash chain; /* behind the last section read */
    size_t offset;     /* of the next section in the file */
    uint32_t number;   /* of the next section, from 1 */
};

bool bundle_begins(struct slice bytes); /* do the first bytes say that it is one? */
void bundle_open(struct bundle_reader *self, struct slice bytes); /* bundle_begins() was true */

/* The next section, lent. 0; E_END where nothing is left; E_MALFORMED where it is cut short or too long, E_CORRUPT where
 * its hash is another: it stays at that section. */
int bundle_next(struct bundle_reader *self, uint32_t *type, struct slice *bytes);

#endif
