#pragma once
/*
 * What decides polls, apart from the devices: groups, the deployments that stand, their images
 * and the deltas to them. An immutable snapshot, replaced as a whole when something changed; who
 * uses one holds a reference.
 */
#include "server/rollout/choose.h"
#include "server/rollout/gate.h"
#include "server/store/store_model.h"

struct model_image {
    const char *hwid;
    const char *path;
    int64_t counter;
    uint8_t sha256[HASH_BYTES];
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
    const uint32_t *share_milli;    /* rules.phase_count of them */
    struct rollout_rules rules;
    const struct model_image *images; /* one per hardware id */
    size_t image_count;
};

struct model_group {
    int64_t id;
    int64_t tenant_id;
    const char *tenant;
    int64_t poll_interval_s;
    bool updates_allowed;
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
const struct model_group *model_group_find(const struct model *model, int64_t id);
const struct model_deployment *model_deployment_find(const struct model *model, int64_t id);
/* All of them, by rising id. */
const struct model_deployment *model_deployments(const struct model *model, size_t *count);
/* The image for that hardware (the newest, should there be two), or NULL. */
const struct model_image *model_image_for(const struct model_deployment *deployment,
                                          const char *hwid);
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
