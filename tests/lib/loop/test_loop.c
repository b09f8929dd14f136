#include "lib/loop/loop.h"

#include <criterion/criterion.h>
#include <pthread.h>

#include "lib/base/mem.h"

struct trail {
    struct loop *loop;
    char text[16];
    size_t len;
};

static void step(struct trail *trail, char c)
{
    trail->text[trail->len++] = c;
}

static void on_b(void *arg)
{
    step(arg, 'b');
}

static void on_a(void *arg)
{
    struct trail *trail = arg;

    step(trail, 'a');
    loop_later(trail->loop, on_b, trail);
    step(trail, '.');
}

static void on_stop(void *arg)
{
    loop_stop(arg);
}

static struct loop *open_loop(void)
{
    struct loop *loop = NULL;
    struct err err = {0};

    cr_assert(loop_open(&loop, &err), "%s", err.text);
    return loop;
}

Test(loop, runs_what_was_put_off_in_order_and_never_from_inside_the_call)
{
    struct trail trail = {.loop = open_loop()};

    loop_later(trail.loop, on_a, &trail);
    cr_expect_str_eq(trail.text, "", "nothing runs inside the call");
    loop_turn(trail.loop);
    cr_expect_str_eq(trail.text, "a.", "what a call puts off belongs to the next turn");
    loop_turn(trail.loop);
    cr_expect_str_eq(trail.text, "a.b");

    loop_close(trail.loop);
}

Test(loop, flush_runs_everything_that_is_queued)
{
    struct trail trail = {.loop = open_loop()};

    loop_post(trail.loop, on_a, &trail);
    loop_flush(trail.loop);
    cr_expect_str_eq(trail.text, "a.b");

    loop_close(trail.loop);
}

Test(loop, frees_deferred_objects_at_the_latest_when_it_is_closed)
{
    struct loop *loop = open_loop();

    loop_defer_free(loop, mem_free, mem_alloc(10));
    loop_turn(loop);
    loop_defer_free(loop, mem_free, mem_alloc(10));
    loop_close(loop); /* the leak check of the asan build is the judge */
    loop_close(NULL);
}

enum { POSTS = 1000 };

struct poster {
    struct loop *loop;
    int *count;
};

static void on_post(void *arg)
{
    int *count = arg;

    ++*count;
}

static void *post_many(void *arg)
{
    struct poster *poster = arg;

    for (int i = 0; i < POSTS; i++)
        loop_post(poster->loop, on_post, poster->count);
    loop_post(poster->loop, on_stop, poster->loop);
    return NULL;
}

Test(loop, runs_every_post_of_another_thread_on_its_own_thread)
{
    int count = 0;
    struct poster poster = {.loop = open_loop(), .count = &count};
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, post_many, &poster), 0);
    loop_run(poster.loop);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_expect_eq(count, POSTS);

    loop_close(poster.loop);
}

Test(loop, a_stop_before_the_run_is_not_forgotten)
{
    struct loop *loop = open_loop();

    loop_stop(loop);
    loop_run(loop);
    loop_later(loop, on_stop, loop);
    loop_run(loop); /* and the loop can run again */

    loop_close(loop);
}
