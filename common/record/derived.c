/*
 * derived: see derived.h. What cannot be read is E_CORRUPT; nothing else fails.
 */
#include "common/record/derived.h"

#include <stdio.h>
#include <string.h>

#include "common/base/banned.h"

int derived_walk(arena_t *arena, struct slice body,
    int (*visit)(void *context, const Waypost__Derived *derived), void *context)
{
    arena_reset(arena);
    const Waypost__Derived *derived = message_decode(arena, &waypost__derived__descriptor, body);

    return derived == NULL ? E_CORRUPT : visit(context, derived);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

const char *derived_word(int kind, char *text)
{
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&waypost__system_kind__descriptor, kind);

    (void)snprintf(text, DERIVED_WORD_BYTES, "%s", value == NULL ? "unknown" : value->name);
    for (char *at = text; *at != '\0'; at++) {
        *at = lower(*at);
    }
    return text;
}

int derived_number(const char *word)
{
    char text[DERIVED_WORD_BYTES];

    for (unsigned i = 0; i < waypost__system_kind__descriptor.n_values; i++) {
        int number = waypost__system_kind__descriptor.values[i].value;
        if (strcmp(derived_word(number, text), word) == 0) {
            return number;
        }
    }
    return 0;
}

bool derived_by_engine(int kind)
{
    return kind >= WAYPOST__SYSTEM_KIND__DUPLICATE_IGNORED &&
        kind <= WAYPOST__SYSTEM_KIND__ERASURE_CONFIRMED;
}

bool derived_said_by_engine(const Waypost__Derived *derived)
{
    return derived_by_engine((int)derived->kind) && derived->by == NULL;
}

const char *derived_detail(const char *detail, const char *name, size_t *len)
{
    size_t name_len = strlen(name);

    for (const char *at = detail; at != NULL && *at != '\0';) {
        if (strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
            *len = strcspn(at + name_len + 1, " ");
            return at + name_len + 1;
        }
        at = strchr(at, ' ');
        at = at == NULL ? NULL : at + 1;
    }
    *len = 0;
    return NULL;
}
