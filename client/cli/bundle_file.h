/*
 * bundle_file: a bundle taken apart and checked, item by item, without a network and with public keys alone. What a
 * damaged one holds before the damage is there all the same.
 */
#ifndef WAYPOST_CLI_BUNDLE_FILE_H
#define WAYPOST_CLI_BUNDLE_FILE_H

#include "client/cli/trust.h"
#include "common/codec/bundle.h"
#include "common/codec/frame.h"

enum { BUNDLE_REGISTERS_MAX = 256, BUNDLE_WORDS_BYTES = 1200, BUNDLE_PROOF_BYTES = 600 };

enum bundle_mark {
    BUNDLE_PROVEN, /* who said it is signed, and its place in the journal is proven */
    BUNDLE_SIGNED, /* signed by who said it; its place in the journal is not proven here */
    BUNDLE_TOLD,   /* the broker's or the maker's word alone */
    BUNDLE_BROKEN  /* a proof in the file does not hold */
};

struct bundle_item {
    int64_t at_ms;
    uint64_t leaf_index; /* order within a millisecond */
    enum bundle_mark mark;
    bool is_event; /* then event is its id */
    uint8_t event[16];
    char words[BUNDLE_WORDS_BYTES]; /* what happened */
    char proof[BUNDLE_PROOF_BYTES]; /* what proves it, or what does not hold */
};

struct bundle_view {
    char network[33];
    char transfer[37];
    char maker[33];
    int64_t made_ms;
    bool has_head, head_good;
    uint64_t head_size;
    int64_t head_ms;
    char head_root[65];
    uint8_t head_root_bytes[32];
    uint8_t head_key[32];
    register_t *registers[BUNDLE_REGISTERS_MAX]; /* owned, oldest first */
    size_t register_count;
    bool registers_pinned; /* by the join file */
    struct bundle_item *items;
    size_t item_count, item_room;
    json_t *story;   /* owned; NULL where there is none */
    bool ended;      /* the end is there and bears the maker's signature */
    size_t broken;   /* items whose proof does not hold, and other faults */
    char fault[300]; /* the first that is not an item's: "" for none */
    uint32_t sections;
};

/* Read and check all of it. Returns 0 where everything holds; else the code of the first fault, said in out->fault or by
 * an item; out holds what is whole either way. Free with bundle_view_free(). */
int bundle_file_check(struct slice bytes, const struct trust *trust, struct bundle_view *out);
void bundle_view_free(struct bundle_view *self);

/* "Islington (E09000019)" by the newest register. text: 200 bytes; returned. */
const char *bundle_name(const struct bundle_view *self, const char *code, char *text);

/* Which of the bundle's events it is, by acceptance, from 1; 0 for none of them. */
size_t bundle_event_number(const struct bundle_view *self, const uint8_t *event);

/* How it stands, as the maker's agent worked it out: one line of it; false at the end. */
bool bundle_words_story(const struct bundle_view *view, size_t line, char *out, size_t room);

/* bundle_print.c */
void bundle_print(struct cli *cli, const struct bundle_view *view);
json_t *bundle_json(const struct bundle_view *view, int rc);

/* bundle_html.c: the same as a document that stands by itself. Appended. */
void bundle_html(const struct cli *cli, const struct bundle_view *view, struct buf *out);

const char *bundle_mark_word(enum bundle_mark mark); /* "proven", "signed", "told", "BROKEN" */

#endif
