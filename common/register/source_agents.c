/*
 * source_agents: the agents and brokers of a register, their keys from cards or written out. Faults are returned with
 * file and line.
 */
#include "common/register/source_build.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/civil.h"
#include "common/base/words.h"
#include "common/codec/event.h"
#include "common/crypto/keys.h"
#include "common/register/rules.h"

#include "common/base/banned.h"

enum { KEYS_OF_A_CARD = 3, NAMES_MAX = 3 };

static const char *const role_names[NAMES_MAX] = {"authority", "hub", "operator"};
static const char *const use_names[NAMES_MAX] = {"curve", "sign", "seal"};

static const struct zpl_word agent_words[] = {
    {"roles", false},
    {"regions", false},
    {"acts-for", false},
    {"revoked", false},
    {"card", true},
    {"key", true},
};
static const struct zpl_word card_words[] = {
    {"from", false},
    {"to", false},
    {"revoked", false},
    {"compromised-since", false},
};
static const struct zpl_word key_words[] = {
    {"use", false},
    {"from", false},
    {"to", false},
    {"revoked", false},
    {"compromised-since", false},
};
static const struct zpl_word broker_words[] = {
    {"card", false},
    {"curve", false},
    {"head", false},
};

/* Position of word among three names, from 1, as role and use are numbered; 0 and a complaint where it is none. */
static int number_of(
    struct source *self, zconfig_t *item, const char *const *names, const char *word)
{
    for (int i = 0; i < NAMES_MAX; i++) {
        if (strcmp(names[i], word) == 0) {
            return i + 1;
        }
    }
    const char *near = words_nearest_of(word, names, NAMES_MAX);
    zpl_complain(self->zpl, item, self->why, E_CONFIG, "\"%.40s\" is none of %s, %s, %s%s%s%s",
        word, names[0], names[1], names[2], near != NULL ? "; did you mean \"" : "",
        near != NULL ? near : "", near != NULL ? "\"?" : "");
    return 0;
}

/* ---- keys ---- */

/* A time that may be missing. */
static int read_time(struct source *self, zconfig_t *section, const char *name,
    protobuf_c_boolean *has, int64_t *out)
{
    zconfig_t *item = zpl_child(section, name);

    *has = item != NULL;
    if (item != NULL && civil_time_parse(zconfig_value(item), out) != 0) {
        return zpl_complain(self->zpl, item, self->why, E_CONFIG,
            "\"%s\" must be a time such as 2026-03-16T10:05:00Z, or London time without the Z",
            name);
    }
    return 0;
}

/* from, to, revoked and compromised-since of the section; *has_from tells whether it names the first. */
static int read_times(
    struct source *self, zconfig_t *section, Waypost__Key *key, protobuf_c_boolean *has_from)
{
    int rc = read_time(self, section, "from", has_from, &key->from_ms);

    if (rc == 0) {
        rc = read_time(self, section, "to", &key->has_to_ms, &key->to_ms);
    }
    if (rc == 0) {
        rc = read_time(self, section, "revoked", &key->has_revoked_ms, &key->revoked_ms);
    }
    if (rc == 0) {
        rc = read_time(self, section, "compromised-since", &key->has_compromised_since_ms,
            &key->compromised_since_ms);
    }
    return rc;
}

static Waypost__Key *add_key(
    struct source *self, Waypost__Agent *agent, const Waypost__Key *pattern)
{
    Waypost__Key *key = source_new(self, 1, sizeof *key);

    *key = *pattern;
    agent->keys[agent->n_keys++] = key;
    return key;
}

static int load_card(struct source *self, zconfig_t *item, struct keys *card)
{
    char path[SOURCE_PATH_BYTES];

    int rc = source_resolve(self, item, zconfig_value(item), path);
    return rc != 0 ? rc : keys_load_card(path, card, self->why);
}

static int read_card(struct source *self, zconfig_t *item, Waypost__Agent *agent)
{
    Waypost__Key pattern = WAYPOST__KEY__INIT;
    protobuf_c_boolean has_from = 0;
    struct keys card;

    int rc =
        zpl_check(self->zpl, item, card_words, sizeof card_words / sizeof card_words[0], self->why);
    if (rc == 0) {
        rc = load_card(self, item, &card);
    }
    if (rc != 0) {
        return rc;
    }
    if (strcmp(card.id, agent->id) != 0) {
        return zpl_complain(self->zpl, item, self->why, E_ID,
            "the card is that of \"%s\", not of \"%s\"; a card is never used for another agent",
            card.id, agent->id);
    }
    pattern.from_ms = card.made_ms;
    rc = read_times(self, item, &pattern, &has_from);
    const uint8_t *publics[KEYS_OF_A_CARD] = {
        card.curve_public, card.sign_public, card.seal_public};
    for (int i = 0; i < KEYS_OF_A_CARD && rc == 0; i++) {
        Waypost__Key *key = add_key(self, agent, &pattern);
        key->use = (Waypost__KeyUse)(i + 1); /* curve, sign, seal: as in use_names */
        key->key.len = SIGN_PUBLIC_BYTES;
        key->key.data = source_new(self, 1, key->key.len);
        memcpy(key->key.data, publics[i], key->key.len);
    }
    return rc;
}

static int read_key(struct source *self, zconfig_t *item, Waypost__Agent *agent)
{
    Waypost__Key pattern = WAYPOST__KEY__INIT;
    protobuf_c_boolean has_from = 0;

    int rc =
        zpl_check(self->zpl, item, key_words, sizeof key_words / sizeof key_words[0], self->why);
    if (rc == 0) {
        int use = number_of(self, item, use_names, zpl_text(item, "use", ""));
        pattern.use = (Waypost__KeyUse)use;
        rc = use == 0 ? E_CONFIG : 0;
    }
    if (rc == 0) {
        rc = read_times(self, item, &pattern, &has_from);
    }
    if (rc == 0 && !has_from) {
        rc = zpl_complain(self->zpl, item, self->why, E_CONFIG,
            "a key needs \"from\", the time from which it counts");
    }
    if (rc == 0) {
        rc = source_key(self, item, &pattern.key);
    }
    if (rc == 0) {
        (void)add_key(self, agent, &pattern);
    }
    return rc;
}

static int read_keys(struct source *self, zconfig_t *item, Waypost__Agent *agent)
{
    size_t room = KEYS_OF_A_CARD * source_count(item, "card") + source_count(item, "key");
    int rc = 0;

    agent->keys = source_new(self, room, sizeof(Waypost__Key *));
    for (zconfig_t *child = zconfig_child(item); child != NULL && rc == 0;
         child = zconfig_next(child)) {
        if (strcmp(zconfig_name(child), "card") == 0) {
            rc = read_card(self, child, agent);
        } else if (strcmp(zconfig_name(child), "key") == 0) {
            rc = read_key(self, child, agent);
        }
    }
    return rc;
}

/* ---- agents ---- */

static int read_roles(struct source *self, zconfig_t *item, Waypost__Agent *agent)
{
    zconfig_t *roles = zpl_child(item, "roles");
    char **words;
    size_t count;

    agent->roles = source_new(self, NAMES_MAX, sizeof *agent->roles);
    if (roles == NULL) {
        if (!event_code_valid(slice_of_text(agent->id))) {
            return zpl_complain(self->zpl, item, self->why, E_CONFIG,
                "say its \"roles\": authority, hub, operator; only an id that is an authority code "
                "needs none");
        }
        agent->roles[agent->n_roles++] = WAYPOST__ROLE__AUTHORITY;
    } else {
        int rc = source_words(self, roles, NAMES_MAX, &words, &count);
        for (size_t i = 0; i < count && rc == 0; i++) {
            int number = number_of(self, roles, role_names, words[i]);
            agent->roles[agent->n_roles++] = (Waypost__Role)number;
            rc = number == 0 ? E_CONFIG : 0;
        }
        if (rc != 0) {
            return rc;
        }
    }
    for (size_t i = 0; i < agent->n_roles; i++) {
        if (agent->roles[i] == WAYPOST__ROLE__AUTHORITY) {
            agent->code = agent->id;
        }
    }
    return 0;
}

static int read_agent(struct source *self, zconfig_t *item, Waypost__Agent *agent)
{
    zconfig_t *regions = zpl_child(item, "regions");
    zconfig_t *acts_for = zpl_child(item, "acts-for");

    agent->id = source_text(self, zconfig_value(item));
    int rc = zpl_check(
        self->zpl, item, agent_words, sizeof agent_words / sizeof agent_words[0], self->why);
    if (rc == 0 && !keys_id_valid(agent->id)) {
        rc = zpl_complain(self->zpl, item, self->why, E_ID,
            "an agent's id is 1 to 32 of A-Z, a-z, 0-9 and hyphen");
    }
    if (rc == 0) {
        rc = read_roles(self, item, agent);
    }
    if (rc == 0 && regions != NULL) {
        rc = source_words(self, regions, REGISTER_REGIONS_MAX, &agent->regions, &agent->n_regions);
    }
    if (rc == 0 && acts_for != NULL) {
        rc = source_words(
            self, acts_for, REGISTER_ACTS_FOR_MAX, &agent->acts_for, &agent->n_acts_for);
    }
    if (rc == 0) {
        rc = read_time(self, item, "revoked", &agent->has_revoked_ms, &agent->revoked_ms);
    }
    return rc != 0 ? rc : read_keys(self, item, agent);
}

static int compare_agents(const void *a, const void *b)
{
    return strcmp((*(Waypost__Agent *const *)a)->id, (*(Waypost__Agent *const *)b)->id);
}

int source_read_agents(struct source *self)
{
    zconfig_t *root = zpl_root(self->zpl);
    Waypost__Register *message = &self->message;
    int rc = 0;

    message->agents = source_new(self, source_count(root, "agent"), sizeof(Waypost__Agent *));
    for (zconfig_t *item = zconfig_child(root); item != NULL && rc == 0;
         item = zconfig_next(item)) {
        if (strcmp(zconfig_name(item), "agent") == 0) {
            Waypost__Agent *agent = source_new(self, 1, sizeof *agent);
            waypost__agent__init(agent);
            message->agents[message->n_agents++] = agent;
            rc = read_agent(self, item, agent);
        }
    }
    if (rc == 0) {
        qsort(message->agents, message->n_agents, sizeof(Waypost__Agent *), compare_agents);
    }
    return rc;
}

/* ---- brokers ---- */

static int read_broker_card(struct source *self, zconfig_t *item, Waypost__Broker *broker)
{
    struct keys card;

    int rc = load_card(self, item, &card);
    if (rc == 0) {
        broker->curve_key.len = CURVE_KEY_BYTES;
        broker->curve_key.data = source_new(self, 1, CURVE_KEY_BYTES);
        memcpy(broker->curve_key.data, card.curve_public, CURVE_KEY_BYTES);
        broker->head_key.len = SIGN_PUBLIC_BYTES;
        broker->head_key.data = source_new(self, 1, SIGN_PUBLIC_BYTES);
        memcpy(broker->head_key.data, card.sign_public, SIGN_PUBLIC_BYTES);
    }
    return rc;
}

static int read_broker(struct source *self, zconfig_t *item, Waypost__Broker *broker)
{
    zconfig_t *card = zpl_child(item, "card");
    zconfig_t *curve = zpl_child(item, "curve");
    zconfig_t *head = zpl_child(item, "head");

    broker->endpoint = source_text(self, zconfig_value(item));
    int rc = zpl_check(
        self->zpl, item, broker_words, sizeof broker_words / sizeof broker_words[0], self->why);
    bool fit = card != NULL ? curve == NULL && head == NULL : curve != NULL && head != NULL;
    if (rc == 0 && !fit) {
        rc = zpl_complain(self->zpl, item, self->why, E_CONFIG,
            "a broker needs either its \"card\", or both \"curve\" and \"head\"");
    }
    if (rc != 0 || card != NULL) {
        return rc != 0 ? rc : read_broker_card(self, card, broker);
    }
    rc = source_key(self, curve, &broker->curve_key);
    return rc != 0 ? rc : source_key(self, head, &broker->head_key);
}

int source_read_brokers(struct source *self)
{
    zconfig_t *root = zpl_root(self->zpl);
    Waypost__Register *message = &self->message;
    int rc = 0;

    message->brokers = source_new(self, source_count(root, "broker"), sizeof(Waypost__Broker *));
    for (zconfig_t *item = zconfig_child(root); item != NULL && rc == 0;
         item = zconfig_next(item)) {
        if (strcmp(zconfig_name(item), "broker") == 0) {
            Waypost__Broker *broker = source_new(self, 1, sizeof *broker);
            waypost__broker__init(broker);
            message->brokers[message->n_brokers++] = broker;
            rc = read_broker(self, item, broker);
        }
    }
    return rc;
}
