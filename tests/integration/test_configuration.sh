#!/bin/bash
# Configurations that cannot be used are refused with a sentence that says where and what to do; -n checks and exits.
. "$(dirname "$0")/../support/cluster.sh"

# broken PROGRAM FILE SED WANT: change the configuration by a sed script, expect refusal with the words WANT.
broken() {
    local program=$1 file=$2 change=$3 want=$4
    sed -E "$change" "$file" >"$file.broken"
    check "changed by $change" ends_with_status 1 "$program" -n -c "$file.broken"
    check "says it" grep -qE "$want" "$NET/err"
    check "names the file" grep -qF "${file##*/}.broken" "$NET/err"
}

broker__configuration_as_made__passes_the_check() {
    make_network $ISLINGTON
    check "passes" ends_with_status 0 "$WAYPOST_BROKER" -n -c "$NET/broker/broker.zpl"
    check "agent's passes" ends_with_status 0 "$WAYPOST_AGENT" -n -c "$NET/$ISLINGTON/agent.zpl"
    check_not "nothing was started" test -e "$NET/broker/journal/LOCK"
}

broker__misspelt_option__is_answered_with_the_nearest_word() {
    make_network $ISLINGTON
    broken "$WAYPOST_BROKER" "$NET/broker/broker.zpl" 's/^listen/lisen/' 'listen'
    broken "$WAYPOST_BROKER" "$NET/broker/broker.zpl" 's/^(listen *= *).*/\1nonsense/' 'listen|endpoint'
}

agent__misspelt_option__is_answered_with_the_nearest_word() {
    make_network $ISLINGTON
    broken "$WAYPOST_AGENT" "$NET/$ISLINGTON/agent.zpl" 's/^socket/sockt/' 'socket'
}

place__where_something_else_stands__is_refused_and_kept() {
    make_network $ISLINGTON
    local agent=$NET/$ISLINGTON/agent.zpl broker=$NET/broker/broker.zpl keys=$NET/keys/$ISLINGTON.keys before
    before=$(cksum <"$keys")
    for option in socket ready-file; do
        sed -e "\$a $option = $keys" -e "/^$option/d" "$agent" >"$agent.broken"
        check "agent: $option" ends_with_status 1 "$WAYPOST_AGENT" -c "$agent.broken"
        check "says where" grep -qF "agent.zpl.broken: $option: something else stands at $keys" "$NET/err"
    done
    sed "s|^listen.*|listen = ipc://$keys|" "$broker" >"$broker.broken"
    check "broker: listen" ends_with_status 1 "$WAYPOST_BROKER" -n -c "$broker.broken"
    check "says where" grep -qF "listen: something else stands at $keys" "$NET/err"
    sed "s|^ready-file.*|ready-file = $keys|" "$broker" >"$broker.broken"
    check "broker: ready-file" ends_with_status 1 "$WAYPOST_BROKER" -n -c "$broker.broken"
    check "says where" grep -qF "ready-file: something else stands at $keys" "$NET/err"
    check "the keys are what they were" equals "$(cksum <"$keys")" "$before"
}

program__that_cannot_be_run__is_refused() {
    make_network $ISLINGTON
    local agent=$NET/$ISLINGTON/agent.zpl
    broken "$WAYPOST_AGENT" "$agent" '$a on-delivery = /nonexistent/take' 'on-delivery: /nonexistent/take cannot be run'
    broken "$WAYPOST_AGENT" "$agent" '$a on-delivery = /tmp' 'on-delivery: /tmp cannot be run: it is no file'
    broken "$WAYPOST_AGENT" "$agent" '$a alarm-command = /tmp' 'alarm-command: /tmp cannot be run: it is no file'
}

keys__readable_by_others__are_refused() {
    make_network $ISLINGTON
    chmod 644 "$NET/keys/broker.keys" "$NET/keys/$ISLINGTON.keys"
    check "broker" ends_with_status 1 "$WAYPOST_BROKER" -c "$NET/broker/broker.zpl"
    check "says why" grep -qiE 'mode|0?600|permission' "$NET/err"
    check "agent" ends_with_status 1 "$WAYPOST_AGENT" -c "$NET/$ISLINGTON/agent.zpl"
    check "says why" grep -qiE 'mode|0?600|permission' "$NET/err"
}

broker__second_one_on_the_same_journal__is_refused() {
    start_network $ISLINGTON
    check "refused" ends_with_status 1 timeout 20 "$WAYPOST_BROKER" -c "$NET/broker/broker.zpl"
    check "says why" grep -qiE 'lock|another|in use' "$NET/err"
}

agent__second_one_on_the_same_database__is_refused() {
    make_network $ISLINGTON
    echo 'ready-file = ready' >>"$NET/$ISLINGTON/agent.zpl"
    start_broker
    start_agent $ISLINGTON
    check "refused" ends_with_status 1 timeout 20 "$WAYPOST_AGENT" -c "$NET/$ISLINGTON/agent.zpl"
    check "says why" grep -qiE 'lock|another|in use|socket' "$NET/err"
    check "what says that the first is ready stays" test -s "$NET/$ISLINGTON/ready"
}

run_tests
