#!/bin/bash
# What a regional hub sees: facts of its own region, live, under names of its own, and never a payload. Promise 7.
. "$(dirname "$0")/../support/cluster.sh"

hub__london__sees_london_and_no_other_region() {
    start_network $ISLINGTON $CAMDEN $LEEDS $BARNSLEY_NEW $HUB
    local inside outside across event
    outside=$(new_transfer $LEEDS $BARNSLEY_NEW) across=$(new_transfer $LEEDS $CAMDEN)
    inside=$(new_transfer $ISLINGTON $CAMDEN)
    event=$(send $LEEDS "$outside")
    check "outside works" wait_until 20 has_level $LEEDS "$event" persisted
    send $LEEDS "$across" >"$NET/sent"
    send $ISLINGTON "$inside" >"$NET/sent"
    check "sees London" wait_until 20 hub_knows $HUB "$inside"
    check "sees what concerns London" wait_until 20 hub_knows $HUB "$across"
    check_not "sees another region" hub_knows $HUB "$outside"
}

hub__sealed_event__sees_the_facts_and_not_a_word_of_the_payload() {
    start_network $ISLINGTON $CAMDEN $HUB
    local event transfer
    watch_into $HUB "$NET/watched" --json
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    event=$(send $ISLINGTON "$transfer" --sealed "narrative=the quincunx meeting")
    check "sees it" wait_until 20 hub_knows $HUB "$transfer"
    check "sees a fact" wait_until 20 grep -q '"retain_intention": *"transfer"' "$NET/watched"
    check "the recipient can read it" wait_until 20 holds_event $CAMDEN "$event"
    check "opens" wp $CAMDEN open "$event" --role mash_manager
    check_not "its words at the hub" grep -rqF quincunx "$NET/$HUB" "$NET/watched"
    check_not "its words at the broker" grep -rqF quincunx "$NET/broker"
    check_not "the hub can open it" wp $HUB open "$event" --role mash_manager
}

# Ids of case, event and child are the hub's own on every screen: none of an authority's stands in what it says.
hub__everything_it_says__holds_no_id_of_anybody_else() {
    start_network $ISLINGTON $CAMDEN $HUB
    local event transfer child case
    watch_into $HUB "$NET/watched" --json
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    event=$(send $ISLINGTON "$transfer")
    child=$(wp $ISLINGTON show "$event" --json | grep -oE '"ref": *"[0-9a-f-]{36}"' | head -n 1 | grep -oE '[0-9a-f-]{36}')
    check "there is a child" test -n "$child"
    check "opens" wait_until 20 wp $CAMDEN open "$event" --role mash_manager --team mash
    check "the hub sees it" wait_until 20 grep -q '"word": *"opened"' "$NET/watched"
    case=$(wp $HUB hub case "$transfer" --json | "$PICK" case)
    check "a name of its own" wp $HUB hub case "${case,,}" --json
    {
        cat "$NET/watched"
        wp $HUB hub case "$case" --json
        wp $HUB hub case "$case"
        for list in overview pairs deadlines cases unopened; do
            wp $HUB hub $list --json
            wp $HUB hub $list
        done
    } >"$NET/said"
    check "it says something" grep -qF "$case" "$NET/said"
    check "a deadline that began when the notice arrived" grep -qE "expected of Camden: Transfer conference, national by " "$NET/said"
    check "what the notice waits for" grep -qF "expected of Camden: to answer \"Move of a child notified\"" "$NET/said"
    check_not "it was opened" grep -qF 'to open' "$NET/said"
    for id in "$event" "$transfer" "$child"; do
        check_not "says $id" grep -qF "$id" "$NET/said"
    done
}

hub__watching__sees_that_somebody_opened_it() {
    start_network $ISLINGTON $CAMDEN $HUB
    local event
    watch_into $HUB "$NET/watched" --json
    event=$(send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)")
    check "arrives" wait_until 20 holds_event $CAMDEN "$event"
    check "not opened yet" wait_until 20 unopened_are 1
    check "opens" wp $CAMDEN open "$event" --role mash_manager --team mash
    check "the hub sees it" wait_until 20 grep -q '"word": *"opened"' "$NET/watched"
    check "and by whom" grep -q '"role": *"mash_manager"' "$NET/watched"
    check "nothing lies unopened" unopened_are 0
}

unopened_are() {
    [[ $(wp $HUB hub unopened --json | "$PICK" events event | grep -c .) == "$1" ]]
}

# Seven notices to Camden, with a threshold of 3: seven are shown, two are not; nor are the five beside them, as Camden's seven
# less Islington's five would be the two of Leeds.
hub__small_counts__are_not_shown() {
    HUB_OPTIONS='small-counts = 3'
    start_network $ISLINGTON $CAMDEN $LEEDS $HUB
    send_many $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" 5 >"$NET/sent"
    send_many $LEEDS "$(new_transfer $LEEDS $CAMDEN)" 2 >"$NET/sent"
    check "all arrive, and are shown" wait_until 20 authority_says $CAMDEN received 7
    check "two are not" authority_says $LEEDS sent '<3'
    check "what gives them away is not either" authority_says $ISLINGTON sent hidden
}

# authority_says CODE MEMBER VALUE
authority_says() {
    [[ $(wp $HUB hub overview --json | "$PICK" authorities code "$2" | awk -F'\t' -v code="$1" '$1 == code { print $2 }') == "$3" ]]
}

hub__deadlines__are_listed_with_who_must_act() {
    start_network $ISLINGTON $CAMDEN $HUB
    send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" >"$NET/sent"
    check "the transfer conference" wait_until 20 deadline_runs C01
    check "Camden must act" grep -q '"name": *"Camden"' <(wp $HUB hub deadlines --authority Camden --json)
    check "none of Islington's" equals "" "$(wp $HUB hub deadlines --authority Islington --json | "$PICK" deadlines clock)"
    check "none within an hour" equals "" "$(wp $HUB hub deadlines --due 30min --json | "$PICK" deadlines clock)"
    check "none missed" equals "" "$(wp $HUB hub deadlines --missed --json | "$PICK" deadlines clock)"
}

deadline_runs() {
    wp $HUB hub deadlines --json | "$PICK" deadlines clock | grep -qx "$1"
}

hub__agent_away__is_told_as_not_listening() {
    HUB_OPTIONS='not-listening-after = 1s'
    start_network $ISLINGTON $CAMDEN $HUB
    check "listening" wait_until 20 authority_says $CAMDEN listening yes
    check "a council without an agent" wait_until 20 authority_says E09000001 listening 'no agent'
    check "stops" stop_process $CAMDEN
    check "not listening" wait_until 20 authority_says $CAMDEN listening no
    check "Islington is" authority_says $ISLINGTON listening yes
}

hub__sending__is_refused() {
    start_network $ISLINGTON $HUB
    local transfer
    check "refused" ends_with_status 1 wp $HUB new-transfer --origin $ISLINGTON --receiving $CAMDEN --subject ash=cp
    check "says why" grep -q "a hub watches" "$NET/err"
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    check "refused" ends_with_status 1 wp $HUB send move_notified --transfer "$transfer" --to $CAMDEN \
        --fact permanence=permanent retain_intention=transfer
}

hub__killed_and_started_again__counts_everything_once() {
    start_network $ISLINGTON $CAMDEN $HUB
    local transfer
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 6 >"$NET/sent"
    kill_process $HUB
    send_many $ISLINGTON "$transfer" 6 >"$NET/sent"
    check "starts" wait_until 20 start_agent $HUB
    check "twelve, once each" wait_until 20 authority_says $ISLINGTON sent 12
    check "all arrived" wait_until 20 authority_says $CAMDEN received 12
}

# figures_of_hub TRANSFER: what it counts, without the time of asking; authorities that had no part in it come and go.
figures_of_hub() {
    wp $HUB hub overview --json | "$PICK" authorities code sent received notices alerts running breached disputes \
        not_persisted.all not_opened.all | awk -F'\t' '$2 != "0" || $3 != "0"'
    wp $HUB hub pairs --json | "$PICK" pairs origin.code receiving.code events notices running last
    wp $HUB hub case "$1" --json | grep -vE '"(now|left_ms)"'
}

case_shows() {
    wp $HUB hub case "$1" | grep -q "$2"
}

some_traffic() {
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 9 >"$NET/sent"
    check "opens" wait_until 20 wp $CAMDEN open "$(tail -n 1 "$NET/sent")" --role mash_manager --team mash
    send_many $LEEDS "$(new_transfer $LEEDS $CAMDEN)" 6 >"$NET/sent"
    check "all arrive" wait_until 20 authority_says $CAMDEN received 15
    check "the opening too" wait_until 20 case_shows "$transfer" opened
    check "and the deadlines" wait_until 20 deadline_runs C01
    # behind these the hub has been told everything that came of the events
    check "on the disk too" wait_until 20 authority_says $CAMDEN not_persisted.all 0
}

hub__rebuilt__counts_the_same_under_the_same_names() {
    local transfer
    start_network $ISLINGTON $CAMDEN $LEEDS $HUB
    some_traffic
    wait_until 5 log_of_hub_is_quiet
    figures_of_hub "$transfer" >"$NET/before"
    check "stops" stop_process $HUB
    launch $HUB "$WAYPOST_HUB" --rebuild -c "$NET/$HUB/agent.zpl"
    check "everything is here again" wait_until 20 hub_was_filled 2
    check "the same" wait_until 20 figures_are_as_before "$transfer"
    send $ISLINGTON "$transfer" >"$NET/sent"
    check "and it goes on" wait_until 20 authority_says $CAMDEN received 16
    check "no alarm" equals "" "$(wp $HUB alarms --json | "$PICK" alarms name)"
}

# More than fits one page of PAST (128 KiB): every page begins where the one before ended, also within a record.
hub__rebuilt_from_several_pages__counts_the_same() {
    local case
    start_network $ISLINGTON $CAMDEN $HUB
    "$BUILD/tests/tools/flow" "$NET/$HUB/agent.sock" 500 1 \
        "$NET/$ISLINGTON/agent.sock" $ISLINGTON $CAMDEN "$NET/$CAMDEN/agent.sock" $CAMDEN $ISLINGTON >"$NET/flow" 2>&1
    check "all arrive" wait_until 30 authority_says $CAMDEN received 250
    check "on their disks too" wait_until 30 authority_says $CAMDEN not_persisted.all 0
    check "of both" wait_until 30 authority_says $ISLINGTON not_persisted.all 0
    wait_until 5 log_of_hub_is_quiet
    case=$(wp $HUB hub cases --json | "$PICK" cases case | tail -1)
    figures_of_hub "$case" >"$NET/before"
    check "stops" stop_process $HUB
    launch $HUB "$WAYPOST_HUB" --debug --rebuild -c "$NET/$HUB/agent.zpl"
    check "everything is here again" wait_until 30 hub_was_filled 2
    check "in several pages" test "$(grep -c 'past: page of' "$NET/$HUB/log")" -ge 2
    check "the same" wait_until 20 figures_are_as_before "$case"
}

figures_are_as_before() {
    figures_of_hub "$1" | diff "$NET/before" -
}

log_of_hub_is_quiet() {
    [[ $(wp $HUB status --json | "$PICK" stream.upto) == "$(wp $HUB status --json | "$PICK" stream.acknowledged)" ]]
}

hub__database_lost__is_filled_again_from_the_broker() {
    local transfer
    start_network $ISLINGTON $CAMDEN $LEEDS $HUB
    some_traffic
    kill_process $HUB
    rm -rf "$NET/$HUB/data"
    check "starts" start_agent $HUB
    check "is filled" wait_until 20 authority_says $CAMDEN received 15
    check "with what was opened" case_shows "$transfer" opened
    send $ISLINGTON "$transfer" >"$NET/sent"
    check "and it goes on" wait_until 20 authority_says $CAMDEN received 16
    check "no alarm" equals "" "$(wp $HUB alarms --json | "$PICK" alarms name)"
}

run_tests
