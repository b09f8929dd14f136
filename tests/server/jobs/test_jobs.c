#include "server/jobs/jobs.h"

#include <criterion/criterion.h>

#include "lib/loop/loop.h"

static void count(void *arg)
{
    ++*(int *)arg;
}

Test(jobs, run_soon_and_again_after_their_period)
{
    int often = 0, seldom = 0;
    const struct job table[] = {{"often", 1, count, &often}, {"seldom", 3600000, count, &seldom}};
    struct loop *loop;
    struct jobs *jobs;
    struct err err;

    cr_assert(loop_open(&loop, &err));
    jobs = jobs_new(loop, table, COUNT(table));
    cr_expect_eq(often + seldom, 0, "never from inside the call");
    while (often < 5)
        loop_turn(loop);
    cr_expect_eq(seldom, 1);
    jobs_free(jobs);
    loop_close(loop);
}
