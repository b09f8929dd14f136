#pragma once
/*
 * When a staged update may be switched to, as far as the device itself decides: not before the time
 * somebody on it asked for (but never later than a day after it learnt of the update), and within
 * the maintenance window of its group, in its own zone. Pure.
 */
#include "lib/base/err.h"
#include "lib/update/window.h"

struct switching {
    int64_t offered_ms;   /* when the device learnt of the update */
    int64_t deferred_ms;  /* until when it is held back; 0: it is not */
    struct window window; /* not set: always */
    bool knows_time;      /* without the time of day there is no window */
    window_zone_fn *zone;
    void *zone_arg;
};

/* False: not yet; `*why` says why and `*until_ms` when to look again (INT64_MAX: not known). */
MUST_USE bool switching_is_due(const struct switching *switching, int64_t now_ms, int64_t *until_ms,
                               struct err *why);
