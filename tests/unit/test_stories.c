/*
 * Tests of the procedure engine by stories: one file for each rule and each clock, and some on what
 * goes across (tests/stories). Each
 * file is a test of its own name. Every rule and every clock that runs must have its file.
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

enum { FILES_MAX = 200, NAME_BYTES = 64, STORIES_BYTES_MAX = 1000000 };

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
    size_t failed = play_stories(path, buf_slice(&text), &stories);
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
    static struct CMUnitTest tests[FILES_MAX + 1];
    size_t count = list_files(names);

    tests[0] = (struct CMUnitTest)cmocka_unit_test(rules_and_clocks__each_one__has_its_stories);
    for (size_t i = 0; i < count; i++) {
        tests[i + 1] = (struct CMUnitTest){
            .name = names[i], .test_func = file_is_played, .initial_state = names[i]};
    }
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return _cmocka_run_group_tests("stories", tests, count + 1, open_data, close_data);
}
