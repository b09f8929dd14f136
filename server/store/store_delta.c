/*
 * Planning reads which images the product's devices say they run; it is a background statement,
 * never part of creating a release or a deployment.
 */
#include "server/store/store_delta.h"

static const struct db_stmt delta_plan = {
    .name = "delta_plan",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH due AS ("
           "  SELECT r.id, r.tenant_id, r.product_id FROM release r"
           "   WHERE r.deltas_planned_at IS NULL"
           "      OR (r.deltas_planned_at < now() - interval '60 s'"
           "          AND r.id IN (SELECT release_id FROM deployment"
           "                        WHERE state IN ('running', 'paused')))"
           "   ORDER BY r.deltas_planned_at NULLS FIRST LIMIT $1"
           "     FOR NO KEY UPDATE SKIP LOCKED),"
           " goal AS ("
           "  SELECT due.product_id, due.tenant_id, i.id, i.component_id, i.hwids,"
           "         i.release_counter"
           "    FROM due JOIN release_image ri ON ri.release_id = due.id"
           "    JOIN image i ON i.id = ri.image_id),"
           " run AS (" /* what devices run, and how many */
           "  SELECT goal_product.product_id, goal_product.tenant_id, used.sha256,"
           "         count(*) AS devices"
           "    FROM (SELECT DISTINCT product_id, tenant_id FROM goal) AS goal_product"
           "    JOIN device_group g ON g.product_id = goal_product.product_id"
           "    JOIN device d ON d.group_id = g.id"
           "    CROSS JOIN LATERAL unnest(d.installed) AS used (sha256)"
           "   GROUP BY goal_product.product_id, goal_product.tenant_id, used.sha256),"
           " source AS ("
           "  SELECT run.product_id, i.id, run.devices"
           "    FROM run JOIN image i ON i.tenant_id = run.tenant_id AND i.sha256 = run.sha256"
           "  UNION ALL"
           "  SELECT g.product_id, ri.image_id, 0"
           "    FROM device_group g JOIN deployment b ON b.id = g.baseline_deployment_id"
           "    JOIN release_image ri ON ri.release_id = b.release_id"
           "   WHERE g.product_id IN (SELECT product_id FROM goal)),"
           " pair AS ("
           "  SELECT goal.tenant_id, f.id AS from_id, goal.id AS to_id,"
           "         sum(source.devices) AS devices,"
           "         row_number() OVER (PARTITION BY goal.id"
           "                            ORDER BY sum(source.devices) DESC, f.id) AS place"
           "    FROM goal JOIN source ON source.product_id = goal.product_id"
           "    JOIN image f ON f.id = source.id AND f.component_id = goal.component_id"
           "     AND f.hwids && goal.hwids AND f.release_counter < goal.release_counter"
           "   GROUP BY goal.tenant_id, f.id, goal.id),"
           " queued AS ("
           "  INSERT INTO delta (tenant_id, from_image_id, to_image_id, devices)"
           "  SELECT tenant_id, from_id, to_id, devices FROM pair WHERE place <= 16"
           "  ON CONFLICT (from_image_id, to_image_id) DO UPDATE SET devices = excluded.devices"
           "   WHERE delta.state = 'queued' AND delta.devices <> excluded.devices),"
           " planned AS ("
           "  UPDATE release SET deltas_planned_at = now() FROM due WHERE release.id = due.id)"
           " SELECT count(*) FROM due",
};

void store_delta_plan(struct db *db, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &delta_plan, done, arg);

    db_bind_i64(call, STORE_DELTA_PLANNED_MAX);
    db_send(call);
}

static const struct db_stmt delta_claim = {
    .name = "delta_claim",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH given_up AS ("
           "  UPDATE delta SET state = 'failed', detail = 'its worker died too often',"
           "         ended_at = now()"
           "   WHERE state = 'running' AND leased_until < now() AND attempts >= $1::integer),"
           " claimed AS ("
           "  UPDATE delta SET state = 'running', attempts = attempts + 1, started_at = now(),"
           "         leased_until = now() + $2::bigint * interval '1 s'"
           "   WHERE id = (SELECT id FROM delta"
           "                WHERE state = 'queued' OR (state = 'running' AND attempts < $1"
           "                                           AND leased_until < now())"
           "                ORDER BY devices DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED)"
           "  RETURNING id, tenant_id, from_image_id, to_image_id)"
           " SELECT claimed.id, claimed.tenant_id, f.sha256, f.length, t.sha256, t.length"
           "   FROM claimed JOIN image f ON f.id = claimed.from_image_id"
           "   JOIN image t ON t.id = claimed.to_image_id",
};

void store_delta_claim(struct db *db, int64_t lease_s, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &delta_claim, done, arg);

    db_bind_i64(call, STORE_DELTA_ATTEMPTS_MAX);
    db_bind_i64(call, lease_s);
    db_send(call);
}

static const struct db_stmt delta_renew = {
    .name = "delta_renew",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "UPDATE delta SET leased_until = now() + $2::bigint * interval '1 s'"
           " WHERE id = $1 AND state = 'running'",
};

void store_delta_renew(struct db *db, int64_t id, int64_t lease_s, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &delta_renew, done, arg);

    db_bind_i64(call, id);
    db_bind_i64(call, lease_s);
    db_send(call);
}

static const struct db_stmt delta_made = {
    .name = "delta_made",
    .params = 8,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH ended AS ("
           "  UPDATE delta SET state = CASE WHEN $2::boolean THEN 'kept' ELSE 'dropped' END,"
           "         sha256 = CASE WHEN $2 THEN $3::bytea END, length = $4::bigint,"
           "         full_zstd_length = $5::bigint, header_length = $6::bigint,"
           "         header_sha256 = $7::bytea, memory = $8::bigint, ended_at = now(), detail = ''"
           "   WHERE id = $1::bigint AND state = 'running'"
           "  RETURNING tenant_id, to_image_id),"
           " measured AS ("
           "  UPDATE image SET full_zstd_length = $5 FROM ended"
           "   WHERE image.id = ended.to_image_id AND image.full_zstd_length IS NULL)"
           " INSERT INTO change_log (tenant_id, what) SELECT tenant_id, 'delta' FROM ended",
};

void store_delta_made(struct db *db, const struct store_delta_made *made, db_done_fn *done,
                      void *arg)
{
    struct db_call *call = db_call_new(db, &delta_made, done, arg);

    db_bind_i64(call, made->id);
    db_bind_bool(call, made->kept);
    db_bind_bytes(call, made->sha256, HASH_BYTES);
    db_bind_i64(call, (int64_t)made->length);
    db_bind_i64(call, (int64_t)made->full_zstd_length);
    db_bind_i64(call, (int64_t)made->header_length);
    db_bind_bytes(call, made->header_sha256, HASH_BYTES);
    db_bind_i64(call, (int64_t)made->memory_bytes);
    db_send(call);
}

static const struct db_stmt delta_failed = {
    .name = "delta_failed",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql = "UPDATE delta SET state = CASE WHEN attempts < $3::integer THEN 'queued'"
           "                              ELSE 'failed' END,"
           "       detail = $2::text,"
           "       ended_at = CASE WHEN attempts < $3 THEN NULL ELSE now() END"
           " WHERE id = $1 AND state = 'running'",
};

void store_delta_failed(struct db *db, int64_t id, const char *why, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &delta_failed, done, arg);

    db_bind_i64(call, id);
    db_bind_text(call, why);
    db_bind_i64(call, STORE_DELTA_ATTEMPTS_MAX);
    db_send(call);
}

const struct db_stmt *const store_delta_statements[] = {&delta_plan, &delta_claim,  &delta_renew,
                                                        &delta_made, &delta_failed, NULL};
