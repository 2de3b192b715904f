#!/bin/bash
# The procedures between real processes: verdicts and what the broker derives reach both sides and the hub; tables that
# cannot be used change nothing; a restart judges nothing twice. Promises 5, 9 and 10.
. "$(dirname "$0")/../support/cluster.sh"

# close_case FROM TRANSFER: prints the event's id.
close_case() {
    wp "$1" send case_closed --transfer "$2" --fact closure_type=transferred --json | "$PICK" event
}

# is_told ID EVENT KIND: a record of that kind about the event has come.
is_told() {
    wp "$1" show "$2" --json | grep -qE "\"kind\": *\"$3\""
}

case__closed_before_the_conference__is_refused_and_both_sides_and_the_hub_see_it() {
    start_network $ISLINGTON $CAMDEN $HUB
    local transfer closed
    watch_into $HUB "$NET/watched" --json
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send $ISLINGTON "$transfer" >/dev/null
    closed=$(close_case $ISLINGTON "$transfer")
    check "arrives" wait_until 20 holds_event $CAMDEN "$closed"
    check "as refused" shows $CAMDEN "$closed" '"refused"'
    check "the sender is told" wait_until 20 is_told $ISLINGTON "$closed" refused
    wp $ISLINGTON show "$closed" >"$NET/shown"
    check "and by which rule" grep -qF 'Delivered, and changes nothing' "$NET/shown"
    check "in words" grep -qE '^ *R28: case_closed with closure_type=transferred' "$NET/shown"
    check "the hub is told" wait_until 20 grep -qF '"refused"' "$NET/watched"
    check "the move took effect, with its clocks" wait_until 20 log_counts deadlines_set 1
    check "one refusal" wait_until 20 log_counts judged_refused 1
}

broker__started_again__judges_nothing_twice_and_goes_on() {
    start_network $ISLINGTON $CAMDEN
    local transfer closed before
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send $ISLINGTON "$transfer" >/dev/null
    closed=$(close_case $ISLINGTON "$transfer")
    check "told" wait_until 20 is_told $ISLINGTON "$closed" refused
    check "the journal verifies" wp_offline verify "$NET/broker/journal"
    kill_process broker
    check "starts again" start_broker
    closed=$(close_case $ISLINGTON "$transfer")
    check "and judges by what was before" wait_until 20 is_told $ISLINGTON "$closed" refused
    check_not "without a difference" log_has broker 'journal and engine differ'
    check "stops" stop_process broker
    check "the journal verifies" wp_offline verify "$NET/broker/journal"
}

procedures__none__carries_without_judging() {
    make_network $ISLINGTON $CAMDEN
    echo 'procedures = none' >>"$NET/broker/broker.zpl"
    check "starts" start_broker
    check "says so" log_has broker 'procedures = none'
    for id in $ISLINGTON $CAMDEN; do
        check "$id starts" start_agent $id
    done
    local closed
    closed=$(close_case $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)")
    check "arrives" wait_until 20 holds_event $CAMDEN "$closed"
    check "unjudged" shows $CAMDEN "$closed" '"unjudged"'
}

procedures__with_a_typo__leave_those_in_force() {
    make_network $ISLINGTON $CAMDEN
    cp -r data "$NET/tables"
    echo 'procedures = ../tables' >>"$NET/broker/broker.zpl"
    check "passes the check" ends_with_status 0 "$WAYPOST_BROKER" -n -c "$NET/broker/broker.zpl"
    check "starts" start_broker
    sed -i 's/move_notified/moof_notified/' "$NET/tables/procedures/clocks.tsv"
    check "does not pass any more" ends_with_status 1 "$WAYPOST_BROKER" -n -c "$NET/broker/broker.zpl"
    hang_up broker
    check "says why" wait_until 20 log_has broker 'procedures refused.*moof_notified'
    for id in $ISLINGTON $CAMDEN; do
        check "$id starts" start_agent $id
    done
    local closed
    closed=$(close_case $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)")
    check "arrives" wait_until 20 holds_event $CAMDEN "$closed"
    check "and is judged" shows $CAMDEN "$closed" '"refused"'
    check "stops" stop_process broker
    check "starts with those of the journal" start_broker
    check "and says so" log_has broker 'those of the journal stay in force'
}

run_tests
