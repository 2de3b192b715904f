/*
 * names: what authorities are called. A register that cannot be had or read leaves the codes as they are.
 */
#include "client/cli/names.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "client/lib/waypost.h"
#include "common/base/bytes.h"
#include "common/base/words.h"
#include "common/codec/limits.h"
#include "register.pb-c.h"
#include "common/base/banned.h"

struct names {
    Waypost__Register *book; /* owned; NULL where there is none */
};

static Waypost__Register *book_unpack(const uint8_t *bytes, size_t len)
{
    Waypost__SignedRegister *whole = waypost__signed_register__unpack(NULL, len, bytes);
    if (whole == NULL) {
        return NULL;
    }
    Waypost__Register *book =
        waypost__register__unpack(NULL, whole->register_.len, whole->register_.data);
    waypost__signed_register__free_unpacked(whole, NULL);
    return book;
}

static Waypost__Register *book_of(const char *answer)
{
    json_t *parsed = json_loads(answer, 0, NULL);
    const char *base64 = json_string_value(json_object_get(parsed, "register"));
    Waypost__Register *book = NULL;
    if (base64 != NULL && strlen(base64) <= REGISTER_BYTES_MAX * 2) {
        size_t len = 0;
        size_t max = strlen(base64);
        uint8_t *bytes = mem_new(max + 1, 1);
        if (sodium_base642bin(
                bytes, max, base64, max, "\n", &len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0) {
            book = book_unpack(bytes, len);
        }
        free(bytes);
    }
    json_decref(parsed);
    return book;
}

names_t *names_load(struct cli *cli)
{
    names_t *self = mem_new(1, sizeof *self);
    wp_agent_t *agent = wp_agent_new(cli->socket);
    char *answer = NULL;
    if (wp_call(agent, "{\"op\": \"register\"}", &answer) == WP_OK) {
        self->book = book_of(answer);
        wp_free(answer);
    }
    wp_agent_destroy(&agent);
    return self;
}

void names_destroy(names_t **self_p)
{
    names_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    if (self->book != NULL) {
        waypost__register__free_unpacked(self->book, NULL);
    }
    free(self);
    *self_p = NULL;
}

bool names_empty(const names_t *self)
{
    return self->book == NULL || self->book->n_authorities == 0;
}

static const Waypost__Authority *authority_of(const names_t *self, const char *code)
{
    for (size_t i = 0; self->book != NULL && i < self->book->n_authorities; i++) {
        if (strcmp(self->book->authorities[i]->code, code) == 0) {
            return self->book->authorities[i];
        }
    }
    return NULL;
}

const char *names_of(const names_t *self, const char *code)
{
    const Waypost__Authority *authority = authority_of(self, code);
    return authority == NULL ? code : authority->name;
}

const char *names_full(const names_t *self, const char *code, char *text, size_t size)
{
    const Waypost__Authority *authority = authority_of(self, code);
    if (authority == NULL) {
        snprintf(text, size, "%s", code);
    } else {
        snprintf(text, size, "%s (%s)", authority->name, authority->code);
    }
    return text;
}

const char *names_code(const names_t *self, const char *name_or_code)
{
    const Waypost__Authority *authority = authority_of(self, name_or_code);
    for (size_t i = 0; authority == NULL && self->book != NULL && i < self->book->n_authorities;
         i++) {
        if (strcasecmp(self->book->authorities[i]->name, name_or_code) == 0) {
            authority = self->book->authorities[i];
        }
    }
    return authority == NULL ? NULL : authority->code;
}

/* Names first, then codes. */
static const char *word_at(const void *known, size_t index)
{
    const Waypost__Register *book = known;
    if (index < book->n_authorities) {
        return book->authorities[index]->name;
    }
    index -= book->n_authorities;
    return index < book->n_authorities ? book->authorities[index]->code : NULL;
}

const char *names_nearest(const names_t *self, const char *name_or_code, char *text, size_t size)
{
    const char *near = self->book == NULL ? NULL : words_nearest(name_or_code, word_at, self->book);
    const char *code = near == NULL ? NULL : names_code(self, near);
    if (code == NULL) {
        return NULL;
    }
    snprintf(text, size, "%s (%s)", code, names_of(self, code));
    return text;
}
