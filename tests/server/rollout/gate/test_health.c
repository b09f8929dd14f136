#include "server/rollout/gate/health.h"
#include "server/rollout/gate/silence.h"

#include <criterion/criterion.h>

static const struct gate_health_settings usual = {true, 2.7, 0.008, 0.05};
static const int64_t hour_s = 3600, day_s = 86400;

/* So many hours alike: devices and bad days on both sides. */
static enum gate_verdict judge(int64_t updated, int64_t bad, int64_t control, int64_t control_bad,
                               struct gate_health *health)
{
    struct gate_hour hours[24];

    for (int i = 0; i < 24; i++)
        hours[i] = (struct gate_hour){0, i, updated * hour_s, bad, control * hour_s, control_bad};
    gate_health_judge(&usual, hours, COUNT(hours), 0.5, NULL, health);
    return health->verdict;
}

Test(gate_health, compares_the_same_hours_of_updated_devices_and_the_others)
{
    static const struct {
        const char *what;
        int64_t updated, bad, control, control_bad;
        enum gate_verdict verdict;
    } cases[] = {
        {"no crashes at all", 100, 0, 100, 0, GATE_GO_ON},
        {"as many on both sides", 100, 2, 100, 2, GATE_GO_ON},
        {"a site's outage takes both", 100, 50, 900, 450, GATE_GO_ON},
        {"only the updated ones", 100, 1, 100, 0, GATE_STOP},
        {"three times as many", 100, 3, 100, 1, GATE_STOP},
        {"the others are the bad ones", 100, 0, 100, 3, GATE_GO_ON},
        {"nobody to compare with", 100, 9, 0, 0, GATE_GO_ON},
        {"nobody is updated", 0, 0, 100, 9, GATE_GO_ON},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct gate_health health;

        cr_expect_eq(
            judge(cases[i].updated, cases[i].bad, cases[i].control, cases[i].control_bad, &health),
            cases[i].verdict, "%s: %g", cases[i].what, health.statistic);
        cr_expect_float_eq(health.updated_days, (double)cases[i].updated, 1e-6, "%s",
                           cases[i].what);
    }
}

Test(gate_health, takes_their_own_days_before_when_hardly_anybody_is_left)
{
    const struct gate_hour hour = {0, 0, 100 * day_s, 12, 2 * day_s, 0};
    const struct gate_hour before = {0, 0, 0, 0, 1400 * day_s, 14};
    const struct gate_hour as_bad = {0, 0, 0, 0, 1400 * day_s, 160};
    struct gate_health health;

    gate_health_judge(&usual, &hour, 1, 0.02, &before, &health);
    cr_expect(health.is_own_history);
    cr_expect_eq(health.control_bad, 14);
    cr_expect_eq(health.verdict, GATE_STOP, "1 %% a day before, 12 %% now: %g", health.statistic);
    gate_health_judge(&usual, &hour, 1, 0.02, &as_bad, &health);
    cr_expect_eq(health.verdict, GATE_GO_ON, "they were no better before: %g", health.statistic);
    gate_health_judge(&usual, &hour, 1, 0.1, &before, &health);
    cr_expect_not(health.is_own_history, "a tenth is enough to compare with");
}

Test(gate_health, gives_little_credit_for_good_days)
{
    struct gate_hour hours[2000];
    struct gate_health health;

    for (int i = 0; i < 2000; i++)
        hours[i] = (struct gate_hour){0, i, 500 * hour_s, 0, 500 * hour_s, 1};
    gate_health_judge(&usual, hours, 2000, 0.5, NULL, &health);
    cr_expect_float_eq(health.statistic, health.lower, 1e-9);
    for (int i = 1960; i < 2000; i++) {
        hours[i].updated_bad = 2;
        hours[i].control_bad = 0;
    }
    gate_health_judge(&usual, hours, 2000, 0.5, NULL, &health);
    cr_expect_eq(health.verdict, GATE_STOP, "%g", health.statistic);
}

Test(gate_silence, stops_when_updated_devices_are_lost_and_not_when_a_site_is)
{
    static const struct gate_silence_settings settings = {true, 5, 3.0, 0.01};
    static const struct {
        const char *what;
        struct gate_silent silent;
        enum gate_verdict verdict;
    } cases[] = {
        {"nobody is updated", {0, 0, 100, 50}, GATE_GO_ON},
        {"two of two: too few", {2, 2, 1000, 0}, GATE_GO_ON},
        {"three of three", {3, 3, 1000, 10}, GATE_STOP},
        {"one in a hundred is natural", {1000, 10, 9000, 90}, GATE_GO_ON},
        {"everybody, nobody to compare with", {1000, 10, 0, 0}, GATE_GO_ON},
        {"five in a hundred", {1000, 50, 9000, 90}, GATE_STOP},
        {"an outage of everything", {1000, 500, 9000, 4500}, GATE_GO_ON},
        {"they came back", {1000, 2, 9000, 4500}, GATE_GO_ON},
    };
    struct gate_silence silence;

    for (size_t i = 0; i < COUNT(cases); i++) {
        gate_silence_judge(&settings, &cases[i].silent, &silence);
        cr_expect_eq(silence.verdict, cases[i].verdict, "%s: %g", cases[i].what, silence.statistic);
    }
}
