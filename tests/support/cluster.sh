# shellcheck shell=bash
# A small network of real processes for one test, below a fresh folder, over ipc:// sockets. Sourced by tests/integration
# and tests/crash; scripts/lib.sh has what the demonstration uses too.
#
# A test is a function named subject__condition__outcome; run_tests calls each one in a subshell with a $NET of its own,
# prints TAP, and stops and removes everything afterwards, also when the test fails. KEEP_FAILED=1 keeps the folder of a
# failed test. A test fails at its first `check` that does not hold; `TEST_FILTER` (a shell pattern) picks a few.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
BUILD=$(realpath -m "${BUILD:-build}")
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

ISLINGTON=E09000019
CAMDEN=E09000007
LEEDS=E08000035
HUB=london-hub
OPERATOR=operator
LONDON_REGION=E12000007

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

# ---- running them ----

tests_of_this_file() {
    declare -F | sed -n 's/^declare -f \([a-z0-9_]*__[a-z0-9_]*__[a-z0-9_]*\)$/\1/p'
}

end_of_test() {
    local status=$?
    trap - EXIT
    stop_all
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
        report=$NET.report
        if run_one "$name" >"$report" 2>&1; then
            echo "ok $number - $name"
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
