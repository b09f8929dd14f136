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

Test(rollout_phase, is_the_first_whose_share_holds_the_place)
{
    static const uint32_t shares[] = {5000, 50000, PLACE_SHARE_ALL};
    static const uint64_t half = UINT64_C(1) << 63;
    static const struct {
        uint64_t place;
        uint32_t count;
        uint32_t phase;
    } cases[] = {
        {0, 3, 1},
        {UINT64_C(922337203685477580), 3, 1},
        {UINT64_C(922337203685477581), 3, 2},
        {half - 1, 3, 2},
        {half, 3, 3},
        {UINT64_MAX, 3, 3},
        {UINT64_MAX, 2, 3},
        {half - 1, 1, 2},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(rollout_phase_of(shares, cases[i].count, cases[i].place), cases[i].phase,
                     "case %zu", i);
}

Test(rollout_phase, is_cumulative_for_any_shares_and_devices)
{
    uint64_t random = 7;

    for (int round = 0; round < 50; round++) {
        uint32_t shares[4] = {0};
        uint32_t count = (uint32_t)(next(&random) % 4 + 1);
        uint32_t before = 0;

        for (uint32_t i = 0; i + 1 < count; i++)
            before = shares[i] = before + 1 + (uint32_t)(next(&random) % 30000);
        shares[count - 1] = PLACE_SHARE_ALL;
        for (uint64_t n = 0; n < 200; n++) {
            uint64_t place = place_of_number("salt", next(&random));
            uint32_t phase = rollout_phase_of(shares, count, place);

            cr_assert(phase >= 1 && phase <= count, "everybody has a phase");
            for (uint32_t i = 1; i <= count; i++) /* once in, always in */
                cr_assert_eq(place_in_share(place, shares[i - 1]), i >= phase);
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
