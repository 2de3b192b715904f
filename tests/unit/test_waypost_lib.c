/*
 * libwaypost against an agent that says what the test wants: one thread behind a Unix socket.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "client/lib/waypost.h"
#include "common/base/err.h"
#include "tests/support/place.h"
#include "common/base/banned.h"

enum { ANSWERS_MAX = 8, LINE_BYTES = 65536 };

/* An agent with prepared answers. Each is sent as it is, its parts one by one; CLOSE ends the connection instead. */
struct fake {
    char dir[PLACE_BYTES];
    char path[PLACE_BYTES + 16];
    int listener;
    pthread_t thread;
    const char *answers[ANSWERS_MAX][3]; /* up to three parts, then NULL */
    size_t count;
    char requests[ANSWERS_MAX][LINE_BYTES]; /* as they came, without the newline */
    wp_agent_t *agent;
};

static const char close_it[] = "close";
static const char silence[] = "silence";

static int read_line(int fd, char *line)
{
    size_t len = 0;
    while (len + 1 < LINE_BYTES && read(fd, line + len, 1) == 1) {
        if (line[len] == '\n') {
            line[len] = '\0';
            return 0;
        }
        len++;
    }
    return -1;
}

static void *fake_main(void *context)
{
    struct fake *self = context;
    int fd = -1;
    for (size_t i = 0; i < self->count; i++) {
        while (fd < 0 || read_line(fd, self->requests[i]) != 0) {
            if (fd >= 0) {
                close(fd);
            }
            fd = accept(self->listener, NULL, NULL);
            if (fd < 0) {
                return NULL;
            }
        }
        for (size_t p = 0; p < 3 && self->answers[i][p] != NULL; p++) {
            const char *part = self->answers[i][p];
            if (part == close_it) {
                close(fd);
                fd = -1;
            } else if (part != silence) {
                assert_int_equal(write(fd, part, strlen(part)), strlen(part));
            }
        }
    }
    if (fd >= 0) {
        char rest[64];
        while (read(fd, rest, sizeof rest) > 0) {
        }
        close(fd);
    }
    return NULL;
}

static void add_answer(struct fake *self, const char *first, const char *second)
{
    assert_true(self->count < ANSWERS_MAX);
    self->answers[self->count][0] = first;
    self->answers[self->count++][1] = second;
}

static void fake_begin(struct fake *self)
{
    assert_int_equal(pthread_create(&self->thread, NULL, fake_main, self), 0);
}

/* The agent has been asked everything: its thread has ended. */
static void fake_end(struct fake *self)
{
    wp_agent_destroy(&self->agent);
    shutdown(self->listener, SHUT_RDWR);
    pthread_join(self->thread, NULL);
}

static int setup(void **state)
{
    struct fake *self = calloc(1, sizeof *self);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_non_null(self);
    place_folder(self->dir);
    snprintf(self->path, sizeof self->path, "%s/agent.sock", self->dir);
    assert_true(strlen(self->path) < sizeof address.sun_path);
    memcpy(address.sun_path, self->path, strlen(self->path));
    self->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(self->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(self->listener, 4), 0);
    self->agent = wp_agent_new(self->path);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fake *self = *state;
    wp_agent_destroy(&self->agent);
    close(self->listener);
    unlink(self->path);
    rmdir(self->dir);
    free(self);
    return 0;
}

/* ---- calls ---- */

static void call__answer_ok__is_given_as_text(void **state)
{
    struct fake *self = *state;
    char *answer = NULL;
    add_answer(self, "{\"ok\": true, \"agent\": \"E09000019\"}\n", NULL);
    fake_begin(self);
    assert_int_equal(wp_call(self->agent, "{\"op\": \"status\"}", &answer), WP_OK);
    assert_non_null(strstr(answer, "E09000019"));
    wp_free(answer);
    fake_end(self);
    assert_string_equal(self->requests[0], "{\"op\":\"status\"}");
}

static void call__answer_in_pieces__is_put_together(void **state)
{
    struct fake *self = *state;
    char *answer = NULL;
    add_answer(self, "{\"ok\": true, \"text\": \"one", " and two\"}\n");
    add_answer(self, "{\"ok\": true, \"text\": \"three\"}\n", NULL);
    fake_begin(self);
    assert_int_equal(wp_call(self->agent, "{\"op\": \"status\"}", &answer), WP_OK);
    assert_non_null(strstr(answer, "one and two"));
    wp_free(answer);
    assert_int_equal(wp_call(self->agent, "{\"op\": \"status\"}", &answer), WP_OK);
    assert_non_null(strstr(answer, "three"));
    wp_free(answer);
    fake_end(self);
}

static void call__refused__gives_code_and_sentence(void **state)
{
    struct fake *self = *state;
    add_answer(self,
        "{\"ok\": false, \"code\": 20, \"name\": \"E_FACT\", \"error\": \"no fact x\"}\n", NULL);
    fake_begin(self);
    assert_int_equal(wp_call(self->agent, "{\"op\": \"send\"}", NULL), WP_FACT);
    assert_string_equal(wp_error_text(self->agent), "no fact x");
    fake_end(self);
}

static void call__not_an_agent__is_malformed(void **state)
{
    struct fake *self = *state;
    add_answer(self, "220 mail.example ESMTP\n", NULL);
    fake_begin(self);
    assert_int_equal(wp_call(self->agent, "{\"op\": \"status\"}", NULL), WP_MALFORMED);
    assert_non_null(strstr(wp_error_text(self->agent), self->path));
    fake_end(self);
}

static void call__nobody_listens__is_unreachable_and_says_where(void **state)
{
    (void)state;
    wp_agent_t *agent = wp_agent_new("/nowhere/agent.sock");
    assert_int_equal(wp_call(agent, "{\"op\": \"status\"}", NULL), WP_UNREACHABLE);
    assert_non_null(strstr(wp_error_text(agent), "/nowhere/agent.sock"));
    wp_agent_destroy(&agent);
    assert_null(agent);
}

static void call__path_too_long__is_unreachable(void **state)
{
    (void)state;
    char path[200];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    wp_agent_t *agent = wp_agent_new(path);
    assert_int_equal(wp_call(agent, "{\"op\": \"status\"}", NULL), WP_UNREACHABLE);
    wp_agent_destroy(&agent);
}

static void call__agent_goes_away__is_said_and_the_next_call_connects_again(void **state)
{
    struct fake *self = *state;
    add_answer(self, "{\"ok\": tr", close_it);
    add_answer(self, "{\"ok\": true}\n", NULL);
    fake_begin(self);
    assert_int_equal(wp_call(self->agent, "{\"op\": \"status\"}", NULL), WP_UNREACHABLE);
    assert_int_equal(wp_call(self->agent, "{\"op\": \"status\"}", NULL), WP_OK);
    fake_end(self);
}

static void call__no_answer__ends_and_a_late_one_is_never_taken_for_the_next(void **state)
{
    struct fake *self = *state;
    char *answer = NULL;
    add_answer(self, silence, NULL);
    add_answer(self, "{\"ok\": true, \"n\": 2}\n", NULL);
    fake_begin(self);
    wp_timeout(self->agent, 20);
    assert_int_equal(wp_call(self->agent, "{\"op\": \"status\"}", NULL), WP_TIMEOUT);
    wp_timeout(self->agent, 0);
    assert_int_equal(wp_call(self->agent, "{\"op\": \"status\"}", &answer), WP_OK);
    assert_non_null(strstr(answer, "\"n\":2"));
    wp_free(answer);
    fake_end(self);
}

static void call__request_is_no_object__is_malformed(void **state)
{
    struct fake *self = *state;
    assert_int_equal(wp_call(self->agent, "[1]", NULL), WP_MALFORMED);
    assert_int_equal(wp_call(self->agent, "{", NULL), WP_MALFORMED);
}

/* ---- events ---- */

static void send__whole_message__becomes_the_request_of_the_document(void **state)
{
    struct fake *self = *state;
    char id[WP_ID_BYTES];
    const char *to[] = {"E09000007"};
    struct wp_fact facts[] = {{"permanence", "permanent"}};
    struct wp_fact sealed[] = {{"narrative", "words"}};
    struct wp_file files[] = {{"a.txt", "abcd", 4}};
    struct wp_message message = {.kind = "move_notified",
        .transfer = "maple",
        .to = to,
        .to_count = 1,
        .facts = facts,
        .fact_count = 1,
        .sealed = sealed,
        .sealed_count = 1,
        .files = files,
        .file_count = 1,
        .ref = "R"};
    add_answer(self,
        "{\"ok\": true, \"event\": \"0195a000-0000-7000-8000-000000000001\", \"state\": "
        "\"waiting\"}\n",
        NULL);
    fake_begin(self);
    assert_int_equal(wp_send(self->agent, &message, id), WP_OK);
    assert_string_equal(id, "0195a000-0000-7000-8000-000000000001");
    fake_end(self);
    json_t *got = json_loads(self->requests[0], 0, NULL);
    json_t *want = json_pack("{s:s, s:s, s:s, s:[s], s:{s:s}, s:{s:s}, s:[{s:s, s:s}], s:s}", "op",
        "send", "kind", "move_notified", "transfer", "maple", "to", "E09000007", "facts",
        "permanence", "permanent", "sealed", "narrative", "words", "attachments", "name", "a.txt",
        "base64", "YWJjZA==", "ref", "R");
    assert_true(json_equal(got, want));
    json_decref(got);
    json_decref(want);
}

static void send__document_too_large__is_refused_before_anything_is_asked(void **state)
{
    struct fake *self = *state;
    char id[WP_ID_BYTES];
    struct wp_file files[] = {{"big", "", 2000000}};
    struct wp_message message = {
        .kind = "move_notified", .transfer = "T", .files = files, .file_count = 1};
    assert_int_equal(wp_send(self->agent, &message, id), WP_TOO_LARGE);
}

static void new_transfer__with_children__gives_its_id(void **state)
{
    struct fake *self = *state;
    char transfer[WP_ID_BYTES];
    struct wp_subject subjects[] = {{"child-1", "cp"}};
    add_answer(
        self, "{\"ok\": true, \"transfer\": \"0195a000-0000-4000-8000-000000000002\"}\n", NULL);
    fake_begin(self);
    assert_int_equal(
        wp_new_transfer(self->agent, "E09000019", "E09000007", subjects, 1, "maple", transfer),
        WP_OK);
    assert_string_equal(transfer, "0195a000-0000-4000-8000-000000000002");
    fake_end(self);
    assert_non_null(strstr(self->requests[0], "\"label\":\"maple\""));
    assert_non_null(strstr(self->requests[0], "\"case_type\":\"cp\""));
}

static void receipts__more_than_asked_for__are_counted(void **state)
{
    struct fake *self = *state;
    struct wp_receipt receipts[2];
    size_t count = 0;
    add_answer(self,
        "{\"ok\": true, \"receipts\": [{\"code\": \"E09000007\", \"level\": 1, \"at\": "
        "\"2026-03-16T10:05:00.000Z\"},"
        "{\"code\": \"E09000007\", \"level\": 2, \"role\": \"duty_manager\"}, {\"code\": "
        "\"E09000008\"}]}\n",
        NULL);
    fake_begin(self);
    assert_int_equal(wp_receipts(self->agent, "E", receipts, 2, &count), WP_OK);
    assert_int_equal(count, 3);
    assert_int_equal(receipts[0].level, 1);
    assert_string_equal(receipts[0].at, "2026-03-16T10:05:00.000Z");
    assert_string_equal(receipts[1].role, "duty_manager");
    fake_end(self);
}

/* A page of 200 unopened events, numbers from `from` downwards. */
static char *page_from(unsigned from, unsigned count)
{
    char *text = malloc(100 + count * 60);
    assert_non_null(text);
    size_t len = (size_t)snprintf(text, 100, "{\"ok\": true, \"events\": [");
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, 60, "%s{\"number\": %u, \"event\": \"e-%u\"}",
            i == 0 ? "" : ", ", from - i, from - i);
    }
    snprintf(text + len, 60, "]}\n");
    return text;
}

static void inbox_next__several_pages__gives_the_oldest_after_the_number(void **state)
{
    struct fake *self = *state;
    struct wp_item item;
    char *first = page_from(300, 200);
    char *second = page_from(100, 50);
    add_answer(self, first, NULL);
    add_answer(self, second, NULL);
    fake_begin(self);
    assert_int_equal(wp_inbox_next(self->agent, 60, &item), WP_OK);
    assert_int_equal(item.number, 61);
    assert_string_equal(item.event, "e-61");
    fake_end(self);
    assert_non_null(strstr(self->requests[1], "\"before\":101"));
    free(first);
    free(second);
}

static void inbox_next__nothing_left__is_the_end(void **state)
{
    struct fake *self = *state;
    struct wp_item item;
    add_answer(self, "{\"ok\": true, \"events\": [{\"number\": 3}]}\n", NULL);
    fake_begin(self);
    assert_int_equal(wp_inbox_next(self->agent, 3, &item), WP_END);
    fake_end(self);
}

static void open__event__gives_the_sealed_part(void **state)
{
    struct fake *self = *state;
    char *payload = NULL;
    add_answer(
        self, "{\"ok\": true, \"event\": \"E\", \"payload\": {\"narrative\": \"words\"}}\n", NULL);
    fake_begin(self);
    assert_int_equal(wp_open(self->agent, "E", "duty_manager", NULL, &payload), WP_OK);
    assert_string_equal(payload, "{\"narrative\":\"words\"}");
    wp_free(payload);
    fake_end(self);
    assert_null(strstr(self->requests[0], "team"));
}

static int stop_after_two(void *context, const char *entry)
{
    int *count = context;
    assert_non_null(strstr(entry, *count == 0 ? "\"number\":7" : "\"number\":8"));
    return ++*count == 2 ? 77 : 0;
}

static void watch__entries__come_in_order_until_stopped(void **state)
{
    struct fake *self = *state;
    int count = 0;
    add_answer(self, "{\"ok\": true}\n{\"number\":7}\n{\"num", "ber\":8}\n{\"number\":9}\n");
    fake_begin(self);
    assert_int_equal(wp_watch(self->agent, "E12000007", 7, stop_after_two, &count), 77);
    assert_int_equal(count, 2);
    fake_end(self);
    assert_non_null(strstr(self->requests[0], "\"from\":7"));
    assert_non_null(strstr(self->requests[0], "\"region\":\"E12000007\""));
}

static void watch_next__nothing_yet__times_out_and_goes_on(void **state)
{
    struct fake *self = *state;
    char *entry = NULL;
    add_answer(self, "{\"ok\": true}\n", NULL);
    fake_begin(self);
    assert_int_equal(wp_watch_next(self->agent, 0, &entry), WP_STATE);
    assert_int_equal(wp_watch_begin(self->agent, NULL, 0), WP_OK);
    assert_true(wp_watch_fd(self->agent) >= 0);
    assert_int_equal(wp_watch_next(self->agent, 0, &entry), WP_TIMEOUT);
    assert_int_equal(wp_watch_next(self->agent, 5, &entry), WP_TIMEOUT);
    fake_end(self);
}

static void listening__answer__is_read(void **state)
{
    struct fake *self = *state;
    struct wp_listening listening;
    add_answer(self,
        "{\"ok\": true, \"code\": \"E09000007\", \"registered\": true, \"connected\": false, "
        "\"pending\": 4}\n",
        NULL);
    fake_begin(self);
    assert_int_equal(wp_listening(self->agent, "E09000007", &listening), WP_OK);
    assert_int_equal(listening.registered, 1);
    assert_int_equal(listening.connected, 0);
    assert_int_equal(listening.pending, 4);
    assert_string_equal(listening.last_contact, "");
    fake_end(self);
}

static void results__of_the_header__are_those_of_the_protocol(void **state)
{
    (void)state;
    static const int pairs[][2] = {{WP_MALFORMED, E_MALFORMED}, {WP_TOO_LARGE, E_TOO_LARGE},
        {WP_NOT_ALLOWED, E_NOT_ALLOWED}, {WP_KIND, E_KIND}, {WP_FACT, E_FACT},
        {WP_FACT_MISSING, E_FACT_MISSING}, {WP_FACT_VALUE, E_FACT_VALUE}, {WP_CODE, E_CODE},
        {WP_STATE, E_STATE}, {WP_NOT_FOUND, E_NOT_FOUND}, {WP_TIMEOUT, E_TIMEOUT},
        {WP_UNREACHABLE, E_UNREACHABLE}, {WP_END, E_END}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_int_equal(pairs[i][0], pairs[i][1]);
        assert_string_equal(wp_result_name(pairs[i][0]), err_name(pairs[i][1]));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(call__answer_ok__is_given_as_text),
        TEST(call__answer_in_pieces__is_put_together),
        TEST(call__refused__gives_code_and_sentence),
        TEST(call__not_an_agent__is_malformed),
        TEST(call__nobody_listens__is_unreachable_and_says_where),
        TEST(call__path_too_long__is_unreachable),
        TEST(call__agent_goes_away__is_said_and_the_next_call_connects_again),
        TEST(call__no_answer__ends_and_a_late_one_is_never_taken_for_the_next),
        TEST(call__request_is_no_object__is_malformed),
        TEST(send__whole_message__becomes_the_request_of_the_document),
        TEST(send__document_too_large__is_refused_before_anything_is_asked),
        TEST(new_transfer__with_children__gives_its_id),
        TEST(receipts__more_than_asked_for__are_counted),
        TEST(inbox_next__several_pages__gives_the_oldest_after_the_number),
        TEST(inbox_next__nothing_left__is_the_end),
        TEST(open__event__gives_the_sealed_part),
        TEST(watch__entries__come_in_order_until_stopped),
        TEST(watch_next__nothing_yet__times_out_and_goes_on),
        TEST(listening__answer__is_read),
        TEST(results__of_the_header__are_those_of_the_protocol),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
