/* endpoint: see endpoint.h. Pure; a fault is returned with a complaint. */
#include "common/register/endpoint.h"

#include "common/base/banned.h"

int endpoint_at(const settings_t *file, const char *setting, size_t index, enum endpoint_use use,
    const char **out, struct complaint *why)
{
    const char *endpoint = settings_list_at(file, setting, index);

    if (!rules_endpoint_valid(endpoint, use)) {
        return complain(why, E_CONFIG,
            "%s: %s: \"%.80s\" is not an endpoint; write tcp://%s:PORT or ipc://PATH, of at most "
            "%d bytes",
            settings_file(file), setting, endpoint, use == ENDPOINT_LISTEN ? "ADDRESS" : "HOST",
            REGISTER_ENDPOINT_BYTES_MAX);
    }
    *out = endpoint;
    return 0;
}
