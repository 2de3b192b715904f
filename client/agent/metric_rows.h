/* metric_rows: the families on an agent's /metrics, besides its counters (counters.h). */
#ifndef WAYPOST_AGENT_METRIC_ROWS_H
#define WAYPOST_AGENT_METRIC_ROWS_H

/* X(symbol, name, type, unit, label, text) */
#define AGENT_METRIC_TABLE(X)                                                                      \
    X(ONLINE, "online", METRIC_GAUGE, "", NULL,                                                    \
        "1 while a session with the broker is open and checked. 0 for minutes: waypost check.")    \
    X(STOPPED, "publish_stopped", METRIC_GAUGE, "", NULL,                                          \
        "1 where publishing has stopped. waypost alarms says why: do not clear it.")               \
    X(HEARD, "broker_heard_age_seconds", METRIC_GAUGE, "seconds", NULL,                            \
        "Since the last frame of the broker. As online.")                                          \
    X(PROBED, "broker_probe_age_seconds", METRIC_GAUGE, "seconds", NULL,                           \
        "Since a signed probe of the broker last went round. Above 90: as online.")                \
    X(STORED, "broker_stored_age_seconds", METRIC_GAUGE, "seconds", NULL,                          \
        "How old what the broker last stored was then. Above 30: tell its operator.")              \
    X(CLOCK, "clock_offset_seconds", METRIC_GAUGE, "seconds", NULL,                                \
        "The broker's clock less ours. Beyond 5: check NTP on both.")                              \
    X(WAITING, "outbox_events", METRIC_GAUGE, "", "state",                                         \
        "Own events that are not accepted: waiting, sent, refused. waypost outbox.")               \
    X(OLDEST_WAITING, "oldest_waiting_seconds", METRIC_GAUGE, "seconds", NULL,                     \
        "Age of the oldest that waits for the broker. Minutes while online: report it.")           \
    X(UNPERSISTED, "unpersisted_events", METRIC_GAUGE, "", NULL,                                   \
        "Accepted and not on the recipient's disk. Its agent is away: telephone.")                 \
    X(OLDEST_UNPERSISTED, "oldest_unpersisted_seconds", METRIC_GAUGE, "seconds", NULL,             \
        "Age of the oldest of them. The alarm event_dead names it.")                               \
    X(UNREAD, "unread_events", METRIC_GAUGE, "", NULL,                                             \
        "On the recipient's disk and opened by nobody there. Nothing to do for hours; then "       \
        "telephone.")                                                                              \
    X(OLDEST_UNREAD, "oldest_unread_seconds", METRIC_GAUGE, "seconds", NULL,                       \
        "Age of the oldest of them. The alarm event_unread names it.")                             \
    X(UNOPENED, "unopened_events", METRIC_GAUGE, "", NULL,                                         \
        "Received and not opened here. waypost inbox --unopened.")                                 \
    X(OLDEST_UNOPENED, "oldest_unopened_seconds", METRIC_GAUGE, "seconds", NULL,                   \
        "Age of the oldest of them. Hours: somebody must open it.")                                \
    X(UPTO, "stream_upto", METRIC_GAUGE, "", NULL,                                                 \
        "Last number of the stream that is on this disk. Nothing to do.")                          \
    X(ACKED, "stream_acknowledged", METRIC_GAUGE, "", NULL,                                        \
        "Last number whose acknowledgement the broker has. Behind stream_upto for minutes: "       \
        "report it.")                                                                              \
    X(HEAD, "broker_head_size", METRIC_GAUGE, "", NULL,                                            \
        "Leaves of the highest signed head of the broker that was verified. Never falls.")         \
    X(REGISTER, "register_version", METRIC_GAUGE, "", NULL,                                        \
        "Version of the register in force. Nothing to do.")                                        \
    X(KEY_LEFT, "key_remaining_seconds", METRIC_GAUGE, "seconds", "use",                           \
        "Until our last key of a use ends; absent where it has no end. Below 30 days: rotate, "    \
        "section 9.")                                                                              \
    X(ALARMS, "alarms", METRIC_GAUGE, "", "alarm",                                                 \
        "1 for each alarm that is up, 0.5 where somebody has taken it on. waypost alarms says "    \
        "who must act.")                                                                           \
    X(FREE, "free_bytes", METRIC_GAUGE, "bytes", NULL,                                             \
        "Free space where the database lives. Near 1 GiB: make room.")                             \
    X(DATABASE, "database_bytes", METRIC_GAUGE, "bytes", NULL,                                     \
        "Size of the database. Nothing to do.")                                                    \
    X(SYNC, "sync_seconds", METRIC_HISTOGRAM, "seconds", NULL,                                     \
        "How long transactions took to be synced. Rising: look at the disk.")                      \
    X(ACCEPTED, "accepted_seconds", METRIC_HISTOGRAM, "seconds", NULL,                             \
        "From sending a batch until its receipt. Rising: the network or the broker's disk.")       \
    X(ARRIVAL, "arrival_seconds", METRIC_HISTOGRAM, "seconds", NULL,                               \
        "From an event's acceptance by the broker until it was on this disk. Long where this "     \
        "agent was away.")

enum agent_metric {
#define AGENT_METRIC_ENUM(symbol, name, type, unit, label, text) AGENT_METRIC_##symbol,
    AGENT_METRIC_TABLE(AGENT_METRIC_ENUM)
#undef AGENT_METRIC_ENUM
        AGENT_METRIC_COUNT
};

#endif
