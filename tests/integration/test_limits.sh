#!/bin/bash
# The machine gives no more: descriptors run out under a real broker. It says so, refuses who is new, and serves the others.
# Over TCP: libzmq itself ends a program that runs out of descriptors at an ipc:// listener.
# shellcheck disable=SC2317 # tests are called by name
. "$(dirname "$0")/../support/cluster.sh"

# tcp_network [FILES]: broker, both councils and an operator over loopback; the broker with so many descriptors.
tcp_network() {
    local id
    ENDPOINT='tcp://127.0.0.1:*'
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

run_tests
