/*
 * cases_steps: what happened, as far as this agent's store knows, in the order in which the broker's engine saw it: that
 * of the journal. A record's place there is told with it, that of an own acknowledgement by ACKED (S-17). What stands in
 * the journal at a place that is not known here goes where its time puts it; what has not come there yet comes last, by
 * its time. Memory only; what cannot be read is left out.
 */
#ifndef WAYPOST_AGENT_CASES_STEPS_H
#define WAYPOST_AGENT_CASES_STEPS_H

#include "client/agent/agent_private.h"

enum happening {
    HAPPENED_ACCEPTED,
    HAPPENED_PERSISTED,
    HAPPENED_OPENED,
    HAPPENED_ERASED,
    HAPPENED_RAN_OUT, /* deadlines, up to then */
    HAPPENED_SENT
};

/* What says where a step stands in the journal. */
enum step_source { SOURCE_NONE, SOURCE_PROOF, SOURCE_OWN_ACK, SOURCE_OPENING };

/* One thing that happened, to be folded in its place. */
struct step {
    int64_t at_ms; /* of an acknowledgement never beyond what was accepted behind it */
    enum happening what;
    bool recorded;  /* it stands in the journal */
    uint64_t leaf;  /* there; UINT64_MAX where that is not known */
    uint64_t order; /* within that record */
    uint8_t event[UUID_BYTES];
    bool own;                  /* from the outbox */
    char code[CODE_BYTES + 1]; /* of an erasure also "broker" */
    uint32_t role;
    char team[AGENT_TEAM_BYTES_MAX + 1];

    enum step_source source;
    enum store_proof proof;
    int64_t proof_row;
    uint64_t epoch, number; /* SOURCE_OWN_ACK: of the entry in our stream */
};

struct steps {
    agent_core_t *core; /* lent */
    size_t count, room;
    struct step *items;          /* owned; in order */
    uint8_t visited[UUID_BYTES]; /* event whose levels are collected */
};

/* kin: ids of the transfers asked after, 16 bytes each; NULL for all. */
void steps_collect(agent_core_t *core, const struct buf *kin, struct steps *out);
void steps_free(struct steps *self);

#endif
