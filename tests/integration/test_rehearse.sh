#!/bin/bash
# waypost rehearse: what it prints, and how it ends; waypost procedures beside it.
. "$(dirname "$0")/../support/cluster.sh"

story() {
    cat >"$NET/story.scenario" <<'END'
scenario "A short story"
transfer T origin=E09000019 receiving=E09000007 subjects=ash:cp
at 2026-03-16T10:05
E09000019 sends move_notified T permanence=permanent retain_intention=transfer
END
    printf '%s\n' "$@" >>"$NET/story.scenario"
}

rehearsal__of_the_shipped_scenario__ends_with_its_sum() {
    check "passes" ends_with_status 0 "$WAYPOST" rehearse data/scenarios/*.scenario
    check "sum" grep -qxE '[0-9]+ passed, 0 failed' "$NET/out"
    check "nothing else" test "$(wc -l <"$NET/out")" -eq 1
}

expectation__that_fails__is_one_line_and_status_one() {
    story 'expect clock C01 T due=2026-04-07   # one day early'
    check "fails" ends_with_status 1 "$WAYPOST" rehearse "$NET/story.scenario"
    check "line" grep -qE '^[^ ]*story\.scenario:5: expected clock C01 T due=2026-04-07, got .*due=2026-04-08' "$NET/out"
    check "sum" test "$(tail -n 1 "$NET/out")" = "0 passed, 1 failed"
}

word__that_is_unknown__is_named_with_line_and_status_two() {
    story 'expect efective'
    check "refused" ends_with_status 2 "$WAYPOST" rehearse "$NET/story.scenario"
    check "where" grep -qE 'story\.scenario:5: .*"efective"; did you mean effective\?' "$NET/err"
    story 'at 2026-03-29T01:30'
    check "no such time" ends_with_status 2 "$WAYPOST" rehearse "$NET/story.scenario"
    check "where" grep -qE 'story\.scenario:5: ' "$NET/err"
    check "no such file" ends_with_status 2 "$WAYPOST" rehearse "$NET/nowhere.scenario"
}

files__several__are_summed_and_a_bad_one_does_not_hide_the_rest() {
    story 'expect effective'
    cp "$NET/story.scenario" "$NET/good.scenario"
    story 'expect efective'
    check "refused" ends_with_status 2 "$WAYPOST" rehearse "$NET/story.scenario" "$NET/good.scenario"
    check "sum" grep -qx '1 passed, 0 failed' "$NET/out"
}

story__told__is_a_timeline_or_json_lines() {
    story 'expect effective'
    check "timeline" ends_with_status 0 "$WAYPOST" rehearse --timeline "$NET/story.scenario"
    check "who and what" grep -qE '10:05 +Islington to Camden: Move of a child notified' "$NET/out"
    check "clock" grep -qE 'clock C01.*due 2026-04-08, Camden must act' "$NET/out"
    check "json" ends_with_status 0 "$WAYPOST" rehearse --json "$NET/story.scenario"
    check "every line" bash -c "! grep -qvE '^\\{\"type\":.*\\}$' '$NET/out'"
    check "summary" grep -qF '{"type":"summary","passed":1,"failed":0}' "$NET/out"
}

profile__in_two_versions__counts_by_the_day_and_both_are_shown() {
    local data="$NET/data"
    cp -r data "$data"
    sed -e 's/effective_from = .*/effective_from = 2027-04-01/' -e 's/version = 7$/version = 8/' \
        -e '0,/limit = 5wd/s//limit = 3wd/' data/profiles/london.zpl >"$data/profiles/london-2027.zpl"
    cat >"$NET/story.scenario" <<'END'
scenario "Two versions of London's profile"
transfer T origin=E08000035 receiving=E09000007 subjects=ash:cp
transfer U origin=E08000035 receiving=E09000007 subjects=elm:cp
at 2027-03-31T10:05
E08000035 sends documents_provided T declared_complete=no documents=assessment
expect clock C05 T due=2027-04-07
at 2027-04-01T10:05
E08000035 sends documents_provided U declared_complete=no documents=assessment
expect clock C05 U due=2027-04-06
expect clock C05 T due=2027-04-07
expect replay identical
END
    check "each event by the version of its day" env WAYPOST_DATA="$data" "$WAYPOST" rehearse "$NET/story.scenario"
    WAYPOST_DATA="$data" "$WAYPOST" rehearse --timeline "$NET/story.scenario" >"$NET/out"
    check "and the change is told" grep -qE '00:00 +profile london counts in version 8 from 2027-04-01' "$NET/out"
    WAYPOST_DATA="$data" "$WAYPOST" procedures profiles >"$NET/out"
    check "both are listed" test "$(grep -cE '^london +London boroughs +regional +[78] ' "$NET/out")" -eq 2
    WAYPOST_DATA="$data" "$WAYPOST" procedures explain london-2027 >"$NET/out"
    check "each is shown" grep -qF 'effective_from = 2027-04-01' "$NET/out"
    check "and names the other" grep -qE 'Version 7 of it, .* is in london.zpl' "$NET/out"
    sed -i 's/effective_from = .*/effective_from = 2023-02-01/' "$data/profiles/london-2027.zpl"
    check_not "two of one day" env WAYPOST_DATA="$data" "$WAYPOST" procedures profiles 2>"$NET/err"
    check "are refused by name" grep -qF 'give this one its own effective_from' "$NET/err"
}

hash__of_a_story__is_the_same_each_time() {
    story 'expect effective'
    "$WAYPOST" rehearse --hash "$NET/story.scenario" >"$NET/first"
    "$WAYPOST" rehearse --hash "$NET/story.scenario" >"$NET/second"
    check "there is one" grep -qE '^[0-9a-f]{64}  ' "$NET/first"
    check "the same" cmp "$NET/first" "$NET/second"
    story 'at 2026-03-17T10:05' 'E09000007 sends case_file_opened T markers_added=yes'
    "$WAYPOST" rehearse --hash "$NET/story.scenario" >"$NET/second"
    check "another story, another hash" bash -c "! cmp -s '$NET/first' '$NET/second'"
}

procedures__asked__explain_a_rule_with_its_source() {
    check "list" ends_with_status 0 "$WAYPOST" procedures
    check "a clock" grep -q '^C01 ' "$NET/out"
    check "a profile" grep -q '^london ' "$NET/out"
    check "explain" ends_with_status 0 "$WAYPOST" procedures explain R28
    check "source" grep -qF '[004]L3036' "$NET/out"
    check "json" ends_with_status 0 "$WAYPOST" procedures explain C01 --json
    check "a row" grep -qF '"unit": "wd"' "$NET/out"
    check "one row of a list" ends_with_status 2 "$WAYPOST" procedures rules R28
    check "how" grep -q "waypost procedures explain R28" "$NET/err"
    check "unknown" ends_with_status 2 "$WAYPOST" procedures explain R2O
    check "nearest" grep -qF R20 "$NET/err"
}

rehearse__too_much_for_the_cores__says_so_and_plays_with_fast() {
    {
        printf 'scenario "Many"\ntransfer T origin=E09000019 receiving=E09000007 subjects=ash:cp\nat 2026-03-16T09:00\n'
        yes 'E09000019 sends move_updated T move_date=2026-03-16 to=E09000019' | head -20001
        printf 'expect owner T/ash case=E09000019\n'
    } >"$NET/many.scenario"
    check "refused" ends_with_status 2 "$WAYPOST" rehearse "$NET/many.scenario"
    check "says what to do" grep -q 'more than 20,000 events; play it with --fast' "$NET/err"
    check "plays" ends_with_status 0 "$WAYPOST" rehearse --fast "$NET/many.scenario"
}

run_tests
