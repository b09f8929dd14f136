#pragma once
/*
 * An event loop on libevent, one per thread, and the only home of libevent. Nothing here may be
 * called from another thread but loop_post() and loop_stop().
 *
 * Callbacks never block and do a bounded piece of work. An object with pending events is freed
 * through loop_defer_free(), so that no callback of the same turn meets freed memory.
 */
#include "lib/base/err.h"

struct loop;
struct loop_event; /* a file descriptor being watched */
struct loop_timer;
struct loop_signal;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void loop_fd_fn(int fd, int what, void *arg);
typedef void loop_fn(void *arg);
typedef void loop_signal_fn(int signal, void *arg);

MUST_USE bool loop_open(struct loop **out, struct err *err);
/* After everything on it was freed. Runs what is still queued, as loop_flush(). */
void loop_close(struct loop *loop);
/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
/* Waits for events once, runs their callbacks and what was put off: a step of loop_run(). */
void loop_turn(struct loop *loop);
/* Runs what was posted and put off, until nothing is left, without waiting for events. For the
 * end of a program: after loop_run(), before the objects these callbacks use are closed. */
void loop_flush(struct loop *loop);
/* From any thread: the loop returns from loop_run() soon. */
void loop_stop(struct loop *loop);
/* From any thread: `fn` runs once on the loop's thread, later. */
void loop_post(struct loop *loop, loop_fn *fn, void *arg);
/* From the loop's thread: `fn` runs at the end of this turn (never from inside the call). */
void loop_later(struct loop *loop, loop_fn *fn, void *arg);
/* `free_fn(object)` at the end of this loop turn. */
void loop_defer_free(struct loop *loop, void (*free_fn)(void *), void *object);

/* Watches `fd`; `what` is a mask of LOOP_READ and LOOP_WRITE (0: made, not watching). The
 * descriptor stays the caller's. */
struct loop_event *loop_event_new(struct loop *loop, int fd, int what, loop_fd_fn *fn, void *arg);
void loop_event_set(struct loop_event *event, int what);
void loop_event_free(struct loop_event *event);

/* A timer is made idle. Setting it again moves it. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg);
void loop_timer_set(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_cancel(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

/* Only on the loop of the main thread. */
struct loop_signal *loop_signal_new(struct loop *loop, int signal, loop_signal_fn *fn, void *arg);
void loop_signal_free(struct loop_signal *signal);

/*
 * One background thread for work that blocks (fsync, hashing a stored file). `work(arg)` runs
 * there, in order of arrival; then `done(arg)` runs once on `loop`.
 */
struct offload;
MUST_USE bool offload_open(struct offload **out, struct err *err);
/* Finishes what is queued, then ends the thread. */
void offload_close(struct offload *offload);
void offload_send(struct offload *offload, struct loop *loop, loop_fn *work, loop_fn *done,
                  void *arg);
