#include "server/rollout/judge.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/rollout_sim.h"

static const struct rollout_phase quick = {.share_milli = 50000};
static const struct rollout_phase soaking = {
    .share_milli = 50000, .soak_ms = 1000, .soak_device_ms = 5000};
static const struct rollout_phase manual = {.share_milli = 50000, .is_manual = true};
static const struct rollout_phase told = {.share_milli = 50000, .is_manual = true, .is_told = true};
static const struct rollout_phase counting = {.device_count = 3};

static struct rollout_facts facts_of(const struct rollout_phase *phase)
{
    return (struct rollout_facts){.phase = phase,
                                  .number = 1,
                                  .count = 2,
                                  .is_running = true,
                                  .succeeded = 3,
                                  .admitted = 3,
                                  .is_census_known = true,
                                  .now_ms = 10000};
}

static struct rollout_ruling rule(struct rollout_facts facts)
{
    struct rollout_ruling ruling;

    rollout_judge(&gate_settings_default, &facts, &ruling);
    return ruling;
}

Test(rollout_judge, goes_on_when_nobody_awake_waits_and_the_soak_has_passed)
{
    struct rollout_facts facts = facts_of(&quick);

    cr_expect_eq(rule(facts).verdict, ROLLOUT_ADVANCE);
    facts.number = 2;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_FINISH);
    facts.is_running = false;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_STAY, "a pause");
    facts = facts_of(&quick);
    facts.is_census_known = false;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_STAY, "nobody knows who waits");
    facts = facts_of(&quick);
    facts.waiting = facts.awake_waiting = 1;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_STAY);
    facts.awake_waiting = 0;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_ADVANCE, "one in a drawer is not waited for");
    facts.succeeded = 0;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_STAY, "but is no evidence either");
    facts.waiting = 0;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_ADVANCE, "nobody at all");

    facts = facts_of(&soaking);
    cr_expect_eq(rule(facts).verdict, ROLLOUT_SETTLE);
    facts.settled_ms = 9001;
    facts.updated_ms = 5000;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_STAY, "a millisecond too early");
    facts.settled_ms = 9000;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_ADVANCE);
    facts.updated_ms = 4999;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_STAY, "not enough uptime");

    facts = facts_of(&manual);
    cr_expect_eq(rule(facts).verdict, ROLLOUT_SETTLE);
    facts.settled_ms = 1;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_STAY, "nobody said so");
    facts.phase = &told;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_ADVANCE);
}

Test(rollout_judge, a_counting_phase_is_full_or_out_of_candidates)
{
    struct rollout_facts facts = facts_of(&counting);

    facts.awake_candidates = 90;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_ADVANCE, "it has its three");
    facts.admitted = 2;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_STAY);
    facts.awake_candidates = 0;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_ADVANCE, "there are only two");
}

Test(rollout_judge, five_devices_that_refuse_what_they_were_sent_are_not_enough_to_pause)
{
    struct gate_stratum strata[] = {{.number = 0, .server = 2}, {.number = 1, .server = 3}};
    struct rollout_facts facts = facts_of(&quick);
    struct rollout_ruling ruling;

    facts.strata = strata;
    facts.strata_count = COUNT(strata);
    cr_expect_eq(rule(facts).verdict, ROLLOUT_ADVANCE);
    strata[0].server = 3;
    ruling = rule(facts);
    cr_expect_eq(ruling.verdict, ROLLOUT_STOP);
    cr_expect(ruling.is_pause);
    cr_expect_str_eq(ruling.gate, "server");
    cr_expect(strstr(ruling.reason, "your metadata or your server"));
    facts.server_excused = 1;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_ADVANCE, "somebody has seen one of them");
}

Test(rollout_judge, a_group_too_small_for_statistics_is_not_given_what_failed_everywhere)
{
    struct gate_stratum stratum = {.number = 1, .failed = 2};
    struct rollout_facts facts = facts_of(&quick);
    struct rollout_ruling ruling;

    facts.succeeded = 0;
    facts.failed = 2;
    facts.strata = &stratum;
    facts.strata_count = 1;
    ruling = rule(facts);
    cr_expect_eq(ruling.verdict, ROLLOUT_STOP);
    cr_expect_str_eq(ruling.gate, "install");
    facts.is_way_back = true;
    cr_expect_eq(rule(facts).verdict, ROLLOUT_ADVANCE, "nothing stops the way back");
}

Test(rollout_judge, one_stratum_stops_alone_when_that_is_what_people_want)
{
    struct gate_stratum strata[] = {{.number = 1, .failed = 6}, {.number = 2, .succeeded = 500}};
    struct gate_settings settings = gate_settings_default;
    struct rollout_facts facts = facts_of(&quick);
    struct rollout_ruling ruling;

    facts.strata = strata;
    facts.strata_count = COUNT(strata);
    facts.pooled.statistic = -4; /* the others are fine */
    facts.pooled.succeeded = 500;
    facts.pooled.failed = 6;
    settings.is_by_stratum = true;
    rollout_judge(&settings, &facts, &ruling);
    cr_expect_eq(ruling.verdict, ROLLOUT_STOP);
    cr_expect_eq(ruling.stratum, 1);
    strata[0].walk = (struct gate_walk){0};
    settings.is_by_stratum = false;
    rollout_judge(&settings, &facts, &ruling);
    cr_expect_eq(ruling.stratum, -1, "all");
}

Test(rollout_judge, says_what_it_saw_as_json)
{
    struct gate_stratum stratum = {.number = 1, .failed = 3};
    struct gate_hour hour = {0};
    struct rollout_facts facts = facts_of(&quick);
    struct rollout_ruling ruling;
    static const struct json_limits limits = {
        .bytes_max = 16384, .depth_max = 8, .containers_max = 100};
    AUTO_JSON *tree = NULL;
    struct buf text;
    struct err err;

    facts.strata = &stratum;
    facts.strata_count = 1;
    facts.hours = &hour;
    facts.hour_count = 1;
    rollout_judge(&gate_settings_default, &facts, &ruling);
    buf_init(&text, 16384);
    rollout_stop_format(&gate_settings_default, &facts, &ruling, &text);
    cr_assert(json_parse(buf_text(&text), text.len, &limits, &tree, &err), "%s: %s", err.text,
              buf_text(&text));
    cr_expect_str_eq(json_string_value(json_object_get(tree, "gate")), "install");
    cr_expect_not_null(json_object_get(json_object_get(tree, "seen"), "health"));
    cr_expect_not_null(json_object_get(json_object_get(tree, "seen"), "silence"));
    buf_done(&text);
}

/* The goals of tests/bench/blast_radius.c, in few rollouts of a fixed seed. */
Test(rollout_judge, holds_the_goals_for_failures_in_a_few_simulated_rollouts)
{
    static const struct {
        struct sim_plan plan;
        unsigned median, most_95;
    } bad[] = {
        {{.what = "all fail", .fail = 1}, 6, 6},
        {{.what = "all fall silent", .quiet = 1}, 6, 6},
        {{.what = "20 %% fail", .fail = 0.2}, 25, 60},
        {{.what = "5 %% fail", .fail = 0.05}, 120, 450},
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct sim_plan plan = bad[i].plan;
        struct sim_result result;

        plan.devices = 2000;
        plan.rollouts = 50;
        plan.poll_s = 300;
        plan.install_s = 600;
        sim_play(&plan, &result);
        cr_expect_eq(result.halted, plan.rollouts, "%s", plan.what);
        cr_expect_leq(result.touched_median, bad[i].median, "%s", plan.what);
        cr_expect_leq(result.touched_95, bad[i].most_95, "%s", plan.what);
    }
}

Test(rollout_judge, lets_good_releases_through_in_a_few_simulated_rollouts)
{
    struct sim_plan plan = {.devices = 2000,
                            .rollouts = 50,
                            .poll_s = 300,
                            .install_s = 600,
                            .fail = 0.001,
                            .quiet = 0.01,
                            .seed = 3};
    struct sim_result result;

    sim_play(&plan, &result);
    cr_expect_eq(result.halted + result.unfinished, 0, "%u %u", result.halted, result.unfinished);
    cr_expect_eq(result.touched_median, plan.devices);
}

Test(rollout_judge, holds_the_goals_for_crashes_in_a_few_simulated_rollouts)
{
    static const struct rollout_phase phases[] = {
        {.device_count = 3},
        {.share_milli = 1000, .soak_ms = 7200000},
        {.share_milli = 15000, .is_manual = true},
        {.share_milli = 100000},
    };
    struct sim_plan plan = {.devices = 10000,
                            .rollouts = 40,
                            .seed = 1,
                            .phases = phases,
                            .phase_count = COUNT(phases),
                            .poll_s = 300,
                            .install_s = 600,
                            .hours_max = 48,
                            .crash_daily = 0.01,
                            .crash_ratio = 3,
                            .late_h = 1};
    struct sim_result result;

    sim_play(&plan, &result);
    cr_expect_eq(result.halted, plan.rollouts);
    cr_expect_leq(result.hours_95, 24, "%g", result.hours_95);
    cr_expect_lt(result.touched_95, plan.devices / 5);
    plan.crash_ratio = 1;
    plan.chronic = 10;
    sim_play(&plan, &result);
    cr_expect_leq(result.halted, 1, "as before, with some that always crash: %u", result.halted);
    cr_expect_geq(result.unfinished + result.halted, plan.rollouts, "it waits for somebody");
}
