#pragma once
/*
 * The memory of the server: the index of devices and the model, how they are filled and kept
 * fresh, and what is written behind. One for the process; filled and refreshed on one loop.
 */
#include "server/fleet/index.h"
#include "server/fleet/model.h"

struct loop;
struct fleet;

struct fleet *fleet_new(void);
void fleet_free(struct fleet *fleet);

struct fleet_index *fleet_index_of(struct fleet *fleet);
struct model_holder *fleet_model_of(struct fleet *fleet);

/* Begins to read the model, the devices and the sessions, again and again until it worked. */
void fleet_start(struct fleet *fleet, struct loop *loop, struct db *db);
/* After the database was closed, before the loop is. */
void fleet_stop(struct fleet *fleet);
bool fleet_is_ready(const struct fleet *fleet);
/* Something changed (a notification), or may have (a new connection): reads the model. */
void fleet_reload(struct fleet *fleet);
/* Jobs, on the same loop; `arg` is the fleet. Reads the model if something changed whose
 * notification was lost. */
void fleet_check(void *arg);
/* Writes last-seen times, one batch after the other until none is left. */
void fleet_flush_seen(void *arg);
/* A batch of them is on its way. */
bool fleet_is_flushing(const struct fleet *fleet);

/* A grant of the baseline in this group now? At most BASELINE_GRANTS_PER_S_MAX; any thread. */
bool fleet_pace(struct fleet *fleet, int64_t group_id, int64_t now_mono_ms);

/* A deployment whose budget was used up when it was last asked: nobody asks again for
 * FLEET_FULL_MS. Any thread. Deployments share slots, so another one may wait with it. */
void fleet_full(struct fleet *fleet, int64_t deployment_id, int64_t now_mono_ms);
bool fleet_is_full(struct fleet *fleet, int64_t deployment_id, int64_t now_mono_ms);

/* Any thread may say that counters moved; `fn` must be quick and safe to call from any thread.
 * Set before the workers run. */
void fleet_on_moved(struct fleet *fleet, void (*fn)(void *arg), void *arg);
void fleet_moved(struct fleet *fleet);
