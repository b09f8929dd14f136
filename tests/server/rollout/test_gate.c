#include "server/rollout/gate.h"

#include <criterion/criterion.h>

Test(rollout_gate, stops_above_the_share_once_enough_have_finished)
{
    static const struct {
        const char *what;
        uint64_t percent;
        uint64_t finished_min;
        uint64_t succeeded;
        uint64_t failed;
        bool stop;
    } cases[] = {
        {"nobody finished", 0, 1, 0, 0, false},
        {"the first failure where none is allowed", 0, 1, 0, 1, true},
        {"one of many where none is allowed", 0, 1, 1000000, 1, true},
        {"all good", 0, 1, 1000, 0, false},
        {"too few to judge", 20, 5, 0, 4, false},
        {"just enough to judge", 20, 5, 0, 5, true},
        {"exactly the share is allowed", 20, 5, 8, 2, false},
        {"one more is not", 20, 5, 7, 3, true},
        {"a hair above the share", 20, 5, 799, 201, true},
        {"exactly the share of a thousand", 20, 5, 800, 200, false},
        {"everybody may fail at 100 %", 100, 1, 0, 50, false},
        {"numbers of ten million devices", 1, 100, 9899999, 100001, true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rollout_rules rules = {.failed_percent = (uint32_t)cases[i].percent,
                                      .finished_min = cases[i].finished_min};
        struct rollout_counts counts = {cases[i].succeeded, cases[i].failed};

        cr_expect_eq(rollout_gate_says_stop(&rules, &counts), cases[i].stop, "%s", cases[i].what);
    }
}

Test(rollout_gate, judges_phases_by_who_is_awake_and_by_evidence)
{
    static const struct {
        const char *what;
        uint64_t phase;
        struct rollout_counts counts;
        struct rollout_census census;
        enum rollout_verdict verdict;
    } cases[] = {
        {"no census yet", 1, {5, 0}, {false, 0, 0}, ROLLOUT_STAY},
        {"somebody awake waits", 1, {5, 0}, {true, 1, 1}, ROLLOUT_STAY},
        {"only sleepers wait, one finished", 1, {1, 0}, {true, 9, 0}, ROLLOUT_ADVANCE},
        {"only sleepers wait, one failed", 1, {0, 1}, {true, 9, 0}, ROLLOUT_ADVANCE},
        {"only sleepers wait, no evidence", 1, {0, 0}, {true, 9, 0}, ROLLOUT_STAY},
        {"nobody is left", 1, {0, 0}, {true, 0, 0}, ROLLOUT_ADVANCE},
        {"the phase before the last", 2, {1, 0}, {true, 0, 0}, ROLLOUT_ADVANCE},
        {"the last phase", 3, {1, 0}, {true, 0, 0}, ROLLOUT_FINISH},
        {"the last phase with one awake", 3, {1, 0}, {true, 1, 1}, ROLLOUT_STAY},
        {"the gate speaks first", 3, {1, 9}, {true, 0, 0}, ROLLOUT_HALT},
        {"the gate needs no census", 1, {1, 9}, {false, 0, 0}, ROLLOUT_HALT},
    };
    struct rollout_rules rules = {.failed_percent = 50, .finished_min = 10, .phase_count = 3};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rollout_progress progress = {.phase = (uint32_t)cases[i].phase};

        cr_expect_eq(rollout_judge(&rules, &cases[i].counts, &cases[i].census, 1000, &progress),
                     cases[i].verdict, "%s", cases[i].what);
    }
}

Test(rollout_gate, soaks_from_the_first_time_the_phase_settled)
{
    static const struct {
        int64_t now_ms;
        uint64_t awake_waiting;
        int64_t settled_at_ms;
        enum rollout_verdict verdict;
        bool is_known;
    } steps[] = {
        {1000, 0, 0, ROLLOUT_STAY, false},     {2000, 3, 0, ROLLOUT_STAY, true},
        {3000, 0, 3000, ROLLOUT_STAY, true},   {12999, 0, 3000, ROLLOUT_STAY, true},
        {13000, 1, 3000, ROLLOUT_STAY, true}, /* one woke: waited for */
        {13000, 0, 3000, ROLLOUT_STAY, false}, {13000, 0, 3000, ROLLOUT_ADVANCE, true},
    };
    struct rollout_rules rules = {
        .failed_percent = 0, .finished_min = 1, .soak_ms = 10000, .phase_count = 2};
    struct rollout_counts counts = {.succeeded = 1};
    struct rollout_progress progress = {.phase = 1};

    for (size_t i = 0; i < COUNT(steps); i++) {
        struct rollout_census census = {steps[i].is_known, steps[i].awake_waiting,
                                        steps[i].awake_waiting};

        cr_expect_eq(rollout_judge(&rules, &counts, &census, steps[i].now_ms, &progress),
                     steps[i].verdict, "step %zu", i);
        cr_expect_eq(progress.settled_at_ms, steps[i].settled_at_ms, "step %zu", i);
    }
}
