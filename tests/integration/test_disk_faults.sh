#!/bin/bash
# Disks that fail under real programs: full, read-only, a failed sync, short writes, a sync that does not end. The programs are
# those of build/tests/programs, whose disk does what a test says (tests/stage/disk_driven.c). What was accepted, or taken by an
# agent, is there afterwards once; whoever cannot go on says so in a sentence, and goes on when the disk is well again.
# shellcheck disable=SC2317 # tests are called by name
. "$(dirname "$0")/../support/cluster.sh"

PROGRAMS=$BUILD/tests/programs

# On a disk of its own each: fault NAME MARK makes it fail, mend NAME MARK ends that.
on_disk() {
    mkdir -p "$NET/disks/$1"
    WAYPOST_STAGE_CLOCK=$NET/disks/$1/clock WAYPOST_STAGE_DISK=$NET/disks/$1 "${@:2}"
}

fault() {
    : >"$NET/disks/$1/$2"
}

mend() {
    rm -f "$NET/disks/$1/$2"
}

start_driven_broker() {
    on_disk broker start_broker
}

start_driven() {
    on_disk "$1" start_agent "$1"
    check "$1 is online" wait_until 60 is_online "$1"
}

driven_network() {
    WAYPOST_BROKER=$PROGRAMS/waypost-broker WAYPOST_AGENT=$PROGRAMS/waypost-agent
    HEARTBEAT="60 s" # of the programs' own clocks
    check "keys, register, configuration" make_network $ISLINGTON $CAMDEN $OPERATOR
    printf 'alarm-sync = 1 ms\n' >>"$NET/broker/broker.zpl"
    check "broker starts" start_driven_broker
    start_driven $ISLINGTON
    start_driven $CAMDEN
    TRANSFER=$(new_transfer $ISLINGTON $CAMDEN)
}

is_gone() {
    ! is_running "$1"
}

# A broker may promise nothing once its disk has failed it: it ends, and the next start goes on.
broker_ends_by() {
    local accepted
    driven_network
    accepted=$(send $ISLINGTON "$TRANSFER")
    check "accepted before" wait_until 60 has_level $ISLINGTON "$accepted" accepted
    fault broker "$1"
    send $ISLINGTON "$TRANSFER" >/dev/null
    check "the broker ends" wait_until 60 is_gone broker
    check "with a sentence" log_has broker 'the journal cannot be written and nothing more may be promised; make room or repair'
    check "nothing more was promised" equals "$(outbox_count $ISLINGTON accepted)" 1
    mend broker "$1"
    check "starts again" start_driven_broker
    all_is_there $ISLINGTON $CAMDEN
}

broker__disk_full__ends_with_a_sentence_and_goes_on_when_there_is_room() {
    broker_ends_by full
}

broker__disk_read_only__ends_with_a_sentence_and_goes_on_when_it_can_be_written() {
    broker_ends_by read-only
}

broker__sync_failed_once__ends_and_never_tries_that_sync_again() {
    broker_ends_by eio-once
}

broker__disk_full_at_a_start__says_so_and_starts_when_there_is_room() {
    driven_network
    send_many $ISLINGTON "$TRANSFER" 3 >/dev/null
    check "the broker is killed" kill_process broker
    fault broker full
    check_not "starts" start_driven_broker
    mend broker full
    check "starts" start_driven_broker
    all_is_there $ISLINGTON $CAMDEN
}

disk__that_writes_seven_bytes_at_a_time__keeps_everything() {
    driven_network
    fault broker short
    fault $ISLINGTON short
    fault $CAMDEN short
    send_many $ISLINGTON "$TRANSFER" 3 --sealed "narrative=all of this is invented" >/dev/null
    check "all is accepted" wait_until 60 outbox_is_settled $ISLINGTON
    check "the broker is killed" kill_process broker
    check "starts again" start_driven_broker
    all_is_there $ISLINGTON $CAMDEN
}

# pass NAME SECONDS: so much time passes for one program.
pass() {
    perl -e 'print pack("q<q<q<", 0, $ARGV[0] * 1000, $ARGV[0] * 1000)' "$2" 1<>"$NET/disks/$1/clock" # never cut: a program has it mapped
}

# A snapshot is only a help: one whose sync hangs holds up nothing that anybody waits for.
broker__snapshot_that_hangs__holds_up_no_receipt() {
    local event i
    driven_network
    check "stops" stop_process broker
    printf 'snapshot = 1 MiB\n' >>"$NET/broker/broker.zpl"
    check "starts again" start_driven_broker
    fault broker hold-new
    head -c 400000 /dev/zero >"$NET/document"
    for i in 1 2 3 4; do
        send $ISLINGTON "$TRANSFER" --payload "$NET/document" >/dev/null
    done
    check "a snapshot hangs" wait_until 60 test -e "$NET/disks/broker/held-new"
    for i in 1 2 3; do
        event=$(send $ISLINGTON "$TRANSFER")
        check "accepted meanwhile" wait_until 60 has_level $ISLINGTON "$event" accepted
        check "persisted meanwhile" wait_until 60 has_level $ISLINGTON "$event" persisted
    done
    check "it still hangs" test ! -e "$NET/broker/journal/snapshot-"*
    mend broker hold-new
    all_is_there $ISLINGTON $CAMDEN
}

# A sync hangs that the network thread makes by itself, since the disk was quick: nobody hears anything, agents go on taking
# events. For a minute the disk is not trusted, quick as it is: the next one hangs in the writer's thread, everything but receipts
# is answered, and broker and agents say what is wrong.
broker__sync_of_many_seconds__receipts_nothing_and_alarms() {
    local event
    driven_network
    on_disk $OPERATOR start_agent $OPERATOR
    check "the operator is online" wait_until 60 is_online $OPERATOR
    fault broker hold
    event=$(send $ISLINGTON "$TRANSFER")
    check "a sync hangs" wait_until 60 test -e "$NET/disks/broker/held"
    pass broker 10
    check_not "accepted" has_level $ISLINGTON "$event" accepted
    check "agents take events" send_many $ISLINGTON "$TRANSFER" 5
    check_not "accepted" has_level $ISLINGTON "$event" accepted
    mend broker held
    mend broker hold
    check "accepted" wait_until 60 outbox_is_settled $ISLINGTON
    check "many quick ones follow" send_many $ISLINGTON "$TRANSFER" 40
    check "accepted" wait_until 60 outbox_is_settled $ISLINGTON

    fault broker hold
    event=$(send $ISLINGTON "$TRANSFER")
    check "a sync hangs" wait_until 60 test -e "$NET/disks/broker/held"
    check "what needs no sync is answered" wait_until 60 wp $ISLINGTON listening $CAMDEN
    check_not "accepted" has_level $ISLINGTON "$event" accepted
    pass broker 61
    check "the broker's own alarm" wait_until 60 broker_has_alarm storage
    pass $ISLINGTON 61 # it asks once a minute
    check "agents hear of it" wait_until 60 has_alarm $ISLINGTON broker_storage
    mend broker hold
    check "accepted" wait_until 60 has_level $ISLINGTON "$event" accepted
    check "a slow disk is named" wait_until 60 broker_has_alarm sync_slow
    all_is_there $ISLINGTON $CAMDEN
}

broker_has_alarm() {
    wp $OPERATOR alarms --broker --json | "$PICK" alarms name | grep -qx "$1"
}

no_alarm() {
    ! has_alarm "$@"
}

# An agent answers no where it cannot keep what it is given, lives on, and says so.
agent_refuses_by() {
    local status
    driven_network
    send $ISLINGTON "$TRANSFER" >/dev/null
    check "accepted before" wait_until 60 outbox_is_settled $ISLINGTON
    fault $ISLINGTON "$1"
    wp $ISLINGTON send move_updated --transfer "$TRANSFER" --fact permanence=permanent >"$NET/out" 2>&1
    status=$?
    check "is refused" equals "$status" 1
    check "with a sentence" contains "$(cat "$NET/out")" "the event could not be written: $2; nothing was kept"
    check "and an alarm" wait_until 60 has_alarm $ISLINGTON storage
    mend $ISLINGTON "$1"
    pass $ISLINGTON 60 # it comes back after half a minute
    check "takes the next" wait_until 60 send $ISLINGTON "$TRANSFER"
    check "the alarm goes by itself" wait_until 60 no_alarm $ISLINGTON storage
    check "two were taken" equals "$(outbox_ids $ISLINGTON | wc -l)" 2
    all_is_there $ISLINGTON $CAMDEN
}

agent__disk_full__refuses_with_a_sentence_and_takes_events_when_there_is_room() {
    agent_refuses_by full 'there is no room left'
}

agent__disk_read_only__refuses_with_a_sentence_and_takes_events_when_it_can_be_written() {
    agent_refuses_by read-only 'reading or writing failed'
}

agent__sync_failed_once__loses_and_doubles_nothing() {
    driven_network
    fault $ISLINGTON eio-once
    check "takes an event" wait_until 60 send $ISLINGTON "$TRANSFER"
    check "a sync failed" wait_until 60 log_has $ISLINGTON 'database failed while'
    pass $ISLINGTON 60
    check "takes another" wait_until 60 send $ISLINGTON "$TRANSFER"
    all_is_there $ISLINGTON $CAMDEN
}

run_tests
