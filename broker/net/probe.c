/* probe: see probe.h. Failures are returned; whoever asked logs them. */
#include "broker/net/probe.h"

#include <string.h>

#include "common/base/err.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

enum { STATEMENT_BYTES = 32, FILE_BYTES = 512 };

/* "WPPROBE1", wall time (8), random (16), signature (64), zeros: 512 bytes, one sector. */
static void probe_make(const struct probe *self, int64_t now_ms, uint8_t *out)
{
    memset(out, 0, FILE_BYTES);
    memcpy(out, "WPPROBE1", 8);
    put_u64(out + 8, (uint64_t)now_ms);
    self->world->random(self->world->context, out + 16, 16);
    sign_make(SIGN_CONTEXT_PROBE, slice_of(out, STATEMENT_BYTES), self->keys->sign_secret,
        out + STATEMENT_BYTES);
}

static int probe_compare(const struct probe *self, int file, const uint8_t *wanted)
{
    uint8_t found[FILE_BYTES];
    size_t got = 0;
    int rc = self->disk->read_at(self->disk->context, file, found, sizeof found, 0, &got);

    if (rc != 0) {
        return rc;
    }
    if (got != sizeof found || memcmp(found, wanted, sizeof found) != 0) {
        return E_CORRUPT;
    }
    return sign_check(SIGN_CONTEXT_PROBE, slice_of(found, STATEMENT_BYTES),
               slice_of(found + STATEMENT_BYTES, SIGNATURE_BYTES), self->keys->sign_public) == 0
        ? 0
        : E_CORRUPT;
}

int probe_run(const struct probe *self, int64_t now_ms)
{
    const struct disk *disk = self->disk;
    uint8_t bytes[FILE_BYTES];
    int file = -1;
    int rc = disk->open(disk->context, PROBE_FILE, true, &file);

    if (rc != 0) {
        return rc;
    }
    probe_make(self, now_ms, bytes);
    rc = disk->write_at(disk->context, file, slice_of(bytes, sizeof bytes), 0);
    rc = rc != 0 ? rc : disk->sync_data(disk->context, file);
    rc = rc != 0 ? rc : probe_compare(self, file, bytes);
    disk->close(disk->context, file);
    return rc;
}
