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
    start_network $ISLINGTON
    check "refused" ends_with_status 1 timeout 20 "$WAYPOST_AGENT" -c "$NET/$ISLINGTON/agent.zpl"
    check "says why" grep -qiE 'lock|another|in use|socket' "$NET/err"
}

run_tests
