#!/bin/bash
# What a regional hub sees: facts of its own region, live, and never a payload. Promise 7.
. "$(dirname "$0")/../support/cluster.sh"

hub__london__sees_london_and_no_other_region() {
    start_network $ISLINGTON $CAMDEN $LEEDS $BARNSLEY_NEW $HUB
    local inside outside across
    watch_into $HUB "$NET/watched" --json
    outside=$(send $LEEDS "$(new_transfer $LEEDS $BARNSLEY_NEW)")
    check "outside works" wait_until 20 has_level $LEEDS "$outside" persisted
    across=$(send $LEEDS "$(new_transfer $LEEDS $CAMDEN)")
    inside=$(send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)")
    check "sees London" wait_until 20 grep -qF "$inside" "$NET/watched"
    check "sees what concerns London" wait_until 20 grep -qF "$across" "$NET/watched"
    check_not "sees another region" grep -qF "$outside" "$NET/watched"
    check_not "holds another region" holds_event $HUB "$outside"
}

hub__sealed_event__sees_the_facts_and_not_a_word_of_the_payload() {
    start_network $ISLINGTON $CAMDEN $HUB
    local event
    watch_into $HUB "$NET/watched" --json
    event=$(send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" --sealed "narrative=the quincunx meeting")
    check "sees it" wait_until 20 grep -qF "$event" "$NET/watched"
    check "sees a fact" grep -qF move_notified "$NET/watched"
    check "the recipient can read it" wait_until 20 holds_event $CAMDEN "$event"
    check "opens" wp $CAMDEN open "$event" --role mash_manager
    check_not "its words at the hub" grep -rqF quincunx "$NET/$HUB" "$NET/watched"
    check_not "its words at the broker" grep -rqF quincunx "$NET/broker"
    check_not "the hub can open it" wp $HUB open "$event" --role mash_manager
}

hub__watching__sees_that_somebody_opened_it() {
    start_network $ISLINGTON $CAMDEN $HUB
    local event
    watch_into $HUB "$NET/watched" --json
    event=$(send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)")
    check "arrives" wait_until 20 holds_event $CAMDEN "$event"
    check "opens" wp $CAMDEN open "$event" --role mash_manager --team mash
    check "the hub sees it" wait_until 20 grep -q '"word": *"opened"' "$NET/watched"
    check "and for which event" grep '"word": *"opened"' "$NET/watched" | grep -qF "$event"
}

hub__sending__is_refused() {
    start_network $ISLINGTON $HUB
    local transfer
    transfer=$(wp $HUB new-transfer --origin $ISLINGTON --receiving $CAMDEN --subject ash=cp --json | "$PICK" transfer)
    check "refused" ends_with_status 1 wp $HUB send move_notified --transfer "$transfer" --to $CAMDEN \
        --fact permanence=permanent retain_intention=transfer
}

run_tests
