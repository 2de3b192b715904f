/*
 * ops: the requests of the local interface (docs/LOCAL-API.md), one table of name, members and
 * function. Pure like the core: JSON in, JSON out. Whatever a client sends wrong is answered with
 * code, name and one sentence.
 */
#ifndef WAYPOST_AGENT_OPS_H
#define WAYPOST_AGENT_OPS_H

#include "client/agent/agent_private.h"

/* From the broker: answers to what clients asked. */
void ops_answer(agent_core_t *self, const Waypost__Answer *answer);
void ops_operated(agent_core_t *self, const Waypost__Operated *operated);
void ops_refused(agent_core_t *self, const Waypost__Refused *refused);
void ops_offline(agent_core_t *self); /* nobody will answer any more */
void ops_tick(agent_core_t *self);    /* requests that waited too long */

/* {"ok": false, ...} */
json_t *ops_error(int rc, const char *text);

/* One request at hand. */
struct op {
    agent_core_t *core;
    uint64_t client;
    const json_t *request;
    struct complaint *why; /* rc set: the request failed */
};

/* Each returns the answer without "ok" (new reference), or NULL: with why->rc set an error, else
 * it comes later. */
json_t *op_status(struct op *op);
json_t *op_register(struct op *op);
json_t *op_alarms(struct op *op);
json_t *alarm_json(const struct alarm *row); /* as in the answer of alarms */
json_t *op_new_transfer(struct op *op);
json_t *op_send(struct op *op);
json_t *op_outbox(struct op *op);
json_t *op_inbox(struct op *op);
json_t *op_show(struct op *op);
json_t *op_open(struct op *op);
json_t *op_receipt(struct op *op);
json_t *op_evidence(struct op *op); /* ops_export.c */
json_t *op_transfers(struct op *op);
json_t *op_transfer(struct op *op);
json_t *op_clocks(struct op *op);
json_t *op_whois(struct op *op);
json_t *op_measures(struct op *op);
json_t *op_listening(struct op *op);
json_t *op_operate(struct op *op); /* shape, trace, hold, release, counters */
json_t *op_erase(struct op *op);
json_t *op_erasures(struct op *op);
json_t *op_erasures_due(struct op *op);
json_t *op_heads(struct op *op);
json_t *op_bundle(struct op *op);
json_t *op_bundle_page(struct op *op);
json_t *op_watch(struct op *op);

/* Members of the request. Text: NULL where absent; a missing required one fills in why. */
const char *op_text(struct op *op, const char *member, bool required);
/* False where absent; what is no flag fills in why: "dry_run": "true" must not send. */
bool op_flag(struct op *op, const char *member);
/* Decimal number as integer or text; fallback where absent. False with why where it is none
 * within the limits. */
bool op_number(struct op *op, const char *member, int64_t fallback, int64_t max, int64_t *out);
/* An id as UUID text. False with why where it is none; *given tells whether it is there. */
bool op_id(struct op *op, const char *member, bool required, uint8_t *id, bool *given);
/* The transfer named by id or label, as a whole row. False with why. */
bool op_transfer_row(struct op *op, const char *member, struct transfer_row *out);

/* Pieces of answers. */
json_t *json_id(const uint8_t *id);
json_t *json_stamp(int64_t ms);                                          /* JSON null where 0 */
void json_put_stamp(json_t *object, const char *name, int64_t ms);       /* left out where 0 */
json_t *json_bytes(struct slice bytes);                                  /* base64 */
const char *enum_word(const char *enum_name, uint32_t number);           /* "" where unknown */
int enum_number(const char *enum_name, const char *word, uint32_t *out); /* 0 or E_FACT_VALUE */
const char *enum_nearest(const char *enum_name, const char *word);
const char *kind_word(
    uint32_t kind); /* "kind-77" never: "unknown" where it is not in the catalogue */
const char *kind_title(uint32_t kind);
json_t *levels_json(agent_core_t *self, const uint8_t *event);
json_t *notices_json(agent_core_t *self, const uint8_t *event);
/* "judgement": what the rules made of an event where that is more than taking effect. */
void put_judgement(agent_core_t *self, const uint8_t *event, json_t *json);
json_t *notice_json(agent_core_t *self, const struct notice_row *row); /* what, and a sentence */
json_t *level_json(const struct level_row *row);
json_t *subjects_json(const struct transfer_row *row);
const char *verdict_word(uint32_t verdict);
/* The event of an outbox row as event_json(), also before it is frozen. NULL where it cannot be
 * read. */
json_t *outbox_event_json(agent_core_t *self, const struct outbox_row *row);
/* Its bytes, appended: once frozen as they left, before as far as they are known. False where they cannot be made. */
bool outbox_event_bytes(agent_core_t *self, const struct outbox_row *row, struct buf *out);

/* What the procedures would say of an event now, as a word ("unjudged" without tables); a sentence
 * for each rule that refuses,
 * holds or flags it is added to the warnings. Nothing is kept. */
const char *cases_foresee(agent_core_t *self, struct slice event, json_t *warnings);

/* Owners, clocks, what is owed and verdicts into a transfer's answer, where there are procedure
 * tables (ops_cases.c). */
void cases_add(struct op *op, const struct transfer_row *transfer, json_t *answer);
/* `deadlines` into the answer of status: how many run and are overdue; nothing without tables or an authority. */
void cases_count(agent_core_t *self, json_t *answer);

#endif
