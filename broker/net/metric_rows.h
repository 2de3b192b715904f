/*
 * metric_rows: every family on the broker's /metrics, besides the counters of the core, the edge and the doorkeeper,
 * which have tables of their own and appear as waypost_broker_NAME_total.
 */
#ifndef WAYPOST_BROKER_NET_METRIC_ROWS_H
#define WAYPOST_BROKER_NET_METRIC_ROWS_H

#include "common/metrics/metrics.h"

#define BROKER_METRICS_PROGRAM "waypost_broker"

/* X(symbol, name, type, unit, label, text) */
#define BROKER_METRIC_TABLE(X)                                                                     \
    X(SESSIONS, "sessions", METRIC_GAUGE, "", NULL,                                                \
        "Agents connected. Falling: call those that are missing.")                                 \
    X(PENDING, "pending_entries", METRIC_GAUGE, "", "age",                                         \
        "Entries that no agent has acknowledged, by how old they are (up to). Old ones: waypost "  \
        "shape says whose; call that authority.")                                                  \
    X(PENDING_AGENTS, "pending_agents", METRIC_GAUGE, "", NULL,                                    \
        "Agents that something waits for. Nothing to do.")                                         \
    X(OLDEST_PENDING, "oldest_pending_seconds", METRIC_GAUGE, "seconds", NULL,                     \
        "Age of the oldest entry that waits, within a minute. As pending_entries.")                \
    X(UNOPENED, "unopened_events", METRIC_GAUGE, "", NULL,                                         \
        "Events on agents' disks that nobody has opened. Nothing to do.")                          \
    X(OLDEST_UNOPENED, "oldest_unopened_seconds", METRIC_GAUGE, "seconds", NULL,                   \
        "Age of the oldest of them. Days: telephone that authority.")                              \
    X(SILENCE, "silence_seconds", METRIC_GAUGE, "seconds", NULL,                                   \
        "How long the agent that is away longest has been away. The alarm agent_silent names it.") \
    X(HELD, "held_entries", METRIC_GAUGE, "", NULL,                                                \
        "Entries that operators have set aside. Release them in the end.")                         \
    X(INFLIGHT, "inflight_bytes", METRIC_GAUGE, "bytes", NULL,                                     \
        "Accepted and not yet on disk. Near the option inflight: the disk is too slow.")           \
    X(FREE, "free_bytes", METRIC_GAUGE, "bytes", NULL,                                             \
        "Free space where the journal lives. Near free-min: make room.")                           \
    X(SCRATCH, "scratch_bytes", METRIC_GAUGE, "bytes", NULL,                                       \
        "Cases at rest, in files without a name where the journal lives; memory that the kernel "  \
        "may take. Nothing to do.")                                                                \
    X(LEAVES, "journal_leaves", METRIC_GAUGE, "", NULL,                                            \
        "Records in the journal's tree: the size of its signed head. Never falls.")                \
    X(EPOCH, "journal_epoch", METRIC_GAUGE, "", NULL,                                              \
        "Rises when the journal is recovered from a backup. Nothing to do.")                       \
    X(STORED, "stored_age_seconds", METRIC_GAUGE, "seconds", NULL,                                 \
        "Since something was last signed, synced and read back. Above 30: look at the disk.")      \
    X(FOLDING, "folding", METRIC_GAUGE, "", NULL,                                                  \
        "1 while the journal is folded after a start: judging waits. For hours: report it.")       \
    X(PROCEDURES, "procedures_on", METRIC_GAUGE, "", NULL,                                         \
        "1 while events are judged. 0: procedures = none.")                                        \
    X(REGISTER, "register_version", METRIC_GAUGE, "", NULL,                                        \
        "Version of the register in force. Nothing to do.")                                        \
    X(REGISTER_STALE, "register_stale_seconds", METRIC_GAUGE, "seconds", NULL,                     \
        "Until the register is older than its makers allow; absent where they set no limit. Near " \
        "0: sign a new one.")                                                                      \
    X(KEYS_ENDING, "agent_keys_ending", METRIC_GAUGE, "", NULL,                                    \
        "Keys of agents that end within 30 days or have ended. The alarm agent_key_ends names "    \
        "the first.")                                                                              \
    X(CLOCK_OFF, "clock_offset_seconds", METRIC_GAUGE, "seconds", NULL,                            \
        "Wall clock less what boot time says. Beyond 5: deadlines are held; check NTP.")           \
    X(ALARMS, "alarms", METRIC_GAUGE, "", "alarm",                                                 \
        "1 for each alarm that is up, 0.5 where somebody has taken it on. waypost alarms "         \
        "--broker says who must act.")                                                             \
    X(SYNC, "sync_seconds", METRIC_HISTOGRAM, "seconds", NULL,                                     \
        "How long commits took to be written and synced. Rising: look at the disk.")               \
    X(DURABLE, "durable_seconds", METRIC_HISTOGRAM, "seconds", NULL,                               \
        "From the first record of a commit until it was durable: what a receipt waits for. As "    \
        "sync_seconds.")                                                                           \
    X(DELIVERY, "delivery_seconds", METRIC_HISTOGRAM, "seconds", NULL,                             \
        "From sending an entry to its acknowledgement, in milliseconds. Rising: look at the "      \
        "network and the agents.")

enum broker_metric {
#define BROKER_METRIC_ENUM(symbol, name, type, unit, label, text) BROKER_METRIC_##symbol,
    BROKER_METRIC_TABLE(BROKER_METRIC_ENUM)
#undef BROKER_METRIC_ENUM
        BROKER_METRIC_COUNT
};

const struct metric *broker_metric(enum broker_metric which); /* static */

/* Is this counter of the edge left out, because a histogram says it better? */
bool broker_counter_hidden(size_t net_counter);

/* The rows of docs/OPERATING.md, all families in the order of the page. */
void broker_metrics_put_table(struct buf *out);

#endif
