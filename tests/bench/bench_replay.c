/*
 * bench_replay: how quickly a journal is read again. Makes one of batches on the disk ($TMPDIR, else /var/tmp), reads it
 * three ways, prints records and events a second, and removes it.
 *
 *   bench_replay [EVENTS] [BATCH]     1,000,000 in batches of 100, unless it is stated
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "client/replay/items.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/codec/event.h"
#include "common/journal/journal.h"

#include "common/base/banned.h"

enum {
    COMMIT_BATCHES = 16,
    ID_AT = 4 /* in an event: header's tag and length (2 bytes), id's tag and length */
};

/* Of the processor: what a core does, whatever else runs. */
static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One event of a usual size; its id is changed in place. */
static void make_event(struct buf *out)
{
    static const struct fact_text facts[] = {
        {"permanence", "permanent"}, {"retain_intention", "transfer"}, {"move_reason", "housing"}};
    struct event_draft draft = {.facts = facts, .fact_count = 3};
    struct event_view *head = &draft.head;
    struct buf header = {0};
    struct buf body = {0};

    head->id[6] = 0x70;
    head->id[8] = 0x80;
    head->transfer[0] = 1;
    head->kind = catalogue_kind_named("move_notified")->number;
    head->schema = CATALOGUE_SCHEMA;
    (void)snprintf(head->origin, sizeof head->origin, "E09000019");
    (void)snprintf(head->receiving, sizeof head->receiving, "E09000007");
    (void)snprintf(head->from, sizeof head->from, "E09000019");
    head->subject_count = 1;
    head->subjects[0].case_type = 1;
    head->recipient_count = 1;
    (void)snprintf(head->to[0].code, sizeof head->to[0].code, "E09000007");
    head->to[0].n = 1;
    head->occurred_ms = head->sent_ms = 1773655500000;
    head->incarnation = head->sequence = 1;
    int rc = event_encode(&draft, &header, &body, NULL);
    assert(rc == 0);
    event_join(buf_slice(&header), buf_slice(&body), NULL, out);
    buf_free(&header);
    buf_free(&body);
}

static void put_batch(struct buf *out, struct buf *event, uint64_t first, uint32_t count)
{
    uint8_t nothing[SIGNATURE_BYTES] = {0};

    buf_clear(out);
    buf_put_u64(out, 0);
    buf_put_u16(out, 9);
    buf_put(out, "E09000019", 9);
    buf_put_u32(out, 4);
    buf_put(out, nothing, 4);
    buf_put(out, nothing, sizeof nothing);
    buf_put_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        put_u32(event->data + ID_AT + 1, (uint32_t)(first + i));
        buf_put_u32(out, (uint32_t)event->len);
        buf_put_slice(out, buf_slice(event));
    }
}

static void put_judged(struct buf *out, uint64_t leaf, uint64_t position, uint32_t count)
{
    buf_clear(out);
    buf_put_u64(out, leaf);
    buf_put_u64(out, position);
    buf_put_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_put_u8(out, 1);
        buf_put_varint(out, 1);
        buf_put_varint(out, 2);
    }
    buf_put_u64(out, 1773655500000);
}

static void commit(journal_t *journal)
{
    journal_commit_t *cut = journal_cut(journal);
    int rc = cut == NULL ? 0 : journal_write(journal, cut);

    assert(rc == 0);
    if (cut != NULL) {
        journal_settle(journal, &cut);
    }
}

static void make_journal(const char *folder, uint64_t events, uint32_t batch)
{
    uint8_t head_public[32];
    uint8_t head_secret[64];
    struct journal_options options = {.network = "bench",
        .head_public = head_public,
        .head_secret = head_secret,
        .world = world_real(),
        .segment_bytes = 256 << 20};
    struct journal_recovery recovery;
    struct complaint why = {0};
    struct disk disk;
    journal_t *journal = NULL;
    struct buf event = {0};
    struct buf body = {0};

    (void)crypto_sign_keypair(head_public, head_secret);
    int rc = disk_real_open(folder, &disk);
    assert(rc == 0);
    rc = journal_open(&disk, &options, &journal, &recovery, &why);
    assert(rc == 0);
    make_event(&event);
    for (uint64_t done = 0; done < events; done += batch) {
        uint64_t position = 0;
        put_batch(&body, &event, done, batch);
        struct record record = {.type = RECORD_BATCH, .body = buf_slice(&body)};
        uint64_t leaf = journal_append(journal, &record, &position);
        put_judged(&body, leaf, position, batch);
        record = (struct record){.type = RECORD_JUDGED, .body = buf_slice(&body)};
        (void)journal_append(journal, &record, NULL);
        if (done / batch % COMMIT_BATCHES == COMMIT_BATCHES - 1) {
            commit(journal);
        }
    }
    commit(journal);
    journal_destroy(&journal);
    disk_real_close(&disk);
    buf_free(&event);
    buf_free(&body);
}

static int count_item(void *context, const struct item *item)
{
    (void)item;
    ++*(uint64_t *)context;
    return 0;
}

static void measure(const char *folder, const char *what, const char *kind)
{
    struct item_filter filter = {.kind_count = kind == NULL ? 0 : 1, .kinds = {kind}};
    uint64_t passed = 0;
    const struct item_reader reader = {.filter = &filter, .visit = count_item, .context = &passed};
    struct item_counts counts;
    struct complaint why = {0};
    source_t *source = NULL;

    int rc = source_open(folder, &source, &why);
    assert(rc == 0);
    double began = seconds();
    rc = items_read(source, &reader, &counts, &why);
    double took = seconds() - began;
    assert(rc == 0);
    printf(
        "replay, %-44s %9.0f events/s %9.0f records/s (%llu events, %llu passed, %.2f s of CPU)\n",
        what, (double)counts.events / took, (double)counts.records / took,
        (unsigned long long)counts.events, (unsigned long long)passed, took);
    source_close(&source);
}

static void remove_folder(const char *folder)
{
    char command[256];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    (void)!system(command);
}

int main(int argc, char **argv)
{
    uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint32_t batch = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100;
    const char *base = getenv("TMPDIR");
    char folder[128];

    log_init("bench", LOG_ERROR);
    crypto_start();
    if (events == 0 || batch == 0 || batch > BATCH_EVENTS_MAX) {
        fprintf(stderr, "bench_replay [EVENTS] [BATCH]: at least 1, batches of at most 1,024\n");
        return 2;
    }
    (void)snprintf(
        folder, sizeof folder, "%s/waypost-replay.XXXXXX", base == NULL ? "/var/tmp" : base);
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    make_journal(folder, events, batch);
    measure(folder, "warm-up, nothing decoded", "opened");
    measure(folder, "a filter by kind, no event passes unread", "escalation_raised");
    measure(folder, "every event decoded and passed", NULL);
    measure(folder, "records alone, no event decoded", "opened");
    remove_folder(folder);
    return 0;
}
