#include <criterion/criterion.h>
#include <pthread.h>

#include "lib/loop/loop.h"

enum { JOBS = 100 };

struct job {
    struct loop *loop;
    pthread_t worked_on;
    pthread_t done_on;
    int *order;
    int place;
    bool done;
};

static void work(void *arg)
{
    struct job *job = arg;

    job->worked_on = pthread_self();
    job->place = ++*job->order;
}

static void on_done(void *arg)
{
    struct job *job = arg;

    job->done_on = pthread_self();
    job->done = true;
    if (job->place == JOBS)
        loop_stop(job->loop);
}

Test(offload, works_elsewhere_in_order_and_reports_on_the_loop)
{
    struct job jobs[JOBS] = {0};
    struct offload *offload;
    struct loop *loop;
    struct err err = {0};
    int order = 0;

    cr_assert(loop_open(&loop, &err));
    cr_assert(offload_open(&offload, &err));
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.loop = loop, .order = &order};
        offload_send(offload, loop, work, on_done, &jobs[i]);
    }
    loop_run(loop);
    for (int i = 0; i < JOBS; i++) {
        cr_expect(jobs[i].done, "job %d", i);
        cr_expect_eq(jobs[i].place, i + 1, "job %d", i);
        cr_expect_not(pthread_equal(jobs[i].worked_on, pthread_self()), "job %d", i);
        cr_expect(pthread_equal(jobs[i].done_on, pthread_self()), "job %d", i);
    }

    offload_close(offload);
    loop_close(loop);
}

Test(offload, closing_finishes_what_was_sent)
{
    struct job jobs[JOBS] = {0};
    struct offload *offload;
    struct loop *loop;
    struct err err = {0};
    int order = 0;

    cr_assert(loop_open(&loop, &err));
    cr_assert(offload_open(&offload, &err));
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.loop = loop, .order = &order};
        offload_send(offload, loop, work, on_done, &jobs[i]);
    }
    offload_close(offload);
    loop_flush(loop);
    for (int i = 0; i < JOBS; i++)
        cr_expect(jobs[i].done, "job %d", i);

    offload_close(NULL);
    loop_close(loop);
}
