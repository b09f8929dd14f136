#include "server/reports/intake.h"

#include <criterion/criterion.h>
#include <string.h>

static const int64_t now = 1800000000000;

Test(intake, keeps_right_times_and_moves_those_of_a_clock_that_is_far_off)
{
    static const struct {
        const char *what;
        int64_t start;
        int64_t end;
        bool is_moved;
    } cases[] = {
        {"just now", -1000, 0, false},
        {"a moment ahead", -1000, INTAKE_AHEAD_MS, false},
        {"ahead of its time", -1000, INTAKE_AHEAD_MS + 1, true},
        {"as late as may be", -INTAKE_LATE_MS - 5000, -INTAKE_LATE_MS, false},
        {"later than that", -INTAKE_LATE_MS - 5000, -INTAKE_LATE_MS - 1, true},
        {"1970", -1800000000000, -1799999999000, true},
        {"the longest", -INTAKE_SPAN_MS, 0, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct intake intake = {.start_ms = now + cases[i].start, .end_ms = now + cases[i].end};
        struct err err = {0};

        cr_expect(intake_check(&intake, now, &err), "%s: %s", cases[i].what, err.text);
        cr_expect_eq(intake.is_moved, cases[i].is_moved, "%s", cases[i].what);
        cr_expect_eq(intake.end_ms, cases[i].is_moved ? now : now + cases[i].end, "%s",
                     cases[i].what);
        cr_expect_eq(intake.end_ms - intake.start_ms, cases[i].end - cases[i].start, "%s",
                     cases[i].what);
    }
}

Test(intake, refuses_what_contradicts_itself_and_names_the_field)
{
    static const struct {
        const char *what;
        struct intake intake;
        const char *field;
    } cases[] = {
        {"an end before the start", {.start_ms = 1000, .end_ms = 999}, "'event.end'"},
        {"too long", {.start_ms = 0, .end_ms = INTAKE_SPAN_MS + 1}, "'event.start'"},
        {"uptime of more than a week",
         {.is_uptime = true, .start_ms = 0, .end_ms = INTAKE_UPTIME_MS + 1},
         "'event.start'"},
        {"more uptime than time",
         {.is_uptime = true, .start_ms = 0, .end_ms = 60000, .uptime_s = 62},
         "'event.uptime_s'"},
        {"uptime below nothing",
         {.is_uptime = true, .start_ms = 0, .end_ms = 60000, .uptime_s = -1},
         "'event.uptime_s'"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct intake intake = cases[i].intake;
        struct err err = {0};

        cr_expect_not(intake_check(&intake, now, &err), "%s", cases[i].what);
        cr_expect_eq(err.code, ERR_INVALID, "%s", cases[i].what);
        cr_expect(strstr(err.text, cases[i].field), "%s: %s", cases[i].what, err.text);
    }
}
