#!/bin/bash
# Events move between two councils through a durable broker, whatever is switched off or killed in between.
# Promises 1 to 4: accepted means on disk, exactly one effect, nothing dropped, order without gaps.
. "$(dirname "$0")/../support/cluster.sh"

event__sent_between_two_councils__comes_back_persisted_and_opened() {
    start_network $ISLINGTON $CAMDEN
    local transfer event
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    event=$(send $ISLINGTON "$transfer")
    check "accepted" wait_until 20 has_level $ISLINGTON "$event" accepted
    check "persisted, told to the sender" wait_until 20 has_level $ISLINGTON "$event" persisted $CAMDEN
    check_not "opened, before anybody opened it" has_level $ISLINGTON "$event" opened $CAMDEN
    check "opens" wp $CAMDEN open "$event" --role mash_manager --team mash
    check "opened, told to the sender" wait_until 20 has_level $ISLINGTON "$event" opened $CAMDEN
}

payload__opened_by_the_recipient__is_what_was_sealed() {
    start_network $ISLINGTON $CAMDEN
    local transfer event
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    event=$(send $ISLINGTON "$transfer" --sealed "narrative=the marigold flat")
    check "arrives" wait_until 20 holds_event $CAMDEN "$event"
    check_not "its words are shown before it is opened" shows $CAMDEN "$event" marigold
    wp $CAMDEN open "$event" --role mash_manager --json >"$NET/opened"
    check "opened" contains "$(cat "$NET/opened")" "the marigold flat"
    check_not "the broker's files hold the words" grep -rqF marigold "$NET/broker"
}

broker__away__agent_takes_events_and_hands_them_over_in_order() {
    start_network $ISLINGTON $CAMDEN
    local transfer
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    stop_process broker
    send_many $ISLINGTON "$transfer" 12 >"$NET/sent"
    check "waiting" equals "$(outbox_count $ISLINGTON waiting)" 12
    start_broker
    check "all arrive" wait_until 30 inbox_has $CAMDEN 12
    check "in order" equals "$(inbox_ids $CAMDEN)" "$(cat "$NET/sent")"
    check "numbers without gaps" numbers_are_gap_free $CAMDEN
    check "none waits" wait_until 20 outbox_is $ISLINGTON accepted 12
}

broker__killed_between_publish_and_delivery__loses_and_doubles_nothing() {
    start_network $ISLINGTON $CAMDEN
    local transfer
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    stop_process $CAMDEN
    send_many $ISLINGTON "$transfer" 10 >"$NET/sent"
    check "accepted" wait_until 20 outbox_is $ISLINGTON accepted 10
    kill_process broker
    start_broker
    start_agent $CAMDEN
    check "all arrive" wait_until 30 inbox_has $CAMDEN 10
    check "in order, each once" equals "$(inbox_ids $CAMDEN)" "$(cat "$NET/sent")"
    check "one journal record an event" equals "$(journal_ids | sort)" "$(sort "$NET/sent")"
    check "the journal verifies" wp_offline verify "$NET/broker/journal"
}

broker__killed_while_events_flow__answers_every_event_once() {
    start_network $ISLINGTON $CAMDEN
    local transfer round
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    for round in 1 2 3; do
        send_many $ISLINGTON "$transfer" 5 >>"$NET/sent"
        kill_process broker
        send_many $ISLINGTON "$transfer" 2 >>"$NET/sent"
        start_broker
    done
    check "all arrive" wait_until 40 inbox_has $CAMDEN 21
    check "in order, each once" equals "$(inbox_ids $CAMDEN)" "$(cat "$NET/sent")"
    check "one journal record an event" equals "$(journal_ids | sort)" "$(sort "$NET/sent")"
}

recipient__killed_and_started_again__holds_each_event_once() {
    start_network $ISLINGTON $CAMDEN
    local transfer round
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    for round in 1 2 3; do
        send_many $ISLINGTON "$transfer" 4 >>"$NET/sent"
        check "is killed" kill_process $CAMDEN
        check "starts again" start_agent $CAMDEN
    done
    check "all arrive" wait_until 90 inbox_has $CAMDEN 12
    check "in order, each once" equals "$(inbox_ids $CAMDEN)" "$(cat "$NET/sent")"
    check "numbers without gaps" numbers_are_gap_free $CAMDEN
    check "all persisted, as the sender knows" wait_until 60 outbox_level_is $ISLINGTON $CAMDEN persisted 12
}

sender__killed_and_started_again__forgets_and_repeats_nothing() {
    start_network $ISLINGTON $CAMDEN
    local transfer round
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    for round in 1 2 3; do
        send_many $ISLINGTON "$transfer" 4 >>"$NET/sent"
        check "is killed" kill_process $ISLINGTON
        check "starts again" start_agent $ISLINGTON
    done
    check "all accepted" wait_until 90 outbox_is $ISLINGTON accepted 12
    check "all arrive" wait_until 90 inbox_has $CAMDEN 12
    check "in order, each once" equals "$(inbox_ids $CAMDEN)" "$(cat "$NET/sent")"
}

broker__stopped_in_order__leaves_nothing_torn() {
    start_network $ISLINGTON $CAMDEN
    local transfer
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 5 >"$NET/sent"
    check "stops by itself" stop_process broker 10
    check "the journal verifies" wp_offline verify "$NET/broker/journal"
}

listening__asked_by_a_sender__tells_whether_anybody_is_there() {
    start_network $ISLINGTON $CAMDEN
    check "there" wait_until 20 listening_says connected true
    stop_process $CAMDEN
    check "gone" wait_until 40 listening_says connected false
    send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" >/dev/null
    check "one waits for it" wait_until 20 listening_says pending 1
}

run_tests
