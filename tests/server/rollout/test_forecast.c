#include "server/rollout/forecast.h"

#include <criterion/criterion.h>

static const int64_t MINUTE = 60000;
static const int64_t HOUR = 3600000;

/* Everybody called between 256 and 512 seconds ago. */
static struct forecast_ask ask_of(const struct forecast_phase *phases, uint32_t count)
{
    struct forecast_ask ask = {.phases = phases,
                               .phase_count = count,
                               .awake_ms = HOUR,
                               .retry_ms = MINUTE,
                               .install_ms = {10 * MINUTE, 20 * MINUTE}};

    ask.ages[9] = 1000;
    return ask;
}

static int64_t end_of(const struct forecast_ask *ask, enum forecast_case which)
{
    struct forecast_span spans[8];

    forecast_make(ask, which, spans);
    return spans[ask->phase_count - 1].ends_ms;
}

Test(forecast, waits_as_long_as_devices_have_been_silent)
{
    uint64_t ages[FORECAST_AGES] = {[3] = 50, [5] = 50};
    uint64_t none[FORECAST_AGES] = {0};

    cr_expect_eq(forecast_wait_ms(ages, 0), 4000);
    cr_expect_eq(forecast_wait_ms(ages, 0.25), 6000);
    cr_expect_eq(forecast_wait_ms(ages, 0.5), 8000);
    cr_expect_eq(forecast_wait_ms(ages, 0.75), 24000);
    cr_expect_eq(forecast_wait_ms(ages, 1), 32000);
    cr_expect_eq(forecast_wait_ms(none, 0.5), 0);
}

Test(forecast, adds_calling_installing_and_soaking)
{
    const struct forecast_phase one = {.devices = 100000, .soak_ms = 2 * HOUR};
    struct forecast_ask ask = ask_of(&one, 1);
    int64_t likely = end_of(&ask, FORECAST_LIKELY);

    cr_expect(likely > 2 * HOUR + 10 * MINUTE + 511000 && likely <= 2 * HOUR + 10 * MINUTE + 512000,
              "%lld", (long long)likely);
    cr_expect_gt(end_of(&ask, FORECAST_LATE), likely + 9 * MINUTE);
}

Test(forecast, is_not_held_up_by_who_sleeps)
{
    const struct forecast_phase one = {.devices = 10};
    struct forecast_ask ask = ask_of(&one, 1);

    ask.ages[20] = 1000; /* days */
    cr_expect_eq(end_of(&ask, FORECAST_LATE), HOUR + 20 * MINUTE);
}

Test(forecast, is_bound_by_places_and_by_bytes)
{
    const struct forecast_phase one = {.devices = 600, .bytes = 100};
    struct forecast_ask ask = ask_of(&one, 1);

    ask.concurrency = 10;
    cr_expect_eq(end_of(&ask, FORECAST_LIKELY), 600 * MINUTE + 10 * MINUTE);
    ask.bytes_per_hour = 1;
    cr_expect_eq(end_of(&ask, FORECAST_LIKELY), 100 * HOUR + 10 * MINUTE);
    ask.bytes_per_hour = 100000;
    cr_expect_eq(end_of(&ask, FORECAST_LIKELY), 600 * MINUTE + 10 * MINUTE);
}

Test(forecast, goes_round_under_the_cap_until_it_is_lifted)
{
    const struct forecast_phase one = {.devices = 3 + 6 + 12 + 1};
    struct forecast_ask ask = ask_of(&one, 1);
    int64_t calling;

    ask.cap_lift = 100;
    calling = end_of(&ask, FORECAST_LIKELY) - 10 * MINUTE;
    ask.cap_start = 3;
    cr_expect_eq(end_of(&ask, FORECAST_LIKELY) - calling, 40 * MINUTE + 3 * MINUTE);
    ask.cap_lift = 9;
    cr_expect_eq(end_of(&ask, FORECAST_LIKELY) - calling, 30 * MINUTE + 2 * MINUTE);
    ask.updated = 100;
    cr_expect_eq(end_of(&ask, FORECAST_LIKELY) - calling, 10 * MINUTE);
}

Test(forecast, soaks_in_hours_and_in_hours_of_devices)
{
    const struct forecast_phase phases[] = {
        {.devices = 2, .soak_ms = HOUR, .soak_device_ms = 20 * HOUR},
        {.devices = 18, .soak_ms = HOUR, .soak_device_ms = 10 * HOUR},
        {.devices = 0, .soak_ms = HOUR, .soaked_ms = 40 * MINUTE},
        {.devices = 0, .soak_ms = HOUR, .soaked_ms = 2 * HOUR},
    };
    struct forecast_ask ask = ask_of(phases, COUNT(phases));
    struct forecast_span spans[COUNT(phases)];

    forecast_make(&ask, FORECAST_LIKELY, spans);
    cr_expect_eq(spans[0].ends_ms - spans[0].settles_ms, 10 * HOUR);
    cr_expect_eq(spans[1].begins_ms, spans[0].ends_ms);
    cr_expect_eq(spans[1].ends_ms - spans[1].settles_ms, HOUR);
    cr_expect_eq(spans[2].ends_ms - spans[2].begins_ms, 20 * MINUTE);
    cr_expect_eq(spans[3].ends_ms, spans[2].ends_ms);
}
