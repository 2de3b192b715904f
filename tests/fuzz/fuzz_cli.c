/*
 * fuzz_cli: a command line, one word a line. No command runs; help that is asked for is printed to nowhere.
 */
#include <stdlib.h>
#include <string.h>

#include "client/cli/help.h"
#include "client/cli/parse.h"
#include "common/base/check.h"
#include "tests/fuzz/support.h"

#include "common/base/banned.h"

enum { WORDS_MAX = 64 };

static FILE *nowhere(void)
{
    static FILE *file;

    if (file == NULL) {
        file = fopen("/dev/null", "w");
        assert(file != NULL);
    }
    return file;
}

static void act(struct cli *cli, enum parse_result result)
{
    if (result == PARSE_RUN) {
        assert(cli->command != NULL && cli->arg_count >= cli->command->args_min);
    } else if (result == PARSE_HELP) {
        if (cli->command->help == NULL || cli->arg_count == 0 || !cli->command->help(cli)) {
            help_command(cli, cli->command);
        }
    } else if (result == PARSE_OVERVIEW) {
        help_overview(cli, cli->out, cli->arg_count > 0 ? cli->args[0] : NULL);
    }
}

int fuzz_cli(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {slice_of(data, size)};
    char *texts[WORDS_MAX];
    const char *argv[WORDS_MAX] = {"waypost"};
    int argc = 1;
    struct cli cli = {.width = 80, .now_ms = FUZZ_NOW_MS, .program = "waypost"};

    fuzz_start();
    cli.out = cli.err = nowhere();
    while (in.rest.len > 0 && argc < WORDS_MAX) {
        argv[argc] = texts[argc] = fuzz_string(fuzz_line(&in));
        argc++;
    }
    /* The room that parse.h asks for and no more. */
    const char **words = mem_new((size_t)argc, sizeof *words);
    struct cli_given *given = mem_new((size_t)argc + PARSE_FLAGS_MAX, sizeof *given);
    act(&cli, parse_line(&cli, argc, argv, words, given));
    free(words);
    free(given);
    for (int i = 1; i < argc; i++) {
        free(texts[i]);
    }
    return 0;
}
