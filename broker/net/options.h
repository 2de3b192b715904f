/*
 * options: what an operator may choose for a broker: the table, and the values in the form that the program uses.
 */
#ifndef WAYPOST_BROKER_NET_OPTIONS_H
#define WAYPOST_BROKER_NET_OPTIONS_H

#include "broker/core/core.h"
#include "broker/net/limits.h"
#include "common/http/http.h"
#include "common/base/settings.h"
#include "common/register/join.h"

extern const struct setting_table broker_table;

/* The sample's values for broker_table, for settings_put_sample(). */
extern const char *const broker_examples[];

/* Everything is lent from `settings`, which lives as long; core lends from join, so the struct is never copied. */
struct broker_options {
    settings_t *settings; /* owned */
    size_t listen_count;  /* 1..NET_ENDPOINTS_MAX */
    const char *listen[NET_ENDPOINTS_MAX];
    const char *data;       /* folder of the journal */
    const char *keys;       /* file of the broker's secret keys */
    const char *registry;   /* file of the signed register */
    const char *ready_file; /* "" for none */
    const char *procedures; /* folder of the procedures' data, NULL: switched off */
    bool has_metrics;
    struct http_address metrics; /* where /metrics and /healthz are served */
    struct join join;            /* network, roots, threshold */
    struct core_options core;
    uint64_t segment_bytes;
    uint32_t io_threads;
    uint32_t connections_max;
    uint32_t handshake_ms;
    bool allow_copy_on_write;
};

/*
 * Read a configuration file and check what a table of limits cannot say. Returns 0, or E_CONFIG, E_NOT_FOUND... with a
 * sentence in why. To be destroyed after success only.
 */
int broker_options_load(const char *path, struct broker_options *out, struct complaint *why);
void broker_options_destroy(struct broker_options *self);

#endif
