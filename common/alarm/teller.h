/*
 * teller: brings an alarm to people: a program of the operator's gets it as one JSON object on its standard input, and
 * mail goes to addresses by the sendmail interface (`sendmail -t -i`, a message on standard input). Never waits: a
 * program has TELLER_TIMEOUT_MS, and TELLER_CHILDREN_MAX of them run at a time.
 *
 * What is told: the alarm's name and sentence, who must act, what to do, since when, which program of which network. No
 * personal data: sentences name agents, codes and random ids alone.
 *
 *   {"alarm": "event_dead", "program": "waypost-agent", "who": "E09000019", "network": "waypost-trial",
 *    "act": "the duty desk", "text": "...", "do": "...", "ends": "...", "since": "2026-03-16T10:05:00.123Z", "times": 1}
 */
#ifndef WAYPOST_ALARM_TELLER_H
#define WAYPOST_ALARM_TELLER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/alarm/alarm_book.h"
#include "common/base/settings.h"

enum {
    TELLER_CHILDREN_MAX =
        4, /* programs at a time: an operator's mistake must not fill the machine */
    TELLER_TIMEOUT_MS = 30000, /* of one program; then it is killed */
    TELLER_RETRY_MS = 60000,   /* after one that failed, or sooner where alarms repeat sooner */
    TELLER_PACE_MS = 60000,    /* one name is not told more often, or as often as alarms repeat */
    TELLER_ADDRESSES_MAX = 8
};

/* Rows of a program's options. */
/* clang-format off */
#define TELLER_ROWS \
    {"alarm-command", SETTING_PATH, "", 1, 1024, "", \
        "Program that is run for every alarm, with the alarm as JSON on its standard input; again " \
        "every alarm-repeat until somebody takes it on (waypost own). It has 30 s. An exit status " \
        "other than 0 is tried again."}, \
    {"alarm-mail", SETTING_LIST, "", 0, TELLER_ADDRESSES_MAX, "addresses", \
        "Mail addresses that every alarm is sent to as well."}, \
    {"sendmail", SETTING_PATH, "/usr/sbin/sendmail", 1, 1024, "", \
        "Program that mail is handed to, with -t -i and the message on its standard input."}, \
    {"alarm-repeat", SETTING_DURATION, "1 h", 1000, 604800000, "", \
        "How often an alarm that nobody has taken on is told again."}, \
    {"alarm-dead", SETTING_DURATION, "4 h", 1000, 2678400000, "", \
        "An accepted event that is not on its recipient's disk after this time is an alarm."}, \
    {"alarm-unread", SETTING_DURATION, "24 h", 1000, 2678400000, "", \
        "An event that nobody has opened after this time is an alarm."}, \
    {"alarm-sync", SETTING_DURATION, "1 s", 1, 60000, "", \
        "A disk that takes longer than this to sync, more than once in ten minutes, is an alarm."}
/* clang-format on */

struct teller_options {
    const char *program; /* "waypost-agent"; all lent for the teller's life */
    const char *who;     /* id of the agent, "broker" */
    const char *network;
    const settings_t *settings; /* with the rows above */
};

typedef struct teller teller_t;

teller_t *teller_new(const struct teller_options *options);
void teller_destroy(teller_t **self_p); /* ends what still runs */

bool teller_is_on(const teller_t *self); /* somebody is told */
int64_t teller_repeat_ms(const teller_t *self);
/* Is the configuration usable: programs that can be run, addresses that are some? 0, or E_CONFIG with why. */
int teller_check(const settings_t *settings, struct complaint *why);

/* Tell it now; false where too many are being told or this name was told just now: ask again at the next tick.
 * Failures to start are told by teller_reap(). now_ms: monotonic. */
bool teller_tell(teller_t *self, const struct alarm *alarm, int64_t now_ms);

/* Programs that have ended since: `done` for each, with the alarm's name, whether it was taken, and if not, why. */
void teller_reap(teller_t *self, int64_t now_ms,
    void (*done)(void *context, const char *alarm, bool good, const char *what), void *context);
bool teller_is_busy(const teller_t *self);

/* The texts themselves, appended. times: how often it was told before. */
void teller_put_json(
    const struct teller_options *options, const struct alarm *alarm, struct buf *out);
void teller_put_mail(
    const struct teller_options *options, const struct alarm *alarm, struct buf *out);

#endif
