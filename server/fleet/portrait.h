#pragma once
/*
 * How a fleet looks now: each group's devices by what they run and by how they are. Taken over the
 * index in bounded steps and made anew each time, so it cannot drift from what the index knows.
 */
#include "server/fleet/index.h"
#include "server/fleet/model.h"

/* Each device that is not decommissioned is in exactly one of these; the first that fits counts,
 * from the last to the first. */
enum portrait_class {
    PORTRAIT_ONLINE,      /* none of the others */
    PORTRAIT_QUIET,       /* not heard of in AWAKE_INTERVALS of its poll intervals */
    PORTRAIT_FAILING,     /* its newest update failed or was rolled back */
    PORTRAIT_HELD,        /* kept on what it runs, or its group is */
    PORTRAIT_QUARANTINED, /* gets nothing */
    PORTRAIT_CLASS_COUNT,
};

enum { PORTRAIT_VERSIONS_MAX = 256 };

struct portrait_version {
    uint8_t image[HASH_BYTES];
    uint64_t devices;
};

struct portrait_group {
    int64_t group_id;
    int64_t tenant_id;
    uint64_t classes[PORTRAIT_CLASS_COUNT];
    /* Of every image that devices say they run; one that runs several counts in each. What comes
     * behind PORTRAIT_VERSIONS_MAX different ones is not told apart. */
    struct portrait_version *versions;
    size_t version_count;
};

struct portrait;

const char *portrait_class_name(enum portrait_class class);
/* Pure. `group` may be NULL: not known yet. False for a decommissioned device. */
MUST_USE bool portrait_classify(const struct fleet_facts *facts, const struct model_group *group,
                                int64_t now_ms, enum portrait_class *out);

/* Holds a reference to the model. */
struct portrait *portrait_new(struct model *model, struct fleet_index *index, int64_t now_ms);
void portrait_free(struct portrait *portrait);
/* Looks at up to `max` devices more. False when those were the last. */
bool portrait_step(struct portrait *portrait, size_t max);
size_t portrait_group_count(const struct portrait *portrait);
const struct portrait_group *portrait_group_at(const struct portrait *portrait, size_t i);
const struct model *portrait_model(const struct portrait *portrait);
