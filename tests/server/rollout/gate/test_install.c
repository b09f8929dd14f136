#include "server/rollout/gate/install.h"

#include <criterion/criterion.h>

static const struct gate_install_settings usual = {true, 0.005, 0.05, 0.005, 0.01, 3};

/* Says one outcome after the other of one stratum; the number at which it stopped, 0: never. */
static unsigned outcomes_until_stop(const char *word, struct gate_stratum *stratum)
{
    struct gate_walk pooled = {0};
    struct gate_install judged;

    for (unsigned n = 1; *word; n++, word++) {
        stratum->succeeded += *word == 's';
        stratum->failed += *word == 'f';
        gate_install_judge(&usual, false, stratum, 1, &pooled, &judged);
        if (judged.verdict == GATE_STOP)
            return n;
    }
    return 0;
}

Test(gate_install, stops_after_three_failures_in_a_row_and_not_after_two)
{
    static const struct {
        const char *outcomes;
        unsigned stop;
    } cases[] = {{"fff", 3}, {"ff", 0}, {"sfff", 4}, {"ffsf", 4}, {"ssssssssss", 0}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct gate_stratum stratum = {.number = 1};

        cr_expect_eq(outcomes_until_stop(cases[i].outcomes, &stratum), cases[i].stop, "%s",
                     cases[i].outcomes);
    }
}

/* One failure after the other; at most 20. */
static unsigned failures_until_stop(struct gate_stratum *stratum, struct gate_walk *pooled)
{
    struct gate_install judged = {0};

    for (unsigned bad = 1; bad <= 20; bad++) {
        stratum->failed = bad;
        gate_install_judge(&usual, false, stratum, 1, pooled, &judged);
        if (judged.verdict == GATE_STOP)
            return bad;
    }
    return 0;
}

Test(gate_install, lifts_the_cap_at_the_lower_bound_and_goes_on_from_there)
{
    struct gate_stratum stratum = {.number = 1};
    struct gate_walk pooled = {0};
    struct gate_install judged;
    unsigned good = 0;

    do {
        stratum.succeeded = ++good;
        gate_install_judge(&usual, false, &stratum, 1, &pooled, &judged);
        cr_assert_lt(good, 200);
    } while (!judged.lifts);
    cr_expect(good > 90 && good < 110, "%u", good);
    cr_expect(stratum.cap_lifted);

    /* a thousand more are no credit: as many failures stop it as would have then */
    stratum.succeeded += 1000;
    gate_install_judge(&usual, false, &stratum, 1, &pooled, &judged);
    cr_expect_float_eq(pooled.statistic, judged.lower, 1e-9);
    cr_expect_eq(failures_until_stop(&stratum, &pooled), 5);
}

Test(gate_install, wants_more_evidence_on_a_long_way_and_still_stops)
{
    static const struct {
        uint64_t succeeded;
        unsigned failures;
    } cases[] = {{1000, 5}, {2000, 5}, {10000, 6}, {100000, 8}, {10000000, 10}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct gate_stratum stratum = {.number = 1, .succeeded = cases[i].succeeded};
        struct gate_walk pooled = {0};

        cr_expect_eq(failures_until_stop(&stratum, &pooled), cases[i].failures, "%zu", i);
    }
    cr_expect_eq(gate_install_rise(0), 0);
    cr_expect_eq(gate_install_rise(2000), 0);
    cr_expect_gt(gate_install_rise(2001), 0);
}

Test(gate_install, counts_outcomes_once_however_often_it_is_asked)
{
    struct gate_stratum stratum = {.number = 1, .succeeded = 4, .failed = 2};
    struct gate_walk pooled = {0};
    struct gate_install judged;
    double statistic;

    gate_install_judge(&usual, false, &stratum, 1, &pooled, &judged);
    statistic = judged.statistic;
    for (int i = 0; i < 10; i++)
        gate_install_judge(&usual, false, &stratum, 1, &pooled, &judged);
    cr_expect_float_eq(judged.statistic, statistic, 1e-12);
    cr_expect_eq(judged.verdict, GATE_GO_ON);
}

Test(gate_install, one_bad_stratum_stops_among_many_good_ones)
{
    struct gate_stratum strata[GATE_STRATA_MAX];
    struct gate_walk pooled = {0};
    struct gate_install judged = {0};

    for (int i = 0; i < GATE_STRATA_MAX; i++)
        strata[i] = (struct gate_stratum){.number = i, .succeeded = 1000};
    gate_install_judge(&usual, false, strata, GATE_STRATA_MAX, &pooled, &judged);
    strata[7].walk.statistic = 4;
    for (unsigned bad = 1; judged.verdict != GATE_STOP; bad++) {
        strata[7].failed = bad;
        gate_install_judge(&usual, false, strata, GATE_STRATA_MAX, &pooled, &judged);
        cr_assert_leq(bad, 3);
    }
    cr_expect_eq(strata[7].failed, 3, "its share of alpha is smaller than all of it");
    cr_assert_not_null(judged.stratum);
    cr_expect_eq(judged.stratum->number, 7);

    strata[7].halted = true; /* it stands alone: the others go on without it */
    gate_install_judge(&usual, false, strata, GATE_STRATA_MAX, &pooled, &judged);
    cr_expect_eq(judged.verdict, GATE_GO_ON);
}

Test(gate_install, leaves_room_for_as_many_as_began_well_and_three)
{
    struct gate_install_settings off = usual;

    off.is_on = false;
    cr_expect_eq(gate_room(&usual, false, 0, 0), 3);
    cr_expect_eq(gate_room(&usual, false, 3, 0), 0);
    cr_expect_eq(gate_room(&usual, false, 9, 0), 0, "a cap that was lifted once and is not now");
    cr_expect_eq(gate_room(&usual, false, 3, 5), 5);
    cr_expect_eq(gate_room(&usual, true, 1000, 0), UINT64_MAX);
    cr_expect_eq(gate_room(&off, false, 1000, 0), UINT64_MAX);
}

Test(gate_install, that_is_switched_off_stops_nothing_and_caps_nothing)
{
    struct gate_install_settings off = usual;
    struct gate_stratum stratum = {.number = 1, .failed = 1000};
    struct gate_walk pooled = {0};
    struct gate_install judged;

    off.is_on = false;
    gate_install_judge(&off, false, &stratum, 1, &pooled, &judged);
    cr_expect_eq(judged.verdict, GATE_GO_ON);
    cr_expect(judged.lifts);
}

Test(gate_install, one_bad_stratum_stops_alone_and_all_when_all_are_bad)
{
    struct gate_stratum strata[] = {{.number = 1, .succeeded = 3}, {.number = 2, .failed = 3}};
    struct gate_walk pooled = {0};
    struct gate_install judged;

    gate_install_judge(&usual, true, strata, COUNT(strata), &pooled, &judged);
    cr_expect_eq(judged.verdict, GATE_STOP, "all together look bad");
    cr_assert_not_null(judged.stratum, "but it is one of them");
    cr_expect_eq(judged.stratum->number, 2);
    strata[1].halted = true;
    strata[1].failed = 9; /* those that were on their way */
    gate_install_judge(&usual, true, strata, COUNT(strata), &pooled, &judged);
    cr_expect_eq(judged.verdict, GATE_GO_ON, "the others go on: %g", judged.statistic);

    strata[0] = (struct gate_stratum){.number = 1, .failed = 3};
    strata[1] = (struct gate_stratum){.number = 2, .failed = 3};
    pooled = (struct gate_walk){0};
    gate_install_judge(&usual, true, strata, COUNT(strata), &pooled, &judged);
    cr_expect_eq(judged.verdict, GATE_STOP);
    cr_expect_null(judged.stratum, "none of them is better");
}
