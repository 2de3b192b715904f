/*
 * bundle_words: what an item of a bundle says, as a sentence for a person. From proven bytes alone: no word of the
 * maker's is in it. Texts are cut to fit.
 */
#ifndef WAYPOST_CLI_BUNDLE_WORDS_H
#define WAYPOST_CLI_BUNDLE_WORDS_H

#include "client/cli/bundle_file.h"

void bundle_words_event(
    const struct bundle_view *view, const Waypost__BundleEvent *event, char *out, size_t room);
void bundle_words_ack(
    const struct bundle_view *view, const Waypost__AckEntry *ack, char *out, size_t room);
void bundle_words_record(const struct bundle_view *view, const Waypost__Derived *derived,
    int64_t recorded_ms, char *out, size_t room);

#endif
