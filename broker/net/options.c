/* options: see options.h. Faults are returned with a complaint. */
#include "broker/net/options.h"

#include <stdio.h>
#include <string.h>

#include "broker/net/procedure_files.h"
#include "common/alarm/teller.h"
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/codec/limits.h"
#include "common/procedure/folder.h"
#include "common/register/endpoint.h"

#include "common/base/banned.h"

enum { SILENT_HEARTBEATS = 3 }; /* docs/PROTOCOL.md T-4 */

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

static const struct setting rows[] = {
    {"listen", SETTING_LIST, NULL, 1, NET_ENDPOINTS_MAX, "endpoints",
        "Where agents connect, tcp://ADDRESS:PORT or ipc://PATH. A port given as * is chosen by "
        "the "
        "system and told in the log and in ready-file."},
    {"data", SETTING_PATH, NULL, 1, 1024, "",
        "Folder of the journal. It is made where it is missing, with mode 0700. One broker uses it "
        "at a time."},
    {"keys", SETTING_PATH, NULL, 1, 1024, "",
        "File of the broker's secret keys, mode 0600, made by waypost keygen."},
    {"register", SETTING_PATH, NULL, 1, 1024, "",
        "File of the signed register. Read at the start and at every SIGHUP. A file that does not "
        "verify leaves the register in force as it is."},
    {"procedures", SETTING_PATH, "", 1, 1024, "",
        "Folder of the procedures' data (procedures, profiles, register below it), where not the "
        "one that was installed with the program; or none, to carry events without judging them. "
        "Read at the start and at every SIGHUP. Files that cannot be used leave those in force."},
    {"join", SETTING_PATH, "", 1, 1024, "",
        "Join file of the network: its name, the root keys that sign the register, and how many of "
        "them must. Stands instead of network, roots and threshold."},
    {"network", SETTING_TEXT, "", 1, NETWORK_NAME_BYTES_MAX, "",
        "Name of the network, where no join file is given."},
    {"roots", SETTING_LIST, "", 1, 9, "root keys",
        "Public root keys, 64 hexadecimal digits each, where no join file is given."},
    {"threshold", SETTING_UINT, "1", 1, 9, "signatures",
        "How many roots must sign the register, where no join file is given."},
    {"ready-file", SETTING_PATH, "", 1, 1024, "",
        "File that is written when agents can connect, one bound endpoint a line, and removed when "
        "the broker stops. It appears whole or not at all."},
    {"credit-events", SETTING_UINT, "1024", 1, CREDIT_EVENTS_MAX, "events",
        "How many events an agent may have published and not receipted."},
    {"credit-bytes", SETTING_BYTES, "4 MiB", 64 * KIB, 64 * MIB, "",
        "How many bytes an agent may have published and not receipted. With nothing in flight one "
        "event of any allowed size may go."},
    {"inflight", SETTING_BYTES, "64 MiB", MIB, 4 * GIB, "",
        "How much may be accepted and not yet on disk, all agents together. Above it publishers "
        "are "
        "told to wait."},
    {"heartbeat", SETTING_DURATION, "10 s", 1000, 300000, "",
        "How often agents give a sign of life. After three times as long without any an agent "
        "counts as gone."},
    {"segment", SETTING_BYTES, "64 MiB", MIB, GIB, "",
        "Size of one file of the journal. A file that is full is never written again."},
    {"snapshot", SETTING_BYTES, "16 MiB", MIB, 64 * GIB, "",
        "How far the journal grows between snapshots. Smaller starts faster, larger writes less."},
    {"free-min", SETTING_BYTES, "1 GiB", MIB, 1024 * GIB, "",
        "Free space under data below which only protective kinds are taken."},
    {"io-threads", SETTING_UINT, "2", 1, 16, "threads",
        "Threads that encrypt and move bytes. One serves about 400,000 small messages a second."},
    {"connections-max", SETTING_UINT, "8192", 16, 1000000, "connections",
        "Connections that are expected at most. The limit of open files is raised to fit, and "
        "handshakes beyond are told to come again."},
    {"metrics", SETTING_TEXT, "", 1, HTTP_ADDRESS_BYTES_MAX - 1, "",
        "ADDRESS:PORT where /metrics (for Prometheus) and /healthz are served over HTTP, such as "
        "127.0.0.1:9101; port * for one that the system chooses. Off where it is not given. "
        "Nobody is asked who he is: keep it on the loopback, or behind a firewall."},
    TELLER_ROWS,
    {"alarm-silence", SETTING_DURATION, "24 h", 1000, 2678400000, "",
        "An agent that was here and has been away for this time is an alarm."},
    {"handshake", SETTING_DURATION, "3 s", 500, 30000, "",
        "Time that a connection has to prove its key before it is closed."},
    {"allow-copy-on-write", SETTING_BOOL, "no", 0, 1, "",
        "Whether data may lie on btrfs, ZFS or bcachefs, which keep old copies of erased bytes. A "
        "payload then is erased only when those copies are gone as well."},
};

const struct setting_table broker_table = {"waypost-broker", rows, sizeof rows / sizeof rows[0]};

const char *const broker_examples[] = {"listen", "tcp://127.0.0.1:5670", "data",
    "/var/lib/waypost-broker", "keys", "/etc/waypost/broker.keys", "register",
    "/etc/waypost/register", "join", "/etc/waypost/join.zpl", NULL};

/* network, roots and threshold as a join file's text, so that there is one reader of both. */
static int pin_inline(const settings_t *settings, struct join *out, struct complaint *why)
{
    struct buf text = {0};

    if (!settings_given(settings, "network") || !settings_given(settings, "roots")) {
        return complain(why, E_CONFIG,
            "%s: nothing says whom to believe; set join = FILE, or network, roots and threshold",
            settings_file(settings));
    }
    buf_put_text(&text, "network = \"%s\"\nthreshold = %llu\n", settings_text(settings, "network"),
        (unsigned long long)settings_number(settings, "threshold"));
    for (size_t i = 0; i < settings_list_count(settings, "roots"); i++) {
        buf_put_text(&text, "roots = \"%s\"\n", settings_list_at(settings, "roots", i));
    }
    int rc = join_parse(settings_file(settings), buf_slice(&text), out, why);
    buf_free(&text);
    return rc;
}

static int pin_read(const settings_t *settings, struct join *out, struct complaint *why)
{
    static const char *const parts[] = {"network", "roots", "threshold"};

    if (!settings_given(settings, "join")) {
        return pin_inline(settings, out, why);
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (settings_given(settings, parts[i])) {
            return complain(why, E_CONFIG,
                "%s: join and %s are both set; the join file holds all three, remove %s",
                settings_file(settings), parts[i], parts[i]);
        }
    }
    return join_load(settings_text(settings, "join"), out, why);
}

static int endpoints_read(
    const settings_t *settings, struct broker_options *out, struct complaint *why)
{
    out->listen_count = settings_list_count(settings, "listen");
    for (size_t i = 0; i < out->listen_count; i++) {
        int rc = endpoint_at(settings, "listen", i, ENDPOINT_LISTEN, &out->listen[i], why);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int metrics_read(
    const settings_t *settings, struct broker_options *out, struct complaint *why)
{
    char option[320];

    out->has_metrics = settings_given(settings, "metrics");
    if (!out->has_metrics) {
        return 0;
    }
    (void)snprintf(option, sizeof option, "%s: metrics", settings_file(settings));
    return http_address_parse(option, settings_text(settings, "metrics"), &out->metrics, why);
}

static void numbers_read(const settings_t *settings, struct broker_options *out)
{
    out->core.network = out->join.network;
    out->core.credit_events = (uint32_t)settings_number(settings, "credit-events");
    out->core.credit_bytes = (uint32_t)settings_number(settings, "credit-bytes");
    out->core.heartbeat_ms = (uint32_t)settings_number(settings, "heartbeat");
    out->core.session_ms = SILENT_HEARTBEATS * out->core.heartbeat_ms;
    out->core.snapshot_bytes = settings_number(settings, "snapshot");
    out->core.free_bytes_min = settings_number(settings, "free-min");
    out->core.inflight_bytes_max = settings_number(settings, "inflight");
    out->segment_bytes = settings_number(settings, "segment");
    out->io_threads = (uint32_t)settings_number(settings, "io-threads");
    out->connections_max = (uint32_t)settings_number(settings, "connections-max");
    out->handshake_ms = (uint32_t)settings_number(settings, "handshake");
    out->allow_copy_on_write = settings_flag(settings, "allow-copy-on-write");
}

/* A path that ends in the word alone; a folder of that name is written with a slash behind it. */
static void procedures_read(const settings_t *settings, struct broker_options *out)
{
    const char *path = settings_text(settings, "procedures");
    const char *slash = strrchr(path, '/');

    if (!settings_given(settings, "procedures")) {
        out->procedures = procedures_folder_default();
    } else if (strcmp(slash == NULL ? path : slash + 1, PROCEDURES_NONE) == 0) {
        out->procedures = NULL;
    } else {
        out->procedures = path;
    }
}

int broker_options_load(const char *path, struct broker_options *out, struct complaint *why)
{
    settings_t *settings;

    *out = (struct broker_options){.settings = NULL};
    int rc = settings_load(&broker_table, path, &settings, why);
    if (rc != 0) {
        return rc;
    }
    rc = endpoints_read(settings, out, why);
    rc = rc != 0 ? rc : metrics_read(settings, out, why);
    rc = rc != 0 ? rc : teller_check(settings, why);
    rc = rc != 0 ? rc : pin_read(settings, &out->join, why);
    if (rc != 0) {
        settings_destroy(&settings);
        return rc;
    }
    out->settings = settings;
    out->data = settings_text(settings, "data");
    out->keys = settings_text(settings, "keys");
    out->registry = settings_text(settings, "register");
    out->ready_file = settings_text(settings, "ready-file");
    procedures_read(settings, out);
    numbers_read(settings, out);
    return 0;
}

void broker_options_destroy(struct broker_options *self)
{
    assert(self != NULL);
    settings_destroy(&self->settings);
}
