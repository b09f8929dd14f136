/* Places are hashes and cost more than everything else here, so they are computed last. */
#include "server/fleet/plan.h"

#include <string.h>

#include "server/fleet/describe.h"

bool fleet_runs(const struct fleet_facts *facts, const uint8_t sha256[HASH_BYTES])
{
    for (size_t i = 0; i < facts->installed_count; i++)
        if (memcmp(facts->installed[i], sha256, HASH_BYTES) == 0)
            return true;
    return false;
}

int64_t fleet_counter_of(const struct model *model, const struct fleet_facts *facts)
{
    int64_t newest = INT64_MIN;

    for (size_t i = 0; i < facts->installed_count; i++) {
        int64_t counter;

        if (model_counter_of(model, facts->tenant_id, facts->installed[i], &counter) &&
            counter > newest)
            newest = counter;
    }
    return newest;
}

static const struct store_model_delta *delta_for(const struct model *model,
                                                 const struct fleet_facts *facts,
                                                 const struct model_image *image)
{
    const struct store_model_delta *best = NULL;

    for (size_t i = 0; i < facts->installed_count; i++) {
        const struct store_model_delta *delta =
            model_delta_find(model, facts->tenant_id, facts->installed[i], image->sha256);

        if (delta && (!best || delta->length < best->length))
            best = delta;
    }
    return best;
}

/* What a deployment means for one device. */
struct offer {
    struct rollout_candidate candidate;
    const struct model_image *image; /* what is next on the way; NULL: nothing leads there */
    const struct store_model_delta *delta;
};

static enum rollout_reason wait_for_delta(const struct model_deployment *deployment,
                                          const struct offer *offer, int64_t now_ms)
{
    switch (deployment->delta_policy) {
    case MODEL_DELTA_ONLY:
        return offer->delta ? REASON_NONE : REASON_DELTA;
    case MODEL_DELTA_WAIT:
        return offer->delta || now_ms >= deployment->delta_until_ms ? REASON_NONE : REASON_DELTA;
    case MODEL_DELTA_THEN_FULL:
    case MODEL_DELTA_FULL:
        break;
    }
    return REASON_NONE;
}

static bool is_halted_for(const struct model_deployment *deployment,
                          const struct fleet_facts *facts)
{
    return deployment->halted_count > 0 &&
           model_is_halted_for(deployment, facts->hwid,
                               facts->installed_count > 0 ? facts->installed[0] : NULL);
}

static struct offer offer_of(const struct model *model, const struct model_deployment *deployment,
                             const struct fleet_facts *facts, int64_t now_ms)
{
    const struct model_image *goal = deployment ? model_image_for(deployment, facts->hwid) : NULL;
    struct offer offer = {.candidate = {.deployment_id = deployment ? deployment->id : 0}};
    int64_t counter;

    if (!deployment)
        return offer;
    offer.candidate.goes_back = deployment->goes_back;
    offer.candidate.may_retry = deployment->may_retry;
    if (!goal)
        return offer;
    counter = fleet_counter_of(model, facts);
    offer.candidate.fits = true;
    offer.candidate.is_running = fleet_runs(facts, goal->sha256);
    offer.candidate.is_older = counter > goal->counter;
    if (is_halted_for(deployment, facts)) {
        offer.candidate.waits = REASON_HALTED;
        return offer;
    }
    offer.image = model_image_next(deployment, goal, counter);
    if (!offer.image) {
        offer.candidate.waits = REASON_STEPPING_STONE;
        return offer;
    }
    if (deployment->delta_policy != MODEL_DELTA_FULL)
        offer.delta = delta_for(model, facts, offer.image);
    offer.candidate.waits = wait_for_delta(deployment, &offer, now_ms);
    return offer;
}

static bool matches(const struct filter *filter, void *arg)
{
    const struct fleet_asking *asking = arg;

    return fleet_filter_matches(asking->model, asking->facts, filter);
}

void fleet_asking_init(struct fleet_asking *asking, const struct model *model,
                       const struct fleet_facts *facts, const char *salt)
{
    *asking = (struct fleet_asking){{place_of(salt, facts->id), matches, asking}, model, facts};
}

/* The first phase that began and holds the device; 0: none. */
static uint32_t phase_of(const struct model *model, const struct model_deployment *deployment,
                         const struct fleet_facts *facts)
{
    struct fleet_asking asking;

    fleet_asking_init(&asking, model, facts, deployment->salt);
    return rollout_phase_of(deployment->phases, deployment->phase, &asking.device);
}

static bool is_until(int64_t until_ms, int64_t now_ms)
{
    return until_ms > now_ms;
}

/* REASON_NONE: nothing but deployments decides. */
static enum rollout_reason forbidden_by(const struct model_group *group,
                                        const struct fleet_facts *facts, int64_t now_ms)
{
    if (facts->is_out)
        return REASON_OUT;
    if (group->updates_stopped)
        return REASON_STOPPED;
    if (is_until(group->hold_until_ms, now_ms) || is_until(facts->hold_until_ms, now_ms))
        return REASON_HELD;
    if (is_until(facts->penalty_until_ms, now_ms))
        return REASON_PENALTY;
    return group->updates_allowed ? REASON_NONE : REASON_POLICY;
}

static void fill_in(const struct model *model, const struct fleet_facts *facts,
                    const struct offer *current, const struct offer *baseline,
                    struct fleet_plan *plan)
{
    const struct offer *of = NULL;

    switch (plan->action) {
    case ROLLOUT_GRANT:
        plan->deployment = plan->group->current;
        of = current;
        break;
    case ROLLOUT_GRANT_BASELINE:
        plan->deployment = plan->group->baseline;
        plan->phase = plan->group->baseline->phase; /* who joins late joins the phase it ended in */
        of = baseline;
        break;
    case ROLLOUT_KEEP:
    case ROLLOUT_RESEND:
        plan->deployment = model_deployment_find(model, facts->standing.deployment_id);
        if (plan->deployment)
            of = plan->deployment == plan->group->current    ? current
                 : plan->deployment == plan->group->baseline ? baseline
                                                             : NULL;
        break;
    case ROLLOUT_NOTHING:
    case ROLLOUT_WITHDRAW:
    case ROLLOUT_ACTION_COUNT:
        break;
    }
    if (of) {
        plan->image = of->image;
        plan->delta = of->delta;
    }
}

void fleet_plan_trace(const struct model *model, const struct fleet_facts *facts, uint64_t told,
                      int64_t now_ms, struct fleet_plan *out, struct fleet_trace *trace)
{
    const struct model_group *group = model ? model_group_find(model, facts->group_id) : NULL;
    struct rollout_view *view = &trace->view;
    struct offer current, baseline;

    *trace = (struct fleet_trace){.counter = INT64_MIN};
    *view = (struct rollout_view){
        .deployment_id = facts->standing.deployment_id,
        .state = facts->standing.state,
        .wants_image = facts->standing.wants_image,
        .closed_id = facts->closed_id,
        .is_told_already = told == (uint64_t)facts->standing.assignment,
        .is_out = facts->is_out,
    };
    *out = (struct fleet_plan){.action = ROLLOUT_NOTHING, .reason = REASON_UNKNOWN, .group = group};
    if (!group)
        return;
    view->forbidden = forbidden_by(group, facts, now_ms);
    view->updates_allowed = view->forbidden == REASON_NONE;
    current = offer_of(model, group->current, facts, now_ms);
    baseline = offer_of(model, group->baseline, facts, now_ms);
    view->current = current.candidate;
    view->baseline = baseline.candidate;
    trace->current = current.image;
    trace->baseline = baseline.image;
    trace->counter = fleet_counter_of(model, facts);
    if (group->current && view->current.fits) {
        out->phase = phase_of(model, group->current, facts);
        view->is_covered = out->phase > 0;
    }
    if (group->current)
        view->standing = group->current->standing;
    out->action = rollout_choose(view, &out->reason);
    fill_in(model, facts, &current, &baseline, out);
}

void fleet_plan_make(const struct model *model, const struct fleet_facts *facts, uint64_t told,
                     int64_t now_ms, struct fleet_plan *out)
{
    struct fleet_trace trace;

    fleet_plan_trace(model, facts, told, now_ms, out, &trace);
}

int64_t fleet_plan_bytes(const struct fleet_plan *plan)
{
    if (plan->delta)
        return plan->delta->length;
    return plan->image ? plan->image->length : 0;
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

enum fleet_wait fleet_waits_for(const struct model *model,
                                const struct model_deployment *deployment,
                                const struct fleet_facts *facts, int64_t now_ms)
{
    struct offer offer;
    uint32_t phase;

    if (is_through(deployment, facts))
        return FLEET_WAIT_NOT;
    if (is_at_it(deployment, facts)) /* also when it runs the image: it may yet fall back */
        return (facts->is_out || is_halted_for(deployment, facts)) &&
                       update_state_rank(facts->standing.state) < UPDATE_ACTIVATING
                   ? FLEET_WAIT_NOT
                   : FLEET_WAIT_FOR_IT;
    if (facts->is_out || is_until(facts->hold_until_ms, now_ms) ||
        is_until(facts->penalty_until_ms, now_ms))
        return FLEET_WAIT_NOT;
    offer = offer_of(model, deployment, facts, now_ms);
    if (!offer.candidate.fits || offer.candidate.is_running ||
        offer.candidate.is_older != deployment->goes_back ||
        offer.candidate.waits == REASON_STEPPING_STONE || offer.candidate.waits == REASON_HALTED ||
        (offer.candidate.waits == REASON_DELTA && deployment->delta_policy == MODEL_DELTA_ONLY))
        return FLEET_WAIT_NOT;
    phase = phase_of(model, deployment, facts);
    if (phase == 0)
        return FLEET_WAIT_NOT;
    return deployment->phases[phase - 1].device_count > 0 ? FLEET_WAIT_FOR_ONE : FLEET_WAIT_FOR_IT;
}
