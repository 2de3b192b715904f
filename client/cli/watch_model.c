/* watch_model: see watch_model.h. */
#include "client/cli/watch_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/bytes.h"

#include "common/base/banned.h"

enum {
    NARROW = 80,        /* columns below which the keys are not listed */
    ID_WIDTH_MIN = 100, /* columns from which on the case is named in its row */
    HEAD_LINES = 2,
    FOOT_LINES = 1,
    LEFT_COLUMNS = 17,
    WORD_COLUMNS = 14,
    CODE_BITS = 0xc0,
    CODE_MORE = 0x80
};

/* ---- lists ---- */

void watch_model_init(struct watch_model *self)
{
    memset(self, 0, sizeof *self);
    self->follow = true;
    self->height = 24;
}

void watch_model_free(struct watch_model *self)
{
    for (int i = 0; i < TAB_COUNT; i++) {
        free(self->lists[i].rows);
    }
    free(self->of_case.rows);
    memset(self, 0, sizeof *self);
}

void watch_list_clear(struct watch_list *self)
{
    self->count = 0;
}

void watch_list_add(struct watch_list *self, const struct watch_row *row)
{
    if (self->rows == NULL) {
        self->room = WATCH_ROWS_MAX;
        self->rows = mem_new(self->room, sizeof *self->rows);
    }
    if (self->count == self->room) { /* a quarter goes at a time: few moves */
        size_t gone = self->room / 4;
        memmove(self->rows, self->rows + gone, (self->count - gone) * sizeof *self->rows);
        self->count -= gone;
        self->selected = self->selected > gone ? self->selected - gone : 0;
        self->top = self->top > gone ? self->top - gone : 0;
    }
    self->rows[self->count++] = *row;
}

struct watch_list *watch_model_list(struct watch_model *self)
{
    return self->in_case ? &self->of_case : &self->lists[self->tab];
}

/* ---- the filter ---- */

static bool holds(const char *text, const char *wanted)
{
    size_t len = strlen(wanted);

    for (; *text != '\0'; text++) {
        if (strncasecmp(text, wanted, len) == 0) {
            return true;
        }
    }
    return len == 0;
}

static bool passes(const struct watch_model *self, const struct watch_row *row)
{
    return self->filter[0] == '\0' || holds(row->text, self->filter) ||
        holds(row->word, self->filter) || holds(row->left, self->filter) ||
        holds(row->id, self->filter);
}

static size_t passing(const struct watch_model *self, const struct watch_list *list)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        count += passes(self, &list->rows[i]) ? 1 : 0;
    }
    return count;
}

static const struct watch_row *row_at(
    const struct watch_model *self, const struct watch_list *list, size_t index)
{
    for (size_t i = 0; i < list->count; i++) {
        if (passes(self, &list->rows[i]) && index-- == 0) {
            return &list->rows[i];
        }
    }
    return NULL;
}

/* ---- keys ---- */

static size_t page_rows(const struct watch_model *self)
{
    return self->height > HEAD_LINES + FOOT_LINES ? self->height - HEAD_LINES - FOOT_LINES : 1;
}

static void move_to(struct watch_model *self, size_t index)
{
    struct watch_list *list = watch_model_list(self);
    size_t count = passing(self, list);

    list->selected = count == 0 ? 0 : index < count ? index : count - 1;
    if (!self->in_case && self->tab == TAB_TRAFFIC) {
        self->follow = count == 0 || list->selected == count - 1;
    }
}

static void move_by(struct watch_model *self, long steps)
{
    size_t selected = watch_model_list(self)->selected;

    move_to(self, steps < 0 && selected < (size_t)-steps ? 0 : selected + (size_t)steps);
}

static enum watch_wish enter(struct watch_model *self)
{
    struct watch_list *list = watch_model_list(self);
    const struct watch_row *row = row_at(self, list, list->selected);

    if (self->in_case || row == NULL || row->id[0] == '\0') {
        return WISH_NOTHING;
    }
    memcpy(self->case_id, row->id, sizeof self->case_id);
    return WISH_CASE;
}

static enum watch_wish show_tab(struct watch_model *self, enum watch_tab tab)
{
    if (!self->has_tabs && tab != TAB_TRAFFIC) {
        return WISH_NOTHING;
    }
    self->tab = tab;
    self->in_case = false;
    return WISH_REFRESH;
}

static enum watch_wish go_back(struct watch_model *self)
{
    if (self->in_case) {
        self->in_case = false;
    } else {
        self->filter[0] = '\0';
        move_to(self, watch_model_list(self)->selected);
    }
    return WISH_NOTHING;
}

static enum watch_wish type_filter(struct watch_model *self, int key)
{
    size_t len = strlen(self->filter);

    if (key == KEY_IS_ENTER || key == KEY_IS_ESCAPE) {
        self->typing = false;
        if (key == KEY_IS_ESCAPE) {
            self->filter[0] = '\0';
        }
    } else if (key == KEY_IS_BACK && len > 0) {
        self->filter[len - 1] = '\0';
    } else if (key >= ' ' && key < 127 && len + 1 < sizeof self->filter) {
        self->filter[len] = (char)key;
        self->filter[len + 1] = '\0';
    }
    move_to(self, self->follow ? SIZE_MAX : 0);
    return WISH_NOTHING;
}

static enum watch_wish move_key(struct watch_model *self, int key)
{
    long page = (long)page_rows(self) - 1;

    switch (key) {
    case KEY_IS_UP:
    case 'k':
        move_by(self, -1);
        break;
    case KEY_IS_DOWN:
    case 'j':
        move_by(self, 1);
        break;
    case KEY_IS_PAGE_UP:
        move_by(self, -page);
        break;
    case KEY_IS_PAGE_DOWN:
    case ' ':
        move_by(self, page);
        break;
    case KEY_IS_HOME:
    case 'g':
        move_to(self, 0);
        break;
    case KEY_IS_END:
    case 'G':
        move_to(self, SIZE_MAX);
        break;
    default:
        break;
    }
    return WISH_NOTHING;
}

enum watch_wish watch_model_key(struct watch_model *self, int key)
{
    if (self->in_help) {
        self->in_help = false;
        return key == 'q' ? WISH_QUIT : WISH_NOTHING;
    }
    if (self->typing) {
        return type_filter(self, key);
    }
    if (key >= '1' && key < '1' + TAB_COUNT) {
        return show_tab(self, (enum watch_tab)(key - '1'));
    }
    switch (key) {
    case 'q':
        return WISH_QUIT;
    case '?':
    case 'h':
        self->in_help = true;
        return WISH_NOTHING;
    case '/':
        self->typing = true;
        return WISH_NOTHING;
    case 'r':
        return self->in_case ? WISH_CASE : WISH_REFRESH;
    case KEY_IS_TAB:
        return show_tab(self, (enum watch_tab)((self->tab + 1) % TAB_COUNT));
    case KEY_IS_ENTER:
        return enter(self);
    case KEY_IS_ESCAPE:
    case KEY_IS_BACK:
        return go_back(self);
    default:
        return move_key(self, key);
    }
}

/* ---- lines ---- */

/* Cut to so many columns; a character counts one. Returns the columns used. */
static size_t cut(char *text, size_t columns)
{
    size_t used = 0;

    for (char *at = text; *at != '\0'; at++) {
        if (((unsigned char)*at & CODE_BITS) != CODE_MORE) {
            if (used == columns) {
                *at = '\0';
                break;
            }
            used++;
        }
    }
    return used;
}

static void line_set(
    struct watch_line *line, unsigned width, enum watch_paint paint, const char *text)
{
    memset(line, 0, sizeof *line);
    (void)snprintf(line->text, sizeof line->text, "%s", text);
    (void)cut(line->text, width);
    line->paint = paint;
}

/* Filled with blanks, so that a reversed bar reaches the edge. right: set to the right where it fits. */
static void line_bar(struct watch_line *line, unsigned width, enum watch_paint paint,
    const char *left, const char *right)
{
    line_set(line, width, paint, left);
    size_t used = cut(line->text, width);
    size_t len = strlen(line->text);
    size_t right_len = strlen(right);
    size_t fill = width - used;

    if (len + fill + 1 > sizeof line->text) {
        return;
    }
    memset(line->text + len, ' ', fill);
    line->text[len + fill] = '\0';
    if (right_len + 2 <= fill) {
        memcpy(line->text + len + fill - right_len - 1, right, right_len);
    }
}

static void line_row(
    struct watch_line *line, unsigned width, const struct watch_row *row, bool selected)
{
    char text[WATCH_LINE_BYTES];

    (void)snprintf(text, sizeof text, "%-*s %c %-*s %s", LEFT_COLUMNS, row->left, row->sign,
        WORD_COLUMNS, row->word, row->text);
    if (row->id[0] != '\0' && width >= ID_WIDTH_MIN) { /* else Enter tells it */
        (void)cut(text, width - WATCH_ID_BYTES - 1);
        line_bar(line, width, WATCH_PLAIN, text, row->id);
    } else {
        line_set(line, width, WATCH_PLAIN, text);
    }
    line->mark_at = LEFT_COLUMNS + 1;
    line->mark_len = 2 + WORD_COLUMNS;
    line->mark = row->paint;
    line->selected = selected;
}

static void title_line(const struct watch_model *self, unsigned width, struct watch_line *line)
{
    char left[200];
    char right[80] = "? help";

    (void)snprintf(
        left, sizeof left, " %s  %s%s", self->title, self->troubled ? "! " : "", self->state);
    if (self->filter[0] != '\0' || self->typing) {
        (void)snprintf(right, sizeof right, "filter: %s%s", self->filter, self->typing ? "_" : "");
    }
    line_bar(line, width, WATCH_TITLE, left, right);
}

static void tabs_line(const struct watch_model *self, unsigned width, struct watch_line *line)
{
    static const char *const names[TAB_COUNT] = {"Traffic", "Deadlines", "Missed", "Silence"};
    char text[200] = "";
    size_t used = 0;

    if (self->in_case) {
        line_set(line, width, WATCH_STRONG, self->case_title);
        return;
    }
    for (int i = 0; i < TAB_COUNT && (self->has_tabs || i == 0); i++) {
        bool here = (int)self->tab == i;
        int len = snprintf(text + used, sizeof text - used, " %s%d %s%s ", here ? "[" : " ", i + 1,
            names[i], here ? "]" : " ");
        used += len > 0 ? (size_t)len : 0;
    }
    line_set(line, width, WATCH_STRONG, text);
}

static void foot_line(const struct watch_model *self, unsigned width, struct watch_line *line)
{
    const struct watch_list *list = self->in_case ? &self->of_case : &self->lists[self->tab];
    size_t count = passing(self, list);
    char right[80];

    (void)snprintf(right, sizeof right, "%zu/%zu%s", count == 0 ? 0 : list->selected + 1, count,
        !self->in_case && self->tab == TAB_TRAFFIC ? self->follow ? " following" : " held" : "");
    line_bar(line, width, WATCH_TITLE,
        self->typing         ? " type to filter; Enter keeps it, Esc clears it"
            : self->in_case  ? " Esc back  arrows scroll  r again  q quit"
            : width < NARROW ? " ? help  q quit"
            : self->has_tabs ? " Enter case  / filter  1-4 lists  End follow  q quit"
                             : " / filter  End follow  q quit",
        right);
}

static void help_lines(unsigned width, unsigned height, struct watch_line *lines)
{
    static const char *const help[] = {
        " Keys",
        "   up down, j k       one row; page up, page down, space: a screen",
        "   Home End, g G      first and last; at the last one the traffic follows",
        "   Enter              the case of the row: owners, deadlines, timeline",
        "   Esc, Backspace     back; else the filter is cleared",
        "   1 2 3 4, Tab       traffic, deadlines, missed deadlines, silence",
        "   /                  filter: only rows that hold what you type",
        "   r                  ask again now",
        "   ? h                this help; any key leaves it",
        "   q                  quit",
        "",
        " Signs (colour only repeats them)",
        "   >  event           = persisted on the recipient's disk   * opened by a person",
        "   o  deadline runs   x deadline missed                     v met or cancelled",
        "   !  look here: refused, flagged, quiet, cannot be used    ~ not listening",
        "",
        " Names of cases are this hub's own. Counts too small to show stand as <5.",
    };

    for (unsigned i = 0; i < height; i++) {
        line_set(&lines[i], width, WATCH_PLAIN, i < sizeof help / sizeof help[0] ? help[i] : "");
    }
}

static void keep_in_sight(
    struct watch_model *self, struct watch_list *list, size_t count, size_t rows)
{
    bool follows = !self->in_case && self->tab == TAB_TRAFFIC && self->follow;

    if (follows || list->selected >= count) {
        list->selected = count == 0 ? 0 : count - 1;
    }
    if (list->selected < list->top) {
        list->top = list->selected;
    }
    if (list->selected >= list->top + rows) {
        list->top = list->selected - rows + 1;
    }
    if (list->top + rows > count) {
        list->top = count > rows ? count - rows : 0;
    }
}

static void list_lines(
    struct watch_model *self, unsigned width, size_t rows, struct watch_line *lines)
{
    static const char *const empty[TAB_COUNT] = {" Nothing has come in yet.", " No deadline runs.",
        " No deadline was missed and not met since.", " Nobody is quiet, and every agent listens."};
    struct watch_list *list = watch_model_list(self);
    size_t count = passing(self, list);
    size_t index = 0;
    size_t used = 0;

    keep_in_sight(self, list, count, rows);
    for (size_t i = 0; i < list->count && used < rows; i++) {
        if (!passes(self, &list->rows[i])) {
            continue;
        }
        if (index >= list->top) {
            line_row(&lines[used++], width, &list->rows[i], index == list->selected);
        }
        index++;
    }
    if (used == 0) {
        line_set(&lines[used++], width, WATCH_DIM,
            list->count > 0     ? " Nothing passes the filter."
                : self->in_case ? ""
                                : empty[self->tab]);
    }
    for (; used < rows; used++) {
        line_set(&lines[used], width, WATCH_PLAIN, "");
    }
}

void watch_model_render(
    struct watch_model *self, unsigned width, unsigned height, struct watch_line *lines)
{
    self->height = height;
    title_line(self, width, &lines[0]);
    tabs_line(self, width, &lines[1]);
    if (self->in_help) {
        help_lines(width, height - HEAD_LINES - FOOT_LINES, lines + HEAD_LINES);
    } else {
        list_lines(self, width, height - HEAD_LINES - FOOT_LINES, lines + HEAD_LINES);
    }
    foot_line(self, width, &lines[height - 1]);
}
