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

/* clang-format off */
static const char *const reasons[] = {
    [REASON_NONE]           = "none",
    [REASON_UNKNOWN]        = "unknown",
    [REASON_OUT]            = "out-of-service",
    [REASON_STOPPED]        = "stopped",
    [REASON_HELD]           = "held",
    [REASON_PENALTY]        = "penalty",
    [REASON_POLICY]         = "policy",
    [REASON_UNDER_WAY]      = "under-way",
    [REASON_NO_DEPLOYMENT]  = "no-deployment",
    [REASON_HARDWARE]       = "hardware",
    [REASON_RUNS_IT]        = "runs-it",
    [REASON_RUNS_NEWER]     = "runs-newer",
    [REASON_RUNS_OLDER]     = "runs-older",
    [REASON_STEPPING_STONE] = "stepping-stone",
    [REASON_DELTA]          = "waits-for-delta",
    [REASON_ENDED]          = "ended",
    [REASON_PHASE]          = "phase",
    [REASON_PAUSED]         = "paused",
    [REASON_HALTED]         = "halted",
};
/* clang-format on */
_Static_assert(COUNT(reasons) == REASON_COUNT, "every reason has a name");

const char *rollout_reason_name(enum rollout_reason reason)
{
    ASSERT((unsigned)reason < REASON_COUNT);
    return reasons[reason];
}

enum wish { WISH_NOTHING, WISH_CURRENT, WISH_BASELINE };

static bool is_row_open(const struct rollout_view *view)
{
    return view->state != UPDATE_IDLE && !update_state_is_terminal(view->state);
}

static bool has_failed(const struct rollout_view *view)
{
    return view->state == UPDATE_FAILED || view->state == UPDATE_ROLLED_BACK;
}

/* The device has, or had, its row in this deployment, and it is not to be opened again. */
static bool was_granted(const struct rollout_view *view, const struct rollout_candidate *candidate)
{
    bool is_its = view->state != UPDATE_IDLE && view->deployment_id == candidate->deployment_id;

    if (is_its && (view->wants_image || (candidate->may_retry && has_failed(view))))
        return false;
    return is_its || view->closed_id == candidate->deployment_id;
}

enum rollout_reason rollout_reason_against(const struct rollout_view *view,
                                           const struct rollout_candidate *candidate,
                                           bool as_baseline)
{
    if (!candidate->deployment_id)
        return REASON_NO_DEPLOYMENT;
    if (!candidate->fits)
        return REASON_HARDWARE;
    if (candidate->is_running)
        return REASON_RUNS_IT;
    if (candidate->is_older && !candidate->goes_back)
        return REASON_RUNS_NEWER;
    if (!candidate->is_older && candidate->goes_back && !as_baseline)
        return REASON_RUNS_OLDER;
    if (was_granted(view, candidate))
        return REASON_ENDED;
    return candidate->waits;
}

static enum rollout_reason no_of_current(const struct rollout_view *view)
{
    if (view->standing == ROLLOUT_PAUSED)
        return REASON_PAUSED;
    return rollout_reason_against(view, &view->current, false);
}

static enum wish wish_for(const struct rollout_view *view, enum rollout_reason *no)
{
    const struct rollout_candidate *current = &view->current;

    *no = view->forbidden;
    if (!view->updates_allowed)
        return WISH_NOTHING;
    if (current->deployment_id && current->fits && view->is_covered &&
        view->standing != ROLLOUT_HALTED) {
        *no = no_of_current(view);
        return *no == REASON_NONE ? WISH_CURRENT : WISH_NOTHING;
    }
    *no = rollout_reason_against(view, &view->baseline, true);
    if (*no == REASON_NONE)
        return WISH_BASELINE;
    if (current->deployment_id) /* the deployment is what people ask about */
        *no = !current->fits                     ? REASON_HARDWARE
              : view->standing == ROLLOUT_HALTED ? REASON_HALTED
                                                 : REASON_PHASE;
    return WISH_NOTHING;
}

static bool does_row_stand(const struct rollout_view *view)
{
    return !view->is_out &&
           ((view->current.deployment_id && view->deployment_id == view->current.deployment_id) ||
            (view->baseline.deployment_id && view->deployment_id == view->baseline.deployment_id));
}

static enum rollout_action action_of(const struct rollout_view *view, enum rollout_reason *reason)
{
    bool is_open = is_row_open(view);
    bool is_past_switch = is_open && update_state_rank(view->state) >= UPDATE_ACTIVATING;
    enum wish wish = WISH_NOTHING;

    if (!is_past_switch)
        wish = wish_for(view, reason);
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
    if (view->wants_image)
        return ROLLOUT_NOTHING; /* what it was offered last it has installed */
    if (*reason == REASON_NONE || *reason == REASON_ENDED)
        *reason = REASON_UNDER_WAY;
    return view->is_told_already ? ROLLOUT_KEEP : ROLLOUT_RESEND;
}

enum rollout_action rollout_choose(const struct rollout_view *view, enum rollout_reason *reason)
{
    enum rollout_reason found = REASON_NONE;
    enum rollout_action action = action_of(view, &found);

    if (reason)
        *reason = found;
    return action;
}
