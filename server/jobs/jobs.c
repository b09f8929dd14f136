/* One timer for each row of the table. */
#include "server/jobs/jobs.h"

#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"

struct running_job {
    struct job job;
    struct loop_timer *timer;
};

struct jobs {
    size_t count;
    struct running_job jobs[];
};

static void on_time(void *arg)
{
    struct running_job *running = arg;

    running->job.run(running->job.arg);
    loop_timer_set(running->timer, running->job.period_ms);
}

struct jobs *jobs_new(struct loop *loop, const struct job *table, size_t count)
{
    struct jobs *jobs = mem_alloc(sizeof(*jobs) + count * sizeof(jobs->jobs[0]));

    jobs->count = count;
    for (size_t i = 0; i < count; i++) {
        struct running_job *running = &jobs->jobs[i];

        running->job = table[i];
        running->timer = loop_timer_new(loop, on_time, running);
        loop_timer_set(running->timer, 0);
        LOG_DEBUG("job.started", "name=%s period_ms=%lld", table[i].name,
                  (long long)table[i].period_ms);
    }
    return jobs;
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    for (size_t i = 0; i < jobs->count; i++)
        loop_timer_free(jobs->jobs[i].timer);
    mem_free(jobs);
}
