/*
 * children: the processes of a stage, each with its output appended to a log of its own. None outlives the stage: they
 * are killed when it ends, in whatever way (PR_SET_PDEATHSIG).
 */
#ifndef WAYPOST_TESTS_STAGE_CHILDREN_H
#define WAYPOST_TESTS_STAGE_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Start argv[0] with its output appended to `log`. Never fails: what cannot be started ends at once. */
pid_t child_start(const char *log, char *const *argv);

/* Send a signal and wait until it is gone; no signal reaches anybody where pid is 0. */
void child_end(pid_t *pid, int signal_number);

void child_wait(pid_t *pid); /* until it ends by itself */

/* Has it ended by itself? Then pid is 0. */
bool child_is_gone(pid_t *pid);

/* Milliseconds of the machine, for limits on waiting; and a short rest. */
int64_t stage_real_ms(void);
void stage_rest(void);

/* The stage cannot go on: a sentence, and exit 1. */
_Noreturn void stage_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
