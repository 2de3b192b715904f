#!/bin/bash
# A sealed part is destroyed at every holder: its bytes are in no file of broker and agents afterwards, everybody has
# confirmed, and all evidence still verifies. Promise 8.
. "$(dirname "$0")/../support/cluster.sh"

PLANTED='Ambrosia Thistlewood of 14 Quince Lane'

# The ciphertext of an event's payload in the journal, as a binary file.
keep_ciphertext() {
    wp_offline export "$NET/broker/journal" --payloads | "$PICK" . event.id ciphertext |
        awk -F'\t' -v id="$1" '$1 == id { print $2 }' | base64 -d >"$NET/ciphertext" 2>/dev/null
    [[ -s $NET/ciphertext ]]
}

# files_with FILE: how many files of broker and agents hold its first 48 bytes, or the planted words.
files_with() {
    perl -e 'local $/; open my $f, "<", shift or die; my $want = substr(<$f>, 0, 48); my $n = 0;
        for my $file (@ARGV) { open my $in, "<:raw", $file or next; my $all = <$in>; $n++ if index($all, $want) >= 0; }
        print "$n\n"' "$1" $(find "$NET/broker" "$NET/$ISLINGTON" "$NET/$CAMDEN" -type f)
}

send_sealed() {
    wp $ISLINGTON send move_notified --transfer "$1" --fact permanence=permanent retain_intention=transfer \
        --sealed "narrative=$PLANTED" --json | "$PICK" event
}

erasure_is() {
    [[ $(wp "$1" erase --list --all --json | "$PICK" erasures event state | awk -F'\t' -v id="$2" '$1 == id { print $2 }') == "$3" ]]
}

payload__sender_erases__no_byte_is_left_and_all_verifies() {
    local transfer event
    start_network $ISLINGTON $CAMDEN
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    event=$(send_sealed "$transfer")
    check "opened" wait_until 20 wp $CAMDEN open "$event" --role social_worker
    check "receipt" wp $ISLINGTON receipt "$event" --out "$NET/receipt.wpr"
    check "its ciphertext is known" keep_ciphertext "$event"
    check "it is in the journal and two databases" test "$(files_with "$NET/ciphertext")" -ge 3
    check "erased" wp $ISLINGTON erase "$event" --reason consent
    check "everybody has confirmed" wait_until 20 erasure_is $ISLINGTON "$event" complete
    check "no file holds the ciphertext" equals "$(files_with "$NET/ciphertext")" 0
    printf '%s' "$PLANTED" >"$NET/words"
    check "nor the words" equals "$(files_with "$NET/words")" 0
    check "the receipt verifies" wp_offline verify "$NET/receipt.wpr"
    stop_process broker
    check "the journal verifies" wp_offline verify "$NET/broker/journal"
    check "and says so" contains "$(wp_offline verify "$NET/broker/journal")" "1 payloads have been erased"
}

holder__away_when_it_is_erased__is_chased_and_confirms_on_return() {
    local transfer event
    start_network $ISLINGTON $CAMDEN
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    event=$(send_sealed "$transfer")
    check "there" wait_until 20 holds_event $CAMDEN "$event"
    check "its ciphertext is known" keep_ciphertext "$event"
    stop_process $CAMDEN
    check "erased" wp $ISLINGTON erase "$event" --reason error
    check "waits for the one that is away" wait_until 20 erasure_is $ISLINGTON "$event" ordered
    check "which still has it" equals "$(files_with "$NET/ciphertext")" 1
    check "and is named" contains "$(wp $ISLINGTON erase --list)" "waiting"
    start_agent $CAMDEN
    check "everybody has confirmed" wait_until 30 erasure_is $ISLINGTON "$event" complete
    check "no file holds it" equals "$(files_with "$NET/ciphertext")" 0
}

recipient__asks_for_an_erasure__is_told_that_it_may_not() {
    local transfer event
    start_network $ISLINGTON $CAMDEN
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    event=$(send_sealed "$transfer")
    check "there" wait_until 20 holds_event $CAMDEN "$event"
    check "refused" ends_with_status 1 wp $CAMDEN erase "$event" --reason error
    check "with the reason" contains "$(cat "$NET/err")" "only that one, or an operator"
    check "a reason is needed" ends_with_status 2 wp $ISLINGTON erase "$event"
    check "and one of four" ends_with_status 2 wp $ISLINGTON erase "$event" --reason consnt
    check "without a schedule nothing is due" contains "$(wp $ISLINGTON erase --due)" "no retention schedule"
}

heads__after_events_both_ways__are_compared_and_the_same() {
    local transfer
    start_network $ISLINGTON $CAMDEN
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 2 >"$NET/sent"
    check "delivered" wait_until 20 inbox_has $CAMDEN 2
    stop_process $ISLINGTON
    start_agent $ISLINGTON
    check "online" wait_until 20 is_online $ISLINGTON
    send_many $ISLINGTON "$transfer" 1 >"$NET/more"
    check "compared" wait_until 30 heads_say $CAMDEN same
    check "nothing differs" wp $CAMDEN heads
}

heads_say() {
    wp "$1" heads --json | "$PICK" compared result | grep -qx "$2"
}

run_tests
