# shellcheck shell=bash
# Helpers that the demonstration and the integration tests share: waiting for a condition, starting and stopping
# processes by their process id, making a small network's keys, register and configuration. Sourced, never run.
#
# A network lives below $NET, a folder of its own:
#   keys/ID.keys keys/ID.card    secret and public halves
#   network.join register.signed what an agent needs to begin
#   broker/ ID/                  configuration, data, socket, log and pid of each process
#
# Failures: every function returns non-zero after one sentence on standard error.

set -u

: "${BUILD:=build}"
WAYPOST=$BUILD/waypost
WAYPOST_AGENT=$BUILD/waypost-agent
WAYPOST_HUB=$BUILD/waypost-hub
WAYPOST_BROKER=$BUILD/waypost-broker

# A descriptor on which nothing ever arrives: `read -t` on it is a pause without a process.
exec {NAP_FD}<> <(:)

say_error() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

nap() {
    read -r -t "${1:-0.02}" -u "$NAP_FD" _ || true
}

now_ms() {
    local micros=${EPOCHREALTIME/[.,]/}
    printf '%s\n' "$((micros / 1000))"
}

# wait_until SECONDS COMMAND...: asks again and again until COMMAND succeeds; fails after SECONDS.
wait_until() {
    local seconds=$1 end
    shift
    end=$(($(now_ms) + seconds * 1000))
    until "$@" >/dev/null 2>&1; do
        if (($(now_ms) >= end)); then
            say_error "waited $seconds s in vain for: $*"
            return 1
        fi
        nap 0.03
    done
}

# A TCP port of the loopback that the kernel says is free.
free_port() {
    perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0) and bind(S, sockaddr_in(0, INADDR_LOOPBACK)) or die $!;
        print +(sockaddr_in(getsockname(S)))[0], "\n"'
}

# ---- processes, each known by a file that holds its pid ----

pid_of() {
    cat "$NET/$1/pid" 2>/dev/null
}

# True while the process of NAME runs. A zombie does not, unless threads of it are still on their way out: they hold its locks.
is_running() {
    local pid state
    local -a threads
    pid=$(pid_of "$1") && [[ -n $pid && -r /proc/$pid/stat ]] || return 1
    read -r _ _ state _ <"/proc/$pid/stat" 2>/dev/null || return 1
    threads=("/proc/$pid/task/"*)
    [[ $state != Z && $state != X ]] || ((${#threads[@]} > 1))
}

is_stopped() {
    ! is_running "$1"
}

# launch NAME PROGRAM ARG...: in the background, its output appended to $NET/NAME/log.
launch() {
    local name=$1
    shift
    mkdir -p "$NET/$name"
    "$@" >>"$NET/$name/log" 2>&1 </dev/null {NAP_FD}>&- &
    printf '%s\n' "$!" >"$NET/$name/pid"
    disown "$!" # no word from the shell when it is killed
}

# signal_process NAME SIGNAL [SECONDS]: send it, and wait until the process is gone.
signal_process() {
    local pid
    pid=$(pid_of "$1") || return 0
    if is_running "$1"; then
        kill "-$2" "$pid" 2>/dev/null || true
        wait_until "${3:-20}" is_stopped "$1" || return 1
    fi
    rm -f "$NET/$1/pid"
}

stop_process() {
    signal_process "$1" TERM "${2:-20}"
}

kill_process() {
    signal_process "$1" KILL 20
}

# Every process of this network, gently, then by force.
stop_all() {
    local file name
    for file in "$NET"/*/pid; do
        [[ -e $file ]] || continue
        name=${file%/pid}
        name=${name##*/}
        kill -CONT "$(pid_of "$name")" 2>/dev/null || true
        stop_process "$name" 10 2>/dev/null || kill_process "$name" || true
    done
}

# ---- asking programs ----

# wp ID ARG...: the command, speaking to the agent ID.
wp() {
    local id=$1
    shift
    WAYPOST_SOCKET=$NET/$id/agent.sock "$WAYPOST" "$@"
}

# The command where no agent is needed.
wp_offline() {
    WAYPOST_SOCKET=$NET/none.sock "$WAYPOST" "$@"
}

# json_member NAME <JSON: the first text, number or word of that name.
json_member() {
    tr -d '\n' | sed -nE -e 's/.*[{,] *"'"$1"'": *"([^"]*)".*/\1/; t found' \
        -e 's/.*[{,] *"'"$1"'": *([^][",{} ]+).*/\1/; t found' -e 'b' -e ': found' -e 'p'
}

# json_objects <JSON: the innermost objects, one a line, without blanks.
json_objects() {
    tr -d ' \n' | tr '{' '\n' | sed 's/}.*//'
}

# Digest of a word as a fact of type hash wants it.
digest_of() {
    printf '%s' "$1" | b2sum -l 256 | cut -d' ' -f1
}

# holds_event ID EVENT: the agent has it on its disk.
holds_event() {
    wp "$1" show "$2" --json
}

# hub_knows ID TRANSFER: the hub ID has seen something of it.
hub_knows() {
    wp "$1" hub case "$2" --json
}

# has_level ID EVENT LEVEL [CODE]: the sender's agent ID knows that EVENT has reached at least LEVEL (accepted,
# persisted, opened), at CODE or at anybody.
has_level() {
    local id=$1 event=$2 level=$3 code=${4:-} wanted
    case $level in
        accepted)
            wp "$id" show "$event" --json 2>/dev/null | grep -q '"leaf_index"'
            return
            ;;
        persisted) wanted='"level":("?(persisted|opened)"?|[12])(,|$)' ;;
        opened) wanted='"level":("?opened"?|2)(,|$)' ;;
        *) return 1 ;;
    esac
    wp "$id" show "$event" --json 2>/dev/null | json_objects | grep -F "\"code\":\"$code" | grep -qE "$wanted"
}

# ---- making a network ----
#
# NETWORK_AGENTS lists the ids in the register; the endpoint of the broker is $ENDPOINT. EXTRA_CARDS[ID] names a second card
# (a rotation), REVOKED[ID] a time of revocation, RECEIVER a program for on-delivery, HUB_REGIONS what hubs see (London),
# HUB_OPTIONS lines of a hub's configuration, METRICS an address where each program serves its own.

NETWORK_NAME=waypost-demo
LONDON_REGION=E12000007
REGISTER_VERSION=0
NETWORK_AGENTS=()
declare -A EXTRA_CARDS=() REVOKED=()

# make_keys ID...
make_keys() {
    local id
    mkdir -p "$NET/keys"
    for id in "$@"; do
        [[ -e $NET/keys/$id.keys ]] || "$WAYPOST" keygen "$id" --dir "$NET/keys" >/dev/null || return 1
    done
}

agent_in_register() {
    local id=$1
    printf 'agent = "%s"\n' "$id"
    case $id in
        *-hub) printf '    roles = "hub"\n    regions = "%s"\n' "${HUB_REGIONS:-$LONDON_REGION}" ;;
        operator) printf '    roles = "operator"\n' ;;
        *) printf '    roles = "authority"\n' ;;
    esac
    printf '    card = "keys/%s.card"\n' "$id"
    [[ -z ${EXTRA_CARDS[$id]:-} ]] || printf '    card = "%s"\n' "${EXTRA_CARDS[$id]}"
    [[ -z ${REVOKED[$id]:-} ]] || printf '    revoked = "%s"\n' "${REVOKED[$id]}"
}

# The registrar's source, $NET/register.zpl: who is who.
write_register_source() {
    local id
    REGISTER_VERSION=$((REGISTER_VERSION + 1))
    {
        printf 'network = "%s"\nversion = %d\nthreshold = 1\nroot = "keys/root.card"\n' "$NETWORK_NAME" "$REGISTER_VERSION"
        printf 'authorities = "%s"\nsuccessions = "%s"\nprofiles = "%s"\n' "$PWD/data/register/authorities.csv" \
            "$PWD/data/register/successions.tsv" "$PWD/data/profiles"
        for id in "${NETWORK_AGENTS[@]}"; do
            agent_in_register "$id"
        done
        printf 'broker = "%s"\n    card = "keys/broker.card"\n' "$ENDPOINT"
        [[ -z ${RETENTION:-} ]] || cat "$RETENTION"
    } >"$NET/register.zpl"
}

# make_register [--revoke ID]: the next version, compiled and signed in place of the one before.
make_register() {
    local -a before=()
    if [[ ${1:-} == --revoke ]]; then
        REVOKED[$2]=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    fi
    write_register_source
    [[ ! -e $NET/register.signed ]] || before=(--before "$NET/register.signed")
    "$WAYPOST" register sign "$NET/register.zpl" --root "$NET/keys/root.keys" "${before[@]}" --out "$NET/register.signed" >/dev/null
}

make_join() {
    "$WAYPOST" register join "$NET/register.signed" --out "$NET/network.join" >/dev/null
}

# configure_agent ID: $NET/ID/agent.zpl.
configure_agent() {
    mkdir -p "$NET/$1"
    cat >"$NET/$1/agent.zpl" <<END
# An agent for a demonstration. waypost-agent --sample prints every option.
data = "data"
keys = "../keys/$1.keys"
join = "../network.join"
socket = "agent.sock"
END
    [[ -z ${METRICS:-} ]] || printf 'metrics = "%s"\n' "$METRICS" >>"$NET/$1/agent.zpl"
    [[ -z ${ALARM_OPTIONS:-} ]] || printf '%s\n' "$ALARM_OPTIONS" >>"$NET/$1/agent.zpl"
    case $1 in
        *-hub) [[ -z ${HUB_OPTIONS:-} ]] || printf '%s\n' "$HUB_OPTIONS" >>"$NET/$1/agent.zpl" ;;
        *) [[ -z ${RECEIVER:-} ]] || printf 'on-delivery = "%s"\n' "$RECEIVER" >>"$NET/$1/agent.zpl" ;;
    esac
}

# make_network ID...: keys, register, join file and configuration; nothing is started. Needs $ENDPOINT; the broker
# listens at $LISTEN where that is set.
make_network() {
    local id
    NETWORK_AGENTS=("$@")
    make_keys root broker "$@" && make_register '' && make_join || return 1
    configure_broker
    for id in "$@"; do
        configure_agent "$id"
    done
}

# configure_broker: $NET/broker/broker.zpl. Small segments, so that a demonstration leaves a small folder.
configure_broker() {
    mkdir -p "$NET/broker"
    cat >"$NET/broker/broker.zpl" <<END
# A broker for a demonstration. waypost-broker --sample prints every option.
listen = "${LISTEN:-$ENDPOINT}"
data = "journal"
keys = "../keys/broker.keys"
register = "../register.signed"
join = "../network.join"
ready-file = "ready"
segment = 1 MiB
free-min = 16 MiB
heartbeat = ${HEARTBEAT:-10 s}
END
    [[ -z ${METRICS:-} ]] || printf 'metrics = "%s"\n' "$METRICS" >>"$NET/broker/broker.zpl"
    [[ -z ${ALARM_OPTIONS:-} ]] || printf '%s\n%s\n' "$ALARM_OPTIONS" "${SILENCE:-}" >>"$NET/broker/broker.zpl"
}

is_ready() {
    [[ -s $NET/broker/ready ]]
}

# start_broker: returns when agents can connect.
start_broker() {
    rm -f "$NET/broker/ready"
    launch broker "$WAYPOST_BROKER" -c "$NET/broker/broker.zpl"
    wait_until 90 is_ready_or_gone
    is_ready
}

is_ready_or_gone() {
    is_ready || ! is_running broker
}

answers() {
    wp "$1" status
}

answers_or_gone() {
    answers "$1" || ! is_running "$1"
}

# A hub is a program of its own.
program_of() {
    case $1 in
        *-hub) printf '%s\n' "$WAYPOST_HUB" ;;
        *) printf '%s\n' "$WAYPOST_AGENT" ;;
    esac
}

# start_agent ID: returns when it answers on its socket.
start_agent() {
    launch "$1" "$(program_of "$1")" -c "$NET/$1/agent.zpl"
    wait_until 90 answers_or_gone "$1"
    answers "$1" >/dev/null 2>&1
}

is_online() {
    [[ $(wp "$1" status --json 2>/dev/null | json_member state) == online ]]
}

# watch_into ID FILE ARG...: what the agent ID receives from the beginning, live, into FILE; process name "watch".
watch_into() {
    local id=$1 file=$2
    shift 2
    launch watch env NO_COLOR=1 WAYPOST_SOCKET="$NET/$id/agent.sock" "$WAYPOST" watch --from 1 "$@"
    ln -sf "$NET/watch/log" "$file"
    is_running watch
}
