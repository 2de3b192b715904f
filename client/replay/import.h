/*
 * import: files that `waypost export` wrote, read back as the records of the journal that they came from, to the byte.
 * docs/CLOUDEVENTS.md and the message ExportRecord (waypost.proto) describe them.
 */
#ifndef WAYPOST_REPLAY_IMPORT_H
#define WAYPOST_REPLAY_IMPORT_H

#include "client/replay/source.h"

/* What a file is, by how it begins. 0; E_MALFORMED, E_IO with a sentence. */
int import_form(const char *path, enum source_form *out, struct complaint *why);

/* Visit its records; as source_walk(). A complaint names the line, or the message and its offset. */
int import_walk(
    const char *path, enum source_form form, const struct source_walk *walk, struct complaint *why);

#endif
