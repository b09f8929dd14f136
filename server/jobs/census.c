/* A tally stands at the place of its deployment in the model's array. */
#include "server/jobs/census.h"

#include "lib/base/mem.h"
#include "server/fleet/plan.h"
#include "server/limits.h"

struct census {
    struct model *model;
    const struct model_deployment *deployments;
    struct fleet_index *index;
    struct fleet_cursor cursor;
    int64_t now_ms;
    int64_t up_since_ms;
    struct rollout_census tallies[];
};

struct census *census_new(struct model *model, struct fleet_index *index, int64_t now_ms,
                          int64_t up_since_ms)
{
    size_t count;
    const struct model_deployment *deployments = model_deployments(model, &count);
    struct census *census = mem_alloc(sizeof(*census) + count * sizeof(census->tallies[0]));

    census->model = model_ref(model);
    census->deployments = deployments;
    census->index = index;
    census->now_ms = now_ms;
    census->up_since_ms = up_since_ms;
    for (size_t i = 0; i < count; i++)
        census->tallies[i].is_known = true;
    return census;
}

void census_free(struct census *census)
{
    if (!census)
        return;
    model_unref(census->model);
    mem_free(census);
}

static bool is_awake(const struct census *census, const struct model_group *group,
                     const struct fleet_facts *facts)
{
    int64_t window_ms = group->poll_interval_s * 1000 * AWAKE_INTERVALS;
    int64_t since_ms = facts->seen_ms > census->up_since_ms ? facts->seen_ms : census->up_since_ms;

    return census->now_ms - since_ms <= (window_ms > AWAKE_MS_MIN ? window_ms : AWAKE_MS_MIN);
}

static void count_device(const struct fleet_facts *facts, void *arg)
{
    struct census *census = arg;
    const struct model_group *group = model_group_find(census->model, facts->group_id);
    struct rollout_census *tally;

    if (!group || !group->updates_allowed || !group->current ||
        !fleet_is_waited_for(census->model, group->current, facts))
        return;
    tally = &census->tallies[group->current - census->deployments];
    tally->waiting++;
    tally->awake_waiting += is_awake(census, group, facts);
}

bool census_step(struct census *census, size_t max)
{
    return fleet_index_step(census->index, &census->cursor, max, count_device, census);
}

struct rollout_census census_of(const struct census *census,
                                const struct model_deployment *deployment)
{
    return census->tallies[deployment - census->deployments];
}
