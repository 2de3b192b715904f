/*
 * endpoint: where a broker is, or listens, as a setting of a file names it: the same check for a join file, an agent and a
 * broker.
 */
#ifndef WAYPOST_REGISTER_ENDPOINT_H
#define WAYPOST_REGISTER_ENDPOINT_H

#include "common/base/settings.h"
#include "common/register/rules.h"

/* One item of a setting that is a list of endpoints. 0 with out, lent from file; or E_CONFIG with file, setting and what to
 * write in why. */
int endpoint_at(const settings_t *file, const char *setting, size_t index, enum endpoint_use use,
    const char **out, struct complaint *why);

#endif
