#!/bin/bash
# What the documents say is so: the example of the README delivers, and every test, counter and function named exists.
. "$(dirname "$0")/../support/cluster.sh"

readme__five_minutes__ends_with_a_delivered_notice() {
    echo "trap 'jobs -p >pids' EXIT" >"$NET/example"
    sed -n '/<!-- example: five minutes -->/,/^```$/p' README.md | sed '1,2d;$d' >>"$NET/example"
    cat >>"$NET/example" <<'END'
until waypost outbox | grep -q 'on their system'; do
    read -r -t 0.1 <> <(:) || :
done
WAYPOST_SOCKET=E09000007.sock waypost inbox | grep -q 'Move of a child notified' && echo delivered >done
END
    # Its processes are known by their pids in $NET/*/pid, so that they are stopped here whatever happens.
    (cd "$NET" && PATH=$BUILD:$PATH WAYPOST_DATA=$OLDPWD/data timeout 60 bash -eu example) || true
    local pid
    for pid in $(cat "$NET/pids"); do
        mkdir -p "$NET/process-$pid"
        echo "$pid" >"$NET/process-$pid/pid"
    done
    check "delivered" test -e "$NET/done"
}

# Names of the form subject__condition__outcome in a document.
names_in() {
    grep -oE '\b[a-z0-9_]+__[a-z0-9_]+__[a-z0-9_]+\b' "$1" | sort -u
}

security__tests_named__exist() {
    local name missing=''
    for name in $(names_in docs/SECURITY.md); do
        grep -rqE "\b$name\b" tests/unit tests/lab tests/integration tests/crash || missing+=" $name"
    done
    check "there are many" test "$(names_in docs/SECURITY.md | wc -l)" -ge 20
    check "every one exists" equals "$missing" ''
}

architecture__functions_named__exist() {
    local name missing=''
    for name in $(grep -oE '`[a-z_0-9]+\(\)`' docs/ARCHITECTURE.md | tr -d '`()' | sort -u); do
        grep -rqE "\b$name\(" common broker client --include='*.c' --include='*.h' || missing+=" $name"
    done
    check "every one exists" equals "$missing" ''
}

operating__alarms__that_are_raised_stand_in_the_table() {
    local name missing=''
    for name in $(cat client/*/*.c broker/*/*.c broker/main.c | tr '\n' ' ' |
        grep -oE '(agent|core|agent_core)_alarm(_clear)?\( *[a-z>-]+, *"[a-z_]+"' | sed 's/.*"\(.*\)"/\1/' | sort -u); do
        grep -qF "| \`$name\` |" docs/OPERATING.md || missing+=" $name"
    done
    check "every one stands in docs/OPERATING.md" equals "$missing" ''
}

architecture__packages_of_bootstrap__each_have_a_reason() {
    local name missing=''
    for name in $(sed -n '/^packages="/,/"$/p' scripts/bootstrap | sed 's/packages=//' | tr -d '"'); do
        grep -qF "\`$name\`" docs/ARCHITECTURE.md || missing+=" $name"
    done
    check "every one stands in docs/ARCHITECTURE.md" equals "$missing" ''
}

# D32 to D34 are about words alone: the name of a role, how a source is cited, of which report nothing is claimed.
procedures__decisions__are_each_named_where_a_test_would_miss_them() {
    local decision missing=''
    for decision in $(sed -n '/^## 10\. Decisions/,/^## 11\./p' docs/PROCEDURES.md | grep -oE '^\| D[0-9]+ ' | tr -d '| '); do
        case $decision in
            D32 | D33 | D34) continue ;;
        esac
        grep -rqwE "$decision" tests/unit tests/stories tests/scenarios || missing+=" $decision"
    done
    check "there are many" test "$(grep -cE '^\| D[0-9]+ ' docs/PROCEDURES.md)" -ge 63
    check "every one is named" equals "$missing" ''
}

run_tests
