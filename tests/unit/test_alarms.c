/*
 * Alarms: the table and its copy in docs/OPERATING.md (UPDATE=1 writes that anew), the book, what is told and to whom by
 * real programs, and the states that an agent finds out by itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <poll.h>

#include "broker/net/options.h"
#include "common/alarm/teller.h"
#include "common/base/fsio.h"
#include "common/base/log.h"
#include "tests/support/agent_fixture.h"
#include "tests/support/core_fixture.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

#define DOCUMENT "docs/OPERATING.md"
#define BEGIN "<!-- alarms -->\n"
#define END "<!-- end of the alarms -->"

enum { FILE_BYTES_MAX = 1048576, PATH_BYTES = 160, TURNS_MAX = 10000 };

#define HOUR_MS INT64_C(3600000)

/* ---- the table ---- */

static void put_rows(struct buf *out)
{
    buf_put_text(out,
        "| alarm | of | what it tells | who must act, and how | goes |\n"
        "| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < alarm_count(); i++) {
        const struct alarm_info *info = alarm_at(i);
        static const char *const programs[] = {"", "agent", "broker", "both", "hub"};
        buf_put_text(out, "| `%s` | %s | %s | %s: %s | %s |\n", info->name,
            programs[info->programs], info->what, alarm_actor_word(info->actor), info->remedy,
            info->ends);
    }
}

static void document__of_the_alarms__is_what_the_table_says(void **state)
{
    struct buf page = {0};
    struct buf wanted = {0};

    (void)state;
    assert_int_equal(fsio_read_all(DOCUMENT, FILE_BYTES_MAX, &page), 0);
    buf_put_u8(&page, 0);
    const char *text = (const char *)page.data;
    const char *begin = strstr(text, BEGIN);
    const char *end = begin == NULL ? NULL : strstr(begin, END);
    assert_non_null(end);
    begin += strlen(BEGIN);
    buf_put(&wanted, text, (size_t)(begin - text));
    put_rows(&wanted);
    buf_put(&wanted, end, strlen(end));
    if (getenv("UPDATE") != NULL) {
        assert_int_equal(fsio_replace(DOCUMENT, buf_slice(&wanted), 0644), 0);
    } else if (wanted.len != page.len - 1 || memcmp(wanted.data, page.data, wanted.len) != 0) {
        fail_msg("%s is not what the table of alarms says; run this test with UPDATE=1", DOCUMENT);
    }
    buf_free(&wanted);
    buf_free(&page);
}

static void table__every_row__has_a_name_of_its_own_and_whole_sentences(void **state)
{
    (void)state;
    for (size_t i = 0; i < alarm_count(); i++) {
        const struct alarm_info *info = alarm_at(i);
        assert_ptr_equal(alarm_info(info->name), info);
        assert_true(strlen(info->name) < ALARM_NAME_BYTES);
        assert_true(info->programs >= 1 && info->programs <= 4);
        assert_true(strlen(info->what) > 10 && strlen(info->remedy) > 5 && strlen(info->ends) > 5);
        assert_int_equal(info->remedy[strlen(info->remedy) - 1], '.');
        assert_true(info->once == (strncmp(info->ends, "taken on", 8) == 0));
    }
    assert_null(alarm_at(alarm_count()));
    assert_null(alarm_info("nothing"));
    assert_string_equal(alarm_nearest("event_daed"), "event_dead");
}

/* ---- the book ---- */

static void book__raised_told_owned_and_over__tells_what_is_due(void **state)
{
    alarm_book_t *book = alarm_book_new();

    (void)state;
    assert_true(alarm_book_raise(book, "disk_low", "little", 1000));
    assert_false(alarm_book_raise(book, "disk_low", "little", 2000));
    assert_true(alarm_due(alarm_book_at(book, 0), 1000, HOUR_MS));
    alarm_book_told(book, "disk_low", 1000);
    assert_false(alarm_due(alarm_book_at(book, 0), 1000 + HOUR_MS - 1, HOUR_MS));
    assert_true(alarm_due(alarm_book_at(book, 0), 1000 + HOUR_MS, HOUR_MS));
    assert_true(alarm_due(alarm_book_at(book, 0), 999, HOUR_MS)); /* the clock was set back */
    assert_true(alarm_book_own(book, "disk_low", "it officer"));
    assert_false(alarm_due(alarm_book_at(book, 0), 1000 + 9 * HOUR_MS, HOUR_MS));
    assert_string_equal(alarm_book_find(book, "disk_low")->owner, "it officer");
    assert_true(alarm_book_raise(book, "disk_low", "less still", 3000)); /* news: nobody's */
    assert_string_equal(alarm_book_find(book, "disk_low")->owner, "");
    assert_int_equal(alarm_book_find(book, "disk_low")->since_ms, 1000);
    assert_true(alarm_due(alarm_book_at(book, 0), 3000, HOUR_MS));
    assert_true(alarm_book_clear(book, "disk_low"));
    assert_false(alarm_book_clear(book, "disk_low"));
    assert_false(alarm_book_own(book, "disk_low", "it officer"));
    assert_int_equal(alarm_book_count(book), 0);
    alarm_book_destroy(&book);
}

static void book__what_happened_once__goes_when_it_is_taken_on(void **state)
{
    alarm_book_t *book = alarm_book_new();

    (void)state;
    assert_true(alarm_book_raise(book, "clone", "a", 1));
    assert_true(alarm_book_raise(book, "conflict", "b", 2));
    assert_true(alarm_book_raise(book, "disk_low", "c", 3));
    assert_true(alarm_book_own(book, "conflict", "somebody"));
    assert_int_equal(alarm_book_count(book), 2);
    assert_string_equal(alarm_book_at(book, 0)->name, "clone");
    assert_string_equal(alarm_book_at(book, 1)->name, "disk_low");
    alarm_book_destroy(&book);
}

static void owner__of_any_form__is_a_role_or_refused(void **state)
{
    char longest[ALARM_OWNER_BYTES + 1];

    (void)state;
    memset(longest, 'a', sizeof longest);
    longest[ALARM_OWNER_BYTES] = '\0';
    assert_true(alarm_owner_good("duty desk 2"));
    assert_true(alarm_owner_good("it-officer"));
    assert_false(alarm_owner_good(""));
    assert_false(alarm_owner_good(" desk"));
    assert_false(alarm_owner_good("desk\nX: y"));
    assert_false(alarm_owner_good("desk@home"));
    assert_false(alarm_owner_good(longest));
    longest[ALARM_OWNER_BYTES - 1] = '\0';
    assert_true(alarm_owner_good(longest));
}

/* ---- telling ---- */

struct scene {
    char folder[PATH_BYTES];
    settings_t *settings;
    teller_t *teller;
    unsigned good, bad;
    char what[200];
};

static const struct setting teller_rows[] = {TELLER_ROWS};
static const struct setting_table teller_table = {
    "test", teller_rows, sizeof teller_rows / sizeof teller_rows[0]};

static void path_in(const struct scene *self, const char *name, char *out)
{
    assert_true(snprintf(out, PATH_BYTES, "%.100s/%.40s", self->folder, name) > 0);
}

static void write_script(const struct scene *self, const char *name, const char *text)
{
    char path[PATH_BYTES];

    path_in(self, name, path);
    assert_int_equal(fsio_replace(path, slice_of_text(text), 0755), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

static int settings_of(struct scene *self, const char *text, struct complaint *why)
{
    char name[PATH_BYTES];

    path_in(self, "test.zpl", name);
    settings_destroy(&self->settings);
    int rc = settings_parse(&teller_table, name, slice_of_text(text), &self->settings, why);
    return rc != 0 ? rc : teller_check(self->settings, why);
}

static void scene_open(struct scene *self, const char *text)
{
    struct complaint why = {0};

    memset(self, 0, sizeof *self);
    place_folder(self->folder);
    write_script(self, "take", "#!/bin/sh\ncat >>\"$(dirname \"$0\")/taken\"\n");
    write_script(self, "mail",
        "#!/bin/sh\necho \"$@\" >>\"$(dirname \"$0\")/args\"\n"
        "cat >>\"$(dirname \"$0\")/mailed\"\n");
    write_script(self, "fail", "#!/bin/sh\nexit 7\n");
    if (settings_of(self, text, &why) != 0) {
        fail_msg("%s", why.text);
    }
    const struct teller_options options = {
        "waypost-agent", "E09000019", "test-network", self->settings};
    self->teller = teller_new(&options);
}

static void scene_close(struct scene *self)
{
    static const char *const names[] = {"take", "mail", "fail", "taken", "mailed", "args"};
    char path[PATH_BYTES];

    teller_destroy(&self->teller);
    settings_destroy(&self->settings);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_in(self, names[i], path);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(self->folder), 0);
}

static void note(void *context, const char *alarm, bool good, const char *what)
{
    struct scene *self = context;

    assert_string_equal(alarm, "disk_low");
    self->good += good ? 1 : 0;
    self->bad += good ? 0 : 1;
    (void)snprintf(self->what, sizeof self->what, "%s", what);
}

static void reap_all(struct scene *self, int64_t now_ms)
{
    for (int i = 0; i < TURNS_MAX && teller_is_busy(self->teller); i++) {
        (void)poll(NULL, 0, 1);
        teller_reap(self->teller, now_ms, note, self);
    }
    assert_false(teller_is_busy(self->teller));
}

static char *content(const struct scene *self, const char *name)
{
    static struct buf bytes;
    char path[PATH_BYTES];

    buf_free(&bytes);
    path_in(self, name, path);
    (void)fsio_read_all(path, FILE_BYTES_MAX, &bytes);
    buf_put_u8(&bytes, 0);
    return (char *)bytes.data;
}

static const struct alarm low = {
    .name = "disk_low", .text = "little \"room\"", .since_ms = 1000, .told = 1};

static void command__of_the_operator__gets_the_alarm_as_json(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, "alarm-command = \"take\"\n");
    assert_true(teller_is_on(scene.teller));
    assert_true(teller_tell(scene.teller, &low, 1));
    reap_all(&scene, 2);
    assert_int_equal(scene.good, 1);
    json_t *json = json_loads(content(&scene, "taken"), 0, NULL);
    assert_non_null(json);
    const char *wanted[][2] = {{"alarm", "disk_low"}, {"program", "waypost-agent"},
        {"who", "E09000019"}, {"network", "test-network"}, {"act", "the IT officer"},
        {"text", "little \"room\""}, {"since", "1970-01-01T00:00:01.000Z"}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_string_equal(json_string_value(json_object_get(json, wanted[i][0])), wanted[i][1]);
    }
    assert_int_equal(json_integer_value(json_object_get(json, "times")), 2);
    json_decref(json);
    scene_close(&scene);
}

static void mail__to_two_addresses__is_a_message_that_says_who_must_act(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene,
        "alarm-mail = \"it@council.example\"\nalarm-mail = \"desk@council.example\"\n"
        "sendmail = \"mail\"\n");
    assert_true(teller_tell(scene.teller, &low, 1));
    reap_all(&scene, 2);
    assert_string_equal(content(&scene, "args"), "-t -i\n");
    const char *text = content(&scene, "mailed");
    assert_ptr_equal(strstr(text,
                         "To: it@council.example,\n desk@council.example\n"
                         "Subject: test-network: alarm disk_low at E09000019, again\n"),
        text);
    assert_non_null(strstr(text, "\n\nWhat     little \"room\"\n"));
    assert_non_null(strstr(text, "\nTo act   the IT officer\n"));
    assert_non_null(strstr(text, "waypost own disk_low --by ROLE\n"));
    scene_close(&scene);
}

static void program__that_fails_or_is_not_there__is_told_and_holds_up_nothing(void **state)
{
    struct scene scene;
    char path[PATH_BYTES];

    (void)state;
    scene_open(&scene, "alarm-command = \"fail\"\nalarm-repeat = 1 s\n");
    assert_true(teller_tell(scene.teller, &low, 1));
    reap_all(&scene, 2);
    assert_int_equal(scene.bad, 1);
    assert_string_equal(scene.what, "exit status 7");
    assert_false(teller_tell(scene.teller, &low, 2)); /* one name is paced */
    path_in(&scene, "fail", path);
    assert_int_equal(unlink(path), 0);
    assert_true(teller_tell(scene.teller, &low, 2000));
    reap_all(&scene, 2001);
    assert_int_equal(scene.bad, 2);
    assert_non_null(strstr(scene.what, "cannot be run: No such file"));
    scene_close(&scene);
}

static void program__that_hangs__is_killed_with_all_that_it_started(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, "alarm-command = \"take\"\n");
    write_script(&scene, "take", "#!/bin/sh\nsleep 600 &\nsleep 600\n");
    assert_true(teller_tell(scene.teller, &low, 1));
    teller_reap(scene.teller, 1 + TELLER_TIMEOUT_MS - 1, note, &scene);
    assert_true(teller_is_busy(scene.teller));
    reap_all(&scene, 1 + TELLER_TIMEOUT_MS);
    assert_int_equal(scene.bad, 1);
    assert_string_equal(scene.what, "it ran too long and was killed");
    scene_close(&scene);
}

static void configuration__of_telling__is_checked(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"alarm-command = \"missing\"\n", "alarm-command:"},
        {"alarm-mail = \"nobody\"\nsendmail = \"mail\"\n", "is no mail address"},
        {"alarm-mail = \"a@b\\nBcc: c@d\"\nsendmail = \"mail\"\n", ""},
        {"alarm-mail = \"a@b@c\"\nsendmail = \"mail\"\n", "is no mail address"},
        {"alarm-mail = \"a@b\"\nsendmail = \"missing\"\n", "sendmail:"},
    };
    struct scene scene;
    struct complaint why = {0};

    (void)state;
    scene_open(&scene, "sendmail = \"missing\"\n"); /* nobody is mailed: it need not be there */
    assert_false(teller_is_on(scene.teller));
    teller_destroy(&scene.teller);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_not_equal(settings_of(&scene, rows[i].text, &why), 0);
        assert_non_null(strstr(why.text, rows[i].says));
    }
    scene_close(&scene);
}

/* ---- an agent's own states ---- */

static struct agentfix *alarmed_open(int64_t dead_ms, int64_t unread_ms)
{
    struct agentfix *self = calloc(1, sizeof *self);

    log_init("test", LOG_ERROR + 1);
    agentfix_setup(self, NULL);
    agentfix_close(self); /* it is opened with other options */
    self->dead_ms = dead_ms;
    self->unread_ms = unread_ms;
    agentfix_open(self);
    return self;
}

static void alarmed_close(struct agentfix *self)
{
    agentfix_teardown(self);
    free(self);
}

static void event__received_and_never_opened__is_an_alarm(void **state)
{
    struct agentfix *self = alarmed_open(0, HOUR_MS);

    (void)state;
    agentfix_online(self);
    agentfix_deliver(self, 0, false, FAULT_NONE);
    agentfix_pass(self, HOUR_MS - 60000);
    assert_false(agentfix_alarm(self, "inbox_unread"));
    agentfix_pass(self, 120000);
    assert_true(agentfix_alarm(self, "inbox_unread"));
    alarmed_close(self);
}

static void event__that_the_broker_does_not_take__is_an_alarm_until_it_does(void **state)
{
    struct agentfix *self = alarmed_open(HOUR_MS, 0);

    (void)state;
    agentfix_online(self);
    json_decref(agentfix_ask(self,
        "{'op':'new_transfer','origin':'E09000019','receiving':'E09000007','label':'t',"
        "'subjects':[{'name':'ash','case_type':'cp'}]}"));
    json_decref(agentfix_ask(self,
        "{'op':'send','kind':'move_notified','transfer':'t','facts':{'permanence':'permanent',"
        "'retain_intention':'transfer'},'allow_incomplete':true}"));
    agentfix_pass(self, HOUR_MS + 60000);
    assert_true(agentfix_alarm(self, "uplink_away"));
    agentfix_online(self);
    assert_true(agentfix_serve(self) > 0);
    agentfix_pass(self, 20000);
    assert_false(agentfix_alarm(self, "uplink_away"));
    assert_false(agentfix_alarm(self, "event_dead")); /* accepted just now */
    agentfix_pass(self, HOUR_MS + 60000);
    assert_true(agentfix_alarm(self, "event_dead"));
    alarmed_close(self);
}

static void own__alarm_of_an_agent__is_recorded_and_a_role_alone_may(void **state)
{
    struct agentfix *self = alarmed_open(0, 0);

    (void)state;
    agent_core_alarm(self->core, "disk_low", "little");
    json_t *answer = agentfix_ask(self, "{'op':'alarms','own':'disk_lo'}");
    assert_non_null(strstr(json_string_value(json_object_get(answer, "error")), "disk_low"));
    json_decref(answer);
    answer = agentfix_ask(self, "{'op':'alarms','own':'disk_low','by':'jo@home'}");
    assert_false(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    answer = agentfix_ask(self, "{'op':'alarms','own':'disk_low','by':'it officer'}");
    const json_t *row = json_array_get(json_object_get(answer, "alarms"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "owner")), "it officer");
    assert_string_equal(json_string_value(json_object_get(row, "act")), "the IT officer");
    json_decref(answer);
    agent_core_alarm(self->core, "disk_low", "less still");
    answer = agentfix_ask(self, "{'op':'alarms'}");
    row = json_array_get(json_object_get(answer, "alarms"), 0);
    assert_null(json_object_get(row, "owner"));
    json_decref(answer);
    alarmed_close(self);
}

/* ---- the broker's ---- */

static void operate(
    struct fake_agent *agent, Waypost__Operation operation, const char *alarm, const char *by)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Operate message = WAYPOST__OPERATE__INIT;

    message.request = 9;
    message.operation = operation;
    message.alarm = (char *)(uintptr_t)alarm;
    message.by = (char *)(uintptr_t)by;
    frame.body_case = WAYPOST__FRAME__BODY_OPERATE;
    frame.operate = &message;
    agent_say(agent, &frame);
}

static int count_owned(void *context, const struct record *record, uint64_t position)
{
    unsigned *count = context;

    (void)position;
    Waypost__Derived *derived = record->type == RECORD_DERIVED
        ? waypost__derived__unpack(NULL, record->body.len, record->body.data)
        : NULL;
    if (derived != NULL && derived->kind == WAYPOST__SYSTEM_KIND__ALARM_OWNED) {
        assert_string_equal(derived->detail, "alarm=disk_low by=it officer");
        (*count)++;
    }
    if (derived != NULL) {
        waypost__derived__free_unpacked(derived, NULL);
    }
    return 0;
}

static void own__alarm_of_the_broker__is_a_record_before_it_is_answered(void **state)
{
    struct core_fixture *f = calloc(1, sizeof *f);
    unsigned owned = 0;

    (void)state;
    log_init("test", LOG_ERROR + 1);
    core_fixture_init(f);
    for (size_t i = 0; i < f->agent_count; i++) {
        agent_hello(&f->agents[i]);
    }
    core_fixture_settle(f);
    struct fake_agent *asked = &f->agents[OPERATOR];
    core_alarm(f->core, "disk_low", "little");
    operate(&f->agents[ISLINGTON], WAYPOST__OPERATION__ALARMS, NULL, NULL);
    assert_int_equal(
        core_fixture_find(f, &f->agents[ISLINGTON], WAYPOST__FRAME__BODY_REFUSED)->refused->code,
        -E_NOT_ALLOWED);
    operate(asked, WAYPOST__OPERATION__ALARMS, NULL, NULL);
    const Waypost__Frame *answer = core_fixture_find(f, asked, WAYPOST__FRAME__BODY_OPERATED);
    assert_int_equal(answer->operated->n_alarms, 1);
    assert_string_equal(answer->operated->alarms[0]->text, "little");
    core_fixture_listen(f);
    operate(asked, WAYPOST__OPERATION__OWN_ALARM, "clone", "it officer");
    assert_int_equal(
        core_fixture_find(f, asked, WAYPOST__FRAME__BODY_REFUSED)->refused->code, -E_NOT_FOUND);
    operate(asked, WAYPOST__OPERATION__OWN_ALARM, "disk_low", "");
    assert_int_equal(
        core_fixture_find(f, asked, WAYPOST__FRAME__BODY_REFUSED)->refused->code, -E_RANGE);
    core_fixture_listen(f);
    operate(asked, WAYPOST__OPERATION__OWN_ALARM, "disk_low", "it officer");
    assert_null(core_fixture_find(f, asked, WAYPOST__FRAME__BODY_OPERATED));
    assert_true(core_fixture_commit(f));
    answer = core_fixture_find(f, asked, WAYPOST__FRAME__BODY_OPERATED);
    assert_string_equal(answer->operated->alarms[0]->owner, "it officer");
    assert_int_equal(journal_replay(f->base.journal, 0, 0, count_owned, &owned), 0);
    assert_int_equal(owned, 1);
    core_fixture_restart(f); /* and the record does not disturb a start */
    core_fixture_free(f);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document__of_the_alarms__is_what_the_table_says),
        cmocka_unit_test(table__every_row__has_a_name_of_its_own_and_whole_sentences),
        cmocka_unit_test(book__raised_told_owned_and_over__tells_what_is_due),
        cmocka_unit_test(book__what_happened_once__goes_when_it_is_taken_on),
        cmocka_unit_test(owner__of_any_form__is_a_role_or_refused),
        cmocka_unit_test(command__of_the_operator__gets_the_alarm_as_json),
        cmocka_unit_test(mail__to_two_addresses__is_a_message_that_says_who_must_act),
        cmocka_unit_test(program__that_fails_or_is_not_there__is_told_and_holds_up_nothing),
        cmocka_unit_test(program__that_hangs__is_killed_with_all_that_it_started),
        cmocka_unit_test(configuration__of_telling__is_checked),
        cmocka_unit_test(event__received_and_never_opened__is_an_alarm),
        cmocka_unit_test(event__that_the_broker_does_not_take__is_an_alarm_until_it_does),
        cmocka_unit_test(own__alarm_of_an_agent__is_recorded_and_a_role_alone_may),
        cmocka_unit_test(own__alarm_of_the_broker__is_a_record_before_it_is_answered),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
