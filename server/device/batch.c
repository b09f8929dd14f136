/* See the header for the idea; the rest is a list and two flags. */
#include "server/device/batch.h"

#include "lib/base/mem.h"
#include "lib/loop/loop.h"

struct batch {
    struct loop *loop;
    struct list waiting;
    size_t waiting_count;
    bool is_due;  /* on_due() will run */
    bool is_sent; /* and not back */
    batch_send_fn *send;
    void *arg;
    size_t max;
    struct batch_item *items[];
};

struct batch *batch_new(struct loop *loop, size_t max, batch_send_fn *send, void *arg)
{
    struct batch *batch = mem_alloc(sizeof(*batch) + max * sizeof(void *));

    list_init(&batch->waiting);
    batch->loop = loop;
    batch->max = max;
    batch->send = send;
    batch->arg = arg;
    return batch;
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    ASSERT(batch->waiting_count == 0 && !batch->is_due && !batch->is_sent);
    mem_free(batch);
}

static void on_due(void *arg)
{
    struct batch *batch = arg;
    size_t count = 0;

    batch->is_due = false;
    while (count < batch->max && batch->waiting_count > 0)
        batch->items[count++] = batch_pop(batch);
    if (count == 0)
        return;
    batch->is_sent = true;
    batch->send(batch->items, count, batch->arg);
}

static void make_due(struct batch *batch)
{
    if (batch->is_due || batch->is_sent || batch->waiting_count == 0)
        return;
    batch->is_due = true;
    loop_later(batch->loop, on_due, batch);
}

void batch_add(struct batch *batch, struct batch_item *item)
{
    list_add(&batch->waiting, &item->link);
    batch->waiting_count++;
    make_due(batch);
}

void batch_sent(struct batch *batch)
{
    ASSERT(batch->is_sent);
    batch->is_sent = false;
    make_due(batch);
}

size_t batch_waiting(const struct batch *batch)
{
    return batch->waiting_count;
}

struct batch_item *batch_pop(struct batch *batch)
{
    struct list *link = list_pop(&batch->waiting);

    if (!link)
        return NULL;
    batch->waiting_count--;
    return LIST_OF(link, struct batch_item, link);
}
