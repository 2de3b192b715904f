/*
 * source: whatever records can be read from, so that every tool takes all of them: the folder of a journal (live or
 * copied), a file that `waypost export` wrote, or a bundle. Only reads.
 */
#ifndef WAYPOST_REPLAY_SOURCE_H
#define WAYPOST_REPLAY_SOURCE_H

#include "common/base/err.h"
#include "common/codec/frame.h"
#include "common/journal/journal.h"

typedef struct source source_t;

enum source_form { SOURCE_JOURNAL, SOURCE_PROTOBUF, SOURCE_CLOUDEVENTS, SOURCE_BUNDLE };

struct source_walk {
    uint64_t
        from_sequence; /* nothing before it is wanted; what comes before may be visited all the same */
    bool commits;      /* visit RECORD_COMMIT as well */
    int (*visit)(void *context, const struct record *record, uint64_t position);
    /* The header of a segment, before its records; may be NULL. */
    int (*segment)(void *context, uint32_t segment, struct slice header);
    /* A single event of a batch, as an agent exports it, in place of visit, for which it is a batch of one; may be NULL. */
    int (*message)(void *context, const Waypost__ExportRecord *message);
    void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes); /* may be NULL */
    void *context;
};

/* Look what it is. 0; E_NOT_FOUND, E_MALFORMED (neither), E_PERMISSION, E_IO with what to do in why. */
int source_open(const char *path, source_t **out, struct complaint *why);
void source_close(source_t **self_p);

enum source_form source_form(const source_t *self);
bool source_in_use(const source_t *self); /* the journal of a broker that runs */
const char *source_path(const source_t *self);

/*
 * Visit the records in order. Returns 0; what visit or segment returned where that was not 0; else the code with
 * where and what in why: what is whole before it has been visited. torn_bytes: of a journal, behind its last commit.
 */
int source_walk(
    source_t *self, const struct source_walk *walk, uint64_t *torn_bytes, struct complaint *why);

#endif
