#pragma once
/*
 * What the operator's half does without being asked: follow changes that were made here or on
 * another node, keep timestamps young, make deltas. A table of jobs, on the first worker's loop.
 */
#include "lib/base/base.h"

struct upkeep;
struct worker;

/* Begins with reading everything; see upkeep_ready(). */
struct upkeep *upkeep_new(const struct worker *worker, const char *deltagen);
/* After the worker's database was closed. */
void upkeep_free(struct upkeep *upkeep);
/* The repositories were read at least once. */
bool upkeep_ready(const struct upkeep *upkeep);
/* Somebody changed something, or the database is back. */
void upkeep_wake(struct upkeep *upkeep);
