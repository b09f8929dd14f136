/* What decides is in the schema: it has to hold under a lock. */
#include "server/store/store_collect.h"

#define WHY_JSON                                                                                   \
    "json_build_object('sha256', encode(i.sha256, 'hex'), 'path', i.path, 'version', i.version,"   \
    " 'length', i.length,"                                                                         \
    " 'state', CASE WHEN i.removed_at IS NOT NULL THEN 'removed'"                                  \
    "               WHEN EXISTS (SELECT FROM slipway_image_reasons(i)) THEN 'kept'"                \
    "               ELSE 'unneeded' END,"                                                          \
    " 'unneeded', slipway_time(i.unneeded_at), 'removed', slipway_time(i.removed_at),"             \
    " 'goes', slipway_time(i.unneeded_at + interval '30 days'),"                                   \
    " 'reasons', coalesce((SELECT json_agg(json_build_object('reason', r.reason,"                  \
    "                                                       'detail', r.detail))"                  \
    "                        FROM slipway_image_reasons(i) r), '[]'))"

static const struct db_stmt artifact_why = {
    .name = "artifact_why",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT " WHY_JSON " FROM image i WHERE i.tenant_id = $1::bigint AND i.sha256 = $2",
};

void store_artifact_why(struct db *db, int64_t tenant_id, const uint8_t sha256[HASH_BYTES],
                        db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &artifact_why, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_bytes(call, sha256, HASH_BYTES);
    db_send(call);
}

static const struct db_stmt artifact_lock = {
    .name = "artifact_lock",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH old AS (SELECT * FROM image WHERE tenant_id = $1::bigint AND sha256 = $2::bytea"
           "              FOR UPDATE),"
           " i AS ("
           "  UPDATE image n SET lock_reason = $3::text,"
           "         locked_at = CASE WHEN $3 IS NOT NULL THEN now() END,"
           "         unneeded_at = CASE WHEN $3 IS NULL THEN n.unneeded_at END"
           "    FROM old WHERE n.id = old.id AND (old.removed_at IS NULL OR slipway_refuse('SL409',"
           "                     'its file was removed: upload it again first'))"
           "  RETURNING n.*),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($4::bigint, $5::text,"
           "           CASE WHEN $3 IS NULL THEN 'image.unlock' ELSE 'image.lock' END,"
           "           'image ' || encode(i.sha256, 'hex'), c.product_id, NULL, to_jsonb(old),"
           "           to_jsonb(i)) AS seq"
           "    FROM i JOIN old ON old.id = i.id JOIN component c ON c.id = i.component_id)"
           " SELECT json_build_object('sha256', encode(i.sha256, 'hex'), 'path', i.path,"
           "          'locked', slipway_time(i.locked_at), 'reason', i.lock_reason)"
           "   FROM i, audited",
};

void store_artifact_lock(struct db *db, const struct store_actor *actor,
                         const uint8_t sha256[HASH_BYTES], const char *reason, db_done_fn *done,
                         void *arg)
{
    struct db_call *call = db_call_new(db, &artifact_lock, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_bytes(call, sha256, HASH_BYTES);
    db_bind_text(call, reason);
    store_actor_bind(call, actor);
    db_send(call);
}

static const struct db_stmt collect_mark = {
    .name = "collect_mark",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT slipway_artifacts_mark($1::integer)",
};

void store_collect_mark(struct db *db, int64_t at_most, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &collect_mark, done, arg);

    db_bind_i64(call, at_most);
    db_send(call);
}

static const struct db_stmt collect_remove = {
    .name = "collect_remove",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT slipway_artifacts_remove($1::integer, make_interval(secs => $2::bigint))",
};

void store_collect_remove(struct db *db, int64_t at_most, int64_t grace_s, db_done_fn *done,
                          void *arg)
{
    struct db_call *call = db_call_new(db, &collect_remove, done, arg);

    db_bind_i64(call, at_most);
    db_bind_i64(call, grace_s);
    db_send(call);
}

static const struct db_stmt collect_leaving = {
    .name = "collect_leaving",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT g.sha256, g.removed_at,"
           "       EXISTS (SELECT FROM image i WHERE i.sha256 = g.sha256 AND i.removed_at IS NULL)"
           "       OR EXISTS (SELECT FROM delta d WHERE d.sha256 = g.sha256 AND d.state = 'kept')"
           "       OR EXISTS (SELECT FROM repo_file f WHERE f.sha256 = g.sha256)"
           "  FROM (SELECT l.sha256, max(l.removed_at) AS removed_at"
           "          FROM (SELECT i.sha256, i.removed_at FROM image i"
           "                 WHERE i.removed_at IS NOT NULL AND NOT i.is_gone"
           "                UNION ALL"
           "                SELECT d.sha256, d.removed_at FROM delta d"
           "                 WHERE d.state = 'collected' AND NOT d.is_gone) AS l"
           "         GROUP BY l.sha256 ORDER BY 2 LIMIT $1::bigint) AS g",
};

void store_collect_leaving(struct db *db, int64_t at_most, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &collect_leaving, done, arg);

    db_bind_i64(call, at_most);
    db_send(call);
}

static const struct db_stmt collect_gone = {
    .name = "collect_gone",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH deltas AS ("
           "  UPDATE delta SET is_gone = true"
           "   WHERE sha256 = ANY ($1::bytea[]) AND state = 'collected')"
           " UPDATE image SET is_gone = true"
           " WHERE sha256 = ANY ($1) AND removed_at IS NOT NULL",
};

void store_collect_gone(struct db *db, const struct db_slice *hashes, size_t count,
                        db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &collect_gone, done, arg);

    db_bind_bytes_array(call, hashes, count);
    db_send(call);
}

const struct db_stmt *const store_artifact_statements[] = {&artifact_why, &artifact_lock, NULL};
const struct db_stmt *const store_collect_statements[] = {&collect_mark, &collect_remove,
                                                          &collect_leaving, &collect_gone, NULL};
