#!/bin/bash
# `waypost bench` in small: every run ends, nothing confirmed is lost over a SIGKILL, and nothing is left behind.
. "$(dirname "$0")/../support/cluster.sh"

bench__small__ends_with_every_figure_and_leaves_nothing() {
    check "ends" ends_with_status 0 "$WAYPOST" bench --broker "$WAYPOST_BROKER" --dir "$NET" --json --producers 2 \
        --recipients 3 --seconds 1 --backlog 2000 --rate 200
    local name
    for name in confirmed_publish one_in_flight end_to_end open_loop drain restart disk; do
        check "has $name" grep -qF "\"$name\"" "$NET/out"
    done
    check "nothing lost" equals "$("$PICK" results.restart.lost <"$NET/out")" 0
    check "nothing twice" equals "$("$PICK" results.restart.twice <"$NET/out")" 0
    check_not "a folder is left" test -n "$(find "$NET" -name 'waypost-bench.*')"
}

bench__soak__begins_sessions_anew_and_acknowledges_every_event() {
    check "ends" ends_with_status 0 "$WAYPOST" bench --only soak --broker "$WAYPOST_BROKER" --dir "$NET" --json --producers 2 \
        --recipients 3 --seconds 3 --rate 400 --samples "$NET/samples"
    check "sessions began anew" test "$("$PICK" results.soak.sessions <"$NET/out")" -gt 0
    check "all confirmed" test "$("$PICK" results.soak.receipted <"$NET/out")" -gt 0
    check "all acknowledged" equals "$("$PICK" results.soak.acknowledged <"$NET/out")" "$("$PICK" results.soak.receipted <"$NET/out")"
    check "a line a second" grep -qE '^1 [0-9]+ [1-9][0-9]* [1-9][0-9]* [0-9]+ [1-9][0-9]*$' "$NET/samples"
}

# Cases at rest lie where the kernel can take them from memory; 20,000 of them are enough for that.
bench__many_events__lie_in_files_without_a_name() {
    check "ends" ends_with_status 0 "$WAYPOST" bench --only drain --broker "$WAYPOST_BROKER" --dir "$NET" --json --producers 2 \
        --backlog 20000
    check "all of them" equals "$("$PICK" results.drain.events <"$NET/out")" 20000
    check "there" test "$("$PICK" results.memory.scratch_kib <"$NET/out")" -ge 256
    check "and not the process's own" test "$("$PICK" results.memory.own_kib <"$NET/out")" -lt \
        "$("$PICK" results.memory.rss_kib <"$NET/out")"
}

# What a sync takes comes from a file here, one figure a line; the last one stays.
bench_peers__disk_that_is_busy__is_waited_for_and_said_where_it_stays_so() {
    # shellcheck source=tests/bench/peers/settle.sh
    . tests/bench/peers/settle.sh
    sync() { :; }
    sync_us() {
        head -n 1 "$NET/syncs"
        [[ $(wc -l <"$NET/syncs") -eq 1 ]] || sed -i 1d "$NET/syncs"
    }
    printf '%s\n' 100 2300 900 149 148 >"$NET/syncs"
    check "what it is when idle" settle_begin
    check "waits" settle "us latency" 2>"$NET/err"
    check "until a sync is what it was" equals "$(cat "$NET/syncs")" 148
    check_not "nothing to say" test -s "$NET/err"
    echo 2300 >"$NET/syncs"
    SETTLE_SECONDS=0 settle "us latency" 2>"$NET/err"
    check "ends in time, and says it" grep -q "before us latency a sync takes 2300 us, and took 100 us" "$NET/err"
}

bench__no_broker__says_where_it_looked() {
    check "refused" ends_with_status 1 "$WAYPOST" bench --broker "$NET/none" --dir "$NET"
    check "says where" grep -qF "$NET/none" "$NET/err"
}

run_tests
