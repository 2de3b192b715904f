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

# True while the process of NAME runs (a zombie does not).
is_running() {
    local pid state
    pid=$(pid_of "$1") && [[ -n $pid && -r /proc/$pid/stat ]] || return 1
    read -r _ _ state _ <"/proc/$pid/stat" 2>/dev/null || return 1
    [[ $state != Z && $state != X ]]
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
