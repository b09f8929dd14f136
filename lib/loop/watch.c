/*
 * What a loop watches: descriptors, times and signals. Each is one allocation that holds
 * libevent's struct, so an idle connection costs one small block.
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "lib/base/mem.h"
#include "lib/loop/internal.h"
#include "lib/loop/loop.h"

struct loop_event {
    struct event event;
    struct loop *loop;
    loop_fd_fn *fn;
    void *arg;
    int fd;
    int what;
};

struct loop_timer {
    struct event event;
    loop_fn *fn;
    void *arg;
};

struct loop_signal {
    struct event event;
    loop_signal_fn *fn;
    void *arg;
};

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
    struct loop_event *event = arg;

    event->fn(fd, ((what & EV_READ) ? LOOP_READ : 0) | ((what & EV_WRITE) ? LOOP_WRITE : 0),
              event->arg);
}

struct loop_event *loop_event_new(struct loop *loop, int fd, int what, loop_fd_fn *fn, void *arg)
{
    struct loop_event *event = mem_alloc(sizeof(*event));

    event->loop = loop;
    event->fd = fd;
    event->fn = fn;
    event->arg = arg;
    loop_event_set(event, what);
    return event;
}

void loop_event_set(struct loop_event *event, int what)
{
    short mask = EV_PERSIST;

    if (what == event->what)
        return;
    if (event->what)
        ASSERT(event_del(&event->event) == 0);
    event->what = what;
    if (!what)
        return;
    if (what & LOOP_READ)
        mask |= EV_READ;
    if (what & LOOP_WRITE)
        mask |= EV_WRITE;
    ASSERT(event_assign(&event->event, loop_base(event->loop), event->fd, mask, on_fd, event) == 0);
    ASSERT(event_add(&event->event, NULL) == 0);
}

void loop_event_free(struct loop_event *event)
{
    if (!event)
        return;
    loop_event_set(event, 0);
    mem_free(event);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct loop_timer *timer = arg;

    (void)fd;
    (void)what;
    timer->fn(timer->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_timer *timer = mem_alloc(sizeof(*timer));

    timer->fn = fn;
    timer->arg = arg;
    ASSERT(evtimer_assign(&timer->event, loop_base(loop), on_timer, timer) == 0);
    return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms)
{
    struct timeval delay = {0};

    if (delay_ms > 0) {
        delay.tv_sec = (time_t)(delay_ms / 1000);
        delay.tv_usec = (suseconds_t)(delay_ms % 1000 * 1000);
    }
    ASSERT(event_add(&timer->event, &delay) == 0);
}

void loop_timer_cancel(struct loop_timer *timer)
{
    (void)event_del(&timer->event); /* an idle timer stays idle */
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    loop_timer_cancel(timer);
    mem_free(timer);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct loop_signal *signal = arg;

    (void)what;
    signal->fn((int)number, signal->arg);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signal, loop_signal_fn *fn, void *arg)
{
    struct loop_signal *watched = mem_alloc(sizeof(*watched));

    watched->fn = fn;
    watched->arg = arg;
    ASSERT(evsignal_assign(&watched->event, loop_base(loop), signal, on_signal, watched) == 0);
    ASSERT(evsignal_add(&watched->event, NULL) == 0);
    return watched;
}

void loop_signal_free(struct loop_signal *signal)
{
    if (!signal)
        return;
    (void)evsignal_del(&signal->event);
    mem_free(signal);
}
