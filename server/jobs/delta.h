#pragma once
/*
 * The node's delta worker: queues the deltas that releases want, and makes one at a time in a
 * child process (deltagen), kept when it pays. Lives on one loop; survives the loss of the
 * database, of the child and of itself: the lease in the row runs out, and anybody goes on. Those
 * that nobody fetches any more are given up.
 */
#include "lib/base/err.h"

struct artifact_store;
struct db;
struct delta_worker;
struct loop;
struct offload;

struct delta_place {
    struct db *db;
    struct loop *loop;
    struct offload *offload;
    const struct artifact_store *artifacts;
    const char *program;   /* deltagen; "": the one beside this program */
    uint64_t devices_min;  /* that run an image from which a delta is made */
    uint64_t memory_bytes; /* what a deltagen is told to keep to, and gets only when it is free */
};

struct delta_worker *delta_worker_new(const struct delta_place *place);
/* Kills the child. After the database was closed and the loop flushed. */
void delta_worker_free(struct delta_worker *worker);
/* Looks for work: when an operator changed something, and every half minute (a worker elsewhere
 * may have died, a fleet may run something else by now). */
void delta_worker_run(struct delta_worker *worker);
/* Gives up those that nobody fetches; delta_worker_run() does so once an hour. */
void delta_worker_collect(struct delta_worker *worker);
