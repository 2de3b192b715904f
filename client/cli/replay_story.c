/*
 * replay_story: see replay_story.h. The journal is told as a scenario (story.h), and the scenario is rehearsed; an
 * expectation that fails is a verdict or an owner that comes out otherwise than it was recorded.
 */
#include "client/cli/replay_story.h"

#include "client/cli/replay_sandbox.h"
#include "client/replay/story.h"

#include "common/base/banned.h"

int replay_into_sandbox(struct cli *cli, source_t *source, const struct item_filter *filter)
{
    struct buf text = {0};
    struct story_counts counts;
    struct complaint why = {0};

    int rc = story_write(source, filter, &text, &counts, &why);
    int exit_code = CLI_DONE;
    if (counts.events == 0 && rc == 0) {
        exit_code = cli_fail(
            cli, E_NOT_FOUND, "%s holds no event that passes the filter", source_path(source));
    } else if (counts.events > 0) {
        const struct sandbox_story story = {counts.events, counts.openings, counts.unknown};
        exit_code = sandbox_play(cli, source_path(source), buf_slice(&text), &story);
    }
    buf_free(&text);
    if (rc != 0) {
        return cli_fail(
            cli, rc, "%s: %s; what is whole before it was acted", source_path(source), why.text);
    }
    return exit_code;
}

int replay_into_scenario(
    struct cli *cli, source_t *source, const struct item_filter *filter, const char *path)
{
    struct buf text = {0};
    struct story_counts counts;
    struct complaint why = {0};
    FILE *file = fopen(path, "wxe");

    if (file == NULL) {
        return cli_fail(cli, E_EXISTS,
            "%s cannot be made; is there a file of that name, or no such directory?", path);
    }
    int rc = story_write(source, filter, &text, &counts, &why);
    bool written = fwrite(text.data, 1, text.len, file) == text.len;
    written = fclose(file) == 0 && written;
    buf_free(&text);
    if (!written) {
        return cli_fail(cli, E_IO, "%s could not be written whole", path);
    }
    if (rc != 0) {
        return cli_fail(cli, rc, "%s: %s; what is whole before it stands in %s",
            source_path(source), why.text, path);
    }
    cli_say(cli, "%llu events, %llu openings and %llu expectations in %s\n",
        (unsigned long long)counts.events, (unsigned long long)counts.openings,
        (unsigned long long)counts.expectations, path);
    return CLI_DONE;
}
