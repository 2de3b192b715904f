/*
 * bundle_source: a bundle of one transfer (common/codec/bundle.h) read as the records that it was made of, so that every
 * tool that reads a journal reads a bundle too. Its frame is checked, its signatures are not: that is `waypost verify`.
 *
 * A bundle holds no judged and no acked record. What its maker was told stands for them: the verdict with each event, and
 * each level of receipt as the broker told it. Registers come first, the rest in the order of the journal.
 */
#ifndef WAYPOST_REPLAY_BUNDLE_SOURCE_H
#define WAYPOST_REPLAY_BUNDLE_SOURCE_H

#include "client/replay/source.h"

/* Visit what it holds; as source_walk(). A complaint names section and byte; what is whole before has been visited. */
int bundle_source_walk(const char *path, const struct source_walk *walk, struct complaint *why);

#endif
