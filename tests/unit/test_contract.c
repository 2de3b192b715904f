/*
 * test_contract: what the contract promises of every event, shown over the descriptors and every kind: nothing
 * outside the payload can hold free text or a person's identifiers; no message nests without end; what is unknown here
 * survives and is no hiding place.
 */
#include "tests/unit/codec_sample.h"

#include "common/codec/header_fields.h"
#include "kinds.pb-c.h"
#include "register.pb-c.h"
#include "waypost.pb-c.h"

#include "common/base/banned.h"

enum { DEPTH_MAX = 8, FIELDS_MAX = 128 }; /* frame.c relies on both */

/* --- descriptors ------------------------------------------------------------------------------- */

/* Visits every message type below `type`; fails on recursion. Returns the depth. */
static int visit(const ProtobufCMessageDescriptor *type, const ProtobufCMessageDescriptor **path,
    int depth, void (*each)(const ProtobufCMessageDescriptor *type))
{
    int deepest = depth + 1;

    for (int i = 0; i < depth; i++) {
        if (path[i] == type) {
            fail_msg("%s is recursive", type->name);
        }
    }
    assert_true(depth < DEPTH_MAX);
    assert_true(type->n_fields < FIELDS_MAX);
    path[depth] = type;
    if (each != NULL) {
        each(type);
    }
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE) {
            int below = visit(type->fields[i].descriptor, path, depth + 1, each);
            deepest = below > deepest ? below : deepest;
        }
    }
    return deepest;
}

static void messages__of_all_schemas__nest_a_few_deep_and_never_recur(void **state)
{
    const ProtobufCMessageDescriptor *path[DEPTH_MAX];
    const ProtobufCMessageDescriptor *const roots[] = {&waypost__frame__descriptor,
        &waypost__event__descriptor, &waypost__payload__descriptor, &waypost__derived__descriptor,
        &waypost__batch_statement__descriptor, &waypost__ack_statement__descriptor,
        &waypost__head__descriptor, &waypost__register__descriptor,
        &waypost__signed_register__descriptor};

    (void)state;
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        assert_true(visit(roots[i], path, 0, NULL) <= DEPTH_MAX);
    }
}

/* Fields of the envelope that are text or bytes. Each has a fixed form that event_read holds it to. */
static const char *const envelope_fields[] = {"waypost.Header.id", "waypost.Header.transfer",
    "waypost.Header.origin", "waypost.Header.receiving", "waypost.Header.from",
    "waypost.Header.in_reply_to", "waypost.Header.supersedes", "waypost.Header.profile",
    "waypost.Subject.ref", "waypost.Recipient.code", "waypost.Commitment.ciphertext_hash",
    "waypost.Commitment.key_commitment"};

static bool named(const char *full)
{
    for (size_t i = 0; i < sizeof envelope_fields / sizeof envelope_fields[0]; i++) {
        if (strcmp(envelope_fields[i], full) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_kind(const ProtobufCMessageDescriptor *type)
{
    for (unsigned i = 0; i < waypost__facts__descriptor.n_fields; i++) {
        if (waypost__facts__descriptor.fields[i].descriptor == type) {
            return true;
        }
    }
    return false;
}

static void check_fields(const ProtobufCMessageDescriptor *type)
{
    bool kind = is_kind(type);
    char full[160];

    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        bool text = field->type == PROTOBUF_C_TYPE_STRING;
        if (!text && field->type != PROTOBUF_C_TYPE_BYTES) {
            continue;
        }
        (void)snprintf(full, sizeof full, "%s.%s", type->name, field->name);
        const struct fact_info *fact = catalogue_fact(field->id);
        if (!kind && !named(full)) {
            fail_msg("%s can hold anything", full);
        }
        if (!kind) {
            continue;
        }
        assert_non_null(fact);
        assert_false(fact->sealed);
        if (text) {
            assert_true(fact->type == FACT_CODE || fact->type == FACT_ID);
        } else {
            assert_true(
                fact->type == FACT_HASH || fact->type == FACT_REF || fact->type == FACT_SUBJECT);
        }
    }
}

static void event__every_text_and_bytes_field__has_a_type_that_holds_no_free_text(void **state)
{
    const ProtobufCMessageDescriptor *path[DEPTH_MAX];

    (void)state;
    (void)visit(&waypost__event__descriptor, path, 0, check_fields);
}

static void header__numbers_in_the_code__are_those_of_the_contract(void **state)
{
    static const struct {
        uint32_t number;
        const char *name;
    } fields[] = {
        {HEADER_ID, "id"},
        {HEADER_KIND, "kind"},
        {HEADER_SCHEMA, "schema"},
        {HEADER_TRANSFER, "transfer"},
        {HEADER_ORIGIN, "origin"},
        {HEADER_RECEIVING, "receiving"},
        {HEADER_SUBJECTS, "subjects"},
        {HEADER_FROM, "from"},
        {HEADER_TO, "to"},
        {HEADER_OCCURRED, "occurred_ms"},
        {HEADER_SENT, "sent_ms"},
        {HEADER_REF, "in_reply_to"},
        {HEADER_SUPERSEDES, "supersedes"},
        {HEADER_PROFILE, "profile"},
        {HEADER_LAWFUL_BASIS, "lawful_basis"},
        {HEADER_MODE, "mode"},
        {HEADER_INCARNATION, "incarnation"},
        {HEADER_SEQUENCE, "sequence"},
        {HEADER_ART9_CONDITION, "art9_condition"},
        {HEADER_FAMILY_INFORMED, "family_informed"},
        {HEADER_WITHHELD_REASON, "withheld_reason"},
        {HEADER_HANDLING, "handling"},
        {HEADER_SERVICE, "addressee_service"},
        {HEADER_TEMPLATE, "template"},
        {HEADER_WEEKDAY, "weekday"},
    };

    (void)state;
    assert_int_equal(waypost__header__descriptor.n_fields, sizeof fields / sizeof fields[0]);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(&waypost__header__descriptor, fields[i].number);
        assert_non_null(field);
        assert_string_equal(field->name, fields[i].name);
    }
    assert_int_equal(waypost__event__descriptor.n_fields, 3);
    assert_int_equal(waypost__event__descriptor.fields[0].id, EVENT_HEADER);
    assert_int_equal(waypost__event__descriptor.fields[1].id, EVENT_FACTS);
    assert_int_equal(waypost__event__descriptor.fields[2].id, EVENT_COMMITMENT);
}

/* --- planted identifiers ----------------------------------------------------------------------- */

/* All made up; the NHS number is one of the range kept for tests. */
static const char *const planted[] = {
    "9990000018",
    "999 000 0018",
    "999-000-0018",
    "Z801200001001",
    "Jo Bloggs",
    "14/02/2015",
    "2015-02-14",
    "14022015",
    "20150214",
    "12 High Street",
    "N1 9GU",
    "N19GU",
    "jo.bloggs@example.org",
    "Line one\nline two",
    "Ren\xc3\xa9",
    "",
};

/* What event_read and event_check say of a kind that holds one text in one fact. */
static int judge_text(const struct kind_info *kind, const struct fact_info *fact, const char *text,
    struct complaint *why)
{
    struct buf facts = {0};
    struct buf bytes = {0};
    struct event_view view;

    wire_put_bytes(&facts, fact->number, slice_of_text(text));
    sample_raw_event(kind->number, buf_slice(&facts), &bytes);
    int rc = event_read(buf_slice(&bytes), &view, why);
    if (rc == 0) {
        rc = event_check(&view, SAMPLE_NOW_MS, false, why);
    }
    buf_free(&facts);
    buf_free(&bytes);
    return rc;
}

static void check_planted(const struct kind_info *kind, const struct fact_info *fact)
{
    struct complaint why = {0};

    /* The same place with what belongs there passes: it is the text that is refused. */
    const char *fine = fact->type == FACT_CODE ? "E09000007" : "CAM-1";
    assert_int_equal(judge_text(kind, fact, fine, &why), 0);
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
        if (judge_text(kind, fact, planted[i], &why) == 0) {
            fail_msg("%s.%s takes '%s'", kind->name, fact->name, planted[i]);
        }
        if (planted[i][0] != '\0' && strstr(why.text, planted[i]) != NULL) {
            fail_msg("the complaint repeats '%s': %s", planted[i], why.text);
        }
    }
}

static void event__identifiers_planted_in_every_text_of_every_kind__are_refused(void **state)
{
    size_t texts = 0;

    (void)state;
    for (uint32_t k = 1; k <= catalogue_kind_count(); k++) {
        for (uint32_t f = 1; f <= catalogue_fact_count(); f++) {
            const struct fact_info *fact = catalogue_fact(f);
            bool text = fact->type == FACT_CODE || fact->type == FACT_ID;
            if (text && !fact->envelope && kind_lists(catalogue_kind(k), f)) {
                check_planted(catalogue_kind(k), fact);
                texts++;
            }
        }
    }
    assert_true(texts >= 25);
}

static void event__identifiers_that_only_look_odd__pass(void **state)
{
    static const char *const fine[] = {"14:00", "E08000010:early_help", "R08", "CAM-1", "mash"};

    (void)state;
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        assert_int_equal(judge_text(catalogue_kind_named("written_acceptance"),
                             catalogue_fact_named("letter_ref"), fine[i], NULL),
            0);
    }
}

/* A header whose one text field holds what was planted. */
static void plant_header(uint32_t number, const char *text, struct buf *out)
{
    struct event_draft draft = {.head = sample_head(1)};
    struct buf header = {0};
    struct buf facts = {0};
    struct buf changed = {0};
    struct wire_field field;

    assert_int_equal(event_encode(&draft, &header, &facts, NULL), 0);
    struct wire_scan scan = wire_scan_of(buf_slice(&header));
    while (wire_next(&scan, &field)) {
        if (field.number == number) {
            continue;
        }
        buf_put(&changed, scan.at - field.size, field.size);
    }
    if (number == HEADER_TO) {
        buf_clear(&facts);
        wire_put_bytes(&facts, 1, slice_of_text(text));
        wire_put_varint(&facts, 2, 1);
        wire_put_bytes(&changed, number, buf_slice(&facts));
    } else {
        wire_put_bytes(&changed, number, slice_of_text(text));
    }
    event_join(buf_slice(&changed), (struct slice){0}, NULL, out);
    buf_free(&header);
    buf_free(&facts);
    buf_free(&changed);
}

static void event__identifiers_planted_in_every_text_of_the_header__are_refused(void **state)
{
    static const uint32_t fields[] = {
        HEADER_ORIGIN, HEADER_RECEIVING, HEADER_FROM, HEADER_TO, HEADER_PROFILE};

    (void)state;
    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        struct event_view view;
        struct buf bytes = {0};
        plant_header(fields[f], fields[f] == HEADER_PROFILE ? "london" : "E08000010", &bytes);
        assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), 0);
        for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
            buf_clear(&bytes);
            plant_header(fields[f], planted[i], &bytes);
            assert_int_not_equal(event_read(buf_slice(&bytes), &view, NULL), 0);
        }
        buf_free(&bytes);
    }
}

/* The event's schema, raised by one: the two bytes behind those of the kind in the header. */
static void speak_later(struct buf *bytes)
{
    struct event_view view;

    assert_int_equal(event_read(buf_slice(bytes), &view, NULL), 0);
    size_t at = (size_t)(view.header.data - bytes->data) + 20;
    assert_int_equal(bytes->data[at], HEADER_SCHEMA << 3);
    bytes->data[at + 1] = CATALOGUE_SCHEMA + 1;
}

static int judge_number(uint32_t kind, uint32_t fact, bool later)
{
    struct buf facts = {0};
    struct buf bytes = {0};
    struct event_view view;

    if (catalogue_fact(fact)->type == FACT_TEXT) {
        wire_put_bytes(&facts, fact, slice_of_text("words"));
    } else {
        wire_put_varint(&facts, fact, 1);
    }
    sample_raw_event(kind, buf_slice(&facts), &bytes);
    if (later) {
        speak_later(&bytes);
    }
    int rc = event_read(buf_slice(&bytes), &view, NULL);
    rc = rc == 0 ? event_check(&view, SAMPLE_NOW_MS, false, NULL) : rc;
    buf_free(&facts);
    buf_free(&bytes);
    return rc;
}

static void event__sealed_facts_in_the_clear__are_refused_whatever_the_schema(void **state)
{
    (void)state;
    for (uint32_t f = 1; f <= catalogue_fact_count(); f++) {
        if (catalogue_fact(f)->sealed) {
            assert_int_equal(judge_number(1, f, false), E_FACT_NOT_LISTED);
            assert_int_equal(judge_number(1, f, true), E_FACT_NOT_LISTED);
        }
    }
}

static void event__envelope_facts_among_the_facts__are_refused_even_where_the_kind_needs_them(
    void **state)
{
    const struct kind_info *kind = catalogue_kind_named("family_not_informed");
    const struct fact_info *fact = catalogue_fact_named("withheld_reason");

    (void)state;
    assert_true(kind_lists(kind, fact->number));
    assert_int_equal(judge_number(kind->number, fact->number, false), E_FACT_NOT_LISTED);
    assert_int_equal(judge_number(kind->number, fact->number, true), E_FACT_NOT_LISTED);
}

static void event__of_a_later_catalogue__may_carry_facts_that_this_one_does_not_list(void **state)
{
    uint32_t threshold = catalogue_fact_named("threshold")->number;

    (void)state;
    assert_int_equal(judge_number(1, threshold, false), E_FACT_NOT_LISTED);
    assert_int_equal(judge_number(1, threshold, true), 0);
}

/* --- what is unknown --------------------------------------------------------------------------- */

static void put_unknown(struct buf *out, size_t content_bytes)
{
    uint8_t bytes[256];

    assert(content_bytes <= sizeof bytes);
    memset(bytes, 'x', sizeof bytes);
    wire_put_bytes(out, 5000, slice_of(bytes, content_bytes));
}

static void unknown__fields_at_every_level__survive_and_pass(void **state)
{
    struct event_draft draft = {.head = sample_head(1)};
    struct buf header = {0};
    struct buf inner = {0};
    struct buf facts = {0};
    struct buf bytes = {0};
    struct event_view view;
    struct complaint why = {0};

    (void)state;
    assert_int_equal(event_encode(&draft, &header, &facts, NULL), 0);
    put_unknown(&header, 5);
    wire_put_varint(&inner, 12, 1);
    put_unknown(&inner, 5);
    wire_put_bytes(&facts, 1, buf_slice(&inner));
    put_unknown(&facts, 5);
    event_join(buf_slice(&header), buf_slice(&facts), NULL, &bytes);
    put_unknown(&bytes, 5);
    if (event_read(buf_slice(&bytes), &view, &why) != 0 ||
        event_check(&view, SAMPLE_NOW_MS, false, &why) != 0) {
        fail_msg("%s", why.text);
    }
    assert_true(slice_equal(view.header, buf_slice(&header)));
    assert_true(slice_equal(view.facts, buf_slice(&facts)));
    assert_true(slice_equal(view.kind_facts, buf_slice(&inner)));
    assert_int_equal(view.unknown_bytes, 4 * (3 + 1 + 5));
    buf_free(&header);
    buf_free(&inner);
    buf_free(&facts);
    buf_free(&bytes);
}

static int read_with_unknown(size_t count, size_t content_bytes, bool in_facts)
{
    struct event_draft draft = {.head = sample_head(1)};
    struct buf more = {0};
    struct buf bytes = {0};
    struct event_view view;

    for (size_t i = 0; i < count; i++) {
        put_unknown(&more, content_bytes);
    }
    if (in_facts) {
        sample_raw_event(1, buf_slice(&more), &bytes);
    } else {
        sample_event(&draft, &bytes);
        buf_put_slice(&bytes, buf_slice(&more));
    }
    int rc = event_read(buf_slice(&bytes), &view, NULL);
    buf_free(&more);
    buf_free(&bytes);
    return rc;
}

static void unknown__fields_beyond_the_limit__are_refused(void **state)
{
    size_t overhead = 4; /* of one field: a tag of three bytes, a length of one */

    (void)state;
    for (int in_facts = 0; in_facts <= 1; in_facts++) {
        size_t one = UNKNOWN_FIELD_BYTES_MAX - overhead;
        assert_int_equal(read_with_unknown(1, one, in_facts != 0), 0);
        assert_int_equal(read_with_unknown(1, one + 1, in_facts != 0), E_TOO_LARGE);
        size_t fit = UNKNOWN_BYTES_MAX / UNKNOWN_FIELD_BYTES_MAX;
        assert_int_equal(read_with_unknown(fit, one, in_facts != 0), 0);
        assert_int_equal(read_with_unknown(fit + 1, one, in_facts != 0), E_TOO_LARGE);
    }
}

static void unknown__kinds__survive_and_pass_within_the_same_limits(void **state)
{
    struct buf facts = {0};
    struct buf bytes = {0};
    struct event_view view;

    (void)state;
    put_unknown(&facts, 40);
    wire_put_varint(&facts, 1, 7);
    sample_raw_event(100, buf_slice(&facts), &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), 0);
    assert_int_equal(event_check(&view, SAMPLE_NOW_MS, true, NULL), 0);
    assert_int_equal(view.kind, 100);
    assert_true(slice_equal(view.kind_facts, buf_slice(&facts)));

    struct event_view again;
    struct buf copy = {0};
    event_join(view.header, view.facts, NULL, &copy);
    assert_true(slice_equal(buf_slice(&copy), buf_slice(&bytes)));
    assert_int_equal(event_read(buf_slice(&copy), &again, NULL), 0);

    buf_clear(&bytes);
    put_unknown(&facts, 100);
    sample_raw_event(100, buf_slice(&facts), &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), E_TOO_LARGE);
    buf_free(&facts);
    buf_free(&bytes);
    buf_free(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages__of_all_schemas__nest_a_few_deep_and_never_recur),
        cmocka_unit_test(event__every_text_and_bytes_field__has_a_type_that_holds_no_free_text),
        cmocka_unit_test(header__numbers_in_the_code__are_those_of_the_contract),
        cmocka_unit_test(event__identifiers_planted_in_every_text_of_every_kind__are_refused),
        cmocka_unit_test(event__identifiers_that_only_look_odd__pass),
        cmocka_unit_test(event__identifiers_planted_in_every_text_of_the_header__are_refused),
        cmocka_unit_test(event__sealed_facts_in_the_clear__are_refused_whatever_the_schema),
        cmocka_unit_test(
            event__envelope_facts_among_the_facts__are_refused_even_where_the_kind_needs_them),
        cmocka_unit_test(event__of_a_later_catalogue__may_carry_facts_that_this_one_does_not_list),
        cmocka_unit_test(unknown__fields_at_every_level__survive_and_pass),
        cmocka_unit_test(unknown__fields_beyond_the_limit__are_refused),
        cmocka_unit_test(unknown__kinds__survive_and_pass_within_the_same_limits),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
