/*
 * watch_model: what the full screen of `waypost watch` shows, without a terminal: rows come in, keys come in, lines of a
 * given width and height come out. Pure but for memory; nothing here fails.
 *
 * Every state stands as a word and a sign; colour only repeats it.
 */
#ifndef WAYPOST_CLI_WATCH_MODEL_H
#define WAYPOST_CLI_WATCH_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WATCH_ROWS_MAX = 2000,  /* rows kept of one list; the oldest go */
    WATCH_TEXT_BYTES = 240, /* text of a row, UTF-8, with its terminator */
    WATCH_WORD_BYTES = 16,  /* "cannot be used" */
    WATCH_ID_BYTES = 16,    /* name of a case */
    WATCH_FILTER_BYTES = 48,
    WATCH_LINE_BYTES = 1100, /* a line of the screen: up to 270 columns of four bytes */
};

enum watch_paint {
    WATCH_PLAIN,
    WATCH_DIM,
    WATCH_GOOD,
    WATCH_WARN,
    WATCH_BAD,
    WATCH_TITLE, /* reversed */
    WATCH_STRONG
};

enum watch_tab { TAB_TRAFFIC, TAB_DEADLINES, TAB_MISSED, TAB_SILENCE, TAB_COUNT };

/* A row of any list. */
struct watch_row {
    uint64_t number; /* of the feed, 0 where it has none */
    char left[24];   /* time, or what is left */
    char sign;       /* one character */
    char word[WATCH_WORD_BYTES];
    enum watch_paint paint; /* of sign and word */
    char text[WATCH_TEXT_BYTES];
    char id[WATCH_ID_BYTES]; /* case to drill down to, "" for none */
};

struct watch_list {
    struct watch_row *rows; /* owned */
    size_t count, room;
    size_t selected; /* index among the rows that the filter leaves */
    size_t top;      /* first of those on the screen */
};

/* What the outside is to do after a key. */
enum watch_wish {
    WISH_NOTHING,
    WISH_QUIT,
    WISH_CASE,    /* fetch model->case_id */
    WISH_REFRESH, /* fetch the tab's rows again */
};

enum watch_key {
    KEY_IS_UP = 0x110000, /* above any character */
    KEY_IS_DOWN,
    KEY_IS_PAGE_UP,
    KEY_IS_PAGE_DOWN,
    KEY_IS_HOME,
    KEY_IS_END,
    KEY_IS_ENTER,
    KEY_IS_BACK,
    KEY_IS_ESCAPE,
    KEY_IS_TAB
};

struct watch_model {
    char title[80]; /* who is watched */
    char state[60]; /* "online", "connection lost; trying again" */
    bool troubled;  /* state is bad news */
    bool has_tabs;  /* a hub; an agent has its traffic alone */
    enum watch_tab tab;
    struct watch_list lists[TAB_COUNT];
    struct watch_list of_case; /* lines of the case that is looked at */
    bool in_case;
    char case_id[WATCH_ID_BYTES];
    char case_title[120];
    bool in_help;
    bool follow; /* traffic: the newest stays in sight */
    bool typing; /* the filter is being typed */
    char filter[WATCH_FILTER_BYTES];
    uint64_t seen; /* entries since the start */
    unsigned height;
};

struct watch_line {
    char text[WATCH_LINE_BYTES]; /* UTF-8, at most the width asked for */
    enum watch_paint paint;
    size_t mark_at, mark_len; /* columns that carry `mark`, 0 for none */
    enum watch_paint mark;
    bool selected;
};

void watch_model_init(struct watch_model *self);
void watch_model_free(struct watch_model *self);

struct watch_list *watch_model_list(struct watch_model *self); /* the one on the screen */
void watch_list_clear(struct watch_list *self);                /* keeps selection and place */
void watch_list_add(struct watch_list *self, const struct watch_row *row);

enum watch_wish watch_model_key(struct watch_model *self, int key);

/* Exactly height lines (at least 4) of at most width columns. */
void watch_model_render(
    struct watch_model *self, unsigned width, unsigned height, struct watch_line *lines);

#endif
