/*
 * cmd_procedures: kinds, facts, clocks, rules and profiles as they are in force, each with its
 * source. Only prints; a word that is not known is answered with the nearest one.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/register_file.h"
#include "client/cli/table.h"
#include "client/cli/wrap.h"
#include "client/lab/data_files.h"
#include "client/lab/limits.h"
#include "common/base/civil.h"
#include "common/base/words.h"
#include "common/procedure/procedures.h"
#include "common/procedure/tsv.h"
#include "common/base/banned.h"

enum {
    COLUMNS_MAX = TSV_COLUMNS_MAX,
    HEADER_BYTES = 1024,
    TABLES = 5,
    EXPLAIN_INDENT = 23,
    LIST_COLUMNS = 90
};

/* One of the tables, with every column that it has. */
struct whole_table {
    const char *file; /* "rules.tsv" */
    const char *what; /* "rule" */
    char header[HEADER_BYTES];
    const char *columns[COLUMNS_MAX]; /* lent from header */
    size_t column_count;
    struct tsv rows;
};

static const char *const table_files[TABLES][2] = {{"kinds.tsv", "kind"}, {"facts.tsv", "fact"},
    {"clocks.tsv", "clock"}, {"rules.tsv", "rule"}, {"system-kinds.tsv", "system kind"}};

struct book {
    struct cli *cli;
    data_files_t *data;       /* owned */
    procedures_t *procedures; /* owned */
    struct whole_table tables[TABLES];
};

/* ---- reading ---- */

static int table_open(const data_files_t *data, struct whole_table *self, struct complaint *why)
{
    struct slice text = data_files_table(data, self->file);
    const uint8_t *end = text.len > 0 ? memchr(text.data, '\n', text.len) : NULL;
    size_t len = end != NULL ? (size_t)(end - text.data) : 0;

    if (len == 0 || len >= sizeof self->header) {
        return complain(why, E_MALFORMED, "%s has no header row", self->file);
    }
    memcpy(self->header, text.data, len);
    for (char *at = self->header; at != NULL && self->column_count < COLUMNS_MAX;) {
        self->columns[self->column_count++] = at;
        at = strchr(at, '\t');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    const struct tsv_layout layout = {.columns = self->columns, .column_count = self->column_count};
    return tsv_read(self->file, text, &layout, &self->rows, why);
}

static void book_close(struct book *self)
{
    for (size_t i = 0; i < TABLES; i++) {
        tsv_free(&self->tables[i].rows);
    }
    procedures_destroy(&self->procedures);
    data_files_destroy(&self->data);
}

static int book_open(struct cli *cli, struct book *self)
{
    struct complaint why = {0};

    *self = (struct book){.cli = cli};
    int rc = data_files_open(register_data_folder(), &self->data, &why);
    rc = rc == 0 ? data_files_procedures(self->data, &self->procedures, &why) : rc;
    for (size_t i = 0; rc == 0 && i < TABLES; i++) {
        self->tables[i].file = table_files[i][0];
        self->tables[i].what = table_files[i][1];
        rc = table_open(self->data, &self->tables[i], &why);
    }
    if (rc != 0) {
        book_close(self);
        return cli_fail_why(cli, &why);
    }
    return CLI_DONE;
}

static const char *cell_named(const struct whole_table *table, size_t row, const char *column)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i], column) == 0) {
            return tsv_cell(&table->rows, row, i);
        }
    }
    return "";
}

/* ---- the list ---- */

static const char *title_column(const struct whole_table *table)
{
    return strcmp(table->file, "clocks.tsv") == 0 ? "name"
        : strcmp(table->file, "facts.tsv") == 0   ? "meaning"
                                                  : "title";
}

static const char *source_column(const struct whole_table *table)
{
    return strcmp(table->file, "facts.tsv") == 0 ? "visibility"
        : strcmp(table->file, "kinds.tsv") == 0 || strcmp(table->file, "system-kinds.tsv") == 0
        ? "sources"
        : "source";
}

/* A list has room for the beginning of a long sentence; explain has the whole. */
static const char *beginning(const char *cell, char *text)
{
    if (wrap_columns(cell) <= LIST_COLUMNS) {
        return cell;
    }
    size_t len = LIST_COLUMNS;
    while (len > 0 && cell[len] != ' ') {
        len--;
    }
    (void)snprintf(text, LIST_COLUMNS + 4, "%.*s...", (int)len, cell);
    return text;
}

static void list_table(struct cli *cli, const struct whole_table *table)
{
    const char *const headings[] = {
        table->what, "what", strcmp(table->what, "fact") == 0 ? "where" : "source", NULL};
    table_t *out = table_new(headings);

    for (size_t row = 0; row < table->rows.row_count; row++) {
        table_cell(out, "%s", tsv_cell(&table->rows, row, 0));
        char text[LIST_COLUMNS + 4];
        table_cell(out, "%s", beginning(cell_named(table, row, title_column(table)), text));
        table_cell(out, "%s", cell_named(table, row, source_column(table)));
    }
    table_print(out, cli);
    table_destroy(&out);
}

static const char *profile_text(const struct book *self, uint8_t profile, const char *key)
{
    const char *value = procedures_profile_entry(self->procedures, profile, key);

    return value != NULL ? value : "";
}

/* C28: a profile is looked at again within its limit from the day from which it counts. False: it has none. */
static bool review_of(const struct book *self, uint8_t profile, struct due *out)
{
    int32_t from = procedures_profile_from(self->procedures, profile);
    uint8_t national = procedures_profile_in_force(
        self->procedures, procedures_profile_number(self->procedures, "national"), from);
    const char *text = procedures_profile_entry(self->procedures, profile, "clocks.C28.limit");
    struct limit limit = {LIMIT_UNSET, 0};

    text = text != NULL ? text : profile_text(self, national, "clocks.C28.limit");
    if (limit_parse(text, &limit) != 0 || limit.unit == LIMIT_UNSET || limit.unit == LIMIT_NONE) {
        return false;
    }
    *out =
        calendar_due(procedures_calendar(self->procedures), limit, civil_london_midnight_ms(from));
    return true;
}

/* Of the versions of a profile one counts today; those before it have been replaced. */
static const char *standing_word(const struct book *self, uint8_t profile)
{
    int32_t today = civil_london_day(self->cli->now_ms);

    if (procedures_profile_from(self->procedures, profile) > today) {
        return "later";
    }
    return procedures_profile_in_force(self->procedures, profile, today) == profile ? "now"
                                                                                    : "replaced";
}

/* What was replaced needs no review any more. */
static void put_review(const struct book *self, uint8_t profile, table_t *out)
{
    char text[CLI_TIME_BYTES];
    struct due due;

    if (strcmp(standing_word(self, profile), "replaced") == 0 || !review_of(self, profile, &due)) {
        table_cell(out, "%s", "");
        return;
    }
    bool past = due.runs_out_ms <= self->cli->now_ms;
    table_cell_painted(out, past ? PAINT_RED : PAINT_END, "%s%s",
        cli_day(self->cli, due.due_day, text), past ? ", past" : "");
}

/* All of them into out: the versions of one profile together, by their days. Returns how many. */
static size_t profiles_sorted(const struct book *self, uint8_t out[DATA_PROFILES_MAX])
{
    size_t count = 0;

    for (uint8_t i = 1; procedures_profile_name(self->procedures, i) != NULL; i++) {
        uint8_t family = procedures_profile_family(self->procedures, i);
        size_t at = count++;
        while (at > 0) {
            uint8_t other = procedures_profile_family(self->procedures, out[at - 1]);
            bool earlier = procedures_profile_from(self->procedures, out[at - 1]) <
                procedures_profile_from(self->procedures, i);
            if (other < family || (other == family && earlier)) {
                break;
            }
            out[at] = out[at - 1];
            at--;
        }
        out[at] = i;
    }
    return count;
}

static void list_profiles(const struct book *self)
{
    static const char *const headings[] = {"profile", "what", "level", ">version", "from", "counts",
        "review by (C28)", "source", NULL};
    uint8_t sorted[DATA_PROFILES_MAX];
    size_t count = profiles_sorted(self, sorted);
    table_t *out = table_new(headings);

    for (size_t k = 0; k < count; k++) {
        uint8_t i = sorted[k];
        table_cell(out, "%s", procedures_profile_name(self->procedures, i));
        table_cell(out, "%s", profile_text(self, i, "profile.title"));
        table_cell(out, "%s", profile_text(self, i, "profile.level"));
        table_cell(out, "%s", profile_text(self, i, "profile.version"));
        table_cell(out, "%s", profile_text(self, i, "profile.effective_from"));
        table_cell(out, "%s", standing_word(self, i));
        put_review(self, i, out);
        table_cell(out, "%s", profile_text(self, i, "profile.sources"));
    }
    table_print(out, self->cli);
    table_destroy(&out);
}

static json_t *profile_json(const struct book *self, uint8_t profile)
{
    char day[CIVIL_DATE_BYTES];
    struct due due;
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "profile",
        procedures_profile_name(self->procedures, profile), "version",
        profile_text(self, profile, "profile.version"), "effective_from",
        profile_text(self, profile, "profile.effective_from"), "counts",
        standing_word(self, profile), "level", profile_text(self, profile, "profile.level"), "file",
        procedures_profile_file(self->procedures, profile));

    if (review_of(self, profile, &due)) {
        civil_date_text(due.due_day, day);
        json_object_set_new(object, "review_by", json_string(day));
    }
    return object;
}

static json_t *row_json(const struct whole_table *table, size_t row)
{
    json_t *object = json_object();

    for (size_t i = 0; i < table->column_count; i++) {
        json_object_set_new(object, table->columns[i], json_string(tsv_cell(&table->rows, row, i)));
    }
    return object;
}

static void list_json(const struct book *self)
{
    json_t *all = json_object();
    json_t *profiles = json_array();
    uint8_t sorted[DATA_PROFILES_MAX];
    size_t count = profiles_sorted(self, sorted);

    for (size_t t = 0; t < TABLES; t++) {
        json_t *rows = json_array();
        for (size_t row = 0; row < self->tables[t].rows.row_count; row++) {
            json_array_append_new(rows, row_json(&self->tables[t], row));
        }
        json_object_set_new(all, self->tables[t].file, rows);
    }
    for (size_t k = 0; k < count; k++) {
        json_array_append_new(profiles, profile_json(self, sorted[k]));
    }
    json_object_set_new(all, "profiles", profiles);
    cli_json(self->cli, all);
}

/* ---- one of them ---- */

static int find_row(const struct whole_table *table, const char *word)
{
    for (size_t row = 0; row < table->rows.row_count; row++) {
        if (strcmp(tsv_cell(&table->rows, row, 0), word) == 0) {
            return (int)row;
        }
    }
    return -1;
}

static void put_limits(const struct book *self, const char *clock)
{
    char key[64];

    snprintf(key, sizeof key, "clocks.%s.limit", clock);
    uint8_t sorted[DATA_PROFILES_MAX];
    size_t count = profiles_sorted(self, sorted);
    for (size_t k = 0; k < count; k++) {
        uint8_t i = sorted[k];
        const char *name = procedures_profile_name(self->procedures, i);
        const char *value = procedures_profile_entry(self->procedures, i, key);
        const char *when = standing_word(self, i);
        if (value != NULL && strcmp(when, "now") == 0) {
            cli_say(self->cli, "  %-20s %s (in force under %s)\n", key, value, name);
        } else if (value != NULL && strcmp(when, "later") == 0) {
            cli_say(self->cli, "  %-20s %s (under %s from %s)\n", key, value, name,
                profile_text(self, i, "profile.effective_from"));
        }
    }
}

/* One column of the row: what it is called, and its text in lines of the terminal's width. */
static void put_cell(struct cli *cli, const char *column, const char *text)
{
    char head[EXPLAIN_INDENT + 1];

    (void)snprintf(head, sizeof head, "  %-*s", (int)EXPLAIN_INDENT - 2, column);
    fputs(head, cli->out);
    wrap_put(cli->out, text, EXPLAIN_INDENT, EXPLAIN_INDENT, cli->width);
}

/* Cells are written for the tables' reader; these are the words for people. */
static const struct {
    const char *column, *cell, *text;
} cell_words[] = {
    {"owner", "origin", "the origin's own order, whoever the other is"},
    {"owner", "receiving", "the receiver's own order, whoever the other is"},
    {"owner", "origin, receiving", "each side's own order, whoever the other is"},
    {"owner", "sender", "the sender's own order"},
    {"owner", "pair", "the order that both share, else the stricter of the two"},
    {"owner", "broker", "the broker's"},
    {"unit", "wd", "working days"},
    {"unit", "d", "calendar days"},
    {"unit", "dx", "calendar days, fewer than these"},
    {"unit", "months", "calendar months"},
    {"unit", "h", "hours"},
    {"unit", "min", "minutes"},
    {"unit", "date", "the day that a fact names"},
};

static const struct {
    const char *word, *text;
} severity_words[] = {{"REJECT", "refused"}, {"REQUIRE", "refused where a fact is missing"},
    {"HOLD", "held until the reason has gone"}, {"ALERT", "flagged"}};

/* A list whose words are joined by a letter, with blanks, so that it fits into lines. */
static void put_spread(struct buf *out, const char *text, size_t len, char joined_by)
{
    for (size_t i = 0; i < len; i++) {
        bool joins = text[i] == joined_by && i + 1 < len && text[i + 1] != ' ';
        buf_put(out, joins ? ", " : &text[i], joins ? 2 : 1);
    }
}

static const char *severity_text(const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof severity_words / sizeof severity_words[0]; i++) {
        if (strlen(severity_words[i].word) == len &&
            memcmp(severity_words[i].word, word, len) == 0) {
            return severity_words[i].text;
        }
    }
    return NULL;
}

/* "REJECT:a+b ALERT:c (origin)" as "refused: a, b; flagged: c (origin)". False: it is no cell of severities. */
static bool put_severities(struct buf *out, const char *cell)
{
    bool first = true;

    for (const char *at = cell; *at != '\0'; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        size_t word = strcspn(at, ": ");
        const char *severity = severity_text(at, word);
        if (first && severity == NULL) {
            return false;
        }
        if (severity != NULL) {
            buf_put_text(out, "%s%s%s", first ? "" : "; ", severity, word < len ? ": " : "");
            word += word < len ? 1 : 0;
        } else {
            buf_put_text(out, " ");
            word = 0; /* "(origin)", as it stands */
        }
        put_spread(out, at + word, len - word, '+');
        first = false;
        at += len;
    }
    return !first;
}

static void explain_cell(struct cli *cli, const char *column, const char *cell)
{
    struct buf text = {0};

    for (size_t i = 0; i < sizeof cell_words / sizeof cell_words[0]; i++) {
        if (strcmp(cell_words[i].column, column) == 0 && strcmp(cell_words[i].cell, cell) == 0) {
            put_cell(cli, column, cell_words[i].text);
            return;
        }
    }
    if (strcmp(cell, "=") == 0) {
        buf_put_text(&text, "as national");
    } else if (!put_severities(&text, cell)) {
        put_spread(&text, cell, strlen(cell), ',');
    }
    buf_put_u8(&text, 0);
    put_cell(cli, column, (const char *)text.data);
    buf_free(&text);
}

static void explain_row(const struct book *self, const struct whole_table *table, size_t row)
{
    if (self->cli->json) {
        cli_json(self->cli, row_json(table, row));
        return;
    }
    cli_say(self->cli, "%s%s %s%s\n", cli_paint(self->cli, PAINT_BOLD), table->what,
        tsv_cell(&table->rows, row, 0), cli_paint(self->cli, PAINT_END));
    for (size_t i = 1; i < table->column_count; i++) {
        const char *cell = tsv_cell(&table->rows, row, i);
        if (cell[0] != '\0' && strcmp(cell, "-") != 0) {
            explain_cell(self->cli, table->columns[i], cell);
        }
    }
    if (strcmp(table->what, "clock") == 0) {
        put_limits(self, tsv_cell(&table->rows, row, 0));
    }
}

/* A profile means the version that counts today; a file means what stands in it. 0 for none. */
static uint8_t profile_meant(const struct book *self, const char *word)
{
    uint8_t family = procedures_profile_number(self->procedures, word);
    const char *file;

    if (family != 0) {
        return procedures_profile_in_force(
            self->procedures, family, civil_london_day(self->cli->now_ms));
    }
    for (uint8_t i = 1; (file = procedures_profile_file(self->procedures, i)) != NULL; i++) {
        size_t stem = strlen(file) - strlen(".zpl");
        if (strcmp(file, word) == 0 || (strlen(word) == stem && memcmp(file, word, stem) == 0)) {
            return i;
        }
    }
    return 0;
}

/* Beside others of its name, each is said to be one of several. */
static void put_versions(const struct book *self, uint8_t meant)
{
    uint8_t family = procedures_profile_family(self->procedures, meant);

    for (uint8_t i = 1; procedures_profile_name(self->procedures, i) != NULL; i++) {
        if (i != meant && procedures_profile_family(self->procedures, i) == family) {
            cli_say(self->cli, "\nVersion %s of it, from %s (%s), is in %s.\n",
                profile_text(self, i, "profile.version"),
                profile_text(self, i, "profile.effective_from"), standing_word(self, i),
                procedures_profile_file(self->procedures, i));
        }
    }
}

static bool explain_profile(const struct book *self, const char *word)
{
    uint8_t meant = profile_meant(self, word);

    if (meant == 0) {
        return false;
    }
    struct slice text =
        data_files_profile_text(self->data, procedures_profile_file(self->procedures, meant));
    if (self->cli->json) {
        cli_json(self->cli,
            json_pack("{s:s, s:s%}", "profile", procedures_profile_name(self->procedures, meant),
                "text", (const char *)text.data, text.len));
        return true;
    }
    cli_say(self->cli, "%.*s", (int)text.len, (const char *)text.data);
    put_versions(self, meant);
    return true;
}

static const char *word_at(const void *known, size_t index)
{
    const struct book *self = known;

    for (size_t t = 0; t < TABLES; t++) {
        if (index < self->tables[t].rows.row_count) {
            return tsv_cell(&self->tables[t].rows, index, 0);
        }
        index -= self->tables[t].rows.row_count;
    }
    return procedures_profile_name(self->procedures, index + 1);
}

/* "r28" means R28: identifiers of rules and clocks are written in capitals. */
static void as_identifier(const char *word, char *out, size_t size)
{
    size_t len = strlen(word) < size ? strlen(word) : size - 1;

    memcpy(out, word, len);
    out[len] = '\0';
    if (len == 3 && isdigit((unsigned char)out[1]) && isdigit((unsigned char)out[2])) {
        out[0] = (char)toupper((unsigned char)out[0]);
    }
}

static int explain(struct cli *cli, const char *name)
{
    struct book book;
    char word[64];
    bool found = false;
    int exit_code = book_open(cli, &book);

    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    as_identifier(name, word, sizeof word);
    for (size_t t = 0; t < TABLES && !found; t++) {
        int row = find_row(&book.tables[t], word);
        if (row >= 0) {
            explain_row(&book, &book.tables[t], (size_t)row);
            found = true;
        }
    }
    if (!found && !explain_profile(&book, word)) {
        const char *near = words_nearest(word, word_at, &book);
        exit_code =
            cli_misuse(cli, "\"%s\" is no kind, fact, clock, rule, system kind or profile%s%s%s",
                word, near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                near != NULL ? "?" : "");
    }
    book_close(&book);
    return exit_code;
}

/* ---- the command ---- */

/* Words after `procedures` that list one table alone. */
static const char *const list_words[] = {
    "kinds", "facts", "clocks", "rules", "system-kinds", "profiles"};

enum { LIST_WORDS = sizeof list_words / sizeof list_words[0] };

static void list_text(const struct book *self, const char *only)
{
    for (size_t i = 0; i < TABLES; i++) {
        if (only == NULL || strcmp(only, list_words[i]) == 0) {
            list_table(self->cli, &self->tables[i]);
            cli_say(self->cli, "\n");
        }
    }
    if (only == NULL || strcmp(only, "profiles") == 0) {
        list_profiles(self);
    }
    cli_say(
        self->cli, "\nwaypost procedures explain R28 tells all that is known of one of them.\n");
}

static int list(struct cli *cli, const char *only)
{
    struct book book;
    int exit_code = book_open(cli, &book);

    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    if (cli->json) {
        list_json(&book);
    } else {
        list_text(&book, only);
    }
    book_close(&book);
    return CLI_DONE;
}

static int run_procedures(struct cli *cli)
{
    const char *known[LIST_WORDS + 1];
    const char *word = cli->arg_count > 0 ? cli->args[0] : NULL;

    if (word != NULL && strcmp(word, "explain") == 0) {
        return cli->arg_count == 2
            ? explain(cli, cli->args[1])
            : cli_misuse(cli, "name what to explain: waypost procedures explain R28");
    }
    if (word == NULL) {
        return list(cli, NULL);
    }
    for (size_t i = 0; i < LIST_WORDS; i++) {
        known[i] = list_words[i];
        if (strcmp(word, known[i]) == 0) {
            return cli->arg_count == 1
                ? list(cli, word)
                : cli_misuse(cli,
                      "a list takes no further word; one row is shown by waypost procedures "
                      "explain %s",
                      cli->args[1]);
        }
    }
    known[LIST_WORDS] = "explain";
    const char *near = words_nearest_of(word, known, LIST_WORDS + 1);
    return cli_misuse(cli, "\"%s\" is not what can be listed%s%s%s", word,
        near != NULL ? "; did you mean " : "", near != NULL ? near : "", near != NULL ? "?" : "");
}

const struct cli_command cmd_procedures[] = {
    {.name = "procedures",
        .group = CLI_GROUP_OTHER,
        .summary = "lists kinds, facts, clocks, rules and profiles, or explains one of them",
        .usage = "[kinds|facts|clocks|rules|system-kinds|profiles | explain WORD]",
        .text =
            "Lists what the procedures know: every kind of event, fact, clock, rule and profile, "
            "with the document and line that it comes from; with a word, one of these tables "
            "alone.\n\n"
            "explain prints the whole row of one of them: what is checked or counted, for whom, "
            "how severely under each profile, and where it comes from. Of a clock it prints the "
            "duration in force under each profile as well; of a profile its values.\n\n"
            "profiles shows each version of a profile with the day from which it counts, whether "
            "it "
            "counts now, and until when it is to be looked at again (C28). explain london prints "
            "the version that counts today, explain london-2027.zpl that of the file.",
        .example = "waypost procedures clocks\nwaypost procedures explain R28",
        .args_max = 2,
        .run = run_procedures},
    {.name = NULL},
};
