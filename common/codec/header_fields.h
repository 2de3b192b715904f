/*
 * header_fields: the numbers of Event's and Header's fields that code speaks of, as in proto/waypost.proto (Event,
 * Header); tests/unit/test_contract.c holds them against the descriptors. Private to the codec.
 */
#ifndef WAYPOST_CODEC_HEADER_FIELDS_H
#define WAYPOST_CODEC_HEADER_FIELDS_H

enum event_field { EVENT_HEADER = 1, EVENT_FACTS = 2, EVENT_COMMITMENT = 3 };

enum header_field {
    HEADER_ID = 1,
    HEADER_KIND = 2,
    HEADER_SCHEMA = 3,
    HEADER_TRANSFER = 4,
    HEADER_ORIGIN = 5,
    HEADER_RECEIVING = 6,
    HEADER_SUBJECTS = 7,
    HEADER_FROM = 8,
    HEADER_TO = 9,
    HEADER_OCCURRED = 10,
    HEADER_SENT = 11,
    HEADER_REF = 12, /* in_reply_to: fact "ref" */
    HEADER_SUPERSEDES = 13,
    HEADER_PROFILE = 14,
    HEADER_LAWFUL_BASIS = 15,
    HEADER_MODE = 16,
    HEADER_INCARNATION = 17,
    HEADER_SEQUENCE = 18,
    HEADER_ART9_CONDITION = 19,
    HEADER_FAMILY_INFORMED = 20,
    HEADER_WITHHELD_REASON = 21,
    HEADER_HANDLING = 22,
    HEADER_SERVICE = 23,
    HEADER_TEMPLATE = 24,
    HEADER_WEEKDAY = 25,
    HEADER_FIELD_COUNT = 26 /* one behind the last */
};

#endif
