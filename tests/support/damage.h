/*
 * damage: bits of a record that rot on the disk of a core_fixture while its broker is down, and that are put right again.
 * Flipping is its own inverse. What cannot be found ends the test by an assertion.
 */
#ifndef WAYPOST_TESTS_DAMAGE_H
#define WAYPOST_TESTS_DAMAGE_H

#include "tests/support/core_fixture.h"

/* Where in the record; of one that is no batch, statement and events are its body, and there is no payload. */
enum damage_part { PART_HEADER, PART_STATEMENT, PART_EVENTS, PART_PAYLOAD };

struct damage {
    uint64_t offset; /* in the first segment */
    unsigned bits;   /* wrong ones, of the byte there */
};

/* The broker is gone, and with it so many bits of the n-th record of a type from the end (0: the last). One wrong bit is
 * made good by the journal itself, two are not. */
struct damage damage_make(struct core_fixture *fixture, uint8_t type, unsigned from_end,
    enum damage_part part, unsigned bits);
/* Two bits: the record is lost. */
struct damage damage_lose(
    struct core_fixture *fixture, uint8_t type, unsigned from_end, enum damage_part part);
/* The same bits once more, while the broker is down: it is as it was. */
void damage_strike(struct core_fixture *fixture, struct damage damage);

#endif
