/*
 * kin: see kin.h. It decides nothing about children, it only finds whom to ask after: one transfer too many does no harm. An event
 * that cannot be read links nothing, as the engine does not fold it either.
 */
#include "client/agent/kin.h"

#include <string.h>

#include "client/agent/cases.h"

#include "common/base/banned.h"

/* An event that says that a child of its transfer is the one of another reference. */
struct link {
    uint8_t transfer[UUID_BYTES];
    uint8_t ref[UUID_BYTES];
};

struct search {
    agent_core_t *core;
    struct buf *transfers; /* ids, in the order in which they were found */
    struct buf refs;       /* children likewise */
    struct buf links;      /* struct link, every one of the store */
};

static void add_id(struct buf *ids, const uint8_t *id)
{
    for (size_t at = 0; at < ids->len; at += UUID_BYTES) {
        if (memcmp(ids->data + at, id, UUID_BYTES) == 0) {
            return;
        }
    }
    buf_put(ids, id, UUID_BYTES);
}

/* ---- links ---- */

static void add_link(struct search *self, const struct event_view *view)
{
    struct fact_walk walk = event_facts(view);
    struct fact_value value;
    struct link link;

    memcpy(link.transfer, view->transfer, UUID_BYTES);
    while (view->kind == KIN_LINK_KIND && fact_next(&walk, &value)) {
        if (value.fact->type == FACT_SUBJECT && value.bytes.len == UUID_BYTES) {
            memcpy(link.ref, value.bytes.data, UUID_BYTES);
            buf_put(&self->links, &link, sizeof link);
        }
    }
}

static void find_links(struct search *self, bool own)
{
    struct buf events = {0};

    store_links(self->core->store, own, &events);
    for (size_t at = 0; at < events.len; at += UUID_BYTES) {
        struct buf bytes = {0};
        struct event_view view;
        if (cases_event_bytes(self->core, events.data + at, own, &bytes) &&
            event_read(buf_slice(&bytes), &view, NULL) == 0) {
            add_link(self, &view);
        }
        buf_free(&bytes);
    }
    buf_free(&events);
}

/* ---- one step further ---- */

static void see_transfer(struct search *self, const uint8_t *transfer)
{
    struct transfer_row row;
    const struct link *links = (const struct link *)self->links.data;

    if (store_transfer(self->core->store, transfer, &row) != 0) {
        row.subject_count = 0;
    }
    for (size_t i = 0; i < row.subject_count; i++) {
        add_id(&self->refs, row.subjects[i].ref);
    }
    for (size_t i = 0; links != NULL && i < self->links.len / sizeof *links; i++) {
        if (memcmp(links[i].transfer, transfer, UUID_BYTES) == 0) {
            add_id(&self->refs, links[i].ref);
        }
    }
}

static void see_child(struct search *self, const uint8_t *ref)
{
    struct buf found = {0};
    const struct link *links = (const struct link *)self->links.data;

    store_transfers_of(self->core->store, ref, &found);
    for (size_t at = 0; at < found.len; at += UUID_BYTES) {
        add_id(self->transfers, found.data + at);
    }
    for (size_t i = 0; links != NULL && i < self->links.len / sizeof *links; i++) {
        if (memcmp(links[i].ref, ref, UUID_BYTES) == 0) {
            add_id(self->transfers, links[i].transfer);
        }
    }
    buf_free(&found);
}

void kin_find(
    agent_core_t *self, const uint8_t *transfer, const struct event_view *said, struct buf *out)
{
    struct search search = {.core = self, .transfers = out};
    size_t transfers_seen = 0;
    size_t refs_seen = 0;
    uint8_t id[UUID_BYTES]; /* a copy: the lists grow meanwhile */

    find_links(&search, true);
    find_links(&search, false);
    if (said != NULL) {
        add_link(&search, said);
    }
    add_id(out, transfer);
    while (transfers_seen < out->len || refs_seen < search.refs.len) {
        if (transfers_seen < out->len) {
            memcpy(id, out->data + transfers_seen, UUID_BYTES);
            transfers_seen += UUID_BYTES;
            see_transfer(&search, id);
        } else {
            memcpy(id, search.refs.data + refs_seen, UUID_BYTES);
            refs_seen += UUID_BYTES;
            see_child(&search, id);
        }
    }
    buf_free(&search.refs);
    buf_free(&search.links);
}
