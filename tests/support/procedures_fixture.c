/* procedures_fixture: see procedures_fixture.h. Missing data files end the test. */
#include "tests/support/procedures_fixture.h"

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

int fixture_procedures(
    const char *file, const char *from, const char *to, procedures_t **out, struct complaint *why)
{
    struct buf texts[FILES] = {{0}};
    struct slice profiles[FILES - FIRST_PROFILE];
    const char *names[FILES - FIRST_PROFILE];

    for (size_t i = 0; i < FILES; i++) {
        read_file(paths[i], &texts[i]);
        if (file != NULL && strcmp(base_name(paths[i]), file) == 0) {
            replace(&texts[i], from, to);
        }
    }
    for (size_t i = FIRST_PROFILE; i < FILES; i++) {
        profiles[i - FIRST_PROFILE] = buf_slice(&texts[i]);
        names[i - FIRST_PROFILE] = base_name(paths[i]);
    }
    const struct procedures_source source = {
        .kinds = buf_slice(&texts[0]),
        .clocks = buf_slice(&texts[1]),
        .rules = buf_slice(&texts[2]),
        .system_kinds = buf_slice(&texts[3]),
        .bank_holidays = buf_slice(&texts[4]),
        .authorities = buf_slice(&texts[5]),
        .successions = buf_slice(&texts[6]),
        .profile_count = FILES - FIRST_PROFILE,
        .profiles = profiles,
        .profile_names = names,
    };
    int rc = procedures_load(&source, out, why);
    for (size_t i = 0; i < FILES; i++) {
        buf_free(&texts[i]);
    }
    return rc;
}
