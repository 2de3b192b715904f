/* address: where a server listens, as a configuration says it. Faults are returned with a complaint. */
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "common/http/http.h"

#include "common/base/banned.h"

static bool port_parse(const char *text, uint16_t *out)
{
    char *end;

    if (strcmp(text, "*") == 0) {
        *out = 0;
        return true;
    }
    unsigned long port = strtoul(text, &end, 10);
    if (*text < '1' || *text > '9' || *end != '\0' || port > UINT16_MAX) {
        return false;
    }
    *out = (uint16_t)port;
    return true;
}

static bool host_parse(const char *text, size_t len, struct http_address *out)
{
    struct in6_addr six;
    struct in_addr four;

    out->is_six = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (out->is_six) {
        text++;
        len -= 2;
    }
    if (len >= sizeof out->host) {
        return false;
    }
    memcpy(out->host, text, len);
    out->host[len] = '\0';
    if (out->is_six) {
        bool good = inet_pton(AF_INET6, out->host, &six) == 1;
        out->loopback = good && IN6_IS_ADDR_LOOPBACK(&six);
        return good;
    }
    bool good = inet_pton(AF_INET, out->host, &four) == 1;
    out->loopback = good && (ntohl(four.s_addr) >> 24) == 127;
    return good;
}

int http_address_parse(
    const char *option, const char *text, struct http_address *out, struct complaint *why)
{
    const char *colon = strrchr(text, ':');
    struct http_address address = {.port = 0};

    if (colon == NULL || !host_parse(text, (size_t)(colon - text), &address) ||
        !port_parse(colon + 1, &address.port)) {
        return complain(why, E_CONFIG,
            "%s: \"%.60s\" is no address to listen on; write ADDRESS:PORT in numbers, such as "
            "127.0.0.1:9100 or [::1]:9100",
            option, text);
    }
    *out = address;
    return 0;
}
