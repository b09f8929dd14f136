#pragma once
/*
 * How long a deployment will take. Pure arithmetic over a few numbers, no simulation: of every
 * phase the longest of waiting for its devices to call, of places and of bytes; then the
 * installation, the rounds under the gate's cap, and the soak.
 *
 * "Likely" takes medians, "late" what one in twenty exceeds. A phase that waits for a person ends
 * when it may be advanced: the time until somebody does that is not in it.
 */
#include "lib/base/base.h"

enum { FORECAST_AGES = 32 };

struct forecast_phase {
    uint64_t devices; /* still to be updated in it */
    uint64_t bytes;   /* that they fetch */
    int64_t soak_ms;
    int64_t soak_device_ms;
    int64_t soaked_ms; /* of the soak, what has passed */
    bool is_manual;
};

struct forecast_ask {
    const struct forecast_phase *phases;
    uint32_t phase_count;
    uint64_t updated;             /* devices that are through already */
    uint64_t ages[FORECAST_AGES]; /* of devices: how long ago they called, [n] below 2^n seconds */
    int64_t awake_ms;             /* no phase waits for a device that is silent for so long */
    int64_t retry_ms;             /* until a device that was told to wait asks again */
    int64_t install_ms[2];        /* from the offer to the end: median, and of one in twenty */
    uint64_t concurrency;         /* 0: any */
    uint64_t bytes_per_hour;      /* 0: any */
    uint64_t cap_start;           /* open outcomes at first; 0: no cap */
    uint64_t cap_lift;            /* so many successes lift it */
};

enum forecast_case { FORECAST_LIKELY, FORECAST_LATE, FORECAST_CASE_COUNT };

/* Milliseconds from now. */
struct forecast_span {
    int64_t begins_ms;
    int64_t settles_ms; /* everybody awake is updated, and the soak begins */
    int64_t ends_ms;
};

/* One span for each phase. */
void forecast_make(const struct forecast_ask *ask, enum forecast_case which,
                   struct forecast_span *out);

/* Until the share `quantile` of the devices has called, in milliseconds. */
int64_t forecast_wait_ms(const uint64_t ages[FORECAST_AGES], double quantile);
