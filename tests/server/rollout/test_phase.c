#include "server/rollout/phase.h"

#include <criterion/criterion.h>

enum { DEVICES = 20000 };

/* A small generator, so that every run of the test sees the same devices. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t place_of_number(const char *salt, uint64_t number)
{
    uint8_t device[PLACE_DEVICE_BYTES] = {0};

    for (size_t i = 0; i < 8; i++)
        device[i] = (uint8_t)(number >> (8 * i));
    return place_of(salt, device);
}

static bool says(const struct filter *filter, void *arg)
{
    return filter == *(const struct filter *const *)arg;
}

/* Filters are only compared here: `mine` is the one that holds for the device. */
static uint32_t phase_of(const struct rollout_phase *phases, uint32_t running, uint64_t place,
                         const struct filter *mine)
{
    const struct rollout_device device = {place, says, &mine};

    return rollout_phase_of(phases, running, &device);
}

Test(rollout_phase, is_the_first_whose_share_holds_the_place)
{
    static const struct rollout_phase phases[] = {
        {.share_milli = 5000}, {.share_milli = 50000}, {.share_milli = PLACE_SHARE_ALL}};
    static const uint64_t half = UINT64_C(1) << 63;
    static const struct {
        uint64_t place;
        uint32_t running;
        uint32_t phase;
    } cases[] = {
        {0, 3, 1},
        {UINT64_C(922337203685477580), 3, 1},
        {UINT64_C(922337203685477581), 3, 2},
        {half - 1, 3, 2},
        {half, 3, 3},
        {UINT64_MAX, 3, 3},
        {UINT64_MAX, 2, 0},
        {half - 1, 1, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(phase_of(phases, cases[i].running, cases[i].place, NULL), cases[i].phase,
                     "case %zu", i);
}

Test(rollout_phase, counts_only_while_it_runs_and_filters_narrow_any_kind)
{
    const struct filter *lab = (const struct filter *)&says;
    const struct filter *other = (const struct filter *)&next;
    const struct rollout_phase phases[] = {
        {.filter = lab},
        {.device_count = 3},
        {.share_milli = 50000, .filter = other},
        {.share_milli = PLACE_SHARE_ALL},
    };
    const struct rollout_phase closed = {.share_milli = PLACE_SHARE_ALL, .is_closed = true};
    const struct {
        const char *what;
        uint64_t place;
        const struct filter *mine;
        uint32_t running;
        uint32_t phase;
    } cases[] = {
        {"a lab device is first", UINT64_MAX, lab, 1, 1},
        {"another waits", 0, NULL, 1, 0},
        {"anybody while it counts", UINT64_MAX, NULL, 2, 2},
        {"a lab device stays where it was", UINT64_MAX, lab, 2, 1},
        {"the count is closed by the next phase", 0, NULL, 3, 0},
        {"a share with its filter", 0, other, 3, 3},
        {"the filter without the share", UINT64_MAX, other, 3, 0},
        {"everybody in the end", UINT64_MAX, NULL, 4, 4},
    };
    const struct rollout_device device = {0, says, NULL};

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(phase_of(phases, cases[i].running, cases[i].place, cases[i].mine),
                     cases[i].phase, "%s", cases[i].what);
    cr_expect_not(rollout_phase_is_for(&closed, &device));
}

Test(rollout_phase, is_cumulative_for_any_shares_and_devices)
{
    uint64_t random = 7;

    for (int round = 0; round < 50; round++) {
        struct rollout_phase phases[4] = {{0}};
        uint32_t count = (uint32_t)(next(&random) % 4 + 1);
        uint32_t before = 0;

        for (uint32_t i = 0; i + 1 < count; i++)
            before = phases[i].share_milli = before + 1 + (uint32_t)(next(&random) % 30000);
        phases[count - 1].share_milli = PLACE_SHARE_ALL;
        for (uint64_t n = 0; n < 200; n++) {
            uint64_t place = place_of_number("salt", next(&random));
            uint32_t phase = phase_of(phases, count, place, NULL);

            cr_assert(phase >= 1 && phase <= count, "everybody has a phase");
            for (uint32_t i = 1; i <= count; i++) /* once in, always in */
                cr_assert_eq(place_in_share(place, phases[i - 1].share_milli), i >= phase);
        }
    }
}

Test(rollout_phase, places_are_uniform_and_each_salt_has_other_canaries)
{
    static const uint32_t shares[] = {1000, 10000, 50000, PLACE_SHARE_ALL};
    uint64_t held[COUNT(shares)] = {0};
    uint64_t tenths[10] = {0};
    uint64_t both = 0;
    uint64_t chi_milli = 0;

    for (uint64_t n = 0; n < DEVICES; n++) {
        uint64_t place = place_of_number("one", n);

        tenths[place / (UINT64_MAX / 10 + 1)]++;
        for (size_t i = 0; i < COUNT(shares); i++)
            held[i] += place_in_share(place, shares[i]);
        both += place_in_share(place, 10000) && place_in_share(place_of_number("two", n), 10000);
    }

    for (size_t i = 0; i < COUNT(tenths); i++) {
        uint64_t expected = DEVICES / 10;
        uint64_t apart = tenths[i] > expected ? tenths[i] - expected : expected - tenths[i];

        chi_milli += apart * apart * 1000 / expected;
    }
    cr_expect_lt(chi_milli, 27877, "chi squared of 9 degrees at 0.1 %%: %llu",
                 (unsigned long long)chi_milli);
    for (size_t i = 0; i < COUNT(shares); i++) {
        uint64_t expected = (uint64_t)DEVICES * shares[i] / PLACE_SHARE_ALL;

        cr_expect(held[i] * 100 >= expected * 80 && held[i] * 100 <= expected * 120,
                  "share %u holds %llu", shares[i], (unsigned long long)held[i]);
    }
    cr_expect(both > DEVICES / 200 && both < DEVICES / 50, "1 %% are canaries of both: %llu",
              (unsigned long long)both);
}
