/*
 * amqp: RabbitMQ, a quorum queue for each recipient, publisher confirms, prefetch 500, one acknowledgement for all that
 * came together. Confirmed is basic.ack of the server; an acknowledgement of a consumer has no answer. A closed channel
 * fails the run.
 */
#include <stdio.h>
#include <string.h>

#include "tests/bench/peers/peer.h"
#include "common/base/banned.h"

enum {
    FRAME_METHOD = 1,
    FRAME_HEADER = 2,
    FRAME_BODY = 3,
    FRAME_END = 0xce,
    FRAME_HEAD_BYTES = 7,
    FRAME_MAX = 131072,
    PREFETCH = 500,
};

/* Methods as class << 16 | method. */
enum {
    CONNECTION_START = 10 << 16 | 10,
    CONNECTION_START_OK = 10 << 16 | 11,
    CONNECTION_TUNE = 10 << 16 | 30,
    CONNECTION_TUNE_OK = 10 << 16 | 31,
    CONNECTION_OPEN = 10 << 16 | 40,
    CONNECTION_OPEN_OK = 10 << 16 | 41,
    CONNECTION_CLOSE = 10 << 16 | 50,
    CHANNEL_OPEN = 20 << 16 | 10,
    CHANNEL_OPEN_OK = 20 << 16 | 11,
    CHANNEL_CLOSE = 20 << 16 | 40,
    QUEUE_DECLARE = 50 << 16 | 10,
    QUEUE_DECLARE_OK = 50 << 16 | 11,
    BASIC_QOS = 60 << 16 | 10,
    BASIC_QOS_OK = 60 << 16 | 11,
    BASIC_CONSUME = 60 << 16 | 20,
    BASIC_PUBLISH = 60 << 16 | 40,
    BASIC_DELIVER = 60 << 16 | 60,
    BASIC_ACK = 60 << 16 | 80,
    BASIC_NACK = 60 << 16 | 120,
    CONFIRM_SELECT = 85 << 16 | 10,
    CONFIRM_SELECT_OK = 85 << 16 | 11,
};

/* ---- big-endian bytes ---- */

static void put_big(struct buf *out, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        buf_put_u8(out, (uint8_t)(value >> (8 * i)));
    }
}

static uint64_t get_big(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

static void put_short_text(struct buf *out, const char *text)
{
    put_big(out, strlen(text), 1);
    buf_put(out, text, strlen(text));
}

static void put_long_text(struct buf *out, const void *text, size_t len)
{
    put_big(out, len, 4);
    buf_put(out, text, len);
}

static size_t frame_begin(struct buf *out, int type, int channel)
{
    put_big(out, (uint64_t)type, 1);
    put_big(out, (uint64_t)channel, 2);
    put_big(out, 0, 4);
    return out->len;
}

static void frame_end(struct buf *out, size_t begun)
{
    size_t len = out->len - begun;
    for (int i = 0; i < 4; i++) {
        out->data[begun - 4 + (size_t)i] = (uint8_t)(len >> (8 * (3 - i)));
    }
    buf_put_u8(out, FRAME_END);
}

static size_t method_begin(struct link *link, int channel, uint32_t method)
{
    size_t begun = frame_begin(&link->out, FRAME_METHOD, channel);
    put_big(&link->out, method, 4);
    return begun;
}

static void put_queue_name(struct buf *out, uint32_t recipient)
{
    char name[16];
    snprintf(name, sizeof name, "q%u", recipient);
    put_short_text(out, name);
}

/* ---- what we say ---- */

static void amqp_greet(struct link *link)
{
    buf_put(&link->out, "AMQP\0\0\x9\x1", 8);
}

static void say_start_ok(struct link *link)
{
    size_t begun = method_begin(link, 0, CONNECTION_START_OK);
    put_big(&link->out, 0, 4); /* no properties */
    put_short_text(&link->out, "PLAIN");
    put_long_text(&link->out, "\0guest\0guest", 12);
    put_short_text(&link->out, "en_US");
    frame_end(&link->out, begun);
}

static void say_tune_ok(struct link *link)
{
    size_t begun = method_begin(link, 0, CONNECTION_TUNE_OK);
    put_big(&link->out, 8, 2);
    put_big(&link->out, FRAME_MAX, 4);
    put_big(&link->out, 0, 2); /* no heartbeat */
    frame_end(&link->out, begun);
    begun = method_begin(link, 0, CONNECTION_OPEN);
    put_short_text(&link->out, "/");
    put_big(&link->out, 0, 2);
    frame_end(&link->out, begun);
}

static void say_channel_open(struct link *link)
{
    size_t begun = method_begin(link, 1, CHANNEL_OPEN);
    put_big(&link->out, 0, 1);
    frame_end(&link->out, begun);
}

static void say_consume(struct link *link)
{
    size_t begun = method_begin(link, 1, BASIC_QOS);
    put_big(&link->out, 0, 4);
    put_big(&link->out, PREFETCH, 2);
    put_big(&link->out, 0, 1);
    frame_end(&link->out, begun);
    begun = method_begin(link, 1, BASIC_CONSUME);
    put_big(&link->out, 0, 2);
    put_queue_name(&link->out, link->index);
    put_short_text(&link->out, "");
    put_big(&link->out, 8, 1); /* no-wait */
    put_big(&link->out, 0, 4);
    frame_end(&link->out, begun);
}

static void say_confirm_select(struct link *link)
{
    size_t begun = method_begin(link, 1, CONFIRM_SELECT);
    put_big(&link->out, 0, 1);
    frame_end(&link->out, begun);
}

static void say_ack(struct link *link, uint64_t tag)
{
    size_t begun = method_begin(link, 1, BASIC_ACK);
    put_big(&link->out, tag, 8);
    put_big(&link->out, 1, 1); /* this and all before */
    frame_end(&link->out, begun);
}

static void amqp_make(struct link *link, uint32_t recipient)
{
    size_t begun = method_begin(link, 1, QUEUE_DECLARE);
    put_big(&link->out, 0, 2);
    put_queue_name(&link->out, recipient);
    put_big(&link->out, 2, 1); /* durable */
    struct buf table = {0};
    put_short_text(&table, "x-queue-type");
    buf_put_u8(&table, 'S');
    put_long_text(&table, "quorum", 6);
    put_long_text(&link->out, table.data, table.len);
    buf_free(&table);
    frame_end(&link->out, begun);
}

static void amqp_publish(struct link *link, uint32_t recipient, struct slice payload)
{
    size_t begun = method_begin(link, 1, BASIC_PUBLISH);
    put_big(&link->out, 0, 2);
    put_short_text(&link->out, "");
    put_queue_name(&link->out, recipient);
    put_big(&link->out, 0, 1);
    frame_end(&link->out, begun);
    begun = frame_begin(&link->out, FRAME_HEADER, 1);
    put_big(&link->out, 60, 2);
    put_big(&link->out, 0, 2);
    put_big(&link->out, payload.len, 8);
    put_big(&link->out, 0x1000, 2); /* delivery mode is there */
    put_big(&link->out, 2, 1);      /* persistent */
    frame_end(&link->out, begun);
    begun = frame_begin(&link->out, FRAME_BODY, 1);
    buf_put_slice(&link->out, payload);
    frame_end(&link->out, begun);
}

/* ---- what comes ---- */

static void ready_or_go_on(struct link *link)
{
    if (link->role == LINK_PRODUCER) {
        say_confirm_select(link);
    } else if (link->role == LINK_CONSUMER) {
        say_consume(link);
    } else {
        link->ready = true;
    }
}

/* Confirmations come one by one, perhaps out of order, or for everything up to a tag. */
static void take_confirm(struct link *link, const uint8_t *arguments, struct arrivals *arrivals)
{
    uint64_t tag = get_big(arguments, 8);
    bool all = (arguments[8] & 1) != 0;
    for (uint64_t t = all ? link->upto + 1 : tag; t <= tag; t++) {
        bool *early = &link->early[t % LINK_WINDOW_MAX];
        arrivals->confirmed += !*early;
        *early = true;
    }
    while (link->early[(link->upto + 1) % LINK_WINDOW_MAX]) {
        link->early[++link->upto % LINK_WINDOW_MAX] = false;
    }
}

static void take_method(struct link *link, struct slice frame, struct arrivals *arrivals)
{
    uint32_t method = (uint32_t)get_big(frame.data, 4);
    const uint8_t *arguments = frame.data + 4;
    switch (method) {
    case CONNECTION_START:
        say_start_ok(link);
        break;
    case CONNECTION_TUNE:
        say_tune_ok(link);
        break;
    case CONNECTION_OPEN_OK:
        say_channel_open(link);
        break;
    case CHANNEL_OPEN_OK:
        ready_or_go_on(link);
        break;
    case CONFIRM_SELECT_OK:
    case BASIC_QOS_OK:
        link->ready = true;
        break;
    case QUEUE_DECLARE_OK:
        arrivals->settled++;
        break;
    case BASIC_ACK:
        take_confirm(link, arguments, arrivals);
        break;
    case BASIC_DELIVER:
        link->upto = get_big(arguments + 1 + arguments[0], 8);
        break;
    case CONNECTION_CLOSE:
    case CHANNEL_CLOSE:
    case BASIC_NACK:
        fprintf(stderr, "rabbitmq: method %u.%u: %.*s\n", method >> 16, method & 0xffff,
            method == BASIC_NACK ? 0 : (int)arguments[2], (const char *)arguments + 3);
        arrivals->failed = true;
        break;
    default:
        break;
    }
}

static void amqp_take(struct link *link, struct arrivals *arrivals)
{
    uint64_t before = arrivals->delivered;
    for (;;) {
        struct slice rest = link_input(link);
        if (rest.len < FRAME_HEAD_BYTES) {
            break;
        }
        size_t size = (size_t)get_big(rest.data + 3, 4);
        if (rest.len < FRAME_HEAD_BYTES + size + 1) {
            break;
        }
        struct slice frame = slice_of(rest.data + FRAME_HEAD_BYTES, size);
        if (rest.data[0] == FRAME_METHOD) {
            take_method(link, frame, arrivals);
        } else if (rest.data[0] == FRAME_BODY) {
            arrivals->delivered++;
            arrivals->settled++;
            if (arrivals->seen != NULL) {
                arrivals->seen(arrivals->context, frame);
            }
        }
        link->used += FRAME_HEAD_BYTES + size + 1;
    }
    if (arrivals->delivered > before) {
        say_ack(link, link->upto);
    }
}

const struct protocol amqp_protocol = {.name = "rabbitmq",
    .greet = amqp_greet,
    .take = amqp_take,
    .publish = amqp_publish,
    .make = amqp_make};
