/*
 * expect_parts: the parts of expect.c, by what they ask about. Private to client/lab.
 */
#ifndef WAYPOST_LAB_EXPECT_PARTS_H
#define WAYPOST_LAB_EXPECT_PARTS_H

#include "client/lab/expect.h"

struct asking {
    const scenario_t *scenario;
    const struct rehearsal_network *network;
    const struct expectation *wanted;
    const char *view; /* wanted->view */
    int64_t now_ms;
    struct buf *got; /* what was found, where it does not hold */
};

/* About an event (expect_event.c). */
bool expect_verdict(const struct asking *self);
bool expect_receipts(const struct asking *self);
bool expect_payload(const struct asking *self);

/* About state (expect_state.c). */
bool expect_owner(const struct asking *self);
bool expect_flag(const struct asking *self);
bool expect_outstanding(const struct asking *self);
bool expect_hub(const struct asking *self);

/* About clocks (expect_clock.c). */
bool expect_clock(const struct asking *self);
bool expect_no_clock(const struct asking *self);

/* About records (expect_record.c). */
bool expect_breach(const struct asking *self);
bool expect_rule(const struct asking *self);
bool expect_recorded(const struct asking *self);

/* "T/NAME: " before what was found about one child. */
void got_child(const struct asking *self, uint32_t transfer, uint32_t child);
const uint8_t *child_ref(const struct asking *self, uint32_t child);
const uint8_t *event_id(const struct asking *self, uint32_t event);
const uint8_t *transfer_id(const struct asking *self, uint32_t transfer);

/* State as whoever is asked has it (expect_asked.c): as the functions of engine.h. */
size_t asked_owner(
    const struct asking *self, uint32_t child, enum dimension dimension, const char *out[8]);
void asked_clocks(const struct asking *self, uint32_t child,
    void (*visit)(void *context, const uint8_t *subject, const struct engine_clock *clock),
    void *context);
const char *asked_flag(const struct asking *self, uint32_t child, const char *name);
void asked_outstanding(const struct asking *self, uint32_t child,
    void (*visit)(void *context, const char *id, int64_t since_ms), void *context);
int64_t asked_measure(const struct asking *self, const char *name);

/* A due date or instant as a scenario writes it; text of CIVIL_STAMP_BYTES; returned. */
const char *due_word(const struct due *due, char *text);
const char *instant_word(int64_t at_ms, char *text);

#endif
