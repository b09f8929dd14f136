#pragma once
/*
 * Every night the counters of deployments are held against the rows that they count. A difference
 * is a mistake of ours: it is logged and a metric, and nothing is changed.
 */
#include <stdint.h>

struct db;
struct metrics;
struct recount;

enum { RECOUNT_RUN_MS = 24 * 3600 * 1000 };

struct recount *recount_new(struct db *db, struct metrics *metrics);
/* A run under way ends with the database. */
void recount_free(struct recount *recount);
void recount_run(struct recount *recount);
