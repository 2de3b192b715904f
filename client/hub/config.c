/* config: see config.h. Faults are returned with a complaint that names the option. */
#include "client/hub/config.h"

#include <string.h>

#include "client/hub/limits.h"

#include "common/base/banned.h"

static const struct setting rows[] = {
    AGENT_LINK_ROWS,
    {"page", SETTING_TEXT, "", 1, 64, "",
        "Where the web page is served, ADDRESS:PORT in numbers, on this machine alone: "
        "127.0.0.1:8460. Port * takes a free one. waypost hub link prints the address that logs "
        "a browser in. Off where nothing is said."},
    {"page-session", SETTING_DURATION, "12 h", 60000, 7 * UINT64_C(86400000), "",
        "How long a browser stays logged in without asking for anything."},
    {"small-counts", SETTING_UINT, "5", 1, 100, "",
        "Counts from 1 to below this are not shown, on any screen and in anything exported; 1 "
        "shows all."},
    {"flow-days", SETTING_UINT, "28", 1, 366, "days",
        "Over how many days, today included, notices, acceptances and the like are counted."},
    {"quiet-after", SETTING_DURATION, "7 d", 3600000, 366 * UINT64_C(86400000), "",
        "Silence after which an authority that owes something counts as quiet."},
    {"not-listening-after", SETTING_DURATION, "15 min", 1000, 30 * UINT64_C(86400000), "",
        "How long an authority's agent may be away from the broker before it counts as not "
        "listening."},
    AGENT_FOLD_ROWS,
};

const struct setting_table hub_table = {"waypost-hub", rows, sizeof rows / sizeof rows[0]};

const char *const hub_examples[] = {"data", "/var/lib/waypost-hub", "keys", "/etc/waypost/hub.keys",
    "join", "/etc/waypost/network.join", "socket", "/run/waypost-hub/hub.sock", "page",
    "127.0.0.1:8460", NULL};

int hub_config_read(const settings_t *settings, struct hub_config *out, struct complaint *why)
{
    const char *page = settings_text(settings, "page");

    memset(out, 0, sizeof *out);
    out->threshold = (int64_t)settings_number(settings, "small-counts");
    out->days = (int32_t)settings_number(settings, "flow-days");
    out->quiet_ms = (int64_t)settings_number(settings, "quiet-after");
    out->away_ms = (int64_t)settings_number(settings, "not-listening-after");
    out->page_session_ms = (int64_t)settings_number(settings, "page-session");
    out->page = page[0] != '\0';
    if (!out->page) {
        return 0;
    }
    int rc = http_address_parse("page", page, &out->page_address, why);
    if (rc == 0 && !out->page_address.loopback) {
        rc = complain(why, E_CONFIG,
            "%s: page: %s is reached from other machines; the page is plain HTTP and belongs on "
            "127.0.0.1 or [::1], behind a proxy with TLS where others are to see it",
            settings_file(settings), page);
    }
    return rc;
}
