/*
 * rules: see rules.h. Every check returns the first fault with a sentence that names the entry; nothing is logged.
 */
#include "common/register/rules.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/civil.h"
#include "common/codec/event.h"
#include "common/codec/limits.h"
#include "common/base/utf8.h"
#include "common/crypto/keys.h"
#include "common/crypto/sign.h"
#include "common/register/envelope.h"

#include "common/base/banned.h"

enum { KEY_BYTES = 32, WORD_BYTES_MAX = 32, ROLE_NUMBER_MAX = 31 };

enum { SCHEME_BYTES = 6, PORT_DIGITS_MAX = 5, PORT_MAX = 65535 };

/* A register under check, with what the checks of references need. */
struct book {
    const Waypost__Register *message;
    struct complaint *why;
};

static bool is_text(const char *text, size_t min, size_t max)
{
    size_t len = strlen(text);

    if (len < min || len > max || !utf8_valid(slice_of(text, len))) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_word(const char *text, const char *allowed)
{
    size_t len = strlen(text);

    return len >= 1 && len <= WORD_BYTES_MAX && strspn(text, allowed) == len;
}

static bool is_code(const char *text)
{
    return event_code_valid(slice_of_text(text));
}

bool rules_network_valid(const char *name)
{
    return is_word(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
}

static bool port_valid(const char *port, enum endpoint_use use)
{
    size_t digits = strspn(port, "0123456789");
    unsigned number = 0;

    if (use == ENDPOINT_LISTEN && strcmp(port, "*") == 0) {
        return true;
    }
    if (digits > PORT_DIGITS_MAX || port[digits] != '\0') {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        number = number * 10 + (unsigned)(port[i] - '0');
    }
    return number >= 1 && number <= PORT_MAX;
}

/* A quote or # could not be read again from a file that names it. */
bool rules_endpoint_valid(const char *endpoint, enum endpoint_use use)
{
    size_t len = strlen(endpoint);
    const char *host = endpoint + SCHEME_BYTES;

    if (len <= SCHEME_BYTES || len > REGISTER_ENDPOINT_BYTES_MAX ||
        strpbrk(endpoint, "\"'#") != NULL) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (endpoint[i] <= 0x20 || endpoint[i] >= 0x7f) {
            return false;
        }
    }
    if (strncmp(endpoint, "ipc://", SCHEME_BYTES) == 0) {
        return true;
    }
    const char *colon = strrchr(host, ':');
    return strncmp(endpoint, "tcp://", SCHEME_BYTES) == 0 && colon != NULL && colon > host &&
        port_valid(colon + 1, use);
}

/* A name for complaints that cannot itself spoil the line. */
static const char *shown(const char *text)
{
    return is_text(text, 1, REGISTER_NAME_BYTES_MAX) ? text : "(unprintable)";
}

/* ---- authorities ---- */

static int compare_code_to_authority(const void *code, const void *entry)
{
    return strcmp(code, (*(Waypost__Authority *const *)entry)->code);
}

static bool has_authority(const struct book *book, const char *code)
{
    return book->message->n_authorities > 0 &&
        bsearch(code, book->message->authorities, book->message->n_authorities,
            sizeof(Waypost__Authority *), compare_code_to_authority) != NULL;
}

static int check_days(const struct book *book, const Waypost__Authority *authority)
{
    int32_t from = authority->has_from_day ? authority->from_day : CIVIL_DAY_MIN;
    int32_t until = authority->has_until_day ? authority->until_day : CIVIL_DAY_MAX;

    if (from < CIVIL_DAY_MIN || until > CIVIL_DAY_MAX || from >= until) {
        return complain(book->why, E_DATE,
            "authority %s: its first day must lie before the day from which it is no longer in "
            "force",
            authority->code);
    }
    if (authority->n_successors > 0 && !authority->has_until_day) {
        return complain(book->why, E_DATE,
            "authority %s has successors but no day from which they follow", authority->code);
    }
    return 0;
}

static int check_successors(const struct book *book, const Waypost__Authority *authority)
{
    if (authority->n_successors > REGISTER_SUCCESSORS_MAX) {
        return complain(book->why, E_RANGE, "authority %s has more than %d successors",
            authority->code, REGISTER_SUCCESSORS_MAX);
    }
    for (size_t i = 0; i < authority->n_successors; i++) {
        const char *successor = authority->successors[i];
        bool again = strcmp(successor, authority->code) == 0;
        for (size_t j = 0; j < i; j++) {
            again = again || strcmp(successor, authority->successors[j]) == 0;
        }
        if (again) {
            return complain(book->why, E_CODE,
                "authority %s: successor %s is itself or named twice", authority->code,
                shown(successor));
        }
        if (!is_code(successor) || !has_authority(book, successor)) {
            return complain(book->why, E_CODE,
                "authority %s: its successor %s is not in the register; add it, or name none until "
                "it has a code",
                authority->code, shown(successor));
        }
    }
    return 0;
}

static int check_authority_form(const struct book *book, const Waypost__Authority *authority)
{
    const char *dfe = authority->dfe != NULL ? authority->dfe : "000";
    const char *region_code = authority->region_code != NULL ? authority->region_code : "E00000000";
    const char *region = authority->region != NULL ? authority->region : "";
    const char *profile = authority->profile != NULL ? authority->profile : "national";

    if (!is_code(authority->code)) {
        return complain(book->why, E_CODE,
            "\"%s\" is not an authority code: one letter of E, W, S, N and eight digits are needed",
            shown(authority->code));
    }
    if (!is_text(authority->name, 1, REGISTER_NAME_BYTES_MAX) ||
        !is_text(region, 0, REGISTER_NAME_BYTES_MAX)) {
        return complain(book->why, E_UTF8,
            "authority %s: name and region must be text of at most %d bytes without control "
            "characters",
            authority->code, REGISTER_NAME_BYTES_MAX);
    }
    if (strlen(dfe) != 3 || strspn(dfe, "0123456789") != 3) {
        return complain(book->why, E_RANGE, "authority %s: its DfE number is not three digits",
            authority->code);
    }
    if (!is_code(region_code)) {
        return complain(
            book->why, E_CODE, "authority %s: its region code is malformed", authority->code);
    }
    if (!is_word(profile, "abcdefghijklmnopqrstuvwxyz0123456789-")) {
        return complain(book->why, E_RANGE,
            "authority %s: its profile is not a name of a-z, 0-9 and hyphen", authority->code);
    }
    return 0;
}

static int check_authorities(const struct book *book)
{
    const Waypost__Register *message = book->message;
    int rc = 0;

    for (size_t i = 0; i < message->n_authorities && rc == 0; i++) {
        rc = check_authority_form(book, message->authorities[i]);
        if (rc == 0 && i > 0 &&
            strcmp(message->authorities[i - 1]->code, message->authorities[i]->code) >= 0) {
            rc = complain(book->why, E_CODE,
                "authority %s stands twice or out of order; sort them by code",
                message->authorities[i]->code);
        }
    }
    for (size_t i = 0; i < message->n_authorities && rc == 0; i++) {
        rc = check_days(book, message->authorities[i]);
        if (rc == 0) {
            rc = check_successors(book, message->authorities[i]);
        }
    }
    return rc;
}

/* ---- agents ---- */

static bool has_role(const Waypost__Agent *agent, Waypost__Role role)
{
    for (size_t i = 0; i < agent->n_roles; i++) {
        if (agent->roles[i] == role) {
            return true;
        }
    }
    return false;
}

static bool has_key_for(const Waypost__Agent *agent, Waypost__KeyUse use)
{
    for (size_t i = 0; i < agent->n_keys; i++) {
        if (agent->keys[i]->use == use) {
            return true;
        }
    }
    return false;
}

static int check_roles(const struct book *book, const Waypost__Agent *agent)
{
    bool authority = has_role(agent, WAYPOST__ROLE__AUTHORITY);

    if (agent->n_roles < 1 || agent->n_roles > ROLE_NUMBER_MAX) {
        return complain(book->why, E_RANGE,
            "agent %s has no role, or too many; give it authority, hub or operator", agent->id);
    }
    for (size_t i = 0; i < agent->n_roles; i++) {
        if ((int)agent->roles[i] < 1 || (int)agent->roles[i] > ROLE_NUMBER_MAX) {
            return complain(book->why, E_RANGE, "agent %s has a role that there is not (%d)",
                agent->id, (int)agent->roles[i]);
        }
    }
    if (authority != (agent->code != NULL && agent->code[0] != '\0')) {
        return complain(book->why, E_CODE,
            "agent %s: an agent of an authority has that authority's code, and no other agent has "
            "one",
            agent->id);
    }
    if (authority ? strcmp(agent->id, agent->code) != 0 : is_code(agent->id)) {
        return complain(book->why, E_ID,
            "agent %s: an authority's agent bears the authority's code as its id, and no other "
            "agent does",
            agent->id);
    }
    if (has_role(agent, WAYPOST__ROLE__HUB) != (agent->n_regions > 0)) {
        return complain(book->why, E_RANGE,
            "agent %s: a hub has at least one region (or *), and no other agent has one",
            agent->id);
    }
    if (agent->n_acts_for > 0 && !authority) {
        return complain(book->why, E_CODE,
            "agent %s acts for an authority but is no authority's agent", agent->id);
    }
    return 0;
}

static int check_key(const struct book *book, const Waypost__Agent *agent, const Waypost__Key *key)
{
    static const uint8_t zero[KEY_BYTES];

    if (key->key.len != KEY_BYTES || memcmp(key->key.data, zero, KEY_BYTES) == 0 ||
        (int)key->use < 1) {
        return complain(
            book->why, E_KEY, "agent %s has a key that is not 32 bytes for a known use", agent->id);
    }
    if (!event_time_valid(key->from_ms) || (key->has_to_ms && key->to_ms <= key->from_ms) ||
        (key->has_to_ms && !event_time_valid(key->to_ms)) ||
        (key->has_revoked_ms && !event_time_valid(key->revoked_ms)) ||
        (key->has_compromised_since_ms && !event_time_valid(key->compromised_since_ms))) {
        return complain(book->why, E_DATE,
            "agent %s has a key whose times cannot be; the end must lie after the beginning",
            agent->id);
    }
    return 0;
}

static int check_keys(const struct book *book, const Waypost__Agent *agent)
{
    bool complete =
        has_key_for(agent, WAYPOST__KEY_USE__CURVE) && has_key_for(agent, WAYPOST__KEY_USE__SIGN);
    int rc = 0;

    if (agent->n_keys > REGISTER_AGENT_KEYS_MAX) {
        return complain(book->why, E_RANGE, "agent %s has %zu keys, above the limit of %d",
            agent->id, agent->n_keys, REGISTER_AGENT_KEYS_MAX);
    }
    if (has_role(agent, WAYPOST__ROLE__AUTHORITY)) {
        complete = complete && has_key_for(agent, WAYPOST__KEY_USE__SEAL);
    }
    if (!complete) {
        return complain(book->why, E_KEY,
            "agent %s lacks a key: each needs curve and sign, an authority's also seal; give its "
            "card",
            agent->id);
    }
    for (size_t i = 0; i < agent->n_keys && rc == 0; i++) {
        rc = check_key(book, agent, agent->keys[i]);
    }
    return rc;
}

static int check_regions(const struct book *book, const Waypost__Agent *agent)
{
    if (agent->n_regions > REGISTER_REGIONS_MAX || agent->n_acts_for > REGISTER_ACTS_FOR_MAX) {
        return complain(book->why, E_RANGE, "agent %s: at most %d regions and %d codes to act for",
            agent->id, REGISTER_REGIONS_MAX, REGISTER_ACTS_FOR_MAX);
    }
    for (size_t i = 0; i < agent->n_regions; i++) {
        if (strcmp(agent->regions[i], "*") != 0 && !is_code(agent->regions[i])) {
            return complain(book->why, E_CODE, "agent %s: \"%s\" is neither a region code nor *",
                agent->id, shown(agent->regions[i]));
        }
    }
    return 0;
}

static int check_agent(const struct book *book, const Waypost__Agent *agent)
{
    if (!keys_id_valid(agent->id)) {
        return complain(book->why, E_ID,
            "\"%s\" is not an agent id: 1 to %d of A-Z, a-z, 0-9 and hyphen", shown(agent->id),
            AGENT_ID_BYTES_MAX);
    }
    int rc = check_roles(book, agent);
    if (rc == 0) {
        rc = check_regions(book, agent);
    }
    if (rc == 0) {
        rc = check_keys(book, agent);
    }
    if (rc == 0 && agent->has_revoked_ms && !event_time_valid(agent->revoked_ms)) {
        rc =
            complain(book->why, E_DATE, "agent %s was revoked at a time that cannot be", agent->id);
    }
    return rc;
}

/* ---- one code, one agent; one key, one holder ---- */

/* Something that must have one holder only. */
struct holding {
    const void *what; /* code, or key */
    const char *holder;
};

static int compare_codes(const void *a, const void *b)
{
    return strcmp(((const struct holding *)a)->what, ((const struct holding *)b)->what);
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(((const struct holding *)a)->what, ((const struct holding *)b)->what, KEY_BYTES);
}

static int check_served_codes(const struct book *book)
{
    const Waypost__Register *message = book->message;
    struct holding *held = mem_new(message->n_agents * (1 + REGISTER_ACTS_FOR_MAX), sizeof *held);
    size_t count = 0;
    int rc = 0;

    for (size_t i = 0; i < message->n_agents; i++) {
        const Waypost__Agent *agent = message->agents[i];
        if (agent->code != NULL && agent->code[0] != '\0') {
            held[count++] = (struct holding){agent->code, agent->id};
        }
        for (size_t j = 0; j < agent->n_acts_for; j++) {
            held[count++] = (struct holding){agent->acts_for[j], agent->id};
        }
    }
    qsort(held, count, sizeof *held, compare_codes);
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (!has_authority(book, held[i].what)) {
            rc = complain(book->why, E_CODE, "agent %s: the authority %s is not in the register",
                held[i].holder, shown(held[i].what));
        } else if (i > 0 && compare_codes(&held[i - 1], &held[i]) == 0) {
            rc = complain(book->why, E_CODE,
                "authority %s is served by both %s and %s; one agent serves a code",
                (const char *)held[i].what, held[i - 1].holder, held[i].holder);
        }
    }
    free(held);
    return rc;
}

static int check_single_holders(const struct book *book)
{
    const Waypost__Register *message = book->message;
    struct holding *held = mem_new(
        message->n_agents * REGISTER_AGENT_KEYS_MAX + REGISTER_ROOTS_MAX + 2 * REGISTER_BROKERS_MAX,
        sizeof *held);
    size_t count = 0;
    int rc = 0;

    for (size_t i = 0; i < message->n_agents; i++) {
        for (size_t j = 0; j < message->agents[i]->n_keys; j++) {
            held[count++] =
                (struct holding){message->agents[i]->keys[j]->key.data, message->agents[i]->id};
        }
    }
    for (size_t i = 0; i < message->n_roots; i++) {
        held[count++] = (struct holding){message->roots[i].data, "a root"};
    }
    for (size_t i = 0; i < message->n_brokers;
         i++) { /* brokers may share a pair among themselves */
        held[count++] = (struct holding){message->brokers[i]->curve_key.data, NULL};
        held[count++] = (struct holding){message->brokers[i]->head_key.data, NULL};
    }
    qsort(held, count, sizeof *held, compare_keys);
    for (size_t i = 1; i < count && rc == 0; i++) {
        if (compare_keys(&held[i - 1], &held[i]) == 0 &&
            (held[i - 1].holder != NULL || held[i].holder != NULL)) {
            rc = complain(book->why, E_KEY,
                "the same key belongs to %s and %s; a key has one holder and one use",
                held[i - 1].holder != NULL ? held[i - 1].holder : "a broker",
                held[i].holder != NULL ? held[i].holder : "a broker");
        }
    }
    free(held);
    return rc;
}

static int check_agents(const struct book *book)
{
    const Waypost__Register *message = book->message;
    int rc = 0;

    for (size_t i = 0; i < message->n_agents && rc == 0; i++) {
        rc = check_agent(book, message->agents[i]);
        if (rc == 0 && i > 0 && strcmp(message->agents[i - 1]->id, message->agents[i]->id) >= 0) {
            rc = complain(book->why, E_ID, "agent %s stands twice or out of order; sort them by id",
                message->agents[i]->id);
        }
    }
    return rc != 0 ? rc : check_served_codes(book);
}

/* ---- the rest ---- */

static int check_counts(const struct book *book)
{
    const Waypost__Register *message = book->message;
    const struct {
        const char *what;
        size_t count;
        size_t max;
    } counts[] = {
        {"authorities", message->n_authorities, REGISTER_AUTHORITIES_MAX},
        {"agents", message->n_agents, REGISTER_AGENTS_MAX},
        {"brokers", message->n_brokers, REGISTER_BROKERS_MAX},
        {"retention rows", message->n_retention, REGISTER_RETENTION_MAX},
        {"roots", message->n_roots, REGISTER_ROOTS_MAX},
    };

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (counts[i].count > counts[i].max) {
            return complain(book->why, E_RANGE, "the register holds %zu %s, above the limit of %zu",
                counts[i].count, counts[i].what, counts[i].max);
        }
    }
    return 0;
}

static int check_head(const struct book *book)
{
    const Waypost__Register *message = book->message;

    if (!rules_network_valid(message->network)) {
        return complain(book->why, E_RANGE,
            "the network's name must be 1 to %d of a-z, 0-9 and hyphen", NETWORK_NAME_BYTES_MAX);
    }
    if (message->version < 1 || message->version > INT64_MAX ||
        (message->has_previous && message->previous.len != HASH_BYTES)) {
        return complain(
            book->why, E_RANGE, "the register's version or its previous hash is malformed");
    }
    if (message->threshold < 1 || message->threshold > message->n_roots) {
        return complain(book->why, E_RANGE,
            "%u signatures are asked for, but there are %zu roots; the threshold must be 1 to the "
            "number of roots",
            message->threshold, message->n_roots);
    }
    for (size_t i = 0; i < message->n_roots; i++) {
        if (message->roots[i].len != KEY_BYTES) {
            return complain(book->why, E_KEY, "root %zu is not a key of 32 bytes", i + 1);
        }
    }
    if (!event_time_valid(message->issued_ms) ||
        (message->has_stale_ms && message->stale_ms != 0 && !event_time_valid(message->stale_ms))) {
        return complain(
            book->why, E_DATE, "the register was issued, or goes stale, at a time that cannot be");
    }
    return 0;
}

static int check_brokers(const struct book *book)
{
    for (size_t i = 0; i < book->message->n_brokers; i++) {
        const Waypost__Broker *broker = book->message->brokers[i];
        if (!rules_endpoint_valid(broker->endpoint, ENDPOINT_CONNECT)) {
            return complain(book->why, E_RANGE,
                "broker %zu: its endpoint must be tcp://HOST:PORT or ipc://PATH, at most %d "
                "printable "
                "characters without quote and #",
                i + 1, REGISTER_ENDPOINT_BYTES_MAX);
        }
        if (broker->curve_key.len != KEY_BYTES || broker->head_key.len != KEY_BYTES) {
            return complain(
                book->why, E_KEY, "broker %s: both its keys must be 32 bytes", broker->endpoint);
        }
    }
    return 0;
}

static int check_retention(const struct book *book)
{
    for (size_t i = 0; i < book->message->n_retention; i++) {
        const Waypost__Retention *row = book->message->retention[i];
        if (row->kind < 1 || row->days < 1 || row->days > REGISTER_RETENTION_DAYS_MAX ||
            (i > 0 && book->message->retention[i - 1]->kind >= row->kind)) {
            return complain(book->why, E_RANGE,
                "retention of kind %u: a kind stands once, in order, with 1 to %d days", row->kind,
                REGISTER_RETENTION_DAYS_MAX);
        }
    }
    return 0;
}

int rules_check(const Waypost__Register *register_message, struct complaint *why)
{
    static int (*const checks[])(const struct book *) = {check_counts, check_head,
        check_authorities, check_agents, check_brokers, check_retention, check_single_holders};
    const struct book book = {register_message, why};
    int rc = 0;

    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && rc == 0; i++) {
        rc = checks[i](&book);
    }
    return rc;
}
