/*
 * alarms: the broker's own (common/alarm): raised and cleared by the edge from what it and the core see, shown to
 * operators and taken on by them, which is a record. They are states of this process: a start finds out anew.
 */
#include "broker/core/core_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

enum { OWNED_BYTES = ALARM_NAME_BYTES + ALARM_OWNER_BYTES + 16 };

alarm_book_t *core_alarms(core_t *self)
{
    return self->alarms;
}

void core_alarm(core_t *self, const char *name, const char *format, ...)
{
    char text[ALARM_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (alarm_book_raise(self->alarms, name, text, self->world->wall_ms(self->world->context))) {
        log_errorx("alarm %s: %s", name, text);
    }
}

void core_alarm_clear(core_t *self, const char *name)
{
    if (alarm_book_clear(self->alarms, name)) {
        log_info("alarm %s is over", name);
    }
}

void alarms_answer(core_t *self, const Waypost__Operate *operate, Waypost__Operated *operated)
{
    size_t count = alarm_book_count(self->alarms);
    Waypost__AlarmRow *rows = mem_new(count + 1, sizeof *rows);
    Waypost__AlarmRow **list = mem_new(count + 1, sizeof(Waypost__AlarmRow *));

    list[0] = rows; /* also where there are none: it is freed by this */
    for (size_t i = 0; i < count; i++) {
        const struct alarm *alarm = alarm_book_at(self->alarms, i);
        waypost__alarm_row__init(&rows[i]);
        rows[i].name = (char *)(uintptr_t)alarm->name;
        rows[i].text = (char *)(uintptr_t)alarm->text;
        rows[i].since_ms = alarm->since_ms;
        rows[i].owner = alarm->owner[0] == '\0' ? NULL : (char *)(uintptr_t)alarm->owner;
        rows[i].told = alarm->told;
        list[i] = &rows[i];
    }
    operated->request = operate->request;
    operated->n_alarms = count;
    operated->alarms = list;
}

void alarms_answer_free(Waypost__Operated *operated)
{
    free(operated->alarms[0]);
    free(operated->alarms);
}

/* The record first: what it names leaves the list below. */
int alarms_own(core_t *self, const Waypost__Operate *operate, const char *agent, uint64_t *need,
    struct complaint *why)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    const char *name = operate->alarm == NULL ? "" : operate->alarm;
    const char *by = operate->by == NULL ? "" : operate->by;
    char detail[OWNED_BYTES];

    if (alarm_book_find(self->alarms, name) == NULL) {
        return complain(why, E_NOT_FOUND, "The alarm %.32s of the broker is not up.", name);
    }
    if (!alarm_owner_good(by)) {
        return complain(why, E_RANGE, "Name a role or team that takes it on, at most %d bytes.",
            ALARM_OWNER_BYTES - 1);
    }
    (void)snprintf(detail, sizeof detail, "alarm=%s by=%s", name, by);
    derived.kind = WAYPOST__SYSTEM_KIND__ALARM_OWNED;
    derived.at_ms = self->now_ms;
    derived.by = (char *)(uintptr_t)agent;
    derived.detail = detail;
    (void)append_derived(self, &derived); /* told nobody: it is for the journal's readers */
    log_info("alarm %s was taken on agent=%s by=%s", name, agent, by);
    (void)alarm_book_own(self->alarms, name, by);
    *need = journal_size(self->journal);
    return 0;
}
