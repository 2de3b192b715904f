/*
 * effect_words: the flags and fields that the tables may set and the engine keeps, by name: one
 * list for the loader that checks them and for the engine that carries them out. Private to
 * common/procedure.
 */
#ifndef WAYPOST_PROCEDURE_EFFECT_WORDS_H
#define WAYPOST_PROCEDURE_EFFECT_WORDS_H

/* X(NAME, "name"); docs/PROCEDURES.md, section 5. */
#define EFFECT_FLAGS(X)                                                                            \
    X(TEMPORARY_PLAN, "temporary_plan")                                                            \
    X(ACCEPTED, "accepted")                                                                        \
    X(ESCALATION, "escalation")                                                                    \
    X(CASE_FILE, "case_file")                                                                      \
    X(FAMILY_RECORD, "family_record")                                                              \
    X(EVIDENCE, "evidence")                                                                        \
    X(AGENCIES_TOLD, "agencies_told")                                                              \
    X(REQUESTED, "requested")                                                                      \
    X(DOCUMENTS, "documents")                                                                      \
    X(COMPLETE, "complete")                                                                        \
    X(CHALLENGE, "challenge")                                                                      \
    X(AGREED, "agreed")                                                                            \
    X(DATE_PROPOSED, "date_proposed")                                                              \
    X(CONFERENCE, "conference")                                                                    \
    X(MINUTES, "minutes")                                                                          \
    X(LETTER_HELD, "letter_held")                                                                  \
    X(CLOSED, "closed")                                                                            \
    X(DISCONTINUED, "discontinued")                                                                \
    X(FILED, "filed")                                                                              \
    X(RETAINED, "retained")                                                                        \
    X(DISCUSSION, "discussion")                                                                    \
    X(AGREEMENT_PROPOSED, "agreement_proposed")                                                    \
    X(AGREEMENT, "agreement")                                                                      \
    X(EXCEPTION, "exception")                                                                      \
    X(S47, "s47")                                                                                  \
    X(ASSESSMENT, "assessment")                                                                    \
    X(STRATEGY, "strategy")                                                                        \
    X(ORDER, "order")                                                                              \
    X(ORDER_MOVED, "order_moved")                                                                  \
    X(PRE_PROCEEDINGS, "pre_proceedings")                                                          \
    X(AVOIDANCE, "avoidance")                                                                      \
    X(PROCEEDINGS, "proceedings")                                                                  \
    X(BORN, "born")                                                                                \
    X(ENDED, "ended")                                                                              \
    X(EMERGENCY, "emergency")                                                                      \
    X(FOLLOW_UP, "follow_up")                                                                      \
    X(RESUMED, "resumed")                                                                          \
    X(CONSENT, "consent")

#define EFFECT_FIELDS(X)                                                                           \
    X(PERMANENCE, "permanence")                                                                    \
    X(RETAIN_INTENTION, "retain_intention")                                                        \
    X(PLACEMENT_TYPE, "placement_type")                                                            \
    X(MOVE_DATE, "move_date")                                                                      \
    X(EXPECTED_END, "expected_end")                                                                \
    X(FLAG_BASIS, "flag_basis")                                                                    \
    X(FLAG_END, "flag_end")                                                                        \
    X(ASSESSMENT_DATE, "assessment_date")                                                          \
    X(THRESHOLD, "threshold")                                                                      \
    X(TRANSFER_DATE, "transfer_date")                                                              \
    X(CONFERENCE_DATE, "conference_date")                                                          \
    X(CASE_TYPE, "case_type")

#define EFFECT_ENUM(name, word) EFFECT_FLAG_##name,
enum effect_flag { EFFECT_FLAGS(EFFECT_ENUM) EFFECT_FLAG_COUNT };
#undef EFFECT_ENUM
#define EFFECT_ENUM(name, word) EFFECT_FIELD_##name,
enum effect_field { EFFECT_FIELDS(EFFECT_ENUM) EFFECT_FIELD_COUNT };
#undef EFFECT_ENUM

#endif
