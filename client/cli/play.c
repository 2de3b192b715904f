/* play: see play.h. Failures are those of scenario_run(). */
#include "client/cli/play.h"

#include "client/lab/network_cores.h"
#include "common/base/log.h"

#include "common/base/banned.h"

int play_scenario(struct cli *cli, const scenario_t *scenario, const data_files_t *data,
    const struct run_watcher *watcher, struct run_result *out, uint32_t *line,
    struct complaint *why)
{
    if (cli_flag(cli, "fast")) {
        return scenario_run(scenario, watcher, out, line, why);
    }
    const char *cannot = network_cores_cannot(scenario);
    if (cannot != NULL) {
        return complain(why, E_RANGE, "%s; play it with --fast", cannot);
    }
    log_init("waypost", LOG_NOTHING);
    return scenario_run_cores(scenario, data, watcher, out, line, why);
}
