/*
 * bundle_words: see bundle_words.h. Cannot fail: what cannot be read is said so.
 */
#include "client/cli/bundle_words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/civil.h"
#include "common/base/utf8.h"
#include "common/codec/event.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

/* A sentence under construction. */
struct sentence {
    char *at;
    size_t room;
    size_t len;
};

static void add(struct sentence *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct sentence *self, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(self->at + self->len, self->room - self->len, format, args);
    va_end(args);
    if (len > 0) {
        size_t left = self->room - self->len - 1;
        utf8_make_shown(self->at + self->len, ""); /* the file is whoever's */
        self->len += (size_t)len < left ? (size_t)len : left;
    }
}

static struct sentence begin(char *out, size_t room)
{
    out[0] = '\0';
    return (struct sentence){out, room, 0};
}

/* "move_notified" to "Move notified". */
static void add_plain(struct sentence *self, const char *word)
{
    size_t from = self->len;

    add(self, "%s", word);
    for (size_t i = from; i < self->len; i++) {
        if (self->at[i] == '_') {
            self->at[i] = ' ';
        }
    }
    if (self->len > from && self->at[from] >= 'a' && self->at[from] <= 'z') {
        self->at[from] = (char)(self->at[from] - 'a' + 'A');
    }
}

/* "event 2", or its id where it is none of the bundle's. */
static void add_event(struct sentence *self, const struct bundle_view *view, const uint8_t *event)
{
    char id[UUID_TEXT_BYTES];
    size_t number = bundle_event_number(view, event);

    if (number > 0) {
        add(self, "event %zu", number);
    } else {
        uuid_format(event, id);
        add(self, "event %s", id);
    }
}

static void add_lower(struct sentence *self, const char *word)
{
    for (; *word != '\0'; word++) {
        add(self, "%c",
            *word == '_'                       ? ' '
                : *word >= 'A' && *word <= 'Z' ? *word - 'A' + 'a'
                                               : *word);
    }
}

/* ---- events ---- */

static void add_facts(struct sentence *self, const struct event_view *event)
{
    json_t *json = event_json(event);
    const char *name;
    json_t *value;
    const char *before = ". Facts: ";

    json_object_foreach(json_object_get(json, "facts"), name, value)
    {
        char *text =
            json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        add(self, "%s%s %s", before, name,
            text != NULL                ? text
                : json_is_string(value) ? json_string_value(value)
                                        : "?");
        free(text);
        before = ", ";
    }
    json_decref(json);
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

/* By their numbers on the wire; the word is that of the local interface. */
static const struct {
    const char *word, *text;
} verdicts[] = {{"unjudged", ""}, {"effective", "took effect"},
    {"alert", "took effect and raised a flag"}, {"refused", "was refused"}, {"held", "is held"}};

enum { VERDICT_COUNT = sizeof verdicts / sizeof verdicts[0] };

/* The broker tells a sender what it refused, held or flagged, and of the rest nothing. */
void bundle_words_judged(const json_t *row, char *words, size_t room)
{
    const char *judged = member(row, "judged");
    size_t used = strlen(words);

    if (strcmp(member(row, "direction"), "out") != 0) {
        return;
    }
    for (size_t i = 1; i < VERDICT_COUNT; i++) {
        if (strcmp(judged, verdicts[i].word) == 0) {
            (void)snprintf(words + used, room - used, " The maker's agent works out that it %s.",
                verdicts[i].text);
        }
    }
}

void bundle_words_event(
    const struct bundle_view *view, const Waypost__BundleEvent *event, char *out, size_t room)
{
    struct sentence words = begin(out, room);
    struct event_view read;
    char name[200];
    char time[CIVIL_STAMP_BYTES];

    if (event_read(slice_of(event->event.data, event->event.len), &read, NULL) != 0) {
        add(&words, "An event that cannot be read");
        return;
    }
    const struct kind_info *kind = catalogue_kind(read.kind);
    add(&words, "%s, from %s to", kind == NULL ? "An unknown kind of event" : kind->title,
        bundle_name(view, read.from, name));
    for (size_t i = 0; i < read.recipient_count; i++) {
        add(&words, "%s %s", i == 0 ? "" : ",", bundle_name(view, read.to[i].code, name));
    }
    add_facts(&words, &read);
    civil_stamp_london(read.occurred_ms, time);
    add(&words, ". It happened %s", time);
    if (read.has_payload) {
        add(&words, "; %s",
            event->has_erased && event->erased ? "its sealed part was erased"
                                               : "with a sealed part that is not in this file");
    }
    if (event->has_verdict && event->verdict > 0 && event->verdict < VERDICT_COUNT) {
        add(&words, ". The maker was told that it %s", verdicts[event->verdict].text);
    }
    add(&words, ".");
}

/* ---- acknowledgements ---- */

void bundle_words_ack(
    const struct bundle_view *view, const Waypost__AckEntry *ack, char *out, size_t room)
{
    struct sentence words = begin(out, room);
    const Waypost__AckedEvent *event = ack->events[0];
    char name[200];
    (void)bundle_name(view, ack->code, name);
    if (event->level == 1) {
        add(&words, "%s had ", name);
        add_event(&words, view, event->event.data);
        add(&words, " on its system.");
    } else if (event->level == 2) {
        const ProtobufCEnumValue *role = event->has_role
            ? protobuf_c_enum_descriptor_get_value(
                  &waypost__person_role__descriptor, (int)event->role)
            : NULL;
        add(&words, "At %s ", name);
        if (role != NULL) {
            add(&words, "a ");
            add_lower(&words, role->name + strlen("PERSON_ROLE_"));
        } else {
            add(&words, "somebody");
        }
        add(&words, "%s%s opened ", event->team == NULL ? "" : " of team ",
            event->team == NULL ? "" : event->team);
        add_event(&words, view, event->event.data);
        add(&words, ".");
    } else {
        add(&words, "%s could not use ", name);
        add_event(&words, view, event->event.data);
        add(&words, " (%s).",
            event->has_code_err && event->code_err < INT32_MAX ? err_name(-(int)event->code_err)
                                                               : "no reason given");
    }
}

/* ---- records ---- */

static bool says_nothing(const char *value)
{
    return strcmp(value, "no") == 0 || strcmp(value, "none") == 0 || strcmp(value, "0") == 0;
}

/* Details are "name=value name=value", codes among the values. */
static void add_detail(struct sentence *self, const struct bundle_view *view, const char *detail)
{
    const char *before = ": ";

    while (*detail != '\0') {
        char name[200];
        char value[200];
        size_t len = strcspn(detail, " ");
        (void)snprintf(value, sizeof value, "%.*s", (int)(len < 199 ? len : 199), detail);
        char *equals = strchr(value, '=');
        if (equals != NULL && says_nothing(equals + 1)) {
            name[0] = '\0';
        } else if (equals != NULL) {
            *equals = '\0';
            add(self, "%s%s %s", before, value, bundle_name(view, equals + 1, name));
        } else {
            add(self, "%s%s", before, value);
            name[0] = 'x';
        }
        before = *name == '\0' ? before : ", ";
        detail += len;
        detail += *detail == ' ' ? 1 : 0;
    }
}

void bundle_words_record(const struct bundle_view *view, const Waypost__Derived *derived,
    int64_t recorded_ms, char *out, size_t room)
{
    enum { LATE_MS = 60000 };
    struct sentence words = begin(out, room);
    char word[DERIVED_WORD_BYTES];
    char name[200];
    char time[CIVIL_STAMP_BYTES];

    add_plain(&words, derived_word((int)derived->kind, word));
    if (derived->clock != NULL) {
        add(&words, ", clock %s", derived->clock);
    }
    if (derived->rule != NULL) {
        add(&words, ", rule %s", derived->rule);
    }
    if (derived->by != NULL) {
        add(&words, ", by %s", bundle_name(view, derived->by, name));
    }
    if (derived->code != NULL) {
        add(&words, ", of %s", bundle_name(view, derived->code, name));
    }
    if (derived->detail != NULL) {
        add_detail(&words, view, derived->detail);
    }
    if (derived->has_event && derived->event.len == UUID_BYTES) {
        add(&words, " (");
        add_event(&words, view, derived->event.data);
        add(&words, ")");
    }
    if (recorded_ms - derived->at_ms > LATE_MS) {
        civil_stamp_london(recorded_ms, time);
        add(&words, "; recorded %s", time);
    }
    add(&words, ".");
}

/* ---- how it stands ---- */

static void add_codes(struct sentence *self, const struct bundle_view *view, const json_t *codes)
{
    size_t i;
    json_t *code;
    char name[200];

    json_array_foreach(codes, i, code)
    {
        add(self, "%s%s", i == 0 ? "" : ", ",
            bundle_name(view, json_is_string(code) ? json_string_value(code) : "?", name));
    }
}

/* One line of a child: 0 its owners, then each clock. False beyond. */
static bool child_line(
    const struct bundle_view *view, const json_t *child, size_t line, struct sentence *words)
{
    const json_t *clocks = json_object_get(child, "clocks");

    if (line == 0) {
        add(words, "Child %.8s: the case is with ", member(child, "ref"));
        add_codes(words, view, json_object_get(json_object_get(child, "owners"), "case"));
        add(words, ".");
        return true;
    }
    const json_t *clock = json_array_get(clocks, line - 1);
    if (clock == NULL) {
        return false;
    }
    add(words, "Clock %s, %s: %s", member(clock, "clock"), member(clock, "name"),
        member(clock, "state"));
    if (member(clock, "due")[0] != '\0') {
        add(words, ", due %s", member(clock, "due"));
    }
    add(words, ", binds ");
    add_codes(words, view, json_object_get(clock, "binds"));
    add(words, ".");
    return true;
}

bool bundle_words_story(const struct bundle_view *view, size_t line, char *out, size_t room)
{
    struct sentence words = begin(out, room);
    const json_t *children = json_object_get(view->story, "children");
    size_t i;
    json_t *child;

    json_array_foreach(children, i, child)
    {
        size_t lines = 1 + json_array_size(json_object_get(child, "clocks"));
        if (line < lines) {
            return child_line(view, child, line, &words);
        }
        line -= lines;
    }
    return false;
}

/* ---- what it comes to ---- */

static void add_faults(struct sentence *self, const struct bundle_view *view)
{
    size_t broken = 0;

    for (size_t i = 0; i < view->item_count; i++) {
        broken += view->items[i].mark == BUNDLE_BROKEN ? 1 : 0;
    }
    add(self, "%zu line%s could be read", view->item_count, view->item_count == 1 ? "" : "s");
    if (broken > 0) {
        add(self, ", of which %zu marked BROKEN", broken);
    }
    add(self, "%s%s.", view->fault[0] != '\0' ? "; " : "", view->fault);
}

enum bundle_outcome bundle_words_outcome(
    const struct bundle_view *view, const char **headline, char *out, size_t room)
{
    static const char *const headlines[] = {
        [BUNDLE_HOLDS] = "Everything in it holds.",
        [BUNDLE_UNPINNED] = "It holds together, but whose keys these are was not checked.",
        [BUNDLE_FAULTY] = "Not everything in it holds.",
    };
    struct sentence words = begin(out, room);
    enum bundle_outcome outcome = view->broken > 0 || !view->ended ? BUNDLE_FAULTY
        : view->registers_pinned                                   ? BUNDLE_HOLDS
                                                                   : BUNDLE_UNPINNED;

    if (outcome == BUNDLE_FAULTY) {
        add_faults(&words, view);
    } else {
        add(&words, "%zu line%s; the maker signed the whole.", view->item_count,
            view->item_count == 1 ? "" : "s");
    }
    if (outcome == BUNDLE_UNPINNED) {
        add(&words,
            " Only the file itself says whose its keys are, and whoever made the file could "
            "have made them too: check it again with --join and the network's join file.");
    }
    *headline = headlines[outcome];
    return outcome;
}
