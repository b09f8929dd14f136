/*
 * A statement sees the database as it was when it began, but a row that it locks it sees as it
 * is after the wait. So what decides is read from locked rows: deployments (state, phase) and
 * devices (assignment). The optimistic check of the assignment also covers rows of
 * deployment_device that were added while we waited: who added one raised the assignment.
 *
 * A new assignment is also above the device's own. It is only behind when this database came back
 * from a backup: then its numbers were given to the device before, for other orders.
 */
#include "server/store/store_grant.h"

#include "lib/base/text.h"
#include "server/store/gather.h"
#include "server/store/moves.h"

/* What the device's standing is after the statement: `told` holds new assignments. */
#define STANDING_JOIN                                                                              \
    " LEFT JOIN told ON told.id = ask.device_id"                                                   \
    " LEFT JOIN deployment_device dd"                                                              \
    "   ON dd.deployment_id = v.deployment_id AND dd.device_id = v.id"

static const struct db_stmt grant_add = {
    .name = "grant_add",
    .params = 5,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH ask AS MATERIALIZED ("
           "  SELECT a.device_id, a.deployment_id, a.phase, a.assignment, a.own"
           "    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])"
           "      AS a (device_id, deployment_id, phase, assignment, own)),"
           " open AS MATERIALIZED ("
           "  SELECT d.id, d.group_id, d.phase"
           "    FROM deployment d JOIN device_group g ON g.id = d.group_id"
           "   WHERE d.id IN (SELECT deployment_id FROM ask)"
           "     AND " STORE_STANDS " AND g.update_policy <> 'none'"
           "   ORDER BY d.id FOR NO KEY UPDATE OF d),"
           " me AS MATERIALIZED ("
           "  SELECT v.id, v.tenant_id, open.id AS deployment_id, open.phase"
           "    FROM ask"
           "    JOIN open ON open.id = ask.deployment_id AND ask.phase <= open.phase"
           "    JOIN device v ON v.id = ask.device_id AND v.group_id = open.group_id"
           "     AND v.assignment = ask.assignment"
           "   WHERE NOT EXISTS (SELECT 1 FROM deployment_device dd"
           "                      WHERE dd.deployment_id = open.id AND dd.device_id = v.id)"
           "   ORDER BY v.id FOR NO KEY UPDATE OF v),"
           " older AS MATERIALIZED ("
           "  SELECT dd.deployment_id, dd.device_id, dd.state"
           "    FROM me JOIN deployment_device dd ON dd.device_id = me.id"
           "   WHERE slipway_rank(dd.state) < 6"
           "   ORDER BY dd.device_id, dd.deployment_id FOR NO KEY UPDATE OF dd),"
           " free AS ("
           "  SELECT me.id, me.tenant_id, me.deployment_id, me.phase FROM me"
           "   WHERE NOT EXISTS (SELECT 1 FROM older"
           "                      WHERE older.device_id = me.id"
           "                        AND older.state IN ('activating', 'verifying'))),"
           " cancelled AS ("
           "  UPDATE deployment_device dd"
           "     SET state = 'cancelled', reason = 'CANCELLED', updated_at = now()"
           "    FROM older JOIN free ON free.id = older.device_id"
           "   WHERE dd.deployment_id = older.deployment_id AND dd.device_id = older.device_id"
           "  RETURNING dd.deployment_id, dd.tenant_id, dd.phase, older.state),"
           " added AS ("
           "  INSERT INTO deployment_device (deployment_id, device_id, tenant_id, phase, state)"
           "  SELECT deployment_id, id, tenant_id, phase, 'offered' FROM free ORDER BY id"
           "  ON CONFLICT DO NOTHING"
           "  RETURNING deployment_id, device_id, tenant_id, phase, state),"
           " told AS ("
           "  UPDATE device v"
           "     SET assignment = greatest(v.assignment, ask.own) + 1,"
           "         deployment_id = added.deployment_id"
           "    FROM added JOIN ask ON ask.device_id = added.device_id"
           "   WHERE v.id = added.device_id"
           "  RETURNING v.id, v.assignment),"
           " counted AS (" STORE_COUNT_BEGIN
           "  SELECT deployment_id, phase, tenant_id, state, 1 AS n FROM added"
           "  UNION ALL"
           "  SELECT deployment_id, phase, tenant_id, state, -1 FROM cancelled"
           "  UNION ALL"
           "  SELECT deployment_id, phase, tenant_id, 'cancelled', 1 FROM cancelled"
           "  " STORE_COUNT_END ")"
           " SELECT ask.device_id, coalesce(told.assignment, v.assignment),"
           "        coalesce(added.deployment_id, v.deployment_id),"
           "        coalesce(added.phase, dd.phase), coalesce(added.state, dd.state),"
           "        added.device_id IS NOT NULL OR EXISTS ("
           "          SELECT 1 FROM deployment_device k"
           "           WHERE k.deployment_id = ask.deployment_id AND k.device_id = ask.device_id),"
           "        ask.deployment_id"
           "   FROM ask JOIN device v ON v.id = ask.device_id" STANDING_JOIN
           "   LEFT JOIN added ON added.device_id = ask.device_id",
};

void store_grant_add(struct db *db, const struct store_grant *asks, size_t count, db_done_fn *done,
                     void *arg)
{
    struct db_call *call = db_call_new(db, &grant_add, done, arg);

    BIND_I64S(call, asks, count, struct store_grant, device_id);
    BIND_I64S(call, asks, count, struct store_grant, deployment_id);
    BIND_I64S(call, asks, count, struct store_grant, phase);
    BIND_I64S(call, asks, count, struct store_grant, assignment);
    BIND_I64S(call, asks, count, struct store_grant, own);
    db_send(call);
}

void store_granted_read(const struct db_result *result, size_t row, struct store_granted *out)
{
    store_standing_read(result, row, 0, &out->standing);
    out->has_row = db_bool(result, row, 5);
    out->asked_id = db_i64(result, row, 6);
}

static const struct db_stmt grant_withdraw = {
    .name = "grant_withdraw",
    .params = 4,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH ask AS MATERIALIZED ("
           "  SELECT a.device_id, a.deployment_id, a.assignment, a.own"
           "    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])"
           "      AS a (device_id, deployment_id, assignment, own)),"
           " over AS MATERIALIZED ("
           "  SELECT d.id FROM deployment d JOIN device_group g ON g.id = d.group_id"
           "   WHERE d.id IN (SELECT deployment_id FROM ask)"
           "     AND NOT " STORE_STANDS " AND d.state <> 'paused'"
           "     AND (d.state <> 'halted' OR EXISTS ("
           "           SELECT 1 FROM deployment n WHERE n.group_id = d.group_id AND n.id > d.id"
           "              AND n.state <> 'awaiting-approval'))"
           "   ORDER BY d.id FOR NO KEY UPDATE OF d),"
           " me AS MATERIALIZED ("
           "  SELECT v.id, v.deployment_id FROM ask"
           "    JOIN over ON over.id = ask.deployment_id"
           "    JOIN device v ON v.id = ask.device_id AND v.deployment_id = over.id"
           "     AND v.assignment = ask.assignment"
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
           "        dd.phase, CASE WHEN told.id IS NULL THEN dd.state ELSE 'cancelled' END"
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

/* A deployment that finished while we waited for its row is the baseline of a group row that we
 * do not see yet: "not-now", and the next question finds both. */
static const struct db_stmt grant_activate = {
    .name = "grant_activate",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH ask AS MATERIALIZED ("
           "  SELECT a.device_id, a.deployment, a.assignment, a.place"
           "    FROM unnest($1::bigint[], $2::text[], $3::bigint[]) WITH ORDINALITY"
           "      AS a (device_id, deployment, assignment, place)),"
           " asked AS MATERIALIZED ("
           "  SELECT d.id, d.public_id, d.group_id, d.state, " STORE_STANDS " AS stands,"
           "         g.update_policy <> 'none' AS is_allowed,"
           "         coalesce(g.baseline_deployment_id > d.id, false) AS is_followed"
           "    FROM deployment d JOIN device_group g ON g.id = d.group_id"
           "   WHERE d.public_id IN (SELECT deployment::uuid FROM ask)"
           "   ORDER BY d.id FOR NO KEY UPDATE OF d),"
           " me AS MATERIALIZED ("
           "  SELECT v.id, asked.id AS deployment_id,"
           "         CASE WHEN asked.stands AND asked.is_allowed THEN 'go'"
           "              WHEN asked.stands THEN 'not-now'"
           "              WHEN asked.state = 'finished' AND asked.is_followed THEN 'superseded'"
           "              WHEN asked.state = 'finished' THEN 'not-now'"
           "              ELSE asked.state END AS word"
           "    FROM ask JOIN asked ON asked.public_id = ask.deployment::uuid"
           "    JOIN device v ON v.id = ask.device_id AND v.group_id = asked.group_id"
           "     AND v.deployment_id = asked.id AND v.assignment = ask.assignment"
           "   ORDER BY v.id FOR NO KEY UPDATE OF v),"
           " held AS MATERIALIZED ("
           "  SELECT dd.deployment_id, dd.device_id, dd.state, me.word,"
           "         dd.activated_at IS NULL AS is_first"
           "    FROM me JOIN deployment_device dd"
           "      ON dd.deployment_id = me.deployment_id AND dd.device_id = me.id"
           "   WHERE dd.state IN ('offered', 'downloading', 'staged', 'activating')"
           "   ORDER BY dd.device_id, dd.deployment_id FOR NO KEY UPDATE OF dd),"
           " moved AS ("
           "  UPDATE deployment_device dd"
           "     SET state = CASE held.word WHEN 'go' THEN 'activating' ELSE 'cancelled' END,"
           "         reason = CASE held.word WHEN 'go' THEN dd.reason ELSE 'CANCELLED' END,"
           "         activated_at = CASE held.word WHEN 'go' THEN coalesce(dd.activated_at, now())"
           "                                       ELSE dd.activated_at END,"
           "         updated_at = now()"
           "    FROM held"
           "   WHERE dd.deployment_id = held.deployment_id AND dd.device_id = held.device_id"
           "     AND CASE held.word WHEN 'go' THEN held.state <> 'activating' OR held.is_first"
           "                        WHEN 'paused' THEN false"
           "                        WHEN 'not-now' THEN false"
           "                        ELSE held.state = 'activating' END"
           "  RETURNING dd.deployment_id, dd.device_id, dd.tenant_id, dd.phase,"
           "            held.state AS old_state, dd.state,"
           "            held.word = 'go' AND held.is_first AS is_touched),"
           " told AS ("
           "  UPDATE device v SET assignment = v.assignment + 1"
           "    FROM moved WHERE v.id = moved.device_id AND moved.state = 'cancelled'"
           "  RETURNING v.id, v.assignment),"
           " counted AS (" STORE_COUNT_BEGIN
           "  SELECT deployment_id, phase, tenant_id, old_state AS state, -1 AS n FROM moved"
           "  UNION ALL"
           "  SELECT deployment_id, phase, tenant_id, state, 1 FROM moved"
           "  UNION ALL"
           "  SELECT deployment_id, phase, tenant_id, 'touched', 1 FROM moved WHERE is_touched"
           "  " STORE_COUNT_END ")"
           " SELECT ask.device_id, coalesce(told.assignment, v.assignment), v.deployment_id,"
           "        dd.phase, coalesce(moved.state, dd.state),"
           "        coalesce(held.word, 'superseded'), ask.place - 1"
           "   FROM ask JOIN device v ON v.id = ask.device_id" STANDING_JOIN
           "   LEFT JOIN held ON held.device_id = ask.device_id"
           "   LEFT JOIN moved ON moved.device_id = ask.device_id",
};

void store_grant_activate(struct db *db, const struct store_activation *asks, size_t count,
                          db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &grant_activate, done, arg);
    AUTO_FREE const char **deployments = mem_array(count, sizeof(*deployments));

    for (size_t i = 0; i < count; i++)
        deployments[i] = asks[i].deployment;
    BIND_I64S(call, asks, count, struct store_activation, device_id);
    db_bind_text_array(call, deployments, count);
    BIND_I64S(call, asks, count, struct store_activation, assignment);
    db_send(call);
}

void store_activated_read(const struct db_result *result, size_t row, struct store_activated *out)
{
    store_standing_read(result, row, 0, &out->standing);
    out->reason = db_text(result, row, 5);
    out->go = text_equal(out->reason, "go");
    out->ask = (size_t)db_i64(result, row, 6);
}

const struct db_stmt *const store_grant_statements[] = {&grant_add, &grant_withdraw,
                                                        &grant_activate, NULL};
