/*
 * catalogue: the kinds and facts that can be sent, as tables. Generated at build time from
 * data/procedures/kinds.tsv and facts.tsv (the rows) and checked against the descriptors of kinds.proto by
 * tests/unit/test_catalogue.c: field number of a fact in every kind = its row number in facts.tsv, value of
 * enum Kind = row number in kinds.tsv, enum values by order in the column, from 1.
 */
#ifndef WAYPOST_CODEC_CATALOGUE_H
#define WAYPOST_CODEC_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CATALOGUE_SCHEMA = 1, /* Header.schema of what this catalogue can say */
    CATALOGUE_FACTS_MAX =
        512,                /* numbers of facts lie below it; catalogue.awk holds the rows to it */
    HEADER_FIELDS_MAX = 32, /* field numbers of Header lie below it */
    FACT_INT_MAX = 1000000, /* of every fact of type int */
};

enum fact_type {
    FACT_BOOL, /* wire: varint 0 or 1; text: yes, no */
    FACT_INT,  /* wire: varint 0 .. 1,000,000 */
    FACT_ENUM, /* wire: varint, one of the values */
    FACT_DATE, /* wire: sint32 days since 1970-01-01; text: YYYY-MM-DD */
    FACT_TIME, /* wire: int64 milliseconds since the epoch; text: civil_time_parse */
    FACT_CODE, /* wire: string, nine characters */
    FACT_ID, /* wire: string, 1..32 of A-Z a-z 0-9 . _ : / - and no person's identifier (E_IDENTIFIER) */
    FACT_HASH,    /* wire: bytes, 32; text: 64 hexadecimal digits, or in a scenario any word */
    FACT_REF,     /* wire: bytes, 16: an event id */
    FACT_SUBJECT, /* wire: bytes, 16: a subject's reference */
    FACT_TEXT     /* sealed only */
};

struct fact_info {
    uint32_t number;       /* row in facts.tsv from 1; field number in every kind and in Payload */
    uint32_t header_field; /* field number in Header for envelope facts, else 0 */
    const char *name;      /* "permanence" */
    enum fact_type type;
    bool list;     /* "list of" */
    bool sealed;   /* stands in the payload alone */
    bool envelope; /* meaning begins with "Envelope": stands in the header, rides on any kind */
    const char *enum_name; /* "permanence", NULL unless FACT_ENUM */
    const char *const
        *values; /* words of the enum, values[i] has number i + 1; NULL unless FACT_ENUM */
    size_t value_count;
    const char *meaning; /* the sentence of facts.tsv */
};

struct kind_info {
    uint32_t number;         /* row in kinds.tsv from 1 */
    const char *name;        /* "move_notified" */
    const char *title;       /* "Move of a child notified" */
    const char *sender_role; /* origin, receiving, either, any, host, home, placing */
    const char *recipient_role;
    const char *acknowledgement; /* column ack_expected, as it stands: "A1,A2,A3=one/two" */
    bool expects_opening;        /* A2 is among it: a person is to open it */
    const uint32_t *answers;     /* A3: numbers of the kinds that answer it, 0-terminated */
    const uint32_t *required;    /* numbers of required facts, 0-terminated */
    const uint32_t *optional;    /* numbers of optional facts, 0-terminated */
    bool
        protective; /* delivered whatever is missing, and accepted when disk is short (PROCEDURES D41) */
    bool carries_documents; /* holds a payload even without a sealed fact */
};

size_t catalogue_kind_count(void);                              /* numbers are 1 .. count */
const struct kind_info *catalogue_kind(uint32_t number);        /* NULL where unknown */
const struct kind_info *catalogue_kind_named(const char *name); /* NULL where unknown */
const char *catalogue_kind_nearest(const char *name); /* for a typo; NULL where none is near */

size_t catalogue_fact_count(void);
const struct fact_info *catalogue_fact(uint32_t number);
const struct fact_info *catalogue_fact_named(const char *name);
const char *catalogue_fact_nearest(const char *name);
const struct fact_info *catalogue_header_fact(
    uint32_t field); /* by field number in Header; NULL for none */

/* A fact that has this enum, for its words ("case_type", "person_role", "service"); NULL where unknown. */
const struct fact_info *catalogue_enum_named(const char *enum_name);
const struct fact_info *catalogue_case_type(void); /* the same for case_type, without a search */

bool kind_lists(const struct kind_info *kind, uint32_t fact_number); /* required or optional */

/* The word of an enum fact's value, NULL where unknown; and the way back: 0, or E_FACT_VALUE. */
const char *fact_value_word(const struct fact_info *fact, uint32_t value);
int fact_value_number(const struct fact_info *fact, const char *word, uint32_t *out);
const char *fact_value_nearest(
    const struct fact_info *fact, const char *word); /* for a typo; NULL where none */

#endif
