/*
 * register: see register.h. Signatures first, then the message, then its rules, then the indexes: nothing that the
 * roots have not signed is unpacked. Faults of the bytes are returned with a sentence; nothing is logged. Strings are
 * lent from the unpacked message, which lives as long as the register.
 */
#include "common/register/register.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/words.h"
#include "common/crypto/sign.h"
#include "common/register/envelope.h"
#include "common/register/rules.h"

#include "common/base/banned.h"

/* Which agent serves a code. */
struct service {
    const char *code; /* lent from the message */
    const struct register_agent *agent;
};

/* Where a CURVE key is. */
struct curve_slot {
    const struct register_key *key; /* NULL where free */
    const struct register_agent *agent;
};

struct register_book {
    struct buf bytes;           /* SignedRegister */
    struct slice body;          /* Register, inside bytes */
    struct hash hash;           /* of body */
    Waypost__Register *message; /* owned */
    uint8_t roots[REGISTER_ROOTS_MAX][SIGN_PUBLIC_BYTES];
    size_t authority_count;
    struct register_authority *authorities; /* sorted by code */
    size_t agent_count;
    struct register_agent *agents; /* sorted by id */
    struct register_key *keys;     /* of all agents, in their order */
    size_t broker_count;
    struct register_broker *brokers;
    size_t service_count;
    struct service *services; /* sorted by code */
    size_t curve_mask;        /* slots - 1, slots a power of two, at most half used */
    struct curve_slot *curves;
};

/* ---- building ---- */

static int64_t time_or_never(protobuf_c_boolean has, int64_t time_ms)
{
    return has ? time_ms : INT64_MAX;
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text != NULL && text[0] != '\0' ? text : otherwise;
}

static void copy_text(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);

    assert(len < size);
    memcpy(out, text, len + 1);
}

static void build_authorities(register_t *self)
{
    self->authority_count = self->message->n_authorities;
    self->authorities = mem_new(self->authority_count, sizeof *self->authorities);
    for (size_t i = 0; i < self->authority_count; i++) {
        const Waypost__Authority *from = self->message->authorities[i];
        struct register_authority *to = &self->authorities[i];
        copy_text(to->code, sizeof to->code, from->code);
        to->name = from->name;
        to->dfe = text_or(from->dfe, "");
        to->region = text_or(from->region, "");
        to->region_code = text_or(from->region_code, "");
        to->from_day = from->has_from_day ? from->from_day : INT32_MIN;
        to->until_day = from->has_until_day ? from->until_day : INT32_MAX;
        to->successor_count = from->n_successors;
        to->successors = (const char *const *)from->successors;
        to->profile = text_or(from->profile, "national");
    }
}

static void build_key(struct register_key *to, const Waypost__Key *from)
{
    to->use = (uint32_t)from->use;
    memcpy(to->key, from->key.data, sizeof to->key);
    hash_key_id(to->key, to->key_id);
    to->from_ms = from->from_ms;
    to->to_ms = time_or_never(from->has_to_ms, from->to_ms);
    to->revoked_ms = time_or_never(from->has_revoked_ms, from->revoked_ms);
    to->compromised_since_ms =
        time_or_never(from->has_compromised_since_ms, from->compromised_since_ms);
}

static void build_agent(
    struct register_agent *to, const Waypost__Agent *from, struct register_key *keys)
{
    copy_text(to->id, sizeof to->id, from->id);
    copy_text(to->code, sizeof to->code, text_or(from->code, ""));
    for (size_t i = 0; i < from->n_roles; i++) {
        to->roles |= UINT32_C(1) << from->roles[i];
    }
    to->revoked_ms = time_or_never(from->has_revoked_ms, from->revoked_ms);
    to->key_count = from->n_keys;
    to->keys = keys;
    for (size_t i = 0; i < from->n_keys; i++) {
        build_key(&keys[i], from->keys[i]);
    }
    to->region_count = from->n_regions;
    to->regions = (const char *const *)from->regions;
    to->acts_for_count = from->n_acts_for;
    to->acts_for = (const char *const *)from->acts_for;
}

/* Returns how many keys there are in all. */
static size_t build_agents(register_t *self)
{
    size_t key_count = 0;
    size_t next = 0;

    self->agent_count = self->message->n_agents;
    self->agents = mem_new(self->agent_count, sizeof *self->agents);
    for (size_t i = 0; i < self->agent_count; i++) {
        key_count += self->message->agents[i]->n_keys;
    }
    self->keys = mem_new(key_count, sizeof *self->keys);
    for (size_t i = 0; i < self->agent_count; i++) {
        build_agent(&self->agents[i], self->message->agents[i], &self->keys[next]);
        self->agents[i].number = (uint32_t)i;
        next += self->agents[i].key_count;
    }
    return key_count;
}

static void build_brokers(register_t *self)
{
    self->broker_count = self->message->n_brokers;
    self->brokers = mem_new(self->broker_count, sizeof *self->brokers);
    for (size_t i = 0; i < self->broker_count; i++) {
        const Waypost__Broker *from = self->message->brokers[i];
        self->brokers[i].endpoint = from->endpoint;
        memcpy(self->brokers[i].curve_key, from->curve_key.data, sizeof self->brokers[i].curve_key);
        memcpy(self->brokers[i].head_key, from->head_key.data, sizeof self->brokers[i].head_key);
    }
}

static int compare_services(const void *a, const void *b)
{
    return strcmp(((const struct service *)a)->code, ((const struct service *)b)->code);
}

static void build_services(register_t *self)
{
    size_t count = 0;

    for (size_t i = 0; i < self->agent_count; i++) {
        count += 1 + self->agents[i].acts_for_count;
    }
    self->services = mem_new(count, sizeof *self->services);
    for (size_t i = 0; i < self->agent_count; i++) {
        const struct register_agent *agent = &self->agents[i];
        if (agent->code[0] != '\0') {
            self->services[self->service_count++] = (struct service){agent->code, agent};
        }
        for (size_t j = 0; j < agent->acts_for_count; j++) {
            self->services[self->service_count++] = (struct service){agent->acts_for[j], agent};
        }
    }
    qsort(self->services, self->service_count, sizeof *self->services, compare_services);
}

/* A public key is as good as random; the factor spreads keys that somebody made alike in these eight bytes. */
static size_t curve_start(const register_t *self, const uint8_t *key)
{
    return (size_t)((get_u64(key) * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & self->curve_mask;
}

static void build_curves(register_t *self, size_t key_count)
{
    size_t slots = 2;

    while (slots < 2 * key_count) {
        slots *= 2;
    }
    self->curves = mem_new(slots, sizeof *self->curves);
    self->curve_mask = slots - 1;
    for (size_t i = 0; i < self->agent_count; i++) {
        const struct register_agent *agent = &self->agents[i];
        for (size_t j = 0; j < agent->key_count; j++) {
            if (agent->keys[j].use != REGISTER_KEY_CURVE) {
                continue;
            }
            size_t at = curve_start(self, agent->keys[j].key);
            while (self->curves[at].key != NULL) {
                at = (at + 1) & self->curve_mask;
            }
            self->curves[at] = (struct curve_slot){&agent->keys[j], agent};
        }
    }
}

/* ---- loading ---- */

/* Whom to believe: any of the three may be missing. */
struct trust {
    const struct register_pin *pin;
    const register_t *before;
    bool own; /* the roots that the register itself names are enough */
};

static bool votes_suffice(const struct envelope *envelope, const uint8_t (*roots)[32], size_t count,
    uint32_t threshold, size_t *votes_out)
{
    *votes_out = envelope_votes(envelope, roots, count);
    return threshold >= 1 && *votes_out >= threshold;
}

static int check_trust(
    const struct envelope *envelope, const struct trust *trust, struct complaint *why)
{
    const register_t *before = trust->before;
    uint32_t needed = before != NULL ? before->message->threshold : trust->pin->threshold;
    size_t votes = 0;
    size_t pinned = 0;

    if (before != NULL &&
        votes_suffice(envelope, before->roots, before->message->n_roots, before->message->threshold,
            &votes)) {
        return 0;
    }
    if (trust->pin != NULL && trust->pin->root_count <= REGISTER_ROOTS_MAX &&
        votes_suffice(
            envelope, trust->pin->roots, trust->pin->root_count, trust->pin->threshold, &pinned)) {
        return 0;
    }
    return complain(why, E_SIGNATURE,
        "the register has %zu valid signatures of roots trusted here, and %u are needed; get it "
        "from the registrar "
        "again, or compare the join file's fingerprint by telephone",
        votes > pinned ? votes : pinned, needed);
}

static int check_own_roots(
    const register_t *self, const struct envelope *envelope, struct complaint *why)
{
    size_t votes = 0;

    if (!votes_suffice(
            envelope, self->roots, self->message->n_roots, self->message->threshold, &votes)) {
        return complain(why, E_SIGNATURE,
            "the register has %zu valid signatures of the roots it names itself, and %u are "
            "needed; let further "
            "roots sign it",
            votes, self->message->threshold);
    }
    return 0;
}

static int check_network(const register_t *self, const struct trust *trust, struct complaint *why)
{
    const char *wanted = trust->before != NULL ? trust->before->message->network
        : trust->pin != NULL                   ? trust->pin->network
                                               : self->message->network;

    if (strcmp(self->message->network, wanted) != 0) {
        return complain(why, E_NETWORK,
            "the register is that of network \"%s\", but \"%.32s\" is expected; use the file of "
            "your own network",
            self->message->network, wanted);
    }
    return 0;
}

static int check_order(const register_t *self, const register_t *before, struct complaint *why)
{
    uint64_t version = self->message->version;
    uint64_t last = before->message->version;

    if (version == last && memcmp(self->hash.b, before->hash.b, HASH_BYTES) == 0) {
        return complain(
            why, E_DUPLICATE, "version %" PRIu64 " of the register is in force already", version);
    }
    if (version == last) {
        return complain(why, E_CONFLICT,
            "two registers bear version %" PRIu64
            "; ask the registrar which one counts, and for a higher version",
            version);
    }
    if (version < last) {
        return complain(why, E_ROLLBACK,
            "the register has version %" PRIu64 ", but version %" PRIu64
            " is in force; an older one is never taken back",
            version, last);
    }
    if (version == last + 1 &&
        (!self->message->has_previous ||
            memcmp(self->message->previous.data, before->hash.b, HASH_BYTES) != 0)) {
        return complain(why, E_CONFLICT,
            "version %" PRIu64 " of the register does not continue the version %" PRIu64
            " that is in force here; ask the registrar",
            version, last);
    }
    return 0;
}

static int unpack(register_t *self, struct complaint *why)
{
    self->message = waypost__register__unpack(NULL, self->body.len, self->body.data);
    if (self->message == NULL) {
        return complain(why, E_MALFORMED, "the register's contents are not a well-formed message");
    }
    int rc = rules_check(self->message, why);
    for (size_t i = 0; i < self->message->n_roots && rc == 0; i++) {
        memcpy(self->roots[i], self->message->roots[i].data, sizeof self->roots[i]);
    }
    return rc;
}

static int check_all(register_t *self, const struct trust *trust, struct complaint *why)
{
    struct envelope envelope;

    int rc = envelope_read(buf_slice(&self->bytes), &envelope, why);
    if (rc == 0 && !trust->own) {
        rc = check_trust(&envelope, trust, why);
    }
    if (rc != 0) {
        return rc;
    }
    self->body = envelope.register_bytes;
    self->hash = hash_of(SIGN_CONTEXT_REGISTER, self->body, slice_of(NULL, 0));
    rc = unpack(self, why);
    if (rc == 0) {
        rc = check_network(self, trust, why);
    }
    if (rc == 0) {
        rc = check_own_roots(self, &envelope, why);
    }
    if (rc == 0 && trust->before != NULL) {
        rc = check_order(self, trust->before, why);
    }
    return rc;
}

static int load(
    struct slice signed_bytes, const struct trust *trust, register_t **out, struct complaint *why)
{
    register_t *self = mem_new(1, sizeof *self);

    if (signed_bytes.len <= REGISTER_BYTES_MAX + 1) { /* envelope_read() says no to more */
        buf_put_slice(&self->bytes, signed_bytes);
    } else {
        buf_put(&self->bytes, signed_bytes.data, REGISTER_BYTES_MAX + 1);
    }
    int rc = check_all(self, trust, why);
    if (rc != 0) {
        register_destroy(&self);
        return rc;
    }
    build_authorities(self);
    build_curves(self, build_agents(self));
    build_services(self);
    build_brokers(self);
    *out = self;
    return 0;
}

int register_load(struct slice signed_bytes, const struct register_pin *pin,
    const register_t *before, register_t **out, struct complaint *why)
{
    const struct trust trust = {pin, before, false};

    assert(pin != NULL || before != NULL);
    return load(signed_bytes, &trust, out, why);
}

int register_load_unpinned(struct slice signed_bytes, register_t **out, struct complaint *why)
{
    const struct trust trust = {NULL, NULL, true};

    return load(signed_bytes, &trust, out, why);
}

void register_destroy(register_t **self_p)
{
    assert(self_p != NULL);
    register_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    free(self->curves);
    free(self->services);
    free(self->brokers);
    free(self->keys);
    free(self->agents);
    free(self->authorities);
    waypost__register__free_unpacked(self->message, NULL);
    buf_free(&self->bytes);
    free(self);
    *self_p = NULL;
}

/* ---- the whole ---- */

const char *register_network(const register_t *self)
{
    return self->message->network;
}

uint64_t register_version(const register_t *self)
{
    return self->message->version;
}

int64_t register_stale_ms(const register_t *self)
{
    bool given = self->message->has_stale_ms && self->message->stale_ms != 0;

    return given ? self->message->stale_ms : INT64_MAX;
}

struct slice register_bytes(const register_t *self)
{
    return buf_slice(&self->bytes);
}

struct slice register_body(const register_t *self)
{
    return self->body;
}

struct hash register_hash(const register_t *self)
{
    return self->hash;
}

int64_t register_issued_ms(const register_t *self)
{
    return self->message->issued_ms;
}

uint32_t register_threshold(const register_t *self)
{
    return self->message->threshold;
}

size_t register_root_count(const register_t *self)
{
    return self->message->n_roots;
}

const uint8_t *register_root_at(const register_t *self, size_t index)
{
    assert(index < self->message->n_roots);
    return self->roots[index];
}

int32_t register_retention_days(const register_t *self, uint32_t kind)
{
    for (size_t i = 0; i < self->message->n_retention; i++) {
        if (self->message->retention[i]->kind == kind) {
            return (int32_t)self->message->retention[i]->days;
        }
    }
    return -1;
}

/* ---- agents ---- */

size_t register_agent_count(const register_t *self)
{
    return self->agent_count;
}

const struct register_agent *register_agent_at(const register_t *self, size_t index)
{
    assert(index < self->agent_count);
    return &self->agents[index];
}

static int compare_id_to_agent(const void *id, const void *agent)
{
    return strcmp(id, ((const struct register_agent *)agent)->id);
}

const struct register_agent *register_agent_of(const register_t *self, const char *id)
{
    return bsearch(id, self->agents, self->agent_count, sizeof *self->agents, compare_id_to_agent);
}

const struct register_key *register_key_by_curve(
    const register_t *self, const uint8_t *curve_key, const struct register_agent **agent_out)
{
    size_t at = curve_start(self, curve_key);

    while (self->curves[at].key != NULL &&
        memcmp(self->curves[at].key->key, curve_key, sizeof self->curves[at].key->key) != 0) {
        at = (at + 1) & self->curve_mask;
    }
    if (agent_out != NULL) {
        *agent_out = self->curves[at].agent;
    }
    return self->curves[at].key;
}

const struct register_agent *register_agent_by_curve(
    const register_t *self, const uint8_t *curve_key)
{
    const struct register_agent *agent;

    (void)register_key_by_curve(self, curve_key, &agent);
    return agent;
}

static int compare_code_to_service(const void *code, const void *service)
{
    return strcmp(code, ((const struct service *)service)->code);
}

const struct register_agent *register_agent_serving(const register_t *self, const char *code)
{
    const struct service *found = bsearch(
        code, self->services, self->service_count, sizeof *self->services, compare_code_to_service);

    return found == NULL ? NULL : found->agent;
}

bool register_agent_speaks_for(const struct register_agent *agent, const char *code)
{
    if (agent->code[0] != '\0' && strcmp(agent->code, code) == 0) {
        return true;
    }
    for (size_t i = 0; i < agent->acts_for_count; i++) {
        if (strcmp(agent->acts_for[i], code) == 0) {
            return true;
        }
    }
    return false;
}

bool register_agent_has_role(const struct register_agent *agent, enum register_role role)
{
    return (agent->roles & UINT32_C(1) << role) != 0;
}

/* ---- authorities and brokers ---- */

size_t register_authority_count(const register_t *self)
{
    return self->authority_count;
}

const struct register_authority *register_authority_at(const register_t *self, size_t index)
{
    assert(index < self->authority_count);
    return &self->authorities[index];
}

static int compare_code_to_authority(const void *code, const void *authority)
{
    return strcmp(code, ((const struct register_authority *)authority)->code);
}

const struct register_authority *register_authority_of(const register_t *self, const char *code)
{
    return bsearch(code, self->authorities, self->authority_count, sizeof *self->authorities,
        compare_code_to_authority);
}

/* Codes and names in turn. */
static const char *authority_word_at(const void *known, size_t index)
{
    const register_t *self = known;

    if (index / 2 >= self->authority_count) {
        return NULL;
    }
    const struct register_authority *authority = &self->authorities[index / 2];
    return index % 2 == 0 ? authority->code : authority->name;
}

const char *register_authority_nearest(const register_t *self, const char *code_or_name)
{
    const char *near = words_nearest(code_or_name, authority_word_at, self);

    for (size_t i = 0; near != NULL && i < self->authority_count; i++) {
        if (near == self->authorities[i].code || near == self->authorities[i].name) {
            return self->authorities[i].code;
        }
    }
    return NULL;
}

size_t register_broker_count(const register_t *self)
{
    return self->broker_count;
}

const struct register_broker *register_broker_at(const register_t *self, size_t index)
{
    assert(index < self->broker_count);
    return &self->brokers[index];
}

/* ---- keys ---- */

const struct register_key *register_key_of(
    const struct register_agent *agent, enum register_key_use use, const uint8_t *key_id)
{
    for (size_t i = 0; i < agent->key_count; i++) {
        if (agent->keys[i].use == (uint32_t)use &&
            memcmp(agent->keys[i].key_id, key_id, KEY_ID_BYTES) == 0) {
            return &agent->keys[i];
        }
    }
    return NULL;
}

int register_key_valid(
    const struct register_agent *agent, const struct register_key *key, int64_t at_ms)
{
    if (at_ms >= agent->revoked_ms || at_ms >= key->revoked_ms ||
        at_ms >= key->compromised_since_ms) {
        return E_REVOKED;
    }
    return at_ms < key->from_ms || at_ms >= key->to_ms ? E_KEY : 0;
}

size_t register_keys_valid(const struct register_agent *agent, enum register_key_use use,
    int64_t at_ms, const struct register_key **out, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < agent->key_count; i++) {
        const struct register_key *key = &agent->keys[i];
        if (key->use != (uint32_t)use || register_key_valid(agent, key, at_ms) != 0) {
            continue;
        }
        size_t at = count < max ? count++ : count;
        while (at > 0 && out[at - 1]->from_ms < key->from_ms) {
            if (at < max) {
                out[at] = out[at - 1];
            }
            at--;
        }
        if (at < max) {
            out[at] = key;
        }
    }
    return count;
}

/* ---- routes ---- */

enum register_route register_route(const register_t *self, const char *code, int32_t day,
    const struct register_authority **authority_out)
{
    const struct register_authority *at = register_authority_of(self, code);
    enum register_route route = ROUTE_DIRECT;

    *authority_out = at;
    if (at == NULL) {
        return ROUTE_UNKNOWN;
    }
    /* A chain that is longer than the register runs in a circle: nobody is left to receive. */
    for (size_t steps = 0; day >= at->until_day; steps++) {
        *authority_out = at;
        if (at->successor_count != 1 || steps > self->authority_count) {
            return at->successor_count > 1 ? ROUTE_SPLIT : ROUTE_ABOLISHED;
        }
        at = register_authority_of(self, at->successors[0]);
        assert(at != NULL); /* rules.c: a successor is in the register */
        route = ROUTE_SUCCESSOR;
    }
    *authority_out = at;
    return route;
}
