/*
 * Planning reads which images the product's devices say they run; it is a background statement,
 * never part of creating a release or a deployment.
 */
#include "server/store/store_delta.h"

static const struct db_stmt delta_plan = {
    .name = "delta_plan",
    .params = 3,
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
           " fleet AS (" /* of the products: how many devices are there? */
           "  SELECT g.product_id, count(*) AS devices FROM device d"
           "    JOIN device_group g ON g.id = d.group_id"
           "   WHERE g.product_id IN (SELECT product_id FROM goal)"
           "     AND d.state <> 'decommissioned' GROUP BY g.product_id),"
           " known AS (" /* of the components: how did their deltas before go? */
           "  SELECT t.component_id,"
           "         avg(x.length::float8 / nullif(x.full_zstd_length, 0)) AS size,"
           "         avg(x.cpu_ms::float8 / nullif(f.length + t.length, 0)) AS cpu_ms"
           "    FROM delta x JOIN image t ON t.id = x.to_image_id"
           "    JOIN image f ON f.id = x.from_image_id"
           "   WHERE x.cpu_ms IS NOT NULL"
           "     AND t.component_id IN (SELECT component_id FROM goal)"
           "   GROUP BY t.component_id),"
           " pair AS ("
           "  SELECT goal.tenant_id, f.id AS from_id, goal.id AS to_id, run.devices,"
           /* Before anything is known: packed to 40 %, a delta of 15 % of that, 1 us a byte. */
           "         run.devices"
           "         * greatest(0, coalesce(i.full_zstd_length, i.length * 0.4)"
           "                       * (1 - least(1, coalesce(known.size, 0.15))))"
           "         / (0.1 + (f.length + i.length)"
           "                  * coalesce(known.cpu_ms / 1000, 0.000001)) AS worth"
           "    FROM goal JOIN image i ON i.id = goal.id"
           "    JOIN run ON run.product_id = goal.product_id"
           "    JOIN fleet ON fleet.product_id = goal.product_id"
           "    JOIN image f ON f.tenant_id = run.tenant_id AND f.sha256 = run.sha256"
           "     AND f.component_id = goal.component_id"
           "     AND f.hwids && goal.hwids AND f.release_counter < goal.release_counter"
           "    LEFT JOIN known ON known.component_id = goal.component_id"
           "   WHERE run.devices >= $2::bigint AND run.devices * 1000 >= fleet.devices),"
           " wanted AS ("
           "  SELECT tenant_id, from_id, to_id, sum(devices) AS devices, sum(worth) AS worth,"
           "         row_number() OVER (PARTITION BY to_id"
           "                            ORDER BY sum(worth) DESC, from_id) AS place"
           "    FROM pair GROUP BY tenant_id, from_id, to_id),"
           " queued AS ("
           "  INSERT INTO delta (tenant_id, from_image_id, to_image_id, devices, worth)"
           "  SELECT tenant_id, from_id, to_id, devices, worth FROM wanted"
           "   WHERE place <= $3::bigint"
           "  ON CONFLICT (from_image_id, to_image_id) DO UPDATE"
           "     SET devices = excluded.devices, worth = excluded.worth, state = 'queued',"
           "         attempts = CASE WHEN delta.state = 'collected' THEN 0"
           "                         ELSE delta.attempts END"
           "   WHERE (delta.state = 'queued' AND delta.devices <> excluded.devices)"
           "      OR delta.state = 'collected'),"
           " planned AS ("
           "  UPDATE release SET deltas_planned_at = now() FROM due WHERE release.id = due.id)"
           " SELECT count(*) FROM due",
};

void store_delta_plan(struct db *db, int64_t devices_min, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &delta_plan, done, arg);

    db_bind_i64(call, STORE_DELTA_PLANNED_MAX);
    db_bind_i64(call, devices_min);
    db_bind_i64(call, STORE_DELTA_SOURCES_MAX);
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
           "                ORDER BY worth DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED)"
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
    .params = 9,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH ended AS ("
           "  UPDATE delta SET state = CASE WHEN $2::boolean THEN 'kept' ELSE 'dropped' END,"
           "         sha256 = CASE WHEN $2 THEN $3::bytea END, length = $4::bigint,"
           "         full_zstd_length = $5::bigint, header_length = $6::bigint,"
           "         header_sha256 = $7::bytea, memory = $8::bigint, cpu_ms = $9::bigint,"
           "         ended_at = now(), detail = '', used_at = NULL, removed_at = NULL,"
           "         is_gone = false"
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
    db_bind_i64(call, (int64_t)made->cpu_ms);
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

static const struct db_stmt delta_collect = {
    .name = "delta_collect",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH collected AS ("
           "  UPDATE delta SET state = 'collected', removed_at = now(),"
           "         detail = 'nobody fetched it for long'"
           "   WHERE state = 'kept'"
           "     AND ended_at < now() - $1::bigint * interval '1 s'"
           "     AND (used_at IS NULL OR used_at < now() - $1 * interval '1 s')"
           "  RETURNING tenant_id)"
           " INSERT INTO change_log (tenant_id, what)"
           " SELECT DISTINCT tenant_id, 'delta' FROM collected",
};

void store_delta_collect(struct db *db, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &delta_collect, done, arg);

    db_bind_i64(call, STORE_DELTA_IDLE_S);
    db_send(call);
}

const struct db_stmt *const store_delta_statements[] = {
    &delta_plan, &delta_claim, &delta_renew, &delta_made, &delta_failed, &delta_collect, NULL};
