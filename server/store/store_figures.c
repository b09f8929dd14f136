/* Nothing here reads a row of a device: looks come from memory, history from counters. */
#include "server/store/store_figures.h"

#include "lib/base/mem.h"

static const struct db_stmt figures_look = {
    .name = "figures_look",
    .params = 4,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH look AS ("
           "  SELECT l.group_id, l.tenant_id, l.counts::jsonb AS counts,"
           "         l.classes::jsonb AS classes"
           "    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])"
           "      AS l (group_id, tenant_id, counts, classes))"
           " INSERT INTO version_count AS v (group_id, at, tenant_id, counts, classes)"
           " SELECT l.group_id, date_bin('10 minutes', now(), '2000-01-01Z'), l.tenant_id,"
           "        l.counts, l.classes"
           "   FROM look l JOIN device_group g ON g.id = l.group_id"
           "   LEFT JOIN LATERAL (SELECT o.counts, o.classes FROM version_count o"
           "                       WHERE o.group_id = l.group_id ORDER BY o.at DESC LIMIT 1)"
           "     AS before ON true"
           "  WHERE before.counts IS DISTINCT FROM l.counts"
           "     OR before.classes IS DISTINCT FROM l.classes"
           "  ORDER BY l.group_id"
           " ON CONFLICT (group_id, at) DO UPDATE"
           "    SET counts = excluded.counts, classes = excluded.classes",
};

void store_figures_look(struct db *db, const struct store_look *looks, size_t count,
                        db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &figures_look, done, arg);
    AUTO_FREE int64_t *ids = mem_array(count, sizeof(*ids));
    AUTO_FREE const char **texts = mem_array(count, sizeof(*texts));

    for (size_t i = 0; i < count; i++)
        ids[i] = looks[i].group_id;
    db_bind_i64_array(call, ids, count);
    for (size_t i = 0; i < count; i++)
        ids[i] = looks[i].tenant_id;
    db_bind_i64_array(call, ids, count);
    for (size_t i = 0; i < count; i++)
        texts[i] = looks[i].counts;
    db_bind_text_array(call, texts, count);
    for (size_t i = 0; i < count; i++)
        texts[i] = looks[i].classes;
    db_bind_text_array(call, texts, count);
    db_send(call);
}

/* Also thins what is older than a day: then the first of each half hour is enough. */
static const struct db_stmt figures_history = {
    .name = "figures_history",
    .scope = DB_EVERY_TENANT,
    .sql = "WITH thinned AS ("
           "  DELETE FROM deployment_history h USING deployment d"
           "   WHERE h.deployment_id = d.id AND d.ended_at IS NULL"
           "     AND h.at < now() - interval '1 day'"
           "     AND extract(minute FROM h.at)::integer % 30 <> 0)"
           " INSERT INTO deployment_history"
           "        (deployment_id, at, tenant_id, phase, state, counters, strata)"
           " SELECT d.id, date_trunc('minute', now()), d.tenant_id, d.phase, d.state, c.counters,"
           "        s.strata"
           "   FROM deployment d"
           "  CROSS JOIN LATERAL ("
           "    SELECT coalesce(jsonb_object_agg(p.phase::text, p.states), '{}') AS counters"
           "      FROM (SELECT phase, jsonb_object_agg(state, n) AS states"
           "              FROM deployment_counter WHERE deployment_id = d.id AND n <> 0"
           "             GROUP BY phase) AS p) AS c"
           "  CROSS JOIN LATERAL ("
           "    SELECT coalesce(jsonb_agg(jsonb_build_array(t.stratum, t.granted, t.touched,"
           "             t.open, t.succeeded, t.failed, t.device, t.server) ORDER BY t.stratum),"
           "             '[]') AS strata"
           "      FROM deployment_stratum t WHERE t.deployment_id = d.id) AS s"
           "   LEFT JOIN LATERAL ("
           "    SELECT h.counters, h.strata, h.state, h.phase FROM deployment_history h"
           "     WHERE h.deployment_id = d.id ORDER BY h.at DESC LIMIT 1) AS before ON true"
           "  WHERE (d.state IN ('running', 'paused', 'halted', 'rolling-back')"
           "         AND d.ended_at IS NULL OR d.ended_at > now() - interval '1 hour')"
           "    AND (before.counters IS DISTINCT FROM c.counters"
           "         OR before.strata IS DISTINCT FROM s.strata"
           "         OR before.state IS DISTINCT FROM d.state"
           "         OR before.phase IS DISTINCT FROM d.phase)"
           "  ORDER BY d.id ON CONFLICT (deployment_id, at) DO NOTHING",
};

void store_figures_history(struct db *db, db_done_fn *done, void *arg)
{
    db_send(db_call_new(db, &figures_history, done, arg));
}

static const struct db_stmt figures_states = {
    .name = "figures_states",
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT t.name, d.state, count(*) FROM deployment d JOIN tenant t ON t.id = d.tenant_id"
           " GROUP BY t.name, d.state ORDER BY t.name, d.state LIMIT 1000",
};

void store_figures_states(struct db *db, db_done_fn *done, void *arg)
{
    db_send(db_call_new(db, &figures_states, done, arg));
}

static const struct db_stmt figures_evidence = {
    .name = "figures_evidence",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT t.name, d.public_id, e.gate, e.shown ->> 'statistic',"
           "       coalesce(e.shown ->> 'lower', ''), coalesce(e.shown ->> 'upper', '')"
           "  FROM (SELECT * FROM deployment"
           "         WHERE state IN ('running', 'paused', 'rolling-back')"
           "         ORDER BY id DESC LIMIT 200) AS d"
           "  JOIN tenant t ON t.id = d.tenant_id"
           " CROSS JOIN LATERAL jsonb_each(d.evidence) AS e (gate, shown)"
           " WHERE jsonb_typeof(e.shown -> 'statistic') = 'number'"
           " ORDER BY d.id DESC, e.gate LIMIT $1::bigint",
};

void store_figures_evidence(struct db *db, int64_t limit, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &figures_evidence, done, arg);

    db_bind_i64(call, limit);
    db_send(call);
}

static const struct db_stmt figures_queue = {
    .name = "figures_queue",
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT (SELECT count(*) FROM webhook_delivery WHERE state = 'queued'),"
           "       (SELECT count(*) FROM webhook_delivery"
           "         WHERE state = 'dead' AND ended_at > now() - interval '1 day')",
};

void store_figures_queue(struct db *db, db_done_fn *done, void *arg)
{
    db_send(db_call_new(db, &figures_queue, done, arg));
}

const struct db_stmt *const store_figures_statements[] = {
    &figures_look, &figures_history, &figures_states, &figures_evidence, &figures_queue, NULL};
