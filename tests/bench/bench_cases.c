/*
 * bench_cases: what an agent's questions cost with much in its store: a transfer, all clocks, the warnings before a send.
 * Prints a line a figure; fails only where a figure cannot be had.
 *
 *   bench_cases [EVENTS]      received events, eight a transfer, each with a payload; 100,000 where none is given. The database
 *                             is made in TMPDIR and removed. Runs in the project's folder.
 */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/agent/agent_private.h"
#include "common/base/check.h"
#include "common/base/words.h"
#include "tests/support/agent_fixture.h"
#include "tests/support/engine_fixture.h"

#include "common/base/banned.h"

enum { EVENTS_A_TRANSFER = 8, PAYLOAD_BYTES = 2048, EVENTS_MAX = 10000000, ASKED = 5 };

static struct engine_fixture world;
static struct agentfix agent;

static double now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* An id of the same form: its variant stands in the ninth byte. */
static void number_id(const uint8_t *like, uint64_t number, uint8_t *out)
{
    memcpy(out, like, UUID_BYTES);
    put_u64(out + 8, number << 8);
    out[8] = like[8];
}

/* Another id in the place of that one, wherever it stands in the bytes. */
static void put_id(struct buf *bytes, const uint8_t *old, uint64_t number)
{
    uint8_t *at = bytes->data;
    uint8_t id[UUID_BYTES];

    number_id(old, number, id);
    while ((at = memmem(at, (size_t)(bytes->data + bytes->len - at), old, UUID_BYTES)) != NULL) {
        memcpy(at, id, UUID_BYTES);
        at += UUID_BYTES;
    }
}

static void add_transfer(const struct event_view *view, int64_t now_ms)
{
    struct transfer_row row = {.created_ms = now_ms, .subject_count = 1};

    memcpy(row.transfer, view->transfer, UUID_BYTES);
    memcpy(row.origin, view->origin, sizeof row.origin);
    memcpy(row.receiving, view->receiving, sizeof row.receiving);
    memcpy(row.subjects[0].ref, view->subjects[0].ref, UUID_BYTES);
    row.subjects[0].case_type = view->subjects[0].case_type;
    store_transfer_put(agent.store, &row);
}

static void add_event(const struct fixture_event *like, uint64_t number, int64_t at_ms)
{
    static const uint8_t payload[PAYLOAD_BYTES] = {1};
    struct inbox_row row = {.epoch = 1,
        .number = number,
        .kind = like->view.kind,
        .accepted_ms = at_ms,
        .sent_ms = at_ms,
        .persisted_ms = at_ms,
        .leaf = 0};
    struct event_view view;
    uint64_t transfer = number / EVENTS_A_TRANSFER;
    uint8_t leaf[8];

    buf_put_slice(&row.bytes, buf_slice(&like->bytes));
    put_id(&row.bytes, like->view.id, number);
    put_id(&row.bytes, like->view.transfer, transfer);
    put_id(&row.bytes, like->view.subjects[0].ref, transfer);
    int rc = event_read(buf_slice(&row.bytes), &view, NULL);
    assert(rc == 0);
    memcpy(row.event, view.id, UUID_BYTES);
    memcpy(row.transfer, view.transfer, UUID_BYTES);
    memcpy(row.from, view.from, sizeof row.from);
    memcpy(row.signer, view.from, sizeof view.from);
    buf_put(&row.ciphertext, payload, sizeof payload);
    put_u64(leaf, number);
    if (number % EVENTS_A_TRANSFER == 0) {
        add_transfer(&view, at_ms);
    }
    row.evidence =
        store_evidence_put(agent.store, slice_of(leaf, 8), slice_of(leaf, 8), number, at_ms);
    const struct entry_row entry = {
        .epoch = 1, .number = number, .type = ENTRY_EVENT, .persisted_ms = at_ms};
    row.position = store_entry_add(agent.store, &entry);
    store_inbox_add(agent.store, &row);
    inbox_row_free(&row);
}

static void fill(uint64_t events)
{
    static const char *const kinds[EVENTS_A_TRANSFER][2] = {
        {"move_notified", "permanence=permanent retain_intention=transfer"},
        {"family_informed", "informed_on=2026-03-01"},
        {"permanence_evidenced", "evidence=private_tenancy"},
        {"documents_provided", "documents=assessment declared_complete=no"},
        {"report_provided", "report_type=chair"},
        {"counterpart_handover", "agency=school"},
        {"documents_provided", "documents=chronology declared_complete=no"},
        {"move_updated", "placement_type=relatives"},
    };
    const struct fixture_event *likes[EVENTS_A_TRANSFER];

    fixture_transfer(&world, "T", AGENTFIX_PEER, AGENTFIX_ME);
    for (size_t i = 0; i < EVENTS_A_TRANSFER; i++) {
        likes[i] = fixture_build(&world, AGENTFIX_PEER, kinds[i][0], "T", "ash:cin", kinds[i][1]);
    }
    store_begin(agent.store);
    for (uint64_t i = 0; i < events; i++) {
        add_event(likes[i % EVENTS_A_TRANSFER], i + EVENTS_A_TRANSFER,
            agent.wall_ms - (int64_t)(events - i) * 1000);
    }
    int rc = store_commit(agent.store);
    assert(rc == 0);
}

static void ask(const char *what, const char *request)
{
    double began = now_s();

    for (int i = 0; i < ASKED; i++) {
        json_t *answer = agentfix_ask(&agent, request);
        if (!json_is_true(json_object_get(answer, "ok"))) {
            (void)fprintf(
                stderr, "%s: %s\n", what, json_string_value(json_object_get(answer, "error")));
            exit(1);
        }
        json_decref(answer);
    }
    printf("agent: %s in %.4f s\n", what, (now_s() - began) / ASKED);
}

static void ask_all(uint64_t events)
{
    char request[256];
    char id[UUID_TEXT_BYTES];
    uint8_t transfer[UUID_BYTES];

    number_id(world.events[0]->view.transfer, 1 + events / EVENTS_A_TRANSFER / 2, transfer);
    uuid_format(transfer, id);
    (void)snprintf(request, sizeof request, "{'op': 'transfer', 'transfer': '%s'}", id);
    ask("one transfer", request);
    (void)snprintf(request, sizeof request,
        "{'op': 'send', 'kind': 'case_file_opened', 'transfer': '%s', 'facts': {'markers_added': "
        "'yes'}}",
        id);
    ask("a send, with what the rules say of it", request);
    ask("all clocks", "{'op': 'clocks'}");
}

int main(int argc, char **argv)
{
    const char *folder = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    char path[100];
    uint64_t events = 100000;

    if (argc > 1 && text_parse_u64(argv[1], 100, EVENTS_MAX, &events) != 0) {
        (void)fprintf(stderr, "usage: bench_cases [EVENTS]\n");
        return 2;
    }
    int len = snprintf(path, sizeof path, "%s/waypost-cases-%ld.db", folder, (long)getpid());
    assert(len > 0 && (size_t)len < sizeof path);
    fixture_open(&world);
    agentfix_setup(&agent, path);
    agentfix_online(&agent); /* it has the register */
    agent.core->options.procedures = world.procedures;
    double began = now_s();
    fill(events);
    printf("agent: %llu received events put into its store in %.1f s\n", (unsigned long long)events,
        now_s() - began);
    ask_all(events);
    agentfix_teardown(&agent);
    (void)unlink(path);
    fixture_close(&world);
    return 0;
}
