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

static const char *const moments[] = {"persisted", "sent", "accepted", "occurred", NULL};
static const char *const levels[] = {"national", "regional", "bilateral", NULL};
static const char *const raisers[] = {"origin", "receiving", "either", "any", NULL};
static const char *const timezones[] = {"Europe/London", NULL};

/* `*` stands for one part of the key: a clock, a number, a code. */
static const struct {
    const char *pattern;
    value_check *check;       /* NULL: words between blanks, each one of */
    const char *fact;         /* the values of this enum, */
    const char *const *words; /* or of these */
} keys[] = {
    {"profile.name", is_text, NULL, NULL},
    {"profile.title", is_text, NULL, NULL},
    {"profile.version", is_number_or_unset, NULL, NULL},
    {"profile.effective_from", is_date, NULL, NULL},
    {"profile.level", NULL, NULL, levels},
    {"profile.inherit", is_text, NULL, NULL},
    {"profile.sources", is_text, NULL, NULL},
    {"members.all", is_text, NULL, NULL},
    {"members.*", is_text, NULL, NULL},
    {"calendar.working_days", is_text, NULL, NULL},
    {"calendar.timezone", NULL, NULL, timezones},
    {"clocks.warning.lead", is_limit, NULL, NULL},
    {"clocks.*.limit", is_limit, NULL, NULL},
    {"clocks.*.moment", NULL, NULL, moments},
    {"frequent_mover.moves", is_number_or_unset, NULL, NULL},
    {"frequent_mover.weeks", is_number_or_unset, NULL, NULL},
    {"accept.future_limit", is_limit, NULL, NULL},
    {"accept.relief", is_text, NULL, NULL},
    {"accept.evidence", is_text, NULL, NULL},
    {"accept.evidence_cp_in", is_text, NULL, NULL},
    {"accept.evidence_cp_out", is_text, NULL, NULL},
    {"accept.evidence_cin", is_text, NULL, NULL},
    {"accept.own_record", is_text, NULL, NULL},
    {"docs.cp_in", NULL, "documents", NULL},
    {"docs.cp_out", NULL, "documents", NULL},
    {"docs.cin_in", NULL, "documents", NULL},
    {"docs.transfer_cp", NULL, "documents", NULL},
    {"docs.transfer_cin", NULL, "documents", NULL},
    {"docs.transfer_lac", NULL, "documents", NULL},
    {"docs.finish_within", is_limit, NULL, NULL},
    {"block.orders", NULL, "order_type", NULL},
    {"permanence.any_of", NULL, "evidence", NULL},
    {"ladder.raised_by", NULL, NULL, raisers},
    {"ladder.*.*", NULL, "decider_role", NULL},
    {"escalation.ladder", is_text, NULL, NULL},
    {"cin.reassess", is_text, NULL, NULL},
    {"cin.support_meanwhile", is_text, NULL, NULL},
    {"exception.never", is_any, NULL, NULL},
    {"records.retention", is_text, NULL, NULL},
    {"doors.cp", NULL, "door", NULL},
    {"doors.cin", NULL, "door", NULL},
    {"postpone.deciders", NULL, "deciders", NULL},
    {"retain.frequent_mover_decider", NULL, "decider_role", NULL},
    {"retain.frequent_mover_adviser", NULL, "decider_role", NULL},
    {"retain.senior_level", NULL, "decider_role", NULL},
    {"gap_rungs.*", is_text, NULL, NULL},
    {"lac.responsibility", is_text, NULL, NULL},
    {"lac.statutory_notices", is_text, NULL, NULL},
    {"lac.consultation_name", is_text, NULL, NULL},
    {"lac.consultation_alias", is_text, NULL, NULL},
    {"intake.door", NULL, "door", NULL},
    {"early_help.consent", is_text, NULL, NULL},
    {"early_help.format", is_text, NULL, NULL},
    {"early_help.coordinator_fallback", is_text, NULL, NULL},
    {"early_help.handover_before_move", is_text, NULL, NULL},
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

/* Each word between blanks is one of a closed list. */
static int check_words(size_t row, const char *key, const char *value, struct complaint *why)
{
    const struct fact_info *fact =
        keys[row].fact != NULL ? catalogue_fact_named(keys[row].fact) : NULL;
    const char *const *words = fact != NULL ? fact->values : keys[row].words;
    size_t count = fact != NULL ? fact->value_count : 0;

    while (fact == NULL && words[count] != NULL) {
        count++;
    }
    if (fact == NULL && value[strspn(value, " ")] == '\0') {
        return complain(why, E_FACT_VALUE, "%.64s has no value", key);
    }
    for (const char *at = value + strspn(value, " "); *at != '\0'; at += strspn(at, " ")) {
        char word[KEY_PART_BYTES_MAX] = "";
        size_t len = fact != NULL ? strcspn(at, " ") : strlen(at); /* not a list: one word alone */
        memcpy(word, at, len < sizeof word ? len : sizeof word - 1);
        const char *near = words_nearest_of(word, words, count);
        if (near == NULL || strcmp(near, word) != 0) {
            return complain(why, E_FACT_VALUE, "\"%.60s\" is no value for %.64s%s%s%s", word, key,
                near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                near != NULL ? "\"?" : "");
        }
        at += len;
    }
    return 0;
}

static int check_value(size_t i, const char *key, const char *value, struct complaint *why)
{
    if (keys[i].check == NULL) {
        return check_words(i, key, value, why);
    }
    return keys[i].check(value)
        ? 0
        : complain(why, E_FACT_VALUE, "\"%.64s\" is no value for %.64s", value, key);
}

int profile_key_check(const char *key, const char *value, struct complaint *why)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (key_fits(key, keys[i].pattern)) {
            return check_value(i, key, value, why);
        }
    }
    const char *near = words_nearest(key, key_at, NULL);
    return complain(why, E_NOT_FOUND, "unknown profile key \"%.64s\"%s%s%s", key,
        near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
        near != NULL ? "\"?" : "");
}
