/*
 * check: what must be so before a broker starts, for `waypost-broker -n` and for the start itself.
 */
#ifndef WAYPOST_BROKER_NET_CHECK_H
#define WAYPOST_BROKER_NET_CHECK_H

#include <stdbool.h>
#include <stdio.h>

#include "broker/net/options.h"
#include "common/crypto/keys.h"

/*
 * Look at everything that the configuration names and print a line each: "ok" or "bad", what, and what to do. Changes
 * nothing, opens no journal and no socket. True where nothing is bad.
 */
bool check_all(const struct broker_options *options, FILE *out);

/* The folder of the journal: there (made where `make` is set), ours, on a file system that overwrites. */
int check_data(const struct broker_options *options, bool make, struct complaint *why);

/* The secret keys; out is to be wiped with keys_wipe(). */
int check_keys(const struct broker_options *options, struct keys *out, struct complaint *why);

/* Does the register name a broker with these keys? E_KEY with what to do where it does not: agents would not find
 * it. */
int check_named(const register_t *book, const struct keys *keys, struct complaint *why);

#endif
