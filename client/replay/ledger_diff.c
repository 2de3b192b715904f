/*
 * ledger_diff: see ledger_diff.h. Two things are the same where their lines are: what a line leaves out (when something
 * was recorded) is no difference. Cannot fail.
 */
#include "client/replay/ledger_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { TEXT = LEDGER_DIFFERENCE_TEXT_BYTES };

struct comparing {
    const ledger_t *a, *b;
    void (*visit)(void *context, const struct ledger_difference *difference);
    void *context;
    uint64_t count;
};

/* ---- lines ---- */

static void add(char *text, const char *part, const char *before)
{
    size_t used = strlen(text);

    (void)snprintf(text + used, TEXT - used, "%s%s", used == 0 ? "" : before, part);
}

static void add_time(char *text, const char *before, int64_t ms)
{
    char stamp[CIVIL_STAMP_BYTES];

    civil_stamp_utc(ms, stamp);
    add(text, before, " ");
    add(text, stamp, " ");
}

static void add_level(char *text, const struct ledger_level *level)
{
    if (level->persisted_ms == 0 && level->opened_ms == 0 && level->fault == 0) {
        return;
    }
    add(text, level->code, "; ");
    if (level->fault != 0) {
        add(text, err_name(-(int)level->fault), " fault ");
    } else if (level->opened_ms != 0) {
        add_time(text, "opened", level->opened_ms);
    } else {
        add_time(text, "persisted", level->persisted_ms);
    }
}

const char *ledger_event_text(const struct ledger_event *event, char *text)
{
    char word[DERIVED_WORD_BYTES];

    text[0] = '\0';
    add(text, ledger_verdict_words[event->verdict], "");
    for (size_t i = 0; i < event->note_count; i++) {
        const struct ledger_note *note = &event->notes[i];
        if (note->rules[0] != '\0') {
            add(text, note->rules, " ");
        } else {
            add(text, derived_word(note->kind, word), ", ");
        }
    }
    if (event->set_aside) {
        add(text, "set aside by an operator", ", ");
    }
    if (event->withheld) {
        add(text, "payload withheld", ", ");
    }
    if (event->payload_erased) {
        add(text, "payload erased", ", ");
    }
    for (size_t i = 0; i < event->level_count; i++) {
        add_level(text, &event->levels[i]);
    }
    return text;
}

const char *ledger_clock_text(const struct ledger_clock *clock, char *text)
{
    text[0] = '\0';
    add(text, ledger_clock_words[clock->state], "");
    if (clock->state == LEDGER_BREACHED && clock->stopped) {
        add(text, "and answered", " ");
    }
    if (clock->due[0] != '\0') {
        add(text, "due", ", ");
        add(text, clock->due, " ");
    }
    if (clock->provisional) {
        add(text, "provisional", ", ");
    }
    if (clock->binds[0] != '\0') {
        add(text, "binds", ", ");
        add(text, clock->binds, " ");
    } else {
        add(text, clock->advisory ? "advisory" : "binds nobody", ", ");
    }
    if (clock->reason[0] != '\0' && strcmp(clock->reason, "none") != 0) {
        add(text, "by", ", ");
        add(text, clock->reason, " ");
    }
    if (clock->late[0] != '\0' && strcmp(clock->late, "0") != 0) {
        add(text, "late", ", ");
        add(text, clock->late, " ");
    }
    return text;
}

static const char *owner_text(const struct ledger_child *child, char *text)
{
    text[0] = '\0';
    if (child == NULL) {
        return text;
    }
    for (size_t i = 0; i < child->owner_count; i++) {
        char stamp[CIVIL_STAMP_BYTES];
        civil_stamp_utc(child->owners[i].at_ms, stamp);
        add(text, child->owners[i].code, ", then ");
        if (i > 0) {
            add(text, "from", " ");
            add(text, stamp, " ");
        }
    }
    if (child->merged) {
        add(text, "joined to another record", ", ");
    }
    return text;
}

/* ---- comparing ---- */

static void compare_texts(
    struct comparing *self, struct ledger_difference *difference, const char *a, const char *b)
{
    if (strcmp(a, b) == 0) {
        return;
    }
    difference->a = a;
    difference->b = b;
    self->count++;
    self->visit(self->context, difference);
}

static void compare_event(struct comparing *self, const uint8_t *id)
{
    const struct ledger_event *a = ledger_event_of(self->a, id);
    const struct ledger_event *b = ledger_event_of(self->b, id);
    const struct ledger_event *any = a != NULL ? a : b;
    struct ledger_difference difference = {
        .what = "event", .has_event = true, .has_transfer = true};
    char text_a[TEXT] = "";
    char text_b[TEXT] = "";

    memcpy(difference.event, id, UUID_BYTES);
    memcpy(difference.transfer, any->transfer, UUID_BYTES);
    compare_texts(self, &difference, a == NULL ? "" : ledger_event_text(a, text_a),
        b == NULL ? "" : ledger_event_text(b, text_b));
}

static void compare_owner(struct comparing *self, const ledger_t *of, size_t index)
{
    const struct ledger_child *child = ledger_child_at(of, index);
    const struct ledger_child *other =
        ledger_child_named(of == self->a ? self->b : self->a, child->ref);
    struct ledger_difference difference = {.what = "owner", .has_subject = true};
    char text_a[TEXT] = "";
    char text_b[TEXT] = "";

    memcpy(difference.subject, child->ref, UUID_BYTES);
    if (of == self->a) {
        compare_texts(self, &difference, owner_text(child, text_a), owner_text(other, text_b));
    } else if (other == NULL) { /* the others were compared from the first side */
        compare_texts(self, &difference, "", owner_text(child, text_b));
    }
}

static int compare_clocks(const void *a, const void *b)
{
    return ledger_clock_compare(
        *(const struct ledger_clock *const *)a, *(const struct ledger_clock *const *)b);
}

static const struct ledger_clock **clocks_sorted(const ledger_t *self)
{
    size_t count = ledger_clock_count(self);
    const struct ledger_clock **list = mem_new(count + 1, sizeof *list);

    for (size_t i = 0; i < count; i++) {
        list[i] = ledger_clock_at(self, i);
    }
    if (count > 1) {
        qsort(list, count, sizeof *list, compare_clocks);
    }
    return list;
}

static void compare_clock(
    struct comparing *self, const struct ledger_clock *a, const struct ledger_clock *b)
{
    const struct ledger_clock *any = a != NULL ? a : b;
    struct ledger_difference difference = {
        .what = "clock", .has_transfer = true, .has_subject = true, .has_event = true};
    char text_a[TEXT] = "";
    char text_b[TEXT] = "";

    assert(any != NULL);
    memcpy(difference.transfer, any->transfer, UUID_BYTES);
    memcpy(difference.subject, any->subject, UUID_BYTES);
    memcpy(difference.event, any->event, UUID_BYTES);
    (void)snprintf(difference.id, sizeof difference.id, "%s", any->id);
    compare_texts(self, &difference, a == NULL ? "" : ledger_clock_text(a, text_a),
        b == NULL ? "" : ledger_clock_text(b, text_b));
}

static void compare_all_clocks(struct comparing *self)
{
    const struct ledger_clock **a = clocks_sorted(self->a);
    const struct ledger_clock **b = clocks_sorted(self->b);
    size_t count_a = ledger_clock_count(self->a);
    size_t count_b = ledger_clock_count(self->b);

    for (size_t i = 0, k = 0; i < count_a || k < count_b;) {
        int order = i == count_a ? 1 : k == count_b ? -1 : ledger_clock_compare(a[i], b[k]);
        compare_clock(self, order <= 0 ? a[i] : NULL, order >= 0 ? b[k] : NULL);
        i += order <= 0;
        k += order >= 0;
    }
    free(a);
    free(b);
}

static void compare_transfer(struct comparing *self, const struct ledger_transfer *transfer,
    const ledger_t *there, bool first)
{
    const struct ledger_transfer *other = ledger_transfer_of(there, transfer->id);
    struct ledger_difference difference = {.what = "transfer", .has_transfer = true};
    char text[TEXT] = "";
    char text_other[TEXT] = "";

    memcpy(difference.transfer, transfer->id, UUID_BYTES);
    (void)snprintf(text, sizeof text, "%s to %s", transfer->origin, transfer->receiving);
    if (other != NULL) {
        (void)snprintf(text_other, sizeof text_other, "%s to %s", other->origin, other->receiving);
    }
    if (first) {
        compare_texts(self, &difference, text, text_other);
    } else if (other == NULL) {
        compare_texts(self, &difference, "", text);
    }
}

uint64_t ledger_diff(const ledger_t *a, const ledger_t *b,
    void (*visit)(void *context, const struct ledger_difference *difference), void *context)
{
    struct comparing self = {.a = a, .b = b, .visit = visit, .context = context};

    for (size_t i = 0; i < ledger_transfer_count(a); i++) {
        compare_transfer(&self, ledger_transfer_at(a, i), b, true);
    }
    for (size_t i = 0; i < ledger_transfer_count(b); i++) {
        compare_transfer(&self, ledger_transfer_at(b, i), a, false);
    }
    for (size_t i = 0; i < ledger_event_count(a); i++) {
        compare_event(&self, ledger_event_at(a, i)->id);
    }
    for (size_t i = 0; i < ledger_event_count(b); i++) {
        if (ledger_event_of(a, ledger_event_at(b, i)->id) == NULL) {
            compare_event(&self, ledger_event_at(b, i)->id);
        }
    }
    for (size_t i = 0; i < ledger_child_count(a); i++) {
        compare_owner(&self, a, i);
    }
    for (size_t i = 0; i < ledger_child_count(b); i++) {
        compare_owner(&self, b, i);
    }
    compare_all_clocks(&self);
    return self.count;
}
