/*
 * event_print: one event as a person reads it. Nothing fails.
 */
#include "client/cli/event_print.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/when.h"
#include "client/cli/wrap.h"
#include "common/base/bytes.h"
#include "common/base/banned.h"

enum { LABEL_COLUMNS = 14, FACT_COLUMNS = 28 };

void line_print(struct cli *cli, const char *label, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (cli->json) {
        return;
    }
    fprintf(cli->out, "%s%-*s%s", cli_paint(cli, PAINT_DIM), LABEL_COLUMNS, label,
        cli_paint(cli, PAINT_END));
    wrap_put(cli->out, text, LABEL_COLUMNS, LABEL_COLUMNS, cli->width);
}

static void put_text(struct buf *out, const char *text)
{
    buf_put(out, text, strlen(text));
}

/* A value as text, whole: words as they are, lists with commas. */
static void put_value(struct buf *out, const json_t *value)
{
    if (json_is_string(value)) {
        put_text(out, json_string_value(value));
    } else if (json_is_boolean(value)) {
        put_text(out, json_is_true(value) ? "yes" : "no");
    } else if (json_is_array(value)) {
        size_t i;
        json_t *item;
        json_array_foreach(value, i, item)
        {
            put_text(out, i == 0 ? "" : ", ");
            put_value(out, item);
        }
    } else {
        char *dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        put_text(out, dumped == NULL ? "" : dumped);
        free(dumped);
    }
}

void facts_print(struct cli *cli, const json_t *facts)
{
    const char *name;
    json_t *value;
    if (cli->json) {
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)facts, name, value)
    {
        struct buf text = {0};
        put_value(&text, value);
        buf_put_u8(&text, 0);
        int printed = fprintf(cli->out, "  %-*s", FACT_COLUMNS - 2, name);
        wrap_put(cli->out, (const char *)text.data, FACT_COLUMNS,
            printed < 0 ? 0 : (unsigned)printed, cli->width);
        buf_free(&text);
    }
}

static void put_parties(struct cli *cli, const json_t *event, const names_t *names)
{
    char text[1024];
    line_print(cli, "From", "%s", names_full(names, text_of(event, "from"), text, sizeof text));
    size_t len = 0;
    size_t i;
    json_t *to;
    text[0] = '\0';
    json_array_foreach(json_object_get(event, "to"), i, to)
    {
        char one[200];
        const char *code = json_is_string(to) ? json_string_value(to) : text_of(to, "code");
        names_full(names, code, one, sizeof one);
        len += len < sizeof text
            ? (size_t)snprintf(text + len, sizeof text - len, "%s%s", i == 0 ? "" : ", ", one)
            : 0;
    }
    line_print(cli, "To", "%s", text);
}

static void put_children(struct cli *cli, const json_t *event)
{
    size_t i;
    json_t *subject;
    json_array_foreach(json_object_get(event, "subjects"), i, subject)
    {
        const char *name = text_of(subject, "name");
        line_print(cli, i == 0 ? "Children" : "", "%s%s%s (%s)", name, name[0] == '\0' ? "" : ", ",
            text_of(subject, "ref"), text_of(subject, "case_type"));
    }
}

static void put_when(struct cli *cli, const char *label, const json_t *event, const char *member)
{
    char time[CLI_TIME_BYTES];
    if (when_of(event, member) > 0) {
        line_print(cli, label, "%s", when_text(cli, event, member, time));
    }
}

static void put_reference(
    struct cli *cli, const char *label, const json_t *event, const char *member)
{
    if (text_of(event, member)[0] != '\0') {
        line_print(cli, label, "%s", text_of(event, member));
    }
}

void event_print(struct cli *cli, const json_t *event, const names_t *names)
{
    const char *title = text_of(event, "title");
    cli_say(cli, "%s%s%s\n", cli_paint(cli, PAINT_BOLD),
        title[0] == '\0' ? text_of(event, "kind") : title, cli_paint(cli, PAINT_END));
    line_print(cli, "Kind", "%s", text_of(event, "kind"));
    line_print(cli, "Event", "%s", text_of(event, "id"));
    line_print(cli, "Transfer", "%s", text_of(event, "transfer"));
    put_parties(cli, event, names);
    put_children(cli, event);
    put_when(cli, "Happened", event, "occurred");
    put_when(cli, "Sent", event, "sent");
    put_reference(cli, "Answers", event, "ref");
    put_reference(cli, "Replaces", event, "supersedes");
    if (json_object_size(json_object_get(event, "facts")) > 0) {
        cli_say(cli, "\nFacts\n");
        facts_print(cli, json_object_get(event, "facts"));
    }
}
