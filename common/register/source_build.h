/*
 * source_build: a register under construction, shared by source.c (the whole), source_places.c (authorities) and
 * source_agents.c (agents, brokers). Everything that is put into the message belongs to the build and goes with it.
 */
#ifndef WAYPOST_REGISTER_SOURCE_BUILD_H
#define WAYPOST_REGISTER_SOURCE_BUILD_H

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/zpl.h"
#include "register.pb-c.h"

enum {
    SOURCE_FILE_BYTES_MAX = 4194304,  /* the source, 4,000 agents written out */
    SOURCE_TABLE_BYTES_MAX = 1048576, /* a table of authorities */
    SOURCE_PATH_BYTES = 4096,
};

struct source {
    const char *path; /* lent */
    zpl_t *zpl;
    Waypost__Register message;
    size_t authority_capacity; /* pointers that message.authorities has room for */
    void **owned;              /* everything allocated for the message */
    size_t owned_count;
    size_t owned_capacity;
    struct complaint *why; /* lent */
};

/* Memory that lives as long as the build. */
void *source_new(struct source *self, size_t count, size_t bytes);
char *source_text(struct source *self, const char *text);

/* The file name as it stands in the source, from the source's folder on. 0 or E_RANGE with the sentence. */
int source_resolve(struct source *self, zconfig_t *item, const char *name, char *path);

/* How many children of that name section has. */
size_t source_count(zconfig_t *section, const char *name);

/* A key of 64 hexadecimal digits. 0 or E_CONFIG with the sentence. */
int source_key(struct source *self, zconfig_t *item, ProtobufCBinaryData *out);

/* Words parted by blanks or commas, copied. At most count_max, else E_RANGE with the sentence. */
int source_words(
    struct source *self, zconfig_t *item, size_t count_max, char ***out, size_t *count);

/* The parts: each reads its words of the source into the message. */
int source_read_places(struct source *self); /* authorities, successions, profiles */
int source_read_agents(struct source *self);
int source_read_brokers(struct source *self);

#endif
