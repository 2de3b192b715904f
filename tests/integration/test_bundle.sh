#!/bin/bash
# A transfer's evidence as one file: made by either party, checked offline, changed or cut and found, and written as a
# document.
. "$(dirname "$0")/../support/cluster.sh"

# Two events with sealed parts; one opened, one erased.
lived() {
    start_network $ISLINGTON $CAMDEN
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 2 --sealed "narrative=invented words" >"$NET/sent"
    check "delivered" wait_until 20 inbox_has $CAMDEN 2
    check "opened" wp $CAMDEN open "$(head -n 1 "$NET/sent")" --role social_worker
    check "told" wait_until 20 has_level $ISLINGTON "$(head -n 1 "$NET/sent")" opened
}

verified() {
    wp_offline verify "$1" --join "$NET/network.join" "${@:2}"
}

bundle__of_both_parties__verifies_offline_and_as_a_document() {
    local transfer
    lived
    check "made by the sender" wp $ISLINGTON bundle "$transfer" --out "$NET/sender.wpb"
    check "and the recipient" wp $CAMDEN bundle "$transfer" --out "$NET/recipient.wpb"
    check "not written over" ends_with_status 1 wp $ISLINGTON bundle "$transfer" --out "$NET/sender.wpb"
    stop_all
    check "it holds" verified "$NET/sender.wpb" --html "$NET/review.html"
    check "the other too" verified "$NET/recipient.wpb"
    check "every event is proven" equals "$(verified "$NET/recipient.wpb" --json | "$PICK" timeline mark words |
        grep -c '^proven.*Move of a child notified')" 2
    check "so is every clock" equals "$(verified "$NET/recipient.wpb" --json | "$PICK" timeline mark words |
        grep -c '^proven.*Deadline set')" 2
    check "and nothing stands on the broker's word alone" equals "$(verified "$NET/recipient.wpb" --json |
        "$PICK" timeline mark | grep -cx told)" 0
    check "its own event is judged" contains "$(verified "$NET/sender.wpb" --json)" "The maker's agent works out that it"
    check "the opening is signed" contains "$(verified "$NET/sender.wpb" --json)" "a social worker opened"
    check_not "no word of the sealed part" grep -qF "invented words" "$NET/sender.wpb" "$NET/recipient.wpb" "$NET/review.html"
    check_not "no label that is kept here only" grep -qa '"ash"' "$NET/sender.wpb"
    check "a document" grep -q "Everything in it holds" "$NET/review.html"
    check "without a join file it holds together" ends_with_status 0 wp_offline verify "$NET/sender.wpb" --html "$NET/own.html"
    check "and whose keys they are is open" grep -q "whose keys these are was not checked" "$NET/own.html"
    check_not "it all holds" grep -q "Everything in it holds" "$NET/own.html" "$NET/out"
    check "which names itself and its pages on paper" grep -q "Transfer $transfer\".*counter(page).*counter(pages)" "$NET/review.html"
    check_not "without scripts" grep -qi "<script" "$NET/review.html"
    check "another network's roots are refused" ends_with_status 1 other_roots "$NET/sender.wpb"
}

# The same file under the join file of a network made anew.
other_roots() {
    sed "s/^\(roots = \)[0-9a-f]\{8\}/\100000000/" "$NET/network.join" >"$NET/other.join"
    wp_offline verify "$1" --join "$NET/other.join"
}

bundle__changed_or_cut__says_where_and_prints_what_is_whole() {
    local transfer size
    lived
    check "made" wp $ISLINGTON bundle "$transfer" --out "$NET/b.wpb"
    size=$(stat -c %s "$NET/b.wpb")
    head -c $((size - 200)) "$NET/b.wpb" >"$NET/cut.wpb"
    check "a cut one is found" ends_with_status 1 verified "$NET/cut.wpb"
    check "and says where" grep -q "at byte" "$NET/err"
    check "what is whole is printed" grep -q "Move of a child notified" "$NET/out"
    perl -pe 'BEGIN { $/ = undef } substr($_, -300, 1) ^= "\x04"' "$NET/b.wpb" >"$NET/changed.wpb"
    check "a changed one is found" ends_with_status 1 verified "$NET/changed.wpb"
    check "and says where" grep -q "was changed" "$NET/err"
}

# Of what both have said, by whoever has the journal; it is in use.
bundle__from_the_journal__holds_for_all_parties() {
    local transfer
    lived
    send_many $CAMDEN "$transfer" 1 >/dev/null
    check "and one the other way" wait_until 20 inbox_has $ISLINGTON 1
    check "made" wp_offline bundle "$transfer" --journal "$NET/broker/journal" --keys "$NET/keys/$ISLINGTON.keys" \
        --out "$NET/b.wpb"
    check "it holds" verified "$NET/b.wpb"
    check "every event of both is proven" equals "$(verified "$NET/b.wpb" --json | "$PICK" timeline mark words |
        grep -c '^proven.*, from .* to ')" 3
    check "with what was acknowledged" contains "$(verified "$NET/b.wpb")" "a social worker opened event"
    check "and the verdicts" contains "$(wp_offline state "$NET/b.wpb")" "events       3:"
    check_not "no word of the sealed part" grep -qF "invented words" "$NET/b.wpb"
    check "the broker's keys are no agent's" ends_with_status 1 wp_offline bundle "$transfer" --out "$NET/c.wpb" \
        --journal "$NET/broker/journal" --keys "$NET/keys/broker.keys"
    check "nobody signs it: misuse" ends_with_status 2 wp_offline bundle "$transfer" --out "$NET/c.wpb" \
        --journal "$NET/broker/journal"
    check "another transfer is not found" ends_with_status 1 wp_offline bundle "$(head -n 1 "$NET/sent")" \
        --out "$NET/c.wpb" --journal "$NET/broker/journal" --keys "$NET/keys/$ISLINGTON.keys"
}

# Whatever reads a journal reads a bundle.
bundle__as_a_source__is_replayed_compared_and_exported() {
    local transfer
    lived
    check "made by the sender" wp $ISLINGTON bundle "$transfer" --out "$NET/sender.wpb"
    check "and the recipient" wp $CAMDEN bundle "$transfer" --out "$NET/b.wpb"
    stop_all
    check "every event, in order" equals "$(wp_offline replay "$NET/b.wpb" --json --kind move_notified |
        "$PICK" event)" "$(cat "$NET/sent")"
    check "with levels" contains "$(wp_offline replay "$NET/sender.wpb")" "opened by Camden"
    check "the state" contains "$(wp_offline state "$NET/b.wpb")" "2 effective"
    check "what the two saw differs" ends_with_status 1 wp_offline diff "$NET/sender.wpb" "$NET/b.wpb"
    check "and a bundle not from itself" wp_offline diff "$NET/b.wpb" "$NET/b.wpb"
    check "an export" wp_offline export "$NET/b.wpb" --format cloudevents --out "$NET/b.jsonl"
    check "says the same" equals "$(state_hash "$NET/b.jsonl")" "$(state_hash "$NET/b.wpb")"
    head -c $(($(stat -c %s "$NET/b.wpb") - 200)) "$NET/b.wpb" >"$NET/cut.wpb"
    check "a cut one is told as far as it is whole" ends_with_status 1 wp_offline replay "$NET/cut.wpb"
    check "and says where" grep -q "section .* was cut short" "$NET/err"
    check "which is told" grep -q "move_notified" "$NET/out"
    check "what somebody had is not in it" ends_with_status 1 wp_offline state "$NET/b.wpb" --known-by $CAMDEN
}

state_hash() {
    wp_offline state "$1" --json | "$PICK" state_hash
}

bundle__made_without_the_broker__says_that_places_are_not_proven() {
    local transfer
    lived
    stop_process broker
    check "offline" wait_until 20 status_is_not $CAMDEN state online
    check "made" wp $CAMDEN bundle "$transfer" --out "$NET/b.wpb"
    check "it holds" verified "$NET/b.wpb"
    check "as far as it goes" contains "$(verified "$NET/b.wpb")" "no place in the journal is proven"
}

run_tests
