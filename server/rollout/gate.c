/*
 * A phase is over when no member that is awake waits, and there is evidence: some device finished,
 * or nobody is left at all. A device in a drawer does not hold the fleet up; it converges through
 * the baseline when it wakes. The soak counts from the first time the phase had settled: members
 * who wake later are waited for, but do not start it again.
 */
#include "server/rollout/gate.h"

bool rollout_gate_says_stop(const struct rollout_rules *rules, const struct rollout_counts *counts)
{
    uint64_t finished = counts->succeeded + counts->failed;

    return finished >= rules->finished_min && finished > 0 &&
           counts->failed * 100 > rules->failed_percent * finished;
}

static bool is_settled(const struct rollout_counts *counts, const struct rollout_census *census)
{
    return census->is_known && census->awake_waiting == 0 &&
           (census->waiting == 0 || counts->succeeded + counts->failed > 0);
}

enum rollout_verdict rollout_judge(const struct rollout_rules *rules,
                                   const struct rollout_counts *counts,
                                   const struct rollout_census *census, int64_t now_ms,
                                   struct rollout_progress *progress)
{
    if (rollout_gate_says_stop(rules, counts))
        return ROLLOUT_HALT;
    if (!is_settled(counts, census))
        return ROLLOUT_STAY;
    if (progress->settled_at_ms == 0)
        progress->settled_at_ms = now_ms;
    if (now_ms - progress->settled_at_ms < rules->soak_ms)
        return ROLLOUT_STAY;
    return progress->phase < rules->phase_count ? ROLLOUT_ADVANCE : ROLLOUT_FINISH;
}
