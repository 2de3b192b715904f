/*
 * event: read, check, build and print one event. The same code serves agent, broker and tools.
 *
 * Original bytes are never re-encoded: a view lends from them, and unknown fields stay where they are. Reading
 * scans the wire format directly (no allocation); every size is checked before it is used.
 */
#ifndef WAYPOST_CODEC_EVENT_H
#define WAYPOST_CODEC_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/uuid.h"
#include "common/codec/catalogue.h"
#include "common/codec/limits.h"
#include "common/crypto/seal.h"

struct subject {
    uint8_t ref[UUID_BYTES];
    uint32_t case_type; /* number in enum case_type */
};

struct recipient {
    char code[CODE_BYTES + 1];
    uint64_t n;
};

/* A read event. Everything is copied but the three slices, which lend from the bytes read. */
struct event_view {
    uint8_t id[UUID_BYTES];
    uint32_t kind; /* may be unknown: catalogue_kind() says */
    uint32_t schema;
    uint8_t transfer[UUID_BYTES];
    char origin[CODE_BYTES + 1];
    char receiving[CODE_BYTES + 1];
    char from[CODE_BYTES + 1];
    size_t subject_count;
    struct subject subjects[SUBJECTS_MAX];
    size_t recipient_count;
    struct recipient to[RECIPIENTS_MAX];
    int64_t occurred_ms;
    int64_t sent_ms;
    bool has_reply;
    uint8_t in_reply_to[UUID_BYTES];
    bool has_supersedes;
    uint8_t supersedes[UUID_BYTES];
    char profile[PROFILE_NAME_BYTES_MAX + 1]; /* "" where none is claimed */
    uint32_t mode;                            /* 0 not stated (live), else number in enum mode */
    uint32_t envelope[32]; /* envelope enum and bool facts by header field number; 0 not stated;
                                                 bool: 1 no, 2 yes */
    uint64_t incarnation;
    uint64_t sequence;
    bool has_payload;
    struct seal_commitment commitment;
    struct slice header;     /* exact bytes of field 1: associated data */
    struct slice facts;      /* exact bytes of field 2 (a Facts message), empty where absent */
    struct slice kind_facts; /* inside it: the message of the kind, empty where absent */
    uint32_t unknown_bytes;  /* unknown fields of the whole event, at most UNKNOWN_BYTES_MAX */
};

/*
 * Read and check the shape: sizes, wire types, required fields, UTF-8, codes, lengths, times within the civil span,
 * that facts.oneof names the header's kind, that nothing singular stands twice, that unknown fields keep their
 * bounds. Returns 0 or the code (E_MALFORMED, E_TOO_LARGE, E_RANGE, E_UTF8, E_CODE, E_ID, E_DATE, E_RECIPIENT,
 * E_FACT_VALUE), with the sentence in why (may be NULL); out holds nothing to rely on then. Allocates nothing.
 */
int event_read(struct slice bytes, struct event_view *out, struct complaint *why);

/* The same of everything but the facts: for events that event_read() took before, where nobody asks for those. */
int event_read_head(struct slice bytes, struct event_view *out, struct complaint *why);

/*
 * Check the contents by the catalogue's tables: facts known to this kind, their values, ranges, dates and lists, no
 * identifiers, times possible. Required facts that are missing are refused (E_FACT_MISSING) only where
 * `complete` is set: the broker leaves them to the procedure engine (rules R58, R19), the agent warns its user.
 * An unknown kind passes with its bytes as they are. Allocates nothing.
 *   now_ms   sent_ms may lie at most FUTURE_MS_MAX after it
 */
int event_check(
    const struct event_view *event, int64_t now_ms, bool complete, struct complaint *why);

bool event_code_valid(struct slice code); /* [EWSN] and eight digits */
bool event_time_valid(int64_t time_ms);   /* within CIVIL_DAY_MIN .. CIVIL_DAY_MAX */

/*
 * The format of one FACT_CODE, FACT_ID, FACT_HASH, FACT_REF or FACT_SUBJECT. Returns 0, E_CODE, E_UTF8,
 * E_FACT_VALUE or E_IDENTIFIER; why (may be NULL) names the fact and never repeats the text.
 */
int fact_bytes_check(const struct fact_info *fact, struct slice bytes, struct complaint *why);

/* One value of a fact: facts that are lists give several. */
struct fact_value {
    const struct fact_info *fact;
    int64_t number;     /* bool 0 or 1, int, number of the enum's word, days, milliseconds */
    struct slice bytes; /* code, id, hash, ref, subject; lent from the event */
};

/* A walk over the facts of the kind, in the order of the bytes. */
struct fact_walk {
    const uint8_t *at; /* lent: what is not read yet of the kind's message */
    const uint8_t *end;
    struct slice packed;          /* lent: what is left of a packed list */
    const struct fact_info *list; /* the fact it belongs to */
};

/*
 * Walk the facts of an event that event_read() took. Envelope facts are not among them (they stand in the view);
 * unknown fields are passed over, and an unknown kind has none.
 */
struct fact_walk event_facts(const struct event_view *event);
bool fact_next(struct fact_walk *self, struct fact_value *out);

/* One fact to be set, by name and text, as a user types it. */
struct fact_text {
    const char *name;
    const char *value; /* lists: a,b,c */
};

/* What makes an event, before it is numbered. Everything is lent. */
struct event_draft {
    struct event_view
        head; /* id, kind .. sequence and envelope as they shall stand; slices unused */
    const struct fact_text *facts; /* clear facts of the kind and envelope facts alike */
    size_t fact_count;
};

/*
 * Encode header and facts of a draft, as the bytes of fields 1 and 2 (without tag and length). The caller seals the
 * payload over them and joins all with event_join(). Unknown kinds, facts and values are answered with the nearest
 * word in why. Both bufs are appended to, and left as they were on an error. An envelope fact among the facts goes
 * before what the head says. Values of facts are checked here (E_KIND, E_FACT, E_FACT_VALUE, E_FACT_NOT_LISTED,
 * E_DATE, E_CODE, E_ID, E_IDENTIFIER); the head's own fields are not: read and check the joined event before it
 * leaves.
 */
int event_encode(
    const struct event_draft *draft, struct buf *header, struct buf *facts, struct complaint *why);

/* Join to an Event; commitment NULL where there is no payload. out is appended to. */
void event_join(struct slice header, struct slice facts, const struct seal_commitment *commitment,
    struct buf *out);

/*
 * The clear part as a JSON object: names, words, dates and codes as a person writes them. New reference. Keys: id,
 * kind, title, schema, transfer, origin, receiving, subjects [{ref, case_type}], from, to [{code, n}], occurred,
 * sent, envelope facts under their own names, profile, incarnation (16 hexadecimal digits), sequence, facts {},
 * sealed_bytes. An unknown kind is "kind N", has no title, and facts_hex in the place of facts.
 */
json_t *event_json(const struct event_view *event);

/*
 * Sealed part: the plain bytes of a payload from sealed facts and attached files, and back to JSON.
 * An attachment has a file name (at most 128 bytes, no slash) and bytes.
 */
struct attachment {
    const char *name;
    struct slice bytes;
};
int payload_encode(const struct fact_text *facts, size_t fact_count,
    const struct attachment *attachments, size_t attachment_count, struct buf *out,
    struct complaint *why);
json_t *payload_json(
    struct slice plain); /* NULL where malformed; attachments as {name, bytes, base64} */

/* Clear companions that the agent sets by itself: rationale, dob and edd give rationale_present, ... = yes. */
const char *fact_companion(const char *sealed_fact); /* NULL for none */

/* Is a child born on the one date 18 on the other (C25)? Who was born on 29 February is on 1 March. False for no dates. */
bool is_18_on(const char *dob, const char *day);

#endif
