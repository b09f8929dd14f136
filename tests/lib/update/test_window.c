#include "lib/update/window.h"

#include <criterion/criterion.h>

#define H INT64_C(3600)
enum { EVERY_DAY = 0x7f };

/* A zone of one change: before and after it. */
struct zone {
    int64_t change_s;
    int32_t before_s;
    int32_t after_s;
};

static int32_t offset_of(int64_t utc_s, void *arg)
{
    const struct zone *zone = arg;

    return utc_s < zone->change_s ? zone->before_s : zone->after_s;
}

/* 2026-03-29 01:00 UTC: 02:00 becomes 03:00; 2026-10-25 01:00 UTC: 03:00 becomes 02:00. */
static struct zone berlin_spring = {1774746000, 1 * H, 2 * H};
static struct zone berlin_autumn = {1792890000, 2 * H, 1 * H};
/* 2018-11-04 03:00 UTC: midnight becomes 01:00. */
static struct zone sao_paulo = {1541300400, -3 * H, -2 * H};
/* 2026-10-03 15:30 UTC: 02:00 becomes 02:30 on Sunday the 4th. */
static struct zone lord_howe = {1791041400, 10 * H + 1800, 11 * H};
/* 2026-04-04 15:00 UTC: 02:00 becomes 01:30 on Sunday the 5th. */
static struct zone lord_howe_back = {1775314800, 11 * H, 10 * H + 1800};

static int64_t next_s(struct window window, int64_t now_s, struct zone *zone)
{
    window.set = true;
    if (!window.days)
        window.days = EVERY_DAY;
    return window_next_ms(&window, now_s * 1000, zone ? offset_of : window_zone_utc, zone) / 1000;
}

/* How long it is open from `at_s` on, by asking minute by minute. */
static int64_t open_s(struct window window, int64_t at_s, struct zone *zone)
{
    int64_t end_s = at_s;

    while (next_s(window, end_s, zone) == end_s)
        end_s += 60;
    return end_s - at_s;
}

Test(window, opens_on_its_days_and_at_its_time)
{
    /* 2026-11-23 is a Monday; 00:00 UTC */
    const int64_t monday_s = 1795392000;
    const struct window window = {.days = 1 << 0 | 1 << 2, .start_min = 120, .end_min = 180};

    cr_expect_eq(next_s(window, monday_s, NULL), monday_s + 2 * H);
    cr_expect_eq(next_s(window, monday_s + 2 * H - 1, NULL), monday_s + 2 * H);
    cr_expect_eq(next_s(window, monday_s + 2 * H, NULL), monday_s + 2 * H);
    cr_expect_eq(next_s(window, monday_s + 3 * H - 1, NULL), monday_s + 3 * H - 1);
    cr_expect_eq(next_s(window, monday_s + 3 * H, NULL), monday_s + 50 * H);
    cr_expect_eq(next_s(window, monday_s + 60 * H, NULL), monday_s + 170 * H);
}

Test(window, over_midnight_belongs_to_the_day_it_begins_on)
{
    const int64_t monday_s = 1795392000;
    const struct window window = {.days = 1 << 0, .start_min = 22 * 60, .end_min = 300};

    cr_expect_eq(next_s(window, monday_s + H, NULL), monday_s + 22 * H);
    cr_expect_eq(next_s(window, monday_s + 28 * H, NULL), monday_s + 28 * H);
    cr_expect_eq(next_s(window, monday_s + 29 * H, NULL), monday_s + (7 * 24 + 22) * H);
}

Test(window, without_a_day_never_opens)
{
    const struct window window = {.set = true, .start_min = 1, .end_min = 2};

    cr_expect_eq(window_next_ms(&window, 0, window_zone_utc, NULL), INT64_MAX);
}

Test(window, follows_the_devices_own_clock)
{
    const struct window window = {.start_min = 120, .end_min = 180};

    /* the day before each change, and the day after */
    cr_expect_eq(next_s(window, berlin_spring.change_s - 26 * H, &berlin_spring),
                 berlin_spring.change_s - 24 * H);
    cr_expect_eq(next_s(window, berlin_spring.change_s + 20 * H, &berlin_spring),
                 berlin_spring.change_s + 23 * H);
}

Test(window, that_the_clock_jumps_over_comes_later)
{
    static const struct {
        const char *what;
        struct window window;
        struct zone *zone;
        int64_t opens_s; /* after the change */
        int64_t for_s;
    } cases[] = {
        {"Berlin, lost", {.start_min = 120, .end_min = 180}, &berlin_spring, 0, H},
        {"Berlin, lost within", {.start_min = 135, .end_min = 165}, &berlin_spring, 900, 1800},
        {"Berlin, half of it", {.start_min = 120, .end_min = 300}, &berlin_spring, 0, 2 * H},
        {"Berlin, after it", {.start_min = 180, .end_min = 240}, &berlin_spring, 0, H},
        {"Sao Paulo, at midnight", {.start_min = 0, .end_min = 60}, &sao_paulo, 0, H},
        {"Lord Howe, half an hour", {.start_min = 120, .end_min = 150}, &lord_howe, 0, 1800},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct zone *zone = cases[i].zone;
        int64_t found_s = next_s(cases[i].window, zone->change_s - 600, zone);

        cr_expect_eq(found_s - zone->change_s, cases[i].opens_s, "%s: %lld", cases[i].what,
                     (long long)(found_s - zone->change_s));
        cr_expect_eq(open_s(cases[i].window, found_s, zone), cases[i].for_s, "%s", cases[i].what);
    }
}

Test(window, that_comes_twice_runs_once)
{
    static const struct {
        const char *what;
        struct window window;
        struct zone *zone;
        int64_t opens_s; /* after the change */
        int64_t for_s;
    } cases[] = {
        {"Berlin", {.start_min = 120, .end_min = 180}, &berlin_autumn, -H, H},
        {"Berlin, short", {.start_min = 120, .end_min = 150}, &berlin_autumn, -H, 1800},
        {"Berlin, around it", {.start_min = 60, .end_min = 240}, &berlin_autumn, -2 * H, 3 * H},
        {"Lord Howe", {.start_min = 90, .end_min = 120}, &lord_howe_back, -1800, 1800},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct zone *zone = cases[i].zone;
        int64_t found_s = next_s(cases[i].window, zone->change_s - 3 * H, zone);
        int64_t again_s;

        cr_expect_eq(found_s - zone->change_s, cases[i].opens_s, "%s", cases[i].what);
        cr_expect_eq(open_s(cases[i].window, found_s, zone), cases[i].for_s, "%s", cases[i].what);
        again_s = next_s(cases[i].window, found_s + cases[i].for_s, zone);
        cr_expect_gt(again_s - found_s, 23 * H, "%s comes twice", cases[i].what);
    }
}
