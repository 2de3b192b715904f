/* cores_book: see cores_book.h. The tables were read before (data_files_open): a row that is none is left out. */
#include "client/lab/cores_book.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/register/csv.h"

#include "common/base/banned.h"

enum { ROWS_MAX = 1024 };

struct rows {
    shelf_t *shelf;
    size_t count;
    struct book_authority *items; /* owned */
};

static const char *keep(const struct rows *self, const char *text)
{
    return shelf_text(self->shelf, text, strlen(text));
}

static struct book_authority *row_of(struct rows *self, const char *code, const char *name)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->items[i].code, code) == 0) {
            return &self->items[i];
        }
    }
    if (self->count == ROWS_MAX || strlen(code) != CODE_BYTES) {
        return NULL;
    }
    self->items[self->count] = (struct book_authority){.code = keep(self, code),
        .name = keep(self, name),
        .region_code = "",
        .from_day = INT32_MIN,
        .until_day = INT32_MAX};
    return &self->items[self->count++];
}

static void add_authority(struct rows *self, const struct csv *csv)
{
    struct book_authority *row = row_of(self, csv_field(csv, "gss_code"), csv_field(csv, "name"));

    if (row != NULL) {
        row->region_code = keep(self, csv_field(csv, "region_gss"));
    }
}

static void add_succession(struct rows *self, const struct csv *csv)
{
    struct book_authority *row = row_of(self, csv_field(csv, "code"), csv_field(csv, "name"));
    const char *at = csv_field(csv, "successors");
    int32_t day;

    if (row == NULL || civil_date_parse(csv_field(csv, "from"), &day) != 0) {
        return;
    }
    row->until_day = day;
    while (strlen(at) >= CODE_BYTES && row->successor_count < BOOK_SUCCESSORS_MAX) {
        const char *code = shelf_text(self->shelf, at, CODE_BYTES);
        struct book_authority *next = row_of(self, code, code);
        row->successors[row->successor_count++] = code;
        if (next != NULL) {
            next->from_day = day;
            row->region_code = next->region_code;
        }
        at += CODE_BYTES;
        at += *at == ',' ? 1 : 0;
    }
}

static void read_rows(struct rows *self, const data_files_t *data, const char *table,
    char separator, void (*add)(struct rows *self, const struct csv *csv))
{
    struct csv *csv = mem_new(1, sizeof *csv);
    struct complaint why = {0};
    int rc = csv_open(csv, table, separator, data_files_table(data, table), &why);

    while (rc == 0) {
        rc = csv_next(csv, &why);
        if (rc == 0) {
            add(self, csv);
        }
    }
    free(csv);
}

void cores_book_add(virtual_network_t *network, const data_files_t *data, shelf_t *shelf)
{
    struct rows rows = {.shelf = shelf};

    rows.items = mem_new(ROWS_MAX, sizeof *rows.items);
    read_rows(&rows, data, "authorities.csv", ',', add_authority);
    read_rows(&rows, data, "successions.tsv", '\t', add_succession);
    for (size_t i = 0; i < rows.count; i++) {
        virtual_add_authority(network, &rows.items[i]);
    }
    free(rows.items);
}
