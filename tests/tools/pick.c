/*
 * pick: take values out of JSON for shell tests.
 *
 *   pick PATH [MEMBER...]   reads documents from standard input, one after another
 *
 * PATH is made of names and positions parted by dots ("events.0.state"); "." is the document
 * itself. Where it leads to an array,
 * each element is one line, else the value is the only line. MEMBERs (paths below the element) are printed with tabs between
 * them; an absent one is empty. Texts are printed as they are, everything else as compact JSON; "PATH.#" counts elements.
 * Exit 1 where a document cannot be parsed, or PATH leads nowhere in every document.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/base/banned.h"

static const json_t *member_of(const json_t *value, const char *name, size_t len)
{
    char text[128];
    if (len >= sizeof text) {
        return NULL;
    }
    memcpy(text, name, len);
    text[len] = '\0';
    if (json_is_array(value)) {
        char *end = NULL;
        unsigned long index = strtoul(text, &end, 10);
        return *end == '\0' ? json_array_get(value, index) : NULL;
    }
    return json_object_get(value, text);
}

/* Follow a path; NULL where it leads nowhere. *count is set where it ends in "#". */
static const json_t *follow(const json_t *value, const char *path, bool *count)
{
    *count = false;
    while (value != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");
        if (len == 1 && path[0] == '#') {
            *count = true;
        } else if (len > 0) {
            value = member_of(value, path, len);
        }
        path += len;
        path += *path == '.' ? 1 : 0;
    }
    return value;
}

static void print_value(const json_t *value, bool count)
{
    if (value == NULL) {
        return;
    }
    if (count) {
        printf("%zu", json_is_array(value) ? json_array_size(value) : json_object_size(value));
    } else if (json_is_string(value)) {
        fputs(json_string_value(value), stdout);
    } else {
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        fputs(text == NULL ? "" : text, stdout);
        free(text);
    }
}

static void print_line(const json_t *element, int member_count, char **members)
{
    if (member_count == 0) {
        print_value(element, false);
    }
    for (int i = 0; i < member_count; i++) {
        bool count = false;
        const json_t *value = follow(element, members[i], &count);
        if (i > 0) {
            putchar('\t');
        }
        print_value(value, count);
    }
    putchar('\n');
}

/* Print what the path leads to in one document; false where it leads nowhere. */
static bool print_document(const json_t *document, int argc, char **argv)
{
    bool count = false;
    const json_t *value = follow(document, argv[1], &count);
    if (value == NULL) {
        return false;
    }
    if (count) {
        print_value(value, true);
        putchar('\n');
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            print_line(json_array_get(value, i), argc - 2, argv + 2);
        }
    } else {
        print_line(value, argc - 2, argv + 2);
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "pick: write: pick PATH [MEMBER...] < JSON\n");
        return 2;
    }
    bool found = false;
    for (;;) {
        int next = getchar();
        if (next == ' ' || next == '\n') {
            continue;
        }
        if (next == EOF) {
            return found ? 0 : 1;
        }
        ungetc(next, stdin);
        json_error_t error;
        json_t *document = json_loadf(stdin, JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, &error);
        if (document == NULL) {
            fprintf(stderr, "pick: line %d: %s\n", error.line, error.text);
            return 1;
        }
        found = print_document(document, argc, argv) || found;
        json_decref(document);
    }
}
