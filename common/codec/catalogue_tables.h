/*
 * catalogue_tables: what catalogue.awk writes for catalogue.c. Nobody else includes this.
 *
 * Rows stand at index number - 1. The orders hold those indexes sorted by name, for a binary search.
 */
#ifndef WAYPOST_CODEC_CATALOGUE_TABLES_H
#define WAYPOST_CODEC_CATALOGUE_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "common/codec/catalogue.h"

extern const struct fact_info catalogue_facts[];
extern const uint16_t catalogue_facts_by_name[];
extern const size_t catalogue_facts_total;

extern const uint16_t
    catalogue_header_rows[HEADER_FIELDS_MAX];  /* fact number by header field, 0 for none */
extern const uint16_t catalogue_case_type_row; /* number of a fact with enum case_type */

extern const struct kind_info catalogue_kinds[];
extern const uint16_t catalogue_kinds_by_name[];
extern const size_t catalogue_kinds_total;

#endif
