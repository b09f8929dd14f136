/*
 * Devices poll at fixed offsets within their interval and stand in the order of these, so a round
 * of polls is one pass over those that wait. Outcomes come a fixed time after the permission, so
 * they wait in line. Nothing else is needed of a queue of events.
 *
 * Every outcome is judged as it comes; a census is taken at the end of each round, and once an hour
 * the gates see the crashes that were reported.
 */
#include "tests/support/rollout_sim.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "server/rollout/judge.h"
#include "tests/support/sim_health.h"
#include "tests/support/sim_random.h"

enum { STRATA = 2, AWAKE = 3, HOUR_S = 3600, WHOLE_MILLI = 100000 };
/* Devices without the update go quiet one after the other in so many hours. */
static const double quiet_h = 2;

static const struct rollout_phase usual[] = {
    {.share_milli = 1000}, {.share_milli = 10000}, {.share_milli = 50000}, {.share_milli = 100000}};

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts; 0 of none. */
static double percentile(double *values, unsigned count, double share)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof(*values), compare_doubles);
    return values[(unsigned)((double)(count - 1) * share)];
}

struct outcome {
    double at_s;
    uint8_t stratum;
    bool failed;
    bool quiet; /* never said */
};

struct list {
    unsigned *devices; /* in the order of their polls */
    unsigned count;
};

struct rollout {
    const struct sim_plan *plan;
    struct rollout_facts facts;
    struct gate_stratum strata[STRATA];
    struct list waiting; /* of phases so far */
    struct list later;
    uint32_t *place; /* in thousandths of a percent */
    uint8_t *stratum_of;
    struct outcome *line; /* permissions in the order they were given */
    unsigned line_count;
    unsigned line_at;
    double *quiet_s; /* when devices went quiet after the permission */
    unsigned quiet_count;
    unsigned touched;
    struct sim_health *health;
    uint64_t random;
    double now_s;
    bool is_halted;
};

/* Those of the new phase join those that wait. */
static void begin_phase(struct rollout *rollout, uint32_t number)
{
    const struct rollout_phase *phase = &rollout->plan->phases[number - 1];
    unsigned kept = 0;

    rollout->facts.number = number;
    rollout->facts.phase = phase;
    rollout->facts.admitted = 0;
    rollout->facts.settled_ms = 0;
    rollout->waiting.count = 0; /* everybody of the phases before has had its turn */
    for (unsigned i = 0; i < rollout->later.count; i++) {
        unsigned device = rollout->later.devices[i];

        if (rollout->place[device] < phase->share_milli)
            rollout->waiting.devices[rollout->waiting.count++] = device;
        else
            rollout->later.devices[kept++] = device;
    }
    rollout->later.count = kept;
}

static void set_up(struct rollout *rollout)
{
    const struct sim_plan *plan = rollout->plan;

    rollout->line_count = rollout->line_at = rollout->quiet_count = rollout->touched = 0;
    rollout->now_s = 0;
    rollout->is_halted = false;
    for (unsigned i = 0; i < STRATA; i++)
        rollout->strata[i] = (struct gate_stratum){.number = i + 1};
    rollout->facts = (struct rollout_facts){.count = plan->phase_count,
                                            .is_running = true,
                                            .strata = rollout->strata,
                                            .strata_count = plan->variant > 0 ? STRATA : 1};
    for (unsigned i = 0; i < plan->devices; i++) {
        rollout->place[i] = (uint32_t)(sim_chance(&rollout->random) * WHOLE_MILLI);
        rollout->stratum_of[i] = plan->variant > 0 && sim_chance(&rollout->random) < plan->variant;
        rollout->later.devices[i] = (unsigned)i;
    }
    /* who crashes all the time polls when it likes */
    for (unsigned i = 0; i < plan->chronic; i++) {
        unsigned with = (unsigned)(sim_chance(&rollout->random) * plan->devices);

        rollout->later.devices[i] = rollout->later.devices[with];
        rollout->later.devices[with] = i;
    }
    rollout->later.count = plan->devices;
    sim_health_begin(rollout->health, plan, &rollout->random);
    begin_phase(rollout, 1);
}

/* False: it is over. */
static bool judge(struct rollout *rollout, bool with_census, bool with_health)
{
    struct rollout_facts *facts = &rollout->facts;
    struct rollout_ruling ruling;

    facts->is_census_known = with_census;
    facts->hours = with_health ? rollout->health->hours : NULL;
    facts->hour_count = with_health ? sim_health_known(rollout->health) : 0;
    facts->before = &rollout->health->before;
    facts->now_ms = (int64_t)(rollout->now_s * 1000);
    rollout_judge(&gate_settings_default, facts, &ruling);
    facts->cap_lifted = facts->cap_lifted || ruling.lifts;
    rollout->is_halted = ruling.verdict == ROLLOUT_STOP;
    if (ruling.verdict == ROLLOUT_SETTLE)
        facts->settled_ms = facts->now_ms;
    if (ruling.verdict == ROLLOUT_ADVANCE)
        begin_phase(rollout, facts->number + 1);
    return ruling.verdict != ROLLOUT_STOP && ruling.verdict != ROLLOUT_FINISH;
}

/* Outcomes up to now. False: stopped. */
static bool hear(struct rollout *rollout, double now_s)
{
    rollout->now_s = now_s;
    while (rollout->line_at < rollout->line_count &&
           rollout->line[rollout->line_at].at_s <= now_s) {
        const struct outcome *outcome = &rollout->line[rollout->line_at++];
        struct gate_stratum *stratum = &rollout->strata[outcome->stratum];

        if (outcome->quiet)
            continue;
        stratum->open--;
        stratum->failed += outcome->failed;
        stratum->succeeded += !outcome->failed;
        rollout->facts.failed += outcome->failed;
        rollout->facts.succeeded += !outcome->failed;
        if (!judge(rollout, false, false))
            return false;
    }
    return true;
}

static bool may_activate(const struct rollout *rollout, const struct gate_stratum *stratum)
{
    const struct gate_install_settings *settings = &gate_settings_default.install;
    const struct rollout_facts *facts = &rollout->facts;
    uint64_t open = 0, succeeded = 0;

    if (facts->phase->device_count > 0 && facts->admitted >= facts->phase->device_count)
        return false;
    for (size_t i = 0; i < facts->strata_count; i++) {
        open += rollout->strata[i].open;
        succeeded += rollout->strata[i].succeeded;
    }
    return gate_room(settings, facts->cap_lifted, open, succeeded) > 0 &&
           gate_room(settings, stratum->cap_lifted, stratum->open, stratum->succeeded) > 0;
}

static void activate(struct rollout *rollout, unsigned device)
{
    const struct sim_plan *plan = rollout->plan;
    uint8_t number = rollout->stratum_of[device];
    double fail = number ? plan->variant_fail : plan->fail;
    bool quiet = sim_chance(&rollout->random) < plan->quiet;

    rollout->touched++;
    rollout->facts.admitted++;
    rollout->strata[number].touched++;
    rollout->strata[number].open++;
    rollout->line[rollout->line_count++] = (struct outcome){
        rollout->now_s + plan->install_s, number, sim_chance(&rollout->random) < fail, quiet};
    if (quiet)
        rollout->quiet_s[rollout->quiet_count++] = rollout->now_s;
    sim_health_switched(rollout->health, device, rollout->now_s);
}

static uint64_t silent_for(const struct rollout *rollout, double intervals)
{
    uint64_t silent = 0;

    for (unsigned i = 0; i < rollout->quiet_count; i++)
        silent += rollout->now_s - rollout->quiet_s[i] > intervals * rollout->plan->poll_s;
    return silent;
}

/* What a census would count now. */
static void take_census(struct rollout *rollout)
{
    const struct sim_plan *plan = rollout->plan;
    struct rollout_facts *facts = &rollout->facts;
    double intervals = (double)gate_settings_default.silence.intervals;
    double quiet_since_h = (rollout->now_s - intervals * plan->poll_s) / HOUR_S;
    double quiet = quiet_since_h < quiet_h ? quiet_since_h / quiet_h : 1;

    facts->waiting = rollout->waiting.count;
    for (size_t i = 0; i < facts->strata_count; i++)
        facts->waiting += rollout->strata[i].open;
    facts->awake_waiting = facts->waiting - silent_for(rollout, AWAKE);
    facts->awake_candidates = facts->phase->device_count > 0 ? rollout->later.count : 0;
    facts->silent.updated = rollout->touched;
    facts->silent.updated_silent = silent_for(rollout, intervals);
    facts->silent.control = plan->devices - rollout->touched;
    facts->silent.control_silent =
        quiet > 0 ? (uint64_t)(quiet * plan->quiet * (double)facts->silent.control) : 0;
}

/* One interval of polls. False: the rollout is over. */
static bool play_round(struct rollout *rollout, unsigned round)
{
    const struct sim_plan *plan = rollout->plan;
    double step_s = (double)plan->poll_s / plan->devices;
    double begin_s = (double)round * plan->poll_s;
    struct list *list =
        rollout->facts.phase->device_count > 0 ? &rollout->later : &rollout->waiting;
    unsigned kept = 0;

    for (unsigned i = 0; i < list->count; i++) {
        unsigned device = list->devices[i];

        if (!hear(rollout, begin_s + device * step_s))
            return false;
        if (may_activate(rollout, &rollout->strata[rollout->stratum_of[device]]))
            activate(rollout, device);
        else
            list->devices[kept++] = device;
    }
    list->count = kept;
    if (!hear(rollout, begin_s + plan->poll_s))
        return false;
    take_census(rollout);
    return judge(rollout, true, false);
}

/* Hours that are over by now. */
static bool end_hours(struct rollout *rollout)
{
    while ((rollout->health->hour + 1.0) * HOUR_S <= rollout->now_s) {
        sim_health_end_hour(rollout->health);
        if (rollout->plan->crash_daily > 0 && !judge(rollout, true, true))
            return false;
    }
    return true;
}

struct figures {
    double *touched, *variants, *hours, *days;
};

static void play(struct rollout *rollout, unsigned n, const struct figures *figures,
                 struct sim_result *out)
{
    unsigned hours = rollout->plan->hours_max;
    unsigned rounds = hours * HOUR_S / rollout->plan->poll_s;
    unsigned round = 0;

    set_up(rollout);
    while (round < rounds && play_round(rollout, round) && end_hours(rollout))
        round++;
    out->halted += rollout->is_halted;
    out->unfinished += round == rounds;
    out->touched_mean += (double)rollout->touched / rollout->plan->rollouts;
    figures->touched[n] = rollout->touched;
    figures->variants[n] = (double)rollout->strata[1].touched;
    figures->hours[n] = rollout->now_s / HOUR_S;
    figures->days[n] = sim_health_days(rollout->health);
}

static void sum_up(const struct figures *figures, unsigned count, struct sim_result *out)
{
    out->touched_median = (unsigned)percentile(figures->touched, count, 0.5);
    out->touched_95 = (unsigned)percentile(figures->touched, count, 0.95);
    out->variant_median = (unsigned)percentile(figures->variants, count, 0.5);
    out->variant_95 = (unsigned)percentile(figures->variants, count, 0.95);
    out->hours_median = percentile(figures->hours, count, 0.5);
    out->hours_95 = percentile(figures->hours, count, 0.95);
    out->days_median = percentile(figures->days, count, 0.5);
    out->days_95 = percentile(figures->days, count, 0.95);
}

static struct sim_plan complete(const struct sim_plan *asked)
{
    struct sim_plan plan = *asked;

    if (!plan.phases) {
        plan.phases = usual;
        plan.phase_count = COUNT(usual);
    }
    if (plan.hours_max == 0)
        plan.hours_max = SIM_HOURS_MAX;
    ASSERT(plan.hours_max <= SIM_HOURS_MAX);
    return plan;
}

void sim_play(const struct sim_plan *asked, struct sim_result *out)
{
    const struct sim_plan plan = complete(asked);
    AUTO_FREE unsigned *waiting = mem_array(plan.devices + 1, sizeof(*waiting));
    AUTO_FREE unsigned *later = mem_array(plan.devices + 1, sizeof(*later));
    AUTO_FREE uint32_t *place = mem_array(plan.devices, sizeof(*place));
    AUTO_FREE uint8_t *stratum_of = mem_array(plan.devices, sizeof(*stratum_of));
    AUTO_FREE struct outcome *line = mem_array(plan.devices, sizeof(*line));
    AUTO_FREE double *quiet_s = mem_array(plan.devices, sizeof(*quiet_s));
    AUTO_FREE double *values = mem_array(plan.rollouts, 4 * sizeof(*values));
    AUTO_FREE struct sim_health *health = mem_alloc(sizeof(*health));
    const struct figures figures = {values, values + plan.rollouts,
                                    values + (size_t)2 * plan.rollouts,
                                    values + (size_t)3 * plan.rollouts};
    struct rollout rollout = {.plan = &plan,
                              .waiting = {.devices = waiting},
                              .later = {.devices = later},
                              .place = place,
                              .stratum_of = stratum_of,
                              .line = line,
                              .quiet_s = quiet_s,
                              .health = health,
                              .random = plan.seed};

    *out = (struct sim_result){0};
    for (unsigned n = 0; n < plan.rollouts; n++)
        play(&rollout, n, &figures, out);
    sum_up(&figures, plan.rollouts, out);
}
