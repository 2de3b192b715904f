/* limits: every number that bounds the hub, with unit and reason. The link's own stand in client/agent/limits.h. */
#ifndef WAYPOST_HUB_LIMITS_H
#define WAYPOST_HUB_LIMITS_H

#include <stdint.h>

enum {
    HUB_WATCHERS_MAX = 64, /* clients of `watch`, as many as an agent has */
    HUB_WATCH_PAGE = 64,   /* entries handed to one watcher at a time */
    HUB_FEED_ENTRIES =
        100000, /* newest entries kept for `watch --from`; older ones are in the tables */
    HUB_FEED_SLACK = 1000,  /* entries above that before some are dropped: one delete for many */
    HUB_LIST_DEFAULT = 100, /* rows of a list where no limit is given */
    HUB_LIST_MAX = 1000,    /* and at the most */
    HUB_CASE_EVENTS_MAX =
        2000, /* events of one case in an answer: a long episode has some hundred */
    HUB_CASE_RECORDS_MAX = 5000, /* records of the broker likewise */
    HUB_CASE_CHILDREN_MAX = 64,  /* children told apart in one case */
    HUB_PLACES_MAX = 1024,       /* authorities: England has 153, a register at most 1,000 */
    HUB_AGE_COUNT = 5,           /* ages by which waiting events are counted */
    HUB_SPAN_HOURS_MAX = 17520,  /* two years: longer waits for an acceptance count as this */
    HUB_WAIT_HOURS = 192,        /* eight days: ages above seven are not told apart further */
    HUB_WAIT_DAY = 24,           /* older waits are counted by so many hours ... */
    HUB_WAIT_DAYS_HOURS = 1440,  /* ... and after sixty days ... */
    HUB_WAIT_MONTH = 720,        /* ... by so many */
    HUB_ASK_MS = 1000,           /* one authority a second is asked after at the broker */
    HUB_ASK_AGAIN_MS = 60000,    /* and each at most once in so long */
    HUB_REGION_WATCH_MS = 5000,  /* states of authorities that are alarms are looked at so often */
    HUB_NEWS_MS = 1000, /* open pages are told at once after a rest, then so often at the most */
    HUB_NAME_BYTES_MAX = 80,      /* name of an authority as shown */
    HUB_MISSING_TEXT_BYTES = 240, /* sentence that says what is missing, with two numbers */
};

#define HUB_CACHE_KIB "65536" /* of the database in memory: the tables of the views fit */
#define HUB_MISSING_MAX INT64_C(1000000000000) /* of a page: no journal has so many records */
#define HUB_HOUR_MS INT64_C(3600000)
#define HUB_DAY_MS INT64_C(86400000)

#endif
