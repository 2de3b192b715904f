/*
 * store_schema: the tables of the agent's database. A new version adds statements that lead there
 * from the one before; an unknown newer one is refused by store_open().
 *
 * Ids and hashes are blobs, times milliseconds since the epoch, unsigned 64-bit numbers are stored
 * as the signed number with the same bits (an incarnation is random).
 */
#include "client/agent/store_schema.h"

#include <stddef.h>

#include "common/base/banned.h"

static const char *const version_1[] = {
    "CREATE TABLE owner (one INTEGER PRIMARY KEY CHECK (one = 1), network TEXT NOT NULL, agent "
    "TEXT NOT NULL) STRICT",
    "CREATE TABLE identity (one INTEGER PRIMARY KEY CHECK (one = 1), incarnation INTEGER NOT NULL,"
    " next_sequence INTEGER NOT NULL, sent_sequence INTEGER NOT NULL, last_event BLOB NOT NULL,"
    " ack_counter INTEGER NOT NULL, stream_epoch INTEGER NOT NULL, stream_upto INTEGER NOT NULL,"
    " stream_acked INTEGER NOT NULL, running BLOB NOT NULL, from_start INTEGER NOT NULL,"
    " own_fetched INTEGER NOT NULL, restore INTEGER NOT NULL) STRICT",
    "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, epoch "
    "INTEGER NOT NULL,"
    " journal BLOB NOT NULL, root BLOB NOT NULL, time_ms INTEGER NOT NULL, statement BLOB NOT NULL,"
    " signature BLOB NOT NULL) STRICT",
    "CREATE TABLE register (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL,"
    " bytes BLOB NOT NULL) STRICT",
    "CREATE TABLE alarms (name TEXT PRIMARY KEY, text TEXT NOT NULL, since_ms INTEGER NOT NULL,"
    " owner TEXT, told_ms INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0)"
    " STRICT, WITHOUT ROWID",
    "CREATE TABLE owned (id INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL, since_ms"
    " INTEGER NOT NULL, owner TEXT NOT NULL, owned_ms INTEGER NOT NULL) STRICT",

    "CREATE TABLE transfers (transfer BLOB PRIMARY KEY, label TEXT UNIQUE, origin TEXT NOT NULL,"
    " receiving TEXT NOT NULL, created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE subjects (transfer BLOB NOT NULL REFERENCES transfers, ref BLOB NOT NULL,"
    " case_type INTEGER NOT NULL, name TEXT, position INTEGER NOT NULL, PRIMARY KEY (transfer, "
    "ref))"
    " STRICT, WITHOUT ROWID",
    "CREATE INDEX subjects_by_name ON subjects (name) WHERE name IS NOT NULL",

    "CREATE TABLE batches (id INTEGER PRIMARY KEY, incarnation INTEGER NOT NULL, first INTEGER NOT "
    "NULL,"
    " count INTEGER NOT NULL, statement BLOB NOT NULL, signature BLOB NOT NULL, leaf_index INTEGER,"
    " accepted_ms INTEGER, receipt BLOB, UNIQUE (incarnation, first)) STRICT",
    "CREATE TABLE outbox (position INTEGER PRIMARY KEY, event BLOB NOT NULL UNIQUE, transfer BLOB "
    "NOT NULL,"
    " kind INTEGER NOT NULL, state INTEGER NOT NULL, incarnation INTEGER NOT NULL, sequence "
    "INTEGER NOT NULL,"
    " batch INTEGER REFERENCES batches, created_ms INTEGER NOT NULL, sent_ms INTEGER NOT NULL,"
    " accepted_ms INTEGER NOT NULL, error_code INTEGER NOT NULL, error TEXT, draft TEXT, plain "
    "BLOB, bytes BLOB,"
    " ciphertext BLOB, wraps BLOB) STRICT",
    "CREATE INDEX outbox_by_state ON outbox (state, position)",
    "CREATE UNIQUE INDEX outbox_by_sequence ON outbox (incarnation, sequence) WHERE sequence > 0",
    "CREATE INDEX outbox_by_transfer ON outbox (transfer, position)",
    "CREATE INDEX outbox_by_batch ON outbox (batch) WHERE batch IS NOT NULL",
    "CREATE TABLE recipients (event BLOB NOT NULL, position INTEGER NOT NULL, code TEXT NOT NULL,"
    " n INTEGER NOT NULL, reached INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (event, position))"
    " STRICT, WITHOUT ROWID",
    "CREATE INDEX recipients_unpersisted ON recipients (event) WHERE reached = 0",
    "CREATE INDEX recipients_unread ON recipients (event) WHERE reached = 1",
    "CREATE TABLE counters (code TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE renamed (old BLOB PRIMARY KEY, new BLOB NOT NULL) STRICT, WITHOUT ROWID",

    "CREATE TABLE acks (id INTEGER PRIMARY KEY, agent TEXT NOT NULL, statement BLOB NOT NULL,"
    " signature BLOB NOT NULL, leaf_index INTEGER NOT NULL, at_ms INTEGER NOT NULL) STRICT",
    "CREATE TABLE levels (event BLOB NOT NULL, code TEXT NOT NULL, level INTEGER NOT NULL, agent "
    "TEXT NOT NULL,"
    " role INTEGER NOT NULL, team TEXT NOT NULL, at_ms INTEGER NOT NULL, code_err INTEGER NOT NULL,"
    " ack INTEGER NOT NULL REFERENCES acks, PRIMARY KEY (event, code, level, agent, role, team))"
    " STRICT, WITHOUT ROWID",
    "CREATE INDEX levels_by_ack ON levels (ack)",

    "CREATE TABLE evidence (id INTEGER PRIMARY KEY, leaf_index INTEGER NOT NULL UNIQUE,"
    " accepted_ms INTEGER NOT NULL, statement BLOB NOT NULL, signature BLOB NOT NULL) STRICT",
    "CREATE TABLE inbox (position INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, number INTEGER NOT "
    "NULL,"
    " event BLOB NOT NULL UNIQUE, transfer BLOB NOT NULL, kind INTEGER NOT NULL, sender TEXT NOT "
    "NULL,"
    " signer TEXT NOT NULL, verdict INTEGER NOT NULL, payload_absent INTEGER NOT NULL, sent_ms "
    "INTEGER NOT NULL,"
    " accepted_ms INTEGER NOT NULL, persisted_ms INTEGER NOT NULL, opened_ms INTEGER NOT NULL,"
    " fault INTEGER NOT NULL, receiver INTEGER NOT NULL, attempts INTEGER NOT NULL, next_ms "
    "INTEGER NOT NULL,"
    " evidence INTEGER NOT NULL REFERENCES evidence, leaf INTEGER NOT NULL, path BLOB NOT NULL,"
    " bytes BLOB NOT NULL, ciphertext BLOB, wrap BLOB) STRICT",
    "CREATE INDEX inbox_by_transfer ON inbox (transfer, position)",
    "CREATE INDEX inbox_unopened ON inbox (position) WHERE opened_ms = 0",
    "CREATE INDEX inbox_for_receiver ON inbox (transfer, position) WHERE receiver IN (1, 3)",
    "CREATE TABLE openings (id INTEGER PRIMARY KEY, event BLOB NOT NULL, role INTEGER NOT NULL, "
    "team TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL, counter INTEGER NOT NULL, acked INTEGER NOT NULL, UNIQUE (event, "
    "role, team)) STRICT",
    "CREATE INDEX openings_unsaid ON openings (id) WHERE acked = 0",
    "CREATE TABLE notices (id INTEGER PRIMARY KEY, leaf_index INTEGER NOT NULL, recorded_ms "
    "INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL, kind INTEGER NOT NULL, event BLOB, code TEXT NOT NULL, successors "
    "TEXT NOT NULL,"
    " doer TEXT NOT NULL, code_err INTEGER NOT NULL, transfer BLOB, subject BLOB, clock TEXT NOT "
    "NULL,"
    " rule TEXT NOT NULL, detail TEXT NOT NULL) STRICT",
    "CREATE INDEX notices_by_event ON notices (event) WHERE event IS NOT NULL",
    "CREATE TABLE beliefs (transfer BLOB NOT NULL, subject BLOB NOT NULL, clock TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL, disproved_ms INTEGER NOT NULL, PRIMARY KEY (transfer, subject, "
    "clock, at_ms))"
    " STRICT, WITHOUT ROWID",
    "CREATE TABLE entries (position INTEGER PRIMARY KEY AUTOINCREMENT, epoch INTEGER NOT NULL, "
    "number INTEGER NOT NULL,"
    " type INTEGER NOT NULL, event BLOB, ref INTEGER NOT NULL, persisted_ms INTEGER NOT NULL,"
    " fault INTEGER NOT NULL, running BLOB NOT NULL, UNIQUE (epoch, number)) STRICT",
    "CREATE TABLE faults (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, number INTEGER NOT NULL,"
    " code INTEGER NOT NULL, text TEXT NOT NULL, at_ms INTEGER NOT NULL, event BLOB, statement "
    "BLOB,"
    " signature BLOB) STRICT",
    "CREATE TABLE senders (agent TEXT NOT NULL, incarnation INTEGER NOT NULL, code TEXT NOT NULL,"
    " contiguous INTEGER NOT NULL, gap_since_ms INTEGER NOT NULL, PRIMARY KEY (agent, incarnation, "
    "code))"
    " STRICT, WITHOUT ROWID",
    "CREATE TABLE ahead (agent TEXT NOT NULL, incarnation INTEGER NOT NULL, code TEXT NOT NULL,"
    " n INTEGER NOT NULL, PRIMARY KEY (agent, incarnation, code, n)) STRICT, WITHOUT ROWID",

    "CREATE TABLE erasures (event BLOB PRIMARY KEY, state INTEGER NOT NULL, reason INTEGER NOT "
    "NULL,"
    " asked_ms INTEGER NOT NULL, doer TEXT NOT NULL, error_code INTEGER NOT NULL, leaf_index "
    "INTEGER NOT NULL,"
    " statement BLOB, signature BLOB) STRICT, WITHOUT ROWID",
    "CREATE INDEX erasures_wanted ON erasures (asked_ms) WHERE state = 0",
    "CREATE TABLE holders (event BLOB NOT NULL, agent TEXT NOT NULL, done_ms INTEGER NOT NULL,"
    " leaf_index INTEGER NOT NULL, statement BLOB, signature BLOB, PRIMARY KEY (event, agent))"
    " STRICT, WITHOUT ROWID",
    "CREATE INDEX holders_open ON holders (event) WHERE done_ms = 0",
    "CREATE TABLE destroyed (event BLOB PRIMARY KEY, at_ms INTEGER NOT NULL, said INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID",
    "CREATE INDEX destroyed_unsaid ON destroyed (at_ms) WHERE said = 0",
    "CREATE INDEX outbox_kept ON outbox (kind, accepted_ms) WHERE ciphertext IS NOT NULL",
    "CREATE INDEX inbox_erased ON inbox (persisted_ms) WHERE payload_absent = 2",
    "CREATE TABLE heads (size INTEGER NOT NULL, epoch INTEGER NOT NULL, journal BLOB NOT NULL,"
    " root BLOB NOT NULL, time_ms INTEGER NOT NULL, statement BLOB NOT NULL, signature BLOB NOT "
    "NULL,"
    " PRIMARY KEY (epoch, size)) STRICT, WITHOUT ROWID",
    "CREATE TABLE compared (agent TEXT PRIMARY KEY, state INTEGER NOT NULL, size INTEGER NOT NULL,"
    " root BLOB NOT NULL, said_ms INTEGER NOT NULL, same_size INTEGER NOT NULL, compared_ms "
    "INTEGER NOT NULL,"
    " own_size INTEGER NOT NULL, statement BLOB NOT NULL, signature BLOB NOT NULL, is_ack INTEGER "
    "NOT NULL)"
    " STRICT, WITHOUT ROWID",
    "CREATE INDEX compared_open ON compared (said_ms) WHERE state = 0",
    "CREATE TABLE forks (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, what TEXT NOT NULL, ours "
    "BLOB NOT NULL,"
    " ours_signature BLOB NOT NULL, theirs BLOB NOT NULL, theirs_signature BLOB NOT NULL) STRICT",
    "CREATE TABLE registers (version INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT",
    "CREATE TABLE records (leaf_index INTEGER PRIMARY KEY, recorded_ms INTEGER NOT NULL, body BLOB "
    "NOT "
    "NULL) STRICT",
    "CREATE INDEX notices_by_transfer ON notices (transfer, id) WHERE transfer IS NOT NULL",
    "CREATE TABLE lost_receipts (leaf_index INTEGER NOT NULL, accepted_ms INTEGER NOT NULL, "
    "statement "
    "BLOB NOT NULL,"
    " signature BLOB NOT NULL, receipt BLOB NOT NULL) STRICT",
    "CREATE TABLE epochs (epoch INTEGER PRIMARY KEY, base INTEGER NOT NULL, lost_to INTEGER NOT "
    "NULL,"
    " at_ms INTEGER NOT NULL) STRICT",
    NULL,
};

/* Where in the journal our own acknowledgements stand. */
static const char *const version_2[] = {
    "CREATE TABLE own_acks (counter INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, upto INTEGER NOT "
    "NULL,"
    " leaf_index INTEGER NOT NULL) STRICT",
    "CREATE INDEX own_acks_by_number ON own_acks (epoch, upto)",
    NULL,
};

/* Which transfers bear on one (80: KIN_LINK_KIND). */
static const char *const version_3[] = {
    "CREATE INDEX subjects_by_ref ON subjects (ref)",
    "CREATE INDEX outbox_links ON outbox (event) WHERE kind = 80",
    "CREATE INDEX inbox_links ON inbox (event) WHERE kind = 80",
    NULL,
};

const char *const *const store_schema[STORE_SCHEMA_VERSION] = {version_1, version_2, version_3};
