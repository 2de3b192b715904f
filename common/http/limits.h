/*
 * limits: every number that bounds the HTTP servers of our programs, with unit and reason.
 */
#ifndef WAYPOST_HTTP_LIMITS_H
#define WAYPOST_HTTP_LIMITS_H

enum {
    HTTP_ADDRESS_BYTES_MAX = 64, /* "[address]:port" of IPv6 with its terminator */
    HTTP_CONNECTIONS_MAX = 64,   /* a scraper, a browser or two, and room; more wait */
    HTTP_HEAD_BYTES_MAX = 32768, /* request line, headers and their bookkeeping: else 431 */
    HTTP_REQUEST_MS_MAX = 30000, /* from the end of one request to the end of the next */
    HTTP_BODY_BYTES_MAX = 65536, /* of a POST, whatever its route says */
    HTTP_REPLY_HEADERS_MAX = 12, /* that a route may add */
    HTTP_REPLY_BODY_BYTES_MAX = 16777216, /* an answer: far above a page of a hub */
    HTTP_STREAMS_MAX =
        32, /* connections that stay open to be told: half of all, for browsers alone hold them */
    HTTP_STREAM_MS_MAX = 60000, /* then the client asks again, and is looked at again */
    HTTP_NEWS_BYTES_MAX = 512,  /* of what is told at a time */
    HTTP_BACKLOG = 64,          /* connections waiting for accept() */
};

#endif
