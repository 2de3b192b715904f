#!/bin/bash
# What a release wrote is opened by every later one: tests/golden/README.md says how the files were made.
. "$(dirname "$0")/../support/cluster.sh"

GOLDEN=$PWD/tests/golden/1
WAYPOST=$BUILD/tests/programs/waypost
WAYPOST_AGENT=$BUILD/tests/programs/waypost-agent
WAYPOST_BROKER=$BUILD/tests/programs/waypost-broker
# shellcheck source=tests/golden/1/expected
. "$GOLDEN/expected"

# The network of the golden files in $NET, ten minutes after they were made.
unpack() {
    local id
    export WAYPOST_STAGE_CLOCK=$NET/clock
    perl -e 'print pack("q<q<q<", 0, 0, 1762164000000 + 600000 - int(time * 1000))' >"$WAYPOST_STAGE_CLOCK"
    cp -r "$GOLDEN/keys" "$GOLDEN/register.signed" "$NET"
    chmod 600 "$NET"/keys/*.keys
    sed "s|^endpoints = .*|endpoints = $ENDPOINT|" "$GOLDEN/network.join" >"$NET/network.join"
    configure_broker
    tar -xzf "$GOLDEN/journal.tar.gz" -C "$NET/broker"
    chmod 700 "$NET/broker/journal"
    for id in $ISLINGTON $CAMDEN; do
        configure_agent "$id"
        printf 'endpoints = "%s"\n' "$ENDPOINT" >>"$NET/$id/agent.zpl"
        mkdir -m 700 "$NET/$id/data"
        gzip -dc "$GOLDEN/$id.db.gz" >"$NET/$id/data/agent.db"
        chmod 600 "$NET/$id/data/agent.db"
    done
}

state_hash() {
    wp_offline state "$NET/broker/journal" --json | "$PICK" state_hash
}

journal__of_the_first_release__verifies_and_gives_the_same_state() {
    unpack
    check "verifies" wp_offline verify "$NET/broker/journal"
    check "every event" equals "$(journal_ids | tr '\n' ' ' | sed 's/ $//')" "$events"
    check "state hash (make golden, where a format was to change)" equals "$(state_hash)" "$state"
}

# shellcheck disable=SC2154 # names of the file of expectations
databases__of_the_first_release__are_opened_with_all_that_is_in_them() {
    unpack
    check "sender starts" start_agent $ISLINGTON
    check "recipient starts" start_agent $CAMDEN
    check "the notice is there" contains "$(inbox_ids $CAMDEN)" "$notice"
    check "the acceptance is there" contains "$(inbox_ids $ISLINGTON)" "$acceptance"
    check "its sealed part opens" contains "$(wp $CAMDEN open "$notice" --role mash_manager --json)" "the marigold flat"
    check "the sender's own" shows $ISLINGTON "$notice" "the marigold flat"
    check "who holds the case" equals "$(wp $ISLINGTON whois "$transfer" --json | "$PICK" children.0.owners.case)" $CAMDEN
    wp $ISLINGTON receipt "$notice" --out "$NET/receipt" >/dev/null
    check "the receipt verifies" wp_offline verify "$NET/receipt" --join "$NET/network.join" --register "$NET/register.signed"
}

# shellcheck disable=SC2154
network__of_the_first_release__goes_on() {
    local event
    unpack
    check "broker starts" start_broker
    for id in $ISLINGTON $CAMDEN; do
        check "$id starts" start_agent "$id"
        check "$id is online" wait_until 30 is_online "$id"
    done
    check_not "an alarm at the sender" has_alarm $ISLINGTON
    check_not "an alarm at the recipient" has_alarm $CAMDEN
    event=$(send $ISLINGTON "$transfer")
    check "delivered" wait_until 20 has_level $ISLINGTON "$event" persisted
    check "in order" equals "$(journal_ids | tail -n 1)" "$event"
}

# version_and_tables DATABASE
version_and_tables() {
    python3 -c '
import sqlite3, sys
database = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
print(database.execute("PRAGMA user_version").fetchone()[0])
for row in database.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"):
    print(*row)' "$1"
}

# Who changes a table gives it a new version and a way there from each before: the same tables come out of both.
database__of_the_first_release__becomes_what_a_new_one_is() {
    unpack
    check "opens the old one" start_agent $CAMDEN
    check "stops" stop_process $CAMDEN
    mv "$NET/$CAMDEN/data/agent.db" "$NET/released.db"
    check "makes a new one" start_agent $CAMDEN
    check "stops" stop_process $CAMDEN
    check "the same tables and version" diff <(version_and_tables "$NET/released.db") \
        <(version_and_tables "$NET/$CAMDEN/data/agent.db")
}

run_tests
