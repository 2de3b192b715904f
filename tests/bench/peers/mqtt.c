/*
 * mqtt: Mosquitto, QoS 1 both ways, a session that outlives its connection for each recipient. Confirmed is PUBACK of
 * the server, which says that it has the message in memory; an acknowledgement of a consumer has no answer.
 */
#include <stdio.h>
#include <string.h>

#include "tests/bench/peers/peer.h"
#include "common/base/banned.h"

enum { CONNACK = 2, PUBLISH = 3, PUBACK = 4, SUBACK = 9 };

static void put_big16(struct buf *out, size_t value)
{
    buf_put_u8(out, (uint8_t)(value >> 8));
    buf_put_u8(out, (uint8_t)value);
}

static void put_text(struct buf *out, const char *text)
{
    put_big16(out, strlen(text));
    buf_put(out, text, strlen(text));
}

/* Client id: owners connect as the recipient whose session they make, and leave. */
static void mqtt_connect(struct link *link)
{
    char id[32];
    snprintf(id, sizeof id, "%c%u", link->role == LINK_PRODUCER ? 'p' : 'c', link->index);
    buf_put_u8(&link->out, 0x10);
    buf_put_varint(&link->out, 10 + 2 + strlen(id));
    put_text(&link->out, "MQTT");
    buf_put_u8(&link->out, 4);
    buf_put_u8(&link->out, link->role == LINK_PRODUCER ? 2 : 0); /* clean session or kept */
    put_big16(&link->out, 0);                                    /* no keep-alive */
    put_text(&link->out, id);
}

static void mqtt_subscribe(struct link *link)
{
    char topic[32];
    snprintf(topic, sizeof topic, "w/%u", link->index);
    buf_put_u8(&link->out, 0x82);
    buf_put_varint(&link->out, 2 + 2 + strlen(topic) + 1);
    put_big16(&link->out, 1);
    put_text(&link->out, topic);
    buf_put_u8(&link->out, 1);
}

static void mqtt_take_publish(struct link *link, struct slice packet, struct arrivals *arrivals)
{
    size_t topic = (size_t)packet.data[0] << 8 | packet.data[1];
    const uint8_t *id = packet.data + 2 + topic;
    buf_put(&link->out, "\x40\x02", 2);
    buf_put(&link->out, id, 2);
    arrivals->delivered++;
    arrivals->settled++;
    if (arrivals->seen != NULL) {
        arrivals->seen(arrivals->context, slice_of(id + 2, packet.len - topic - 4));
    }
}

static void mqtt_packet(struct link *link, int type, struct slice packet, struct arrivals *arrivals)
{
    if (type == CONNACK) {
        arrivals->failed = packet.len < 2 || packet.data[1] != 0;
        link->ready = link->role == LINK_PRODUCER;
        if (!link->ready) {
            mqtt_subscribe(link);
        }
    } else if (type == SUBACK) {
        link->ready = true;
        arrivals->settled += link->role == LINK_OWNER;
    } else if (type == PUBACK) {
        arrivals->confirmed++;
    } else if (type == PUBLISH) {
        mqtt_take_publish(link, packet, arrivals);
    }
}

static void mqtt_take(struct link *link, struct arrivals *arrivals)
{
    for (;;) {
        struct cursor in = cursor_of(link_input(link));
        int type = take_u8(&in) >> 4;
        uint64_t size = take_varint(&in);
        struct slice packet = take_bytes(&in, (size_t)size);
        if (in.failed) {
            return;
        }
        mqtt_packet(link, type, packet, arrivals);
        link->used = link->in.len - in.rest.len;
    }
}

static void mqtt_publish(struct link *link, uint32_t recipient, struct slice payload)
{
    char topic[32];
    snprintf(topic, sizeof topic, "w/%u", recipient);
    buf_put_u8(&link->out, 0x32);
    buf_put_varint(&link->out, 2 + strlen(topic) + 2 + payload.len);
    put_text(&link->out, topic);
    link->counter = link->counter % 65535 + 1;
    put_big16(&link->out, (size_t)link->counter);
    buf_put_slice(&link->out, payload);
}

const struct protocol mqtt_protocol = {.name = "mosquitto",
    .greet = mqtt_connect,
    .take = mqtt_take,
    .publish = mqtt_publish,
    .make = NULL};
