/* disk_driven: see disk_driven.c; the functions are those of <unistd.h>. */
#ifndef WAYPOST_TESTS_STAGE_DISK_DRIVEN_H
#define WAYPOST_TESTS_STAGE_DISK_DRIVEN_H

#define STAGE_DISK_VARIABLE "WAYPOST_STAGE_DISK" /* a folder; see disk_driven.c */

#endif
