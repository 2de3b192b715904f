/*
 * source: the registrar's text compiled with the tables of data/register and data/profiles as they are shipped, and
 * every kind of fault in it answered with file and line. Also csv, through the tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/civil.h"
#include "common/base/fsio.h"
#include "common/codec/catalogue.h"
#include "common/register/csv.h"
#include "common/register/envelope.h"
#include "common/register/source.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

enum { PATH_BYTES = 192, FILES_MAX = 8 };

static char folder[PATH_BYTES];
static char data_folder[PATH_BYTES];
static struct keys root_keys;

static const char *const file_names[FILES_MAX] = {"register.zpl", "root.card", "E09000019.card",
    "E09000007.card", "hub-london.card", "broker.card", "table.csv", "table.tsv"};

static const char head_text[] = "network = demo\n"
                                "version = 1\n"
                                "threshold = 1\n"
                                "issued = 2026-03-16T10:05:00Z\n"
                                "stale-after-days = 90\n"
                                "root = root.card\n";

static const char agents_text[] = "agent = E09000019\n"
                                  "    card = E09000019.card\n"
                                  "agent = E09000007\n"
                                  "    roles = \"authority operator\"\n"
                                  "    card = E09000007.card\n"
                                  "        from = 2026-03-01T00:00Z\n"
                                  "        to = 2027-03-01T00:00Z\n"
                                  "    acts-for = \"E10000006 E10000030\"\n"
                                  "agent = hub-london\n"
                                  "    roles = hub\n"
                                  "    regions = E12000007\n"
                                  "    card = hub-london.card\n"
                                  "    revoked = 2026-12-01T12:00\n"
                                  "broker = tcp://broker.example:5670\n"
                                  "    card = broker.card\n"
                                  "retention\n"
                                  "    written_acceptance = 400\n"
                                  "    move_notified = 365\n";

static void path_of(const char *name, char *path)
{
    int len = snprintf(path, PATH_BYTES, "%s/%s", folder, name);

    assert_true(len > 0 && len < PATH_BYTES);
}

static void write_file(const char *name, const char *bytes)
{
    char path[PATH_BYTES];

    path_of(name, path);
    assert_int_equal(fsio_replace(path, slice_of_text(bytes), 0600), 0);
}

static void make_card(const char *name, const char *id, struct keys *keys)
{
    char path[PATH_BYTES];

    path_of(name, path);
    keys_make(world_real(), id, keys);
    assert_int_equal(keys_save_card(keys, path), 0);
}

static int make_folder(void **state)
{
    const char *data = getenv("WAYPOST_DATA");
    struct keys keys;

    (void)state;
    (void)snprintf(data_folder, sizeof data_folder, "%s", data != NULL ? data : "data");
    if (data_folder[0] != '/') {
        char here[PATH_BYTES / 2];
        if (getcwd(here, sizeof here) == NULL) {
            return -1;
        }
        (void)snprintf(
            data_folder, sizeof data_folder, "%s/%.60s", here, data != NULL ? data : "data");
    }
    place_folder(folder);
    make_card("root.card", "root-1", &root_keys);
    make_card("E09000019.card", "E09000019", &keys);
    make_card("E09000007.card", "E09000007", &keys);
    make_card("hub-london.card", "hub-london", &keys);
    make_card("broker.card", "broker", &keys);
    return 0;
}

static int drop_folder(void **state)
{
    char path[PATH_BYTES];

    (void)state;
    for (size_t i = 0; i < FILES_MAX; i++) {
        path_of(file_names[i], path);
        (void)unlink(path);
    }
    return rmdir(folder);
}

static void put_tables(struct buf *out)
{
    buf_put_text(out, "authorities = %s/register/authorities.csv\n", data_folder);
    buf_put_text(out, "successions = %s/register/successions.tsv\n", data_folder);
    buf_put_text(out, "profiles = %s/profiles\n", data_folder);
}

static int compile_text(
    struct buf *text, const register_t *before, struct buf *out, struct complaint *why)
{
    char path[PATH_BYTES];

    buf_put_u8(text, 0);
    write_file("register.zpl", (const char *)text->data);
    buf_free(text);
    path_of("register.zpl", path);
    return register_source_compile(path, world_real(), before, out, why);
}

/* The whole source, with extra lines at its end. */
static int compile(
    const char *extra, const register_t *before, struct buf *out, struct complaint *why)
{
    struct buf text = {0};

    buf_put_text(&text, "%s", head_text);
    put_tables(&text);
    buf_put_text(&text, "%s%s", agents_text, extra);
    return compile_text(&text, before, out, why);
}

static register_t *compile_and_load(const char *extra)
{
    struct complaint why = {0};
    struct buf body = {0};
    struct buf bytes = {0};
    register_t *book = NULL;
    struct register_pin pin = {.network = "demo", .root_count = 1, .threshold = 1};

    memcpy(pin.roots[0], root_keys.sign_public, 32);
    if (compile(extra, NULL, &body, &why) != 0) {
        fail_msg("%s", why.text);
    }
    assert_int_equal(envelope_sign(&bytes, buf_slice(&body), &root_keys, &why), 0);
    if (register_load(buf_slice(&bytes), &pin, NULL, &book, &why) != 0) {
        fail_msg("%s", why.text);
    }
    buf_free(&body);
    buf_free(&bytes);
    return book;
}

/* ---- what is compiled ---- */

static void source__shipped_tables__give_every_authority_with_its_dates_and_profile(void **state)
{
    (void)state;
    register_t *book = compile_and_load("");
    const struct register_authority *at;

    assert_int_equal(register_authority_count(book), 158);
    assert_string_equal(register_authority_of(book, "E06000023")->name, "Bristol, City of");
    assert_string_equal(register_authority_of(book, "E09000019")->profile, "london");
    assert_string_equal(register_authority_of(book, "E09000019")->dfe, "206");
    assert_string_equal(register_authority_of(book, "E06000019")->profile, "herefordshire");
    assert_string_equal(register_authority_of(book, "E06000063")->profile, "north-west");
    assert_string_equal(
        register_authority_of(book, "E08000025")->profile, "national"); /* bilateral alone */
    at = register_authority_of(book, "E08000016");
    assert_string_equal(at->name, "Barnsley");
    assert_string_equal(at->dfe, "370");
    assert_string_equal(at->region, "Yorkshire and The Humber");
    assert_int_equal(at->successor_count, 1);
    at = register_authority_of(book, "E08000038");
    assert_int_equal(at->from_day, civil_days((struct civil_date){2025, 4, 1}));
    register_destroy(&book);
}

static void source__shipped_tables__route_reorganised_codes(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        struct civil_date day;
        enum register_route route;
        const char *to;
        size_t choice;
    } cases[] = {
        {"E08000019", {2025, 3, 31}, ROUTE_DIRECT, "E08000019", 1},
        {"E08000019", {2026, 3, 16}, ROUTE_SUCCESSOR, "E08000039", 0},
        {"E10000023", {2026, 3, 16}, ROUTE_SUCCESSOR, "E06000065", 0},
        {"E10000006", {2026, 3, 16}, ROUTE_SPLIT, "E10000006", 2},
        {"E10000030", {2027, 3, 31}, ROUTE_DIRECT, "E10000030", 0},
        {"E10000030", {2027, 4, 1}, ROUTE_ABOLISHED, "E10000030",
            0}, /* East and West Surrey: no codes yet */
    };
    register_t *book = compile_and_load("");

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct register_authority *to;
        assert_int_equal(
            register_route(book, cases[i].code, civil_days(cases[i].day), &to), cases[i].route);
        assert_string_equal(to->code, cases[i].to);
        assert_int_equal(to->successor_count, cases[i].choice);
    }
    register_destroy(&book);
}

static void source__agents_broker_and_retention__are_in_the_register(void **state)
{
    (void)state;
    register_t *book = compile_and_load("");
    const struct register_agent *camden = register_agent_of(book, "E09000007");
    const struct register_agent *hub = register_agent_of(book, "hub-london");
    const struct register_agent *islington = register_agent_of(book, "E09000019");
    int64_t time_ms;

    assert_int_equal(register_agent_count(book), 3);
    assert_true(register_agent_has_role(camden, REGISTER_ROLE_AUTHORITY));
    assert_true(register_agent_has_role(camden, REGISTER_ROLE_OPERATOR));
    assert_ptr_equal(register_agent_serving(book, "E10000030"), camden);
    assert_int_equal(camden->key_count, 3);
    assert_int_equal(civil_time_parse("2027-03-01T00:00Z", &time_ms), 0);
    assert_true(camden->keys[0].to_ms == time_ms);
    assert_true(islington->keys[0].from_ms > time_ms - 366 * 2 * CIVIL_DAY_MS); /* made just now */
    assert_true(islington->keys[0].to_ms == INT64_MAX);
    assert_string_equal(hub->regions[0], "E12000007");
    assert_int_equal(civil_time_parse("2026-12-01T12:00Z", &time_ms), 0);
    assert_true(hub->revoked_ms == time_ms);
    assert_string_equal(register_broker_at(book, 0)->endpoint, "tcp://broker.example:5670");
    assert_int_equal(
        register_retention_days(book, catalogue_kind_named("move_notified")->number), 365);
    assert_int_equal(civil_time_parse("2026-03-16T10:05:00Z", &time_ms), 0);
    assert_true(register_issued_ms(book) == time_ms);
    assert_true(register_stale_ms(book) == time_ms + 90 * CIVIL_DAY_MS);
    register_destroy(&book);
}

static void source__compiled_twice__is_the_same_bytes(void **state)
{
    (void)state;
    struct buf a = {0};
    struct buf b = {0};
    struct complaint why = {0};

    assert_int_equal(compile("", NULL, &a, &why), 0);
    assert_int_equal(compile("", NULL, &b, &why), 0);
    assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
    buf_free(&a);
    buf_free(&b);
}

static void source__profile_of_its_own__wins(void **state)
{
    (void)state;
    register_t *book = compile_and_load("profile\n    E09000019 = birmingham-solihull\n");

    assert_string_equal(register_authority_of(book, "E09000019")->profile, "birmingham-solihull");
    register_destroy(&book);
}

static void source__rotation_and_written_keys__are_kept_with_their_times(void **state)
{
    (void)state;
    register_t *book = compile_and_load(
        "agent = operator-1\n"
        "    roles = operator\n"
        "    key = 1111111111111111111111111111111111111111111111111111111111111111\n"
        "        use = curve\n"
        "        from = 2026-03-01T00:00Z\n"
        "    key = 2222222222222222222222222222222222222222222222222222222222222222\n"
        "        use = sign\n"
        "        from = 2026-03-01T00:00Z\n"
        "        revoked = 2026-06-01T00:00Z\n"
        "        compromised-since = 2026-05-01T00:00Z\n"
        "    key = 3333333333333333333333333333333333333333333333333333333333333333\n"
        "        use = sign\n"
        "        from = 2026-05-20T00:00Z\n");
    const struct register_agent *agent = register_agent_of(book, "operator-1");
    const struct register_key *found[3];
    int64_t at_ms;

    assert_int_equal(civil_time_parse("2026-04-30T00:00Z", &at_ms), 0);
    assert_int_equal(register_keys_valid(agent, REGISTER_KEY_SIGN, at_ms, found, 3), 1);
    assert_int_equal(found[0]->key[0], 0x22);
    assert_int_equal(civil_time_parse("2026-05-20T00:00Z", &at_ms), 0);
    assert_int_equal(register_keys_valid(agent, REGISTER_KEY_SIGN, at_ms, found, 3), 1);
    assert_int_equal(found[0]->key[0], 0x33);
    register_destroy(&book);
}

static void source__next_version__names_the_one_before(void **state)
{
    (void)state;
    register_t *first = compile_and_load("");
    register_t *second = NULL;
    struct buf body = {0};
    struct buf bytes = {0};
    struct buf text = {0};
    struct complaint why = {0};

    assert_int_equal(compile("", first, &body, &why), E_ROLLBACK); /* the same version again */
    assert_non_null(strstr(why.text, "write version = 2"));
    buf_put_text(&text, "network = demo\nversion = 2\nthreshold = 1\nroot = root.card\n");
    assert_int_equal(compile_text(&text, first, &body, &why), 0);
    assert_int_equal(envelope_sign(&bytes, buf_slice(&body), &root_keys, &why), 0);
    assert_int_equal(register_load(buf_slice(&bytes), NULL, first, &second, &why), 0);
    assert_int_equal(register_version(second), 2);
    buf_free(&body);
    buf_put_text(&text, "network = other\nversion = 2\nthreshold = 1\nroot = root.card\n");
    assert_int_equal(compile_text(&text, first, &body, &why), E_NETWORK);
    buf_free(&bytes);
    register_destroy(&second);
    register_destroy(&first);
}

/* ---- faults of the source ---- */

/* Compile the source with the first `from` replaced; the complaint must hold `said`. */
static void refuse(const char *from, const char *to, int wanted, const char *said)
{
    struct buf whole = {0};
    struct buf changed = {0};
    struct buf out = {0};
    struct complaint why = {0};

    buf_put_text(&whole, "%s", head_text);
    put_tables(&whole);
    buf_put_text(&whole, "%s", agents_text);
    buf_put_u8(&whole, 0);
    const char *text = (const char *)whole.data;
    const char *at = strstr(text, from);
    assert_non_null(at);
    buf_put(&changed, text, (size_t)(at - text));
    buf_put_text(&changed, "%s%s", to, at + strlen(from));
    int rc = compile_text(&changed, NULL, &out, &why);
    if (rc != wanted || strstr(why.text, said) == NULL || out.len != 0) {
        fail_msg("\"%s\": %s instead of %s: %s", to, err_name(rc), err_name(wanted), why.text);
    }
    buf_free(&whole);
    buf_free(&out);
}

static void source__each_fault__is_refused_with_file_line_and_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        int wanted;
        const char *said;
    } cases[] = {
        {"network = demo", "netwrok = demo", E_CONFIG,
            "register.zpl:1: the word \"netwrok\" is not known here; did you mean \"network\"?"},
        {"network = demo", "network = Demo Net", E_CONFIG, "\"network\" must be given"},
        {"network = demo\n", "", E_CONFIG, "\"network\" must be given"},
        {"version = 1", "version = 0", E_CONFIG, "register.zpl:2:"},
        {"version = 1", "version = one", E_CONFIG, "whole number"},
        {"version = 1\n", "", E_CONFIG, "\"version\" is missing"},
        {"version = 1", "version = 1\nversion = 2", E_CONFIG, "given twice (before in line 2)"},
        {"threshold = 1", "threshold = 2", E_RANGE, "threshold must be"},
        {"issued = 2026-03-16T10:05:00Z", "issued = yesterday", E_CONFIG, "register.zpl:4:"},
        {"stale-after-days = 90", "stale-after-days = 0", E_CONFIG, "from 1 to 3660"},
        {"root = root.card\n", "", E_CONFIG, "roots are needed"},
        {"root = root.card", "root = missing.card", E_NOT_FOUND, "missing.card"},
        {"root = root.card", "root = ", E_RANGE, "register.zpl:6: a file name is missing"},
        {"authorities.csv", "authorities.cvs", E_NOT_FOUND, "authorities.cvs cannot be read"},
        {"register/authorities.csv", "register/successions.tsv", E_CONFIG,
            "a control character stands in the line"},
        {"register/successions.tsv", "register/authorities.csv", E_CONFIG, "no column \"code\""},
        {"/profiles\n", "/nowhere\n", E_NOT_FOUND, "register.zpl:9:"},
        {"agent = E09000019\n", "agent = E09000020\n", E_ID,
            "register.zpl:11: the card is that of \"E09000019\""},
        {"agent = E09000019\n    card", "agent = E09000019\n    crad", E_CONFIG,
            "did you mean \"card\"?"},
        {"agent = E09000019\n    card = E09000019.card\n", "agent = E09000019\n", E_KEY,
            "agent E09000019 lacks a key"},
        {"agent = hub-london", "agent = hub_london", E_ID, "register.zpl:18:"},
        {"    roles = hub\n", "", E_CONFIG, "say its \"roles\""},
        {"roles = hub", "roles = hubb", E_CONFIG,
            "\"hubb\" is none of authority, hub, operator; did you mean \"hub\"?"},
        {"roles = \"authority operator\"", "roles = \"authority operator hub hub\"", E_RANGE,
            "more than 3"},
        {"    regions = E12000007\n", "", E_RANGE, "at least one region"},
        {"regions = E12000007", "regions = London", E_CODE, "neither a region code"},
        {"E10000006 E10000030", "E10000006 E09000019", E_CODE, "served by both"},
        {"from = 2026-03-01T00:00Z", "from = 2026-02-30T00:00Z", E_CONFIG,
            "register.zpl:15: \"from\" must be a time"},
        {"to = 2027-03-01T00:00Z", "to = 2025-03-01T00:00Z", E_DATE, "times cannot be"},
        {"from = 2026-03-01T00:00Z", "frm = 2026-03-01T00:00Z", E_CONFIG, "did you mean \"from\"?"},
        {"revoked = 2026-12-01T12:00", "revoked = 2026-03-29T01:30", E_CONFIG,
            "\"revoked\" must be a time"},
        {"tcp://broker.example:5670", "broker.example", E_RANGE, "tcp://HOST:PORT or ipc://PATH"},
        {"    card = broker.card\n", "", E_CONFIG, "either its \"card\""},
        {"    card = broker.card\n", "    card = broker.card\n    head = 11\n", E_CONFIG,
            "either its \"card\""},
        {"    card = broker.card\n", "    curve = 11\n    head = 22\n", E_CONFIG,
            "64 hexadecimal digits"},
        {"move_notified", "move_notifed", E_KIND, "did you mean \"move_notified\"?"},
        {"move_notified = 365", "move_notified = 0", E_CONFIG, "write days"},
        {"move_notified = 365", "written_acceptance = 1", E_RANGE, "stands once"},
        {"retention\n", "   retention\n", E_CONFIG, "register.zpl:25: indent"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refuse(cases[i].from, cases[i].to, cases[i].wanted, cases[i].said);
    }
}

static void source__profile_for_unknown_authority__is_refused(void **state)
{
    (void)state;
    struct buf out = {0};
    struct complaint why = {0};

    assert_int_equal(compile("profile\n    E09000099 = london\n", NULL, &out, &why), E_CODE);
    assert_non_null(strstr(why.text, "register.zpl:29:"));
    buf_free(&out);
}

static void source__missing_file__is_refused(void **state)
{
    (void)state;
    struct buf out = {0};
    struct complaint why = {0};

    assert_int_equal(
        register_source_compile("/nonexistent/register.zpl", world_real(), NULL, &out, &why),
        E_NOT_FOUND);
}

/* ---- tables ---- */

static int compile_tables(const char *csv, const char *tsv, struct complaint *why)
{
    struct buf text = {0};
    struct buf out = {0};

    write_file("table.csv", csv);
    write_file("table.tsv", tsv);
    buf_put_text(&text, "%sauthorities = table.csv\nsuccessions = table.tsv\n", head_text);
    int rc = compile_text(&text, NULL, &out, why);
    buf_free(&out);
    return rc;
}

#define TABLE_HEAD "gss_code,name\n"
#define TABLE "gss_code,name\nE06000001,One\nE06000002,\"Two, City of\"\n"
#define SUCCESSION_HEAD "code\tname\tsuccessors\tfrom\n"

static void tables__each_fault__is_refused_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *csv;
        const char *tsv;
        int wanted;
        const char *said;
    } cases[] = {
        {TABLE, SUCCESSION_HEAD, 0, ""},
        {"code,name\nE06000001,One\n", SUCCESSION_HEAD, E_CONFIG, "no column \"gss_code\""},
        {TABLE, SUCCESSION_HEAD "E06000003\tThree\tE06000001\t2025-04-01\r\n\n", 0, ""},
        {"", SUCCESSION_HEAD, E_CONFIG, "table.csv:1: the first line"},
        {TABLE_HEAD "E06000001\n", SUCCESSION_HEAD, E_CONFIG, "table.csv:2: the row has 1 fields"},
        {TABLE_HEAD "E06000001,\"One\n", SUCCESSION_HEAD, E_CONFIG, "table.csv:2: a quoted field"},
        {TABLE_HEAD "E06000001,\"One\"x\n", SUCCESSION_HEAD, E_CONFIG, "closing quote"},
        {TABLE_HEAD "E06000001,O\"ne\n", SUCCESSION_HEAD, E_CONFIG, "not quoted"},
        {TABLE_HEAD "E06000001,O\x01ne\n", SUCCESSION_HEAD, E_CONFIG, "control character"},
        {TABLE_HEAD "E06000001,O\xffne\n", SUCCESSION_HEAD, E_CONFIG, "UTF-8"},
        {TABLE_HEAD "E0600001,One\n", SUCCESSION_HEAD, E_CODE, "table.csv:2: \"E0600001\""},
        {TABLE_HEAD "E06000001,\n", SUCCESSION_HEAD, E_CODE, "with a name"},
        {TABLE "E06000001,One\n", SUCCESSION_HEAD, E_CODE,
            "table.csv:4: the code E06000001 stands there twice"},
        {"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\n", SUCCESSION_HEAD, E_CONFIG, "more than 16"},
        {TABLE, SUCCESSION_HEAD "E06000003\tThree\tE06000009\t2025-04-01\n", E_CODE,
            "table.tsv:2: the successor E06000009"},
        {TABLE, SUCCESSION_HEAD "E06000003\tThree\tE06000001\t2025-04-31\n", E_DATE,
            "table.tsv:2:"},
        {TABLE, SUCCESSION_HEAD "E06000003\tThree\t\t2025-04-01\n", E_CONFIG, "or - where none"},
        {TABLE, SUCCESSION_HEAD "E06000001\tOne\t-\t2025-04-01\nE06000001\tOne\t-\t2026-04-01\n",
            E_CODE, "table.tsv:3: the code E06000001 stands there twice"},
        {TABLE, SUCCESSION_HEAD "E06000001\tOne\tE06000001\t2025-04-01\n", E_DATE, "first day"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct complaint why = {0};
        int rc = compile_tables(cases[i].csv, cases[i].tsv, &why);
        if (rc != cases[i].wanted || strstr(why.text, cases[i].said) == NULL) {
            fail_msg("case %zu: %s: %s", i, err_name(rc), why.text);
        }
    }
}

static void csv__quotes_and_line_ends__are_read_as_in_rfc_4180(void **state)
{
    (void)state;
    struct csv *table = mem_new(1, sizeof *table);
    struct complaint why = {0};

    assert_int_equal(csv_open(table, "t", ',',
                         slice_of_text("a,b,c\r\n1,\"x, \"\"y\"\"\",\r\n\r\n\"\",,\"z\""), &why),
        0);
    assert_int_equal(csv_next(table, &why), 0);
    assert_string_equal(csv_field(table, "a"), "1");
    assert_string_equal(csv_field(table, "b"), "x, \"y\"");
    assert_string_equal(csv_field(table, "c"), "");
    assert_string_equal(csv_field(table, "d"), "");
    assert_int_equal(csv_next(table, &why), 0);
    assert_int_equal(table->line, 4);
    assert_string_equal(csv_field(table, "a"), "");
    assert_string_equal(csv_field(table, "c"), "z");
    assert_int_equal(csv_next(table, &why), E_END);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(source__shipped_tables__give_every_authority_with_its_dates_and_profile),
        cmocka_unit_test(source__shipped_tables__route_reorganised_codes),
        cmocka_unit_test(source__agents_broker_and_retention__are_in_the_register),
        cmocka_unit_test(source__compiled_twice__is_the_same_bytes),
        cmocka_unit_test(source__profile_of_its_own__wins),
        cmocka_unit_test(source__rotation_and_written_keys__are_kept_with_their_times),
        cmocka_unit_test(source__next_version__names_the_one_before),
        cmocka_unit_test(source__each_fault__is_refused_with_file_line_and_remedy),
        cmocka_unit_test(source__profile_for_unknown_authority__is_refused),
        cmocka_unit_test(source__missing_file__is_refused),
        cmocka_unit_test(tables__each_fault__is_refused_with_file_and_line),
        cmocka_unit_test(csv__quotes_and_line_ends__are_read_as_in_rfc_4180),
    };

    crypto_start();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
