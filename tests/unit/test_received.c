/* received: an acknowledgement proves which of a sender's events it names, and nothing of what lies between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/err.h"
#include "common/crypto/merkle.h"
#include "common/record/acked.h"
#include "common/record/received.h"

#include "common/base/banned.h"

enum {
    AFTER = 40,
    ENTRIES = 7,
    EVENT = 1,
    RECORD = 2,
    EARLY_MS = 1000,
    LATE_MS = 2000,
    EARLY_UPTO = 43
};

/* A stream of seven entries behind number 40, of which the third is a record; its recipient's statement, and what the broker
 * tells one sender of it. */
struct scene {
    struct hash items[ENTRIES];
    struct hash stream[ENTRIES + 1];
    struct hash root;
    Waypost__AckStatement said;
    Waypost__PersistedRun runs[2];
    Waypost__PersistedRun *run_list[2];
    Waypost__Fault fault;
    Waypost__Fault *faults[1];
    Waypost__AckEntry entry;
    Waypost__AckedEvent events[ENTRIES];
    Waypost__AckedEvent *event_list[ENTRIES];
    struct hash leaves[ENTRIES];
    struct buf others;
    ProtobufCBinaryData other_list[ENTRIES];
};

static ProtobufCBinaryData binary(struct hash *hash)
{
    return (ProtobufCBinaryData){HASH_BYTES, hash->b};
}

static void make_stream(struct scene *self)
{
    self->stream[0] = hash_of("before", slice_of(NULL, 0), slice_of(NULL, 0));
    for (size_t i = 0; i < ENTRIES; i++) {
        uint8_t number = (uint8_t)i;
        self->items[i] = hash_of("item", slice_of(&number, 1), slice_of(NULL, 0));
        self->stream[i + 1] =
            hash_entry(&self->stream[i], AFTER + 1 + i, i == 2 ? RECORD : EVENT, &self->items[i]);
    }
    self->root = merkle_root(self->stream + 1, ENTRIES);
}

static void make_statement(struct scene *self)
{
    waypost__ack_statement__init(&self->said);
    for (size_t i = 0; i < 2; i++) {
        waypost__persisted_run__init(&self->runs[i]);
        self->run_list[i] = &self->runs[i];
    }
    self->runs[0].upto = EARLY_UPTO;
    self->runs[0].at_ms = EARLY_MS;
    self->runs[1].upto = AFTER + ENTRIES;
    self->runs[1].at_ms = LATE_MS;
    waypost__fault__init(&self->fault);
    self->fault.number = AFTER + ENTRIES;
    self->fault.code = (uint32_t)-E_OPEN;
    self->faults[0] = &self->fault;
    self->said.upto = AFTER + ENTRIES;
    self->said.running_hash = binary(&self->stream[ENTRIES]);
    self->said.n_persisted = 2;
    self->said.persisted = self->run_list;
    self->said.n_faults = 1;
    self->said.faults = self->faults;
    self->said.has_received_after = true;
    self->said.received_after = AFTER;
    self->said.has_received_root = true;
    self->said.received_root = binary(&self->root);
}

/* The broker tells of the entries that a mask names, counted from the first. */
static void make_entry(struct scene *self, unsigned mask)
{
    struct hash nodes[2 * ENTRIES + 64];
    uint64_t indexes[ENTRIES];
    size_t count = 0;

    waypost__ack_entry__init(&self->entry);
    for (size_t i = 0; i < ENTRIES; i++) {
        if ((mask >> i & 1) == 0) {
            continue;
        }
        Waypost__AckedEvent *event = &self->events[count];
        waypost__acked_event__init(event);
        uint64_t number = AFTER + 1 + i;
        event->level = number == self->fault.number ? ACKED_FAULT : ACKED_PERSISTED;
        event->has_code_err = event->level == ACKED_FAULT;
        event->code_err = self->fault.code;
        event->at_ms = number <= EARLY_UPTO ? EARLY_MS : LATE_MS;
        event->has_number = true;
        event->number = number;
        event->has_before = count == 0 || indexes[count - 1] + 1 != i;
        event->before = binary(&self->stream[i]);
        self->event_list[count] = event;
        self->leaves[count] = self->items[i];
        indexes[count++] = i;
    }
    self->entry.n_events = count;
    self->entry.events = self->event_list;
    buf_clear(&self->others);
    merkle_tree_fill(self->stream + 1, ENTRIES, nodes);
    merkle_tree_others(nodes, ENTRIES, indexes, count, &self->others);
    self->entry.n_received = self->others.len / HASH_BYTES;
    self->entry.received = self->other_list;
    for (size_t i = 0; i < self->entry.n_received; i++) {
        self->other_list[i] = (ProtobufCBinaryData){HASH_BYTES, self->others.data + i * HASH_BYTES};
    }
}

static int check(const struct scene *self)
{
    return received_check(&self->said, &self->entry, self->leaves);
}

static int setup(void **state)
{
    struct scene *self = mem_new(1, sizeof *self);

    make_stream(self);
    make_statement(self);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct scene *self = *state;

    buf_free(&self->others);
    free(self);
    return 0;
}

enum { ALL_EVENTS = 0x7B }; /* without the record */

static void events__any_of_those_signed_for__are_borne_out(void **state)
{
    struct scene *self = *state;

    for (unsigned mask = 1; mask < 1u << ENTRIES; mask++) {
        make_entry(self, mask & ALL_EVENTS);
        assert_int_equal(check(self), 0);
    }
}

static void event__never_received__is_not_borne_out_at_any_place(void **state)
{
    struct scene *self = *state;
    struct hash withheld = hash_of("withheld", slice_of(NULL, 0), slice_of(NULL, 0));

    for (unsigned mask = 1; mask < 1u << ENTRIES; mask++) {
        make_entry(self, mask & ALL_EVENTS);
        for (size_t i = 0; i < self->entry.n_events; i++) {
            struct hash own = self->leaves[i];
            self->leaves[i] = withheld;
            assert_int_equal(check(self), E_CORRUPT);
            self->leaves[i] = own;
        }
    }
}

static void record__told_as_an_event__is_not_borne_out(void **state)
{
    struct scene *self = *state;

    make_entry(self, 1u << 2);
    assert_int_equal(check(self), E_CORRUPT);
}

static void claim__with_one_thing_changed__is_not_borne_out(void **state)
{
    struct scene *self = *state;
    enum { CHANGES = 9 };

    for (int change = 0; change < CHANGES; change++) {
        make_entry(self, 0x48); /* the fourth, and the seventh, which is a fault */
        Waypost__AckedEvent *event = &self->events[0];
        assert_int_equal(check(self), 0);
        switch (change) {
        case 0:
            event->number++;
            break;
        case 1:
            event->has_number = false;
            break;
        case 2:
            event->has_before = false;
            break;
        case 3:
            event->at_ms = EARLY_MS;
            break;
        case 4:
            event->level = ACKED_FAULT;
            event->code_err = self->fault.code;
            break;
        case 5:
            self->events[1].level = ACKED_PERSISTED;
            break;
        case 6:
            self->events[1].code_err = (uint32_t)-E_SIGNATURE;
            break;
        case 7:
            self->entry.n_received--;
            break;
        default:
            self->other_list[0].len--;
            break;
        }
        assert_int_equal(check(self), E_CORRUPT);
    }
}

static void claims__out_of_their_order_or_twice__are_not_borne_out(void **state)
{
    struct scene *self = *state;

    make_entry(self, 0x12);
    self->event_list[1] = &self->events[0];
    self->leaves[1] = self->leaves[0];
    assert_int_equal(check(self), E_CORRUPT);
}

static void number__outside_of_the_statement__is_not_borne_out(void **state)
{
    struct scene *self = *state;
    static const uint64_t numbers[] = {0, AFTER, AFTER + ENTRIES + 1, UINT64_MAX};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        make_entry(self, 1);
        self->events[0].number = numbers[i];
        assert_int_equal(check(self), E_CORRUPT);
    }
}

static void statement__about_one_entry__names_it_by_its_running_hash(void **state)
{
    struct scene *self = *state;

    make_entry(self, 1u << 1);
    self->said.received_after = AFTER + 1;
    self->said.upto = AFTER + 2;
    self->said.running_hash = binary(&self->stream[2]);
    self->said.has_received_root = false;
    self->said.received_root = (ProtobufCBinaryData){0, NULL};
    self->entry.n_received = 0;
    assert_int_equal(check(self), 0);
    self->leaves[0].b[0] ^= 1;
    assert_int_equal(check(self), E_CORRUPT);
}

static void opening__alone__needs_no_proof(void **state)
{
    struct scene *self = *state;

    make_entry(self, 1);
    self->events[0].level = ACKED_OPENED;
    self->entry.n_received = 0;
    assert_int_equal(check(self), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(events__any_of_those_signed_for__are_borne_out),
        TEST(event__never_received__is_not_borne_out_at_any_place),
        TEST(record__told_as_an_event__is_not_borne_out),
        TEST(claim__with_one_thing_changed__is_not_borne_out),
        TEST(claims__out_of_their_order_or_twice__are_not_borne_out),
        TEST(number__outside_of_the_statement__is_not_borne_out),
        TEST(statement__about_one_entry__names_it_by_its_running_hash),
        TEST(opening__alone__needs_no_proof),
    };

    crypto_start();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests_name("received", tests, NULL, NULL);
}
