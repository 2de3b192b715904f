/*
 * draft: what a user said, kept as JSON in the outbox until it is accepted, so that it can be
 * encoded again after a register change, a refusal of an earlier event, or a restored database.
 *
 *   {"kind": 1, "transfer": HEX, "origin": CODE, "receiving": CODE, "from": CODE, "to": [CODE], "occurred_ms": N,
 *    "subjects": [{"ref": HEX, "case_type": N}], "in_reply_to": HEX, "supersedes": HEX, "profile": NAME,
 *    "facts": {NAME: TEXT}}
 */
#ifndef WAYPOST_AGENT_DRAFT_H
#define WAYPOST_AGENT_DRAFT_H

#include "common/codec/event.h"

#include "client/agent/limits.h"

struct draft {
    struct event_draft event; /* id, numbers and sent_ms are 0; facts lend from json */
    struct fact_text facts[AGENT_FACTS_MAX];
    json_t *json; /* owned */
};

/* Append the JSON text of a head and its clear facts to out. */
void draft_write(const struct event_view *head, const struct fact_text *facts, size_t fact_count,
    struct buf *out);

/* 0 or E_CORRUPT. out must be freed after success. */
int draft_read(struct slice text, struct draft *out, struct complaint *why);
void draft_free(struct draft *draft);

#endif
