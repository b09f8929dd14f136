#pragma once
/*
 * What a device says of time, made fit for counting. A device's clock may be years off: then the
 * event is kept, with its length, as if it had ended when it arrived. Pure.
 */
#include "lib/base/err.h"

#define INTAKE_DAY_MS (INT64_C(24) * 3600 * 1000)
#define INTAKE_AHEAD_MS (INT64_C(5) * 60 * 1000) /* a clock this far ahead is right */
#define INTAKE_LATE_MS (60 * INTAKE_DAY_MS)      /* a device may have been away this long */
#define INTAKE_SPAN_MS (31 * INTAKE_DAY_MS)      /* of one event ... */
#define INTAKE_UPTIME_MS (7 * INTAKE_DAY_MS)     /* ... and of one report of uptime */

struct intake {
    bool is_uptime;
    int64_t start_ms;
    int64_t end_ms;
    int64_t uptime_s; /* within them */
    bool is_moved;    /* set here: the times are not the device's own */
};

/* ERR_INVALID names the field of the event. */
MUST_USE bool intake_check(struct intake *intake, int64_t now_ms, struct err *err);
