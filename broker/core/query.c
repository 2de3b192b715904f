/*
 * query: is anyone listening? And the register for who asks. Answers from memory; open to every agent (S-23).
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/civil.h"

#include "common/base/banned.h"

/* Acceptance of the oldest event that waits; 0 for none. */
static int64_t oldest_pending(core_t *self, const struct stream *stream)
{
    if (stream->events == 0) {
        return 0;
    }
    for (uint64_t n = stream->acked + 1; n <= stream->last; n++) {
        const struct entry *entry = stream_entry(stream, n);
        if (entry->type == ENTRY_EVENT && (entry->flags & ENTRY_CLEAR) == 0) {
            const struct view *view = view_get(self, entry->position);
            return view == NULL ? history_time_at(self, entry->position) : view->accepted_ms;
        }
    }
    return 0;
}

static void answer_stream(core_t *self, const struct stream *stream, Waypost__Answer *answer)
{
    if (stream == NULL) {
        return;
    }
    answer->connected = stream->session != NULL;
    answer->last_contact_ms =
        stream->contact_ms > stream->seen_ms ? stream->contact_ms : stream->seen_ms;
    answer->pending = stream->events;
    answer->oldest_pending_ms = oldest_pending(self, stream);
    answer->unopened = stream->unopened;
    answer->oldest_unopened_ms = stream->oldest_unopened_ms;
}

void query_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    const Waypost__Query *query = frame->query;
    const struct register_authority *to = NULL;
    struct refusal refusal = {
        .frame = WAYPOST__FRAME__BODY_QUERY, .has_request = true, .request = query->request};
    Waypost__Answer answer = WAYPOST__ANSWER__INIT;
    Waypost__Frame out = WAYPOST__FRAME__INIT;

    (void)agent;
    enum register_route route = strlen(query->code) != CODE_BYTES
        ? ROUTE_UNKNOWN
        : register_route(self->reg, query->code, civil_london_day(self->now_ms), &to);
    if (route != ROUTE_DIRECT && route != ROUTE_SUCCESSOR) {
        (void)complain(&refusal.why, E_CODE,
            "Code %.12s leads to no single authority today; look it up with: waypost register "
            "show.",
            query->code);
        out_refuse(self, session->id, &refusal);
        return;
    }
    answer.request = query->request;
    answer.code = (char *)(uintptr_t)to->code;
    answer.registered = register_agent_serving(self->reg, to->code) != NULL;
    answer_stream(self, stream_named(self, serving_name(self->reg, to->code)), &answer);
    out.body_case = WAYPOST__FRAME__BODY_ANSWER;
    out.answer = &answer;
    out_frame(self, session->id, &out);
}

void register_get_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    struct slice bytes = register_bytes(self->reg);
    Waypost__RegisterIs is = WAYPOST__REGISTER_IS__INIT;
    Waypost__Frame out = WAYPOST__FRAME__INIT;

    (void)agent;
    (void)frame;
    is.version = register_version(self->reg);
    is.signed_register = (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.data};
    out.body_case = WAYPOST__FRAME__BODY_REGISTER_IS;
    out.register_is = &is;
    /* In force already, but nobody is to hold a register that a crash could take back. */
    uint64_t need = self->judging_paused && !self->settle_due ? journal_size(self->journal) : 0;
    out_frame_after(self, session->id, &out, need, false);
}
