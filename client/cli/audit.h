/*
 * audit: what journal_verify() does not look at: were the batches and acknowledgements in a journal signed by
 * those whose keys the registers in that journal name?
 *
 * Registers are taken in the order in which they came into force, each signed by the roots of the one before. The first
 * is judged by a join file, or believed and said so.
 */
#ifndef WAYPOST_CLI_AUDIT_H
#define WAYPOST_CLI_AUDIT_H

#include "client/cli/trust.h"
#include "common/journal/record.h"

typedef struct audit audit_t;

struct audit_report {
    uint64_t batches;
    uint64_t events;
    uint64_t acknowledgements;
    uint64_t registers;
    uint64_t voided;       /* batches that the broker itself voided for their signature */
    uint64_t forged;       /* batches or acknowledgements that do not verify and were not voided */
    uint64_t first_forged; /* leaf index of the first of them */
    bool first_register_believed; /* no join file was there to judge it */
    char why[256];                /* about the first forged one */
};

audit_t *audit_new(const struct trust *trust, const char *network);
void audit_destroy(audit_t **self_p);

/* Look at one leaf record. Returns 0, or why a register in the journal is not the successor of the one before. */
int audit_record(audit_t *self, const struct record *record, struct complaint *why);

void audit_finish(audit_t *self, struct audit_report *out);

#endif
