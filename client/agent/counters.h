/*
 * counters: what an agent counts since it started, with what its IT officer should do. docs/OPERATING.md section 6 shows
 * the table.
 */
#ifndef WAYPOST_AGENT_COUNTERS_H
#define WAYPOST_AGENT_COUNTERS_H

#include <stddef.h>

/* X(symbol, name, text) */
#define AGENT_COUNTER_TABLE(X)                                                                     \
    X(FRAMES_IN, "frames_in", "Frames received from the broker. Nothing to do.")                   \
    X(FRAMES_OUT, "frames_out", "Frames sent to it. Nothing to do.")                               \
    X(SESSIONS, "sessions", "Sessions begun. Rising fast: a flapping line.")                       \
    X(SESSIONS_LOST, "sessions_lost",                                                              \
        "Connections that ended or could not be made. Rising: look at the network.")               \
    X(EVENTS_ACCEPTED, "events_accepted",                                                          \
        "Own events that the broker has on its disk (A0). Nothing to do.")                         \
    X(RECEIPTS_BAD, "receipts_bad",                                                                \
        "Receipts that did not verify. Must be 0: the alarm receipt says what to do.")             \
    X(ENTRIES_PERSISTED, "entries_persisted",                                                      \
        "Entries of the stream taken onto this disk (A1). Nothing to do.")                         \
    X(ENTRIES_FAULTY, "entries_faulty",                                                            \
        "Of them those that do not verify or cannot be opened. Ask the sender to send again.")     \
    X(ENTRIES_REPEATED, "entries_repeated",                                                        \
        "Deliveries that were here already. Rising: a bad line.")                                  \
    X(RESENDS, "resends", "Times the broker was asked to send again. Rising: a bad line.")         \
    X(ACKS, "acknowledgements", "Acknowledgements sent. Nothing to do.")                           \
    X(OPENINGS, "openings", "Events opened here (A2). Nothing to do.")                             \
    X(REFUSALS, "refusals", "Refusals by the broker. waypost alarms and the log say why.")         \
    X(PROBES, "probes", "Signed probes that went round. Nothing to do.")                           \
    X(PROBES_BAD, "probes_bad",                                                                    \
        "Answers to probes that do not verify. Must be 0: call the operator of the broker.")       \
    X(REQUESTS, "requests", "Requests of the local interface. Nothing to do.")                     \
    X(REQUESTS_REFUSED, "requests_refused",                                                        \
        "Of them those answered with an error. Nothing to do.")                                    \
    X(RECEIVER_RUNS, "receiver_runs", "Runs of the on-delivery program. Nothing to do.")           \
    X(RECEIVER_FAILURES, "receiver_failures",                                                      \
        "Of them those that failed. Run it by hand with waypost show ID --json.")                  \
    X(COMMITS_FAILED, "commits_failed",                                                            \
        "Transactions that the database could not keep. Free space, then the disk.")               \
    X(ALARMS_RAISED, "alarms_raised", "Alarms raised. waypost alarms.")                            \
    X(ALARMS_SENT, "alarms_sent",                                                                  \
        "Alarms handed to alarm-command or mail, repeats included. Nothing to do.")                \
    X(ALARMS_UNSENT, "alarms_unsent", "Of them those that it did not take. Run it by hand.")

enum agent_counter {
#define AGENT_COUNTER_ENUM(symbol, name, text) AGENT_##symbol,
    AGENT_COUNTER_TABLE(AGENT_COUNTER_ENUM)
#undef AGENT_COUNTER_ENUM
        AGENT_COUNTER_COUNT
};

const char *agent_counter_name(size_t index); /* NULL beyond the last */
const char *agent_counter_text(size_t index); /* what to do; NULL beyond the last */

#endif
