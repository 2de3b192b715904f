#!/bin/bash
# The command: every one has --help and --json, exit codes 0, 1 and 2, and answers a misspelt word with the nearest one.
. "$(dirname "$0")/../support/cluster.sh"

command_names() {
    "$WAYPOST" help | sed -nE 's/^  ([a-z-]+( [a-z-]+)?)  +.*/\1/p'
}

every_command__asked_for_help__says_how_it_is_used() {
    local name
    while read -r name; do
        # shellcheck disable=SC2086 # two words for some
        check "$name --help" ends_with_status 0 "$WAYPOST" $name --help
        check "$name: usage" grep -qiE '^ *usage' "$NET/out"
        check "$name: writes errors apart" test ! -s "$NET/err"
    done < <(command_names)
    check "there are many" test "$(command_names | wc -l)" -ge 25
}

every_command__with_an_unknown_option__ends_with_status_two() {
    local name
    while read -r name; do
        # shellcheck disable=SC2086
        check "$name --nonsense" ends_with_status 2 "$WAYPOST" $name --nonsense
        check "$name: says so" test -s "$NET/err"
        check "$name: output stays empty" test ! -s "$NET/out"
    done < <(command_names)
}

command__misspelt__is_answered_with_the_nearest() {
    check "refused" ends_with_status 2 "$WAYPOST" inbx
    check "nearest" grep -qF inbox "$NET/err"
    check "refused" ends_with_status 2 "$WAYPOST" inbox --unopend
    check "nearest" grep -qF -- --unopened "$NET/err"
}

words__misspelt_in_an_event__are_answered_with_the_nearest() {
    start_network $ISLINGTON $CAMDEN
    local transfer
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    check "kind" ends_with_status 2 wp $ISLINGTON send move_notifed --transfer "$transfer"
    check "nearest kind" grep -qF move_notified "$NET/err"
    check "fact" ends_with_status 1 wp $ISLINGTON send move_notified --transfer "$transfer" --fact permanense=permanent
    check "nearest fact" grep -qF permanence "$NET/err"
    check "value" ends_with_status 1 wp $ISLINGTON send move_notified --transfer "$transfer" --fact permanence=permanant
    check "nearest value" grep -qF permanent "$NET/err"
    check "code" ends_with_status 1 wp $ISLINGTON send move_notified --transfer "$transfer" --to E09000O07 \
        --fact permanence=permanent --fact retain_intention=transfer
    check "missing fact" ends_with_status 1 wp $ISLINGTON send documents_provided --transfer "$transfer" --fact documents=cp_plan
    check "which one" grep -qF declared_complete "$NET/err"
}

fact__missing_from_a_protective_kind__is_warned_of_and_does_not_wait() {
    start_network $ISLINGTON $CAMDEN
    check "sent" ends_with_status 0 wp $ISLINGTON send move_notified --transfer "$(new_transfer $ISLINGTON $CAMDEN)" \
        --fact permanence=permanent
    check "with a warning" grep -qF retain_intention "$NET/err"
}

recipient__that_is_the_sender__is_not_taken_for_the_other_side() {
    start_network $ISLINGTON $CAMDEN
    check "no move to itself" ends_with_status 2 wp $ISLINGTON new-transfer --receiving Islington --subject child-1=cp
    check "says so" grep -qF 'E09000019 is this authority itself' "$NET/err"
    check "told nobody else" ends_with_status 0 wp $ISLINGTON send move_notified --to Islington \
        --transfer "$(new_transfer $ISLINGTON $CAMDEN)" --fact permanence=permanent --fact retain_intention=transfer
    check "says so" grep -qF 'is the sender itself' "$NET/err"
}

child__with_a_label_that_is_taken__is_said_to_be_the_same() {
    start_network $ISLINGTON $CAMDEN
    check "a child" ends_with_status 0 wp $ISLINGTON new-transfer --receiving $CAMDEN --subject ash=cp
    check_not "is new" grep -q 'same child' "$NET/err"
    check "the label again" ends_with_status 0 wp $ISLINGTON new-transfer --receiving $CAMDEN --subject ash=cp --subject oak=cin
    check "is the same child" grep -q 'Note: ash is a label' "$NET/err"
    check_not "the other is new" grep -q 'Note: oak' "$NET/err"
    check "for programs too" equals "$(wp $ISLINGTON new-transfer --receiving $CAMDEN --subject ash=cp --json | "$PICK" subjects.0.known)" true
}

document__that_holds_nothing_or_too_much__is_refused() {
    start_network $ISLINGTON $CAMDEN
    local transfer
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    : >"$NET/scan.pdf"
    check "empty" ends_with_status 1 wp $ISLINGTON send documents_provided --transfer "$transfer" -p "$NET/scan.pdf"
    check "says so" grep -qF 'scan.pdf is empty' "$NET/err"
    truncate -s 600000 "$NET/scan.pdf"
    check "too large" ends_with_status 1 wp $ISLINGTON send documents_provided --transfer "$transfer" -p "$NET/scan.pdf"
    check "says so" grep -qF 'larger than the 512 KiB' "$NET/err"
    check "nothing is in the outbox" equals "$(wp $ISLINGTON outbox --json | "$PICK" events event)" ''
}

check__of_an_agent_at_work__looks_at_everything() {
    start_network $ISLINGTON
    check "all is well" ends_with_status 0 wp $ISLINGTON check
    check "so much room" grep -qE '^ok    disk +[0-9.]+ GiB free$' "$NET/out"
    check "deadlines too" grep -qF 'none overdue that is ours' "$NET/out"
    check_not "something is left to look at" grep -qE "^(look|BAD) " "$NET/out"
}

identifiers__typed_into_a_fact__are_refused() {
    start_network $ISLINGTON $CAMDEN
    check "refused" ends_with_status 1 wp $ISLINGTON send minutes_sent --transfer "$(new_transfer $ISLINGTON $CAMDEN)" \
        --fact "minutes_ref=943 476 5919" --fact "minutes_hash=$(digest_of a)"
}

command__with_json__prints_json_alone() {
    start_network $ISLINGTON $CAMDEN
    local event command
    event=$(send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)")
    check "accepted" wait_until 20 has_level $ISLINGTON "$event" accepted
    for command in status inbox outbox transfers alarms "show $event" "receipt $event" "listening $CAMDEN" "register list"; do
        # shellcheck disable=SC2086
        check "$command" ends_with_status 0 wp $ISLINGTON $command --json
        check "$command: is JSON" "$PICK" . <"$NET/out" >/dev/null
    done
    check "an error too" ends_with_status 1 wp $ISLINGTON show 00000000-0000-7000-8000-000000000000 --json
    check "is JSON" "$PICK" code <"$NET/err" >/dev/null
}

command__without_an_agent__says_what_to_do() {
    check "refused" ends_with_status 1 "$WAYPOST" inbox --socket "$NET/nobody.sock"
    check "says where" grep -qF nobody.sock "$NET/err"
}

keygen__into_a_folder_that_is_not_there__says_to_make_it() {
    check "refused" ends_with_status 1 "$WAYPOST" keygen E09000019 --dir "$NET/none"
    check "says what to do" grep -qF 'make the folder first' "$NET/err"
}

operator__shape_trace_hold_release__work_and_nobody_else_may() {
    start_network $ISLINGTON $CAMDEN $OPERATOR
    local transfer event
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    stop_process $CAMDEN
    event=$(send $ISLINGTON "$transfer")
    check "accepted" wait_until 20 has_level $ISLINGTON "$event" accepted
    check "shape" ends_with_status 0 wp $OPERATOR shape
    check "shape names Camden" grep -qF $CAMDEN "$NET/out"
    check "trace" ends_with_status 0 wp $OPERATOR trace "$event"
    check "trace begins with accepted" grep -qi accepted "$NET/out"
    check "hold" ends_with_status 0 wp $OPERATOR hold "$event"
    start_agent $CAMDEN
    check "camden is there" wait_until 20 status_is $CAMDEN state online
    send $ISLINGTON "$transfer" >"$NET/second"
    check "the next one passes" wait_until 20 holds_event $CAMDEN "$(cat "$NET/second")"
    check_not "the held one has come" holds_event $CAMDEN "$event"
    check "release" ends_with_status 0 wp $OPERATOR release "$event"
    check "it comes" wait_until 20 holds_event $CAMDEN "$event"
    check "nobody else may" ends_with_status 1 wp $ISLINGTON shape
    check "counters" ends_with_status 0 wp $OPERATOR counters
}

run_tests
