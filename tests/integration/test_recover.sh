#!/bin/bash
# A broker's journal is lost and comes back from a backup: agents stop, waypost recover names the gap, and everybody goes
# on; what was accepted in the gap is sent again, and nobody gets anything twice. Promises 2 and 7.
. "$(dirname "$0")/../support/cluster.sh"

# As docs/OPERATING.md, section 8, says: the segments alone, while the broker runs.
back_up() {
    mkdir "$NET/backup"
    cp "$NET"/broker/journal/segment-*.wpj "$NET/backup/"
}

put_back() {
    kill_process broker
    rm -rf "$NET/broker/journal"
    cp -a "$NET/backup" "$NET/broker/journal"
}

recover() {
    wp_offline recover "$NET/broker/journal" --keys "$NET/keys/broker.keys" "$@"
}

state_is() {
    status_is "$1" state "$2"
}

# Two accepted and delivered before the backup, three after it; one is opened, one erased.
lived_on() {
    start_network $ISLINGTON $CAMDEN
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 2 --sealed "narrative=before the backup" >"$NET/sent"
    check "delivered" wait_until 20 inbox_has $CAMDEN 2
    check "erased before" wp $ISLINGTON erase "$(head -n 1 "$NET/sent")" --reason error
    check "the backup" back_up
    check "confirmed" wait_until 20 erasure_complete "$(head -n 1 "$NET/sent")"
    send_many $ISLINGTON "$transfer" 3 --sealed "narrative=after the backup" >>"$NET/sent"
    check "delivered" wait_until 20 inbox_has $CAMDEN 5
    check "all accepted" wait_until 20 outbox_is $ISLINGTON accepted 5
    check "erased after" wp $ISLINGTON erase "$(tail -n 1 "$NET/sent")" --reason error
    check "confirmed" wait_until 20 erasure_complete "$(tail -n 1 "$NET/sent")"
    check "opened" wp $CAMDEN open "$(sed -n 4p "$NET/sent")" --role social_worker
    check "told" wait_until 20 has_level $ISLINGTON "$(sed -n 4p "$NET/sent")" opened
}

erasure_complete() {
    [[ $(wp $ISLINGTON erase --list --all --json | "$PICK" erasures event state | awk -F'\t' -v id="$1" '$1 == id { print $2 }') == complete ]]
}

each_once_in_order() {
    [[ $(inbox_ids $CAMDEN) == "$(cat "$NET/sent")" ]]
}

journal_has_each_once() {
    [[ $(journal_ids | sort) == "$(sort "$NET/sent")" ]]
}

broker__put_back_from_a_backup__goes_on_in_a_new_epoch_and_nothing_is_lost_or_doubled() {
    local transfer made_again
    lived_on
    put_back
    start_broker
    check "an agent notices" wait_until 30 has_alarm $ISLINGTON rollback
    check "and publishes no more" wait_until 10 state_is $ISLINGTON stopped
    check "the broker notices" wait_until 10 log_has broker 'journal rolled back'
    check "heads are kept" wp $ISLINGTON heads --evidence "$NET/islington.json"
    check "and the other's" wp $CAMDEN heads --evidence "$NET/camden.json"
    made_again=$(ls "$NET/broker/journal")
    check "not while it runs" ends_with_status 1 recover --lost-to 1000
    check "says why" grep -q "another process" "$NET/err"
    check "and takes nothing away" equals "$(ls "$NET/broker/journal")" "$made_again"
    stop_process broker
    check "a wrong key opens nothing" ends_with_status 1 wp_offline recover "$NET/broker/journal" \
        --keys "$NET/keys/$CAMDEN.keys" --lost-to 1000
    check "nothing said, nothing done" ends_with_status 2 recover
    check "nothing lost, nothing done" ends_with_status 1 recover --lost-to 1
    check "recovered" recover --seen "$NET/islington.json" --seen "$NET/camden.json"
    check "it verifies" wp_offline verify "$NET/broker/journal"
    start_broker
    check "the sender goes on" wait_until 30 state_is $ISLINGTON online
    check "the recipient too" wait_until 30 state_is $CAMDEN online
    check "and both say what happened" has_alarm $ISLINGTON recovered
    check "what was lost is accepted again" wait_until 30 outbox_is $ISLINGTON accepted 5
    check "the journal has each event once" wait_until 20 journal_has_each_once
    send $ISLINGTON "$transfer" >>"$NET/sent"
    check "a new one arrives" wait_until 30 inbox_has $CAMDEN 6
    check "each once, in order" each_once_in_order
    check "heads are the same again" wait_until 30 heads_agree
    check "both erased payloads are gone from the journal" wait_until 30 erased_in_journal 2
    check_not "and no alarm of two histories" has_alarm $CAMDEN fork_seen
}

heads_agree() {
    wp $CAMDEN heads --json | "$PICK" compared result | grep -qx same
}

erased_in_journal() {
    [[ $(wp_offline verify "$NET/broker/journal" --json | "$PICK" erased) == "$1" ]]
}

# The recipient comes first and acknowledges: the copy gets records where others of the lost journal stood.
broker__that_ran_on_before_the_sender_came__has_lost_what_stood_there_before() {
    local transfer
    lived_on
    kill_process $ISLINGTON
    put_back
    start_broker
    check "it runs on" wait_until 30 log_counts acks_taken 1
    start_agent $ISLINGTON
    check "an agent notices" wait_until 30 has_alarm $ISLINGTON rollback
    check "heads are kept" wp $ISLINGTON heads --evidence "$NET/islington.json"
    check "and the other's" wp $CAMDEN heads --evidence "$NET/camden.json"
    stop_process broker
    check "recovered" recover --seen "$NET/islington.json" --seen "$NET/camden.json"
    start_broker
    check "the sender goes on" wait_until 30 state_is $ISLINGTON online
    check "what was lost is accepted again" wait_until 30 outbox_is $ISLINGTON accepted 5
    check "the journal has each event once" wait_until 20 journal_has_each_once
    send $ISLINGTON "$transfer" >>"$NET/sent"
    check "a new one arrives" wait_until 30 inbox_has $CAMDEN 6
    check "each once, in order" each_once_in_order
}

broker__gap_named_too_small__is_told_by_the_agents_and_named_again() {
    local transfer seen
    lived_on
    seen=$(wp $ISLINGTON heads --json | "$PICK" seen_size)
    put_back
    check "recovered, too little" recover --lost-to $((seen - 1))
    start_broker
    check "an agent has seen more" wait_until 30 has_alarm $ISLINGTON gap
    stop_process broker
    check "again" recover --widen --lost-to "$seen"
    start_broker
    check "the sender goes on" wait_until 30 state_is $ISLINGTON online
    check "what was lost is accepted again" wait_until 30 outbox_is $ISLINGTON accepted 5
    check "each once" each_once_in_order
}

# Put back twice while the sender slept: what the first gap took is known to it from the second epoch's record alone.
agent__away_for_two_recoveries__sends_again_what_the_first_one_lost() {
    local transfer
    start_network $ISLINGTON $CAMDEN
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 1 >"$NET/sent"
    check "delivered" wait_until 20 inbox_has $CAMDEN 1
    check "the first backup" back_up
    send_many $ISLINGTON "$transfer" 2 >>"$NET/sent"
    check "accepted" wait_until 20 outbox_is $ISLINGTON accepted 3
    check "delivered" wait_until 20 inbox_has $CAMDEN 3
    stop_process $ISLINGTON
    put_back
    check "recovered" recover --lost-to 1000
    start_broker
    check "the other goes on" wait_until 30 state_is $CAMDEN online
    send_many $CAMDEN "$transfer" 12 >/dev/null
    check "accepted" wait_until 20 outbox_is $CAMDEN accepted 12
    rm -r "$NET/backup"
    check "the second backup" back_up
    put_back
    check "recovered again" recover --lost-to 2000
    start_broker
    start_agent $ISLINGTON
    check "the sender goes on" wait_until 30 state_is $ISLINGTON online
    check "what was lost is accepted again" wait_until 30 outbox_is $ISLINGTON accepted 3
    check "the journal has it" wait_until 20 lost_is_there_again
    check "each once, in order" each_once_in_order
    check_not "no history is denied" has_alarm $ISLINGTON fork
}

lost_is_there_again() {
    [[ $(journal_ids | grep -cxFf "$NET/sent") == 3 ]]
}

# The copy is put back, recovered, lived in, and put back again: the epoch that was opened the first time is over too.
broker__same_backup_put_back_twice__opens_an_epoch_above_the_one_that_is_gone() {
    local transfer
    lived_on
    put_back
    start_broker
    check "an agent notices" wait_until 30 has_alarm $ISLINGTON rollback
    check "heads are kept" wp $ISLINGTON heads --evidence "$NET/first.json"
    stop_process broker
    check "recovered" recover --seen "$NET/first.json"
    start_broker
    check "the sender goes on" wait_until 30 outbox_is $ISLINGTON accepted 5
    send_many $ISLINGTON "$transfer" 2 >>"$NET/sent"
    check "in the second epoch" wait_until 30 inbox_has $CAMDEN 7
    put_back
    start_broker
    check "the sender notices again" wait_until 30 has_alarm $ISLINGTON rollback
    check "and the broker says in which epoch" wait_until 10 log_has broker 'records in epoch 2 that'
    check "heads are kept again" wp $ISLINGTON heads --evidence "$NET/second.json"
    check "and the other's" wp $CAMDEN heads --evidence "$NET/third.json"
    stop_process broker
    check "recovered again, in a third epoch" equals \
        "$(recover --seen "$NET/second.json" --seen "$NET/third.json" --json | "$PICK" epoch)" 3
    start_broker
    check "the sender goes on again" wait_until 30 outbox_is $ISLINGTON accepted 7
    check "the recipient too" wait_until 30 state_is $CAMDEN online
    send $ISLINGTON "$transfer" >>"$NET/sent"
    check "a new one arrives" wait_until 30 inbox_has $CAMDEN 8
    check "each once, in order" each_once_in_order
    check_not "nobody sees two histories" has_alarm $ISLINGTON fork
    check_not "nor the other" has_alarm $CAMDEN fork
}

# What was lost was accepted under an incarnation that is over: the sender's database was put back from a copy since, and
# holds of those events what it fetched from the broker, with the key of each payload wrapped for itself alone.
broker__put_back_after_the_sender_was__gets_the_events_of_both_incarnations_again() {
    local transfer before id
    start_network $ISLINGTON $CAMDEN
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 2 >"$NET/sent"
    check "delivered" wait_until 20 inbox_has $CAMDEN 2
    stop_process $CAMDEN
    stop_process $ISLINGTON
    copy_database $ISLINGTON "$NET/copy"
    check "the backup" back_up
    start_agent $ISLINGTON
    send_many $ISLINGTON "$transfer" 2 --sealed "narrative=of the first incarnation" >>"$NET/sent"
    check "accepted" wait_until 20 outbox_is $ISLINGTON accepted 4
    before=$(wp $ISLINGTON status --json | "$PICK" incarnation)
    kill_process $ISLINGTON
    restore_database $ISLINGTON "$NET/copy"
    start_agent $ISLINGTON
    check "a new incarnation" wait_until 30 status_is_not $ISLINGTON incarnation "$before"
    check "its own events are fetched" wait_until 30 outbox_is $ISLINGTON accepted 4
    send_many $ISLINGTON "$transfer" 2 >>"$NET/sent"
    check "accepted" wait_until 20 outbox_is $ISLINGTON accepted 6
    put_back
    start_broker
    check "the sender notices" wait_until 30 has_alarm $ISLINGTON rollback
    check "heads are kept" wp $ISLINGTON heads --evidence "$NET/islington.json"
    stop_process broker
    check "recovered" recover --seen "$NET/islington.json"
    start_broker
    check "what was lost is accepted again" wait_until 30 outbox_is $ISLINGTON accepted 6
    start_agent $CAMDEN
    check "all of it arrives" wait_until 30 inbox_has $CAMDEN 6
    check "each once, in order" each_once_in_order
    id=$(sed -n 3p "$NET/sent")
    check "opened" contains "$(wp $CAMDEN open "$id" --role social_worker)" "of the first incarnation"
    check_not "nothing is set aside" has_alarm $ISLINGTON lost_events
}

# Two journals from one: each agent has been served by another of them.
broker__forked__is_noticed_by_whoever_saw_the_other() {
    local transfer
    start_network $ISLINGTON $CAMDEN
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 1 >"$NET/sent"
    check "delivered" wait_until 20 inbox_has $CAMDEN 1
    stop_process $CAMDEN
    check "a second journal" back_up
    send_many $ISLINGTON "$transfer" 2 >>"$NET/sent"
    check "accepted in the first" wait_until 20 outbox_is $ISLINGTON accepted 3
    stop_process $ISLINGTON
    put_back
    start_broker
    start_agent $CAMDEN
    check "online" wait_until 20 is_online $CAMDEN
    send_many $CAMDEN "$transfer" 8 >/dev/null
    check "accepted in the second" wait_until 20 outbox_is $CAMDEN accepted 8
    start_agent $ISLINGTON
    check "noticed" wait_until 30 has_alarm $ISLINGTON fork
    check "publishing has stopped" state_is $ISLINGTON stopped
    check "the broker knows" wait_until 10 log_has broker 'journal rolled back'
    send $CAMDEN "$transfer" >/dev/null
    check "and takes nothing more" wait_until 10 log_has $CAMDEN "put back from an old copy"
    check "which stays in the outbox" outbox_is $CAMDEN accepted 8
}

run_tests
