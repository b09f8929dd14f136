#include "lib/base/clock.h"

#include <criterion/criterion.h>

Test(clock, knows_zones_and_their_summer)
{
    if (!clock_zone_set("Europe/Berlin"))
        cr_skip_test("this system has no zones");
    cr_expect_eq(clock_zone_offset_s(1774745999, NULL), 3600);
    cr_expect_eq(clock_zone_offset_s(1774746000, NULL), 7200);
    cr_assert(clock_zone_set("Australia/Lord_Howe"));
    cr_expect_eq(clock_zone_offset_s(1791041399, NULL), 37800);
    cr_expect_eq(clock_zone_offset_s(1791041400, NULL), 39600);
    cr_assert(clock_zone_set(""));
    cr_expect_eq(clock_zone_offset_s(1791041400, NULL), 0);
}

Test(clock, refuses_zones_that_are_none)
{
    static const char *const names[] = {"Europe/Nowhere", "/etc/localtime", "../../../etc/passwd",
                                        "Europe/Berlin;", "UTC+1 "};

    cr_assert(clock_zone_set(""));
    for (size_t i = 0; i < COUNT(names); i++)
        cr_expect_not(clock_zone_set(names[i]), "%s", names[i]);
    cr_expect_eq(clock_zone_offset_s(1791041400, NULL), 0);
}
