/*
 * stock: what every seed needs and none changes, made once a process: keys, procedure tables, an
 * empty database an agent. Made the same way each time, so that a seed alone repeats itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/net/procedure_files.h"
#include "common/base/check.h"
#include "tests/sim/sim.h"
#include "tests/support/disk_vfs.h"

#include "common/base/banned.h"

static struct {
    struct keys keys[SIM_AGENTS];
    struct buf databases[SIM_AGENTS];
    struct buf tables;
} stock;

static void sim_name(size_t agent, char *id, size_t bytes)
{
    if (agent == SIM_HUB) {
        (void)snprintf(id, bytes, "hub-1");
    } else if (agent == SIM_OPERATOR) {
        (void)snprintf(id, bytes, "operator-1");
    } else {
        (void)snprintf(id, bytes, "E0600%04zu", agent + 1);
    }
}

/* As a database is after it was opened for the first time and closed in order. */
static void make_database(size_t agent)
{
    struct sim_disk disk;
    struct complaint why = {0};
    store_t *store = NULL;
    uint64_t size = 0;
    size_t got = 0;
    int file = -1;

    sim_disk_open(&disk);
    disk_vfs_mount("stock", &disk.table);
    int rc = store_open("stock.db", "sim", stock.keys[agent].id, &store, &why);
    assert(rc == 0);
    store_close(&store);
    rc = disk.table.open(disk.table.context, "stock.db", false, &file);
    assert(rc == 0);
    (void)disk.table.size(disk.table.context, file, &size);
    buf_reserve(&stock.databases[agent], size);
    (void)disk.table.read_at(disk.table.context, file, stock.databases[agent].data, size, 0, &got);
    stock.databases[agent].len = got;
    disk.table.close(disk.table.context, file);
    disk_vfs_mount("stock", NULL);
    sim_disk_close(&disk);
}

void sim_prepare(void)
{
    struct virtual_clock clock = {.wall_ms = 1};
    struct virtual_world world;
    struct complaint why = {0};

    virtual_world_init(&world, &clock, 1);
    disk_vfs_register();
    disk_vfs_seed(1);
    for (size_t i = 0; i < SIM_AGENTS; i++) {
        char id[16];
        sim_name(i, id, sizeof id);
        keys_make(&world.world, id, &stock.keys[i]);
        make_database(i);
    }
    int rc = procedure_files_read("data", &stock.tables, &why);
    if (rc != 0) {
        (void)fprintf(stderr, "%s\n", why.text);
    }
    assert(rc == 0);
}

void sim_forget(void)
{
    for (size_t i = 0; i < SIM_AGENTS; i++) {
        buf_free(&stock.databases[i]);
    }
    buf_free(&stock.tables);
}

const struct keys *sim_keys(size_t agent)
{
    return &stock.keys[agent];
}

struct slice sim_tables(void)
{
    return buf_slice(&stock.tables);
}

const struct buf *sim_empty_database(size_t agent)
{
    return &stock.databases[agent];
}
