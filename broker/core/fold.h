/*
 * fold: the procedure engine inside the core. Accepted events, acknowledgements and the passing of time go through it
 * in journal order; what it says becomes verdict bytes and derived records of the same step.
 *
 *   live     RECORD_JUDGED, RECORD_ACKED, an input or DEADLINES_RUN is appended, the engine folds it, and what it
 *            says is appended right behind it
 *   replay   the same records are folded from the journal's start; what the engine says is held against the derived
 *            records that stand there. Those are facts and are never made again; what a crash cut off is made now.
 *
 *   restart  the newest snapshot of the engine (fold_state.c) stands for everything before it; where none fits, the
 *            fold begins at the first record: slower, with the same result
 *
 * The engine's time is told by the records alone (each of them holds it), so both ways give the same state. Tables come
 * into force by RECORD_INPUT (INPUT_PROCEDURES) and count from there.
 */
#ifndef WAYPOST_BROKER_FOLD_H
#define WAYPOST_BROKER_FOLD_H

#include "broker/core/core.h"
#include "common/procedure/saved.h"
#include "waypost.pb-c.h"

struct view;
struct losses;

enum { FOLD_WORD_BYTES = 8 };

/* Something that the engine said and that is no record yet. */
struct fold_item {
    const struct fold_kind *kind;
    uint8_t transfer[UUID_BYTES], subject[UUID_BYTES], event[UUID_BYTES];
    bool has_transfer, has_subject, has_event;
    bool own; /* about the event that was being folded: position and index say where it stands */
    uint64_t position;
    uint32_t index;
    int64_t at_ms;
    char clock[FOLD_WORD_BYTES], rule[FOLD_WORD_BYTES]; /* "" for none */
    size_t detail;                                      /* offset in fold.texts, terminated */
};

struct fold {
    procedures_t *tables;  /* in force; NULL: switched off, or never on */
    procedures_t *resting; /* those that the engine still lends from while it is switched off */
    engine_t *engine;      /* NULL before the first tables; idle while there are none in force */
    struct hash files;     /* of the set in force, also of an empty one */
    bool has_files;
    uint64_t input_position; /* of the record that brought it into force */
    int64_t time_ms;         /* the engine's, as the last record folded says */

    struct fold_item *items;
    size_t item_first, item_count, item_capacity; /* items[item_first ..] wait */
    struct buf texts;
    struct buf group, said;  /* of a derived record, and of one thing in it, under construction */
    const struct view *view; /* of the event at hand, NULL between events */
    uint32_t index;
    uint8_t event[UUID_BYTES];
    bool withheld; /* R39: its payload is not handed out */
    struct fact_set facts;

    bool caught_up; /* everything that was in the journal at the start is folded */
    bool replaying; /* a slice of it is being folded */
    uint64_t upto;  /* leaves at the start */
    uint64_t next_leaf, next_position;
    uint64_t differences;  /* between what the engine says and what is recorded */
    bool group_differs;    /* among them in the group at hand */
    struct losses *losses; /* owned, NULL: records that the replay did not find */
    bool
        lost; /* a record that the engine needs cannot be read: nothing is folded by this process */

    /* The snapshot being read at the start, then decoded; older ones where it does not fit. */
    journal_snapshot_t *snapshot; /* owned, NULL: none */
    engine_loading_t *loading;    /* owned, NULL: not yet */
    procedures_t *loading_tables; /* owned: that it was made under */

    /* The snapshot being written: while it is encoded nothing is folded. */
    engine_saving_t *saving; /* owned, NULL: none */
    struct buf saved;        /* what there is of it; whole, but not durable, while saving is NULL */
    uint64_t saved_leaves, saved_position;
    uint64_t unsaved_bytes;    /* of the journal since the last one was begun */
    uint64_t last_saved_bytes; /* its length */

    int64_t clock_wall_ms, clock_mono_ms; /* the last moment at which wall and boot time agreed */
    bool stepped;                         /* they do not: timers are held */
};

/* ---- fold.c ---- */

void fold_init(core_t *self);
void fold_free(core_t *self);
bool fold_on(const core_t *self);    /* there is an engine and tables are in force */
bool fold_ready(const core_t *self); /* everything recorded before is folded: judging may go on */
void fold_clock(core_t *self);       /* hold wall time against boot time, at every input */
/* The time at which something accepted or recorded at `ms` is folded: never back, never ahead of the clock trusted. */
int64_t fold_time(const core_t *self, int64_t ms);
uint8_t fold_event(core_t *self, const struct view *view, uint32_t index,
    int64_t at_ms);                               /* byte of RECORD_JUDGED */
void fold_acked(core_t *self, struct slice body); /* of RECORD_ACKED */
void fold_tick(core_t *self);  /* what has run out, unless the clock is not to be trusted */
void fold_flush(core_t *self); /* append what the engine has said */
engine_t *fold_engine_new(core_t *self, const procedures_t *tables);
void fold_engine_take(core_t *self, engine_t *engine); /* it is the core's from now on; taken */
engine_loading_t *fold_loading_new(core_t *self, const procedures_t *tables, struct slice bytes);

/* Bits of a verdict byte. */
enum { JUDGED_VERDICT = 7, JUDGED_WITHHELD = 8, JUDGED_LEFT_OUT = 16 };

/* ---- fold_tell.c: kinds, and who is told ---- */

struct fold_kind {
    const char *word;
    Waypost__SystemKind number;
    unsigned tell;
    int counter; /* enum counter, -1 for none */
};
const struct fold_kind *fold_kind_named(
    const char *word); /* NULL: said otherwise, or not by the engine */
bool fold_kind_numbered(int number);
void fold_tell(
    core_t *self, const struct fold_item *item, struct buf *out); /* its Derived, appended */

/* ---- fold_replay.c ---- */

void fold_start(core_t *self); /* after the transport stands; a little of it at once */
void fold_replay(
    core_t *self, size_t events); /* at most so many more, and a batch is folded whole */

void fold_lost_tell(core_t *self); /* the alarm, where nothing else is known to be lost */

/* ---- fold_state.c: the engine as a snapshot ---- */

void fold_load_open(core_t *self); /* begin with the newest snapshot there is */
bool fold_load_step(
    core_t *self); /* false: there is none, or it is in force: the journal follows */
void fold_save_tick(core_t *self); /* begin one, where it is time */
void fold_save_step(core_t *self);
void fold_state_free(core_t *self);

/* ---- inputs.c ---- */

/* Compile a ProcedureFiles message; out is NULL for an empty one. 0, or why not. */
int inputs_load(core_t *self, struct slice files, procedures_t **out, struct complaint *why);
struct hash inputs_hash(struct slice files);
/* Tables come into force; taken on success. E_NOT_FOUND where the engine cannot go on with them: nothing changes. */
int inputs_enforce(core_t *self, procedures_t **tables, int64_t at_ms);

#endif
