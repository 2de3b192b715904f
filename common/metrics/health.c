/* health: see health.h. Cannot fail. */
#include "common/metrics/health.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/banned.h"

enum { SENTENCE_BYTES = 320 };

static void put_text(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            buf_put_u8(out, '\\');
        }
        buf_put_u8(out, byte < ' ' ? ' ' : byte);
    }
}

void health_begin(struct health *self, const char *program, struct http_reply *reply)
{
    *self = (struct health){.reply = reply};
    reply->type = "application/json";
    buf_clear(&reply->body);
    buf_put_text(&reply->body, "{\"program\": \"%s\", \"checks\": [", program);
}

void health_check(struct health *self, const char *check, bool good, const char *format, ...)
{
    struct buf *out = &self->reply->body;
    char text[SENTENCE_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_put_text(out, "%s\n  {\"check\": \"%s\", \"good\": %s, \"text\": \"",
        self->count == 0 ? "" : ",", check, good ? "true" : "false");
    put_text(out, text);
    buf_put_text(out, "\"}");
    self->count++;
    self->bad = self->bad || !good;
}

void health_end(struct health *self)
{
    buf_put_text(&self->reply->body, "\n], \"healthy\": %s}\n", self->bad ? "false" : "true");
    self->reply->status = self->bad ? 503 : 200;
}
