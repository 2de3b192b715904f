/*
 * The registrar's commands in one process: keygen and register, from an empty folder to a join file, through issues,
 * several roots and every refusal that protects what is in force.
 */
#define _XOPEN_SOURCE 700 /* nftw */
#include <ftw.h>
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
#include <jansson.h>

#include "client/cli/cli.h"
#include "common/base/bytes.h"
#include "common/base/fsio.h"
#include "common/codec/limits.h"
#include "common/crypto/hash.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

enum { PATH_BYTES = 256, WORDS_MAX = 16 };

static char folder[PATH_BYTES];
static char start_folder[PATH_BYTES];
static char *said;     /* standard output of the last run; owned */
static char *said_err; /* standard error */
static size_t said_len;
static size_t said_err_len;

/* Run `waypost` with these words, ended by NULL; returns its exit code. */
static int run(const char *first, ...)
{
    const char *words[WORDS_MAX] = {"waypost", first};
    int count = 2;
    va_list more;

    va_start(more, first);
    while (count < WORDS_MAX && (words[count] = va_arg(more, const char *)) != NULL) {
        count++;
    }
    va_end(more);
    free(said);
    free(said_err);
    FILE *out = open_memstream(&said, &said_len);
    FILE *err = open_memstream(&said_err, &said_err_len);
    assert_non_null(out);
    assert_non_null(err);
    int exit_code = cli_main(count, words, out, err);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(fclose(err), 0);
    return exit_code;
}

#define works(...)                                                                                 \
    do {                                                                                           \
        if (run(__VA_ARGS__, NULL) != CLI_DONE) {                                                  \
            fail_msg("%s", said_err);                                                              \
        }                                                                                          \
    } while (0)

#define fails(exit_code, text, ...)                                                                \
    do {                                                                                           \
        assert_int_equal(run(__VA_ARGS__, NULL), exit_code);                                       \
        if (strstr(said_err, text) == NULL) {                                                      \
            fail_msg("\"%s\" is not in \"%s\"", text, said_err);                                   \
        }                                                                                          \
    } while (0)

static void says(const char *text)
{
    if (strstr(said, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, said);
    }
}

static void write_file(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void write_file(const char *name, const char *format, ...)
{
    char text[4096];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_true(len > 0 && (size_t)len < sizeof text);
    assert_int_equal(fsio_replace(name, slice_of(text, (size_t)len), 0600), 0);
}

static struct buf read_file(const char *name)
{
    struct buf bytes = {0};

    assert_int_equal(fsio_read_all(name, REGISTER_BYTES_MAX, &bytes), 0);
    return bytes;
}

static void assert_same_file(const char *a, const char *b)
{
    struct buf bytes_a = read_file(a);
    struct buf bytes_b = read_file(b);

    assert_true(slice_equal(buf_slice(&bytes_a), buf_slice(&bytes_b)));
    buf_free(&bytes_a);
    buf_free(&bytes_b);
}

static void copy_file(const char *from, const char *to)
{
    struct buf bytes = read_file(from);

    assert_int_equal(fsio_replace(to, buf_slice(&bytes), 0600), 0);
    buf_free(&bytes);
}

/* A source with this version, threshold and roots; one authority's agent and one broker. */
static void write_source(const char *name, unsigned version, unsigned threshold, const char *roots)
{
    write_file(name,
        "network = trial\nversion = %u\nthreshold = %u\n%sauthorities = authorities.csv\n"
        "successions = successions.tsv\nprofiles = profiles\n"
        "broker = tcp://127.0.0.1:5670\n    card = broker.card\n"
        "agent = E09000019\n    card = E09000019.card\n",
        version, threshold, roots);
}

#define ROOT_1 "root = root-1.card\n"
#define ROOT_2 "root = root-2.card\n"

static int make_folder(void **state)
{
    static const char *const ids[] = {"root-1", "root-2", "broker", "E09000019"};
    char data[2 * PATH_BYTES];

    (void)state;
    if (getcwd(start_folder, sizeof start_folder) == NULL) {
        return -1;
    }
    (void)snprintf(data, sizeof data, "%s/data", start_folder);
    if (setenv("WAYPOST_DATA", data, 0) != 0) {
        return -1;
    }
    place_folder(folder);
    if (chdir(folder) != 0) {
        return -1;
    }
    works("register", "init", "net", "--network", "trial");
    if (chdir("net") != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        works("keygen", ids[i]);
    }
    write_source("one.zpl", 1, 1, ROOT_1);
    works("register", "sign", "one.zpl", "--root", "root-1.keys", "--out", "one.signed");
    return 0;
}

static int drop_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

static int drop_folder(void **state)
{
    (void)state;
    free(said);
    free(said_err);
    return chdir(start_folder) != 0 || nftw(folder, drop_entry, 16, FTW_DEPTH | FTW_PHYS) != 0 ? -1
                                                                                               : 0;
}

static void keygen__made_once__is_guarded_and_never_overwritten(void **state)
{
    struct stat info;

    (void)state;
    assert_int_equal(stat("root-1.keys", &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    copy_file("root-1.keys", "kept");
    fails(CLI_NO, "never overwritten", "keygen", "root-1");
    assert_same_file("root-1.keys", "kept");
    fails(CLI_WRONG, "is not an id", "keygen", "root 1");
    fails(CLI_NO, "cannot be written", "keygen", "x", "--dir", "nowhere");
}

static void keygen__card_is_there_already__leaves_no_secret_behind(void **state)
{
    (void)state;
    write_file("lone.card", "something else\n");
    fails(CLI_NO, "lone.card cannot be written", "keygen", "lone");
    assert_int_not_equal(access("lone.keys", F_OK), 0);
}

static void keygen__json__gives_files_and_public_keys(void **state)
{
    (void)state;
    works("keygen", "operator-1", "--json");
    json_t *answer = json_loads(said, 0, NULL);
    assert_non_null(answer);
    assert_string_equal(json_string_value(json_object_get(answer, "id")), "operator-1");
    assert_int_equal(strlen(json_string_value(json_object_get(answer, "sign_public"))), 64);
    assert_null(strstr(said, "secret"));
    json_decref(answer);
}

static void init__source_is_there_already__is_left_alone(void **state)
{
    (void)state;
    copy_file("register.zpl", "kept");
    fails(CLI_NO, "there already", "register", "init", ".", "--network", "trial");
    assert_same_file("register.zpl", "kept");
    fails(CLI_WRONG, "--network must be", "register", "init", "other", "--network", "Not A Name");
}

static void init__source_as_it_is_made__can_be_signed(void **state)
{
    (void)state;
    works("register", "check", "register.zpl");
    says("can be signed");
    fails(CLI_NO, "not a signed register", "register", "sign", "register.zpl", "--root",
        "root-1.keys", "--out", "nowhere/x.signed", "--before", "register.zpl");
}

static void sign__by_the_one_root__is_complete_and_is_listed_shown_and_joined(void **state)
{
    (void)state;
    works("register", "check", "one.signed");
    says("158 authorities, 1 agents, 1 brokers");
    works("register", "join", "one.signed", "--out", "one.join");
    works("register", "check", "one.signed", "--join", "one.join");
    works("register", "fingerprint", "one.join");
    char *fingerprint = strdup(said);
    works("register", "fingerprint", "one.signed");
    assert_string_equal(said, fingerprint);
    free(fingerprint);
    works("register", "list", "--register", "one.signed", "--region", "London");
    says("Islington");
    assert_null(strstr(said, "Leeds"));
    works("register", "list", "--register", "one.signed", "--agents");
    says("in force");
    works("register", "show", "--register", "one.signed", "E10000006");
    says("E06000063 (Cumberland), E06000064 (Westmorland and Furness)");
    works("register", "show", "--register", "one.signed", "E08000016");
    says("E08000038");
    fails(CLI_NO, "did you mean E09000007 (Camden)?", "register", "show", "--register",
        "one.signed", "Camdn");
}

static void sign__again_by_the_same_root__changes_nothing(void **state)
{
    (void)state;
    copy_file("one.signed", "kept");
    works("register", "sign", "one.zpl", "--root", "root-1.keys", "--out", "one.signed");
    assert_same_file("one.signed", "kept");
}

static void sign__by_a_key_that_is_no_root__writes_nothing(void **state)
{
    (void)state;
    fails(CLI_NO, "is no root of this register", "register", "sign", "one.zpl", "--root",
        "broker.keys", "--out", "bad.signed");
    assert_int_not_equal(access("bad.signed", F_OK), 0);
}

static void sign__by_two_roots_in_turn__is_complete_with_the_second(void **state)
{
    (void)state;
    write_source("pair.zpl", 1, 2, ROOT_1 ROOT_2);
    works("register", "sign", "pair.zpl", "--root", "root-1.keys", "--out", "pair.signed");
    says("1 more needed");
    fails(CLI_NO, "1 valid signatures", "register", "check", "pair.signed");
    fails(CLI_NO, "1 valid signatures", "register", "join", "pair.signed", "--out", "pair.join");
    works("register", "sign", "pair.zpl", "--root", "root-2.keys", "--out", "pair.signed");
    says("can be published");
    works("register", "check", "pair.signed");
}

static void sign__source_changed_between_two_roots__is_refused(void **state)
{
    (void)state;
    write_source("drift.zpl", 1, 2, ROOT_1 ROOT_2);
    works("register", "sign", "drift.zpl", "--root", "root-1.keys", "--out", "drift.signed");
    write_source("drift.zpl", 1, 1, ROOT_1 ROOT_2);
    fails(CLI_NO, "holds another register", "register", "sign", "drift.zpl", "--root",
        "root-2.keys", "--out", "drift.signed");
}

static void sign__next_version__needs_the_one_before_and_replaces_it_only_when_complete(
    void **state)
{
    (void)state;
    copy_file("one.signed", "force.signed");
    write_source("two.zpl", 2, 2, ROOT_1 ROOT_2);
    fails(CLI_NO, "--before", "register", "sign", "two.zpl", "--root", "root-1.keys", "--out",
        "two.signed");
    fails(CLI_NO, "is in force and would be replaced", "register", "sign", "two.zpl", "--root",
        "root-1.keys", "--before", "force.signed", "--out", "force.signed");
    assert_same_file("force.signed", "one.signed");
    works("register", "sign", "two.zpl", "--root", "root-1.keys", "--root", "root-2.keys",
        "--before", "force.signed", "--out", "force.signed");
    works("register", "check", "force.signed");
    says("Version      2");
    works("register", "diff", "one.signed", "force.signed");
    says("threshold: 1 -> 2");
    write_source("lower.zpl", 1, 1, ROOT_1);
    fails(CLI_NO, "write version = 3", "register", "sign", "lower.zpl", "--root", "root-1.keys",
        "--before", "force.signed", "--out", "lower.signed");
}

static void sign__new_roots__need_the_old_ones_too(void **state)
{
    (void)state;
    write_source("turn.zpl", 2, 1, ROOT_2);
    works("register", "sign", "turn.zpl", "--root", "root-2.keys", "--before", "one.signed",
        "--out", "turn.signed");
    says("1 more needed");
    works("register", "sign", "turn.zpl", "--root", "root-1.keys", "--before", "one.signed",
        "--out", "turn.signed");
    says("can be published");
}

static void sign__secrets_readable_by_others__are_refused(void **state)
{
    (void)state;
    assert_int_equal(chmod("root-2.keys", 0644), 0);
    fails(CLI_NO, "chmod 0600", "register", "sign", "one.zpl", "--root", "root-2.keys", "--out",
        "open.signed");
    assert_int_equal(chmod("root-2.keys", 0600), 0);
}

static void check__join_file_of_another_network__is_refused(void **state)
{
    (void)state;
    write_source("other.zpl", 1, 1, ROOT_2);
    works("register", "sign", "other.zpl", "--root", "root-2.keys", "--out", "other.signed");
    works("register", "join", "other.signed", "--out", "other.join");
    fails(CLI_NO, "0 valid signatures", "register", "check", "one.signed", "--join", "other.join");
}

static void check__rubbish_or_missing_file__is_refused(void **state)
{
    (void)state;
    write_file("rubbish", "not a register");
    fails(CLI_NO, "rubbish: ", "register", "check", "rubbish");
    fails(CLI_NO, "cannot be read", "register", "check", "missing.signed");
    fails(CLI_NO, "cannot be read", "register", "check", "missing.zpl");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keygen__made_once__is_guarded_and_never_overwritten),
        cmocka_unit_test(keygen__card_is_there_already__leaves_no_secret_behind),
        cmocka_unit_test(keygen__json__gives_files_and_public_keys),
        cmocka_unit_test(init__source_is_there_already__is_left_alone),
        cmocka_unit_test(init__source_as_it_is_made__can_be_signed),
        cmocka_unit_test(sign__by_the_one_root__is_complete_and_is_listed_shown_and_joined),
        cmocka_unit_test(sign__again_by_the_same_root__changes_nothing),
        cmocka_unit_test(sign__by_a_key_that_is_no_root__writes_nothing),
        cmocka_unit_test(sign__by_two_roots_in_turn__is_complete_with_the_second),
        cmocka_unit_test(sign__source_changed_between_two_roots__is_refused),
        cmocka_unit_test(
            sign__next_version__needs_the_one_before_and_replaces_it_only_when_complete),
        cmocka_unit_test(sign__new_roots__need_the_old_ones_too),
        cmocka_unit_test(sign__secrets_readable_by_others__are_refused),
        cmocka_unit_test(check__join_file_of_another_network__is_refused),
        cmocka_unit_test(check__rubbish_or_missing_file__is_refused),
    };

    crypto_start();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
