#pragma once
/* Background work on one loop: a table of name, period and function. */
#include "lib/base/base.h"

struct loop;
struct jobs;

struct job {
    const char *name;
    int64_t period_ms;      /* from the end of a run to the next one */
    void (*run)(void *arg); /* quick: what takes long goes on by itself and skips runs meanwhile */
    void *arg;
};

/* Copies the table. The first run of each job is soon. */
struct jobs *jobs_new(struct loop *loop, const struct job *table, size_t count);
void jobs_free(struct jobs *jobs);
