/*
 * Local times are seconds since 1970 as if the local clock were UTC's. Between a day before and a
 * day after a moment the clock is changed at most once, which leaves two offsets to try.
 */
#include "lib/update/window.h"

enum { DAY_S = 86400, DAYS_AHEAD = 8, WEEKDAY_OF_1970 = 3 /* Thursday */ };

int32_t window_zone_utc(int64_t utc_s, void *arg)
{
    (void)utc_s;
    (void)arg;
    return 0;
}

static int64_t floor_day(int64_t seconds)
{
    return (seconds - (seconds % DAY_S + DAY_S) % DAY_S) / DAY_S;
}

/* The first moment at which local clocks show it. Where they never do, the moment they would show
 * it at had they not been changed. */
static int64_t utc_of(int64_t local_s, window_zone_fn *zone, void *arg)
{
    int32_t before = zone(local_s - DAY_S, arg);
    int32_t after = zone(local_s + DAY_S, arg);

    if (zone(local_s - before, arg) == before || zone(local_s - after, arg) != after)
        return local_s - before;
    return local_s - after;
}

static bool has_day(const struct window *window, int64_t day)
{
    int64_t weekday = ((day + WEEKDAY_OF_1970) % 7 + 7) % 7;

    return window->days & 1U << weekday;
}

/* The opening that begins on a local day, in UTC. */
static void opening(const struct window *window, int64_t day, window_zone_fn *zone, void *arg,
                    int64_t out_s[2])
{
    int64_t minutes = window->end_min - window->start_min;
    int64_t start_local_s = day * DAY_S + (int64_t)window->start_min * 60;
    int64_t end_s;

    if (minutes <= 0)
        minutes += WINDOW_DAY_MINUTES;
    out_s[0] = utc_of(start_local_s, zone, arg);
    out_s[1] = out_s[0] + minutes * 60;
    end_s = utc_of(start_local_s + minutes * 60, zone, arg);
    if (end_s > out_s[0] && end_s < out_s[1])
        out_s[1] = end_s;
}

int64_t window_next_ms(const struct window *window, int64_t now_ms, window_zone_fn *zone, void *arg)
{
    int64_t now_s = now_ms / 1000;
    int64_t today = floor_day(now_s + zone(now_s, arg));

    /* yesterday's may still be open */
    for (int64_t day = today - 1; day <= today + DAYS_AHEAD; day++) {
        int64_t open_s[2];

        if (!has_day(window, day))
            continue;
        opening(window, day, zone, arg, open_s);
        if (now_s >= open_s[1])
            continue;
        return now_s >= open_s[0] ? now_ms : open_s[0] * 1000;
    }
    return INT64_MAX;
}
