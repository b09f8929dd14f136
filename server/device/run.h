#pragma once
/*
 * A batch of requests that are answered after their commit and not before. One that the database
 * could not take, but may the next moment, is tried again, whole; one that it refuses is split in
 * halves until the one request that it refuses stands alone, so that nobody else's is lost with it.
 */
#include "server/db/db.h"
#include "server/device/batch.h"

struct device_desk;
struct http_request;
struct run;

/* What is in the batches. */
struct run_kind {
    const char *name; /* for the log */
    struct http_request *(*request_of)(struct batch_item *item);
    /* Sends the statement, with run_stored() and `run`. */
    void (*store)(struct run *run, struct batch_item *const *items, size_t count);
    /* It was committed; before the answers go out. */
    void (*note)(struct device_desk *desk, const struct db_result *result);
};

struct run *run_new(struct device_desk *desk, const struct run_kind *kind);
/* After the database was closed: answers what waits and what it would have tried again. */
void run_stop(struct run *run);
/* After run_stop() and a flush of the loop. */
void run_free(struct run *run);
struct batch *run_batch(struct run *run);
struct device_desk *run_desk(struct run *run);
/* The statement's db_done_fn. */
db_done_fn run_stored;
