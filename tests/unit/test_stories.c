/*
 * Tests of the procedure engine by stories: one file for each rule and each clock, and some on what
 * goes across (tests/stories). Each file is a test of its own name. Every rule and every clock that
 * runs must have its file, and a rule's file must show the rule kept, hit and set aside.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/check.h"
#include "common/base/fsio.h"
#include "tests/support/play.h"

#include "common/base/banned.h"

enum {
    FILES_MAX = 200,
    NAME_BYTES = 64,
    STORIES_BYTES_MAX = 1000000,
    LINE_BYTES = 1024,
    OWN_TESTS = 2
};

static const char folder[] = "tests/stories/";
static const char suffix[] = ".stories";

static int open_data(void **state)
{
    (void)state;
    return play_open();
}

static int close_data(void **state)
{
    (void)state;
    play_close();
    return 0;
}

static void file_is_played(void **state)
{
    char path[NAME_BYTES + sizeof folder + sizeof suffix];
    struct buf text = {0};
    size_t stories = 0;

    (void)snprintf(path, sizeof path, "%s%s%s", folder, (const char *)*state, suffix);
    assert_int_equal(fsio_read_all(path, STORIES_BYTES_MAX, &text), 0);
    size_t failed = play_stories(PLAY_MODEL, path, buf_slice(&text), &stories);
    buf_free(&text);
    assert_int_not_equal(stories, 0);
    assert_int_equal(failed, 0);
}

static bool has_stories(const char *id)
{
    char path[NAME_BYTES + sizeof folder + sizeof suffix];

    (void)snprintf(path, sizeof path, "%s%s%s", folder, id, suffix);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        (void)fclose(file);
    }
    return file != NULL;
}

static void rules_and_clocks__each_one__has_its_stories(void **state)
{
    const procedures_t *procedures = play_procedures();

    (void)state;
    for (uint32_t i = 1; i <= procedures_rule_count(procedures); i++) {
        const char *id = procedures_rule(procedures, i)->id;
        if (strcmp(id, "R55") != 0 && !has_stories(id)) { /* R55 is about subscriptions */
            fail_msg("no stories of rule %s", id);
        }
    }
    for (uint32_t i = 1; i <= procedures_clock_count(procedures); i++) {
        const struct clock_info *clock = procedures_clock(procedures, i);
        if (clock->is_timer && !has_stories(clock->id)) {
            fail_msg("no stories of clock %s", clock->id);
        }
    }
}

/* ---- a rule's file shows it kept, hit, and set aside by both parties ---- */

struct shown {
    bool holds, violated, excepted;
};

/* Where the reader stands in a file of stories. */
struct reading {
    const procedures_t *procedures;
    const struct rule_info *rule;
    const struct kind_info *sent; /* by the last statement that sends, NULL */
    bool set_aside; /* both or one have named the rule in an arrangement of this story */
    struct shown shown;
};

static const char *const profiles[] = {"national", "london", "birmingham-solihull"};

/* Does the rule speak of events of that kind, or of that clock, under any profile? */
static bool rule_concerns(const struct reading *self, const struct kind_info *kind, uint32_t clock)
{
    for (size_t p = 0; p < sizeof profiles / sizeof profiles[0]; p++) {
        const struct severity_entry *entries;
        size_t count = procedures_severities(self->procedures, self->rule, profiles[p], &entries);
        for (size_t i = 0; i < count; i++) {
            bool any = entries[i].kind == 0 && entries[i].clock == 0;
            bool named = kind != NULL && entries[i].kind == kind->number;
            if ((kind != NULL && (any || named)) || (clock != 0 && entries[i].clock == clock)) {
                return true;
            }
        }
    }
    return false;
}

static bool has_word(const char *line, const char *word)
{
    const char *at = strstr(line, word);

    return at != NULL && strchr(" ,=", at[-1]) != NULL && strchr(" ,", at[strlen(word)]) != NULL;
}

static void read_sending(struct reading *self, const char *line)
{
    char kind[NAME_BYTES];
    const char *at = strstr(line, " sends ") + strlen(" sends ");
    size_t len = strcspn(at, " ");

    assert_true(len < sizeof kind);
    memcpy(kind, at, len);
    kind[len] = '\0';
    self->sent = catalogue_kind_named(kind);
    self->set_aside = self->set_aside ||
        (strstr(line, "rule_set_aside=") != NULL && has_word(line, self->rule->id));
}

static bool clock_is_met(const struct reading *self, const char *line)
{
    char id[4] = "";

    if (strncmp(line, "expect clock ", 13) != 0 || strstr(line, " state=met") == NULL) {
        return false;
    }
    memcpy(id, line + 13, 3);
    const struct clock_info *clock = procedures_clock_named(self->procedures, id);
    return clock != NULL && rule_concerns(self, NULL, clock->number);
}

static bool begins_with_one_of(const char *line, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strncmp(line, *words, strlen(*words)) == 0) {
            return true;
        }
    }
    return false;
}

static void read_expectation(struct reading *self, const char *line)
{
    static const char *const hits[] = {"expect refused ", "expect held ", "expect alert ",
        "expect rule ", "expect outstanding ", NULL};
    static const char *const flags[] = {"expect alert ", "expect rule ", NULL};
    static const char *const kept[] = {"expect effective", "expect no alert", NULL};
    bool named = has_word(line, self->rule->id);
    bool refused_whole = strncmp(line, "expect refused ", 15) == 0 && has_word(line, "R62");

    if (self->set_aside) { /* an exception leaves the flag, or is refused whole (R62) */
        self->shown.excepted =
            self->shown.excepted || refused_whole || (named && begins_with_one_of(line, flags));
    } else if (named && begins_with_one_of(line, hits)) {
        self->shown.violated = true;
    } else if (begins_with_one_of(line, kept) && rule_concerns(self, self->sent, 0)) {
        self->shown.holds = true;
    }
    self->shown.holds = self->shown.holds || clock_is_met(self, line);
}

static void read_line(struct reading *self, const char *line)
{
    line += strspn(line, " ");
    if (strncmp(line, "story ", 6) == 0) {
        self->set_aside = false;
        self->sent = NULL;
    } else if (strncmp(line, "expect ", 7) == 0) {
        read_expectation(self, line);
    } else if (strstr(line, " sends ") != NULL) {
        read_sending(self, line);
    }
}

static struct shown what_is_shown(const struct rule_info *rule)
{
    struct reading reading = {.procedures = play_procedures(), .rule = rule};
    char path[NAME_BYTES + sizeof folder + sizeof suffix];
    char line[LINE_BYTES];

    (void)snprintf(path, sizeof path, "%s%s%s", folder, rule->id, suffix);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = ' '; /* every word ends with a blank */
        read_line(&reading, line);
    }
    (void)fclose(file);
    return reading.shown;
}

static void rules__each_one__is_shown_kept_hit_and_set_aside(void **state)
{
    const procedures_t *procedures = play_procedures();
    size_t missing = 0;

    (void)state;
    for (uint32_t i = 1; i <= procedures_rule_count(procedures); i++) {
        const struct rule_info *rule = procedures_rule(procedures, i);
        if (rule->structural) { /* kept by construction: nothing to hit, nothing to set aside */
            continue;
        }
        struct shown shown = what_is_shown(rule);
        if (!shown.holds || !shown.violated || !shown.excepted) {
            print_error("%s is not shown%s%s%s\n", rule->id, shown.holds ? "" : " kept",
                shown.violated ? "" : " hit", shown.excepted ? "" : " set aside");
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static size_t list_files(char (*names)[NAME_BYTES])
{
    DIR *directory = opendir(folder);
    size_t count = 0;

    assert(directory != NULL && "the tests run in the project's folder");
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len > sizeof suffix && len < NAME_BYTES &&
            strcmp(entry->d_name + len - sizeof suffix + 1, suffix) == 0) {
            assert(count < FILES_MAX);
            memcpy(names[count], entry->d_name, len - sizeof suffix + 1);
            names[count++][len - sizeof suffix + 1] = '\0';
        }
    }
    (void)closedir(directory);
    qsort(names, count, sizeof *names, by_name);
    return count;
}

int main(void)
{
    static char names[FILES_MAX][NAME_BYTES];
    static struct CMUnitTest tests[FILES_MAX + OWN_TESTS];
    size_t count = list_files(names);

    tests[0] = (struct CMUnitTest)cmocka_unit_test(rules_and_clocks__each_one__has_its_stories);
    tests[1] =
        (struct CMUnitTest)cmocka_unit_test(rules__each_one__is_shown_kept_hit_and_set_aside);
    for (size_t i = 0; i < count; i++) {
        tests[i + OWN_TESTS] = (struct CMUnitTest){
            .name = names[i], .test_func = file_is_played, .initial_state = names[i]};
    }
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return _cmocka_run_group_tests("stories", tests, count + OWN_TESTS, open_data, close_data);
}
