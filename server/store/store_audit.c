/* The columns go out exactly as they are hashed, so that whoever reads can recompute the chain. */
#include "server/store/store_audit.h"

static const struct db_stmt audit_note = {
    .name = "audit_note",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT slipway_audit($2::bigint, $3::text, $4::text, $5::text, NULL, NULL, NULL, NULL)"
           "  FROM tenant WHERE id = $1::bigint",
};

void store_audit_note(struct db *db, const struct store_actor *actor, const char *action,
                      const char *object, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &audit_note, done, arg);

    db_bind_i64(call, actor->tenant_id);
    store_actor_bind(call, actor);
    db_bind_text(call, action);
    db_bind_text(call, object);
    db_send(call);
}

static const struct db_stmt audit_list = {
    .name = "audit_list",
    .params = 3,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT json_build_object("
           "  'items', coalesce(json_agg(item ORDER BY seq) FILTER (WHERE n <= $3::bigint), '[]'),"
           "  'next', CASE WHEN count(*) > $3"
           "               THEN (max(seq) FILTER (WHERE n <= $3))::text END,"
           "  'head', coalesce((SELECT json_build_object('seq', h.seq, 'hash', h.hash)"
           "                      FROM audit_head h WHERE h.tenant_id = $1),"
           "                   json_build_object('seq', 0, 'hash', repeat('0', 64))))"
           "  FROM (SELECT a.seq, row_number() OVER (ORDER BY a.seq) AS n, json_build_object("
           "          'seq', a.seq, 'at', slipway_audit_time(a.at), 'tenant', a.tenant,"
           "          'actor', a.actor, 'via', a.via, 'action', a.action, 'object', a.object,"
           "          'before_hash', a.before_hash, 'after_hash', a.after_hash,"
           "          'request_id', a.request_id, 'prev_hash', a.prev_hash, 'hash', a.hash) AS item"
           "          FROM audit a WHERE a.tenant_id = $1::bigint AND a.seq > $2::bigint"
           "         ORDER BY a.seq LIMIT $3 + 1) AS page",
};

void store_audit_list(struct db *db, const struct store_page *page, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &audit_list, done, arg);

    store_page_bind(call, page);
    db_send(call);
}

#define BY_UUID(table, what)                                                                       \
    "  SELECT '" what " ' || public_id AS object FROM " table                                      \
    "   WHERE tenant_id <> $1 AND public_id = ANY ($4::text[]::uuid[]) UNION ALL"
#define ALL_BY_UUID                                                                                \
    BY_UUID("product", "product")                                                                  \
    BY_UUID("device_group", "group")                                                               \
    BY_UUID("component", "component")                                                              \
    BY_UUID("claim_token", "claim")                                                                \
    BY_UUID("release", "release")                                                                  \
    BY_UUID("deployment", "deployment")                                                            \
    BY_UUID("delta", "delta")                                                                      \
    BY_UUID("repo_request", "request")

static const struct db_stmt audit_foreign = {
    .name = "audit_foreign",
    .params = 6,
    .scope = DB_EVERY_TENANT,
    .sql =
        "WITH theirs AS (" ALL_BY_UUID "  SELECT 'device ' || encode(device_id, 'hex') FROM device"
        "   WHERE tenant_id <> $1::bigint AND device_id = ANY ($5::bytea[]) UNION ALL"
        "  SELECT 'image ' || encode(sha256, 'hex') FROM image"
        "   WHERE tenant_id <> $1 AND sha256 = ANY ($5) UNION ALL"
        "  SELECT 'tenant ' || name FROM tenant WHERE id <> $1 AND name = $6::text),"
        " first AS MATERIALIZED (SELECT object FROM theirs LIMIT 1)"
        " SELECT slipway_audit($2::bigint, $3::text, 'authz.cross_tenant', object, NULL, NULL,"
        "                      NULL, NULL) FROM first",
};

void store_audit_foreign(struct db *db, const struct store_foreign *asked, db_done_fn *done,
                         void *arg)
{
    struct db_call *call = db_call_new(db, &audit_foreign, done, arg);

    db_bind_i64(call, asked->actor->tenant_id);
    store_actor_bind(call, asked->actor);
    db_bind_text_array(call, asked->uuids, asked->uuid_count);
    db_bind_bytes_array(call, asked->hashes, asked->hash_count);
    db_bind_text(call, asked->tenant);
    db_send(call);
}

const struct db_stmt *const store_audit_statements[] = {&audit_note, &audit_list, &audit_foreign,
                                                        NULL};
