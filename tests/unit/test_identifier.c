/* test_identifier: what looks like a person's identifier, and what is text. */
#include "tests/unit/codec_sample.h"

#include "common/codec/identifier.h"
#include "common/base/utf8.h"

#include "common/base/banned.h"

struct text_case {
    const char *text;
    const char *want; /* NULL: looks like nothing */
};

static void identifier__texts__are_told_apart(void **state)
{
    static const struct text_case cases[] = {
        {"9434765919", "an NHS number"},
        {"943 476 5919", "an NHS number"},
        {"943-476-5919", "an NHS number"},
        {"94-34-76-59-19", "an NHS number"},
        {"NHS9434765919", "an NHS number"},
        {"ref/943.476.5919", "an NHS number"},
        {"9434765918", NULL}, /* its check digit is another */
        {"94347659190", NULL},
        {"H801200001001", "a pupil number"},
        {"upn:H801200001001", "a pupil number"},
        {"H80120000100A", "a pupil number"},
        {"H8012000010011", NULL},
        {"14/02/2015", "a date"},
        {"14-02-2015", "a date"},
        {"4.2.2015", "a date"},
        {"2015-02-14", "a date"},
        {"20150214", "a date"},
        {"14022015", "a date"},
        {"born:14022015", "a date"},
        {"31/02/2015", NULL},
        {"20150230", NULL},
        {"21150214", NULL},
        {"a@b", "an e-mail address"},
        {"jo.bloggs@example.org", "an e-mail address"},
        {"N1 9GU", "a postcode"},
        {"n19gu", "a postcode"},
        {"SW1A-1AA", "a postcode"},
        {"EC1A1BB", "a postcode"},
        {"B33 8TH", "a postcode"},
        {"at:W1A-0AX", "a postcode"},
        {"14:00", NULL},
        {"E08000010:early_help", NULL},
        {"E09000033:emergency_duty", NULL},
        {"E10000012", NULL},
        {"S12000033", NULL},
        {"R08", NULL},
        {"CAM-1", NULL},
        {"BHM-31", NULL},
        {"CAM-M1", NULL},
        {"mash", NULL},
        {"2026/114", NULL},
        {"c1", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = identifier_seen(slice_of_text(cases[i].text));
        bool same = got == NULL ? cases[i].want == NULL
                                : cases[i].want != NULL && strcmp(got, cases[i].want) == 0;
        if (!same) {
            fail_msg("'%s' looks like %s", cases[i].text, got != NULL ? got : "nothing");
        }
    }
}

static void utf8__forms__are_told_apart(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        bool want;
    } cases[] = {
        {"plain", 5, true},
        {"\xc3\xa9", 2, true},
        {"\xe2\x82\xac", 3, true},
        {"\xf0\x9f\x98\x80", 4, true},
        {"", 0, true},
        {"a\0b", 3, false},
        {"\xc3", 1, false},
        {"\xc0\xaf", 2, false},
        {"\xe0\x80\xaf", 3, false},
        {"\xed\xa0\x80", 3, false},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xff", 1, false},
        {"\xe2\x82", 2, false},
        {"\xe2\x82\x41", 3, false},
        {"\x80", 1, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(utf8_valid(slice_of(cases[i].text, cases[i].len)), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifier__texts__are_told_apart),
        cmocka_unit_test(utf8__forms__are_told_apart),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
