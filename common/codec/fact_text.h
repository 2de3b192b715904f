/*
 * fact_text: facts as a person types and reads them. For the codec, and for the command that asks. Pure.
 */
#ifndef WAYPOST_CODEC_FACT_TEXT_H
#define WAYPOST_CODEC_FACT_TEXT_H

#include "common/codec/event.h"

/* The fact of that name; E_FACT with the nearest name in why. */
int fact_named(const char *name, const struct fact_info **out, struct complaint *why);

/*
 * One value (of a list: one item) from text: yes or no, a word of the enum, YYYY-MM-DD, a time as civil_time_parse
 * takes it, a code, a reference, 64 hexadecimal digits or any other word that then stands for its digest, a uuid.
 *   bytes   HASH_BYTES of room; out->bytes lends from it, or from text
 * Returns 0, E_FACT_VALUE, E_DATE, E_CODE, E_ID, E_UTF8 or E_IDENTIFIER.
 */
int fact_parse(const struct fact_info *fact, const char *text, struct fact_value *out,
    uint8_t *bytes, struct complaint *why);

/* The field of a fact, a list's items separated by commas, appended to out. Errors as above; out may then be longer. */
int fact_put_text(
    const struct fact_info *fact, const char *text, struct buf *out, struct complaint *why);

/* One value as JSON: what fact_parse would take, a bool as true or false, a number as it is. New reference. */
json_t *fact_json(const struct fact_value *value);

#endif
