/*
 * The lock comes first and alone: a statement sees the database as it was when it began, so the
 * one that follows sees everything that others granted under the lock before. What operators change
 * meanwhile (deployments, devices) is locked and read again by the statement itself. The optimistic
 * check of the assignment also covers rows of deployment_device that were added while we waited:
 * who added one raised the assignment.
 *
 * Bytes are a token bucket that holds a minute's worth and may go into debt by one grant: so an
 * image larger than the bucket still goes out, and an hour never has more than its budget and that
 * little.
 *
 * A new assignment is also above the device's own. It is only behind when this database came back
 * from a backup: then its numbers were given to the device before, for other orders.
 */
#include "server/store/store_grant.h"

#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "server/store/budget.h"
#include "server/store/gather.h"
#include "server/store/last.h"
#include "server/store/moves.h"

static const struct db_stmt grant_lock = {
    .name = "grant_lock",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT b.group_id FROM group_budget b"
           " WHERE b.group_id IN (SELECT d.group_id FROM deployment d"
           "                       WHERE d.id = ANY ($1::bigint[]))"
           " ORDER BY b.group_id FOR UPDATE",
};

/* What the device's standing is after the statement: `told` holds new assignments. */
#define STANDING_JOIN                                                                              \
    " LEFT JOIN told ON told.id = ask.device_id"                                                   \
    " LEFT JOIN deployment_device dd"                                                              \
    "   ON dd.deployment_id = v.deployment_id AND dd.device_id = v.id"

static const struct db_stmt grant_add = {
    .name = "grant_add",
    .params = 8,
    .scope = DB_EVERY_TENANT,
    .sql =
        "WITH ask AS MATERIALIZED ("
        "  SELECT a.device_id, a.deployment_id, a.phase, a.assignment, a.own, a.image, a.source,"
        "         a.bytes"
        "    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],"
        "                $6::bytea[], $7::bytea[], $8::bigint[])"
        "      AS a (device_id, deployment_id, phase, assignment, own, image, source, bytes)),"
        " open AS MATERIALIZED ("
        "  SELECT d.id, d.group_id, d.phase, d.release_id, d.retry_max, d.retry_after_s,"
        "         CASE WHEN p.device_count IS NOT NULL THEN p.device_count - " STORE_ADMITTED
        "         END AS count_room,"
        "         CASE WHEN coalesce(d.concurrency, g.concurrency) IS NOT NULL"
        "              THEN least(d.concurrency, g.concurrency) - " STORE_FETCHING
        "         END AS fetch_room,"
        "         " STORE_BYTES_RATE " AS rate, " STORE_BYTES_NOW " AS bytes"
        "    FROM deployment d JOIN device_group g ON g.id = d.group_id"
        "    JOIN tenant t ON t.id = d.tenant_id JOIN group_budget b ON b.group_id = g.id"
        "    LEFT JOIN deployment_phase p ON p.deployment_id = d.id AND p.phase = d.phase"
        "     AND d.state <> 'finished'"
        "   WHERE d.id IN (SELECT deployment_id FROM ask)"
        "     AND " STORE_STANDS " AND g.update_policy <> 'none'"
        "     AND NOT g.updates_stopped AND NOT t.updates_stopped"
        "     AND (g.hold_until IS NULL OR g.hold_until <= now())"
        "   ORDER BY d.id FOR NO KEY UPDATE OF d),"
        " me AS MATERIALIZED ("
        "  SELECT v.id, v.tenant_id, v.hwid, open.id AS deployment_id, open.group_id, open.phase,"
        "         open.release_id, open.retry_max, open.retry_after_s, ask.image, ask.source,"
        "         ask.bytes"
        "    FROM ask"
        "    JOIN open ON open.id = ask.deployment_id AND ask.phase <= open.phase"
        "    JOIN device v ON v.id = ask.device_id AND v.group_id = open.group_id"
        "     AND v.assignment = ask.assignment AND v.state = 'active'"
        "     AND (v.hold_until IS NULL OR v.hold_until <= now())"
        "     AND (v.penalty_until IS NULL OR v.penalty_until <= now())"
        "   WHERE NOT EXISTS (SELECT 1 FROM deployment_stratum s"
        "                      WHERE s.deployment_id = open.id AND s.halted AND s.hwid = v.hwid"
        "                        AND s.source IS NOT DISTINCT FROM ask.source)"
        "   ORDER BY v.id FOR NO KEY UPDATE OF v),"
        " older AS MATERIALIZED ("
        "  SELECT dd.deployment_id, dd.device_id, dd.phase, dd.state, dd.attempts, dd.updated_at,"
        "         dd.image_id, dd.deployment_id = me.deployment_id AS is_same"
        "    FROM me JOIN deployment_device dd ON dd.device_id = me.id"
        "   WHERE slipway_rank(dd.state) < 6 OR dd.deployment_id = me.deployment_id"
        "   ORDER BY dd.device_id, dd.deployment_id FOR NO KEY UPDATE OF dd),"
        /* not past the switch elsewhere, and its own row, if any, may be opened again */
        " free AS ("
        "  SELECT me.id, me.tenant_id, me.hwid, me.deployment_id, me.group_id, me.phase, me.source,"
        "         me.bytes, i.id AS image_id,"
        "         NOT EXISTS (SELECT 1 FROM release_image ri WHERE ri.release_id = me.release_id"
        "                        AND ri.image_id = i.id) AS is_step,"
        "         own.state AS own_state, own.phase AS own_phase, own.device_id IS NULL AS is_new"
        "    FROM me JOIN image i ON i.tenant_id = me.tenant_id AND i.sha256 = me.image"
        "    LEFT JOIN older own ON own.device_id = me.id AND own.is_same"
        "   WHERE NOT EXISTS (SELECT 1 FROM older"
        "                      WHERE older.device_id = me.id AND NOT older.is_same"
        "                        AND older.state IN ('activating', 'verifying'))"
        "     AND (own.device_id IS NULL"
        "          OR (own.state = 'offered' AND own.image_id IS NULL)"
        "          OR (own.state IN ('failed', 'rolled-back') AND own.attempts <= me.retry_max"
        "              AND own.updated_at + me.retry_after_s * interval '1 second'"
        "                  <= clock_timestamp()))),"
        " queued AS ("
        "  SELECT free.*, count(*) FILTER (WHERE is_new) OVER of_deployment AS n_new,"
        "         count(*) OVER of_group AS n_group,"
        "         sum(free.bytes) OVER of_group - free.bytes AS bytes_before"
        "    FROM free"
        "  WINDOW of_deployment AS (PARTITION BY deployment_id ORDER BY id ROWS UNBOUNDED "
        "PRECEDING),"
        "         of_group AS (PARTITION BY group_id ORDER BY id ROWS UNBOUNDED PRECEDING)),"
        " fit AS MATERIALIZED ("
        "  SELECT queued.* FROM queued JOIN open ON open.id = queued.deployment_id"
        "   WHERE (NOT is_new OR open.count_room IS NULL OR n_new <= open.count_room)"
        "     AND (open.fetch_room IS NULL OR n_group <= open.fetch_room)"
        "     AND (open.rate IS NULL OR open.bytes - bytes_before > 0)),"
        " kinds AS ("
        "  SELECT k.deployment_id, k.hwid, k.source, s.stratum,"
        "         coalesce((SELECT max(m.stratum) FROM deployment_stratum m"
        "                    WHERE m.deployment_id = k.deployment_id), 0)"
        "         + row_number() OVER (PARTITION BY k.deployment_id, s.stratum IS NULL"
        "                              ORDER BY k.hwid, k.source) AS next"
        "    FROM (SELECT DISTINCT deployment_id, hwid, source FROM fit WHERE is_new) AS k"
        "    LEFT JOIN deployment_stratum s ON s.deployment_id = k.deployment_id"
        "     AND s.stratum > 0 AND s.hwid = k.hwid AND s.source IS NOT DISTINCT FROM k.source),"
        " placed AS MATERIALIZED ("
        "  SELECT fit.*, CASE WHEN kinds.stratum IS NOT NULL THEN kinds.stratum"
        "                     WHEN kinds.next <= 32 THEN kinds.next ELSE 0 END AS stratum"
        "    FROM fit LEFT JOIN kinds ON kinds.deployment_id = fit.deployment_id"
        "     AND kinds.hwid = fit.hwid AND kinds.source IS NOT DISTINCT FROM fit.source),"
        " cancelled AS ("
        "  UPDATE deployment_device dd"
        "     SET state = 'cancelled', reason = 'CANCELLED', updated_at = now()"
        "    FROM older JOIN fit ON fit.id = older.device_id"
        "   WHERE dd.deployment_id = older.deployment_id AND dd.device_id = older.device_id"
        "     AND NOT older.is_same"
        "  RETURNING dd.deployment_id, dd.tenant_id, dd.phase, older.state),"
        " added AS ("
        "  INSERT INTO deployment_device (deployment_id, device_id, tenant_id, phase, state,"
        "                                 stratum, image_id, is_step, source, granted_bytes)"
        "  SELECT deployment_id, id, tenant_id, phase, 'offered', stratum, image_id, is_step,"
        "         source, bytes"
        "    FROM placed WHERE is_new ORDER BY id"
        "  ON CONFLICT DO NOTHING"
        "  RETURNING deployment_id, device_id, tenant_id, phase, state),"
        " again AS ("
        "  UPDATE deployment_device dd"
        "     SET state = 'offered', reason = 'NONE', detail = '', image_id = fit.image_id,"
        "         is_step = fit.is_step, granted_bytes = dd.granted_bytes + fit.bytes,"
        "         attempts = dd.attempts + (fit.own_state <> 'offered')::integer,"
        "         updated_at = now()"
        "    FROM fit"
        "   WHERE NOT fit.is_new AND dd.deployment_id = fit.deployment_id"
        "     AND dd.device_id = fit.id"
        "  RETURNING dd.deployment_id, dd.device_id, dd.tenant_id, dd.phase, dd.state,"
        "            fit.own_state),"
        " given AS ("
        "  SELECT deployment_id, device_id, phase, state FROM added"
        "  UNION ALL"
        "  SELECT deployment_id, device_id, phase, state FROM again),"
        " told AS ("
        "  UPDATE device v"
        "     SET assignment = greatest(v.assignment, ask.own) + 1,"
        "         deployment_id = given.deployment_id"
        "    FROM given JOIN ask ON ask.device_id = given.device_id"
        "   WHERE v.id = given.device_id"
        "  RETURNING v.id, v.assignment),"
        " spent AS ("
        "  UPDATE group_budget b"
        "     SET bytes = open.bytes - coalesce((SELECT sum(fit.bytes) FROM fit"
        "                                         WHERE fit.group_id = open.group_id), 0),"
        "         filled_at = statement_timestamp()"
        "    FROM open WHERE b.group_id = open.group_id AND open.rate IS NOT NULL),"
        " strata AS ("
        "  INSERT INTO deployment_stratum AS s (deployment_id, stratum, tenant_id, hwid, source,"
        "                                       granted)"
        "  SELECT p.deployment_id, p.stratum, min(p.tenant_id),"
        "         CASE WHEN p.stratum > 0 THEN min(p.hwid) ELSE '' END,"
        "         CASE WHEN p.stratum > 0 THEN (array_agg(p.source))[1] END, count(*)"
        "    FROM placed p JOIN added a ON a.deployment_id = p.deployment_id AND a.device_id = p.id"
        "   GROUP BY p.deployment_id, p.stratum ORDER BY p.deployment_id, p.stratum"
        "  ON CONFLICT (deployment_id, stratum) DO UPDATE SET granted = s.granted + "
        "excluded.granted),"
        " counted AS (" STORE_COUNT_BEGIN
        "  SELECT deployment_id, phase, tenant_id, state, 1 AS n FROM added"
        "  UNION ALL"
        "  SELECT deployment_id, phase, tenant_id, state, 1 FROM again"
        "  UNION ALL"
        "  SELECT deployment_id, phase, tenant_id, own_state, -1 FROM again"
        "  UNION ALL"
        "  SELECT deployment_id, phase, tenant_id, state, -1 FROM cancelled"
        "  UNION ALL"
        "  SELECT deployment_id, phase, tenant_id, 'cancelled', 1 FROM cancelled"
        "  " STORE_COUNT_END ")"
        " SELECT ask.device_id, coalesce(told.assignment, v.assignment),"
        "        coalesce(given.deployment_id, v.deployment_id),"
        "        coalesce(given.phase, dd.phase), coalesce(given.state, dd.state),"
        "        given.device_id IS NULL AND dd.state = 'offered' AND dd.image_id IS NULL,"
        "        given.device_id IS NOT NULL OR EXISTS ("
        "          SELECT 1 FROM deployment_device k"
        "           WHERE k.deployment_id = ask.deployment_id AND k.device_id = ask.device_id),"
        "        ask.deployment_id,"
        "        CASE WHEN given.device_id IS NOT NULL THEN 0"
        "             WHEN EXISTS (SELECT 1 FROM free WHERE free.id = ask.device_id) THEN 2"
        "             ELSE 1 END, v.penalty_until"
        "   FROM ask JOIN device v ON v.id = ask.device_id" STANDING_JOIN
        "   LEFT JOIN given ON given.device_id = ask.device_id",
};

static void bind_hashes(struct db_call *call, const struct store_grant *asks, size_t count,
                        size_t offset)
{
    AUTO_FREE struct db_slice *slices = mem_array(count, sizeof(*slices));

    for (size_t i = 0; i < count; i++) {
        const uint8_t *hash;

        __builtin_memcpy(&hash, (const char *)&asks[i] + offset, sizeof(hash));
        slices[i] = (struct db_slice){hash, hash ? HASH_BYTES : 0};
    }
    db_bind_bytes_array(call, slices, count);
}

void store_grant_add(struct db *db, const struct store_grant *asks, size_t count, db_done_fn *done,
                     void *arg)
{
    struct db_tx *tx = store_last_tx(db, done, arg);
    struct db_call *call = db_tx_call(tx, &grant_lock);

    BIND_I64S(call, asks, count, struct store_grant, deployment_id);
    call = db_tx_call(tx, &grant_add);
    BIND_I64S(call, asks, count, struct store_grant, device_id);
    BIND_I64S(call, asks, count, struct store_grant, deployment_id);
    BIND_I64S(call, asks, count, struct store_grant, phase);
    BIND_I64S(call, asks, count, struct store_grant, assignment);
    BIND_I64S(call, asks, count, struct store_grant, own);
    bind_hashes(call, asks, count, offsetof(struct store_grant, image));
    bind_hashes(call, asks, count, offsetof(struct store_grant, source));
    BIND_I64S(call, asks, count, struct store_grant, bytes);
    db_tx_send(tx);
}

void store_granted_read(const struct db_result *result, size_t row, struct store_granted *out)
{
    store_standing_read(result, row, 0, &out->standing);
    out->has_row = db_bool(result, row, 6);
    out->asked_id = db_i64(result, row, 7);
    out->outcome = (enum store_grant_outcome)db_i64(result, row, 8);
    out->penalty_until_ms = db_time_ms(result, row, 9);
}

static const struct db_stmt grant_withdraw = {
    .name = "grant_withdraw",
    .params = 4,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH ask AS MATERIALIZED ("
           "  SELECT a.device_id, a.deployment_id, a.assignment, a.own"
           "    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])"
           "      AS a (device_id, deployment_id, assignment, own)),"
           " asked AS MATERIALIZED ("
           "  SELECT d.id, d.group_id,"
           "         NOT " STORE_STANDS " AND d.state <> 'paused'"
           "           AND (d.state <> 'halted' OR EXISTS ("
           "             SELECT 1 FROM deployment n WHERE n.group_id = d.group_id AND n.id > d.id"
           "                AND n.state NOT IN ('draft', 'awaiting-approval', 'scheduled')))"
           "           AS is_over"
           "    FROM deployment d JOIN device_group g ON g.id = d.group_id"
           "   WHERE d.id IN (SELECT deployment_id FROM ask)"
           "   ORDER BY d.id FOR NO KEY UPDATE OF d),"
           " me AS MATERIALIZED ("
           "  SELECT v.id, v.deployment_id FROM ask"
           "    JOIN asked ON asked.id = ask.deployment_id"
           "    JOIN device v ON v.id = ask.device_id AND v.deployment_id = asked.id"
           "     AND v.assignment = ask.assignment"
           "     AND (asked.is_over OR v.group_id <> asked.group_id OR v.state <> 'active')"
           "   ORDER BY v.id FOR NO KEY UPDATE OF v),"
           " held AS MATERIALIZED ("
           "  SELECT dd.deployment_id, dd.device_id, dd.state"
           "    FROM me JOIN deployment_device dd"
           "      ON dd.deployment_id = me.deployment_id AND dd.device_id = me.id"
           "   WHERE dd.state IN ('offered', 'downloading', 'staged')"
           "   ORDER BY dd.device_id, dd.deployment_id FOR NO KEY UPDATE OF dd),"
           " cancelled AS ("
           "  UPDATE deployment_device dd"
           "     SET state = 'cancelled', reason = 'CANCELLED', updated_at = now()"
           "    FROM held"
           "   WHERE dd.deployment_id = held.deployment_id AND dd.device_id = held.device_id"
           "  RETURNING dd.deployment_id, dd.device_id, dd.tenant_id, dd.phase, held.state),"
           " told AS ("
           "  UPDATE device v SET assignment = greatest(v.assignment, ask.own) + 1"
           "    FROM cancelled JOIN ask ON ask.device_id = cancelled.device_id"
           "   WHERE v.id = cancelled.device_id"
           "  RETURNING v.id, v.assignment),"
           " counted AS (" STORE_COUNT_BEGIN
           "  SELECT deployment_id, phase, tenant_id, state, -1 AS n FROM cancelled"
           "  UNION ALL"
           "  SELECT deployment_id, phase, tenant_id, 'cancelled', 1 FROM cancelled"
           "  " STORE_COUNT_END ")"
           " SELECT ask.device_id, coalesce(told.assignment, v.assignment), v.deployment_id,"
           "        dd.phase, CASE WHEN told.id IS NULL THEN dd.state ELSE 'cancelled' END,"
           "        told.id IS NULL AND dd.state = 'offered' AND dd.image_id IS NULL"
           "   FROM ask JOIN device v ON v.id = ask.device_id" STANDING_JOIN,
};

void store_grant_withdraw(struct db *db, const struct store_withdrawal *asks, size_t count,
                          db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &grant_withdraw, done, arg);

    BIND_I64S(call, asks, count, struct store_withdrawal, device_id);
    BIND_I64S(call, asks, count, struct store_withdrawal, deployment_id);
    BIND_I64S(call, asks, count, struct store_withdrawal, assignment);
    BIND_I64S(call, asks, count, struct store_withdrawal, own);
    db_send(call);
}

const struct db_stmt *const store_grant_statements[] = {&grant_lock, &grant_add, &grant_withdraw,
                                                        NULL};
