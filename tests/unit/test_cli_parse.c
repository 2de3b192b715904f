/*
 * The command line: parser, help and hints, through cli_main() as a person meets it. Nothing here needs an agent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/cli/commands.h"
#include "client/cli/manual.h"
#include "client/cli/parse.h"
#include "common/base/banned.h"

enum { WORDS_MAX = 32, TEXT_BYTES = 262144 };

static char out_text[TEXT_BYTES];
static char err_text_seen[TEXT_BYTES];

static void read_back(FILE *file, char *text)
{
    rewind(file);
    size_t len = fread(text, 1, TEXT_BYTES - 1, file);
    text[len] = '\0';
    fclose(file);
}

/* Run a line whose words are parted by single blanks. */
static int run_line(const char *line)
{
    static char copy[1024];
    const char *words[WORDS_MAX] = {"waypost"};
    int count = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *at = copy; *at != '\0' && count < WORDS_MAX;) {
        words[count++] = at;
        at += strcspn(at, " ");
        if (*at == ' ') {
            *at++ = '\0';
        }
    }
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    assert_true(out != NULL && err != NULL);
    int exit_code = cli_main(count, words, out, err);
    read_back(out, out_text);
    read_back(err, err_text_seen);
    return exit_code;
}

static void line__mistake__is_answered_with_exit_two_and_what_to_write(void **state)
{
    (void)state;
    static const struct {
        const char *line, *want;
    } rows[] = {
        {"", "Usage: waypost"},
        {"sned", "did you mean \"send\"?"},
        {"zzzzzz", "--help lists"},
        {"register lst", "did you mean \"register list\"?"},
        {"register", "needs another word"},
        {"inbox --unopend", "did you mean --unopened?"},
        {"inbox -x", "no option -x"},
        {"inbox --limit", "--limit needs a value"},
        {"inbox --limit 0", "from 1 to 1000"},
        {"inbox --limit x", "from 1 to 1000"},
        {"inbox --limit 1 --limit 2", "--limit stands twice"},
        {"inbox --unopened=yes", "takes no value"},
        {"outbox --state waitng", "did you mean waiting?"},
        {"open", "something is missing"},
        {"open x", "--role ROLE is missing"},
        {"open x --role team_manger", "did you mean team_manager?"},
        {"show a b", "one word too many"},
        {"send move_notifed", "did you mean move_notified?"},
        {"send move_notified", "--transfer T is missing"},
        {"send move_notified -t x --occurred yesterday", "2026-03-16T10:05"},
        {"send move_notified -t x --fact permanence", "name=value"},
        {"send move_notified -t x --ref 12", "32 hexadecimal digits"},
        {"send", "which kind?"},
        {"new-transfer --receiving E09000007", "--subject NAME=TYPE[,REF] is missing"},
        {"verify x --key 12", "64 hexadecimal digits"},
        {"export x --format xml", "--format xml is not known"},
        {"receipt x", "--out FILE is missing"},
        {"help nonsense", "no command \"nonsense\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int exit_code = run_line(rows[i].line);
        if (exit_code != CLI_WRONG) {
            fail_msg("\"%s\" ended with %d: %s", rows[i].line, exit_code, err_text_seen);
        }
        if (strstr(err_text_seen, rows[i].want) == NULL &&
            strcmp(rows[i].line, "inbox --kind=") != 0) {
            fail_msg("\"%s\" said \"%s\", want \"%s\"", rows[i].line, err_text_seen, rows[i].want);
        }
        assert_string_equal(out_text, "");
    }
}

static void line__fact_unknown_or_impossible__is_answered_with_the_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *line, *want;
    } rows[] = {
        {"send move_notified -t x --fact permanense=permanent", "did you mean permanence?"},
        {"send move_notified -t x --fact permanence=permanant", "did you mean permanent?"},
        {"send move_notified -t x --fact permanence=zzzzzzzz", "permanent, temporary, unknown"},
        {"send move_notified -t x --fact letter_ref=1", "does not carry letter_ref"},
        {"send move_notified -t x --sealed permanence=permanent", "is a clear fact"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(run_line(rows[i].line), CLI_NO);
        if (strstr(err_text_seen, rows[i].want) == NULL) {
            fail_msg("\"%s\" said \"%s\", want \"%s\"", rows[i].line, err_text_seen, rows[i].want);
        }
    }
}

static void line__json__answers_mistakes_in_json(void **state)
{
    (void)state;
    assert_int_equal(run_line("inbox --unopend --json"), CLI_WRONG);
    json_t *error = json_loads(err_text_seen, 0, NULL);
    assert_non_null(error);
    assert_true(json_is_false(json_object_get(error, "ok")));
    assert_string_equal(json_string_value(json_object_get(error, "name")), "E_USAGE");
    assert_int_equal(json_integer_value(json_object_get(error, "code")), 41);
    json_decref(error);
    assert_int_equal(run_line("inbox --json --socket /nowhere.sock"), CLI_NO);
    error = json_loads(err_text_seen, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(error, "name")), "E_UNREACHABLE");
    json_decref(error);
}

static void facts__after_one_option__may_be_several(void **state)
{
    (void)state;
    /* both are taken: the second is the one that is wrong */
    assert_int_equal(
        run_line("send -f permanence=permanent retain_intention=retian move_notified -t x"),
        CLI_NO);
    assert_non_null(strstr(err_text_seen, "did you mean retain?"));
    assert_int_equal(
        run_line("send move_notified -t x -f permanence=permanent -f permanence=unknown"),
        CLI_WRONG);
    assert_non_null(strstr(err_text_seen, "stated twice"));
}

static void options__short_joined_and_ended__are_taken(void **state)
{
    (void)state;
    /* -un5 is -u -n 5; behind -- a word is a word */
    assert_int_equal(run_line("inbox -un5 --socket=/nowhere.sock"), CLI_NO);
    assert_int_equal(run_line("inbox -un0"), CLI_WRONG);
    assert_int_equal(run_line("show --socket /nowhere.sock -- --json"), CLI_NO);
    assert_null(strstr(err_text_seen, "{"));
}

static void help__every_command__has_usage_text_and_options(void **state)
{
    (void)state;
    const struct cli_command *command;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        char line[128];
        snprintf(line, sizeof line, "%s --help", command->name);
        assert_int_equal(run_line(line), CLI_DONE);
        assert_string_equal(err_text_seen, "");
        if (strstr(out_text, command->name) == NULL) {
            fail_msg("help of %s: %s", command->name, out_text);
        }
        assert_non_null(strstr(out_text, "--json"));
        assert_true(
            command->summary[0] != '\0' && command->text[0] != '\0' && command->usage != NULL);
        char *examples = strstr(out_text, "\nExamples"); /* lines to be copied stay whole */
        if (examples != NULL) {
            *examples = '\0';
        }
        for (const char *at = out_text; *at != '\0';
             at += strcspn(at, "\n") + (strchr(at, '\n') != NULL)) {
            if (strcspn(at, "\n") > 80) {
                fail_msg("%s: wider than 80 columns: %.90s", command->name, at);
            }
        }
    }
}

static void help__one_kind__lists_its_facts_and_words(void **state)
{
    (void)state;
    assert_int_equal(run_line("send move_notified --help"), CLI_DONE);
    assert_non_null(strstr(out_text, "permanence=WORD"));
    assert_non_null(strstr(out_text, "temporary"));
    assert_non_null(strstr(out_text, "narrative=TEXT"));
    assert_int_equal(run_line("send move_notified --help --json"), CLI_DONE);
    json_t *kind = json_loads(out_text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(kind, "kind")), "move_notified");
    json_decref(kind);
}

static void send_list__the_four_named_kinds__come_first(void **state)
{
    (void)state;
    static const char *const first[] = {
        "move_notified", "temporary_plan_flag", "written_acceptance", "escalation_raised"};
    assert_int_equal(run_line("send --list --json"), CLI_DONE);
    json_t *whole = json_loads(out_text, 0, NULL);
    json_t *kinds = json_object_get(whole, "kinds");
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(
            json_string_value(json_object_get(json_array_get(kinds, i), "kind")), first[i]);
    }
    json_decref(whole);
}

static void tables__of_every_command__hold_together(void **state)
{
    (void)state;
    const struct cli_command *command;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        const struct cli_option *option;
        assert_ptr_equal(command_named(command->name), command);
        assert_non_null(command->run);
        assert_true(command->args_min <= command->args_max);
        for (size_t o = 0; (option = option_at(command, o)) != NULL; o++) {
            assert_ptr_equal(
                option_named(command, option->name), option); /* no name stands twice */
            assert_true((option->type == CLI_FLAG) == (option->argument == NULL));
            assert_true(option->type != CLI_WORD || option_word(option, 0) != NULL);
            assert_non_null(option->text);
        }
    }
}

static void manual__every_page__names_its_options_and_no_line_is_a_stray_command(void **state)
{
    (void)state;
    static const char *const known[] = {".\\\"", ".Dd", ".Dt", ".Os", ".Sh", ".Ss", ".Nm", ".Nd",
        ".Op", ".Ar", ".Fl", ".Bl", ".El", ".It", ".Pp", ".Bd", ".Ed", ".Xr"};
    char first[64];
    for (size_t i = 0; manual_first_word(i, first); i++) {
        struct buf page = {0};
        manual_command(first, &page);
        buf_put_u8(&page, '\0');
        assert_non_null(strstr((char *)page.data, "Fl Fl json"));
        for (const char *at = (char *)page.data; (at = strstr(at, "\n.")) != NULL; at++) {
            bool good = false;
            for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
                good = good || strncmp(at + 1, known[k], strlen(known[k])) == 0;
            }
            if (!good) {
                fail_msg("page of %s: %.40s", first, at + 1);
            }
        }
        buf_free(&page);
    }
}

static void completion__script__knows_commands_kinds_and_words(void **state)
{
    (void)state;
    assert_int_equal(run_line("completion"), CLI_DONE);
    assert_non_null(strstr(out_text, " written_acceptance "));
    assert_non_null(strstr(out_text, "\"outbox --state\") echo \"waiting sent accepted refused\""));
    assert_non_null(strstr(out_text, "permanence="));
    assert_null(strstr(out_text, "dump-man"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line__mistake__is_answered_with_exit_two_and_what_to_write),
        cmocka_unit_test(line__fact_unknown_or_impossible__is_answered_with_the_nearest),
        cmocka_unit_test(line__json__answers_mistakes_in_json),
        cmocka_unit_test(facts__after_one_option__may_be_several),
        cmocka_unit_test(options__short_joined_and_ended__are_taken),
        cmocka_unit_test(help__every_command__has_usage_text_and_options),
        cmocka_unit_test(help__one_kind__lists_its_facts_and_words),
        cmocka_unit_test(send_list__the_four_named_kinds__come_first),
        cmocka_unit_test(tables__of_every_command__hold_together),
        cmocka_unit_test(manual__every_page__names_its_options_and_no_line_is_a_stray_command),
        cmocka_unit_test(completion__script__knows_commands_kinds_and_words),
    };
    setenv("COLUMNS", "80", 1);
    setenv("WAYPOST_SOCKET", "/nowhere/agent.sock", 1);
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
