/*
 * host: what the broker asks of the machine it runs on, once, at the start.
 */
#ifndef WAYPOST_BROKER_NET_HOST_H
#define WAYPOST_BROKER_NET_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

/* Remove ZSYS_* from the environment: czmq would change limits and signal handling by them. */
void host_clear_environment(void);

/*
 * Block INT, TERM, HUP, USR1 and PIPE for this thread and all that come after it, and give a descriptor to read them
 * from; czmq is told to keep its hands off them. Before any other call of czmq or libzmq, whose threads inherit the
 * mask. Returns 0 or E_IO.
 */
int host_take_signals(int *fd_out);

/* Are the libraries of the versions that the broker was tested with, or newer? 0, or E_STATE with what to install. */
int host_check_libraries(struct complaint *why);

/* Raise the limit of open files to `wanted`. 0; E_FULL where the hard limit is lower, with what to configure: the start
 * goes on with what there is. */
int host_raise_files(uint64_t wanted, struct complaint *why);

/* 0; E_STATE where the folder lies on a file system that keeps old copies of what is overwritten (its name in why);
 * E_NOT_FOUND, E_IO. */
int host_check_overwrites(const char *dir, struct complaint *why);

/* May this process make files in the folder? 0 or E_PERMISSION, E_NOT_FOUND. */
int host_check_writable(const char *dir, struct complaint *why);

#endif
