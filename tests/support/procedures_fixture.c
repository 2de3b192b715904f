/* procedures_fixture: see procedures_fixture.h. Missing data files end the test. */
#include "tests/support/procedures_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/fsio.h"

#include "common/base/banned.h"

enum { FILES = 12, FILE_BYTES_MAX = 1000000, FIRST_PROFILE = 7 };

static const char *const paths[FILES] = {"data/procedures/kinds.tsv", "data/procedures/clocks.tsv",
    "data/procedures/rules.tsv", "data/procedures/system-kinds.tsv",
    "data/register/bank-holidays.json", "data/register/authorities.csv",
    "data/register/successions.tsv", "data/profiles/national.zpl", "data/profiles/london.zpl",
    "data/profiles/birmingham-solihull.zpl", "data/profiles/north-west.zpl",
    "data/profiles/herefordshire.zpl"};

static const char *base_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

static void read_file(const char *path, struct buf *out)
{
    int rc = fsio_read_all(path, FILE_BYTES_MAX, out);

    assert(rc == 0 && "the tests run in the project's folder");
}

static void replace(struct buf *text, const char *from, const char *to)
{
    struct buf changed = {0};

    buf_put_u8(text, 0);
    const char *found = strstr((const char *)text->data, from);
    assert(found != NULL);
    buf_put(&changed, text->data, (size_t)(found - (const char *)text->data));
    buf_put(&changed, to, strlen(to));
    buf_put(&changed, found + strlen(from), strlen(found + strlen(from)));
    buf_free(text);
    *text = changed;
}

/* What stands behind the word up to the end of its line. */
static void replace_value(struct buf *text, const char *word, const char *value)
{
    char line[128];
    char wanted[128];

    buf_put_u8(text, 0);
    text->len--;
    const char *found = strstr((const char *)text->data, word);
    assert(found != NULL);
    (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(found, "\n"), found);
    (void)snprintf(wanted, sizeof wanted, "%s%s", word, value);
    replace(text, line, wanted);
}

struct buf fixture_version_text(const struct fixture_version *version)
{
    struct buf text = {0};

    for (size_t i = FIRST_PROFILE; i < FILES; i++) {
        if (strcmp(base_name(paths[i]), version->profile) == 0) {
            read_file(paths[i], &text);
        }
    }
    replace_value(&text, "    effective_from = ", version->effective_from);
    replace_value(&text, "    version = ", version->version);
    if (version->from != NULL) {
        replace(&text, version->from, version->to);
    }
    return text;
}

/* The shipped files, one of them changed, and a version ahead of them where there is one. */
static int load(struct buf *texts, const struct fixture_version *version, procedures_t **out,
    struct complaint *why)
{
    enum { PROFILES = FILES - FIRST_PROFILE };
    struct slice profiles[PROFILES + 1];
    const char *names[PROFILES + 1];
    struct buf ahead = {0};
    char name[64] = "ahead-";
    size_t count = 0;

    if (version != NULL) {
        ahead = fixture_version_text(version);
        (void)snprintf(name, sizeof name, "ahead-%s", version->profile);
        names[count] = name;
        profiles[count++] = buf_slice(&ahead);
    }
    for (size_t i = FIRST_PROFILE; i < FILES; i++) {
        names[count] = base_name(paths[i]);
        profiles[count++] = buf_slice(&texts[i]);
    }
    const struct procedures_source source = {
        .kinds = buf_slice(&texts[0]),
        .clocks = buf_slice(&texts[1]),
        .rules = buf_slice(&texts[2]),
        .system_kinds = buf_slice(&texts[3]),
        .bank_holidays = buf_slice(&texts[4]),
        .authorities = buf_slice(&texts[5]),
        .successions = buf_slice(&texts[6]),
        .profile_count = count,
        .profiles = profiles,
        .profile_names = names,
    };
    int rc = procedures_load(&source, out, why);
    buf_free(&ahead);
    return rc;
}

static int read_and_load(const char *file, const char *from, const char *to,
    const struct fixture_version *version, procedures_t **out, struct complaint *why)
{
    struct buf texts[FILES] = {{0}};

    for (size_t i = 0; i < FILES; i++) {
        read_file(paths[i], &texts[i]);
        if (file != NULL && strcmp(base_name(paths[i]), file) == 0) {
            replace(&texts[i], from, to);
        }
    }
    int rc = load(texts, version, out, why);
    for (size_t i = 0; i < FILES; i++) {
        buf_free(&texts[i]);
    }
    return rc;
}

int fixture_procedures(
    const char *file, const char *from, const char *to, procedures_t **out, struct complaint *why)
{
    return read_and_load(file, from, to, NULL, out, why);
}

int fixture_procedures_with(
    const struct fixture_version *version, procedures_t **out, struct complaint *why)
{
    return read_and_load(NULL, NULL, NULL, version, out, why);
}
