/*
 * engine_names: the kinds, facts and values that the engine's own code speaks of, looked up once by
 * name in the catalogue, so that a new row never moves them. Private to common/procedure.
 */
#ifndef WAYPOST_PROCEDURE_ENGINE_NAMES_H
#define WAYPOST_PROCEDURE_ENGINE_NAMES_H

#include <stdint.h>

#define ENGINE_KINDS(X)                                                                            \
    X(MOVE_NOTIFIED, "move_notified")                                                              \
    X(TEMPORARY_PLAN_FLAG, "temporary_plan_flag")                                                  \
    X(WRITTEN_ACCEPTANCE, "written_acceptance")                                                    \
    X(ESCALATION_RAISED, "escalation_raised")                                                      \
    X(MOVE_UPDATED, "move_updated")                                                                \
    X(FAMILY_NOT_INFORMED, "family_not_informed")                                                  \
    X(TRANSFER_REQUESTED, "transfer_requested")                                                    \
    X(TRANSFER_DATE_AGREED, "transfer_date_agreed")                                                \
    X(DOCUMENTS_PROVIDED, "documents_provided")                                                    \
    X(CONFERENCE_POSTPONED, "conference_postponed")                                                \
    X(CONFERENCE_HELD, "conference_held")                                                          \
    X(CASE_CLOSED, "case_closed")                                                                  \
    X(PLAN_DISCONTINUED, "plan_discontinued")                                                      \
    X(ACCEPTANCE_LETTER_HELD, "acceptance_letter_held")                                            \
    X(ESCALATION_OUTCOME, "escalation_outcome")                                                    \
    X(RETENTION_AGREEMENT_SIGNED, "retention_agreement_signed")                                    \
    X(EXCEPTION_ARRANGEMENT, "exception_arrangement")                                              \
    X(SUBJECTS_LINKED, "subjects_linked")                                                          \
    X(HOME_RESUMED, "home_resumed")                                                                \
    X(EMERGENCY_RESPONSIBILITY_ACCEPTED, "emergency_responsibility_accepted")                      \
    X(EMERGENCY_WRITTEN_FOLLOW_UP, "emergency_written_follow_up")                                  \
    X(STRATEGY_DISCUSSION_HELD, "strategy_discussion_held")                                        \
    X(EH_HANDOVER_SENT, "eh_handover_sent")                                                        \
    X(CONSENT_WITHDRAWN, "consent_withdrawn")                                                      \
    X(BREACH_REASON_RECORDED, "breach_reason_recorded")                                            \
    X(CHILD_FOUND, "child_found_needing_protection")

#define ENGINE_FACTS(X)                                                                            \
    X(PERMANENCE, "permanence")                                                                    \
    X(RETAIN_INTENTION, "retain_intention")                                                        \
    X(PLACEMENT_TYPE, "placement_type")                                                            \
    X(MOVE_DATE, "move_date")                                                                      \
    X(EXPECTED_END, "expected_end")                                                                \
    X(KNOWN_ON, "known_on")                                                                        \
    X(DOOR, "door")                                                                                \
    X(ADDRESS_HISTORY, "address_history_months")                                                   \
    X(DOB_PRESENT, "dob_present")                                                                  \
    X(EDD_PRESENT, "edd_present")                                                                  \
    X(RATIONALE_PRESENT, "rationale_present")                                                      \
    X(MOTHER_PLACING, "mother_placing_authority")                                                  \
    X(ACTION, "action")                                                                            \
    X(BASIS, "basis")                                                                              \
    X(EVIDENCE, "evidence")                                                                        \
    X(RESIDENCE_START, "residence_start")                                                          \
    X(INTENTION_STATED, "intention_stated")                                                        \
    X(LEGAL_ADVICE, "legal_advice_ref")                                                            \
    X(ASSESSMENT_DATE, "assessment_date")                                                          \
    X(DOCUMENTS, "documents")                                                                      \
    X(DECLARED_COMPLETE, "declared_complete")                                                      \
    X(PREVIOUSLY_CP, "previously_cp")                                                              \
    X(ORIGINAL_FILE, "original_file")                                                              \
    X(FINISHED_AT, "finished_at")                                                                  \
    X(ABOUT, "about")                                                                              \
    X(TRANSFER_DATE, "transfer_date")                                                              \
    X(TRANSFER_POINT, "transfer_point")                                                            \
    X(CONFERENCE_TYPE, "conference_type")                                                          \
    X(CONFERENCE_DATE, "conference_date")                                                          \
    X(NEW_DATE, "new_date")                                                                        \
    X(TURNS_18, "turns_18_before_conference")                                                      \
    X(DECIDERS, "deciders")                                                                        \
    X(HELD_ON, "held_on")                                                                          \
    X(SIGNATORY_ROLE, "signatory_role")                                                            \
    X(LETTER_REF, "letter_ref")                                                                    \
    X(LETTER_HASH, "letter_hash")                                                                  \
    X(EFFECTIVE_AT, "effective_at")                                                                \
    X(NO_CONFERENCE_REASON, "no_conference_reason")                                                \
    X(CLOSURE_TYPE, "closure_type")                                                                \
    X(DISCONTINUE_REASON, "discontinue_reason")                                                    \
    X(AGENCIES_NOTIFIED, "agencies_notified")                                                      \
    X(ICPC_INVITED, "icpc_invited")                                                                \
    X(STAGE, "stage")                                                                              \
    X(RAISED_BY_ROLE, "raised_by_role")                                                            \
    X(COUNTERPART_ROLE, "counterpart_role")                                                        \
    X(OUTCOME_DECISION, "outcome_decision")                                                        \
    X(GROUND, "ground")                                                                            \
    X(DECIDER_ROLE, "decider_role")                                                                \
    X(ADVISED_BY_ROLE, "advised_by_role")                                                          \
    X(AGREEMENT_REF, "agreement_ref")                                                              \
    X(AGREEMENT_HASH, "agreement_hash")                                                            \
    X(RULE_SET_ASIDE, "rule_set_aside")                                                            \
    X(EXPIRES_ON, "expires_on")                                                                    \
    X(COST_ITEM, "cost_item")                                                                      \
    X(COST_AUTHORITY, "cost_authority")                                                            \
    X(ASSESSMENT_TYPE, "assessment_type")                                                          \
    X(ORDER_TYPE, "order_type")                                                                    \
    X(CASE_TYPE_NOW, "case_type_now")                                                              \
    X(CONSENT_REF, "consent_ref")                                                                  \
    X(CONSENT_SCOPE, "consent_scope")                                                              \
    X(CONSENT_RECIPIENTS, "consent_recipients")                                                    \
    X(CONSENT_EXPIRES, "consent_expires")                                                          \
    X(SPLIT_RESIDENCE, "split_residence")                                                          \
    X(RECORDERS, "recorders")                                                                      \
    X(RECORDED_LOCALLY, "recorded_locally")                                                        \
    X(CLOCK, "clock")                                                                              \
    X(CAUSE, "cause")                                                                              \
    X(CORRECTS, "corrects")                                                                        \
    X(SAME_CHILD_AS, "same_child_as")                                                              \
    X(WITHHELD_REASON, "withheld_reason")                                                          \
    X(FAMILY_INFORMED, "family_informed")                                                          \
    X(LAWFUL_BASIS, "lawful_basis")                                                                \
    X(ADDRESSEE_SERVICE, "addressee_service")                                                      \
    X(WEEKDAY, "weekday")                                                                          \
    X(MODE, "mode")

/* X(name, fact, word) */
#define ENGINE_VALUES(X)                                                                           \
    X(PERMANENT, "permanence", "permanent")                                                        \
    X(TEMPORARY, "permanence", "temporary")                                                        \
    X(UNKNOWN, "permanence", "unknown")                                                            \
    X(UNDECIDED, "retain_intention", "undecided")                                                  \
    X(REHOUSED, "placement_type", "rehoused")                                                      \
    X(EXPLOITATION, "placement_type", "exploitation")                                              \
    X(ACTION_SET, "action", "set")                                                                 \
    X(TEMPORARY_STAY, "basis", "temporary_stay")                                                   \
    X(RESIDENCE_3_MONTHS, "evidence", "residence_3_months")                                        \
    X(CP_DOCUMENT, "documents", "cp_document")                                                     \
    X(ABOUT_DOCUMENTS, "about", "documents")                                                       \
    X(POINT_CONFERENCE, "transfer_point", "conference")                                            \
    X(TRANSFER_IN, "conference_type", "transfer_in")                                               \
    X(INITIAL, "conference_type", "initial")                                                       \
    X(DECIDER_MANAGER, "deciders", "manager")                                                      \
    X(DECIDER_CPO, "deciders", "cpo")                                                              \
    X(CLOSURE_TRANSFERRED, "closure_type", "transferred")                                          \
    X(DISCONTINUE_MOVED, "discontinue_reason", "moved")                                            \
    X(MOVE_UP, "outcome_decision", "move_up")                                                      \
    X(GROUND_FREQUENT_MOVER, "ground", "frequent_mover")                                           \
    X(GROUND_PROCEEDINGS, "ground", "proceedings")                                                 \
    X(COST_RENT, "cost_item", "rent_subsistence")                                                  \
    X(ORDER_SUPERVISION, "order_type", "supervision")                                              \
    X(CP, "case_type_now", "cp")                                                                   \
    X(CIN, "case_type_now", "cin")                                                                 \
    X(LAC, "case_type_now", "lac")                                                                 \
    X(EARLY_HELP, "case_type_now", "early_help")                                                   \
    X(UNBORN, "case_type_now", "unborn")                                                           \
    X(CARE_LEAVER, "case_type_now", "care_leaver")                                                 \
    X(DOCUMENTS_LATE, "cause", "documents_late")                                                   \
    X(BASIS_CONSENT, "lawful_basis", "consent")                                                    \
    X(SERVICE_EARLY_HELP, "addressee_service", "early_help")

#define ENGINE_ENUM(name, ...) K_##name,
enum kind_name { ENGINE_KINDS(ENGINE_ENUM) KIND_NAMES };
#undef ENGINE_ENUM
#define ENGINE_ENUM(name, ...) F_##name,
enum fact_name { ENGINE_FACTS(ENGINE_ENUM) FACT_NAMES };
#undef ENGINE_ENUM
#define ENGINE_ENUM(name, ...) V_##name,
enum value_name { ENGINE_VALUES(ENGINE_ENUM) VALUE_NAMES };
#undef ENGINE_ENUM

struct engine_names {
    uint32_t kind[KIND_NAMES]; /* numbers in the catalogue */
    uint32_t fact[FACT_NAMES];
    uint32_t header[FACT_NAMES]; /* field in the header, 0 where it is no envelope fact */
    uint32_t value[VALUE_NAMES];
};

/* The numbers of this catalogue; looked up at the first call. A name that is missing is a bug (asserted). */
const struct engine_names *engine_names(void);

#endif
