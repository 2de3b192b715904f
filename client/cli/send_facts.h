/*
 * send_facts: the facts of one `waypost send`, sorted into clear and sealed by the catalogue, and asked for where they
 * are missing.
 */
#ifndef WAYPOST_CLI_SEND_FACTS_H
#define WAYPOST_CLI_SEND_FACTS_H

#include "client/cli/cli.h"
#include "common/codec/catalogue.h"

struct send_facts {
    json_t *clear;  /* object, name: text; owned */
    json_t *sealed; /* object, name: text; owned */
};

/*
 * Take --fact and --sealed. A name that is not known, that this kind does not carry, or a word that the fact cannot
 * have is answered with the nearest one. Returns CLI_DONE, or the exit code after it has been said why. Free with
 * send_facts_free() either way.
 */
int send_facts_take(struct cli *cli, const struct kind_info *kind, struct send_facts *out);
void send_facts_free(struct send_facts *self);

/*
 * On a terminal: ask for the required facts that are missing, with the words that each can have. Elsewhere nothing:
 * the agent names what is missing. Returns CLI_DONE, or CLI_NO where the person gave up.
 */
int send_facts_ask(struct cli *cli, const struct kind_info *kind, struct send_facts *facts);

#endif
