#!/bin/bash
# Proof without a network: a journal verifies as a whole, damage and rewriting are named, a receipt checks by itself, and an
# older journal put back in place of a newer one is noticed. Promises 1 and 7.
. "$(dirname "$0")/../support/cluster.sh"

# A journal with some events, the broker stopped; ids in $NET/sent.
make_journal() {
    start_network $ISLINGTON $CAMDEN
    send_many $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" "${1:-6}" --sealed "narrative=invented words" >"$NET/sent"
    check "accepted" wait_until 20 outbox_is $ISLINGTON accepted "${1:-6}"
    check "acknowledged" wait_until 20 outbox_level_is $ISLINGTON $CAMDEN persisted "${1:-6}"
    stop_process broker
}

# The first segment file of the journal, and the position of the first place where a text stands in it.
segment_file() {
    find "$NET/broker/journal" -name 'segment-*' -size +0 | xargs grep -lF "$ISLINGTON" | sort | head -n 1
}

flip_bit_at() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\x$(printf %x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

journal__whole__verifies_with_every_head_and_signature() {
    make_journal
    wp_offline verify "$NET/broker/journal" --json >"$NET/report"
    check "as many events as were sent" equals "$("$PICK" events <"$NET/report")" 6
    check "signed commits" test "$("$PICK" commits <"$NET/report")" -gt 0
}

journal__while_the_broker_runs__verifies() {
    start_network $ISLINGTON $CAMDEN
    send_many $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" 3 >"$NET/sent"
    check "accepted" wait_until 20 outbox_is $ISLINGTON accepted 3
    check "verifies" wp_offline verify "$NET/broker/journal"
}

journal__one_bit_changed_in_an_event__is_named() {
    make_journal
    local file offset
    file=$(segment_file)
    offset=$(grep -aboF "$ISLINGTON" "$file" | sed -n '3s/:.*//p')
    flip_bit_at "$file" "$offset"
    check "is refused" ends_with_status 1 wp_offline verify "$NET/broker/journal"
    check "says where" grep -qE 'segment|position|record|byte' "$NET/out" "$NET/err"
}

journal__another_head_key__is_refused() {
    make_journal
    check "the right one verifies" ends_with_status 0 wp_offline verify "$NET/broker/journal" --join "$NET/network.join"
    rm "$NET/keys/broker.keys" "$NET/keys/broker.card" "$NET/register.signed"
    check "other keys" make_keys broker
    REGISTER_VERSION=0
    check "another register" make_register ''
    check "another join file" make_join
    check "another head key is refused" ends_with_status 1 wp_offline verify "$NET/broker/journal" --join "$NET/network.join"
    check "says so" grep -qi 'key' "$NET/out" "$NET/err"
}

receipt__as_a_file__verifies_offline_and_not_when_changed() {
    make_journal
    local event
    event=$(head -n 1 "$NET/sent")
    check "is written" wp $ISLINGTON receipt "$event" --out "$NET/receipt"
    check "verifies" ends_with_status 0 wp_offline verify "$NET/receipt" --join "$NET/network.join"
    flip_bit_at "$NET/receipt" $(($(stat -c %s "$NET/receipt") / 2))
    check "changed, it does not" ends_with_status 1 wp_offline verify "$NET/receipt" --join "$NET/network.join"
}

broker__journal_put_back_from_an_older_copy__is_noticed_by_the_agents() {
    start_network $ISLINGTON $CAMDEN
    local transfer event
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 3 >"$NET/sent"
    check "accepted" wait_until 20 outbox_is $ISLINGTON accepted 3
    stop_process broker
    cp -a "$NET/broker/journal" "$NET/older"
    start_broker
    send_many $ISLINGTON "$transfer" 3 >>"$NET/sent"
    check "accepted" wait_until 20 outbox_is $ISLINGTON accepted 6
    kill_process broker
    stop_process $CAMDEN # what it said again would be another history, not a shorter one
    rm -rf "$NET/broker/journal"
    cp -a "$NET/older" "$NET/broker/journal"
    start_broker
    check "the agent raises the alarm" wait_until 30 has_alarm $ISLINGTON rollback
    event=$(send $ISLINGTON "$transfer")
    nap 0.3
    check_not "it goes on publishing" has_level $ISLINGTON "$event" accepted
}

backup__segments_alone_copied_while_it_runs__verify_and_serve() {
    start_network $ISLINGTON $CAMDEN
    local transfer event
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 5 >"$NET/sent"
    check "accepted" wait_until 20 outbox_is $ISLINGTON accepted 5
    check "told" wait_until 20 outbox_level_is $ISLINGTON $CAMDEN persisted 5
    mkdir "$NET/backup"
    cp "$NET/broker/journal"/segment-*.wpj "$NET/backup"
    check "the copy verifies" wp_offline verify "$NET/backup" --join "$NET/network.join"
    stop_process broker
    rm -rf "$NET/broker/journal"
    mv "$NET/backup" "$NET/broker/journal"
    start_broker
    event=$(send $ISLINGTON "$transfer")
    check "goes on from the copy" wait_until 30 has_level $ISLINGTON "$event" persisted $CAMDEN
    check "each once, in order" equals "$(inbox_ids $CAMDEN)" "$(cat "$NET/sent")"$'\n'"$event"
}

broker__torn_tail__is_cut_kept_aside_and_said() {
    make_journal
    local file
    file=$(find "$NET/broker/journal" -name 'segment-*' -size +0 | xargs grep -lF "$ISLINGTON" | sort | tail -n 1)
    append_garbage "$file"
    start_broker
    check "says so" log_has broker 'torn|cut|tail'
    check "goes on" wait_until 20 status_is $ISLINGTON state online
}

export__json_lines_and_protobuf__hold_every_event() {
    make_journal 5
    check "json lines" equals "$(journal_ids)" "$(cat "$NET/sent")"
    check "delimited" wp_offline export "$NET/broker/journal" --format protobuf --out "$NET/export.pb"
    check "has bytes" test -s "$NET/export.pb"
}

logs__after_sealed_events__hold_no_word_of_them() {
    make_journal
    check_not "a word of the payload in any log" grep -qF "invented words" "$NET"/*/log
    check_not "or of a fact" grep -qE 'permanent|retain_intention' "$NET"/*/log
}

run_tests
