#pragma once
/*
 * What a grant and an activation are measured by, as pieces of SQL: the statements that decide and
 * the ones that tell people why read the same.
 */

/* How long a device of group `g` that fetches may be silent before its place goes to another. */
#define STORE_FETCH_LEASE                                                                          \
    "greatest(interval '10 minutes', g.poll_interval_s * interval '6 seconds')"

/* Devices of group `g` that are fetching, those that went away left out. */
#define STORE_FETCHING                                                                             \
    "(SELECT count(*) FROM deployment o"                                                           \
    "   JOIN deployment_device dd ON dd.deployment_id = o.id"                                      \
    "    AND dd.state IN ('offered', 'downloading')"                                               \
    "    AND dd.updated_at > clock_timestamp() - " STORE_FETCH_LEASE "  WHERE o.group_id = g.id"   \
    "    AND (o.state NOT IN ('finished', 'aborted') OR o.id = g.baseline_deployment_id))"

/* Devices that the running phase of deployment `d` has. */
#define STORE_ADMITTED                                                                             \
    "(SELECT coalesce(sum(c.n), 0) FROM deployment_counter c"                                      \
    "  WHERE c.deployment_id = d.id AND c.phase = d.phase AND c.state <> 'touched')"

/* Bytes that may go out under deployment `d` and group `g` now, by the budget row `b`. */
#define STORE_BYTES_RATE "least(d.bytes_per_hour, g.bytes_per_hour)"
#define STORE_BYTES_NOW                                                                            \
    "least(" STORE_BYTES_RATE " / 60, b.bytes + (" STORE_BYTES_RATE                                \
    "      * extract(epoch FROM statement_timestamp() - b.filled_at) / 3600)::bigint)"

/* So many outcomes of deployment `d` may be open at first. */
#define STORE_CAP_START "coalesce((d.gate #>> '{install,start}')::bigint, 1000000000)"

/* A freeze that keeps deployment `d` from switching devices. */
#define STORE_FROZEN                                                                               \
    "d.state <> 'finished' AND NOT (d.is_security AND d.approver_id IS NOT NULL)"                  \
    " AND EXISTS (SELECT 1 FROM freeze_window f"                                                   \
    "              WHERE f.tenant_id = d.tenant_id AND f.removed_at IS NULL"                       \
    "                AND now() >= f.starts_at AND now() < f.ends_at)"
