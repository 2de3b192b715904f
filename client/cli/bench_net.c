/*
 * bench_net: a network for measuring: directory, keys, register, and the broker as a process of its own.
 *
 * The broker is named by its process id and nothing else. Everything lies below one directory, which is removed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "client/cli/bench.h"
#include "common/base/civil.h"
#include "common/base/fsio.h"
#include "common/base/words.h"
#include "common/base/world.h"
#include "common/codec/frame.h"
#include "common/codec/wire.h"
#include "common/journal/disk.h"
#include "common/journal/journal.h"
#include "common/register/envelope.h"
#include "common/register/join.h"
#include "register.pb-c.h"
#include "common/base/banned.h"

enum {
    READY_MS = 20000,
    STOP_MS = 10000,
    POLL_MS = 2,
    FILE_MAX = 65536,
    LOG_TAIL = 400,
    STAT_USER = 11,
    STAT_SYSTEM = 12
};

/* ---- small things ---- */

static void path_of(const struct bench_net *self, const char *name, char *out)
{
    snprintf(out, BENCH_PATH_BYTES + 32, "%s/%s", self->dir, name);
}

static void nap(void)
{
    struct timespec pause = {.tv_sec = 0, .tv_nsec = POLL_MS * 1000000L};
    nanosleep(&pause, NULL);
}

static void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char inner[BENCH_PATH_BYTES * 2];
        struct stat about;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (lstat(inner, &about) == 0 && S_ISDIR(about.st_mode)) {
            remove_tree(inner);
        } else {
            unlink(inner);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    rmdir(path);
}

/* ---- keys and register ---- */

/* One wrap of a payload's key, as field 3 of a PublishedEvent. Its secret part is noise: the broker cannot tell. */
static void put_wrap(struct buf *out, const struct bench_agent *agent)
{
    struct buf wrap = {0};
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t noise[48];
    hash_key_id(agent->keys.seal_public, key_id);
    randombytes_buf(noise, sizeof noise);
    wire_put_bytes(&wrap, 1, slice_of_text(agent->code));
    wire_put_bytes(&wrap, 2, slice_of(key_id, sizeof key_id));
    wire_put_bytes(&wrap, 3, slice_of(agent->keys.seal_public, 32));
    wire_put_bytes(&wrap, 4, slice_of(noise, sizeof noise));
    wire_put_bytes(out, 3, buf_slice(&wrap));
    buf_free(&wrap);
}

static void agent_make(struct bench_agent *self, size_t index, size_t count)
{
    struct buf wraps = {0};
    snprintf(self->code, sizeof self->code, "E9%07u", (unsigned)(index % 10000000));
    keys_make(world_real(), self->code, &self->keys);
    hash_key_id(self->keys.sign_public, self->sign_id);
    put_wrap(&wraps, self);
    self->wraps_len = wraps.len < sizeof self->wraps ? wraps.len : 0;
    memcpy(self->wraps, wraps.data, self->wraps_len);
    buf_free(&wraps);
    randombytes_buf(&self->incarnation, sizeof self->incarnation);
    self->next_sequence = 1;
    self->n_to = mem_new(count, sizeof *self->n_to);
    self->index = (uint32_t)index;
}

static ProtobufCBinaryData key_data(const uint8_t *key)
{
    return (ProtobufCBinaryData){.len = 32, .data = (uint8_t *)(uintptr_t)key};
}

/* Rows of the register that stand in arrays of their own. */
struct rows {
    Waypost__Authority *authorities;
    Waypost__Authority **authority_list;
    Waypost__Agent *agents;
    Waypost__Agent **agent_list;
    Waypost__Key *keys;
    Waypost__Key **key_list;
};

static void fill_agent(
    struct rows *rows, size_t i, const struct bench_agent *agent, int64_t from_ms)
{
    static Waypost__Role role[] = {WAYPOST__ROLE__AUTHORITY};
    const struct {
        Waypost__KeyUse use;
        const uint8_t *key;
    } uses[] = {{WAYPOST__KEY_USE__CURVE, agent->keys.curve_public},
        {WAYPOST__KEY_USE__SIGN, agent->keys.sign_public},
        {WAYPOST__KEY_USE__SEAL, agent->keys.seal_public}};
    rows->authorities[i] = (Waypost__Authority)WAYPOST__AUTHORITY__INIT;
    rows->authorities[i].code = (char *)(uintptr_t)agent->code;
    rows->authorities[i].name = (char *)(uintptr_t)agent->code;
    rows->authority_list[i] = &rows->authorities[i];
    rows->agents[i] = (Waypost__Agent)WAYPOST__AGENT__INIT;
    rows->agents[i].id = (char *)(uintptr_t)agent->code;
    rows->agents[i].code = (char *)(uintptr_t)agent->code;
    rows->agents[i].n_roles = 1;
    rows->agents[i].roles = role;
    rows->agents[i].n_keys = 3;
    rows->agents[i].keys = &rows->key_list[3 * i];
    rows->agent_list[i] = &rows->agents[i];
    for (size_t k = 0; k < 3; k++) {
        Waypost__Key *key = &rows->keys[3 * i + k];
        *key = (Waypost__Key)WAYPOST__KEY__INIT;
        key->use = uses[k].use;
        key->key = key_data(uses[k].key);
        key->from_ms = from_ms;
        rows->key_list[3 * i + k] = key;
    }
}

static void encode_register(const struct bench_net *self, const struct rows *rows, struct buf *out)
{
    Waypost__Register book = WAYPOST__REGISTER__INIT;
    Waypost__Broker broker = WAYPOST__BROKER__INIT;
    Waypost__Broker *brokers[] = {&broker};
    ProtobufCBinaryData roots[] = {key_data(self->root.sign_public)};
    broker.endpoint = (char *)(uintptr_t) "tcp://127.0.0.1:5670";
    broker.curve_key = key_data(self->broker.curve_public);
    broker.head_key = key_data(self->broker.sign_public);
    book.network = (char *)(uintptr_t)BENCH_NETWORK;
    book.version = 1;
    book.n_roots = 1;
    book.roots = roots;
    book.threshold = 1;
    book.issued_ms = self->cli->now_ms;
    book.n_authorities = self->agent_count;
    book.authorities = rows->authority_list;
    book.n_agents = self->agent_count;
    book.agents = rows->agent_list;
    book.n_brokers = 1;
    book.brokers = brokers;
    message_encode(&book.base, out);
}

static int write_register(struct bench_net *self)
{
    size_t count = self->agent_count;
    struct rows rows = {mem_new(count, sizeof(Waypost__Authority)),
        mem_new(count, sizeof(Waypost__Authority *)), mem_new(count, sizeof(Waypost__Agent)),
        mem_new(count, sizeof(Waypost__Agent *)), mem_new(3 * count, sizeof(Waypost__Key)),
        mem_new(3 * count, sizeof(Waypost__Key *))};
    struct buf book = {0};
    struct buf whole = {0};
    struct complaint why = {0};
    char path[BENCH_PATH_BYTES + 32];
    for (size_t i = 0; i < count; i++) {
        fill_agent(&rows, i, &self->agents[i], self->cli->now_ms - CIVIL_DAY_MS);
    }
    encode_register(self, &rows, &book);
    int rc = envelope_sign(&whole, buf_slice(&book), &self->root, &why);
    path_of(self, "register", path);
    rc = rc == 0 ? fsio_replace(path, buf_slice(&whole), 0644) : rc;
    free(rows.authorities);
    free(rows.authority_list);
    free(rows.agents);
    free(rows.agent_list);
    free(rows.keys);
    free(rows.key_list);
    buf_free(&book);
    buf_free(&whole);
    return rc == 0 ? CLI_DONE
                   : cli_fail(self->cli, rc, "the register for measuring could not be made: %s",
                         why.text[0] == '\0' ? err_text(rc) : why.text);
}

static int write_join(struct bench_net *self)
{
    struct join join = {.root_count = 1, .threshold = 1};
    struct buf text = {0};
    char path[BENCH_PATH_BYTES + 32];
    snprintf(join.network, sizeof join.network, "%s", BENCH_NETWORK);
    memcpy(join.roots[0], self->root.sign_public, 32);
    join_put(&join, &text);
    path_of(self, "join", path);
    int rc = fsio_replace(path, buf_slice(&text), 0644);
    buf_free(&text);
    path_of(self, "broker.keys", path);
    rc = rc == 0 ? keys_save(&self->broker, path) : rc;
    return rc == 0 ? CLI_DONE : cli_fail(self->cli, rc, "%s could not be written", path);
}

static int write_data(const struct bench_net *self)
{
    struct complaint why = {0};
    int rc = bench_data_write(self, &why);
    return rc == 0 ? CLI_DONE : cli_fail(self->cli, rc, "%s", why.text);
}

/* ---- the broker ---- */

static int write_configuration(struct bench_net *self, const char *listen)
{
    struct buf text = {0};
    char path[BENCH_PATH_BYTES + 32];
    buf_put_text(&text,
        "listen = \"%s\"\ndata = \"journal\"\nprocedures = \"data\"\nkeys = "
        "\"broker.keys\"\nregister = "
        "\"register\"\n",
        listen);
    buf_put_text(
        &text, "join = \"join\"\nready-file = \"ready\"\nheartbeat = 5 min\nfree-min = 64 MiB\n");
    path_of(self, "broker.zpl", path);
    int rc = fsio_replace(path, buf_slice(&text), 0644);
    buf_free(&text);
    return rc == 0 ? CLI_DONE : cli_fail(self->cli, rc, "%s could not be written", path);
}

static _Noreturn void become_broker(const struct bench_net *self)
{
    char config[BENCH_PATH_BYTES + 32];
    char log[BENCH_PATH_BYTES + 32];
    path_of(self, "broker.zpl", config);
    path_of(self, "log", log);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* Ctrl-C must not leave it behind */
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int null = open("/dev/null", O_RDONLY);
    if (fd >= 0 && null >= 0 && dup2(null, 0) == 0 && dup2(fd, 1) == 1 && dup2(fd, 2) == 2) {
        execl(self->broker_path, self->broker_path, "--config", config, (char *)NULL);
    }
    _exit(127);
}

/* The end of the broker's log, for a sentence. */
static void log_tail(const struct bench_net *self, char *out, size_t size)
{
    char path[BENCH_PATH_BYTES + 32];
    struct buf text = {0};
    path_of(self, "log", path);
    out[0] = '\0';
    if (fsio_read_all(path, 16 * 1048576, &text) == 0 && text.len > 0) {
        size_t from = text.len > LOG_TAIL ? text.len - LOG_TAIL : 0;
        snprintf(out, size, "%.*s", (int)(text.len - from), (const char *)text.data + from);
    }
    buf_free(&text);
}

static bool has_ended(struct bench_net *self)
{
    int status;
    if (self->pid != 0 && waitpid(self->pid, &status, WNOHANG) == self->pid) {
        self->pid = 0;
    }
    return self->pid == 0;
}

/* The endpoint out of the ready file, once it is there. */
static bool read_ready(struct bench_net *self)
{
    char path[BENCH_PATH_BYTES + 32];
    struct buf text = {0};
    path_of(self, "ready", path);
    bool ready = fsio_read_all(path, FILE_MAX, &text) == 0 && text.len > 0 &&
        text.data[text.len - 1] == '\n';
    if (ready) {
        size_t len = strcspn((const char *)text.data, "\n");
        len = len < sizeof self->endpoint ? len : sizeof self->endpoint - 1;
        memcpy(self->endpoint, text.data, len);
        self->endpoint[len] = '\0';
    }
    buf_free(&text);
    return ready;
}

static int wait_ready(struct bench_net *self)
{
    char tail[LOG_TAIL + 8];
    int64_t end_ns = bench_now_ns() + READY_MS * INT64_C(1000000);
    while (!read_ready(self)) {
        if (has_ended(self) || bench_now_ns() > end_ns) {
            log_tail(self, tail, sizeof tail);
            return cli_fail(self->cli, E_UNREACHABLE, "the broker %s did not become ready: %s",
                self->broker_path, tail);
        }
        nap();
    }
    return CLI_DONE;
}

int bench_net_start(struct bench_net *self, bool fresh)
{
    char path[BENCH_PATH_BYTES + 32];
    path_of(self, "ready", path);
    unlink(path);
    if (fresh) {
        path_of(self, "journal", path);
        remove_tree(path);
        path_of(self, "log", path);
        unlink(path);
        for (size_t i = 0; i < self->agent_count; i++) {
            struct bench_agent *agent = &self->agents[i];
            randombytes_buf(&agent->incarnation, sizeof agent->incarnation);
            agent->next_sequence = 1;
            agent->receipted = agent->stream_epoch = agent->stream_upto = agent->ack_counter = 0;
            memset(agent->n_to, 0, self->agent_count * sizeof *agent->n_to);
        }
    }
    int exit_code = write_configuration(self, fresh ? "tcp://127.0.0.1:*" : self->endpoint);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    self->exec_ns = bench_now_ns();
    self->pid = fork();
    if (self->pid == 0) {
        become_broker(self);
    }
    if (self->pid < 0) {
        self->pid = 0;
        return cli_fail(self->cli, E_IO, "no process for the broker: %s", strerror(errno));
    }
    return fresh ? wait_ready(self) : CLI_DONE;
}

static void end_broker(struct bench_net *self, int signal_number)
{
    int64_t end_ns = bench_now_ns() + STOP_MS * INT64_C(1000000);
    if (self->pid == 0) {
        return;
    }
    kill(self->pid, signal_number);
    while (!has_ended(self)) {
        if (bench_now_ns() > end_ns) {
            kill(self->pid, SIGKILL);
        }
        nap();
    }
}

void bench_net_stop(struct bench_net *self)
{
    end_broker(self, SIGTERM);
}

void bench_net_kill(struct bench_net *self)
{
    end_broker(self, SIGKILL);
}

/* ---- making and removing ---- */

static int find_broker(struct cli *cli, char *out)
{
    const char *named = cli_text(cli, "broker");
    if (named != NULL) {
        snprintf(out, BENCH_PATH_BYTES, "%s", named);
    } else {
        char own[BENCH_PATH_BYTES - 32];
        ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);
        own[len > 0 ? len : 0] = '\0';
        char *slash = strrchr(own, '/');
        own[slash == NULL ? 0 : slash - own] = '\0';
        snprintf(out, BENCH_PATH_BYTES, "%s/waypost-broker", own);
    }
    if (access(out, X_OK) != 0) {
        return cli_fail(cli, E_NOT_FOUND, "there is no broker at %s; name it with --broker", out);
    }
    return CLI_DONE;
}

int bench_net_make(struct cli *cli, size_t agents, struct bench_net *out)
{
    const char *below = cli_text(cli, "dir");
    *out = (struct bench_net){.cli = cli, .agent_count = agents};
    int exit_code = find_broker(cli, out->broker_path);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    snprintf(
        out->dir, sizeof out->dir, "%s/waypost-bench.XXXXXX", below == NULL ? "/var/tmp" : below);
    if (mkdtemp(out->dir) == NULL) {
        out->dir[0] = '\0';
        return cli_fail(cli, E_IO, "no directory can be made below %s: %s",
            below == NULL ? "/var/tmp" : below, strerror(errno));
    }
    keys_make(world_real(), "root", &out->root);
    keys_make(world_real(), "broker", &out->broker);
    out->agents = mem_new(agents, sizeof *out->agents);
    for (size_t i = 0; i < agents; i++) {
        agent_make(&out->agents[i], i, agents);
    }
    exit_code = write_register(out);
    exit_code = exit_code == CLI_DONE ? write_join(out) : exit_code;
    return exit_code == CLI_DONE ? write_data(out) : exit_code;
}

void bench_net_remove(struct bench_net *self)
{
    bench_net_stop(self);
    if (self->dir[0] != '\0') {
        remove_tree(self->dir);
    }
    for (size_t i = 0; self->agents != NULL && i < self->agent_count; i++) {
        free(self->agents[i].n_to);
        keys_wipe(&self->agents[i].keys);
    }
    free(self->agents);
    self->agents = NULL;
}

/* ---- what it uses ---- */

static uint64_t status_number(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    uint64_t number = 0;
    char digits[24];
    if (at == NULL) {
        return 0;
    }
    at += strlen(name);
    at += strspn(at, " \t");
    size_t len = strspn(at, "0123456789");
    snprintf(digits, sizeof digits, "%.*s", (int)(len < sizeof digits ? len : 0), at);
    return text_parse_u64(digits, 0, UINT64_MAX, &number) == 0 ? number : 0;
}

/* A file of /proc as text; false where it cannot be read. */
static bool read_proc(pid_t pid, const char *name, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0) {
        close(fd);
    }
    out[len > 0 ? len : 0] = '\0';
    return len > 0;
}

/* Number at a place of /proc/PID/stat, counted from the state behind the name in brackets, which is 0. */
static uint64_t stat_number(const char *text, int place)
{
    const char *at = strrchr(text, ')');
    uint64_t number = 0;
    char digits[24];
    for (int i = 0; at != NULL && i <= place; i++) {
        at = strchr(at, ' ');
        at = at == NULL ? NULL : at + 1;
    }
    if (at == NULL) {
        return 0;
    }
    size_t len = strspn(at, "0123456789");
    snprintf(digits, sizeof digits, "%.*s", (int)(len < sizeof digits ? len : 0), at);
    return text_parse_u64(digits, 0, UINT64_MAX, &number) == 0 ? number : 0;
}

static uint64_t count_files(pid_t pid)
{
    char path[64];
    uint64_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    for (const struct dirent *entry = NULL; dir != NULL && (entry = readdir(dir)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

/* "from-to ... path (deleted)" of each mapping of a file that has no name any more. */
static uint64_t scratch_kib(pid_t pid)
{
    char path[64];
    char line[512];
    uint64_t bytes = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        char *end = NULL;
        uint64_t from = strtoull(line, &end, 16);
        uint64_t to = *end == '-' ? strtoull(end + 1, NULL, 16) : from;
        bytes += strstr(line, " (deleted)") != NULL && to > from ? to - from : 0;
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return bytes / 1024;
}

struct bench_usage bench_net_usage(const struct bench_net *self)
{
    struct bench_usage usage = {0};
    char text[8192];
    if (self->pid == 0) {
        return usage;
    }
    if (read_proc(self->pid, "status", text, sizeof text)) {
        usage.rss_kib = status_number(text, "VmRSS:");
        usage.own_kib = status_number(text, "RssAnon:");
        usage.peak_kib = status_number(text, "VmHWM:");
        usage.files = count_files(self->pid);
        usage.scratch_kib = scratch_kib(self->pid);
    }
    if (read_proc(self->pid, "stat", text, sizeof text)) {
        uint64_t ticks = stat_number(text, STAT_USER) + stat_number(text, STAT_SYSTEM);
        usage.cpu_s = (double)ticks / (double)sysconf(_SC_CLK_TCK);
    }
    return usage;
}

/* How far the records reach in each segment, added up: segments end where a record no longer fitted. */
struct extent {
    uint64_t whole; /* of the segments before */
    uint64_t last;  /* position of the last record so far */
};

static int note_position(void *context, const struct record *record, uint64_t position)
{
    struct extent *extent = context;
    (void)record;
    if (position >> 32 != extent->last >> 32) {
        extent->whole += extent->last & UINT32_MAX;
    }
    extent->last = position;
    return 0;
}

uint64_t bench_net_journal_bytes(const struct bench_net *self)
{
    char path[BENCH_PATH_BYTES + 32];
    struct disk disk;
    struct journal_check report = {0};
    struct complaint why = {0};
    struct extent extent = {0};
    path_of(self, "journal", path);
    if (disk_real_open(path, &disk) != 0) {
        return 0;
    }
    int rc = journal_verify(&disk, NULL, &report, note_position, &extent, NULL, &why);
    disk_real_close(&disk);
    return rc != 0 ? 0 : extent.whole + (extent.last & UINT32_MAX);
}
