/* wrap: socket connect bind zmq_ctx_new zmq_socket agent_core_new */
/*
 * Replay has no live effect (R53): wherever it goes, it opens no socket and changes nothing that it reads; and a live
 * broker takes no event in mode replay. What is told passes its filter; a predicate stops where it holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/agent/agent_core.h"
#include "client/cli/cli.h"
#include "client/replay/export.h"
#include "client/replay/items.h"
#include "common/base/fsio.h"
#include "common/base/log.h"
#include "tests/support/core_fixture.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

/* ---- nothing of this is ever called ---- */

static unsigned sockets;

int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len);
void *__wrap_zmq_ctx_new(void);
void *__wrap_zmq_socket(void *context, int type);

int __wrap_socket(int domain, int type, int protocol)
{
    (void)domain;
    (void)type;
    (void)protocol;
    sockets++;
    return -1;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    (void)fd;
    (void)address;
    (void)len;
    sockets++;
    return -1;
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len)
{
    return __wrap_connect(fd, address, len);
}

void *__wrap_zmq_ctx_new(void)
{
    sockets++;
    return NULL;
}

void *__wrap_zmq_socket(void *context, int type)
{
    (void)context;
    (void)type;
    sockets++;
    return NULL;
}

/* ---- a journal of the fixture as a file ---- */

enum { PATH_BYTES = 96, OUT_BYTES = 262144 };

#define DATA "data"

static const char *const to_camden[] = {CODE_CAMDEN, NULL};
static const char *const to_islington[] = {CODE_ISLINGTON, NULL};
static struct fake_case ash = {.origin = CODE_ISLINGTON, .receiving = CODE_CAMDEN};

struct told {
    struct core_fixture core;
    char folder[PLACE_BYTES];
    char file[2 * PATH_BYTES], into[2 * PATH_BYTES], log[2 * PATH_BYTES];
    exporter_t *exporter;
};

static char out[OUT_BYTES], err[OUT_BYTES];

static void say(struct core_fixture *f, int who, const char *kind, const char *facts)
{
    (void)agent_write_kind(
        &f->agents[who], &ash, kind, facts, who == CAMDEN ? to_islington : to_camden);
    agent_publish(&f->agents[who], 0, 1);
    core_fixture_settle(f);
}

static int copy(void *context, const struct record *record, uint64_t position)
{
    return exporter_record(((struct told *)context)->exporter, record, position);
}

static int copy_segment(void *context, uint32_t segment, struct slice header)
{
    return exporter_segment(((struct told *)context)->exporter, segment, header);
}

static int setup(void **state)
{
    struct told *self = calloc(1, sizeof *self);
    struct core_fixture *f = &self->core;
    const struct journal_scan scan = {
        .commits = true, .visit = copy, .segment = copy_segment, .context = self};
    struct journal_scanned scanned;
    struct complaint why = {0};

    log_init("test", LOG_ERROR);
    core_fixture_init(f);
    for (size_t i = 0; i < f->agent_count; i++) {
        agent_hello(&f->agents[i]);
    }
    core_fixture_settle(f);
    f->base.world.random(f->base.world.context, ash.transfer, sizeof ash.transfer);
    f->base.world.random(f->base.world.context, ash.subject, sizeof ash.subject);
    core_fixture_procedures(f, DATA);
    say(f, ISLINGTON, "move_notified",
        "permanence=permanent retain_intention=transfer move_reason=housing door=mash");
    agent_open(&f->agents[CAMDEN], f->agents[ISLINGTON].own[0].id);
    core_fixture_settle(f);
    say(f, ISLINGTON, "case_closed", "closure_type=transferred");
    place_folder(self->folder);
    (void)snprintf(self->file, sizeof self->file, "%s/journal", self->folder);
    (void)snprintf(self->into, sizeof self->into, "%s/into", self->folder);
    (void)snprintf(self->log, sizeof self->log, "%s/journal.replays", self->folder);
    FILE *file = fopen(self->file, "wb");
    assert_non_null(file);
    self->exporter = exporter_new(file, SOURCE_CLOUDEVENTS, false);
    assert_int_equal(journal_scan(&f->base.disk, &scan, &scanned, &why), 0);
    exporter_destroy(&self->exporter);
    assert_int_equal(fclose(file), 0);
    sockets = 0;
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct told *self = *state;

    (void)unlink(self->file);
    (void)unlink(self->into);
    (void)unlink(self->log);
    assert_int_equal(rmdir(self->folder), 0);
    core_fixture_free(&self->core);
    free(self);
    return 0;
}

static void read_back(FILE *file, char *text)
{
    rewind(file);
    text[fread(text, 1, OUT_BYTES - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
}

/* Run the command with the words, the source first; NULL ends them. */
static int replay(struct told *self, const char *const *words)
{
    const char *argv[24] = {"waypost", "replay", self->file};
    int argc = 3;
    FILE *out_file = tmpfile();
    FILE *err_file = tmpfile();

    while (*words != NULL) {
        argv[argc++] = *words++;
    }
    int exit_code = cli_main(argc, argv, out_file, err_file);
    read_back(out_file, out);
    read_back(err_file, err);
    return exit_code;
}

#define REPLAY(...) replay(self, (const char *const[]){__VA_ARGS__, NULL})

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;

    while ((text = strstr(text, word)) != NULL) {
        count++;
        text += strlen(word);
    }
    return count;
}

/* ---- R53 ---- */

static void replay__into_anywhere__reaches_no_socket_and_changes_nothing(void **state)
{
    struct told *self = *state;
    struct buf before = {0};
    struct buf after = {0};
    char into[3 * PATH_BYTES];

    assert_int_equal(fsio_read_all(self->file, 8388608, &before), 0);
    (void)snprintf(into, sizeof into, "file:%s", self->into);
    assert_int_equal(REPLAY("--json"), CLI_DONE);
    assert_int_equal(REPLAY("--into", into), CLI_DONE);
    assert_int_equal(REPLAY("--into", "sandbox", "--json"), CLI_DONE);
    assert_non_null(strstr(out, "\"mode\":\"replay\""));
    assert_int_equal(sockets, 0);
    assert_int_equal(fsio_read_all(self->file, 8388608, &after), 0);
    assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
    buf_free(&before);
    buf_free(&after);
}

int __real_agent_core_new(const struct agent_options *options, const struct world *world,
    store_t *store, const struct agent_ports *ports, agent_core_t **made, struct complaint *why);
int __wrap_agent_core_new(const struct agent_options *options, const struct world *world,
    store_t *store, const struct agent_ports *ports, agent_core_t **made, struct complaint *why);

static unsigned agents;

int __wrap_agent_core_new(const struct agent_options *options, const struct world *world,
    store_t *store, const struct agent_ports *ports, agent_core_t **made, struct complaint *why)
{
    agents++;
    return __real_agent_core_new(options, world, store, ports, made, why);
}

static void replay__into_the_sandbox__is_among_real_agents_unless_it_is_to_be_fast(void **state)
{
    struct told *self = *state;

    agents = 0;
    assert_int_equal(REPLAY("--into", "sandbox", "--fast"), CLI_DONE);
    assert_non_null(strstr(out, "0 otherwise"));
    assert_int_equal(agents, 0);
    assert_int_equal(REPLAY("--into", "sandbox"), CLI_DONE);
    assert_non_null(strstr(out, "0 otherwise"));
    assert_true(agents > 2); /* of authorities, and a hub's */
    assert_int_equal(REPLAY("--fast"), CLI_WRONG);
}

/* What the sandbox does starts clocks there and nowhere else: the live core is as it was. */
static void replay__into_the_sandbox__leaves_the_live_core_alone(void **state)
{
    struct told *self = *state;
    struct hash before = core_procedures_hash(self->core.core);
    uint64_t leaves = journal_size(self->core.base.journal);

    assert_int_equal(REPLAY("--into", "sandbox"), CLI_DONE);
    assert_non_null(strstr(out, "0 otherwise"));
    struct hash after = core_procedures_hash(self->core.core);
    assert_memory_equal(before.b, after.b, HASH_BYTES);
    assert_int_equal(journal_size(self->core.base.journal), leaves);
}

static void live_broker__offered_an_event_in_mode_replay__keeps_nothing_of_it(void **state)
{
    struct told *self = *state;
    struct core_fixture *f = &self->core;
    struct fake_agent *islington = &f->agents[ISLINGTON];
    struct hash before = core_procedures_hash(f->core);
    uint64_t leaves = journal_size(f->base.journal);

    islington->refused = 0;
    (void)agent_write_kind(
        islington, &ash, "move_updated", "permanence=temporary mode=replay", to_camden);
    agent_publish(islington, 0, 1);
    core_fixture_settle(f);
    assert_int_equal(islington->refused, E_MODE);
    struct hash after = core_procedures_hash(f->core);
    assert_memory_equal(before.b, after.b, HASH_BYTES);
    assert_int_equal(journal_size(f->base.journal), leaves);
}

static void replay__each__is_written_down_beside_the_source(void **state)
{
    struct told *self = *state;
    struct buf log = {0};

    assert_int_equal(REPLAY("--kind", "case_closed"), CLI_DONE);
    assert_int_equal(fsio_read_all(self->log, 65536, &log), 0);
    buf_put_u8(&log, 0);
    assert_int_equal(count_of((char *)log.data, "replay_started"), 1);
    assert_int_equal(count_of((char *)log.data, "replay_ended"), 1);
    assert_non_null(strstr((char *)log.data, "--kind case_closed"));
    buf_free(&log);
    assert_int_equal(REPLAY("--log", "/nowhere/at/all"), CLI_NO);
    assert_string_equal(out, "");
    assert_non_null(strstr(err, "--log"));
}

/* ---- what is told ---- */

static void replay__filtered__tells_what_passes(void **state)
{
    struct told *self = *state;
    char transfer[UUID_TEXT_BYTES];

    assert_int_equal(REPLAY("--json"), CLI_DONE);
    assert_int_equal(count_of(out, "\"what\":\"event\""), 2);
    size_t all = count_of(out, "\"what\":");
    assert_int_equal(REPLAY("--json", "--kind", "case_closed"), CLI_DONE);
    assert_int_equal(count_of(out, "\"what\":\"event\""), 1);
    assert_non_null(strstr(out, "\"verdict\":\"refused\""));
    assert_int_equal(REPLAY("--json", "--kind", "opened", "--kind", "refused"), CLI_DONE);
    assert_int_equal(count_of(out, "\"kind\":\"opened\""), 1);
    assert_int_equal(count_of(out, "\"kind\":\"refused\""), 1);
    assert_int_equal(count_of(out, "\"what\":"), 3);
    uuid_format(ash.transfer, transfer);
    assert_int_equal(REPLAY("--json", "--transfer", transfer), CLI_DONE);
    assert_true(count_of(out, "\"what\":") > 6 && count_of(out, "\"what\":") < all);
    assert_int_equal(REPLAY("--json", "--authority", CODE_LEEDS), CLI_DONE);
    assert_int_equal(count_of(out, "\"what\":\"event\""), 0);
    assert_int_equal(REPLAY("--json", "--profile", "london", "--kind", "case_closed"), CLI_DONE);
    assert_int_equal(count_of(out, "\"what\":\"event\""), 1);
    assert_int_equal(REPLAY("--json", "--profile", "north-west"), CLI_DONE);
    assert_int_equal(count_of(out, "\"what\":\"event\""), 0);
    assert_int_equal(REPLAY("--json", "--from", "100000"), CLI_DONE);
    assert_int_equal(count_of(out, "\"what\":"), 1);
    assert_int_equal(REPLAY("--json", "--to", "0"), CLI_DONE);
    assert_int_equal(count_of(out, "\"what\":"), 1);
}

static void replay__with_words_that_are_none__names_the_nearest(void **state)
{
    struct told *self = *state;

    assert_int_equal(REPLAY("--kind", "case_close"), CLI_WRONG);
    assert_non_null(strstr(err, "case_closed"));
    assert_int_equal(REPLAY("--break", "verdct=refused"), CLI_WRONG);
    assert_non_null(strstr(err, "verdict"));
    assert_int_equal(REPLAY("--speed", "fast"), CLI_WRONG);
    assert_non_null(strstr(err, "10x"));
    assert_int_equal(REPLAY("--into", "somewhere"), CLI_WRONG);
    assert_non_null(strstr(err, "sandbox"));
    assert_int_equal(REPLAY("--from", "yesterday"), CLI_WRONG);
}

static void replay__with_a_break__stops_behind_what_it_holds_for(void **state)
{
    struct told *self = *state;

    assert_non_null(freopen("/dev/null", "r", stdin));
    assert_int_equal(REPLAY("--json", "--break", "verdict=refused"), CLI_DONE);
    const char *event = strstr(out, "\"verdict\":\"refused\"");
    assert_non_null(event);
    assert_null(strstr(event, "\"what\":\"record\"")); /* the rules come behind it */
    assert_int_equal(REPLAY("--json", "--break", "kind=refused rule=R28"), CLI_DONE);
    assert_non_null(strstr(out, "rules=R28"));
    assert_int_equal(REPLAY("--json", "--speed", "step"), CLI_DONE);
    assert_int_equal(count_of(out, "\"what\":"), 2); /* the first, and the summary */
}

static void replay__as_it_happened__tells_the_same(void **state)
{
    struct told *self = *state;
    static char fast[OUT_BYTES];

    assert_int_equal(REPLAY("--json"), CLI_DONE);
    memcpy(fast, out, sizeof fast);
    assert_int_equal(REPLAY("--json", "--speed", "100000x"), CLI_DONE);
    assert_string_equal(out, fast);
}

/* ---- predicates ---- */

static void predicate__of_several_conditions__holds_where_all_do(void **state)
{
    static const struct {
        const char *text;
        bool holds;
    } cases[] = {{"kind=deadline_set", true}, {"kind=deadline_set clock=C01", true},
        {"kind=deadline_set,clock=C02", false}, {"clock!=C02", true}, {"clock!=C01", false},
        {"due=2026-04-08", true}, {"binds=E09000019", true}, {"binds=E09000007", true},
        {"binds=E0900000", false}, {"verdict=refused", false}, {"what=record", true},
        {"entry=7", true}, {"entry=8", false}};
    struct item item = {.what = ITEM_RECORD,
        .entry = 7,
        .kind = "deadline_set",
        .verdict = "",
        .clock = "C01",
        .rule = "",
        .code = "",
        .detail = "due=2026-04-08 binds=E09000007,E09000019 advisory=no"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        item_predicate_t *predicate = NULL;
        struct complaint why = {0};
        assert_int_equal(item_predicate_parse(cases[i].text, &predicate, &why), 0);
        if (item_predicate_holds(predicate, &item) != cases[i].holds) {
            print_error("%s\n", cases[i].text);
        }
        assert_int_equal(item_predicate_holds(predicate, &item), cases[i].holds);
        item_predicate_destroy(&predicate);
    }
}

int main(void)
{
#define EACH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        EACH(replay__into_anywhere__reaches_no_socket_and_changes_nothing),
        EACH(replay__into_the_sandbox__is_among_real_agents_unless_it_is_to_be_fast),
        EACH(replay__into_the_sandbox__leaves_the_live_core_alone),
        EACH(live_broker__offered_an_event_in_mode_replay__keeps_nothing_of_it),
        EACH(replay__each__is_written_down_beside_the_source),
        EACH(replay__filtered__tells_what_passes),
        EACH(replay__with_words_that_are_none__names_the_nearest),
        EACH(replay__with_a_break__stops_behind_what_it_holds_for),
        EACH(replay__as_it_happened__tells_the_same),
        cmocka_unit_test(predicate__of_several_conditions__holds_where_all_do),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
