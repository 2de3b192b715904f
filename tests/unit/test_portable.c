/*
 * Records that leave a journal's folder and come back: to the byte, in both forms, with sealed parts or without; and a
 * file that was cut or changed says where, with what is whole before it.
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

#include "client/replay/export.h"
#include "client/replay/import.h"
#include "common/base/fsio.h"
#include "common/base/log.h"
#include "tests/support/core_fixture.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

enum { RECORDS_MAX = 512, PATH_BYTES = 128 };

static const char *const to_camden[] = {CODE_CAMDEN, NULL};

/* A record as it was, whole. */
struct kept {
    uint8_t type, flags;
    uint64_t sequence, position;
    int64_t time_ms;
    struct buf body, payload;
};

struct world_of_test {
    struct core_fixture core;
    char folder[PLACE_BYTES], file[2 * PATH_BYTES];
    struct kept kept[RECORDS_MAX];
    size_t count;
    exporter_t *exporter;
    size_t visited; /* of the walk at hand */
    bool payloads;
};

static int setup(void **state)
{
    struct world_of_test *self = calloc(1, sizeof *self);

    log_init("test", LOG_ERROR);
    core_fixture_init(&self->core);
    for (size_t i = 0; i < self->core.agent_count; i++) {
        agent_hello(&self->core.agents[i]);
    }
    core_fixture_settle(&self->core);
    for (int i = 0; i < 3; i++) {
        (void)agent_write(&self->core.agents[ISLINGTON], to_camden);
        (void)agent_write_payload(&self->core.agents[ISLINGTON], to_camden, "invented words");
    }
    agent_publish(&self->core.agents[ISLINGTON], 0, 6);
    core_fixture_settle(&self->core);
    (void)agent_write(&self->core.agents[ISLINGTON], to_camden);
    agent_publish_tampered(&self->core.agents[ISLINGTON], 7, 1);
    core_fixture_settle(&self->core);
    place_folder(self->folder);
    (void)snprintf(self->file, sizeof self->file, "%s/export", self->folder);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct world_of_test *self = *state;

    for (size_t i = 0; i < self->count; i++) {
        buf_free(&self->kept[i].body);
        buf_free(&self->kept[i].payload);
    }
    (void)unlink(self->file);
    assert_int_equal(rmdir(self->folder), 0);
    core_fixture_free(&self->core);
    free(self);
    return 0;
}

/* ---- out ---- */

static int keep(void *context, const struct record *record, uint64_t position)
{
    struct world_of_test *self = context;
    struct kept *kept = &self->kept[self->count++];

    assert_true(self->count < RECORDS_MAX);
    *kept = (struct kept){.type = record->type,
        .flags = record->flags,
        .sequence = record->sequence,
        .position = position,
        .time_ms = record->time_ms};
    buf_put_slice(&kept->body, record->body);
    buf_put_slice(&kept->payload, record->payload);
    return exporter_record(self->exporter, record, position);
}

static int keep_segment(void *context, uint32_t segment, struct slice header)
{
    struct world_of_test *self = context;

    return exporter_segment(self->exporter, segment, header);
}

static void export(struct world_of_test *self, enum source_form form, bool payloads)
{
    const struct journal_scan scan = {
        .commits = true, .visit = keep, .segment = keep_segment, .context = self};
    struct journal_scanned scanned;
    struct complaint why = {0};
    FILE *file = fopen(self->file, "wb");

    assert_non_null(file);
    self->payloads = payloads;
    self->exporter = exporter_new(file, form, payloads);
    assert_int_equal(journal_scan(&self->core.base.disk, &scan, &scanned, &why), 0);
    exporter_destroy(&self->exporter);
    assert_int_equal(fclose(file), 0);
}

/* ---- and back ---- */

static int compare(void *context, const struct record *record, uint64_t position)
{
    struct world_of_test *self = context;
    const struct kept *kept = &self->kept[self->visited++];

    assert_true(self->visited <= self->count);
    assert_int_equal(record->type, kept->type);
    assert_int_equal(record->sequence, kept->sequence);
    assert_int_equal(record->time_ms, kept->time_ms);
    assert_int_equal(position, kept->position);
    assert_true(slice_equal(record->body, buf_slice(&kept->body)));
    if (self->payloads) {
        assert_int_equal(record->flags, kept->flags);
        assert_true(slice_equal(record->payload, buf_slice(&kept->payload)));
    } else { /* the same length, and nothing of it */
        assert_int_equal(record->payload.len, kept->payload.len);
        assert_int_equal(
            payload_erased_count(record->payload) > 0, (record->flags & RECORD_ERASED) != 0);
    }
    return 0;
}

static int come_back(struct world_of_test *self, struct complaint *why)
{
    const struct source_walk walk = {.commits = true, .visit = compare, .context = self};
    enum source_form form;

    self->visited = 0;
    *why = (struct complaint){0};
    int rc = import_form(self->file, &form, why);
    return rc != 0 ? rc : import_walk(self->file, form, &walk, why);
}

static void comes_back_whole(struct world_of_test *self, enum source_form form, bool payloads)
{
    struct complaint why = {0};

    export(self, form, payloads);
    int rc = come_back(self, &why);
    if (rc != 0) {
        print_error("%s\n", why.text);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(self->visited, self->count);
    assert_true(self->count > 20);
}

static void protobuf__with_sealed_parts__comes_back_to_the_byte(void **state)
{
    comes_back_whole(*state, SOURCE_PROTOBUF, true);
}

static void cloudevents__with_sealed_parts__come_back_to_the_byte(void **state)
{
    comes_back_whole(*state, SOURCE_CLOUDEVENTS, true);
}

static void protobuf__without_sealed_parts__holds_their_room_and_none_of_their_bytes(void **state)
{
    comes_back_whole(*state, SOURCE_PROTOBUF, false);
}

static void cloudevents__without_sealed_parts__hold_their_room_and_none_of_their_bytes(void **state)
{
    comes_back_whole(*state, SOURCE_CLOUDEVENTS, false);
}

/* ---- cut and changed ---- */

static void write_file(const struct world_of_test *self, struct slice bytes)
{
    FILE *file = fopen(self->file, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

/* However long it is: a prefix of the records, and a complaint unless it was cut between two of them. */
static void cut_anywhere(struct world_of_test *self, size_t step)
{
    struct buf whole = {0};
    struct complaint why = {0};
    size_t quiet = 0;
    size_t before = 0;

    assert_int_equal(fsio_read_all(self->file, 8388608, &whole), 0);
    for (size_t len = 1; len < whole.len; len += step) {
        write_file(self, slice_of(whole.data, len));
        int rc = come_back(self, &why);
        assert_true(self->visited < self->count && self->visited >= before);
        before = self->visited;
        quiet += rc == 0;
        assert_true(rc == 0 || why.text[0] != '\0');
        assert_true(
            rc == 0 || strstr(why.text, "message ") != NULL || strstr(why.text, "line ") != NULL);
    }
    assert_true(quiet < whole.len / step / 10);
    buf_free(&whole);
}

static void protobuf__cut_anywhere__says_where_and_gives_what_is_whole(void **state)
{
    export(*state, SOURCE_PROTOBUF, true);
    cut_anywhere(*state, 97);
}

static void cloudevents__cut_anywhere__say_where_and_give_what_is_whole(void **state)
{
    export(*state, SOURCE_CLOUDEVENTS, true);
    cut_anywhere(*state, 211);
}

/* What is readable of a line is held against its exact bytes. */
static void cloudevents__with_a_changed_attribute__are_refused_with_their_line(void **state)
{
    static const char *const changes[][2] = {
        {"\"source\":\"waypost://test/E09000019\"", "\"source\":\"waypost://test/E09000007\""},
        {"\"type\":\"waypost.move_notified.v1\"", "\"type\":\"waypost.move_notifies.v1\""},
        {"\"waypostto\":\"E09000007\"", "\"waypostto\":\"E09000019\""},
        {"\"specversion\":\"1.0\"", "\"specversion\":\"1.1\""},
        {"\"waypostindex\":1", "\"waypostindex\":2"},
        {"\"type\":\"waypost.record.judged.v1\"", "\"type\":\"waypost.record.juggled.v1\""},
    };
    struct world_of_test *self = *state;
    struct buf whole = {0};

    export(self, SOURCE_CLOUDEVENTS, true);
    assert_int_equal(fsio_read_all(self->file, 8388608, &whole), 0);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct complaint why = {0};
        size_t len = strlen(changes[i][0]);
        size_t at = 0;
        while (at + len < whole.len && memcmp(whole.data + at, changes[i][0], len) != 0) {
            at++;
        }
        if (i == 3) { /* of an event, the first lines are records */
            while (memcmp(whole.data + at, "\"type\":\"waypost.m", 17) != 0) {
                at++;
            }
            while (memcmp(whole.data + at, changes[i][0], len) != 0) {
                at--;
            }
        }
        assert_true(at + len < whole.len);
        memcpy(whole.data + at, changes[i][1], len);
        write_file(self, buf_slice(&whole));
        assert_int_not_equal(come_back(self, &why), 0);
        assert_non_null(strstr(why.text, "line "));
        memcpy(whole.data + at, changes[i][0], len);
    }
    buf_free(&whole);
}

static void file__of_anything_else__is_refused_with_a_sentence(void **state)
{
    static const char *const texts[] = {"", "{", "{}\n", "{\"type\":\"com.example.x\"}\n", "hello",
        "[1,2]\n", "\x05zzzzz", "\xff\xff\xff\xff\xff\xff\xff"};
    struct world_of_test *self = *state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct complaint why = {0};
        write_file(self, slice_of_text(texts[i]));
        assert_int_not_equal(come_back(self, &why), 0);
        assert_true(why.text[0] != '\0');
        assert_int_equal(self->visited, 0);
    }
}

int main(void)
{
#define EACH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        EACH(protobuf__with_sealed_parts__comes_back_to_the_byte),
        EACH(cloudevents__with_sealed_parts__come_back_to_the_byte),
        EACH(protobuf__without_sealed_parts__holds_their_room_and_none_of_their_bytes),
        EACH(cloudevents__without_sealed_parts__hold_their_room_and_none_of_their_bytes),
        EACH(protobuf__cut_anywhere__says_where_and_gives_what_is_whole),
        EACH(cloudevents__cut_anywhere__say_where_and_give_what_is_whole),
        EACH(cloudevents__with_a_changed_attribute__are_refused_with_their_line),
        EACH(file__of_anything_else__is_refused_with_a_sentence),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
