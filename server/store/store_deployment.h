#pragma once
/* Deployments as operators see and steer them. See store_tenant.h. */
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_deployment_statements[];

struct store_deployment {
    const struct store_actor *actor;
    const char *group;   /* uuid */
    const char *release; /* uuid */
    const char *salt;    /* NULL: the deployment's id */
    int64_t soak_s;
    int64_t failed_percent;
    int64_t min_finished;
    const int32_t *shares_milli; /* cumulative, rising to 100000 */
    size_t phase_count;
    bool is_downgrade;
};

/* Costs the same whatever the fleet's size. ERR_NOT_FOUND without group or release; ERR_CONFLICT
 * when the release is another product's, is older than the group's baseline (of a downgrade: is
 * not, or one that the baseline's image was not signed to go back to), or the group has an
 * unfinished deployment. To more devices than the tenant lets one person update it is made as
 * 'awaiting-approval': nobody is offered anything before another one approved. */
void store_deployment_create(struct db *db, const struct store_deployment *deployment,
                             db_done_fn *done, void *arg);
/* `group` (a uuid) and `state` may be NULL: all. */
void store_deployment_list(struct db *db, const struct store_page *page, const char *group,
                           const char *state, db_done_fn *done, void *arg);
void store_deployment_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done,
                          void *arg);

enum store_deployment_move {
    DEPLOYMENT_APPROVE, /* by another than the author: else ERR_CONFLICT, FOUR_EYES */
    DEPLOYMENT_PAUSE,
    DEPLOYMENT_RESUME,
    DEPLOYMENT_ABORT,
    DEPLOYMENT_MOVE_COUNT,
};
/* ERR_CONFLICT when its state does not allow the move. */
void store_deployment_move(struct db *db, const struct store_actor *actor, const char *id,
                           enum store_deployment_move move, db_done_fn *done, void *arg);
/* The devices that were ever offered it; `state` may be NULL. ERR_NOT_FOUND without the
 * deployment. */
void store_deployment_devices(struct db *db, const struct store_page *page, const char *id,
                              const char *state, db_done_fn *done, void *arg);
