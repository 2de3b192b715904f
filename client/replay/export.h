/*
 * export: records of a source written to a file that import.h reads back: length-delimited protobuf messages
 * (ExportRecord) or CloudEvents, one a line (docs/CLOUDEVENTS.md).
 */
#ifndef WAYPOST_REPLAY_EXPORT_H
#define WAYPOST_REPLAY_EXPORT_H

#include <stdio.h>

#include "client/replay/source.h"
#include "common/codec/frame.h"

typedef struct exporter exporter_t;

/* out: lent. form: SOURCE_PROTOBUF or SOURCE_CLOUDEVENTS. payloads: copy the sealed bytes as well. */
exporter_t *exporter_new(FILE *out, enum source_form form, bool payloads);
void exporter_destroy(exporter_t **self_p);

/* Take the name of the network from a segment's header without writing it: for an export from some entry on. */
void exporter_network(exporter_t *self, struct slice header);

/* 0, or E_IO where the file cannot be written. */
int exporter_segment(exporter_t *self, uint32_t segment, struct slice header);
int exporter_record(exporter_t *self, const struct record *record, uint64_t position);
/* A message that somebody else made: of an agent. network as the lines name it. */
int exporter_message(exporter_t *self, const char *network, const Waypost__ExportRecord *message);

#endif
