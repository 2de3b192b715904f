#!/bin/bash
# The register while everything runs: reloading, revoking, rotating keys, codes that were superseded. Promise 6.
. "$(dirname "$0")/../support/cluster.sh"

CUMBRIA=E10000006 # split into two on 1 April 2023

# opens_as ID EVENT WORDS: opening it gives these words.
opens_as() {
    wp "$1" open "$2" --role mash_manager --json | grep -qF "$3"
}

register__bad_file_at_hangup__leaves_the_old_in_force() {
    start_network $ISLINGTON $CAMDEN
    local event
    head -c 200 /dev/urandom >"$NET/register.signed"
    hang_up broker
    check "says so" wait_until 20 log_has broker 'register.*(refused|left in force|not taken|cannot)'
    event=$(send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)")
    check "goes on" wait_until 20 has_level $ISLINGTON "$event" persisted $CAMDEN
}

register__newer_at_hangup__comes_into_force_without_a_restart() {
    start_network $ISLINGTON $CAMDEN
    local pid
    pid=$(pid_of broker)
    make_register ""
    hang_up broker
    check "the agents fetch it" wait_until 30 status_is $ISLINGTON register_version 2
    check "and the other one" wait_until 30 status_is $CAMDEN register_version 2
    check "same process" equals "$(pid_of broker)" "$pid"
}

register__lower_version__is_refused() {
    start_network $ISLINGTON $CAMDEN
    cp "$NET/register.signed" "$NET/register.first"
    make_register ""
    hang_up broker
    check "second in force" wait_until 30 status_is $ISLINGTON register_version 2
    cp "$NET/register.first" "$NET/register.signed"
    hang_up broker
    check "says so" wait_until 20 log_has broker 'register.*(E_ROLLBACK|lower|older|not higher)'
    check "second still in force" status_is $ISLINGTON register_version 2
}

agent__revoked__is_cut_off_from_the_next_message_on() {
    start_network $ISLINGTON $CAMDEN
    local transfer first second
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    first=$(send $ISLINGTON "$transfer")
    check "works at first" wait_until 20 has_level $ISLINGTON "$first" persisted $CAMDEN
    make_register --revoke $ISLINGTON
    hang_up broker
    check "in force" wait_until 30 status_is $CAMDEN register_version 2
    second=$(send $ISLINGTON "$transfer")
    check "the agent raises an alarm" wait_until 30 has_alarm $ISLINGTON
    check_not "accepted" has_level $ISLINGTON "$second" accepted
    check "nothing came" equals "$(inbox_ids $CAMDEN)" "$first"
}

keys__rotated_as_documented__every_event_can_be_opened() {
    start_network $ISLINGTON $CAMDEN
    local transfer first second third
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    first=$(send $ISLINGTON "$transfer" --sealed "narrative=with the old key")
    check "old key" wait_until 60 has_level $ISLINGTON "$first" persisted $CAMDEN
    make_second_keys $CAMDEN
    use_second_keys $CAMDEN
    second=$(send $ISLINGTON "$transfer" --sealed "narrative=both at the agent")
    check "before the register has it" wait_until 60 has_level $ISLINGTON "$second" persisted $CAMDEN
    add_second_keys $CAMDEN
    hang_up broker
    check "in force" wait_until 90 status_is $ISLINGTON register_version 2
    third=$(send $ISLINGTON "$transfer" --sealed "narrative=both in the register")
    check "new key" wait_until 60 has_level $ISLINGTON "$third" persisted $CAMDEN
    drop_first_keys $CAMDEN
    hang_up broker
    check "in force" wait_until 90 status_is $ISLINGTON register_version 3
    check "the new key connects by itself" wait_until 90 is_online $CAMDEN
    check "opens the old one" opens_as $CAMDEN "$first" "with the old key"
    check "opens the second" opens_as $CAMDEN "$second" "both at the agent"
    check "opens the third" opens_as $CAMDEN "$third" "both in the register"
    third=$(send $ISLINGTON "$transfer" --sealed "narrative=the new one alone")
    check "new key alone" wait_until 60 has_level $ISLINGTON "$third" persisted $CAMDEN
    check "opens it" opens_as $CAMDEN "$third" "the new one alone"
}

keys__new_card_before_the_agent_has_it__events_can_still_be_opened() {
    start_network $ISLINGTON $CAMDEN
    local event
    make_second_keys $CAMDEN
    add_second_keys $CAMDEN
    hang_up broker
    check "in force" wait_until 30 status_is $ISLINGTON register_version 2
    event=$(send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" --sealed "narrative=sealed to both")
    check "persisted" wait_until 20 has_level $ISLINGTON "$event" persisted $CAMDEN
    check "opens with the old key" opens_as $CAMDEN "$event" "sealed to both"
}

stranger__not_in_the_register__gets_nothing_through() {
    start_network $ISLINGTON $CAMDEN
    make_keys $LEEDS
    configure_agent $LEEDS
    start_agent $LEEDS
    check "is told" wait_until 30 has_alarm $LEEDS
    check "not online" status_is_not $LEEDS state online
}

code__superseded_by_one__is_routed_to_it_and_says_so() {
    start_network $ISLINGTON $BARNSLEY_NEW
    local event
    event=$(send $ISLINGTON "$(new_transfer $ISLINGTON $BARNSLEY_OLD)")
    check "arrives at the successor" wait_until 20 holds_event $BARNSLEY_NEW "$event"
    check "the sender is told" wait_until 20 shows $ISLINGTON "$event" code_superseded
    check "and which code" shows $ISLINGTON "$event" $BARNSLEY_NEW
}

code__split_into_several__comes_back_with_the_choice() {
    start_network $ISLINGTON
    local event
    event=$(send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" --to $CUMBRIA)
    check "the sender is told" wait_until 20 shows $ISLINGTON "$event" returned_to_sender
    check "the first choice" shows $ISLINGTON "$event" E06000063
    check "the second choice" shows $ISLINGTON "$event" E06000064
    check "it was accepted before" has_level $ISLINGTON "$event" accepted
}

run_tests
