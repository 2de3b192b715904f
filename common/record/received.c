/*
 * received: see received.h. Nothing here fails but by its answer.
 */
#include "common/record/received.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/crypto/merkle.h"
#include "common/record/acked.h"

#include "common/base/banned.h"

enum { STREAM_EVENT = 1 }; /* type of the entry, S-22 */

/* Events of the entry that are looked at, as the tree has them. */
struct receiving {
    const Waypost__AckStatement *said;
    struct merkle_leaf *leaves; /* owned */
    size_t count;
    uint64_t number; /* of the last; 0 before the first */
};

static bool time_said(const Waypost__AckStatement *said, const Waypost__AckedEvent *event)
{
    for (size_t i = 0; i < said->n_persisted; i++) {
        if (said->persisted[i]->upto >= event->number) {
            return said->persisted[i]->at_ms == event->at_ms;
        }
    }
    return false;
}

static bool fault_said(const Waypost__AckStatement *said, const Waypost__AckedEvent *event)
{
    uint32_t code = event->level == ACKED_FAULT ? event->code_err : 0;

    for (size_t i = 0; i < said->n_faults; i++) {
        if (said->faults[i]->number == event->number) {
            return said->faults[i]->code == code;
        }
    }
    return code == 0;
}

/* The running hash at the event: from the one before it, given or just worked out. */
static bool take(struct receiving *self, const Waypost__AckedEvent *event, const struct hash *leaf)
{
    const Waypost__AckStatement *said = self->said;
    struct hash before;

    if (!event->has_number || event->number <= said->received_after || event->number > said->upto ||
        event->number <= self->number || !time_said(said, event) || !fault_said(said, event)) {
        return false;
    }
    if (event->has_before && event->before.len == HASH_BYTES) {
        memcpy(before.b, event->before.data, HASH_BYTES);
    } else if (self->count > 0 && self->number + 1 == event->number) {
        before = self->leaves[self->count - 1].hash;
    } else {
        return false;
    }
    self->leaves[self->count++] = (struct merkle_leaf){event->number - said->received_after - 1,
        hash_entry(&before, event->number, STREAM_EVENT, leaf)};
    self->number = event->number;
    return true;
}

static bool others_take(const Waypost__AckEntry *entry, struct hash *out)
{
    for (size_t i = 0; i < entry->n_received; i++) {
        if (entry->received[i].len != HASH_BYTES) {
            return false;
        }
        memcpy(out[i].b, entry->received[i].data, HASH_BYTES);
    }
    return true;
}

static bool leads_to_root(struct receiving *self, const Waypost__AckEntry *entry)
{
    const Waypost__AckStatement *said = self->said;
    uint64_t size = said->upto - said->received_after;
    const ProtobufCBinaryData *signed_root = size == 1 ? &said->running_hash : &said->received_root;
    struct hash *others = mem_new(entry->n_received + 1, sizeof *others);
    struct hash root;
    bool leads = false;

    if (signed_root->len == HASH_BYTES && others_take(entry, others)) {
        memcpy(root.b, signed_root->data, HASH_BYTES);
        leads = merkle_check_several(
                    self->leaves, self->count, size, others, entry->n_received, &root) == 0;
    }
    free(others);
    return leads;
}

int received_check(
    const Waypost__AckStatement *said, const Waypost__AckEntry *entry, const struct hash *leaves)
{
    struct receiving receiving = {
        .said = said, .leaves = mem_new(entry->n_events + 1, sizeof *receiving.leaves)};
    bool good = true;

    for (size_t i = 0; i < entry->n_events && good; i++) {
        uint32_t level = entry->events[i]->level;
        if (level == ACKED_PERSISTED || level == ACKED_FAULT) {
            good = take(&receiving, entry->events[i], &leaves[i]);
        }
    }
    good = good && (receiving.count == 0 || leads_to_root(&receiving, entry));
    free(receiving.leaves);
    return good ? 0 : E_CORRUPT;
}
