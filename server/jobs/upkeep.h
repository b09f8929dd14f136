#pragma once
/*
 * What the operator's half does without being asked: follow changes that were made here or on
 * another node, keep timestamps young, make deltas. A table of jobs, on the first worker's loop.
 */
#include <stdint.h>

#include "lib/base/base.h"

struct upkeep;
struct worker;

struct upkeep_options {
    const char *deltagen; /* programs; "": those beside this one */
    const char *symbolize;
    uint64_t delta_devices; /* as the configuration's */
    uint64_t delta_memory;
    int64_t report_days; /* how long raw events are kept ... */
    int64_t attachment_days;
};

/* Begins with reading everything; see upkeep_ready(). */
struct upkeep *upkeep_new(const struct worker *worker, const struct upkeep_options *options);
/* After the worker's database was closed. */
void upkeep_free(struct upkeep *upkeep);
/* The repositories were read at least once. */
bool upkeep_ready(const struct upkeep *upkeep);
/* Somebody changed something, or the database is back. */
void upkeep_wake(struct upkeep *upkeep);
