#!/bin/bash
# An agent's database that was put back from a copy, cloned, or used twice at once. Promise 2.
. "$(dirname "$0")/../support/cluster.sh"

agent__database_put_back_from_a_copy__loses_and_doubles_nothing() {
    start_network $ISLINGTON $CAMDEN
    local transfer before
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 3 >"$NET/sent"
    check "accepted" wait_until 20 outbox_is $ISLINGTON accepted 3
    stop_process $ISLINGTON
    copy_database $ISLINGTON "$NET/copy"
    start_agent $ISLINGTON
    send_many $ISLINGTON "$transfer" 2 >>"$NET/sent"
    check "accepted" wait_until 20 outbox_is $ISLINGTON accepted 5
    check "delivered" wait_until 20 inbox_has $CAMDEN 5
    before=$(wp $ISLINGTON status --json | "$PICK" incarnation)
    kill_process $ISLINGTON
    restore_database $ISLINGTON "$NET/copy"
    start_agent $ISLINGTON
    check "notices" wait_until 30 status_is_not $ISLINGTON incarnation "$before"
    check "has its own events again" wait_until 30 outbox_is $ISLINGTON accepted 5
    send_many $ISLINGTON "$transfer" 2 >>"$NET/sent"
    check "goes on" wait_until 30 inbox_has $CAMDEN 7
    check "each once, in order" equals "$(inbox_ids $CAMDEN)" "$(cat "$NET/sent")"
}

agent__database_put_back_with_events_that_never_left__sends_them_once() {
    start_network $ISLINGTON $CAMDEN
    local transfer
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    stop_process broker
    send_many $ISLINGTON "$transfer" 2 >"$NET/first"
    stop_process $ISLINGTON
    copy_database $ISLINGTON "$NET/copy"
    start_agent $ISLINGTON
    start_broker
    check "accepted" wait_until 30 outbox_is $ISLINGTON accepted 2
    check "delivered" wait_until 30 inbox_has $CAMDEN 2
    kill_process $ISLINGTON
    restore_database $ISLINGTON "$NET/copy"
    start_agent $ISLINGTON
    send_many $ISLINGTON "$transfer" 1 >"$NET/second"
    check "the new one arrives" wait_until 30 holds_event $CAMDEN "$(cat "$NET/second")"
    check "nothing twice" equals "$(inbox_ids $CAMDEN)" "$(cat "$NET/first" "$NET/second")"
}

agent__two_with_the_same_key__newer_serves_and_older_is_told() {
    start_network $ISLINGTON $CAMDEN
    clone_agent $CAMDEN twin
    start_agent twin
    check "the older one is told" wait_until 30 log_has $CAMDEN 'E_SUPERSEDED|superseded|another program|newer session'
}

run_tests
