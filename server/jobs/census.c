/* A tally stands at the place of its deployment in the model's array. */
#include "server/jobs/census.h"

#include "lib/base/mem.h"
#include "server/fleet/plan.h"
#include "server/limits.h"
#include "server/rollout/gate/settings.h"

struct census {
    struct model *model;
    const struct model_deployment *deployments;
    struct fleet_index *index;
    struct fleet_cursor cursor;
    int64_t now_ms;
    int64_t up_since_ms;
    struct census_tally tallies[];
};

static uint64_t intervals_of(const struct model_deployment *deployment)
{
    struct gate_settings settings;
    struct err err;

    if (!gate_settings_parse(deployment->gate, &settings, &err))
        settings = gate_settings_default;
    return settings.silence.intervals;
}

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
        census->tallies[i] = (struct census_tally){
            .is_known = true, .silent_intervals = intervals_of(&deployments[i])};
    return census;
}

void census_free(struct census *census)
{
    if (!census)
        return;
    model_unref(census->model);
    mem_free(census);
}

static int64_t quiet_ms(const struct census *census, const struct fleet_facts *facts)
{
    return census->now_ms -
           (facts->seen_ms > census->up_since_ms ? facts->seen_ms : census->up_since_ms);
}

static bool is_awake(const struct census *census, const struct model_group *group,
                     const struct fleet_facts *facts)
{
    int64_t window_ms = group->poll_interval_s * 1000 * AWAKE_INTERVALS;

    return quiet_ms(census, facts) <= (window_ms > AWAKE_MS_MIN ? window_ms : AWAKE_MS_MIN);
}

/* Of the devices that were heard of since the deployment began, how many have gone quiet, with the
 * update and without: who was in a drawer all the time says nothing of either. */
static void count_silence(const struct census *census, const struct model_group *group,
                          const struct fleet_facts *facts, struct census_tally *tally)
{
    const struct model_deployment *deployment = group->current;
    bool is_updated = facts->standing.deployment_id == deployment->id &&
                      update_state_rank(facts->standing.state) >= UPDATE_ACTIVATING &&
                      facts->standing.state != UPDATE_CANCELLED &&
                      facts->standing.state != UPDATE_SKIPPED;
    int64_t word_ms = group->poll_interval_s * 1000 * (int64_t)tally->silent_intervals;
    bool is_silent = quiet_ms(census, facts) > (word_ms > SILENT_MS_MIN ? word_ms : SILENT_MS_MIN);

    if (facts->is_out || facts->seen_ms < deployment->created_ms)
        return;
    if (is_updated) {
        tally->updated++;
        tally->updated_silent += is_silent;
    } else {
        tally->control++;
        tally->control_silent += is_silent;
    }
}

static void count_device(const struct fleet_facts *facts, void *arg)
{
    struct census *census = arg;
    const struct model_group *group = model_group_find(census->model, facts->group_id);
    struct census_tally *tally;
    uint64_t awake;

    if (!group || !group->updates_allowed || !group->current || group->current->is_finished)
        return;
    tally = &census->tallies[group->current - census->deployments];
    count_silence(census, group, facts, tally);
    awake = is_awake(census, group, facts);
    switch (fleet_waits_for(census->model, group->current, facts, census->now_ms)) {
    case FLEET_WAIT_NOT:
        break;
    case FLEET_WAIT_FOR_IT:
        tally->waiting++;
        tally->awake_waiting += awake;
        break;
    case FLEET_WAIT_FOR_ONE:
        tally->candidates++;
        tally->awake_candidates += awake;
        break;
    }
}

bool census_step(struct census *census, size_t max)
{
    return fleet_index_step(census->index, &census->cursor, max, count_device, census);
}

struct census_tally census_of(const struct census *census,
                              const struct model_deployment *deployment)
{
    return census->tallies[deployment - census->deployments];
}
