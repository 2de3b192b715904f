/*
 * counters: what the edge counts since it started, with what the operator should do. docs/OPERATING.md shows the table
 * together with that of broker/core/counters.h and the doorkeeper's.
 */
#ifndef WAYPOST_BROKER_NET_COUNTERS_H
#define WAYPOST_BROKER_NET_COUNTERS_H

#include <stddef.h>

/* X(symbol, name, text) */
#define NET_COUNTER_TABLE(X)                                                                       \
    X(NET_BYTES_IN, "bytes_in", "Bytes of frames received. Nothing to do.")                        \
    X(NET_BYTES_OUT, "bytes_out", "Bytes of frames sent. Nothing to do.")                          \
    X(NET_MULTIPART, "frames_multipart", "Messages of several parts. Find out whose key it is.")   \
    X(NET_UNNAMED, "frames_unnamed",                                                               \
        "Messages without a proven key, dropped. Must be 0: report it.")                           \
    X(NET_ROUTED, "frames_routed", "Peers that set a routing id, dropped. Find out whose key.")    \
    X(NET_UNREACHABLE, "sends_unreachable", "Frames for peers that were gone. Nothing to do.")     \
    X(NET_BUSY, "sends_busy", "Frames for a full pipe. Credit should prevent it: report it.")      \
    X(NET_COMMITS, "commits", "Commits written and synced. Nothing to do.")                        \
    X(NET_COMMITS_INLINE, "commits_inline", "Of them by the network thread. Nothing to do.")       \
    X(NET_COMMIT_US, "commit_us", "Time spent in commits, µs. Divide by commits.")                 \
    X(NET_COMMIT_US_MAX, "commit_us_max", "The longest commit, µs. Rising: look at the disk.")     \
    X(NET_SNAPSHOTS, "snapshots_written", "Snapshots written. Nothing to do.")                     \
    X(NET_VERIFICATIONS, "verifications", "Signatures checked. Nothing to do.")                    \
    X(NET_ALARMS_SENT, "alarms_sent",                                                              \
        "Alarms handed to alarm-command or mail, repeats included. Nothing to do.")                \
    X(NET_ALARMS_UNSENT, "alarms_unsent", "Of them those that it did not take. Run it by hand.")

enum net_counter {
#define NET_COUNTER_ENUM(symbol, name, text) symbol,
    NET_COUNTER_TABLE(NET_COUNTER_ENUM)
#undef NET_COUNTER_ENUM
        NET_COUNTER_COUNT
};

const char *net_counter_name(size_t index); /* NULL beyond the last */
const char *net_counter_text(size_t index); /* what the operator should do; NULL beyond the last */

#endif
