/*
 * First what the device is in the middle of, then what it shall have next:
 *
 *   - past the switch it is left alone until it says how it ended;
 *   - before the switch an offer stays while its deployment stands, unless the device shall have
 *     something else by now (a newer deployment supersedes, the grant cancels the older row);
 *   - a deployment that covers the device speaks before the baseline, also while it is paused; a
 *     halted one speaks no more;
 *   - an update is nothing to a device that runs a newer image, and a downgrade only to such;
 *   - a row that ended is never opened again.
 */
#include "server/rollout/choose.h"

enum wish { WISH_NOTHING, WISH_CURRENT, WISH_BASELINE };

static bool is_row_open(const struct rollout_view *view)
{
    return view->state != UPDATE_IDLE && !update_state_is_terminal(view->state);
}

/* The device has, or had, its row in this deployment. */
static bool was_granted(const struct rollout_view *view, const struct rollout_candidate *candidate)
{
    return (view->state != UPDATE_IDLE && view->deployment_id == candidate->deployment_id) ||
           view->closed_id == candidate->deployment_id;
}

static bool is_meant(const struct rollout_candidate *candidate)
{
    return candidate->fits && !candidate->is_running && candidate->is_older == candidate->goes_back;
}

/* Once a downgrade is the baseline, devices below it follow it like any other. */
static bool is_meant_as_baseline(const struct rollout_candidate *candidate)
{
    return candidate->fits && !candidate->is_running &&
           (!candidate->is_older || candidate->goes_back);
}

static enum wish wish_for(const struct rollout_view *view)
{
    const struct rollout_candidate *current = &view->current;
    const struct rollout_candidate *baseline = &view->baseline;

    if (!view->updates_allowed)
        return WISH_NOTHING;
    if (current->deployment_id && current->fits && view->is_covered &&
        view->standing != ROLLOUT_HALTED)
        return view->standing == ROLLOUT_OPEN && is_meant(current) && !was_granted(view, current)
                   ? WISH_CURRENT
                   : WISH_NOTHING;
    if (baseline->deployment_id && is_meant_as_baseline(baseline) && !was_granted(view, baseline))
        return WISH_BASELINE;
    return WISH_NOTHING;
}

static bool does_row_stand(const struct rollout_view *view)
{
    return (view->current.deployment_id && view->deployment_id == view->current.deployment_id) ||
           (view->baseline.deployment_id && view->deployment_id == view->baseline.deployment_id);
}

enum rollout_action rollout_choose(const struct rollout_view *view)
{
    bool is_open = is_row_open(view);
    bool is_past_switch = is_open && update_state_rank(view->state) >= UPDATE_ACTIVATING;
    enum wish wish = is_past_switch ? WISH_NOTHING : wish_for(view);

    switch (wish) {
    case WISH_CURRENT:
        return ROLLOUT_GRANT;
    case WISH_BASELINE:
        return ROLLOUT_GRANT_BASELINE;
    case WISH_NOTHING:
        break;
    }
    if (!is_open)
        return ROLLOUT_NOTHING;
    if (!is_past_switch && !does_row_stand(view))
        return ROLLOUT_WITHDRAW;
    return view->is_told_already ? ROLLOUT_KEEP : ROLLOUT_RESEND;
}
