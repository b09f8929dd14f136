#pragma once
/*
 * What the device's half does without being asked: fill the memory and keep it fresh, write
 * last-seen times behind, tick the deployments. A table of jobs, on the first worker's loop.
 */
#include "lib/base/base.h"

struct clockwork;
struct worker;

/* Begins to fill worker->fleet; see clockwork_ready(). Before the other workers run. */
struct clockwork *clockwork_new(const struct worker *worker);
/* After the worker's database was closed, before its loop is. */
void clockwork_free(struct clockwork *clockwork);
/* The memory is filled. */
bool clockwork_ready(const struct clockwork *clockwork);
/* Somebody changed something, or the database is back. */
void clockwork_wake(struct clockwork *clockwork);
