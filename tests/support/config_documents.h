/*
 * config_documents: what is shipped about a configuration says what its table says: the sample, and the list in the
 * manual page between two marks that name the program. UPDATE=1 in the environment writes them instead.
 */
#ifndef WAYPOST_TESTS_SUPPORT_CONFIG_DOCUMENTS_H
#define WAYPOST_TESTS_SUPPORT_CONFIG_DOCUMENTS_H

#include "common/base/settings.h"

/* Both assert. path: from the top of the tree; examples: as settings_put_sample() takes them. */
void config_sample_is_the_tables(
    const char *path, const struct setting_table *table, const char *const *examples);
void config_manual_has_the_list(
    const char *path, const char *program, const struct setting_table *table);

#endif
