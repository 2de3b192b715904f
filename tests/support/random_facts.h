/*
 * random_facts: dice for random histories, and facts as a careless sender might state them. The
 * same seed gives the same rolls on every machine.
 */
#ifndef WAYPOST_TESTS_RANDOM_FACTS_H
#define WAYPOST_TESTS_RANDOM_FACTS_H

#include "common/base/bytes.h"
#include "common/codec/catalogue.h"

enum { RANDOM_AUTHORITIES = 7, RANDOM_CHILDREN = 6, RANDOM_TRANSFERS = 6 };

extern const char *const random_authorities[RANDOM_AUTHORITIES]; /* codes, of every profile */
extern const char *const random_children[RANDOM_CHILDREN];       /* names */
extern const char *const random_types[RANDOM_CHILDREN];          /* their case types */
extern const char *const random_transfers[RANDOM_TRANSFERS];     /* names */

struct dice {
    uint64_t state; /* never 0 */
    int64_t now_ms; /* for dates and times near it */
    bool links;     /* somebody says that two references are one child */
    /* The text of a subject or of an earlier event, owned by the caller. */
    void (*reference)(struct dice *self, const struct fact_info *fact, struct buf *out);
};

void dice_seed(struct dice *self, uint64_t seed);
uint64_t dice_roll(struct dice *self, uint64_t sides); /* 0 .. sides - 1 */
bool dice_chance(struct dice *self, uint64_t percent);

/* Which child a transfer speaks of: the first four have one of their own, the last two share two. */
const char *dice_child(struct dice *self, size_t transfer);
const char *dice_case_type(const char *child);

/* Kinds that move things come more often, those that end a story seldom. */
const struct kind_info *dice_kind(struct dice *self);
/* Who sends it: nearly always the party that should. */
const char *dice_sender(
    struct dice *self, const struct kind_info *kind, const char *origin, const char *receiving);
/* "a=x b=y,z": required facts nearly always, optional ones now and then; `to` and `occurred`, too. */
void dice_facts(struct dice *self, const struct kind_info *kind, struct buf *out);

/* A number from the environment, at least 1. */
uint64_t number_from(const char *name, uint64_t otherwise);

#endif
