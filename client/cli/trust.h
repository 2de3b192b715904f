/*
 * trust: the keys that `waypost verify` is told to believe: a join file, a register, a head key. Public keys alone.
 */
#ifndef WAYPOST_CLI_TRUST_H
#define WAYPOST_CLI_TRUST_H

#include "client/cli/cli.h"
#include "common/register/join.h"
#include "common/register/register.h"

struct trust {
    bool has_join;
    struct join join;
    register_t *book;  /* owned; NULL where none was named */
    bool book_pinned;  /* its signatures were checked by the roots of the join file */
    bool has_head_key; /* --key */
    uint8_t head_key[32];
};

/* Read --join, --register, --key. Returns CLI_DONE, or it has been said why. */
int trust_load(struct cli *cli, struct trust *out);
void trust_free(struct trust *self);

/* The head key to hold a journal against; NULL where nothing names one. Lent. */
const uint8_t *trust_head_key(const struct trust *self);

/* Is this head key one that may sign? 1 yes, 0 no, -1 where nothing was named to judge it by. */
int trust_judge_head(const struct trust *self, const uint8_t *head_key);

/* Is this the valid signing key of that agent at that time? As above. */
int trust_judge_sender(
    const struct trust *self, const char *agent, const uint8_t *sign_key, int64_t at_ms);

/* The options of a command that takes them. */
#define TRUST_OPTIONS                                                                              \
    {.name = "register",                                                                           \
        .argument = "FILE",                                                                        \
        .type = CLI_FILE,                                                                          \
        .text = "a signed register whose keys are believed; with --join its signatures are "       \
                "checked first"},                                                                  \
        {.name = "join",                                                                           \
            .argument = "FILE",                                                                    \
            .type = CLI_FILE,                                                                      \
            .text = "the join file of the network: its roots and its broker's keys are believed"}, \
    {                                                                                              \
        .name = "key", .argument = "HEX", .type = CLI_TEXT,                                        \
        .text = "the broker's head key, 64 hexadecimal digits"                                     \
    }

#endif
