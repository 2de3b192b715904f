/* command_line: see command_line.h. Wrong usage is said and answered with COMMAND_WRONG. */
#include "common/base/command_line.h"

#include <getopt.h>
#include <stdio.h>

#include "common/base/bytes.h"

#include "common/base/banned.h"

#ifndef WAYPOST_VERSION
#define WAYPOST_VERSION "unknown"
#endif

static void print_help(const struct command_program *program)
{
    struct buf text = {0};

    char own[160] = "";

    settings_put_help(program->table, &text);
    if (program->flag != NULL) {
        (void)snprintf(own, sizeof own, "      --%-15s %s\n", program->flag, program->flag_text);
    }
    (void)printf("usage: %s [-n] [-d] --config FILE\n"
                 "       %s --help | --version | --sample\n"
                 "\n"
                 "%s\n"
                 "\n"
                 "  -c, --config FILE   the configuration (%s.zpl(5))\n"
                 "  -n, --check         check %s, and exit\n"
                 "  -d, --debug         log more\n"
                 "  -V, --version       print the version\n"
                 "  -h, --help          print this\n"
                 "      --sample        print a configuration to begin with\n"
                 "      --manual        print the options as a list in mdoc, for the manual\n"
                 "%s"
                 "\n"
                 "Signals: %s\n"
                 "\n"
                 "Options of the configuration:\n"
                 "%.*s",
        program->name, program->name, program->purpose, program->name, program->checks, own,
        program->signals, (int)text.len, (const char *)text.data);
    buf_free(&text);
}

static void print_from_table(const struct command_program *program, bool sample)
{
    struct buf text = {0};

    if (sample) {
        settings_put_sample(program->table, program->examples, &text);
    } else {
        settings_put_manual(program->table, &text);
    }
    (void)fwrite(text.data, 1, text.len, stdout);
    buf_free(&text);
}

static void take_option(
    const struct command_program *program, int letter, const char *value, struct command_line *out)
{
    switch (letter) {
    case 'c':
        out->config = value;
        break;
    case 'n':
        out->check = true;
        break;
    case 'd':
        out->debug = true;
        break;
    case 'f':
        out->flag = true;
        break;
    case 'V':
        (void)printf("%s %s\n", program->name, WAYPOST_VERSION);
        out->done = 0;
        break;
    case 'h':
        print_help(program);
        out->done = 0;
        break;
    case 's':
    case 'm':
        print_from_table(program, letter == 's');
        out->done = 0;
        break;
    default: /* getopt_long has said what */
        (void)fprintf(stderr, "Try %s --help.\n", program->name);
        out->done = COMMAND_WRONG;
        break;
    }
}

struct command_line command_line_read(const struct command_program *program, int argc, char **argv)
{
    const struct option longs[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'n'},
        {"debug", no_argument, NULL, 'd'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {"sample", no_argument, NULL, 's'},
        {"manual", no_argument, NULL, 'm'},
        {program->flag, no_argument, NULL, 'f'}, /* NULL ends the list here already */
        {NULL, 0, NULL, 0},
    };
    struct command_line out = {.done = COMMAND_GOES_ON};
    int letter;

    while (out.done < 0 && (letter = getopt_long(argc, argv, "c:ndVh", longs, NULL)) != -1) {
        take_option(program, letter, optarg, &out);
    }
    if (out.done < 0 && (optind != argc || out.config == NULL)) {
        (void)fprintf(stderr, "%s: %s\nTry %s --help.\n", program->name,
            optind != argc ? "only options are understood; name the configuration with --config"
                           : "--config FILE is missing",
            program->name);
        out.done = COMMAND_WRONG;
    }
    return out;
}
