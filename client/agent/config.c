/* config: see config.h. Faults are returned with a complaint that names file and option. */
#include "client/agent/config.h"

#include <stdio.h>
#include <string.h>

#include "common/base/fsio.h"
#include "common/base/placement.h"
#include "common/procedure/folder.h"
#include "common/register/endpoint.h"

#include "common/base/banned.h"

static const struct setting rows[] = {
    AGENT_LINK_ROWS,
    {"on-delivery", SETTING_PATH, "", 1, 1024, "",
        "Program that is run for every event that arrives, with the event as JSON on its standard "
        "input. Exit status 0 means "
        "taken; anything else is tried again, after 1 s, 2 s and so on up to 1 h. Order is kept "
        "within a transfer."},
    {"on-delivery-payload", SETTING_BOOL, "no", 0, 1, "",
        "Whether that program gets the opened sealed part as well. Without it, it calls waypost "
        "open, which is told to "
        "the sender."},
    {"on-delivery-timeout", SETTING_DURATION, "60 s", 1000, 3600000, "",
        "How long that program may run before it is killed and the event is tried again."},
    {"on-delivery-parallel", SETTING_UINT, "2", 1, AGENT_RECEIVERS_MAX, "programs",
        "How many of them run at a time, each for another transfer."},
    {"erase-due", SETTING_BOOL, "no", 0, 1, "",
        "Standing instruction: whether own sealed payloads are erased at every holder when the "
        "register's retention schedule says that they are due and no clock of their transfer runs. "
        "Without it, waypost erase --due lists them. A register without a schedule erases "
        "nothing."},
    AGENT_FOLD_ROWS,
};

const struct setting_table agent_table = {"waypost-agent", rows, sizeof rows / sizeof rows[0]};

const char *const agent_examples[] = {"data", "/var/lib/waypost-agent", "keys",
    "/etc/waypost/agent.keys", "join", "/etc/waypost/network.join", NULL};

/* Items of a list that are files count from the folder of the configuration, like single paths. */
static int resolve(
    const settings_t *settings, const char *item, char *out, size_t room, struct complaint *why)
{
    const char *file = settings_file(settings);
    const char *slash = strrchr(file, '/');
    int folder = item[0] == '/' || slash == NULL ? 0 : (int)(slash - file) + 1;
    int len = snprintf(out, room, "%.*s%s", folder, file, item);

    if (len < 0 || (size_t)len >= room) {
        return complain(why, E_CONFIG, "%s: keys: the path is too long", file);
    }
    return 0;
}

static int load_keys(struct agent_config *self, struct complaint *why)
{
    char path[1100];

    for (size_t i = 0; i < settings_list_count(self->settings, "keys"); i++) {
        int rc = resolve(
            self->settings, settings_list_at(self->settings, "keys", i), path, sizeof path, why);
        rc = rc != 0 ? rc : keys_load(path, &self->keys[i], why);
        if (rc != 0) {
            return rc;
        }
        self->key_count++;
        if (strcmp(self->keys[i].id, self->keys[0].id) != 0) {
            return complain(why, E_CONFIG,
                "%s: keys of two agents, %s and %s; one agent has one id",
                settings_file(self->settings), self->keys[0].id, self->keys[i].id);
        }
    }
    return 0;
}

/* Those of the configuration, or else those of the join file. */
static int load_endpoints(struct agent_config *self, struct complaint *why)
{
    self->endpoint_count = settings_list_count(self->settings, "endpoints");
    for (size_t i = 0; i < self->endpoint_count; i++) {
        int rc =
            endpoint_at(self->settings, "endpoints", i, ENDPOINT_CONNECT, &self->endpoints[i], why);
        if (rc != 0) {
            return rc;
        }
    }
    if (self->endpoint_count == 0) {
        self->endpoint_count = self->join.endpoint_count;
        for (size_t i = 0; i < self->endpoint_count; i++) {
            self->endpoints[i] = self->join.endpoints[i];
        }
    }
    if (self->endpoint_count == 0) {
        return complain(why, E_CONFIG,
            "%s: no endpoint of a broker is named there or in the join file",
            settings_file(self->settings));
    }
    return 0;
}

static int load_join(struct agent_config *self, struct complaint *why)
{
    int rc = join_load(settings_text(self->settings, "join"), &self->join, why);

    if (rc != 0) {
        return rc;
    }
    join_pin(&self->join, &self->pin);
    if (!self->join.has_broker) {
        return complain(why, E_CONFIG,
            "%s: names no broker key; ask the registrar for a join file for agents",
            settings_text(self->settings, "join"));
    }
    return load_endpoints(self, why);
}

static int load_rest(struct agent_config *self, const char *database, struct complaint *why)
{
    const char *cache = settings_text(self->settings, "register");
    int len = snprintf(self->database, sizeof self->database, "%s/%s",
        settings_text(self->settings, "data"), database);

    if (len < 0 || (size_t)len >= sizeof self->database) {
        return complain(
            why, E_CONFIG, "%s: data: the path is too long", settings_file(self->settings));
    }
    if (cache[0] == '\0') {
        return 0;
    }
    int rc = fsio_read_all(cache, REGISTER_BYTES_MAX, &self->first_register);
    return rc == 0 ? 0
                   : complain(why, rc, "%s: the register cannot be read: %s", cache, err_text(rc));
}

/* The tables that are named must be there; those of the installation are taken where they are. */
static int load_procedures(struct agent_config *self, struct complaint *why)
{
    const char *folder = settings_text(self->settings, "procedures");
    struct complaint unused;

    if (strcmp(folder, "none") == 0) {
        return 0;
    }
    if (folder[0] == '\0') {
        (void)procedures_folder_load(procedures_folder_default(), &self->procedures, &unused);
        return 0;
    }
    return procedures_folder_load(folder, &self->procedures, why);
}

static int check_place(const struct agent_config *self, const char *name,
    int (*check)(const char *option, const char *path, struct complaint *why),
    struct complaint *why)
{
    const char *path = settings_text(self->settings, name);
    char option[320];

    (void)snprintf(option, sizeof option, "%s: %s", settings_file(self->settings), name);
    return path[0] == '\0' ? 0 : check(option, path, why);
}

/* What would be replaced, and what has to be run. */
static int check_places(
    const struct agent_config *self, const struct setting_table *table, struct complaint *why)
{
    int rc = check_place(self, "socket", placement_socket, why);

    rc = rc != 0 ? rc : check_place(self, "ready-file", placement_ready_file, why);
    return rc != 0 || table != &agent_table /* a hub has no such program */
        ? rc
        : check_place(self, "on-delivery", placement_program, why);
}

static int load_metrics(struct agent_config *self, struct complaint *why)
{
    char option[320];

    self->has_metrics = settings_given(self->settings, "metrics");
    if (!self->has_metrics) {
        return 0;
    }
    (void)snprintf(option, sizeof option, "%s: metrics", settings_file(self->settings));
    return http_address_parse(
        option, settings_text(self->settings, "metrics"), &self->metrics, why);
}

int agent_config_load(const struct setting_table *table, const char *database, const char *path,
    struct agent_config *out, struct complaint *why)
{
    memset(out, 0, sizeof *out);
    int rc = settings_load(table, path, &out->settings, why);
    if (rc != 0) {
        return rc;
    }
    rc = load_keys(out, why);
    rc = rc != 0 ? rc : load_join(out, why);
    rc = rc != 0 ? rc : load_rest(out, database, why);
    rc = rc != 0 ? rc : check_places(out, table, why);
    rc = rc != 0 ? rc : load_metrics(out, why);
    rc = rc != 0 ? rc : teller_check(out->settings, why);
    rc = rc != 0 ? rc : load_procedures(out, why);
    if (rc != 0) {
        agent_config_destroy(out);
    }
    return rc;
}

void agent_config_destroy(struct agent_config *self)
{
    for (size_t i = 0; i < self->key_count; i++) {
        keys_wipe(&self->keys[i]);
    }
    buf_free(&self->first_register);
    procedures_destroy(&self->procedures);
    settings_destroy(&self->settings);
    memset(self, 0, sizeof *self);
}
