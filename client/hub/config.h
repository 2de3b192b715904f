/* config: the hub's options as one table: those of the link (client/agent/config.h) and its own. */
#ifndef WAYPOST_HUB_CONFIG_H
#define WAYPOST_HUB_CONFIG_H

#include "client/agent/config.h"
#include "common/http/http.h"

#define HUB_DATABASE "hub.db"

extern const struct setting_table hub_table;
extern const char *const hub_examples[];

struct hub_config {
    int64_t threshold;
    int32_t days;
    int64_t quiet_ms, away_ms;
    bool page; /* a web page is served */
    struct http_address page_address;
    int64_t page_session_ms; /* without a request */
};

/* 0 or E_CONFIG with a sentence. */
int hub_config_read(const settings_t *settings, struct hub_config *out, struct complaint *why);

#endif
