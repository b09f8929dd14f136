#include <criterion/criterion.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/loop/loop.h"

struct seen {
    struct loop *loop;
    int what;
    int count;
};

static void on_fd(int fd, int what, void *arg)
{
    struct seen *seen = arg;

    (void)fd;
    seen->what |= what;
    seen->count++;
}

static void on_time(void *arg)
{
    struct seen *seen = arg;

    seen->count++;
    loop_stop(seen->loop);
}

static void on_signal(int number, void *arg)
{
    struct seen *seen = arg;

    seen->what = number;
    loop_stop(seen->loop);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* A turn that does not wait. */
static void turn(struct loop *loop)
{
    loop_later(loop, nothing, NULL);
    loop_turn(loop);
}

Test(loop_watch, tells_which_of_reading_and_writing_is_possible)
{
    struct seen seen = {0};
    struct loop_event *event;
    struct err err = {0};
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    cr_assert(loop_open(&seen.loop, &err));
    event = loop_event_new(seen.loop, fds[0], 0, on_fd, &seen);

    turn(seen.loop);
    cr_expect_eq(seen.count, 0, "made without a mask it watches nothing");
    loop_event_set(event, LOOP_READ);
    turn(seen.loop);
    cr_expect_eq(seen.count, 0, "nothing to read");
    cr_assert_eq(write(fds[1], "x", 1), 1);
    turn(seen.loop);
    cr_expect_eq(seen.what, LOOP_READ);
    seen.what = 0;
    loop_event_set(event, LOOP_READ | LOOP_WRITE);
    turn(seen.loop);
    cr_expect_eq(seen.what, LOOP_READ | LOOP_WRITE);
    seen.count = 0;
    loop_event_set(event, 0);
    turn(seen.loop);
    cr_expect_eq(seen.count, 0, "stopped");

    loop_event_free(event);
    loop_event_free(NULL);
    loop_close(seen.loop);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

Test(loop_watch, a_timer_runs_once_and_a_cancelled_one_never)
{
    struct seen seen = {0};
    struct seen never = {0};
    struct loop_timer *timer;
    struct loop_timer *cancelled;
    struct err err = {0};

    cr_assert(loop_open(&seen.loop, &err));
    never.loop = seen.loop;
    timer = loop_timer_new(seen.loop, on_time, &seen);
    cancelled = loop_timer_new(seen.loop, on_time, &never);
    loop_timer_set(timer, 3600000);
    loop_timer_set(timer, 2); /* moves it */
    loop_timer_set(cancelled, 0);
    loop_timer_cancel(cancelled);
    loop_run(seen.loop);
    cr_expect_eq(seen.count, 1);
    cr_expect_eq(never.count, 0);

    loop_timer_free(timer);
    loop_timer_free(cancelled);
    loop_timer_free(NULL);
    loop_close(seen.loop);
}

Test(loop_watch, a_signal_arrives_as_a_callback)
{
    struct seen seen = {0};
    struct loop_signal *watched;
    struct err err = {0};

    cr_assert(loop_open(&seen.loop, &err));
    watched = loop_signal_new(seen.loop, SIGUSR1, on_signal, &seen);
    cr_assert_eq(raise(SIGUSR1), 0);
    loop_run(seen.loop);
    cr_expect_eq(seen.what, SIGUSR1);

    loop_signal_free(watched);
    loop_signal_free(NULL);
    loop_close(seen.loop);
}
