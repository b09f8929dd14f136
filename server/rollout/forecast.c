/*
 * Seen at any moment, the time since a device last called is distributed like the time until it
 * calls next (the two halves of an interval that is met in the middle). So the ages of the last
 * calls are the waits, with no model of how devices behave.
 */
#include "server/rollout/forecast.h"

#include <math.h>

enum { ROUNDS_MAX = 64 }; /* the cap doubles with each */

/* In a slot the devices lie evenly. */
int64_t forecast_wait_ms(const uint64_t ages[FORECAST_AGES], double quantile)
{
    double all = 0;
    double before = 0;

    for (unsigned n = 0; n < FORECAST_AGES; n++)
        all += (double)ages[n];
    for (unsigned n = 0; n < FORECAST_AGES; n++) {
        double low = n > 0 ? ldexp(1, (int)n - 1) : 0;
        double high = ldexp(1, (int)n);
        double part = (double)ages[n];

        if (part > 0 && before + part >= quantile * all)
            return (int64_t)(1000 * (low + (high - low) * (quantile * all - before) / part));
        before += part;
    }
    return 0;
}

/* The last of `devices` calls: the median of that, or what one in twenty exceeds. */
static double last_of(uint64_t devices, enum forecast_case which)
{
    double below = which == FORECAST_LIKELY ? 0.5 : 0.95;

    return pow(below, 1.0 / (double)devices);
}

static int64_t longest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Nobody awake is waited for longer than a device stays awake without calling. */
static int64_t calling_ms(const struct forecast_ask *ask, uint64_t devices,
                          enum forecast_case which)
{
    int64_t wait = forecast_wait_ms(ask->ages, last_of(devices, which));

    return wait < ask->awake_ms ? wait : ask->awake_ms;
}

/* Places are free again when a device is through; bytes flow evenly. */
static int64_t budget_ms(const struct forecast_ask *ask, const struct forecast_phase *phase,
                         enum forecast_case which)
{
    double places = 0;
    double bytes = 0;

    if (ask->concurrency > 0)
        places = (double)phase->devices * (double)ask->install_ms[which] / (double)ask->concurrency;
    if (ask->bytes_per_hour > 0)
        bytes = (double)phase->bytes / (double)ask->bytes_per_hour * 3600000;
    return (int64_t)(places > bytes ? places : bytes);
}

/* Rounds of installing under the cap: as many as there is room, then the successes make more.
 * The first is the installation itself. */
static int64_t rounds_of(const struct forecast_ask *ask, uint64_t devices, uint64_t updated)
{
    int64_t rounds = 0;

    while (devices > 0 && rounds < ROUNDS_MAX) {
        uint64_t room = ask->cap_start + updated;

        rounds++;
        if (ask->cap_start == 0 || updated >= ask->cap_lift || room >= devices)
            break;
        devices -= room;
        updated += room;
    }
    return rounds;
}

static int64_t soak_ms(const struct forecast_phase *phase, uint64_t updated)
{
    int64_t by_devices = updated > 0 ? phase->soak_device_ms / (int64_t)updated : 0;
    int64_t soak = longest(phase->soak_ms, by_devices);

    return soak > phase->soaked_ms ? soak - phase->soaked_ms : 0;
}

void forecast_make(const struct forecast_ask *ask, enum forecast_case which,
                   struct forecast_span *out)
{
    uint64_t updated = ask->updated;
    int64_t now = 0;

    for (uint32_t n = 0; n < ask->phase_count; n++) {
        const struct forecast_phase *phase = &ask->phases[n];
        int64_t rounds = rounds_of(ask, phase->devices, updated);

        out[n] = (struct forecast_span){.begins_ms = now};
        if (phase->devices > 0)
            now += longest(calling_ms(ask, phase->devices, which), budget_ms(ask, phase, which)) +
                   rounds * ask->install_ms[which] +
                   (rounds > 1 ? (rounds - 1) * ask->retry_ms : 0);
        updated += phase->devices;
        out[n].settles_ms = now;
        now += soak_ms(phase, updated);
        out[n].ends_ms = now;
    }
}
