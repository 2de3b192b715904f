/*
 * derived: see derived.h. What cannot be read is E_CORRUPT; nothing else fails.
 */
#include "common/record/derived.h"

#include <stdio.h>
#include <string.h>

#include "common/base/banned.h"

static bool is_group(struct slice body)
{
    return body.len > 0 && body.data[0] == 0;
}

void derived_group_put(struct buf *group, struct slice derived)
{
    if (group->len == 0) {
        buf_put_u8(group, 0);
    }
    buf_put_varint(group, derived.len);
    buf_put_slice(group, derived);
}

/* The next of a group. */
static struct slice item_take(struct cursor *in)
{
    uint64_t len = take_varint(in);

    if (len > in->rest.len) {
        in->failed = true;
    }
    return take_bytes(in, in->failed ? 0 : (size_t)len);
}

int derived_item(struct slice body, uint32_t index, struct slice *out)
{
    struct cursor in = cursor_of(body);

    if (!is_group(body)) {
        *out = body;
        return index == 0 ? 0 : E_NOT_FOUND;
    }
    (void)take_u8(&in);
    for (uint32_t i = 0; in.rest.len > 0; i++) {
        struct slice item = item_take(&in);
        if (in.failed) {
            return E_CORRUPT;
        }
        if (i == index) {
            *out = item;
            return 0;
        }
    }
    return E_NOT_FOUND;
}

void derived_join(struct buf *body, struct slice derived)
{
    struct slice item;

    if (body->len == 0) {
        buf_put_slice(body, derived);
        return;
    }
    for (uint32_t i = 0; derived_item(buf_slice(body), i, &item) == 0; i++) {
        if (slice_equal(item, derived)) {
            return;
        }
    }
    if (!is_group(buf_slice(body))) {
        struct buf group = {0};
        derived_group_put(&group, buf_slice(body));
        buf_free(body);
        *body = group;
    }
    derived_group_put(body, derived);
}

static int item_visit(arena_t *arena, struct slice item,
    int (*visit)(void *context, const Waypost__Derived *derived), void *context)
{
    arena_reset(arena);
    const Waypost__Derived *derived = message_decode(arena, &waypost__derived__descriptor, item);

    return derived == NULL ? E_CORRUPT : visit(context, derived);
}

int derived_walk(arena_t *arena, struct slice body,
    int (*visit)(void *context, const Waypost__Derived *derived), void *context)
{
    struct cursor in = cursor_of(body);
    int rc = 0;

    if (!is_group(body)) {
        return item_visit(arena, body, visit, context);
    }
    (void)take_u8(&in);
    while (rc == 0 && in.rest.len > 0) {
        struct slice item = item_take(&in);
        rc = in.failed ? E_CORRUPT : item_visit(arena, item, visit, context);
    }
    return rc;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

const char *derived_word(int kind, char *text)
{
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&waypost__system_kind__descriptor, kind);

    (void)snprintf(text, DERIVED_WORD_BYTES, "%s", value == NULL ? "unknown" : value->name);
    for (char *at = text; *at != '\0'; at++) {
        *at = lower(*at);
    }
    return text;
}

/* In the words of whoever reads a list of them. */
static const char *const titles[] = {
    [WAYPOST__SYSTEM_KIND__CODE_SUPERSEDED] = "Routed to the successor of a superseded code",
    [WAYPOST__SYSTEM_KIND__RETURNED_TO_SENDER] = "Returned: recipient unknown or ambiguous",
    [WAYPOST__SYSTEM_KIND__BATCH_VOIDED] = "The batch was voided: its signature does not verify",
    [WAYPOST__SYSTEM_KIND__DELIVERY_FAULT] = "The recipient's agent could not use it",
    [WAYPOST__SYSTEM_KIND__EVENT_HELD] = "Set aside by an operator",
    [WAYPOST__SYSTEM_KIND__EVENT_RELEASED] = "Let go on by an operator",
    [WAYPOST__SYSTEM_KIND__REGISTER_CHANGED] = "A register came into force",
    [WAYPOST__SYSTEM_KIND__STREAM_OPENED] = "The stream began anew",
    [WAYPOST__SYSTEM_KIND__INCARNATION_OPENED] = "A new numbering was opened",
    [WAYPOST__SYSTEM_KIND__SEQUENCE_CONFLICT] = "Two events under one number: a cloned agent",
    [WAYPOST__SYSTEM_KIND__DUPLICATE_IGNORED] = "Same event again, ignored",
    [WAYPOST__SYSTEM_KIND__REFUSED] = "Delivered, and changes nothing",
    [WAYPOST__SYSTEM_KIND__HELD] = "Delivered, and waits",
    [WAYPOST__SYSTEM_KIND__HOLD_RELEASED] = "A held event takes effect now",
    [WAYPOST__SYSTEM_KIND__ALERT_RAISED] = "A rule is flagged",
    [WAYPOST__SYSTEM_KIND__DEADLINE_SET] = "Deadline set",
    [WAYPOST__SYSTEM_KIND__DEADLINE_WARNING] = "Deadline comes near",
    [WAYPOST__SYSTEM_KIND__DEADLINE_STOPPED] = "Deadline met or cancelled",
    [WAYPOST__SYSTEM_KIND__DEADLINE_BREACHED] = "Deadline missed",
    [WAYPOST__SYSTEM_KIND__BREACH_SUPERSEDED] = "Missed deadline answered by later evidence",
    [WAYPOST__SYSTEM_KIND__RESPONSIBILITY_TRANSFERRED] = "Case responsibility has passed",
    [WAYPOST__SYSTEM_KIND__RECORDS_MERGED] = "Two child records have become one",
    [WAYPOST__SYSTEM_KIND__RETENTION_GROUND_LAPSED] = "A ground for keeping the case has run out",
    [WAYPOST__SYSTEM_KIND__RETENTION_SUGGESTED] = "Repeated moves between the same pair",
    [WAYPOST__SYSTEM_KIND__DOOR_COPIED] = "Laid at the receiver's other door too",
    [WAYPOST__SYSTEM_KIND__COOPERATION_DUTY] = "The mother's placing authority must co-operate",
    [WAYPOST__SYSTEM_KIND__ALARM_RAISED] = "Not persisted in time: deliver by telephone",
    [WAYPOST__SYSTEM_KIND__PAYLOAD_WITHHELD] = "The sealed part was not handed out",
    [WAYPOST__SYSTEM_KIND__PAYLOAD_ERASED] = "Sealed part destroyed at one holder",
    [WAYPOST__SYSTEM_KIND__ERASURE_CONFIRMED] = "Sealed part destroyed everywhere",
    [WAYPOST__SYSTEM_KIND__PROFILE_CHANGED] = "A new version of a profile counts",
    [WAYPOST__SYSTEM_KIND__DEADLINES_RUN] = "Deadlines were looked at",
    [WAYPOST__SYSTEM_KIND__ERASURE_ORDERED] = "The sealed part is to be destroyed",
    [WAYPOST__SYSTEM_KIND__HOLDER_ERASED] = "One holder has destroyed the sealed part",
    [WAYPOST__SYSTEM_KIND__ENGINE_FAULT] =
        "Delivered, and nobody has judged it: the procedures failed at it",
};

const char *derived_title(int kind)
{
    bool known =
        kind > 0 && (size_t)kind < sizeof titles / sizeof titles[0] && titles[kind] != NULL;

    return known ? titles[kind] : "Record of the broker";
}

int derived_number(const char *word)
{
    char text[DERIVED_WORD_BYTES];

    for (unsigned i = 0; i < waypost__system_kind__descriptor.n_values; i++) {
        int number = waypost__system_kind__descriptor.values[i].value;
        if (strcmp(derived_word(number, text), word) == 0) {
            return number;
        }
    }
    return 0;
}

bool derived_by_engine(int kind)
{
    return kind >= WAYPOST__SYSTEM_KIND__DUPLICATE_IGNORED &&
        kind <= WAYPOST__SYSTEM_KIND__PROFILE_CHANGED;
}

bool derived_said_by_engine(const Waypost__Derived *derived)
{
    return derived_by_engine((int)derived->kind) && derived->by == NULL;
}

const char *derived_detail(const char *detail, const char *name, size_t *len)
{
    size_t name_len = strlen(name);

    for (const char *at = detail; at != NULL && *at != '\0';) {
        if (strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
            *len = strcspn(at + name_len + 1, " ");
            return at + name_len + 1;
        }
        at = strchr(at, ' ');
        at = at == NULL ? NULL : at + 1;
    }
    *len = 0;
    return NULL;
}
