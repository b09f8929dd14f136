/* The table of the device's half; the fleet and the ticker do the work. */
#include "server/jobs/clockwork.h"

#include "lib/base/mem.h"
#include "server/fleet/fleet.h"
#include "server/jobs/jobs.h"
#include "server/jobs/ticker.h"
#include "server/limits.h"
#include "server/worker.h"

struct clockwork {
    struct fleet *fleet;
    struct ticker *ticker;
    struct jobs *jobs;
};

static struct jobs *start_jobs(struct clockwork *clockwork, struct loop *loop)
{
    const struct job table[] = {
        {"rollout-tick", TICK_MS, ticker_run, clockwork->ticker},
        {"last-seen", SEEN_FLUSH_MS, fleet_flush_seen, clockwork->fleet},
        {"model-check", MODEL_CHECK_MS, fleet_check, clockwork->fleet},
    };

    return jobs_new(loop, table, COUNT(table));
}

struct clockwork *clockwork_new(const struct worker *worker)
{
    struct clockwork *clockwork = mem_alloc(sizeof(*clockwork));

    clockwork->fleet = worker->fleet;
    clockwork->ticker = ticker_new(worker->loop, worker->db, worker->fleet);
    fleet_start(worker->fleet, worker->loop, worker->db);
    clockwork->jobs = start_jobs(clockwork, worker->loop);
    return clockwork;
}

void clockwork_free(struct clockwork *clockwork)
{
    if (!clockwork)
        return;
    jobs_free(clockwork->jobs);
    ticker_free(clockwork->ticker);
    fleet_stop(clockwork->fleet);
    mem_free(clockwork);
}

bool clockwork_ready(const struct clockwork *clockwork)
{
    return fleet_is_ready(clockwork->fleet);
}

void clockwork_wake(struct clockwork *clockwork)
{
    fleet_reload(clockwork->fleet);
}
