#!/bin/bash
# The machine gives no more. Descriptors run out under a real broker: it says so, refuses who is new, and serves the others.
# Memory runs out: a program ends with a sentence (libzmq's where it is the first to want some), and the next start has
# everything that was accepted, or taken by the agent.
# Over TCP: libzmq itself ends a program that runs out of descriptors at an ipc:// listener.
# shellcheck disable=SC2317 # tests are called by name
. "$(dirname "$0")/../support/cluster.sh"

# tcp_network [FILES]: broker, both councils and an operator over loopback; the broker with so many descriptors.
tcp_network() {
    local id
    ENDPOINT=tcp://127.0.0.1:1 LISTEN='tcp://127.0.0.1:*'
    check "keys, register, configuration" make_network $ISLINGTON $CAMDEN $OPERATOR
    (ulimit -n "${1:-1024}" && start_broker) || check "the broker starts" false
    for id in $ISLINGTON $CAMDEN $OPERATOR; do
        printf 'endpoints = "%s"\n' "$(head -n 1 "$NET/broker/ready")" >>"$NET/$id/agent.zpl"
        check "$id starts" start_agent "$id"
    done
    for id in $ISLINGTON $CAMDEN $OPERATOR; do
        check "$id is online" wait_until 60 is_online "$id"
    done
    TRANSFER=$(new_transfer $ISLINGTON $CAMDEN)
}

broker_has_alarm() {
    wp $OPERATOR alarms --broker --json | "$PICK" alarms name | grep -qx "$1"
}

# hold_connections COUNT: open until its standard input ends; says "held" when they are.
hold_connections() {
    python3 -c '
import socket, sys
host, port = sys.argv[1][6:].rsplit(":", 1)
held = [socket.create_connection((host, int(port)), timeout=10) for _ in range(int(sys.argv[2]))]
print("held", flush=True)
sys.stdin.read()' "$(head -n 1 "$NET/broker/ready")" "$1"
}

listener__out_of_descriptors__refuses_with_an_alarm_and_recovers() {
    local event
    tcp_network 72
    check "said at the start" log_has broker 'connections-max needs 8448 open files, the hard limit is 72; raise it'
    mkfifo "$NET/hang"
    hold_connections 100 <"$NET/hang" >"$NET/held" &
    exec 9>"$NET/hang"
    check "they are held" wait_until 60 test -s "$NET/held"
    event=$(send $ISLINGTON "$TRANSFER")
    check "who is connected goes on" wait_until 60 has_level $ISLINGTON "$event" persisted
    check "an alarm" wait_until 60 broker_has_alarm door_closed
    exec 9>&-
    check "Camden's agent stops" stop_process $CAMDEN
    check "starts again" start_agent $CAMDEN
    check "and is taken" wait_until 60 is_online $CAMDEN
}

# No byte more than it has; with one arena, lest the C library has some 64 MiB set aside for each thread.
give_no_more() {
    local pid
    pid=$(pid_of "$1")
    prlimit --pid "$pid" --as=$(($(sed -n 's/^VmSize:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status") * 1024))
}

# send_until_gone NAME: documents of 400 KB, until that program is gone.
send_until_gone() {
    local i
    head -c 400000 /dev/zero >"$NET/document"
    for ((i = 0; i < 60; i++)); do
        send $ISLINGTON "$TRANSFER" --payload "$NET/document" >/dev/null 2>&1
        wait_until 2 is_stopped "$1" 2>/dev/null && return 0
    done
    return 1
}

is_kept_out_of_core_files() {
    grep -q '^Max core file size  *0  *0 ' "/proc/$(pid_of "$1")/limits"
}

# A sanitizer brings an allocator of its own, which ends the program with its own words.
has_own_allocator() {
    grep -qa __asan_init "$WAYPOST_BROKER" && echo "# passed over: built with a sanitizer"
}

ends_without_memory() {
    check "no core file may hold keys and documents" is_kept_out_of_core_files "$1"
    send $ISLINGTON "$TRANSFER" >/dev/null
    check "accepted before" wait_until 60 outbox_is_settled $ISLINGTON
    check "no more memory" give_no_more "$1"
    check "it ends" send_until_gone "$1"
    check "with a sentence" grep -qiE 'out of memory|database failed' "$NET/$1/log"
}

broker__out_of_memory__ends_with_a_sentence_and_has_all_that_it_accepted() {
    has_own_allocator && return
    export MALLOC_ARENA_MAX=1
    start_network $ISLINGTON $CAMDEN
    TRANSFER=$(new_transfer $ISLINGTON $CAMDEN)
    ends_without_memory broker
    check "starts again" start_broker
    all_is_there $ISLINGTON $CAMDEN
}

agent__out_of_memory__ends_with_a_sentence_and_has_all_that_it_took() {
    has_own_allocator && return
    export MALLOC_ARENA_MAX=1
    start_network $ISLINGTON $CAMDEN
    TRANSFER=$(new_transfer $ISLINGTON $CAMDEN)
    ends_without_memory $ISLINGTON
    check "starts again" start_agent $ISLINGTON
    all_is_there $ISLINGTON $CAMDEN
}

run_tests
