/*
 * profiles: named sets of values with dated members; who is under which, and which value counts
 * (D7). Versions of one profile stand side by side, each with its own number; the one in force on
 * the day counts, the number of the first loaded names them all (its family). Private to
 * common/procedure: others ask through procedures.h. Memory only; faults in files are complaints
 * with file and line.
 */
#ifndef WAYPOST_PROCEDURE_PROFILES_H
#define WAYPOST_PROCEDURE_PROFILES_H

#include "common/procedure/procedures.h"

typedef struct profiles profiles_t;

profiles_t *profiles_new(void);
void profiles_destroy(profiles_t **self_p);

/*
 * Add the profile of one ZPL text. Keys and values are checked against the table of known keys; a
 * further version needs its own effective_from and version, and the level of the others.
 */
int profiles_add(profiles_t *self, const char *file, struct slice text, struct complaint *why);

/* Authorities in force (code, region) and superseded codes, from the two register files. */
int profiles_add_authorities(
    profiles_t *self, const char *file, struct slice csv, struct complaint *why);
int profiles_add_successions(
    profiles_t *self, const char *file, struct slice tsv, struct complaint *why);

/* After all were added: national is there, parents exist. */
int profiles_check(const profiles_t *self, struct complaint *why);

size_t profiles_of(const profiles_t *self, const char *code, const char *other, const char *forced,
    int32_t day, const char *out[3]);
/* Profiles by number, from 1 in the order of loading; 0 is none. See procedures.h. */
uint32_t profiles_version(const profiles_t *self);
int32_t profiles_epoch(const profiles_t *self, int32_t day);
size_t profiles_count(const profiles_t *self);
const char *profiles_name(const profiles_t *self, size_t number);
const char *profiles_file(const profiles_t *self, size_t number);
uint8_t profiles_number(const profiles_t *self, const char *name); /* of its family */
uint8_t profiles_family(const profiles_t *self, uint8_t number);
int32_t profiles_from_day(const profiles_t *self, uint8_t number); /* from 1 */
/* The version of that profile that counts on a day; before its first day the earliest; 0 for 0. */
uint8_t profiles_in_force(const profiles_t *self, uint8_t number, int32_t day);
size_t profiles_numbers(const profiles_t *self, const char *code, const char *other, uint8_t forced,
    int32_t day, uint8_t out[3]);
const char *profiles_entry(const profiles_t *self, uint8_t number, const char *key);
int32_t profiles_rungs(const profiles_t *self, uint8_t number); /* of its own ladder, 0 for none */
const char *profiles_nearest(const profiles_t *self, const char *name);
const char *profiles_nearest_code(const profiles_t *self, const char *code);
bool profiles_known(const profiles_t *self, const char *name);
int profiles_override(profiles_t *self, const char *key, const char *value, struct complaint *why);
int profiles_member(profiles_t *self, const char *code, const char *profile, int32_t from_day,
    struct complaint *why);
const char *profiles_route(const profiles_t *self, const char *code, int32_t day);
bool profiles_known_code(const profiles_t *self, const char *code);
int32_t profiles_superseded_from(const profiles_t *self, const char *code);

/* Is `value` one that `key` can have? E_NOT_FOUND for an unknown key, E_FACT_VALUE; sentence without file and line. */
int profile_key_check(const char *key, const char *value, struct complaint *why);

#endif
