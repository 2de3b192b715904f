/*
 * child: run an operator's program beside ours: bytes on its standard input, its output thrown away, its own process
 * group, our signal mask and descriptors not handed down. Nothing here waits.
 */
#ifndef WAYPOST_BASE_CHILD_H
#define WAYPOST_BASE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/bytes.h"

/*
 * Start a program.
 *
 *   argv   argv[0] is the path, NULL at the end; lent for the call
 *   input  what it reads; lent for the call; wiped from our memory by whoever made it
 *
 * Returns 0, or E_IO with errno set: not there, not executable, no memory, no process.
 */
int child_start(char *const *argv, struct slice input, pid_t *out);

/* Has it ended? Then true, and whether with status 0; else what it ended with as a few words in `what`. */
bool child_ended(pid_t pid, bool *good, char *what, size_t room);

/* End it and all that it started, at once; child_ended() is still to be asked. */
void child_kill(pid_t pid);

#endif
