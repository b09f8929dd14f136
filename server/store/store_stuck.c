/* One reason per device, the first that holds of a list that begins with what people did. The
 * pieces are those of the statements that decide (budget.h). */
#include "server/store/store_stuck.h"

#include "server/store/budget.h"

static const struct db_stmt stuck_find = {
    .name = "stuck_find",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT d.id FROM deployment d WHERE d.tenant_id = $1::bigint"
           " AND d.public_id = $2::uuid",
};

void store_stuck_find(struct db *db, int64_t tenant_id, const char *deployment, db_done_fn *done,
                      void *arg)
{
    struct db_call *call = db_call_new(db, &stuck_find, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, deployment);
    db_send(call);
}

static const struct db_stmt stuck_load = {
    .name = "stuck_load",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH whole AS MATERIALIZED ("
        "  SELECT d.id, d.state = 'paused' AS is_paused,"
        "         g.updates_stopped OR t.updates_stopped AS is_stopped, " STORE_FROZEN
        "         AS is_frozen, g.maintenance IS NOT NULL AS has_window,"
        "         NOT d.cap_lifted AND sums.open >= " STORE_CAP_START
        " + sums.succeeded AS is_full,"
        "         " STORE_CAP_START " AS start,"
        "         (coalesce(d.concurrency, g.concurrency) IS NOT NULL"
        "          AND " STORE_FETCHING " >= least(d.concurrency, g.concurrency))"
        "         OR coalesce(" STORE_BYTES_NOW " <= 0, false) AS is_spent"
        "    FROM deployment d JOIN device_group g ON g.id = d.group_id"
        "    JOIN tenant t ON t.id = d.tenant_id JOIN group_budget b ON b.group_id = g.id"
        "   CROSS JOIN LATERAL (SELECT coalesce(sum(s.open), 0) AS open,"
        "              coalesce(sum(s.succeeded), 0) AS succeeded"
        "         FROM deployment_stratum s WHERE s.deployment_id = d.id) AS sums"
        "   WHERE d.tenant_id = $1::bigint AND d.id = $2::bigint)"
        " SELECT coalesce(json_agg(json_build_object('device', encode(v.device_id, 'hex'),"
        "          'hwid', v.hwid, 'state', dd.state, 'attempts', dd.attempts, 'reason',"
        "     CASE WHEN whole.is_paused THEN 'paused'"
        "          WHEN whole.is_stopped THEN 'stopped'"
        "          WHEN v.penalty_until > now() THEN 'penalty'"
        "          WHEN seen.seen_at IS NULL"
        "               OR seen.seen_at < now() - $4::bigint * interval '1 second'"
        "            THEN 'not-polling'"
        "          WHEN dd.state IS NULL THEN 'budget'"
        "          WHEN dd.state IN ('offered', 'downloading') AND dd.attempts > 1 THEN 'failing'"
        "          WHEN dd.state IN ('offered', 'downloading') THEN 'fetching'"
        "          WHEN dd.state IN ('activating', 'verifying') THEN 'no-outcome'"
        "          WHEN s.halted THEN 'halted'"
        "          WHEN whole.is_frozen THEN 'frozen'"
        "          WHEN dd.reason IN ('WINDOW', 'DEFERRED') THEN lower(dd.reason)"
        "          WHEN whole.is_full"
        "               OR NOT s.cap_lifted AND s.open >= whole.start + s.succeeded THEN 'gate'"
        "          WHEN whole.has_window THEN 'window'"
        "          ELSE dd.state END,"
        "          'since', slipway_time(dd.updated_at), 'last_seen', slipway_time(seen.seen_at),"
        "          'refusal', coalesce(dd.reason, 'NONE'), 'detail', coalesce(dd.detail, ''))"
        "          ORDER BY ask.n), '[]')"
        "   FROM whole, unnest($3::bigint[]) WITH ORDINALITY AS ask (id, n)"
        "   JOIN device v ON v.id = ask.id AND v.tenant_id = $1"
        "   LEFT JOIN device_seen seen ON seen.device_id = v.id"
        "   LEFT JOIN deployment_device dd ON dd.deployment_id = $2 AND dd.device_id = v.id"
        "   LEFT JOIN deployment_stratum s ON s.deployment_id = $2 AND s.stratum = dd.stratum"
        "  WHERE whole.is_paused OR whole.is_stopped OR v.penalty_until > now()"
        "     OR seen.seen_at IS NULL OR seen.seen_at < now() - $4 * interval '1 second'"
        "     OR (dd.state IS NULL AND whole.is_spent)"
        "     OR dd.updated_at < now() - $4 * interval '1 second' OR dd.attempts > 1",
};

void store_stuck_load(struct db *db, const struct store_stuck *stuck, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &stuck_load, done, arg);

    db_bind_i64(call, stuck->tenant_id);
    db_bind_i64(call, stuck->deployment_id);
    db_bind_i64_array(call, stuck->device_ids, stuck->count);
    db_bind_i64(call, stuck->quiet_s);
    db_send(call);
}

const struct db_stmt *const store_stuck_statements[] = {&stuck_find, &stuck_load, NULL};
