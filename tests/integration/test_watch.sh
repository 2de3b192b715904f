#!/bin/bash
# The full screen of `waypost watch`, in a real terminal (tmux): what stands on it is what is waited for.
. "$(dirname "$0")/../support/cluster.sh"

screen() {
    tmux -S "$NET/tmux" "$@"
}

shown() {
    screen capture-pane -p -t watch
}

# watch_screen ID COLUMNS LINES: the full screen in a terminal of that size.
watch_screen() {
    screen -f /dev/null new-session -d -s watch -x "$2" -y "$3" \
        "env TERM=screen-256color LC_ALL=C.UTF-8 WAYPOST_SOCKET=$NET/$1/agent.sock $WAYPOST watch; echo left with \$?; read -r _"
    screen set-option -g remain-on-exit off
}

end_screen() {
    screen kill-server 2>/dev/null
}

shows_on_screen() {
    shown | grep -qE -- "$1"
}

press() {
    screen send-keys -t watch "$@"
}

# The lines of the screen fit: no more than there are, none longer than the screen is wide.
screen_fits() {
    [[ $(shown | wc -l) == "$2" ]] && ! shown | grep -qE ".{$(($1 + 1))}"
}

watch__full_screen__follows_filters_and_drills_down() {
    start_network $ISLINGTON $CAMDEN $LEEDS $HUB
    watch_screen $HUB 80 24
    trap end_screen RETURN
    check "who is watched" wait_until 20 shows_on_screen 'hub london-hub +online'
    send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" >"$NET/sent"
    send $LEEDS "$(new_transfer $LEEDS $CAMDEN)" >"$NET/sent"
    check "an event, as a word and a sign" wait_until 20 shows_on_screen '> event +Leeds -> Camden: Move of a child'
    check "its deadline" wait_until 20 shows_on_screen 'o deadline +by [0-9-]+, [A-Za-z]+: C01 Transfer'
    check "fits" screen_fits 80 24
    press / i s l i n g Enter
    check "the filter is said" wait_until 20 shows_on_screen 'filter: isling'
    check "others are gone" wait_until 20 shows_on_screen '^Sun|^Mon|^Tue|^Wed|^Thu|^Fri|^Sat'
    check_not "Leeds is shown" shows_on_screen 'Leeds'
    press Home Enter
    check "one case" wait_until 20 shows_on_screen 'case [0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}  Islington -> Camden'
    press Escape
    check "back" wait_until 20 shows_on_screen '\[1 Traffic\]'
    press Escape 2
    check "deadlines, soonest first" wait_until 20 shows_on_screen '1/[0-9]+ *$'
    check "who must act" shows_on_screen 'Camden: C17'
    press '?'
    check "help" wait_until 20 shows_on_screen 'Signs \(colour only repeats them\)'
    press q
    check "leaves in order" wait_until 20 shows_on_screen 'left with 0'
}

watch__another_size__is_filled_and_never_overrun() {
    start_network $ISLINGTON $CAMDEN $HUB
    local transfer
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send_many $ISLINGTON "$transfer" 12 >"$NET/sent"
    check "all come" wait_until 20 hub_has_events "$transfer" 12
    watch_screen $HUB 160 50
    trap end_screen RETURN
    check "with the case in its row" wait_until 20 shows_on_screen 'event +Islington -> Camden: Move of a child notified +[0-9A-Z]{4}-'
    check "fits" screen_fits 160 50
    screen resize-window -t watch -x 60 -y 10
    check "fits again" wait_until 20 screen_fits 60 10
    check "follows the newest" wait_until 20 shows_on_screen 'following'
    press Home
    check "the first one" wait_until 20 shows_on_screen ' 1/[0-9]+ held'
    press End
    check "follows again" wait_until 20 shows_on_screen 'following'
    press q
    check "leaves in order" wait_until 20 shows_on_screen 'left with 0'
}

hub_has_events() {
    [[ $(wp $HUB hub case "$1" --json | "$PICK" events) == "$2" ]]
}

watch__hub_gone_and_back__goes_on_where_it_was() {
    start_network $ISLINGTON $CAMDEN $HUB
    watch_screen $HUB 80 24
    trap end_screen RETURN
    check "online" wait_until 20 shows_on_screen 'hub london-hub +online'
    check "stops" stop_process $HUB
    check "says so" wait_until 20 shows_on_screen 'connection lost|does not answer'
    send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" >"$NET/sent"
    check "starts again" start_agent $HUB
    check "goes on" wait_until 20 shows_on_screen '> event +Islington -> Camden'
    press q
    check "leaves in order" wait_until 20 shows_on_screen 'left with 0'
}

watch__plain__prints_lines_on_a_terminal_too() {
    start_network $ISLINGTON $CAMDEN $HUB
    screen -f /dev/null new-session -d -s watch -x 100 -y 24 \
        "env WAYPOST_SOCKET=$NET/$HUB/agent.sock $WAYPOST watch --plain; read -r _"
    trap end_screen RETURN
    check "begins" wait_until 20 shows_on_screen 'Ctrl-C ends it'
    send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" >"$NET/sent"
    check "a line" wait_until 20 shows_on_screen 'Islington -> Camden: Move of a child notified'
}

run_tests
