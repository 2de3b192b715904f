/* stage: see stage.h. */
#include "tests/stage/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/lab/cast.h"
#include "common/base/fsio.h"
#include "tests/stage/children.h"

#include "common/base/banned.h"

enum {
    WAIT_MAX_MS = 20000,       /* of the machine: what takes longer will not come */
    MONO_STEP_MS = 1000,       /* with every move of the clock: housekeeping is due at once */
    MONO_RECONNECT_MS = 31000, /* above every wait of an agent between two connections */
    LOG_BYTES_MAX = 64 * 1024 * 1024
};

static char *path_of(const struct stage *self, char *out, const char *id, const char *name)
{
    int len = snprintf(out, STAGE_PATH_BYTES, "%s/%s/%s", self->net, id, name);

    if (len < 0 || len >= STAGE_PATH_BYTES) {
        stage_die("%s: the path is too long", self->net);
    }
    return out;
}

static void wait_over(const struct stage *self, int64_t until_ms, const char *what)
{
    if (stage_real_ms() > until_ms) {
        stage_die("waited %d s in vain: %s; look into %s", WAIT_MAX_MS / 1000, what, self->net);
    }
    stage_rest();
}

/* ---- time ---- */

static void wake(struct stage *self)
{
    for (size_t i = 0; i < self->agent_count; i++) {
        if (self->agents[i].process != 0) {
            (void)kill(self->agents[i].process, SIGHUP);
        }
    }
}

/* How often the broker has said that it read the register again: once a HUP. */
static size_t hups_taken(const struct stage *self)
{
    static const char said[] = "register in force file=";
    char path[STAGE_PATH_BYTES];
    struct buf log = {0};
    size_t count = 0;

    (void)fsio_read_all(path_of(self, path, "broker", "log"), LOG_BYTES_MAX, &log);
    buf_put_u8(&log, 0);
    for (const char *at = strstr((const char *)log.data, said); at != NULL;
         at = strstr(at + 1, said)) {
        count++;
    }
    buf_free(&log);
    return count;
}

/* The clock was set and is right so: what an operator says with HUP, or the broker would hold its timers. */
static void trust_clock(struct stage *self)
{
    size_t before = hups_taken(self);
    int64_t until_ms = stage_real_ms() + WAIT_MAX_MS;

    if (self->broker != 0) {
        (void)kill(self->broker, SIGHUP);
        while (hups_taken(self) == before) {
            wait_over(self, until_ms, "the broker takes a HUP");
        }
    }
}

static void set_clock(struct stage *self, int64_t now_ms, int64_t mono_ms)
{
    self->clock->wall_ms = now_ms;
    self->clock->mono_add_ms += mono_ms;
    trust_clock(self);
    wake(self);
}

static int64_t next_due_ms(const struct stage *self)
{
    const engine_t *engine = audit_engine(self->audit);

    return engine == NULL ? INT64_MAX : engine_next_ms(engine);
}

void stage_advance(struct stage *self, int64_t now_ms)
{
    for (int64_t due_ms = next_due_ms(self); self->broker != 0 && due_ms < now_ms;
         due_ms = next_due_ms(self)) {
        set_clock(self, due_ms, MONO_STEP_MS);
        stage_settle(self);
    }
    set_clock(self, now_ms, MONO_STEP_MS);
    stage_settle(self);
}

/* ---- rest ---- */

/* waiting: events and openings that the broker does not have yet. */
static bool is_online(struct stage_agent *agent, int64_t *waiting)
{
    json_t *answer = stage_ask(agent, json_pack("{s:s}", "op", "status"), NULL);
    const char *state = json_string_value(json_object_get(answer, "state"));
    bool online = state != NULL && strcmp(state, "online") == 0;

    *waiting = json_integer_value(json_object_get(answer, "outbox")) +
        json_integer_value(json_object_get(answer, "openings"));
    json_decref(answer);
    return online;
}

static bool agents_are_done(struct stage *self)
{
    for (size_t i = 0; i < self->agent_count; i++) {
        int64_t waiting = 0;
        if (self->agents[i].linked && (!is_online(&self->agents[i], &waiting) || waiting > 0)) {
            return false;
        }
    }
    return true;
}

/* Everything that the journal has for whoever is linked is acknowledged there. */
static bool streams_are_done(struct stage *self)
{
    for (size_t i = 0; i < self->agent_count; i++) {
        if (self->agents[i].linked && audit_waiting(self->audit, self->agents[i].id) > 0) {
            return false;
        }
    }
    return true;
}

static void hear(void *context, const struct engine_record *record)
{
    record_log_add(context, record);
}

void stage_read_journal(struct stage *self)
{
    record_log_clear(&self->parties.log);
    audit_read(self->audit);
}

/*
 * What an agent has said is in its outbox until it stands in the journal; what stands there is judged there; what it
 * was judged to be for whom is acknowledged there. So where nothing of all that is open, nothing moves.
 */
static bool is_quiet(struct stage *self)
{
    if (!agents_are_done(self)) {
        return false;
    }
    stage_read_journal(self);
    return audit_is_judged(self->audit) && next_due_ms(self) > self->clock->wall_ms &&
        streams_are_done(self);
}

void stage_settle(struct stage *self)
{
    int64_t until_ms = stage_real_ms() + WAIT_MAX_MS;

    parties_forget(&self->parties);
    if (self->broker == 0) {
        return; /* agents do what they are told before they answer */
    }
    while (!is_quiet(self)) {
        if (child_is_gone(&self->broker)) {
            stage_die("the broker has ended; look into %s/broker/log", self->net);
        }
        wait_over(self, until_ms, "broker and agents come to rest");
    }
}

/* ---- links, broker, agents ---- */

struct stage_agent *stage_agent_of(struct stage *self, const char *id)
{
    for (size_t i = 0; i < self->agent_count; i++) {
        if (strcmp(self->agents[i].id, id) == 0) {
            return &self->agents[i];
        }
    }
    stage_die("nobody plays %s", id);
}

static void plug_in(struct stage *self, struct stage_agent *agent)
{
    char program[STAGE_PATH_BYTES];
    char log[STAGE_PATH_BYTES];
    char here[STAGE_PATH_BYTES];
    char there[STAGE_PATH_BYTES];
    char *argv[] = {program, path_of(self, here, agent->id, "cable"),
        path_of(self, there, "broker", "sock"), NULL};

    (void)snprintf(program, sizeof program, "%s/cable", self->tools);
    agent->cable = child_start(path_of(self, log, agent->id, "cable.log"), argv);
    agent->linked = true;
}

static bool is_offline(struct stage_agent *agent)
{
    json_t *answer = stage_ask(agent, json_pack("{s:s}", "op", "status"), NULL);
    const char *state = json_string_value(json_object_get(answer, "state"));
    bool offline = state != NULL && strcmp(state, "online") != 0;

    json_decref(answer);
    return offline;
}

static void wait_offline(struct stage *self, struct stage_agent *agent)
{
    int64_t until_ms = stage_real_ms() + WAIT_MAX_MS;

    while (!is_offline(agent)) {
        wait_over(self, until_ms, "an agent notices that its link is gone");
    }
}

void stage_link(struct stage *self, struct stage_agent *agent, bool up)
{
    if (agent->linked == up) {
        return;
    }
    if (up) {
        plug_in(self, agent);
        set_clock(self, self->clock->wall_ms, MONO_RECONNECT_MS);
    } else {
        agent->linked = false;
        child_end(&agent->cable, SIGKILL);
        wait_offline(self, agent);
    }
    stage_settle(self);
}

static void start_broker(struct stage *self)
{
    char program[STAGE_PATH_BYTES];
    char config[STAGE_PATH_BYTES];
    char log[STAGE_PATH_BYTES];
    char ready[STAGE_PATH_BYTES];
    struct stat info;
    char option[] = "-c";
    char *argv[] = {program, option, path_of(self, config, "broker", "broker.zpl"), NULL};
    int64_t until_ms = stage_real_ms() + WAIT_MAX_MS;

    (void)snprintf(program, sizeof program, "%s/waypost-broker", self->programs);
    (void)unlink(path_of(self, ready, "broker", "ready"));
    self->broker = child_start(path_of(self, log, "broker", "log"), argv);
    while (stat(ready, &info) != 0 || info.st_size == 0) {
        if (child_is_gone(&self->broker)) {
            stage_die("the broker does not start; look into %s", log);
        }
        wait_over(self, until_ms, "the broker is ready");
    }
}

void stage_broker(struct stage *self, bool up)
{
    if ((self->broker != 0) == up) {
        return;
    }
    if (up) {
        start_broker(self);
        set_clock(self, self->clock->wall_ms, MONO_RECONNECT_MS);
    } else {
        child_end(&self->broker, SIGKILL);
        for (size_t i = 0; i < self->agent_count; i++) {
            wait_offline(self, &self->agents[i]);
        }
    }
    stage_settle(self);
}

static void start_agent(struct stage *self, struct stage_agent *agent)
{
    char program[STAGE_PATH_BYTES];
    char config[STAGE_PATH_BYTES];
    char log[STAGE_PATH_BYTES];
    char option[] = "-c";
    char *argv[] = {program, option, path_of(self, config, agent->id, "agent.zpl"), NULL};
    int64_t until_ms = stage_real_ms() + WAIT_MAX_MS;
    json_t *answer = NULL;

    (void)snprintf(program, sizeof program, "%s/waypost-agent", self->programs);
    agent->process = child_start(path_of(self, log, agent->id, "log"), argv);
    while ((answer = stage_ask(agent, json_pack("{s:s}", "op", "status"), NULL)) == NULL) {
        pid_t pid = agent->process;
        if (child_is_gone(&pid)) {
            stage_die("%s does not start; look into %s", agent->id, log);
        }
        wait_over(self, until_ms, "an agent answers");
    }
    json_decref(answer);
}

void stage_restart(struct stage *self, struct stage_agent *agent,
    void (*between)(struct stage *self, struct stage_agent *agent, void *context), void *context)
{
    child_end(&agent->process, SIGTERM);
    between(self, agent, context);
    start_agent(self, agent);
    set_clock(self, self->clock->wall_ms, MONO_RECONNECT_MS);
    stage_settle(self);
}

/* ---- who plays ---- */

const char *stage_code(const scenario_t *scenario, size_t index)
{
    static const scenario_t *known;
    static struct cast cast; /* of the one scenario that a stage plays */

    if (known != scenario) {
        cast_free(&cast);
        cast_make(&cast, scenario);
        known = scenario;
        if (cast.count > STAGE_AGENTS_MAX - 2) {
            stage_die("more than %d councils play", STAGE_AGENTS_MAX - 2);
        }
    }
    return index < cast.count ? cast.rows[index].code : NULL;
}

/* ---- life ---- */

static void add_agent(struct stage *self, const char *id)
{
    struct stage_agent *agent = &self->agents[self->agent_count++];
    char path[STAGE_PATH_BYTES];

    (void)snprintf(agent->id, sizeof agent->id, "%s", id);
    agent->link = wp_agent_new(path_of(self, path, id, "agent.sock"));
    plug_in(self, agent);
}

static void open_audit(struct stage *self)
{
    static struct keys keys; /* lent to the audit for its life */
    static char journal[STAGE_PATH_BYTES];
    char path[STAGE_PATH_BYTES];
    struct complaint why = {0};

    if (keys_load(path_of(self, path, "keys", "broker.keys"), &keys, &why) != 0) {
        stage_die("%s", why.text);
    }
    self->audit = audit_new("waypost-demo", path_of(self, journal, "broker", "journal"), &keys,
        hear, &self->parties.log);
}

struct stage *stage_new(const scenario_t *scenario, const char *net, const char *programs,
    const char *tools, int64_t now_ms)
{
    struct stage *self = mem_new(1, sizeof *self);
    const char *clock = getenv(STAGE_CLOCK_VARIABLE);
    const char *code;

    self->scenario = scenario;
    self->net = net;
    self->programs = programs;
    self->tools = tools;
    stage_parties(self);
    self->clock = clock == NULL ? NULL : stage_clock_open(clock);
    if (self->clock == NULL) {
        stage_die("%s must name a file", STAGE_CLOCK_VARIABLE);
    }
    self->clock->wall_ms = now_ms;
    open_audit(self);
    start_broker(self);
    for (size_t i = 0; (code = stage_code(scenario, i)) != NULL; i++) {
        add_agent(self, code);
    }
    add_agent(self, STAGE_HUB);
    add_agent(self, STAGE_OPERATOR);
    for (size_t i = 0; i < self->agent_count; i++) {
        start_agent(self, &self->agents[i]);
    }
    stage_settle(self);
    return self;
}

void stage_destroy(struct stage **self_p)
{
    struct stage *self = *self_p;

    for (size_t i = 0; i < self->agent_count; i++) {
        child_end(&self->agents[i].process, SIGTERM);
        child_end(&self->agents[i].cable, SIGKILL);
        wp_agent_destroy(&self->agents[i].link);
    }
    child_end(&self->broker, SIGTERM);
    audit_destroy(&self->audit);
    parties_free(&self->parties);
    free(self);
    *self_p = NULL;
}
