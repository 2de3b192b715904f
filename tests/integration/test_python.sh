#!/bin/bash
# The examples in Python against a real broker: another implementation publishes, receives and acknowledges.
. "$(dirname "$0")/../support/cluster.sh"

PYTHON=/usr/bin/python3 # Debian's, which has the packages of scripts/bootstrap
EXAMPLES=examples/python

# python NAME ID ARG...: a program of the examples with the keys of ID.
python() {
    local program=$1 id=$2
    shift 2
    PYTHONDONTWRITEBYTECODE=1 timeout 60 "$PYTHON" "$EXAMPLES/$program.py" --keys "$NET/keys/$id.keys" --join "$NET/network.join" "$@"
}

python_agent__publishes__and_an_agent_of_ours_receives_it() {
    make_network $ISLINGTON $CAMDEN
    check "broker" start_broker
    check "Camden" start_agent $CAMDEN
    check "is online" wait_until 30 is_online $CAMDEN
    python publish $ISLINGTON --to $CAMDEN --count 50 >"$NET/published" || { cat "$NET/published"; exit 1; }
    check "a receipt, checked" grep -q '"accepted"' "$NET/published"
    check "fifty CloudEvents" equals "$(grep -c '"specversion": "1.0"' "$NET/published")" 50
    local first
    first=$(head -n 1 "$NET/published" | "$PICK" id)
    check "they arrive" wait_until 20 inbox_has $CAMDEN 50
    check "the notice takes effect" shows $CAMDEN "$first" '"effective"'
    stop_all
    check "the journal verifies, signatures and all" wp_offline verify "$NET/broker/journal" --join "$NET/network.join"
    wp_offline export "$NET/broker/journal" --format cloudevents --out "$NET/lines"
    check "and holds the same CloudEvent" grep -qF "\"id\":\"$first\"" "$NET/lines"
}

python_agent__receives_and_acknowledges__and_the_sender_is_told() {
    start_network $ISLINGTON $CAMDEN
    join_keys $LEEDS
    local transfer event
    launch python env PYTHONDONTWRITEBYTECODE=1 timeout 60 "$PYTHON" "$EXAMPLES/receive.py" --keys "$NET/keys/$LEEDS.keys" \
        --join "$NET/network.join" --count 1
    check "listens" wait_until 30 log_has python listening
    transfer=$(new_transfer $ISLINGTON $LEEDS)
    event=$(send $ISLINGTON "$transfer")
    check "it comes" wait_until 20 log_has python "$event"
    check "as a CloudEvent" log_has python '"type": "waypost.move_notified.v1"'
    check "with its verdict" log_has python '"waypostverdict": "effective"'
    check "the sender is told" wait_until 20 has_level $ISLINGTON "$event" persisted $LEEDS
    check "it ends by itself" wait_until 20 is_stopped python
}

# Every event of an export of an agent is signed by who it says, checked by other code than ours.
signatures_hold() {
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$EXAMPLES "$PYTHON" - "$1" "$NET/keys" <<'END'
import base64, json, sys
import waypost
record, checked = None, 0
for line in map(json.loads, open(sys.argv[1])):
    data = line["data"]
    if line["type"] == "waypost.record.batch.v1":
        record = {name: base64.b64decode(data[name]) for name in ("statement", "signature")}
        record.update(path=[base64.b64decode(step) for step in data["path"]], index=data["index"], agent=data["agent"])
        continue
    statement = waypost.wire.BatchStatement.FromString(record["statement"])
    card = waypost.read_pairs(f"{sys.argv[2]}/{record['agent']}.card")
    waypost.check(bytes.fromhex(card["sign-public"]), "waypost/batch/1", record["statement"], record["signature"])
    leaf = waypost.event_leaf(statement.network, base64.b64decode(data["exact"]))
    assert waypost.root_by_path(leaf, record["index"], statement.count, record["path"]) == statement.root
    checked += 1
print(checked)
END
}

export__of_an_agent__proves_who_said_each_event() {
    start_network $ISLINGTON $CAMDEN
    local transfer
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 3 --sealed "narrative=invented words" >/dev/null
    wp $CAMDEN send case_file_opened --transfer "$transfer" --fact markers_added=yes >/dev/null
    check "they arrive" wait_until 20 inbox_has $CAMDEN 3
    check "and one comes back" wait_until 20 inbox_has $ISLINGTON 1
    check "accepted" wait_until 20 outbox_is $CAMDEN accepted 1
    check "export" wp $CAMDEN export --out "$NET/camden.jsonl"
    check "sent and received, signed" equals "$(signatures_hold "$NET/camden.jsonl")" 4
    check "as protobuf" wp $CAMDEN export --format protobuf --out "$NET/camden.pb"
    check "the same there and back" wp_offline export "$NET/camden.pb" --format cloudevents --out "$NET/again.jsonl"
    check "to the byte" cmp "$NET/camden.jsonl" "$NET/again.jsonl"
    check "can be looked at" equals "$(wp_offline state "$NET/camden.jsonl" --json | "$PICK" counts.events)" 4
    check_not "makes no journal" wp_offline import "$NET/camden.jsonl" --into "$NET/no"
}

# A member of the register whose agent is the example.
join_keys() {
    NETWORK_AGENTS+=("$1")
    check "keys" make_keys "$1"
    check "register" make_register ''
    hang_up broker
    check "in force" wait_until 20 log_has broker 'register in force version=2'
}

vectors__in_python__hold() {
    check "every vector" env PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$EXAMPLES/cloudevents_vectors.py"
}

python_agent__with_a_strange_key__is_told_so() {
    make_network $ISLINGTON $CAMDEN
    check "broker" start_broker
    make_keys $LEEDS
    check_not "is not served" python publish $LEEDS --to $CAMDEN
}

run_tests
