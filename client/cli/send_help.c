/*
 * send_help: the catalogue as `waypost send --list` and `waypost send KIND --help` print it. Nothing fails.
 */
#include "client/cli/send_help.h"

#include <string.h>

#include "client/cli/table.h"
#include "client/cli/wrap.h"
#include "common/base/banned.h"

enum { FACT_COLUMN = 30 };

const struct kind_info *send_kind(struct cli *cli, const char *name)
{
    const struct kind_info *kind = catalogue_kind_named(name);
    if (kind != NULL) {
        return kind;
    }
    const char *near = catalogue_kind_nearest(name);
    if (near != NULL) {
        cli_misuse(cli, "there is no kind %s; did you mean %s?", name, near);
    } else {
        cli_misuse(cli, "there is no kind %s; waypost send --list has them all", name);
    }
    return NULL;
}

/* ---- JSON ---- */

static json_t *fact_json_of(const struct fact_info *fact, bool required)
{
    static const char *const types[] = {
        "bool", "int", "enum", "date", "time", "code", "id", "hash", "ref", "subject", "text"};
    json_t *object = json_pack("{s:s, s:s, s:b, s:b, s:b, s:s}", "name", fact->name, "type",
        types[fact->type], "list", fact->list, "required", required, "sealed", fact->sealed,
        "meaning", fact->meaning);
    if (fact->type == FACT_ENUM) {
        json_t *words = json_array();
        for (size_t i = 0; i < fact->value_count; i++) {
            json_array_append_new(words, json_string(fact->values[i]));
        }
        json_object_set_new(object, "values", words);
    }
    return object;
}

static json_t *kind_json(const struct kind_info *kind, bool facts)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", kind->name, "title", kind->title, "sender",
            kind->sender_role, "recipient", kind->recipient_role, "answers", kind->acknowledgement);
    json_t *list = json_array();
    for (const uint32_t *number = kind->required; *number != 0; number++) {
        json_array_append_new(list, fact_json_of(catalogue_fact(*number), true));
    }
    for (const uint32_t *number = kind->optional; *number != 0; number++) {
        json_array_append_new(list, fact_json_of(catalogue_fact(*number), false));
    }
    if (facts) {
        json_object_set(object, "facts", list);
    }
    json_decref(list);
    return object;
}

/* ---- text ---- */

void send_list(struct cli *cli)
{
    static const char *const headings[] = {"KIND", "WHAT IT SAYS", "FROM", "TO", NULL};
    json_t *list = json_array();
    table_t *table = table_new(headings);
    for (uint32_t i = 1; i <= catalogue_kind_count(); i++) {
        const struct kind_info *kind = catalogue_kind(i);
        json_array_append_new(list, kind_json(kind, false));
        table_cell_painted(table, i <= 4 ? PAINT_BOLD : PAINT_END, "%s", kind->name);
        table_cell(table, "%s", kind->title);
        table_cell(table, "%s", kind->sender_role);
        table_cell(table, "%s", kind->recipient_role);
    }
    table_print(table, cli);
    table_destroy(&table);
    cli_say(cli, "\nwaypost send KIND --help lists the facts of one kind.\n");
    if (cli->json) {
        cli_json(cli, json_pack("{s:o}", "kinds", list));
    } else {
        json_decref(list);
    }
}

/* What may stand behind the "=". */
static void put_form(const struct fact_info *fact, char *out, size_t size)
{
    static const char *const forms[] = {
        [FACT_BOOL] = "yes|no",
        [FACT_INT] = "NUMBER",
        [FACT_ENUM] = "WORD",
        [FACT_DATE] = "YYYY-MM-DD",
        [FACT_TIME] = "YYYY-MM-DDTHH:MM",
        [FACT_CODE] = "CODE",
        [FACT_ID] = "ID",
        [FACT_HASH] = "HEX",
        [FACT_REF] = "EVENT",
        [FACT_SUBJECT] = "CHILD",
        [FACT_TEXT] = "TEXT",
    };
    snprintf(out, size, "  %s=%s%s", fact->name, forms[fact->type], fact->list ? ",..." : "");
}

static void put_fact(struct cli *cli, const struct fact_info *fact)
{
    char head[96];
    char text[1600];
    put_form(fact, head, sizeof head);
    static const char envelope[] = "Envelope. "; /* the catalogue's mark; the heading says it */
    const char *meaning = fact->meaning;
    meaning += fact->envelope && strncmp(meaning, envelope, sizeof envelope - 1) == 0
        ? sizeof envelope - 1
        : 0;
    size_t len = (size_t)snprintf(text, sizeof text, "%s", meaning);
    for (size_t i = 0; fact->type == FACT_ENUM && i < fact->value_count && len < sizeof text; i++) {
        len += (size_t)snprintf(
            text + len, sizeof text - len, "%s%s", i == 0 ? ": " : ", ", fact->values[i]);
    }
    fputs(head, cli->out);
    unsigned column = wrap_columns(head);
    if (column + 2 > FACT_COLUMN) {
        fputc('\n', cli->out);
        column = 0;
    }
    wrap_put(cli->out, text, FACT_COLUMN, column, cli->width);
}

static void put_heading(struct cli *cli, const char *text)
{
    fprintf(cli->out, "\n%s%s%s\n", cli_paint(cli, PAINT_BOLD), text, cli_paint(cli, PAINT_END));
}

static void put_numbers(struct cli *cli, const char *heading, const uint32_t *numbers)
{
    if (*numbers == 0) {
        return;
    }
    put_heading(cli, heading);
    for (; *numbers != 0; numbers++) {
        put_fact(cli, catalogue_fact(*numbers));
    }
}

static void put_shared(struct cli *cli, const char *heading, bool sealed)
{
    put_heading(cli, heading);
    for (uint32_t i = 1; i <= catalogue_fact_count(); i++) {
        const struct fact_info *fact = catalogue_fact(i);
        if (sealed ? fact->sealed : fact->envelope) {
            put_fact(cli, fact);
        }
    }
}

static void put_answers(struct cli *cli, const struct kind_info *kind)
{
    char text[512] = "An answer is expected: ";
    size_t len = strlen(text);

    if (kind->answers[0] == 0) {
        return;
    }
    for (size_t i = 0; kind->answers[i] != 0 && len < sizeof text; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i == 0 ? "" : " or ",
            catalogue_kind(kind->answers[i])->name);
    }
    wrap_put(cli->out, text, 0, 0, cli->width);
}

void send_kind_help(struct cli *cli, const struct kind_info *kind)
{
    if (cli->json) {
        cli_json(cli, kind_json(kind, true));
        return;
    }
    fprintf(cli->out, "%s%s%s: %s.\n", cli_paint(cli, PAINT_BOLD), kind->name,
        cli_paint(cli, PAINT_END), kind->title);
    fprintf(
        cli->out, "Said by the %s side to the %s side.\n", kind->sender_role, kind->recipient_role);
    put_answers(cli, kind);
    fprintf(cli->out, "\nUsage: waypost send %s --transfer T --fact NAME=VALUE ...\n", kind->name);
    put_numbers(cli, "Facts that must be stated", kind->required);
    put_numbers(cli, "Facts that may be stated", kind->optional);
    put_shared(cli, "Facts of the envelope, with any kind", false);
    put_shared(cli, "Sealed facts, readable by the recipients alone (--fact or --sealed)", true);
    fputc('\n', cli->out);
}
