/* One thread and a queue. The thread ends when it was told to and the queue is empty, so nothing
 * that was sent is lost. */
#include <pthread.h>

#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/loop/loop.h"

struct task {
    struct list link;
    struct loop *loop;
    loop_fn *work;
    loop_fn *done;
    void *arg;
};

struct offload {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct list tasks; /* these two under the mutex */
    bool ending;
};

/* The next task, or NULL when it is time to end. */
static struct task *wait_for_task(struct offload *offload)
{
    struct list *link;

    (void)pthread_mutex_lock(&offload->mutex);
    while (list_is_empty(&offload->tasks) && !offload->ending)
        (void)pthread_cond_wait(&offload->changed, &offload->mutex);
    link = list_pop(&offload->tasks);
    (void)pthread_mutex_unlock(&offload->mutex);
    return link ? LIST_OF(link, struct task, link) : NULL;
}

static void *run(void *arg)
{
    struct offload *offload = arg;
    struct task *task;

    while ((task = wait_for_task(offload))) {
        task->work(task->arg);
        loop_post(task->loop, task->done, task->arg);
        mem_free(task);
    }
    return NULL;
}

bool offload_open(struct offload **out, struct err *err)
{
    struct offload *offload = mem_alloc(sizeof(*offload));

    list_init(&offload->tasks);
    (void)pthread_mutex_init(&offload->mutex, NULL); /* these two cannot fail with defaults */
    (void)pthread_cond_init(&offload->changed, NULL);
    if (pthread_create(&offload->thread, NULL, run, offload) != 0) {
        (void)pthread_cond_destroy(&offload->changed);
        (void)pthread_mutex_destroy(&offload->mutex);
        mem_free(offload);
        return err_set(err, ERR_SYSTEM, "could not start a thread");
    }
    *out = offload;
    return true;
}

void offload_close(struct offload *offload)
{
    if (!offload)
        return;
    (void)pthread_mutex_lock(&offload->mutex);
    offload->ending = true;
    (void)pthread_cond_signal(&offload->changed);
    (void)pthread_mutex_unlock(&offload->mutex);
    (void)pthread_join(offload->thread, NULL);
    (void)pthread_cond_destroy(&offload->changed);
    (void)pthread_mutex_destroy(&offload->mutex);
    mem_free(offload);
}

void offload_send(struct offload *offload, struct loop *loop, loop_fn *work, loop_fn *done,
                  void *arg)
{
    struct task *task = mem_alloc(sizeof(*task));

    task->loop = loop;
    task->work = work;
    task->done = done;
    task->arg = arg;
    (void)pthread_mutex_lock(&offload->mutex);
    ASSERT(!offload->ending);
    list_add(&offload->tasks, &task->link);
    (void)pthread_cond_signal(&offload->changed);
    (void)pthread_mutex_unlock(&offload->mutex);
}
