/* alarm_table: see alarm_table.h. Cannot fail. */
#include "common/alarm/alarm_table.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/words.h"

#include "common/base/banned.h"

static const struct alarm_info rows[] = {
    {"rollback", ALARM_AGENT, ALARM_OPERATOR, false,
        "the broker has forgotten what it once confirmed to us: publishing has stopped",
        "Do not clear it. Call the broker's operator and the registrar. Keep database and "
        "receipts: they are the proof.",
        "when its journal extends what we saw again"},
    {"fork", ALARM_AGENT, ALARM_OPERATOR, false,
        "the broker tells another history than the one we saw: publishing has stopped",
        "As rollback.", "when its journal extends what we saw again"},
    {"receipt", ALARM_AGENT, ALARM_OPERATOR, false,
        "a receipt does not verify: its events do not count as accepted", "As rollback.",
        "with the next session that is good"},
    {"restored", ALARM_AGENT, ALARM_IT_OFFICER, true,
        "this database is older than what the broker has of us: own events were fetched, a new "
        "incarnation was drawn",
        "Nothing, if you put back a copy. Else find out who did, or whether two machines run with "
        "one key.",
        "taken on"},
    {"conflict", ALARM_AGENT, ALARM_IT_OFFICER, true, "another event stands under a number of ours",
        "As clone, then restored.", "taken on"},
    {"clone", ALARM_AGENT, ALARM_IT_OFFICER, true, "another program uses our key",
        "Find the second process or machine and stop it. None of yours: the key is in other hands, "
        "revoke it.",
        "taken on"},
    {"refused", ALARM_AGENT, ALARM_DESK, true,
        "the broker refused an event, or it could not be made",
        "waypost show ID says why; send a corrected one.", "taken on"},
    {"returned", ALARM_AGENT, ALARM_DESK, true,
        "an event came back: its code is split, abolished or unknown",
        "waypost show ID has the choice; send anew to the right one.", "taken on"},
    {"fork_seen", ALARM_AGENT, ALARM_OPERATOR, false,
        "what the broker signed, or another agent signed of it, is of another history than ours",
        "Keep the proof: waypost heads --evidence FILE. Compare with that agent by telephone; call "
        "the broker's operator and the registrar.",
        "it stays"},
    {"recovered", ALARM_AGENT, ALARM_OPERATOR, true,
        "the broker came back from a backup and has named what it lost; what we had sent in that "
        "gap is sent again",
        "Look at waypost outbox until all is accepted; ask the broker's operator what happened.",
        "taken on"},
    {"lost_events", ALARM_AGENT, ALARM_OPERATOR, false,
        "what the broker lost with its journal, and had accepted under an earlier incarnation of "
        "this agent, is not taken again",
        "What is new goes on. The events stay in the outbox (waypost outbox); restart the agent "
        "once the broker's operator has found why.",
        "when they are accepted"},
    {"gap", ALARM_AGENT, ALARM_OPERATOR, false,
        "the broker names less as lost than we have seen: publishing has stopped",
        "Its operator runs waypost recover --widen with our number (section 8).",
        "when it names enough"},
    {"unproven", ALARM_AGENT, ALARM_OPERATOR, false,
        "the broker has not proved its newest head for an hour",
        "Ask its operator whether its tree is readable (waypost verify).", "when it has"},
    {"erasure_refused", ALARM_AGENT, ALARM_DESK, true, "the broker refused an erasure",
        "waypost erase --list says why.", "taken on"},
    {"erasure_late", ALARM_AGENT, ALARM_DESK, false,
        "a holder has not confirmed an erasure for a week",
        "waypost erase --list names it; telephone: its agent must come online once.",
        "when all have"},
    {"bad_erasure", ALARM_AGENT, ALARM_REGISTRAR, true,
        "somebody would have us destroy a payload without the right signature",
        "Nothing was destroyed; tell the registrar.", "taken on"},
    {"payload_missing", ALARM_AGENT, ALARM_DESK, false,
        "an event came without its payload, said to be erased, and no order came",
        "The broker may keep it back: call the sender, who can send it again.",
        "when the order comes"},
    {"publish", ALARM_AGENT, ALARM_IT_OFFICER, false, "the broker takes nothing at present",
        "Its sentence says why (no room, an old register); it is tried again by itself.",
        "with the next receipt"},
    {"delivery_fault", ALARM_AGENT, ALARM_DESK, true, "a recipient could not use our event",
        "Usually its keys (section 9, order of a rotation); send it again.", "taken on"},
    {"bad_event", ALARM_AGENT, ALARM_DESK, true,
        "an event for us does not verify and takes no effect",
        "Ask the sender to send it again; note the id.", "taken on"},
    {"bad_payload", ALARM_AGENT, ALARM_DESK, true,
        "the sealed part of an event for us cannot be opened; its facts stand",
        "Ask the sender to send it again; note the id.", "taken on"},
    {"bad_acknowledgement", ALARM_AGENT, ALARM_OPERATOR, true,
        "an acknowledgement does not bear its agent's signature",
        "It does not count; tell the broker's operator.", "taken on"},
    {"withheld", ALARM_AGENT, ALARM_DESK, true,
        "the broker says that a recipient has our event, and what that recipient signed does not "
        "name it",
        "Telephone the recipient: it may not have the event. Tell the broker's operator and the "
        "registrar; waypost heads keeps the proofs.",
        "taken on"},
    {"broker_time", ALARM_AGENT, ALARM_IT_OFFICER, true,
        "the broker dates something before it was sent, or after now, by more than 10 minutes",
        "One of three clocks is wrong: look at yours first, then telephone the broker's operator.",
        "taken on"},
    {"missing", ALARM_AGENT, ALARM_DESK, false, "a sender's event number has not come for an hour",
        "Ask that authority to look at waypost outbox and send again.", "when it comes"},
    {"stream_diverged", ALARM_AGENT, ALARM_OPERATOR, false,
        "what the broker has for us is not what we remember of it",
        "Goes by itself: it is fetched again.", "when they agree"},
    {"stream_gap", ALARM_AGENT, ALARM_IT_OFFICER, true,
        "this database lacks entries that were acknowledged: it was put back from a copy; the "
        "sentence has their numbers",
        "waypost trace (operator) or the senders say which events they were: ask for them again.",
        "taken on"},
    {"session", ALARM_AGENT, ALARM_IT_OFFICER, false, "the broker ended the session",
        "The sentence says why; versions of both.", "with the next session that is good"},
    {"protocol", ALARM_AGENT, ALARM_IT_OFFICER, true, "the broker speaks what we do not understand",
        "Versions of both; the sentence says more.",
        "taken on, or with the next session that is good"},
    {"revoked", ALARM_AGENT, ALARM_REGISTRAR, false, "our key or agent was revoked",
        "If you did not ask for it, telephone the registrar; new keys, section 9.",
        "with the next session that is good"},
    {"key_rejected", ALARM_AGENT, ALARM_REGISTRAR, false,
        "the broker does not take our connection key",
        "Not in the register yet, ended, or revoked: waypost status shows the keys; ask the "
        "registrar. The agent goes on trying.",
        "with the next session that is good"},
    {"not_registered", ALARM_AGENT, ALARM_REGISTRAR, false, "the register does not name this agent",
        "The registrar has not put in the card, or another id.", "when it does"},
    {"key_ends_connection", ALARM_AGENT, ALARM_IT_OFFICER, false,
        "our connection key ends within 30 days, has ended, or is not in the register",
        "Rotate, section 9.", "when another is in force"},
    {"key_ends_signing", ALARM_AGENT, ALARM_IT_OFFICER, false,
        "our signing key ends within 30 days, has ended, or is not in the register",
        "Rotate, section 9.", "when another is in force"},
    {"key_ends_sealing", ALARM_AGENT, ALARM_IT_OFFICER, false,
        "our sealing key ends within 30 days, has ended, or is not in the register",
        "Rotate, section 9.", "when another is in force"},
    {"register", ALARM_AGENT | ALARM_BROKER, ALARM_REGISTRAR, false,
        "a new register was not taken; the one before stays in force",
        "Was it signed by the roots, is its version higher? The log has the sentence.",
        "when one is taken"},
    {"register_stale", ALARM_AGENT | ALARM_BROKER, ALARM_REGISTRAR, false,
        "the register is older than its makers allow", "A new issue. Delivery goes on.",
        "with a newer one"},
    {"receiver", ALARM_AGENT, ALARM_IT_OFFICER, false,
        "the on-delivery program did not take an event",
        "Run it by hand with waypost show ID --json; it is tried again by itself.",
        "when it takes one"},
    {"storage", ALARM_AGENT | ALARM_BROKER, ALARM_IT_OFFICER, false,
        "the disk does not keep what it is given", "Free space, then the disk (dmesg, SMART).",
        "when it does again"},
    {"event_dead", ALARM_AGENT | ALARM_BROKER, ALARM_DESK, false,
        "an accepted event has not reached its recipient's disk for alarm-dead",
        "Their agent is away: telephone that authority. The event waits and is not lost.",
        "when it does"},
    {"event_unread", ALARM_AGENT | ALARM_BROKER, ALARM_DESK, false,
        "an event lies on its recipient's disk and nobody has opened it for alarm-unread",
        "Telephone that authority's duty desk.", "when somebody opens it"},
    {"inbox_unread", ALARM_AGENT, ALARM_DESK, false,
        "an event for us has lain here unopened for alarm-unread",
        "waypost inbox --unopened: open it, or hand it to who must.",
        "when all older ones are opened"},
    {"uplink_away", ALARM_AGENT, ALARM_IT_OFFICER, false,
        "the broker has taken nothing of ours for alarm-dead: events wait here",
        "waypost check: network, clock, keys. Telephone what cannot wait.", "when it takes them"},
    {"deadline_breached", ALARM_AGENT, ALARM_TEAM_MANAGER, true,
        "a deadline of the procedures has run out",
        "waypost clocks says whose it is; act, then answer with the event that settles it.",
        "taken on"},
    {"agent_silent", ALARM_BROKER, ALARM_OPERATOR, false,
        "an agent that was here has been away for alarm-silence",
        "Call that authority's IT officer.", "when it is back"},
    {"agent_key_ends", ALARM_BROKER, ALARM_REGISTRAR, false,
        "an agent's key ends within 30 days, or has ended",
        "Remind that authority: rotate, section 9.", "when another is in force"},
    {"clock_offset", ALARM_AGENT | ALARM_BROKER, ALARM_IT_OFFICER, false,
        "the clock is more than 5 s off: a broker holds deadlines, an agent's events may be "
        "refused",
        "timedatectl; NTP on both. A broker: HUP when it is right.", "when it agrees again"},
    {"disk_low", ALARM_AGENT | ALARM_BROKER, ALARM_IT_OFFICER, false,
        "less than 1 GiB (a broker: free-min) is free where the data lives",
        "Make room or grow the disk. Never delete segments.", "when there is room"},
    {"sync_slow", ALARM_AGENT | ALARM_BROKER, ALARM_IT_OFFICER, false,
        "the disk took longer than alarm-sync to sync, more than once in ten minutes",
        "Look at the disk and at who else uses it.", "after ten minutes without"},
    {"broker_storage", ALARM_AGENT, ALARM_OPERATOR, false,
        "the broker answers, and has stored nothing for 30 s", "Tell its operator.",
        "when it stores again"},
    {"door_closed", ALARM_BROKER, ALARM_IT_OFFICER, false,
        "the broker is out of descriptors: it takes no new connection, those that stand go on",
        "Raise LimitNOFILE, or see who opens so many (ss -tn).",
        "after a minute in which every one was taken"},
    {"chain_mismatch", ALARM_BROKER, ALARM_OPERATOR, true,
        "an agent saw a head that is not ours, remembers another stream, or another event stands "
        "under a number",
        "Was a backup restored, here or there? The log names the agent. waypost verify.",
        "taken on"},
    {"journal_damaged", ALARM_BROKER, ALARM_OPERATOR, false,
        "records of the journal are damaged; the rest serves",
        "waypost verify FOLDER names them: put them back from a backup (section 8).",
        "at a start that finds none"},
    {"region_dead", ALARM_HUB, ALARM_HUB_OFFICER, false,
        "events for authorities of the region have waited at the broker for alarm-dead",
        "Their agents are away: call the IT officers of those it names.",
        "when the events are on their disks"},
    {"region_unread", ALARM_HUB, ALARM_HUB_OFFICER, false,
        "events lie unopened at authorities of the region for alarm-unread",
        "Telephone the duty desks of those it names; waypost hub unopened lists the events.",
        "when somebody there opens them"},
    {"region_breached", ALARM_HUB, ALARM_HUB_OFFICER, false,
        "deadlines that bind authorities of the region have run out and are not met",
        "waypost hub deadlines --missed; call the team managers of those it names.",
        "when they are met or fall away"},
    {"region_quiet", ALARM_HUB, ALARM_HUB_OFFICER, false,
        "authorities of the region owe something and were not heard of for quiet-after",
        "Telephone the duty desks of those it names.", "when they are heard of"},
    {"region_away", ALARM_HUB, ALARM_HUB_OFFICER, false,
        "agents of authorities of the region are away from the broker for not-listening-after",
        "Call the IT officers of those it names.", "when they are back"},
    {"tables_incomplete", ALARM_HUB, ALARM_OPERATOR, false,
        "when this hub was filled its broker could not read all of its journal",
        "waypost verify FOLDER at the broker names the records: put them back from a backup "
        "(section 8); then waypost-hub --rebuild, once.",
        "with a rebuild that misses nothing"},
    {"procedures", ALARM_BROKER, ALARM_OPERATOR, false,
        "a new set of procedures was refused, or judges otherwise than before; those before stay "
        "in force",
        "The log names file, line and nearest word.", "when a set is taken"},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

const char *alarm_actor_word(enum alarm_actor actor)
{
    static const char *const words[ALARM_ACTORS] = {"the duty desk", "the team manager",
        "the IT officer", "the broker's operator", "the registrar", "the hub officer"};

    assert((size_t)actor < ALARM_ACTORS);
    return words[actor];
}

size_t alarm_count(void)
{
    return ROWS;
}

const struct alarm_info *alarm_at(size_t index)
{
    return index < ROWS ? &rows[index] : NULL;
}

const struct alarm_info *alarm_info(const char *name)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static const char *name_at(const void *context, size_t index)
{
    (void)context;
    return index < ROWS ? rows[index].name : NULL;
}

const char *alarm_nearest(const char *name)
{
    return words_nearest(name, name_at, NULL);
}
