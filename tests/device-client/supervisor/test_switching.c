#include "device-client/supervisor/switching.h"

#include <criterion/criterion.h>

#include "device-client/limits.h"
#include "lib/base/text.h"

/* 2026-11-23 is a Monday; 00:00 UTC */
#define MONDAY_MS (INT64_C(1795392000) * 1000)
#define HOUR_MS (INT64_C(3600) * 1000)

static struct switching anytime(void)
{
    return (struct switching){.offered_ms = MONDAY_MS, .knows_time = true, .zone = window_zone_utc};
}

static struct switching at_two(void)
{
    struct switching switching = anytime();

    switching.window = (struct window){.set = true, .days = 0x7f, .start_min = 120, .end_min = 180};
    return switching;
}

static void expect_wait(const struct switching *switching, int64_t now_ms, enum refusal reason,
                        int64_t until_ms)
{
    int64_t found_ms = 0;
    struct err why = {0};

    cr_expect_not(switching_is_due(switching, now_ms, &found_ms, &why));
    cr_expect_eq(why.refusal, reason, "%s", why.text);
    cr_expect_eq(found_ms, until_ms, "%s", why.text);
}

static void expect_due(const struct switching *switching, int64_t now_ms)
{
    int64_t until_ms = 0;
    struct err why = {0};

    cr_expect(switching_is_due(switching, now_ms, &until_ms, &why), "%s", why.text);
    cr_expect_eq(why.refusal, REFUSAL_NONE);
}

Test(switching, waits_for_nothing_unless_somebody_says_so)
{
    const struct switching switching = anytime();

    expect_due(&switching, MONDAY_MS);
}

Test(switching, waits_until_the_deferral_ends)
{
    struct switching switching = anytime();

    switching.deferred_ms = MONDAY_MS + HOUR_MS;
    expect_wait(&switching, MONDAY_MS + HOUR_MS - 1, REFUSAL_DEFERRED, MONDAY_MS + HOUR_MS);
    expect_due(&switching, MONDAY_MS + HOUR_MS);
}

Test(switching, is_never_deferred_longer_than_a_day_after_it_was_offered)
{
    struct switching switching = anytime();

    switching.deferred_ms = MONDAY_MS + 100 * HOUR_MS;
    expect_wait(&switching, MONDAY_MS + DEFER_MS_MAX - 1, REFUSAL_DEFERRED,
                MONDAY_MS + DEFER_MS_MAX);
    expect_due(&switching, MONDAY_MS + DEFER_MS_MAX);
}

Test(switching, waits_for_its_window_and_says_when_it_opens)
{
    const struct switching switching = at_two();
    int64_t until_ms = 0;
    struct err why = {0};

    expect_wait(&switching, MONDAY_MS, REFUSAL_WINDOW, MONDAY_MS + 2 * HOUR_MS);
    expect_due(&switching, MONDAY_MS + 2 * HOUR_MS);
    expect_due(&switching, MONDAY_MS + 3 * HOUR_MS - 1);
    expect_wait(&switching, MONDAY_MS + 3 * HOUR_MS, REFUSAL_WINDOW, MONDAY_MS + 26 * HOUR_MS);
    cr_assert_not(switching_is_due(&switching, MONDAY_MS, &until_ms, &why));
    cr_expect_str_eq(why.text, "the window opens at 2026-11-23T02:00:00Z");
}

Test(switching, after_a_deferral_the_window_still_counts)
{
    struct switching switching = at_two();

    switching.deferred_ms = MONDAY_MS + 4 * HOUR_MS;
    expect_wait(&switching, MONDAY_MS + 2 * HOUR_MS, REFUSAL_DEFERRED, MONDAY_MS + 4 * HOUR_MS);
    expect_wait(&switching, MONDAY_MS + 4 * HOUR_MS, REFUSAL_WINDOW, MONDAY_MS + 26 * HOUR_MS);
}

Test(switching, without_the_time_there_is_no_window)
{
    struct switching switching = at_two();

    switching.knows_time = false;
    expect_wait(&switching, MONDAY_MS + 2 * HOUR_MS, REFUSAL_WINDOW, INT64_MAX);
    switching.window.set = false;
    expect_due(&switching, MONDAY_MS + 2 * HOUR_MS);
}

Test(switching, a_window_without_days_never_opens)
{
    struct switching switching = at_two();

    switching.window.days = 0;
    expect_wait(&switching, MONDAY_MS, REFUSAL_WINDOW, INT64_MAX);
}
