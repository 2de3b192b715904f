#!/bin/bash
# Scenarios told by real processes: a broker, an agent a council and a hub, each on the clock of the story. What the story
# expects must stand in the broker's journal, and each party's agent must say the same on its socket.
. "$(dirname "$0")/../support/cluster.sh"

STAGE=$BUILD/tests/tools/stage
PROGRAMS=$BUILD/tests/programs
HUB_REGIONS="E12000001 E12000002 E12000003 E12000004 E12000005 E12000006 E12000007 E12000008 E12000009"
HEARTBEAT="5 min" # in the story's time, of which a minute may pass in a moment

# set_profile_key FOLDER KEY VALUE: in every profile, as the scenario's `config KEY=VALUE` says.
set_profile_key() {
    local file
    for file in "$1"/profiles/*.zpl; do
        awk -v path="$2" -v value="$3" '
            BEGIN { depth = split(path, names, ".") }
            function put(from,   i) {
                for (i = from; i <= depth; i++)
                    printf "%*s%s%s\n", 4 * (i - 1), "", names[i], i == depth ? " = " value : ""
                printf "%*ssource = \"configured\"\n", 4 * depth, ""
                done = 1
            }
            {
                match($0, /^ */); level = RLENGTH / 4 + 1; name = $1
                if (skipping && level > depth) next
                skipping = 0
                if (!done && !/^#/ && NF > 0 && reached > 0 && level <= reached) put(reached + 1)
                if (!done && level == reached + 1 && name == names[level]) {
                    reached = level
                    if (level == depth) { reached--; put(depth); skipping = 1; next }
                }
                print
            }
            END { if (!done) put(reached + 1) }' "$file" >"$file.new" && mv "$file.new" "$file"
    done
}

# plays FILE: keys, register and tables as they are when the story begins; then the story.
plays() {
    local file=$1 codes start key value
    export WAYPOST_STAGE_CLOCK=$NET/clock WAYPOST_DATA=$NET/data
    mkdir -p "$NET/data"
    cp -r data/procedures data/profiles data/register "$NET/data"
    while IFS='=' read -r key value; do
        set_profile_key "$NET/data" "$key" "$value"
    done < <(sed -n 's/^config *\([^ ]*=[^ ]*\).*/\1/p' "$file")
    read -r start codes < <(WAYPOST_DATA=data "$STAGE" --cast "$file")
    perl -e 'print pack("q<q<q<", $ARGV[0], 0, 0)' "$start" >"$WAYPOST_STAGE_CLOCK"
    WAYPOST=$PROGRAMS/waypost
    # shellcheck disable=SC2086 # codes are words
    check "keys, register, configuration" make_network $codes stage-hub operator
    for id in $codes stage-hub operator; do
        printf 'endpoints = "ipc://%s"\n' "$NET/$id/cable" >>"$NET/$id/agent.zpl"
    done
    "$STAGE" "$NET" "$PROGRAMS" "$BUILD/tests/tools" "$file"
}

# Some are told by hand, so that a filter finds them; each of the others that the local interface can tell is in the last one.
scenario__sc_01__is_told_by_real_processes() {
    check "plays" plays tests/scenarios/sc-01-transfer-over-easter.scenario
}

scenario__sc_03__is_told_by_real_processes() {
    check "plays" plays tests/scenarios/sc-03-refusal-and-three-stages.scenario
}

scenario__sc_06__is_told_by_real_processes() {
    check "plays" plays tests/scenarios/sc-06-back-and-forth.scenario
}

scenario__sc_12__is_told_by_real_processes() {
    check "plays" plays tests/scenarios/sc-12-transport.scenario
}

scenario__sc_15__is_told_by_real_processes() {
    check "plays" plays tests/scenarios/sc-15-corners.scenario
}

scenario__installation_that_counts_from_sending__is_told_by_real_processes() {
    check "plays" plays tests/scenarios/sc-12b-notified-means-sent.scenario
}

scenario__links_and_exceptions__is_told_by_real_processes() {
    check "plays" plays tests/scenarios/links-and-exceptions.scenario
}

scenario__broker_killed_over_a_deadline__records_it_at_its_own_moment() {
    check "plays" plays tests/scenarios/broker-away.scenario
}

run_tests
