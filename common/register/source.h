/*
 * source: the registrar's text (ZPL) compiled into Register bytes, to be signed by the roots.
 *
 *     network = waypost-demo            1 to 32 of a-z, 0-9 and hyphen
 *     version = 1                       higher with each issue
 *     threshold = 1                     roots that must sign
 *     issued = 2026-03-16T10:05:00Z     optional; else the moment of compiling
 *     stale-after-days = 90             optional: agents alarm when the register is older
 *     root = root-1.card                repeats: a card of `waypost keygen`, or 64 hexadecimal digits
 *     authorities = authorities.csv     repeats: gss_code,name and optionally dfe_code,region,region_gss
 *     successions = successions.tsv     optional: code, name, successors, from and optionally dfe
 *     profiles = profiles               optional: a folder; members of its regional profiles get them
 *     profile                           optional: one authority's own
 *         E09000019 = london
 *     agent = E09000019                 repeats
 *         roles = authority             optional for an id that is a code; "authority operator"
 *         card = E09000019.card         repeats: three keys with the times below
 *             from = TIME               optional; else when the card was made
 *             to = TIME                 optional, as revoked and compromised-since
 *         key = HEX                     repeats: one key
 *             use = sign                curve, sign or seal
 *             from = TIME               and to, revoked, compromised-since
 *         regions = "E12000007"         hubs: region codes or *
 *         acts-for = "E10000027"        further codes
 *         revoked = TIME                optional: nothing the agent says counts from then on
 *     broker = tcp://broker.example:5670   repeats
 *         card = broker.card            or curve = HEX and head = HEX
 *     retention                         optional: days that payloads are kept, by kind
 *         move_notified = 365
 *
 * File names count from the folder of the source. Every fault is answered with file and line.
 */
#ifndef WAYPOST_REGISTER_SOURCE_H
#define WAYPOST_REGISTER_SOURCE_H

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/world.h"
#include "common/register/register.h"

/*
 * Compile.
 *   world            for the time of issue where the source names none
 *   before           the register now in force, for `previous` and the version; NULL for the first
 *   register_bytes   appended to: a Register, to be given to envelope_sign()
 * Returns 0, or what zpl, csv, keys and rules answer, with a sentence in why: E_CONFIG, E_NOT_FOUND, E_ROLLBACK (the
 * version is not higher than before's), E_NETWORK (before is another network's), E_RANGE ...
 */
int register_source_compile(const char *path, const struct world *world, const register_t *before,
    struct buf *register_bytes, struct complaint *why);

#endif
