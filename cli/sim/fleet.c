/* From one action to the next. */
#include "cli/sim/fleet.h"

#include "cli/sim/trouble.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

typedef void action_fn(struct fleet *fleet, struct member *member);

static action_fn *const actions[SIM_ACTION_COUNT] = {
    [SIM_CLAIM] = message_claim,       [SIM_SESSION] = message_session,
    [SIM_REPORT] = message_report,     [SIM_DESCRIBE] = message_describe,
    [SIM_WALK] = walk_start,           [SIM_POLL] = message_poll,
    [SIM_ACTIVATE] = message_activate, [SIM_FETCH] = transfer_begin,
    [SIM_EVENT] = message_event,
};

struct task *task_new(struct fleet *fleet, struct member *member)
{
    struct task *task = mem_alloc(sizeof(*task));

    task->fleet = fleet;
    task->member = member;
    list_add(&fleet->tasks, &task->link);
    return task;
}

void task_free(struct task *task)
{
    list_remove(&task->link);
    sha256_free(task->hash);
    sha256_free(task->head);
    walk_free(task->walk);
    mem_free(task);
}

static void settle(struct fleet *fleet, struct member *member, int64_t now_mono_ms)
{
    bool settled = sim_device_is_settled(&member->device);

    if (settled == member->settled)
        return;
    member->settled = settled;
    fleet->busy_mono_ms = now_mono_ms;
    if (settled)
        fleet->unsettled--;
    else
        fleet->unsettled++;
}

void fleet_step(struct fleet *fleet, struct member *member)
{
    int64_t now_mono_ms = clock_mono_ms();
    const struct sim_image *runs;
    enum sim_action action;

    settle(fleet, member, now_mono_ms);
    if (fleet->stopping)
        return;
    runs = sim_device_runs(&member->device);
    member->device.crashes_per_day = sim_crash_rate(
        fleet->options->crashes, fleet->options->crash_count, runs ? runs->version : NULL);
    action = sim_device_next(&member->device, now_mono_ms);
    if (action == SIM_WAIT)
        schedule_add(&fleet->schedule, member->device.index, member->device.wake_mono_ms);
    else
        actions[action](fleet, member);
}

void fleet_finish(struct task *task)
{
    struct fleet *fleet = task->fleet;
    struct member *member = task->member;

    task_free(task);
    fleet_step(fleet, member);
}

void fleet_note_error(struct fleet *fleet, const struct err *err)
{
    fleet->summary.errors++;
    (void)text_copy(fleet->summary.last_error, sizeof(fleet->summary.last_error), err->text);
}

void fleet_fail(struct fleet *fleet, const struct err *err)
{
    if (!fleet->stopping)
        fleet->fatal = *err;
    fleet->stopping = true;
}
