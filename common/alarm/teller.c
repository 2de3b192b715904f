/* teller: see teller.h. What fails is handed to whoever reaps; nothing is fatal. */
#include "common/alarm/teller.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "common/base/check.h"
#include "common/base/child.h"
#include "common/base/civil.h"
#include "common/base/placement.h"

#include "common/base/banned.h"

enum { WHAT_BYTES = 200, TELLER_NAMES_MAX = 64 };

struct telling {
    pid_t pid; /* 0: not started, or free */
    bool used;
    bool killed;
    char alarm[ALARM_NAME_BYTES];
    char what[WHAT_BYTES]; /* why it was not started */
    int64_t deadline_ms;
};

struct teller {
    struct teller_options options;
    const char *command;  /* "" for none */
    const char *sendmail; /* used where there are addresses */
    bool mails;
    struct telling tellings[TELLER_CHILDREN_MAX];
    int64_t
        told_ms[TELLER_NAMES_MAX]; /* mono, by row of the table: when it was last told, 0 never */
};

teller_t *teller_new(const struct teller_options *options)
{
    teller_t *self = mem_new(1, sizeof *self);

    self->options = *options;
    self->command = settings_text(options->settings, "alarm-command");
    self->sendmail = settings_text(options->settings, "sendmail");
    self->mails = settings_list_count(options->settings, "alarm-mail") > 0;
    return self;
}

void teller_destroy(teller_t **self_p)
{
    teller_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < TELLER_CHILDREN_MAX; i++) {
        if (self->tellings[i].pid != 0) {
            child_kill(self->tellings[i].pid);
            (void)waitpid(self->tellings[i].pid, NULL, 0);
        }
    }
    free(self);
    *self_p = NULL;
}

bool teller_is_on(const teller_t *self)
{
    return self->command[0] != '\0' || self->mails;
}

int64_t teller_repeat_ms(const teller_t *self)
{
    return (int64_t)settings_number(self->options.settings, "alarm-repeat");
}

/* ---- configuration ------------------------------------------------------------------------ */

/* user@host, of what a header can hold without quoting. */
static bool is_address(const char *text)
{
    const char *at = strchr(text, '@');
    size_t good = strspn(text,
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+/=?^_`{|}~-@");

    return at != NULL && at != text && at[1] != '\0' && strchr(at + 1, '@') == NULL &&
        text[good] == '\0' && strlen(text) <= 254;
}

static int check_program(
    const settings_t *settings, const char *option, const char *path, struct complaint *why)
{
    char named[320];

    (void)snprintf(named, sizeof named, "%s: %s", settings_file(settings), option);
    return placement_program(named, path, why);
}

int teller_check(const settings_t *settings, struct complaint *why)
{
    const char *command = settings_text(settings, "alarm-command");
    size_t count = settings_list_count(settings, "alarm-mail");
    int rc = command[0] == '\0' ? 0 : check_program(settings, "alarm-command", command, why);

    for (size_t i = 0; i < count && rc == 0; i++) {
        const char *address = settings_list_at(settings, "alarm-mail", i);
        if (!is_address(address)) {
            rc = complain(why, E_CONFIG, "%s: alarm-mail: \"%.80s\" is no mail address",
                settings_file(settings), address);
        }
    }
    if (rc == 0 && count > 0) {
        rc = check_program(settings, "sendmail", settings_text(settings, "sendmail"), why);
    }
    return rc;
}

/* ---- texts -------------------------------------------------------------------------------- */

void teller_put_json(
    const struct teller_options *options, const struct alarm *alarm, struct buf *out)
{
    const struct alarm_info *info = alarm_info(alarm->name);
    char since[CIVIL_STAMP_BYTES];

    civil_stamp_utc(alarm->since_ms, since);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "alarm",
        alarm->name, "program", options->program, "who", options->who, "network", options->network,
        "act", alarm_actor_word(info->actor), "text", alarm->text, "do", info->remedy, "ends",
        info->ends, "since", since, "times", (json_int_t)alarm->told + 1);
    assert(json != NULL);
    char *text = json_dumps(json, JSON_COMPACT);
    buf_put_text(out, "%s\n", text);
    free(text);
    json_decref(json);
}

static void put_line(struct buf *out, const char *name, const char *value)
{
    buf_put_text(out, "%-9s%s\n", name, value);
}

void teller_put_mail(
    const struct teller_options *options, const struct alarm *alarm, struct buf *out)
{
    const struct alarm_info *info = alarm_info(alarm->name);
    size_t count = settings_list_count(options->settings, "alarm-mail");
    char since[CIVIL_STAMP_BYTES];

    civil_stamp_utc(alarm->since_ms, since);
    for (size_t i = 0; i < count; i++) {
        buf_put_text(out, "%s%s", i == 0 ? "To: " : ",\n ",
            settings_list_at(options->settings, "alarm-mail", i));
    }
    buf_put_text(out, "\nSubject: %s: alarm %s at %s%s\n", options->network, alarm->name,
        options->who, alarm->told > 0 ? ", again" : "");
    buf_put_text(out,
        "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n\n");
    put_line(out, "What", alarm->text);
    put_line(out, "Since", since);
    put_line(out, "To act", alarm_actor_word(info->actor));
    put_line(out, "To do", info->remedy);
    put_line(out, "It goes", info->ends);
    buf_put_text(out, "\nIt is told again until somebody takes it on: waypost own %s --by ROLE%s\n",
        alarm->name, strcmp(options->program, "waypost-broker") == 0 ? " --broker" : "");
}

/* ---- telling ------------------------------------------------------------------------------ */

static struct telling *place_take(teller_t *self, const struct alarm *alarm, int64_t now_ms)
{
    for (size_t i = 0; i < TELLER_CHILDREN_MAX; i++) {
        struct telling *place = &self->tellings[i];
        if (!place->used) {
            *place = (struct telling){.used = true, .deadline_ms = now_ms + TELLER_TIMEOUT_MS};
            memcpy(place->alarm, alarm->name, sizeof place->alarm);
            return place;
        }
    }
    return NULL;
}

static size_t places_free(const teller_t *self)
{
    size_t count = 0;

    for (size_t i = 0; i < TELLER_CHILDREN_MAX; i++) {
        count += self->tellings[i].used ? 0 : 1;
    }
    return count;
}

static void start(struct telling *place, char *const *argv, const struct buf *input)
{
    if (child_start(argv, buf_slice(input), &place->pid) != 0) {
        place->pid = 0;
        (void)snprintf(
            place->what, sizeof place->what, "%s cannot be run: %s", argv[0], strerror(errno));
    }
}

/* When this name was last told: a state that comes and goes is not told each time. */
static int64_t *last_told(teller_t *self, const char *name)
{
    size_t row = 0;

    assert(alarm_count() <= TELLER_NAMES_MAX);
    while (strcmp(alarm_at(row)->name, name) != 0) {
        row++;
    }
    return &self->told_ms[row];
}

bool teller_tell(teller_t *self, const struct alarm *alarm, int64_t now_ms)
{
    int64_t pace_ms =
        teller_repeat_ms(self) < TELLER_PACE_MS ? teller_repeat_ms(self) : TELLER_PACE_MS;
    int64_t *told_ms = last_told(self, alarm->name);
    char *command[] = {(char *)(uintptr_t)self->command, NULL};
    char *sendmail[] = {(char *)(uintptr_t)self->sendmail, "-t", "-i", NULL};
    size_t wanted = (size_t)(self->command[0] != 0) + (size_t)self->mails;
    struct buf input = {0};

    if (places_free(self) < wanted || (*told_ms != 0 && now_ms - *told_ms < pace_ms)) {
        return false;
    }
    *told_ms = now_ms;
    if (self->command[0] != '\0') {
        teller_put_json(&self->options, alarm, &input);
        start(place_take(self, alarm, now_ms), command, &input);
        buf_clear(&input);
    }
    if (self->mails) {
        teller_put_mail(&self->options, alarm, &input);
        start(place_take(self, alarm, now_ms), sendmail, &input);
    }
    buf_free(&input);
    return true;
}

void teller_reap(teller_t *self, int64_t now_ms,
    void (*done)(void *context, const char *alarm, bool good, const char *what), void *context)
{
    for (size_t i = 0; i < TELLER_CHILDREN_MAX; i++) {
        struct telling *place = &self->tellings[i];
        bool good = false;
        if (!place->used) {
            continue;
        }
        if (place->pid != 0 && now_ms >= place->deadline_ms && !place->killed) {
            place->killed = true;
            child_kill(place->pid);
        }
        if (place->pid != 0 && !child_ended(place->pid, &good, place->what, sizeof place->what)) {
            continue;
        }
        if (place->killed) {
            (void)snprintf(place->what, sizeof place->what, "it ran too long and was killed");
        }
        place->pid = 0;
        place->used = false;
        done(context, place->alarm, good, place->what);
    }
}

bool teller_is_busy(const teller_t *self)
{
    return places_free(self) < TELLER_CHILDREN_MAX;
}
