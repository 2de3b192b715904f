/* keys: files are saved, guarded, read back, and refused with a sentence where they are not safe or not whole. */
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
#include <sodium.h>

#include "common/base/fsio.h"
#include "common/crypto/keys.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

static char folder[PLACE_BYTES];
static char secret_path[PLACE_BYTES + 16];
static char card_path[PLACE_BYTES + 16];

static int make_folder(void **state)
{
    (void)state;
    place_folder(folder);
    (void)snprintf(secret_path, sizeof secret_path, "%s/a.keys", folder);
    (void)snprintf(card_path, sizeof card_path, "%s/a.card", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    (void)unlink(secret_path);
    (void)unlink(card_path);
    return rmdir(folder);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    assert_int_equal(fsio_replace(path, slice_of_text(text), mode), 0);
}

static char *read_file(const char *path)
{
    struct buf text = {0};

    assert_int_equal(fsio_read_all(path, KEYS_FILE_BYTES_MAX, &text), 0);
    buf_put_u8(&text, 0);
    return (char *)text.data;
}

static void make_files(struct keys *keys)
{
    keys_make(world_real(), "E09000019", keys);
    (void)unlink(secret_path);
    (void)unlink(card_path);
    assert_int_equal(keys_save(keys, secret_path), 0);
    assert_int_equal(keys_save_card(keys, card_path), 0);
}

static void keys__saved_and_loaded__are_the_same(void **state)
{
    struct keys made;
    struct keys loaded;
    struct complaint why = {0};

    (void)state;
    make_files(&made);
    assert_int_equal(keys_load(secret_path, &loaded, &why), 0);
    assert_string_equal(loaded.id, "E09000019");
    assert_memory_equal(loaded.curve_secret, made.curve_secret, CURVE_KEY_BYTES);
    assert_memory_equal(loaded.sign_secret, made.sign_secret, SIGN_SECRET_BYTES);
    assert_memory_equal(loaded.seal_secret, made.seal_secret, SEAL_SECRET_BYTES);
    assert_memory_equal(loaded.sign_public, made.sign_public, SIGN_PUBLIC_BYTES);
    assert_int_equal(loaded.made_ms, made.made_ms);
    keys_wipe(&loaded);
    assert_true(sodium_is_zero((uint8_t *)&loaded, sizeof loaded));
}

static void card__holds_public_halves_and_no_secret(void **state)
{
    struct keys made;
    struct keys card;
    struct complaint why = {0};

    (void)state;
    make_files(&made);
    assert_int_equal(keys_load_card(card_path, &card, &why), 0);
    assert_memory_equal(card.curve_public, made.curve_public, CURVE_KEY_BYTES);
    assert_memory_equal(card.seal_public, made.seal_public, SEAL_PUBLIC_BYTES);
    assert_true(sodium_is_zero(card.sign_secret, SIGN_SECRET_BYTES));
    char *text = read_file(card_path);
    assert_null(strstr(text, "secret"));
    free(text);
}

static void save__file_is_there__is_refused_and_left_alone(void **state)
{
    struct keys made;

    (void)state;
    make_files(&made);
    char *before = read_file(secret_path);
    keys_make(world_real(), "E09000007", &made);
    assert_int_equal(keys_save(&made, secret_path), E_EXISTS);
    assert_int_equal(keys_save_card(&made, card_path), E_EXISTS);
    char *after = read_file(secret_path);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void save__any_umask__gives_mode_0600(void **state)
{
    struct keys made;
    struct stat info;

    (void)state;
    mode_t before = umask(0);
    make_files(&made);
    (void)umask(before);
    assert_int_equal(stat(secret_path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
}

static void load__any_other_mode__is_refused_with_the_remedy(void **state)
{
    static const mode_t modes[] = {0644, 0640, 0604, 0610, 0700, 0400, 04600};
    struct keys made;
    struct keys loaded = {0};

    (void)state;
    make_files(&made);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct complaint why = {0};
        assert_int_equal(chmod(secret_path, modes[i]), 0);
        assert_int_equal(keys_load(secret_path, &loaded, &why), E_PERMISSION);
        assert_non_null(strstr(why.text, "chmod 0600"));
        assert_int_equal(strstr(why.text, "others may read") != NULL, (modes[i] & 077) != 0);
        assert_non_null(strstr(why.text, secret_path));
        assert_true(sodium_is_zero((uint8_t *)&loaded, sizeof loaded));
    }
}

static void load__another_owner__is_refused(void **state)
{
    struct keys made;
    struct keys loaded;
    struct complaint why = {0};

    (void)state;
    if (geteuid() != 0) {
        skip(); /* only root can give a file away */
    }
    make_files(&made);
    assert_int_equal(chown(secret_path, 12345, 12345), 0);
    assert_int_equal(keys_load(secret_path, &loaded, &why), E_PERMISSION);
    assert_non_null(strstr(why.text, "12345"));
}

static void load__missing_file_or_folder__is_refused(void **state)
{
    struct keys loaded;
    struct complaint why = {0};

    (void)state;
    assert_int_equal(keys_load("/nonexistent/a.keys", &loaded, &why), E_NOT_FOUND);
    assert_int_equal(keys_load(folder, &loaded, &why), E_IO);
}

static void load__card_for_keys_or_keys_for_card__is_refused(void **state)
{
    struct keys made;
    struct keys loaded;
    struct complaint why = {0};

    (void)state;
    make_files(&made);
    assert_int_equal(keys_load(card_path, &loaded, &why), E_CONFIG); /* of mode 0644 */
    assert_non_null(strstr(why.text, "not a file of secret keys"));
    assert_int_equal(chmod(card_path, 0600), 0);
    assert_int_equal(keys_load(card_path, &loaded, &why), E_CONFIG);
    assert_int_equal(keys_load_card(secret_path, &loaded, &why), E_CONFIG);
}

/* Replace the first `from` in the saved file by `to`, of the same length or not. */
static int load_changed(const char *from, const char *to, struct complaint *why)
{
    struct keys made;
    struct keys loaded;
    struct buf changed = {0};

    make_files(&made);
    char *text = read_file(secret_path);
    char *at = strstr(text, from);
    assert_non_null(at);
    buf_put(&changed, text, (size_t)(at - text));
    buf_put(&changed, to, strlen(to));
    buf_put(&changed, at + strlen(from), strlen(at + strlen(from)));
    assert_int_equal(fsio_replace(secret_path, buf_slice(&changed), 0600), 0);
    buf_free(&changed);
    free(text);
    return keys_load(secret_path, &loaded, why);
}

static void load__changed_file__is_refused_with_file_and_line(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        int wanted;
        const char *said;
    } cases[] = {
        {"version = 1", "version = 2", E_VERSION, "version"},
        {"id = E09000019", "id = Isl ington", E_CONFIG, "id must be"},
        {"id = E09000019", "id = ", E_CONFIG, "id must be"},
        {"seal-secret", "seal-secrex", E_CONFIG,
            "a.keys:11: the word \"seal-secrex\" is not known here; did you mean \"seal-secret\"?"},
        {"seal-secret = ", "#", E_CONFIG, "\"seal-secret\" is missing"},
        {"curve-secret = ", "curve-secret = 0", E_CONFIG, "64 hexadecimal digits"},
        {"sign-public = ", "sign-public = zz", E_CONFIG, "64 hexadecimal digits"},
        {"    made = ", "    made = x", E_CONFIG, "not a time"},
        {"waypost-keys", "waypost-kays", E_CONFIG, "waypost-keys"},
        {"    id", "   id", E_CONFIG, "a.keys:4: indent"},
        {"    id", "\tid", E_CONFIG, "a.keys:4: a tab"},
        {"    version = 1", "    version = 1\n    version = 1", E_CONFIG, "given twice"},
        {"version = 1", "version = \"1", E_CONFIG, "quote"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct complaint why = {0};
        assert_int_equal(load_changed(cases[i].from, cases[i].to, &why), cases[i].wanted);
        if (strstr(why.text, cases[i].said) == NULL) {
            fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].said, why.text);
        }
    }
}

static void load__public_half_of_another_pair__is_corrupt(void **state)
{
    static const char *const words[] = {
        "curve-public", "sign-public", "seal-public", "sign-secret"};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct keys made;
        struct keys loaded;
        struct complaint why = {0};
        make_files(&made);
        char *text = read_file(secret_path);
        char *digit = strstr(text, words[i]) + strlen(words[i]) + 3 + 20;
        *digit = *digit == '0' ? '1' : '0';
        write_file(secret_path, text, 0600);
        free(text);
        assert_int_equal(keys_load(secret_path, &loaded, &why), E_CORRUPT);
    }
}

static void load__huge_or_binary_file__is_refused(void **state)
{
    char huge[KEYS_FILE_BYTES_MAX + 2];
    struct keys loaded;
    struct complaint why = {0};

    (void)state;
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    write_file(secret_path, huge, 0600);
    assert_int_equal(keys_load(secret_path, &loaded, &why), E_TOO_LARGE);
    write_file(secret_path, "\x01\xff\x7f\n= = =\n", 0600);
    assert_int_equal(keys_load(secret_path, &loaded, &why), E_CONFIG);
    write_file(secret_path, "", 0600);
    assert_int_equal(keys_load(secret_path, &loaded, &why), E_CONFIG);
}

static void save__malformed_id__is_refused(void **state)
{
    struct keys made;

    (void)state;
    keys_make(world_real(), "no\nid", &made);
    (void)unlink(secret_path);
    assert_int_equal(keys_save(&made, secret_path), E_ID);
    assert_int_not_equal(access(secret_path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys__saved_and_loaded__are_the_same),
        cmocka_unit_test(card__holds_public_halves_and_no_secret),
        cmocka_unit_test(save__file_is_there__is_refused_and_left_alone),
        cmocka_unit_test(save__any_umask__gives_mode_0600),
        cmocka_unit_test(load__any_other_mode__is_refused_with_the_remedy),
        cmocka_unit_test(load__another_owner__is_refused),
        cmocka_unit_test(load__missing_file_or_folder__is_refused),
        cmocka_unit_test(load__card_for_keys_or_keys_for_card__is_refused),
        cmocka_unit_test(load__changed_file__is_refused_with_file_and_line),
        cmocka_unit_test(load__public_half_of_another_pair__is_corrupt),
        cmocka_unit_test(load__huge_or_binary_file__is_refused),
        cmocka_unit_test(save__malformed_id__is_refused),
    };

    crypto_start();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
