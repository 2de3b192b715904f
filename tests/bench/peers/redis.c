/*
 * redis: a stream for each recipient with one consumer group. Confirmed is the answer of XADD, settled that of XACK.
 * A malformed answer fails the run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers/peer.h"
#include "common/base/banned.h"

enum { TAKE_COUNT = 500, DEPTH_MAX = 8 };

static void put_word(struct buf *out, const char *word)
{
    buf_put_text(out, "$%zu\r\n%s\r\n", strlen(word), word);
}

static void put_stream_name(struct buf *out, uint32_t recipient)
{
    char name[16];
    snprintf(name, sizeof name, "q%u", recipient);
    put_word(out, name);
}

static void put_read(struct link *link)
{
    buf_put_text(&link->out, "*11\r\n");
    static const char *const words[] = {"XREADGROUP", "GROUP", "g", "c", "COUNT"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        put_word(&link->out, words[i]);
    }
    char count[16];
    snprintf(count, sizeof count, "%d", TAKE_COUNT);
    put_word(&link->out, count);
    put_word(&link->out, "BLOCK");
    put_word(&link->out, "0");
    put_word(&link->out, "STREAMS");
    put_stream_name(&link->out, link->index);
    put_word(&link->out, ">");
}

static void redis_greet(struct link *link)
{
    link->ready = true;
    if (link->role == LINK_CONSUMER) {
        put_read(link);
    }
}

/* One value of RESP2: its first byte, its number (length, count or integer), where its text begins; -1 for incomplete. */
struct value {
    char type;
    long number;
    struct slice text;
};

static int take_value(struct cursor *in, struct value *out)
{
    const uint8_t *end = in->rest.len == 0 ? NULL : memchr(in->rest.data, '\n', in->rest.len);
    if (end == NULL) {
        return -1;
    }
    size_t line = (size_t)(end - in->rest.data) + 1;
    out->type = (char)in->rest.data[0];
    out->number = strtol((const char *)in->rest.data + 1, NULL, 10);
    out->text = slice_of(in->rest.data + 1, line < 3 ? 0 : line - 3);
    take_bytes(in, line);
    if (out->type == '$' && out->number >= 0) {
        out->text = take_bytes(in, (size_t)out->number);
        take_bytes(in, 2);
    }
    return in->failed ? -1 : 0;
}

/* Is a whole answer there? */
static int skip_answer(struct cursor *in, int depth)
{
    struct value value;
    if (depth > DEPTH_MAX || take_value(in, &value) != 0) {
        return -1;
    }
    for (long i = 0; value.type == '*' && i < value.number; i++) {
        if (skip_answer(in, depth + 1) != 0) {
            return -1;
        }
    }
    return 0;
}

/* [[stream, [[id, [field, payload]], ...]]]: hand each payload on, acknowledge all with one command. */
static void take_entries(struct link *link, struct cursor in, struct arrivals *arrivals)
{
    struct value value;
    take_value(&in, &value); /* streams */
    take_value(&in, &value); /* pair */
    take_value(&in, &value); /* name */
    take_value(&in, &value); /* entries */
    long count = value.number;
    buf_put_text(&link->out, "*%ld\r\n", count + 3);
    put_word(&link->out, "XACK");
    put_stream_name(&link->out, link->index);
    put_word(&link->out, "g");
    for (long i = 0; i < count; i++) {
        take_value(&in, &value); /* pair */
        take_value(&in, &value); /* id */
        buf_put_text(&link->out, "$%ld\r\n%.*s\r\n", value.number, (int)value.text.len,
            (const char *)value.text.data);
        take_value(&in, &value); /* fields */
        take_value(&in, &value);
        take_value(&in, &value);
        if (arrivals->seen != NULL) {
            arrivals->seen(arrivals->context, value.text);
        }
    }
    arrivals->delivered += (uint64_t)count;
    put_read(link);
}

static void redis_take(struct link *link, struct arrivals *arrivals)
{
    for (;;) {
        struct cursor whole = cursor_of(link_input(link));
        struct cursor first = whole;
        struct value value;
        if (whole.rest.len == 0 || skip_answer(&whole, 0) != 0) {
            return;
        }
        take_value(&first, &value);
        if (value.type == '-') {
            fprintf(stderr, "redis: %.*s\n", (int)value.text.len, (const char *)value.text.data);
            arrivals->failed = true;
            return;
        }
        if (value.type == '*' && value.number > 0) {
            take_entries(link, cursor_of(link_input(link)), arrivals);
        } else if (link->role == LINK_PRODUCER) {
            arrivals->confirmed++;
        } else {
            arrivals->settled += value.type == ':' ? (uint64_t)value.number : 1;
        }
        link->used = link->in.len - whole.rest.len;
    }
}

static void redis_publish(struct link *link, uint32_t recipient, struct slice payload)
{
    buf_put_text(&link->out, "*5\r\n");
    put_word(&link->out, "XADD");
    put_stream_name(&link->out, recipient);
    put_word(&link->out, "*");
    put_word(&link->out, "p");
    buf_put_text(&link->out, "$%zu\r\n", payload.len);
    buf_put_slice(&link->out, payload);
    buf_put(&link->out, "\r\n", 2);
}

static void redis_make(struct link *link, uint32_t recipient)
{
    buf_put_text(&link->out, "*6\r\n");
    put_word(&link->out, "XGROUP");
    put_word(&link->out, "CREATE");
    put_stream_name(&link->out, recipient);
    put_word(&link->out, "g");
    put_word(&link->out, "$");
    put_word(&link->out, "MKSTREAM");
}

const struct protocol redis_protocol = {.name = "redis",
    .greet = redis_greet,
    .take = redis_take,
    .publish = redis_publish,
    .make = redis_make};
