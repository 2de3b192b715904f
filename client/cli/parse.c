/*
 * parse: a command line against the table of commands.
 *
 * Every value is checked against its type before a command runs, and what is wrong is answered with the nearest
 * word that would have been right. Failures are said on standard error; nothing is changed anywhere.
 */
#include "client/cli/parse.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/commands.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/uuid.h"
#include "common/base/words.h"
#include "common/codec/catalogue.h"
#include "common/codec/limits.h"
#include "common/base/banned.h"

/* The line as it is walked. */
struct walk {
    struct cli *cli;
    int argc;
    const char *const *argv;
    int at;                  /* next word */
    const char **words;      /* gathered words */
    struct cli_given *given; /* gathered options, also cli->given */
    bool help;
    bool version;
};

/* ---- looking up ---- */

static size_t count_of(const struct cli_option *options)
{
    size_t count = 0;
    while (options != NULL && options[count].name != NULL) {
        count++;
    }
    return count;
}

const struct cli_option *option_at(const struct cli_command *command, size_t index)
{
    const struct cli_option *const parts[] = {
        command == NULL ? NULL : command->options,
        command == NULL || command->needs_agent ? options_agent : NULL,
        options_common,
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t count = count_of(parts[i]);
        if (index < count) {
            return &parts[i][index];
        }
        index -= count;
    }
    return NULL;
}

const struct cli_option *option_named(const struct cli_command *command, const char *name)
{
    const struct cli_option *option;
    for (size_t i = 0; (option = option_at(command, i)) != NULL; i++) {
        if (strcmp(option->name, name) == 0) {
            return option;
        }
    }
    return NULL;
}

static const struct cli_option *option_lettered(const struct cli_command *command, char letter)
{
    const struct cli_option *option;
    for (size_t i = 0; (option = option_at(command, i)) != NULL; i++) {
        if (option->letter == letter) {
            return option;
        }
    }
    return NULL;
}

static const char *option_word_at(const void *command, size_t index)
{
    const struct cli_option *option = option_at(command, index);
    return option == NULL ? NULL : option->name;
}

static const char *command_word_at(const void *unused, size_t index)
{
    (void)unused;
    const struct cli_command *command;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        if (!command->hidden && index-- == 0) {
            return command->name;
        }
    }
    return NULL;
}

/* ---- values ---- */

static int wrong_value(
    struct cli *cli, const struct cli_option *option, const char *value, const char *want)
{
    return cli_misuse(cli, "--%s %s: %s", option->name, value, want);
}

static int check_number(struct cli *cli, const struct cli_option *option, const char *value)
{
    uint64_t max = option->max == 0 ? UINT64_MAX : option->max;
    uint64_t number;
    if (text_parse_u64(value, option->min, max, &number) == 0) {
        return CLI_DONE;
    }
    if (option->max == 0) {
        return cli_misuse(cli, "--%s %s: write a whole number from %llu on", option->name, value,
            (unsigned long long)option->min);
    }
    return cli_misuse(cli, "--%s %s: write a whole number from %llu to %llu", option->name, value,
        (unsigned long long)option->min, (unsigned long long)option->max);
}

const char *option_word(const struct cli_option *option, size_t index)
{
    if (option->enum_name == NULL) {
        for (size_t i = 0; option->words != NULL && option->words[i] != NULL; i++) {
            if (i == index) {
                return option->words[i];
            }
        }
        return NULL;
    }
    const struct fact_info *fact = catalogue_enum_named(option->enum_name);
    return fact != NULL && index < fact->value_count ? fact->values[index] : NULL;
}

static const char *option_word_known(const void *option, size_t index)
{
    return option_word(option, index);
}

static int check_word(struct cli *cli, const struct cli_option *option, const char *value)
{
    const char *word;
    for (size_t i = 0; (word = option_word(option, i)) != NULL; i++) {
        if (strcmp(word, value) == 0) {
            return CLI_DONE;
        }
    }
    const char *near = words_nearest(value, option_word_known, option);
    if (near != NULL) {
        return cli_misuse(cli, "--%s %s is not known; did you mean %s?", option->name, value, near);
    }
    return cli_misuse(cli, "--%s %s is not known; see waypost %s --help for the words it takes",
        option->name, value, cli->command->name);
}

static int check_code(struct cli *cli, const struct cli_option *option, const char *value)
{
    bool good = strlen(value) == CODE_BYTES && strchr("EWSN", value[0]) != NULL &&
        strspn(value + 1, "0123456789") == CODE_BYTES - 1;
    return good ? CLI_DONE
                : wrong_value(cli, option, value,
                      "an authority code is a letter and eight digits, for example E09000007");
}

static int check_id(struct cli *cli, const struct cli_option *option, const char *value)
{
    uint8_t id[UUID_BYTES];
    return uuid_parse(value, id) == 0
        ? CLI_DONE
        : wrong_value(cli, option, value,
              "an id has 32 hexadecimal digits, as waypost inbox and waypost outbox print it");
}

static int check_time(struct cli *cli, const struct cli_option *option, const char *value)
{
    int64_t ms;
    return civil_time_parse(value, &ms) == 0
        ? CLI_DONE
        : wrong_value(cli, option, value, "write a time as 2026-03-16T10:05 (London time)");
}

static int check_moment(struct cli *cli, const struct cli_option *option, const char *value)
{
    int64_t ms;
    return civil_moment_parse(value, &ms) == 0
        ? CLI_DONE
        : wrong_value(cli, option, value,
              "write a time as 2026-03-16T10:05 (London time), or a day as 2026-03-16 for its end");
}

static int check_pair(struct cli *cli, const struct cli_option *option, const char *value)
{
    const char *equals = strchr(value, '=');
    return equals != NULL && equals != value
        ? CLI_DONE
        : wrong_value(cli, option, value, "write it as name=value, without blanks around the =");
}

static int value_check(struct cli *cli, const struct cli_option *option, const char *value)
{
    static int (*const checks[])(struct cli *, const struct cli_option *, const char *) = {
        [CLI_FLAG] = NULL,
        [CLI_TEXT] = NULL,
        [CLI_FILE] = NULL,
        [CLI_NUMBER] = check_number,
        [CLI_WORD] = check_word,
        [CLI_PAIR] = check_pair,
        [CLI_CODE] = check_code,
        [CLI_ID] = check_id,
        [CLI_TIME] = check_time,
        [CLI_MOMENT] = check_moment,
    };
    if (value[0] == '\0' && option->type != CLI_TEXT) {
        return cli_misuse(cli, "--%s is empty; it needs %s", option->name, option->argument);
    }
    return checks[option->type] == NULL ? CLI_DONE : checks[option->type](cli, option, value);
}

/* ---- options ---- */

static int unknown_option(struct cli *cli, const char *name)
{
    const char *near = words_nearest(name, option_word_at, cli->command);
    const char *command = cli->command == NULL ? "" : cli->command->name;
    const char *blank = cli->command == NULL ? "" : " ";
    if (near != NULL) {
        return cli_misuse(cli, "there is no option --%s; did you mean --%s?", name, near);
    }
    return cli_misuse(cli, "there is no option --%s; waypost%s%s --help lists those there are",
        name, blank, command);
}

static bool given_before(const struct walk *walk, const struct cli_option *option)
{
    for (size_t i = 0; i < walk->cli->given_count; i++) {
        if (walk->given[i].option == option) {
            return true;
        }
    }
    return false;
}

/* Note an option with its value. A flag is noted once: "-hhhh" may be longer than the room for options. */
static int option_take(struct walk *walk, const struct cli_option *option, const char *value)
{
    struct cli *cli = walk->cli;
    if (strcmp(option->name, "help") == 0) {
        walk->help = true;
    } else if (strcmp(option->name, "version") == 0) {
        walk->version = true;
    } else if (strcmp(option->name, "json") == 0) {
        cli->json = true;
    }
    bool again = given_before(walk, option);
    if (again && option->type == CLI_FLAG) {
        return CLI_DONE;
    }
    if (again && !option->repeatable) {
        return cli_misuse(cli, "--%s stands twice; write it once", option->name);
    }
    int wrong = value == NULL ? CLI_DONE : value_check(cli, option, value);
    if (wrong == CLI_DONE) {
        assert(cli->given_count < (size_t)walk->argc + PARSE_FLAGS_MAX);
        walk->given[cli->given_count++] = (struct cli_given){option, value};
    }
    return wrong;
}

/* Pairs: the words after it that hold a "=" are values too. */
static int option_take_more(struct walk *walk, const struct cli_option *option)
{
    while (option->type == CLI_PAIR && walk->at < walk->argc && walk->argv[walk->at][0] != '-' &&
        strchr(walk->argv[walk->at], '=') != NULL) {
        int wrong = option_take(walk, option, walk->argv[walk->at++]);
        if (wrong != CLI_DONE) {
            return wrong;
        }
    }
    return CLI_DONE;
}

/* value: what stood behind "=" or the letter, NULL for none. */
static int option_walk(struct walk *walk, const struct cli_option *option, const char *value)
{
    if (option->type == CLI_FLAG) {
        if (value != NULL) {
            return cli_misuse(walk->cli, "--%s takes no value; write it alone", option->name);
        }
        return option_take(walk, option, NULL);
    }
    if (value == NULL) {
        if (walk->at >= walk->argc) {
            return cli_misuse(walk->cli, "--%s needs a value: --%s %s", option->name, option->name,
                option->argument);
        }
        value = walk->argv[walk->at++];
    }
    int wrong = option_take(walk, option, value);
    return wrong == CLI_DONE ? option_take_more(walk, option) : wrong;
}

static int walk_long(struct walk *walk, const char *word)
{
    char name[64];
    size_t len = strcspn(word, "=");
    if (len >= sizeof name) {
        return cli_misuse(walk->cli, "there is no option --%s", word);
    }
    memcpy(name, word, len);
    name[len] = '\0';
    const struct cli_option *option = option_named(walk->cli->command, name);
    if (option == NULL) {
        return unknown_option(walk->cli, name);
    }
    return option_walk(walk, option, word[len] == '=' ? word + len + 1 : NULL);
}

static int walk_short(struct walk *walk, const char *word)
{
    while (*word != '\0') {
        const struct cli_option *option = option_lettered(walk->cli->command, *word);
        if (option == NULL) {
            return cli_misuse(
                walk->cli, "there is no option -%c; --help lists those there are", *word);
        }
        word++;
        if (option->type != CLI_FLAG) {
            return option_walk(walk, option, *word == '\0' ? NULL : word);
        }
        int wrong = option_walk(walk, option, NULL);
        if (wrong != CLI_DONE) {
            return wrong;
        }
    }
    return CLI_DONE;
}

/* ---- the command ---- */

/* Nearest second word of commands that begin with `first`; NULL where none begins so. */
static int wrong_second_word(struct cli *cli, const char *first, const char *second)
{
    const char *seconds[64] = {NULL};
    size_t count = 0;
    size_t len = strlen(first);
    const struct cli_command *command;
    for (size_t i = 0; (command = command_at(i)) != NULL && count < 64; i++) {
        if (strncmp(command->name, first, len) == 0 && command->name[len] == ' ') {
            seconds[count++] = command->name + len + 1;
        }
    }
    if (second == NULL) {
        return cli_misuse(cli,
            "waypost %s needs another word, for example waypost %s %s; see waypost %s --help",
            first, first, seconds[0], first);
    }
    const char *near = words_nearest_of(second, seconds, count);
    if (near != NULL) {
        return cli_misuse(cli, "there is no command \"%s %s\"; did you mean \"%s %s\"?", first,
            second, first, near);
    }
    return cli_misuse(
        cli, "there is no command \"%s %s\"; see waypost %s --help", first, second, first);
}

static bool begins_command(const char *first)
{
    size_t len = strlen(first);
    const struct cli_command *command;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        if (strncmp(command->name, first, len) == 0 && command->name[len] == ' ') {
            return true;
        }
    }
    return false;
}

/* Find the command whose first word stands at walk->at. */
static int walk_command(struct walk *walk)
{
    struct cli *cli = walk->cli;
    const char *first = walk->argv[walk->at++];
    cli->command = command_named(first);
    if (cli->command != NULL) {
        return CLI_DONE;
    }
    if (!begins_command(first)) {
        const char *near = words_nearest(first, command_word_at, NULL);
        if (near != NULL) {
            return cli_misuse(cli, "there is no command \"%s\"; did you mean \"%s\"?", first, near);
        }
        return cli_misuse(
            cli, "there is no command \"%s\"; waypost --help lists those there are", first);
    }
    const char *second = walk->at < walk->argc ? walk->argv[walk->at] : NULL;
    char name[128];
    if (second != NULL &&
        (size_t)snprintf(name, sizeof name, "%s %s", first, second) < sizeof name) {
        cli->command = command_named(name);
    }
    if (cli->command != NULL) {
        walk->at++;
        return CLI_DONE;
    }
    if (second != NULL && (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0)) {
        walk->help = true;
        walk->at = walk->argc;
        walk->words[cli->arg_count++] = first; /* the overview shows that part alone */
        return CLI_DONE;
    }
    return wrong_second_word(cli, first, second);
}

static int walk_words(struct walk *walk)
{
    bool options = true;
    while (walk->at < walk->argc) {
        const char *word = walk->argv[walk->at];
        int wrong = CLI_DONE;
        if (options && strcmp(word, "--") == 0) {
            options = false;
            walk->at++;
        } else if (options && word[0] == '-' && word[1] == '-') {
            walk->at++;
            wrong = walk_long(walk, word + 2);
        } else if (options && word[0] == '-' && word[1] != '\0') {
            walk->at++;
            wrong = walk_short(walk, word + 1);
        } else if (walk->cli->command == NULL) {
            wrong = walk_command(walk);
        } else {
            walk->words[walk->cli->arg_count++] = word;
            walk->at++;
        }
        if (wrong != CLI_DONE) {
            return wrong;
        }
    }
    return CLI_DONE;
}

/* Required options, number of words. */
static int check_whole(struct cli *cli)
{
    const struct cli_command *command = cli->command;
    if (cli->arg_count < command->args_min) {
        return cli_misuse(
            cli, "something is missing: waypost %s %s", command->name, command->usage);
    }
    if (cli->arg_count > command->args_max) {
        return cli_misuse(cli, "\"%s\" is one word too many: waypost %s %s",
            cli->args[command->args_max], command->name, command->usage);
    }
    for (size_t i = 0; command->options != NULL && command->options[i].name != NULL; i++) {
        const struct cli_option *option = &command->options[i];
        if (option->required && cli_count(cli, option->name) == 0) {
            return cli_misuse(
                cli, "--%s %s is missing: %s", option->name, option->argument, option->text);
        }
    }
    return CLI_DONE;
}

/* --json counts wherever it stands, so that a mistake before it is answered in JSON too. */
static bool stands_anywhere(int argc, const char *const *argv, const char *word)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], word) == 0) {
            return true;
        }
    }
    return false;
}

enum parse_result parse_line(
    struct cli *cli, int argc, const char *const *argv, const char **words, struct cli_given *given)
{
    struct walk walk = {
        .cli = cli, .argc = argc, .argv = argv, .at = 1, .words = words, .given = given};
    cli->args = words;
    cli->given = given;
    cli->json = stands_anywhere(argc, argv, "--json");
    int wrong = walk_words(&walk);
    if (wrong == CLI_DONE && walk.help) {
        return cli->command == NULL ? PARSE_OVERVIEW : PARSE_HELP;
    }
    if (wrong != CLI_DONE) {
        return PARSE_WRONG;
    }
    if (walk.version) {
        return PARSE_VERSION;
    }
    if (cli->command == NULL) {
        return PARSE_NOTHING;
    }
    return check_whole(cli) == CLI_DONE ? PARSE_RUN : PARSE_WRONG;
}
