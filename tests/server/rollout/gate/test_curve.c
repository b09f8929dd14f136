#include "server/rollout/gate/curve.h"

#include <criterion/criterion.h>
#include <math.h>

#include "tests/support/rollout_sim.h"

static const struct curve_phase usual[] = {
    {.devices = 100}, {.devices = 1000}, {.devices = 5000}, {.devices = 10000}};
static const struct curve_phase staged[] = {{.devices = 3},
                                            {.devices = 100, .soak_days = 1.0 / 12},
                                            {.devices = 1500, .is_manual = true},
                                            {.devices = 5000},
                                            {.devices = 10000}};

static struct curve draw(const struct gate_settings *settings, const struct curve_phase *phases,
                         size_t count, double crash_daily)
{
    struct curve_ask ask = {settings, phases, count, phases[count - 1].devices, crash_daily};
    struct curve curve;

    curve_draw(&ask, &curve);
    return curve;
}

Test(gate_curve, good_releases_go_through_and_the_worse_the_fewer_are_touched)
{
    struct curve curve = draw(&gate_settings_default, usual, COUNT(usual), 0);

    cr_expect_lt(curve.points[0].halted, 0.001);
    cr_expect_float_eq(curve.points[1].failing, 0.005, 1e-12);
    cr_expect_lt(curve.points[1].halted, 0.02);
    cr_expect_gt(curve.points[3].halted, 0.999, "p1");
    cr_expect_float_eq(curve.points[5].halted, 1, 1e-6);
    cr_expect_float_eq(curve.points[5].touched, 6, 1e-6, "three, and three in their places");
    for (size_t i = 1; i < CURVE_POINTS; i++) {
        cr_expect_gt(curve.points[i].failing, curve.points[i - 1].failing);
        cr_expect_geq(curve.points[i].halted, curve.points[i - 1].halted - 1e-9);
        cr_expect_leq(curve.points[i].touched, curve.points[i - 1].touched);
    }
}

Test(gate_curve, says_what_the_engine_then_does)
{
    struct curve curve = draw(&gate_settings_default, usual, COUNT(usual), 0);
    struct sim_plan plan = {
        .devices = 10000, .rollouts = 200, .poll_s = 300, .install_s = 600, .seed = 31};
    struct sim_result played;

    for (size_t i = 2; i < CURVE_POINTS; i++) {
        double error;

        plan.fail = curve.points[i].failing;
        sim_play(&plan, &played);
        error = 3 * sqrt(0.25 / plan.rollouts);
        cr_expect_lt(fabs((double)played.halted / plan.rollouts - curve.points[i].halted), error,
                     "%g: %u of %u", plan.fail, played.halted, plan.rollouts);
        cr_expect(played.touched_mean < 1.3 * curve.points[i].touched &&
                      played.touched_mean > 0.5 * curve.points[i].touched - 1,
                  "%g: %g is not about %g", plan.fail, played.touched_mean,
                  curve.points[i].touched);
    }
}

Test(gate_curve, of_a_fleet_a_hundred_times_as_large_hardly_stops_more_good_releases)
{
    struct curve_phase phases[COUNT(usual)];
    struct curve small = draw(&gate_settings_default, usual, COUNT(usual), 0);
    struct curve large;

    for (size_t i = 0; i < COUNT(usual); i++)
        phases[i] = (struct curve_phase){.devices = usual[i].devices * 100};
    large = draw(&gate_settings_default, phases, COUNT(phases), 0);
    cr_expect_geq(large.points[1].halted, small.points[1].halted);
    cr_expect_leq(large.points[1].halted, 2 * small.points[1].halted);
}

Test(gate_curve, finds_the_crashes_that_a_plan_sees_in_time)
{
    struct gate_settings off = gate_settings_default;
    struct curve curve = draw(&gate_settings_default, staged, COUNT(staged), 0.01);

    cr_expect_not(curve.is_crash_assumed);
    cr_expect(curve.crash_ratio > 1.8 && curve.crash_ratio < 3, "%g", curve.crash_ratio);
    cr_expect_lt(draw(&gate_settings_default, staged, COUNT(staged), 0.05).crash_ratio,
                 curve.crash_ratio, "more crashes tell sooner");

    curve = draw(&gate_settings_default, usual, COUNT(usual), 0);
    cr_expect(curve.is_crash_assumed);
    cr_expect_float_eq(curve.crash_daily, 0.01, 1e-12);
    cr_expect_eq(curve.crash_ratio, 0, "no phase stays long enough");

    off.health.is_on = off.install.is_on = false;
    curve = draw(&off, staged, COUNT(staged), 0.01);
    cr_expect_eq(curve.crash_ratio, 0);
    cr_expect_eq(curve.points[5].failing, 0);
}

Test(gate_curve, draws_the_extremes_of_what_may_be_set)
{
    static const struct {
        double p0, p1, alpha, beta;
        uint64_t devices;
    } cases[] = {
        {1e-9, 0.999, 1e-9, 1e-9, 1},
        {0.9, 0.99, 0.49, 0.49, 1000000},
        {1e-6, 2e-6, 0.005, 0.01, 10000000},
        {0.5, 0.500001, 0.005, 0.01, 10000000},
        {0.3, 0.30000000000000004, 0.005, 0.01, 10000000},
        {0.005, 0.05, 0.005, 0.01, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct gate_settings settings = gate_settings_default;
        struct curve_phase phase = {.devices = cases[i].devices};
        struct curve curve;

        settings.install = (struct gate_install_settings){
            true, cases[i].p0, cases[i].p1, cases[i].alpha, cases[i].beta, 3};
        curve = draw(&settings, &phase, 1, 0);
        for (size_t k = 0; k < CURVE_POINTS; k++) {
            cr_expect(curve.points[k].halted >= 0 && curve.points[k].halted <= 1 + 1e-6,
                      "case %zu point %zu: %g", i, k, curve.points[k].halted);
            cr_expect(curve.points[k].touched >= 0 &&
                          curve.points[k].touched <= (double)cases[i].devices * (1 + 1e-6),
                      "case %zu point %zu: %g", i, k, curve.points[k].touched);
        }
    }
}

Test(gate_curve, proposes_another_p0_where_the_group_fails_by_itself)
{
    cr_expect_eq(curve_propose_p0(0.005, 9975, 25), 0, "half of p0");
    cr_expect_float_eq(curve_propose_p0(0.005, 9970, 30), 0.006, 1e-9);
    cr_expect_float_eq(curve_propose_p0(0.005, 900, 100), 0.2, 1e-9);
    cr_expect_eq(curve_propose_p0(0.005, 0, 0), 0);
    cr_expect_eq(curve_propose_p0(0.005, 50, 49), 0, "too few to say");
    cr_expect_leq(curve_propose_p0(0.005, 0, 100), 0.99);
}
