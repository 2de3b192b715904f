/*
 * send_facts: facts as a person types them, sorted and completed.
 *
 * The agent checks everything again: what is found here is found earlier and with a hint, nothing more.
 */
#include "client/cli/send_facts.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/wrap.h"
#include "common/base/words.h"
#include "common/codec/event.h"
#include "common/codec/fact_text.h"
#include "common/base/banned.h"

enum { NAME_BYTES_MAX = 64, ANSWER_BYTES = 4096, ASK_TIMES_MAX = 3 };

/* ---- checking one ---- */

static const char *fact_word_at(const void *known, size_t index)
{
    const struct fact_info *fact = known;
    return index < fact->value_count ? fact->values[index] : NULL;
}

/* The words of an enum, in one line for a sentence. */
static void words_line(const struct fact_info *fact, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < fact->value_count && len < size; i++) {
        len += (size_t)snprintf(out + len, size - len, "%s%s", i == 0 ? "" : ", ", fact->values[i]);
    }
}

/* NULL where the word is one that the fact can have, else a sentence in text. */
static const char *value_wrong(
    const struct fact_info *fact, const char *word, char *text, size_t size)
{
    uint32_t number;
    if (fact->type != FACT_ENUM || fact_value_number(fact, word, &number) == 0) {
        return NULL;
    }
    const char *near = words_nearest(word, fact_word_at, fact);
    if (near != NULL) {
        snprintf(text, size, "%s cannot be %s; did you mean %s?", fact->name, word, near);
        return text;
    }
    char words[640];
    words_line(fact, words, sizeof words);
    snprintf(text, size, "%s cannot be \"%s\"; it is one of %s", fact->name, word, words);
    return text;
}

/* Every item of a list of words; the text itself where it is none. */
static const char *words_wrong(
    const struct fact_info *fact, const char *value, char *text, size_t size)
{
    char item[NAME_BYTES_MAX * 2];
    const char *wrong = NULL;
    while (wrong == NULL) {
        size_t len = fact->list ? strcspn(value, ",") : strlen(value);
        snprintf(
            item, sizeof item, "%.*s", (int)(len < sizeof item ? len : sizeof item - 1), value);
        wrong = value_wrong(fact, item, text, size);
        if (value[len] == '\0') {
            break;
        }
        value += len + 1;
    }
    return wrong;
}

/* NULL where the fact can have the value, else a sentence in text. Codes, digests and ids of events are the agent's to check. */
static const char *values_wrong(
    const struct fact_info *fact, const char *value, char *text, size_t size)
{
    bool has_form = fact->type <= FACT_TIME || fact->type == FACT_ID;
    struct complaint why = {0};
    struct buf bytes = {0};

    if (fact->type == FACT_ENUM) {
        return words_wrong(fact, value, text, size);
    }
    int rc = has_form ? fact_put_text(fact, value, &bytes, &why) : 0;
    buf_free(&bytes);
    snprintf(text, size, "%s", why.text);
    return rc != 0 ? text : NULL;
}

/* The names that a kind carries: its own facts, then those that any kind may carry. */
static const char *carried_at(const void *known, size_t index)
{
    const struct kind_info *kind = known;
    const uint32_t *const lists[] = {kind->required, kind->optional};
    for (size_t i = 0; i < 2; i++) {
        for (const uint32_t *number = lists[i]; *number != 0; number++) {
            if (index-- == 0) {
                return catalogue_fact(*number)->name;
            }
        }
    }
    for (uint32_t number = 1; number <= catalogue_fact_count(); number++) {
        const struct fact_info *fact = catalogue_fact(number);
        if ((fact->envelope || fact->sealed) && index-- == 0) {
            return fact->name;
        }
    }
    return NULL;
}

static int unknown_fact(struct cli *cli, const struct kind_info *kind, const char *name)
{
    const char *near = words_nearest(name, carried_at, kind);
    near = near == NULL ? catalogue_fact_nearest(name) : near;
    if (near != NULL) {
        return cli_fail(cli, E_FACT, "there is no fact %s; did you mean %s?", name, near);
    }
    return cli_fail(cli, E_FACT,
        "there is no fact %s; waypost send %s --help lists those it carries", name, kind->name);
}

static bool carries(const struct kind_info *kind, const struct fact_info *fact)
{
    return fact->envelope || fact->sealed || kind_lists(kind, fact->number);
}

/* ---- taking ---- */

static int take_pair(struct cli *cli, const struct kind_info *kind, const char *pair, bool sealed,
    struct send_facts *out)
{
    char name[NAME_BYTES_MAX];
    size_t len = strcspn(pair, "=");
    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), pair);
    const char *value = pair + len + 1;
    const struct fact_info *fact = catalogue_fact_named(name);
    if (fact == NULL) {
        return unknown_fact(cli, kind, name);
    }
    if (sealed && !fact->sealed) {
        return cli_fail(cli, E_FACT_NOT_LISTED,
            "%s is a clear fact, which the broker must be able to read; write --fact %s=..., or "
            "put the words into "
            "--sealed narrative=...",
            name, name);
    }
    if (!carries(kind, fact)) {
        return cli_fail(cli, E_FACT_NOT_LISTED,
            "%s does not carry %s; waypost send %s --help lists what it carries", kind->name, name,
            kind->name);
    }
    char text[1024];
    if (values_wrong(fact, value, text, sizeof text) != NULL) {
        return cli_fail(cli, E_FACT_VALUE, "%s", text);
    }
    json_t *object = fact->sealed ? out->sealed : out->clear;
    if (json_object_get(object, name) != NULL) {
        return cli_misuse(cli, "%s is stated twice; a list is written %s=a,b,c", name, name);
    }
    json_t *string = json_string(value);
    if (string == NULL) {
        return cli_misuse(cli, "the value of %s is not valid UTF-8", name);
    }
    json_object_set_new(object, name, string);
    return CLI_DONE;
}

int send_facts_take(struct cli *cli, const struct kind_info *kind, struct send_facts *out)
{
    *out = (struct send_facts){json_object(), json_object()};
    static const char *const options[] = {"fact", "sealed"};
    for (size_t o = 0; o < 2; o++) {
        size_t count = cli_count(cli, options[o]);
        for (size_t i = 0; i < count; i++) {
            int exit_code = take_pair(cli, kind, cli_text_at(cli, options[o], i), o == 1, out);
            if (exit_code != CLI_DONE) {
                return exit_code;
            }
        }
    }
    return CLI_DONE;
}

void send_facts_free(struct send_facts *self)
{
    json_decref(self->clear);
    json_decref(self->sealed);
    *self = (struct send_facts){NULL, NULL};
}

/* ---- asking ---- */

static const char *form_of(const struct fact_info *fact)
{
    static const char *const forms[] = {
        [FACT_BOOL] = "yes or no",
        [FACT_INT] = "a whole number",
        [FACT_ENUM] = "",
        [FACT_DATE] = "a date, YYYY-MM-DD",
        [FACT_TIME] = "a time, YYYY-MM-DDTHH:MM, London time",
        [FACT_CODE] = "an authority code",
        [FACT_ID] = "an identifier without blanks, never a person's",
        [FACT_HASH] = "a digest, 64 hexadecimal digits",
        [FACT_REF] = "the id of an event",
        [FACT_SUBJECT] = "the reference of a child",
        [FACT_TEXT] = "any text",
    };
    return forms[fact->type];
}

static void put_question(struct cli *cli, const struct fact_info *fact)
{
    char words[1024];
    char text[1400];
    words_line(fact, words, sizeof words);
    snprintf(text, sizeof text, "%s: %s (%s%s%s)", fact->name, fact->meaning,
        fact->type == FACT_ENUM ? words : form_of(fact), fact->list ? "; several: a,b,c" : "", "");
    wrap_put(cli->err, text, 2, 0, cli->width);
}

/* One line from the terminal without its newline; false at the end of input. */
static bool read_line(char *line, size_t size)
{
    if (fgets(line, (int)size, stdin) == NULL) {
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

static int ask_one(struct cli *cli, const struct fact_info *fact, json_t *into)
{
    char line[ANSWER_BYTES];
    char wrong[1024];
    put_question(cli, fact);
    for (int i = 0; i < ASK_TIMES_MAX; i++) {
        fprintf(cli->err, "  > ");
        fflush(cli->err);
        if (!read_line(line, sizeof line)) {
            break;
        }
        if (line[0] == '\0') {
            fprintf(cli->err, "  It is required. End with Ctrl-D to give up.\n");
        } else if (values_wrong(fact, line, wrong, sizeof wrong) != NULL) {
            wrap_put(cli->err, wrong, 2, 0, cli->width);
        } else {
            json_object_set_new(into, fact->name, json_string(line));
            return CLI_DONE;
        }
    }
    return cli_fail(cli, E_FACT_MISSING, "%s is required; nothing was sent", fact->name);
}

int send_facts_ask(struct cli *cli, const struct kind_info *kind, struct send_facts *facts)
{
    bool said = false;
    for (const uint32_t *number = kind->required; cli->ask && *number != 0; number++) {
        const struct fact_info *fact = catalogue_fact(*number);
        json_t *into = fact->sealed ? facts->sealed : facts->clear;
        if (json_object_get(into, fact->name) != NULL) {
            continue;
        }
        if (!said) {
            fprintf(cli->err, "%s: some facts are still needed.\n", kind->title);
            said = true;
        }
        int exit_code = ask_one(cli, fact, into);
        if (exit_code != CLI_DONE) {
            return exit_code;
        }
    }
    return CLI_DONE;
}
