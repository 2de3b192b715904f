/*
 * print: what a command says: lines, JSON, errors, times. Declared in cli.h.
 *
 * Errors on the streams are noticed at the end of the run (cli.c).
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/wrap.h"
#include "common/base/civil.h"
#include "common/base/utf8.h"
#include "common/base/banned.h"

void cli_say(struct cli *cli, const char *format, ...)
{
    if (cli->json) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vfprintf(cli->out, format, arguments);
    va_end(arguments);
}

void cli_tell(struct cli *cli, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!cli->json) {
        wrap_put(cli->out, text, 0, 0, cli->terminal ? cli->width : 100000);
    }
}

void cli_hint(struct cli *cli, const char *format, ...)
{
    if (cli->json) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vfprintf(cli->err, format, arguments);
    va_end(arguments);
}

static void put_json(FILE *out, json_t *document, size_t flags)
{
    json_dumpf(document, out, flags | JSON_ENCODE_ANY);
    fputc('\n', out);
    json_decref(document);
}

void cli_json(struct cli *cli, json_t *document)
{
    put_json(cli->out, document, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
}

void cli_json_line(struct cli *cli, json_t *document)
{
    put_json(cli->out, document, JSON_COMPACT);
    fflush(cli->out); /* whoever reads a stream wants it now */
}

/* ---- errors ---- */

static void put_error_json(struct cli *cli, int rc, const char *text)
{
    put_json(cli->err,
        json_pack(
            "{s:b, s:i, s:s, s:s?}", "ok", 0, "code", -rc, "name", err_name(rc), "error", text),
        JSON_COMPACT);
}

static void put_error(struct cli *cli, int rc, const char *text)
{
    fflush(cli->out);
    if (cli->json) {
        put_error_json(cli, rc, text);
        return;
    }
    char line[1536];
    snprintf(line, sizeof line, "waypost%s%s: %s", cli->command == NULL ? "" : " ",
        cli->command == NULL ? "" : cli->command->name, text);
    utf8_make_shown(line, "\n"); /* it quotes what was typed, and files */
    wrap_put(cli->err, line, 0, 0, cli->err_terminal ? cli->width : 100000);
}

int cli_fail(struct cli *cli, int rc, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_error(cli, rc, text);
    return CLI_NO;
}

int cli_fail_why(struct cli *cli, const struct complaint *why)
{
    put_error(cli, why->rc, why->text[0] != '\0' ? why->text : err_text(why->rc));
    return CLI_NO;
}

int cli_misuse(struct cli *cli, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_error(cli, E_USAGE, text);
    return CLI_WRONG;
}

const char *cli_paint(const struct cli *cli, enum cli_paint paint)
{
    static const char *const escapes[] = {
        [PAINT_BOLD] = "\033[1m",
        [PAINT_DIM] = "\033[2m",
        [PAINT_RED] = "\033[31m",
        [PAINT_GREEN] = "\033[32m",
        [PAINT_YELLOW] = "\033[33m",
        [PAINT_BLUE] = "\033[34m",
        [PAINT_END] = "\033[0m",
    };
    return cli->colour && !cli->json ? escapes[paint] : "";
}

/* ---- times ---- */

static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
static const char *const months[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

const char *cli_day(const struct cli *cli, int32_t day, char *text)
{
    struct civil_date date = civil_date_of(day);
    struct civil_date today = civil_date_of(civil_london_day(cli->now_ms));
    int len = snprintf(text, CLI_TIME_BYTES, "%s %d %s", days[civil_weekday(day)], date.day,
        months[date.month - 1]);

    if (date.year != today.year && len > 0 && (size_t)len < CLI_TIME_BYTES) {
        snprintf(text + len, CLI_TIME_BYTES - (size_t)len, " %d", date.year);
    }
    return text;
}

const char *cli_time(const struct cli *cli, int64_t utc_ms, char *text)
{
    int64_t local_ms = utc_ms + (utc_ms <= 0 ? 0 : civil_london_offset_ms(utc_ms));
    int64_t day = local_ms / CIVIL_DAY_MS;
    if (utc_ms <= 0 || day > CIVIL_DAY_MAX) {
        snprintf(text, CLI_TIME_BYTES, "%s", utc_ms <= 0 ? "never" : "far away");
        return text;
    }
    struct civil_date date = civil_date_of((int32_t)day);
    struct civil_date today = civil_date_of(civil_london_day(cli->now_ms));
    int minutes = (int)(local_ms % CIVIL_DAY_MS / 60000);
    if (date.year == today.year) {
        snprintf(text, CLI_TIME_BYTES, "%s %2d %s %02d:%02d", days[civil_weekday((int32_t)day)],
            date.day, months[date.month - 1], minutes / 60, minutes % 60);
    } else {
        snprintf(text, CLI_TIME_BYTES, "%d %s %d %02d:%02d", date.day, months[date.month - 1],
            date.year, minutes / 60, minutes % 60);
    }
    return text;
}

const char *cli_age(int64_t length_ms, char *text)
{
    int64_t seconds = length_ms / 1000;
    if (seconds < 0) {
        snprintf(text, CLI_TIME_BYTES, "a moment");
    } else if (seconds < 60) {
        snprintf(text, CLI_TIME_BYTES, "%lld s", (long long)seconds);
    } else if (seconds < 3600) {
        snprintf(text, CLI_TIME_BYTES, "%lld min", (long long)(seconds / 60));
    } else if (seconds < 172800) {
        snprintf(text, CLI_TIME_BYTES, "%lld h %lld min", (long long)(seconds / 3600),
            (long long)(seconds / 60 % 60));
    } else {
        snprintf(text, CLI_TIME_BYTES, "%lld days", (long long)(seconds / 86400));
    }
    return text;
}
