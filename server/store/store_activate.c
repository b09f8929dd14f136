/*
 * The cap is arithmetic on the strata's numbers, which the lock holds still: outcomes become known
 * meanwhile (reports do not take the lock), and then there is only more room than was seen.
 *
 * A deployment that finished while we waited for its row is the baseline of a group row that we do
 * not see yet: "not-now", and the next question finds both. A baseline is not gated any more.
 */
#include "server/store/store_activate.h"

#include "lib/base/text.h"
#include "server/store/budget.h"
#include "server/store/gather.h"
#include "server/store/last.h"
#include "server/store/moves.h"

static const struct db_stmt activate_lock = {
    .name = "activate_lock",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT b.group_id FROM group_budget b"
           " WHERE b.group_id IN (SELECT d.group_id FROM deployment d"
           "                       WHERE d.public_id = ANY ($1::text[]::uuid[]))"
           " ORDER BY b.group_id FOR UPDATE",
};

/* Which word stands for a row that may come back, and stays as it is? */
#define WAITS "('paused', 'not-now', 'stopped', 'held', 'frozen', 'gate')"

/* How they did on the 14 days before: what their crashes are compared with once hardly anybody is
 * left without the update. Who is left out there is left out here (CHRONIC_DAYS, store_event.c). */
#define BEFORE                                                                                     \
    "  INSERT INTO deployment_before AS b (deployment_id, tenant_id, devices, uptime_s, bad)"      \
    "  SELECT m.deployment_id, m.tenant_id, count(*), sum(h.uptime_s), sum(h.bad)"                 \
    "    FROM moved m JOIN deployment d ON d.id = m.deployment_id"                                 \
    "   CROSS JOIN LATERAL ("                                                                      \
    "    SELECT sum(c.uptime_s) FILTER (WHERE c.day >= is_day.today - 14) AS uptime_s,"            \
    "           count(*) FILTER (WHERE c.bad > 0 AND c.day >= is_day.today - 14) AS bad,"          \
    "           count(*) FILTER (WHERE c.bad > 0) AS chronic"                                      \
    "      FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today,"                                \
    "                   (d.created_at AT TIME ZONE 'UTC')::date AS created) AS is_day"             \
    "      JOIN device_health_day c ON c.device_id = m.device_id"                                  \
    "       AND c.day >= is_day.created - 14 AND c.day < is_day.today) AS h"                       \
    "   WHERE m.is_touched AND h.chronic < 3 AND h.uptime_s > 0"                                   \
    "   GROUP BY m.deployment_id, m.tenant_id ORDER BY m.deployment_id"                            \
    "  ON CONFLICT (deployment_id) DO UPDATE"                                                      \
    "     SET devices = b.devices + excluded.devices, uptime_s = b.uptime_s + excluded.uptime_s,"  \
    "         bad = b.bad + excluded.bad"

static const struct db_stmt grant_activate = {
    .name = "grant_activate",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql =
        "WITH ask AS MATERIALIZED ("
        "  SELECT a.device_id, a.deployment, a.assignment, a.place"
        "    FROM unnest($1::bigint[], $2::text[], $3::bigint[]) WITH ORDINALITY"
        "      AS a (device_id, deployment, assignment, place)),"
        " asked AS MATERIALIZED ("
        "  SELECT d.id, d.public_id, d.group_id, d.state, " STORE_STANDS " AS stands,"
        "         g.update_policy <> 'none' AS is_allowed,"
        "         g.updates_stopped OR t.updates_stopped AS is_stopped,"
        "         coalesce(g.hold_until > now(), false) AS is_held,"
        "         " STORE_FROZEN " AS is_frozen,"
        "         coalesce(g.baseline_deployment_id > d.id, false) AS is_followed,"
        "         d.state = 'finished' OR d.cap_lifted AS is_free, d.state = 'finished' AS is_over,"
        "         " STORE_CAP_START " AS start"
        "    FROM deployment d JOIN device_group g ON g.id = d.group_id"
        "    JOIN tenant t ON t.id = d.tenant_id"
        "   WHERE d.public_id IN (SELECT deployment::uuid FROM ask)"
        "   ORDER BY d.id FOR NO KEY UPDATE OF d),"
        " me AS MATERIALIZED ("
        "  SELECT v.id, asked.id AS deployment_id, asked.is_free, asked.is_over, asked.start,"
        "         CASE WHEN asked.stands AND asked.is_stopped THEN 'stopped'"
        "              WHEN asked.stands AND (asked.is_held OR v.state <> 'active'"
        "                                     OR v.hold_until > now()) THEN 'held'"
        "              WHEN asked.stands AND asked.is_frozen THEN 'frozen'"
        "              WHEN asked.stands AND asked.is_allowed THEN 'go'"
        "              WHEN asked.stands THEN 'not-now'"
        "              WHEN asked.state = 'finished' AND asked.is_followed THEN 'superseded'"
        "              WHEN asked.state = 'finished' THEN 'not-now'"
        "              ELSE asked.state END AS word"
        "    FROM ask JOIN asked ON asked.public_id = ask.deployment::uuid"
        "    JOIN device v ON v.id = ask.device_id AND v.group_id = asked.group_id"
        "     AND v.deployment_id = asked.id AND v.assignment = ask.assignment"
        "   ORDER BY v.id FOR NO KEY UPDATE OF v),"
        " rows AS MATERIALIZED ("
        "  SELECT dd.deployment_id, dd.device_id, dd.state, dd.stratum, me.word, me.start,"
        "         me.is_free, me.is_over, dd.activated_at IS NULL AS is_first"
        "    FROM me JOIN deployment_device dd"
        "      ON dd.deployment_id = me.deployment_id AND dd.device_id = me.id"
        "   WHERE dd.state IN ('offered', 'downloading', 'staged', 'activating')"
        "   ORDER BY dd.device_id, dd.deployment_id FOR NO KEY UPDATE OF dd),"
        " queued AS ("
        "  SELECT rows.*, rows.word = 'go' AND rows.state <> 'activating' AS is_news,"
        "         count(*) FILTER (WHERE rows.word = 'go' AND rows.state <> 'activating')"
        "           OVER of_all AS n_all,"
        "         count(*) FILTER (WHERE rows.word = 'go' AND rows.state <> 'activating')"
        "           OVER of_stratum AS n_stratum"
        "    FROM rows"
        "  WINDOW of_all AS (PARTITION BY deployment_id ORDER BY device_id"
        "                    ROWS UNBOUNDED PRECEDING),"
        "         of_stratum AS (PARTITION BY deployment_id, stratum ORDER BY device_id"
        "                        ROWS UNBOUNDED PRECEDING)),"
        " sums AS ("
        "  SELECT s.deployment_id, sum(s.open) AS open, sum(s.succeeded) AS succeeded"
        "    FROM deployment_stratum s WHERE s.deployment_id IN (SELECT deployment_id FROM rows)"
        "   GROUP BY s.deployment_id),"
        " held AS MATERIALIZED ("
        "  SELECT q.deployment_id, q.device_id, q.state, q.stratum, q.is_first,"
        "         CASE WHEN q.word = 'go' AND coalesce(s.halted, false) THEN 'halted'"
        "              WHEN NOT q.is_news OR q.is_over THEN q.word"
        "              WHEN (q.is_free OR q.n_all <= q.start + coalesce(sums.succeeded, 0)"
        "                                            - coalesce(sums.open, 0))"
        "               AND (coalesce(s.cap_lifted, false)"
        "                    OR q.n_stratum <= q.start + coalesce(s.succeeded, 0)"
        "                                      - coalesce(s.open, 0)) THEN 'go'"
        "              ELSE 'gate' END AS word"
        "    FROM queued q LEFT JOIN sums ON sums.deployment_id = q.deployment_id"
        "    LEFT JOIN deployment_stratum s ON s.deployment_id = q.deployment_id"
        "     AND s.stratum = q.stratum),"
        " moved AS ("
        "  UPDATE deployment_device dd"
        "     SET state = CASE held.word WHEN 'go' THEN 'activating' ELSE 'cancelled' END,"
        "         reason = CASE held.word WHEN 'go' THEN dd.reason ELSE 'CANCELLED' END,"
        "         activated_at = CASE held.word WHEN 'go' THEN coalesce(dd.activated_at, now())"
        "                                       ELSE dd.activated_at END,"
        "         updated_at = now()"
        "    FROM held"
        "   WHERE dd.deployment_id = held.deployment_id AND dd.device_id = held.device_id"
        "     AND CASE WHEN held.word = 'go' THEN held.state <> 'activating' OR held.is_first"
        "              WHEN held.word IN " WAITS " THEN false"
        "              ELSE held.state = 'activating' END"
        "  RETURNING dd.deployment_id, dd.device_id, dd.tenant_id, dd.phase, dd.stratum,"
        "            held.state AS old_state, dd.state,"
        "            held.word = 'go' AND held.is_first AS is_touched),"
        " told AS ("
        "  UPDATE device v SET assignment = v.assignment + 1"
        "    FROM moved WHERE v.id = moved.device_id AND moved.state = 'cancelled'"
        "  RETURNING v.id, v.assignment),"
        " before AS (" BEFORE "),"
        " counted AS (" STORE_COUNT_BEGIN
        "  SELECT deployment_id, phase, tenant_id, old_state AS state, -1 AS n FROM moved"
        "  UNION ALL"
        "  SELECT deployment_id, phase, tenant_id, state, 1 FROM moved"
        "  UNION ALL"
        "  SELECT deployment_id, phase, tenant_id, 'touched', 1 FROM moved WHERE is_touched"
        "  " STORE_COUNT_END "),"
        " strata AS (" STORE_STRATA_BEGIN
        "  SELECT deployment_id, stratum, tenant_id, is_touched::integer AS touched,"
        "         " STORE_IS_OPEN("state") " - " STORE_IS_OPEN(
            "old_state") " AS open,"
                         "         0 AS succeeded, 0 AS failed, 0 AS device, 0 AS server FROM moved"
                         "  " STORE_STRATA_END ")"
                         " SELECT ask.device_id, coalesce(told.assignment, v.assignment), "
                         "v.deployment_id,"
                         "        dd.phase, coalesce(moved.state, dd.state),"
                         "        moved.device_id IS NULL AND dd.state = 'offered' AND dd.image_id "
                         "IS NULL,"
                         "        coalesce(held.word, 'superseded'), ask.place - 1"
                         "   FROM ask JOIN device v ON v.id = ask.device_id"
                         "   LEFT JOIN told ON told.id = ask.device_id"
                         "   LEFT JOIN deployment_device dd"
                         "     ON dd.deployment_id = v.deployment_id AND dd.device_id = v.id"
                         "   LEFT JOIN held ON held.device_id = ask.device_id"
                         "   LEFT JOIN moved ON moved.device_id = ask.device_id",
};

void store_grant_activate(struct db *db, const struct store_activation *asks, size_t count,
                          db_done_fn *done, void *arg)
{
    struct db_tx *tx = store_last_tx(db, done, arg);
    struct db_call *call = db_tx_call(tx, &activate_lock);
    AUTO_FREE const char **deployments = mem_array(count, sizeof(*deployments));

    for (size_t i = 0; i < count; i++)
        deployments[i] = asks[i].deployment;
    db_bind_text_array(call, deployments, count);
    call = db_tx_call(tx, &grant_activate);
    BIND_I64S(call, asks, count, struct store_activation, device_id);
    db_bind_text_array(call, deployments, count);
    BIND_I64S(call, asks, count, struct store_activation, assignment);
    db_tx_send(tx);
}

void store_activated_read(const struct db_result *result, size_t row, struct store_activated *out)
{
    store_standing_read(result, row, 0, &out->standing);
    out->reason = db_text(result, row, 6);
    out->go = text_equal(out->reason, "go");
    out->ask = (size_t)db_i64(result, row, 7);
}

const struct db_stmt *const store_activate_statements[] = {&activate_lock, &grant_activate, NULL};
