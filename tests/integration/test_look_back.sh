#!/bin/bash
# Looking back at a journal that real processes wrote: the state at any moment, what one authority knew, where two
# moments or two engines differ; live or copied, whole or damaged. Promise 10.
. "$(dirname "$0")/../support/cluster.sh"

close_case() {
    wp "$1" send case_closed --transfer "$2" --fact closure_type=transferred --json | "$PICK" event
}

state_of() {
    wp_offline state "$NET/broker/journal" "$@"
}

stamp() {
    date -u +%Y-%m-%dT%H:%M:%S.%3NZ
}

recorded_refused() {
    [[ $(state_of --json | "$PICK" counts.verdicts.refused) == 1 ]]
}

state__of_a_live_journal__names_owners_verdicts_and_clocks() {
    start_network $ISLINGTON $CAMDEN
    local transfer closed hash
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send $ISLINGTON "$transfer" >/dev/null
    closed=$(close_case $ISLINGTON "$transfer")
    check "judged" wait_until 20 recorded_refused
    check "acknowledged" wait_until 20 outbox_level_is $ISLINGTON $CAMDEN persisted 2
    state_of --transfer "$transfer" --json >"$NET/state"
    check "the case lies at home" equals "$("$PICK" transfers.0.children.0.case <"$NET/state")" $ISLINGTON
    check "so do its reports" equals "$("$PICK" transfers.0.children.0.duties.reports.0 <"$NET/state")" $ISLINGTON
    check "the refusal with its rules" equals \
        "$("$PICK" transfers.0.events event verdict records.0.rules <"$NET/state" | grep "$closed")" \
        "$(printf '%s\trefused\tR28,R29' "$closed")"
    check "a clock that binds Camden" grep -qF "\"binds\": \"$CAMDEN\"" "$NET/state"
    check "the engine agrees" equals "$("$PICK" engine_differences <"$NET/state")" 0
    check "as text" ends_with_status 0 state_of --transfer "$transfer"
    check "with names" grep -q 'from Islington (E09000019) to Camden (E09000007)' "$NET/out"
    check_not "an unknown transfer is said" ends_with_status 0 state_of --transfer 00000000-0000-4000-8000-000000000000
    stop_all
    hash=$(state_of --json | "$PICK" state_hash)
    cp -a "$NET/broker/journal" "$NET/copy"
    rm -f "$NET/copy"/snapshot* "$NET/copy/tree.wpt" "$NET/copy/watermark" "$NET/copy/lock"
    check "a bare copy says the same" equals "$(wp_offline state "$NET/copy" --json | "$PICK" state_hash)" "$hash"
    check "no difference" ends_with_status 0 wp_offline diff "$NET/broker/journal" "$NET/copy"
    check "nothing is written" equals "$(find "$NET/copy" -type f | wc -l)" "$(find "$NET/copy" -name 'segment*' | wc -l)"
}

authority__that_was_away__did_not_know() {
    start_network $ISLINGTON $CAMDEN
    local transfer before sent after
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send $ISLINGTON "$transfer" >/dev/null
    check "acknowledged" wait_until 20 outbox_level_is $ISLINGTON $CAMDEN persisted 1
    stop_process $CAMDEN
    before=$(stamp)
    sent=$(close_case $ISLINGTON "$transfer")
    check "recorded" wait_until 20 recorded_refused
    after=$(stamp)
    check "Camden does not have it" equals \
        "$(state_of --known-by $CAMDEN --at "$after" --json | "$PICK" counts.events)" 1
    check "though it waits" test "$(state_of --known-by $CAMDEN --at "$after" --json | "$PICK" waiting)" -gt 0
    check "start again" start_agent $CAMDEN
    check "told" wait_until 20 has_level $ISLINGTON "$sent" persisted $CAMDEN
    check "it still did not know then" equals \
        "$(state_of --known-by $CAMDEN --at "$after" --json | "$PICK" counts.events)" 1
    check "nor before" equals "$(state_of --known-by $CAMDEN --at "$before" --json | "$PICK" counts.events)" 1
    check "now it does, as refused" equals \
        "$(state_of --known-by $CAMDEN --json | "$PICK" counts.verdicts.refused)" 1
    check "the sender always knew what it said" equals \
        "$(state_of --known-by $ISLINGTON --at "$after" --json | "$PICK" counts.events)" 2
    check "another authority is refused" ends_with_status 1 state_of --known-by $LEEDS
    check "with a sentence" grep -q "no agent served $LEEDS" "$NET/err"
}

diff__of_moments_and_engines__shows_what_differs() {
    start_network $ISLINGTON $CAMDEN
    local transfer journal=$NET/broker/journal entry
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send $ISLINGTON "$transfer" >/dev/null
    check "acknowledged" wait_until 20 outbox_level_is $ISLINGTON $CAMDEN persisted 1
    entry=$(state_of --json | "$PICK" entry)
    close_case $ISLINGTON "$transfer" >/dev/null
    check "judged" wait_until 20 recorded_refused
    stop_all
    check "the same moment" ends_with_status 0 wp_offline diff "$journal@$entry" "$journal@$entry"
    check "two moments differ" ends_with_status 1 wp_offline diff "$journal@$entry" "$journal"
    check "in the event that came" grep -q 'refused R28,R29' "$NET/out"
    check "the engine says the same" ends_with_status 0 wp_offline diff "$journal" --recompute
    cp -r data "$NET/tables"
    sed -i 's/REJECT:case_closed/ALERT:case_closed/' "$NET/tables/procedures/rules.tsv"
    check "milder tables do not" ends_with_status 1 wp_offline diff "$journal" --recompute --procedures "$NET/tables" --json
    check "the verdict" grep -qF '"recorded":"refused","recomputed":"alert"' <(tr -d ' ' <"$NET/out")
    check "what is recorded stays" equals "$(state_of --json | "$PICK" counts.verdicts.refused)" 1
    sed -i 's/move_notified/moof_notified/' "$NET/tables/procedures/clocks.tsv"
    check "a typo in the tables" ends_with_status 1 wp_offline diff "$journal" --procedures "$NET/tables"
    check "is named" grep -q 'moof_notified' "$NET/err"
}

journal__damaged_or_foreign__says_where_and_gives_what_is_whole() {
    start_network $ISLINGTON $CAMDEN
    send_many $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" 4 >/dev/null
    check "acknowledged" wait_until 20 outbox_level_is $ISLINGTON $CAMDEN persisted 4
    stop_all
    local file=$NET/broker/journal/segment-0000000001.wpj offset
    offset=$(grep -aboF "$ISLINGTON" "$file" | tail -n 6 | head -n 1 | cut -d: -f 1)
    printf '\377' | dd of="$file" bs=1 seek="$offset" conv=notrunc status=none
    check "damaged" ends_with_status 1 state_of
    check "says where" grep -qE 'segment-0000000001.wpj, offset [0-9]+, leaf [0-9]+' "$NET/err"
    check "and gives what is before" grep -q 'state hash' "$NET/out"
    check "no journal" ends_with_status 1 wp_offline state "$NET/keys"
    check "says so" grep -q 'there is no segment here' "$NET/err"
    check "nothing there" ends_with_status 1 wp_offline state "$NET/nowhere"
    check "no moment" ends_with_status 2 state_of --at yesterday
    check "says what one is" grep -q '2026-05-03T09:14' "$NET/err"
    check "one journal too few" ends_with_status 2 wp_offline diff "$NET/broker/journal"
}

run_tests
