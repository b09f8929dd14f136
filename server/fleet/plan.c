/* Places are hashes and cost more than everything else here, so they are computed last. */
#include "server/fleet/plan.h"

#include <string.h>

#include "server/rollout/phase.h"

bool fleet_runs(const struct fleet_facts *facts, const uint8_t sha256[HASH_BYTES])
{
    for (size_t i = 0; i < facts->installed_count; i++)
        if (memcmp(facts->installed[i], sha256, HASH_BYTES) == 0)
            return true;
    return false;
}

/* An image that this server never had is not known to be newer than anything. */
static bool runs_newer(const struct model *model, const struct fleet_facts *facts, int64_t counter)
{
    for (size_t i = 0; i < facts->installed_count; i++) {
        int64_t installed;

        if (model_counter_of(model, facts->tenant_id, facts->installed[i], &installed) &&
            installed > counter)
            return true;
    }
    return false;
}

static struct rollout_candidate candidate_of(const struct model *model,
                                             const struct model_deployment *deployment,
                                             const struct fleet_facts *facts)
{
    const struct model_image *image = deployment ? model_image_for(deployment, facts->hwid) : NULL;

    if (!deployment)
        return (struct rollout_candidate){0};
    return (struct rollout_candidate){
        .deployment_id = deployment->id,
        .fits = image != NULL,
        .is_running = image && fleet_runs(facts, image->sha256),
        .is_older = image && runs_newer(model, facts, image->counter),
        .goes_back = deployment->goes_back,
    };
}

static uint32_t phase_of(const struct model_deployment *deployment, const struct fleet_facts *facts)
{
    return rollout_phase_of(deployment->share_milli, deployment->rules.phase_count,
                            place_of(deployment->salt, facts->id));
}

static const struct model_deployment *deployment_for(const struct model *model,
                                                     const struct fleet_plan *plan,
                                                     const struct fleet_facts *facts)
{
    switch (plan->action) {
    case ROLLOUT_GRANT:
        return plan->group->current;
    case ROLLOUT_GRANT_BASELINE:
        return plan->group->baseline;
    case ROLLOUT_KEEP:
    case ROLLOUT_RESEND:
        return model_deployment_find(model, facts->standing.deployment_id);
    case ROLLOUT_NOTHING:
    case ROLLOUT_WITHDRAW:
    case ROLLOUT_ACTION_COUNT:
        break;
    }
    return NULL;
}

void fleet_plan_make(const struct model *model, const struct fleet_facts *facts, uint64_t told,
                     struct fleet_plan *out)
{
    const struct model_group *group = model ? model_group_find(model, facts->group_id) : NULL;
    struct rollout_view view = {
        .deployment_id = facts->standing.deployment_id,
        .state = facts->standing.state,
        .closed_id = facts->closed_id,
        .is_told_already = told == (uint64_t)facts->standing.assignment,
    };

    *out = (struct fleet_plan){.action = ROLLOUT_NOTHING, .group = group};
    if (!group)
        return;
    view.updates_allowed = group->updates_allowed;
    view.current = candidate_of(model, group->current, facts);
    view.baseline = candidate_of(model, group->baseline, facts);
    if (group->current && view.current.fits) {
        out->phase = phase_of(group->current, facts);
        view.is_covered = out->phase <= group->current->phase;
    }
    if (group->current)
        view.standing = group->current->standing;
    out->action = rollout_choose(&view);
    out->deployment = deployment_for(model, out, facts);
    if (out->action == ROLLOUT_GRANT_BASELINE)
        out->phase = 1; /* whoever joins late joins the phase that it ended in */
}

/* Its row in this deployment is open: it has yet to say how it ended. */
static bool is_at_it(const struct model_deployment *deployment, const struct fleet_facts *facts)
{
    return facts->standing.deployment_id == deployment->id &&
           facts->standing.state != UPDATE_IDLE && !update_state_is_terminal(facts->standing.state);
}

/* Its row has ended. */
static bool is_through(const struct model_deployment *deployment, const struct fleet_facts *facts)
{
    return facts->closed_id == deployment->id || (facts->standing.deployment_id == deployment->id &&
                                                  update_state_is_terminal(facts->standing.state));
}

bool fleet_is_waited_for(const struct model *model, const struct model_deployment *deployment,
                         const struct fleet_facts *facts)
{
    const struct model_image *image = model_image_for(deployment, facts->hwid);

    if (!image || is_through(deployment, facts))
        return false;
    if (is_at_it(deployment, facts)) /* also when it runs the image: it may yet fall back */
        return true;
    return !fleet_runs(facts, image->sha256) &&
           runs_newer(model, facts, image->counter) == deployment->goes_back &&
           phase_of(deployment, facts) <= deployment->phase;
}
