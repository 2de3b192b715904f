/*
 * main: the command `waypost`. Everything is in cli.c and the tables; see commands.h for what it can do.
 *
 * A closed pipe behind standard output ends the process quietly, as it does any filter.
 */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "client/cli/cli.h"
#include "common/base/bytes.h"
#include "common/crypto/hash.h"
#include "common/base/banned.h"

int main(int argc, char **argv)
{
    crypto_start();
    json_set_alloc_funcs(mem_bytes, free);
    return cli_main(argc, (const char *const *)argv, stdout, stderr);
}
