/*
 * config: the agent's options as one table (common/base/settings.h) and what they say, read and
 * checked.
 */
#ifndef WAYPOST_AGENT_CONFIG_H
#define WAYPOST_AGENT_CONFIG_H

#include "client/agent/limits.h"
#include "common/base/settings.h"
#include "common/crypto/keys.h"
#include "common/procedure/procedures.h"
#include "common/register/join.h"

extern const struct setting_table agent_table;
extern const char *const agent_examples[];

struct agent_config {
    settings_t *settings; /* owned; the texts below lend from it */
    struct join join;
    struct register_pin pin; /* lends from join */
    struct keys keys[AGENT_KEYS_MAX];
    size_t key_count;
    char database[1100];
    size_t endpoint_count;
    const char *endpoints[AGENT_ENDPOINTS_MAX];
    struct buf first_register; /* owned; empty where no file is named */
    procedures_t *procedures;  /* owned; NULL for none */
};

/* 0; E_CONFIG, E_NOT_FOUND, E_PERMISSION... with a sentence. On failure nothing is left to
 * destroy. */
int agent_config_load(const char *path, struct agent_config *out, struct complaint *why);
void agent_config_destroy(struct agent_config *self);

#endif
