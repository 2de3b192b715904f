/* ops: see ops.h. The table, the check of members, and the requests about the agent itself. */
#include "client/agent/ops.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/log.h"
#include "common/base/words.h"

#include "common/base/banned.h"

enum { MEMBERS_MAX = 16 };

struct op_row {
    const char *name;
    json_t *(*run)(struct op *op);
    const char *members[MEMBERS_MAX]; /* besides "op" */
};

static const struct op_row op_table[] = {
    {"status", op_status, {"deadlines", NULL}},
    {"new_transfer", op_new_transfer,
        {"origin", "receiving", "subjects", "label", "transfer", NULL}},
    {"send", op_send,
        {"kind", "transfer", "from", "to", "facts", "sealed", "attachments", "subjects", "ref",
            "supersedes", "occurred", "profile", "allow_incomplete", "allow_unknown", "dry_run",
            NULL}},
    {"outbox", op_outbox, {"state", "limit", "before", NULL}},
    {"inbox", op_inbox, {"unopened", "kind", "transfer", "limit", "before", NULL}},
    {"show", op_show, {"event", NULL}},
    {"open", op_open, {"event", "role", "team", NULL}},
    {"transfers", op_transfers, {NULL}},
    {"transfer", op_transfer, {"transfer", NULL}},
    {"clocks", op_clocks, {"within_ms", "all", NULL}},
    {"measures", op_measures, {NULL}},
    {"whois", op_whois, {"transfer", "child", "at", NULL}},
    {"receipt", op_receipt, {"event", NULL}},
    {"evidence", op_evidence, {"event", NULL}},
    {"listening", op_listening, {"code", NULL}},
    {"register", op_register, {NULL}},
    {"shape", op_operate, {NULL}},
    {"trace", op_operate, {"event", NULL}},
    {"hold", op_operate, {"event", NULL}},
    {"release", op_operate, {"event", NULL}},
    {"counters", op_operate, {NULL}},
    {"broker_alarms", op_operate, {"own", "by", NULL}},
    {"note_replay", op_operate, {"detail", NULL}},
    {"erase", op_erase, {"event", "reason", NULL}},
    {"erasures", op_erasures, {"all", NULL}},
    {"erasures_due", op_erasures_due, {NULL}},
    {"bundle", op_bundle, {"transfer", NULL}},
    {"bundle_page", op_bundle_page, {"from", NULL}},
    {"heads", op_heads, {NULL}},
    {"alarms", op_alarms, {"own", "by", NULL}},
    {"watch", op_watch, {"region", "from", NULL}},
};

enum { OP_COUNT = sizeof op_table / sizeof op_table[0] };

static const char *op_name_at(const void *known, size_t index)
{
    (void)known;
    return index < OP_COUNT ? op_table[index].name : NULL;
}

static const char *member_at(const void *known, size_t index)
{
    const struct op_row *row = known;

    return index < MEMBERS_MAX ? row->members[index] : NULL;
}

/* ---- members ---- */

const char *op_text(struct op *op, const char *member, bool required)
{
    const json_t *value = json_object_get(op->request, member);

    if (value == NULL || json_is_null(value)) {
        if (required) {
            complain(op->why, E_USAGE, "member %s is missing", member);
        }
        return NULL;
    }
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) {
        complain(op->why, E_USAGE, "member %s must be a text", member);
        return NULL;
    }
    return json_string_value(value);
}

bool op_flag(struct op *op, const char *member)
{
    const json_t *value = json_object_get(op->request, member);

    if (value != NULL && !json_is_boolean(value) && !json_is_integer(value) &&
        !json_is_null(value)) {
        complain(op->why, E_USAGE, "member %s must be true or false", member);
    }
    return json_is_true(value) || (json_is_integer(value) && json_integer_value(value) != 0);
}

bool op_number(struct op *op, const char *member, int64_t fallback, int64_t max, int64_t *out)
{
    const json_t *value = json_object_get(op->request, member);
    uint64_t parsed = 0;

    *out = fallback;
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (json_is_string(value) &&
        text_parse_u64(json_string_value(value), 0, (uint64_t)max, &parsed) == 0) {
        *out = (int64_t)parsed;
        return true;
    }
    if (json_is_integer(value) && json_integer_value(value) >= 0 &&
        json_integer_value(value) <= max) {
        *out = json_integer_value(value);
        return true;
    }
    complain(op->why, E_RANGE, "member %s must be a number of 0 to %lld", member, (long long)max);
    return false;
}

bool op_id(struct op *op, const char *member, bool required, uint8_t *id, bool *given)
{
    const char *text = op_text(op, member, required);

    if (given != NULL) {
        *given = text != NULL;
    }
    if (text == NULL) {
        return op->why->rc == 0;
    }
    if (uuid_parse(text, id) != 0) {
        complain(op->why, E_ID, "%s: %.60s is not an id like 0190163d-8694-7739-aea5-966c26f8ad91",
            member, text);
        return false;
    }
    return true;
}

bool op_transfer_row(struct op *op, const char *member, struct transfer_row *out)
{
    uint8_t id[UUID_BYTES];
    const char *text = op_text(op, member, true);

    if (text == NULL) {
        return false;
    }
    if (store_transfer_labelled(op->core->store, text, out) == 0) {
        return true;
    }
    if (uuid_parse(text, id) == 0 && store_transfer(op->core->store, id, out) == 0) {
        return true;
    }
    complain(op->why, E_NOT_FOUND,
        "transfer %.64s is not known here; `waypost transfers` lists them, `waypost new-transfer` "
        "begins one",
        text);
    return false;
}

static bool check_members(struct op *op, const struct op_row *row)
{
    const char *name;
    json_t *value;
    json_t *request = (json_t *)(uintptr_t)op->request; /* the macro wants it so; it is only read */

    json_object_foreach(request, name, value)
    {
        bool known = strcmp(name, "op") == 0;
        for (size_t i = 0; i < MEMBERS_MAX && row->members[i] != NULL && !known; i++) {
            known = strcmp(name, row->members[i]) == 0;
        }
        if (!known) {
            const char *near = words_nearest(name, member_at, row);
            complain(op->why, E_USAGE, "%s has no member %.40s%s%s", row->name, name,
                near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
            return false;
        }
    }
    return true;
}

/* ---- dispatch ---- */

json_t *ops_error(int rc, const char *text)
{
    return json_pack("{s:b, s:i, s:s, s:s%}", "ok", 0, "code", -rc, "name", err_name(rc), "error",
        text, strlen(text));
}

static json_t *finish(agent_core_t *core, json_t *answer, const struct complaint *why)
{
    agent_count(core, AGENT_REQUESTS);
    if (why->rc != 0) {
        agent_count(core, AGENT_REQUESTS_REFUSED);
        json_decref(answer);
        json_t *error = ops_error(why->rc, why->text);
        return error != NULL ? error : ops_error(why->rc, err_text(why->rc));
    }
    if (answer != NULL) {
        json_object_set_new(answer, "ok", json_true());
    }
    return answer;
}

json_t *agent_core_request(agent_core_t *self, uint64_t client, const json_t *request)
{
    struct complaint why = {0};
    struct op op = {self, client, request, &why};
    const char *name = op_text(&op, "op", true);

    if (name == NULL) {
        return finish(self, NULL, &why);
    }
    if (self->options.keeper != NULL) {
        json_t *kept = NULL;
        if (self->options.keeper->request(self->options.keeper->context, client, request, &kept)) {
            return kept;
        }
    }
    for (size_t i = 0; i < OP_COUNT; i++) {
        if (strcmp(op_table[i].name, name) == 0) {
            json_t *answer = check_members(&op, &op_table[i]) ? op_table[i].run(&op) : NULL;
            if (answer != NULL && why.rc == 0 && store_failed(self->store) != 0) {
                complain(&why, E_IO, "the agent's database cannot be read");
            }
            return finish(self, answer, &why);
        }
    }
    const char *near = words_nearest(name, op_name_at, NULL);
    complain(&why, E_USAGE, "there is no op %.40s%s%s", name, near == NULL ? "" : "; did you mean ",
        near == NULL ? "" : near);
    return finish(self, NULL, &why);
}

/* ---- pieces of answers ---- */

json_t *json_id(const uint8_t *id)
{
    char text[UUID_TEXT_BYTES];

    uuid_format(id, text);
    return json_string(text);
}

json_t *json_stamp(int64_t ms)
{
    char text[CIVIL_STAMP_BYTES];

    if (ms == 0) {
        return json_null();
    }
    civil_stamp_utc(ms, text);
    return json_string(text);
}

void json_put_stamp(json_t *object, const char *name, int64_t ms)
{
    if (ms != 0) {
        json_object_set_new(object, name, json_stamp(ms));
    }
}

json_t *json_bytes(struct slice bytes)
{
    size_t room = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = mem_new(room, 1);

    sodium_bin2base64(text, room, bytes.data, bytes.len, sodium_base64_VARIANT_ORIGINAL);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static const struct fact_info *fact_of_enum(const char *enum_name)
{
    for (uint32_t i = 1; i <= catalogue_fact_count(); i++) {
        const struct fact_info *fact = catalogue_fact(i);
        if (fact->enum_name != NULL && strcmp(fact->enum_name, enum_name) == 0) {
            return fact;
        }
    }
    fatalx("the catalogue has no enum %s", enum_name);
}

const char *enum_word(const char *enum_name, uint32_t number)
{
    const char *word = fact_value_word(fact_of_enum(enum_name), number);

    return word == NULL ? "" : word;
}

int enum_number(const char *enum_name, const char *word, uint32_t *out)
{
    return fact_value_number(fact_of_enum(enum_name), word, out);
}

const char *enum_nearest(const char *enum_name, const char *word)
{
    const struct fact_info *fact = fact_of_enum(enum_name);

    return words_nearest_of(word, fact->values, fact->value_count);
}

const char *kind_word(uint32_t kind)
{
    const struct kind_info *info = catalogue_kind(kind);

    return info == NULL ? "unknown" : info->name;
}

const char *kind_title(uint32_t kind)
{
    const struct kind_info *info = catalogue_kind(kind);

    return info == NULL ? "Event of a kind that is not known here" : info->title;
}

const char *verdict_word(uint32_t verdict)
{
    static const char *const words[] = {"unjudged", "effective", "alert", "refused", "held"};

    return verdict < sizeof words / sizeof words[0] ? words[verdict] : "unjudged";
}

/* ---- the agent itself ---- */

json_t *alarm_json(const struct alarm *row)
{
    const struct alarm_info *info = alarm_info(row->name);
    json_t *alarm = json_pack("{s:s, s:o, s:s, s:I}", "name", row->name, "since",
        json_stamp(row->since_ms), "text", row->text, "told", (json_int_t)row->told);

    assert(alarm != NULL);
    if (info != NULL) {
        json_object_set_new(alarm, "act", json_string(alarm_actor_word(info->actor)));
        json_object_set_new(alarm, "do", json_string(info->remedy));
        json_object_set_new(alarm, "ends", json_string(info->ends));
    }
    if (row->owner[0] != '\0') {
        json_object_set_new(alarm, "owner", json_string(row->owner));
    }
    return alarm;
}

static void add_alarm(void *context, const struct alarm *row)
{
    json_array_append_new(context, alarm_json(row));
}

static json_t *alarms_json(agent_core_t *self)
{
    json_t *list = json_array();

    store_alarms(self->store, add_alarm, list);
    return list;
}

static int own_alarm(struct op *op, const char *name, const char *by)
{
    agent_core_t *self = op->core;

    if (strlen(name) >= ALARM_NAME_BYTES || !store_has_alarm(self->store, name)) {
        const char *near = alarm_nearest(name);
        return complain(op->why, E_NOT_FOUND, "the alarm %.64s is not up%s%s%s", name,
            near == NULL || strcmp(near, name) == 0 ? "" : "; did you mean ",
            near == NULL || strcmp(near, name) == 0 ? "" : near, "");
    }
    if (!alarm_owner_good(by)) {
        return complain(op->why, E_RANGE,
            "by: name a role or team, such as \"it officer\": letters, digits, blank, hyphen, dot, "
            "underscore, at most %d",
            ALARM_OWNER_BYTES - 1);
    }
    store_begin(self->store);
    (void)store_alarm_own(self->store, name, by, agent_wall(self));
    if (agent_commit(self) != 0) {
        return complain(op->why, E_IO, "the agent's database cannot be written");
    }
    log_info("alarm %s was taken on by=%s", name, by);
    return 0;
}

json_t *op_alarms(struct op *op)
{
    const char *own = op_text(op, "own", false);
    const char *by = op_text(op, "by", false);

    if (op->why->rc != 0 ||
        (own != NULL && own_alarm(op, own, by == NULL ? "somebody" : by) != 0)) {
        return NULL;
    }
    return json_pack("{s:o}", "alarms", alarms_json(op->core));
}

static void add_key(json_t *list, const struct register_agent *me, enum register_key_use use,
    const char *word, const uint8_t *public_key)
{
    uint8_t key_id[KEY_ID_BYTES];
    char text[2 * KEY_ID_BYTES + 1];

    hash_key_id(public_key, key_id);
    hex_encode(key_id, KEY_ID_BYTES, text);
    const struct register_key *key = me == NULL ? NULL : register_key_of(me, use, key_id);
    json_t *row = json_pack("{s:s, s:s, s:b}", "use", word, "id", text, "registered", key != NULL);
    if (key != NULL && key->to_ms != INT64_MAX) {
        json_object_set_new(row, "to", json_stamp(key->to_ms));
    }
    json_array_append_new(list, row);
}

static json_t *keys_json(agent_core_t *self)
{
    json_t *list = json_array();

    for (size_t i = 0; i < self->options.key_count; i++) {
        const struct keys *keys = &self->options.keys[i];
        add_key(list, self->me, REGISTER_KEY_CURVE, "curve", keys->curve_public);
        add_key(list, self->me, REGISTER_KEY_SIGN, "sign", keys->sign_public);
        add_key(list, self->me, REGISTER_KEY_SEAL, "seal", keys->seal_public);
    }
    return list;
}

static json_t *roles_json(const agent_core_t *self)
{
    static const struct {
        enum register_role role;
        const char *word;
    } roles[] = {{REGISTER_ROLE_AUTHORITY, "authority"}, {REGISTER_ROLE_HUB, "hub"},
        {REGISTER_ROLE_OPERATOR, "operator"}};
    json_t *list = json_array();

    for (size_t i = 0; i < sizeof roles / sizeof roles[0] && self->me != NULL; i++) {
        if (register_agent_has_role(self->me, roles[i].role)) {
            json_array_append_new(list, json_string(roles[i].word));
        }
    }
    return list;
}

static const char *state_word(const agent_core_t *self)
{
    if (self->publish_stopped != 0 && self->state == SESSION_OPEN) {
        return "stopped";
    }
    switch (self->state) {
    case SESSION_OPEN:
        return self->settled ? "online" : "connecting";
    case SESSION_CONNECTING:
    case SESSION_HELLO:
        return "connecting";
    case SESSION_OFFLINE:
    default:
        return "offline";
    }
}

json_t *op_status(struct op *op)
{
    agent_core_t *self = op->core;
    char incarnation[17];
    int64_t oldest_ms = 0;
    uint64_t unopened = store_inbox_unopened(self->store, &oldest_ms);
    uint64_t waiting = store_outbox_count(self->store, OUTBOX_WAITING) +
        store_outbox_count(self->store, OUTBOX_SENT);
    uint8_t bytes[8];

    put_u64(bytes, self->identity.incarnation);
    hex_encode(bytes, sizeof bytes, incarnation);
    json_t *answer = json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:o, s:o}",
        "agent", self->options.agent, "code", book_own_code(self), "roles", roles_json(self),
        "network", self->options.network, "state", state_word(self), "endpoint", self->endpoint,
        "register_version", (json_int_t)(self->book == NULL ? 0 : register_version(self->book)),
        "outbox", (json_int_t)waiting, "inbox_unopened", (json_int_t)unopened, "openings",
        (json_int_t)store_openings_waiting(self->store), "incarnation", incarnation, "alarms",
        alarms_json(self), "keys", keys_json(self));
    assert(answer != NULL);
    if (self->state == SESSION_OPEN) {
        json_put_stamp(answer, "since", self->online_since_ms);
    }
    if (self->disk_seen) {
        json_object_set_new(answer, "disk_free", json_integer((json_int_t)self->disk_free_bytes));
    }
    json_object_set_new(answer, "stream",
        json_pack("{s:I, s:I, s:I}", "epoch", (json_int_t)self->identity.stream_epoch, "upto",
            (json_int_t)self->identity.stream_upto, "acknowledged",
            (json_int_t)self->identity.stream_acked));
    if (op_flag(op, "deadlines")) {
        cases_count(self, answer);
    }
    return answer;
}

json_t *op_register(struct op *op)
{
    const agent_core_t *self = op->core;

    if (self->book == NULL) {
        complain(
            op->why, E_STATE, "there is no register yet: the agent has not reached the broker");
        return NULL;
    }
    return json_pack("{s:I, s:o}", "version", (json_int_t)register_version(self->book), "register",
        json_bytes(register_bytes(self->book)));
}
