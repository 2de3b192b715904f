/*
 * command_line: what a daemon of ours understands on its command line: its configuration, a check, and what prints and exits.
 */
#ifndef WAYPOST_BASE_COMMAND_LINE_H
#define WAYPOST_BASE_COMMAND_LINE_H

#include <stdbool.h>

#include "common/base/settings.h"

/* A program as its help describes it. Everything is lent. */
struct command_program {
    const char *name;                  /* "waypost-broker" */
    const char *purpose;               /* one sentence */
    const char *checks;                /* what -n looks at: "configuration, keys and join file" */
    const char *signals;               /* "TERM and INT stop in order." */
    const struct setting_table *table; /* options of the configuration */
    const char *const *examples;       /* for --sample */
    const char *flag;      /* one more option without a value, "rebuild"; NULL for none */
    const char *flag_text; /* what it does, for --help */
};

enum { COMMAND_GOES_ON = -1, COMMAND_WRONG = 2 };

struct command_line {
    const char *config; /* lent from argv */
    bool check;
    bool debug;
    bool flag; /* the program's own was given */
    int done;  /* exit code where nothing is left to do, COMMAND_GOES_ON otherwise */
};

/* Read; help, version, sample and manual are printed here, and what is wrong is said on standard error. */
struct command_line command_line_read(const struct command_program *program, int argc, char **argv);

#endif
