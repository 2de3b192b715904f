/*
 * identifier: does a short text look like something that names a person? Pure.
 *
 * The clear part of an event is read by broker and hubs; this keeps a slip of the hand (an NHS number typed where a
 * reference belongs) out of it. It is a net against accidents, not against intent: a name without a
 * blank passes, which is why every other field outside the payload is no text at all.
 */
#ifndef WAYPOST_CODEC_IDENTIFIER_H
#define WAYPOST_CODEC_IDENTIFIER_H

#include "common/base/bytes.h"

/*
 * What the text, or a part of it, looks like: "an NHS number" (10 digits with a valid check digit, alone or in
 * groups), "a pupil number", "a date" (day, month and four-digit year in a common order), "an e-mail address",
 * "a postcode"; NULL where it looks like none. Lent, static.
 * Source: NHS Data Dictionary (modulus 11), DfE UPN guide, Royal Mail postcode forms.
 */
const char *identifier_seen(struct slice text);

#endif
