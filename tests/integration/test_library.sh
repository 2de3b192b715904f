#!/bin/bash
# libwaypost: the example of its manual page compiles as it stands there, and receives from a real agent.
. "$(dirname "$0")/../support/cluster.sh"

# The example out of the page.
manual_example() {
    sed -n '/^\.Bd -literal$/,/^\.Ed$/p' docs/man/libwaypost.3 | sed -e '1d' -e '$d' -e 's/\\e/\\/g'
}

manual__example__compiles_and_receives_what_was_sent() {
    start_network $ISLINGTON $CAMDEN
    local transfer first second
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    first=$(send $ISLINGTON "$transfer")
    second=$(send $ISLINGTON "$transfer")
    check "they arrive" wait_until 20 inbox_has $CAMDEN 2
    manual_example >"$NET/example.c"
    # shellcheck disable=SC2086 # compiler and flags are meant to be split
    check "compiles" ${CC:-cc} -std=c11 -Wall -Wextra -Werror -Iclient/lib ${LDFLAGS:-} -o "$NET/example" \
        "$NET/example.c" "$BUILD/libwaypost.a" -ljansson
    check "receives" ends_with_status 0 env WAYPOST_SOCKET="$NET/$CAMDEN/agent.sock" "$NET/example" 1 2
    check "the first" grep -qF "$first" "$NET/out"
    check "the second" grep -qF "$second" "$NET/out"
    local number
    number=$(wp $CAMDEN inbox --json | "$PICK" events event number | awk -F'\t' -v id="$second" '$1 == id { print $2 }')
    check "begins where it is told" ends_with_status 0 env WAYPOST_SOCKET="$NET/$CAMDEN/agent.sock" "$NET/example" "$number" 1
    check "the second again" grep -qF "$second" "$NET/out"
    check_not "the first again" grep -qF "$first" "$NET/out"
}

run_tests
