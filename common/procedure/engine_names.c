/* engine_names: see engine_names.h. */
#include "common/procedure/engine_names.h"

#include <stdbool.h>
#include <stddef.h>

#include "common/base/check.h"
#include "common/codec/catalogue.h"

#include "common/base/banned.h"

static const char *const kind_words[] = {
#define ENGINE_WORD(name, word) word,
    ENGINE_KINDS(ENGINE_WORD)};
static const char *const fact_words[] = {ENGINE_FACTS(ENGINE_WORD)};
#undef ENGINE_WORD

static const struct {
    const char *fact;
    const char *word;
} value_words[] = {
#define ENGINE_WORD(name, fact, word) {fact, word},
    ENGINE_VALUES(ENGINE_WORD)
#undef ENGINE_WORD
};

static void look_up(struct engine_names *names)
{
    for (size_t i = 0; i < KIND_NAMES; i++) {
        const struct kind_info *kind = catalogue_kind_named(kind_words[i]);
        assert(kind != NULL);
        names->kind[i] = kind->number;
    }
    for (size_t i = 0; i < FACT_NAMES; i++) {
        const struct fact_info *fact = catalogue_fact_named(fact_words[i]);
        assert(fact != NULL);
        names->fact[i] = fact->number;
        names->header[i] = fact->header_field;
    }
    for (size_t i = 0; i < VALUE_NAMES; i++) {
        const struct fact_info *fact = catalogue_fact_named(value_words[i].fact);
        assert(fact != NULL);
        int rc = fact_value_number(fact, value_words[i].word, &names->value[i]);
        assert(rc == 0);
    }
}

const struct engine_names *engine_names(void)
{
    static struct engine_names names;
    static bool known;

    if (!known) {
        look_up(&names);
        known = true;
    }
    return &names;
}
