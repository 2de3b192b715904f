/*
 * nats: one JetStream stream over all subjects, a durable push consumer with explicit acknowledgement for each
 * recipient. Confirmed is the publish acknowledgement; +ACK has no answer. An error of the server fails the run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers/peer.h"
#include "common/base/banned.h"

#define STREAM "W"

static void nats_greet(struct link *link)
{
    buf_put_text(&link->out,
        "CONNECT "
        "{\"verbose\":false,\"pedantic\":false,\"lang\":\"c\",\"version\":\"1\",\"protocol\":1}"
        "\r\n");
    if (link->role == LINK_CONSUMER) {
        buf_put_text(&link->out, "SUB d.%u 1\r\n", link->index);
    } else {
        buf_put_text(&link->out, "SUB _INBOX.%d.%u.* 1\r\n", link->role, link->index);
    }
    buf_put_text(&link->out, "PING\r\n");
}

static void nats_request(struct link *link, const char *subject, const char *body)
{
    buf_put_text(&link->out, "PUB %s _INBOX.%d.%u.1 %zu\r\n%s\r\n", subject, link->role,
        link->index, strlen(body), body);
}

static void nats_make(struct link *link, uint32_t recipient)
{
    char body[512], subject[128];
    if (recipient == 0) {
        nats_request(link, "$JS.API.STREAM.CREATE." STREAM,
            "{\"name\":\"" STREAM "\",\"subjects\":[\"w.*\"],\"storage\":\"file\",\"retention\":"
            "\"limits\",\"discard\":\"new\",\"num_replicas\":1,\"duplicate_window\":0}");
    }
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.DURABLE.CREATE." STREAM ".c%u", recipient);
    snprintf(body, sizeof body,
        "{\"stream_name\":\"" STREAM "\",\"config\":{\"durable_name\":\"c%u\",\"deliver_subject\":"
        "\"d.%u\",\"filter_subject\":\"w.%u\","
        "\"ack_policy\":\"explicit\",\"deliver_policy\":\"all\",\"max_ack_pending\":20000,\"ack_"
        "wait\":30000000000}}",
        recipient, recipient, recipient);
    nats_request(link, subject, body);
}

/* MSG subject sid [reply] size: what the words say; the body follows. */
struct message {
    struct slice reply;
    size_t size;
};

static bool message_parse(struct slice line, struct message *out)
{
    char text[512];
    if (line.len >= sizeof text) {
        return false;
    }
    memcpy(text, line.data, line.len);
    text[line.len] = '\0';
    int at[5] = {0}, count = 0;
    for (size_t i = 0; i < line.len && count < 5; i++) {
        if (text[i] != ' ' && (i == 0 || text[i - 1] == ' ')) {
            at[count++] = (int)i;
        }
    }
    if (count < 4) {
        return false;
    }
    out->reply = count == 5
        ? slice_of(line.data + at[3], (size_t)(strchr(text + at[3], ' ') - (text + at[3])))
        : slice_of(NULL, 0);
    out->size = (size_t)strtoul(text + at[count - 1], NULL, 10);
    return true;
}

static void nats_message(
    struct link *link, const struct message *message, struct slice body, struct arrivals *arrivals)
{
    if (link->role == LINK_CONSUMER) {
        buf_put_text(&link->out, "PUB %.*s 4\r\n+ACK\r\n", (int)message->reply.len,
            (const char *)message->reply.data);
        arrivals->delivered++;
        arrivals->settled++;
        if (arrivals->seen != NULL) {
            arrivals->seen(arrivals->context, body);
        }
        return;
    }
    if (memmem(body.data, body.len, "\"error\"", 7) != NULL) {
        fprintf(stderr, "nats: %.*s\n", (int)body.len, (const char *)body.data);
        arrivals->failed = true;
    }
    arrivals->confirmed += link->role == LINK_PRODUCER;
    arrivals->settled += link->role == LINK_OWNER;
}

static void nats_line(struct link *link, struct slice line, struct arrivals *arrivals)
{
    if (line.len >= 4 && memcmp(line.data, "PING", 4) == 0) {
        buf_put_text(&link->out, "PONG\r\n");
    } else if (line.len >= 4 && memcmp(line.data, "PONG", 4) == 0) {
        link->ready = true;
    } else if (line.len >= 4 && memcmp(line.data, "-ERR", 4) == 0) {
        fprintf(stderr, "nats: %.*s\n", (int)line.len, (const char *)line.data);
        arrivals->failed = true;
    }
}

static void nats_take(struct link *link, struct arrivals *arrivals)
{
    for (;;) {
        struct slice rest = link_input(link);
        const uint8_t *end = rest.len == 0 ? NULL : memchr(rest.data, '\n', rest.len);
        if (end == NULL || end == rest.data) {
            return;
        }
        struct slice line = slice_of(rest.data, (size_t)(end - rest.data) - 1);
        size_t used = line.len + 2;
        struct message message;
        if (line.len > 4 && memcmp(line.data, "MSG ", 4) == 0 && message_parse(line, &message)) {
            if (rest.len < used + message.size + 2) {
                return;
            }
            nats_message(link, &message, slice_of(rest.data + used, message.size), arrivals);
            used += message.size + 2;
        } else {
            nats_line(link, line, arrivals);
        }
        link->used += used;
    }
}

static void nats_publish(struct link *link, uint32_t recipient, struct slice payload)
{
    buf_put_text(&link->out, "PUB w.%u _INBOX.%d.%u.1 %zu\r\n", recipient, link->role, link->index,
        payload.len);
    buf_put_slice(&link->out, payload);
    buf_put(&link->out, "\r\n", 2);
}

const struct protocol nats_protocol = {.name = "nats",
    .greet = nats_greet,
    .take = nats_take,
    .publish = nats_publish,
    .make = nats_make};
