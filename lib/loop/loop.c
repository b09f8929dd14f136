/*
 * A turn is: wait for events, run their callbacks, then run what was posted by other threads,
 * then what was put off to the end of the turn, in the order it was queued. What a queued
 * function queues itself belongs to the next turn, which then does not wait.
 *
 * The base has no locks: other threads touch only the posted list (under the mutex), the stop
 * flag, and an eventfd that wakes the loop.
 */
#include "lib/loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/loop/internal.h"

struct call {
    struct list link;
    loop_fn *fn;
    void *arg;
};

struct loop {
    struct event_base *base;
    struct event *wake;
    int wake_fd;
    atomic_bool stopped;
    struct list later;
    pthread_mutex_t mutex;
    struct list posted; /* under the mutex */
};

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    uint64_t count;

    (void)what;
    (void)arg;
    (void)!read(fd, &count, sizeof(count)); /* only to make it quiet; the work is at turn's end */
}

static void wake(struct loop *loop)
{
    uint64_t one = 1;

    /* Fails only when 2^64 - 2 wakes are pending: then it is awake anyway. */
    (void)!write(loop->wake_fd, &one, sizeof(one));
}

static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (!config)
        return NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0 &&
        event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

bool loop_open(struct loop **out, struct err *err)
{
    struct loop *loop = mem_alloc(sizeof(*loop));

    list_init(&loop->later);
    list_init(&loop->posted);
    atomic_init(&loop->stopped, false);
    (void)pthread_mutex_init(&loop->mutex, NULL); /* cannot fail for a default mutex */
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        (void)err_system(err, "could not make an eventfd");
        loop_close(loop);
        return false;
    }
    loop->base = base_new();
    if (loop->base)
        loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    if (!loop->wake || event_add(loop->wake, NULL) != 0) {
        loop_close(loop);
        return err_set(err, ERR_SYSTEM, "could not make an event loop");
    }
    *out = loop;
    return true;
}

static void run_all(struct list *calls)
{
    struct list *link;

    while ((link = list_pop(calls))) {
        struct call *call = LIST_OF(link, struct call, link);
        struct call copy = *call;

        mem_free(call);
        copy.fn(copy.arg);
    }
}

/* Moves every member of `from` to the empty `to`. */
static void take_all(struct list *from, struct list *to)
{
    list_init(to);
    if (list_is_empty(from))
        return;
    *to = *from;
    to->next->prev = to;
    to->prev->next = to;
    list_init(from);
}

static void end_turn(struct loop *loop)
{
    struct list calls;

    (void)pthread_mutex_lock(&loop->mutex);
    take_all(&loop->posted, &calls);
    (void)pthread_mutex_unlock(&loop->mutex);
    run_all(&calls);
    take_all(&loop->later, &calls);
    run_all(&calls);
}

static bool has_posted(struct loop *loop)
{
    bool posted;

    (void)pthread_mutex_lock(&loop->mutex);
    posted = !list_is_empty(&loop->posted);
    (void)pthread_mutex_unlock(&loop->mutex);
    return posted;
}

void loop_flush(struct loop *loop)
{
    while (!list_is_empty(&loop->later) || has_posted(loop))
        end_turn(loop);
}

void loop_close(struct loop *loop)
{
    if (!loop)
        return;
    loop_flush(loop);
    if (loop->wake)
        event_free(loop->wake);
    if (loop->base)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        (void)close(loop->wake_fd);
    (void)pthread_mutex_destroy(&loop->mutex);
    mem_free(loop);
}

void loop_turn(struct loop *loop)
{
    int flags = EVLOOP_ONCE;

    if (!list_is_empty(&loop->later))
        flags |= EVLOOP_NONBLOCK;
    /* It fails only when the poll call does, which is our mistake or the machine's end. */
    ASSERT(event_base_loop(loop->base, flags) >= 0);
    end_turn(loop);
}

void loop_run(struct loop *loop)
{
    while (!atomic_load(&loop->stopped))
        loop_turn(loop);
    atomic_store(&loop->stopped, false);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopped, true);
    wake(loop);
}

static struct call *call_new(loop_fn *fn, void *arg)
{
    struct call *call = mem_alloc(sizeof(*call));

    call->fn = fn;
    call->arg = arg;
    return call;
}

void loop_post(struct loop *loop, loop_fn *fn, void *arg)
{
    struct call *call = call_new(fn, arg);

    (void)pthread_mutex_lock(&loop->mutex);
    list_add(&loop->posted, &call->link);
    wake(loop); /* under the lock, so that the loop cannot be closed between the two */
    (void)pthread_mutex_unlock(&loop->mutex);
}

void loop_later(struct loop *loop, loop_fn *fn, void *arg)
{
    list_add(&loop->later, &call_new(fn, arg)->link);
}

void loop_defer_free(struct loop *loop, void (*free_fn)(void *), void *object)
{
    loop_later(loop, free_fn, object);
}
