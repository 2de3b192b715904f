/*
 * health: the answer to /healthz: is this program doing its work? A list of checks, each with a sentence; 200 where all
 * hold, 503 where one does not. A check tells what was seen to work a moment ago, never what should.
 *
 *     {"healthy": false, "program": "waypost-agent", "checks": [
 *       {"check": "broker", "good": false, "text": "no answer of the broker for 95 s"}]}
 */
#ifndef WAYPOST_METRICS_HEALTH_H
#define WAYPOST_METRICS_HEALTH_H

#include "common/http/http.h"

struct health {
    struct http_reply *reply; /* being filled in */
    bool bad;
    size_t count;
};

void health_begin(struct health *self, const char *program, struct http_reply *reply);
/* check: a word. The sentence says what is so, good or not, and what to do where it is not. */
void health_check(struct health *self, const char *check, bool good, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void health_end(struct health *self);

#endif
