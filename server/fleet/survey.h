#pragma once
/*
 * A count of whom a deployment would reach, taken over the index in bounded steps: who is eligible,
 * who is skipped and why, how many in each phase, how many bytes. Nothing is written, nobody is
 * asked; the deployment may be one that does not exist.
 *
 * A phase that counts takes whoever asks first, which nobody knows before: its devices are taken
 * from the others in proportion.
 */
#include "server/fleet/index.h"
#include "server/fleet/model.h"

enum { SURVEY_PHASES_MAX = 64, SURVEY_AGES = 32, SURVEY_STONES_MAX = 16 };

struct survey_ask {
    const struct model *model;
    int64_t group_id;
    /* What the phases, images and policies say; no group needs to have it. */
    struct model_deployment deployment;
    const struct store_model_delta *deltas; /* by (from, to), to its images and stones */
    size_t delta_count;
    /* Only rows that wait for it: devices that have ended in this deployment, or are at it, are
     * counted apart. */
    bool is_running;
};

struct survey_phase {
    uint64_t devices;
    uint64_t bytes;
};

struct survey {
    uint64_t devices; /* of the group */
    uint64_t skipped[REASON_COUNT];
    uint64_t lost; /* not heard of for SURVEY_LOST_MS, or never */
    uint64_t eligible;
    uint64_t asleep; /* of these, not heard of lately: no phase waits for them */
    uint64_t under_way;
    uint64_t ended;
    uint64_t delta_devices, delta_bytes;
    uint64_t full_devices, full_bytes;
    /* Of the eligible, how long ago they were heard of: [n] below 2^n seconds. Also how long it is
     * until they are heard of next: looked at in the middle, both sides of a wait are alike. */
    uint64_t ages[SURVEY_AGES];
    struct survey_phase phases[SURVEY_PHASES_MAX]; /* of deployment.phase_count */
};

struct survey_walk;

/* `ask` and what it points to outlive the walk. */
struct survey_walk *survey_walk_new(struct fleet_index *index, const struct survey_ask *ask,
                                    int64_t now_ms);
void survey_walk_free(struct survey_walk *walk);
/* Looks at up to `max` devices more. False when that were the last: then survey_read(). */
bool survey_step(struct survey_walk *walk, size_t max);
void survey_read(struct survey_walk *walk, struct survey *out);
