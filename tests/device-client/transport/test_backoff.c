#include "device-client/transport/backoff.h"

#include <criterion/criterion.h>

#include "device-client/limits.h"

Test(backoff, spans_everything_below_a_bound_that_doubles_up_to_its_limit)
{
    static const struct {
        unsigned failures;
        int64_t most;
    } cases[] = {
        {1, INT64_C(2) * BACKOFF_BASE_MS},  {2, INT64_C(4) * BACKOFF_BASE_MS},
        {5, INT64_C(32) * BACKOFF_BASE_MS}, {30, BACKOFF_MS_MAX},
        {4000000000U, BACKOFF_MS_MAX},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_expect_eq(backoff_ms(cases[i].failures, 0, 0), 1);
        cr_expect_eq(backoff_ms(cases[i].failures, 0, UINT32_MAX), cases[i].most);
    }
}

Test(backoff, waits_for_what_the_server_asks_and_a_little_more)
{
    cr_expect_eq(backoff_ms(1, 10, 0), 10000);
    cr_expect_eq(backoff_ms(9, 10, UINT32_MAX), 11000);
    cr_expect_eq(backoff_ms(1, UINT64_MAX, 0), BACKOFF_MS_MAX, "a server cannot silence a device");
}

Test(backoff, polls_around_the_interval_the_server_set)
{
    cr_expect_eq(backoff_poll_ms(100, 0, 0), 80000);
    cr_expect_eq(backoff_poll_ms(100, 0, UINT32_MAX), 120000);
    cr_expect_eq(backoff_poll_ms(1, 5000, UINT32_MAX), 5000, "never below the floor");
}
