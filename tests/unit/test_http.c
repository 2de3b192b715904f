/* Tests of common/http: what is answered and what is refused, over a real socket of the loopback. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http/http.h"

#include "common/base/banned.h"

enum { WAIT_MS = 10000, CLIENTS_MANY = 100 };

static int64_t mono_ms;
static http_server_t *server;

static int64_t fake_time(void *context)
{
    (void)context;
    return mono_ms;
}

static const struct world world = {fake_time, fake_time, NULL, NULL};

/* ---- routes ---- */

static void say_hello(void *context, const struct http_request *request, struct http_reply *reply)
{
    const char *name = http_request_argument(request, "name");

    assert_string_equal(context, "context");
    buf_put_text(&reply->body, "hello %s\n", name == NULL ? "you" : name);
    http_reply_header(reply, "X-Test", "a\r\nX-Injected: b");
}

static void say_body(void *context, const struct http_request *request, struct http_reply *reply)
{
    (void)context;
    const char *cookie = http_request_cookie(request, "token");
    buf_put_text(&reply->body, "%s %zu %.*s", cookie == NULL ? "-" : cookie, request->body.len,
        (int)(request->body.len > 20 ? 20 : request->body.len),
        request->body.len == 0 ? "" : (const char *)request->body.data);
}

static void say_below(void *context, const struct http_request *request, struct http_reply *reply)
{
    (void)context;
    http_reply_text(reply, 200, "below %s", request->path);
}

static void stay(void *context, const struct http_request *request, struct http_reply *reply)
{
    (void)context;
    (void)request;
    reply->type = "text/event-stream";
    reply->stays_open = true;
}

static const struct http_route routes[] = {
    {"GET", "/news", false, stay},
    {"GET", "/hello", false, say_hello},
    {"POST", "/login", false, say_body},
    {"GET", "/login", false, say_below},
    {"GET", "/transfer/", true, say_below},
};

static int begin(void **state)
{
    struct http_options options = {.routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .context = (void *)(uintptr_t) "context",
        .world = &world};
    struct complaint why = {0};

    (void)state;
    mono_ms = 1000;
    assert_int_equal(http_address_parse("metrics", "127.0.0.1:*", &options.address, &why), 0);
    return http_open(&options, &server, &why);
}

static int end(void **state)
{
    (void)state;
    http_destroy(&server);
    return 0;
}

/* ---- a client ---- */

static int client_open(void)
{
    struct sockaddr_in where = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons((uint16_t)strtoul(strrchr(http_bound(server), ':') + 1, NULL, 10));
    (void)connect(fd, (struct sockaddr *)&where, sizeof where);
    return fd;
}

/* Serve until the server closes the connection or the answer is whole by its Content-Length. */
static void client_read(int fd, struct buf *out)
{
    char bytes[4096];

    for (int turns = 0; turns < WAIT_MS; turns++) {
        struct pollfd items[] = {{fd, POLLIN, 0}, {http_fd(server), POLLIN, 0}};
        (void)poll(items, 2, 1);
        http_serve(server);
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got == 0 || (got < 0 && items[0].revents & (POLLERR | POLLHUP))) {
            break;
        }
        if (got > 0) {
            buf_put(out, bytes, (size_t)got);
        }
    }
    buf_put_u8(out, 0);
}

static char *ask(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *ask(const char *format, ...)
{
    static struct buf answer;
    char request[65536 + 4096];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(request, sizeof request, format, args);
    va_end(args);
    assert_true(len > 0 && (size_t)len < sizeof request);
    buf_free(&answer);
    int fd = client_open();
    size_t sent = 0;
    while (sent < (size_t)len) {
        ssize_t put = send(fd, request + sent, (size_t)len - sent, MSG_NOSIGNAL);
        sent += put > 0 ? (size_t)put : 0;
        http_serve(server);
        if (put < 0 && sent > 0 && poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0) > 0) {
            break; /* refused before the end */
        }
    }
    client_read(fd, &answer);
    (void)close(fd);
    return (char *)answer.data;
}

#define HOST "Host: 127.0.0.1:1\r\nConnection: close\r\n"

static bool has_status(const char *answer, int status)
{
    char want[32];

    (void)snprintf(want, sizeof want, "HTTP/1.1 %d ", status);
    return strncmp(answer, want, strlen(want)) == 0;
}

static void assert_answer(const char *answer, int status, const char *text)
{
    if (!has_status(answer, status) || strstr(answer, text) == NULL) {
        fail_msg("want %d and \"%s\", got:\n%s", status, text, answer);
    }
}

/* ---- what is answered ---- */

static void page__asked_for__is_answered_with_safe_headers(void **state)
{
    (void)state;
    const char *answer = ask("GET /hello?name=ann HTTP/1.1\r\n" HOST "\r\n");
    assert_answer(answer, 200, "\r\n\r\nhello ann\n");
    assert_answer(answer, 200, "X-Content-Type-Options: nosniff\r\n");
    assert_answer(answer, 200, "Cache-Control: no-store\r\n");
    assert_answer(answer, 200, "Content-Type: text/plain; charset=utf-8\r\n");
    assert_answer(answer, 200, "X-Test: a\r\n");
    assert_null(strstr(answer, "Injected"));
}

static void page__asked_by_head__has_no_body(void **state)
{
    (void)state;
    const char *answer = ask("HEAD /hello HTTP/1.1\r\n" HOST "\r\n");
    assert_answer(answer, 200, "Content-Length: 10\r\n");
    assert_null(strstr(answer, "hello"));
}

static void page__below_a_folder__has_its_path(void **state)
{
    (void)state;
    assert_answer(ask("GET /transfer/12 HTTP/1.1\r\n" HOST "\r\n"), 200, "below /transfer/12\n");
    assert_answer(ask("GET /transfer HTTP/1.1\r\n" HOST "\r\n"), 404, "no such page");
}

static void form__sent__reaches_its_route_with_its_cookie(void **state)
{
    (void)state;
    assert_answer(
        ask("POST /login HTTP/1.1\r\n" HOST "Cookie: token=abc\r\nContent-Length: 5\r\n\r\nhello"),
        200, "abc 5 hello");
}

/* ---- replies that stay open ---- */

static int listen_to_news(void)
{
    static const char request[] = "GET /news HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n";
    int fd = client_open();

    while (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) {
        http_serve(server);
    }
    return fd;
}

/* Serve until the text came, or the server closed: false. What came stands behind what was there. */
static bool hears(int fd, struct buf *heard, const char *text)
{
    char bytes[4096];

    for (int turns = 0; turns < WAIT_MS; turns++) {
        struct pollfd items[] = {{fd, POLLIN, 0}, {http_fd(server), POLLIN, 0}};
        (void)poll(items, 2, 1);
        http_serve(server);
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got > 0) {
            buf_put(heard, bytes, (size_t)got);
        }
        if (heard->len > 0 && memmem(heard->data, heard->len, text, strlen(text)) != NULL) {
            return true;
        }
        if (got == 0) {
            return false;
        }
    }
    return false;
}

static void news__told__reach_a_stream_as_they_come(void **state)
{
    struct buf heard = {0};

    (void)state;
    http_tell(server, "data: 1\n\n");
    int fd = listen_to_news();
    assert_true(hears(fd, &heard, "text/event-stream"));
    assert_true(hears(fd, &heard, "data: 1\n\n")); /* the state of now, at once */
    http_tell(server, "data: 2\n\n");
    http_tell(server, "data: 3\n\n");
    assert_true(hears(fd, &heard, "data: 3\n\n"));
    assert_null(memmem(heard.data, heard.len, "data: 2", 7)); /* nobody took it in time */
    buf_free(&heard);
    (void)close(fd);
}

/* Nobody is served for as long as nothing is told: the program that waits on the descriptor sleeps. */
static void stream__without_news__ends_in_time_and_not_before(void **state)
{
    struct buf heard = {0};

    (void)state;
    http_tell(server, "data: 1\n\n");
    int fd = listen_to_news();
    assert_true(hears(fd, &heard, "data: 1\n\n"));
    assert_true(http_due_ms(server) > mono_ms);
    mono_ms += HTTP_STREAM_MS_MAX - 1;
    for (int i = 0; i < 50; i++) {
        http_serve(server);
    }
    assert_int_equal(recv(fd, &(char){0}, 1, 0), -1); /* open, and nothing said */
    mono_ms += 1;
    assert_true(http_due_ms(server) <= mono_ms);
    assert_true(hears(fd, &heard, "\r\n0\r\n\r\n")); /* the last chunk */
    buf_free(&heard);
    (void)close(fd);
}

static void streams__more_than_the_limit__are_refused_until_one_leaves(void **state)
{
    int fds[HTTP_STREAMS_MAX];
    struct buf heard = {0};

    (void)state;
    http_tell(server, "data: 1\n\n");
    for (int i = 0; i < HTTP_STREAMS_MAX; i++) {
        fds[i] = listen_to_news();
        buf_clear(&heard);
        assert_true(hears(fds[i], &heard, "data: 1\n\n"));
    }
    assert_answer(ask("GET /news HTTP/1.1\r\n" HOST "\r\n"), 503, "32 listen already");
    assert_answer(ask("GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200, "hello you");
    (void)close(fds[0]);
    fds[0] = listen_to_news();
    buf_clear(&heard);
    assert_true(hears(fds[0], &heard, "data: 1\n\n"));
    http_hang_up(server);
    for (int i = 0; i < HTTP_STREAMS_MAX; i++) {
        buf_clear(&heard);
        assert_true(hears(fds[i], &heard, "0\r\n\r\n"));
        (void)close(fds[i]);
    }
    buf_free(&heard);
}

/* What it does not take fills its socket and no memory of ours; then its time is over. */
static void stream__that_takes_nothing__is_closed(void **state)
{
    char news[HTTP_NEWS_BYTES_MAX + 1];
    struct buf heard = {0};

    (void)state;
    memset(news, 'n', sizeof news - 1);
    news[sizeof news - 1] = '\0';
    int fd = listen_to_news();
    while (http_due_ms(server) != mono_ms + HTTP_STREAM_MS_MAX) {
        http_serve(server); /* until it is open, and nothing is owed */
    }
    for (int i = 0; i < 200000 && http_due_ms(server) != mono_ms + HTTP_REQUEST_MS_MAX; i++) {
        http_tell(server, news);
        for (int turn = 0; turn < 4; turn++) {
            http_serve(server); /* what its socket takes is sent by then */
        }
    }
    assert_int_equal(http_due_ms(server), mono_ms + HTTP_REQUEST_MS_MAX); /* its socket is full */
    mono_ms += HTTP_REQUEST_MS_MAX;
    assert_false(hears(fd, &heard, "\r\n0\r\n\r\n")); /* cut, not ended */
    buf_free(&heard);
    (void)close(fd);
}

/* ---- what is refused ---- */

static void request__nonsense__is_refused_with_one_sentence(void **state)
{
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        {"GET /other HTTP/1.1\r\n" HOST "\r\n", 404},
        {"POST /hello HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 405},
        {"DELETE /hello HTTP/1.1\r\n" HOST "\r\n", 405},
        {"GET /hello HTTP/1.1\r\nConnection: close\r\nHost: evil.example\r\n\r\n", 421},
        {"GET /hello HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 421},
        {"POST /login HTTP/1.1\r\n" HOST
         "Origin: http://evil.example\r\nContent-Length: 1\r\n\r\nx",
            403},
        {"POST /login HTTP/1.1\r\n" HOST "Origin: null\r\nContent-Length: 1\r\n\r\nx", 403},
        {"GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n", 421},
        {"\x01\x02\x03\r\n\r\n", 0}, /* closed without a word */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *answer = ask("%s", rows[i].request);
        bool good = rows[i].status == 0 ? *answer == '\0' : has_status(answer, rows[i].status);
        if (!good) {
            fail_msg("row %zu: want %d, got:\n%s", i, rows[i].status, answer);
        }
    }
}

static void request__beyond_a_limit__is_refused(void **state)
{
    static char much[65536 + 2000];

    (void)state;
    memset(much, 'a', sizeof much - 1);
    much[40000] = '\0';
    assert_answer(ask("GET /hello HTTP/1.1\r\n" HOST "X: %s\r\n\r\n", much), 431, "");
    much[40000] = 'a';
    much[HTTP_BODY_BYTES_MAX] = '\0';
    assert_answer(ask("POST /login HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n%s",
                      HTTP_BODY_BYTES_MAX, much),
        200, "- 65536 aaa");
    much[HTTP_BODY_BYTES_MAX] = 'a';
    much[HTTP_BODY_BYTES_MAX + 1] = '\0';
    assert_answer(ask("POST /login HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n%s",
                      HTTP_BODY_BYTES_MAX + 1, much),
        413, "the body may have");
}

/* A byte now and then keeps libmicrohttpd's own limit of idle time away. */
static void connection__that_never_comes_to_the_end__is_closed(void **state)
{
    struct buf answer = {0};

    (void)state;
    int fd = client_open();
    assert_int_equal(send(fd, "GET /hel", 8, MSG_NOSIGNAL), 8);
    for (int i = 0; i < 50; i++) {
        http_serve(server);
    }
    assert_true(http_due_ms(server) <= mono_ms + HTTP_REQUEST_MS_MAX);
    mono_ms += HTTP_REQUEST_MS_MAX;
    assert_int_equal(send(fd, "l", 1, MSG_NOSIGNAL), 1);
    client_read(fd, &answer);
    assert_int_equal(answer.len, 1); /* closed, nothing said */
    buf_free(&answer);
    (void)close(fd);
}

static void connections__more_than_the_limit__wait_and_others_are_served_after(void **state)
{
    int fds[CLIENTS_MANY];

    (void)state;
    for (int i = 0; i < CLIENTS_MANY; i++) {
        fds[i] = client_open();
        http_serve(server);
    }
    for (int i = 0; i < CLIENTS_MANY; i++) {
        (void)close(fds[i]);
    }
    assert_answer(ask("GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200, "hello you");
}

static void port__taken_already__is_told(void **state)
{
    struct http_options options = {.world = &world};
    struct complaint why = {0};
    http_server_t *second = NULL;

    (void)state;
    assert_int_equal(http_address_parse("metrics", http_bound(server), &options.address, &why), 0);
    assert_int_equal(http_open(&options, &second, &why), E_EXISTS);
    assert_non_null(strstr(why.text, "another program has the port"));
}

static void address__of_every_form__is_read_or_refused(void **state)
{
    static const struct {
        const char *text;
        int rc;
        bool loopback;
        uint16_t port;
    } rows[] = {
        {"127.0.0.1:9100", 0, true, 9100},
        {"127.9.9.9:1", 0, true, 1},
        {"[::1]:9100", 0, true, 9100},
        {"[::]:9100", 0, false, 9100},
        {"0.0.0.0:65535", 0, false, 65535},
        {"127.0.0.1:*", 0, true, 0},
        {"127.0.0.1", E_CONFIG, false, 0},
        {"127.0.0.1:0", E_CONFIG, false, 0},
        {"127.0.0.1:65536", E_CONFIG, false, 0},
        {"127.0.0.1:9100x", E_CONFIG, false, 0},
        {"localhost:9100", E_CONFIG, false, 0},
        {"::1:9100", E_CONFIG, false, 0},
        {"[::1:9100", E_CONFIG, false, 0},
        {":9100", E_CONFIG, false, 0},
        {"", E_CONFIG, false, 0},
    };
    struct complaint why;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_address got = {.port = 0};
        if (http_address_parse("metrics", rows[i].text, &got, &why) != rows[i].rc ||
            got.loopback != rows[i].loopback || got.port != rows[i].port) {
            fail_msg("row %zu: \"%s\"", i, rows[i].text);
        }
    }
}

int main(void)
{
#define HTTP_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        HTTP_TEST(page__asked_for__is_answered_with_safe_headers),
        HTTP_TEST(page__asked_by_head__has_no_body),
        HTTP_TEST(page__below_a_folder__has_its_path),
        HTTP_TEST(form__sent__reaches_its_route_with_its_cookie),
        HTTP_TEST(news__told__reach_a_stream_as_they_come),
        HTTP_TEST(stream__without_news__ends_in_time_and_not_before),
        HTTP_TEST(streams__more_than_the_limit__are_refused_until_one_leaves),
        HTTP_TEST(stream__that_takes_nothing__is_closed),
        HTTP_TEST(request__nonsense__is_refused_with_one_sentence),
        HTTP_TEST(request__beyond_a_limit__is_refused),
        HTTP_TEST(connection__that_never_comes_to_the_end__is_closed),
        HTTP_TEST(connections__more_than_the_limit__wait_and_others_are_served_after),
        HTTP_TEST(port__taken_already__is_told),
        cmocka_unit_test(address__of_every_form__is_read_or_refused),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
