/*
 * process: what every program says of its own process, under the names that all exporters use. What cannot be read is
 * left out.
 */
#include "common/metrics/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/base/banned.h"

enum { BUILD, START, PROCESSOR, MEMORY, DESCRIPTORS, DESCRIPTORS_MAX, ROWS };

static const struct metric rows[ROWS] = {
    [BUILD] = {"build", METRIC_GAUGE, "", "version", "1, with the version. Nothing to do."},
    [START] = {"process_start_time_seconds", METRIC_GAUGE, "seconds", NULL,
        "When the process started, since 1970. Changing: it restarted; read the log."},
    [PROCESSOR] = {"process_cpu_seconds", METRIC_COUNTER, "seconds", NULL,
        "Processor time used. Nothing to do."},
    [MEMORY] = {"process_resident_memory_bytes", METRIC_GAUGE, "bytes", NULL,
        "Memory in use. Rising for days: report it."},
    [DESCRIPTORS] = {"process_open_fds", METRIC_GAUGE, "", NULL,
        "Open descriptors. Near the next: raise LimitNOFILE."},
    [DESCRIPTORS_MAX] = {"process_max_fds", METRIC_GAUGE, "", NULL,
        "Descriptors that may be open. Nothing to do."},
};

size_t metrics_process_rows(const struct metric **out)
{
    *out = rows;
    return ROWS;
}

/* A number of a file in /proc: so many blanks behind the last `after`, or behind the start where that is 0. 0: none. */
static unsigned long long proc_number(const char *path, char after, unsigned blanks)
{
    char text[1024];
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return 0;
    }
    size_t len = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    const char *at = after == '\0' ? text : strrchr(text, after);
    for (; at != NULL && blanks > 0; blanks--) {
        at = strchr(at + 1, ' ');
    }
    return at == NULL ? 0 : strtoull(at, NULL, 10);
}

/* Wall time of the start: the present less what has passed since, by field 22 of /proc/self/stat. */
static double started_at(void)
{
    static double known; /* the same for ever */
    struct timespec wall;
    struct timespec boot;

    if (known != 0) {
        return known;
    }
    /* the name in brackets, field 2, may hold anything */
    unsigned long long ticks = proc_number("/proc/self/stat", ')', 20);
    if (ticks == 0) {
        return 0;
    }
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)clock_gettime(CLOCK_BOOTTIME, &boot);
    double since_boot = (double)ticks / (double)sysconf(_SC_CLK_TCK);
    known = (double)wall.tv_sec - (double)boot.tv_sec + since_boot;
    return known;
}

static double resident_bytes(void)
{
    return (double)proc_number("/proc/self/statm", '\0', 1) * (double)sysconf(_SC_PAGESIZE);
}

static double open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    double count = -3; /* itself, and the two dots */

    if (dir == NULL) {
        return 0;
    }
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count;
}

static double processor_seconds(void)
{
    struct rusage used;

    if (getrusage(RUSAGE_SELF, &used) != 0) {
        return 0;
    }
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
        (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

void metrics_process(struct metrics_page *self)
{
    struct rlimit limit = {0};

    metrics_head(self, &rows[BUILD]);
    metrics_labelled(self, &rows[BUILD], WAYPOST_VERSION, 1);
    metrics_number(self, &rows[START], started_at());
    metrics_head(self, &rows[PROCESSOR]);
    metrics_labelled(self, &rows[PROCESSOR], NULL, processor_seconds());
    metrics_number(self, &rows[MEMORY], resident_bytes());
    metrics_number(self, &rows[DESCRIPTORS], open_descriptors());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        metrics_number(self, &rows[DESCRIPTORS_MAX], (double)limit.rlim_cur);
    }
}
