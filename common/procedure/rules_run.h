/*
 * rules_run: one function a rule, called for the kinds that the rule's row names. Private to common/procedure.
 */
#ifndef WAYPOST_PROCEDURE_RULES_RUN_H
#define WAYPOST_PROCEDURE_RULES_RUN_H

#include "common/procedure/engine_internal.h"

rule_function rule_r01, rule_r04, rule_r05, rule_r06_r07, rule_r08, rule_r09, rule_r10, rule_r11,
    rule_r12, rule_r13, rule_r16, rule_r28, rule_r29, rule_r32, rule_r33, rule_r35, rule_r36,
    rule_r59;
rule_function rule_r02, rule_r03, rule_r40, rule_r41, rule_r47, rule_r52, rule_r58, rule_r60,
    rule_r61, rule_r62;
rule_function rule_r14, rule_r15, rule_r17, rule_r19, rule_r20, rule_r21, rule_r23, rule_r24,
    rule_r25, rule_r26, rule_r27, rule_r30, rule_r31, rule_r37, rule_r39, rule_r42, rule_r43,
    rule_r44, rule_r45, rule_r48, rule_r56, rule_r57;

bool rule_any_order(
    const struct judge *self, uint64_t types);     /* an active order of one of the types */
bool rule_under_enquiry(const struct judge *self); /* section 47 enquiry or assessment open */
bool rule_gives_case_up(const struct judge *self);

#endif
