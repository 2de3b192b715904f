/* play: see play.h. A story that cannot be parsed or carried out has failed, with file, line and sentence. */
#include "tests/support/play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/lab/data_files.h"
#include "client/lab/scenario_parse.h"
#include "client/lab/scenario_run.h"
#include "common/base/log.h"
#include "common/crypto/hash.h"
#include "tests/support/network_text.h"

#include "common/base/banned.h"

enum { SHORT_BYTES = 3, OWN_EXPECTATIONS = 2 };

static const struct {
    const char *word;
    const char *code;
} authorities[] = {
    {"ISL", "E09000019"},
    {"CAM", "E09000007"},
    {"HAC", "E09000012"},
    {"BHM", "E08000025"},
    {"SOL", "E08000029"},
    {"MAN", "E08000003"},
    {"STO", "E08000007"},
    {"HER", "E06000019"},
    {"LEE", "E08000035"},
    {"YOR", "E06000014"},
};

static const char begins_story[] = "story \"";
static data_files_t *data;
static procedures_t *procedures;

int play_open(void)
{
    struct complaint why = {0};

    crypto_start();
    log_init("stories", LOG_NOTHING);
    int rc = data_files_open("data", &data, &why);
    if (rc == 0) {
        rc = data_files_procedures(data, &procedures, &why);
    }
    if (rc != 0) {
        print_error("%s\n", why.text);
    }
    return rc;
}

void play_close(void)
{
    procedures_destroy(&procedures);
    data_files_destroy(&data);
}

const procedures_t *play_procedures(void)
{
    return procedures;
}

static const char *code_at(struct slice text)
{
    for (size_t i = 0; i < sizeof authorities / sizeof authorities[0]; i++) {
        if (text.len > SHORT_BYTES && memcmp(text.data, authorities[i].word, SHORT_BYTES) == 0 &&
            strchr(" \n,:", text.data[SHORT_BYTES]) != NULL) {
            return authorities[i].code;
        }
    }
    return NULL;
}

/* The text with codes for the short names that stand as words. */
static void spell_out(struct slice text, struct buf *out)
{
    uint8_t before = '\n';

    while (text.len > 0) {
        const char *code = strchr(" \n=,", before) != NULL ? code_at(text) : NULL;
        size_t taken = code != NULL ? SHORT_BYTES : 1;
        before = text.data[0];
        if (code != NULL) {
            buf_put(out, code, strlen(code));
        } else {
            buf_put_u8(out, text.data[0]);
        }
        text = slice_of(text.data + taken, text.len - taken);
    }
}

static void tell_failed(void *context, const struct statement *statement, const char *text)
{
    (void)context;
    (void)statement;
    print_error("%s\n", text);
}

static bool is_good(const char *file, int rc, const struct run_result *result)
{
    if (rc == 0 && result->failed == 0 && result->passed <= OWN_EXPECTATIONS) {
        print_error("%s: a story expects nothing\n", file);
    }
    return rc == 0 && result->failed == 0 && result->passed > OWN_EXPECTATIONS;
}

static bool run_story(const char *file, const scenario_t *scenario)
{
    const struct run_watcher watcher = {.failed = tell_failed};
    struct run_result result = {0};
    struct complaint why = {0};
    uint32_t line = 0;

    int rc = scenario_run(scenario, &watcher, &result, &line, &why);
    if (rc != 0) {
        print_error("%s:%u: %s\n", file, (unsigned)line, why.text);
    }
    return is_good(file, rc, &result);
}

/* ---- over both networks ---- */

/* What a network has said after each statement. */
struct witness {
    struct cast cast;
    struct buf text;
};

static void hear(void *context, const scenario_t *scenario, const struct statement *statement,
    const struct rehearsal_network *network)
{
    struct witness *self = context;

    if (statement->kind != STATEMENT_EXPECT) {
        buf_put_text(&self->text, "line %u: %s\n", (unsigned)statement->line, statement->text);
        network_text(scenario, &self->cast, network, &self->text);
    }
}

static bool run_heard(
    const char *file, const scenario_t *scenario, bool cores, struct witness *witness)
{
    const struct run_watcher watcher = {.context = witness, .step = hear, .failed = tell_failed};
    struct run_result result = {0};
    struct complaint why = {0};
    uint32_t line = 0;

    cast_make(&witness->cast, scenario);
    int rc = cores ? scenario_run_cores(scenario, data, &watcher, &result, &line, &why)
                   : scenario_run(scenario, &watcher, &result, &line, &why);
    if (rc != 0) {
        print_error("%s:%u: %s: %s\n", file, (unsigned)line, cores ? "cores" : "model", why.text);
    }
    cast_free(&witness->cast);
    return is_good(file, rc, &result);
}

static struct slice take_line(struct slice *rest)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    struct slice line = slice_of(rest->data, len);

    *rest = slice_of(rest->data + len, rest->len - len);
    if (rest->len > 0) {
        *rest = slice_of(rest->data + 1, rest->len - 1);
    }
    return line;
}

/* The first line in which they differ is printed, behind the statement after which they do. */
static bool say_the_same(const char *file, const struct witness *model, const struct witness *cores)
{
    struct slice a = buf_slice(&model->text);
    struct slice b = buf_slice(&cores->text);
    struct slice after = slice_of(NULL, 0);

    while (a.len > 0 || b.len > 0) {
        struct slice ours = take_line(&a);
        struct slice theirs = take_line(&b);
        if (ours.len != theirs.len || memcmp(ours.data, theirs.data, ours.len) != 0) {
            print_error("%s: %.*s\n", file, (int)after.len, (const char *)after.data);
            print_error("  model: %.*s\n", (int)ours.len, (const char *)ours.data);
            print_error("  cores: %.*s\n", (int)theirs.len, (const char *)theirs.data);
            return false;
        }
        after = ours.len > 5 && memcmp(ours.data, "line ", 5) == 0 ? ours : after;
    }
    return true;
}

static bool run_over_both(const char *file, const scenario_t *scenario)
{
    struct witness model = {0};
    struct witness cores = {0};
    bool good = run_heard(file, scenario, false, &model) && run_heard(file, scenario, true, &cores);

    good = good && say_the_same(file, &model, &cores);
    buf_free(&model.text);
    buf_free(&cores.text);
    return good;
}

/* One story, behind as many empty lines as stand before it in its file, so that lines are the file's. */
static bool play_story(
    enum play_over over, const char *file, struct slice text, size_t lines_before)
{
    scenario_t *scenario = NULL;
    struct scenario_fault fault = {0};
    struct buf whole = {0};
    const struct slice rest = slice_of(text.data + 5, text.len - 5); /* behind the word story */

    for (size_t i = 0; i < lines_before; i++) {
        buf_put_u8(&whole, '\n');
    }
    buf_put_text(&whole, "scenario");
    spell_out(rest, &whole);
    buf_put_text(&whole, "\nexpect converged\nexpect replay identical\n");
    int rc = scenario_parse(file, buf_slice(&whole), data, &scenario, &fault);
    buf_free(&whole);
    if (rc != 0) {
        print_error("%s:%u: %s\n", file, (unsigned)fault.line, fault.why.text);
        return false;
    }
    bool good = over == PLAY_BOTH ? run_over_both(file, scenario) : run_story(file, scenario);
    scenario_destroy(&scenario);
    return good;
}

static size_t line_end(struct slice text, size_t at)
{
    const uint8_t *end = memchr(text.data + at, '\n', text.len - at);

    return end != NULL ? (size_t)(end - text.data) + 1 : text.len;
}

static bool story_at(struct slice text, size_t at)
{
    size_t len = sizeof begins_story - 1;

    return text.len - at > len && memcmp(text.data + at, begins_story, len) == 0;
}

size_t play_stories(enum play_over over, const char *file, struct slice text, size_t *stories)
{
    size_t failed = 0;
    size_t line = 0;

    *stories = 0;
    for (size_t at = 0; at < text.len;) {
        size_t begin = at;
        size_t first_line = line;
        bool story = story_at(text, at);
        do {
            at = line_end(text, at);
            line++;
        } while (story && at < text.len && !story_at(text, at));
        if (story) {
            (*stories)++;
            failed +=
                play_story(over, file, slice_of(text.data + begin, at - begin), first_line) ? 0 : 1;
        }
    }
    return failed;
}
