/* agent_fixture: see agent_fixture.h. What cannot be set up ends the test by an assertion. */
#include "tests/support/agent_fixture_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/crypto/sign.h"
#include "common/register/envelope.h"
#include "register.pb-c.h"

#include "common/base/banned.h"

enum { KEYS_PER_AGENT = 6 };

/* ---- the world ---- */

static int64_t fake_wall(void *context)
{
    return ((struct agentfix *)context)->wall_ms;
}

static int64_t fake_mono(void *context)
{
    return ((struct agentfix *)context)->mono_ms;
}

static void fake_random(void *context, void *out, size_t len)
{
    struct agentfix *self = context;
    uint8_t *at = out;

    for (size_t i = 0; i < len; i++) {
        self->random = self->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        at[i] = (uint8_t)(self->random >> 56);
    }
}

/* ---- the register ---- */

struct agent_entry {
    Waypost__Agent agent;
    Waypost__Key keys[KEYS_PER_AGENT];
    Waypost__Key *key_list[KEYS_PER_AGENT];
    Waypost__Role role;
};

static void add_keys(struct agent_entry *entry, const struct keys *keys)
{
    const struct {
        Waypost__KeyUse use;
        const uint8_t *key;
    } uses[] = {{WAYPOST__KEY_USE__CURVE, keys->curve_public},
        {WAYPOST__KEY_USE__SIGN, keys->sign_public}, {WAYPOST__KEY_USE__SEAL, keys->seal_public}};

    for (size_t i = 0; i < 3; i++) {
        Waypost__Key *key = &entry->keys[entry->agent.n_keys];
        waypost__key__init(key);
        key->use = uses[i].use;
        key->key = binary(uses[i].key, 32);
        key->from_ms = 1;
        entry->key_list[entry->agent.n_keys++] = key;
    }
    entry->agent.keys = entry->key_list;
}

static void fill_agent(struct agent_entry *entry, const char *code, const struct keys *keys)
{
    memset(entry, 0, sizeof *entry);
    waypost__agent__init(&entry->agent);
    entry->agent.id = unconst(code);
    entry->agent.code = unconst(code);
    entry->role = WAYPOST__ROLE__AUTHORITY;
    entry->agent.n_roles = 1;
    entry->agent.roles = &entry->role;
    add_keys(entry, keys);
}

static void fill_authority(Waypost__Authority *row, const char *code, const char *name)
{
    waypost__authority__init(row);
    row->code = unconst(code);
    row->name = unconst(name);
    row->region = unconst("London");
    row->region_code = unconst("E12000007");
}

void agentfix_register(struct agentfix *self)
{
    Waypost__Register book = WAYPOST__REGISTER__INIT;
    Waypost__Authority rows[4];
    Waypost__Authority *row_list[4];
    Waypost__Broker broker = WAYPOST__BROKER__INIT;
    Waypost__Broker *brokers[] = {&broker};
    struct agent_entry entries[2];
    Waypost__Agent *agents[2];
    ProtobufCBinaryData roots[] = {binary(self->root.sign_public, 32)};
    char *successors[] = {unconst("E08000038")};
    struct buf bytes = {0};
    struct complaint why = {0};

    fill_authority(&rows[0], "E08000016", "Barnsley (old)");
    rows[0].has_until_day = true;
    rows[0].until_day = 20179;
    rows[0].n_successors = 1;
    rows[0].successors = successors;
    fill_authority(&rows[1], "E08000038", "Barnsley");
    fill_authority(&rows[2], AGENTFIX_PEER, "Camden");
    fill_authority(&rows[3], AGENTFIX_ME, "Islington");
    for (size_t i = 0; i < 4; i++) {
        row_list[i] = &rows[i];
    }
    fill_agent(&entries[0], AGENTFIX_PEER, &self->peer);
    if (self->peer_rotated) {
        add_keys(&entries[0], &self->peer_next);
    }
    fill_agent(&entries[1], AGENTFIX_ME, &self->me);
    agents[0] = &entries[0].agent;
    agents[1] = &entries[1].agent;
    broker.endpoint = unconst("tcp://broker.example:5670");
    broker.curve_key = binary(self->broker.curve_public, 32);
    broker.head_key = binary(self->broker.sign_public, 32);
    book.network = unconst(AGENTFIX_NETWORK);
    book.version = ++self->register_version;
    book.has_previous = self->register_version > 1;
    book.previous = binary(self->register_hash.b, HASH_BYTES);
    book.n_roots = 1;
    book.roots = roots;
    book.threshold = 1;
    book.issued_ms = self->wall_ms;
    book.n_authorities = 4;
    book.authorities = row_list;
    Waypost__Retention retention = WAYPOST__RETENTION__INIT;
    Waypost__Retention *retentions[] = {&retention};
    retention.kind = 1;
    retention.days = self->retention_days;
    book.n_retention = self->retention_days > 0 ? 1 : 0;
    book.retention = retentions;
    book.n_agents = 2;
    book.agents = agents;
    book.n_brokers = 1;
    book.brokers = brokers;
    message_encode(&book.base, &bytes);
    buf_clear(&self->register_bytes);
    int rc = envelope_sign(&self->register_bytes, buf_slice(&bytes), &self->root, &why);
    if (rc != 0) {
        (void)fprintf(stderr, "register: %s\n", why.text);
    }
    assert(rc == 0);
    self->register_hash = hash_of("waypost/register/1", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
}

/* ---- ports ---- */

static int port_send(void *context, struct slice frame)
{
    struct agentfix *self = context;

    if (!self->is_connected) {
        return E_UNREACHABLE;
    }
    assert(self->frame_count < AGENTFIX_FRAMES_MAX);
    buf_put_slice(&self->frames[self->frame_count++], frame);
    return 0;
}

static void port_connect(void *context, const struct keys *keys)
{
    struct agentfix *self = context;

    (void)keys;
    self->connects++;
}

static void port_disconnect(void *context)
{
    struct agentfix *self = context;

    self->is_connected = false;
}

static bool port_answer(void *context, uint64_t client, json_t *line)
{
    struct agentfix *self = context;

    (void)client;
    assert(self->answer_count < sizeof self->answers / sizeof self->answers[0]);
    self->answers[self->answer_count++] = line;
    return true;
}

/* ---- life ---- */

int agentfix_try_open(struct agentfix *self)
{
    struct complaint why = {0};
    const struct agent_ports ports = {self, port_send, port_connect, port_disconnect, port_answer};
    const struct agent_options options = {.network = AGENTFIX_NETWORK,
        .agent = AGENTFIX_ME,
        .pin = &self->pin,
        .keys = &self->me,
        .key_count = 1,
        .credit_events = 1024,
        .credit_bytes = 4194304,
        .receiver = self->receiver,
        .erase_due = self->erase_due,
        .dead_ms = self->dead_ms,
        .unread_ms = self->unread_ms};

    int rc = store_open(self->path, AGENTFIX_NETWORK, AGENTFIX_ME, &self->store, &why);
    rc = rc != 0 ? rc
                 : agent_core_new(&options, &self->world, self->store, &ports, &self->core, &why);
    if (rc != 0) {
        store_close(&self->store);
    }
    return rc;
}

void agentfix_open(struct agentfix *self)
{
    int rc = agentfix_try_open(self);

    if (rc != 0) {
        (void)fprintf(stderr, "agent: %s\n", err_text(rc));
    }
    assert(rc == 0);
}

void agentfix_close(struct agentfix *self)
{
    agent_core_destroy(&self->core);
    store_close(&self->store);
    self->is_connected = false;
    agentfix_forget(self);
}

void agentfix_setup(struct agentfix *self, const char *path)
{
    memset(self, 0, sizeof *self);
    crypto_start();
    self->wall_ms = INT64_C(1773655500000); /* 2026-03-16T10:05:00Z */
    self->mono_ms = 1000;
    self->random = 7;
    self->world = (struct world){fake_wall, fake_mono, fake_random, self};
    keys_make(&self->world, "root", &self->root);
    keys_make(&self->world, "broker", &self->broker);
    keys_make(&self->world, AGENTFIX_ME, &self->me);
    keys_make(&self->world, AGENTFIX_PEER, &self->peer);
    keys_make(&self->world, AGENTFIX_PEER, &self->peer_next);
    self->pin = (struct register_pin){.network = AGENTFIX_NETWORK, .root_count = 1, .threshold = 1};
    memcpy(self->pin.roots[0], self->root.sign_public, 32);
    (void)snprintf(self->path, sizeof self->path, "%s", path == NULL ? ":memory:" : path);
    fake_random(self, self->journal, sizeof self->journal);
    self->epoch = 1;
    self->credit_events = 1024;
    self->stream_epoch = 1;
    self->arena = arena_new(AGENTFIX_ARENA_BYTES);
    self->leaves[self->leaf_count++] = hash_of("first", slice_of(NULL, 0), slice_of(NULL, 0));
    agentfix_register(self);
    agentfix_open(self);
}

void agentfix_teardown(struct agentfix *self)
{
    agentfix_close(self);
    for (size_t i = 0; i < AGENTFIX_FRAMES_MAX; i++) {
        buf_free(&self->frames[i]);
    }
    for (size_t i = 0; i < self->answer_count; i++) {
        json_decref(self->answers[i]);
    }
    buf_free(&self->register_bytes);
    arena_destroy(&self->arena);
}

void agentfix_pass(struct agentfix *self, int64_t ms)
{
    self->wall_ms += ms;
    self->mono_ms += ms;
    agent_core_tick(self->core);
}

json_t *agentfix_ask(struct agentfix *self, const char *text)
{
    char *copy = mem_text(text);

    for (char *at = copy; *at != '\0'; at++) {
        *at = (char)(*at == '\'' ? '"' : *at);
    }
    json_error_t where;
    json_t *request = json_loads(copy, 0, &where);
    assert(request != NULL);
    json_t *answer = agent_core_request(self->core, 1, request);
    json_decref(request);
    free(copy);
    agent_core_tick(self->core);
    return answer;
}

bool agentfix_alarm(struct agentfix *self, const char *name)
{
    return store_has_alarm(self->store, name);
}

/* ---- frames ---- */

Waypost__Frame *agentfix_take(struct agentfix *self, Waypost__Frame__BodyCase body)
{
    for (size_t i = 0; i < self->frame_count; i++) {
        Waypost__Frame *frame = NULL;
        arena_reset(self->arena);
        int rc = frame_decode(self->arena, buf_slice(&self->frames[i]), &frame);
        assert(rc == 0);
        if (frame->body_case != body) {
            continue;
        }
        struct buf taken = self->frames[i];
        memmove(&self->frames[i], &self->frames[i + 1],
            (self->frame_count - i - 1) * sizeof self->frames[0]);
        self->frame_count--;
        buf_clear(&taken);
        self->frames[self->frame_count] = taken; /* its memory is used again */
        return frame;
    }
    return NULL;
}

void agentfix_forget(struct agentfix *self)
{
    for (size_t i = 0; i < self->frame_count; i++) {
        buf_clear(&self->frames[i]);
    }
    self->frame_count = 0;
}

void agentfix_frame(struct agentfix *self, struct slice bytes)
{
    if (self->holds_tick) {
        agent_core_frame(self->core, bytes);
        return;
    }
    agent_core_gather(self->core); /* as the program does with what came together */
    agent_core_frame(self->core, bytes);
    agent_core_gathered(self->core);
    agent_core_tick(self->core);
}

void agentfix_give(struct agentfix *self, Waypost__Frame *frame)
{
    struct buf bytes = {0};

    if (self->tamper != NULL) {
        self->tamper(self, frame);
    }
    frame_encode(frame, &bytes);
    agentfix_frame(self, buf_slice(&bytes));
    buf_free(&bytes);
}

/* ---- heads ---- */

/* RFC 6962, 2.1.2: PROOF(m, D[n]) over leaves[from .. from + n). */
void agentfix_consistency(const struct agentfix *self, size_t from, size_t old_size, size_t size,
    bool whole, struct merkle_path *out)
{
    if (old_size == size) {
        if (!whole) {
            out->step[out->count++] = merkle_root(&self->leaves[from], size);
        }
        return;
    }
    size_t half = 1;
    while (half * 2 < size) {
        half *= 2;
    }
    if (old_size <= half) {
        agentfix_consistency(self, from, old_size, half, whole, out);
        out->step[out->count++] = merkle_root(&self->leaves[from + half], size - half);
    } else {
        agentfix_consistency(self, from + half, old_size - half, size - half, false, out);
        out->step[out->count++] = merkle_root(&self->leaves[from], half);
    }
}

void agentfix_head(struct agentfix *self, bool forged, struct head_bytes *out)
{
    Waypost__Head head = WAYPOST__HEAD__INIT;
    struct hash root = agentfix_root(self, self->leaf_count);

    memset(out, 0, sizeof *out);
    head.network = unconst(AGENTFIX_NETWORK);
    head.journal = binary(self->journal, sizeof self->journal);
    head.epoch = self->epoch;
    head.size = self->leaf_count;
    head.root = binary(root.b, HASH_BYTES);
    head.time_ms = self->wall_ms;
    message_encode(&head.base, &out->statement);
    sign_make(SIGN_CONTEXT_HEAD, buf_slice(&out->statement),
        forged ? self->peer.sign_secret : self->broker.sign_secret, out->signature);
    waypost__signed__init(&out->message);
    out->message.statement = binary_buf(&out->statement);
    out->message.signature = binary(out->signature, sizeof out->signature);
}

/* ---- sessions ---- */

void agentfix_connect(struct agentfix *self)
{
    unsigned before = self->connects;

    for (int i = 0; i < 100 && self->connects == before; i++) {
        agentfix_pass(self, 1000);
    }
    assert(self->connects > before);
    self->is_connected = true;
    agent_core_connected(self->core, "tcp://broker.example:5670");
}

void agentfix_welcome(struct agentfix *self)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Welcome welcome = WAYPOST__WELCOME__INIT;
    struct head_bytes head;
    struct merkle_path path = {0};
    ProtobufCBinaryData steps[MERKLE_PATH_MAX];
    Waypost__Frame *said = agentfix_take(self, WAYPOST__FRAME__BODY_HELLO);

    assert(said != NULL);
    Waypost__Hello *hello = said->hello;
    agentfix_head(self, false, &head);
    welcome.version = 1;
    welcome.head = &head.message;
    welcome.incarnation_known = self->incarnation_known;
    welcome.last_sequence = self->last_sequence;
    welcome.has_last_leaf = self->last_sequence > 0;
    welcome.last_leaf = binary(self->last_leaf.b, HASH_BYTES);
    welcome.register_version = self->register_version;
    welcome.credit_events = self->credit_events;
    welcome.credit_bytes = 4194304;
    welcome.stream_epoch = self->stream_epoch;
    welcome.stream_acked = self->stream_acked;
    welcome.stream_last = self->stream_last;
    welcome.heartbeat_ms = 10000;
    welcome.time_ms = self->wall_ms;
    welcome.own_events = self->own_events;
    if (hello->seen_head != NULL) {
        Waypost__Head *seen = message_decode(
            self->arena, &waypost__head__descriptor, slice_from(hello->seen_head->statement));
        welcome.head_extends = seen->size <= self->leaf_count;
        if (welcome.head_extends) {
            agentfix_consistency(self, 0, seen->size, self->leaf_count, true, &path);
        }
    }
    for (uint32_t i = 0; i < path.count; i++) {
        steps[i] = binary(path.step[i].b, HASH_BYTES);
    }
    welcome.n_consistency = path.count;
    welcome.consistency = steps;
    frame.body_case = WAYPOST__FRAME__BODY_WELCOME;
    frame.welcome = &welcome;
    agentfix_give(self, &frame);
    buf_free(&head.statement);
}

void agentfix_give_register(struct agentfix *self)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__RegisterIs body = WAYPOST__REGISTER_IS__INIT;

    if (agentfix_take(self, WAYPOST__FRAME__BODY_REGISTER_GET) == NULL) {
        return;
    }
    body.version = self->register_version;
    body.signed_register = binary_buf(&self->register_bytes);
    frame.body_case = WAYPOST__FRAME__BODY_REGISTER_IS;
    frame.register_is = &body;
    agentfix_give(self, &frame);
}

void agentfix_online(struct agentfix *self)
{
    agentfix_connect(self);
    agentfix_welcome(self);
    agentfix_give_register(self);
}

void agentfix_refuse(
    struct agentfix *self, int code, uint32_t body, uint64_t first, int index, uint64_t expected)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Refused refused = WAYPOST__REFUSED__INIT;

    refused.code = (uint32_t)-code;
    refused.text = unconst(err_text(code));
    refused.frame = body;
    refused.has_first_sequence = first > 0;
    refused.first_sequence = first;
    refused.has_index = index >= 0;
    refused.index = index >= 0 ? (uint32_t)index : 0;
    refused.has_expected = expected > 0;
    refused.expected = expected;
    frame.body_case = WAYPOST__FRAME__BODY_REFUSED;
    frame.refused = &refused;
    agentfix_give(self, &frame);
}

/* ---- for cmocka ---- */

int agentfix_begin(void **state)
{
    struct agentfix *self = mem_new(1, sizeof *self);

    agentfix_setup(self, NULL);
    agentfix_online(self);
    *state = self;
    return 0;
}

int agentfix_end(void **state)
{
    agentfix_teardown(*state);
    free(*state);
    return 0;
}
