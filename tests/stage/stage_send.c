/* stage_send: an event that its agent sends again, as it does when a receipt was lost. Failures: stage.h. */
#include <stdio.h>

#include <sqlite3.h>

#include "tests/stage/children.h"
#include "tests/stage/stage.h"

#include "common/base/banned.h"

/*
 * The receipt is lost with the agent: its database as it was between the broker's commit and the receipt's arrival. Its
 * next start sends the batch again.
 */
static void lose_receipt(struct stage *self, struct stage_agent *agent, void *context)
{
    static const char *const statements[] = {
        "UPDATE batches SET leaf_index = NULL, accepted_ms = NULL, receipt = NULL WHERE id ="
        " (SELECT batch FROM outbox WHERE event = ?1)",
        "UPDATE outbox SET state = 1, accepted_ms = 0 WHERE batch ="
        " (SELECT batch FROM outbox WHERE event = ?1)",
    };
    const struct party_event *event = context;
    char path[STAGE_PATH_BYTES];
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    bool good = true;

    (void)snprintf(path, sizeof path, "%s/%s/data/agent.db", self->net, agent->id);
    good = sqlite3_open(path, &database) == SQLITE_OK;
    for (size_t i = 0; good && i < sizeof statements / sizeof statements[0]; i++) {
        good = sqlite3_prepare_v2(database, statements[i], -1, &statement, NULL) == SQLITE_OK &&
            sqlite3_bind_blob(statement, 1, event->bytes, UUID_BYTES, SQLITE_STATIC) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_DONE && sqlite3_changes(database) > 0;
        (void)sqlite3_finalize(statement);
    }
    if (!good) {
        stage_die("%s: %s", path, sqlite3_errmsg(database));
    }
    (void)sqlite3_close(database);
}

void stage_send_again(struct stage *self, uint32_t index)
{
    struct stage_agent *agent = stage_agent_of(self, self->scenario->events[index].from);

    stage_restart(self, agent, lose_receipt, &self->parties.events[index]);
}
