/*
 * store_schema: the tables of the agent's database.
 */
#ifndef WAYPOST_AGENT_STORE_SCHEMA_H
#define WAYPOST_AGENT_STORE_SCHEMA_H

enum { STORE_SCHEMA_VERSION = 3 };

/* Statements that lead from version n to n + 1, in order, NULL at the end of each. */
extern const char *const *const store_schema[STORE_SCHEMA_VERSION];

#endif
