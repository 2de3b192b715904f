/*
 * import: files that `waypost export` wrote, read back as the records of the journal that they came from, to the byte;
 * and a folder made of them that every tool takes for that journal.
 */
#ifndef WAYPOST_REPLAY_IMPORT_H
#define WAYPOST_REPLAY_IMPORT_H

#include "client/replay/source.h"

/* What a file is, by how it begins. 0; E_MALFORMED, E_IO with a sentence. */
int import_form(const char *path, enum source_form *out, struct complaint *why);

/* Visit its records; as source_walk(). A complaint names the line, or the message and its offset. */
int import_walk(
    const char *path, enum source_form form, const struct source_walk *walk, struct complaint *why);

struct imported {
    uint64_t records, commits, segments;
    uint64_t left_out; /* batches some of whose payloads are not there: they stand as erased */
};

/*
 * Make the journal again: its segments in a new folder, byte for byte as far as they were committed. The folder must
 * not be there; what is whole before a fault is left in it. 0; E_EXISTS; E_GAP where the file is not of a whole
 * journal (an export from some entry on, or of an agent); what import_walk() returns; E_IO, E_FULL.
 */
int import_folder(source_t *source, const char *folder, struct imported *out,
    void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes), void *context,
    struct complaint *why);

#endif
