#pragma once
/*
 * What the model and a device's facts come to: the view that rollout_choose() decides from, and
 * what a decision means in terms of deployments and images.
 */
#include "server/fleet/index.h"
#include "server/fleet/model.h"

struct fleet_plan {
    enum rollout_action action;
    enum rollout_reason reason;                /* why nothing is granted */
    const struct model_group *group;           /* NULL: memory does not know the group yet */
    const struct model_deployment *deployment; /* to grant, or the one of the device's row */
    uint32_t phase;                            /* of a grant: the first that holds the device */
    const struct model_image *image;           /* to fetch: the goal, or a stepping stone */
    const struct store_model_delta *delta;     /* to it from what the device runs, or NULL */
};

/* `told`: the assignment that the device has. */
void fleet_plan_make(const struct model *model, const struct fleet_facts *facts, uint64_t told,
                     int64_t now_ms, struct fleet_plan *out);
/* The same, and what it was decided from, for people who ask why. */
struct fleet_trace {
    struct rollout_view view;
    const struct model_image *current;  /* what would be next in the group's deployment, or NULL */
    const struct model_image *baseline; /* ... and on the way to its baseline */
    int64_t counter;                    /* of what the device runs; INT64_MIN: not known */
};
void fleet_plan_trace(const struct model *model, const struct fleet_facts *facts, uint64_t told,
                      int64_t now_ms, struct fleet_plan *out, struct fleet_trace *trace);
/* What it will fetch. */
int64_t fleet_plan_bytes(const struct fleet_plan *plan);

/* How a running deployment waits for a device. */
enum fleet_wait {
    FLEET_WAIT_NOT,
    FLEET_WAIT_FOR_IT,  /* its row is open; or it is in a phase that began, and due */
    FLEET_WAIT_FOR_ONE, /* the running phase counts, and it would be one of them */
};
enum fleet_wait fleet_waits_for(const struct model *model,
                                const struct model_deployment *deployment,
                                const struct fleet_facts *facts, int64_t now_ms);
/* A device as the phases of a deployment with that salt ask about it. */
struct fleet_asking {
    struct rollout_device device;
    const struct model *model;
    const struct fleet_facts *facts;
};
void fleet_asking_init(struct fleet_asking *asking, const struct model *model,
                       const struct fleet_facts *facts, const char *salt);
bool fleet_runs(const struct fleet_facts *facts, const uint8_t sha256[HASH_BYTES]);
/* The newest release counter of the images that it runs; INT64_MIN: we had none of them. */
int64_t fleet_counter_of(const struct model *model, const struct fleet_facts *facts);
