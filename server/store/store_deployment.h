#pragma once
/* Deployments as operators make, steer and see them. See store_tenant.h. */
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_deployment_create_statements[];
extern const struct db_stmt *const store_deployment_steer_statements[];
extern const struct db_stmt *const store_deployment_statements[];

/* The states in which a deployment is its group's only one; `d` is the deployment. */
#define STORE_UNFINISHED                                                                           \
    "d.state IN ('draft', 'awaiting-approval', 'scheduled', 'running', 'paused', 'rolling-back')"

/* A deployment is one of these as long as it matters to anybody. */
extern const char *const store_deployment_states[];

/* --- making -------------------------------------------------------------------------------------
 */

struct store_deployment {
    const struct store_actor *actor;
    const char *group;   /* uuid */
    const char *release; /* uuid */
    /* Everything else, checked, as JSON: {"salt": text | null, "action", "soak_s", "gate": {...},
     * "on_stop", "start": RFC 3339 | null, "draft", "concurrency": n | null, "bytes_per_hour": n |
     * null, "delta_policy", "delta_deadline_s", "retry_max", "retry_after_s", "security",
     * "supersedes", "supersedes_id": uuid | null, "phases": [{"share_milli": n | null,
     * "device_count": n | null, "filter", "soak_s", "soak_device_h", "advance"}]}. */
    const char *rest;
};

/*
 * Costs the same whatever the fleet's size. It begins as 'draft'; or 'awaiting-approval' when it
 * goes to more devices than the tenant lets one person update, or passes freezes; or 'scheduled';
 * or 'running'. What it supersedes is aborted in the same statement, whatever it itself begins as:
 * a hotfix that waits has already stopped what it fixes.
 *
 * ERR_NOT_FOUND without group or release. ERR_CONFLICT when the release is another product's, is
 * below the group's baseline (of a downgrade: is not, or is one that the baseline's image was not
 * signed to go back to), has no image for any device of the group, requires what neither it nor the
 * baseline has; when on_stop is roll-back and there is no signed way back to the baseline; or the
 * group has an unfinished deployment that is not superseded.
 */
void store_deployment_create(struct db *db, const struct store_deployment *deployment,
                             db_done_fn *done, void *arg);

/* --- steering -----------------------------------------------------------------------------------
 */

enum store_deployment_move {
    DEPLOYMENT_START,   /* a draft; or what is scheduled, before its time */
    DEPLOYMENT_APPROVE, /* by another than the author: else ERR_CONFLICT, FOUR_EYES */
    DEPLOYMENT_PAUSE,
    DEPLOYMENT_RESUME, /* also after a gate's pause: what that gate counted is excused */
    DEPLOYMENT_ABORT,
    DEPLOYMENT_MOVE_COUNT,
};
/* ERR_CONFLICT, with the present state in words, when it does not allow the move. */
void store_deployment_move(struct db *db, const struct store_actor *actor, const char *id,
                           enum store_deployment_move move, db_done_fn *done, void *arg);
/* Lets a phase that waits for a person go on. Again in the same phase changes nothing. `phase`: the
 * one that is meant, ERR_CONFLICT when another runs by now; 0: the one that runs. */
void store_deployment_advance(struct db *db, const struct store_actor *actor, const char *id,
                              int64_t phase, db_done_fn *done, void *arg);
/*
 * Makes the deployment that takes every device with a newer image back to the group's baseline, or
 * to the one before when this deployment became the baseline. It is 'rolling-back' at once, needs
 * no second person, and is the answer. The one that is rolled back is aborted if it was still under
 * way. ERR_CONFLICT when it has not begun, something newer followed, or there is no signed way
 * back.
 */
void store_deployment_roll_back(struct db *db, const struct store_actor *actor, const char *id,
                                db_done_fn *done, void *arg);

/* --- looking ------------------------------------------------------------------------------------
 */

/* `group` (a uuid) and `state` may be NULL: all. */
void store_deployment_list(struct db *db, const struct store_page *page, const char *group,
                           const char *state, db_done_fn *done, void *arg);
void store_deployment_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done,
                          void *arg);
/* What its gates said, oldest first. ERR_NOT_FOUND without the deployment. */
void store_deployment_verdicts(struct db *db, const struct store_page *page, const char *id,
                               db_done_fn *done, void *arg);

struct store_deployment_devices {
    const char *id;      /* the deployment's */
    const char *state;   /* NULL: any */
    const char *verdict; /* NULL: any */
    const char *reason;  /* NULL: any */
    int64_t stratum;     /* negative: any */
};
/* The devices that were ever offered it. ERR_NOT_FOUND without the deployment. */
void store_deployment_devices(struct db *db, const struct store_page *page,
                              const struct store_deployment_devices *which, db_done_fn *done,
                              void *arg);
