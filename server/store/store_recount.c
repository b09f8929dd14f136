/* A deployment at a time, so that no statement reads millions of rows of many. */
#include "server/store/store_recount.h"

static const struct db_stmt recount_next = {
    .name = "recount_next",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH d AS MATERIALIZED ("
           "  SELECT id, public_id FROM deployment"
           "   WHERE id > $1::bigint"
           "     AND (ended_at IS NULL OR ended_at > now() - interval '2 days')"
           "   ORDER BY id LIMIT 1),"
           " rows AS MATERIALIZED ("
           "  SELECT dd.phase, dd.state, dd.stratum, dd.verdict,"
           "         dd.activated_at IS NOT NULL AS is_touched"
           "    FROM deployment_device dd WHERE dd.deployment_id = (SELECT id FROM d)),"
           " recounted AS ("
           "  SELECT phase || '/' || state AS what, count(*) AS n FROM rows GROUP BY phase, state"
           "  UNION ALL"
           "  SELECT phase || '/touched', count(*) FROM rows WHERE is_touched GROUP BY phase"
           "  UNION ALL"
           "  SELECT 'stratum ' || stratum || '/' || what, n"
           "    FROM (SELECT stratum, count(*) AS granted,"
           "                 count(*) FILTER (WHERE is_touched) AS touched,"
           "                 count(*) FILTER (WHERE state IN ('activating', 'verifying')) AS open,"
           "                 count(*) FILTER (WHERE verdict = 'success') AS succeeded,"
           "                 count(*) FILTER (WHERE verdict = 'failure') AS failed,"
           "                 count(*) FILTER (WHERE verdict = 'device') AS device,"
           "                 count(*) FILTER (WHERE verdict = 'server') AS server"
           "            FROM rows GROUP BY stratum) AS s"
           "   CROSS JOIN LATERAL (VALUES ('granted', granted), ('touched', touched),"
           "                              ('open', open), ('succeeded', succeeded),"
           "                              ('failed', failed), ('device', device),"
           "                              ('server', server)) AS v (what, n)"
           "   WHERE n <> 0),"
           " counted AS ("
           "  SELECT phase || '/' || state AS what, n FROM deployment_counter"
           "   WHERE deployment_id = (SELECT id FROM d) AND n <> 0"
           "  UNION ALL"
           "  SELECT 'stratum ' || stratum || '/' || what, n FROM deployment_stratum"
           "   CROSS JOIN LATERAL (VALUES ('granted', granted), ('touched', touched),"
           "                              ('open', open), ('succeeded', succeeded),"
           "                              ('failed', failed), ('device', device),"
           "                              ('server', server)) AS v (what, n)"
           "   WHERE deployment_id = (SELECT id FROM d) AND n <> 0),"
           " drift AS ("
           "  SELECT what, coalesce(c.n, 0) AS counter, coalesce(r.n, 0) AS rows"
           "    FROM counted c FULL JOIN recounted r USING (what)"
           "   WHERE c.n IS DISTINCT FROM r.n)"
           " SELECT d.id, d.public_id::text, (SELECT count(*) FROM drift),"
           "        coalesce((SELECT what || ' is ' || counter || ', rows are ' || rows"
           "                    FROM drift ORDER BY what LIMIT 1), '')"
           "   FROM d",
};

void store_recount_next(struct db *db, int64_t after, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &recount_next, done, arg);

    db_bind_i64(call, after);
    db_send(call);
}

static const struct db_stmt retention_run = {
    .name = "retention_run",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT made, dropped"
           "  FROM slipway_partitions((now() AT TIME ZONE 'UTC')::date, $1::integer)",
};

void store_retention_run(struct db *db, int64_t raw_days, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &retention_run, done, arg);

    db_bind_i64(call, raw_days);
    db_send(call);
}

/* Longer than anything waits in a device's queue; in pieces, because nothing waits for it. */
static const struct db_stmt retention_epochs = {
    .name = "retention_epochs",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = "DELETE FROM event_epoch e USING ("
           "   SELECT device_id, epoch FROM event_epoch"
           "    WHERE seen_at < now() - interval '400 days' LIMIT 10000) AS old"
           " WHERE e.device_id = old.device_id AND e.epoch = old.epoch",
};

void store_retention_epochs(struct db *db, db_done_fn *done, void *arg)
{
    db_send(db_call_new(db, &retention_epochs, done, arg));
}

const struct db_stmt *const store_recount_statements[] = {&recount_next, &retention_run,
                                                          &retention_epochs, NULL};
