/*
 * play: stories in the words of the scenario format, played on the shipped tables inside a test.
 *
 * A file of stories (tests/stories) holds several, each begun by a line `story "TITLE"` in the
 * place of the format's first statement. Short names of authorities stand for codes: ISL Islington,
 * CAM Camden, HAC Hackney (London); BHM Birmingham, SOL Solihull (bilateral); MAN Manchester, STO
 * Stockport (North West); HER Herefordshire; LEE Leeds, YOR York (national alone).
 */
#ifndef WAYPOST_TESTS_PLAY_H
#define WAYPOST_TESTS_PLAY_H

#include "common/base/bytes.h"
#include "common/procedure/procedures.h"

/* Read the shipped data once; returns what data_files_open() does. And let it go. */
int play_open(void);
void play_close(void);

/*
 * Over the model of the transport, or over the model and the real cores, which must then say the same of every child and
 * event after every statement (network_text.h).
 */
enum play_over { PLAY_MODEL, PLAY_BOTH };

/*
 * Play every story of a file. Every expectation must hold, each story must have one, and at its end
 * agents, hub and a replay must
 * agree with the broker; what does not is printed as FILE:LINE.
 *   stories   receives how many there are
 * Returns how many failed.
 */
size_t play_stories(enum play_over over, const char *file, struct slice text, size_t *stories);

/* The shipped procedures, lent; for asking which rules and clocks there are. */
const procedures_t *play_procedures(void);

#endif
