#pragma once
/*
 * The collector of artifacts: images that nothing keeps (see `slipway artifact why`) go after 30
 * days, their rows first, then their files. Every hour; any number of servers may do it. A crash at
 * any point leaves a file too much for the next run, never one too few.
 */
#include <stdbool.h>
#include <stdint.h>

struct artifact_store;
struct collector;
struct db;
struct loop;
struct offload;

enum { COLLECT_RUN_MS = 3600 * 1000, COLLECT_GRACE_S = 30 * 24 * 3600 };

struct collect_place {
    struct db *db;
    struct loop *loop;
    struct offload *offload;
    const struct artifact_store *artifacts;
    int64_t grace_s;
};

struct collector *collector_new(const struct collect_place *place);
/* After the database was closed and the loop flushed. */
void collector_free(struct collector *collector);
void collector_run(struct collector *collector);
bool collector_is_running(const struct collector *collector);
