/*
 * watch_screen: see watch_screen.h. ncurses knows terminals, sizes and keys; what is shown stands in watch_model.c.
 * The one signal it cares for, a new size, comes as a key.
 */
#include "client/cli/watch_screen.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <curses.h>

#include "client/cli/when.h"
#include "client/cli/watch_rows.h"
#include "client/lib/waypost.h"
#include "common/base/bytes.h"
#include "common/base/world.h"

#include "common/base/banned.h"

enum {
    TICK_MS = 1000,
    REFRESH_MS = 2000, /* lists that are asked for, not told */
    RECENT = 500,      /* entries from before that are shown first */
    ESCAPE_MS = 25,    /* what a terminal needs to send the rest of a key */
    WIDTH_MAX = 270,
    HEIGHT_MAX = 200,
    WIDTH_MIN = 20,
    HEIGHT_MIN = 5,
    LIST_ROWS = 1000
};

struct screen {
    struct cli *cli;
    const char *region;
    names_t *names;
    wp_agent_t *stream; /* watches */
    wp_agent_t *asked;  /* answers questions */
    bool watching;
    uint64_t next; /* number from which to go on, 0 for what comes now */
    int64_t retry_at_ms, refresh_at_ms;
    struct watch_model model;
    struct watch_line lines[HEIGHT_MAX];
};

static int64_t now_ms(void)
{
    const struct world *world = world_real();

    return world->mono_ms(world->context);
}

static int64_t wall_ms(void)
{
    const struct world *world = world_real();

    return world->wall_ms(world->context);
}

/* ---- asking ---- */

/* NULL where it was refused or nobody answers; taken: request. */
static json_t *ask(struct screen *self, json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    char *answer = NULL;
    json_t *json = NULL;

    json_decref(request);
    if (text != NULL && wp_call(self->asked, text, &answer) == 0) {
        json = cli_read(self->cli, answer);
    }
    wp_free(answer);
    free(text);
    self->cli->now_ms = wall_ms();
    return json;
}

static void refresh_deadlines(struct screen *self, bool missed)
{
    json_t *answer = ask(self,
        json_pack(
            "{s:s, s:b, s:i}", "op", "hub_deadlines", "breached", (int)missed, "limit", LIST_ROWS));

    if (answer != NULL) {
        watch_rows_deadlines(
            self->cli, answer, &self->model.lists[missed ? TAB_MISSED : TAB_DEADLINES]);
    }
    json_decref(answer);
}

static void refresh_silence(struct screen *self)
{
    json_t *answer = ask(self, json_pack("{s:s}", "op", "hub_overview"));

    if (answer != NULL) {
        watch_rows_silence(self->cli, answer, &self->model.lists[TAB_SILENCE]);
    }
    json_decref(answer);
}

static void refresh_case(struct screen *self)
{
    struct watch_model *model = &self->model;
    json_t *answer = ask(self, json_pack("{s:s, s:s}", "op", "hub_case", "case", model->case_id));

    if (answer == NULL) {
        return;
    }
    (void)snprintf(model->case_title, sizeof model->case_title, " case %s  %.40s -> %.40s",
        text_of(answer, "case"), text_of(json_object_get(answer, "origin"), "name"),
        text_of(json_object_get(answer, "receiving"), "name"));
    if (!model->in_case) {
        model->of_case.selected = 0;
        model->of_case.top = 0;
    }
    model->in_case = true;
    watch_rows_case(self->cli, self->names, answer, &model->of_case);
    json_decref(answer);
}

static void refresh_tab(struct screen *self)
{
    self->refresh_at_ms = now_ms() + REFRESH_MS;
    if (self->model.in_case) {
        refresh_case(self);
    } else if (self->model.tab == TAB_DEADLINES || self->model.tab == TAB_MISSED) {
        refresh_deadlines(self, self->model.tab == TAB_MISSED);
    } else if (self->model.tab == TAB_SILENCE) {
        refresh_silence(self);
    }
}

/* ---- watching ---- */

/* A hub says so by answering for its region; an agent has its own traffic alone. */
static void meet(struct screen *self)
{
    struct watch_model *model = &self->model;
    json_t *overview = ask(self, json_pack("{s:s}", "op", "hub_overview"));
    json_t *status = ask(self, json_pack("{s:s}", "op", "status"));

    model->has_tabs = overview != NULL;
    if (self->next == 0 && overview != NULL) {
        uint64_t last = number_of(overview, "last");
        self->next = last > RECENT ? last - RECENT : 1;
    }
    (void)snprintf(model->title, sizeof model->title, "%s %.40s",
        overview != NULL ? "hub" : "agent", text_of(status, "agent"));
    json_decref(overview);
    json_decref(status);
}

static void say_state(struct screen *self)
{
    json_t *status = ask(self, json_pack("{s:s}", "op", "status"));
    const char *state = text_of(status, "state");

    self->model.troubled = strcmp(state, "online") != 0;
    (void)snprintf(self->model.state, sizeof self->model.state, "%s",
        status == NULL             ? "does not answer; trying again"
            : self->model.troubled ? "the broker is away"
                                   : "online");
    json_decref(status);
}

static void begin(struct screen *self)
{
    self->retry_at_ms = now_ms() + TICK_MS;
    meet(self);
    self->watching = wp_watch_begin(self->stream, self->region, self->next) == 0;
    say_state(self);
}

static void take_entries(struct screen *self)
{
    char *text = NULL;
    int result = 0;

    for (int i = 0; i < WATCH_ROWS_MAX && self->watching; i++) {
        result = wp_watch_next(self->stream, 0, &text);
        if (result != 0) {
            break;
        }
        json_t *entry = cli_read(self->cli, text);
        wp_free(text);
        if (entry != NULL) {
            self->next = number_of(entry, "number") + 1;
            self->model.seen++;
            watch_rows_entry(self->cli, self->names, entry, &self->model.lists[TAB_TRAFFIC]);
        }
        json_decref(entry);
    }
    if (result != 0 && result != WP_TIMEOUT) {
        self->watching = false;
        self->model.troubled = true;
        (void)snprintf(
            self->model.state, sizeof self->model.state, "connection lost; trying again");
    }
}

/* ---- the terminal ---- */

static const struct {
    int from;
    int to;
} keys[] = {{KEY_UP, KEY_IS_UP}, {KEY_DOWN, KEY_IS_DOWN}, {KEY_PPAGE, KEY_IS_PAGE_UP},
    {KEY_NPAGE, KEY_IS_PAGE_DOWN}, {KEY_HOME, KEY_IS_HOME}, {KEY_END, KEY_IS_END},
    {KEY_ENTER, KEY_IS_ENTER}, {'\n', KEY_IS_ENTER}, {'\r', KEY_IS_ENTER},
    {KEY_BACKSPACE, KEY_IS_BACK}, {127, KEY_IS_BACK}, {8, KEY_IS_BACK}, {27, KEY_IS_ESCAPE},
    {'\t', KEY_IS_TAB}};

static int key_of(int code)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].from == code) {
            return keys[i].to;
        }
    }
    return code;
}

static void begin_terminal(const struct cli *cli)
{
    (void)setlocale(LC_CTYPE, "");
    (void)initscr();
    (void)cbreak();
    (void)noecho();
    (void)nonl();
    (void)keypad(stdscr, TRUE);
    (void)nodelay(stdscr, TRUE);
    (void)set_escdelay(ESCAPE_MS);
    (void)curs_set(0);
    if (cli->colour && has_colors()) {
        (void)start_color();
        (void)use_default_colors();
        (void)init_pair(WATCH_GOOD, COLOR_GREEN, -1);
        (void)init_pair(WATCH_WARN, COLOR_YELLOW, -1);
        (void)init_pair(WATCH_BAD, COLOR_RED, -1);
    }
}

static attr_t attr_of(enum watch_paint paint)
{
    switch (paint) {
    case WATCH_DIM:
        return A_DIM;
    case WATCH_GOOD:
    case WATCH_WARN:
        return (attr_t)COLOR_PAIR(paint);
    case WATCH_BAD:
        return (attr_t)COLOR_PAIR(paint) | A_BOLD;
    case WATCH_TITLE:
        return A_REVERSE;
    case WATCH_STRONG:
        return A_BOLD;
    case WATCH_PLAIN:
    default:
        return A_NORMAL;
    }
}

static void draw(struct screen *self)
{
    int height;
    int width;

    getmaxyx(stdscr, height, width);
    height = height > HEIGHT_MAX ? HEIGHT_MAX : height;
    width = width > WIDTH_MAX ? WIDTH_MAX : width;
    (void)erase();
    if (width < WIDTH_MIN || height < HEIGHT_MIN) {
        (void)mvaddnstr(0, 0, "too small", width);
        (void)refresh();
        return;
    }
    watch_model_render(&self->model, (unsigned)width, (unsigned)height, self->lines);
    for (int y = 0; y < height; y++) {
        const struct watch_line *line = &self->lines[y];
        (void)attr_set(attr_of(line->paint) | (line->selected ? A_REVERSE : A_NORMAL), 0, NULL);
        (void)mvaddstr(y, 0, line->text);
        if (line->selected) {
            (void)hline(' ', width);
        }
        if (line->mark_len > 0) {
            (void)mvchgat(y, (int)line->mark_at, (int)line->mark_len,
                attr_of(line->mark) | (line->selected ? A_REVERSE : 0),
                (short)(line->mark >= WATCH_GOOD && line->mark <= WATCH_BAD ? line->mark : 0),
                NULL);
        }
    }
    (void)refresh();
}

/* False to quit. */
static bool take_keys(struct screen *self)
{
    int code;

    while ((code = getch()) != ERR) {
        enum watch_wish wish =
            code == KEY_RESIZE ? WISH_NOTHING : watch_model_key(&self->model, key_of(code));
        if (wish == WISH_QUIT) {
            return false;
        }
        if (wish == WISH_CASE) {
            refresh_case(self);
        } else if (wish == WISH_REFRESH) {
            refresh_tab(self);
        }
    }
    return true;
}

static void wait_for_news(const struct screen *self)
{
    struct pollfd items[2] = {{.fd = 0, .events = POLLIN},
        {.fd = self->watching ? wp_watch_fd(self->stream) : -1, .events = POLLIN}};

    (void)poll(items, 2, TICK_MS); /* a signal is a new size: as good as news */
}

static void run(struct screen *self)
{
    do {
        int64_t at_ms = now_ms();
        if (!self->watching && at_ms >= self->retry_at_ms) {
            begin(self);
        }
        take_entries(self);
        if (at_ms >= self->refresh_at_ms && self->model.has_tabs) {
            refresh_tab(self);
            say_state(self);
        }
        draw(self);
        wait_for_news(self);
    } while (take_keys(self));
}

bool watch_screen_possible(const struct cli *cli)
{
    const char *terminal = getenv("TERM");

    return cli->terminal && cli->ask && terminal != NULL && terminal[0] != '\0' &&
        strcmp(terminal, "dumb") != 0;
}

int watch_screen_run(struct cli *cli, const char *region)
{
    struct screen *self = mem_new(1, sizeof *self);

    self->cli = cli;
    self->region = region;
    self->names = names_load(cli);
    self->stream = wp_agent_new(cli->socket);
    self->asked = wp_agent_new(cli->socket);
    watch_model_init(&self->model);
    wp_timeout(self->asked, 5000);
    begin(self);
    int exit_code = CLI_DONE;
    if (!self->watching) {
        exit_code = cli_fail(cli, E_UNREACHABLE, "%s", wp_error_text(self->stream));
    } else {
        begin_terminal(cli);
        run(self);
        (void)endwin();
    }
    wp_agent_destroy(&self->stream);
    wp_agent_destroy(&self->asked);
    watch_model_free(&self->model);
    names_destroy(&self->names);
    free(self);
    return exit_code;
}
