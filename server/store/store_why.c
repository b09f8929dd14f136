/* The pieces are those of the statements that grant and activate (budget.h), read without a lock:
 * what people are told is what was true a moment ago. */
#include "server/store/store_why.h"

#include "server/store/budget.h"

/* Its newest row, or none. */
#define OWN_ROW                                                                                    \
    "(SELECT json_build_object('deployment', m.public_id, 'release', r.name,"                      \
    "        'deployment_state', m.state, 'state', dd.state, 'phase', dd.phase,"                   \
    "        'reason', dd.reason, 'detail', dd.detail, 'attempts', dd.attempts,"                   \
    "        'verdict', dd.verdict, 'offered', slipway_time(dd.offered_at),"                       \
    "        'activated', slipway_time(dd.activated_at),"                                          \
    "        'updated', slipway_time(dd.updated_at), 'granted_bytes', dd.granted_bytes)"           \
    "   FROM deployment_device dd JOIN deployment m ON m.id = dd.deployment_id"                    \
    "   JOIN release r ON r.id = m.release_id"                                                     \
    "  WHERE dd.device_id = v.id ORDER BY (m.id = v.deployment_id) DESC, m.id DESC LIMIT 1)"

#define LAST_REFUSALS                                                                              \
    "(SELECT coalesce(json_agg(item ORDER BY received_at DESC), '[]') FROM ("                      \
    "   SELECT t.received_at, json_build_object('reason', t.reason, 'detail', t.detail,"           \
    "          'state', t.state, 'time', slipway_time(t.received_at)) AS item"                     \
    "     FROM report t WHERE t.device_id = v.id AND t.reason <> 'NONE'"                           \
    "    ORDER BY t.received_at DESC LIMIT 5) AS newest)"

/* The stratum that the device is counted in, or would be. */
#define OWN_STRATUM                                                                                \
    "(SELECT json_build_object('number', s.stratum, 'hwid', s.hwid, 'halted', s.halted,"           \
    "        'cap_lifted', s.cap_lifted, 'open', s.open, 'succeeded', s.succeeded)"                \
    "   FROM deployment_stratum s WHERE s.deployment_id = d.id AND s.stratum = coalesce("          \
    "        (SELECT dd.stratum FROM deployment_device dd"                                         \
    "          WHERE dd.deployment_id = d.id AND dd.device_id = v.id),"                            \
    "        (SELECT k.stratum FROM deployment_stratum k WHERE k.deployment_id = d.id"             \
    "            AND k.stratum > 0 AND k.hwid = v.hwid"                                            \
    "            AND k.source IS NOT DISTINCT FROM v.installed[1])))"

static const struct db_stmt why_load = {
    .name = "why_load",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT json_build_object('id', encode(v.device_id, 'hex'),"
           " 'device', json_build_object('state', v.state, 'state_reason', v.state_reason,"
           "    'hold_until', CASE WHEN v.hold_until = 'infinity' THEN 'until somebody ends it'"
           "                       ELSE slipway_time(v.hold_until) END,"
           "    'hold_reason', v.hold_reason, 'penalty_until', slipway_time(v.penalty_until),"
           "    'failures', v.failures, 'is_held', coalesce(v.hold_until > now(), false),"
           "    'is_penalised', coalesce(v.penalty_until > now(), false)),"
           " 'stopped_reason', CASE WHEN t.updates_stopped THEN t.stopped_reason"
           "                        ELSE g.stopped_reason END,"
           " 'group_hold_reason', g.hold_reason, 'group', g.name, 'product', p.name,"
           " 'last_seen', slipway_time(seen.seen_at), 'poll_interval_s', g.poll_interval_s,"
           " 'row', " OWN_ROW ", 'refusals', " LAST_REFUSALS ","
           " 'deployment', (SELECT json_build_object('id', d.public_id, 'release', r.name,"
           "    'state', d.state, 'state_reason', d.state_reason, 'is_frozen', " STORE_FROZEN ","
           "    'freeze', (SELECT f.reason FROM freeze_window f"
           "                WHERE f.tenant_id = d.tenant_id AND f.removed_at IS NULL"
           "                  AND now() >= f.starts_at AND now() < f.ends_at LIMIT 1),"
           "    'count_room', ph.device_count - " STORE_ADMITTED ","
           "    'concurrency', least(d.concurrency, g.concurrency),"
           "    'fetching', CASE WHEN coalesce(d.concurrency, g.concurrency) IS NOT NULL"
           "                     THEN " STORE_FETCHING " END,"
           "    'bytes_per_hour', " STORE_BYTES_RATE ", 'bytes_now', " STORE_BYTES_NOW ","
           "    'cap_lifted', d.cap_lifted, 'start', " STORE_CAP_START ","
           "    'open', sums.open, 'succeeded', sums.succeeded, 'stratum', " OWN_STRATUM ")"
           "   FROM deployment d JOIN release r ON r.id = d.release_id"
           "   LEFT JOIN deployment_phase ph ON ph.deployment_id = d.id AND ph.phase = d.phase"
           "   LEFT JOIN group_budget b ON b.group_id = g.id"
           "   CROSS JOIN LATERAL (SELECT coalesce(sum(s.open), 0) AS open,"
           "              coalesce(sum(s.succeeded), 0) AS succeeded"
           "         FROM deployment_stratum s WHERE s.deployment_id = d.id) AS sums"
           "  WHERE d.group_id = g.id"
           "    AND d.state IN ('running', 'rolling-back', 'paused', 'halted')"
           "  ORDER BY d.id DESC LIMIT 1))"
           "  FROM device v JOIN device_group g ON g.id = v.group_id"
           "  JOIN product p ON p.id = g.product_id JOIN tenant t ON t.id = v.tenant_id"
           "  LEFT JOIN device_seen seen ON seen.device_id = v.id"
           " WHERE v.tenant_id = $1::bigint AND v.device_id = $2::bytea",
};

void store_why_load(struct db *db, int64_t tenant_id, const uint8_t device_id[HASH_BYTES],
                    db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &why_load, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_bytes(call, device_id, HASH_BYTES);
    db_send(call);
}

const struct db_stmt *const store_why_statements[] = {&why_load, NULL};
