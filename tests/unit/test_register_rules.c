/* rules: what a register must be like, each rule broken alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/register/envelope.h"
#include "common/register/register.h"
#include "common/register/rules.h"
#include "tests/support/register_model.h"

#include "common/base/banned.h"

/* ---- rules ---- */

static char long_name[REGISTER_NAME_BYTES_MAX + 2];
static char *odd_words[REGISTER_REGIONS_MAX + 1];

static char **many(size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        odd_words[i] = model_text(word);
    }
    return odd_words;
}

#define SPOIL(name, change)                                                                        \
    static void spoil_##name(void)                                                                 \
    {                                                                                              \
        change;                                                                                    \
    }

SPOIL(network_name, model.message.network = model_text("Demo"))
SPOIL(network_empty, model.message.network = model_text(""))
SPOIL(version_zero, model.message.version = 0)
SPOIL(threshold_zero, model.message.threshold = 0)
SPOIL(threshold_above_roots, model.message.threshold = 4)
SPOIL(root_short, model.roots[2].len = 31)
SPOIL(root_is_agent_key, model.roots[2].data = model.bytes[0][1])
SPOIL(previous_short,
    (model.message.has_previous = 1, model.message.previous = model.roots[0],
        model.message.previous.len = 31))
SPOIL(stale_beyond_calendar, (model.message.has_stale_ms = 1, model.message.stale_ms = INT64_MAX))
SPOIL(authority_code, model.authority[7].code = model_text("E1000003"))
SPOIL(authority_code_letter, model.authority[7].code = model_text("X10000030"))
SPOIL(authority_order, model.authority[5].code = model_text("E09000006"))
SPOIL(authority_twice, model.authority[5].code = model_text("E09000007"))
SPOIL(authority_no_name, model.authority[5].name = model_text(""))
SPOIL(authority_long_name, model.authority[5].name = long_name)
SPOIL(authority_control, model.authority[5].name = model_text("Isling\nton"))
SPOIL(authority_not_utf8, model.authority[5].name = model_text("Isling\xff"))
SPOIL(authority_dfe, model.authority[4].dfe = model_text("20x"))
SPOIL(authority_region_code, model.authority[4].region_code = model_text("London"))
SPOIL(authority_profile, model.authority[4].profile = model_text("../london"))
SPOIL(authority_days,
    (model.authority[7].has_from_day = 1,
        model.authority[7].from_day = model.authority[7].until_day))
SPOIL(authority_day_range,
    (model.authority[0].has_from_day = 1, model.authority[0].from_day = INT32_MIN))
SPOIL(successor_without_day, model.authority[2].has_until_day = 0)
SPOIL(successor_unknown, model.authority[2].successors[0] = model_text("E08000099"))
SPOIL(successor_itself, model.authority[2].successors[0] = model_text("E08000016"))
SPOIL(successor_twice, model.authority[6].successors[1] = model.authority[6].successors[0])
SPOIL(successors_many,
    (model.authority[6].successors = many(17, "E06000063"), model.authority[6].n_successors = 17))
SPOIL(agent_id, model.agent[3].id = model_text("operator 1"))
SPOIL(agent_id_long, model.agent[3].id = model_text("operator-12345678901234567890abcd"))
SPOIL(agent_order, model.agent[3].id = model_text("aaa"))
SPOIL(agent_twice, model.agent[3].id = model_text("hub-london"))
SPOIL(agent_no_role, model.agent[3].n_roles = 0)
SPOIL(agent_role_zero, model.role[3][0] = WAYPOST__ROLE__ROLE_NONE)
SPOIL(agent_role_huge, model.role[3][0] = (Waypost__Role)32)
SPOIL(agent_code_missing, model.agent[0].code = NULL)
SPOIL(agent_code_of_another, model.agent[0].code = model_text("E10000006"))
SPOIL(agent_code_unknown,
    (model.agent[1].id = model_text("E09000020"), model.agent[1].code = model.agent[1].id))
SPOIL(operator_with_code, model.agent[3].code = model_text("E06000063"))
SPOIL(hub_named_as_authority, model.agent[2].id = model_text("E09000020"))
SPOIL(hub_without_region, model.agent[2].n_regions = 0)
SPOIL(hub_region_word, model.agent[2].regions[0] = model_text("London"))
SPOIL(hub_many_regions,
    (model.agent[2].regions = many(65, "E12000007"), model.agent[2].n_regions = 65))
SPOIL(authority_with_region,
    (model.agent[0].regions = model.agent[2].regions, model.agent[0].n_regions = 1))
SPOIL(acts_for_unknown, model.agent[1].acts_for[0] = model_text("E10000099"))
SPOIL(acts_for_served, model.agent[1].acts_for[0] = model_text("E09000007"))
SPOIL(acts_for_itself, model.agent[1].acts_for[0] = model_text("E09000019"))
SPOIL(hub_acts_for,
    (model.agent[2].acts_for = model.agent[1].acts_for, model.agent[2].n_acts_for = 1,
        model.agent[1].n_acts_for = 0))
SPOIL(key_short, model.key[0][0].key.len = 31)
SPOIL(key_zero, memset(model.bytes[0][0], 0, 32))
SPOIL(key_use_zero, model.key[0][2].use = WAYPOST__KEY_USE__KEY_USE_NONE)
SPOIL(key_seal_missing, model.agent[0].n_keys = 2)
SPOIL(key_sign_missing, model.agent[3].n_keys = 1)
SPOIL(key_of_two_agents, memcpy(model.bytes[0][0], model.bytes[1][0], 32))
SPOIL(key_of_two_uses, memcpy(model.bytes[0][0], model.bytes[0][2], 32))
SPOIL(key_of_the_broker, memcpy(model.bytes[0][1], model.broker_bytes[1], 32))
SPOIL(key_ends_before, (model.key[0][0].has_to_ms = 1, model.key[0][0].to_ms = NOW))
SPOIL(key_time, model.key[0][0].from_ms = INT64_MAX)
SPOIL(
    agent_revoked_never, (model.agent[0].has_revoked_ms = 1, model.agent[0].revoked_ms = INT64_MIN))
SPOIL(broker_endpoint, model.broker.endpoint = model_text("http://broker.example"))
SPOIL(broker_endpoint_blank, model.broker.endpoint = model_text("tcp://broker example:1"))
SPOIL(broker_endpoint_portless, model.broker.endpoint = model_text("tcp://broker.example"))
SPOIL(broker_key, model.broker.head_key.len = 0)
SPOIL(retention_order, model.retention[1].kind = 3)
SPOIL(retention_days, model.retention[1].days = 0)

#define CASE(name, code)                                                                           \
    {                                                                                              \
#name, spoil_##name, code                                                                  \
    }

static const struct {
    const char *name;
    void (*spoil)(void);
    int wanted;
} rule_cases[] = {
    CASE(network_name, E_RANGE),
    CASE(network_empty, E_RANGE),
    CASE(version_zero, E_RANGE),
    CASE(threshold_zero, E_RANGE),
    CASE(threshold_above_roots, E_RANGE),
    CASE(root_short, E_KEY),
    CASE(root_is_agent_key, E_KEY),
    CASE(previous_short, E_RANGE),
    CASE(stale_beyond_calendar, E_DATE),
    CASE(authority_code, E_CODE),
    CASE(authority_code_letter, E_CODE),
    CASE(authority_order, E_CODE),
    CASE(authority_twice, E_CODE),
    CASE(authority_no_name, E_UTF8),
    CASE(authority_long_name, E_UTF8),
    CASE(authority_control, E_UTF8),
    CASE(authority_not_utf8, E_UTF8),
    CASE(authority_dfe, E_RANGE),
    CASE(authority_region_code, E_CODE),
    CASE(authority_profile, E_RANGE),
    CASE(authority_days, E_DATE),
    CASE(authority_day_range, E_DATE),
    CASE(successor_without_day, E_DATE),
    CASE(successor_unknown, E_CODE),
    CASE(successor_itself, E_CODE),
    CASE(successor_twice, E_CODE),
    CASE(successors_many, E_RANGE),
    CASE(agent_id, E_ID),
    CASE(agent_id_long, E_ID),
    CASE(agent_order, E_ID),
    CASE(agent_twice, E_ID),
    CASE(agent_no_role, E_RANGE),
    CASE(agent_role_zero, E_RANGE),
    CASE(agent_role_huge, E_RANGE),
    CASE(agent_code_missing, E_CODE),
    CASE(agent_code_of_another, E_ID),
    CASE(agent_code_unknown, E_CODE),
    CASE(operator_with_code, E_CODE),
    CASE(hub_named_as_authority, E_ID),
    CASE(hub_without_region, E_RANGE),
    CASE(hub_region_word, E_CODE),
    CASE(hub_many_regions, E_RANGE),
    CASE(authority_with_region, E_RANGE),
    CASE(acts_for_unknown, E_CODE),
    CASE(acts_for_served, E_CODE),
    CASE(acts_for_itself, E_CODE),
    CASE(hub_acts_for, E_CODE),
    CASE(key_short, E_KEY),
    CASE(key_zero, E_KEY),
    CASE(key_use_zero, E_KEY),
    CASE(key_seal_missing, E_KEY),
    CASE(key_sign_missing, E_KEY),
    CASE(key_of_two_agents, E_KEY),
    CASE(key_of_two_uses, E_KEY),
    CASE(key_of_the_broker, E_KEY),
    CASE(key_ends_before, E_DATE),
    CASE(key_time, E_DATE),
    CASE(agent_revoked_never, E_DATE),
    CASE(broker_endpoint, E_RANGE),
    CASE(broker_endpoint_blank, E_RANGE),
    CASE(broker_endpoint_portless, E_RANGE),
    CASE(broker_key, E_KEY),
    CASE(retention_order, E_RANGE),
    CASE(retention_days, E_RANGE),
};

static void rules__each_one_broken_alone__is_refused_with_a_sentence(void **state)
{
    (void)state;
    memset(long_name, 'a', sizeof long_name - 1);
    for (size_t i = 0; i < sizeof rule_cases / sizeof rule_cases[0]; i++) {
        struct complaint why = {0};
        model_build();
        assert_int_equal(rules_check(&model.message, &why), 0);
        rule_cases[i].spoil();
        int rc = rules_check(&model.message, &why);
        if (rc != rule_cases[i].wanted || strlen(why.text) < 20) {
            fail_msg("%s: %s instead of %s (%s)", rule_cases[i].name, err_name(rc),
                err_name(rule_cases[i].wanted), why.text);
        }
    }
}

static void rules__broken_but_signed__is_refused_at_load(void **state)
{
    (void)state;
    register_t *book = NULL;
    struct complaint why = {0};

    spoil_acts_for_served();
    assert_int_equal(model_load(&book, &why), E_CODE);
    assert_null(book);
    assert_non_null(strstr(why.text, "E09000007"));
}

static void rules__counts_above_the_limits__are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t *count;
        size_t max;
    } cases[] = {
        {&model.message.n_authorities, REGISTER_AUTHORITIES_MAX},
        {&model.message.n_agents, REGISTER_AGENTS_MAX},
        {&model.message.n_brokers, REGISTER_BROKERS_MAX},
        {&model.message.n_retention, REGISTER_RETENTION_MAX},
        {&model.message.n_roots, REGISTER_ROOTS_MAX},
        {&model.agent[0].n_keys, REGISTER_AGENT_KEYS_MAX},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct complaint why = {0};
        model_build();
        *cases[i].count = cases[i].max + 1;
        assert_int_equal(rules_check(&model.message, &why), E_RANGE);
    }
}

static void rules__role_of_a_later_version__gives_no_right_and_no_refusal(void **state)
{
    (void)state;
    model.role[3][1] = (Waypost__Role)9;
    model.agent[3].n_roles = 2;
    register_t *book = model_loaded();
    const struct register_agent *agent = register_agent_of(book, "operator-1");

    assert_true(register_agent_has_role(agent, REGISTER_ROLE_OPERATOR));
    assert_false(register_agent_has_role(agent, REGISTER_ROLE_HUB));
    register_destroy(&book);
}

#define TEST(name) cmocka_unit_test_setup(name, model_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rules__each_one_broken_alone__is_refused_with_a_sentence),
        TEST(rules__broken_but_signed__is_refused_at_load),
        TEST(rules__counts_above_the_limits__are_refused),
        TEST(rules__role_of_a_later_version__gives_no_right_and_no_refusal),
    };

    crypto_start();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, model_make_roots, NULL);
}
