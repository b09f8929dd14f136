#pragma once
/*
 * What the model and a device's facts come to: the view that rollout_choose() decides from, and
 * what a decision means in terms of deployments and images.
 */
#include "server/fleet/index.h"
#include "server/fleet/model.h"

struct fleet_plan {
    enum rollout_action action;
    const struct model_group *group;           /* NULL: memory does not know the group yet */
    const struct model_deployment *deployment; /* to grant, or the one of the device's row */
    uint32_t phase;                            /* of a grant: the first that holds the device */
};

/* `told`: the assignment that the device has. */
void fleet_plan_make(const struct model *model, const struct fleet_facts *facts, uint64_t told,
                     struct fleet_plan *out);

/* Whether a running deployment still waits for the device: its row is open, or it is in a phase
 * that began, is meant (see rollout_choose()) and runs another image. */
bool fleet_is_waited_for(const struct model *model, const struct model_deployment *deployment,
                         const struct fleet_facts *facts);
bool fleet_runs(const struct fleet_facts *facts, const uint8_t sha256[HASH_BYTES]);
