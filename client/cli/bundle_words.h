/*
 * bundle_words: what an item of a bundle says, as a sentence for a person. From proven bytes alone; what is a word of the
 * maker's names the maker. Texts are cut to fit.
 */
#ifndef WAYPOST_CLI_BUNDLE_WORDS_H
#define WAYPOST_CLI_BUNDLE_WORDS_H

#include "client/cli/bundle_file.h"

void bundle_words_event(
    const struct bundle_view *view, const Waypost__BundleEvent *event, char *out, size_t room);
/* Appended to the words of an event of the maker's: what its agent works out. row: of the story's events. */
void bundle_words_judged(const json_t *row, char *words, size_t room);
void bundle_words_ack(
    const struct bundle_view *view, const Waypost__AckEntry *ack, char *out, size_t room);
void bundle_words_record(const struct bundle_view *view, const Waypost__Derived *derived,
    int64_t recorded_ms, char *out, size_t room);

enum bundle_outcome {
    BUNDLE_HOLDS,    /* everything, by the network's keys */
    BUNDLE_UNPINNED, /* everything, by keys that came with the file: no join file was named */
    BUNDLE_FAULTY
};

/* What the check comes to, for a reader who knows nothing of keys: *headline, a static sentence; and what it rests on. */
enum bundle_outcome bundle_words_outcome(
    const struct bundle_view *view, const char **headline, char *out, size_t room);

#endif
