/*
 * message: see message.h. What is wrong is said in the complaint; nothing is kept then.
 */
#include "common/procedure/message.h"

#include <string.h>

#include "common/base/banned.h"

enum { PROFILES_MAX = 64 };

#define PROFILE_PREFIX "profiles/"

struct files {
    struct procedures_source source;
    struct slice profiles[PROFILES_MAX];
    const char *names[PROFILES_MAX];
};

static struct slice *table_named(struct procedures_source *source, const char *name)
{
    const struct {
        const char *name;
        struct slice *slice;
    } tables[] = {
        {"procedures/kinds.tsv", &source->kinds},
        {"procedures/clocks.tsv", &source->clocks},
        {"procedures/rules.tsv", &source->rules},
        {"procedures/system-kinds.tsv", &source->system_kinds},
        {"register/bank-holidays.json", &source->bank_holidays},
        {"register/authorities.csv", &source->authorities},
        {"register/successions.tsv", &source->successions},
    };

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (strcmp(tables[i].name, name) == 0) {
            return tables[i].slice;
        }
    }
    return NULL;
}

static int files_add(struct files *self, const Waypost__NamedFile *file, struct complaint *why)
{
    struct slice *table = table_named(&self->source, file->name);

    if (table != NULL) {
        *table = slice_of(file->bytes.data, file->bytes.len);
        return 0;
    }
    if (strncmp(file->name, PROFILE_PREFIX, strlen(PROFILE_PREFIX)) != 0) {
        return complain(
            why, E_NOT_FOUND, "%.80s is none of the files that make the procedures.", file->name);
    }
    if (self->source.profile_count == PROFILES_MAX) {
        return complain(why, E_FULL, "More than %d profiles.", PROFILES_MAX);
    }
    size_t at = self->source.profile_count++;
    self->profiles[at] = slice_of(file->bytes.data, file->bytes.len);
    self->names[at] = file->name + strlen(PROFILE_PREFIX);
    return 0;
}

int procedures_message_load(
    arena_t *arena, struct slice bytes, procedures_t **out, struct complaint *why)
{
    struct files files = {.source = {.profile_count = 0}};
    int rc = 0;

    const Waypost__ProcedureFiles *message =
        message_decode(arena, &waypost__procedure_files__descriptor, bytes);
    if (message == NULL || message->n_files == 0) {
        return complain(why, E_MALFORMED, "The set of procedure files cannot be read.");
    }
    for (size_t i = 0; rc == 0 && i < message->n_files; i++) {
        rc = files_add(&files, message->files[i], why);
    }
    files.source.profiles = files.profiles;
    files.source.profile_names = files.names;
    return rc != 0 ? rc : procedures_load(&files.source, out, why);
}
