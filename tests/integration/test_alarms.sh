#!/bin/bash
# Alarms of real programs: told by a real command and by the sendmail interface, again and again, until somebody takes
# them on, which is recorded.
# shellcheck disable=SC2317 # tests are called by name
. "$(dirname "$0")/../support/cluster.sh"

# Two programs that note what they are given, beside the network.
write_receivers() {
    printf '#!/bin/sh\ncat >>%s\n' "$NET/told" >"$NET/tell"
    printf '#!/bin/sh\ncat >>%s\n' "$NET/mailed" >"$NET/mail"
    chmod +x "$NET/tell" "$NET/mail"
    ALARM_OPTIONS="alarm-command = \"$NET/tell\"
alarm-mail = \"it@council.example\"
sendmail = \"$NET/mail\"
alarm-repeat = 1 s
alarm-dead = 1 s
alarm-unread = 1 s"
    SILENCE='alarm-silence = 1 s'
}

# told ALARM PROGRAM TIMES
told() {
    (($(grep -F "\"alarm\":\"$1\"" "$NET/told" | grep -cF "\"program\":\"waypost-$2\"") >= $3))
}

broker_has_alarm() {
    wp $OPERATOR alarms --broker --json | "$PICK" alarms name | grep -qx "$1"
}

has_no_alarm() {
    ! has_alarm "$@"
}

alarm__of_an_event_that_nobody_has__is_told_again_until_a_role_takes_it_on() {
    local transfer times
    write_receivers
    start_network $ISLINGTON $CAMDEN $OPERATOR
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    check "Camden's agent stops" stop_process $CAMDEN
    check "sent" send $ISLINGTON "$transfer"

    check "the sender's agent sees it" wait_until 20 has_alarm $ISLINGTON event_dead
    check "says who must act" contains "$(wp $ISLINGTON alarms)" 'to act: the duty desk.'
    WAYPOST_SOCKET="$NET/$ISLINGTON/agent.sock" script -qec "stty cols 60; $(printf '%q ' "$WAYPOST" alarms)" /dev/null </dev/null |
        tr -d '\r' | sed 's/\x1b\[[0-9;]*m//g' >"$NET/screen"
    check "on a terminal as well" grep -q '^event_dead since' "$NET/screen"
    check_not "a word is cut at its edge" grep -qE '.{61}' "$NET/screen"
    check "a look at everything is red" ends_with_status 1 wp $ISLINGTON check
    check "and has the remedy" contains "$(tr -s ' \n' ' ' <"$NET/out")" 'Their agent is away: telephone that authority.'
    check "told by the command, again and again" wait_until 20 told event_dead agent 3
    check "and by mail" grep -q '^Subject: waypost-demo: alarm event_dead at E09000019' "$NET/mailed"
    check "nearest name" ends_with_status 1 wp $ISLINGTON own event_daed
    check "is said" contains "$(cat "$NET/err")" 'did you mean event_dead'
    check "taken on" ends_with_status 0 wp $ISLINGTON own event_dead --by 'duty desk'
    times=$(grep -cF '"alarm":"event_dead","program":"waypost-agent"' "$NET/told")
    check "shown" contains "$(wp $ISLINGTON alarms)" 'taken on by duty desk'

    check "the broker misses the agent" wait_until 20 broker_has_alarm agent_silent
    check "told by the broker too" wait_until 20 told agent_silent broker 2
    check_not "no agent but an operator's may ask" wp $ISLINGTON alarms --broker
    check "taken on there" ends_with_status 0 wp $OPERATOR own agent_silent --by 'operations' --broker
    check "a record in the journal" stop_process $OPERATOR
    check "stops" stop_process broker
    check "is there" contains "$(wp_offline export "$NET/broker/journal" --all 2>/dev/null || strings -a "$NET"/broker/journal/segment-*)" \
        'alarm=agent_silent by=operations'
    check "told no more since it was taken on" equals "$(grep -cF '"alarm":"event_dead","program":"waypost-agent"' "$NET/told")" "$times"

    check "the broker again" start_broker
    check "Camden again" start_agent $CAMDEN
    check "it is over" wait_until 30 has_no_alarm $ISLINGTON event_dead
    check "and unread now, on both sides" wait_until 30 has_alarm $ISLINGTON event_unread
    check "at Camden" wait_until 30 has_alarm $CAMDEN inbox_unread
    check "opened" wp $CAMDEN open "$(inbox_ids $CAMDEN | head -1)" --role social_worker
    check "over at Camden" wait_until 30 has_no_alarm $CAMDEN inbox_unread
    check "and here" wait_until 30 has_no_alarm $ISLINGTON event_unread
    check_not "no name of a child is told" grep -q ash "$NET/told" "$NET/mailed"
}

alarm__of_a_hub__names_the_authority_that_must_act() {
    write_receivers
    HUB_OPTIONS='not-listening-after = 1s'
    start_network $ISLINGTON $CAMDEN $HUB
    check "Camden's agent stops" stop_process $CAMDEN
    check "sent" send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)"

    check "its agent is away" wait_until 30 has_alarm $HUB region_away
    check "an event waits for it" wait_until 30 has_alarm $HUB region_dead
    check "says who must act" contains "$(wp $HUB alarms)" 'for Camden (E09000007); their IT officers must act'
    check "told by the command, again and again" wait_until 20 told region_dead hub 2
    check "and by mail" grep -q '^Subject: waypost-demo: alarm region_dead at london-hub' "$NET/mailed"
    check "taken on" ends_with_status 0 wp $HUB own region_dead --by 'hub officer'
    check "shown" contains "$(wp $HUB alarms)" 'taken on by hub officer'

    check "Camden again" start_agent $CAMDEN
    check "it is over" wait_until 30 has_no_alarm $HUB region_dead
    check "nobody opens it" wait_until 30 has_alarm $HUB region_unread
    check "opened" wp $CAMDEN open "$(inbox_ids $CAMDEN | head -1)" --role social_worker
    check "over" wait_until 30 has_no_alarm $HUB region_unread
    check "the agent is back" wait_until 30 has_no_alarm $HUB region_away
}

configuration__of_alarms__is_checked_before_the_start() {
    make_network $ISLINGTON
    printf 'alarm-command = "%s"\n' "$NET/nowhere" | tee -a "$NET/broker/broker.zpl" >>"$NET/$ISLINGTON/agent.zpl"
    check "agent" ends_with_status 1 "$WAYPOST_AGENT" -n -c "$NET/$ISLINGTON/agent.zpl"
    check "says which" contains "$(cat "$NET/err")" 'alarm-command'
    check "broker" ends_with_status 1 "$WAYPOST_BROKER" -n -c "$NET/broker/broker.zpl"
    check "says which" contains "$(cat "$NET/out" "$NET/err")" 'alarm-command'
}

run_tests
