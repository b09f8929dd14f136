#pragma once
/* What a plan and a forecast are made from, beside the devices in memory. */
#include "server/db/db.h"

extern const struct db_stmt *const store_plan_statements[];

/* One row with one column, JSON; hashes are hex:
 *
 *   {"group_row", "group", "group_id", "release", "release_id", "poll_interval_s", "concurrency",
 *    "bytes_per_hour", "update_policy", "is_stopped", "is_held", "penalised",
 *    "refused": [TEXT...], why creating it would be refused
 *    "images": [{"hwid", "sha256", "path", "counter", "stepping_stone", "length"}],
 *    "stones": [... the same, by counter],
 *    "deltas": [{"from", "to", "length"}],
 *    "rollback": {"possible", "reason"},
 *    "history": {"deployments", "succeeded", "failed", "install_s": [...] | null, "crash_bad",
 *                "crash_exposure_s"}, (install_s: the median, and what one in twenty exceeds)
 *    "deployment": null}
 *
 * ERR_NOT_FOUND without group or release. */
struct store_plan {
    int64_t tenant_id;
    const char *group;   /* uuid */
    const char *release; /* uuid */
    bool is_downgrade;
};
void store_plan_load(struct db *db, const struct store_plan *plan, db_done_fn *done, void *arg);
/* The same of a deployment that is there, with
 *
 *    "deployment": {"row", "state", "phase", "phase_age_s", "settled_age_s" | null, "cap_lifted",
 *                   "admitted", "concurrency", "bytes_per_hour", "updated", "counts": {STATE: N}}
 *
 * no row without it. */
void store_plan_load_running(struct db *db, int64_t tenant_id, const char *deployment,
                             db_done_fn *done, void *arg);
