/*
 * ops_send: a new transfer, and an event from what a person typed to a durable draft in the
 * outbox. Everything that can be wrong is said here, with the nearest word, before anything is
 * kept; the broker need not be there.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent/draft.h"
#include "client/agent/ops.h"
#include "common/base/check.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

/* ---- codes and names ---- */

static bool good_code(struct op *op, const char *member, const char *code)
{
    const register_t *book = op->core->book;

    if (code == NULL) {
        return false;
    }
    if (strlen(code) == CODE_BYTES && register_authority_of(book, code) != NULL) {
        return true;
    }
    const char *near = register_authority_nearest(book, code);
    complain(op->why, E_CODE, "%s: %.60s is no authority of the register%s%s", member, code,
        near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
    return false;
}

static bool have_register(struct op *op)
{
    if (op->core->book != NULL && op->core->me != NULL) {
        return true;
    }
    complain(op->why, E_STATE, "%s",
        op->core->book == NULL ? "there is no register yet: the agent has to reach the broker once"
                               : "the register does not name this agent; ask the registrar");
    return false;
}

static bool good_name(struct op *op, const char *what, const char *name)
{
    if (name != NULL && name[0] != '\0' && strlen(name) <= AGENT_NAME_BYTES_MAX) {
        return true;
    }
    complain(op->why, E_RANGE, "%s must be a text of 1 to %d bytes", what, AGENT_NAME_BYTES_MAX);
    return false;
}

/* ---- new_transfer ---- */

/*
 * The reference of a child: the one that is given (others have spoken of it), else that of the same name here, else a
 * new one.
 */
static bool choose_reference(struct op *op, const json_t *json, struct subject_row *out)
{
    const char *given = json_string_value(json_object_get(json, "ref"));
    uint8_t ref[UUID_BYTES];

    if (given != NULL && uuid_parse(given, ref) != 0) {
        complain(op->why, E_ID, "subject %s: ref %.60s is not an id", out->name, given);
        return false;
    }
    bool named = store_subject_named(op->core->store, out->name, out->ref);
    if (given != NULL && named && memcmp(ref, out->ref, UUID_BYTES) != 0) {
        complain(
            op->why, E_EXISTS, "subject %s: that name stands for another child here", out->name);
        return false;
    }
    if (given != NULL) {
        memcpy(out->ref, ref, UUID_BYTES);
    } else if (named) {
        out->known = true;
    } else {
        op->core->world->random(op->core->world->context, out->ref, sizeof out->ref);
    }
    return true;
}

static bool read_subject(struct op *op, const json_t *json, struct subject_row *out)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *type = json_string_value(json_object_get(json, "case_type"));

    memset(out, 0, sizeof *out);
    if (!good_name(op, "a subject's name", name)) {
        return false;
    }
    if (type == NULL || enum_number("case_type", type, &out->case_type) != 0) {
        const char *near = type == NULL ? NULL : enum_nearest("case_type", type);
        complain(op->why, E_FACT_VALUE, "subject %.40s: case_type %.40s is not known%s%s", name,
            type == NULL ? "" : type, near == NULL ? "" : "; did you mean ",
            near == NULL ? "" : near);
        return false;
    }
    agent_copy_text(out->name, sizeof out->name, name);
    return choose_reference(op, json, out);
}

static bool read_subjects(struct op *op, struct transfer_row *row)
{
    const json_t *list = json_object_get(op->request, "subjects");

    if (list != NULL && !json_is_array(list)) {
        complain(op->why, E_USAGE, "subjects must be a list of {name, case_type}");
        return false;
    }
    if (json_array_size(list) > SUBJECTS_MAX) {
        complain(op->why, E_RANGE, "a transfer has at most %d subjects", SUBJECTS_MAX);
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!read_subject(op, json_array_get(list, i), &row->subjects[i])) {
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(row->subjects[k].name, row->subjects[i].name) == 0) {
                complain(op->why, E_EXISTS, "subject %s is named twice", row->subjects[i].name);
                return false;
            }
        }
        row->subject_count++;
    }
    return true;
}

json_t *subjects_json(const struct transfer_row *row)
{
    json_t *list = json_array();

    for (size_t i = 0; i < row->subject_count; i++) {
        json_t *subject = json_pack("{s:o, s:s}", "ref", json_id(row->subjects[i].ref), "case_type",
            enum_word("case_type", row->subjects[i].case_type));
        if (row->subjects[i].name[0] != '\0') {
            json_object_set_new(subject, "name", json_string(row->subjects[i].name));
        }
        if (row->subjects[i].known) {
            json_object_set_new(subject, "known", json_true());
        }
        json_array_append_new(list, subject);
    }
    return list;
}

/* Its id: drawn, or (begun elsewhere, told by other means) given. One that is known here has one origin and one receiver. */
static bool choose_transfer(struct op *op, struct transfer_row *row)
{
    struct transfer_row known;
    bool given;

    if (!op_id(op, "transfer", false, row->transfer, &given)) {
        return false;
    }
    if (!given) {
        op->core->world->random(op->core->world->context, row->transfer, sizeof row->transfer);
        return true;
    }
    if (store_transfer(op->core->store, row->transfer, &known) == 0 &&
        (strcmp(known.origin, row->origin) != 0 || strcmp(known.receiving, row->receiving) != 0)) {
        complain(op->why, E_EXISTS, "that transfer is known here, from %s to %s", known.origin,
            known.receiving);
        return false;
    }
    return true;
}

json_t *op_new_transfer(struct op *op)
{
    agent_core_t *self = op->core;
    struct transfer_row row = {.created_ms = agent_wall(self)};
    struct transfer_row other;
    const char *label = op_text(op, "label", false);
    const char *origin = op_text(op, "origin", true);
    const char *receiving = op->why->rc == 0 ? op_text(op, "receiving", true) : NULL;

    if (op->why->rc != 0 || !have_register(op) || !good_code(op, "origin", origin) ||
        !good_code(op, "receiving", receiving) || !read_subjects(op, &row)) {
        return NULL;
    }
    if (label != NULL && !good_name(op, "label", label)) {
        return NULL;
    }
    if (label != NULL && store_transfer_labelled(self->store, label, &other) == 0) {
        complain(op->why, E_EXISTS, "a transfer is labelled %s already", label);
        return NULL;
    }
    agent_copy_text(row.label, sizeof row.label, label == NULL ? "" : label);
    agent_copy_text(row.origin, sizeof row.origin, origin);
    agent_copy_text(row.receiving, sizeof row.receiving, receiving);
    if (!choose_transfer(op, &row)) {
        return NULL;
    }
    store_begin(self->store);
    store_transfer_put(self->store, &row);
    int rc = agent_commit(self);
    if (rc != 0) {
        complain(
            op->why, rc, "the transfer could not be written: %s; nothing was kept", err_text(rc));
        return NULL;
    }
    return json_pack(
        "{s:o, s:o}", "transfer", json_id(row.transfer), "subjects", subjects_json(&row));
}

/* ---- send ---- */

struct message {
    const struct kind_info *kind;
    struct transfer_row transfer;
    struct event_view head;
    json_t *clear;  /* facts as texts, owned */
    json_t *sealed; /* owned */
    struct fact_text clear_facts[AGENT_FACTS_MAX];
    size_t clear_count;
    struct fact_text sealed_facts[AGENT_FACTS_MAX];
    size_t sealed_count;
    struct attachment attachments[AGENT_ATTACHMENTS_MAX];
    struct buf contents[AGENT_ATTACHMENTS_MAX]; /* owned */
    size_t attachment_count;
    struct buf plain; /* the payload before sealing */
    json_t *warnings;
    bool dry_run; /* members of the request */
    bool allow_incomplete;
    bool allow_unknown;
};

static void message_free(struct message *self)
{
    json_decref(self->clear);
    json_decref(self->sealed);
    json_decref(self->warnings);
    for (size_t i = 0; i < self->attachment_count; i++) {
        buf_free(&self->contents[i]);
    }
    if (self->plain.data != NULL) {
        sodium_memzero(self->plain.data, self->plain.capacity);
    }
    buf_free(&self->plain);
    free(self);
}

static void warn(
    struct message *self, const char *subject, const char *sentence, const char *object)
{
    char text[400];

    (void)snprintf(text, sizeof text, "%s%s%s", subject, sentence, object);
    json_array_append_new(self->warnings, json_string(text));
}

/* A fact's value as text: texts, whole numbers, true and false, lists of these with commas. */
static bool value_text(const json_t *value, struct buf *out)
{
    if (json_is_string(value)) {
        buf_put(out, json_string_value(value), json_string_length(value));
        return strlen(json_string_value(value)) == json_string_length(value);
    }
    if (json_is_integer(value)) {
        buf_put_text(out, "%lld", (long long)json_integer_value(value));
        return true;
    }
    if (json_is_boolean(value)) {
        buf_put_text(out, "%s", json_is_true(value) ? "yes" : "no");
        return true;
    }
    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        if (i > 0) {
            buf_put_text(out, ",");
        }
        if (json_is_array(item) || !value_text(item, out)) {
            return false;
        }
    }
    return json_is_array(value);
}

/* ref and supersedes stand in the head, whichever way they are given. */
static bool take_reference(struct op *op, struct message *out, const char *name, struct buf *text)
{
    bool reply = strcmp(name, "ref") == 0;

    buf_put_u8(text, 0);
    if (uuid_parse(
            (const char *)text->data, reply ? out->head.in_reply_to : out->head.supersedes) != 0) {
        complain(
            op->why, E_ID, "%s: %.60s is not the id of an event", name, (const char *)text->data);
        return false;
    }
    *(reply ? &out->head.has_reply : &out->head.has_supersedes) = true;
    return true;
}

/* A value that is none, as a complaint. */
static void refuse_fact(struct op *op, const char *name, bool good, size_t len)
{
    if (!good) {
        complain(op->why, E_USAGE,
            "fact %.40s must be a text, a whole number, true or false, or a list of them", name);
    } else if (len == 0) {
        complain(op->why, E_FACT_VALUE,
            "fact %.40s is empty; leave it out where there is nothing to say", name);
    } else {
        complain(op->why, E_UTF8, "fact %.40s is no text", name);
    }
}

/* Facts of one member into clear or sealed, by what the catalogue says of each. */
static bool read_facts(struct op *op, const char *member, struct message *out)
{
    json_t *facts = json_object_get(op->request, member);
    const char *name;
    json_t *value;

    if (facts == NULL || json_is_null(facts)) {
        return true;
    }
    if (!json_is_object(facts) || json_object_size(facts) > AGENT_FACTS_MAX) {
        complain(
            op->why, E_USAGE, "%s must be an object of at most %d facts", member, AGENT_FACTS_MAX);
        return false;
    }
    json_object_foreach(facts, name, value)
    {
        struct buf text = {0};
        const struct fact_info *fact = catalogue_fact_named(name);
        bool sealed = fact != NULL ? fact->sealed : strcmp(member, "sealed") == 0;
        bool good = value_text(value, &text);
        if (fact != NULL && fact->type == FACT_REF && fact->envelope) {
            bool parsed = good && take_reference(op, out, name, &text);
            buf_free(&text);
            if (!parsed) {
                return false;
            }
            continue;
        }
        size_t len = text.len;
        json_t *string = good && len > 0 ? json_stringn((const char *)text.data, len) : NULL;
        buf_free(&text);
        if (string == NULL ||
            json_object_set_new(sealed ? out->sealed : out->clear, name, string) != 0) {
            refuse_fact(op, name, good, len);
            return false;
        }
    }
    return true;
}

static bool list_facts(struct op *op, json_t *facts, struct fact_text *out, size_t *count)
{
    const char *name;
    json_t *value;

    json_object_foreach(facts, name, value)
    {
        if (*count == AGENT_FACTS_MAX) {
            complain(op->why, E_RANGE, "at most %d facts", AGENT_FACTS_MAX);
            return false;
        }
        out[(*count)++] = (struct fact_text){name, json_string_value(value)};
    }
    return true;
}

/* A clear fact that says yes of a sealed one, where the kind carries it and nothing else was stated. */
static void set_yes(struct message *self, const char *name)
{
    const struct fact_info *fact = name == NULL ? NULL : catalogue_fact_named(name);

    if (fact != NULL && kind_lists(self->kind, fact->number) &&
        json_object_get(self->clear, name) == NULL) {
        json_object_set_new(self->clear, name, json_string("yes"));
    }
}

/* Clear companions of sealed facts are set by us (rationale gives rationale_present = yes). */
static void set_companions(struct message *self)
{
    const char *name;
    json_t *value;

    json_object_foreach(self->sealed, name, value)
    {
        set_yes(self, fact_companion(name));
    }
    if (is_18_on(json_string_value(json_object_get(self->sealed, "dob")),
            json_string_value(json_object_get(self->clear, "conference_date")))) {
        set_yes(self, "turns_18_before_conference");
    }
}

static bool read_attachment(struct op *op, const json_t *json, struct message *out)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *base64 = json_string_value(json_object_get(json, "base64"));
    size_t at = out->attachment_count;
    size_t len = 0;

    if (name == NULL || base64 == NULL) {
        complain(op->why, E_USAGE, "an attachment is {name, base64}");
        return false;
    }
    size_t room = strlen(base64) / 4 * 3 + 3;
    buf_reserve(&out->contents[at], room);
    out->attachment_count++;
    if (sodium_base642bin(out->contents[at].data, room, base64, strlen(base64), NULL, &len, NULL,
            sodium_base64_VARIANT_ORIGINAL) != 0) {
        complain(op->why, E_MALFORMED, "attachment %.60s is not base64", name);
        return false;
    }
    out->contents[at].len = len;
    out->attachments[at] = (struct attachment){name, buf_slice(&out->contents[at])};
    return true;
}

static bool read_attachments(struct op *op, struct message *out)
{
    const json_t *list = json_object_get(op->request, "attachments");

    if (json_array_size(list) > AGENT_ATTACHMENTS_MAX) {
        complain(op->why, E_RANGE, "at most %d attachments", AGENT_ATTACHMENTS_MAX);
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!read_attachment(op, json_array_get(list, i), out)) {
            return false;
        }
    }
    return true;
}

/* ---- who speaks to whom ---- */

static bool choose_sender(struct op *op, struct message *out)
{
    const struct register_agent *me = op->core->me;
    const char *from = op_text(op, "from", false);

    if (op->why->rc != 0) {
        return false;
    }
    if (me->code[0] == '\0') {
        complain(op->why, E_NOT_ALLOWED, "agent %s speaks for no authority", me->id);
        return false;
    }
    if (from == NULL) {
        from = register_agent_speaks_for(me, out->transfer.origin)   ? out->transfer.origin
            : register_agent_speaks_for(me, out->transfer.receiving) ? out->transfer.receiving
                                                                     : me->code;
    }
    if (strlen(from) != CODE_BYTES || !register_agent_speaks_for(me, from)) {
        complain(op->why, E_SENDER, "agent %s does not speak for %.40s", me->id, from);
        return false;
    }
    memcpy(out->head.from, from, CODE_BYTES + 1);
    return true;
}

static bool add_recipient(struct op *op, struct message *out, const char *code)
{
    struct event_view *head = &out->head;

    bool any = out->allow_unknown && code != NULL && strlen(code) == CODE_BYTES;

    if (!any && !good_code(op, "to", code)) {
        return false;
    }
    for (size_t i = 0; i < head->recipient_count; i++) {
        if (strcmp(head->to[i].code, code) == 0) {
            complain(op->why, E_RECIPIENT, "%s is named twice", code);
            return false;
        }
    }
    if (head->recipient_count == RECIPIENTS_MAX) {
        complain(op->why, E_RECIPIENT, "at most %d recipients", RECIPIENTS_MAX);
        return false;
    }
    memcpy(head->to[head->recipient_count].code, code, CODE_BYTES + 1);
    head->to[head->recipient_count++].n =
        1; /* for the check; the true one comes with the sequence */
    return true;
}

/* Without `to`: the other party of the transfer; a third authority speaks to both. */
static bool default_recipients(struct op *op, struct message *out)
{
    const char *parties[] = {out->transfer.origin, out->transfer.receiving};

    for (size_t i = 0; i < 2; i++) {
        if (strcmp(parties[i], out->head.from) != 0 &&
            (i == 0 || strcmp(parties[0], parties[1]) != 0) &&
            !add_recipient(op, out, parties[i])) {
            return false;
        }
    }
    if (out->head.recipient_count == 0) {
        return add_recipient(op, out, out->head.from);
    }
    return true;
}

static bool choose_recipients(struct op *op, struct message *out)
{
    const json_t *to = json_object_get(op->request, "to");

    if (to == NULL || json_is_null(to) || (json_is_array(to) && json_array_size(to) == 0)) {
        return default_recipients(op, out);
    }
    if (json_is_string(to)) {
        return add_recipient(op, out, json_string_value(to));
    }
    if (!json_is_array(to)) {
        complain(op->why, E_USAGE, "to must be a list of codes");
        return false;
    }
    for (size_t i = 0; i < json_array_size(to); i++) {
        const char *code = json_string_value(json_array_get(to, i));
        if (code == NULL) {
            complain(op->why, E_USAGE, "to must be a list of codes");
            return false;
        }
        if (!add_recipient(op, out, code)) {
            return false;
        }
    }
    return true;
}

/* What the sender should know of the road to each code, told as warnings. */
static void warn_of_routes(struct op *op, struct message *out)
{
    const agent_core_t *self = op->core;
    int32_t today = civil_london_day(agent_wall(self));

    for (size_t i = 0; i < out->head.recipient_count; i++) {
        const char *code = out->head.to[i].code;
        const struct register_authority *authority = NULL;
        if (strcmp(code, out->head.from) == 0) {
            warn(out, code, " is the sender itself: by naming it nobody else is told", "");
        }
        switch (register_route(self->book, code, today, &authority)) {
        case ROUTE_SUCCESSOR:
            warn(out, code, " is superseded; the event goes to its successor ", authority->code);
            break;
        case ROUTE_DIRECT:
            break;
        case ROUTE_SPLIT:
        case ROUTE_ABOLISHED:
        case ROUTE_UNKNOWN:
        default:
            warn(out, code, " has no single successor; the event will come back with the choice",
                "");
            continue;
        }
        if (register_agent_serving(self->book, authority->code) == NULL) {
            warn(out, code,
                out->plain.len > 0 ? " has no agent yet; the event waits, and its sealed part will "
                                     "have to be sent again"
                                   : " has no agent yet; the event waits for one",
                "");
        }
    }
}

/* ---- subjects, references, times ---- */

static const struct subject_row *subject_of(const struct message *self, const char *word)
{
    uint8_t ref[UUID_BYTES];
    bool is_ref = uuid_parse(word, ref) == 0;

    for (size_t i = 0; i < self->transfer.subject_count; i++) {
        const struct subject_row *row = &self->transfer.subjects[i];
        if (strcmp(row->name, word) == 0 || (is_ref && memcmp(row->ref, ref, UUID_BYTES) == 0)) {
            return row;
        }
    }
    return NULL;
}

static void add_subject(struct message *out, const struct subject_row *row)
{
    struct subject *subject = &out->head.subjects[out->head.subject_count++];

    memcpy(subject->ref, row->ref, UUID_BYTES);
    subject->case_type = row->case_type;
}

static bool choose_subjects(struct op *op, struct message *out)
{
    const json_t *list = json_object_get(op->request, "subjects");

    if (list == NULL || json_is_null(list)) {
        for (size_t i = 0; i < out->transfer.subject_count; i++) {
            add_subject(out, &out->transfer.subjects[i]);
        }
        return true;
    }
    if (!json_is_array(list) || json_array_size(list) > SUBJECTS_MAX) {
        complain(op->why, E_USAGE, "subjects must be a list of at most %d names or references",
            SUBJECTS_MAX);
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));
        const struct subject_row *row = word == NULL ? NULL : subject_of(out, word);
        if (row == NULL) {
            complain(op->why, E_NOT_FOUND, "the transfer has no subject %.64s",
                word == NULL ? "" : word);
            return false;
        }
        add_subject(out, row);
    }
    return true;
}

/* The first event of a transfer says under which profile both are, where not that of their region or pair. */
static bool choose_profile(struct op *op, struct message *out)
{
    const procedures_t *procedures = op->core->options.procedures;
    const char *profile = op_text(op, "profile", false);

    if (profile == NULL) {
        return op->why->rc == 0;
    }
    if (procedures != NULL && procedures_profile_number(procedures, profile) == 0) {
        const char *near = procedures_profile_nearest(procedures, profile);
        complain(op->why, E_NOT_FOUND, "there is no profile %.40s%s%s", profile,
            near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
        return false;
    }
    agent_copy_text(out->head.profile, sizeof out->head.profile, profile);
    return true;
}

static bool choose_rest(struct op *op, struct message *out)
{
    struct event_view *head = &out->head;
    const char *occurred = op_text(op, "occurred", false);

    if (op->why->rc != 0 || !op_id(op, "ref", false, head->in_reply_to, &head->has_reply) ||
        !op_id(op, "supersedes", false, head->supersedes, &head->has_supersedes)) {
        return false;
    }
    head->occurred_ms = agent_wall(op->core);
    if (occurred != NULL && civil_time_parse(occurred, &head->occurred_ms) != 0) {
        complain(op->why, E_DATE, "occurred: %.40s is no time like 2026-03-16T10:05", occurred);
        return false;
    }
    return true;
}

/* ---- checking and keeping ---- */

/* The bytes as they will be but for id, numbers and sealing. */
static int encode(struct op *op, struct message *out, struct buf *bytes)
{
    struct event_draft draft = {out->head, out->clear_facts, out->clear_count};
    struct seal_commitment commitment = {
        .ciphertext_bytes = (uint32_t)(out->plain.len + SEAL_OVERHEAD_BYTES)};
    struct buf header = {0};
    struct buf facts = {0};

    int rc = event_encode(&draft, &header, &facts, op->why);
    if (rc == 0) {
        event_join(
            buf_slice(&header), buf_slice(&facts), out->plain.len > 0 ? &commitment : NULL, bytes);
    }
    buf_free(&header);
    buf_free(&facts);
    return rc;
}

/* Encode it, and check the bytes by the same code as the broker does. */
static int trial(struct op *op, struct message *out, bool complete)
{
    struct buf bytes = {0};
    struct event_view view;

    int rc = encode(op, out, &bytes);
    if (rc == 0) {
        rc = event_read(buf_slice(&bytes), &view, op->why);
    }
    if (rc == 0) {
        rc = event_check(&view, agent_wall(op->core), complete, op->why);
    }
    buf_free(&bytes);
    return rc;
}

/* What the procedures will say of it, as far as this agent can know: said before it leaves. */
static const char *foresee(struct op *op, struct message *out)
{
    struct buf bytes = {0};
    const char *foreseen = "unjudged";

    if (encode(op, out, &bytes) == 0) {
        foreseen = cases_foresee(op->core, buf_slice(&bytes), out->warnings);
    }
    buf_free(&bytes);
    return foreseen;
}

static bool check_message(struct op *op, struct message *out)
{
    bool lenient = out->kind->protective || out->allow_incomplete;
    int rc = trial(op, out, true);

    if (rc == E_FACT_MISSING && lenient) {
        warn(out, "", op->why->text, "");
        memset(op->why, 0, sizeof *op->why);
        rc = trial(op, out, false);
    }
    if (rc != 0 && op->why->rc == 0) {
        complain(op->why, rc, "%s", err_text(rc));
    }
    return rc == 0;
}

static bool fill_head(struct op *op, struct message *out)
{
    struct event_view *head = &out->head;
    const char *kind = op_text(op, "kind", true);

    if (kind == NULL || !have_register(op)) {
        return false;
    }
    out->kind = catalogue_kind_named(kind);
    if (out->kind == NULL) {
        const char *near = catalogue_kind_nearest(kind);
        complain(op->why, E_KIND, "there is no kind %.40s%s%s", kind,
            near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
        return false;
    }
    if (!op_transfer_row(op, "transfer", &out->transfer) || !choose_sender(op, out) ||
        !choose_recipients(op, out) || !choose_subjects(op, out) || !choose_profile(op, out) ||
        !choose_rest(op, out)) {
        return false;
    }
    head->kind = out->kind->number;
    head->schema = 1;
    memcpy(head->transfer, out->transfer.transfer, UUID_BYTES);
    memcpy(head->origin, out->transfer.origin, sizeof head->origin);
    memcpy(head->receiving, out->transfer.receiving, sizeof head->receiving);
    head->sent_ms = agent_wall(op->core);
    head->incarnation = op->core->identity.incarnation;
    head->sequence = 1;
    return true;
}

static bool fill_contents(struct op *op, struct message *out)
{
    if (!read_facts(op, "facts", out) || !read_facts(op, "sealed", out) ||
        !read_attachments(op, out)) {
        return false;
    }
    set_companions(out);
    if (!list_facts(op, out->clear, out->clear_facts, &out->clear_count) ||
        !list_facts(op, out->sealed, out->sealed_facts, &out->sealed_count)) {
        return false;
    }
    if (out->sealed_count == 0 && out->attachment_count == 0) {
        return true;
    }
    return payload_encode(out->sealed_facts, out->sealed_count, out->attachments,
               out->attachment_count, &out->plain, op->why) == 0;
}

static json_t *keep_message(struct op *op, struct message *message)
{
    agent_core_t *self = op->core;
    struct outbox_row row = {.kind = message->kind->number, .created_ms = agent_wall(self)};
    const char *codes[RECIPIENTS_MAX];

    for (size_t i = 0; i < message->head.recipient_count; i++) {
        codes[i] = message->head.to[i].code;
    }
    uuid7_next(self->world, self->identity.last_event);
    memcpy(row.event, self->identity.last_event, UUID_BYTES);
    memcpy(row.transfer, message->head.transfer, UUID_BYTES);
    draft_write(&message->head, message->clear_facts, message->clear_count, &row.draft);
    row.plain = message->plain; /* lent */
    store_gather(self->store);  /* where it can leave at once, its batch is written with it */
    store_begin(self->store);
    store_outbox_add(self->store, &row, codes, message->head.recipient_count);
    store_identity_save(self->store, &self->identity);
    int rc = agent_commit(self);
    rc = rc != 0 ? rc : outgoing_prepare(self);
    rc = rc != 0 ? rc : agent_settle(self);
    buf_free(&row.draft);
    if (rc != 0) {
        complain(op->why, rc, "the event could not be written: %s; nothing was kept", err_text(rc));
        return NULL;
    }
    json_t *answer = json_pack("{s:o, s:s, s:O}", "event", json_id(row.event), "state", "waiting",
        "warnings", message->warnings);
    outgoing_pump(self);
    return answer;
}

static bool read_flags(struct op *op, struct message *out)
{
    out->dry_run = op_flag(op, "dry_run");
    out->allow_incomplete = op_flag(op, "allow_incomplete");
    out->allow_unknown = op_flag(op, "allow_unknown");
    return op->why->rc == 0;
}

json_t *op_send(struct op *op)
{
    struct message *message = mem_new(1, sizeof *message);
    json_t *answer = NULL;

    message->clear = json_object();
    message->sealed = json_object();
    message->warnings = json_array();
    if (read_flags(op, message) && fill_head(op, message) && fill_contents(op, message)) {
        memcpy(message->head.id, op->core->identity.last_event, UUID_BYTES);
        uuid7_next(op->core->world, message->head.id); /* for the check alone */
        if (check_message(op, message)) {
            warn_of_routes(op, message);
            const char *foreseen = foresee(op, message);
            answer = message->dry_run
                ? json_pack("{s:s, s:O}", "state", "not kept", "warnings", message->warnings)
                : keep_message(op, message);
            if (answer != NULL) {
                json_object_set_new(answer, "foreseen", json_string(foreseen));
            }
        }
    }
    message_free(message);
    return answer;
}
