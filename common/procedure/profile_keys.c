/* profile_keys: every key that a profile may hold, as one table, with the check of its values. */
#include <string.h>

#include "common/base/civil.h"
#include "common/base/words.h"
#include "common/procedure/profiles.h"

#include "common/base/banned.h"

enum { KEY_PART_BYTES_MAX = 64 };

typedef bool value_check(const char *value);

static bool is_text(const char *value)
{
    return value[0] != '\0';
}

static bool is_any(const char *value)
{
    (void)value;
    return true;
}

static bool is_limit(const char *value)
{
    struct limit limit;

    return limit_parse(value, &limit) == 0;
}

static bool is_moment(const char *value)
{
    static const char *const words[] = {"persisted", "sent", "accepted", "occurred"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], value) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_number_or_unset(const char *value)
{
    uint64_t number;

    return strcmp(value, "unset") == 0 || text_parse_u64(value, 1, 10000, &number) == 0;
}

static bool is_date(const char *value)
{
    int32_t day;

    return civil_date_parse(value, &day) == 0;
}

static bool is_level(const char *value)
{
    return strcmp(value, "national") == 0 || strcmp(value, "regional") == 0 ||
        strcmp(value, "bilateral") == 0;
}

/* Blank-separated words that an enum fact can have. */
static bool words_of(const char *value, const char *fact_name)
{
    const struct fact_info *fact = catalogue_fact_named(fact_name);
    char word[KEY_PART_BYTES_MAX];
    uint32_t number;

    for (const char *at = value + strspn(value, " "); *at != '\0'; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        if (fact == NULL || len >= sizeof word) {
            return false;
        }
        memcpy(word, at, len);
        word[len] = '\0';
        if (fact_value_number(fact, word, &number) != 0) {
            return false;
        }
        at += len;
    }
    return true;
}

static bool are_documents(const char *value)
{
    return words_of(value, "documents");
}

static bool are_orders(const char *value)
{
    return words_of(value, "order_type");
}

static bool are_roles(const char *value)
{
    return words_of(value, "decider_role");
}

static bool are_deciders(const char *value)
{
    return words_of(value, "deciders");
}

static bool are_evidences(const char *value)
{
    return words_of(value, "evidence");
}

static bool are_doors(const char *value)
{
    return words_of(value, "door");
}

/* `*` stands for one part of the key: a clock, a number, a code. */
static const struct {
    const char *pattern;
    value_check *check;
} keys[] = {
    {"profile.name", is_text},
    {"profile.title", is_text},
    {"profile.version", is_number_or_unset},
    {"profile.effective_from", is_date},
    {"profile.level", is_level},
    {"profile.inherit", is_text},
    {"profile.sources", is_text},
    {"members.all", is_text},
    {"members.*", is_text},
    {"calendar.working_days", is_text},
    {"calendar.timezone", is_text},
    {"clocks.warning.lead", is_limit},
    {"clocks.*.limit", is_limit},
    {"clocks.*.moment", is_moment},
    {"frequent_mover.moves", is_number_or_unset},
    {"frequent_mover.weeks", is_number_or_unset},
    {"accept.future_limit", is_limit},
    {"accept.relief", is_text},
    {"accept.evidence", is_text},
    {"accept.evidence_cp_in", is_text},
    {"accept.evidence_cp_out", is_text},
    {"accept.evidence_cin", is_text},
    {"accept.own_record", is_text},
    {"docs.cp_in", are_documents},
    {"docs.cp_out", are_documents},
    {"docs.cin_in", are_documents},
    {"docs.transfer_cp", are_documents},
    {"docs.transfer_cin", are_documents},
    {"docs.transfer_lac", are_documents},
    {"docs.finish_within", is_limit},
    {"block.orders", are_orders},
    {"permanence.any_of", are_evidences},
    {"ladder.raised_by", is_text},
    {"ladder.*.*", are_roles},
    {"escalation.ladder", is_text},
    {"cin.reassess", is_text},
    {"cin.support_meanwhile", is_text},
    {"exception.never", is_any},
    {"records.retention", is_text},
    {"doors.cp", are_doors},
    {"doors.cin", are_doors},
    {"postpone.deciders", are_deciders},
    {"retain.frequent_mover_decider", are_roles},
    {"retain.frequent_mover_adviser", are_roles},
    {"retain.senior_level", are_roles},
    {"gap_rungs.*", is_text},
    {"lac.responsibility", is_text},
    {"lac.statutory_notices", is_text},
    {"lac.consultation_name", is_text},
    {"lac.consultation_alias", is_text},
    {"intake.door", are_doors},
    {"early_help.consent", is_text},
    {"early_help.format", is_text},
    {"early_help.coordinator_fallback", is_text},
    {"early_help.handover_before_move", is_text},
};

enum { KEYS = sizeof keys / sizeof keys[0] };

static bool key_fits(const char *key, const char *pattern)
{
    while (*key != '\0' && *pattern != '\0') {
        size_t key_len = strcspn(key, ".");
        size_t pattern_len = strcspn(pattern, ".");
        bool wild = pattern_len == 1 && pattern[0] == '*';
        if (!wild && (key_len != pattern_len || strncmp(key, pattern, key_len) != 0)) {
            return false;
        }
        key += key_len + (key[key_len] == '.' ? 1 : 0);
        pattern += pattern_len + (pattern[pattern_len] == '.' ? 1 : 0);
    }
    return *key == '\0' && *pattern == '\0';
}

static const char *key_at(const void *known, size_t index)
{
    (void)known;
    return index < KEYS ? keys[index].pattern : NULL;
}

int profile_key_check(const char *key, const char *value, struct complaint *why)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (key_fits(key, keys[i].pattern)) {
            return keys[i].check(value)
                ? 0
                : complain(why, E_FACT_VALUE, "\"%.64s\" is no value for %.64s", value, key);
        }
    }
    const char *near = words_nearest(key, key_at, NULL);
    return complain(why, E_NOT_FOUND, "unknown profile key \"%.64s\"%s%s%s", key,
        near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
        near != NULL ? "\"?" : "");
}
