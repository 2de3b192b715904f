/*
 * filing: two-party kinds take effect when both parties have filed the same (docs/PROCEDURES.md,
 * section 6). What is compared is a short list of clear facts (D57). Cannot fail.
 */
#include <string.h>

#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

static const struct {
    enum kind_name kind;
    enum fact_name facts[2];
    size_t count;
} two_party[] = {
    {K_TRANSFER_DATE_AGREED, {F_TRANSFER_DATE, F_TRANSFER_POINT}, 2},
    {K_RETENTION_AGREEMENT_SIGNED, {F_AGREEMENT_REF, F_AGREEMENT_HASH}, 2},
    {K_EXCEPTION_ARRANGEMENT, {F_RULE_SET_ASIDE, F_EXPIRES_ON}, 2},
    {K_SUBJECTS_LINKED, {F_SAME_CHILD_AS}, 1},
    {K_ESCALATION_OUTCOME, {F_STAGE}, 1},
};

/* Is the value of a list said again further back? A list counts as a set: twice is once. */
static bool said_before(const struct fact_set *facts, size_t index)
{
    const struct fact_value *value = &facts->values[index];

    for (size_t i = 0; i < index; i++) {
        const struct fact_value *other = &facts->values[i];
        if (other->fact == value->fact && other->number == value->number &&
            slice_equal(other->bytes, value->bytes)) {
            return true;
        }
    }
    return false;
}

static void join_item(struct hash *joined, const struct fact_value *value)
{
    uint8_t plain[8];

    put_u64(plain, (uint64_t)value->number);
    struct hash item =
        hash_of("waypost/engine/item/1", slice_of(plain, sizeof plain), value->bytes);
    for (size_t b = 0; b < HASH_BYTES; b++) {
        joined->b[b] ^= item.b[b];
    }
}

/*
 * One hash over the facts that are compared; a list counts as a set, so the items' hashes are
 * joined by exclusive or, each item once.
 */
static struct hash filing_key(const struct judge *self, const enum fact_name *facts, size_t count)
{
    struct buf bytes = {0};
    struct hash key;

    for (size_t i = 0; i < count; i++) {
        struct hash joined = {{0}};
        uint32_t number = self->engine->names->fact[facts[i]];
        for (size_t k = 0; k < self->facts->count; k++) {
            const struct fact_value *value = &self->facts->values[k];
            if (value->fact->number == number && !said_before(self->facts, k)) {
                join_item(&joined, value);
            }
        }
        buf_put(&bytes, joined.b, HASH_BYTES);
    }
    key = hash_of("waypost/engine/filing/1", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
    return key;
}

uint8_t filing_kind(const struct engine_names *names, uint32_t kind)
{
    for (size_t i = 0; i < sizeof two_party / sizeof two_party[0]; i++) {
        if (names->kind[two_party[i].kind] == kind) {
            return (uint8_t)(i + 1);
        }
    }
    return 0;
}

static struct hash key_of(const struct judge *self)
{
    size_t row = self->plan->two_party - 1U;

    return filing_key(self, two_party[row].facts, two_party[row].count);
}

static size_t side_of(const struct judge *self)
{
    return self->sender == self->episode->transfer->origin ? 0 : 1;
}

static uint16_t stage_bit(const struct judge *self)
{
    int64_t stage = fact_number(self, F_STAGE, 0);

    if (stage < 1 || stage >= STAGES_MAX) {
        return 0;
    }
    return (uint16_t)(1U << stage);
}

/* Outcomes are filed by stage within the open escalation; the rest is the latest filing of each side. */
void filings_find(struct judge *self)
{
    const struct filing *filings = self->episode->filings.items;
    bool mine = false;

    if (self->plan->two_party == 0) {
        return;
    }
    if (kind_is(self, K_ESCALATION_OUTCOME)) {
        uint16_t bit = stage_bit(self);
        self->second = (self->episode->stage_filed[1 - side_of(self)] & bit) != 0;
        self->first = !self->second && (self->episode->stage_filed[side_of(self)] & bit) == 0;
        return;
    }
    struct hash key = key_of(self);
    for (uint32_t i = 0; i < self->episode->filings.count; i++) {
        if (filings[i].kind == self->view->kind && memcmp(&filings[i].key, &key, sizeof key) == 0) {
            *(filings[i].sender == self->sender ? &mine : &self->second) = true;
        }
    }
    self->first = !self->second && !mine;
}

bool filings_agree(const struct episode *episode, uint32_t kind, bool by_stage)
{
    const struct filing *filings = episode->filings.items;
    const struct filing *first = NULL;

    if (by_stage) {
        return episode->stage_filed[0] == episode->stage_filed[1];
    }
    for (uint32_t i = 0; i < episode->filings.count; i++) {
        if (filings[i].kind != kind) {
            continue;
        }
        if (first != NULL && memcmp(&filings[i].key, &first->key, sizeof first->key) == 0) {
            return true;
        }
        first = &filings[i];
    }
    return false;
}

void filing_remember(struct judge *self)
{
    struct filing *filings = self->episode->filings.items;

    if (self->plan->two_party == 0 || kind_is(self, K_ESCALATION_OUTCOME)) {
        return;
    }
    struct hash key = key_of(self);
    for (uint32_t i = 0; i < self->episode->filings.count; i++) {
        if (filings[i].kind == self->view->kind && filings[i].sender == self->sender) {
            filings[i].key = key;
            return;
        }
    }
    struct filing *made = list_add(&self->episode->filings, sizeof *made);
    *made = (struct filing){self->view->kind, self->sender, key};
}
