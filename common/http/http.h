/*
 * http: a small HTTP/1.1 server inside a program of ours, for what it says of itself: counters, health, the hub's page.
 * No thread: the program waits on http_fd() beside its own sockets and calls http_serve(). No TLS and no users: it
 * listens on the loopback unless told otherwise, and what must be protected asks for a token of its own.
 *
 * Whatever a client does is answered with a status and one sentence, or its connection is closed: it is never fatal,
 * never logged above debug, and limits.h bounds what it can take. On the loopback a Host that names another machine is
 * refused (a web page elsewhere cannot reach us through a name that it controls), and so is a POST from another origin.
 */
#ifndef WAYPOST_HTTP_HTTP_H
#define WAYPOST_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/world.h"
#include "common/http/limits.h"

/* ADDRESS:PORT in numbers: "127.0.0.1:9100", "[::1]:9100"; port * for one that the kernel picks. */
struct http_address {
    char host[46]; /* without brackets */
    uint16_t port; /* 0: the kernel picks */
    bool is_six;   /* IPv6 */
    bool loopback; /* only this machine reaches it */
};

/* 0, or E_CONFIG with a sentence that names the option. */
int http_address_parse(
    const char *option, const char *text, struct http_address *out, struct complaint *why);

/* A request as a route sees it; everything lent for the call. */
struct http_request {
    const char *method; /* "GET" (HEAD as well: the body is left out by itself) or "POST" */
    const char *path;   /* "/metrics", without the query, as decoded by libmicrohttpd */
    struct slice body;  /* of a POST */
    void *connection;   /* for the three below */
};

/* Value of a header, of an argument behind "?", of a cookie; NULL where there is none. Lent for the call. */
const char *http_request_header(const struct http_request *self, const char *name);
const char *http_request_argument(const struct http_request *self, const char *name);
const char *http_request_cookie(const struct http_request *self, const char *name);

/* An answer; the route fills it in, the server takes it. */
struct http_reply {
    unsigned status;  /* 200 beforehand */
    const char *type; /* Content-Type, static; text/plain beforehand */
    struct buf body;  /* taken */
    bool
        stays_open; /* in place of a body: what http_tell() says, from then on; 503 where too many do */
    struct {
        const char *name; /* static */
        char *value;      /* owned */
    } headers[HTTP_REPLY_HEADERS_MAX];
    size_t header_count;
};

/* Add a header; the value is copied, and cut at the first control character. name: static. */
void http_reply_header(struct http_reply *self, const char *name, const char *value);

/* A sentence instead of what was asked for; a newline is added. */
void http_reply_text(struct http_reply *self, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One row of a program's pages. Static. */
struct http_route {
    const char *method; /* "GET" or "POST" */
    const char *path;   /* the whole path; with `below`, what it must begin with */
    bool below;
    void (*answer)(void *context, const struct http_request *request, struct http_reply *reply);
};

struct http_options {
    struct http_address address;
    const struct http_route *routes; /* lent for the server's life; the first that fits answers */
    size_t route_count;
    void *context; /* handed to the routes */
    const struct world *world;
};

typedef struct http_server http_server_t;

/* Bind and listen. 0; E_EXISTS (the port is taken), E_PERMISSION, E_IO with a sentence. */
int http_open(const struct http_options *options, http_server_t **out, struct complaint *why);
void http_destroy(http_server_t **self_p);

const char *http_bound(const http_server_t *self); /* "127.0.0.1:41234"; lent */
int http_fd(const http_server_t *self);            /* readable where there is something to serve */
int64_t http_due_ms(const http_server_t *self);    /* on mono_ms: serve by then in any case */
void http_serve(http_server_t *self);              /* never waits */

/*
 * What replies that stay open say now, HTTP_NEWS_BYTES_MAX at the most: whole, and each new one as its first words. It is the state
 * and not its history: a client that has not taken the one before hears the latest alone, so that a slow one costs
 * nothing; one that takes nothing for HTTP_REQUEST_MS_MAX is closed. A stream ends after HTTP_STREAM_MS_MAX.
 */
void http_tell(http_server_t *self, const char *news);
void http_hang_up(http_server_t *self); /* every stream ends: who may listen has changed */

#endif
