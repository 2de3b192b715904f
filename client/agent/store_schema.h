/*
 * store_schema: the tables of the agent's database.
 */
#ifndef WAYPOST_AGENT_STORE_SCHEMA_H
#define WAYPOST_AGENT_STORE_SCHEMA_H

enum { STORE_SCHEMA_VERSION = 1 };

extern const char *const store_schema[]; /* statements in order, NULL at the end */

#endif
