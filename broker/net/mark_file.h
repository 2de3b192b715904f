/*
 * mark_file: the memory in which the core notes the event that its engine is at (core_ports.mark), as a mapped file of
 * the journal's folder: what a process leaves in it is there for the next, however it ended.
 */
#ifndef WAYPOST_BROKER_NET_MARK_FILE_H
#define WAYPOST_BROKER_NET_MARK_FILE_H

#include "broker/core/core.h"

/*
 * Open, or begin with zeroes where there is none or it is none of ours. Returns 0 or the code of what failed, with
 * out NULL: a broker can do without. To be closed with mark_file_close().
 */
int mark_file_open(const char *dir, struct core_mark **out);
void mark_file_close(struct core_mark **mark_p);

#endif
