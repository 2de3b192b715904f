/* The local interface without its socket: what a client may say, and what it is answered. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/agent_fixture.h"

#include "common/base/banned.h"

static int setup(void **state)
{
    struct agentfix *self = mem_new(1, sizeof *self);

    agentfix_setup(self, NULL);
    agentfix_online(self);
    json_t *answer = agentfix_ask(self,
        "{'op': 'new_transfer', 'origin': 'E09000019', 'receiving': 'E09000007', 'label': 'spring',"
        " 'subjects': [{'name': 'ash', 'case_type': 'cp'}, {'name': 'elm', 'case_type': 'cin'}]}");
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    *state = self;
    return 0;
}

static void request__wrong__is_answered_with_code_and_the_nearest_word(void **state)
{
    static const struct {
        const char *request;
        int code;
        const char *says;
    } rows[] = {
        {"{'op': 'statsu'}", E_USAGE, "status"},
        {"{'op': 'status', 'verbose': true}", E_USAGE, "verbose"},
        {"{}", E_USAGE, "op"},
        {"{'op': 'inbox', 'unopened': 'yes'}", E_USAGE, "unopened must be true or false"},
        {"{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'facts': {'permanence': "
         "'permanent', 'retain_intention': 'transfer'}, 'dry_run': 'true'}",
            E_USAGE, "dry_run must be true or false"},
        {"{'op': 'send', 'kind': 'move_notifed', 'transfer': 'spring'}", E_KIND, "move_notified"},
        {"{'op': 'send', 'kind': 'move_notified', 'transfer': 'autumn'}", E_NOT_FOUND, "autumn"},
        {"{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'to': ['E09000070']}",
            E_CODE, "E09000007"},
        {"{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'to': ['E09000007', "
         "'E09000007']}",
            E_RECIPIENT, "twice"},
        {"{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'to': 5}", E_USAGE,
            "to must be a list"},
        {"{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'from': 'E09000007'}",
            E_SENDER, "E09000007"},
        {"{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'subjects': ['oak']}",
            E_NOT_FOUND, "oak"},
        {"{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'facts': {'permanense': "
         "'permanent'}}",
            E_FACT, "permanence"},
        {"{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'facts': {'permanence': "
         "'permanant'}}",
            E_FACT_VALUE, "permanent"},
        {"{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'sealed': {'narrative': "
         "''}}",
            E_FACT_VALUE, "narrative is empty"},
        {"{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'facts': {'permanence': "
         "null}}",
            E_USAGE, "permanence must be a text"},
        {"{'op': 'send', 'kind': 'case_closed', 'transfer': 'spring', 'occurred': 'yesterday'}",
            E_DATE, "yesterday"},
        {"{'op': 'new_transfer', 'origin': 'E09000019', 'receiving': 'E09000007', 'label': "
         "'spring'}",
            E_EXISTS, "spring"},
        {"{'op': 'new_transfer', 'origin': 'E09000019', 'receiving': 'E09000007',"
         " 'subjects': [{'name': 'ash', 'case_type': 'cpp'}]}",
            E_FACT_VALUE, "cp"},
        {"{'op': 'show', 'event': 'nonsense'}", E_ID, "nonsense"},
        {"{'op': 'show', 'event': '0190163d-8694-7739-aea5-966c26f8ad91'}", E_NOT_FOUND,
            "0190163d"},
        {"{'op': 'outbox', 'state': 'wating'}", E_USAGE, "waiting"},
        {"{'op': 'inbox', 'limit': 100000}", E_RANGE, "limit"},
        {"{'op': 'shape'}", E_NOT_ALLOWED, "operator"},
        {"{'op': 'alarms', 'own': 'none'}", E_NOT_FOUND, "none"},
        {"{'op': 'watch', 'region': 'Lundon'}", E_CODE, "Lundon"},
    };
    struct agentfix *self = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *answer = agentfix_ask(self, rows[i].request);
        const char *error = json_string_value(json_object_get(answer, "error"));
        assert_true(json_is_false(json_object_get(answer, "ok")));
        if (json_integer_value(json_object_get(answer, "code")) != -rows[i].code ||
            strstr(error, rows[i].says) == NULL) {
            fail_msg("%s: %s", rows[i].request, error);
        }
        json_decref(answer);
    }
    assert_int_equal(store_outbox_count(self->store, OUTBOX_WAITING), 0);
    assert_int_equal(store_outbox_count(self->store, OUTBOX_SENT), 0);
}

static json_t *good(json_t *answer)
{
    if (!json_is_true(json_object_get(answer, "ok"))) {
        fail_msg("%s", json_string_value(json_object_get(answer, "error")));
    }
    return answer;
}

static void send__required_fact_missing__is_refused_unless_allowed_or_protective(void **state)
{
    struct agentfix *self = *state;
    json_t *answer = agentfix_ask(
        self, "{'op': 'send', 'kind': 'escalation_raised', 'transfer': 'spring', 'facts': {}}");

    assert_int_equal(json_integer_value(json_object_get(answer, "code")), -E_FACT_MISSING);
    json_decref(answer);
    answer = good(agentfix_ask(self,
        "{'op': 'send', 'kind': 'escalation_raised', 'transfer': 'spring', 'allow_incomplete': "
        "true}"));
    assert_int_equal(json_array_size(json_object_get(answer, "warnings")), 1);
    json_decref(answer);
    for (uint32_t i = 1; i <= catalogue_kind_count(); i++) {
        const struct kind_info *kind = catalogue_kind(i);
        char request[200];
        if (!kind->protective || kind->required[0] == 0) {
            continue;
        }
        (void)snprintf(request, sizeof request,
            "{'op': 'send', 'kind': '%s', 'transfer': 'spring'}", kind->name);
        answer = good(agentfix_ask(self, request));
        assert_int_equal(json_array_size(json_object_get(answer, "warnings")), 1);
        json_decref(answer);
    }
}

static void send__sealed_facts__travel_sealed_with_their_companions(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);
    json_t *answer = good(agentfix_ask(self,
        "{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'subjects': ['elm'], "
        "'facts':"
        " {'permanence': 'permanent', 'retain_intention': 'transfer', 'child_name': 'Elm Example'},"
        " 'sealed': {'dob': '2014-05-06'}, 'attachments': [{'name': 'plan.txt', 'base64': "
        "'aGVsbG8='}]}"));
    struct event_view view;

    json_decref(answer);
    assert_true(agentfix_accept(self, batch));
    assert_null(memmem(batch->events[0].data, batch->events[0].len, "Elm", 3));
    assert_null(memmem(batch->payloads[0].data, batch->payloads[0].len, "Elm", 3));
    assert_int_equal(event_read(buf_slice(&batch->events[0]), &view, NULL), 0);
    assert_true(view.has_payload);
    assert_int_equal(view.subject_count, 1);
    assert_string_equal(view.to[0].code, AGENTFIX_PEER);
    json_t *json = event_json(&view);
    char *text = json_dumps(json, 0);
    assert_non_null(strstr(text, "dob_present"));
    free(text);
    json_decref(json);
    agentfix_batch_free(batch);
    free(batch);
}

/* C25: the agent alone can read the date of birth; 29 February counts as 1 March. */
static void send__a_conference_after_the_18th_birthday__says_so_by_itself(void **state)
{
    struct agentfix *self = *state;
    static const struct {
        const char *dob, *day;
        bool adult;
    } rows[] = {{"2008-03-10", "2026-03-10", true}, {"2008-03-11", "2026-03-10", false},
        {"2008-02-29", "2026-02-28", false}, {"2008-02-29", "2026-03-01", true},
        {"2008-13-01", "2026-03-10", false}, {NULL, "2026-03-10", false}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(is_18_on(rows[i].dob, rows[i].day), rows[i].adult);
    }
    json_t *answer = good(agentfix_ask(self,
        "{'op': 'send', 'kind': 'conference_date_set', 'transfer': 'spring', 'facts':"
        " {'conference_date': '2026-04-10', 'conference_type': 'initial'},"
        " 'sealed': {'dob': '2008-03-10'}}"));
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);
    struct event_view view;
    json_decref(answer);
    assert_true(agentfix_accept(self, batch));
    assert_int_equal(event_read(buf_slice(&batch->events[0]), &view, NULL), 0);
    json_t *json = event_json(&view);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_non_null(strstr(text, "\"turns_18_before_conference\":true"));
    free(text);
    json_decref(json);
    agentfix_batch_free(batch);
    free(batch);
}

static void send__claiming_a_profile__carries_it_and_keeps_it_until_it_is_sent(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);
    struct event_view view;

    json_decref(good(agentfix_ask(self,
        "{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'profile': 'london', "
        "'facts':"
        " {'permanence': 'permanent', 'retain_intention': 'transfer'}}")));
    agentfix_online(self);
    assert_true(agentfix_accept(self, batch));
    assert_int_equal(event_read(buf_slice(&batch->events[0]), &view, NULL), 0);
    assert_string_equal(view.profile, "london");
    agentfix_batch_free(batch);
    free(batch);
}

static void send__to_a_code_that_the_register_lacks__needs_to_be_allowed(void **state)
{
    struct agentfix *self = *state;
    json_t *answer = agentfix_ask(self,
        "{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'to': ['E07000999'], "
        "'facts':"
        " {'permanence': 'permanent', 'retain_intention': 'transfer'}}");

    assert_false(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    json_decref(good(agentfix_ask(self,
        "{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'to': ['E07000999'], "
        "'facts':"
        " {'permanence': 'permanent', 'retain_intention': 'transfer'}, 'allow_unknown': true}")));
}

static void send__to_a_superseded_code__warns_and_seals_for_the_successor(void **state)
{
    struct agentfix *self = *state;
    json_t *answer = good(agentfix_ask(self,
        "{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'to': ['E08000016'], "
        "'facts':"
        " {'permanence': 'permanent', 'retain_intention': 'transfer'}}"));
    const json_t *warnings = json_object_get(answer, "warnings");

    assert_true(json_array_size(warnings) >= 1);
    assert_non_null(strstr(json_string_value(json_array_get(warnings, 0)), "E08000038"));
    json_decref(answer);
}

static void listening__broker_answers__is_told_to_the_client_that_asked(void **state)
{
    struct agentfix *self = *state;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Answer body = WAYPOST__ANSWER__INIT;

    assert_null(agentfix_ask(self, "{'op': 'listening', 'code': 'E09000007'}"));
    Waypost__Frame *query = agentfix_take(self, WAYPOST__FRAME__BODY_QUERY);
    assert_non_null(query);
    body.request = query->query->request;
    body.code = (char *)(uintptr_t)AGENTFIX_PEER;
    body.registered = true;
    body.connected = true;
    frame.body_case = WAYPOST__FRAME__BODY_ANSWER;
    frame.answer = &body;
    agentfix_give(self, &frame);
    assert_int_equal(self->answer_count, 1);
    assert_true(json_is_true(json_object_get(self->answers[0], "connected")));
}

static void listening__no_answer__times_out(void **state)
{
    struct agentfix *self = *state;

    assert_null(agentfix_ask(self, "{'op': 'listening', 'code': 'E09000007'}"));
    agentfix_pass(self, 11000);
    assert_int_equal(self->answer_count, 1);
    assert_int_equal(json_integer_value(json_object_get(self->answers[0], "code")), -E_TIMEOUT);
}

static void watch__events_as_they_come__one_line_each(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, true, FAULT_NONE);
    json_decref(good(agentfix_ask(self, "{'op': 'watch', 'from': 1, 'region': 'E12000007'}")));
    assert_int_equal(self->answer_count, 1);
    agentfix_deliver(self, 0, true, FAULT_NONE);
    assert_int_equal(self->answer_count, 2);
    const json_t *line = self->answers[1];
    assert_string_equal(json_string_value(json_object_get(line, "type")), "event");
    assert_int_equal(json_integer_value(json_object_get(line, "number")), 2);
    assert_null(json_object_get(line, "payload"));
}

static void status__online__names_agent_keys_and_queue(void **state)
{
    json_t *answer = good(agentfix_ask(*state, "{'op': 'status'}"));
    const struct agentfix *self = *state;

    assert_null(json_object_get(answer, "disk_free")); /* nobody has looked */
    json_decref(answer);
    agent_core_disk_free(self->core, 1 << 20);
    answer = good(agentfix_ask(*state, "{'op': 'status'}"));
    assert_int_equal(json_integer_value(json_object_get(answer, "disk_free")), 1 << 20);
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "online");
    assert_string_equal(json_string_value(json_object_get(answer, "code")), AGENTFIX_ME);
    assert_int_equal(json_array_size(json_object_get(answer, "keys")), 3);
    assert_int_equal(json_array_size(json_object_get(answer, "alarms")), 0);
    json_decref(answer);
}

static void receipt__of_an_accepted_event__is_a_file(void **state)
{
    struct agentfix *self = *state;
    json_t *answer = good(agentfix_ask(self,
        "{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'facts':"
        " {'permanence': 'permanent', 'retain_intention': 'transfer'}}"));
    char request[120];

    (void)snprintf(request, sizeof request, "{'op': 'receipt', 'event': '%s'}",
        json_string_value(json_object_get(answer, "event")));
    json_decref(answer);
    answer = agentfix_ask(self, request);
    assert_int_equal(json_integer_value(json_object_get(answer, "code")), -E_STATE);
    json_decref(answer);
    assert_int_equal(agentfix_serve(self), 1);
    answer = good(agentfix_ask(self, request));
    assert_memory_equal(json_string_value(json_object_get(answer, "receipt")), "0d57595052", 10);
    json_decref(answer);
}

#define ELSEWHERE "4d1f0f6a-0d3c-4b52-9a36-6f1f3f2f7a01"
#define KNOWN_CHILD "7b1d2c3e-0000-4000-8000-0123456789ab"

static void new_transfer__begun_elsewhere__keeps_its_id_and_the_references(void **state)
{
    struct agentfix *self = *state;
    static const char request[] =
        "{'op': 'new_transfer', 'transfer': '" ELSEWHERE "', 'origin': 'E09000007', 'receiving': "
        "'E09000019', 'subjects': [{'name': 'oak', 'case_type': 'cp', 'ref': '" KNOWN_CHILD "'}]}";
    json_t *answer = good(agentfix_ask(self, request));

    assert_string_equal(json_string_value(json_object_get(answer, "transfer")), ELSEWHERE);
    json_decref(answer);
    answer = good(agentfix_ask(self, request)); /* the same again changes nothing */
    const json_t *child = json_array_get(json_object_get(answer, "subjects"), 0);
    assert_string_equal(json_string_value(json_object_get(child, "ref")), KNOWN_CHILD);
    json_decref(answer);
    answer = agentfix_ask(self,
        "{'op': 'new_transfer', 'transfer': '" ELSEWHERE
        "', 'origin': 'E09000019', 'receiving': 'E09000007', 'subjects': []}");
    assert_int_equal(json_integer_value(json_object_get(answer, "code")), -E_EXISTS);
    json_decref(answer);
    answer = agentfix_ask(self,
        "{'op': 'new_transfer', 'origin': 'E09000019', 'receiving': 'E09000007', 'subjects':"
        " [{'name': 'ash', 'case_type': 'cp', 'ref': '" KNOWN_CHILD "'}]}");
    assert_int_equal(json_integer_value(json_object_get(answer, "code")), -E_EXISTS);
    json_decref(answer);
}

int main(void)
{
#define WITH_AGENT(test) cmocka_unit_test_setup_teardown(test, setup, agentfix_end)
    const struct CMUnitTest tests[] = {
        WITH_AGENT(request__wrong__is_answered_with_code_and_the_nearest_word),
        WITH_AGENT(send__claiming_a_profile__carries_it_and_keeps_it_until_it_is_sent),
        WITH_AGENT(send__to_a_code_that_the_register_lacks__needs_to_be_allowed),
        WITH_AGENT(send__required_fact_missing__is_refused_unless_allowed_or_protective),
        WITH_AGENT(send__sealed_facts__travel_sealed_with_their_companions),
        WITH_AGENT(send__a_conference_after_the_18th_birthday__says_so_by_itself),
        WITH_AGENT(send__to_a_superseded_code__warns_and_seals_for_the_successor),
        WITH_AGENT(listening__broker_answers__is_told_to_the_client_that_asked),
        WITH_AGENT(listening__no_answer__times_out),
        WITH_AGENT(watch__events_as_they_come__one_line_each),
        WITH_AGENT(status__online__names_agent_keys_and_queue),
        WITH_AGENT(receipt__of_an_accepted_event__is_a_file),
        WITH_AGENT(new_transfer__begun_elsewhere__keeps_its_id_and_the_references),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests_name("agent_ops", tests, NULL, NULL);
}
