#!/bin/bash
# The hub's page: who gets in, what it is allowed to load, and that it can be used without a mouse and without seeing it.
# make check-web looks at it in a browser as well.
. "$(dirname "$0")/../support/cluster.sh"

# web METHOD PATH [HEADER...] [<BODY]: status line, headers, empty line, body; written to $NET/web too.
web() {
    local method=$1 path=$2 body='' header
    shift 2
    [[ $method == GET ]] || body=$(cat)
    exec {WEB}<>"/dev/tcp/127.0.0.1/$PORT" || return 1
    {
        printf '%s %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n' "$method" "$path" "$PORT"
        for header in "$@"; do
            printf '%s\r\n' "$header"
        done
        [[ $method == GET ]] || printf 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n' "${#body}"
        printf '\r\n%s' "$body"
    } >&"$WEB"
    timeout 10 cat <&"$WEB" | tr -d '\r' | tee "$NET/web"
    exec {WEB}>&-
}

start_page() {
    HUB_OPTIONS='page = "127.0.0.1:*"'
    start_network $ISLINGTON $CAMDEN $HUB
    LINK=$(wp $HUB hub link 2>/dev/null)
    PORT=${LINK#http://127.0.0.1:} PORT=${PORT%%/*}
    TOKEN=${LINK#*token=}
}

# log_in: SESSION is the cookie.
log_in() {
    SESSION=$(web POST /login <<<"token=$TOKEN" | sed -n 's/^Set-Cookie: \(waypost_hub=[0-9a-f]*\);.*/\1/p')
    [[ -n $SESSION ]]
}

status_of() {
    head -n 1 | cut -d' ' -f2
}

page__without_a_session__says_nothing() {
    start_page
    local path
    for path in / /pairs /deadlines /unopened /cases /live /case/0000-0000-0000; do
        check "$path leads to the login" equals 303 "$(web GET $path | status_of)"
        check_not "$path says anything" grep -qiE 'camden|<table' "$NET/web"
        check "$path with a made-up session too" equals 303 "$(web GET $path 'Cookie: waypost_hub=0123456789abcdef0123456789abcdef0123456789abcdef' | status_of)"
    done
    check "news are refused" equals 401 "$(web GET /news | status_of)"
    check "login with a wrong token" equals 403 "$(web POST /login <<<"token=${TOKEN//[0-9]/a}" | status_of)"
}

link__used_twice__works_once() {
    start_page
    check "asking does not use it up" equals 200 "$(web GET "/login?token=$TOKEN" | status_of)"
    check "logs in" log_in
    check "http only" grep -q '^Set-Cookie: .*HttpOnly' "$NET/web"
    check "same site" grep -q '^Set-Cookie: .*SameSite=Strict' "$NET/web"
    check "shows the overview" equals 200 "$(web GET / "Cookie: $SESSION" | status_of)"
    check "the second time it is refused" equals 403 "$(web POST /login <<<"token=$TOKEN" | status_of)"
    check "leaves" equals 303 "$(web POST /logout "Cookie: $SESSION" <<<'' | status_of)"
    check "is out" equals 303 "$(web GET / "Cookie: $SESSION" | status_of)"
}

form__from_another_site__is_refused() {
    start_page
    check "another origin" equals 403 "$(web POST /login 'Origin: http://elsewhere.example' <<<"token=$TOKEN" | status_of)"
    check "another host name" equals 421 "$(exec {WEB}<>"/dev/tcp/127.0.0.1/$PORT" && printf 'GET / HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n' >&"$WEB" && timeout 10 cat <&"$WEB" | status_of)"
    check "ours" log_in
}

# Every page: nothing from elsewhere, nothing inline, landmarks, one heading of the first level, headers of tables, labels.
page_is_sound() {
    local page=$NET/web
    check "$1 answers" equals 200 "$(status_of <"$page")"
    check "$1 policy" grep -q "^Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self';" "$page"
    check "$1 no frame" grep -q '^X-Frame-Options: DENY' "$page"
    check_not "$1 loads from elsewhere" grep -qE '(src|href)="(https?:)?//' "$page"
    check_not "$1 inline script or style" grep -qE '<style|style="|<script>| on[a-z]+="|javascript:' "$page"
    check "$1 language" grep -q '<html lang="en-GB">' "$page"
    check "$1 title" grep -qE '<title>[^<]+</title>' "$page"
    check "$1 one heading" equals 1 "$(grep -o '<h1' "$page" | wc -l)"
    check "$1 one main" equals 1 "$(grep -o '<main' "$page" | wc -l)"
    check_not "$1 a header without scope" grep -qE '<th( class="[^"]*")?>' "$page"
    check "$1 captions" equals "$(grep -o '<table' "$page" | wc -l)" "$(grep -o '<caption>' "$page" | wc -l)"
    check_not "$1 a time without its hour" grep -qE '<time [^>]*T[^>]*>[^<]*[^0-9<]</time>' "$page"
    local id
    for id in $(grep -oE '<(input|select) id="[a-z]+"' "$page" | sed 's/.*id="//; s/"//'); do
        check "$1 label of $id" grep -q "<label for=\"$id\">" "$page"
    done
}

overview__alarm_of_the_region__names_who_must_act() {
    ALARM_OPTIONS='alarm-unread = 1 s'
    start_page
    send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" >"$NET/sent"
    check "nobody opens it" wait_until 30 has_alarm $HUB region_unread
    check "logs in" log_in
    web GET / "Cookie: $SESSION" >"$NET/page"
    page_is_sound /
    check "the alarm" grep -q '<ul id="alarms">' "$NET/page"
    check "who must act" grep -q 'at Camden (E09000007); their duty desks must act' "$NET/page"
    check "taken on" wp $HUB own region_unread --by 'hub officer'
    check "is said" grep -q 'Taken on by hub officer' <(web GET / "Cookie: $SESSION")
}

page__every_one__is_sound_and_reachable_by_keyboard() {
    start_page
    local transfer case path
    transfer=$(new_transfer $ISLINGTON $CAMDEN)
    send $ISLINGTON "$transfer" >"$NET/sent"
    check "the hub has it" wait_until 20 hub_knows $HUB "$transfer"
    case=$(wp $HUB hub case "$transfer" --json | "$PICK" case)
    web GET /login >"$NET/page"
    page_is_sound login
    check "logs in" log_in
    for path in / /pairs '/pairs?measure=median_hours' /deadlines '/deadlines?state=missed' "/deadlines?authority=$CAMDEN" \
        /unopened /cases /live "/case/$case" "/case?case=$transfer"; do
        web GET "$path" "Cookie: $SESSION" >"$NET/page"
        page_is_sound "$path"
        check "$path a way past the navigation" grep -q 'class="skip" href="#main"' "$NET/page"
        check "$path a named navigation" grep -q '<nav aria-label=' "$NET/page"
        check "$path a live region" grep -q 'role="status" aria-live="polite"' "$NET/page"
        check_not "$path the transfer's own id" grep -qF "$transfer" "$NET/page"
    done
    check "the case is a link in the list" grep -q "href=\"/case/$case\"" <(web GET /cases "Cookie: $SESSION")
    check "an unknown case" equals 404 "$(web GET /case/0000-0000-0000 "Cookie: $SESSION" | status_of)"
    check "a case that cannot be" equals 404 "$(web GET '/case/<script>' "Cookie: $SESSION" | status_of)"
    check_not "is repeated as markup" grep -q '<script>' "$NET/web"
}

style__every_colour__has_contrast_enough() {
    start_page
    web GET /hub.css >"$NET/page"
    check "as a style sheet" grep -q '^Content-Type: text/css' "$NET/page"
    check "text against its ground" perl -ne '
        sub light { my $v = hex($_[0]) / 255; $v <= .03928 ? $v / 12.92 : (($v + .055) / 1.055) ** 2.4 }
        sub lum { my $c = $_[0]; $c = join "", map { "$_$_" } split //, $c if length $c == 3;
            my ($r, $g, $b) = $c =~ /(..)(..)(..)/; .2126 * light($r) + .7152 * light($g) + .0722 * light($b) }
        if (/:root \{ .*--ink/) { $schemes++; my %c; $c{$1} = lum($2) while /--(\w+): #([0-9a-f]+)/g;
            for my $text (qw(ink link bad warn good)) { for my $ground (qw(paper soft)) {
                my ($a, $b) = sort { $b <=> $a } $c{$text}, $c{$ground}; my $ratio = ($a + .05) / ($b + .05);
                if ($ratio < 4.5) { print "$text on $ground: $ratio\n"; $bad++ } } }
            my ($a, $b) = sort { $b <=> $a } $c{line}, $c{paper}; $bad++ if ($a + .05) / ($b + .05) < 3; }
        END { exit($bad || $schemes != 2) }' "$NET/page"
}

news__after_an_event__have_moved_on() {
    start_page
    check "logs in" log_in
    local before
    before=$(changes)
    send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" >"$NET/sent"
    check "more than before" wait_until 20 changes_are_not "$before"
    check "online" grep -q '"online":true' "$NET/web"
}

# next_data: DATA is the next thing that the stream behind EVENTS says; fails where it ends or says nothing for 20 s.
next_data() {
    local line
    while read -r -t 20 -u "$EVENTS" line; do
        DATA=${line%$'\r'}
        [[ $DATA != "data: "* ]] || return 0
    done
    return 1
}

news__listened_to__come_by_themselves_until_the_session_ends() {
    start_page
    check "nobody listens without a session" equals 401 "$(web GET /events | status_of)"
    check "logs in" log_in
    exec {EVENTS}<>"/dev/tcp/127.0.0.1/$PORT"
    printf 'GET /events HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\nCookie: %s\r\n\r\n' "$PORT" "$SESSION" >&"$EVENTS"
    check "what is known now, at once" next_data
    local before=$DATA
    send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)" >"$NET/sent"
    check "what came in" next_data
    check_not "is what was known" equals "$before" "$DATA"
    check "leaves" equals 303 "$(web POST /logout "Cookie: $SESSION" <<<'' | status_of)"
    check "and hears no more" timeout 10 cat <&"$EVENTS" >"$NET/rest"
    exec {EVENTS}>&-
}

changes() {
    web GET /news "Cookie: $SESSION" | sed -n 's/.*"changes":\([0-9]*\).*/\1/p'
}

changes_are_not() {
    [[ $(changes) != "$1" ]]
}

run_tests
