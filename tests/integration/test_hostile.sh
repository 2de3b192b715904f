#!/bin/bash
# What a hostile peer costs the others: little and boundedly. Each attack of tests/tools/hostile against a real broker over
# loopback, and a good agent that must be served meanwhile. Promise 6; the figures stand in docs/OPERATING.md.
. "$(dirname "$0")/../support/cluster.sh"

# The raw attacks need TCP; the port is the system's choice and told by the ready-file.
start_broker_alone() {
    ENDPOINT=tcp://127.0.0.1:1 LISTEN='tcp://127.0.0.1:*'
    make_network $ISLINGTON $CAMDEN || return 1
    start_broker
}

# attack NAME ARG...: with Islington's and Camden's keys; its line goes to $NET/attack.
attack() {
    timeout 100 "$BUILD/tests/tools/hostile" "$@" --join "$NET/network.join" --endpoint "$(head -n 1 "$NET/broker/ready")" \
        --keys "$NET/keys/$ISLINGTON.keys" --keys "$NET/keys/$CAMDEN.keys" >"$NET/attack" 2>"$NET/attack.err"
    local status=$?
    sed 's/^/figure: /' "$NET/attack"
    ((status == 0)) || { echo "ended with $status"; cat "$NET/attack.err"; }
    return "$status"
}

says() {
    grep -qE "(^| )$1( |\$)" "$NET/attack" && return 0
    echo "'$1' does not stand in: $(cat "$NET/attack" "$NET/attack.err")"
    return 1
}

resident_kib() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(pid_of broker)/status"
}

# takes_less BEFORE MEBIBYTES: so much more is resident at the most; MEMORY_TIMES as much in a build that needs more for itself.
takes_less() {
    local after=$(resident_kib)
    echo "figure: broker memory before=$1 KiB after=$after KiB"
    ((after - $1 < $2 * 1024 * ${MEMORY_TIMES:-1}))
}

stranger__with_a_key_of_its_own__is_refused_and_hears_nothing() {
    start_broker_alone
    check "carried out" attack unknown-key
    check "refused" says fate=refused
    check "hears nothing" says frames_in=0
}

stranger__without_curve__is_cut_and_hears_nothing() {
    start_broker_alone
    check "carried out" attack plain
    check "cut" says fate=cut
    check "hears nothing" says frames_in=0
}

agent__that_expects_another_broker__does_not_speak_to_this_one() {
    start_broker_alone
    check "carried out" attack wrong-server
    check "cut" says fate=cut
    check "hears nothing" says frames_in=0
}

agent__in_the_name_of_another__is_refused() {
    start_broker_alone
    check "carried out" attack claim --as $CAMDEN
    check "not welcome" says welcome=no
    check "E_SENDER" says code=10
}

agent__that_names_its_connection__is_not_heard() {
    start_broker_alone
    check "carried out" attack routing-id
    check "not welcome" says welcome=no
    check "others are" says served=yes
}

agent__sending_garbage__is_ignored_after_a_few_and_others_are_served() {
    start_broker_alone
    check "carried out" attack garbage --count 20000
    check "all of it was taken" says said=20000
    check "answered a few times" says 'refused=[1-9][0-9]?'
    check "others are served" says served=yes
    check "messages of several parts" attack multipart --count 500
    check "are never answered" says frames_in=0
    check "others are served" says served=yes
}

agent__flooding_with_good_frames__does_not_keep_others_out() {
    start_broker_alone
    check "greetings" attack flood-hello --count 3000
    check "others are served" says served=yes
    check "pings" attack flood-ping --count 50000
    check "others are served" says served=yes
}

agent__replaying_frames__gets_the_first_receipt_and_a_thief_nothing() {
    start_broker_alone
    check "carried out" attack replay --to $CAMDEN
    check "accepted once" says first=receipt
    check "then told so" says again=duplicate
    check "not from another" says stolen=refused
    check "E_SENDER" says stolen_code=10
    stop_process broker
    check "one event in the journal" equals "$(journal_ids | wc -l)" 1
}

connections__5000_that_never_shake_hands__are_closed_and_cost_little() {
    start_broker_alone
    local before=$(resident_kib)
    check "carried out" attack idle --count 5000
    check "all opened" says opened=5000
    check "others are served meanwhile" says served=yes
    check "all closed in the end" says closed=5000
    check "at most 64 MiB for them" takes_less "$before" 64
}

connections__announcing_a_gibibyte__are_cut_at_the_header() {
    start_broker_alone
    local before=$(resident_kib)
    check "carried out" attack announce --count 64
    check "all cut" says closed=64
    check "others are served" says served=yes
    check "no memory for them" takes_less "$before" 32
}

key__that_hurries__is_told_to_wait_and_others_are_not() {
    start_broker_alone
    check "carried out" attack handshakes --count 40
    check "not all of them" says 'other=[1-9][0-9]*'
    stop_process broker
    check "counted" log_has broker 'handshakes_too_often=[1-9]'
}

agent__that_stops_reading__delays_nobody_and_gets_all_in_the_end() {
    start_broker_alone
    local entries
    mkfifo "$NET/go_on"
    timeout 100 "$BUILD/tests/tools/hostile" stop-reading --join "$NET/network.join" --endpoint "$(head -n 1 "$NET/broker/ready")" \
        --keys "$NET/keys/$CAMDEN.keys" <"$NET/go_on" >"$NET/stopped" 2>"$NET/stopped.err" &
    exec 9>"$NET/go_on"
    check "it has stopped reading" wait_until 20 grep -q 'not reading' "$NET/stopped.err"
    check "another publishes to it" attack publish --to $CAMDEN --count 500
    check "and gets every receipt" says receipts=500
    exec 9>&-
    wait $!
    entries=$(sed -n 's/.*entries=//p' "$NET/stopped")
    check "everything was kept for it ($entries)" test "${entries:-0}" -eq 500
}

run_tests
