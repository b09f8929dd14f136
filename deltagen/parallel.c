/* Each thread takes the next number until there is none; the caller is one of the threads. */
#include "deltagen/parallel.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS_MAX = 64 };

struct pool {
    size_t count;
    void (*work)(void *arg, size_t i);
    void *arg;
    atomic_size_t next;
};

static void *run(void *arg)
{
    struct pool *pool = arg;
    size_t i;

    while ((i = atomic_fetch_add(&pool->next, 1)) < pool->count)
        pool->work(pool->arg, i);
    return NULL;
}

void parallel_run(size_t count, unsigned threads, void (*work)(void *arg, size_t i), void *arg)
{
    struct pool pool = {.count = count, .work = work, .arg = arg};
    pthread_t started[THREADS_MAX];
    unsigned wanted = threads < THREADS_MAX ? threads : THREADS_MAX;
    unsigned running = 0;

    /* A thread that cannot start is work for the others. */
    while (running + 1 < wanted && running + 1 < count &&
           !pthread_create(&started[running], NULL, run, &pool))
        running++;
    (void)run(&pool);
    while (running > 0)
        (void)pthread_join(started[--running], NULL);
}
