/*
 * cloudevents: events and records as CloudEvents 1.0 in JSON, one a line, and back to the byte. docs/CLOUDEVENTS.md
 * binds; data/vectors/cloudevents.json holds examples that other programs can test themselves with.
 */
#ifndef WAYPOST_REPLAY_CLOUDEVENTS_H
#define WAYPOST_REPLAY_CLOUDEVENTS_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/codec/frame.h"

/*
 * One event as a CloudEvent: attributes from its header, data.event as a person reads it, data.exact its bytes. New
 * reference; NULL where the bytes are no event.
 */
json_t *cloudevent_of(const char *network, struct slice event);

/*
 * The way back: data.exact, appended to out, after every attribute has been held against it. network: NULL takes the
 * one that the source names. 0, or the code with a sentence.
 */
int cloudevent_read(
    const json_t *line, const char *network, struct buf *out, struct complaint *why);

/* Everything that a message says, line by line: emit takes the reference. */
void cloudevents_write(const char *network, const Waypost__ExportRecord *message,
    void (*emit)(void *context, json_t *line), void *context);

/* Reads lines back into messages: a batch is one line and then one for each of its events. */
typedef struct cloudevents cloudevents_t;
cloudevents_t *cloudevents_new(void);
void cloudevents_destroy(cloudevents_t **self_p);

/*
 * Take a line (lent). *out is a message where it is complete with this line, else NULL; it lives until the next call.
 * 0, or the code with a sentence: nothing of that line counts.
 */
int cloudevents_take(cloudevents_t *self, const json_t *line, const Waypost__ExportRecord **out,
    struct complaint *why);
bool cloudevents_halfway(const cloudevents_t *self); /* events of a batch are still to come */

#endif
