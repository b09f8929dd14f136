#pragma once
/*
 * Who is still waited for, and who has gone quiet: one walk over the index, in bounded steps, for
 * all running deployments at once. Pure but for the index.
 */
#include "server/fleet/fleet.h"

struct census;

/* The members of the phases so far. */
struct census_tally {
    bool is_known;          /* false: it was not taken for this phase yet */
    uint64_t waiting;       /* due and not settled: their row, if any, is still open */
    uint64_t awake_waiting; /* of these, seen lately */
    uint64_t candidates;    /* for a phase that counts and still takes some */
    uint64_t awake_candidates;
    /* Heard of since the deployment began; silent for so many poll intervals. */
    uint64_t silent_intervals;
    uint64_t updated; /* were allowed to switch */
    uint64_t updated_silent;
    uint64_t control; /* were not */
    uint64_t control_silent;
};

/* Begins a walk. `up_since_ms`: when this server began to see devices; until a device had the
 * time to be seen it is taken to be awake. */
struct census *census_new(struct model *model, struct fleet_index *index, int64_t now_ms,
                          int64_t up_since_ms);
void census_free(struct census *census);
/* Looks at up to `max` more devices; false when that were all. */
bool census_step(struct census *census, size_t max);
/* Of a deployment of the model. */
struct census_tally census_of(const struct census *census,
                              const struct model_deployment *deployment);
