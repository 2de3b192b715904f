/*
 * counters: what the core counts since it started, with what the operator should do. docs/OPERATING.md shows the table.
 */
#ifndef WAYPOST_BROKER_COUNTERS_H
#define WAYPOST_BROKER_COUNTERS_H

#include <stddef.h>

/* X(symbol, name, text) */
#define COUNTER_TABLE(X)                                                                           \
    X(FRAMES_IN, "frames_in", "Frames received. Nothing to do.")                                   \
    X(FRAMES_OUT, "frames_out", "Frames sent. Nothing to do.")                                     \
    X(BATCHES_ACCEPTED, "batches_accepted", "Batches receipted. Nothing to do.")                   \
    X(EVENTS_ACCEPTED, "events_accepted", "Events receipted (A0). Nothing to do.")                 \
    X(BATCHES_VOIDED, "batches_voided",                                                            \
        "Batches whose signature did not verify. Ask that agent which key it uses.")               \
    X(DUPLICATES, "duplicates",                                                                    \
        "Batches sent again and answered with the original receipt. Rising: a bad line.")          \
    X(EVENTS_DELIVERED, "events_delivered",                                                        \
        "Entries sent to recipients, repeats included. Nothing to do.")                            \
    X(EVENTS_SUPERSEDED, "events_superseded",                                                      \
        "Recipients routed to a successor. Senders should use the new code.")                      \
    X(EVENTS_RETURNED, "events_returned",                                                          \
        "Recipients unknown, split or abolished. Ask the sender to choose anew.")                  \
    X(EVENTS_DISCLOSED, "events_disclosed",                                                        \
        "What authorities recorded for themselves and another party has learnt since. Nothing to " \
        "do.")                                                                                     \
    X(ACKS_TAKEN, "acks_taken", "Acknowledgements that took effect. Nothing to do.")               \
    X(ACKS_REPEATED, "acks_repeated",                                                              \
        "Acknowledgements seen before. Rising: a bad line, or captured frames.")                   \
    X(OPENINGS_UNKNOWN, "openings_unknown",                                                        \
        "Openings of events too old to be told to the sender. Nothing to do.")                     \
    X(FAULTS, "faults",                                                                            \
        "Events that a recipient could not use. Look at both agents' keys with trace.")            \
    X(SESSIONS_OPENED, "sessions_opened",                                                          \
        "HELLOs answered with WELCOME. Rising fast: a flapping line.")                             \
    X(SESSIONS_SUPERSEDED, "sessions_superseded",                                                  \
        "Sessions taken over. With two instances: a key is used twice.")                           \
    X(SESSIONS_CLONED, "sessions_cloned",                                                          \
        "Taken over by another process with the same key. Find the second one.")                   \
    X(SESSIONS_SILENT, "sessions_silent",                                                          \
        "Sessions that fell silent. Rising: look at the network.")                                 \
    X(SESSIONS_LOST, "sessions_lost",                                                              \
        "Sessions whose connection was gone on sending. Nothing to do.")                           \
    X(SESSIONS_IGNORED, "sessions_ignored",                                                        \
        "Sessions ignored after malformed frames. Find out whose key it is.")                      \
    X(FRAMES_IGNORED, "frames_ignored",                                                            \
        "Frames of sessions that are over. Rising fast: a flood; use the firewall.")               \
    X(PIPE_FULL, "pipe_full",                                                                      \
        "Frames that the network could not take. Credit should prevent it: report it.")            \
    X(CONFLICTS, "conflicts",                                                                      \
        "Two events under one number. An agent was cloned or restored: call its owner.")           \
    X(DIVERGED, "diverged",                                                                        \
        "Running hashes that differ. An agent's store is damaged or restored: call its owner.")    \
    X(HEADS_NOT_EXTENDED, "heads_not_extended",                                                    \
        "An agent saw a head that is not ours. Was a backup restored here?")                       \
    X(UNREADABLE, "unreadable",                                                                    \
        "Times that a record of the journal was needed and could not be read. Run waypost "        \
        "verify at once.")                                                                         \
    X(REGISTERS_TAKEN, "registers_taken", "Registers brought into force. Nothing to do.")          \
    X(REGISTERS_REFUSED, "registers_refused",                                                      \
        "Registers refused. Read the log; the old one stays in force.")                            \
    X(HOLDS, "holds", "Events set aside by an operator. Release them in the end.")                 \
    X(RELEASES, "releases", "Events let go on. Nothing to do.")                                    \
    X(ERASURES, "erasures", "Payloads destroyed on demand. Nothing to do.")                        \
    X(ERASURES_CONFIRMED, "erasures_confirmed",                                                    \
        "Holders that have said so. Below erasures for long: waypost erase --list.")               \
    X(JUDGED_EFFECTIVE, "judged_effective", "Events that took effect. Nothing to do.")             \
    X(JUDGED_ALERT, "judged_alert", "Events that took effect and raised a flag. Nothing to do.")   \
    X(JUDGED_REFUSED, "judged_refused",                                                            \
        "Events delivered without effect. The sender is told the rules.")                          \
    X(JUDGED_HELD, "judged_held", "Events delivered that wait. The sender is told the rules.")     \
    X(JUDGED_UNJUDGED, "judged_unjudged",                                                          \
        "Events delivered without a verdict: procedures off, or a kind not known here.")           \
    X(DEADLINES_SET, "deadlines_set", "Clocks started. Nothing to do.")                            \
    X(DEADLINES_WARNED, "deadlines_warned", "Warnings before a deadline. Nothing to do.")          \
    X(DEADLINES_BREACHED, "deadlines_breached", "Deadlines passed. The parties and hubs know.")    \
    X(ALERTS_RAISED, "alerts_raised", "Rules flagged. The parties and hubs know.")                 \
    X(ALARMS_RAISED, "alarms_raised",                                                              \
        "Protective events that nobody opened in time. See that somebody telephones.")             \
    X(ENGINE_FAULTS, "engine_faults",                                                              \
        "Events that ended the process twice: delivered unjudged. Send the log to the "            \
        "developers.")                                                                             \
    X(SNAPSHOTS_PROCEDURES, "snapshots_procedures",                                                \
        "Snapshots of the procedures handed out to be written. Nothing to do.")                    \
    X(FOLD_RESUMED, "fold_resumed",                                                                \
        "1: the procedures went on from a snapshot at the start. 0: folded from the first "        \
        "record.")                                                                                 \
    X(FOLD_DIFFERENCES, "fold_differences",                                                        \
        "Journal and engine disagree after a start: another version judged. Run waypost diff.")    \
    X(CLOCK_STEPPED, "clock_stepped",                                                              \
        "The clock was set by more than 5 s: deadlines are held. Check it, then send HUP.")        \
    X(PROCEDURES_TAKEN, "procedures_taken", "Procedures brought into force. Nothing to do.")       \
    X(PROCEDURES_REFUSED, "procedures_refused",                                                    \
        "Procedures refused. Read the log; the old ones stay in force.")                           \
    X(SNAPSHOTS, "snapshots", "Snapshots handed out to be written. Nothing to do.")                \
    X(REFUSED_MALFORMED, "refused_malformed",                                                      \
        "Frames that cannot be read. Look for a wrong version or a hostile one.")                  \
    X(REFUSED_LIMITS, "refused_limits", "Frames beyond a limit. The sender's log says which.")     \
    X(REFUSED_KEY, "refused_key",                                                                  \
        "Keys unknown, revoked, not valid yet or no longer. Renew the agent's key.")               \
    X(REFUSED_SENDER, "refused_sender",                                                            \
        "Somebody spoke in another's name. Find out whose key it is.")                             \
    X(REFUSED_SIGNATURE, "refused_signature",                                                      \
        "Signatures that do not verify. Ask that agent which key it uses.")                        \
    X(REFUSED_GAP, "refused_gap",                                                                  \
        "Sequence numbers skipped. The agent sends from the expected one by itself.")              \
    X(REFUSED_STALE, "refused_stale",                                                              \
        "Batches made with an old register. The agent fetches the new one by itself.")             \
    X(REFUSED_BUSY, "refused_busy",                                                                \
        "Turned away for now: stop, shortage of disk, too much in flight.")                        \
    X(REFUSED_CREDIT, "refused_credit", "More sent than credit allows: a faulty agent.")           \
    X(REFUSED_SESSION, "refused_session",                                                          \
        "Frames without an open session. Agents open one by themselves.")                          \
    X(REFUSED_EVENT, "refused_event",                                                              \
        "Events refused for what they hold. The sender's log says why.")                           \
    X(REFUSED_OTHER, "refused_other", "Everything else refused. The agent's log says why.")

enum counter {
#define COUNTER_ENUM(symbol, name, text) COUNTER_##symbol,
    COUNTER_TABLE(COUNTER_ENUM)
#undef COUNTER_ENUM
        COUNTER_COUNT
};

const char *counter_name(size_t index); /* NULL beyond the last */
const char *counter_text(size_t index); /* what the operator should do; NULL beyond the last */
enum counter counter_of_refusal(int rc);

#endif
