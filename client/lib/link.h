/*
 * link: one connection to the agent's socket, lines out and lines in, and the requests in JSON. Private to libwaypost.
 */
#ifndef WAYPOST_LIB_LINK_H
#define WAYPOST_LIB_LINK_H

#include <jansson.h>

#include "client/lib/waypost.h"

enum {
    REQUEST_BYTES_MAX = 1048576, /* docs/LOCAL-API.md */
    ANSWER_BYTES_MAX =
        8388608,          /* a register of 1 MB in base64, a full page of an inbox, with room */
    READ_BYTES = 65536,   /* one read */
    TIMEOUT_MS = 30000,   /* unless wp_timeout() says otherwise */
    PATH_BYTES_MAX = 107, /* of a Unix socket's address on Linux */
};

/* Note a sentence for wp_error_text(); returns result. */
int link_complain(wp_agent_t *self, int result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Send one request (the reference is taken), and parse its one answer: a new reference where it is ok. */
int link_ask(wp_agent_t *self, json_t *request, json_t **answer);

#endif
