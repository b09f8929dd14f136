#pragma once
/*
 * Pieces of the statements that move rows of deployment_device. Whoever moves rows locks in one
 * order, so that concurrent batches cannot deadlock:
 *
 *     budgets by group, deployments by id, devices by id, their rows by (device, deployment),
 *     counters by key, strata by key
 *
 * and moves the counters in the same statement, by what the locked rows said.
 */

/* A deployment `d` that is under way; rolling back is a deployment that goes the other way. */
#define STORE_RUNS "d.state IN ('running', 'rolling-back')"

/* A deployment `d` of group `g` under which devices may be granted or go on. */
#define STORE_STANDS                                                                               \
    "(" STORE_RUNS " OR (d.state = 'finished' AND"                                                 \
    " g.baseline_deployment_id IS NOT DISTINCT FROM d.id))"

/* Adds to the counters what stands between these two: a query that yields deployment_id, phase,
 * tenant_id, state, n. */
#define STORE_COUNT_BEGIN                                                                          \
    "INSERT INTO deployment_counter AS c (deployment_id, phase, state, tenant_id, n)"              \
    " SELECT deployment_id, phase, state, min(tenant_id), sum(n) FROM ("
#define STORE_COUNT_END                                                                            \
    ") AS change"                                                                                  \
    "  GROUP BY deployment_id, phase, state HAVING sum(n) <> 0"                                    \
    "  ORDER BY deployment_id, phase, state"                                                       \
    " ON CONFLICT (deployment_id, phase, state) DO UPDATE SET n = c.n + excluded.n"

/* The same for rows of deployment_stratum, by a query that yields deployment_id, stratum, tenant_id
 * and the seven numbers. */
#define STORE_STRATA_BEGIN                                                                         \
    "INSERT INTO deployment_stratum AS t (deployment_id, stratum, tenant_id, touched, open,"       \
    "                                     succeeded, failed, device, server)"                      \
    " SELECT deployment_id, stratum, min(tenant_id), sum(touched), sum(open), sum(succeeded),"     \
    "        sum(failed), sum(device), sum(server) FROM ("
#define STORE_STRATA_END                                                                           \
    ") AS change"                                                                                  \
    "  GROUP BY deployment_id, stratum ORDER BY deployment_id, stratum"                            \
    " ON CONFLICT (deployment_id, stratum) DO UPDATE"                                              \
    "    SET touched = t.touched + excluded.touched, open = t.open + excluded.open,"               \
    "        succeeded = t.succeeded + excluded.succeeded, failed = t.failed + excluded.failed,"   \
    "        device = t.device + excluded.device, server = t.server + excluded.server"

/* Is a row in this state one whose outcome is open after it was allowed to switch? */
#define STORE_IS_OPEN(state) "(" state " IN ('activating', 'verifying'))::integer"
