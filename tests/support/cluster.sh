# shellcheck shell=bash
# A small network of real processes for one test, below a fresh folder, over ipc:// sockets. Sourced by tests/integration
# and tests/crash; scripts/lib.sh has what the demonstration uses too.
#
# A test is a function named subject__condition__outcome; run_tests calls each one in a subshell with a $NET of its own,
# prints TAP, and stops and removes everything afterwards, also when the test fails. KEEP_FAILED=1 keeps the folder of a
# failed test. A test fails at its first `check` that does not hold; a line "figure: ..." that it prints is shown as a
# comment; `TEST_FILTER` (a shell pattern) picks a few.

# shellcheck disable=SC2034 # the names are for the tests
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
BUILD=$(realpath -m "${BUILD:-build}")
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

ISLINGTON=E09000019
CAMDEN=E09000007
LEEDS=E08000035
HUB=london-hub
OPERATOR=operator
BARNSLEY_OLD=E08000016 # superseded by the next one on 1 April 2025
BARNSLEY_NEW=E08000038
PICK=$BUILD/tests/tools/pick

# ---- what a test says ----

# check "what must hold" COMMAND...: the test ends where COMMAND fails.
check() {
    local what=$1
    shift
    "$@" && return 0
    echo "check failed: $what: $*"
    exit 1
}

# check_not "what must not be" COMMAND...
check_not() {
    local what=$1
    shift
    "$@" || return 0
    echo "check failed: $what: $*"
    exit 1
}

equals() {
    [[ $1 == "$2" ]] && return 0
    echo "got '$1', want '$2'"
    return 1
}

contains() {
    [[ $1 == *"$2"* ]] && return 0
    echo "'$2' does not stand in: $1"
    return 1
}

# ends_with_status WANT COMMAND...: output goes to $NET/out and $NET/err.
ends_with_status() {
    local want=$1 status
    shift
    "$@" >"$NET/out" 2>"$NET/err"
    status=$?
    [[ $status == "$want" ]] && return 0
    echo "exit status $status, want $want, of: $*"
    cat "$NET/out" "$NET/err"
    return 1
}

# ---- a network ----

# start_network ID...: broker and the agents of these ids, all online.
start_network() {
    local id
    check "keys, register, configuration" make_network "$@"
    check "the broker starts" start_broker
    for id in "$@"; do
        check "$id starts" start_agent "$id"
    done
    for id in "$@"; do
        check "$id is online" wait_until 90 is_online "$id"
    done
}

# join_network ID...: more agents, in a new version of the register.
join_network() {
    local id
    NETWORK_AGENTS+=("$@")
    check "keys" make_keys "$@"
    check "register" make_register ''
    hang_up broker
    for id in "$@"; do
        configure_agent "$id"
        check "$id starts" start_agent "$id"
    done
    for id in "$@"; do
        check "$id is online" wait_until 30 is_online "$id"
    done
}

hang_up() {
    kill -HUP "$(pid_of "$1")"
}

# A rotation: second keys are made, the agent is given both, the register gets the new card, and later loses the old one.
make_second_keys() {
    mkdir -p "$NET/keys/second"
    check "second keys" "$WAYPOST" keygen "$1" --dir "$NET/keys/second"
}

use_second_keys() {
    check "stops" stop_process "$1"
    sed -i "s|^keys = .*|keys = \"../keys/second/$1.keys\"\\nkeys = \"../keys/$1.keys\"|" "$NET/$1/agent.zpl"
    check "starts" start_agent "$1"
    check "is online" wait_until 90 is_online "$1"
}

add_second_keys() {
    EXTRA_CARDS[$1]=keys/second/$1.card
    check "register" make_register ''
}

drop_first_keys() {
    cp "$NET/keys/second/$1.card" "$NET/keys/$1.card"
    unset "EXTRA_CARDS[$1]"
    check "register" make_register ''
}

copy_database() {
    cp -a "$NET/$1/data" "$2"
}

restore_database() {
    rm -rf "$NET/$1/data"
    cp -a "$2" "$NET/$1/data"
}

# clone_agent ID NAME: the same keys, a database of its own, another process.
clone_agent() {
    cp -a "$NET/$1" "$NET/$2"
    rm -rf "$NET/$2/data" "$NET/$2/agent.sock" "$NET/$2/pid" "$NET/$2/log"
}

# ---- what a test asks ----

# pages ID LIST MEMBER: one member of every row of inbox or outbox, oldest first.
pages() {
    local id=$1 list=$2 member=$3 key=number rows last='' file
    local -a before=()
    file=$(mktemp "$NET/pages.XXXXXX") || return 1
    while :; do
        rows=$(wp "$id" "$list" --limit 1000 "${before[@]}" --json | "$PICK" events "$key" "$member") || break
        [[ -n $rows ]] || break
        printf '%s\n' "$rows" >>"$file"
        (($(wc -l <<<"$rows") == 1000)) || break
        last=${rows##*$'\n'}
        before=(--before "${last%%$'\t'*}")
    done
    tac "$file" | cut -f 2
    rm -f "$file"
}

# The entries of an agent's stream up to its last event are numbered 1, 2, 3 ...
numbers_are_gap_free() {
    local last
    last=$(wp "$1" inbox --limit 1 --json | "$PICK" events number)
    diff <(seq 1 "$last") <(timeout 20 env WAYPOST_SOCKET="$NET/$1/agent.sock" "$WAYPOST" watch --from 1 --count "$last" --json |
        "$PICK" number)
}

# Ids of the events in the journal, in its order; of one sender alone.
journal_ids() {
    wp_offline export "$NET/broker/journal" | "$PICK" . event.id | grep .
}

journal_ids_from() {
    wp_offline export "$NET/broker/journal" | "$PICK" . event.from event.id |
        awk -F'\t' -v code="$1" '$1 == code { print $2 }'
}

# new_transfer FROM TO: begun at FROM; prints its id.
new_transfer() {
    wp "$1" new-transfer --origin "$1" --receiving "$2" --subject ash=cp --json | "$PICK" transfer
}

# send FROM TRANSFER ARG...: a move_notified; prints the event's id.
send() {
    local from=$1 transfer=$2
    shift 2
    wp "$from" send move_notified --transfer "$transfer" --fact permanence=permanent retain_intention=transfer "$@" --json |
        "$PICK" event
}

# send_many FROM TRANSFER COUNT ARG...
send_many() {
    local from=$1 transfer=$2 count=$3 i
    shift 3
    for ((i = 0; i < count; i++)); do
        send "$from" "$transfer" "$@" || return 1
    done
}

# The ids of an agent's outbox, oldest first, and of its inbox in the order of arrival.
outbox_ids() {
    pages "$1" outbox event
}

inbox_ids() {
    pages "$1" inbox event
}

outbox_count() {
    pages "$1" outbox state | grep -cx "$2"
}

outbox_is() {
    [[ $(outbox_count "$1" "$2") == "$3" ]]
}

outbox_is_settled() {
    ! pages "$1" outbox state | grep -qvx accepted
}

inbox_has() {
    [[ $(inbox_ids "$1" | wc -l) == "$2" ]]
}

# outbox_level_is FROM CODE LEVEL COUNT: so many events of FROM have at least this level at CODE.
outbox_level_is() {
    local event count=0
    for event in $(outbox_ids "$1"); do
        has_level "$1" "$event" "$3" "$2" && count=$((count + 1))
    done
    [[ $count == "$4" ]]
}

status_is() {
    [[ $(wp "$1" status --json | "$PICK" "$2") == "$3" ]]
}

status_is_not() {
    ! status_is "$@"
}

# has_alarm ID [NAME]
has_alarm() {
    wp "$1" alarms --json | "$PICK" alarms name | grep -q "${2:-.}"
}

# log_has NAME PATTERN
log_has() {
    grep -qE "$2" "$NET/$1/log"
}

# log_counts NAME AT_LEAST: a counter of the broker, asked for with USR1.
log_counts() {
    local value
    kill -USR1 "$(pid_of broker)"
    value=$(grep -oE " $1=[0-9]+" "$NET/broker/log" | tail -1)
    ((${value##*=} + 0 >= $2))
}

# shows ID EVENT WORD: `waypost show` holds the word.
shows() {
    wp "$1" show "$2" --json | grep -qF "$3"
}

listening_says() {
    [[ $(wp $ISLINGTON listening $CAMDEN --json | "$PICK" "$1") == "$2" ]]
}

# hub_was_filled TIMES: from the broker's journal; once when its database was new.
hub_was_filled() {
    [[ $(grep -c 'past: the last page is here' "$NET/$HUB/log") == "$1" ]]
}

# ---- receiver commands ----

# receiver_has_taken COUNT: at least.
receiver_has_taken() {
    (($(taken_ids | wc -l) >= $1))
}

taken_ids() {
    "$PICK" . event.id <"$NET/taken" | grep .
}

# receiver_states_are ID STATE COUNT
receiver_states_are() {
    [[ $(pages "$1" inbox receiver | grep -cx "$2") == "$3" ]]
}

# all_is_there SENDER RECIPIENT: what one agent has taken is accepted, arrives in order and once, and the journal holds it once.
# Ends the broker.
all_is_there() {
    local from=$1 to=$2
    check "all is accepted" wait_until 60 outbox_is_settled "$from"
    check "all arrives" wait_until 60 inbox_has "$to" "$(outbox_ids "$from" | wc -l)"
    check "in order, each once" equals "$(inbox_ids "$to")" "$(outbox_ids "$from")"
    check "the broker ends" stop_process broker
    check "the journal verifies" wp_offline verify "$NET/broker/journal"
    check "and holds each once" equals "$(journal_ids | sort)" "$(outbox_ids "$from" | sort)"
}

# ---- damage ----

# append_garbage FILE: bytes after the last record, as a write that a crash has torn.
append_garbage() {
    local end
    end=$(perl -0777 -ne 's/\0+\z//; print 8 * int((7 + length) / 8)' "$1") # records end at such a place, some with zeros
    printf 'torn' | dd of="$1" bs=1 seek="$end" conv=notrunc status=none
}

# ---- running them ----

tests_of_this_file() {
    declare -F | sed -n 's/^declare -f \([a-z0-9_]*__[a-z0-9_]*__[a-z0-9_]*\)$/\1/p'
}

# What no test may leave in a log: a sanitizer's report, a failed assertion.
logs_are_clean() {
    ! grep -hE 'Sanitizer|runtime error:|Assertion' "$NET"/*/log 2>/dev/null
}

end_of_test() {
    local status=$?
    trap - EXIT
    stop_all
    logs_are_clean || status=1
    exit "$status"
}

run_one() (
    exec {NAP_FD}<> <(:) # a subshell needs its own
    trap end_of_test EXIT
    trap 'exit 130' INT TERM
    "$1"
)

# Show the end of each log as comments.
show_logs() {
    local log
    for log in "$NET"/*/log; do
        [[ -s $log ]] || continue
        echo "# ---- ${log#"$NET"/}"
        tail -n 25 "$log" | sed 's/^/#   /'
    done
}

end_of_file() {
    stop_all
    [[ -z ${NET:-} ]] || rm -rf "$NET"
}

run_tests() {
    local name number=0 failed=0 report
    trap 'end_of_file; exit 130' INT TERM
    for name in $(tests_of_this_file); do
        # shellcheck disable=SC2053 # the filter is a pattern
        [[ -z ${TEST_FILTER:-} || $name == $TEST_FILTER ]] || continue
        number=$((number + 1))
        NET=$(mktemp -d "${TMPDIR:-/tmp}/wpt.XXXXXX") || exit 1
        ENDPOINT=ipc://$NET/broker/sock
        report=$NET.report
        if run_one "$name" >"$report" 2>&1; then
            echo "ok $number - $name"
            sed -n 's/^figure: /#   /p' "$report"
        else
            failed=$((failed + 1))
            echo "not ok $number - $name"
            tail -n 60 "$report" | sed 's/^/# /'
            show_logs
            [[ -z ${KEEP_FAILED:-} ]] || { echo "# kept in $NET" && mv "$NET" "$NET.kept"; }
        fi
        rm -rf "$NET" "$report"
    done
    NET=''
    echo "1..$number"
    ((failed == 0))
}
