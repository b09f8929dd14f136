#pragma once
/*
 * Who is still waited for: one walk over the index, in bounded steps, for all running deployments
 * at once. Pure but for the index.
 */
#include "server/fleet/fleet.h"
#include "server/rollout/gate.h"

struct census;

/* Begins a walk. `up_since_ms`: when this server began to see devices; until a device had the
 * time to be seen it is taken to be awake. */
struct census *census_new(struct model *model, struct fleet_index *index, int64_t now_ms,
                          int64_t up_since_ms);
void census_free(struct census *census);
/* Looks at up to `max` more devices; false when that were all. */
bool census_step(struct census *census, size_t max);
/* Of a deployment of the model. */
struct rollout_census census_of(const struct census *census,
                                const struct model_deployment *deployment);
