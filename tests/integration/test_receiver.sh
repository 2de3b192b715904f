#!/bin/bash
# The receiver command (on-delivery): a case system takes events over; its exit status decides, nothing is lost or passed over.
. "$(dirname "$0")/../support/cluster.sh"

# receiver NAME BODY: a program at $NET/NAME.
receiver() {
    printf '#!/bin/bash\nset -eu\nNET=%q\n%s\n' "$NET" "$2" >"$NET/$1"
    chmod +x "$NET/$1"
}

receiver__fails_then_succeeds__gets_every_event_in_order() {
    receiver take 'n=$(($(cat "$NET/tries" 2>/dev/null || echo 0) + 1)); echo $n >"$NET/tries"; cat >"$NET/last"
        ((n > 2)) || exit 1
        cat "$NET/last" >>"$NET/taken"'
    RECEIVER=$NET/take start_network $ISLINGTON $CAMDEN
    send_many $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" 4 >"$NET/sent"
    check "all are taken" wait_until 60 receiver_has_taken 4
    check "in order" equals "$(taken_ids)" "$(cat "$NET/sent")"
    check "done" wait_until 20 receiver_states_are $CAMDEN done 4
}

receiver__failing_for_one_transfer__does_not_hold_another() {
    start_network $ISLINGTON
    local stuck free
    stuck=$(new_transfer $ISLINGTON $CAMDEN)
    free=$(new_transfer $ISLINGTON $CAMDEN)
    receiver take "cat >\"\$NET/last.\$\$\"; ! grep -qF $stuck \"\$NET/last.\$\$\" || exit 1
        cat \"\$NET/last.\$\$\" >>\"\$NET/taken\""
    RECEIVER=$NET/take join_network $CAMDEN
    send $ISLINGTON "$stuck" >"$NET/stuck"
    send_many $ISLINGTON "$free" 3 >"$NET/sent"
    check "the others are taken" wait_until 40 receiver_has_taken 3
    check "in order" equals "$(taken_ids)" "$(cat "$NET/sent")"
    check "the stuck one is said to fail" wait_until 20 receiver_states_are $CAMDEN failing 1
    check "it is delivered all the same" wait_until 20 has_level $ISLINGTON "$(cat "$NET/stuck")" persisted $CAMDEN
}

receiver__agent_killed_meanwhile__every_event_is_taken() {
    receiver take 'cat >>"$NET/taken"'
    RECEIVER=$NET/take start_network $ISLINGTON $CAMDEN
    send_many $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" 6 >"$NET/sent"
    check "begun" wait_until 40 receiver_has_taken 1
    kill_process $CAMDEN
    start_agent $CAMDEN
    check "all are taken" wait_until 60 receiver_has_taken 6
    check "none is missing, order kept" equals "$(taken_ids | awk '!seen[$0]++')" "$(cat "$NET/sent")"
}

run_tests
