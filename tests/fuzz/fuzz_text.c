/*
 * fuzz_text: the short texts that people type and files hold: times, dates, limits, ids, numbers, facts, codes. Every reader
 * gets the whole text; facts are taken by the number in the first byte.
 */
#include "tests/fuzz/support.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/uuid.h"
#include "common/base/words.h"
#include "common/codec/catalogue.h"
#include "common/codec/fact_text.h"
#include "common/codec/identifier.h"
#include "common/base/utf8.h"
#include "common/procedure/calendar.h"
#include "common/register/rules.h"

#include "common/base/banned.h"

static void read_times(const char *text)
{
    char stamp[CIVIL_STAMP_BYTES];
    int64_t ms = 0;
    int64_t again = 0;
    int32_t days = 0;

    if (civil_time_parse(text, &ms) == 0) {
        civil_stamp_utc(ms, stamp);
        /* An offset may lead out of the years that a text can name. */
        if (civil_time_parse(stamp, &again) == 0) {
            assert(again == ms);
        }
        civil_stamp_london(ms, stamp);
        assert(civil_london_day(ms) <= CIVIL_DAY_MAX + 1);
    }
    if (civil_date_parse(text, &days) == 0) {
        char date[CIVIL_DATE_BYTES];
        assert(days >= CIVIL_DAY_MIN && days <= CIVIL_DAY_MAX);
        civil_date_text(days, date);
        assert(strcmp(date, text) == 0);
    }
}

static void read_ids(const char *text)
{
    uint8_t id[UUID_BYTES];
    uint8_t again[UUID_BYTES];
    char back[UUID_TEXT_BYTES];
    uint64_t number;

    if (uuid_parse(text, id) == 0) {
        uuid_format(id, back);
        assert(uuid_parse(back, again) == 0 && memcmp(id, again, sizeof id) == 0);
    }
    if (text_parse_u64(text, 3, UINT64_MAX - 1, &number) == 0) {
        assert(number >= 3 && number < UINT64_MAX);
    }
    (void)hex_decode(text, id, sizeof id);
}

static void read_limit(const char *text)
{
    struct limit limit;

    if (limit_parse(text, &limit) != 0) {
        return;
    }
    assert(limit.count >= 0);
}

static void read_fact(uint8_t number, const char *text)
{
    const struct fact_info *fact = catalogue_fact((uint32_t)(1 + number % catalogue_fact_count()));
    struct complaint why = {0};
    struct fact_value value;
    uint8_t bytes[HASH_BYTES];
    struct buf out = {0};

    if (fact->type != FACT_TEXT) { /* which is sealed, and never comes here */
        int rc = fact_parse(fact, text, &value, bytes, &why);
        fuzz_answer(rc, &why);
        if (rc == 0) {
            json_t *json = fact_json(&value);
            assert(json != NULL);
            json_decref(json);
        }
        why = (struct complaint){0};
        rc = fact_put_text(fact, text, &out, &why);
        fuzz_answer(rc, &why);
        buf_free(&out);
    }
    why = (struct complaint){0};
    int rc = fact_named(text, &fact, &why);
    fuzz_answer(rc, &why);
}

int fuzz_text(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {slice_of(data, size)};

    fuzz_start();
    uint8_t number = fuzz_u8(&in);
    char *text = fuzz_string(in.rest);
    read_times(text);
    read_ids(text);
    read_limit(text);
    read_fact(number, text);
    (void)identifier_seen(in.rest);
    (void)utf8_valid(in.rest);
    (void)rules_endpoint_valid(text, number % 2 == 0 ? ENDPOINT_CONNECT : ENDPOINT_LISTEN);
    (void)rules_network_valid(text);
    (void)keys_id_valid(text);
    free(text);
    return 0;
}
