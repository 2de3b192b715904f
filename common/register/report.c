/* report: see report.h. Nothing here fails but for want of memory, which jansson answers by leaving values out. */
#include "common/register/report.h"

#include <string.h>

#include "common/base/civil.h"

#include "common/base/banned.h"

static void put_time(json_t *object, const char *name, int64_t time_ms)
{
    char text[CIVIL_STAMP_BYTES];

    if (time_ms != INT64_MAX) {
        civil_stamp_utc(time_ms, text);
        json_object_set_new(object, name, json_string(text));
    }
}

static void put_day(json_t *object, const char *name, int32_t day)
{
    char text[CIVIL_DATE_BYTES];

    if (day != INT32_MIN && day != INT32_MAX) {
        civil_date_text(day, text);
        json_object_set_new(object, name, json_string(text));
    }
}

static void put_text(json_t *object, const char *name, const char *text)
{
    if (text[0] != '\0') {
        json_object_set_new(object, name, json_string(text));
    }
}

static void put_hex(json_t *object, const char *name, const void *bytes, size_t len)
{
    char text[2 * HASH_BYTES + 1];

    hex_encode(bytes, len, text);
    json_object_set_new(object, name, json_string(text));
}

static void put_words(json_t *object, const char *name, const char *const *words, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(array, json_string(words[i]));
    }
    if (count > 0) {
        json_object_set(object, name, array);
    }
    json_decref(array);
}

json_t *register_authority_json(const struct register_authority *authority)
{
    json_t *object = json_object();

    put_text(object, "code", authority->code);
    put_text(object, "name", authority->name);
    put_text(object, "dfe", authority->dfe);
    put_text(object, "region", authority->region);
    put_text(object, "region_code", authority->region_code);
    put_day(object, "from", authority->from_day);
    put_day(object, "until", authority->until_day);
    put_words(object, "successors", authority->successors, authority->successor_count);
    put_text(object, "profile", authority->profile);
    return object;
}

static json_t *key_json(const struct register_key *key)
{
    static const char *const uses[] = {"", "curve", "sign", "seal"};
    json_t *object = json_object();

    json_object_set_new(object, "use",
        json_string(key->use < sizeof uses / sizeof uses[0] ? uses[key->use] : "later"));
    put_hex(object, "id", key->key_id, KEY_ID_BYTES);
    put_hex(object, "key", key->key, sizeof key->key);
    put_time(object, "from", key->from_ms);
    put_time(object, "to", key->to_ms);
    put_time(object, "revoked", key->revoked_ms);
    put_time(object, "compromised_since", key->compromised_since_ms);
    return object;
}

json_t *register_agent_json(const struct register_agent *agent)
{
    static const char *const roles[] = {"authority", "hub", "operator"};
    const char *held[sizeof roles / sizeof roles[0]];
    size_t count = 0;
    json_t *object = json_object();
    json_t *keys = json_array();

    put_text(object, "id", agent->id);
    put_text(object, "code", agent->code);
    for (uint32_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (register_agent_has_role(agent, (enum register_role)(i + 1))) {
            held[count++] = roles[i];
        }
    }
    put_words(object, "roles", held, count);
    put_words(object, "regions", agent->regions, agent->region_count);
    put_words(object, "acts_for", agent->acts_for, agent->acts_for_count);
    put_time(object, "revoked", agent->revoked_ms);
    for (size_t i = 0; i < agent->key_count; i++) {
        json_array_append_new(keys, key_json(&agent->keys[i]));
    }
    json_object_set_new(object, "keys", keys);
    return object;
}

json_t *register_broker_json(const struct register_broker *broker)
{
    json_t *object = json_object();

    put_text(object, "endpoint", broker->endpoint);
    put_hex(object, "curve_key", broker->curve_key, sizeof broker->curve_key);
    put_hex(object, "head_key", broker->head_key, sizeof broker->head_key);
    return object;
}

json_t *register_head_json(const register_t *self)
{
    json_t *object = json_object();
    json_t *roots = json_array();
    struct hash hash = register_hash(self);
    char root[2 * HASH_BYTES + 1];

    put_text(object, "network", register_network(self));
    json_object_set_new(object, "version", json_integer((json_int_t)register_version(self)));
    put_time(object, "issued", register_issued_ms(self));
    put_time(object, "stale", register_stale_ms(self));
    json_object_set_new(object, "threshold", json_integer(register_threshold(self)));
    for (size_t i = 0; i < register_root_count(self); i++) {
        hex_encode(register_root_at(self, i), HASH_BYTES, root);
        json_array_append_new(roots, json_string(root));
    }
    json_object_set_new(object, "roots", roots);
    put_hex(object, "hash", hash.b, HASH_BYTES);
    json_object_set_new(
        object, "authorities", json_integer((json_int_t)register_authority_count(self)));
    json_object_set_new(object, "agents", json_integer((json_int_t)register_agent_count(self)));
    json_object_set_new(object, "brokers", json_integer((json_int_t)register_broker_count(self)));
    return object;
}

/* ---- differences ---- */

/* Take both references; a missing side is NULL. */
static void put_change(json_t *out, const char *what, const char *id, json_t *before, json_t *after)
{
    if (before != NULL && after != NULL && json_equal(before, after)) {
        json_decref(before);
        json_decref(after);
        return;
    }
    json_t *change = json_pack("{s:s, s:s, s:s}", "change",
        before == NULL      ? "added"
            : after == NULL ? "removed"
                            : "changed",
        "what", what, "id", id);
    if (before != NULL) {
        json_object_set_new(change, "before", before);
    }
    if (after != NULL) {
        json_object_set_new(change, "after", after);
    }
    json_array_append_new(out, change);
}

/* One sort of entry: how many, the id and the JSON of one. */
struct section {
    const char *what;
    size_t (*count)(const register_t *self);
    const char *(*id)(const register_t *self, size_t index);
    json_t *(*json)(const register_t *self, size_t index);
};

static const char *authority_id(const register_t *self, size_t index)
{
    return register_authority_at(self, index)->code;
}

static json_t *authority_json(const register_t *self, size_t index)
{
    return register_authority_json(register_authority_at(self, index));
}

static const char *agent_id(const register_t *self, size_t index)
{
    return register_agent_at(self, index)->id;
}

static json_t *agent_json(const register_t *self, size_t index)
{
    return register_agent_json(register_agent_at(self, index));
}

static const char *broker_id(const register_t *self, size_t index)
{
    return register_broker_at(self, index)->endpoint;
}

static json_t *broker_json(const register_t *self, size_t index)
{
    return register_broker_json(register_broker_at(self, index));
}

static const struct section sections[] = {
    {"authority", register_authority_count, authority_id, authority_json},
    {"agent", register_agent_count, agent_id, agent_json},
    {"broker", register_broker_count, broker_id, broker_json},
};

/* Position of the entry with that id, or count. */
static size_t find(const struct section *section, const register_t *self, const char *id)
{
    size_t i = 0;

    while (i < section->count(self) && strcmp(section->id(self, i), id) != 0) {
        i++;
    }
    return i;
}

static void diff_section(
    json_t *out, const struct section *section, const register_t *before, const register_t *after)
{
    for (size_t i = 0; i < section->count(before); i++) {
        size_t other = find(section, after, section->id(before, i));
        put_change(out, section->what, section->id(before, i), section->json(before, i),
            other < section->count(after) ? section->json(after, other) : NULL);
    }
    for (size_t i = 0; i < section->count(after); i++) {
        if (find(section, before, section->id(after, i)) == section->count(before)) {
            put_change(out, section->what, section->id(after, i), NULL, section->json(after, i));
        }
    }
}

static json_t *head_to_compare(const register_t *self)
{
    static const char *const counts[] = {"hash", "authorities", "agents", "brokers"};
    json_t *head = register_head_json(self);

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        json_object_del(head, counts[i]);
    }
    return head;
}

json_t *register_diff(const register_t *before, const register_t *after)
{
    json_t *out = json_array();

    put_change(
        out, "register", register_network(after), head_to_compare(before), head_to_compare(after));
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        diff_section(out, &sections[i], before, after);
    }
    return out;
}
