/*
 * saved: an engine's whole state as bytes and back, in slices, so that whoever runs the engine can do other things
 * meanwhile. The bytes are those of engine_encode(): canonical, and decoding then encoding gives the same ones.
 *
 * They stand for one set of procedures (clocks, rules and profiles are numbers of its rows) and for one version of
 * the engine: the owner keeps engine_version() and the hash of the tables beside them, and folds from the beginning
 * where either has changed.
 */
#ifndef WAYPOST_PROCEDURE_SAVED_H
#define WAYPOST_PROCEDURE_SAVED_H

#include "common/procedure/engine.h"

/*
 * Of this program: a hash over the sources of engine, catalogue and codec, made when it is built. Two programs with
 * the same one fold alike; with another one they may. Lent for ever; 32 hexadecimal digits.
 */
const char *engine_version(void);

typedef struct engine_saving engine_saving_t;
typedef struct engine_loading engine_loading_t;

/* engine: lent; it must not change until the saving is destroyed. */
engine_saving_t *engine_saving_new(const engine_t *engine);
/* Append the bytes of about so many more items (children, events, clocks ...) to out; true when all are there. */
bool engine_saving_step(engine_saving_t *self, size_t items, struct buf *out);
size_t engine_saving_bytes(const engine_saving_t *self); /* about so many in all */
void engine_saving_destroy(engine_saving_t **self_p);

/* bytes, procedures: lent until the loading is destroyed; procedures go on to the engine. sink as in engine_new(), seed as in
 * engine_seed(), backing as in engine_backing(). */
engine_loading_t *engine_loading_new(const procedures_t *procedures, uint64_t seed,
    const struct backing *backing, engine_sink *sink, void *context, struct slice bytes);
/*
 * Read about so many more items. 0 and out, which is the caller's; E_BUSY: not done yet, come again; E_VERSION or
 * E_CORRUPT with what and where in why (may be NULL): these bytes are of no use, and nothing else is to be done than
 * to destroy the loading.
 */
int engine_loading_step(
    engine_loading_t *self, size_t items, engine_t **out, struct complaint *why);
void engine_loading_destroy(engine_loading_t **self_p);

/* All of it at once: 0, E_VERSION or E_CORRUPT. */
int engine_decode(const procedures_t *procedures, engine_sink *sink, void *context,
    struct slice bytes, engine_t **out, struct complaint *why);

#endif
