#!/bin/bash
# What a broker that does an agent no good costs the agent: its own people are served, its memory stays small, nothing of its
# outbox is lost, and with an honest broker all is delivered. What such a broker may say: tests/unit/test_hostile_broker.c.
. "$(dirname "$0")/../support/cluster.sh"

# start_hostile MODE: in the place of the broker.
start_hostile() {
    rm -f "$NET/broker/sock"
    launch hostile "$BUILD/tests/tools/hostile_broker" "$1" "$ENDPOINT" "$NET/keys/broker.keys"
    wait_until 20 grep -q ready "$NET/hostile/log"
}

resident_kib() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(pid_of "$1")/status"
}

stays_below_kib() {
    local i kib=0
    for ((i = 0; i < 40; i++)); do
        kib=$(resident_kib $ISLINGTON)
        ((kib < $1)) || { echo "$kib KiB resident"; return 1; }
        answers $ISLINGTON || return 1
    done
    echo "figure: $kib KiB resident of the agent, 40 answers on its socket meanwhile"
}

# endures MODE: both agents know the network; then the broker is another.
endures() {
    local transfer event
    start_network $ISLINGTON $CAMDEN
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    event=$(send $ISLINGTON "$transfer")
    check "an honest broker takes it" wait_until 20 has_level $ISLINGTON "$event" persisted
    kill_process broker
    check "another listens" start_hostile "$1"
    event=$(send $ISLINGTON "$transfer")
    check "its people are served, its memory is small" stays_below_kib 200000
    check_not "accepted by nobody" has_level $ISLINGTON "$event" accepted
    check_not "online" is_online $ISLINGTON
    kill_process hostile
    rm -f "$NET/broker/sock"
    check "honest again" start_broker
    check "delivered" wait_until 60 has_level $ISLINGTON "$event" persisted
}

agent__broker_that_never_answers__serves_its_people_and_loses_nothing() {
    endures silent
}

agent__broker_that_never_reads__serves_its_people_and_loses_nothing() {
    endures deaf
}

agent__broker_that_floods_small_frames__serves_its_people_and_loses_nothing() {
    endures small
}

agent__broker_that_floods_large_frames__serves_its_people_and_loses_nothing() {
    endures large
}

run_tests
