#include <criterion/criterion.h>

#include "cli/sim/schedule.h"

Test(schedule, wakes_the_earliest_first_whatever_the_order_they_came_in)
{
    struct schedule schedule;
    uint64_t random = 1;
    uint32_t index = 0;
    uint32_t last = 0;
    size_t woken = 0;

    schedule_init(&schedule);
    for (size_t i = 0; i < 1000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        uint32_t at = (uint32_t)(random >> 44);

        schedule_add(&schedule, at, at);
    }
    while (schedule_take_due(&schedule, INT64_MAX, &index)) {
        cr_assert_geq(index, last);
        last = index;
        woken++;
    }

    cr_assert_eq(woken, 1000);
    schedule_done(&schedule);
}

Test(schedule, wakes_nobody_before_their_time)
{
    struct schedule schedule;
    uint32_t index = 0;

    schedule_init(&schedule);
    schedule_add(&schedule, 5, 100);

    cr_expect_not(schedule_take_due(&schedule, 99, &index));
    cr_expect(schedule_take_due(&schedule, 100, &index));
    cr_expect_eq(index, 5);
    cr_expect_not(schedule_take_due(&schedule, 100, &index), "only once");
    schedule_done(&schedule);
}

Test(schedule, says_how_long_to_wait)
{
    struct schedule schedule;

    schedule_init(&schedule);
    cr_expect_eq(schedule_wait_ms(&schedule, 0, 70), 70, "nobody is waited for");
    schedule_add(&schedule, 1, 100);
    cr_expect_eq(schedule_wait_ms(&schedule, 60, 70), 40);
    cr_expect_eq(schedule_wait_ms(&schedule, 0, 70), 70, "no longer than asked");
    cr_expect_eq(schedule_wait_ms(&schedule, 150, 70), 0, "it is due");
    schedule_done(&schedule);
}
