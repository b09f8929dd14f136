/*
 * Devices poll at fixed offsets within their interval and stand in the order of these, so a round
 * of polls is one pass over those that wait. Outcomes come a fixed time after the permission, so
 * they wait in line. Nothing else is needed of a queue of events.
 */
#include "tests/support/rollout_sim.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "server/rollout/judge.h"

enum { PHASES = 4, STRATA = 2, AWAKE = 3, DAYS_MAX = 30 };

static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double chance(uint64_t *state)
{
    return (double)(next(state) >> 11) * 0x1p-53;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of sorted values; 0 of none. */
static double percentile(double *values, unsigned count, double share)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof(*values), compare_doubles);
    return values[(unsigned)((double)(count - 1) * share)];
}

/* --- installs -----------------------------------------------------------------------------------
 */

struct outcome {
    double at_s;
    uint8_t stratum;
    bool failed;
    bool quiet; /* never said */
};

struct rollout {
    const struct sim_installs *plan;
    struct rollout_facts facts;
    struct gate_stratum strata[STRATA];
    unsigned *waiting; /* devices of the phases so far, in the order of their polls */
    unsigned waiting_count;
    unsigned *later; /* of later phases */
    unsigned later_count;
    uint8_t *phase_of;
    uint8_t *stratum_of;
    struct outcome *line; /* permissions in the order they were given */
    unsigned line_count;
    unsigned line_at;
    unsigned quiet_count; /* went quiet after the permission */
    double *quiet_s;      /* ... when */
    unsigned touched;
    uint64_t random;
};

static const struct rollout_phase phases[PHASES] = {
    {.share_milli = 1000}, {.share_milli = 10000}, {.share_milli = 50000}, {.share_milli = 100000}};

static void set_up(struct rollout *rollout)
{
    const struct sim_installs *plan = rollout->plan;

    rollout->waiting_count = rollout->later_count = 0;
    rollout->line_count = rollout->line_at = rollout->quiet_count = rollout->touched = 0;
    for (unsigned i = 0; i < STRATA; i++)
        rollout->strata[i] = (struct gate_stratum){.number = i + 1};
    rollout->facts = (struct rollout_facts){.phase = &phases[0],
                                            .number = 1,
                                            .count = PHASES,
                                            .is_running = true,
                                            .strata = rollout->strata,
                                            .strata_count = plan->variant > 0 ? STRATA : 1};
    for (unsigned i = 0; i < plan->devices; i++) {
        double place = chance(&rollout->random) * 100000;
        uint8_t phase = 0;

        while (place >= phases[phase].share_milli)
            phase++;
        rollout->phase_of[i] = phase;
        rollout->stratum_of[i] = plan->variant > 0 && chance(&rollout->random) < plan->variant;
        rollout->waiting[rollout->waiting_count] = i;
        rollout->later[rollout->later_count] = i;
        if (phase == 0)
            rollout->waiting_count++;
        else
            rollout->later_count++;
    }
}

/* Those of the new phase join those that wait, in the order of their polls. */
static void begin_phase(struct rollout *rollout, uint32_t number)
{
    unsigned kept = 0;

    rollout->facts.number = number;
    rollout->facts.phase = &phases[number - 1];
    rollout->waiting_count = 0; /* everybody of the phases before has had its turn */
    for (unsigned i = 0; i < rollout->later_count; i++) {
        unsigned device = rollout->later[i];

        if (rollout->phase_of[device] == number - 1)
            rollout->waiting[rollout->waiting_count++] = device;
        else
            rollout->later[kept++] = device;
    }
    rollout->later_count = kept;
}

static enum rollout_verdict judge(struct rollout *rollout, bool with_census)
{
    struct rollout_ruling ruling;

    rollout->facts.is_census_known = with_census;
    rollout_judge(&gate_settings_default, &rollout->facts, &ruling);
    rollout->facts.cap_lifted = rollout->facts.cap_lifted || ruling.lifts;
    return ruling.verdict;
}

/* Outcomes up to now. False: stopped. */
static bool hear(struct rollout *rollout, double now_s)
{
    for (; rollout->line_at < rollout->line_count; rollout->line_at++) {
        const struct outcome *outcome = &rollout->line[rollout->line_at];
        struct gate_stratum *stratum = &rollout->strata[outcome->stratum];

        if (outcome->at_s > now_s)
            return true;
        if (outcome->quiet)
            continue;
        stratum->open--;
        stratum->failed += outcome->failed;
        stratum->succeeded += !outcome->failed;
        rollout->facts.failed += outcome->failed;
        rollout->facts.succeeded += !outcome->failed;
        if (judge(rollout, false) == ROLLOUT_STOP) {
            rollout->line_at++;
            return false;
        }
    }
    return true;
}

static bool may_activate(const struct rollout *rollout, const struct gate_stratum *stratum)
{
    const struct gate_install_settings *settings = &gate_settings_default.install;
    uint64_t open = 0, succeeded = 0;

    for (size_t i = 0; i < rollout->facts.strata_count; i++) {
        open += rollout->strata[i].open;
        succeeded += rollout->strata[i].succeeded;
    }
    return gate_room(settings, rollout->facts.cap_lifted, open, succeeded) > 0 &&
           gate_room(settings, stratum->cap_lifted, stratum->open, stratum->succeeded) > 0;
}

static void activate(struct rollout *rollout, unsigned device, double now_s)
{
    const struct sim_installs *plan = rollout->plan;
    uint8_t number = rollout->stratum_of[device];
    double fail = number ? plan->variant_fail : plan->fail;
    bool quiet = chance(&rollout->random) < plan->quiet;

    rollout->touched++;
    rollout->strata[number].touched++;
    rollout->strata[number].open++;
    rollout->line[rollout->line_count++] =
        (struct outcome){now_s + plan->install_s, number, chance(&rollout->random) < fail, quiet};
    if (quiet)
        rollout->quiet_s[rollout->quiet_count++] = now_s;
}

static uint64_t silent_at(const struct rollout *rollout, double now_s, double intervals)
{
    uint64_t silent = 0;

    for (unsigned i = 0; i < rollout->quiet_count; i++)
        silent += now_s - rollout->quiet_s[i] > intervals * rollout->plan->poll_s;
    return silent;
}

/* What a census would count at the end of a round. */
static void take_census(struct rollout *rollout, double now_s)
{
    struct rollout_facts *facts = &rollout->facts;
    uint64_t outstanding = 0;
    uint64_t asleep = silent_at(rollout, now_s, AWAKE);

    for (size_t i = 0; i < facts->strata_count; i++)
        outstanding += rollout->strata[i].open;
    facts->waiting = rollout->waiting_count + outstanding;
    facts->awake_waiting = facts->waiting - asleep;
    facts->silent.updated = rollout->touched;
    facts->silent.updated_silent =
        silent_at(rollout, now_s, (double)gate_settings_default.silence.intervals);
    facts->silent.control = rollout->plan->devices - rollout->touched;
    facts->silent.control_silent = (uint64_t)(rollout->plan->quiet * (double)facts->silent.control);
}

/* One interval of polls. False: the rollout is over. */
static bool play_round(struct rollout *rollout, unsigned round, double *ended_s, bool *halted)
{
    double step_s = (double)rollout->plan->poll_s / rollout->plan->devices;
    double begin_s = (double)round * rollout->plan->poll_s;
    unsigned kept = 0;
    enum rollout_verdict verdict;

    for (unsigned i = 0; i < rollout->waiting_count; i++) {
        unsigned device = rollout->waiting[i];
        double now_s = begin_s + device * step_s;

        *ended_s = now_s;
        *halted = !hear(rollout, now_s);
        if (*halted)
            return false;
        if (may_activate(rollout, &rollout->strata[rollout->stratum_of[device]]))
            activate(rollout, device, now_s);
        else
            rollout->waiting[kept++] = device;
    }
    rollout->waiting_count = kept;
    *ended_s = begin_s + rollout->plan->poll_s;
    *halted = !hear(rollout, *ended_s);
    if (*halted)
        return false;
    take_census(rollout, *ended_s);
    verdict = judge(rollout, true);
    *halted = verdict == ROLLOUT_STOP;
    if (verdict == ROLLOUT_ADVANCE)
        begin_phase(rollout, rollout->facts.number + 1);
    return verdict != ROLLOUT_STOP && verdict != ROLLOUT_FINISH;
}

void sim_installs(const struct sim_installs *plan, struct sim_installs_result *out)
{
    AUTO_FREE unsigned *waiting = mem_array(plan->devices + 1, sizeof(*waiting));
    AUTO_FREE unsigned *later = mem_array(plan->devices + 1, sizeof(*later));
    AUTO_FREE uint8_t *phase_of = mem_array(plan->devices, sizeof(*phase_of));
    AUTO_FREE uint8_t *stratum_of = mem_array(plan->devices, sizeof(*stratum_of));
    AUTO_FREE struct outcome *line = mem_array(plan->devices, sizeof(*line));
    AUTO_FREE double *quiet_s = mem_array(plan->devices, sizeof(*quiet_s));
    AUTO_FREE double *touched = mem_array(plan->rollouts, sizeof(*touched));
    AUTO_FREE double *variants = mem_array(plan->rollouts, sizeof(*variants));
    AUTO_FREE double *hours = mem_array(plan->rollouts, sizeof(*hours));
    struct rollout rollout = {.plan = plan,
                              .waiting = waiting,
                              .later = later,
                              .phase_of = phase_of,
                              .stratum_of = stratum_of,
                              .line = line,
                              .quiet_s = quiet_s,
                              .random = plan->seed};
    unsigned rounds_max = DAYS_MAX * 86400 / plan->poll_s;

    *out = (struct sim_installs_result){0};
    for (unsigned n = 0; n < plan->rollouts; n++) {
        double ended_s = 0;
        bool halted = false;
        unsigned round = 0;

        set_up(&rollout);
        while (round < rounds_max && play_round(&rollout, round, &ended_s, &halted))
            round++;
        out->halted += halted;
        out->stalled += round == rounds_max;
        touched[n] = rollout.touched;
        out->touched_mean += (double)rollout.touched / plan->rollouts;
        variants[n] = (double)rollout.strata[1].touched;
        hours[n] = ended_s / 3600;
    }
    out->touched_median = (unsigned)percentile(touched, plan->rollouts, 0.5);
    out->touched_95 = (unsigned)percentile(touched, plan->rollouts, 0.95);
    out->variant_median = (unsigned)percentile(variants, plan->rollouts, 0.5);
    out->variant_95 = (unsigned)percentile(variants, plan->rollouts, 0.95);
    out->hours_median = percentile(hours, plan->rollouts, 0.5);
}

/* --- crashes ------------------------------------------------------------------------------------
 */

/* Knuth's for small means, a rounded normal for large ones. */
static int64_t poisson(uint64_t *random, double mean)
{
    double limit = exp(-mean), product = 1;
    int64_t count = -1;

    if (mean > 50) {
        double u = chance(random) + 0x1p-60, v = chance(random);
        double draw = mean + sqrt(mean) * sqrt(-2 * log(u)) * cos(6.283185307179586 * v) + 0.5;

        return draw > 0 ? (int64_t)draw : 0;
    }
    do {
        product *= chance(random);
        count++;
    } while (product > limit);
    return count;
}

/* Share of the fleet that has the update in this hour; reports of an hour are there with its end.
 */
static double share_at(const struct sim_crashes *plan, unsigned hour)
{
    if (!plan->is_staged)
        return 0.03;
    if (hour < 1)
        return 3.0 / plan->devices;
    return hour < 3 ? 0.01 : 0.15;
}

struct crash_run {
    double days;
    double hours;
    double share;
    bool halted;
};

static struct crash_run play_crashes(const struct sim_crashes *plan, uint64_t *random,
                                     struct gate_hour *hours)
{
    unsigned left_out = plan->chronic_days >= GATE_CHRONIC_DAYS ? plan->chronic : 0;
    struct crash_run run = {0};
    struct gate_health health;
    double share = 0;

    for (unsigned hour = 0; hour < plan->hours; hour++) {
        struct gate_hour *cell = &hours[hour];
        double updated, control;

        share = share_at(plan, hour);
        /* those that were bad most days before are left out */
        updated = share * (plan->devices - left_out);
        control = plan->devices - left_out - updated;
        *cell = (struct gate_hour){
            .hour_ms = (int64_t)hour * 3600000,
            .updated_s = (int64_t)(updated * 3600),
            .control_s = (int64_t)(control * 3600),
            .updated_bad = poisson(random, updated * plan->daily * plan->ratio / 24),
            .control_bad = poisson(random, control * plan->daily / 24),
        };
        if (left_out == 0 && hour % 24 == 0) { /* each has its one bad day, however it crashes */
            int64_t on_updated = poisson(random, share * plan->chronic);

            cell->updated_bad += on_updated;
            cell->control_bad += (int64_t)plan->chronic - on_updated;
        }
        run.days += updated / 24;
        run.hours = hour + 1;
        run.share = share;
        gate_health_judge(&gate_settings_default.health, hours, hour + 1, 1 - share, NULL, &health);
        run.halted = health.verdict == GATE_STOP;
        if (run.halted)
            break;
    }
    return run;
}

void sim_crashes(const struct sim_crashes *plan, struct sim_crashes_result *out)
{
    AUTO_FREE struct gate_hour *hours = mem_array(plan->hours, sizeof(*hours));
    AUTO_FREE double *days = mem_array(plan->rollouts, sizeof(*days));
    AUTO_FREE double *times = mem_array(plan->rollouts, sizeof(*times));
    AUTO_FREE double *shares = mem_array(plan->rollouts, sizeof(*shares));
    uint64_t random = plan->seed;

    *out = (struct sim_crashes_result){0};
    for (unsigned n = 0; n < plan->rollouts; n++) {
        struct crash_run run = play_crashes(plan, &random, hours);

        out->halted += run.halted;
        days[n] = run.days;
        times[n] = run.hours;
        shares[n] = run.share;
    }
    out->days_median = percentile(days, plan->rollouts, 0.5);
    out->days_95 = percentile(days, plan->rollouts, 0.95);
    out->hours_median = percentile(times, plan->rollouts, 0.5);
    out->hours_95 = percentile(times, plan->rollouts, 0.95);
    out->share_95 = percentile(shares, plan->rollouts, 0.95);
}
