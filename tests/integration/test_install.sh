#!/bin/bash
# `make install` into an empty folder gives everything that is needed, and it runs from there.
. "$(dirname "$0")/../support/cluster.sh"

install__into_an_empty_folder__runs_from_there() {
    local root=$NET/root
    check "installs" ends_with_status 0 make --no-print-directory install BUILD="$BUILD" DESTDIR="$root" PREFIX=/usr/local
    local file
    for file in bin/waypost bin/waypost-agent bin/waypost-broker bin/waypost-hub include/waypost.h lib/libwaypost.a; do
        check "has $file" test -s "$root/usr/local/$file"
    done
    check "has the .pc file" test -n "$(find "$root" -name waypost.pc)"
    check "has manual pages" test "$(find "$root" -path '*man1*' -name 'waypost*' | wc -l)" -ge 3
    check "has samples" test -n "$(find "$root" -name broker.zpl)"
    check "has the authorities" test -n "$(find "$root" -name authorities.csv)"
    WAYPOST=$root/usr/local/bin/waypost WAYPOST_AGENT=$root/usr/local/bin/waypost-agent
    WAYPOST_BROKER=$root/usr/local/bin/waypost-broker
    start_network $ISLINGTON $CAMDEN
    local event
    event=$(send $ISLINGTON "$(new_transfer $ISLINGTON $CAMDEN)")
    check "delivers" wait_until 20 has_level $ISLINGTON "$event" persisted $CAMDEN
}

uninstall__after_an_install__leaves_no_file() {
    local root=$NET/root kept=$NET/root/opt/waypost/share/man/man1/other.1
    check "installs" ends_with_status 0 make --no-print-directory install BUILD="$BUILD" DESTDIR="$root" PREFIX=/opt/waypost
    check "units name the programs" test "$(grep -l '^ExecStart=/opt/waypost/bin/waypost' "$root"/opt/waypost/share/waypost/samples/*.service | wc -l)" -eq 3
    check_not "the usual place is left in one" grep -q /usr/local "$root"/opt/waypost/share/waypost/samples/*.service
    : >"$kept"
    check "uninstalls" ends_with_status 0 make --no-print-directory uninstall BUILD="$BUILD" DESTDIR="$root" PREFIX=/opt/waypost
    check "what is somebody else's alone is left" equals "$(find "$root" -type f)" "$kept"
}

library__installed__compiles_and_links_a_small_program() {
    local root=$NET/root
    check "installs" ends_with_status 0 make --no-print-directory install BUILD="$BUILD" DESTDIR="$root" PREFIX=/usr/local
    printf '%s\n' '#include <waypost.h>' 'int main(void) {' 'wp_agent_t *agent = wp_agent_new("/nobody");' \
        'wp_agent_destroy(&agent); return agent != 0; }' >"$NET/small.c"
    local flags=''
    # A library built with a sanitizer needs it linked.
    ! nm "$root/usr/local/lib/libwaypost.a" 2>/dev/null | grep -q __asan_ || flags=-fsanitize=address,undefined
    # shellcheck disable=SC2046,SC2086 # flags are meant to be split
    check "compiles" cc -o "$NET/small" "$NET/small.c" -I"$root/usr/local/include" $flags \
        -L"$root/usr/local/lib" -lwaypost $(PKG_CONFIG_PATH=$(dirname "$(find "$root" -name waypost.pc)") \
        PKG_CONFIG_SYSROOT_DIR=$root pkg-config --static --libs-only-l waypost)
    check "runs" "$NET/small"
}

run_tests
