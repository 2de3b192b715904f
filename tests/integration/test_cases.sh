#!/bin/bash
# What the events of a transfer add up to, as both agents see it: verdicts, owners, clocks. One engine, two stores, one answer.
. "$(dirname "$0")/../support/cluster.sh"

# tell FROM KIND TRANSFER ARG...: sends, and prints the event's id.
tell() {
    local from=$1 kind=$2 transfer=$3
    shift 3
    wp "$from" send "$kind" --transfer "$transfer" "$@" --json | "$PICK" event
}

# judged AGENT TRANSFER EVENT: "refused R28 R29", as the timeline has it.
judged() {
    wp "$1" transfer "$2" --json | "$PICK" events event judged rules | awk -F'\t' -v id="$3" \
        '$1 == id { gsub(/[\[\]",]+/, " ", $3); gsub(/ +/, " ", $3); print $2 $3 }' | sed 's/ *$//'
}

is_judged() {
    equals "$(judged "$1" "$2" "$3")" "$4"
}

# owner AGENT TRANSFER [ARG...]: who holds the case.
owner() {
    local agent=$1 transfer=$2
    shift 2
    wp "$agent" whois "$transfer" --json "$@" | "$PICK" children.0.owners.case
}

owner_is() {
    [[ $(owner "$1" "$2") == "$3" ]]
}

has_clock() {
    wp "$1" clocks --json | "$PICK" clocks clock state provisional | grep -qE "$2"
}

cases__closed_before_the_conference__is_delivered_and_refused_on_both_sides() {
    start_network $ISLINGTON $CAMDEN
    local transfer notice closed
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    notice=$(send $ISLINGTON "$transfer")
    check "notice arrives" wait_until 20 has_level $ISLINGTON "$notice" persisted
    closed=$(tell $ISLINGTON case_closed "$transfer" --fact closure_type=transferred)
    check "delivered all the same" wait_until 20 holds_event $CAMDEN "$closed"
    check "settled" wait_until 20 outbox_is_settled $ISLINGTON
    check "refused at the sender" is_judged $ISLINGTON "$transfer" "$closed" "refused R28 R29"
    check "refused at the recipient" is_judged $CAMDEN "$transfer" "$closed" "refused R28 R29"
    check "by rules that have titles" contains "$(wp $CAMDEN transfer "$transfer")" \
        "refused: R28 Closed before a transfer conference; R29 Closed before the acceptance letter is held"
    check "in the outbox too" contains "$(wp $ISLINGTON outbox)" "R28 Closed before a transfer conference"
    check "the case stays" owner_is $CAMDEN "$transfer" $ISLINGTON
}

cases__accepted_in_writing__responsibility_passes_at_both_and_is_remembered() {
    start_network $ISLINGTON $CAMDEN
    local transfer notice held acceptance
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    notice=$(send $ISLINGTON "$transfer")
    check "notice arrives" wait_until 20 holds_event $CAMDEN "$notice"
    held=$(tell $CAMDEN conference_held "$transfer" --fact conference_type=transfer_in outcome=plan_made)
    acceptance=$(tell $CAMDEN written_acceptance "$transfer" --fact signatory_role=conference_chair form=chair_letter \
        letter_ref=CAM-1 letter_hash=letter-one)
    check "conference arrives" wait_until 20 holds_event $ISLINGTON "$held"
    check "acceptance arrives" wait_until 20 holds_event $ISLINGTON "$acceptance"
    check "passed at the sender" wait_until 20 owner_is $CAMDEN "$transfer" $CAMDEN
    check "passed at the recipient" wait_until 20 owner_is $ISLINGTON "$transfer" $CAMDEN
    check "remembered" equals "$(owner $CAMDEN "$transfer" --at 2026-01-05T10:00)" $ISLINGTON
    check "by the day" equals "$(owner $CAMDEN "$transfer" --at 2026-01-05)" $ISLINGTON
    check "no day" ends_with_status 2 wp $CAMDEN whois "$transfer" --at 2026-02-30
    check "a moment before anything was said" contains "$(wp $CAMDEN whois "$transfer" --at 2020-01-05)" \
        'Nothing was said of this transfer before'
    check "one that is still to come" contains "$(wp $CAMDEN whois "$transfer" --at 2099-01-05)" 'still to come'
    check "now needs no remark" equals "$(wp $CAMDEN whois "$transfer" | grep -cE 'before|to come')" 0
    check "a child by its reference" ends_with_status 0 wp $ISLINGTON whois \
        "$transfer/$(wp $ISLINGTON whois "$transfer" --json | "$PICK" children.0.ref)"
    check "an unknown child is named" ends_with_status 1 wp $CAMDEN whois "$transfer/nobody"
}

# Said while the broker is away, and so accepted in one moment.
cases__corrected_in_one_batch__stand_in_order_and_say_which_replaces_which() {
    start_network $ISLINGTON $CAMDEN
    local transfer notice correction
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    stop_process broker
    notice=$(send $ISLINGTON "$transfer")
    correction=$(tell $ISLINGTON move_notified "$transfer" --supersedes "$notice" \
        --fact permanence=temporary retain_intention=transfer)
    start_broker
    for agent in $ISLINGTON $CAMDEN; do
        check "both are there" wait_until 20 holds_or_sent $agent "$correction"
        check "as they were said" equals "$(wp $agent transfer "$transfer" --json | "$PICK" events event)" \
            "$notice"$'\n'"$correction"
        check "the first is marked" contains "$(wp $agent transfer "$transfer" | grep -F "$notice")" 'REPLACED by the one of'
        check "the second too" contains "$(wp $agent transfer "$transfer" | grep -F "$correction")" 'replaces the one of'
    done
}

holds_or_sent() {
    if [[ $1 == "$CAMDEN" ]]; then holds_event "$1" "$2"; else has_level "$1" "$2" accepted; fi
}

cases__notice_persisted__the_national_clock_runs_and_is_provisional_while_the_broker_is_away() {
    start_network $ISLINGTON $CAMDEN
    local transfer notice
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    notice=$(send $ISLINGTON "$transfer")
    check "persisted" wait_until 20 has_level $ISLINGTON "$notice" persisted
    check "runs" has_clock $ISLINGTON $'^C01\trunning\tfalse'
    check "runs at the recipient" has_clock $CAMDEN $'^C01\trunning\tfalse'
    check_not "runs out within three days" wp $CAMDEN clocks --due 3h --json | grep -q C01
    kill_process broker
    check "provisional" wait_until 30 has_clock $CAMDEN $'^C01\trunning\ttrue'
    check "a bad length of time" ends_with_status 2 wp $CAMDEN clocks --due soon
}

cases__what_would_be_refused__is_said_before_it_leaves() {
    start_network $ISLINGTON $CAMDEN
    local transfer notice
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    notice=$(send $ISLINGTON "$transfer")
    check "persisted" wait_until 20 has_level $ISLINGTON "$notice" persisted
    check "warned" contains "$(wp $ISLINGTON send case_closed --transfer "$transfer" --fact closure_type=transferred --json)" \
        '"foreseen": "refused"'
    check "with the rule" contains "$(wp $ISLINGTON send case_closed --transfer "$transfer" \
        --fact closure_type=transferred 2>&1)" R28
    asks n case_closed --transfer "$transfer" --fact closure_type=transferred
    check "asked on a terminal" grep -qF 'Send it all the same?' "$NET/asked"
    check "in lines of its width, broken at blanks" check_width "$NET/asked" 60
}

# asks INPUT ARG...: Islington's `waypost send ARG...` on a terminal of 60 columns that is given these lines.
asks() {
    local input=$1
    shift
    WAYPOST_SOCKET="$NET/$ISLINGTON/agent.sock" script -qec "stty cols 60; $(printf '%q ' "$WAYPOST" send "$@")" /dev/null \
        <<<"$input" >"$NET/asked" 2>&1
}

send__on_a_terminal__asks_for_what_is_missing_until_it_can_be() {
    start_network $ISLINGTON $CAMDEN
    local transfer
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    asks $'the 20th\n2026-12-01\n?\nother' transfer_date_agreed --transfer "$transfer"
    check "a date, in words" grep -qF 'transfer_date: Agreed day of transfer (a date, YYYY-MM-DD)' "$NET/asked"
    check "asked again for a date" grep -qF 'fact transfer_date is a date, YYYY-MM-DD' "$NET/asked"
    check "the words that there are" contains "$(tr -d '\r' <"$NET/asked" | tr -s '\n ' ' ')" 'it is one of conference, review, other'
    check "sent" wait_until 20 is_answered_by $CAMDEN "$transfer"
}

# What the date still waits for, as the other agent says it.
is_answered_by() {
    wp "$1" transfer "$2" | tr -s '\n ' ' ' | grep -qF 'expected of Camden: to answer "Transfer date and point agreed" (transfer_date_agreed)'
}

status__of_an_authority_and_of_a_hub__says_what_waits_there() {
    start_network $ISLINGTON $CAMDEN $HUB
    local transfer notice
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    notice=$(send $ISLINGTON "$transfer")
    check "persisted" wait_until 20 has_level $ISLINGTON "$notice" persisted
    check "running" contains "$(wp $CAMDEN status)" 'running, none overdue'
    tell $CAMDEN conference_held "$transfer" --fact conference_type=transfer_in outcome=plan_made held_on=2026-01-05 >/dev/null
    check "overdue, and ours" wait_until 20 says_overdue $CAMDEN '2 overdue, 2 of them ours to act on'
    check "overdue, not ours" wait_until 20 says_overdue $ISLINGTON '2 overdue, 0 of them ours to act on'
    check "in JSON" contains "$(wp $CAMDEN status --json)" '"own_overdue": 2'
    check "the hub's region" wait_until 20 says_overdue $HUB '2 missed and open'
    check_not "a hub has no boxes" grep -qE '^(Outbox|Inbox)' <(wp $HUB status)
}

says_overdue() {
    wp "$1" status | grep -qF "$2"
}

check_width() {
    ! tr -d '\r' <"$1" | grep -qE "^.{$(($2 + 1)),}" && grep -qE '^      [^ ]' "$1"
}

run_tests
