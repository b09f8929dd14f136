#pragma once
/*
 * What operators ask for when they make a deployment: the body that creating one and planning one
 * have in common, every field checked and named in its error, and every default filled in.
 */
#include "server/http/http.h"
#include "server/operator/input.h"
#include "server/rollout/gate/settings.h"

enum {
    DEPLOYMENT_PHASES_MAX = 50,
    DEPLOYMENT_SALT_MAX = 64,
    DEPLOYMENT_SHARE_ALL = 100000, /* 1000 = 1 % */
};

struct deployment_phase {
    int32_t share_milli;  /* 0: it has no share */
    int32_t device_count; /* 0: it does not count */
    const char *filter;   /* "": everybody */
    int32_t soak_s;
    int32_t soak_device_h;
    bool is_manual;
};

/* Texts are borrowed from the body. */
struct deployment_input {
    const char *group;   /* uuid */
    const char *release; /* uuid */
    const char *salt;    /* NULL: the deployment's id */
    bool is_downgrade;
    int64_t soak_s; /* of phases that say nothing of their own */
    struct deployment_phase phases[DEPLOYMENT_PHASES_MAX];
    size_t phase_count;
    struct gate_settings gate;
    const char *on_stop; /* "pause", "halt", "roll-back" */
    int64_t start_ms;    /* 0: as soon as it may */
    bool is_draft;
    int64_t concurrency;      /* 0: any */
    int64_t bytes_per_hour;   /* 0: any */
    const char *delta_policy; /* "full", "delta-only", "delta-then-full", "wait-for-delta" */
    int64_t delta_deadline_s;
    int64_t retry_max;
    int64_t retry_after_s;
    bool is_security;
    bool supersedes;           /* whatever is unfinished in the group ... */
    const char *supersedes_id; /* ... or only this one; NULL */
};

/* ERR_INVALID naming the field ("field 'phases[2].percent' ..."). The caller owns `body`, which
 * `out` borrows from. */
MUST_USE bool deployment_input_read(const struct http_request *req, json_t **body,
                                    struct deployment_input *out, struct err *err);
