/*
 * expect_asked: state as whoever is asked has it, broker or agent. A child of whom it has no event in that transfer is
 * shown by its own record, which another transfer of the child may have begun (D44), and else as docs/PROCEDURES.md
 * lets a child begin: the origin has the case, nothing is set. Nothing fails: an unknown name is answered with NULL.
 */
#include <string.h>

#include "client/lab/expect_parts.h"

#include "common/base/banned.h"

/* Flags before the first event of the transfer, in the order of engine_flag_name(). */
struct first_flag {
    const char *name;
    const char *value; /* NULL: the case type as declared */
    bool of_child;     /* of the child record: another transfer may have changed it */
};

static const struct first_flag first_flags[] = {
    {"temporary_plan", "clear", false},
    {"permanence", "unknown", false},
    {"s47", "closed", true},
    {"assessment", "closed", true},
    {"documents", "none", false},
    {"escalation", "closed", false},
    {"stage", "0", false},
    {"letter_held", "no", false},
    {"case_file", "no", false},
    {"requested", "no", false},
    {"agreed", "no", false},
    {"retained", "no", false},
    {"retention_agreement", "none", false},
    {"case_type", NULL, true},
    {"order", "none", true},
    {"consent", "none", true},
    {"emergency", "closed", false},
    {"closed", "no", false},
    {"discontinued", "no", false},
};

static size_t owner_in(const struct asking *self, uint32_t transfer, uint32_t child,
    enum dimension dimension, const char *out[8])
{
    return network_owner(self->network, self->view, transfer_id(self, transfer),
        child_ref(self, child), dimension, out);
}

/* The case has exactly one owner (R01) as soon as an event is on record. */
static bool is_on_record(const struct asking *self, uint32_t transfer, uint32_t child)
{
    const char *owners[8];

    return owner_in(self, transfer, child, DIM_CASE, owners) > 0;
}

static bool is_child_of(const struct scenario_transfer *transfer, uint32_t child)
{
    for (uint32_t i = 0; i < transfer->child_count; i++) {
        if (transfer->children[i] == child) {
            return true;
        }
    }
    return false;
}

/* Another transfer in which the child is on record, SCENARIO_NONE for none. */
static uint32_t other_transfer(const struct asking *self, uint32_t child)
{
    for (uint32_t i = 0; i < self->scenario->transfer_count; i++) {
        if (i != self->wanted->target.transfer &&
            is_child_of(&self->scenario->transfers[i], child) && is_on_record(self, i, child)) {
            return i;
        }
    }
    return SCENARIO_NONE;
}

/* ---- who is responsible ---- */

static bool follows_case(enum dimension dimension)
{
    return dimension == DIM_CONFERENCE_CONVENING || dimension == DIM_SUPPORT_MEANWHILE;
}

static bool is_of_episode(enum dimension dimension)
{
    return dimension == DIM_REPORTS || dimension == DIM_RENT_SUBSISTENCE ||
        dimension == DIM_OTHER_SERVICES_COST;
}

/* Section 5.2, "owner at first". */
static size_t first_owner(
    const struct asking *self, uint32_t child, enum dimension dimension, const char *out[8])
{
    const struct scenario_transfer *transfer =
        &self->scenario->transfers[self->wanted->target.transfer];
    uint32_t other = is_of_episode(dimension) ? SCENARIO_NONE : other_transfer(self, child);

    if (other != SCENARIO_NONE) {
        return owner_in(self, other, child, follows_case(dimension) ? DIM_CASE : dimension, out);
    }
    out[0] = dimension == DIM_OTHER_SERVICES_COST ? transfer->receiving : transfer->origin;
    return 1;
}

size_t asked_owner(
    const struct asking *self, uint32_t child, enum dimension dimension, const char *out[8])
{
    size_t count = owner_in(self, self->wanted->target.transfer, child, dimension, out);

    return count > 0 ? count : first_owner(self, child, dimension, out);
}

/* ---- flags ---- */

static const char *flag_in(
    const struct asking *self, uint32_t transfer, uint32_t child, const char *name)
{
    return network_flag(
        self->network, self->view, transfer_id(self, transfer), child_ref(self, child), name);
}

static const char *first_flag(
    const struct asking *self, uint32_t child, const struct first_flag *flag)
{
    uint32_t other = flag->of_child ? other_transfer(self, child) : SCENARIO_NONE;

    if (other != SCENARIO_NONE) {
        return flag_in(self, other, child, flag->name);
    }
    return flag->value != NULL
        ? flag->value
        : fact_value_word(catalogue_case_type(), self->scenario->children[child].case_type);
}

const char *asked_flag(const struct asking *self, uint32_t child, const char *name)
{
    const char *value = flag_in(self, self->wanted->target.transfer, child, name);

    for (size_t i = 0; value == NULL && i < sizeof first_flags / sizeof first_flags[0]; i++) {
        if (strcmp(first_flags[i].name, name) == 0) {
            value = first_flag(self, child, &first_flags[i]);
        }
    }
    return value;
}

/* ---- clocks and obligations ---- */

/* Passes on what belongs to the child record. */
struct sieve {
    const struct asking *asking;
    void (*clock)(void *context, const uint8_t *subject, const struct engine_clock *clock);
    void (*obligation)(void *context, const char *id, int64_t since_ms);
    void *context;
};

static void sieve_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    const struct sieve *self = context;

    if (clock->info->child_scope) {
        self->clock(self->context, subject, clock);
    }
}

void asked_clocks(const struct asking *self, uint32_t child,
    void (*visit)(void *context, const uint8_t *subject, const struct engine_clock *clock),
    void *context)
{
    struct sieve sieve = {.asking = self, .clock = visit, .context = context};
    uint32_t transfer = self->wanted->target.transfer;
    bool own = is_on_record(self, transfer, child);

    transfer = own ? transfer : other_transfer(self, child);
    if (transfer != SCENARIO_NONE) {
        network_clocks(self->network, self->view, transfer_id(self, transfer),
            child_ref(self, child), own ? visit : sieve_clock, own ? context : &sieve);
    }
}

static bool is_of_child(const struct asking *self, const char *id)
{
    const struct clock_info *clock = procedures_clock_named(self->scenario->procedures, id);

    return clock != NULL ? clock->child_scope : strcmp(id, "R46") == 0 || strcmp(id, "R61") == 0;
}

static void sieve_obligation(void *context, const char *id, int64_t since_ms)
{
    const struct sieve *self = context;

    if (is_of_child(self->asking, id)) {
        self->obligation(self->context, id, since_ms);
    }
}

void asked_outstanding(const struct asking *self, uint32_t child,
    void (*visit)(void *context, const char *id, int64_t since_ms), void *context)
{
    struct sieve sieve = {.asking = self, .obligation = visit, .context = context};
    uint32_t transfer = self->wanted->target.transfer;
    bool own = is_on_record(self, transfer, child);

    transfer = own ? transfer : other_transfer(self, child);
    if (transfer != SCENARIO_NONE) {
        network_outstanding(self->network, self->view, transfer_id(self, transfer),
            child_ref(self, child), own ? visit : sieve_obligation, own ? context : &sieve);
    }
}
