/* histogram: see histogram.h. From 100 µs, a sync of a good disk, to a week, an acknowledgement after a holiday. */
#include "common/base/histogram.h"

#include "common/base/check.h"

#include "common/base/banned.h"

static const uint64_t bounds_us[HISTOGRAM_CLASSES] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, /* up to 0.1 s */
    250000, 500000, 1000000, 2500000, 5000000, 10000000,          /* up to 10 s */
    60000000, 3600000000, 604800000000, UINT64_MAX,               /* a minute, an hour, a week */
};

uint64_t histogram_bound_us(size_t index)
{
    assert(index < HISTOGRAM_CLASSES);
    return bounds_us[index];
}

void histogram_add(struct histogram *self, uint64_t us)
{
    size_t class = 0;

    while (us > bounds_us[class]) {
        class ++;
    }
    self->count[class]++;
    self->sum_us += us;
}

uint64_t histogram_over(const struct histogram *self, uint64_t us)
{
    uint64_t total = 0;

    for (size_t i = 1; i < HISTOGRAM_CLASSES; i++) {
        total += bounds_us[i - 1] >= us ? self->count[i] : 0;
    }
    return total;
}

uint64_t histogram_total(const struct histogram *self)
{
    uint64_t total = 0;

    for (size_t i = 0; i < HISTOGRAM_CLASSES; i++) {
        total += self->count[i];
    }
    return total;
}
