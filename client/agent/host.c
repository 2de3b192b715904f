/* host: see host.h. A start that fails is returned as an exit code, after one sentence. */
#include "client/agent/host.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/agent/agent_net.h"
#include "client/agent/local_api.h"
#include "client/agent/pages.h"
#include "client/agent/receiver.h"
#include "client/agent/telling.h"
#include "common/base/command_line.h"
#include "common/base/check.h"
#include "common/base/fsio.h"
#include "common/base/log.h"

#include "common/base/banned.h"

enum {
    EXIT_NO = 1,
    ITEMS_FIXED = 4, /* signals, broker, monitor, pages */
    WAIT_MAX_MS = 1000
};

/* Everything that lives while the agent runs, in order of birth. */
struct agent {
    const struct host_program *program;
    struct agent_config config;
    bool flag; /* the program's own option was given */
    store_t *store;
    agent_net_t *net;
    local_api_t *api;
    receiver_t *receiver;
    telling_t *telling;
    agent_pages_t *pages; /* NULL: switched off */
    agent_core_t *core;
    int signal_fd;
    bool stopping;
};

/* ---- ports of the core -------------------------------------------------------------------- */

static int port_send(void *context, struct slice frame)
{
    struct agent *self = context;

    return agent_net_send(self->net, frame);
}

static void port_connect(void *context, const struct keys *keys)
{
    struct agent *self = context;

    agent_net_connect(self->net, keys);
}

static void port_disconnect(void *context)
{
    struct agent *self = context;

    agent_net_disconnect(self->net);
}

static bool port_answer(void *context, uint64_t client, json_t *line)
{
    struct agent *self = context;
    const struct host_extra *extra = self->program->extra;

    if (client >= HOST_OWN_CLIENT && extra != NULL) {
        extra->answer(extra->context, client, line);
        return true;
    }
    return local_api_answer(self->api, client, line);
}

/* ---- start -------------------------------------------------------------------------------- */

/* Before any library starts a thread: all of them inherit the mask. */
static int take_signals(int *fd_out)
{
    static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE};
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        (void)sigaddset(&set, taken[i]);
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return E_IO;
    }
    *fd_out = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *fd_out < 0 ? E_IO : 0;
}

/* A process that was killed a moment ago may still hold its lock: its threads end after it is said to be gone. */
static int open_unlocked(struct agent *self, struct complaint *why)
{
    const struct agent_config *config = &self->config;
    const struct world *world = world_real();
    int64_t until_ms = world->mono_ms(world->context) + AGENT_LOCK_WAIT_MS;
    int rc;

    while ((rc = store_open(config->database, config->join.network, config->keys[0].id,
                &self->store, why)) == E_LOCKED &&
        world->mono_ms(world->context) < until_ms) {
        (void)poll(NULL, 0, AGENT_LOCK_PACE_MS);
    }
    return rc;
}

static int open_store(struct agent *self, struct complaint *why)
{
    const struct host_extra *extra = self->program->extra;
    const char *data = settings_text(self->config.settings, "data");
    int rc = fsio_make_dir(data);

    if (rc != 0) {
        return complain(why, rc, "data: the folder %s cannot be made: %s", data, strerror(errno));
    }
    rc = open_unlocked(self, why);
    return rc != 0 || extra == NULL
        ? rc
        : extra->open(extra->context, &self->config, self->store, self->flag, why);
}

/* A program of the operator's that events are handed over to: agents alone have the options. */
static void make_receiver(struct agent *self, struct agent_options *options)
{
    const settings_t *settings = self->config.settings;
    const char *program = settings_text(settings, "on-delivery");

    options->receiver = program[0] != '\0';
    options->receiver_payload = settings_flag(settings, "on-delivery-payload");
    if (options->receiver) {
        self->receiver =
            receiver_new(program, (size_t)settings_number(settings, "on-delivery-parallel"),
                (int64_t)settings_number(settings, "on-delivery-timeout"));
    }
}

static int make_core(struct agent *self, struct complaint *why)
{
    const settings_t *settings = self->config.settings;
    const struct host_extra *extra = self->program->extra;
    const struct agent_ports ports = {self, port_send, port_connect, port_disconnect, port_answer};
    struct agent_options options = {
        .network = self->config.join.network,
        .agent = self->config.keys[0].id,
        .pin = &self->config.pin,
        .keys = self->config.keys,
        .key_count = self->config.key_count,
        .credit_events = (uint32_t)settings_number(settings, "credit-events"),
        .credit_bytes = (uint32_t)settings_number(settings, "credit-bytes"),
        .dead_ms = (int64_t)settings_number(settings, "alarm-dead"),
        .unread_ms = (int64_t)settings_number(settings, "alarm-unread"),
        .first_register = buf_slice(&self->config.first_register),
        .procedures = self->config.procedures,
        .keeper = extra == NULL ? NULL : extra->keeper,
    };

    if (extra == NULL) {
        options.erase_due = settings_flag(settings, "erase-due");
        make_receiver(self, &options);
    }
    return agent_core_new(&options, world_real(), self->store, &ports, &self->core, why);
}

static void open_telling(struct agent *self)
{
    const struct telling_parts parts = {
        .options = {.program = self->program->command.name,
            .who = self->config.keys[0].id,
            .network = self->config.join.network,
            .settings = self->config.settings},
        .data = settings_text(self->config.settings, "data"),
        .core = self->core,
        .store = self->store,
        .world = world_real(),
    };

    self->telling = telling_new(&parts);
}

static int open_pages(struct agent *self, struct complaint *why)
{
    const struct host_extra *extra = self->program->extra;
    const struct agent_pages_parts parts = {
        .address = self->config.metrics,
        .program = self->program->command.name,
        .data = settings_text(self->config.settings, "data"),
        .database = self->config.database,
        .core = self->core,
        .store = self->store,
        .world = world_real(),
        .context = extra == NULL ? NULL : extra->context,
        .more = extra == NULL ? NULL : extra->metrics,
    };

    return self->config.has_metrics ? agent_pages_open(&parts, &self->pages, why) : 0;
}

/* One left by an agent that was killed says what is not so. */
static void remove_ready(const struct agent *self)
{
    const char *file = settings_text(self->config.settings, "ready-file");

    if (file[0] != '\0') {
        (void)unlink(file);
    }
}

static int agent_start(struct agent *self, struct complaint *why)
{
    const settings_t *settings = self->config.settings;
    int rc = open_store(self, why);

    if (rc == 0) {
        remove_ready(self); /* whoever has the database has the file */
    }
    rc = rc != 0 ? rc
                 : agent_net_new(self->config.endpoints, self->config.endpoint_count,
                       self->config.join.broker_curve, &self->net, why);
    rc = rc != 0 ? rc : make_core(self, why);
    rc = rc != 0 ? rc
                 : local_api_open(settings_text(settings, "socket"),
                       settings_text(settings, "socket-group"), &self->api, why);
    rc = rc != 0 ? rc : open_pages(self, why);
    if (rc == 0) {
        open_telling(self);
    }
    if (rc == 0 && self->program->extra != NULL) {
        rc = self->program->extra->start(self->program->extra->context, self->core, why);
    }
    return rc;
}

static void say_ready(struct agent *self)
{
    const char *file = settings_text(self->config.settings, "ready-file");
    const char *socket = settings_text(self->config.settings, "socket");

    log_info("ready agent=%s network=%s socket=%s", self->config.keys[0].id,
        self->config.join.network, socket);
    if (file[0] != '\0') {
        struct buf text = {0};
        buf_put_text(&text, "%s\n", socket);
        if (fsio_replace(file, buf_slice(&text), 0644) != 0) {
            log_warn("ready-file %s cannot be written", file);
        }
        buf_free(&text);
    }
}

static void agent_end(struct agent *self)
{
    telling_destroy(&self->telling);
    agent_pages_destroy(&self->pages);
    local_api_destroy(&self->api);
    receiver_destroy(&self->receiver);
    agent_net_destroy(&self->net);
    agent_core_destroy(&self->core);
    if (self->program->extra != NULL) {
        self->program->extra->close(self->program->extra->context);
    }
    store_close(&self->store);
    agent_config_destroy(&self->config);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static void take_signal(struct agent *self)
{
    struct signalfd_siginfo info;

    while (read(self->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD && self->receiver != NULL) {
            receiver_reap(self->receiver, self->core);
        } else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
            self->stopping = true;
        }
    }
}

/* What the program adds, or an agent's receiver, is due then. */
static int64_t own_due_ms(struct agent *self)
{
    const struct host_extra *extra = self->program->extra;

    if (extra != NULL) {
        return extra->due_ms(extra->context);
    }
    return self->receiver == NULL ? INT64_MAX
                                  : receiver_run(self->receiver, self->core, world_real());
}

static long wait_ms(struct agent *self, int64_t own_ms, bool more)
{
    const struct world *world = world_real();
    int64_t due_ms = agent_core_due_ms(self->core);
    int64_t pages_ms = self->pages == NULL ? INT64_MAX : agent_pages_due_ms(self->pages);

    due_ms = pages_ms < due_ms ? pages_ms : due_ms;
    due_ms = own_ms < due_ms ? own_ms : due_ms;
    int64_t wait = due_ms - world->mono_ms(world->context);
    if (more || wait < 0) {
        return 0;
    }
    return wait > WAIT_MAX_MS ? WAIT_MAX_MS : (long)wait;
}

/* Monitor before frames: a connection is known to be made before its first frame is looked at. */
static bool serve_broker(struct agent *self)
{
    agent_net_events(self->net, self->core);
    return agent_net_socket(self->net) != NULL && agent_net_receive(self->net, self->core);
}

static size_t extra_items(const struct agent *self, zmq_pollitem_t *items)
{
    const struct host_extra *extra = self->program->extra;
    int fds[HOST_ITEMS_MAX];
    size_t count = extra == NULL ? 0 : extra->wait_for(extra->context, fds);

    for (size_t i = 0; i < count; i++) {
        items[i] = (zmq_pollitem_t){NULL, fds[i], ZMQ_POLLIN, 0};
    }
    return count;
}

static void agent_run(struct agent *self)
{
    zmq_pollitem_t items[ITEMS_FIXED + AGENT_CLIENTS_MAX + 1 + HOST_ITEMS_MAX];
    const struct host_extra *extra = self->program->extra;
    bool more = false;

    while (!self->stopping) {
        int64_t own_ms = own_due_ms(self);
        size_t count = 0;
        items[count++] = (zmq_pollitem_t){NULL, self->signal_fd, ZMQ_POLLIN, 0};
        size_t clients = local_api_items(self->api, &items[count]);
        size_t first_client = count;
        count += clients;
        if (agent_net_socket(self->net) != NULL) {
            items[count++] = (zmq_pollitem_t){agent_net_socket(self->net), 0, ZMQ_POLLIN, 0};
            items[count++] = (zmq_pollitem_t){agent_net_monitor(self->net), 0, ZMQ_POLLIN, 0};
        }
        if (self->pages != NULL) {
            items[count++] = (zmq_pollitem_t){NULL, agent_pages_fd(self->pages), ZMQ_POLLIN, 0};
        }
        count += extra_items(self, &items[count]);
        int ready = zmq_poll(items, (int)count, wait_ms(self, own_ms, more));
        if (ready < 0 && errno != EINTR) {
            fatal("waiting for events failed");
        }
        if (ready == 0 && !more) {
            store_idle(self->store);
        }
        if (items[0].revents != 0) {
            take_signal(self);
        }
        more = serve_broker(self);
        local_api_serve(self->api, self->core, &items[first_client], clients);
        agent_core_tick(self->core);
        telling_serve(self->telling);
        if (self->pages != NULL) {
            agent_pages_serve(self->pages);
        }
        if (extra != NULL) {
            extra->serve(extra->context);
        }
    }
    log_info("stopping");
    agent_core_stop(self->core);
}

static int load_config(struct agent *self, const char *path, struct complaint *why)
{
    const struct host_program *program = self->program;
    int rc = agent_config_load(program->command.table, program->database, path, &self->config, why);

    if (rc == 0 && program->extra != NULL) {
        rc = program->extra->check(program->extra->context, &self->config, why);
        if (rc != 0) {
            agent_config_destroy(&self->config);
        }
    }
    return rc;
}

int host_main(const struct host_program *program, int argc, char **argv)
{
    struct agent agent = {.program = program, .signal_fd = -1};
    struct complaint why = {0};
    struct command_line line = command_line_read(&program->command, argc, argv);

    if (line.done >= 0) {
        return line.done;
    }
    (void)umask(0077);
    json_set_alloc_funcs(mem_bytes, free);
    log_init(program->log_name, line.debug ? LOG_DEBUG : LOG_INFO);
    if (take_signals(&agent.signal_fd) != 0) {
        log_error("signals cannot be taken");
        return EXIT_NO;
    }
    crypto_start();
    agent.flag = line.flag;
    if (load_config(&agent, line.config, &why) != 0) {
        (void)fprintf(stderr, "%s: %s\n", program->command.name, why.text);
        return EXIT_NO;
    }
    if (line.check) {
        (void)printf("%s: good: %s %s of network %s, %zu endpoint(s)\n", line.config,
            program->log_name, agent.config.keys[0].id, agent.config.join.network,
            agent.config.endpoint_count);
        agent_config_destroy(&agent.config);
        return 0;
    }
    int rc = agent_start(&agent, &why);
    if (rc == 0) {
        say_ready(&agent);
        agent_run(&agent);
        remove_ready(&agent);
    } else {
        log_errorx("%s", why.text);
    }
    agent_end(&agent);
    return rc == 0 ? 0 : EXIT_NO;
}
