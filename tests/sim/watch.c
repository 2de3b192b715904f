/*
 * watch: every frame that leaves anybody, held against what was said before.
 *
 *   promise 1  every head that anybody was shown is in the journal after every restart; every sender is welcomed with all of
 *              its events that were receipted
 *   promise 2  an event has one receipt for ever: same leaf, same time
 *   promise 7  no two histories; no payload in the clear
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/codec/frame.h"
#include "tests/sim/sim.h"

#include "common/base/banned.h"

enum {
    ARENA_BYTES = 16777216,
    HEAD_SLOTS = 4096, /* by size */
    SEQUENCES_MAX = 1024,
    LOSS_PERCENT = 2,
    RECEIPT_POWER_PERCENT = 8,
    KILLED_POWER_PERCENT = 60
};

struct head_seen {
    uint64_t size;
    struct hash root;
};

struct receipt_seen {
    uint64_t leaf; /* + 1; 0 none */
    int64_t accepted_ms;
};

struct watch {
    arena_t *arena, *inner;
    struct head_seen heads[HEAD_SLOTS]; /* by size; size 0: free */
    uint64_t head_last;                 /* the highest size shown */
    uint64_t incarnations[SIM_AGENTS];  /* that it published under last */
    uint64_t greeted[SIM_AGENTS];       /* that its last HELLO named */
    struct receipt_seen receipts[SIM_AGENTS][SEQUENCES_MAX];
};

static struct watch *spare; /* its memory is used by the next seed */

void watch_new(struct sim *self)
{
    struct watch *watch = spare != NULL ? spare : mem_new(1, sizeof *watch);
    arena_t *arena = watch->arena != NULL ? watch->arena : arena_new(ARENA_BYTES);
    arena_t *inner = watch->inner != NULL ? watch->inner : arena_new(ARENA_BYTES);

    spare = watch;
    memset(watch, 0, sizeof *watch);
    watch->arena = arena;
    watch->inner = inner;
    self->watch = watch;
}

void watch_free(struct sim *self)
{
    self->watch = NULL;
}

/* ---- heads ---- */

static const char seven[] = "promise 7, the broker cannot quietly rewrite";
static const char two[] = "promise 2, exactly one effect";
static const char one[] = "promise 1, accepted means on disk";

static void see_head(struct sim *self, const Waypost__Signed *signed_head)
{
    struct watch *watch = self->watch;

    if (signed_head == NULL) {
        return;
    }
    arena_reset(watch->inner);
    const Waypost__Head *head = message_decode(watch->inner, &waypost__head__descriptor,
        slice_of(signed_head->statement.data, signed_head->statement.len));
    if (head == NULL || head->root.len != HASH_BYTES) {
        sim_fail(self, seven, "a head that cannot be read");
        return;
    }
    struct head_seen *seen = &watch->heads[head->size % HEAD_SLOTS];
    if (seen->size == head->size && head->size != 0 &&
        memcmp(seen->root.b, head->root.data, HASH_BYTES) != 0) {
        sim_fail(self, seven, "two heads of size %llu", (unsigned long long)head->size);
    }
    seen->size = head->size;
    memcpy(seen->root.b, head->root.data, HASH_BYTES);
    watch->head_last = head->size > watch->head_last ? head->size : watch->head_last;
}

static void check_heads(struct sim *self, const char *promise)
{
    journal_t *journal = virtual_journal(self->network);
    uint64_t size = journal_head(journal)->size;

    if (self->watch->head_last > size) {
        sim_fail(self, promise, "somebody was shown a journal of %llu records, and it has %llu",
            (unsigned long long)self->watch->head_last, (unsigned long long)size);
        return;
    }
    for (size_t i = 0; i < HEAD_SLOTS; i++) {
        const struct head_seen *seen = &self->watch->heads[i];
        struct hash root;
        if (seen->size != 0 &&
            (journal_root_at(journal, seen->size, &root) != 0 ||
                memcmp(&root, &seen->root, sizeof root) != 0)) {
            sim_fail(self, promise,
                "the head of size %llu that was shown is no head of the journal",
                (unsigned long long)seen->size);
        }
    }
}

void watch_restored(struct sim *self, size_t agent)
{
    memset(self->watch->receipts[agent], 0, sizeof self->watch->receipts[agent]);
}

uint64_t watch_broker_restored(struct sim *self, uint64_t size)
{
    struct watch *watch = self->watch;
    uint64_t shown = watch->head_last;

    for (size_t i = 0; i < HEAD_SLOTS; i++) {
        if (watch->heads[i].size > size) {
            watch->heads[i].size = 0;
        }
    }
    for (size_t i = 0; i < SIM_AGENTS; i++) {
        for (size_t k = 0; k < SEQUENCES_MAX; k++) {
            if (watch->receipts[i][k].leaf > size) {
                watch->receipts[i][k].leaf = 0;
            }
        }
    }
    watch->head_last = shown < size ? shown : size;
    return shown;
}

void watch_broker_started(struct sim *self)
{
    check_heads(self, one);
}

void watch_end(struct sim *self)
{
    check_heads(self, seven);
}

/* ---- receipts ---- */

static void see_receipt(struct sim *self, size_t agent, const Waypost__Receipt *receipt)
{
    for (uint64_t i = 0; i < receipt->count; i++) {
        uint64_t sequence = receipt->first_sequence + i;
        if (sequence >= SEQUENCES_MAX || agent == self->hostile) {
            continue;
        }
        struct receipt_seen *seen = &self->watch->receipts[agent][sequence];
        if (seen->leaf != 0 &&
            (seen->leaf != receipt->leaf_index + 1 || seen->accepted_ms != receipt->accepted_ms)) {
            sim_fail(self, two, "event %llu of %s was receipted at leaf %llu and at leaf %llu",
                (unsigned long long)sequence, self->agents[agent].id,
                (unsigned long long)seen->leaf - 1, (unsigned long long)receipt->leaf_index);
        }
        seen->leaf = receipt->leaf_index + 1;
        seen->accepted_ms = receipt->accepted_ms;
    }
    see_head(self, receipt->head);
    sim_trace(self, "receipt to %s: %llu and %u more at leaf %llu%s", self->agents[agent].id,
        (unsigned long long)receipt->first_sequence, receipt->count - 1,
        (unsigned long long)receipt->leaf_index, receipt->duplicate ? ", duplicate" : "");
    unsigned percent = self->was_killed ? KILLED_POWER_PERCENT : RECEIPT_POWER_PERCENT;
    if (sim_has(self, FAULT_RECEIPT) && !self->healing && sim_chance(self, percent)) {
        self->kill_broker = true;
        self->was_killed = false;
    }
    if (agent == self->hostile && receipt->duplicate) { /* it says nothing a second time */
        sim_fail(self, two, "%s was given the receipt of another event under number %llu",
            self->agents[agent].id, (unsigned long long)receipt->first_sequence);
    }
    if (agent == self->hostile) {
        hostile_receipt(self, receipt->first_sequence + receipt->count - 1);
    }
}

/* Numbers begin again with an incarnation, and receipts do not name theirs. */
static void see_publish(struct sim *self, size_t agent, const Waypost__Publish *publish)
{
    arena_reset(self->watch->inner);
    const Waypost__BatchStatement *said =
        message_decode(self->watch->inner, &waypost__batch_statement__descriptor,
            slice_of(publish->batch->statement.data, publish->batch->statement.len));

    if (said != NULL && said->incarnation != self->watch->incarnations[agent]) {
        self->watch->incarnations[agent] = said->incarnation;
        watch_restored(self, agent);
    }
}

/* Whose event was receipted is known by it for ever: else it takes the broker for one that was put back. */
static void see_welcome(struct sim *self, size_t agent, const Waypost__Welcome *welcome)
{
    const struct watch *watch = self->watch;
    uint64_t receipted = SEQUENCES_MAX - 1;

    see_head(self, welcome->head);
    while (receipted > 0 && watch->receipts[agent][receipted].leaf == 0) {
        receipted--;
    }
    if (agent != self->hostile && watch->greeted[agent] == watch->incarnations[agent] &&
        welcome->last_sequence < receipted) {
        sim_fail(self, one, "%s is told of %llu events of its own, and %llu were receipted",
            self->agents[agent].id, (unsigned long long)welcome->last_sequence,
            (unsigned long long)receipted);
    }
}

/* ---- frames ---- */

static bool holds_secret(struct slice frame)
{
    size_t want = sizeof SIM_SECRET - 1;
    size_t at = 0;

    while (at + want <= frame.len) {
        const uint8_t *next = memchr(frame.data + at, SIM_SECRET[0], frame.len - want - at + 1);
        if (next == NULL) {
            return false;
        }
        if (memcmp(next, SIM_SECRET, want) == 0) {
            return true;
        }
        at = (size_t)(next - frame.data) + 1;
    }
    return false;
}

static void trace_frame(
    const struct sim *self, size_t agent, bool to_broker, const Waypost__Frame *frame)
{
    const ProtobufCEnumDescriptor *none = NULL;
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
        &waypost__frame__descriptor, (unsigned)frame->body_case);

    (void)none;
    sim_trace(self, "%s %s %s%s%s", self->agents[agent].id, to_broker ? "->" : "<-",
        field == NULL ? "?" : field->name,
        frame->body_case == WAYPOST__FRAME__BODY_REFUSED ? ": " : "",
        frame->body_case == WAYPOST__FRAME__BODY_REFUSED ? frame->refused->text : "");
}

bool watch_frame(struct sim *self, size_t agent, bool to_broker, struct slice frame)
{
    Waypost__Frame *read = NULL;

    if (holds_secret(frame)) {
        sim_fail(self, seven, "a payload travels in the clear, %s %s", to_broker ? "from" : "to",
            self->agents[agent].id);
    }
    arena_reset(self->watch->arena);
    if (frame_decode(self->watch->arena, frame, &read) == 0) {
        trace_frame(self, agent, to_broker, read);
        if (read->body_case == WAYPOST__FRAME__BODY_RECEIPT) {
            see_receipt(self, agent, read->receipt);
        } else if (read->body_case == WAYPOST__FRAME__BODY_WELCOME) {
            see_welcome(self, agent, read->welcome);
        } else if (read->body_case == WAYPOST__FRAME__BODY_HELLO) {
            self->watch->greeted[agent] = read->hello->incarnation;
        } else if (read->body_case == WAYPOST__FRAME__BODY_PUBLISH && agent != self->hostile) {
            see_publish(self, agent, read->publish);
            hostile_sees(self, frame);
        }
    }
    bool lost = sim_has(self, FAULT_LOSS) && !self->healing && sim_chance(self, LOSS_PERCENT);
    if (lost) {
        sim_trace(self, "that frame is lost, and its connection");
    }
    return !lost;
}
