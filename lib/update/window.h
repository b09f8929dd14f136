#pragma once
/*
 * A maintenance window: on some days of the week, between two times of the device's own day. Pure:
 * the zone is a function that says how far local time is ahead of UTC at a moment.
 *
 * Days on which the clock is changed: a window that is lost because the clock jumped over it comes
 * that much later; one that would come twice comes once, the first time; none lasts longer than it
 * says.
 */
#include "lib/base/base.h"

enum { WINDOW_DAY_MINUTES = 1440 };

struct window {
    bool set;
    uint8_t days;       /* bit 0 is Monday */
    uint16_t start_min; /* of the local day, below WINDOW_DAY_MINUTES */
    uint16_t end_min;   /* likewise; not after the start: on the next day */
};

/* Seconds by which local time is ahead of UTC at that moment. */
typedef int32_t window_zone_fn(int64_t utc_s, void *arg);
/* For a device without a zone. */
int32_t window_zone_utc(int64_t utc_s, void *arg);

/* When it is open (from `now_ms` on) next: `now_ms` itself while it is open, INT64_MAX when no day
 * is in it. */
int64_t window_next_ms(const struct window *window, int64_t now_ms, window_zone_fn *zone,
                       void *arg);
