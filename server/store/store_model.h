#pragma once
/*
 * What polls are decided from, read whole: groups, the deployments that matter, their phases and
 * images, the kept deltas. Small next to the devices, and replaced as one.
 */
#include "lib/crypto/hash.h"
#include "server/db/db.h"

extern const struct db_stmt *const store_model_statements[];

/* The number of the last change that an operator, a job or the clock announced. Cheap. */
void store_model_version(struct db *db, db_done_fn *done, void *arg);

/* Everything, in one transaction. What a later part refers to was made before it, so a change in
 * between leaves something out and never dangles. */
enum store_model_part {
    MODEL_VERSION,
    MODEL_SCHEDULED, /* when the next deployment starts by itself */
    MODEL_GROUPS,
    MODEL_DEPLOYMENTS, /* by rising id */
    MODEL_PHASES,      /* by deployment and phase */
    MODEL_IMAGES,      /* operating systems in releases of those deployments, one row per hwid */
    MODEL_STONES,      /* all images of their components where one has a stepping stone, a row per
                          hwid, by product and counter */
    MODEL_HALTED,      /* strata that a gate stopped alone, by deployment */
    MODEL_COUNTERS,    /* of every operating system image */
    MODEL_DELTAS,      /* kept ones, to those images */
    MODEL_PART_COUNT,
};
void store_model_load(struct db *db, db_tx_done_fn *done, void *arg);

/* Texts are borrowed from the result. */
struct store_model_group {
    int64_t id;
    int64_t tenant_id;
    const char *tenant;
    int64_t poll_interval_s;
    bool updates_allowed;
    int64_t baseline_id; /* 0: none */
    int64_t product_id;
    bool updates_stopped;    /* by its kill switch or the tenant's */
    int64_t hold_until_ms;   /* 0: not held; INT64_MAX: until somebody ends it */
    const char *maintenance; /* the window as JSON, "" for none */
    const char *public_id;
    const char *name;
};
struct store_model_deployment {
    int64_t id;
    int64_t tenant_id;
    int64_t group_id;
    int64_t release_id;
    const char *public_id;
    const char *state; /* "running", "rolling-back", "paused", "halted", "finished" */
    int64_t phase;
    const char *salt;
    int64_t soak_s;
    int64_t failed_percent;
    int64_t min_finished;
    bool goes_back;
    const char *gate; /* settings as JSON */
    const char *on_stop;
    bool cap_lifted;
    int64_t settled_ms; /* 0: not yet */
    const char *delta_policy;
    int64_t delta_until_ms;
    bool may_retry;
    int64_t retry_after_s;
    bool passes_freeze;
    int64_t phase_started_ms;
    int64_t created_ms;
};
struct store_model_phase {
    int64_t deployment_id;
    int64_t share_milli;  /* 0: none */
    int64_t device_count; /* 0: none */
    const char *filter;   /* "" for none */
    int64_t soak_s;
    int64_t soak_device_h;
    bool is_manual;
    bool is_told;
};
struct store_model_image {
    int64_t owner_id; /* the release, or (of stones) the product */
    const char *hwid;
    uint8_t sha256[HASH_BYTES];
    const char *path;
    int64_t counter;
    int64_t stepping_stone;
    int64_t length;
};
struct store_model_halted {
    int64_t deployment_id;
    const char *hwid;
    bool has_source;
    uint8_t source[HASH_BYTES];
};
struct store_model_counter {
    int64_t tenant_id;
    uint8_t sha256[HASH_BYTES];
    int64_t counter;
};
struct store_model_delta {
    int64_t tenant_id;
    uint8_t from[HASH_BYTES];
    uint8_t to[HASH_BYTES];
    uint8_t sha256[HASH_BYTES];
    int64_t length;
};
/* 0: nothing is scheduled. */
int64_t store_model_scheduled_read(const struct db_result *result);
void store_model_halted_read(const struct db_result *result, size_t row,
                             struct store_model_halted *out);
int64_t store_model_version_read(const struct db_result *result);
void store_model_group_read(const struct db_result *result, size_t row,
                            struct store_model_group *out);
void store_model_deployment_read(const struct db_result *result, size_t row,
                                 struct store_model_deployment *out);
void store_model_phase_read(const struct db_result *result, size_t row,
                            struct store_model_phase *out);
void store_model_image_read(const struct db_result *result, size_t row,
                            struct store_model_image *out);
void store_model_counter_read(const struct db_result *result, size_t row,
                              struct store_model_counter *out);
void store_model_delta_read(const struct db_result *result, size_t row,
                            struct store_model_delta *out);
