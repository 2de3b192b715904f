/*
 * fuzz_settings: a program's configuration file: the broker's table, the agent's, and one with every form of value. The
 * first byte says which.
 */
#include "tests/fuzz/support.h"

#include <string.h>

#include "broker/net/options.h"
#include "client/agent/config.h"
#include "common/base/check.h"
#include "common/base/settings.h"

#include "common/base/banned.h"

static const struct setting every_form[] = {
    {"text", SETTING_TEXT, "", 0, 20, "", "A text."},
    {"path", SETTING_PATH, "", 0, 100, "", "A path."},
    {"uint", SETTING_UINT, "7", 1, 1000, "events", "A number."},
    {"bytes", SETTING_BYTES, "64 MiB", 1024, UINT64_C(1) << 40, "", "A size."},
    {"section/duration", SETTING_DURATION, "3 s", 1, 86400000, "", "A time."},
    {"section/list", SETTING_LIST, "", 0, 4, "words", "A list."},
    {"bool", SETTING_BOOL, "no", 0, 0, "", "Yes or no."},
};
static const struct setting_table form_table = {
    "forms", every_form, sizeof every_form / sizeof every_form[0]};

static void read_values(const struct setting_table *table, const settings_t *settings)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *row = &table->rows[i];
        switch (row->type) {
        case SETTING_TEXT:
        case SETTING_PATH:
            assert(settings_text(settings, row->name) != NULL);
            break;
        case SETTING_UINT:
        case SETTING_BYTES:
        case SETTING_DURATION: {
            uint64_t number = settings_number(settings, row->name);
            assert(number >= row->min && number <= row->max);
            break;
        }
        case SETTING_LIST: {
            size_t count = settings_list_count(settings, row->name);
            assert(count <= row->max);
            for (size_t k = 0; k < count; k++) {
                assert(settings_list_at(settings, row->name, k)[0] != '\0');
            }
            break;
        }
        case SETTING_BOOL:
            (void)settings_flag(settings, row->name);
            break;
        }
    }
}

int fuzz_settings(const uint8_t *data, size_t size)
{
    const struct setting_table *const tables[] = {&form_table, &broker_table, &agent_table};
    struct fuzz_input in = {slice_of(data, size)};
    struct complaint why = {0};
    settings_t *settings = NULL;

    fuzz_start();
    const struct setting_table *table = tables[fuzz_u8(&in) % 3];
    int rc = settings_parse(table, "etc/file.zpl", in.rest, &settings, &why);
    fuzz_answer(rc, &why);
    if (rc == 0) {
        read_values(table, settings);
        settings_destroy(&settings);
    }
    return 0;
}
