#include "server/device/batch.h"

#include <criterion/criterion.h>

#include "lib/loop/loop.h"

struct thing {
    struct batch_item item;
    int number;
};

struct sent {
    struct batch *batch;
    size_t batches;
    size_t count; /* of the last one */
    int first;
};

static void note(struct batch_item *const *items, size_t count, void *arg)
{
    struct sent *sent = arg;

    sent->batches++;
    sent->count = count;
    sent->first = LIST_OF(items[0], struct thing, item)->number;
}

Test(batch, what_arrives_while_one_is_on_its_way_is_the_next_one)
{
    struct thing things[10];
    struct sent sent = {0};
    struct loop *loop;
    struct err err;

    cr_assert(loop_open(&loop, &err));
    sent.batch = batch_new(loop, 4, note, &sent);
    for (int i = 0; i < 10; i++)
        things[i].number = i;

    batch_add(sent.batch, &things[0].item);
    batch_add(sent.batch, &things[1].item);
    cr_expect_eq(sent.batches, 0, "never from inside the call");
    loop_flush(loop);
    cr_expect_eq(sent.batches, 1);
    cr_expect_eq(sent.count, 2, "one turn's arrivals travel together");
    for (int i = 2; i < 10; i++)
        batch_add(sent.batch, &things[i].item);
    loop_flush(loop);
    cr_expect_eq(sent.batches, 1, "one at a time");
    cr_expect_eq(batch_waiting(sent.batch), 8);
    batch_sent(sent.batch);
    loop_flush(loop);
    cr_expect_eq(sent.count, 4, "at most so many");
    cr_expect_eq(sent.first, 2, "first come, first served");
    batch_sent(sent.batch);
    loop_flush(loop);
    cr_expect_eq(sent.first, 6);
    batch_sent(sent.batch);
    loop_flush(loop);
    cr_expect_eq(sent.batches, 3, "nothing waits, nothing is sent");

    batch_add(sent.batch, &things[0].item);
    cr_expect_eq(batch_pop(sent.batch), &things[0].item);
    cr_expect_null(batch_pop(sent.batch));
    loop_flush(loop);
    cr_expect_eq(sent.batches, 3, "what was taken out is not sent");
    batch_free(sent.batch);
    loop_close(loop);
}
