/*
 * blind: ids as a hub shows them: a keyed hash of the real one, so that what leaves the hub cannot be joined with what
 * leaves an authority, another hub, or the journal. The same key gives the same name for as long as the hub's database
 * lives, a rebuild included. Pure.
 *
 * 60 bits: among a million cases two share a name with a chance of 1 in two million.
 */
#ifndef WAYPOST_HUB_BLIND_H
#define WAYPOST_HUB_BLIND_H

#include <stddef.h>
#include <stdint.h>

enum {
    BLIND_KEY_BYTES = 32,
    BLIND_TEXT_BYTES = 15 /* "K7QF-2M9X-4TRA" with its terminator */
};

enum blind_what { BLIND_CASE, BLIND_EVENT, BLIND_CHILD };

/* id: 16 bytes. 0 .. 2^60 - 1. */
int64_t blind_number(const uint8_t *key, enum blind_what what, const uint8_t *id);
/* Three groups of Crockford's base 32 (no I, L, O, U). text of BLIND_TEXT_BYTES. */
void blind_text(int64_t number, char *text);
/* 0, or E_ID. Lower case, and O for 0, I and L for 1, are taken: people read it out over the telephone. */
int blind_parse(const char *text, int64_t *number);

#endif
