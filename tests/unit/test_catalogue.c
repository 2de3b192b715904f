/* test_catalogue: the tables made from the rows, and the descriptors made from kinds.proto, say the same. */
#include "tests/unit/codec_sample.h"

#include <ctype.h>

#include "kinds.pb-c.h"
#include "waypost.pb-c.h"

#include "common/base/banned.h"

static const ProtobufCType type_of[] = {
    [FACT_BOOL] = PROTOBUF_C_TYPE_BOOL,
    [FACT_INT] = PROTOBUF_C_TYPE_UINT32,
    [FACT_ENUM] = PROTOBUF_C_TYPE_ENUM,
    [FACT_DATE] = PROTOBUF_C_TYPE_SINT32,
    [FACT_TIME] = PROTOBUF_C_TYPE_INT64,
    [FACT_CODE] = PROTOBUF_C_TYPE_STRING,
    [FACT_ID] = PROTOBUF_C_TYPE_STRING,
    [FACT_HASH] = PROTOBUF_C_TYPE_BYTES,
    [FACT_REF] = PROTOBUF_C_TYPE_BYTES,
    [FACT_SUBJECT] = PROTOBUF_C_TYPE_BYTES,
    [FACT_TEXT] = PROTOBUF_C_TYPE_STRING,
};

static void upper(const char *prefix, const char *word, char *out, size_t room)
{
    (void)snprintf(out, room, "%s_%s", prefix, word);
    for (char *c = out; *c != '\0'; c++) {
        *c = (char)toupper((unsigned char)*c);
    }
}

/* "person_role" is PersonRole in the descriptors. */
static void camel(const char *name, char *out)
{
    bool start = true;

    for (; *name != '\0'; name++) {
        if (*name == '_') {
            start = true;
            continue;
        }
        *out++ = start ? (char)toupper((unsigned char)*name) : *name;
        start = false;
    }
    *out = '\0';
}

static void kinds__every_row__is_a_value_of_the_enum(void **state)
{
    char name[96];

    (void)state;
    assert_int_equal(waypost__kind__descriptor.n_values, catalogue_kind_count() + 1);
    for (uint32_t i = 1; i <= catalogue_kind_count(); i++) {
        const struct kind_info *kind = catalogue_kind(i);
        upper("KIND", kind->name, name, sizeof name);
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(&waypost__kind__descriptor, (int)i);
        assert_non_null(value);
        assert_string_equal(value->name, name);
        assert_int_equal(kind->number, i);
        assert_ptr_equal(catalogue_kind_named(kind->name), kind);
    }
    assert_int_equal(WAYPOST__KIND__KIND_MOVE_NOTIFIED, 1);
    assert_int_equal(WAYPOST__KIND__KIND_ESCALATION_RAISED, 4);
}

static const struct fact_info *listed_fact(const struct kind_info *kind, uint32_t number)
{
    const struct fact_info *fact = catalogue_fact(number);

    return fact != NULL && !fact->envelope && kind_lists(kind, number) ? fact : NULL;
}

static size_t count_clear(const struct kind_info *kind)
{
    size_t count = 0;

    for (uint32_t i = 1; i <= catalogue_fact_count(); i++) {
        count += listed_fact(kind, i) != NULL ? 1 : 0;
    }
    return count;
}

static void check_enum(const struct fact_info *fact, const ProtobufCEnumDescriptor *type)
{
    char name[128];

    camel(fact->enum_name, name);
    assert_string_equal(type->short_name, name);
    assert_int_equal(type->n_values, fact->value_count + 1);
    for (uint32_t i = 1; i <= fact->value_count; i++) {
        upper(fact->enum_name, fact->values[i - 1], name, sizeof name);
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, (int)i);
        assert_non_null(value);
        assert_string_equal(value->name, name);
    }
    assert_non_null(protobuf_c_enum_descriptor_get_value(type, 0));
}

static void check_field(
    const struct fact_info *fact, const char *name, const ProtobufCFieldDescriptor *field)
{
    assert_non_null(field);
    assert_string_equal(field->name, name);
    assert_int_equal(field->type, type_of[fact->type]);
    assert_int_equal(
        field->label, fact->list ? PROTOBUF_C_LABEL_REPEATED : PROTOBUF_C_LABEL_OPTIONAL);
    if (fact->type == FACT_ENUM) {
        check_enum(fact, field->descriptor);
    }
}

static void kinds__messages__hold_exactly_the_facts_of_the_rows(void **state)
{
    const ProtobufCMessageDescriptor *facts = &waypost__facts__descriptor;

    (void)state;
    assert_int_equal(facts->n_fields, catalogue_kind_count());
    for (unsigned k = 0; k < facts->n_fields; k++) {
        const struct kind_info *kind = catalogue_kind(facts->fields[k].id);
        assert_non_null(kind);
        assert_string_equal(facts->fields[k].name, kind->name);
        assert_true((facts->fields[k].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0);
        const ProtobufCMessageDescriptor *message = facts->fields[k].descriptor;
        assert_int_equal(message->n_fields, count_clear(kind));
        for (unsigned i = 0; i < message->n_fields; i++) {
            const struct fact_info *fact = listed_fact(kind, message->fields[i].id);
            assert_non_null(fact);
            assert_false(fact->sealed);
            check_field(fact, fact->name, &message->fields[i]);
        }
    }
}

static void facts__names_and_numbers__lead_both_ways(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= catalogue_fact_count(); i++) {
        const struct fact_info *fact = catalogue_fact(i);
        uint32_t number = 0;
        assert_int_equal(fact->number, i);
        assert_ptr_equal(catalogue_fact_named(fact->name), fact);
        for (uint32_t v = 1; v <= fact->value_count; v++) {
            assert_int_equal(fact_value_number(fact, fact_value_word(fact, v), &number), 0);
            assert_int_equal(number, v);
        }
        if (fact->type == FACT_ENUM) {
            assert_int_equal(fact_value_number(fact, "no_such_word", &number), E_FACT_VALUE);
            assert_null(fact_value_word(fact, 0));
            assert_null(fact_value_word(fact, (uint32_t)fact->value_count + 1));
        }
    }
    assert_null(catalogue_fact(0));
    assert_null(catalogue_fact((uint32_t)catalogue_fact_count() + 1));
    assert_null(catalogue_kind(0));
    assert_null(catalogue_kind((uint32_t)catalogue_kind_count() + 1));
    assert_null(catalogue_fact_named(""));
    assert_null(catalogue_kind_named("zzz"));
}

static void facts__of_the_envelope__are_fields_of_the_header(void **state)
{
    size_t envelope = 0;

    (void)state;
    for (uint32_t i = 1; i <= catalogue_fact_count(); i++) {
        const struct fact_info *fact = catalogue_fact(i);
        if (!fact->envelope) {
            assert_int_equal(fact->header_field, 0);
            continue;
        }
        envelope++;
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
            &waypost__header__descriptor, fact->header_field);
        check_field(fact, strcmp(fact->name, "ref") == 0 ? "in_reply_to" : fact->name, field);
        assert_ptr_equal(catalogue_header_fact(fact->header_field), fact);
    }
    assert_int_equal(envelope, 11);
    assert_null(catalogue_header_fact(1));
    assert_null(catalogue_header_fact(HEADER_FIELDS_MAX));
}

static void facts__that_are_sealed__are_fields_of_the_payload(void **state)
{
    size_t sealed = 0;

    (void)state;
    for (uint32_t i = 1; i <= catalogue_fact_count(); i++) {
        const struct fact_info *fact = catalogue_fact(i);
        if (fact->sealed) {
            sealed++;
            const ProtobufCFieldDescriptor *field =
                protobuf_c_message_descriptor_get_field(&waypost__payload__descriptor, i);
            check_field(fact, fact->name, field);
        }
        assert_true(fact->sealed || fact->type != FACT_TEXT);
    }
    assert_int_equal(waypost__payload__descriptor.n_fields, sealed + 1);
    assert_string_equal(fact_companion("rationale"), "rationale_present");
    assert_string_equal(fact_companion("dob"), "dob_present");
    assert_null(fact_companion("narrative"));
}

static void names__with_a_typo__get_the_nearest(void **state)
{
    const struct fact_info *permanence = catalogue_fact_named("permanence");

    (void)state;
    assert_string_equal(catalogue_kind_nearest("move_notifed"), "move_notified");
    assert_string_equal(catalogue_fact_nearest("permanance"), "permanence");
    assert_string_equal(fact_value_nearest(permanence, "permanant"), "permanent");
    assert_null(catalogue_kind_nearest("quite something else"));
}

static void kinds__that_protect__are_marked(void **state)
{
    size_t protective = 0;
    size_t documents = 0;

    (void)state;
    for (uint32_t i = 1; i <= catalogue_kind_count(); i++) {
        protective += catalogue_kind(i)->protective ? 1 : 0;
        documents += catalogue_kind(i)->carries_documents ? 1 : 0;
    }
    assert_int_equal(protective, 6);
    assert_int_equal(documents, 4);
    assert_true(catalogue_kind_named("child_found_needing_protection")->protective);
    assert_true(catalogue_kind_named("minutes_sent")->carries_documents);
    assert_false(catalogue_kind_named("written_acceptance")->protective);
    assert_string_equal(catalogue_kind_named("move_notified")->sender_role, "origin");
    assert_string_equal(catalogue_case_type()->enum_name, "case_type");
    assert_string_equal(catalogue_enum_named("person_role")->enum_name, "person_role");
    assert_null(catalogue_enum_named("nobody"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds__every_row__is_a_value_of_the_enum),
        cmocka_unit_test(kinds__messages__hold_exactly_the_facts_of_the_rows),
        cmocka_unit_test(facts__names_and_numbers__lead_both_ways),
        cmocka_unit_test(facts__of_the_envelope__are_fields_of_the_header),
        cmocka_unit_test(facts__that_are_sealed__are_fields_of_the_payload),
        cmocka_unit_test(names__with_a_typo__get_the_nearest),
        cmocka_unit_test(kinds__that_protect__are_marked),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
