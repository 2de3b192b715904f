# Sourced by tests/bench/peers/run: a disk that is as it was before the run began. Nobody's syncs wait for another's bytes, nor
# while the disk gives back what another has removed. Needs LOAD (tests/bench/peers/load) and HOME_DIR, a folder on that disk.
SETTLE_SECONDS=${SETTLE_SECONDS:-60} # at most, before each work

sync_us() { "$LOAD" sync "$HOME_DIR"; }

settle_begin() { # remembers what a small sync takes now, IDLE_SYNC_US
    sync
    IDLE_SYNC_US=$(sync_us)
}

# settle WHAT: returns when a small sync is back to that. A disk that does not come back is said, and WHAT is measured anyway.
settle() {
    local until=$((SECONDS + SETTLE_SECONDS)) now
    sync
    while now=$(sync_us) && [ "$now" -gt $((IDLE_SYNC_US * 3 / 2)) ]; do
        if [ "$SECONDS" -ge "$until" ]; then
            echo "bench-peers: before $1 a sync takes $now us, and took $IDLE_SYNC_US us when the run began; the figures of $1 are the disk's too" >&2
            return
        fi
        sleep 0.2
    done
}
