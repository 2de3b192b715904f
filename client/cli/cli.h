/*
 * cli: the frame in which every command of `waypost` runs. One table describes each command; the parser, --help,
 * the manual pages and the shell completion are all made from it.
 *
 * A command is written in its own cmd_NAME.c: a table of its options, a run function, and one exported array of
 * struct cli_command (declared in commands.h, gathered in commands.c). It reads its options through cli_text() and
 * its neighbours, prints through cli_say(), table.h or cli_json(), and ends with one of
 *
 *     return CLI_DONE;                                    the work is done
 *     return cli_fail(cli, rc, "what, where, what to do"); the world said no: exit 1
 *     return cli_misuse(cli, "what, what to write instead"); the command line is wrong: exit 2
 *
 * Exit codes: 0 done, 1 the world said no, 2 wrong usage. Errors go to standard error: a sentence, or with --json
 * {"ok": false, "code": 20, "name": "E_FACT", "error": "sentence"}. Standard output then holds JSON alone: one
 * document, or one a line for streams. Colours appear on a terminal only, and never where NO_COLOR is set.
 */
#ifndef WAYPOST_CLI_CLI_H
#define WAYPOST_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "common/base/err.h"

enum cli_exit { CLI_DONE = 0, CLI_NO = 1, CLI_WRONG = 2 };

enum {
    CLI_ARGS_MAX =
        4096, /* words after the command: above any list a person or a shell glob gives */
    CLI_TIME_BYTES = 32,            /* text of cli_time(), with its terminator */
    CLI_ANSWER_BYTES_MAX = 8388608, /* bytes of one answer of the agent that are taken */
};

/* What the value of an option must look like; the parser refuses anything else before the command runs. */
enum cli_type {
    CLI_FLAG,   /* no value */
    CLI_TEXT,   /* any text */
    CLI_FILE,   /* name of a file or directory; completed as one */
    CLI_NUMBER, /* decimal, min .. max of the option */
    CLI_WORD,   /* one of `words` */
    CLI_PAIR,   /* name=value; the words after it that hold a "=" belong to it as well */
    CLI_CODE,   /* an authority code: nine characters, E, W, S or N first */
    CLI_ID,     /* an id: UUID text */
    CLI_TIME,   /* civil_time_parse(): 2026-03-16T10:05, London time unless it says otherwise */
    CLI_MOMENT, /* civil_moment_parse(): the same, or a day for its end */
};

struct cli_option {
    const char *name;     /* long form without hyphens; NULL ends the table */
    char letter;          /* short form, 0 for none */
    const char *argument; /* name of the value in the help, "FILE"; NULL for a flag */
    enum cli_type type;
    const char *text;         /* what it does: one sentence without a full stop */
    bool required;            /* the command line is refused without it */
    bool repeatable;          /* may stand several times; else a second one is refused */
    const char *const *words; /* CLI_WORD: the words allowed, ended by NULL */
    uint64_t min, max;        /* CLI_NUMBER: limits, both included; max 0 means no limit */
    const char
        *enum_name; /* CLI_WORD: the words are those of this enum of the catalogue; NULL for none */
};

struct cli;

struct cli_command {
    const char *name;    /* "send", or two words: "register sign"; NULL ends an array */
    const char *group;   /* heading under which the overview lists it: one of CLI_GROUP_... */
    const char *summary; /* what it does, a few words, for lists; begins in lower case */
    const char *usage;   /* what follows the options: "KIND", "FILE ...", "" */
    const char *text; /* the description for --help and the manual: paragraphs parted by "\n\n" */
    const char *example;              /* lines that work, parted by "\n"; NULL for none */
    const struct cli_option *options; /* ended by name == NULL; NULL for none */
    size_t args_min;                  /* words after the options */
    size_t args_max;
    int (*run)(struct cli *cli); /* returns an enum cli_exit */
    bool needs_agent;            /* speaks to the agent: --socket is offered */
    bool hidden;                 /* for the build: not listed */
    bool (*help)(struct cli
            *cli); /* --help with words after it: true where it has answered; NULL for none */
};

#define CLI_GROUP_EVENTS "Sending and receiving"
#define CLI_GROUP_HUB "Watching a region"
#define CLI_GROUP_PROOF "Proof"
#define CLI_GROUP_LOOK_BACK "Looking back"
#define CLI_GROUP_KEYS "Keys and the register"
#define CLI_GROUP_OPERATE "Operating"
#define CLI_GROUP_OTHER "Other"

/* One run of the command line. */
struct cli {
    const struct cli_command *command; /* what runs */
    const char *const *args;           /* words after the options; lent from argv */
    size_t arg_count;
    bool json;          /* --json */
    bool colour;        /* colours may be used on standard output */
    bool terminal;      /* standard output is a terminal */
    bool ask;           /* standard input and standard error are terminals: a person can be asked */
    unsigned width;     /* columns of the terminal, 80 where unknown */
    int64_t now_ms;     /* when the command began, milliseconds since the epoch */
    const char *socket; /* path of the agent's socket */
    const char *program;     /* argv[0] */
    FILE *out;               /* standard output */
    FILE *err;               /* standard error */
    bool err_terminal;       /* standard error is a terminal: progress bars, wrapped sentences */
    struct cli_given *given; /* options as parsed; read through the functions below */
    size_t given_count;
};

/* ---- options ---- */

/* Value of an option that was given, the last one where it is repeatable; NULL where it was not. Lent from argv. */
const char *cli_text(const struct cli *cli, const char *option);
bool cli_flag(const struct cli *cli, const char *option);
uint64_t cli_number(const struct cli *cli, const char *option, uint64_t otherwise);
int64_t cli_when(const struct cli *cli, const char *option,
    int64_t otherwise); /* CLI_TIME, CLI_MOMENT: ms since the epoch */

/* Repeatable options: how many times it was given, and the value at index < that. */
size_t cli_count(const struct cli *cli, const char *option);
const char *cli_text_at(const struct cli *cli, const char *option, size_t index);

/* ---- output ---- */

/* Print to standard output; nothing where --json is set. */
void cli_say(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print a sentence to standard output, wrapped to the terminal, with a newline; nothing where --json is set. */
void cli_tell(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print a hint or warning to standard error; nothing where --json is set. */
void cli_hint(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print one JSON document (indented), or one line of a stream, to standard output. Takes the reference. */
void cli_json(struct cli *cli, json_t *document);
void cli_json_line(struct cli *cli, json_t *document);

/* Say why it did not work, on standard error; rc is an enum err. Both return CLI_NO. */
int cli_fail(struct cli *cli, int rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int cli_fail_why(struct cli *cli, const struct complaint *why);

/* Say what is wrong with the command line, on standard error. Returns CLI_WRONG. */
int cli_misuse(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum cli_paint {
    PAINT_BOLD,
    PAINT_DIM,
    PAINT_RED,
    PAINT_GREEN,
    PAINT_YELLOW,
    PAINT_BLUE,
    PAINT_END
};

/* The escape sequence, "" where colours are off. Close with PAINT_END. Static. */
const char *cli_paint(const struct cli *cli, enum cli_paint paint);

/* A day as "Thu 4 Dec", with its year where that is another than today's. text of CLI_TIME_BYTES; returned. */
const char *cli_day(const struct cli *cli, int32_t day, char *text);

/* "Mon 16 Mar 10:05" in London time, with the year where it is not this one: "16 Mar 2025 10:05". "never" for 0.
 * text of CLI_TIME_BYTES; returned. */
const char *cli_time(const struct cli *cli, int64_t utc_ms, char *text);

/* "3 days", "2 h 10 min", "45 s": a length of time for a person. text of CLI_TIME_BYTES; returned. */
const char *cli_age(int64_t length_ms, char *text);

/* ---- the agent ---- */

/*
 * Ask the agent, one request and one answer.
 *   request   a JSON object with "op"; the reference is taken
 *   answer    the whole answer where it is ok; the caller's reference
 * Returns CLI_DONE; else it has been said why, and the exit code to return.
 */
int cli_ask(struct cli *cli, json_t *request, json_t **answer);

/*
 * A line of the agent as JSON, NULL where it is none; the caller's reference. Words of others are in it, down to the sealed
 * ones of whoever wrote to us: unless --json prints them for programs, what a terminal would obey (controls but for newline
 * and tab, marks that turn the direction of text) is a '?' in it.
 */
json_t *cli_read(const struct cli *cli, const char *text);

/* ---- the frame itself ---- */

/* Parse and run; what main() returns. `out` and `err` are lent. */
int cli_main(int argc, const char *const *argv, FILE *out, FILE *err);

#endif
