/* test_event: reading, checking and encoding one event. */
#include "tests/unit/codec_sample.h"

#include "kinds.pb-c.h"
#include "waypost.pb-c.h"

#include "common/base/banned.h"

/* --- encode, and what others read from it ------------------------------------------------------ */

static int64_t member_number(const ProtobufCFieldDescriptor *field, const void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return *(const protobuf_c_boolean *)at != 0;
    case PROTOBUF_C_TYPE_INT64:
        return *(const int64_t *)at;
    default:
        return *(const int32_t *)at;
    }
}

static struct slice member_bytes(const ProtobufCFieldDescriptor *field, const void *at)
{
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        return slice_of_text(*(char *const *)at);
    }
    const ProtobufCBinaryData *data = at;
    return slice_of(data->data, data->len);
}

static size_t member_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return sizeof(char *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return sizeof(int32_t);
    }
}

/* One value that our walk gives, against the index-th that protobuf-c gives. */
static void check_value(
    const ProtobufCMessage *message, const struct fact_value *value, size_t index)
{
    assert(message != NULL);
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(message->descriptor, value->fact->number);
    const char *at = (const char *)message + field->offset;
    size_t count = *(const unsigned *)((const char *)message + field->quantifier_offset);

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        count = *(const size_t *)((const char *)message + field->quantifier_offset);
        at = *(const char *const *)at + index * member_size(field);
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        count = *(char *const *)at != NULL;
    }
    assert_true(index < count);
    if (value->fact->type >= FACT_CODE) {
        assert_true(slice_equal(value->bytes, member_bytes(field, at)));
    } else {
        assert_int_equal(value->number, member_number(field, at));
    }
}

/* The same value as the one that was typed. */
static void check_typed(const struct fact_value *value, const char *texts, size_t index)
{
    char item[160];

    for (size_t i = 0; i < index; i++) {
        texts = strchr(texts, ',') + 1;
    }
    (void)snprintf(item, sizeof item, "%.*s", (int)strcspn(texts, ","), texts);
    switch (value->fact->type) {
    case FACT_BOOL:
        assert_int_equal(value->number, strcmp(item, "yes") == 0);
        break;
    case FACT_ENUM:
        assert_string_equal(fact_value_word(value->fact, (uint32_t)value->number), item);
        break;
    case FACT_CODE:
    case FACT_ID:
        assert_true(slice_equal(value->bytes, slice_of_text(item)));
        break;
    case FACT_DATE:
        assert_int_equal(value->number, 20551);
        break;
    case FACT_TIME:
        assert_int_equal(value->number, INT64_C(1775662800000));
        break;
    default:
        break;
    }
}

static void check_kind(const struct kind_info *kind)
{
    struct fact_text facts[SAMPLE_FACTS_MAX];
    char texts[SAMPLE_FACTS_MAX][160];
    struct buf bytes = {0};
    struct event_view view;
    struct complaint why = {0};
    size_t seen[CATALOGUE_FACTS_MAX] = {0};
    size_t count = sample_facts(kind, facts, texts);

    sample_full_event(kind, &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, &why), 0);
    if (event_check(&view, SAMPLE_NOW_MS, true, &why) != 0) {
        fail_msg("%s: %s", kind->name, why.text);
    }
    Waypost__Event *event = waypost__event__unpack(NULL, bytes.len, bytes.data);
    assert_non_null(event);
    assert_int_equal(event->header->kind, kind->number);
    const ProtobufCMessage *message =
        event->facts != NULL ? &event->facts->move_notified->base : NULL;
    assert_true(event->facts == NULL || (uint32_t)event->facts->kind_case == kind->number);

    struct fact_walk walk = event_facts(&view);
    struct fact_value value;
    while (fact_next(&walk, &value)) {
        size_t index = seen[value.fact->number]++;
        check_value(message, &value, index);
        for (size_t i = 0; i < count; i++) {
            if (strcmp(facts[i].name, value.fact->name) == 0) {
                check_typed(&value, facts[i].value, index);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct fact_info *fact = catalogue_fact_named(facts[i].name);
        assert_int_equal(seen[fact->number], fact->envelope ? 0 : fact->list ? 2 : 1);
    }
    waypost__event__free_unpacked(event, NULL);
    buf_free(&bytes);
}

static void encode__every_kind_with_all_its_facts__reads_back_by_us_and_by_protobuf_c(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= catalogue_kind_count(); i++) {
        check_kind(catalogue_kind(i));
    }
}

static void encode__twice_and_in_any_order__gives_the_same_bytes(void **state)
{
    const struct fact_text one[] = {{"permanence", "permanent"}, {"retain_intention", "transfer"},
        {"mode", "live"}, {"door", "mash"}};
    const struct fact_text other[] = {{"door", "mash"}, {"mode", "live"},
        {"retain_intention", "transfer"}, {"permanence", "permanent"}};
    struct event_draft draft = {.head = sample_head(1), .facts = one, .fact_count = 4};
    struct buf a = {0};
    struct buf b = {0};

    (void)state;
    sample_event(&draft, &a);
    draft.facts = other;
    sample_event(&draft, &b);
    assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));

    /* protobuf-c writes in number order as well: packing what it read gives our bytes again. */
    Waypost__Event *event = waypost__event__unpack(NULL, a.len, a.data);
    assert_non_null(event);
    assert_int_equal(waypost__event__get_packed_size(event), a.len);
    uint8_t *packed = mem_new(a.len, 1);
    waypost__event__pack(event, packed);
    assert_memory_equal(packed, a.data, a.len);
    free(packed);
    waypost__event__free_unpacked(event, NULL);
    buf_free(&a);
    buf_free(&b);
}

static void encode__envelope_facts__stand_in_the_header(void **state)
{
    const struct fact_text facts[] = {{"ref", SAMPLE_UUID}, {"supersedes", SAMPLE_UUID},
        {"family_informed", "no"}, {"withheld_reason", "risk_to_child"}, {"mode", "test"},
        {"weekday", "wed"}, {"addressee_service", "mash"}, {"lawful_basis", "public_task"},
        {"template", "other"}, {"handling", "normal"}, {"art9_condition", "none"}};
    struct event_draft draft = {.head = sample_head(9), .facts = facts, .fact_count = 11};
    struct event_view view;
    struct buf bytes = {0};

    (void)state;
    sample_event(&draft, &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), 0);
    assert_int_equal(event_check(&view, SAMPLE_NOW_MS, true, NULL), 0);
    Waypost__Event *event = waypost__event__unpack(NULL, bytes.len, bytes.data);
    assert_non_null(event);
    assert_true(view.has_reply && view.has_supersedes);
    assert_int_equal(view.mode, WAYPOST__MODE__MODE_TEST);
    assert_int_equal(view.envelope[20], 1);
    assert_int_equal(event->header->has_family_informed, 1);
    assert_int_equal(event->header->family_informed, 0);
    assert_int_equal(event->header->weekday, WAYPOST__WEEKDAY__WEEKDAY_WED);
    assert_int_equal(
        event->header->withheld_reason, WAYPOST__WITHHELD_REASON__WITHHELD_REASON_RISK_TO_CHILD);
    assert_int_equal(event->header->incarnation, UINT64_C(0xfedcba9876543210));
    assert_int_equal(event->header->in_reply_to.len, 16);
    waypost__event__free_unpacked(event, NULL);
    buf_free(&bytes);
}

struct typed_case {
    const char *name;
    const char *value;
    const char *hint; /* stands in the sentence */
    uint32_t kind;
    int want;
};

static void encode__what_cannot_be__is_refused_with_the_nearest_word(void **state)
{
    static const struct typed_case cases[] = {
        {"permanance", "permanent", "did you mean permanence", 1, E_FACT},
        {"permanence", "permanant", "did you mean permanent", 1, E_FACT_VALUE},
        {"permanence", "", "empty", 1, E_FACT_VALUE},
        {"dob_present", "true", "yes or no", 1, E_FACT_VALUE},
        {"address_history_months", "1000001", "0 to 1000000", 1, E_FACT_VALUE},
        {"move_date", "2026-02-29", "YYYY-MM-DD", 1, E_DATE},
        {"mother_placing_authority", "E0900000", "authority code", 1, E_CODE},
        {"letter_ref", "CAM-1", "does not carry", 1, E_FACT_NOT_LISTED},
        {"child_name", "x", "payload", 1, E_FACT_NOT_LISTED},
        {"dob", "2015-01-01", "payload", 1, E_FACT_NOT_LISTED},
        {"ref", "12", "hexadecimal", 1, E_ID},
        {"letter_ref", "943 476 5919", "an NHS number", 3, E_IDENTIFIER},
        {"letter_ref", "two words", "not a reference", 3, E_FACT_VALUE},
        {"effective_at", "2026-03-29T01:30", "offset", 3, E_DATE},
        {"agencies_told", "police,,gp", "empty", 2, E_FACT_VALUE},
        {"agencies_told", "police,gpp", "did you mean gp", 2, E_FACT_VALUE},
        {"permanence", "permanent", "999", 999, E_KIND},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fact_text fact = {cases[i].name, cases[i].value};
        struct event_draft draft = {
            .head = sample_head(cases[i].kind), .facts = &fact, .fact_count = 1};
        struct complaint why = {0};
        struct buf header = {0};
        struct buf facts = {0};
        int rc = event_encode(&draft, &header, &facts, &why);
        if (rc != cases[i].want || strstr(why.text, cases[i].hint) == NULL) {
            fail_msg("%s=%s: %s, %s", cases[i].name, cases[i].value, err_name(rc), why.text);
        }
        assert_null(strstr(why.text, "943"));
        assert_int_equal(header.len + facts.len, 0);
        buf_free(&facts);
    }
}

static void encode__the_same_fact_twice__is_refused(void **state)
{
    const struct fact_text facts[] = {{"permanence", "permanent"}, {"permanence", "temporary"}};
    struct event_draft draft = {.head = sample_head(1), .facts = facts, .fact_count = 2};
    struct buf header = {0};
    struct buf out = {0};

    (void)state;
    assert_int_equal(event_encode(&draft, &header, &out, NULL), E_FACT_VALUE);
}

static void encode__a_word_for_a_digest__stands_for_its_hash(void **state)
{
    const struct fact_text facts[] = {{"letter_hash", "letter-one"}, {"letter_ref", "CAM-1"}};
    struct event_draft draft = {.head = sample_head(35), .facts = facts, .fact_count = 2};
    struct hash want = hash_of("waypost/word/1", slice_of_text("letter-one"), (struct slice){0});
    struct buf bytes = {0};
    struct event_view view;
    struct fact_value value;

    (void)state;
    assert_string_equal(catalogue_kind(35)->name, "acceptance_letter_held");
    sample_event(&draft, &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), 0);
    struct fact_walk walk = event_facts(&view);
    assert_true(fact_next(&walk, &value));
    assert_true(fact_next(&walk, &value));
    assert_true(slice_equal(value.bytes, slice_of(want.b, HASH_BYTES)));
    assert_false(fact_next(&walk, &value));
    buf_free(&bytes);
}

/* --- shape ------------------------------------------------------------------------------------- */

typedef void change_fn(struct event_view *head);

static void no_recipient(struct event_view *head)
{
    head->recipient_count = 0;
}

static void recipient_twice(struct event_view *head)
{
    head->to[1] = head->to[0];
    head->recipient_count = 2;
}

static void sender_among_recipients(struct event_view *head)
{
    head->to[1] = (struct recipient){.code = "E09000019", .n = 1};
    head->recipient_count = 2;
}

static void sender_alone(struct event_view *head)
{
    memcpy(head->to[0].code, head->from, CODE_BYTES);
}

static void recipient_uncounted(struct event_view *head)
{
    head->to[0].n = 0;
}

static void subject_twice(struct event_view *head)
{
    head->subjects[1] = head->subjects[0];
    head->subject_count = 2;
}

static void id_is_random(struct event_view *head)
{
    head->id[6] = 0x40;
}

static void sequence_zero(struct event_view *head)
{
    head->sequence = 0;
}

static void schema_zero(struct event_view *head)
{
    head->schema = 0;
}

static void code_lower_case(struct event_view *head)
{
    head->origin[0] = 'e';
}

static void code_not_utf8(struct event_view *head)
{
    head->origin[0] = '\xff';
}

static void code_short(struct event_view *head)
{
    head->from[8] = '\0';
}

static void profile_with_digit(struct event_view *head)
{
    memcpy(head->profile, "london2", 8);
}

static void profile_fine(struct event_view *head)
{
    memcpy(head->profile, "north-west", 11);
}

static void occurred_never(struct event_view *head)
{
    head->occurred_ms = INT64_MAX;
}

static void sent_never(struct event_view *head)
{
    head->sent_ms = INT64_MIN;
}

static void occurred_after_sent(struct event_view *head)
{
    head->occurred_ms = head->sent_ms + 86400000;
}

static void sent_ahead(struct event_view *head)
{
    head->sent_ms = SAMPLE_NOW_MS + FUTURE_MS_MAX + 1;
}

static void sent_just_ahead(struct event_view *head)
{
    head->sent_ms = SAMPLE_NOW_MS + FUTURE_MS_MAX;
}

static void case_type_unknown(struct event_view *head)
{
    head->subjects[0].case_type = 99;
}

static void mode_unknown(struct event_view *head)
{
    head->mode = 9;
}

static void mode_unknown_of_later_schema(struct event_view *head)
{
    head->mode = 9;
    head->subjects[0].case_type = 99;
    head->schema = CATALOGUE_SCHEMA + 1;
}

struct head_case {
    change_fn *change;
    int read;  /* what event_read answers */
    int check; /* what event_check answers where the event reads */
};

static void read__a_head_that_cannot_be__is_refused_with_its_code(void **state)
{
    static const struct head_case cases[] = {
        {no_recipient, E_MALFORMED, 0},
        {recipient_twice, E_RECIPIENT, 0},
        {sender_among_recipients, E_RECIPIENT, 0},
        {sender_alone, 0, 0},
        {recipient_uncounted, E_RANGE, 0},
        {subject_twice, E_ID, 0},
        {id_is_random, E_ID, 0},
        {sequence_zero, E_RANGE, 0},
        {schema_zero, E_RANGE, 0},
        {code_lower_case, E_CODE, 0},
        {code_not_utf8, E_UTF8, 0},
        {code_short, E_CODE, 0},
        {profile_with_digit, E_RANGE, 0},
        {profile_fine, 0, 0},
        {occurred_never, E_DATE, 0},
        {sent_never, E_DATE, 0},
        {occurred_after_sent, 0, 0},
        {sent_ahead, 0, E_DATE},
        {sent_just_ahead, 0, 0},
        {case_type_unknown, 0, E_FACT_VALUE},
        {mode_unknown, 0, E_FACT_VALUE},
        {mode_unknown_of_later_schema, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct event_draft draft = {.head = sample_head(1)};
        struct buf bytes = {0};
        struct event_view view;
        struct complaint why = {0};
        cases[i].change(&draft.head);
        sample_event(&draft, &bytes);
        int rc = event_read(buf_slice(&bytes), &view, &why);
        if (rc != cases[i].read) {
            fail_msg("case %zu reads %s: %s", i, err_name(rc), why.text);
        }
        rc = rc == 0 ? event_check(&view, SAMPLE_NOW_MS, false, &why) : 0;
        if (rc != cases[i].check) {
            fail_msg("case %zu checks %s: %s", i, err_name(rc), why.text);
        }
        buf_free(&bytes);
    }
}

/* One change of the bytes of a whole event, and what event_read must answer. */
struct byte_case {
    const char *name;
    int want;
    const char *more;  /* hexadecimal, appended to the event's fields */
    const char *facts; /* hexadecimal, the message of the kind; NULL for none */
};

static void put_hex(struct buf *out, const char *text)
{
    uint8_t bytes[512];
    size_t len = strlen(text) / 2;

    assert(len <= sizeof bytes && hex_decode(text, bytes, len) == 0);
    buf_put(out, bytes, len);
}

static void read__bytes_that_two_readers_could_read_as_two__are_refused(void **state)
{
    static const struct byte_case cases[] = {
        {"group", E_MALFORMED, "0b0c", NULL},
        {"group, unknown", E_MALFORMED, "a306a406", NULL},
        {"wire type 7", E_MALFORMED, "a706", NULL},
        {"field 0", E_MALFORMED, "0000", NULL},
        {"cut tag", E_MALFORMED, "80", NULL},
        {"length beyond the end", E_MALFORMED, "a206ff", NULL},
        {"length of 4 GiB", E_MALFORMED, "a206ffffffff0f", NULL},
        {"varint of 11 bytes", E_MALFORMED, "a006ffffffffffffffffffff01", NULL},
        {"second header", E_MALFORMED, "0a00", NULL},
        {"second facts", E_MALFORMED, "12001200", NULL},
        {"facts as a number", E_MALFORMED, "1000", NULL},
        {"commitment that is empty", E_MALFORMED, "1a00", NULL},
        {"unknown field", 0, "a2060568656c6c6f", NULL},
        {"facts of another kind", E_MALFORMED, "12021a00", NULL},
        {"facts of the kind twice", E_MALFORMED, "12040a000a00", NULL},
        {"facts of the kind as a number", E_MALFORMED, "12020801", NULL},
        {"fact twice", E_MALFORMED, "", "60016002"},
        {"fact wider than its type", E_MALFORMED, "", "608180808010"},
        {"fact of another wire type", E_MALFORMED, "", "620101"},
        {"date wider than its type", E_MALFORMED, "", "8001808080808001"},
        {"unknown fact", 0, "", "6001c23e0568656c6c6f"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf facts = {0};
        struct buf bytes = {0};
        struct event_view view;
        struct complaint why = {0};
        if (cases[i].facts != NULL) {
            put_hex(&facts, cases[i].facts);
            sample_raw_event(1, buf_slice(&facts), &bytes);
        } else {
            struct event_draft draft = {.head = sample_head(1)};
            sample_event(&draft, &bytes);
        }
        put_hex(&bytes, cases[i].more);
        int rc = event_read(buf_slice(&bytes), &view, &why);
        if (rc != cases[i].want) {
            fail_msg("%s: %s, %s", cases[i].name, err_name(rc), why.text);
        }
        buf_free(&facts);
        buf_free(&bytes);
    }
}

static void read__an_event_cut_anywhere__never_passes_as_a_whole_header(void **state)
{
    struct buf bytes = {0};
    struct event_view view;

    (void)state;
    sample_full_event(catalogue_kind(1), &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), 0);
    size_t header_end = (size_t)(view.header.data - bytes.data) + view.header.len;
    for (size_t len = 0; len < bytes.len; len++) {
        int rc = event_read(slice_of(bytes.data, len), &view, NULL);
        assert_true(len == header_end ? rc == 0 : rc == E_MALFORMED);
    }
    buf_free(&bytes);
}

static void read__the_limits__hold_at_their_edges(void **state)
{
    struct event_draft draft = {.head = sample_head(1)};
    struct event_view view;
    struct buf bytes = {0};
    struct buf big = {0};

    (void)state;
    /* Recipients and subjects: the last that fits, and one more. */
    for (size_t i = 0; i < RECIPIENTS_MAX; i++) {
        draft.head.to[i].n = 1;
        (void)snprintf(draft.head.to[i].code, CODE_BYTES + 1, "E060000%02u", (unsigned)i % 100);
        memset(draft.head.subjects[i].ref, (int)i, UUID_BYTES);
        draft.head.subjects[i].case_type = 1;
    }
    draft.head.recipient_count = RECIPIENTS_MAX;
    draft.head.subject_count = SUBJECTS_MAX;
    struct buf header = {0};
    struct buf facts = {0};
    assert_int_equal(event_encode(&draft, &header, &facts, NULL), 0);
    event_join(buf_slice(&header), buf_slice(&facts), NULL, &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), 0);
    put_hex(&header,
        "4a0d0a09453038303030303031"
        "1001");
    buf_clear(&bytes);
    event_join(buf_slice(&header), buf_slice(&facts), NULL, &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), E_RECIPIENT);

    /* The size of the whole. */
    buf_reserve(&big, EVENT_BYTES_MAX + 1);
    memset(big.data, 0, EVENT_BYTES_MAX + 1);
    assert_int_equal(event_read(slice_of(big.data, EVENT_BYTES_MAX + 1), &view, NULL), E_TOO_LARGE);
    assert_int_equal(event_read(slice_of(big.data, EVENT_BYTES_MAX), &view, NULL), E_MALFORMED);
    assert_int_equal(event_read((struct slice){0}, &view, NULL), E_MALFORMED);
    buf_free(&big);
    buf_free(&header);
    buf_free(&facts);
    buf_free(&bytes);
}

static void read__a_commitment__comes_through_and_has_its_limit(void **state)
{
    struct seal_commitment commitment = {.ciphertext_bytes = PAYLOAD_BYTES_MAX};
    struct event_draft draft = {.head = sample_head(1)};
    struct buf header = {0};
    struct buf facts = {0};
    struct buf bytes = {0};
    struct event_view view;

    (void)state;
    memset(commitment.ciphertext_hash.b, 1, HASH_BYTES);
    memset(commitment.key_commitment.b, 2, HASH_BYTES);
    assert_int_equal(event_encode(&draft, &header, &facts, NULL), 0);
    event_join(buf_slice(&header), buf_slice(&facts), &commitment, &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), 0);
    assert_true(view.has_payload);
    assert_memory_equal(&view.commitment.ciphertext_hash, &commitment.ciphertext_hash, HASH_BYTES);
    assert_int_equal(view.commitment.ciphertext_bytes, PAYLOAD_BYTES_MAX);
    assert_true(slice_equal(view.header, buf_slice(&header)));
    commitment.ciphertext_bytes++;
    buf_clear(&bytes);
    event_join(buf_slice(&header), buf_slice(&facts), &commitment, &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), E_TOO_LARGE);
    commitment.ciphertext_bytes = 0;
    buf_clear(&bytes);
    event_join(buf_slice(&header), buf_slice(&facts), &commitment, &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), E_RANGE);
    buf_free(&header);
    buf_free(&facts);
    buf_free(&bytes);
}

/* --- contents ---------------------------------------------------------------------------------- */

struct fact_case {
    const char *facts; /* hexadecimal, the message of the kind */
    uint32_t kind;
    int want;
};

static void check__facts_by_the_tables__are_judged(void **state)
{
    static const struct fact_case cases[] = {
        {"6001", 1, 0},                          /* permanence = permanent */
        {"6000", 1, E_FACT_VALUE},               /* never sent */
        {"6004", 1, E_FACT_VALUE},               /* one beyond the last word */
        {"a00101", 1, 0},                        /* dob_present = yes */
        {"a00102", 1, E_FACT_VALUE},             /* neither yes nor no */
        {"980118", 1, 0},                        /* 24 months */
        {"9801c0843d", 1, 0},                    /* 1,000,000 */
        {"9801c1843d", 1, E_FACT_VALUE},         /* one more */
        {"8001ffffffff0f", 1, E_DATE},           /* a date out of all bounds */
        {"8001caa00a", 1, 0},                    /* 2199-12-31 */
        {"8001cca00a", 1, E_DATE},               /* the day after */
        {"8001bd8f03", 1, 0},                    /* 1900-01-01 is 25,567 days before 1970 */
        {"8001bf8f03", 1, E_DATE},               /* the day before */
        {"c20109453039303030303037", 1, 0},      /* mother_placing_authority */
        {"c20109583039303030303037", 1, E_CODE}, /* no such country */
        {"c2010945303930303030ff37", 1, E_UTF8},
        {"ea050543414d2d31", 1, E_FACT_NOT_LISTED}, /* letter_ref is not a fact of move_notified */
        {"0801", 1, E_FACT_NOT_LISTED},             /* lawful_basis stands in the header */
        {"ca0b0141", 1, E_FACT_NOT_LISTED},         /* child_name stands in the payload */
        {"ea050543414d2d31", 3, 0},                 /* letter_ref */
        {"ea0500", 3, E_FACT_VALUE},                /* empty */
        {"f2050100", 3, E_FACT_VALUE},              /* a digest of one byte */
        {"f805ffffffffffffffff7f", 3, E_DATE},      /* effective_at beyond all time */
        {"8a02020102", 2, 0},                       /* agencies_told, packed */
        {"88020188020210018802ff", 2, E_MALFORMED},
        {"880201880202", 2, 0}, /* the same, not packed */
        {"8a02020109", 2, E_FACT_VALUE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf facts = {0};
        struct buf bytes = {0};
        struct event_view view;
        struct complaint why = {0};
        put_hex(&facts, cases[i].facts);
        sample_raw_event(cases[i].kind, buf_slice(&facts), &bytes);
        int rc = event_read(buf_slice(&bytes), &view, &why);
        rc = rc == 0 ? event_check(&view, SAMPLE_NOW_MS, false, &why) : rc;
        if (rc != cases[i].want) {
            fail_msg("%s: %s, %s", cases[i].facts, err_name(rc), why.text);
        }
        buf_free(&facts);
        buf_free(&bytes);
    }
}

static void check__a_list_beyond_its_limit__is_refused(void **state)
{
    (void)state;
    for (size_t items = LIST_ITEMS_MAX; items <= LIST_ITEMS_MAX + 1; items++) {
        for (int packed = 0; packed <= 1; packed++) {
            struct buf facts = {0};
            struct buf list = {0};
            struct buf bytes = {0};
            struct event_view view;
            for (size_t i = 0; i < items; i++) {
                buf_put_u8(&list, 1);
                if (!packed) {
                    wire_put_varint(&facts, 33, 1);
                }
            }
            if (packed) {
                wire_put_bytes(&facts, 33, buf_slice(&list));
            }
            sample_raw_event(2, buf_slice(&facts), &bytes);
            assert_int_equal(
                event_read(buf_slice(&bytes), &view, NULL), items == LIST_ITEMS_MAX ? 0 : E_RANGE);
            buf_free(&facts);
            buf_free(&list);
            buf_free(&bytes);
        }
    }
}

static void check__a_missing_fact__is_refused_to_the_user_and_left_to_the_engine_by_the_broker(
    void **state)
{
    const struct fact_text facts[] = {{"permanence", "permanent"}};
    struct event_draft draft = {.head = sample_head(1), .facts = facts, .fact_count = 1};
    struct buf bytes = {0};
    struct event_view view;
    struct complaint why = {0};

    (void)state;
    sample_event(&draft, &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), 0);
    assert_int_equal(event_check(&view, SAMPLE_NOW_MS, false, &why), 0);
    assert_int_equal(event_check(&view, SAMPLE_NOW_MS, true, &why), E_FACT_MISSING);
    assert_non_null(strstr(why.text, "retain_intention"));
    buf_free(&bytes);
}

static void check__an_event_about_no_child__is_for_the_kinds_that_need_none(void **state)
{
    struct event_draft draft = {.head = sample_head(29)};
    struct event_view view;
    struct buf bytes = {0};

    (void)state;
    assert_string_equal(catalogue_kind(29)->name, "core_group_held");
    draft.head.subject_count = 0;
    sample_event(&draft, &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), 0);
    assert_int_equal(event_check(&view, SAMPLE_NOW_MS, false, NULL), 0);
    assert_int_equal(event_check(&view, SAMPLE_NOW_MS, true, NULL), E_FACT_MISSING);
    buf_free(&bytes);
}

/* --- anything at all --------------------------------------------------------------------------- */

/* xorshift64*: small, and the same everywhere. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static void mutate(struct buf *bytes, uint64_t *seed)
{
    size_t changes = 1 + next_random(seed) % 4;

    for (size_t i = 0; i < changes; i++) {
        size_t at = next_random(seed) % bytes->len;
        uint64_t what = next_random(seed);
        if ((what & 3) == 0) {
            bytes->data[at] = (uint8_t)(what >> 8);
        } else {
            bytes->data[at] ^= (uint8_t)(1U << (what >> 8 & 7));
        }
    }
    if (next_random(seed) % 16 == 0) {
        bytes->len = next_random(seed) % bytes->len;
    }
}

/* What we take, protobuf-c takes too, and reads the same. */
static void check_agreement(const struct buf *bytes, const struct event_view *view)
{
    Waypost__Event *event = waypost__event__unpack(NULL, bytes->len, bytes->data);

    assert_non_null(event);
    assert_memory_equal(event->header->id.data, view->id, UUID_BYTES);
    assert_int_equal(event->header->kind, view->kind);
    assert_int_equal(event->header->sequence, view->sequence);
    assert_int_equal(event->header->sent_ms, view->sent_ms);
    assert_int_equal(event->header->n_to, view->recipient_count);
    assert_int_equal(event->header->n_subjects, view->subject_count);
    assert_string_equal(event->header->from, view->from);
    assert_string_equal(event->header->to[0]->code, view->to[0].code);
    struct fact_walk walk = event_facts(view);
    struct fact_value value;
    size_t seen[CATALOGUE_FACTS_MAX] = {0};
    while (fact_next(&walk, &value)) {
        if (view->schema > CATALOGUE_SCHEMA &&
            !kind_lists(catalogue_kind(view->kind), value.fact->number)) {
            continue; /* a later catalogue may list it; the descriptors here do not */
        }
        check_value(&event->facts->move_notified->base, &value, seen[value.fact->number]++);
    }
    waypost__event__free_unpacked(event, NULL);
}

static void read__changed_bytes__never_crash_and_never_mean_two_things(void **state)
{
    const char *rounds_text = getenv("CODEC_ROUNDS");
    unsigned long rounds = rounds_text != NULL ? strtoul(rounds_text, NULL, 10) : 20000;
    uint64_t seed = UINT64_C(0x57415950303031);
    size_t taken = 0;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (unsigned long round = 0; round < rounds; round++) {
        struct buf bytes = {0};
        struct event_view view;
        struct complaint why = {0};
        uint32_t kind = 1 + (uint32_t)(next_random(&seed) % catalogue_kind_count());
        sample_full_event(catalogue_kind(kind), &bytes);
        mutate(&bytes, &seed);
        int rc = event_read(buf_slice(&bytes), &view, &why);
        if (rc == 0) {
            json_decref(event_json(&view));
            rc = event_check(&view, SAMPLE_NOW_MS, false, &why);
        }
        if (rc == 0) {
            taken++;
            check_agreement(&bytes, &view);
        } else {
            assert_int_equal(why.rc, rc);
            assert_true(why.text[0] != '\0');
        }
        json_decref(payload_json(buf_slice(&bytes)));
        buf_free(&bytes);
    }
    assert_true(taken > 0);
}

/* Each place of a code, with every byte that there is. */
static void code__with_another_byte_anywhere__is_valid_only_as_the_form_says(void **state)
{
    (void)state;
    for (size_t at = 0; at < CODE_BYTES; at++) {
        for (int byte = 0; byte < 256; byte++) {
            uint8_t code[CODE_BYTES + 1] = "E09000007";
            code[at] = (uint8_t)byte;
            bool letter = byte != 0 && strchr("EWSN", byte) != NULL;
            bool digit = byte >= '0' && byte <= '9';
            assert_int_equal(
                event_code_valid(slice_of(code, CODE_BYTES)), at == 0 ? letter : digit);
        }
    }
    assert_false(event_code_valid(slice_of("E0900000", CODE_BYTES - 1)));
    assert_false(event_code_valid(slice_of("E090000070", CODE_BYTES + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode__every_kind_with_all_its_facts__reads_back_by_us_and_by_protobuf_c),
        cmocka_unit_test(encode__twice_and_in_any_order__gives_the_same_bytes),
        cmocka_unit_test(encode__envelope_facts__stand_in_the_header),
        cmocka_unit_test(encode__what_cannot_be__is_refused_with_the_nearest_word),
        cmocka_unit_test(encode__the_same_fact_twice__is_refused),
        cmocka_unit_test(encode__a_word_for_a_digest__stands_for_its_hash),
        cmocka_unit_test(read__a_head_that_cannot_be__is_refused_with_its_code),
        cmocka_unit_test(read__bytes_that_two_readers_could_read_as_two__are_refused),
        cmocka_unit_test(read__an_event_cut_anywhere__never_passes_as_a_whole_header),
        cmocka_unit_test(read__the_limits__hold_at_their_edges),
        cmocka_unit_test(code__with_another_byte_anywhere__is_valid_only_as_the_form_says),
        cmocka_unit_test(read__a_commitment__comes_through_and_has_its_limit),
        cmocka_unit_test(check__facts_by_the_tables__are_judged),
        cmocka_unit_test(check__a_list_beyond_its_limit__is_refused),
        cmocka_unit_test(
            check__a_missing_fact__is_refused_to_the_user_and_left_to_the_engine_by_the_broker),
        cmocka_unit_test(check__an_event_about_no_child__is_for_the_kinds_that_need_none),
        cmocka_unit_test(read__changed_bytes__never_crash_and_never_mean_two_things),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
