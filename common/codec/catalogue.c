/*
 * catalogue: look up kinds and facts in the tables that catalogue.awk writes. Pure; what is not found is NULL or
 * a code, and nothing here can fail otherwise.
 */
#include "common/codec/catalogue.h"

#include <string.h>

#include "common/base/err.h"
#include "common/base/words.h"
#include "common/codec/catalogue_tables.h"

#include "common/base/banned.h"

typedef const char *name_at_fn(size_t row);

static const char *fact_name_at(size_t row)
{
    return catalogue_facts[row].name;
}

static const char *kind_name_at(size_t row)
{
    return catalogue_kinds[row].name;
}

/* The row with that name by binary search, or `count`. */
static size_t row_named(const char *name, const uint16_t *order, size_t count, name_at_fn *name_at)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int side = strcmp(name, name_at(order[middle]));
        if (side == 0) {
            return order[middle];
        }
        if (side < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return count;
}

size_t catalogue_kind_count(void)
{
    return catalogue_kinds_total;
}

const struct kind_info *catalogue_kind(uint32_t number)
{
    return number >= 1 && number <= catalogue_kinds_total ? &catalogue_kinds[number - 1] : NULL;
}

const struct kind_info *catalogue_kind_named(const char *name)
{
    size_t row = row_named(name, catalogue_kinds_by_name, catalogue_kinds_total, kind_name_at);

    return row < catalogue_kinds_total ? &catalogue_kinds[row] : NULL;
}

static const char *kind_word_at(const void *known, size_t index)
{
    (void)known;
    return index < catalogue_kinds_total ? catalogue_kinds[index].name : NULL;
}

const char *catalogue_kind_nearest(const char *name)
{
    return words_nearest(name, kind_word_at, NULL);
}

size_t catalogue_fact_count(void)
{
    return catalogue_facts_total;
}

const struct fact_info *catalogue_fact(uint32_t number)
{
    return number >= 1 && number <= catalogue_facts_total ? &catalogue_facts[number - 1] : NULL;
}

const struct fact_info *catalogue_fact_named(const char *name)
{
    size_t row = row_named(name, catalogue_facts_by_name, catalogue_facts_total, fact_name_at);

    return row < catalogue_facts_total ? &catalogue_facts[row] : NULL;
}

static const char *fact_word_at(const void *known, size_t index)
{
    (void)known;
    return index < catalogue_facts_total ? catalogue_facts[index].name : NULL;
}

const char *catalogue_fact_nearest(const char *name)
{
    return words_nearest(name, fact_word_at, NULL);
}

const struct fact_info *catalogue_header_fact(uint32_t field)
{
    return field < HEADER_FIELDS_MAX ? catalogue_fact(catalogue_header_rows[field]) : NULL;
}

const struct fact_info *catalogue_enum_named(const char *enum_name)
{
    for (size_t i = 0; i < catalogue_facts_total; i++) {
        const struct fact_info *fact = &catalogue_facts[i];
        if (fact->enum_name != NULL && strcmp(fact->enum_name, enum_name) == 0) {
            return fact;
        }
    }
    return NULL;
}

const struct fact_info *catalogue_case_type(void)
{
    return catalogue_fact(catalogue_case_type_row);
}

static bool list_holds(const uint32_t *numbers, uint32_t number)
{
    for (; *numbers != 0; numbers++) {
        if (*numbers == number) {
            return true;
        }
    }
    return false;
}

bool kind_lists(const struct kind_info *kind, uint32_t fact_number)
{
    return list_holds(kind->required, fact_number) || list_holds(kind->optional, fact_number);
}

const char *fact_value_word(const struct fact_info *fact, uint32_t value)
{
    return value >= 1 && value <= fact->value_count ? fact->values[value - 1] : NULL;
}

int fact_value_number(const struct fact_info *fact, const char *word, uint32_t *out)
{
    for (size_t i = 0; i < fact->value_count; i++) {
        if (strcmp(fact->values[i], word) == 0) {
            *out = (uint32_t)i + 1;
            return 0;
        }
    }
    return E_FACT_VALUE;
}

const char *fact_value_nearest(const struct fact_info *fact, const char *word)
{
    return words_nearest_of(word, fact->values, fact->value_count);
}
