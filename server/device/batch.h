#pragma once
/*
 * Group commit without a timer: while one batch is on its way to the database, what arrives
 * waits; when it has come back, everything that waits (up to a maximum) is the next one. An idle
 * batcher sends at the end of the loop turn, so that one turn's arrivals travel together.
 */
#include "lib/base/list.h"

struct loop;

/* A member of the caller's struct. */
struct batch_item {
    struct list link;
};

struct batch;
/* Send `items[0..count)`; call batch_sent() when that ended, later. The array stays until then. */
typedef void batch_send_fn(struct batch_item *const *items, size_t count, void *arg);

struct batch *batch_new(struct loop *loop, size_t max, batch_send_fn *send, void *arg);
/* Nothing may wait or be on its way. */
void batch_free(struct batch *batch);
void batch_add(struct batch *batch, struct batch_item *item);
void batch_sent(struct batch *batch);
/* What has not been sent yet. */
size_t batch_waiting(const struct batch *batch);
/* Takes one out that was not sent yet, for the end of the program; NULL: none. */
struct batch_item *batch_pop(struct batch *batch);
