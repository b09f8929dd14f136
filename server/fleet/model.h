#pragma once
/*
 * What decides polls, apart from the devices: groups, the deployments that stand, their images
 * and the deltas to them. An immutable snapshot, replaced as a whole when something changed; who
 * uses one holds a reference.
 */
#include "lib/update/window.h"
#include "server/rollout/choose.h"
#include "server/rollout/phase.h"
#include "server/store/store_model.h"

struct model_image {
    const char *hwid;
    const char *path;
    int64_t counter;
    int64_t stepping_stone; /* the lowest counter that may install it directly */
    int64_t length;
    uint8_t sha256[HASH_BYTES];
};

/* Devices of a hardware with an image: a gate stopped the deployment for them alone. */
struct model_halted {
    const char *hwid;
    bool has_source; /* else those that never said what they run */
    uint8_t source[HASH_BYTES];
};

/* What goes out to a device that has not the whole image. */
enum model_delta_policy {
    MODEL_DELTA_THEN_FULL, /* a delta where there is one */
    MODEL_DELTA_ONLY,      /* else nothing */
    MODEL_DELTA_WAIT,      /* else nothing until a deadline */
    MODEL_DELTA_FULL,      /* never a delta */
};

struct model_deployment {
    int64_t id;
    int64_t tenant_id;
    int64_t group_id;
    int64_t release_id;
    const char *public_id;
    const char *salt;
    bool is_finished;
    bool goes_back;                 /* a downgrade */
    enum rollout_standing standing; /* unless finished */
    uint32_t phase;                 /* that runs, from 1 */
    const struct rollout_phase *phases;
    uint32_t phase_count;
    const char *gate; /* its gates' settings, as stored */
    const char *on_stop;
    enum model_delta_policy delta_policy;
    int64_t delta_until_ms;
    bool may_retry;
    int64_t retry_after_s;
    bool passes_freeze;
    int64_t created_ms;
    const struct model_image *images; /* one per hardware id */
    size_t image_count;
    const struct model_image *stones; /* by rising counter: what may lie before its images */
    size_t stone_count;
    const struct model_halted *halted;
    size_t halted_count;
};

struct model_group {
    int64_t id;
    int64_t tenant_id;
    const char *tenant;
    int64_t poll_interval_s;
    const char *public_id;
    const char *name;
    int64_t product_id;
    bool updates_allowed;                    /* by its policy */
    bool updates_stopped;                    /* by a kill switch */
    int64_t hold_until_ms;                   /* 0: not held */
    const char *maintenance;                 /* the same as JSON, "" for none */
    struct window window;                    /* when its devices may switch, in their own time */
    const struct model_deployment *current;  /* NULL: none that stands */
    const struct model_deployment *baseline; /* NULL: none */
};

struct model;

/* From the results of store_model_load(); the reference is the caller's. */
struct model *model_new(const struct db_result *const *results);
struct model *model_ref(struct model *model);
void model_unref(struct model *model);

/* The number of the last change it holds. */
int64_t model_version(const struct model *model);
/* When the next scheduled deployment starts; 0: none is. */
int64_t model_next_start_ms(const struct model *model);
const struct model_group *model_group_find(const struct model *model, int64_t id);
const struct model_deployment *model_deployment_find(const struct model *model, int64_t id);
/* All of them, by rising id. */
const struct model_deployment *model_deployments(const struct model *model, size_t *count);
/* The image for that hardware (the newest, should there be two), or NULL. */
const struct model_image *model_image_for(const struct model_deployment *deployment,
                                          const char *hwid);
/* Did a gate stop it for devices like this? `source`: what it runs, or NULL. */
bool model_is_halted_for(const struct model_deployment *deployment, const char *hwid,
                         const uint8_t *source);
/* What a device that runs the image `counter` (INT64_MIN: an unknown one) shall install next on its
 * way to `goal`: the goal itself, the newest stepping stone that it may, or NULL when none leads
 * there. */
const struct model_image *model_image_next(const struct model_deployment *deployment,
                                           const struct model_image *goal, int64_t counter);
/* The release counter of an image; false when this server does not know it. */
bool model_counter_of(const struct model *model, int64_t tenant_id,
                      const uint8_t sha256[HASH_BYTES], int64_t *out);
const struct store_model_delta *model_delta_find(const struct model *model, int64_t tenant_id,
                                                 const uint8_t from[HASH_BYTES],
                                                 const uint8_t to[HASH_BYTES]);

/* --- the one in use ------------------------------------------------------------------------------
 */
/* Shared by all workers. Empty until the first set. */
struct model_holder;

struct model_holder *model_holder_new(void);
void model_holder_free(struct model_holder *holder);
/* Takes over the reference. */
void model_holder_set(struct model_holder *holder, struct model *model);
/* A reference to the one in use; NULL before the first. */
struct model *model_holder_get(struct model_holder *holder);

/* A reader's own reference, so that a poll takes no shared lock. */
struct model_reader {
    struct model_holder *holder;
    struct model *model;
    uint64_t generation;
};
void model_reader_init(struct model_reader *reader, struct model_holder *holder);
void model_reader_done(struct model_reader *reader);
/* The newest; borrowed until the next call. NULL before the first. */
const struct model *model_reader_get(struct model_reader *reader);
