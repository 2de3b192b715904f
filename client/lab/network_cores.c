/*
 * network_cores: see network_cores.h. What the cores refuse and a scenario needs is kept as the network's fault, in a
 * sentence; the rehearsal ends at it.
 */
#include "client/lab/network_cores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent/store_sql.h"
#include "client/lab/cast.h"
#include "client/lab/core_look.h"
#include "client/lab/cores_book.h"
#include "client/lab/cores_handover.h"
#include "client/lab/parties.h"
#include "client/lab/reading_core.h"
#include "client/lab/virtual_network.h"
#include "common/base/check.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

#define HUB_ID "rehearsal-hub"
#define NETWORK "rehearsal"
#define BEFORE_MS INT64_C(3600000) /* that the network stands before the story begins */

enum {
    QUIET_MS = 400,  /* above every pause that agents make while there is something to do */
    LIMIT_MS = 2000, /* then it is looked whether something is open still */
    ROUNDS_MAX = 120,
    SEGMENT_BYTES = 1048576,
    WORDS_MAX = 256,
    ARENA_BYTES = 1048576,
    DETAIL_BYTES = 128,
    FAULT_BYTES = 1024
};

struct cores {
    struct parties parties; /* first: parties_network() */
    const scenario_t *scenario;
    struct cast cast;
    bool *again;   /* owned, one an event: to be sent again when it has arrived */
    bool *offline; /* owned, one a row of the cast */
    size_t hub;    /* agent */
    virtual_network_t *network;
    struct handover handover;
    struct disk disk;
    shelf_t *shelf;
    struct buf tables;
    reading_core_t *away; /* owned; while the broker is down: what its journal says */
    json_t *error;        /* owned; the last answer that was no */
    uint64_t leaves;      /* of the journal, read for the log */
    uint64_t read_hint;   /* position of the last of them */
    arena_t *arena;
    size_t word_count;
    const char *words[WORDS_MAX]; /* of records; on the shelf */
    char fault[FAULT_BYTES];      /* "" for none */
};

static void stop(void *context, const char *text)
{
    struct cores *self = context;

    if (self->fault[0] == '\0') {
        (void)snprintf(self->fault, sizeof self->fault, "%s", text);
    }
}

/* ---- who is who ---- */

static size_t row_of(const struct cores *self, const char *code)
{
    size_t at = 0;

    while (at < self->cast.count && strcmp(self->cast.rows[at].code, code) != 0) {
        at++;
    }
    return at;
}

/* The network's number of whoever speaks for a code: agents were added in the order of the cast. */
static size_t agent_of(const struct cores *self, const char *id)
{
    size_t row = row_of(self, id);
    size_t agent = 0;

    if (row == self->cast.count) {
        return self->hub;
    }
    for (size_t i = 0; i < self->cast.rows[row].agent; i++) {
        agent += self->cast.rows[i].agent == i ? 1 : 0;
    }
    return agent;
}

static json_t *ask(void *context, const char *id, json_t *request, const char **error)
{
    struct cores *self = context;
    json_t *answer = virtual_ask(self->network, agent_of(self, id), request);

    json_decref(request);
    if (json_is_true(json_object_get(answer, "ok"))) {
        return answer;
    }
    json_decref(self->error);
    self->error = answer;
    const char *text = json_string_value(json_object_get(answer, "error"));
    *error = text == NULL ? "it gives no answer" : text;
    return NULL;
}

/* ---- what the broker says: its engine at once, the rest as its journal has it ---- */

/* A word that lives as long as the network: the tables it lends from end with the broker. */
static const char *word_kept(struct cores *self, const char *word)
{
    if (word == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < self->word_count; i++) {
        if (strcmp(self->words[i], word) == 0) {
            return self->words[i];
        }
    }
    assert(self->word_count < WORDS_MAX); /* kinds, clocks and rules are fewer */
    self->words[self->word_count] = shelf_text(self->shelf, word, strlen(word));
    return self->words[self->word_count++];
}

static void hear(void *context, const struct engine_record *record)
{
    struct cores *self = context;
    struct engine_record kept = *record;

    kept.kind = word_kept(self, record->kind);
    kept.clock = word_kept(self, record->clock);
    kept.rule = word_kept(self, record->rule);
    record_log_add(&self->parties.log, &kept);
}

/* The engine speaks of routing too; that is in the log already. */
static bool is_heard(const Waypost__Derived *derived)
{
    return derived_said_by_engine(derived) ||
        derived->kind == WAYPOST__SYSTEM_KIND__CODE_SUPERSEDED ||
        derived->kind == WAYPOST__SYSTEM_KIND__RETURNED_TO_SENDER;
}

static int hear_derived(void *context, const Waypost__Derived *derived)
{
    struct cores *self = context;
    char word[DERIVED_WORD_BYTES];
    char detail[DETAIL_BYTES];

    if (is_heard(derived)) {
        return 0;
    }
    (void)snprintf(detail, sizeof detail, "%s%s", derived->by != NULL ? "by=" : "",
        derived->by != NULL ? derived->by : "");
    record_log_add(&self->parties.log,
        &(struct engine_record){.kind = word_kept(self, derived_word((int)derived->kind, word)),
            .transfer = derived->has_transfer ? derived->transfer.data : NULL,
            .subject = derived->has_subject ? derived->subject.data : NULL,
            .event = derived->has_event ? derived->event.data : NULL,
            .at_ms = derived->at_ms,
            .recorded_ms = derived->at_ms,
            .detail = detail});
    return 0;
}

static int hear_record(void *context, const struct record *record, uint64_t position)
{
    struct cores *self = context;

    self->leaves = record->sequence + 1;
    self->read_hint = position;
    return record->type == RECORD_DERIVED
        ? derived_walk(self->arena, record->body, hear_derived, self)
        : 0;
}

static void read_journal(struct cores *self)
{
    if (virtual_broker_up(self->network) &&
        journal_replay(virtual_journal(self->network), self->leaves, self->read_hint, hear_record,
            self) != 0) {
        stop(self, "a record of the journal cannot be read");
    }
}

/* ---- rest ---- */

/* Everything that the journal has for whoever is linked is acknowledged there. */
static bool streams_are_done(const struct cores *self, const core_t *core)
{
    uint64_t waiting = core_look_waiting(core, HUB_ID);

    for (size_t row = 0; row < self->cast.count; row++) {
        if (self->cast.rows[row].agent == row && !self->offline[row]) {
            waiting += core_look_waiting(core, self->cast.rows[row].code);
        }
    }
    return waiting == 0;
}

static bool agents_are_online(const struct cores *self)
{
    for (size_t row = 0; row < self->cast.count; row++) {
        size_t agent = agent_of(self, self->cast.rows[row].code);
        if (!self->offline[self->cast.rows[row].agent] &&
            !agent_core_online(virtual_agent_core(self->network, agent))) {
            return false;
        }
    }
    return agent_core_online(virtual_agent_core(self->network, self->hub));
}

static int64_t next_due_ms(const struct cores *self)
{
    const core_t *core = virtual_core(self->network);

    const engine_t *engine = core == NULL ? NULL : core_look_engine(core);

    return engine == NULL ? INT64_MAX : engine_next_ms(engine);
}

static bool is_done(const struct cores *self)
{
    const core_t *core = virtual_core(self->network);

    return core == NULL ||
        (agents_are_online(self) && core_look_judged(core) && streams_are_done(self, core) &&
            next_due_ms(self) > virtual_time(self->network)->wall_ms);
}

static void settle(struct cores *self)
{
    int round = 0;

    parties_forget(&self->parties);
    do {
        (void)virtual_settle(self->network, QUIET_MS, LIMIT_MS);
    } while (!is_done(self) && ++round < ROUNDS_MAX);
    if (round == ROUNDS_MAX) {
        stop(self, "broker and agents do not come to rest");
    }
    read_journal(self);
}

/* ---- what happens ---- */

static void set_wall(struct cores *self, int64_t now_ms)
{
    virtual_time(self->network)->wall_ms = now_ms;
    if (virtual_broker_up(self->network)) {
        core_trust_clock(virtual_core(self->network));
    }
}

static void advance(void *context, int64_t now_ms)
{
    struct cores *self = context;

    for (int64_t due_ms = next_due_ms(self); due_ms < now_ms && self->fault[0] == '\0';
         due_ms = next_due_ms(self)) {
        set_wall(self, due_ms);
        settle(self);
    }
    set_wall(self, now_ms);
    settle(self);
}

/*
 * The agent goes back to its store as it was between the broker's commit and the receipt's arrival, and its next start
 * sends the batch again. Receipts come in the order of the batches, so those behind it are lost as well, and their
 * events sent again with it.
 */
static void lose_receipts(void *context, store_t *store)
{
    static const char *const steps[] = {
        "UPDATE outbox SET state = 1, accepted_ms = 0 WHERE state = 2 AND batch >="
        " (SELECT batch FROM outbox WHERE event = ?1)",
        "UPDATE batches SET leaf_index = NULL, accepted_ms = NULL, receipt = NULL WHERE id >="
        " (SELECT batch FROM outbox WHERE event = ?1)",
    };
    const struct party_event *event = context;

    store_begin(store);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        sqlite3_stmt *statement = store_sql(store, steps[i]);
        sql_id(statement, 1, event->bytes);
        store_run(store, statement);
    }
    (void)store_commit(store);
}

static bool is_linked(const struct cores *self, const char *code)
{
    return virtual_broker_up(self->network) &&
        !self->offline[self->cast.rows[row_of(self, code)].agent];
}

static void send_again(struct cores *self, uint32_t event)
{
    struct complaint why = {0};
    const char *sender = self->scenario->events[event].from;
    size_t agent = agent_of(self, sender);

    self->again[event] =
        !is_linked(self, sender) || parties_fate(&self->parties, event) == FATE_WAITING;
    if (self->again[event]) {
        return; /* it stands in the outbox once; whoever says it twice does so when the broker is there */
    }
    if (virtual_agent_restart(
            self->network, agent, lose_receipts, &self->parties.events[event], &why) != 0) {
        stop(self, why.text);
    }
}

static void send_what_waited(struct cores *self)
{
    for (uint32_t i = 0; i < self->scenario->event_count; i++) {
        if (self->again[i] && is_linked(self, self->scenario->events[i].from) &&
            parties_fate(&self->parties, i) == FATE_ACCEPTED) {
            send_again(self, i);
            settle(self);
        }
    }
}

static void publish(void *context, uint32_t event, bool again)
{
    struct cores *self = context;

    if (again) {
        send_again(self, event);
    } else {
        parties_send(&self->parties, event);
    }
    settle(self);
}

static int open_event(
    void *context, const char *code, uint32_t event, const char *role, const char *team)
{
    struct cores *self = context;
    int rc = parties_open(&self->parties, code, event, role, team);

    settle(self);
    return rc;
}

/* Agents whose links are down, in the order of their codes. */
static void come_back(struct cores *self, const size_t *agents, size_t count)
{
    if (!handover_run(&self->handover, agents, count)) {
        stop(self, "an agent that is back does not hand over its outbox");
    }
    settle(self);
    send_what_waited(self);
}

static void set_link(void *context, const char *code, bool up)
{
    struct cores *self = context;
    size_t agent = agent_of(self, code);
    bool *offline = &self->offline[self->cast.rows[row_of(self, code)].agent];

    if (*offline == !up) {
        return;
    }
    *offline = !up;
    if (up && virtual_broker_up(self->network)) {
        come_back(self, &agent, 1);
    } else {
        virtual_link(self->network, agent, up ? LINK_UP : LINK_DOWN);
        settle(self);
    }
}

static const char *name_of(const struct cores *self, size_t row)
{
    return self->cast.rows[self->cast.rows[row].agent].code;
}

/* ---- what the journal says by itself ---- */

static bool frame_leaves(void *context, size_t agent, bool to_broker, struct slice frame)
{
    struct cores *self = context;

    handover_frame(&self->handover, agent, to_broker, frame);
    return true;
}

static int64_t travel_ms(void *context, size_t agent, bool to_broker)
{
    struct cores *self = context;

    (void)agent;
    (void)to_broker;
    return handover_travel_ms(&self->handover);
}

static int amend(void *context, procedures_t *tables, struct complaint *why)
{
    const struct cores *self = context;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < self->scenario->override_count; i++) {
        rc = scenario_override_apply(&self->scenario->overrides[i], tables, why);
    }
    return rc;
}

struct copying {
    const struct disk *from, *to;
};

static void copy_file(void *context, const char *name)
{
    const struct copying *self = context;
    struct buf bytes = {0};
    uint64_t size = 0;
    size_t got = 0;
    int file;

    if (strcmp(name, "lock") == 0 ||
        self->from->open(self->from->context, name, false, &file) != 0) {
        return;
    }
    if (self->from->size(self->from->context, file, &size) == 0) {
        buf_reserve(&bytes, (size_t)size + 1);
        (void)self->from->read_at(self->from->context, file, bytes.data, (size_t)size, 0, &got);
    }
    self->from->close(self->from->context, file);
    if (self->to->open(self->to->context, name, true, &file) == 0) {
        (void)self->to->write_at(self->to->context, file, slice_of(bytes.data, got), 0);
        self->to->close(self->to->context, file);
    }
    buf_free(&bytes);
}

static void copy_journal(void *context, const struct disk *to)
{
    const struct cores *self = context;
    const struct copying copying = {&self->disk, to};

    (void)self->disk.list(self->disk.context, copy_file, (void *)(uintptr_t)&copying);
}

static int read_anew(struct cores *self, reading_core_t **out, struct complaint *why)
{
    const struct reading_source source = {.network = NETWORK,
        .keys = virtual_broker_keys(self->network),
        .copy = copy_journal,
        .amend = amend,
        .context = self};

    return reading_core_open(&source, out, why);
}

static void stop_broker(struct cores *self)
{
    struct complaint why = {0};

    virtual_broker_kill(self->network);
    if (read_anew(self, &self->away, &why) != 0) {
        stop(self, why.text);
    }
    settle(self);
}

static int by_code(const void *a, const void *b)
{
    return strcmp(((const struct cast_row *)a)->code, ((const struct cast_row *)b)->code);
}

/* Agents that are online, in the order of their codes; owned by the caller. Their links go down. */
static size_t *hold_back(struct cores *self, size_t *count)
{
    size_t *agents = mem_new(self->cast.count + 1, sizeof *agents);
    struct cast_row *rows = mem_new(self->cast.count + 1, sizeof *rows);
    size_t row_count = 0;

    for (size_t row = 0; row < self->cast.count; row++) {
        if (self->cast.rows[row].agent == row && !self->offline[row]) {
            rows[row_count++] = self->cast.rows[row];
        }
    }
    qsort(rows, row_count, sizeof *rows, by_code);
    for (*count = 0; *count < row_count; (*count)++) {
        agents[*count] = agent_of(self, rows[*count].code);
        virtual_link(self->network, agents[*count], LINK_DOWN);
    }
    free(rows);
    return agents;
}

static void start_broker(struct cores *self)
{
    struct complaint why = {0};
    size_t count = 0;
    size_t *agents = hold_back(self, &count);

    if (virtual_broker_start(self->network, &why) != 0) {
        stop(self, why.text);
    }
    set_wall(self, virtual_time(self->network)->wall_ms);
    reading_core_close(&self->away);
    come_back(self, agents, count);
    free(agents);
}

static void set_broker(void *context, bool up)
{
    struct cores *self = context;

    if (virtual_broker_up(self->network) == up) {
        return;
    }
    if (up) {
        start_broker(self);
    } else {
        stop_broker(self);
    }
}

static void erase(void *context, uint32_t event)
{
    struct cores *self = context;

    parties_erase(&self->parties, event);
    settle(self);
}

/* ---- what is asked ---- */

static const core_t *core_now(const struct cores *self)
{
    const core_t *core = virtual_core(self->network);

    return core != NULL ? core : reading_core(self->away);
}

static const engine_t *broker_engine(void *context)
{
    return core_look_engine(core_now(context));
}

static const engine_t *engine_seen(void *context, const char *view)
{
    assert(view == NULL); /* agents are asked: parties_answers */
    return broker_engine(context);
}

static const engine_t *hub_seen(void *context)
{
    (void)context;
    return NULL; /* likewise */
}

static uint64_t pending(void *context, const char *code)
{
    const struct cores *self = context;
    size_t row = row_of(self, code);

    return row == self->cast.count ? 0 : core_look_pending(core_now(self), name_of(self, row));
}

static bool converged(void *context, struct buf *why)
{
    struct cores *self = context;
    bool all = true;

    for (size_t row = 0; row < self->cast.count; row++) {
        if (!self->offline[self->cast.rows[row].agent]) {
            all = parties_agree(&self->parties, self->cast.rows[row].code, why) && all;
        }
    }
    return all;
}

/* The journal is folded anew, and held against what is recorded in it. */
static bool replays(void *context, struct buf *why)
{
    struct cores *self = context;
    struct hash first = engine_hash(broker_engine(self));
    reading_core_t *again = NULL;
    struct complaint fault = {0};
    bool same = false;

    if (read_anew(self, &again, &fault) != 0) {
        buf_put_text(why, "%s", fault.text);
    } else {
        struct hash second = engine_hash(core_look_engine(reading_core(again)));
        same = memcmp(&first, &second, sizeof first) == 0;
        if (!same) {
            buf_put_text(why, "another state hash after replay");
        } else if (core_look_differences(reading_core(again)) != 0) {
            buf_put_text(why, "the same state, but %llu records differ",
                (unsigned long long)core_look_differences(reading_core(again)));
            same = false;
        }
    }
    reading_core_close(&again);
    return same;
}

static const char *fault_of(void *context)
{
    const struct cores *self = context;

    return self->fault[0] == '\0' ? NULL : self->fault;
}

/* ---- life ---- */

static void destroy(void **self_p)
{
    struct cores *self = *self_p;

    if (self == NULL) {
        return;
    }
    parties_free(&self->parties);
    virtual_network_destroy(&self->network);
    reading_core_close(&self->away);
    disk_memory_close(&self->disk);
    cast_free(&self->cast);
    buf_free(&self->tables);
    shelf_destroy(&self->shelf);
    arena_destroy(&self->arena);
    json_decref(self->error);
    free(self->offline);
    free(self->again);
    free(self);
    *self_p = NULL;
}

/* The first code that the same agent speaks for besides its own; "" for none. */
static const char *acts_for(const struct cores *self, size_t row)
{
    for (size_t i = 0; i < self->cast.count; i++) {
        if (i != row && self->cast.rows[i].agent == row) {
            return self->cast.rows[i].code;
        }
    }
    return "";
}

static void add_agents(struct cores *self)
{
    for (size_t row = 0; row < self->cast.count; row++) {
        const char *code = self->cast.rows[row].code;
        if (self->cast.rows[row].agent == row) {
            (void)virtual_add_agent(self->network,
                &(struct virtual_member){.id = code,
                    .code = code,
                    .role = REGISTER_ROLE_AUTHORITY,
                    .region = "",
                    .acts_for = acts_for(self, row),
                    .database = ":memory:"});
        }
    }
    self->hub = virtual_add_agent(self->network,
        &(struct virtual_member){.id = HUB_ID,
            .code = "",
            .role = REGISTER_ROLE_HUB,
            .region = "*",
            .acts_for = "",
            .database = ":memory:"});
}

static void start(struct cores *self)
{
    struct complaint why = {0};
    int rc = virtual_broker_start(self->network, &why);

    for (size_t i = 0; rc == 0 && i < virtual_agent_count(self->network); i++) {
        rc = virtual_agent_start(self->network, i, &why);
    }
    if (rc != 0) {
        stop(self, why.text);
        return;
    }
    virtual_wall_runs(self->network, false);
    settle(self);
}

static void make_network(struct cores *self, const data_files_t *data)
{
    const scenario_t *scenario = self->scenario;
    int64_t begins_ms =
        (scenario->statement_count > 0 ? scenario->statements[0].now_ms : 0) - BEFORE_MS;

    data_files_message(data, &self->tables);
    self->network = virtual_network_new(&(struct virtual_options){.network = NETWORK,
        .seed = 1,
        .start_ms = begins_ms,
        .disk = self->disk,
        .segment_bytes = SEGMENT_BYTES,
        .publish_events = 1, /* an event is accepted, judged and persisted before the next */
        .tables = buf_slice(&self->tables),
        .procedures = scenario->procedures,
        .hooks = {.context = self,
            .frame = frame_leaves,
            .travel_ms = travel_ms,
            .amend = amend,
            .heard = hear}});
    self->handover = (struct handover){.network = self->network, .arena = self->arena};
    cores_book_add(self->network, data, self->shelf);
    add_agents(self);
    virtual_register(self->network);
    start(self);
}

const char *network_cores_cannot(const scenario_t *scenario)
{
    struct cast cast;

    if (scenario->event_count > CORES_EVENTS_MAX) {
        return "it has more than 20,000 events";
    }
    cast_make(&cast, scenario);
    size_t count = cast.count;
    cast_free(&cast);
    return count <= CORES_AGENTS_MAX ? NULL : "more than 512 authorities play in it";
}

struct rehearsal_network network_cores_new(const scenario_t *scenario, const data_files_t *data)
{
    struct cores *self = mem_new(1, sizeof *self);

    self->scenario = scenario;
    self->shelf = shelf_new();
    self->arena = arena_new(ARENA_BYTES);
    parties_init(&self->parties, scenario, HUB_ID,
        &(struct parties_port){.context = self, .ask = ask, .stop = stop, .engine = broker_engine});
    disk_memory_open(&self->disk);
    cast_make(&self->cast, scenario);
    self->offline = mem_new(self->cast.count + 1, sizeof *self->offline);
    self->again = mem_new((size_t)scenario->event_count + 1, sizeof *self->again);
    make_network(self, data);
    struct rehearsal_network network = {.self = self,
        .destroy = destroy,
        .advance = advance,
        .publish = publish,
        .open = open_event,
        .link = set_link,
        .broker = set_broker,
        .erase = erase,
        .fault = fault_of,
        .engine = engine_seen,
        .hub = hub_seen,
        .pending = pending,
        .converged = converged,
        .replays = replays};
    parties_network(&network);
    return network;
}
