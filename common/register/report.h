/*
 * report: a register for a reader: as JSON, and what differs between two. Pure.
 */
#ifndef WAYPOST_REGISTER_REPORT_H
#define WAYPOST_REGISTER_REPORT_H

#include <jansson.h>

#include "common/register/register.h"

/* New references. Times are UTC text, days dates; what is not there is left out. */
json_t *register_authority_json(const struct register_authority *authority);
json_t *register_agent_json(const struct register_agent *agent);
json_t *register_broker_json(const struct register_broker *broker);

/* network, version, issued, stale, threshold, roots, hash, and how many authorities, agents, brokers. */
json_t *register_head_json(const register_t *self);

/*
 * Every entry that differs: {change: added|removed|changed, what: register|authority|agent|broker, id, before, after},
 * in the order of what, then id. The head's hash and counts, which always differ, are left out.
 */
json_t *register_diff(const register_t *before, const register_t *after);

#endif
