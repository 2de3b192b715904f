/* alarm_book: see alarm_book.h. Cannot fail: there is room for every row of the table. */
#include "common/alarm/alarm_book.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/check.h"

#include "common/base/banned.h"

enum { BOOK_MAX = 64 };

struct alarm_book {
    size_t count;
    struct alarm alarms[BOOK_MAX]; /* oldest first */
};

bool alarm_due(const struct alarm *alarm, int64_t now_ms, int64_t repeat_ms)
{
    return alarm->owner[0] == '\0' &&
        (alarm->told_ms == 0 || now_ms - alarm->told_ms >= repeat_ms || now_ms < alarm->told_ms);
}

alarm_book_t *alarm_book_new(void)
{
    assert(alarm_count() <= BOOK_MAX);
    return mem_new(1, sizeof(alarm_book_t));
}

void alarm_book_destroy(alarm_book_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static struct alarm *find(alarm_book_t *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->alarms[i].name, name) == 0) {
            return &self->alarms[i];
        }
    }
    return NULL;
}

static void copy_text(char *out, size_t room, const char *text)
{
    size_t len = strlen(text);

    len = len < room ? len : room - 1;
    memcpy(out, text, len);
    out[len] = '\0';
}

bool alarm_book_raise(alarm_book_t *self, const char *name, const char *text, int64_t now_ms)
{
    assert(alarm_info(name) != NULL);
    struct alarm *alarm = find(self, name);

    if (alarm != NULL && strncmp(alarm->text, text, sizeof alarm->text - 1) == 0) {
        return false;
    }
    if (alarm == NULL) {
        alarm = &self->alarms[self->count++];
        *alarm = (struct alarm){.since_ms = now_ms};
        copy_text(alarm->name, sizeof alarm->name, name);
    }
    copy_text(alarm->text, sizeof alarm->text, text);
    alarm->owner[0] = '\0';
    alarm->told_ms = 0;
    return true;
}

bool alarm_book_clear(alarm_book_t *self, const char *name)
{
    struct alarm *alarm = find(self, name);

    if (alarm == NULL) {
        return false;
    }
    size_t after = (size_t)(&self->alarms[self->count] - alarm) - 1;
    memmove(alarm, alarm + 1, after * sizeof *alarm);
    self->count--;
    return true;
}

bool alarm_book_own(alarm_book_t *self, const char *name, const char *owner)
{
    struct alarm *alarm = find(self, name);

    assert(alarm_owner_good(owner));
    if (alarm == NULL) {
        return false;
    }
    if (alarm_info(name)->once) {
        return alarm_book_clear(self, name);
    }
    copy_text(alarm->owner, sizeof alarm->owner, owner);
    return true;
}

void alarm_book_told(alarm_book_t *self, const char *name, int64_t told_ms)
{
    struct alarm *alarm = find(self, name);

    if (alarm != NULL) {
        alarm->told_ms = told_ms;
        alarm->told++;
    }
}

size_t alarm_book_count(const alarm_book_t *self)
{
    return self->count;
}

const struct alarm *alarm_book_at(const alarm_book_t *self, size_t index)
{
    return index < self->count ? &self->alarms[index] : NULL;
}

const struct alarm *alarm_book_find(const alarm_book_t *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->alarms[i].name, name) == 0) {
            return &self->alarms[i];
        }
    }
    return NULL;
}

bool alarm_owner_good(const char *owner)
{
    size_t len = strlen(owner);

    return len >= 1 && len < ALARM_OWNER_BYTES && owner[0] != ' ' &&
        strspn(owner, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -._") == len;
}
