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
    mkdir "$NET/copy"
    cp -a "$NET/broker/journal"/segment-* "$NET/copy"
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

# same_segments A B: what was committed is the same, byte for byte.
same_segments() {
    local file
    for file in "$2"/segment-*.wpj; do
        cmp -n "$(stat -c %s "$file")" "$1/${file##*/}" "$file" || return 1
    done
}

export__taken_back__is_the_journal_to_the_byte() {
    start_network $ISLINGTON $CAMDEN
    local transfer journal=$NET/broker/journal format
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 3 --sealed "narrative=invented words" >/dev/null
    close_case $ISLINGTON "$transfer" >/dev/null
    check "acknowledged" wait_until 20 outbox_level_is $ISLINGTON $CAMDEN persisted 4
    stop_all
    for format in protobuf cloudevents; do
        check "$format" wp_offline export "$journal" --format $format --payloads --out "$NET/$format"
        check "comes back" wp_offline import "$NET/$format" --into "$NET/$format.journal"
        check "to the byte" same_segments "$journal" "$NET/$format.journal"
        check "and verifies, signatures and all" wp_offline verify "$NET/$format.journal" --join "$NET/network.join"
        check "the file reads as it is" ends_with_status 0 wp_offline diff "$journal" "$NET/$format"
        check "the engine agrees" ends_with_status 0 wp_offline diff "$NET/$format" --recompute
        check_not "no folder is overwritten" ends_with_status 0 wp_offline import "$NET/$format" --into "$NET/$format.journal"
    done
    check "without sealed parts" wp_offline export "$journal" --format cloudevents --out "$NET/bare"
    check_not "none is there" grep -q '"ciphertext"' "$NET/bare"
    check "comes back" wp_offline import "$NET/bare" --into "$NET/bare.journal"
    check "and verifies" wp_offline verify "$NET/bare.journal" --json
    check "from one form to the other" wp_offline export "$NET/cloudevents" --format protobuf --payloads --out "$NET/again"
    check "is the same file" cmp "$NET/protobuf" "$NET/again"
    rm -rf "$journal"
    cp -r "$NET/protobuf.journal" "$journal"
    check "a broker goes on from it" start_broker
    check "an agent too" start_agent $ISLINGTON
    check "is online" wait_until 30 is_online $ISLINGTON
    check "and nothing was lost" status_is $ISLINGTON outbox 0
}

export__damaged__is_named_by_line_and_gives_what_is_whole() {
    start_network $ISLINGTON $CAMDEN
    local lines
    send_many $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" 3 >/dev/null
    check "acknowledged" wait_until 20 outbox_level_is $ISLINGTON $CAMDEN persisted 3
    stop_all
    check "export" wp_offline export "$NET/broker/journal" --format cloudevents --out "$NET/lines"
    lines=$(wc -l <"$NET/lines")
    sed -i "$((lines - 5))s/\"waypostentry\":\"/\"waypostentry\":\"9/" "$NET/lines"
    check "is refused" ends_with_status 1 wp_offline import "$NET/lines" --into "$NET/made"
    check "with its line or its entry" grep -qE "line $((lines - 5))|does not follow|should stand here" "$NET/err"
    check "what is whole verifies" wp_offline verify "$NET/made"
    check "an export from the middle" wp_offline export "$NET/broker/journal" --format cloudevents --from 9 --out "$NET/late"
    check "makes no journal" ends_with_status 1 wp_offline import "$NET/late" --into "$NET/late.made"
    check "and says why" grep -q 'begins within a journal' "$NET/err"
    check "but can be read" wp_offline state "$NET/late"
}

scrub__of_a_real_journal__holds_no_planted_word() {
    start_network $ISLINGTON $CAMDEN
    local transfer journal=$NET/broker/journal word
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send $ISLINGTON "$transfer" --sealed "narrative=planted narrative" >/dev/null
    wp $ISLINGTON send case_closed --transfer "$transfer" --fact closure_type=transferred letter_ref=PLANTED-77 >/dev/null
    check "acknowledged" wait_until 20 outbox_level_is $ISLINGTON $CAMDEN persisted 2
    stop_all
    check "scrubs" wp_offline scrub "$journal" --out "$NET/clean.pb" --authorities replace
    check "and as CloudEvents" wp_offline scrub "$journal" --out "$NET/clean.jsonl" --authorities replace
    for word in PLANTED-77 waypost-demo "$transfer"; do
        check_not "$word" grep -qF -- "$word" "$NET/clean.pb" "$NET/clean.jsonl"
    done
    check "the real one holds them" grep -qF PLANTED-77 "$journal"/segment-0000000001.wpj
    check "it can be looked at" wp_offline state "$NET/clean.jsonl" --json
    check "with the verdicts that were" equals \
        "$(wp_offline state "$NET/clean.pb" --json | "$PICK" counts.verdicts)" "$(state_of --json | "$PICK" counts.verdicts)"
    check "and replayed" wp_offline replay "$NET/clean.pb" --kind refused --json
}

replay__of_a_live_journal__changes_nothing_and_is_written_down() {
    start_network $ISLINGTON $CAMDEN $OPERATOR
    local transfer journal=$NET/broker/journal state
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send $ISLINGTON "$transfer" >/dev/null
    close_case $ISLINGTON "$transfer" >/dev/null
    check "acknowledged" wait_until 20 outbox_level_is $ISLINGTON $CAMDEN persisted 2
    state=$(state_of --json | "$PICK" state_hash)
    check "not in secret" ends_with_status 1 wp_offline replay "$journal" --kind case_closed
    check "and says how" grep -q "name the operator's agent" "$NET/err"
    check "not by another agent" ends_with_status 1 wp $CAMDEN replay "$journal"
    check "told" ends_with_status 0 wp $OPERATOR replay "$journal" --kind case_closed
    check "with its verdict" grep -q 'case_closed  Islington to Camden: refused' "$NET/out"
    check "acted again as it was recorded" ends_with_status 0 wp $OPERATOR replay "$journal" --into sandbox
    check "without a difference" grep -q ' 0 otherwise' "$NET/out"
    check "into a file" wp $OPERATOR replay "$journal" --kind case_closed --into "file:$NET/part"
    check "of what passed" equals "$(grep -c '"type":"waypost.case_closed' "$NET/part")" 1
    check "as a story" wp $OPERATOR replay "$journal" --into "file:$NET/story.scenario"
    check "that holds" ends_with_status 0 wp_offline rehearse "$NET/story.scenario"
    check "each replay is a record in it" equals "$(wp $OPERATOR replay "$journal" --kind replay_started --json |
        "$PICK" detail | head -n 2)" "$(printf '%s\n' kind=case_closed into=sandbox)"
    check "six with this one" equals "$(wp $OPERATOR replay "$journal" --kind replay_started --json | grep -c replay_started)" 6
    check "and they change nothing" equals "$(state_of --json | "$PICK" state_hash)" "$state"
    check_not "nothing stands beside it" test -e "$journal.replays"
    stop_process broker
    check "of one that rests" wp_offline replay "$journal" --kind case_closed
    check "a line beside it, and one for its end" equals "$(wc -l <"$journal.replays")" 2
}

golden__journal__has_the_state_hash_that_it_always_had() {
    check "the same on every machine" equals "$(wp_offline state tests/golden/easter.pb --json | "$PICK" state_hash)" \
        "$(cat tests/golden/easter.hash)"
}

run_tests
