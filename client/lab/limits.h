/*
 * limits: every number that bounds the rehearsal of scenarios, with unit and reason.
 */
#ifndef WAYPOST_LAB_LIMITS_H
#define WAYPOST_LAB_LIMITS_H

enum {
    SCENARIO_BYTES_MAX = 536870912, /* one file: a national year of a million events fits twice */
    SCENARIO_LINE_BYTES_MAX = 4096, /* one statement: sixteen recipients and every fact of a kind */
    SCENARIO_LINE_WORDS_MAX = 128,  /* words of one statement: likewise */
    SCENARIO_NAME_BYTES_MAX = 64,   /* a label, the name of a transfer or a child */
    SCENARIO_LIST_MAX = 64,         /* items of one list in an expectation */
    SCENARIO_FACTS_MAX = 96,        /* facts of one statement */
    DATA_FILE_BYTES_MAX = 4194304,  /* one table, profile or register file */
    DATA_PROFILES_MAX = 64,         /* profile files of one folder */
    GOT_BYTES_MAX = 1024,           /* what a failed expectation says that it found */
};

#endif
