/*
 * fuzz_tables: the tables of kinds, clocks, rules and codes as an operator may have changed them.
 * An input is one cell: u8 table
 * (and WHOLE: the text is all of the table), u8 row, u8 column, text; the rest is as it is shipped.
 */
#include "tests/fuzz/support.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/procedure/procedures.h"

#include "common/base/banned.h"

enum { TABLES = 6, PROFILES = 5, WHOLE = 0x80 };

static const char *const table_paths[TABLES] = {"data/procedures/kinds.tsv",
    "data/procedures/clocks.tsv", "data/procedures/rules.tsv", "data/procedures/system-kinds.tsv",
    "data/register/authorities.csv", "data/register/successions.tsv"};

static const char *const profile_paths[PROFILES] = {"data/profiles/national.zpl",
    "data/profiles/london.zpl", "data/profiles/birmingham-solihull.zpl",
    "data/profiles/north-west.zpl", "data/profiles/herefordshire.zpl"};

static const char holidays[] = "{\"england-and-wales\": {\"events\": [{\"date\": \"2026-04-03\"}, "
                               "{\"date\": \"2026-04-06\"}]}}";

/* The table with one cell exchanged, appended to out. */
static void put_changed(struct slice table, char separator, size_t row, size_t column,
    struct slice cell, struct buf *out)
{
    size_t at_row = 0;
    size_t at_column = 0;

    for (size_t i = 0; i < table.len; i++) {
        char c = (char)table.data[i];
        if (c == '\n' || c == separator) {
            if (at_row == row && at_column == column) {
                buf_put_slice(out, cell);
            }
            at_column = c == '\n' ? 0 : at_column + 1;
            at_row += c == '\n';
        } else if (at_row == row && at_column == column) {
            continue;
        }
        buf_put_u8(out, table.data[i]);
    }
}

static void look(const procedures_t *procedures)
{
    const struct severity_entry *entries;
    const struct effect *effects;

    for (uint32_t i = 1; i <= procedures_rule_count(procedures); i++) {
        for (size_t k = 0; k < PROFILES; k++) {
            (void)procedures_severities(
                procedures, procedures_rule(procedures, i), "london", &entries);
        }
    }
    for (uint32_t i = 1; i <= procedures_clock_count(procedures); i++) {
        const struct clock_info *clock = procedures_clock(procedures, i);
        assert(clock->id != NULL && clock->number == i);
    }
    for (uint32_t kind = 0; kind < 64; kind++) {
        size_t count = procedures_effects(procedures, kind, &effects);
        for (size_t i = 0; i < count; i++) {
            assert(effects[i].verb <= EFFECT_SPECIAL);
        }
    }
    (void)procedures_route(procedures, "E08000016", 20528);
}

int fuzz_tables(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {slice_of(data, size)};
    struct complaint why = {0};
    struct buf changed = {0};
    struct slice tables[TABLES];
    struct slice profiles[PROFILES];
    const char *names[PROFILES];
    procedures_t *procedures = NULL;

    fuzz_start();
    uint8_t which = fuzz_u8(&in);
    for (size_t i = 0; i < TABLES; i++) {
        tables[i] = fuzz_file(table_paths[i]);
    }
    for (size_t i = 0; i < PROFILES; i++) {
        profiles[i] = fuzz_file(profile_paths[i]);
        names[i] = strrchr(profile_paths[i], '/') + 1;
    }
    size_t table = (which & 0x7f) % TABLES;
    if ((which & WHOLE) != 0) {
        tables[table] = in.rest;
    } else {
        uint8_t row = fuzz_u8(&in);
        uint8_t column = fuzz_u8(&in);
        put_changed(tables[table], table == 4 ? ',' : '\t', row, column, in.rest, &changed);
        tables[table] = buf_slice(&changed);
    }
    const struct procedures_source source = {.kinds = tables[0],
        .clocks = tables[1],
        .rules = tables[2],
        .system_kinds = tables[3],
        .authorities = tables[4],
        .successions = tables[5],
        .bank_holidays = slice_of_text(holidays),
        .profile_count = PROFILES,
        .profiles = profiles,
        .profile_names = names};
    int rc = procedures_load(&source, &procedures, &why);
    fuzz_answer(rc, &why);
    if (rc == 0) {
        look(procedures);
        procedures_destroy(&procedures);
    }
    buf_free(&changed);
    return 0;
}
