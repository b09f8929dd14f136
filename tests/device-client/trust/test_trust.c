#include "device-client/trust/trust.h"

#include <criterion/criterion.h>

#include "device-client/limits.h"

#define DAY_MS (INT64_C(86400) * 1000)

Test(trust_time, never_goes_back_and_refuses_a_long_jump)
{
    static const struct {
        int64_t trusted_ms, clock_ms, now_ms;
        bool ok;
    } cases[] = {
        {0, 5 * DAY_MS, 5 * DAY_MS, true},
        {10 * DAY_MS, 11 * DAY_MS, 11 * DAY_MS, true},
        {10 * DAY_MS, 2 * DAY_MS, 10 * DAY_MS, true},
        {10 * DAY_MS, 410 * DAY_MS, 410 * DAY_MS, true},
        {10 * DAY_MS, 410 * DAY_MS + 1, 0, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t now_ms = 0;
        struct err err = {0};

        cr_expect_eq(trust_time(cases[i].trusted_ms, cases[i].clock_ms, &now_ms, &err), cases[i].ok,
                     "case %zu", i);
        cr_expect_eq(now_ms, cases[i].now_ms, "case %zu", i);
        cr_expect_eq(err.refusal, cases[i].ok ? REFUSAL_NONE : REFUSAL_TIME_JUMP, "case %zu", i);
    }
}

Test(trust_time, metadata_is_stale_after_half_of_its_timestamp_s_life)
{
    cr_expect(trust_is_stale(0, 0, 5), "there is none");
    cr_expect(trust_is_stale(0, 100, 5), "never walked");
    cr_expect_not(trust_is_stale(100, 200, 149));
    cr_expect(trust_is_stale(100, 200, 150));
    cr_expect(trust_is_stale(100, 90, 100), "it expired");
}
