/*
 * work: what users do: begin a transfer, send, answer, open. An agent that says ok has promised to
 * send it; an agent that refuses is asked nothing more of. Answers that cannot be are asserted.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "tests/sim/sim.h"

#include "common/base/banned.h"

enum { OPEN_PICKS = 4, BURST_MAX = 12 };

/* Kinds of both parties, most of them with what the procedures want: those take effect and set deadlines. */
static const struct {
    const char *kind;
    bool by_origin, by_receiving;
    const char *facts; /* JSON, ' for " */
} kinds[] = {
    {"move_notified", true, false, "{'permanence': 'permanent', 'retain_intention': 'transfer'}"},
    {"temporary_plan_flag", false, true,
        "{'action': 'set', 'basis': 'pending_transfer_conference'}"},
    {"written_acceptance", false, true,
        "{'signatory_role': 'team_manager', 'form': 'chair_letter'}"},
    {"escalation_raised", true, true,
        "{'stage': 1, 'raised_by_role': 'team_manager', 'counterpart_role': 'team_manager',"
        " 'rationale_present': 'yes', 'disagreement_areas': 'documents'}"},
    {"transfer_requested", true, false,
        "{'rationale_present': 'yes', 'legal_status': 'none', 'asks_conference': 'yes'}"},
    {"documents_requested", false, true, "{'documents': 'cp_plan,chronology'}"},
    {"documents_provided", true, false,
        "{'documents': 'cp_plan,chronology', 'declared_complete': 'yes'}"},
    {"conference_requested", true, false, "{'conference_type': 'transfer_in'}"},
    {"transfer_refused", false, true, "{'rationale_present': 'yes'}"},
    {"move_updated", true, true, "{'permanence': 'permanent'}"},
    {"case_file_opened", false, true, "{'markers_added': 'yes'}"},
    {"child_returned", true, true, "{'returned_on': '2026-03-16'}"},
};

enum { KINDS = sizeof kinds / sizeof kinds[0], NOTICE_PERCENT = 35, RETURN_PERCENT = 25 };

static json_t *json_of(const char *text)
{
    char copy[256];

    (void)snprintf(copy, sizeof copy, "%s", text);
    for (char *at = copy; *at != '\0'; at++) {
        *at = (char)(*at == '\'' ? '"' : *at);
    }
    json_t *json = json_loads(copy, 0, NULL);
    assert(json != NULL);
    return json;
}

static bool is_ok(const json_t *answer)
{
    return json_is_true(json_object_get(answer, "ok"));
}

/* Takes the request; the answer is the caller's. */
static json_t *ask(struct sim *self, size_t agent, json_t *request)
{
    json_t *answer = virtual_ask(self->network, agent, request);

    if (!is_ok(answer)) {
        sim_trace(self, "agent %s refuses %s: %s", self->agents[agent].id,
            json_string_value(json_object_get(request, "op")),
            json_string_value(json_object_get(answer, "error")));
    }
    json_decref(request);
    return answer;
}

/* An authority that is up, SIM_NOBODY where none is. */
static size_t pick_agent(struct sim *self)
{
    size_t first = sim_random(self, self->plan.agents);

    for (size_t i = 0; i < self->plan.agents; i++) {
        size_t agent = (first + i) % self->plan.agents;
        if (virtual_agent_up(self->network, agent)) {
            return agent;
        }
    }
    return SIM_NOBODY;
}

/* ---- a transfer ---- */

static void begin_transfer(struct sim *self)
{
    size_t origin = pick_agent(self);

    if (origin == SIM_NOBODY || self->transfer_count == SIM_TRANSFERS_MAX) {
        return;
    }
    size_t receiving = sim_random(self, self->plan.agents);
    if (sim_chance(self, 5)) {
        receiving = sim_random(self, SIM_AUTHORITIES); /* one that never comes, perhaps */
    }
    json_t *answer = ask(self, origin,
        json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}]}", "op", "new_transfer", "origin",
            sim_keys(origin)->id, "receiving", sim_keys(receiving)->id, "subjects", "name", "ash",
            "case_type", sim_chance(self, 50) ? "cp" : "cin"));
    const char *id = json_string_value(json_object_get(answer, "transfer"));
    if (is_ok(answer) && id != NULL) {
        struct sim_transfer *transfer = &self->transfers[self->transfer_count++];
        (void)snprintf(transfer->id, sizeof transfer->id, "%s", id);
        transfer->origin = origin;
        transfer->receiving = receiving;
    }
    json_decref(answer);
}

/* ---- sending ---- */

static bool knows(struct sim *self, size_t agent, const struct sim_transfer *transfer)
{
    uint8_t id[UUID_BYTES];
    struct transfer_row row;

    return virtual_agent_up(self->network, agent) && uuid_parse(transfer->id, id) == 0 &&
        store_transfer(virtual_store(self->network, agent), id, &row) == 0;
}

static void add_secret(struct sim *self, json_t *request)
{
    char text[96];
    char base64[160];

    (void)snprintf(text, sizeof text, SIM_SECRET " %016llx",
        (unsigned long long)virtual_random(&self->random));
    (void)sodium_bin2base64(
        base64, sizeof base64, (const uint8_t *)text, strlen(text), sodium_base64_VARIANT_ORIGINAL);
    json_object_set_new(
        request, "attachments", json_pack("[{s:s, s:s}]", "name", "note.txt", "base64", base64));
}

static uint32_t choose_recipients(
    struct sim *self, size_t agent, const struct sim_transfer *transfer, json_t *request)
{
    size_t other = agent == transfer->origin ? transfer->receiving : transfer->origin;
    uint32_t recipients = 1u << other;
    json_t *to = json_pack("[s]", sim_keys(other)->id);

    while (sim_chance(self, 25)) {
        size_t more = sim_random(self, self->plan.agents);
        if (more != agent && other != agent && (recipients >> more & 1) == 0) {
            recipients |= 1u << more;
            json_array_append_new(to, json_string(sim_keys(more)->id));
        }
    }
    json_object_set_new(request, "to", to);
    return recipients;
}

static void remember_send(struct sim *self, const struct sim_send *send, const json_t *answer)
{
    struct sim_send *kept = &self->sends[self->send_count];
    const char *event = json_string_value(json_object_get(answer, "event"));

    if (!is_ok(answer) || event == NULL) {
        return;
    }
    *kept = *send;
    int rc = uuid_parse(event, kept->event);
    assert(rc == 0);
    self->send_count++;
    sim_trace(
        self, "agent %s sends %s to %05x", self->agents[send->agent].id, event, send->recipients);
}

/* A notice before anything else, mostly, and no end too early. */
static size_t choose_kind(struct sim *self, size_t agent, const struct sim_transfer *transfer)
{
    bool of_origin = agent == transfer->origin;
    size_t kind = sim_random(self, KINDS);

    if (of_origin && sim_chance(self, NOTICE_PERCENT)) {
        kind = 0;
    } else if (kind == KINDS - 1 && !sim_chance(self, RETURN_PERCENT)) {
        kind = sim_random(self, KINDS - 1);
    }
    while (!(of_origin ? kinds[kind].by_origin : kinds[kind].by_receiving)) {
        kind = (kind + 1) % KINDS;
    }
    return kind;
}

static void send_one(struct sim *self, size_t agent, size_t which)
{
    const struct sim_transfer *transfer = &self->transfers[which];

    if (self->send_count == SIM_SENDS_MAX) {
        return;
    }
    size_t kind = choose_kind(self, agent, transfer);
    json_t *request = json_pack("{s:s, s:s, s:s, s:o, s:b}", "op", "send", "kind", kinds[kind].kind,
        "transfer", transfer->id, "facts", json_of(kinds[kind].facts), "allow_incomplete", 1);
    struct sim_send send = {.agent = agent, .transfer = which, .sealed = sim_chance(self, 40)};
    send.recipients = choose_recipients(self, agent, transfer, request);
    if (send.sealed) {
        add_secret(self, request);
    }
    json_t *answer = ask(self, agent, request);
    self->agents[agent].unsure |= self->agents[agent].disk.dead; /* killed before it could answer */
    remember_send(self, &send, answer);
    json_decref(answer);
}

static void send_some(struct sim *self)
{
    if (self->transfer_count == 0) {
        begin_transfer(self);
        return;
    }
    size_t which = sim_random(self, self->transfer_count);
    const struct sim_transfer *transfer = &self->transfers[which];
    size_t agent = sim_chance(self, 50) ? transfer->origin : transfer->receiving;
    size_t burst = sim_chance(self, 20) ? 1 + sim_random(self, BURST_MAX) : 1;
    for (size_t i = 0; i < burst && knows(self, agent, transfer); i++) {
        send_one(self, agent, which);
    }
}

/* ---- opening ---- */

static void open_some(struct sim *self)
{
    size_t agent = pick_agent(self);

    for (size_t i = 0; i < OPEN_PICKS && agent != SIM_NOBODY && self->send_count > 0; i++) {
        const struct sim_send *send = &self->sends[sim_random(self, self->send_count)];
        char event[UUID_TEXT_BYTES];
        int fault = 0;
        uuid_format(send->event, event);
        if ((send->recipients >> agent & 1) != 0 &&
            store_inbox_has(virtual_store(self->network, agent), send->event, &fault)) {
            json_decref(ask(self, agent,
                json_pack("{s:s, s:s, s:s, s:s}", "op", "open", "event", event, "role",
                    "team_manager", "team", "duty")));
            return;
        }
    }
}

/* ---- erasing ---- */

static void erase_some(struct sim *self)
{
    struct sim_send *send = &self->sends[sim_random(self, self->send_count)];
    char event[UUID_TEXT_BYTES];
    struct outbox_row row;

    if (self->send_count == 0 || !send->sealed || send->erased || send->shaky ||
        !virtual_agent_up(self->network, send->agent) ||
        store_outbox(virtual_store(self->network, send->agent), send->event, &row) != 0) {
        return;
    }
    if (row.ciphertext.len > SIM_SAMPLE_BYTES) {
        memcpy(send->sample, row.ciphertext.data, SIM_SAMPLE_BYTES);
        uuid_format(send->event, event);
        json_t *answer = ask(self, send->agent,
            json_pack("{s:s, s:s, s:s}", "op", "erase", "event", event, "reason", "consent"));
        send->erased = is_ok(answer);
        send->unsure_erased = !send->erased;
        json_decref(answer);
    }
    outbox_row_free(&row);
}

void work_do(struct sim *self)
{
    uint64_t choice = sim_random(self, 100);

    if (choice < 12) {
        begin_transfer(self);
    } else if (choice < 84) {
        send_some(self);
    } else if (choice < 90) {
        erase_some(self);
    } else {
        open_some(self);
    }
}
