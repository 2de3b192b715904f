/*
 * bundle_print: a checked bundle on a terminal, and as JSON. What cannot be believed is marked in words as well as in
 * colour.
 */
#include <string.h>

#include "client/cli/bundle_file.h"
#include "client/cli/bundle_words.h"
#include "client/cli/wrap.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { WORDS_COLUMN = 28 };

static void put_item(
    struct cli *cli, const struct bundle_view *view, const struct bundle_item *item)
{
    static const enum cli_paint paints[] = {PAINT_GREEN, PAINT_GREEN, PAINT_YELLOW, PAINT_RED};
    char time[CIVIL_STAMP_BYTES];

    civil_stamp_london(item->at_ms, time);
    fprintf(cli->out, "%-19.19s  %s%-6s%s ", time, cli_paint(cli, paints[item->mark]),
        bundle_mark_word(item->mark), cli_paint(cli, PAINT_END));
    if (item->is_event) {
        char words[BUNDLE_WORDS_BYTES + 32];
        (void)snprintf(words, sizeof words, "Event %zu: %s", bundle_event_number(view, item->event),
            item->words);
        wrap_put(cli->out, words, WORDS_COLUMN, WORDS_COLUMN, cli->width);
    } else {
        wrap_put(cli->out, item->words, WORDS_COLUMN, WORDS_COLUMN, cli->width);
    }
    fprintf(cli->out, "%*s%s", WORDS_COLUMN, "", cli_paint(cli, PAINT_DIM));
    wrap_put(cli->out, item->proof, WORDS_COLUMN, WORDS_COLUMN, cli->width);
    fputs(cli_paint(cli, PAINT_END), cli->out);
}

static void put_marks(struct cli *cli)
{
    cli_tell(cli,
        "\nproven: signed by who said it, and its place in the broker's journal is proven. signed: "
        "signed by who said it. told: the broker's word, its place not proven here.");
}

static void put_story(struct cli *cli, const struct bundle_view *view)
{
    char words[BUNDLE_WORDS_BYTES];

    for (size_t i = 0; bundle_words_story(view, i, words, sizeof words); i++) {
        if (i == 0) {
            cli_tell(cli, "\nHow it stood when it was made, as its maker's agent worked it out:");
        }
        fputs("  ", cli->out);
        wrap_put(cli->out, words, 2, 4, cli->width);
    }
}

static void put_head(struct cli *cli, const struct bundle_view *view)
{
    char time[CIVIL_STAMP_BYTES];
    char name[200];

    civil_stamp_london(view->made_ms, time);
    cli_say(cli, "Bundle of transfer %s, network %s\n", view->transfer, view->network);
    cli_say(cli, "  made by %s, %s\n", bundle_name(view, view->maker, name), time);
    if (view->has_head) {
        civil_stamp_london(view->head_ms, time);
        cli_say(cli, "  journal of %llu records, head of %s, root %s\n",
            (unsigned long long)view->head_size, time, view->head_root);
    } else {
        cli_say(cli, "  made without the broker: no place in the journal is proven\n");
    }
    if (view->register_count == 0) {
        cli_say(cli, "  no register in it counts\n\n");
    } else {
        cli_say(cli, "  %zu register%s, signed by the roots %s\n\n", view->register_count,
            view->register_count == 1 ? "" : "s",
            view->registers_pinned ? "of the join file" : "that the file itself names");
    }
}

static void put_outcome(struct cli *cli, const struct bundle_view *view)
{
    char words[BUNDLE_WORDS_BYTES];
    const char *headline;
    enum bundle_outcome outcome = bundle_words_outcome(view, &headline, words, sizeof words);
    static const enum cli_paint paints[] = {[BUNDLE_HOLDS] = PAINT_GREEN,
        [BUNDLE_UNPINNED] = PAINT_YELLOW,
        [BUNDLE_FAULTY] = PAINT_RED};

    cli_say(
        cli, "\n%s%s%s\n", cli_paint(cli, paints[outcome]), headline, cli_paint(cli, PAINT_END));
    cli_tell(cli, "%s", words);
}

void bundle_print(struct cli *cli, const struct bundle_view *view)
{
    if (cli->json) {
        return;
    }
    if (view->transfer[0] == '\0') { /* not even its head: there is nothing to say of it */
        put_outcome(cli, view);
        return;
    }
    put_head(cli, view);
    for (size_t i = 0; i < view->item_count; i++) {
        put_item(cli, view, &view->items[i]);
    }
    put_story(cli, view);
    put_marks(cli);
    put_outcome(cli, view);
}

json_t *bundle_json(const struct bundle_view *view, int rc)
{
    json_t *items = json_array();

    for (size_t i = 0; i < view->item_count; i++) {
        const struct bundle_item *item = &view->items[i];
        char time[CIVIL_STAMP_BYTES];
        civil_stamp_utc(item->at_ms, time);
        json_array_append_new(items,
            json_pack("{s:s, s:s, s:s, s:s, s:I}", "at", time, "mark", bundle_mark_word(item->mark),
                "words", item->words, "proof", item->proof, "leaf_index",
                (json_int_t)item->leaf_index));
    }
    return json_pack("{s:s, s:b, s:s, s:s, s:s, s:I, s:I, s:b, s:b, s:s, s:o, s:O?}", "what",
        "bundle", "ok", rc == 0, "network", view->network, "transfer", view->transfer, "maker",
        view->maker, "made_ms", (json_int_t)view->made_ms, "journal_size",
        (json_int_t)view->head_size, "registers_pinned", (int)view->registers_pinned, "whole",
        (int)view->ended, "fault", view->fault, "timeline", items, "story", view->story);
}
