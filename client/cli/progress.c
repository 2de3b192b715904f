/*
 * progress: a bar on standard error. Nothing fails.
 */
#include "client/cli/progress.h"

#include "common/base/world.h"
#include "common/base/banned.h"

enum { FIRST_AFTER_MS = 1000, REDRAW_MS = 100, BAR_COLUMNS = 40 };

static int64_t mono_ms(void)
{
    return world_real()->mono_ms(world_real()->context);
}

void progress_begin(struct progress *self, struct cli *cli, const char *what)
{
    *self = (struct progress){.cli = cli, .what = what, .begun_mono_ms = mono_ms()};
}

void progress_show(struct progress *self, uint64_t done, uint64_t all)
{
    if (!self->cli->err_terminal || self->cli->json || all == 0) {
        return;
    }
    int64_t now_ms = mono_ms();
    if (now_ms - self->begun_mono_ms < FIRST_AFTER_MS || now_ms - self->drawn_mono_ms < REDRAW_MS) {
        return;
    }
    self->drawn_mono_ms = now_ms;
    double part = (double)done / (double)all;
    int full = (int)(part * BAR_COLUMNS);
    full = full > BAR_COLUMNS ? BAR_COLUMNS : full;
    static const char bar[] = "########################################";
    fprintf(self->cli->err, "\r%s [%.*s%*s] %3d %%", self->what, full, bar, BAR_COLUMNS - full, "",
        (int)(part * 100));
    fflush(self->cli->err);
}

void progress_end(struct progress *self)
{
    if (self->drawn_mono_ms > 0) {
        fprintf(self->cli->err, "\r%*s\r", BAR_COLUMNS + 30, "");
        fflush(self->cli->err);
    }
}
