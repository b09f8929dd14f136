/* The one model in use. A reader looks at a number first, and takes the lock only when there is
 * a newer model than the one it has. */
#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/mem.h"
#include "server/fleet/model.h"

struct model_holder {
    pthread_mutex_t lock;
    struct model *model;
    _Atomic uint64_t generation;
};

struct model_holder *model_holder_new(void)
{
    struct model_holder *holder = mem_alloc(sizeof(*holder));

    ASSERT(pthread_mutex_init(&holder->lock, NULL) == 0);
    atomic_init(&holder->generation, 0);
    return holder;
}

void model_holder_free(struct model_holder *holder)
{
    if (!holder)
        return;
    model_unref(holder->model);
    (void)pthread_mutex_destroy(&holder->lock);
    mem_free(holder);
}

void model_holder_set(struct model_holder *holder, struct model *model)
{
    struct model *old;

    ASSERT(pthread_mutex_lock(&holder->lock) == 0);
    old = holder->model;
    holder->model = model;
    (void)atomic_fetch_add(&holder->generation, 1);
    ASSERT(pthread_mutex_unlock(&holder->lock) == 0);
    model_unref(old);
}

struct model *model_holder_get(struct model_holder *holder)
{
    struct model *model;

    ASSERT(pthread_mutex_lock(&holder->lock) == 0);
    model = holder->model ? model_ref(holder->model) : NULL;
    ASSERT(pthread_mutex_unlock(&holder->lock) == 0);
    return model;
}

void model_reader_init(struct model_reader *reader, struct model_holder *holder)
{
    *reader = (struct model_reader){.holder = holder};
}

void model_reader_done(struct model_reader *reader)
{
    model_unref(reader->model);
    reader->model = NULL;
}

const struct model *model_reader_get(struct model_reader *reader)
{
    uint64_t generation = atomic_load(&reader->holder->generation);

    if (generation != reader->generation) {
        struct model *model = model_holder_get(reader->holder);

        model_unref(reader->model);
        reader->model = model;
        reader->generation = generation; /* a newer model with an older number is only re-read */
    }
    return reader->model;
}
