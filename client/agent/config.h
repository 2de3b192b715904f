/*
 * config: the agent's options as one table (common/base/settings.h) and what they say, read and
 * checked.
 */
#ifndef WAYPOST_AGENT_CONFIG_H
#define WAYPOST_AGENT_CONFIG_H

#include "client/agent/limits.h"
#include "common/alarm/teller.h"
#include "common/base/settings.h"
#include "common/crypto/keys.h"
#include "common/http/http.h"
#include "common/procedure/procedures.h"
#include "common/register/join.h"

#define AGENT_MIB UINT64_C(1048576)

/* Options of every program that is linked to the broker like an agent: rows of its table. */
/* clang-format off */
#define AGENT_LINK_ROWS \
    {"data", SETTING_PATH, NULL, 1, 1024, "", \
        "Folder of the database. It is made where it is missing, with mode 0700. One program " \
        "uses it at a time."}, \
    {"keys", SETTING_LIST, NULL, 1, AGENT_KEYS_MAX, "files", \
        "File of the agent's secret keys, mode 0600, made by waypost keygen. Two during a " \
        "rotation: the newest that the " \
        "register holds is used, both open what was sealed to them."}, \
    {"join", SETTING_PATH, NULL, 1, 1024, "", \
        "Join file of the network: its name, the root keys that sign the register, where the " \
        "broker is and its key."}, \
    {"register", SETTING_PATH, "", 1, 1024, "", \
        "File of a signed register to begin with, before the broker was ever reached. An older one " \
        "than the agent holds is " \
        "passed over."}, \
    {"socket", SETTING_PATH, "/run/waypost/agent.sock", 1, 100, "", \
        "Unix socket for waypost, libwaypost and case systems, mode 0660."}, \
    {"socket-group", SETTING_TEXT, "", 1, 32, "", \
        "Group that the socket is given to: its members may use the agent."}, \
    {"endpoints", SETTING_LIST, "", 0, AGENT_ENDPOINTS_MAX, "endpoints", \
        "Where the broker is, tcp://HOST:PORT or ipc://PATH, tried in turn; instead of those in " \
        "the join file."}, \
    {"ready-file", SETTING_PATH, "", 1, 1024, "", \
        "File that is written when the socket answers, and removed when the agent stops."}

#define AGENT_FOLD_ROWS \
    {"procedures", SETTING_TEXT, "", 1, 1024, "", \
        "Folder that holds procedures, profiles and register tables, for clocks, whois and " \
        "timelines; those of the " \
        "installation where nothing is said, none to do without."}, \
    {"credit-events", SETTING_UINT, "1024", 1, CREDIT_EVENTS_MAX, "entries", \
        "How many entries the broker may have on their way to this agent."}, \
    {"credit-bytes", SETTING_BYTES, "4 MiB", AGENT_MIB, 64 * AGENT_MIB, "", "How many bytes of them."}, \
    {"metrics", SETTING_TEXT, "", 1, HTTP_ADDRESS_BYTES_MAX - 1, "", \
        "ADDRESS:PORT where /metrics (for Prometheus) and /healthz are served over HTTP, such as " \
        "127.0.0.1:9102; port * for one that the system chooses. Off where it is not given. " \
        "Nobody is asked who he is: keep it on the loopback, or behind a firewall."}, \
    TELLER_ROWS
/* clang-format on */

extern const struct setting_table agent_table;
#define AGENT_DATABASE "agent.db"
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
    bool has_metrics;
    struct http_address metrics; /* where /metrics and /healthz are served */
};

/* 0; E_CONFIG, E_NOT_FOUND, E_PERMISSION... with a sentence. On failure nothing is left to
 * destroy. table: agent_table, or another with the rows above; database: the file below `data`. */
int agent_config_load(const struct setting_table *table, const char *database, const char *path,
    struct agent_config *out, struct complaint *why);
void agent_config_destroy(struct agent_config *self);

#endif
