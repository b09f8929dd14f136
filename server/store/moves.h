#pragma once
/*
 * Pieces of the statements that move rows of deployment_device. Whoever moves rows locks in one
 * order, so that concurrent batches cannot deadlock:
 *
 *     deployments by id, devices by id, their rows by (device, deployment), counters by key
 *
 * and moves the counters in the same statement, by what the locked rows said.
 */

/* A deployment `d` of group `g` under which devices may be granted or go on. */
#define STORE_STANDS                                                                               \
    "(d.state = 'running' OR (d.state = 'finished' AND"                                            \
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
