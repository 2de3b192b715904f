/*
 * bundle_html: a checked bundle as a document that stands by itself: no script, nothing fetched, readable on paper. Marks
 * are words and signs, never colour alone. Every text is escaped.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/bundle_file.h"
#include "client/cli/bundle_words.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

static const char style[] =
    "<style>\n"
    "body{font:16px/1.5 Georgia,'Times New Roman',serif;max-width:62rem;margin:2rem auto;padding:0 "
    "1rem;color:#1a1a1a;background:#fff}\n"
    "h1{font-size:1.6rem;line-height:1.25;margin:0 0 .5rem}h2{font-size:1.2rem;margin:2rem 0 "
    ".5rem}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;margin:1rem "
    "0}dt{color:#555}dd{margin:0;overflow-wrap:anywhere}\n"
    ".judgement{border:2px solid #1a5c2e;padding:.7rem 1rem;margin:1rem "
    "0}.judgement.open{border:4px double #6b4e00}.judgement.bad{border:4px double #a00000}\n"
    "table{border-collapse:collapse;width:100%}caption{text-align:left;color:#555;padding-bottom:."
    "4rem}\n"
    "th,td{text-align:left;vertical-align:top;padding:.45rem .7rem .45rem 0;border-bottom:1px "
    "solid #bbb}\n"
    "thead th{border-bottom:2px solid "
    "#333}td.when{white-space:nowrap;font-variant-numeric:tabular-nums}\n"
    "td.mark{white-space:nowrap}.proof{color:#444;font-size:.87rem;margin-top:.15rem}td.what{"
    "overflow-wrap:anywhere}\n"
    ".BROKEN{color:#a00000;font-weight:bold}.proven{color:#1a5c2e}.signed{color:#1a4f7a}.told{"
    "color:#6b4e00}\n"
    "footer{margin-top:2rem;color:#555;font-size:.87rem}\n"
    "@media "
    "(max-width:40rem){thead{position:absolute;left:-999rem}tr,td{display:block}td{border:0;"
    "padding:.1rem 0}tr{border-bottom:1px solid #bbb;padding:.5rem 0}}\n"
    "@media print{@page{size:A4;margin:18mm 15mm "
    "20mm}body{font-size:10.5pt;max-width:none;margin:0;padding:0}thead{display:table-header-group}"
    "tr,.judgement,li,footer{break-inside:avoid}footer{break-before:avoid}h2,caption{break-after:"
    "avoid}p,li{orphans:3;widows:"
    "3}}\n"
    "</style>\n";

static void put(struct buf *out, const char *text)
{
    buf_put(out, text, strlen(text));
}

static void put_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            put(out, "&amp;");
            break;
        case '<':
            put(out, "&lt;");
            break;
        case '>':
            put(out, "&gt;");
            break;
        case '"':
            put(out, "&quot;");
            break;
        default:
            buf_put(out, text, 1);
        }
    }
}

static void put_format(struct buf *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put_format(struct buf *out, const char *format, ...)
{
    char text[600];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_escaped(out, text);
}

static void put_row(struct buf *out, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put_row(struct buf *out, const char *name, const char *format, ...)
{
    char text[600];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(out, "<dt>");
    put_escaped(out, name);
    put(out, "</dt><dd>");
    put_escaped(out, text);
    put(out, "</dd>\n");
}

/* On every sheet of paper: which transfer, and which page of how many. The id is one of ours: no quote is in it. */
static void put_page_margins(const struct bundle_view *view, struct buf *out)
{
    static const char font[] = "font:9pt Georgia,serif;color:#555";

    put(out, "<style>@media print{@page{@bottom-left{content:\"Transfer ");
    put(out, view->transfer);
    put(out, "\";");
    put(out, font);
    put(out, "}@bottom-right{content:\"Page \" counter(page) \" of \" counter(pages);");
    put(out, font);
    put(out, "}}}</style>\n");
}

static void put_about(const struct bundle_view *view, struct buf *out)
{
    char time[CIVIL_STAMP_BYTES];
    char name[200];
    char key[65];

    put(out, "<dl>\n");
    put_row(out, "Transfer", "%s", view->transfer);
    put_row(out, "Network", "%s", view->network);
    civil_stamp_london(view->made_ms, time);
    put_row(out, "Made by", "%s, %s", bundle_name(view, view->maker, name), time);
    if (view->has_head) {
        civil_stamp_london(view->head_ms, time);
        hex_encode(view->head_key, 32, key);
        put_row(out, "Journal", "%llu records, head signed %s", (unsigned long long)view->head_size,
            time);
        put_row(out, "Its root", "%s", view->head_root);
        put_row(out, "Head key", "%s", view->head_good ? key : "none of the register");
    } else {
        put_row(out, "Journal", "made without the broker: no place in the journal is proven");
    }
    put_row(out, "Registers", "%zu, signed by the roots %s", view->register_count,
        view->registers_pinned ? "of the join file" : "that the file itself names");
    put(out, "</dl>\n");
}

static void put_judgement(const struct bundle_view *view, struct buf *out)
{
    static const char *const classes[] = {
        [BUNDLE_HOLDS] = "", [BUNDLE_UNPINNED] = " open", [BUNDLE_FAULTY] = " bad"};
    char words[BUNDLE_WORDS_BYTES];
    const char *headline;
    enum bundle_outcome outcome = bundle_words_outcome(view, &headline, words, sizeof words);

    put(out, "<p class=\"judgement");
    put(out, classes[outcome]);
    put(out, "\"><strong>");
    put_escaped(out, headline);
    put(out, "</strong> ");
    put_escaped(out, words);
    put(out, "</p>\n");
}

static void put_line(
    const struct bundle_view *view, const struct bundle_item *item, struct buf *out)
{
    static const char *const signs[] = {"&#10003;&#10003;", "&#10003;", "&#8226;", "&#10007;"};
    char time[CIVIL_STAMP_BYTES];

    civil_stamp_london(item->at_ms, time);
    put(out, "<tr><td class=\"when\">");
    put_format(out, "%.19s", time);
    put(out, "</td><td class=\"mark ");
    put(out, bundle_mark_word(item->mark));
    put(out, "\"><span aria-hidden=\"true\">");
    put(out, signs[item->mark]);
    put(out, "</span> ");
    put(out, bundle_mark_word(item->mark));
    put(out, "</td><td class=\"what\">");
    if (item->is_event) {
        put(out, "<strong>Event ");
        put_format(out, "%zu", bundle_event_number(view, item->event));
        put(out, ".</strong> ");
    }
    put_escaped(out, item->words);
    put(out, "<div class=\"proof\">");
    put_escaped(out, item->proof);
    put(out, "</div></td></tr>\n");
}

static void put_story(const struct bundle_view *view, struct buf *out)
{
    char words[BUNDLE_WORDS_BYTES];
    size_t i = 0;

    for (; bundle_words_story(view, i, words, sizeof words); i++) {
        put(out,
            i == 0 ? "<h2>How it stood when it was made</h2>\n<p>As the maker&rsquo;s agent worked "
                     "it out; signed by the maker alone.</p>\n<ul>\n"
                   : "");
        put(out, "<li>");
        put_escaped(out, words);
        put(out, "</li>\n");
    }
    put(out, i > 0 ? "</ul>\n" : "");
}

static void put_all(const struct bundle_view *view, struct buf *out)
{
    put_about(view, out);
    put(out,
        "<h2>Timeline</h2>\n<table>\n<caption>London time. Proven: signed by who said it, and its "
        "place "
        "in the broker&rsquo;s journal is proven. Signed: signed by who said it. Told: the "
        "broker&rsquo;s "
        "word.</caption>\n<thead><tr><th scope=\"col\">When</th><th scope=\"col\">Proof</th><th "
        "scope=\"col\">What</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < view->item_count; i++) {
        put_line(view, &view->items[i], out);
    }
    put(out, "</tbody>\n</table>\n");
    put_story(view, out);
}

void bundle_html(const struct cli *cli, const struct bundle_view *view, struct buf *out)
{
    (void)cli;
    put(out,
        "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, "
        "initial-scale=1\">\n<title>Transfer ");
    put_escaped(out, view->transfer);
    put(out, "</title>\n");
    put(out, style);
    put_page_margins(view, out);
    put(out,
        "</head>\n<body>\n<main>\n<h1>What was said about one transfer, and what proves it</h1>\n");
    put_judgement(view, out);
    if (view->transfer[0] != '\0') { /* else not even its head could be read */
        put_all(view, out);
    }
    put(out,
        "</main>\n<footer><p>Made from the bundle by <code>waypost verify FILE "
        "--html</code>, which checks it again at any time, without a network and with public keys "
        "alone. "
        "This document proves nothing by itself: the bundle "
        "does.</p></footer>\n</body>\n</html>\n");
}
