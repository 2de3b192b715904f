/*
 * register_file: registers as the register commands read them: from a file, or from the agent.
 */
#ifndef WAYPOST_CLI_REGISTER_FILE_H
#define WAYPOST_CLI_REGISTER_FILE_H

#include "client/cli/cli.h"
#include "common/register/register.h"

/*
 * Load a signed register from a file. Its signatures are checked against the roots of the join file, or, where
 * that is NULL, against those that it names itself.
 * Returns CLI_DONE; else it has been said why, and the exit code to return.
 */
int register_file_load(struct cli *cli, const char *path, const char *join_path, register_t **out);

/* The same from --register FILE, or from the agent where it is not given; --join FILE as above. */
int register_file_or_agent(struct cli *cli, register_t **out);

/* Folder of the data that is shipped: $WAYPOST_DATA, else where it was installed, else ./data. Static. */
const char *register_data_folder(void);

#endif
