/*
 * chaos: councils that send to each other while their programs, links, clocks and disk fail at random; then everything
 * heals, and a checker holds what was promised against what came of it.
 *
 *   chaos NET PROGRAMS TOOLS SECONDS SEED CODE...      NET has been made for these codes (tests/chaos/run)
 *
 * Environment: WAYPOST_STAGE_CLOCK, the clock's file; CHAOS_BALLAST, a file that may fill the broker's disk (unset: disks
 * do not fill); CHAOS_DISK, the block device of that disk, for tests/chaos/disk (unset: no disk becomes read-only);
 * CHAOS_DEVICE, a network device that may go down (unset: no partition of the network).
 *
 * CHAOS_CALM: no more than agents that come and go, while events are said as fast as that goes (a soak). CHAOS_SAMPLES, a
 * file: a line a second of what the processes take (tests/soak/draw), and how long an event took to be persisted.
 *
 * Checked at the end: every event that an agent took stands in its recipient's inbox once; nothing else does; the events
 * of one sender to one recipient stand in the order in which they were said; no level that was ever seen has fallen, and
 * what was seen as persisted is there. The journal is checked by tests/chaos/run. Prints figures, and "chaos: good" or a
 * line for each fault (exit 1).
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "client/lib/waypost.h"
#include "common/base/bytes.h"
#include "tests/stage/children.h"
#include "tests/stage/world_driven.h"

#include "common/base/banned.h"

enum {
    COUNCILS_MAX = 64,
    PATH_ROOM = 512,
    CALL_MS = 3000, /* an agent that does not answer by then is stopped, or dead */
    BEGIN_MS = 60000,
    HEAL_MS = 180000,   /* for everything to come to rest */
    ROUND_MS_MAX = 400, /* between two faults, at the most */
    CALM_MS = 1000,     /* between two of those that come and go */
    SENDS_A_ROUND = 12,
    LOOKS_A_ROUND = 3,
    STEP_MS = 3600000,
    PAGE = 1000
};

struct council {
    const char *code;
    int process, cable; /* pids, 0: none */
    bool stopped, cable_stopped;
    wp_agent_t *link; /* owned */
    uint64_t unknown; /* sends that may have been taken and may not */
};

/* One event that an agent has taken. */
struct said {
    char id[WP_ID_BYTES];
    uint8_t from, to;
    int8_t level;   /* the highest that was seen, -1 for none */
    uint32_t found; /* in the recipient's inbox */
};

struct chaos {
    const char *net, *programs, *tools;
    struct stage_clock *clock;
    uint64_t random;
    int broker;
    bool broker_stopped, full, broken, down, stepped;
    size_t count;
    struct council councils[COUNCILS_MAX];
    char transfer[COUNCILS_MAX][WP_ID_BYTES];
    size_t said_count, said_room;
    struct said *said;
    bool calm;
    FILE *samples; /* owned; NULL for none */
    int64_t began_ms, sampled_ms, probe_ms, lag_ms;
    size_t probe;    /* event whose way is timed, SIZE_MAX for none */
    uint64_t faults; /* found by the checker */
    uint64_t kills, stops, cuts, fills, breaks, steps, partitions, looks, unknown;
};

static uint64_t draw(struct chaos *self, uint64_t below)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random % below;
}

static char *path_of(const struct chaos *self, char *out, const char *id, const char *name)
{
    (void)snprintf(out, PATH_ROOM, "%s/%s/%s", self->net, id, name);
    return out;
}

static void fault(struct chaos *self, const char *what, const struct said *said)
{
    if (++self->faults <= 20) {
        (void)printf("fault: %s: %s from %s to %s\n", what, said->id,
            self->councils[said->from].code, self->councils[said->to].code);
    }
}

/* ---- processes ---- */

static void start(
    struct chaos *self, int *pid, const char *program, const char *id, const char *config)
{
    char path[PATH_ROOM];
    char log[PATH_ROOM];
    char file[PATH_ROOM];
    char option[] = "-c";
    char *argv[] = {path, option, path_of(self, file, id, config), NULL};

    (void)snprintf(path, sizeof path, "%s/%s", self->programs, program);
    *pid = child_start(path_of(self, log, id, "log"), argv);
}

static void start_broker(struct chaos *self)
{
    char path[PATH_ROOM];

    (void)unlink(path_of(self, path, "broker", "sock"));
    start(self, &self->broker, "waypost-broker", "broker", "broker.zpl");
    self->broker_stopped = false;
}

static void plug_in(struct chaos *self, struct council *council)
{
    char path[PATH_ROOM];
    char log[PATH_ROOM];
    char here[PATH_ROOM];
    char there[PATH_ROOM];
    char *argv[] = {path, path_of(self, here, council->code, "cable"),
        path_of(self, there, "broker", "sock"), NULL};

    (void)snprintf(path, sizeof path, "%s/cable", self->tools);
    council->cable = child_start(path_of(self, log, council->code, "cable.log"), argv);
    council->cable_stopped = false;
}

/* Every other one lives behind the device that may go down: started there by `ip netns exec`, which becomes it. */
static void start_agent(struct chaos *self, struct council *council)
{
    const char *namespace = getenv("CHAOS_NETNS");
    char path[PATH_ROOM];
    char log[PATH_ROOM];
    char file[PATH_ROOM];
    char name[PATH_ROOM];
    char ip[] = "/usr/sbin/ip";
    char netns[] = "netns";
    char exec[] = "exec";
    char option[] = "-c";
    char *argv[] = {
        ip, netns, exec, name, path, option, path_of(self, file, council->code, "agent.zpl"), NULL};
    bool far = namespace != NULL && (council - self->councils) % 2 == 1;

    council->stopped = false;
    if (!far) {
        start(self, &council->process, "waypost-agent", council->code, "agent.zpl");
        return;
    }
    (void)snprintf(name, sizeof name, "%s", namespace);
    (void)snprintf(path, sizeof path, "%s/waypost-agent", self->programs);
    council->process = child_start(path_of(self, log, council->code, "log"), argv);
}

/* ---- what goes wrong ---- */

static void kill_broker(struct chaos *self)
{
    child_end(&self->broker, SIGKILL);
    self->kills++;
}

static void kill_agent(struct chaos *self)
{
    struct council *council = &self->councils[draw(self, self->count)];

    child_end(&council->process, SIGKILL);
    self->kills++;
}

static void stop_agent(struct chaos *self)
{
    struct council *council = &self->councils[draw(self, self->count)];

    if (council->process != 0) {
        (void)kill(council->process, SIGSTOP);
        council->stopped = true;
        self->stops++;
    }
}

static void stop_broker(struct chaos *self)
{
    if (self->broker != 0) {
        (void)kill(self->broker, SIGSTOP);
        self->broker_stopped = true;
        self->stops++;
    }
}

static void cut_cable(struct chaos *self)
{
    struct council *council = &self->councils[draw(self, self->count)];

    child_end(&council->cable, SIGKILL);
    self->cuts++;
}

/* Half open: both ends believe in the other. */
static void stop_cable(struct chaos *self)
{
    struct council *council = &self->councils[draw(self, self->count)];

    if (council->cable != 0) {
        (void)kill(council->cable, SIGSTOP);
        council->cable_stopped = true;
        self->cuts++;
    }
}

static void fill_disk(struct chaos *self)
{
    static char block[65536];
    const char *ballast = getenv("CHAOS_BALLAST");
    int fd = ballast == NULL ? -1 : open(ballast, O_WRONLY | O_CREAT, 0600);

    if (fd < 0) {
        return;
    }
    while (write(fd, block, sizeof block) > 0) {
        continue;
    }
    (void)close(fd);
    self->full = true;
    self->fills++;
}

/* What tests/chaos/disk does to the broker's disk. */
static void work_on_disk(struct chaos *self, const char *what)
{
    char path[] = "tests/chaos/disk";
    char folder[PATH_ROOM];
    char *device = mem_text(getenv("CHAOS_DISK"));
    char *word = mem_text(what);
    char *argv[] = {path, word, device, path_of(self, folder, "broker", ""), NULL};
    pid_t pid = child_start("/dev/null", argv);

    child_wait(&pid);
    free(device);
    free(word);
}

static void break_disk(struct chaos *self)
{
    if (getenv("CHAOS_DISK") != NULL && !self->broken) {
        work_on_disk(self, "break");
        self->broken = true;
        self->breaks++;
    }
}

static void step_clock(struct chaos *self)
{
    self->clock->wall_add_ms = draw(self, 2) == 0 ? STEP_MS : -STEP_MS;
    self->stepped = true;
    self->steps++;
}

static void set_device(const char *device, const char *state)
{
    char ip[] = "/usr/sbin/ip";
    char link[] = "link";
    char set[] = "set";
    char *name = strdup(device);
    char *word = strdup(state);
    char *argv[] = {ip, link, set, name, word, NULL};
    pid_t pid = child_start("/dev/null", argv);

    child_wait(&pid);
    free(name);
    free(word);
}

static void take_device_down(struct chaos *self)
{
    const char *device = getenv("CHAOS_DEVICE");

    if (device != NULL) {
        set_device(device, "down");
        self->down = true;
        self->partitions++;
    }
}

/* ---- and is put right again ---- */

static void mend_council(struct chaos *self, struct council *council)
{
    if (council->stopped) {
        (void)kill(council->process, SIGCONT);
        council->stopped = false;
    }
    if (child_is_gone(&council->process)) {
        start_agent(self, council);
    }
    if (council->cable_stopped) {
        (void)kill(council->cable, SIGCONT);
        council->cable_stopped = false;
    }
    if (child_is_gone(&council->cable)) {
        plug_in(self, council);
    }
}

static void mend_some(struct chaos *self)
{
    for (int i = 0; i < 6; i++) {
        mend_council(self, &self->councils[draw(self, self->count)]);
    }
}

static void mend_rest(struct chaos *self)
{
    const char *ballast = getenv("CHAOS_BALLAST");

    if (self->full && ballast != NULL) {
        (void)unlink(ballast);
        self->full = false;
    }
    if (self->broken) { /* it may still live: there was nothing to write */
        child_end(&self->broker, SIGKILL);
        self->broker_stopped = false;
        work_on_disk(self, "mend");
        self->broken = false;
    }
    if (self->down) {
        set_device(getenv("CHAOS_DEVICE"), "up");
        self->down = false;
    }
    if (self->stepped) {
        self->clock->wall_add_ms = 0;
        self->stepped = false;
    }
    if (self->broker_stopped) {
        (void)kill(self->broker, SIGCONT);
        self->broker_stopped = false;
    }
    if (child_is_gone(&self->broker)) {
        start_broker(self);
    }
}

static void (*const faults[])(struct chaos *self) = {kill_broker, kill_agent, kill_agent,
    kill_agent, stop_agent, stop_agent, stop_broker, cut_cable, cut_cable, stop_cable, fill_disk,
    break_disk, step_clock, take_device_down, mend_some, mend_some, mend_some, mend_rest, mend_rest,
    mend_rest};

/* ---- what is said, and seen ---- */

static bool can_speak(const struct council *council)
{
    return council->process != 0 && !council->stopped;
}

static void note_said(struct chaos *self, const char *id, size_t from, size_t to)
{
    if (self->said_count == self->said_room) {
        self->said_room = self->said_room == 0 ? 1024 : self->said_room * 2;
        self->said = realloc(self->said, self->said_room * sizeof *self->said);
        if (self->said == NULL) {
            abort();
        }
    }
    struct said *said = &self->said[self->said_count++];
    *said = (struct said){.from = (uint8_t)from, .to = (uint8_t)to, .level = -1};
    (void)snprintf(said->id, sizeof said->id, "%s", id);
}

static void say(struct chaos *self)
{
    static const struct wp_fact facts[] = {
        {"permanence", "permanent"}, {"retain_intention", "transfer"}};
    static const struct wp_fact sealed[] = {{"narrative", "all invented"}};
    size_t from = draw(self, self->count);
    size_t to = (from + 1 + draw(self, self->count - 1)) % self->count;
    struct council *council = &self->councils[from];
    const char *codes[] = {self->councils[to].code};
    char id[WP_ID_BYTES];
    const struct wp_message message = {.kind = "move_notified",
        .transfer = self->transfer[from],
        .to = codes,
        .to_count = 1,
        .facts = facts,
        .fact_count = 2,
        .sealed = sealed,
        .sealed_count = draw(self, 2)};

    if (!can_speak(council)) {
        return;
    }
    int rc = wp_send(council->link, &message, id);
    if (rc == 0) {
        note_said(self, id, from, to);
    } else {
        council->unknown++;
        self->unknown++;
    }
}

/* A level that was seen once never falls. */
static void look(struct chaos *self)
{
    struct wp_receipt receipt;
    size_t count = 0;

    if (self->said_count == 0) {
        return;
    }
    struct said *said = &self->said[draw(self, self->said_count)];
    struct council *council = &self->councils[said->from];
    if (!can_speak(council) || wp_receipts(council->link, said->id, &receipt, 1, &count) != 0 ||
        count == 0) {
        return;
    }
    self->looks++;
    if (receipt.level < said->level) {
        fault(self, "its level has fallen", said);
    }
    said->level = (int8_t)(receipt.level > said->level ? receipt.level : said->level);
}

/* ---- a soak ---- */

struct usage {
    uint64_t rss_kib, own_kib, fds;
};

static struct usage usage_of(int pid)
{
    struct usage usage = {0};
    char path[PATH_ROOM];
    char line[PATH_ROOM];

    (void)snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            usage.rss_kib = strtoull(line + 6, NULL, 10);
        } else if (strncmp(line, "RssAnon:", 8) == 0) {
            usage.own_kib = strtoull(line + 8, NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    (void)snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *dir = opendir(path);
    while (dir != NULL && readdir(dir) != NULL) {
        usage.fds++;
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return usage;
}

/* One event at a time is followed until its sender knows that it is persisted. */
static void follow_probe(struct chaos *self)
{
    struct wp_receipt receipt;
    size_t count = 0;
    int64_t now_ms = stage_real_ms();

    if (self->probe == SIZE_MAX) {
        self->probe = self->said_count > 0 ? self->said_count - 1 : SIZE_MAX;
        self->probe_ms = now_ms;
        return;
    }
    const struct said *said = &self->said[self->probe];
    struct council *council = &self->councils[said->from];
    if (can_speak(council) && wp_receipts(council->link, said->id, &receipt, 1, &count) == 0 &&
        count > 0 && receipt.level >= 1) {
        self->lag_ms = now_ms - self->probe_ms;
        self->probe = SIZE_MAX;
    }
}

static void sample(struct chaos *self)
{
    int64_t now_ms = stage_real_ms();
    struct usage broker = usage_of(self->broker);
    struct usage most = {0};

    if (self->samples == NULL || now_ms - self->sampled_ms < 1000) {
        return;
    }
    self->sampled_ms = now_ms;
    for (size_t i = 0; i < self->count; i++) {
        struct usage agent = usage_of(self->councils[i].process);
        most.rss_kib = agent.rss_kib > most.rss_kib ? agent.rss_kib : most.rss_kib;
        most.fds = agent.fds > most.fds ? agent.fds : most.fds;
    }
    (void)fprintf(self->samples, "%lld %zu %llu %llu %llu %llu %lld %llu\n",
        (long long)(now_ms - self->began_ms) / 1000, self->said_count,
        (unsigned long long)broker.rss_kib, (unsigned long long)broker.fds,
        (unsigned long long)most.rss_kib, (unsigned long long)most.fds, (long long)self->lag_ms,
        (unsigned long long)broker.own_kib);
    (void)fflush(self->samples);
}

static void soak(struct chaos *self, int64_t seconds)
{
    static void (*const churn[])(struct chaos * self) = {kill_agent, cut_cable, mend_some};
    int64_t until_ms = stage_real_ms() + seconds * 1000;
    int64_t churn_ms = 0;

    while (stage_real_ms() < until_ms) {
        if (stage_real_ms() > churn_ms) {
            churn_ms = stage_real_ms() + CALM_MS;
            churn[draw(self, sizeof churn / sizeof churn[0])](self);
            mend_some(self);
            mend_rest(self);
        }
        for (int i = 0; i < SENDS_A_ROUND; i++) {
            say(self);
        }
        look(self);
        follow_probe(self);
        sample(self);
    }
}

static void run(struct chaos *self, int64_t seconds)
{
    int64_t until_ms = stage_real_ms() + seconds * 1000;

    while (stage_real_ms() < until_ms) {
        int64_t round_ms = stage_real_ms() + (int64_t)draw(self, ROUND_MS_MAX);
        faults[draw(self, sizeof faults / sizeof faults[0])](self);
        for (int i = 0; i < SENDS_A_ROUND; i++) {
            say(self);
        }
        for (int i = 0; i < LOOKS_A_ROUND; i++) {
            look(self);
        }
        while (stage_real_ms() < round_ms) {
            stage_rest();
        }
    }
}

/* ---- afterwards ---- */

static int64_t number_of(struct council *council, const char *op, const char *member)
{
    char request[64];
    char *answer = NULL;

    (void)snprintf(request, sizeof request, "{\"op\": \"%s\"}", op);
    if (wp_call(council->link, request, &answer) != 0) {
        return -1;
    }
    json_t *json = json_loads(answer, 0, NULL);
    int64_t number = json_integer_value(json_object_get(json, member));
    json_decref(json);
    wp_free(answer);
    return number;
}

/* Every outbox is empty, and everything that was said has arrived: asked of the recipients. */
static uint64_t waiting(struct chaos *self)
{
    uint64_t count = 0;

    for (size_t i = 0; i < self->count; i++) {
        int64_t outbox = number_of(&self->councils[i], "status", "outbox");
        count += outbox < 0 ? 1 : (uint64_t)outbox;
    }
    return count;
}

static int by_id(const void *a, const void *b)
{
    return strcmp((*(struct said *const *)a)->id, (*(struct said *const *)b)->id);
}

static struct said *find(struct said **sorted, size_t count, const char *id)
{
    struct said key;
    struct said *wanted = &key;

    (void)snprintf(key.id, sizeof key.id, "%s", id);
    struct said **at = bsearch(&wanted, sorted, count, sizeof *sorted, by_id);
    return at == NULL ? NULL : *at;
}

/* The rows of an inbox, newest first, each handed to `each`. */
static void read_inbox(
    struct council *council, void (*each)(void *context, const json_t *row), void *context)
{
    int64_t before = INT64_MAX;

    for (;;) {
        char request[96];
        char *answer = NULL;
        (void)snprintf(request, sizeof request,
            "{\"op\": \"inbox\", \"limit\": %d, \"before\": %lld}", PAGE, (long long)before);
        if (wp_call(council->link, request, &answer) != 0) {
            stage_die("%s: %s", council->code, wp_error_text(council->link));
        }
        json_t *json = json_loads(answer, 0, NULL);
        json_t *rows = json_object_get(json, "events");
        size_t count = json_array_size(rows);
        for (size_t i = 0; i < count; i++) {
            each(context, json_array_get(rows, i));
            before = json_integer_value(json_object_get(json_array_get(rows, i), "number"));
        }
        json_decref(json);
        wp_free(answer);
        if (count < PAGE) {
            return;
        }
    }
}

struct reading {
    struct chaos *chaos;
    size_t to;
    struct said **sorted;
    struct said *last[COUNCILS_MAX]; /* of each sender, as the inbox is read backwards */
    uint64_t strange[COUNCILS_MAX];  /* events that nobody remembers to have said */
};

static size_t council_named(const struct chaos *self, const char *code)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->councils[i].code, code) == 0) {
            return i;
        }
    }
    stage_die("an event of %s, who does not play", code);
}

static void read_row(void *context, const json_t *row)
{
    struct reading *self = context;
    size_t from = council_named(self->chaos, json_string_value(json_object_get(row, "from")));
    struct said *said = find(
        self->sorted, self->chaos->said_count, json_string_value(json_object_get(row, "event")));

    if (said == NULL) {
        self->strange[from]++;
        return;
    }
    said->found++;
    if (said->to != self->to || said->from != from) {
        fault(self->chaos, "it came to another, or from another", said);
    }
    if (self->last[from] != NULL && self->last[from] < said) {
        fault(self->chaos, "it came out of order", said);
    }
    self->last[from] = said;
}

static void check(struct chaos *self)
{
    struct said **sorted = mem_new(self->said_count + 1, sizeof *sorted);
    uint64_t strange[COUNCILS_MAX] = {0};

    for (size_t i = 0; i < self->said_count; i++) {
        sorted[i] = &self->said[i];
    }
    qsort(sorted, self->said_count, sizeof *sorted, by_id);
    for (size_t i = 0; i < self->count; i++) {
        struct reading reading = {.chaos = self, .to = i, .sorted = sorted};
        read_inbox(&self->councils[i], read_row, &reading);
        for (size_t k = 0; k < self->count; k++) {
            strange[k] += reading.strange[k];
        }
    }
    for (size_t i = 0; i < self->said_count; i++) {
        if (self->said[i].found != 1) {
            fault(self, self->said[i].found == 0 ? "it is lost" : "it came twice", &self->said[i]);
        }
    }
    for (size_t i = 0; i < self->count; i++) {
        if (strange[i] > self->councils[i].unknown) {
            (void)printf("fault: %s: %llu events that nobody said\n", self->councils[i].code,
                (unsigned long long)(strange[i] - self->councils[i].unknown));
            self->faults++;
        }
    }
    free(sorted);
}

static bool all_arrived(struct chaos *self)
{
    uint64_t unopened = 0;

    for (size_t i = 0; i < self->count; i++) {
        int64_t count = number_of(&self->councils[i], "status", "inbox_unopened");
        unopened += count < 0 ? 0 : (uint64_t)count;
    }
    return unopened >= self->said_count;
}

static void tell_waiting(struct chaos *self)
{
    (void)printf("fault: not everything has arrived %d s after all was mended\n", HEAL_MS / 1000);
    for (size_t i = 0; i < self->count; i++) {
        char *answer = NULL;
        int rc = wp_call(self->councils[i].link, "{\"op\": \"status\"}", &answer);
        (void)printf("# %s: %s\n", self->councils[i].code,
            rc == 0 ? answer : wp_error_text(self->councils[i].link));
        wp_free(answer);
    }
}

static void heal(struct chaos *self)
{
    int64_t until_ms = stage_real_ms() + HEAL_MS;

    mend_rest(self);
    for (size_t i = 0; i < self->count; i++) {
        mend_council(self, &self->councils[i]);
    }
    self->clock->mono_add_ms += 31000; /* nobody waits for a reconnection */
    if (self->broker != 0) {
        (void)kill(self->broker, SIGHUP); /* the clock is right as it is */
    }
    while (waiting(self) > 0 || !all_arrived(self)) {
        mend_rest(self); /* what died of a full disk a moment ago */
        if (stage_real_ms() > until_ms) {
            tell_waiting(self);
            self->faults++;
            return;
        }
        stage_rest();
    }
}

/* ---- life ---- */

static void begin_transfer(struct chaos *self, size_t i)
{
    static const struct wp_subject subject = {"ash", "cp"};
    struct council *council = &self->councils[i];
    int64_t until_ms = stage_real_ms() + BEGIN_MS;

    while (wp_new_transfer(council->link, council->code, self->councils[(i + 1) % self->count].code,
               &subject, 1, NULL, self->transfer[i]) != 0) {
        if (stage_real_ms() > until_ms) {
            stage_die(
                "%s: %s; look into %s", council->code, wp_error_text(council->link), self->net);
        }
        stage_rest();
    }
}

static void set_up(struct chaos *self, char **codes, size_t count)
{
    char path[PATH_ROOM];

    self->clock = stage_clock_open(getenv(STAGE_CLOCK_VARIABLE));
    if (self->clock == NULL || count < 2 || count > COUNCILS_MAX) {
        stage_die("a clock and 2 to %d codes are needed", COUNCILS_MAX);
    }
    start_broker(self);
    self->count = count;
    for (size_t i = 0; i < count; i++) {
        struct council *council = &self->councils[i];
        council->code = codes[i];
        plug_in(self, council);
        start_agent(self, council);
        council->link = wp_agent_new(path_of(self, path, council->code, "agent.sock"));
        wp_timeout(council->link, CALL_MS);
    }
    for (size_t i = 0; i < count; i++) {
        begin_transfer(self, i);
    }
}

static void take_down(struct chaos *self)
{
    for (size_t i = 0; i < self->count; i++) {
        child_end(&self->councils[i].process, SIGTERM);
        child_end(&self->councils[i].cable, SIGKILL);
        wp_agent_destroy(&self->councils[i].link);
    }
    child_end(&self->broker, SIGTERM);
    free(self->said);
}

int main(int argc, char **argv)
{
    enum { FIRST_CODE = 6 };
    struct chaos *self = mem_new(1, sizeof *self);

    if (argc < FIRST_CODE + 2) {
        (void)fprintf(stderr, "usage: chaos NET PROGRAMS TOOLS SECONDS SEED CODE CODE...\n");
        return 2;
    }
    self->net = argv[1];
    self->programs = argv[2];
    self->tools = argv[3];
    self->random = strtoull(argv[5], NULL, 10) * 2 + 1;
    set_up(self, argv + FIRST_CODE, (size_t)(argc - FIRST_CODE));
    self->calm = getenv("CHAOS_CALM") != NULL;
    self->samples = getenv("CHAOS_SAMPLES") == NULL ? NULL : fopen(getenv("CHAOS_SAMPLES"), "w");
    self->began_ms = stage_real_ms();
    self->probe = SIZE_MAX;
    if (self->calm) {
        soak(self, strtoll(argv[4], NULL, 10));
    } else {
        run(self, strtoll(argv[4], NULL, 10));
    }
    heal(self);
    check(self);
    (void)printf("councils=%zu events=%zu unknown=%llu looks=%llu kills=%llu stops=%llu cuts=%llu "
                 "partitions=%llu fills=%llu breaks=%llu steps=%llu faults=%llu\n",
        self->count, self->said_count, (unsigned long long)self->unknown,
        (unsigned long long)self->looks, (unsigned long long)self->kills,
        (unsigned long long)self->stops, (unsigned long long)self->cuts,
        (unsigned long long)self->partitions, (unsigned long long)self->fills,
        (unsigned long long)self->breaks, (unsigned long long)self->steps,
        (unsigned long long)self->faults);
    (void)puts(self->faults == 0 ? "chaos: good" : "chaos: promises were broken");
    int status = self->faults == 0 ? 0 : 1;
    take_down(self);
    if (self->samples != NULL) {
        (void)fclose(self->samples);
    }
    free(self);
    return status;
}
