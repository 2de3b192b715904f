/* replay_print: see replay_print.h. Cannot fail: a name that is not known is its code. */
#include "client/cli/replay_print.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/reading.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { LINE_BYTES = 400 };

struct replay_print {
    struct cli *cli;
    struct reading names; /* its register alone */
    int32_t day;          /* of the line before */
};

static int take_register(void *context, const struct record *record, uint64_t position)
{
    struct replay_print *self = context;
    struct cursor in = cursor_of(record->body);
    register_t *next = NULL;

    (void)position;
    if (record->type == RECORD_INPUT && take_u32(&in) == INPUT_REGISTER &&
        register_load_unpinned(in.rest, &next, NULL) == 0) {
        register_destroy(&self->names.reg);
        self->names.reg = next;
        return 1; /* one is enough: names hardly change */
    }
    return 0;
}

replay_print_t *replay_print_new(struct cli *cli, source_t *source)
{
    replay_print_t *self = mem_new(1, sizeof *self);
    const struct source_walk walk = {.visit = take_register, .context = self};
    struct complaint why = {0};
    uint64_t torn;

    self->cli = cli;
    self->day = INT32_MIN;
    if (!cli->json) {
        (void)source_walk(source, &walk, &torn, &why);
    }
    return self;
}

void replay_print_destroy(replay_print_t **self_p)
{
    if (*self_p != NULL) {
        reading_end(&(*self_p)->names);
        free(*self_p);
        *self_p = NULL;
    }
}

/* ---- for a person ---- */

static void put_day(struct replay_print *self, const struct item *item)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    int32_t day = civil_london_day(item->recorded_ms);
    char text[CIVIL_DATE_BYTES];

    if (day != self->day) {
        self->day = day;
        civil_date_text(day, text);
        cli_say(self->cli, "%s%s %s%s\n", cli_paint(self->cli, PAINT_BOLD),
            days[civil_weekday(day)], text, cli_paint(self->cli, PAINT_END));
    }
}

static enum cli_paint paint_of(const struct item *item)
{
    static const struct {
        const char *word;
        enum cli_paint paint;
    } paints[] = {{"refused", PAINT_RED}, {"deadline_breached", PAINT_RED}, {"fault", PAINT_RED},
        {"held", PAINT_YELLOW}, {"alert", PAINT_YELLOW}, {"alert_raised", PAINT_YELLOW},
        {"deadline_warning", PAINT_YELLOW}, {"responsibility_transferred", PAINT_GREEN}};

    for (size_t i = 0; i < sizeof paints / sizeof paints[0]; i++) {
        if (strcmp(paints[i].word, item->kind) == 0 || strcmp(paints[i].word, item->verdict) == 0) {
            return paints[i].paint;
        }
    }
    return item->what == ITEM_EVENT ? PAINT_END : PAINT_DIM;
}

static const char *short_id(const uint8_t *id, char *text)
{
    uuid_format(id, text);
    return text;
}

static void put_event(struct replay_print *self, const struct item *item, char *line)
{
    const struct event_view *view = item->view;
    size_t used;

    (void)snprintf(
        line, LINE_BYTES, "%s  %s to", item->kind, reading_name(&self->names, view->from));
    for (size_t i = 0; i < view->recipient_count; i++) {
        used = strlen(line);
        (void)snprintf(line + used, LINE_BYTES - used, "%s %s", i == 0 ? "" : ",",
            reading_name(&self->names, view->to[i].code));
    }
    used = strlen(line);
    (void)snprintf(line + used, LINE_BYTES - used, ": %s", item->verdict);
}

static void put_record(const struct item *item, char *line)
{
    const char *const parts[] = {item->clock, item->rule, item->code, item->detail};

    (void)snprintf(line, LINE_BYTES, "  %s", item->kind);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t used = strlen(line);
        if (parts[i][0] != '\0') {
            (void)snprintf(line + used, LINE_BYTES - used, " %s", parts[i]);
        }
    }
}

static void put_level(struct replay_print *self, const struct item *item, char *line)
{
    char id[UUID_TEXT_BYTES];

    (void)snprintf(line, LINE_BYTES, "  %s by %s: %s", item->kind,
        reading_name(&self->names, item->code), short_id(item->event, id));
}

/* ---- JSON ---- */

static void set_text(json_t *line, const char *member, const char *text)
{
    if (text[0] != '\0') {
        json_object_set_new(line, member, json_string(text));
    }
}

static void set_id(json_t *line, const char *member, const uint8_t *id)
{
    if (id != NULL) {
        json_object_set_new(line, member, reading_id(id));
    }
}

static json_t *item_json(const struct item *item)
{
    json_t *line = json_pack("{s:s, s:s, s:I, s:o, s:o}", "what", item_words[item->what], "kind",
        item->kind, "entry", (json_int_t)item->entry, "recorded", reading_time(item->recorded_ms),
        "at", reading_time(item->at_ms));

    set_id(line, "event", item->event);
    set_id(line, "transfer", item->transfer);
    set_id(line, "child", item->subject);
    set_text(line, "verdict", item->verdict);
    set_text(line, "clock", item->clock);
    set_text(line, "rule", item->rule);
    set_text(line, "detail", item->detail);
    set_text(line, "code", item->code);
    if (item->view != NULL) {
        json_object_set_new(line, "index", json_integer((json_int_t)item->index));
        json_object_set_new(line, "body", event_json(item->view));
    }
    return line;
}

void replay_print_item(replay_print_t *self, const struct item *item)
{
    struct cli *cli = self->cli;
    char stamp[CIVIL_STAMP_BYTES];
    char line[LINE_BYTES];

    if (cli->json) {
        cli_json_line(cli, item_json(item));
        return;
    }
    put_day(self, item);
    civil_stamp_london(item->recorded_ms, stamp);
    if (item->what == ITEM_EVENT) {
        put_event(self, item, line);
    } else if (item->what == ITEM_LEVEL) {
        put_level(self, item, line);
    } else if (item->what == ITEM_INPUT) {
        (void)snprintf(line, sizeof line, "  %s in force", item->kind);
    } else {
        put_record(item, line);
    }
    cli_say(cli, "%7llu %s %s%s%s\n", (unsigned long long)item->entry, stamp + 11,
        cli_paint(cli, paint_of(item)), line, cli_paint(cli, PAINT_END));
}
