/*
 * placement: may a program put its socket or its ready-file where its configuration says, and can it run what is named
 * there? Whoever names a file of something else's in their place must not lose it. Reads the file system alone.
 */
#ifndef WAYPOST_BASE_PLACEMENT_H
#define WAYPOST_BASE_PLACEMENT_H

#include "common/base/err.h"

/* All: 0, or E_CONFIG; `option` is how the complaint names the place, "agent.zpl: socket". */

/* A Unix socket may be made at `path`: nothing is there, or a socket (one that was left is replaced). */
int placement_socket(const char *option, const char *path, struct complaint *why);

/* Likewise for a file that says where a program listens: nothing is there, or what such a file holds, a word a line. */
int placement_ready_file(const char *option, const char *path, struct complaint *why);

/* `path` is a file that this user may run. */
int placement_program(const char *option, const char *path, struct complaint *why);

#endif
