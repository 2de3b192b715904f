/* virtual_book: see virtual_book.h. Cannot fail; a plan that makes no register is asserted. */
#include "client/lab/virtual_book.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/codec/frame.h"
#include "common/register/envelope.h"
#include "register.pb-c.h"

#include "common/base/banned.h"

enum { KEYS_PER_AGENT = 3 };

static char *unconst(const char *text)
{
    return (char *)(uintptr_t)text; /* protobuf-c has no const */
}

static ProtobufCBinaryData key_data(const uint8_t *key)
{
    return (ProtobufCBinaryData){32, (uint8_t *)(uintptr_t)key};
}

/* ---- authorities ---- */

static void authority_fill(Waypost__Authority *row, const struct book_authority *from)
{
    waypost__authority__init(row);
    row->code = unconst(from->code);
    row->name = unconst(from->name);
    row->region = unconst(from->region_code);
    row->region_code = unconst(from->region_code);
    row->has_from_day = from->from_day != INT32_MIN;
    row->from_day = from->from_day;
    row->has_until_day = from->until_day != INT32_MAX;
    row->until_day = from->until_day;
    row->n_successors = from->successor_count;
    row->successors = (char **)(uintptr_t)from->successors;
}

static int by_code(const void *a, const void *b)
{
    const Waypost__Authority *const *left = a;
    const Waypost__Authority *const *right = b;

    return strcmp((*left)->code, (*right)->code);
}

/* ---- agents ---- */

struct agent_row {
    Waypost__Agent agent;
    Waypost__Key keys[KEYS_PER_AGENT];
    Waypost__Key *key_list[KEYS_PER_AGENT];
    Waypost__Role role;
    char *region;
    char *acts_for;
};

static void agent_fill(struct agent_row *row, const struct book_agent *from)
{
    const struct {
        Waypost__KeyUse use;
        const uint8_t *key;
    } uses[KEYS_PER_AGENT] = {{WAYPOST__KEY_USE__CURVE, from->keys->curve_public},
        {WAYPOST__KEY_USE__SIGN, from->keys->sign_public},
        {WAYPOST__KEY_USE__SEAL, from->keys->seal_public}};

    waypost__agent__init(&row->agent);
    row->agent.id = unconst(from->keys->id);
    row->agent.code = from->code[0] == '\0' ? NULL : unconst(from->code);
    row->role = (Waypost__Role)from->role;
    row->agent.n_roles = 1;
    row->agent.roles = &row->role;
    for (size_t i = 0; i < KEYS_PER_AGENT; i++) {
        waypost__key__init(&row->keys[i]);
        row->keys[i].use = uses[i].use;
        row->keys[i].key = key_data(uses[i].key);
        row->keys[i].from_ms = 1;
        row->key_list[i] = &row->keys[i];
    }
    row->agent.n_keys = KEYS_PER_AGENT;
    row->agent.keys = row->key_list;
    row->region = unconst(from->region);
    row->agent.n_regions = from->region[0] != '\0';
    row->agent.regions = &row->region;
    row->acts_for = unconst(from->acts_for);
    row->agent.n_acts_for = from->acts_for[0] != '\0';
    row->agent.acts_for = &row->acts_for;
    row->agent.has_revoked_ms = from->revoked_ms != INT64_MAX;
    row->agent.revoked_ms = from->revoked_ms;
}

static int by_id(const void *a, const void *b)
{
    const Waypost__Agent *const *left = a;
    const Waypost__Agent *const *right = b;

    return strcmp((*left)->id, (*right)->id);
}

/* ---- the whole ---- */

static void encode_lists(Waypost__Register *book, const struct book_plan *plan, struct buf *out)
{
    Waypost__Authority *rows = mem_new(plan->authority_count + 1, sizeof *rows);
    Waypost__Authority **list = mem_new(plan->authority_count + 1, sizeof(Waypost__Authority *));
    struct agent_row *agents = mem_new(plan->agent_count + 1, sizeof *agents);
    Waypost__Agent **agent_list = mem_new(plan->agent_count + 1, sizeof(Waypost__Agent *));

    for (size_t i = 0; i < plan->authority_count; i++) {
        authority_fill(&rows[i], &plan->authorities[i]);
        list[i] = &rows[i];
    }
    qsort(list, plan->authority_count, sizeof(Waypost__Authority *), by_code);
    for (size_t i = 0; i < plan->agent_count; i++) {
        agent_fill(&agents[i], &plan->agents[i]);
        agent_list[i] = &agents[i].agent;
    }
    qsort(agent_list, plan->agent_count, sizeof(Waypost__Agent *), by_id);
    book->n_authorities = plan->authority_count;
    book->authorities = list;
    book->n_agents = plan->agent_count;
    book->agents = agent_list;
    message_encode(&book->base, out);
    free(rows);
    free(list);
    free(agents);
    free(agent_list);
}

static void encode(const struct virtual_book *self, const struct book_plan *plan, struct buf *out)
{
    Waypost__Register book = WAYPOST__REGISTER__INIT;
    Waypost__Broker broker = WAYPOST__BROKER__INIT;
    Waypost__Broker *brokers[] = {&broker};
    ProtobufCBinaryData roots[] = {key_data(plan->root->sign_public)};

    broker.endpoint = unconst("tcp://broker.example:5670");
    broker.curve_key = key_data(plan->broker->curve_public);
    broker.head_key = key_data(plan->broker->sign_public);
    book.network = unconst(plan->network);
    book.version = self->version + 1;
    book.has_previous = self->version > 0;
    book.previous = (ProtobufCBinaryData){HASH_BYTES, (uint8_t *)(uintptr_t)self->hash.b};
    book.n_roots = 1;
    book.roots = roots;
    book.threshold = 1;
    book.issued_ms = plan->issued_ms;
    book.n_brokers = 1;
    book.brokers = brokers;
    encode_lists(&book, plan, out);
}

void virtual_book_sign(struct virtual_book *self, const struct book_plan *plan)
{
    struct buf bytes = {0};
    struct complaint why = {0};

    encode(self, plan, &bytes);
    buf_clear(&self->signed_book);
    int rc = envelope_sign(&self->signed_book, buf_slice(&bytes), plan->root, &why);
    assert(rc == 0);
    self->version++;
    self->hash = hash_of("waypost/register/1", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
}

void virtual_book_free(struct virtual_book *self)
{
    buf_free(&self->signed_book);
}

struct register_pin virtual_book_pin(const struct book_plan *plan)
{
    struct register_pin pin = {.network = plan->network, .root_count = 1, .threshold = 1};

    memcpy(pin.roots[0], plan->root->sign_public, sizeof pin.roots[0]);
    return pin;
}
