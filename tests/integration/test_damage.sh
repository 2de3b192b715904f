#!/bin/bash
# Bits of a record rot behind the broker's newest snapshot. One of them is named and harms nobody, nor do two in the register,
# whose file is at hand. Two in a batch: whoever is not touched is served, the touched one waits, and everything is there once
# when the record is put back from a backup. A hub that fetches everything again gets all but the lost one, and says so.
. "$(dirname "$0")/../support/cluster.sh"

# offset_of EVENT: in the segment, where its batch stands: no record names its id before that one.
offset_of() {
    perl -e 'my ($file, $id) = @ARGV; $id =~ tr/-//d; local $/; open my $in, "<:raw", $file or exit 1;
        my $at = index <$in>, pack("H*", $id); print $at; exit($at < 0)' "$SEGMENT" "$1"
}

# flip_at OFFSET BITS: those of the byte there, as a number.
flip_at() {
    perl -e 'my ($file, $at, $bits) = @ARGV; open my $out, "+<:raw", $file or exit 1;
        seek $out, $at, 0; read $out, my $byte, 1; seek $out, $at, 0; print $out chr(ord($byte) ^ $bits)' "$SEGMENT" "$1" "$2"
}

# used_bytes FILE: behind them are zeros, laid ahead.
used_bytes() {
    perl -e 'local $/; open my $in, "<:raw", $ARGV[0] or exit 1; my $bytes = <$in>; $bytes =~ s/\0+$//; print length $bytes' "$1"
}

# put_back OFFSET: the record there, from the backup, as docs/OPERATING.md section 8 has it.
put_back() {
    local bytes
    bytes=$(od -An -tu4 -j "$1" -N 4 "$NET/backup")
    dd if="$NET/backup" of="$SEGMENT" bs=8 skip=$(($1 / 8)) seek=$(($1 / 8)) count=$((bytes / 8)) conv=notrunc status=none
}

broker_alarm() {
    wp $OPERATOR alarms --broker --json | "$PICK" alarms name text | awk -F'\t' '$1 == "journal_damaged" { print $2 }'
}

# starts_over_rot OFFSET BITS WORDS: a broker that is down; its alarm names the place that verify does ($place), and says WORDS.
starts_over_rot() {
    check "bits rot" flip_at "$1" "$2"
    check "verify finds it" ends_with_status 1 wp_offline verify "$NET/broker/journal"
    place=$(grep -o 'segment-[0-9]*.wpj, offset [0-9]*' "$NET/err" "$NET/out" -h | head -1)
    check "the broker starts" start_broker
    check "the operator is back" wait_until 30 is_online $OPERATOR
    check "the alarm names the place" contains "$(broker_alarm)" "${place:-no place}"
    check "and says what is to be known" contains "$(broker_alarm)" "$3"
}

batch__rotten_behind_the_snapshot__holds_up_its_recipient_alone() {
    local transfer other first lost behind offset place
    start_network $ISLINGTON $CAMDEN $LEEDS $OPERATOR
    SEGMENT=$NET/broker/journal/segment-0000000001.wpj
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    other=$(new_transfer $LEEDS $ISLINGTON)
    first=$(send $ISLINGTON "$transfer")
    check "the first is there" wait_until 20 holds_event $CAMDEN "$first"
    stop_process $CAMDEN
    lost=$(send $ISLINGTON "$transfer")
    check "accepted" wait_until 20 outbox_is_settled $ISLINGTON
    behind=$(send $ISLINGTON "$transfer")
    check "accepted" wait_until 20 outbox_is_settled $ISLINGTON
    kill_process broker
    cp "$SEGMENT" "$NET/backup"
    offset=$(offset_of "$lost")
    starts_over_rot "$offset" 6 "put that record back"
    other=$(send $LEEDS "$other")
    check "who is not touched sends and receives" wait_until 30 holds_event $ISLINGTON "$other"
    check "the sender of the lost one goes on" send $ISLINGTON "$transfer" >"$NET/last"
    check "and is receipted" wait_until 20 outbox_is_settled $ISLINGTON
    check "the recipient comes" start_agent $CAMDEN
    check "is served" wait_until 30 is_online $CAMDEN
    other=$(send $CAMDEN "$transfer" --to $ISLINGTON)
    check "and sends" wait_until 30 holds_event $ISLINGTON "$other"
    check "its stream waits" equals "$(inbox_ids $CAMDEN)" "$first"
    check "verify still says where" ends_with_status 1 wp_offline verify "$NET/broker/journal"
    check "the same place" contains "$(cat "$NET/err" "$NET/out")" "$place"

    kill_process broker
    check "the record is put back" put_back "${place##* }"
    check "the broker starts" start_broker
    check "all is there" wait_until 30 holds_event $CAMDEN "$(cat "$NET/last")"
    check "once, and in order" equals "$(inbox_ids $CAMDEN)" \
        "$(printf '%s\n' "$first" "$lost" "$behind" "$(cat "$NET/last")")"
    check "every sender knows" wait_until 30 outbox_level_is $ISLINGTON $CAMDEN persisted 4
    check "numbers are gap-free" numbers_are_gap_free $CAMDEN
    check "the operator is back" wait_until 30 is_online $OPERATOR
    check "no alarm" equals "$(broker_alarm)" ""
    stop_process broker
    check "the journal verifies" wp_offline verify "$NET/broker/journal"
}

# rebuild_hub TIMES: everything is fetched again; its database was new once, so this is one more.
rebuild_hub() {
    check "the hub stops" stop_process $HUB
    launch $HUB "$WAYPOST_HUB" --rebuild -c "$NET/$HUB/agent.zpl"
    check "everything that there is is here again" wait_until 30 hub_was_filled "$1"
}

hub_misses() {
    wp $HUB hub overview --json | "$PICK" . missing.records missing.entries
}

hub__rebuilt_over_a_lost_batch__says_what_it_misses_and_goes_on() {
    local transfer lost offset place
    start_network $ISLINGTON $CAMDEN $HUB $OPERATOR
    SEGMENT=$NET/broker/journal/segment-0000000001.wpj
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send $ISLINGTON "$transfer" >"$NET/last"
    check "accepted" wait_until 20 outbox_is_settled $ISLINGTON
    lost=$(send $ISLINGTON "$transfer")
    check "accepted" wait_until 20 outbox_is_settled $ISLINGTON
    send $ISLINGTON "$transfer" >"$NET/last"
    check "all arrive" wait_until 20 outbox_level_is $ISLINGTON $CAMDEN persisted 3
    check "the hub knows" wait_until 20 hub_counts 3
    kill_process broker
    cp "$SEGMENT" "$NET/backup"
    offset=$(offset_of "$lost")
    starts_over_rot "$offset" 6 "put that record back"
    rebuild_hub 2
    check "what it misses" equals "$(hub_misses)" $'1\t1'
    check "the rest is there" hub_counts 2
    check "alarm" wait_until 20 has_alarm $HUB tables_incomplete
    check "said before the figures" contains "$(wp $HUB hub overview)" \
        "1 record, and 1 entry known to need such a one"
    check "and what to do" contains "$(wp $HUB hub overview)" "waypost-hub --rebuild, once"
    send $ISLINGTON "$transfer" >"$NET/last"
    check "it goes on" wait_until 30 hub_counts 3
    check "a restart forgets nothing" stop_process $HUB
    check "the hub starts" start_agent $HUB
    check "the hub is back" wait_until 30 is_online $HUB
    check "what it misses" equals "$(hub_misses)" $'1\t1'

    kill_process broker
    check "the record is put back" put_back "${place##* }"
    check "the broker starts" start_broker
    rebuild_hub 3
    check "all is there" hub_counts 4
    check "nothing is missing" equals "$(hub_misses)" $'\t'
    check_not "no alarm" has_alarm $HUB tables_incomplete
}

# hub_counts EVENTS: of the one case that there is.
hub_counts() {
    [[ $(wp $HUB hub cases --json | "$PICK" cases events) == "$1" ]]
}

# register_rots BITS WORDS: so many in the journal's first commits, where the register lies, without which no broker serves.
register_rots() {
    local transfer first second offset place
    start_network $ISLINGTON $CAMDEN $OPERATOR
    SEGMENT=$NET/broker/journal/segment-0000000001.wpj
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    first=$(send $ISLINGTON "$transfer")
    check "the first is there" wait_until 20 holds_event $CAMDEN "$first"
    kill_process broker
    cp "$SEGMENT" "$NET/backup"
    offset=$(grep -abo $CAMDEN "$SEGMENT" | head -1 | cut -d: -f1)
    starts_over_rot "$offset" "$1" "$2"
    second=$(send $ISLINGTON "$transfer")
    check "all are served" wait_until 30 holds_event $CAMDEN "$second"
    check "verify still says where" ends_with_status 1 wp_offline verify "$NET/broker/journal"

    kill_process broker
    check "the record is put back" put_back "${place##* }"
    check "the broker starts" start_broker
    check "the operator is back" wait_until 30 is_online $OPERATOR
    check "no alarm" equals "$(broker_alarm)" ""
    stop_process broker
    check "the journal verifies" wp_offline verify "$NET/broker/journal"
}

bit__wrong_in_the_register__is_told_and_holds_up_nobody() {
    register_rots 4 "read as it was written"
}

# Two records with a wrong bit each, a third with two: mend writes the two back, names the third, and is through when that is back.
bit__wrong_in_a_stopped_journal__is_put_right_where_it_is_proven() {
    local transfer one two lost second place
    start_network $ISLINGTON $CAMDEN $OPERATOR
    SEGMENT=$NET/broker/journal/segment-0000000001.wpj
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    one=$(send $ISLINGTON "$transfer")
    check "accepted" wait_until 20 outbox_is_settled $ISLINGTON
    two=$(send $ISLINGTON "$transfer")
    check "accepted" wait_until 20 outbox_is_settled $ISLINGTON
    lost=$(send $ISLINGTON "$transfer")
    check "all arrive" wait_until 20 inbox_has $CAMDEN 3
    check "not while it runs, also where nothing is damaged" ends_with_status 1 mend_journal
    check "says why" grep -q "another process" "$NET/err"
    stop_process broker
    cp "$SEGMENT" "$NET/backup"
    check "no journal" ends_with_status 1 wp_offline mend "$NET/keys" --keys "$NET/keys/broker.keys"
    check "gets no lock" equals "$(ls "$NET/keys/lock" 2>/dev/null)" ""
    check "nothing to do" ends_with_status 0 mend_journal
    check "says so" grep -q "Nothing is damaged" "$NET/out" "$NET/err"
    check "bits rot" flip_at "$(offset_of "$one")" 4
    second=$(offset_of "$two")
    check "bits rot" flip_at "$second" 32
    check "the broker starts" start_broker
    check "not while it runs" ends_with_status 1 mend_journal
    check "says why" grep -q "another process" "$NET/err"
    kill_process broker
    check "bits rot" flip_at "$(offset_of "$lost")" 6
    check "other keys prove nothing" ends_with_status 1 wp_offline mend "$NET/broker/journal" --keys "$NET/keys/$CAMDEN.keys"
    check_not "and write nothing" grep -q again "$NET/out"
    check "one is left" ends_with_status 1 mend_journal
    check "the place and what was there" grep -q "^segment-0000000001.wpj, byte $second: .. is .. again; entry" "$NET/out"
    check "two are put right" equals "$(grep -c 'again; entry' "$NET/out")" 2
    check "what to do about the third" grep -q "put the record back from a backup" "$NET/err"
    place=$(grep -o 'segment-[0-9]*.wpj, offset [0-9]*' "$NET/err" | head -1)
    check "the record is put back" put_back "${place##* }"
    check "whole" ends_with_status 0 mend_journal
    check "as it was" cmp -n "$(used_bytes "$NET/backup")" "$SEGMENT" "$NET/backup"
    check "the broker starts" start_broker
    check "the operator is back" wait_until 30 is_online $OPERATOR
    check "no alarm" equals "$(broker_alarm)" ""
}

mend_journal() {
    wp_offline mend "$NET/broker/journal" --keys "$NET/keys/broker.keys"
}

register__lost_on_the_disk__is_taken_from_its_file() {
    register_rots 6 "cannot be read"
}

# What a disk does that cannot give a page of a scratch file back. Nobody is asked to do more than the supervisor does.
page__that_the_disk_does_not_give__ends_the_broker_with_a_sentence() {
    local transfer
    start_network $ISLINGTON $CAMDEN
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send $ISLINGTON "$transfer" >"$NET/one"
    check "accepted" wait_until 20 outbox_is_settled $ISLINGTON
    check "ends" signal_process broker BUS
    check "says what to do" grep -q "nothing that was accepted is lost, start the program again" "$NET/broker/log"
    check "the broker starts" start_broker
    check "it has arrived" wait_until 20 inbox_has $CAMDEN 1
}

run_tests
