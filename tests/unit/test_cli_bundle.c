/* Tests of bundling.c, bundle.c and bundle_file.c: a bundle that an agent made holds; a byte changed or cut anywhere is
 * found and said where, and what stands before it is still there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/cli/bundle_file.h"
#include "client/cli/bundle_words.h"
#include "tests/support/agent_fixture.h"

#include "common/base/banned.h"

static struct agentfix fx;
static struct buf bundle;

/* An event of ours with a receipt and one of the peer's, in one transfer; the whole as a bundle. */
static void make_bundle(void)
{
    agentfix_grow(&fx, 5);
    agentfix_deliver(&fx, 0, false, FAULT_NONE);
    agentfix_acked(&fx);
    json_decref(agentfix_ask(&fx,
        "{'op':'send','kind':'move_updated','transfer':'42424242-4242-4242-4242-424242424242',"
        "'facts':{'permanence':'permanent'},'allow_incomplete':true}"));
    assert_int_equal(agentfix_serve(&fx), 1);
    agentfix_pass(&fx, 10000);
    (void)agentfix_prove(&fx);
    size_t before = fx.answer_count;
    json_t *none =
        agentfix_ask(&fx, "{'op':'bundle','transfer':'42424242-4242-4242-4242-424242424242'}");
    assert_null(none);
    while (agentfix_prove(&fx) > 0) {
    }
    assert_int_equal(fx.answer_count, before + 1);
    assert_true(json_is_true(json_object_get(fx.answers[before], "ok")));
    json_t *page = agentfix_ask(&fx, "{'op':'bundle_page','from':0}");
    const char *text = json_string_value(json_object_get(page, "base64"));
    size_t len = 0;
    buf_reserve(&bundle, strlen(text));
    assert_int_equal(sodium_base642bin(bundle.data, strlen(text), text, strlen(text), NULL, &len,
                         NULL, sodium_base64_VARIANT_ORIGINAL),
        0);
    bundle.len = len;
    json_decref(page);
}

static int setup(void **state)
{
    (void)state;
    memset(&fx, 0, sizeof fx);
    agentfix_setup(&fx, NULL);
    agentfix_online(&fx);
    make_bundle();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    agentfix_teardown(&fx);
    buf_free(&bundle);
    return 0;
}

static const struct trust no_trust;

static void bundle__as_made__holds_with_every_proof(void **state)
{
    struct bundle_view view;

    (void)state;
    assert_int_equal(bundle_file_check(buf_slice(&bundle), &no_trust, &view), 0);
    assert_string_equal(view.fault, "");
    assert_true(view.ended && view.head_good);
    assert_int_equal(view.item_count, 2);
    assert_string_equal(view.maker, AGENTFIX_ME);
    size_t proven = 0;
    for (size_t i = 0; i < view.item_count; i++) {
        assert_true(view.items[i].is_event);
        assert_true(view.items[i].mark == BUNDLE_PROVEN || view.items[i].mark == BUNDLE_SIGNED);
        proven += view.items[i].mark == BUNDLE_PROVEN ? 1 : 0;
    }
    assert_int_equal(proven, 1); /* the fixture's broker has no record of the peer's */
    bundle_view_free(&view);
}

static void bundle__one_bit_changed_anywhere__is_found_and_said_where(void **state)
{
    struct bundle_view view;

    (void)state;
    for (size_t at = 0; at < bundle.len; at++) {
        uint8_t bit = (uint8_t)(1U << at % 8);
        bundle.data[at] ^= bit;
        assert_int_not_equal(bundle_file_check(buf_slice(&bundle), &no_trust, &view), 0);
        assert_string_not_equal(view.fault, "");
        assert_false(view.ended);
        bundle_view_free(&view);
        bundle.data[at] ^= bit;
    }
}

static void bundle__cut_at_every_byte__is_found_and_what_is_whole_stays(void **state)
{
    struct bundle_view view;
    size_t items = 0;

    (void)state;
    for (size_t len = 0; len < bundle.len; len++) {
        assert_int_not_equal(bundle_file_check(slice_of(bundle.data, len), &no_trust, &view), 0);
        assert_string_not_equal(view.fault, "");
        assert_true(view.item_count >= items);
        items = view.item_count;
        bundle_view_free(&view);
    }
    assert_int_equal(items, 2);
}

/* Somebody who knows the frame makes the hashes anew: the maker's signature, and the item's own, tell. */
static void bundle__rewritten_with_new_hashes__does_not_bear_its_makers_signature(void **state)
{
    struct bundle_reader reader;
    struct bundle_writer writer;
    struct bundle_view view;
    struct buf other = {0};
    struct slice section;
    uint32_t type;

    (void)state;
    bundle_open(&reader, buf_slice(&bundle));
    bundle_begin(&writer, &other);
    while (bundle_next(&reader, &type, &section) == 0) {
        if (type != BUNDLE_EVENT || reader.number % 2 == 0) { /* one event is left out */
            bundle_put(&writer, (enum bundle_type)type, section);
        }
    }
    assert_true(other.len < bundle.len);
    assert_int_not_equal(bundle_file_check(buf_slice(&other), &no_trust, &view), 0);
    assert_non_null(strstr(view.fault, "signature of its maker"));
    assert_int_equal(view.item_count, 1);
    bundle_view_free(&view);
    buf_free(&other);
}

static void outcome__without_the_networks_keys__is_told_apart(void **state)
{
    struct bundle_view view;
    const char *headline;
    char words[BUNDLE_WORDS_BYTES];

    (void)state;
    assert_int_equal(bundle_file_check(buf_slice(&bundle), &no_trust, &view), 0);
    assert_int_equal(bundle_words_outcome(&view, &headline, words, sizeof words), BUNDLE_UNPINNED);
    assert_non_null(strstr(headline, "was not checked"));
    assert_non_null(strstr(words, "--join"));
    view.registers_pinned = true;
    assert_int_equal(bundle_words_outcome(&view, &headline, words, sizeof words), BUNDLE_HOLDS);
    assert_string_equal(headline, "Everything in it holds.");
    assert_string_equal(words, "2 lines; the maker signed the whole.");
    view.items[0].mark = BUNDLE_BROKEN;
    view.broken = 1;
    assert_int_equal(bundle_words_outcome(&view, &headline, words, sizeof words), BUNDLE_FAULTY);
    assert_string_equal(words, "2 lines could be read, of which 1 marked BROKEN.");
    bundle_view_free(&view);
    assert_int_not_equal(bundle_file_check(slice_of(bundle.data, 20), &no_trust, &view), 0);
    assert_int_equal(bundle_words_outcome(&view, &headline, words, sizeof words), BUNDLE_FAULTY);
    assert_non_null(strstr(words, "0 lines could be read; section 1, at byte 8, was cut short"));
    struct buf out = {0};
    bundle_html(NULL, &view, &out); /* no date, no maker, no journal: none was read */
    buf_put_u8(&out, 0);
    assert_null(strstr((const char *)out.data, "Made by"));
    assert_null(strstr((const char *)out.data, "1970"));
    buf_free(&out);
    bundle_view_free(&view);
}

static void document__of_a_bundle__escapes_and_stands_by_itself(void **state)
{
    struct bundle_view view;
    struct buf out = {0};

    (void)state;
    assert_int_equal(bundle_file_check(buf_slice(&bundle), &no_trust, &view), 0);
    (void)memcpy(view.items[0].words, "<script>x</script>", sizeof "<script>x</script>");
    bundle_html(NULL, &view, &out);
    buf_put_u8(&out, 0);
    const char *html = (const char *)out.data;
    assert_non_null(strstr(html, "&lt;script&gt;"));
    assert_null(strstr(html, "<script"));
    assert_null(strstr(html, "http"));
    assert_null(strstr(html, "src="));
    assert_non_null(strstr(html, "@media print"));
    bundle_view_free(&view);
    buf_free(&out);
}

int main(void)
{
#define BUNDLE_TEST(name) cmocka_unit_test(name)
    const struct CMUnitTest tests[] = {
        BUNDLE_TEST(bundle__as_made__holds_with_every_proof),
        BUNDLE_TEST(bundle__one_bit_changed_anywhere__is_found_and_said_where),
        BUNDLE_TEST(bundle__cut_at_every_byte__is_found_and_what_is_whole_stays),
        BUNDLE_TEST(bundle__rewritten_with_new_hashes__does_not_bear_its_makers_signature),
        BUNDLE_TEST(outcome__without_the_networks_keys__is_told_apart),
        BUNDLE_TEST(document__of_a_bundle__escapes_and_stands_by_itself),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
