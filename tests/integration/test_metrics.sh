#!/bin/bash
# Metrics and health of broker, agents and hub over HTTP, scraped by a real Prometheus (Debian's package; scripts/bootstrap).
# shellcheck disable=SC2317 # tests are called by name
. "$(dirname "$0")/../support/cluster.sh"

METRICS='127.0.0.1:*'
HEARTBEAT='1 s' # PINGs carry the probe of /healthz
TOOLS=$PWD/build/tools/usr/bin

# Where NAME serves: from its log, as the port is the kernel's choice.
address_of() {
    sed -n 's|.* metrics listen=http://\([^/]*\)/metrics$|\1|p' "$NET/$1/log" | tail -1
}

# fetch NAME PATH [HEADER]: the body in $NET/body, the status on standard output.
fetch() {
    perl -MIO::Socket::INET -e '
        my ($where, $path, $header) = @ARGV;
        my $s = IO::Socket::INET->new(PeerAddr => $where, Timeout => 10) or die "$where: $!";
        print $s "GET $path HTTP/1.1\r\nHost: $where\r\nConnection: close\r\n" . ($header ? "$header\r\n" : "") . "\r\n";
        local $/; my $all = <$s>; my ($head, $body) = split /\r\n\r\n/, $all, 2;
        open my $out, ">", $ENV{BODY} or die; print $out $body; $head =~ m|^HTTP/1.1 (\d+)| and print "$1\n";
    ' "$(address_of "$1")" "$2" "${3:-}"
}

status_of() {
    BODY=$NET/body fetch "$@"
}

value_is() {
    [[ $(status_of "$1" /metrics) == 200 ]] && grep -qxF "$2 $3" "$NET/body"
}

is_healthy() {
    [[ $(status_of "$1" /healthz) == 200 ]]
}

is_unwell() {
    [[ $(status_of "$1" /healthz) == 503 ]]
}

metrics__of_a_working_network__count_what_happened() {
    local transfer
    start_network $ISLINGTON $CAMDEN
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 3 >/dev/null
    check "all accepted" wait_until 20 outbox_level_is $ISLINGTON $CAMDEN persisted 3
    check "the broker counts them" wait_until 5 value_is broker waypost_broker_events_accepted_total 3
    check "a backlog of none" wait_until 5 value_is broker waypost_broker_oldest_pending_seconds 0
    check "both agents" value_is broker waypost_broker_sessions 2
    check "the sender" value_is $ISLINGTON waypost_agent_events_accepted_total 3
    check "read by nobody" value_is $ISLINGTON waypost_agent_unread_events 3
    check "on every disk" value_is $ISLINGTON waypost_agent_unpersisted_events 0
    check "the recipient" value_is $CAMDEN waypost_agent_unopened_events 3
    check "its arrivals are timed" value_is $CAMDEN waypost_agent_arrival_seconds_count 3
    check "no id of a transfer" check_not "found" grep -q "$transfer" "$NET/body"
    check "an end" equals "$(tail -1 "$NET/body")" '# EOF'
    check "the other pages are none" equals "$(status_of broker /)" 404
}

metrics__in_the_older_format__please_promtool() {
    local name promtool
    promtool=$(command -v promtool || echo "$TOOLS/promtool")
    [[ -x $promtool ]] || { echo "figure: promtool is not here: skipped" && return 0; }
    start_network $ISLINGTON $HUB
    for name in broker $ISLINGTON $HUB; do
        status_of "$name" /metrics 'Accept: text/plain' >/dev/null
        "$promtool" check metrics <"$NET/body" >"$NET/said" 2>&1
        # _count, _total and the like of names that the product has are matters of taste; errors are not.
        check_not "promtool finds no fault with $name: $(cat "$NET/said")" grep -q . "$NET/said"
    done
}

healthz__of_a_working_network__is_good_by_what_was_seen() {
    start_network $ISLINGTON
    check "the broker has stored" wait_until 20 is_healthy broker
    check "says when" grep -q 'signed, synced and read back' "$NET/body"
    check "a probe went round" wait_until 20 is_healthy $ISLINGTON
    check "says so" grep -q 'it signed a probe of ours' "$NET/body"
    check "probes are counted" wait_until 5 value_is $ISLINGTON waypost_agent_probes_bad_total 0
}

healthz__of_an_agent_whose_broker_is_away__says_503_and_why() {
    start_network $ISLINGTON
    check "well at first" wait_until 20 is_healthy $ISLINGTON
    kill_process broker
    check "unwell" wait_until 20 is_unwell $ISLINGTON
    check "says why" grep -q '"check": "broker", "good": false' "$NET/body"
    check "its own disk is good" grep -q '"check": "storage", "good": true' "$NET/body"
    check "the broker again" start_broker
    check "well again" wait_until 40 is_healthy $ISLINGTON
}

healthz__of_a_hub__is_as_an_agents() {
    start_network $HUB
    check "a probe went round" wait_until 20 is_healthy $HUB
    kill_process broker
    check "unwell" wait_until 20 is_unwell $HUB
    check "says why" grep -q '"check": "broker", "good": false' "$NET/body"
}

healthz__of_an_agent_whose_broker_hangs__says_503() {
    start_network $ISLINGTON
    check "well at first" wait_until 20 is_healthy $ISLINGTON
    kill -STOP "$(pid_of broker)"
    check "unwell" wait_until 20 is_unwell $ISLINGTON
    kill -CONT "$(pid_of broker)"
    check "well again" wait_until 40 is_healthy $ISLINGTON
}

target_is_up() {
    perl -MIO::Socket::INET -e '
        my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], Timeout => 5) or exit 1;
        print $s "GET /api/v1/query?query=$ARGV[1] HTTP/1.0\r\n\r\n"; local $/; print scalar <$s>;
    ' "127.0.0.1:$1" "$2" >"$NET/answer" && grep -q "$3" "$NET/answer"
}

prometheus__scraping_broker_agent_and_hub__takes_every_family() {
    local prometheus port
    prometheus=$(command -v prometheus || echo "$TOOLS/prometheus")
    [[ -x $prometheus ]] || { echo "figure: prometheus is not here: skipped" && return 0; }
    start_network $ISLINGTON $HUB
    port=$(free_port)
    mkdir -p "$NET/prometheus"
    cat >"$NET/prometheus/prometheus.yml" <<END
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: waypost
    static_configs:
      - targets: ["$(address_of broker)", "$(address_of $ISLINGTON)", "$(address_of $HUB)"]
END
    launch prometheus "$prometheus" --config.file="$NET/prometheus/prometheus.yml" --storage.tsdb.path="$NET/prometheus/data" \
        --web.listen-address="127.0.0.1:$port" --log.level=warn
    check "all are up" wait_until 60 target_is_up "$port" 'sum(up)' '"3"\]'
    check "a counter" wait_until 20 target_is_up "$port" 'waypost_broker_commits_total' '"value"'
    check "a histogram" wait_until 20 target_is_up "$port" 'waypost_broker_sync_seconds_bucket%7Ble%3D%22%2BInf%22%7D' '"value"'
    check "an agent's gauge" wait_until 20 target_is_up "$port" 'waypost_agent_online' '"1"\]'
    check "a hub's gauge" wait_until 20 target_is_up "$port" 'waypost_hub_online' '"1"\]'
    check "one of its region" wait_until 20 target_is_up "$port" 'waypost_hub_region_quiet_authorities' '"0"\]'
    check_not "it complains of nothing" grep -qE 'level=(warn|error)' "$NET/prometheus/log"
}

metrics__port_taken__stops_the_start_with_a_sentence() {
    start_network $ISLINGTON
    stop_process $ISLINGTON
    sed -i "s|^metrics = .*|metrics = \"$(address_of broker)\"|" "$NET/$ISLINGTON/agent.zpl"
    check_not "it starts" start_agent $ISLINGTON
    check "says why" log_has $ISLINGTON 'another program has the port'
    sed -i 's|^metrics = .*|metrics = "localhost:1"|' "$NET/$ISLINGTON/agent.zpl"
    check "-n says it too" ends_with_status 1 "$WAYPOST_AGENT" -n -c "$NET/$ISLINGTON/agent.zpl"
    check "with what to write" contains "$(cat "$NET/err")" 'ADDRESS:PORT in numbers'
}

run_tests
