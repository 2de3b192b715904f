/*
 * codec_sample: made-up events for the codec's tests. Header only, since each test is one program.
 */
#ifndef WAYPOST_TESTS_CODEC_SAMPLE_H
#define WAYPOST_TESTS_CODEC_SAMPLE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/check.h"
#include "common/codec/event.h"
#include "common/codec/wire.h"

#define SAMPLE_NOW_MS INT64_C(1773655500000) /* 2026-03-16T10:05:00Z */
#define SAMPLE_UUID "01890a5d-ac96-774b-bcce-b302099a8057"
#define SAMPLE_DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

enum { SAMPLE_FACTS_MAX = 32 };

/* A head that is right in everything, from one authority to one other about one child. */
static inline struct event_view sample_head(uint32_t kind)
{
    struct event_view head = {
        .kind = kind,
        .schema = CATALOGUE_SCHEMA,
        .origin = "E09000019",
        .receiving = "E09000007",
        .from = "E09000019",
        .subject_count = 1,
        .recipient_count = 1,
        .occurred_ms = SAMPLE_NOW_MS - 60000,
        .sent_ms = SAMPLE_NOW_MS,
        .incarnation = UINT64_C(0xfedcba9876543210),
        .sequence = 12,
    };
    assert(uuid_parse(SAMPLE_UUID, head.id) == 0);
    memset(head.transfer, 0x5a, sizeof head.transfer);
    memset(head.subjects[0].ref, 0xa5, sizeof head.subjects[0].ref);
    head.subjects[0].case_type = 1;
    head.to[0] = (struct recipient){.code = "E09000007", .n = 3};
    return head;
}

/* A value of a fact as a person would type it; of a list two. */
static inline const char *sample_text(const struct fact_info *fact)
{
    static char list[160];
    static const char *const texts[] = {
        [FACT_BOOL] = "yes",
        [FACT_INT] = "24",
        [FACT_DATE] = "2026-04-08",
        [FACT_TIME] = "2026-04-08T15:40:00Z",
        [FACT_CODE] = "E09000007",
        [FACT_ID] = "CAM-1",
        [FACT_HASH] = SAMPLE_DIGEST,
        [FACT_REF] = SAMPLE_UUID,
        [FACT_SUBJECT] = "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5",
        [FACT_TEXT] = "Words that stay sealed",
    };
    const char *one =
        fact->type == FACT_ENUM ? fact->values[fact->value_count - 1] : texts[fact->type];
    const char *other = fact->type == FACT_ENUM ? fact->values[0] : one;

    if (!fact->list) {
        return one;
    }
    (void)snprintf(list, sizeof list, "%s,%s", one, other);
    return list;
}

/* Every fact of a kind with a sample value. Values are copied into texts. Returns their number. */
static inline size_t sample_facts(
    const struct kind_info *kind, struct fact_text *facts, char texts[SAMPLE_FACTS_MAX][160])
{
    const uint32_t *columns[] = {kind->required, kind->optional};
    size_t count = 0;

    for (int c = 0; c < 2; c++) {
        for (const uint32_t *number = columns[c]; *number != 0; number++) {
            const struct fact_info *fact = catalogue_fact(*number);
            assert(count < SAMPLE_FACTS_MAX);
            (void)snprintf(texts[count], 160, "%s", sample_text(fact));
            facts[count] = (struct fact_text){fact->name, texts[count]};
            count++;
        }
    }
    return count;
}

/* Encode and join; the caller frees out. The draft must be right. */
static inline void sample_event(const struct event_draft *draft, struct buf *out)
{
    struct buf header = {0};
    struct buf facts = {0};
    struct complaint why = {0};

    if (event_encode(draft, &header, &facts, &why) != 0) {
        fail_msg("%s", why.text);
    }
    event_join(buf_slice(&header), buf_slice(&facts), NULL, out);
    buf_free(&header);
    buf_free(&facts);
}

/* An event of the kind with all its facts. */
static inline void sample_full_event(const struct kind_info *kind, struct buf *out)
{
    struct fact_text facts[SAMPLE_FACTS_MAX];
    char texts[SAMPLE_FACTS_MAX][160];
    struct event_draft draft = {.head = sample_head(kind->number), .facts = facts};

    draft.fact_count = sample_facts(kind, facts, texts);
    sample_event(&draft, out);
}

/* An event of the kind whose message holds exactly these bytes. */
static inline void sample_raw_event(uint32_t kind, struct slice kind_facts, struct buf *out)
{
    struct event_draft draft = {.head = sample_head(1)};
    struct buf header = {0};
    struct buf none = {0};
    struct buf facts = {0};

    /* The kind's number is the one byte behind the id: 18 bytes of it, and a tag. */
    assert(kind < 128 && event_encode(&draft, &header, &none, NULL) == 0);
    assert(header.data[18] == 2 << 3);
    header.data[19] = (uint8_t)kind;
    wire_put_bytes(&facts, kind, kind_facts);
    event_join(buf_slice(&header), buf_slice(&facts), NULL, out);
    buf_free(&header);
    buf_free(&none);
    buf_free(&facts);
}

#endif
